"""From moments to an answer: every arm against the control, the sample ratio first, several arms sharing one error rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zhanggui.stats.compare.intervals import Means, anytime, newcombe, share_test, welch_df
from zhanggui.stats.compare.values import (
    VERDICTS,
    Arm,
    Comparison,
    Difference,
    Interval,
    Kind,
    Moments,
    Reason,
    SampleRatio,
    Settings,
    VerdictWord,
)
from zhanggui.stats.distributions import chi2_sf, normal_quantile, t_quantile
from zhanggui.stats.shares import wilson
from zhanggui.stats.tables import Note

SRM_ALPHA = 0.001  # Fabijan et al. 2019: strict, because the check runs on every comparison


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


def number_text(value: float) -> str:
    """Four digits, thousands separated."""
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _percent(value: float | None) -> str:
    return "无界" if value is None else f"{value * 100:+.1f}%"


def _needed(var1: float, var0: float, margin: float, alpha: float, power: float) -> int | None:
    """Units per arm that find a difference of `margin` with `power`; unit variances `var1`, `var0`."""
    if margin <= 0 or not math.isfinite(var1 + var0) or var1 + var0 <= 0:
        return None
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return max(2, math.ceil(z * z * (var1 + var0) / (margin * margin)))


def undecided(arm: str, control: str, reason: Reason, sentence: str, **known: Any) -> Difference:
    """A difference about which nothing can be said yet, with the reason."""
    return Difference(arm, control, "undecided", reason, sentence, **known)


def judge_pair(
    control: Arm,
    treated: Arm,
    kind: Kind,
    settings: Settings | None = None,
    *,
    comparisons: int = 1,
    means: Means | None = None,
    margin: float | None = None,
) -> Difference:
    """One arm against the control from their moments; `comparisons` is how many such pairs share the error rate.

    `means` replaces Welch's statistics where rows were at hand (clusters, permutation); `margin` the smallest difference that matters.
    """
    s = settings or Settings()
    alpha = s.alpha / max(comparisons, 1)
    c, t = control.moments, treated.moments
    if (nothing := _nothing_to_say(control, treated, kind, means, alpha)) is not None:
        return nothing
    effect = t.mean - c.mean
    unit0, unit1, scale = _units(c, t, kind, means)
    if margin is None:
        margin = s.min_effect * scale
    if kind == "binary" and means is None:
        p, interval, relative_interval, se, method = share_test(c, t, alpha)
        se = max(se, math.sqrt(unit0 / c.n + unit1 / t.n) * 1e-6)
    else:
        if means is None:
            v1, v0 = unit1 / t.n, unit0 / c.n
            means = Means(t.mean, c.mean, v1, v0, 0.0, welch_df(v1, t.n, v0, c.n), "welch_t")
        p, interval, relative_interval = means.test(alpha)
        se, method = means.se, means.method
        if kind == "binary":  # clustered rows: the design effect inflates what is needed
            unit0, unit1 = means.var0 * c.n, means.var1 * t.n
    if c.mean == 0 or (kind == "continuous" and relative_interval.low is None):
        relative_interval = Interval(None, None)
    needed = _needed(unit1, unit0, margin, alpha, s.power)
    # Unequal arms: what counts is the harmonic size.
    have = 2.0 / (1.0 / c.n + 1.0 / t.n)
    enough = needed is not None and have >= needed
    adjusted = min(1.0, p * max(comparisons, 1))
    shown = (
        adjusted < s.alpha and interval.low is not None and interval.high is not None and (interval.low > 0 or interval.high < 0)
    )
    more = max(1, math.ceil((c.n + t.n) * (needed / have - 1.0))) if needed is not None and not shown and not enough else None
    any_p, any_interval = anytime(effect, math.sqrt(unit1 / t.n + unit0 / c.n) if kind == "binary" else se, alpha, margin)
    verdict: VerdictWord
    reason: Reason
    if shown:
        verdict, reason = ("better" if (effect > 0) != s.lower_is_better else "worse"), "difference_shown"
    elif enough:
        verdict, reason = "no_difference", "enough_data_none_shown"
    else:
        verdict, reason = "undecided", "not_enough_data"
    found = Difference(
        treated.name, control.name, verdict, reason, "", effect, interval, effect / abs(c.mean) if c.mean != 0 else None, relative_interval,
        p, adjusted, se, method, enough, margin, needed, more, any_p, any_interval,
    )  # fmt: skip
    return replace(found, sentence=_sentence(found, kind, s.alpha))


def _nothing_to_say(control: Arm, treated: Arm, kind: Kind, means: Means | None, alpha: float) -> Difference | None:
    """The undecided difference where there is nothing to test: nobody, one row, no event, no variation. None where there is something."""
    c, t, name, base = control.moments, treated.moments, treated.name, control.name
    if c.n == 0 or t.n == 0:
        return undecided(name, base, "no_rows", f"“{base if c.n == 0 else name}”组没有可用的数据，无法比较")
    effect = t.mean - c.mean
    if kind == "continuous":
        if min(c.n, t.n) < 2:
            return undecided(name, base, "too_few_rows", "至少一组只有 1 行，看不出波动有多大，无法比较", effect=effect)
        if (c.variance + t.variance if means is None else means.se) <= 0:
            words = "两组的数值完全没有波动，无法估计误差，请检查这一列是否取对"
            return undecided(name, base, "zero_variance", words, effect=effect)
    elif c.sum + t.sum in (0, c.n + t.n):
        words = f"两组{'都没有人发生' if c.sum + t.sum == 0 else '所有人都发生了'}这个结果，看不出差别，也看不出还要多少数据"
        known = {"effect": effect, "interval": newcombe(t.sum, t.n, c.sum, c.n, alpha), "method": "newcombe"}
        return undecided(name, base, "no_events", words, **known)
    return None


def _units(c: Moments, t: Moments, kind: Kind, means: Means | None) -> tuple[float, float, float]:
    """Variance of one row of the control and of the treated, and the size in which differences are measured (the control's mean)."""
    if kind == "binary":
        pooled = (c.sum + t.sum) / (c.n + t.n)
        unit = pooled * (1 - pooled)
        return unit, unit, c.mean if c.mean > 0 else pooled
    unit0, unit1 = (c.variance, t.variance) if means is None else (means.var0 * c.n, means.var1 * t.n)
    pooled_sd = math.sqrt((unit0 * max(c.n - 1, 1) + unit1 * max(t.n - 1, 1)) / max(c.n + t.n - 2, 1))
    # A mean that cannot be told from nil is no measure of anything.
    return unit0, unit1, abs(c.mean) if abs(c.mean) > 2 * math.sqrt(unit0 / c.n) else pooled_sd


def _sentence(d: Difference, kind: Kind, alpha: float) -> str:
    """The difference in one Chinese sentence."""
    effect, low, high, margin = (
        d.effect or 0.0,
        d.interval.low or 0.0,
        d.interval.high or 0.0,
        d.smallest_effect_that_matters or 0.0,
    )
    if kind == "binary":
        span = f"差 {effect * 100:+.2f} 个百分点（{1 - alpha:.0%} 区间 {low * 100:+.2f} 到 {high * 100:+.2f}）"
        wish = f"{number_text(margin * 100)} 个百分点"
    else:
        span = f"差 {number_text(effect)}（{1 - alpha:.0%} 区间 {number_text(low)} 到 {number_text(high)}）"
        wish = number_text(margin) + " "
    if d.relative is not None:
        span += f"，相对 {_percent(d.relative)}"
    if d.reason == "difference_shown":
        return f"“{d.arm}”比“{d.control}”{VERDICTS[d.verdict]}：{span}"
    if d.verdict == "no_difference":
        return f"“{d.arm}”和“{d.control}”没有显出差别：{span}；数据已经够发现 {wish}的差别"
    more = f"；要看出 {wish}的差别，两组合计还差约 {d.more_needed:,} 行" if d.more_needed is not None else ""
    return f"还判断不了“{d.arm}”和“{d.control}”谁好：{span}{more}"


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
    make = pair or (lambda c, t, m: judge_pair(c, t, kind, s, comparisons=m))
    found = [make(base, a, len(others)) for a in others]
    if ratio.withholds:
        found = [_withheld(d) if d.p is not None else d for d in found]
    verdict, reason, sentence = _overall(found, base.name)
    summarised = tuple(replace(a, interval=_arm_interval(a, kind, s.alpha)) for a in listed)
    missing = sum(a.missing for a in listed)
    rows = missing + sum(a.moments.n for a in listed)
    return Comparison(
        kind,
        control,
        summarised,
        tuple(found),
        ratio,
        verdict,
        reason,
        sentence,
        (*_ratio_notes(ratio), *warnings),
        s,
        rows,
        missing,
    )


def _ratio_notes(ratio: SampleRatio) -> list[Note]:
    """What a reader must know about the arms' sizes before the numbers."""
    if not ratio.mismatch:
        return []
    if not ratio.withholds:
        seen = "、".join(f"{k} {v:,}" for k, v in ratio.observed.items())
        words = f"各组人数差得多（{seen}），没有按比例核对分流；请用 --expected-share 写明计划的比例"
        return [Note("sample_ratio_not_equal", words)]
    seen = "、".join(f"{k} {v:,}（应约 {ratio.expected[k]:,.0f}）" for k, v in ratio.observed.items())
    hint = f"；{ratio.hint}" if ratio.hint else ""
    words = f"分组人数和计划的比例对不上（p = {ratio.p:.2g}）：{seen}。分流可能坏了，先查分组再看效果{hint}"
    return [Note("sample_ratio_mismatch", words)]


def _withheld(d: Difference) -> Difference:
    """The difference with its numbers but without a verdict: the groups are not comparable, and more of the same rows would not help."""
    words = f"分组比例不对，“{d.arm}”和“{d.control}”的差别不可信：{d.sentence}"
    return replace(d, verdict="undecided", reason="sample_ratio_mismatch", more_needed=None, sentence=words)


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


def _overall(found: Sequence[Difference], control: str) -> tuple[VerdictWord, Reason, str]:
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
