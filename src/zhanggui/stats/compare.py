"""Did it work? Two or more arms judged from their sufficient statistics: effect, interval, and one of four answers.

    better         the arm's outcome is shown to differ in the wanted direction
    worse          … in the unwanted direction
    no_difference  enough was observed to have shown a difference of the size that matters, and none was shown
    undecided      not enough (or not sound enough) to say; `reason` says why, `more_needed` how many more rows per arm

Everything judges `Moments` (n, sum, sum of squares), which add up over days, shops and SQL groups, so the database aggregates and this file only
judges. The file-reading `judge_rows` adds what needs rows: outliers, clusters, missing outcomes, permutation for small samples.

Methods: proportions — Newcombe's hybrid score interval (Newcombe 1998, method 10), MOVER ratio (Donner & Zou 2012), pooled z, Fisher's exact test
where an expected count is below 10. Means — Welch's t, Fieller's interval for the ratio; studentised permutation (Janssen 1997) up to 2,000 rows.
Clusters — linearised ratio of cluster totals. Several arms — Bonferroni over the comparisons with the control, for p and intervals alike.
Sample ratio — chi-square, warning below p = 0.001. Peeking — normal-mixture confidence sequence (Robbins 1970; Howard et al. 2021).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from zhanggui.stats.tables import Bools, Floats, Ints, Note, TableError

VerdictWord = Literal["better", "worse", "no_difference", "undecided"]
Kind = Literal["binary", "continuous"]
VERDICTS: Mapping[str, str] = {"better": "更好", "worse": "更差", "no_difference": "没有显出差别", "undecided": "还判断不了"}

SRM_ALPHA = 0.001  # Fabijan et al. 2019: strict, because the check runs on every comparison
PERMUTATION_ROWS = 2_000  # above this many rows Welch's t and the permutation agree to the third digit
PERMUTATIONS = 4_000
SKEW = 0.08  # skewness of the difference of means above which the permutation is used on larger files too
MAX_SHUFFLED = 400_000_000  # numbers shuffled at most (a few seconds)
FEW_CLUSTERS = 10
_NORMAL = NormalDist()


# ── distributions (no scipy: it costs a second of start-up) ─────────────────────────────────────────────────────────────────


def normal_sf(z: float) -> float:
    """P(Z > z)."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def normal_quantile(p: float) -> float:
    """The z with P(Z <= z) = p."""
    return _NORMAL.inv_cdf(p)


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


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Moments:
    """What an arm's rows come down to: `n` rows, their `sum` and sum of squares. Add two to pool them."""

    n: int
    sum: float
    sumsq: float

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Moments:
        """From the values themselves."""
        array = np.asarray(values, dtype=np.float64)
        return cls(len(array), float(array.sum()), float(np.dot(array, array)))

    @classmethod
    def binary(cls, n: int, successes: int) -> Moments:
        """From a count of successes."""
        return cls(n, float(successes), float(successes))

    @classmethod
    def described(cls, n: int, mean: float, variance: float) -> Moments:
        """From a mean and a sample variance (divisor n - 1)."""
        return cls(n, n * mean, variance * (n - 1) + n * mean * mean)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.sum + other.sum, self.sumsq + other.sumsq)

    @property
    def mean(self) -> float:
        """sum / n; NaN for nobody."""
        return self.sum / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Sample variance (divisor n - 1); NaN below two rows. Rounding noise around a constant counts as zero."""
        if self.n < 2:
            return math.nan
        raw = (self.sumsq - self.sum * self.sum / self.n) / (self.n - 1)
        return raw if raw > 1e-12 * max(self.sumsq / self.n, 1e-300) else 0.0


@dataclass(frozen=True)
class Interval:
    """Low and high end; None where that side is unbounded."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Settings:
    """What counts as shown.

    `alpha` error rate over all comparisons together; `power` with which `min_effect` should be found; `min_effect` smallest relative difference
    that matters (share of the control's mean; where that mean is nil, share of the standard deviation); `lower_is_better` for refunds and the like.
    """

    alpha: float = 0.05
    power: float = 0.8
    min_effect: float = 0.10
    lower_is_better: bool = False


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms' sizes fit the shares they were meant to have. `p` None when there is nothing to test."""

    observed: dict[str, int]
    expected: dict[str, float]
    p: float | None
    mismatch: bool
    hint: str = ""
    assumed_equal: bool = False  # nobody said what the shares should be
    withholds: bool = False  # the mismatch makes the verdicts undecided


