"""Kaplan–Meier: how soon something happens when not everybody was watched long enough (pure).

Reference: Kaplan and Meier 1958; Greenwood 1926 for the variance, on the log-log scale for the interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zhanggui.stats.shares import quantile


@dataclass(frozen=True)
class Point:
    """After `days` days: the estimated share to whom it has happened, its interval, and how many were still being watched just before."""

    days: int
    share: float
    low: float
    high: float
    at_risk: int


def kaplan_meier(happened: Mapping[int, int], ended: Mapping[int, int], chance: float = 0.05) -> list[Point]:
    """The curve from counts per day: `happened[d]` saw it on day d, `ended[d]` were watched through day d without seeing it.

    Those who ended on a day count as at risk on it. Empty without anybody. Days are non-negative.
    """
    risk = sum(happened.values()) + sum(ended.values())
    survival, variance, curve = 1.0, 0.0, []
    z = quantile(chance)
    for day in sorted(happened.keys() | ended.keys()):
        hits = happened.get(day, 0)
        if hits and risk:
            survival *= 1 - hits / risk
            variance += hits / (risk * (risk - hits)) if risk > hits else 0.0
            curve.append(Point(day, 1 - survival, *_interval(survival, variance, z), risk))
        risk -= hits + ended.get(day, 0)
    return curve


def share_by(curve: Sequence[Point], days: int) -> float:
    """The estimated share to whom it happened within `days` days."""
    found = 0.0
    for point in curve:
        if point.days > days:
            break
        found = point.share
    return found


def _interval(survival: float, variance: float, z: float) -> tuple[float, float]:
    if not 0 < survival < 1:
        return 1 - survival, 1 - survival
    spread = z * math.sqrt(variance) / math.log(survival)
    edges = [1 - survival ** math.exp(sign * spread) for sign in (-1, 1)]
    return min(edges), max(edges)
