"""Shares and how sure they are: the Wilson interval, and whether two shares, counts or series of days differ (pure).

References: Wilson 1927; Newcombe 1998, method 10, for the difference of two shares; Welch 1947 for means of unequal spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from zhanggui.stats.distributions import normal_quantile, t_two_sided

Direction = Literal["up", "down", "flat", "undecided"]


@dataclass(frozen=True)
class Change:
    """How a number moved: `difference` is now minus before; `p` the chance of at least such a difference if nothing had changed."""

    direction: Direction
    """up or down only where chance is an unlikely explanation; undecided where the sample is too small to say anything."""
    difference: float | None
    p: float | None
    low: float | None = None
    high: float | None = None


UNDECIDED = Change("undecided", None, None)


def quantile(chance: float) -> float:
    """The two-sided normal quantile: 0.05 → 1.95996."""
    if not 0 < chance < 1:
        raise ValueError("a chance lies between 0 and 1")
    return -normal_quantile(chance / 2)


def wilson(hits: float, trials: float, chance: float = 0.05) -> tuple[float, float]:
    """The interval of the true share behind `hits` of `trials` at confidence 1 - `chance`; (0, 1) without a trial."""
    if trials <= 0:
        return 0.0, 1.0
    z, p = quantile(chance), hits / trials
    z2 = z * z
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = z / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    # Without a hit (a miss) the lower (upper) end is exact, not rounding noise.
    return (0.0 if hits <= 0 else max(0.0, centre - reach)), (1.0 if hits >= trials else min(1.0, centre + reach))


def newcombe(hits: float, trials: float, hits_before: float, trials_before: float, chance: float = 0.05) -> tuple[float, float]:
    """The interval of the difference of two shares from their Wilson intervals (Newcombe 1998, method 10)."""
    now, before = hits / trials, hits_before / trials_before
    (low, high), (low_before, high_before) = wilson(hits, trials, chance), wilson(hits_before, trials_before, chance)
    difference = now - before
    return difference - math.hypot(now - low, high_before - before), difference + math.hypot(high - now, before - low_before)


def compare_shares(
    hits: float, trials: float, hits_before: float, trials_before: float, *, chance: float = 0.05, smallest: int = 30
) -> Change:
    """Whether a share changed: pooled two-sided z-test, Newcombe's interval of the difference. Undecided under `smallest` trials on a side."""
    if min(trials, trials_before) < max(1, smallest):
        return UNDECIDED
    now, before = hits / trials, hits_before / trials_before
    pooled = (hits + hits_before) / (trials + trials_before)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / trials + 1 / trials_before))
    difference = now - before
    p = math.erfc(abs(difference) / spread / math.sqrt(2)) if spread > 0 else 1.0
    low, high = newcombe(hits, trials, hits_before, trials_before, chance)
    return Change(_direction(difference, p, chance), difference, p, low, high)


def compare_days(now: Sequence[float], before: Sequence[float], *, chance: float = 0.05) -> Change:
    """Whether the level of a daily number changed: Welch's t-test on the days of two periods; undecided under three days on a side."""
    if len(now) < 3 or len(before) < 3:
        return UNDECIDED
    n, m = len(now), len(before)
    a, b = sum(now) / n, sum(before) / m
    va, vb = sum((x - a) ** 2 for x in now) / (n - 1) / n, sum((x - b) ** 2 for x in before) / (m - 1) / m
    difference = a - b
    if va + vb == 0:
        return Change(
            "flat" if difference == 0 else ("up" if difference > 0 else "down"), difference, 1.0 if difference == 0 else 0.0
        )
    freedom = (va + vb) ** 2 / (va**2 / (n - 1) + vb**2 / (m - 1))
    p = t_two_sided(difference / math.sqrt(va + vb), freedom)
    return Change(_direction(difference, p, chance), difference, p)


def _direction(difference: float, p: float, chance: float) -> Direction:
    if p >= chance or difference == 0:
        return "flat"
    return "up" if difference > 0 else "down"