@dataclass(frozen=True)
class Sensitivity:
    """The same comparison with the largest values tamed. `agrees` False: the answer hangs on a few rows."""

    cap: float
    winsorised_effect: float
    winsorised_interval: Interval
    removed_rows: int
    removed_effect: float
    removed_interval: Interval
    agrees: bool


@dataclass(frozen=True)
class Difference:
    """One arm against the control. Unknown numbers are None, never 0 or 1.

    effect, interval: treated minus control on the outcome's own scale; relative, relative_interval: as share of the control's mean;
    p, p_adjusted: two-sided, before and after the correction for several arms; n_needed: rows per arm to find `min_effect`;
    more_needed: rows still missing in the two arms together (None when that cannot be told); anytime_*: valid however often one looked.
    """

    arm: str
    control: str
    verdict: VerdictWord
    reason: str
    sentence: str
    effect: float | None = None
    interval: Interval = Interval(None, None)
    relative: float | None = None
    relative_interval: Interval = Interval(None, None)
    p: float | None = None
    p_adjusted: float | None = None
    standard_error: float | None = None
    method: str = ""
    enough_data: bool = False
    smallest_effect_that_matters: float | None = None
    n_needed: int | None = None
    more_needed: int | None = None
    anytime_p: float | None = None
    anytime_interval: Interval = Interval(None, None)
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True)
class Arm:
    """One arm's summary; `clusters` None when rows are the units."""

    name: str
    moments: Moments
    missing: int = 0
    clusters: int | None = None
    interval: Interval = Interval(None, None)


@dataclass(frozen=True)
class Comparison:
    """Every arm against the control, with the warnings a reader must see before the numbers."""

    kind: Kind
    control: str
    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    sample_ratio: SampleRatio
    verdict: VerdictWord
    reason: str
    sentence: str
    warnings: tuple[Note, ...]
    settings: Settings
    rows: int = 0
    missing: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


# ── proportions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def wilson(k: float, n: float, alpha: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion."""
    z = normal_quantile(1 - alpha / 2)
    p, zz = k / n, z * z
    middle, half = (p + zz / (2 * n)) / (1 + zz / n), z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return (0.0 if k <= 0 else max(0.0, middle - half)), (1.0 if k >= n else min(1.0, middle + half))


def newcombe(k1: float, n1: float, k0: float, n0: float, alpha: float) -> Interval:
    """Interval of p1 - p0 from the two Wilson intervals (Newcombe 1998, method 10)."""
    p1, p0 = k1 / n1, k0 / n0
    (l1, u1), (l0, u0) = wilson(k1, n1, alpha), wilson(k0, n0, alpha)
    return Interval(p1 - p0 - math.hypot(p1 - l1, u0 - p0), p1 - p0 + math.hypot(u1 - p1, p0 - l0))


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


def _binary_test(c: Moments, t: Moments, alpha: float) -> tuple[float, Interval, Interval, float, str]:
    """p, interval, ratio interval minus one, standard error, method."""
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
class _Means:
    """Means of two arms with the variances of the means; `q` overrides the t quantile (permutation), `p` likewise."""

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


def _permute(y1: Floats, y0: Floats, seed: int) -> Floats:
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


def _skewed(y1: Floats, y0: Floats, se: float) -> bool:
    """Whether the difference of means is too lopsided for Welch's t: its skewness exceeds `SKEW`."""
    third = float(((y1 - y1.mean()) ** 3).mean()) / len(y1) ** 2 - float(((y0 - y0.mean()) ** 3).mean()) / len(y0) ** 2
    return abs(third) > SKEW * se**3


def anytime(effect: float, se: float, alpha: float, scale: float) -> tuple[float, Interval]:
    """p and interval that stay valid however often the data was looked at, from the normal mixture with prior scale `scale`."""
    v, tau = se * se, max(scale * scale, 1e-300)
    log_ratio = 0.5 * math.log(v / (v + tau)) + tau * effect * effect / (2 * v * (v + tau))
    half = math.sqrt(v * (v + tau) / tau * (2 * math.log(1 / alpha) + math.log((v + tau) / v)))
    return min(1.0, math.exp(min(-log_ratio, 0.0))), Interval(effect - half, effect + half)


