"""Judged numbers as components draw them: the verdict's word becomes a tone, a policy value becomes a line, days become words."""

from __future__ import annotations

from datetime import date
from typing import Literal

from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.values import Metric, PolicyLine, Tone
from zhanggui.metrics import queries, rules

TONES: dict[rules.Verdict, Tone] = {"健康": "good", "注意": "warn", "异常": "bad", "数据不足": "none"}
STAMPS: dict[rules.Verdict, str] = {"健康": "健康", "注意": "留意", "异常": "异常", "数据不足": "待看"}
"""What the seal on a verdict reads: two characters, one above the other."""


def line_of(line: queries.Line) -> PolicyLine:
    """A policy value as a line to draw."""
    side: Literal["above", "below", ""] = "above" if line.side == "above" else "below" if line.side == "below" else ""
    return PolicyLine(line.key, line.value, side, line.kind, line.meaning)


def first_line(card: queries.Card) -> PolicyLine | None:
    """The line a number is shown against: its threshold, else its benchmark."""
    chosen = card.line or next((line for line in card.lines if line.kind == "benchmark"), None)
    return line_of(chosen) if chosen else None


def span_words(first: date | None, last: date | None, day: date | None) -> str:
    """Days in words: 近 7 天 where they end on `day`, the last observed one, else from – to."""
    if first is None or last is None:
        return ""
    if last == day:
        return f"近 {(last - first).days + 1} 天"
    return f"{fmt.day(first)}–{fmt.day(last)}"


def drawn(card: queries.Card, day: date | None) -> Metric:
    """A card of the health page, ready to be drawn."""
    m = card.metric
    return Metric(
        m.key, m.name, card.value.value, m.unit, card.previous.value, card.trend if card.value.value is not None else (), first_line(card), card.value.missing,
        m.layer, m.formula, m.better, span_words(card.value.first, card.value.last, day), TONES[card.verdict], card.verdict, card.reason,
    )  # fmt: skip


def spoken(card: queries.Card) -> str:
    """A number and its verdict as one clause: 获客成本 ¥80.81，高于警戒线（¥30.00）."""
    line = card.line
    beyond = line is not None and card.reason.startswith(("高于", "低于", "接近"))
    tail = f"（{fmt.value(line.value, card.metric.unit)}）" if line is not None and beyond else ""
    head, _comma, rest = card.reason.partition("，")
    return f"{card.metric.name} {fmt.value(card.value.value, card.metric.unit)}，{head}{tail}{'，' + rest if rest else ''}"
