"""How good a ranking is: the uplift curve, its areas, and means with their standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zhanggui.stats.distributions import normal_sf
from zhanggui.stats.tables import Bools, Floats


def rank_share(score: Floats, rng: np.random.Generator) -> Floats:
    """1 for the first of the ranking down to 0 for the last; ties in random order."""
    order = np.lexsort((rng.random(len(score)), -score))
    share = np.empty(len(score))
    share[order] = 1.0 - (np.arange(len(score)) + 0.5) / len(score)
    return share


def uplift_curve(score: Floats, t: Bools, y: Floats, rng: np.random.Generator) -> Floats:
    """Height after each further person: difference of the arms' means among those ranked so far, times their share of everybody."""
    order = np.lexsort((rng.random(len(score)), -score))
    tt, yy = t[order].astype(np.float64), y[order]
    k = np.arange(1, len(tt) + 1)
    n1, n0 = np.cumsum(tt), np.cumsum(1 - tt)
    found: Floats = (np.cumsum(yy * tt) / np.maximum(n1, 1) - np.cumsum(yy * (1 - tt)) / np.maximum(n0, 1)) * k / len(tt)
    return found


def auuc(score: Floats, t: Bools, y: Floats, rng: np.random.Generator) -> float:
    """Mean height of the uplift curve (per-head scale; half the average effect for a random ranking)."""
    return float(uplift_curve(score, t, y, rng).mean())


def qini(score: Floats, t: Bools, y: Floats, rng: np.random.Generator) -> float:
    """Area between the Qini curve (extra outcomes among the treated so far) and the straight line, as a share of a perfect ranking's area for a
    binary outcome (Radcliffe 2007, the normalisation of scikit-uplift); for amounts, per head and not normalised."""
    order = np.lexsort((rng.random(len(score)), -score))
    tt, yy = t[order].astype(np.float64), y[order]
    n = len(tt)

    def area(tt: Floats, yy: Floats) -> float:
        n1, n0 = np.cumsum(tt), np.cumsum(1 - tt)
        curve = np.concatenate([[0.0], np.cumsum(yy * tt) - np.cumsum(yy * (1 - tt)) * n1 / np.maximum(n0, 1)])
        return float(np.sum((curve[1:] + curve[:-1]) / 2) - curve[-1] * n / 2)

    mine = area(tt, yy)
    if not bool(np.all((y == 0) | (y == 1))):
        return mine / (n * n)
    best = np.lexsort(
        (rng.random(n), -np.where(t, y, -y).astype(np.float64) * np.where(y > 0, 1, 0) - np.where(t & (y == 0), -1e-3, 0.0))
    )
    top = area(t[best].astype(np.float64), y[best])
    return mine / top if top > 0 else math.nan


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error and 95 % interval."""

    value: float
    se: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - 1.96 * self.se

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + 1.96 * self.se

    @property
    def p_positive(self) -> float:
        """One-sided p of "not above zero"."""
        return normal_sf(self.value / self.se) if self.se > 0 else (0.0 if self.value > 0 else 1.0)


def mean_estimate(values: Floats) -> Estimate:
    """The mean of independent values."""
    return Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.inf)