# ── judging ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatio:
    """Chi-square of the arms' sizes against their intended shares; a mismatch (p < 0.001) means the split itself is broken."""
    total, names = sum(counts.values()), list(counts)
    whole = sum(shares[a] for a in names)
    expected = {a: shares[a] / whole * total for a in names}
    observed = dict(counts)
    if len(names) < 2 or total == 0:
        return SampleRatio(observed, expected, None, False)

    def p_of(exp: Sequence[float]) -> float:
        if min(exp) < 5 and len(names) == 2:
            # Exact for tiny expectations, where the chi-square promises too much.
            n, share, k = total, exp[0] / total, observed[names[0]]
            logs = np.array(
                [
                    math.lgamma(n + 1)
                    - math.lgamma(i + 1)
                    - math.lgamma(n - i + 1)
                    + i * math.log(share)
                    + (n - i) * math.log1p(-share)
                    for i in range(n + 1)
                ]
            )
            probabilities = np.exp(logs)
            return float(min(1.0, probabilities[probabilities <= probabilities[k] * (1 + 1e-9)].sum()))
        return chi2_sf(sum((observed[a] - e) ** 2 / e for a, e in zip(names, exp, strict=True)), len(names) - 1)

    p = p_of([expected[a] for a in names])
    hint = ""
    if p < SRM_ALPHA and len(names) == 2 and p_of([expected[names[1]], expected[names[0]]]) >= 0.01:
        hint = "两组的比例对调后正好对得上，可能是 --expected-share 写反了"
    return SampleRatio(observed, expected, p, p < SRM_ALPHA, hint)


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _percent(value: float | None) -> str:
    return "无界" if value is None else f"{value * 100:+.1f}%"


def _needed(var1: float, var0: float, margin: float, alpha: float, power: float) -> int | None:
    """Units per arm that find a difference of `margin` with `power`; unit variances `var1`, `var0`."""
    if margin <= 0 or not math.isfinite(var1 + var0) or var1 + var0 <= 0:
        return None
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return max(2, math.ceil(z * z * (var1 + var0) / (margin * margin)))


def undecided(arm: str, control: str, reason: str, sentence: str, **known: Any) -> Difference:
    """A difference about which nothing can be said yet, with the reason."""
    return Difference(arm, control, "undecided", reason, sentence, **known)


