"""How sure a difference is: intervals and p of shares, of means, and of whatever is looked at again and again. Nothing is decided here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zhanggui.stats.compare.values import Interval, Moments
from zhanggui.stats.distributions import fisher_exact, normal_sf, t_quantile, t_two_sided
from zhanggui.stats.shares import newcombe as newcombe_ends
from zhanggui.stats.shares import wilson
from zhanggui.stats.tables import Floats

PERMUTATIONS = 4_000
SKEW = 0.08  # skewness of the difference of means above which the permutation is used on larger files too


# ── shares ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def newcombe(k1: float, n1: float, k0: float, n0: float, alpha: float) -> Interval:
    """Interval of p1 - p0 from the two Wilson intervals (Newcombe 1998, method 10)."""
    return Interval(*newcombe_ends(k1, n1, k0, n0, alpha))


def mover_ratio(k1: float, n1: float, k0: float, n0: float, alpha: float) -> Interval:
    """Interval of p1 / p0 that excludes 1 exactly when Newcombe's excludes 0; high is None when it is unbounded."""
    if k0 <= 0:
        return Interval(None, None)
    p1, p0 = k1 / n1, k0 / n0
    (l1, u1), (l0, u0) = wilson(k1, n1, alpha), wilson(k0, n0, alpha)

    def root(a: float, c: float, larger: bool) -> float | None:
        disc = (p1 * p0) ** 2 - a * c
        if disc < 0:
            return None
        if abs(a) < 1e-15:
            return None if larger else c / (2 * p1 * p0)
        values = sorted(((p1 * p0 - math.sqrt(disc)) / a, (p1 * p0 + math.sqrt(disc)) / a))
        good = [v for v in values if v >= 0]
        return (good[-1] if larger else good[0]) if good else None

    low = root(p0 * p0 - (u0 - p0) ** 2, p1 * p1 - (p1 - l1) ** 2, False) if p1 > 0 else 0.0
    high = root(l0 * (2 * p0 - l0), p1 * p1 - (u1 - p1) ** 2, True)
    return Interval(low, high)


def share_test(c: Moments, t: Moments, alpha: float) -> tuple[float, Interval, Interval, float, str]:
    """Two shares tested: p, interval of the difference, interval of the ratio minus one, standard error, method."""
    k1, n1, k0, n0 = t.sum, t.n, c.sum, c.n
    pooled = (k1 + k0) / (n1 + n0)
    least = min(n1, n0) * min(pooled, 1 - pooled)
    se = math.sqrt(t.mean * (1 - t.mean) / n1 + c.mean * (1 - c.mean) / n0)
    if least < 10 and max(n1, n0) <= 5_000_000:
        p, method = fisher_exact(round(k1), n1, round(k0), n0), "fisher_newcombe"
    else:
        z = (t.mean - c.mean) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
        p, method = 2 * normal_sf(abs(z)), "z_newcombe"
    ratio = mover_ratio(k1, n1, k0, n0, alpha)
    shift = Interval(None if ratio.low is None else ratio.low - 1, None if ratio.high is None else ratio.high - 1)
    return p, newcombe(k1, n1, k0, n0, alpha), shift, se, method


# ── means ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fieller(mean1: float, var1: float, mean0: float, var0: float, q: float, cov: float = 0.0) -> Interval:
    """Interval of mean1 / mean0 (Fieller 1954), `var` the variances of the means; unbounded sides are None."""
    a = mean0 * mean0 - q * q * var0
    if a <= 0:
        return Interval(None, None)
    b, c = mean1 * mean0 - q * q * cov, mean1 * mean1 - q * q * var1
    disc = b * b - a * c
    if disc < 0:
        return Interval(None, None)
    return Interval((b - math.sqrt(disc)) / a, (b + math.sqrt(disc)) / a)


def welch_df(v1: float, n1: float, v0: float, n0: float) -> float:
    """Satterthwaite's degrees of freedom for variances of means `v1`, `v0`."""
    bottom = v1 * v1 / max(n1 - 1, 1) + v0 * v0 / max(n0 - 1, 1)
    return (v1 + v0) ** 2 / bottom if bottom > 0 else math.inf


