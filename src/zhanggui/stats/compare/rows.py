"""What needs the rows and not only their sums: clusters, permutation of small or skewed files, outliers, missing outcomes; and what arms are called."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zhanggui.stats.compare.intervals import PERMUTATIONS, Means, permuted, skewed, welch, welch_df
from zhanggui.stats.compare.judgement import SRM_ALPHA, judge, judge_pair, number_text, undecided
from zhanggui.stats.compare.values import Arm, Comparison, Difference, Interval, Kind, Moments, Sensitivity, Settings
from zhanggui.stats.distributions import chi2_sf
from zhanggui.stats.tables import Floats, Ints, Note, TableError

PERMUTATION_ROWS = 2_000  # above this many rows Welch's t and the permutation agree to the third digit
MAX_SHUFFLED = 400_000_000  # numbers shuffled at most (a few seconds)
FEW_CLUSTERS = 10


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
        means = welch(a, b)
        if means.se <= 0:
            return None
        results.append((means.mean1 - means.mean0, means.test(alpha)[1]))

    def sign(interval: Interval) -> int:
        return 1 if (interval.low or 0) > 0 else -1 if (interval.high or 0) < 0 else 0

    signs = {sign(main.interval), sign(results[0][1]), sign(results[1][1])}
    return Sensitivity(high, results[0][0], results[0][1], drop, results[1][0], results[1][1], len(signs) == 1)


@dataclass(frozen=True)
class _Clusters:
    """Two arms by clusters: the means with variances from cluster totals, clusters per arm, and how many lie in both."""

    means: Means
    treated: int
    control: int
    both: int


def _totals(y: Floats, groups: Ints, size: int) -> Floats:
    """Each cluster's sum of deviations from the mean, per row of the arm; exactly 0 where all values are the same."""
    off = y - y.mean() if np.ptp(y) > 0 else np.zeros(len(y))
    found: Floats = np.bincount(groups, off, minlength=size) / len(y)
    return found


def _clustered(y1: Floats, g1: Ints, y0: Floats, g0: Ints) -> _Clusters:
    """The arms by clusters; a cluster may lie in both, then its two totals are correlated and that is taken off the error."""
    size = int(max(g1.max(), g0.max())) + 1
    d1, d0 = _totals(y1, g1, size), _totals(y0, g0, size)
    has1, has0 = np.bincount(g1, minlength=size) > 0, np.bincount(g0, minlength=size) > 0
    c1, c0, both = int(has1.sum()), int(has0.sum()), int((has1 & has0).sum())
    v1, v0 = c1 / max(c1 - 1, 1) * float(d1 @ d1), c0 / max(c0 - 1, 1) * float(d0 @ d0)
    df = welch_df(v1, c1, v0, c0) if both == 0 else float(min(c1, c0) - 1)
    means = Means(float(y1.mean()), float(y0.mean()), v1, v0, float(d1 @ d0), max(df, 1.0), "cluster_t")
    return _Clusters(means, c1, c0, both)


def _judge_clusters(c: Arm, t: Arm, found: _Clusters, kind: Kind, s: Settings, comparisons: int) -> tuple[Difference, list[Note]]:
    """One arm against the control with errors from the clusters, and what must be said about these."""
    if min(found.treated, found.control) < 2:
        words, effect = "至少一组只有 1 个群，看不出群与群之间的波动，无法比较", t.moments.mean - c.moments.mean
        return undecided(t.name, c.name, "too_few_clusters", words, effect=effect), []
    notes = []
    if found.both:
        notes.append(
            Note("clusters_in_both_arms", f"有 {found.both:,} 个群同时出现在“{t.name}”和“{c.name}”两组，按群内对比计算误差")
        )
    if min(found.treated, found.control) < FEW_CLUSTERS:
        words = f"群太少（{t.name} {found.treated} 个，{c.name} {found.control} 个），区间偏窄，结论要保守看"
        notes.append(Note("few_clusters", words))
    if kind == "binary" and found.means.se <= 0 and not found.both:
        # All clusters of an arm say the same, so each counts as one row.
        base, arm = (
            replace(a, moments=Moments.binary(n, round(n * a.moments.mean))) for a, n in ((c, found.control), (t, found.treated))
        )
        return judge_pair(base, arm, kind, s, comparisons=comparisons), notes
    return judge_pair(c, t, kind, s, comparisons=comparisons, means=found.means), notes


