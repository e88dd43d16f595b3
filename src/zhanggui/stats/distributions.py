"""Tails and quantiles of the usual distributions, without scipy (which costs a second of start-up). Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from zhanggui.stats.tables import Bools, Floats

_NORMAL = NormalDist()


def normal_sf(z: float) -> float:
    """P(Z > z)."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def normal_quantile(p: float) -> float:
    """The z with P(Z <= z) = p."""
    return _NORMAL.inv_cdf(p)


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + e^-z), for z cut to ±30."""
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(z, -30, 30)))
    return found


def auc(positive: Bools, score: Floats) -> float:
    """Probability that a positive scores above a negative, ties half; NaN when one kind is absent."""
    n1 = int(positive.sum())
    if n1 == 0 or n1 == len(positive):
        return math.nan
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    return float((rank[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(positive) - n1)))


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta I_x(a, b), by Lentz's continued fraction; relative error below 1e-10."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_cdf(1.0 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 400):
        for top in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + top * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + top / c
            c = c if abs(c) > tiny else tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return min(1.0, front * value)


def t_two_sided(t: float, df: float) -> float:
    """P(|T| >= |t|) of Student's t with `df` degrees of freedom."""
    if df > 1e6:
        return 2.0 * normal_sf(abs(t))
    return beta_cdf(df / (df + t * t), df / 2.0, 0.5)


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """The t with P(T <= t) = p for p > 0.5, by bisection."""
    if df > 1e6:
        return normal_quantile(p)
    low, high = 0.0, 2.0
    while t_two_sided(high, df) > 2.0 * (1.0 - p):
        high *= 2.0
        if high > 1e12:
            return high
    for _ in range(100):
        middle = 0.5 * (low + high)
        if t_two_sided(middle, df) > 2.0 * (1.0 - p):
            low = middle
        else:
            high = middle
        if high - low < 1e-12 * high:
            break
    return 0.5 * (low + high)


def chi2_sf(x: float, df: int) -> float:
    """P(chi-square > x): closed for even `df`, recursion from one degree for odd."""
    if x <= 0.0:
        return 1.0
    half = x / 2.0
    if df % 2 == 0:
        term = total = math.exp(-half)
        for k in range(1, df // 2):
            term *= half / k
            total += term
        return min(1.0, total)
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(2.0 * x / math.pi) * math.exp(-half) if df > 1 else 0.0
    for k in range(1, (df - 1) // 2 + 1):
        total += term
        term *= x / (2 * k + 1)
    return min(1.0, total)


def fisher_exact(k1: int, n1: int, k0: int, n0: int) -> float:
    """Two-sided p of Fisher's exact test: tables at most as probable as the one seen."""
    k, n = k1 + k0, n1 + n0
    first, last = max(0, k - n0), min(k, n1)
    a = np.arange(first, last + 1)
    lg = np.array([math.lgamma(i + 1) for i in range(max(n1, n0, 1) + 1)])
    logs = -(lg[a] + lg[n1 - a] + lg[k - a] + lg[n0 - (k - a)])
    weights = np.exp(logs - logs.max())
    seen = weights[k1 - first]
    return float(min(1.0, weights[weights <= seen * (1 + 1e-9)].sum() / weights.sum())) if n else 1.0