def judge_pair(
    control: Arm,
    treated: Arm,
    kind: Kind,
    settings: Settings | None = None,
    *,
    comparisons: int = 1,
    means: _Means | None = None,
    margin: float | None = None,
) -> Difference:
    """One arm against the control from their moments; `comparisons` is how many such pairs share the error rate.

    `means` replaces Welch's statistics where rows were at hand (clusters, permutation); `margin` the smallest difference that matters.
    """
    s = settings or Settings()
    alpha = s.alpha / max(comparisons, 1)
    c, t = control.moments, treated.moments
    name, base = treated.name, control.name
    if c.n == 0 or t.n == 0:
        empty = base if c.n == 0 else name
        return undecided(name, base, "no_rows", f"“{empty}”组没有可用的数据，无法比较")
    effect = t.mean - c.mean
    if kind == "continuous" and min(c.n, t.n) < 2:
        return undecided(name, base, "too_few_rows", "至少一组只有 1 行，看不出波动有多大，无法比较", effect=effect)
    if kind == "binary":
        if c.sum + t.sum == 0 or c.sum + t.sum == c.n + t.n:
            word = "都没有人发生" if c.sum + t.sum == 0 else "所有人都发生了"
            return undecided(
                name,
                base,
                "no_events",
                f"两组{word}这个结果，看不出差别，也看不出还要多少数据",
                effect=effect,
                interval=newcombe(t.sum, t.n, c.sum, c.n, alpha),
                method="newcombe",
            )
        pooled = (c.sum + t.sum) / (c.n + t.n)
        unit0 = unit1 = pooled * (1 - pooled)
        scale_mean = c.mean if c.mean > 0 else pooled
    else:
        unit0, unit1 = c.variance, t.variance
        if means is not None:
            unit0, unit1 = means.var0 * c.n, means.var1 * t.n
        if (means is None and unit0 + unit1 <= 0) or (means is not None and means.se <= 0):
            return undecided(
                name, base, "zero_variance", "两组的数值完全没有波动，无法估计误差，请检查这一列是否取对", effect=effect
            )
        pooled_sd = math.sqrt((unit0 * max(c.n - 1, 1) + unit1 * max(t.n - 1, 1)) / max(c.n + t.n - 2, 1))
        mean_se = math.sqrt(unit0 / c.n)
        scale_mean = abs(c.mean) if abs(c.mean) > 2 * mean_se else pooled_sd
    if margin is None:
        margin = s.min_effect * scale_mean
    if kind == "binary" and means is None:
        p, interval, relative_interval, se, method = _binary_test(c, t, alpha)
        se = max(se, math.sqrt(unit0 / c.n + unit1 / t.n) * 1e-6)
    else:
        if means is None:
            v1, v0 = unit1 / t.n, unit0 / c.n
            means = _Means(t.mean, c.mean, v1, v0, 0.0, welch_df(v1, t.n, v0, c.n), "welch_t")
        p, interval, relative_interval = means.test(alpha)
        se, method = means.se, means.method
        if kind == "binary":  # clustered rows: the design effect inflates what is needed
            unit0, unit1 = means.var0 * c.n, means.var1 * t.n
    adjusted = min(1.0, p * max(comparisons, 1))
    relative = effect / abs(c.mean) if c.mean != 0 else None
    if c.mean == 0 or (kind == "continuous" and relative_interval.low is None):
        relative_interval = Interval(None, None)
    needed = _needed(unit1, unit0, margin, alpha, s.power)
    # Unequal arms: what counts is the harmonic size.
    have = 2.0 / (1.0 / c.n + 1.0 / t.n)
    enough = needed is not None and have >= needed
    shown = (
        adjusted < s.alpha and interval.low is not None and interval.high is not None and (interval.low > 0 or interval.high < 0)
    )
    any_p, any_interval = anytime(effect, math.sqrt(unit1 / t.n + unit0 / c.n) if kind == "binary" else se, alpha, margin)
    more: int | None = None
    if not shown and not enough and needed is not None:
        more = max(1, math.ceil((c.n + t.n) * (needed / have - 1.0)))
    low, high = interval.low, interval.high
    span = f"差 {_number(effect)}（{1 - s.alpha:.0%} 区间 {_number(low or 0.0)} 到 {_number(high or 0.0)}）"
    if kind == "binary":
        span = f"差 {effect * 100:+.2f} 个百分点（{1 - s.alpha:.0%} 区间 {(low or 0) * 100:+.2f} 到 {(high or 0) * 100:+.2f}）"
    if relative is not None:
        span += f"，相对 {_percent(relative)}"
    verdict: VerdictWord
    if shown:
        verdict = "better" if (effect > 0) != s.lower_is_better else "worse"
        reason, sentence = "difference_shown", f"“{name}”比“{base}”{VERDICTS[verdict]}：{span}"
    elif enough:
        verdict, reason = "no_difference", "enough_data_none_shown"
        sentence = f"“{name}”和“{base}”没有显出差别：{span}；数据已经够发现 {_number(margin * 100) + ' 个百分点' if kind == 'binary' else _number(margin)} 的差别"
    else:
        verdict, reason = "undecided", "not_enough_data"
        wish = f"{_number(margin * 100)} 个百分点" if kind == "binary" else _number(margin)
        sentence = (
            f"还判断不了“{name}”和“{base}”谁好：{span}；要看出 {wish} 的差别，两组合计还差约 {more:,} 行"
            if more is not None
            else f"还判断不了“{name}”和“{base}”谁好：{span}"
        )
    return Difference(
        name,
        base,
        verdict,
        reason,
        sentence,
        effect,
        interval,
        relative,
        relative_interval,
        p,
        adjusted,
        se,
        method,
        enough,
        margin,
        needed,
        more,
        any_p,
        any_interval,
    )