def _judge_amounts(c: Arm, t: Arm, y1: Floats, y0: Floats, s: Settings, comparisons: int, seed: int) -> Difference:
    """One arm's amounts against the control's: by permutation where the file is small or lopsided, else Welch's t; and with the largest tamed."""
    means = welch(y1, y0)
    if means.se <= 0:
        return judge_pair(c, t, "continuous", s, comparisons=comparisons)
    n, small = len(y1) + len(y0), min(len(y1), len(y0))
    affordable = n * math.ceil(PERMUTATIONS / (n // small)) <= MAX_SHUFFLED
    if n <= PERMUTATION_ROWS or (affordable and skewed(y1, y0, means.se)):
        means = replace(means, method="permutation_t", permuted=permuted(y1, y0, seed))
    found = judge_pair(c, t, "continuous", s, comparisons=comparisons, means=means)
    if found.effect is None or found.interval.low is None:
        return found
    return replace(found, sensitivity=_sensitivity(y1, y0, s.alpha / comparisons, found))


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
    units = None if clusters is None else _own_clusters(clusters)
    rows: dict[str, Ints] = {label: np.flatnonzero((arm_codes == i) & filled) for i, label in enumerate(labels)}
    arms = []
    for i, label in enumerate(labels):
        good = rows[label]
        count = None if units is None else len(np.unique(units[good]))
        arms.append(Arm(label, Moments.of(outcome[good]), int((arm_codes == i).sum()) - len(good), count))
    notes = [*warnings, *_missing_notes(arms)]

    def pair(c: Arm, t: Arm, comparisons: int) -> Difference:
        r1, r0 = rows[t.name], rows[c.name]
        y1, y0 = outcome[r1], outcome[r0]
        if units is not None and len(y1) and len(y0):
            found, said = _judge_clusters(c, t, _clustered(y1, units[r1], y0, units[r0]), kind, s, comparisons)
            notes.extend(said)
            return found
        if kind == "continuous" and min(len(y1), len(y0)) >= 2:
            return _judge_amounts(c, t, y1, y0, s, comparisons, seed)
        return judge_pair(c, t, kind, s, comparisons=comparisons)

    counts = None if units is None else _assigned(labels, arm_codes, units)
    result = judge(arms, control, kind, s, shares=shares, pair=pair, ratio_counts=counts)
    notes += [
        _outlier_note(d, d.sensitivity) for d in result.differences if d.sensitivity is not None and not d.sensitivity.agrees
    ]
    return replace(result, warnings=(*result.warnings, *notes))


def _own_clusters(clusters: Ints) -> Ints:
    """The clusters, with a new one for every row that has none."""
    lone = clusters < 0
    if not lone.any():
        return clusters
    found = clusters.copy()
    found[lone] = clusters.max() + 1 + np.arange(int(lone.sum()))
    return found


def _assigned(labels: Sequence[str], arm_codes: Ints, units: Ints) -> dict[str, int] | None:
    """Clusters per arm, for the sample ratio; None where clusters lie in several arms: then rows were assigned, not clusters."""
    counts = {label: len(np.unique(units[arm_codes == i])) for i, label in enumerate(labels)}
    return counts if sum(counts.values()) <= 1.05 * len(np.unique(units[arm_codes >= 0])) else None


def _outlier_note(d: Difference, s: Sensitivity) -> Note:
    return Note(
        "outliers_decide",
        f"“{d.arm}”的结论取决于少数极大值：原样差 {number_text(d.effect or 0.0)}，把超过 {number_text(s.cap)} 的压到该值后差 {number_text(s.winsorised_effect)}，"
        f"去掉最大的 {s.removed_rows} 行后差 {number_text(s.removed_effect)}；先看看这几行是不是真的",
    )


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