@dataclass(frozen=True)
class Means:
    """Means of two arms with the variances of the means and their covariance (clusters that lie in both)."""

    mean1: float
    mean0: float
    var1: float
    var0: float
    cov: float
    df: float
    method: str
    permuted: Floats | None = None  # |t| under permutation

    @property
    def se(self) -> float:
        """Standard error of the difference."""
        return math.sqrt(max(self.var1 + self.var0 - 2 * self.cov, 0.0))

    def test(self, alpha: float) -> tuple[float, Interval, Interval]:
        """p, interval of the difference, relative interval."""
        diff, se = self.mean1 - self.mean0, self.se
        if self.permuted is not None:
            t = abs(diff) / se
            p = (1.0 + float((self.permuted >= t * (1 - 1e-12)).sum())) / (1.0 + len(self.permuted))
            rank = math.ceil((1 - alpha) * (len(self.permuted) + 1))
            q = float(np.sort(self.permuted)[min(rank, len(self.permuted)) - 1])
            if not math.isfinite(q):
                q = t_quantile(1 - alpha / 2, max(self.df, 1.0)) * 4
        else:
            p, q = t_two_sided(diff / se, self.df), t_quantile(1 - alpha / 2, self.df)
        ratio = fieller(self.mean1, self.var1, self.mean0, self.var0, q, self.cov)
        if self.mean0 < 0 and ratio.low is not None and ratio.high is not None:
            ratio = Interval(2 - ratio.high, 2 - ratio.low)  # share of |control mean|, so that up stays up
        relative = Interval(None if ratio.low is None else ratio.low - 1, None if ratio.high is None else ratio.high - 1)
        return p, Interval(diff - q * se, diff + q * se), relative


def welch(y1: Floats, y0: Floats) -> Means:
    """Welch's t from the values themselves (shifted first, so that large numbers lose nothing)."""
    a, b = Moments.of(y1 - y0.mean()), Moments.of(y0 - y0.mean())
    v1, v0 = a.variance / a.n, b.variance / b.n
    return Means(float(y1.mean()), float(y0.mean()), v1, v0, 0.0, welch_df(v1, a.n, v0, b.n), "welch_t")


def permuted(y1: Floats, y0: Floats, seed: int) -> Floats:
    """|t| of the studentised difference under `PERMUTATIONS` random relabellings.

    Each shuffle is cut into as many blocks of the smaller arm's size as fit; every block is a valid relabelling, so unequal arms cost little.
    """
    pooled = np.concatenate([y1, y0])
    pooled = pooled - pooled.mean()
    n, small = len(pooled), min(len(y1), len(y0))
    rng = np.random.default_rng(seed)
    total, total_sq = pooled.sum(), float(np.dot(pooled, pooled))
    blocks = n // small
    sums, squares = [], []
    for _ in range(math.ceil(PERMUTATIONS / blocks)):
        mixed = rng.permutation(pooled)[: blocks * small].reshape(blocks, small)
        sums.append(mixed.sum(axis=1))
        squares.append(np.einsum("ij,ij->i", mixed, mixed))
    s, ss = np.concatenate(sums)[:PERMUTATIONS], np.concatenate(squares)[:PERMUTATIONS]
    ma, mb = s / small, (total - s) / (n - small)
    va = np.maximum(ss - small * ma * ma, 0) / max(small - 1, 1) / small
    vb = np.maximum(total_sq - ss - (n - small) * mb * mb, 0) / max(n - small - 1, 1) / (n - small)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(ma - mb) / np.sqrt(va + vb)
    return np.where(np.isfinite(t), t, np.where(np.abs(ma - mb) < 1e-12, 0.0, np.inf))


def skewed(y1: Floats, y0: Floats, se: float) -> bool:
    """Whether the difference of means is too lopsided for Welch's t: its skewness exceeds `SKEW`."""
    third = float(((y1 - y1.mean()) ** 3).mean()) / len(y1) ** 2 - float(((y0 - y0.mean()) ** 3).mean()) / len(y0) ** 2
    return abs(third) > SKEW * se**3


def anytime(effect: float, se: float, alpha: float, scale: float) -> tuple[float, Interval]:
    """p and interval that stay valid however often the data was looked at, from the normal mixture with prior scale `scale`."""
    v, tau = se * se, max(scale * scale, 1e-300)
    log_ratio = 0.5 * math.log(v / (v + tau)) + tau * effect * effect / (2 * v * (v + tau))
    half = math.sqrt(v * (v + tau) / tau * (2 * math.log(1 / alpha) + math.log((v + tau) / v)))
    return min(1.0, math.exp(min(-log_ratio, 0.0))), Interval(effect - half, effect + half)