def judge(
    arms: Sequence[Arm] | Mapping[str, Moments],
    control: str,
    kind: Kind,
    settings: Settings | None = None,
    *,
    shares: Mapping[str, float] | None = None,
    pair: Callable[[Arm, Arm, int], Difference] | None = None,
    ratio_counts: Mapping[str, int] | None = None,
    warnings: Sequence[Note] = (),
) -> Comparison:
    """All arms against the control from sufficient statistics alone; `shares` are the intended shares (default: equal).

    A sample-ratio mismatch turns every verdict into undecided (`sample_ratio_mismatch`): the groups are not comparable, whatever the numbers say.
    """
    s = settings or Settings()
    listed = tuple(Arm(k, v) for k, v in arms.items()) if isinstance(arms, Mapping) else tuple(arms)
    base = next((a for a in listed if a.name == control), None)
    if base is None:
        raise ValueError(f"no arm named {control!r}")
    others = [a for a in listed if a.name != control]
    counts = dict(ratio_counts) if ratio_counts is not None else {a.name: a.moments.n + a.missing for a in listed}
    ratio = sample_ratio(counts, shares or {a.name: 1.0 for a in listed})
    # Nobody states a share and the arms differ plainly (1 : 5): that is a design, not a fault. Nearly equal but not equal is a fault.
    designed = shares is None and ratio.mismatch and min(counts.values()) < 0.8 * max(counts.values())
    ratio = replace(ratio, assumed_equal=shares is None, withholds=ratio.mismatch and not designed)
    notes = list(warnings)
    make = pair or (lambda c, t, m: judge_pair(c, t, kind, s, comparisons=m))
    found = [make(base, a, len(others)) for a in others]
    if ratio.mismatch and not ratio.withholds:
        seen = "、".join(f"{k} {v:,}" for k, v in ratio.observed.items())
        notes.insert(
            0,
            Note("sample_ratio_not_equal", f"各组人数差得多（{seen}），没有按比例核对分流；请用 --expected-share 写明计划的比例"),
        )
    if ratio.withholds:
        seen = "、".join(f"{k} {v:,}（应约 {ratio.expected[k]:,.0f}）" for k, v in ratio.observed.items())
        notes.insert(
            0,
            Note(
                "sample_ratio_mismatch",
                f"分组人数和计划的比例对不上（p = {ratio.p:.2g}）：{seen}。分流可能坏了，先查分组再看效果{'；' + ratio.hint if ratio.hint else ''}",
            ),
        )
        found = [
            Difference(
                **{
                    **d.__dict__,
                    "verdict": "undecided",
                    "reason": "sample_ratio_mismatch",
                    "more_needed": None,
                    "sentence": f"分组比例不对，“{d.arm}”和“{d.control}”的差别不可信：{d.sentence}",
                }
            )
            if d.verdict != "undecided"
            else d
            for d in found
        ]
    verdict, reason, sentence = _overall(found, base.name)
    summarised = tuple(Arm(a.name, a.moments, a.missing, a.clusters, _arm_interval(a, kind, s.alpha)) for a in listed)
    rows = sum(a.moments.n + a.missing for a in listed)
    return Comparison(
        kind,
        control,
        summarised,
        tuple(found),
        ratio,
        verdict,
        reason,
        sentence,
        tuple(notes),
        s,
        rows,
        sum(a.missing for a in listed),
    )


def _arm_interval(arm: Arm, kind: Kind, alpha: float) -> Interval:
    m = arm.moments
    if arm.interval.low is not None or m.n == 0:
        return arm.interval
    if kind == "binary":
        return Interval(*wilson(m.sum, m.n, alpha))
    if m.n < 2:
        return Interval(None, None)
    half = t_quantile(1 - alpha / 2, m.n - 1) * math.sqrt(m.variance / m.n)
    return Interval(m.mean - half, m.mean + half)


def _overall(found: Sequence[Difference], control: str) -> tuple[VerdictWord, str, str]:
    """One answer for the whole file: the best arm that is shown better, else what stands in the way."""
    if not found:
        return "undecided", "one_arm", f"文件里只有“{control}”一组，没有可以对比的另一组"
    if len(found) == 1:
        return found[0].verdict, found[0].reason, found[0].sentence
    better = [d for d in found if d.verdict == "better"]
    if better:
        best = max(better, key=lambda d: abs(d.effect or 0.0))
        return "better", best.reason, f"{len(better)} 组比“{control}”更好，差别最大的是“{best.arm}”。{best.sentence}"
    open_ = [d for d in found if d.verdict == "undecided"]
    if open_:
        return "undecided", open_[0].reason, "；".join(d.sentence for d in open_)
    if all(d.verdict == "worse" for d in found):
        return "worse", found[0].reason, f"各组都比“{control}”更差"
    return "no_difference", "enough_data_none_shown", "；".join(d.sentence for d in found)


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

