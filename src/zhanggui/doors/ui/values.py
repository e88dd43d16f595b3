"""The values that components draw: frozen, with numbers as the house keeps them (分, 0..1, aware moments)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["good", "warn", "bad", "none", "busy"]
WORDS: dict[str, str] = {"good": "健康", "warn": "接近警戒线", "bad": "偏病", "none": "说不准"}
"""What a tone is called, because colour never carries a meaning alone."""


@dataclass(frozen=True)
class PolicyLine:
    """The line a number is judged by (threshold) or compared with (benchmark)."""

    key: str
    value: float
    side: Literal["above", "below", ""]
    """The side on which the number is ill; empty for a benchmark."""
    kind: Literal["threshold", "limit", "benchmark"] = "threshold"
    meaning: str = ""
    own: bool = False
    """Whether the shop set it itself."""


@dataclass(frozen=True)
class Metric:
    """One number of the shop over a period, ready to be drawn as a card."""

    key: str
    name: str
    value: float | None
    unit: str
    previous: float | None = None
    trend: Sequence[float | None] = ()
    line: PolicyLine | None = None
    missing: str = ""
    """Why there is no value, in Chinese."""
    layer: str = ""
    formula: str = ""
    better: Literal["up", "down", ""] = ""
    span: str = ""
    """The days it is about, in words: 近 7 天."""
    judged: Tone | None = None
    """The verdict, where somebody judged it with its sample and its change; else it follows from the line alone."""
    word: str = ""
    """The verdict's own word; empty: the tone's."""
    reason: str = ""
    """Why it is judged so, in words."""

    @property
    def tone(self) -> Tone:
        """The verdict it was given; without one good, warn (within a tenth of the line), bad (beyond it), or none without a line."""
        return self.judged or tone_of(self.value, self.line)


def tone_of(value: float | None, line: PolicyLine | None) -> Tone:
    """How a value stands to its line; a benchmark is never ill, so it has no tone."""
    if value is None or line is None or line.kind != "threshold" or not line.side:
        return "none"
    ill = value > line.value if line.side == "above" else value < line.value
    if ill:
        return "bad"
    near = abs(value - line.value) <= abs(line.value) * 0.1
    return "warn" if near else "good"


@dataclass(frozen=True)
class Verdict:
    """A judgement in words: tone, headline, reasons, next steps as (label, url)."""

    tone: Tone
    stamp: str
    headline: str
    reason: str = ""
    steps: Sequence[tuple[str, str]] = field(default=())


@dataclass(frozen=True)
class Progress:
    """How far a long piece of work is."""

    title: str
    done: int = 0
    total: int | None = None
    note: str = ""
    state: Literal["running", "waiting", "done", "failed", "idle"] = "running"

    @property
    def share(self) -> float | None:
        """0..1, or None while the whole is not known."""
        return min(1.0, self.done / self.total) if self.total else None


@dataclass(frozen=True)
class Cursor:
    """Where a keyset-paged list stands. Tokens are opaque; None means there is no such page."""

    next: str | None = None
    first: bool = True
    shown: int = 0
    estimate: int | None = None
    exact: bool = True
    """Whether `estimate` was counted or estimated."""
