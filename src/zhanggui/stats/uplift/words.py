"""The answer in words: along which columns the effect differs, and one sentence for the whole."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from zhanggui.stats.tables import Floats
from zhanggui.stats.uplift.answer import Driver, Policy, Ranking, VerdictWord
from zhanggui.stats.uplift.columns import Column
from zhanggui.stats.uplift.curves import Estimate
from zhanggui.stats.uplift.learners import LEARNER_NAMES


def _show(value: float, binary: bool) -> str:
    return f"{value * 100:+.2f} 个百分点" if binary else f"{value:+,.4g}"


def drivers_of(columns: Sequence[Column], score: Floats, binary: bool) -> tuple[Driver, ...]:
    """The columns that separate high from low predicted effects, in words."""
    known = np.isfinite(score)
    total = float(score[known].var())
    if total <= 0:
        return ()
    found = []
    for c in columns:
        if c.numbers is not None:
            good = known & np.isfinite(c.numbers)
            values = np.unique(c.numbers[good])
            if len(values) < 2:
                continue
            if len(values) <= 3:
                groups = np.searchsorted(values, c.numbers)
                labels = [f"{v:g}" for v in values]
            else:
                edges = np.unique(np.quantile(c.numbers[good], [1 / 3, 2 / 3]))
                groups = np.searchsorted(edges, c.numbers, side="right")
                bounds = [f"{e:g}" for e in edges]
                labels = [
                    f"小于 {bounds[0]}",
                    *(f"{a} 到 {b}" for a, b in itertools.pairwise(bounds)),
                    f"{bounds[-1]} 及以上",
                ]
        else:
            assert c.codes is not None
            good, groups, labels = known & (c.codes >= 0), c.codes, list(c.levels)
        g = groups[good]
        count = np.bincount(g, minlength=len(labels))[: len(labels)]
        mean = np.bincount(g, score[good], minlength=len(labels))[: len(labels)] / np.maximum(count, 1)
        centre = float(score[good].mean())
        explained = float((count * (mean - centre) ** 2).sum() / max(count.sum(), 1) / total)
        usable = [i for i in range(len(labels)) if count[i] >= 20]
        if explained < 0.01 or len(usable) < 2:
            continue
        high, low = max(usable, key=lambda i: mean[i]), min(usable, key=lambda i: mean[i])
        words = f"“{c.name}”为 {labels[high]} 的人效果最大（{_show(float(mean[high]), binary)}），{labels[low]} 的最小（{_show(float(mean[low]), binary)}）"
        found.append(Driver(c.name, explained, words))
    return tuple(sorted(found, key=lambda d: -d.explained)[:8])


def sentence_of(
    verdict: VerdictWord,
    chosen: str,
    by_name: Mapping[str, Ranking],
    ate: Estimate,
    binary: bool,
    share: float | None,
    policies: Sequence[Policy],
    value: float | None,
    cost: float,
) -> str:
    """The whole answer in one Chinese sentence."""
    average = f"平均效果 {_show(ate.value, binary)}（95% 区间 {_show(ate.low, binary)} 到 {_show(ate.high, binary)}）"
    if share is None:
        advice = "；平均效果减去成本说不准是赚是亏，先不要扩大"
    elif value is None and cost == 0:
        advice = f"；预计对 {share:.0%} 的人有正效果"
    else:
        best = next((p for p in policies if p.name == "recommended"), policies[1] if share == 1.0 else policies[0])
        advice = f"；扣除成本后建议发给前 {share:.0%}，每人（按全体算）净赚约 {best.profit.value:.4g}（区间 {best.profit.low:.4g} 到 {best.profit.high:.4g}）"
    if verdict == "usable":
        r = by_name[chosen]
        return f"可以按增量排序（{LEARNER_NAMES[chosen]}）：{average}，前 30% 的人 {_show(r.uplift_at['30%'], binary)}{advice}"
    if verdict == "rank_by_outcome":
        return f"增量模型没有比“按谁本来就会买”更好，用后者：{average}{advice}"
    return f"看不出谁比谁更受影响，不必挑人：{average}{advice}"
