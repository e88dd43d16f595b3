"""Judging numbers: why there is none, what its line says, and whether a change is one (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from zhanggui.stats.shares import Change, compare_days, compare_shares, wilson

Verdict = Literal["健康", "注意", "异常", "数据不足"]
ORDER: tuple[Verdict, ...] = ("异常", "注意", "健康", "数据不足")
"""Worst first; what cannot be said ranks last."""


@dataclass(frozen=True)
class Observed:
    """What is known of a stretch of days: which sources had rows in it, which ever had, and between which days anything was seen."""

    inside: frozenset[str]
    ever: frozenset[str]
    beginning: date | None
    horizon: date | None


def why_missing(
    name: str,
    needs: Sequence[str],
    base: str,
    seen: Observed,
    first: date,
    last: date,
    words: Mapping[str, str],
    how: Mapping[str, str],
) -> str:
    """Why a number cannot be given for these days, "" if it can: nothing known, outside what was observed, or its source is absent.

    Orders count as known on every day between the first and the last observed one: a day without an order is a real zero.
    """
    if seen.horizon is None or seen.beginning is None:
        return "还没有任何数据，请先连接店铺或导入订单"
    if first > seen.horizon:
        return f"数据只到 {seen.horizon}，还看不到这段时间"
    if last < seen.beginning:
        return f"数据从 {seen.beginning} 开始，没有更早的记录"
    if not needs or any(need in seen.inside for need in needs):
        return ""
    if "orders" in needs and "orders" in seen.ever:
        return ""
    named = "或".join(words[need] for need in needs)
    if any(need in seen.ever for need in needs):
        return f"这段时间没有{named}，无法计算{name}"
    return f"没有{named}，无法计算{name}；{how[needs[0]]}"


def no_base(name: str, base: str) -> str:
    """Why a quotient has no value although its source is there."""
    return f"这段时间没有{base or '可比的数据'}，无法计算{name}"


@dataclass(frozen=True)
class Judged:
    """A number's verdict with its reason in words."""

    verdict: Verdict
    reason: str


def judge(
    value: float | None, *, missing: str, sample: float | None, counted: bool, line: float | None, side: str, change: Change, relative: float | None,
    better: str, smallest: int, drop: float, chance: float, hits: float | None = None,
) -> Judged:  # fmt: skip
    """What a number says against its line (`side` above or below is ill), or without one against the period before.

    `sample` is what the number rests on, for counted shares with `hits` of them; `relative` the change in proportion to before.
    Beyond the line by more than chance is 异常, beyond it within chance or close to it is 注意.
    """
    if value is None:
        return Judged("数据不足", missing)
    if counted and sample is not None and sample < smallest:
        return Judged("数据不足", f"只有 {sample:.0f} 个样本，不足 {smallest} 个，先不下结论")
    if line is not None and side:
        beyond = value > line if side == "above" else value < line
        word = "高于" if side == "above" else "低于"
        if beyond:
            if counted and sample and hits is not None:
                low, high = wilson(min(hits, sample), sample, chance)
                sure = low > line if side == "above" else high < line
                return Judged("异常", f"{word}警戒线") if sure else Judged("注意", f"{word}警戒线，但样本少，可能是偶然")
            return Judged("异常", f"{word}警戒线")
        if abs(value - line) <= abs(line) * 0.1:
            return Judged("注意", "接近警戒线")
        return Judged("健康", "在警戒线以内")
    worse = (change.direction == "down" and better == "up") or (change.direction == "up" and better == "down")
    moved = abs(relative) if relative is not None else 0.0
    if worse and moved >= drop:
        return Judged("异常", f"比上期{'降' if change.direction == 'down' else '升'}了 {moved:.0%}，不像偶然")
    if worse:
        return Judged("注意", f"比上期{'降' if change.direction == 'down' else '升'}了 {moved:.0%}")
    if change.direction == "undecided":
        return Judged("健康", "样本少，看不出与上期的差别")
    if change.direction == "flat":
        return Judged("健康", "与上期没有明显差别")
    return Judged("健康", "比上期好" if better else "与上期不同")


def change_of(
    now: tuple[float | None, float | None], before: tuple[float | None, float | None], days_now: Sequence[float], days_before: Sequence[float], *,
    counted: bool, chance: float, smallest: int,
) -> Change:  # fmt: skip
    """Whether a number changed: counted shares by their counts, everything else by the spread of its days."""
    if counted and None not in (*now, *before):
        return compare_shares(now[0], now[1], before[0], before[1], chance=chance, smallest=smallest)  # type: ignore[arg-type]
    return compare_days(days_now, days_before, chance=chance)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a group of numbers."""
    return min(verdicts, key=ORDER.index) if verdicts else "数据不足"
