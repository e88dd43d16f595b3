"""Every number that judges, declared once with its meaning, unit, source and the metric it guards (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

Kind = Literal["threshold", "limit", "benchmark"]
Side = Literal["above", "below"]
P = TypeVar("P")


@dataclass(frozen=True)
class Declared:
    """What is known about one policy value besides the value itself."""

    kind: Kind
    meaning: str
    """Chinese: what it means and what it drives."""
    unit: str
    source: str
    """Where the default comes from: 行业经验, 平台规则, 法律, 本店选择."""
    guards: str = ""
    """Key of the metric that is watched, for thresholds."""
    side: Side | None = None
    low: float | None = None
    high: float | None = None


def _declare(default: Any, declared: Declared) -> Any:
    return field(default=default, metadata={"declared": declared})


def threshold(
    default: Any,
    *,
    meaning: str,
    unit: str,
    source: str,
    guards: str,
    side: Side,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A line on a metric: crossing it towards `side` is ill. The alarm, the form and the table read this declaration."""
    return _declare(default, Declared("threshold", meaning, unit, source, guards, side, low, high))


def limit(default: Any, *, meaning: str, unit: str, source: str, low: float | None = None, high: float | None = None) -> Any:
    """A number a rule reads before it acts."""
    return _declare(default, Declared("limit", meaning, unit, source, low=low, high=high))


def benchmark(default: Any, *, meaning: str, unit: str, source: str, guards: str = "") -> Any:
    """A number the field quotes: shown beside the shop's own, never alarmed on."""
    return _declare(default, Declared("benchmark", meaning, unit, source, guards))


@dataclass(frozen=True)
class PolicyField:
    """One declared policy value of a room."""

    room: str
    name: str
    default: Any
    declared: Declared

    @property
    def key(self) -> str:
        """`room.name`, unique in the house."""
        return f"{self.room}.{self.name}"


def describe(policy: type[Any]) -> tuple[PolicyField, ...]:
    """All declared values of a policy dataclass, in order. The room is the class attribute `room`."""
    return tuple(
        PolicyField(policy.room, f.name, f.default, f.metadata["declared"]) for f in fields(policy) if "declared" in f.metadata
    )


def watches_of(policy: type[Any]) -> tuple[PolicyField, ...]:
    """The thresholds among them: each one is an alarm."""
    return tuple(f for f in describe(policy) if f.declared.kind == "threshold")