CONTROL_NAMES = (
    "control", "ctrl", "对照", "对照组", "控制组", "空白组", "不发", "未发送", "原版", "旧版", "baseline", "base", "placebo", "holdout",
    "a", "a组", "组a", "0", "false", "否", "无", "none", "no", "off", "old", "original", "untreated",
)  # fmt: skip


def guess_control(labels: Sequence[str]) -> str | None:
    """The arm that is called a control by name; None when no name, or more than one equally, says so."""
    lowered = {re.sub(r"[\s_\-]+", "", x.strip().lower()): x for x in labels}
    for word in CONTROL_NAMES:
        if word in lowered:
            return lowered[word]
    starts = [
        x
        for k, x in lowered.items()
        if "control" in k
        or "对照" in k
        or "holdout" in k
        or re.match(r"(no|non|not|without)(e?mail|sms|message|coupon|treat|gift)", k)
    ]
    return starts[0] if len(starts) == 1 else None


def _cap(values: Floats) -> tuple[float, float]:
    """Low and high ends to which values are pulled in: the 1st and 99th percentile of what is not zero (of everything when zero is rare)."""
    body = values[values != 0] if (values == 0).mean() > 0.5 else values
    if len(body) == 0:
        return 0.0, 0.0
    high = float(np.quantile(body, 0.99, method="lower"))
    low = float(np.quantile(body, 0.01, method="higher")) if (body < 0).any() else float(values.min())
    return low, max(high, low)


def _welch(y1: Floats, y0: Floats) -> _Means:
    a, b = Moments.of(y1 - y0.mean()), Moments.of(y0 - y0.mean())
    v1, v0 = a.variance / a.n, b.variance / b.n
    return _Means(float(y1.mean()), float(y0.mean()), v1, v0, 0.0, welch_df(v1, a.n, v0, b.n), "welch_t")


def _sensitivity(y1: Floats, y0: Floats, alpha: float, main: Difference) -> Sensitivity | None:
    """The comparison with values capped, and with the top 1 % (at least one row) left out."""
    pooled = np.concatenate([y1, y0])
    low, high = _cap(pooled)
    w1, w0 = np.clip(y1, low, high), np.clip(y0, low, high)
    body = np.abs(pooled[pooled != 0])
    drop = max(1, math.ceil(0.01 * len(body))) if len(body) else 0
    if drop == 0 or len(pooled) < 20 or high <= low:
        return None
    edge = np.partition(np.abs(pooled), len(pooled) - drop)[len(pooled) - drop]
    if (np.abs(pooled) >= edge).sum() > 0.2 * len(pooled):
        return None  # the top is a plateau, there are no outliers to remove
    k1, k0 = y1[np.abs(y1) < edge], y0[np.abs(y0) < edge]
    if min(len(k1), len(k0)) < 2:
        return None
    results = []
    for a, b in ((w1, w0), (k1, k0)):
        means = _welch(a, b)
        if means.se <= 0:
            return None
        results.append((means.mean1 - means.mean0, means.test(alpha)[1]))

    def sign(interval: Interval) -> int:
        return 1 if (interval.low or 0) > 0 else -1 if (interval.high or 0) < 0 else 0

    signs = {sign(main.interval), sign(results[0][1]), sign(results[1][1])}
    return Sensitivity(high, results[0][0], results[0][1], drop, results[1][0], results[1][1], len(signs) == 1)


def _clustered(y1: Floats, g1: Ints, y0: Floats, g0: Ints) -> tuple[_Means, int, int, int]:
    """Means with variances from cluster totals; clusters may lie in both arms. Returns also clusters per arm and those in both."""
    size = int(max(g1.max(), g0.max())) + 1
    m1, m0 = float(y1.mean()), float(y0.mean())
    d1 = np.bincount(g1, y1 - m1, minlength=size) / len(y1)
    d0 = np.bincount(g0, y0 - m0, minlength=size) / len(y0)
    has1, has0 = np.bincount(g1, minlength=size) > 0, np.bincount(g0, minlength=size) > 0
    c1, c0 = int(has1.sum()), int(has0.sum())
    f1, f0 = c1 / max(c1 - 1, 1), c0 / max(c0 - 1, 1)
    v1, v0, cov = f1 * float(d1 @ d1), f0 * float(d0 @ d0), float(d1 @ d0)
    both = int((has1 & has0).sum())
    df = welch_df(v1, c1, v0, c0) if both == 0 else float(max(min(c1, c0, both) - 1, 1))
    return _Means(m1, m0, v1, v0, cov, max(df, 1.0), "cluster_t"), c1, c0, both


def judge_rows(
    labels: Sequence[str],
    arm_codes: Ints,
    outcome: Floats,
    control: str,
    settings: Settings | None = None,
    *,
    binary: bool | None = None,
    clusters: Ints | None = None,
    shares: Mapping[str, float] | None = None,
    warnings: Sequence[Note] = (),
    seed: int = 20_260_101,
) -> Comparison:
    """The comparison from rows.

    `arm_codes[i]` is the row's place in `labels` (-1 = no arm: left out), `outcome[i]` NaN where missing, `clusters[i]` the unit a row belongs to
    (rows of one customer), -1 = missing: the row is its own cluster. `binary` None: decided by the values (nothing but 0 and 1).
    """
    s = settings or Settings()
    filled = np.isfinite(outcome)
    if binary is None:
        seen = outcome[filled]
        binary = bool(len(seen)) and bool(np.all((seen == 0) | (seen == 1)))
    kind: Kind = "binary" if binary else "continuous"
    notes = list(warnings)
    if clusters is not None and (clusters < 0).any():
        clusters = clusters.copy()
        lone = clusters < 0
        clusters[lone] = clusters.max() + 1 + np.arange(int(lone.sum()))
    values: dict[str, Floats] = {}
    groups: dict[str, Ints] = {}
    arms: list[Arm] = []
    ratio_counts: dict[str, int] = {}
    for i, label in enumerate(labels):
        mask: Bools = arm_codes == i
        good = mask & filled
        values[label] = outcome[good]
        if clusters is not None:
            groups[label] = clusters[good]
            ratio_counts[label] = len(np.unique(clusters[mask]))
        arms.append(
            Arm(
                label,
                Moments.of(values[label]),
                int(mask.sum() - good.sum()),
                len(np.unique(groups[label])) if clusters is not None else None,
            )
        )
    notes += _missing_notes(arms)

    def pair(c: Arm, t: Arm, comparisons: int) -> Difference:
        alpha = s.alpha / comparisons
        y1, y0 = values[t.name], values[c.name]
        if clusters is not None and len(y1) and len(y0):
            means, c1, c0, both = _clustered(y1, groups[t.name], y0, groups[c.name])
            if min(c1, c0) < 2:
                return undecided(
                    t.name,
                    c.name,
                    "too_few_clusters",
                    "至少一组只有 1 个群，看不出群与群之间的波动，无法比较",
                    effect=t.moments.mean - c.moments.mean,
                )
            found = judge_pair(c, t, kind, s, comparisons=comparisons, means=means)
            if both:
                notes.append(
                    Note("clusters_in_both_arms", f"有 {both:,} 个群同时出现在“{t.name}”和“{c.name}”两组，按群内对比计算误差")
                )
            if min(c1, c0) < FEW_CLUSTERS:
                notes.append(Note("few_clusters", f"群太少（{t.name} {c1} 个，{c.name} {c0} 个），区间偏窄，结论要保守看"))
            return found
        if kind == "continuous" and min(len(y1), len(y0)) >= 2:
            means = _welch(y1, y0)
            if means.se > 0:
                n, small = len(y1) + len(y0), min(len(y1), len(y0))
                affordable = n * math.ceil(PERMUTATIONS / (n // small)) <= MAX_SHUFFLED
                if n <= PERMUTATION_ROWS or (affordable and _skewed(y1, y0, means.se)):
                    means = replace(means, method="permutation_t", permuted=_permute(y1, y0, seed))
                return _with_sensitivity(judge_pair(c, t, kind, s, comparisons=comparisons, means=means), y1, y0, alpha)
        return judge_pair(c, t, kind, s, comparisons=comparisons)

    if clusters is not None:
        inside = (arm_codes >= 0) & (clusters >= 0)
        # Clusters lying in several arms were not what was assigned: then rows are counted for the sample ratio.
        if sum(ratio_counts.values()) > 1.05 * len(np.unique(clusters[inside])):
            ratio_counts = {}
    result = judge(arms, control, kind, s, shares=shares, pair=pair, ratio_counts=ratio_counts or None, warnings=())
    for d in result.differences:
        if d.sensitivity is not None and not d.sensitivity.agrees:
            notes.append(
                Note(
                    "outliers_decide",
                    f"“{d.arm}”的结论取决于少数极大值：原样差 {_number(d.effect or 0.0)}，把超过 {_number(d.sensitivity.cap)} 的压到该值后差 {_number(d.sensitivity.winsorised_effect)}，"
                    f"去掉最大的 {d.sensitivity.removed_rows} 行后差 {_number(d.sensitivity.removed_effect)}；先看看这几行是不是真的",
                )
            )
    return Comparison(**{**result.__dict__, "warnings": (*result.warnings, *notes)})


def _with_sensitivity(found: Difference, y1: Floats, y0: Floats, alpha: float) -> Difference:
    if found.effect is None or found.interval.low is None:
        return found
    return Difference(**{**found.__dict__, "sensitivity": _sensitivity(y1, y0, alpha, found)})


def _missing_notes(arms: Sequence[Arm]) -> list[Note]:
    """Whether outcomes are missing, and whether more in one arm than in another (which can fake or hide an effect)."""
    missing = sum(a.missing for a in arms)
    if missing == 0:
        return []
    total = missing + sum(a.moments.n for a in arms)
    notes = [Note("missing_outcomes", f"结果缺失 {missing:,} 行（{missing / total:.1%}），没有计入")]
    sizes = [a.missing + a.moments.n for a in arms]
    rate = missing / total
    if len(arms) > 1 and min(sizes) > 0 and 0 < rate < 1:
        x = sum((a.missing - n * rate) ** 2 / (n * rate * (1 - rate)) for a, n in zip(arms, sizes, strict=True))
        if chi2_sf(x, len(arms) - 1) < SRM_ALPHA:
            each = "、".join(f"{a.name} {a.missing / n:.1%}" for a, n in zip(arms, sizes, strict=True))
            notes.append(Note("differential_missing", f"各组的缺失比例不一样（{each}），缺失本身可能就是效果，结论不可靠"))
    return notes


def expected_shares(text: str, labels: Sequence[str], control: str) -> tuple[dict[str, float] | None, list[Note]]:
    """What `--expected-share` means for these arms.

    One number: with two arms the treated arm's share, with more each treated arm's share (the control gets the rest). Or `A=0.5,B=0.25,C=0.25`.
    None: nothing was stated. Raises TableError when the numbers cannot be shares.
    """
    if not text.strip():
        return None, []
    hint = "写成 0.5 这样的一个数，或“A=0.5,B=0.5”"
    if "=" in text:
        shares: dict[str, float] = {}
        for part in re.split(r"[,，;；]", text):
            name, _, value = part.partition("=")
            try:
                shares[name.strip()] = float(value.strip().rstrip("%")) / (100 if value.strip().endswith("%") else 1)
            except ValueError:
                raise TableError(f"--expected-share 里的“{part}”看不懂", hint) from None
        absent = [a for a in labels if a not in shares]
        if absent or any(v <= 0 for v in shares.values()):
            raise TableError(f"--expected-share 要给每一组一个大于 0 的比例，缺：{'、'.join(absent) or '无'}", hint)
        return {a: shares[a] for a in labels}, []
    try:
        share = float(text.strip().rstrip("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise TableError(f"--expected-share “{text}”看不懂", hint) from None
    if not 0 < share < 1:
        raise TableError(f"--expected-share 要在 0 和 1 之间，不能是 {text}", hint)
    rest = 1.0 - share * (len(labels) - 1)
    if rest <= 0:
        if len(labels) > 2:
            return None, [
                Note(
                    "expected_share_ignored",
                    f"{len(labels)} 组不可能每组都占 {share:.0%}，按各组相等核对比例；要指定请写“A=0.5,B=0.25,C=0.25”",
                )
            ]
        raise TableError(f"--expected-share 要在 0 和 1 之间，不能是 {text}", hint)
    return {a: rest if a == control else share for a in labels}, []
