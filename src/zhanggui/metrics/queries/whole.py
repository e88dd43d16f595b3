"""Everything at once: the whole catalogue of a stretch of days, for the terminal and for files without a shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from zhanggui.facts.lake import Lake
from zhanggui.kernel.errors import BadInput
from zhanggui.metrics import catalogue as declared
from zhanggui.metrics import rules
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.compute import Context, Point, points
from zhanggui.metrics.engine import engine_for
from zhanggui.metrics.metric import HOW, SOURCES, Metric
from zhanggui.metrics.queries.spreads import Cohorts, Funnel, Rfm, cohorts, cohorts_of, funnel, funnel_of, rfm, rfm_of
from zhanggui.metrics.queries.values import Segment, Value, breakdown, check_days, coverage, segments_of, value_of, values

LONGEST = 10_000
"""How many cohorts are enough for all."""
Split = tuple[str, str]
"""Metric key and dimension."""


@dataclass(frozen=True)
class Answers:
    """The catalogue over `first` to `last`; `horizon` is the last day observed whole, `held` the policy values it was computed with."""

    first: date
    last: date
    beginning: date
    horizon: date
    values: tuple[Value, ...]
    segments: Mapping[Split, tuple[Segment, ...]]
    funnel: Funnel
    funnels: Mapping[str, Funnel]
    """The funnel by each asked dimension."""
    cohorts: Cohorts
    rfm: Rfm
    held: Mapping[str, Any]


def _plain() -> list[Metric]:
    return [m for m in declared.ALL if m.shape != "spread"]


def _splits(by: Sequence[str]) -> list[tuple[Metric, str]]:
    found = [(m, d) for d in by for m in declared.ALL if d in m.dimensions]
    for dimension in by:
        if not any(d == dimension for _, d in found):
            able = sorted({d for m in declared.ALL for d in m.dimensions})
            raise BadInput(f"没有哪个指标能按 {dimension} 分组", remedy="可选：" + "、".join(able))
    return found


def answers(shop_id: int, first: date, last: date, by: Sequence[str] = ()) -> Answers:
    """The catalogue of a stored shop, from its points. Raises BadInput for days in reverse or an unknown dimension."""
    check_days(first, last)
    covered = coverage(shop_id)
    if covered.beginning is None or covered.horizon is None:
        raise BadInput("还没有数据", remedy="请先连接店铺或导入订单")
    splits = [(m, d) for m, d in _splits(by) if m.shape != "spread"]
    return Answers(
        first, last, covered.beginning, covered.horizon, tuple(values(shop_id, [m.key for m in _plain()], first, last)),
        {(m.key, d): breakdown(shop_id, m.key, d, first, last) for m, d in splits}, funnel(shop_id, first, last),
        {d: funnel(shop_id, first, last, d) for d in _of_funnel(by)}, cohorts(shop_id, LONGEST), rfm(shop_id, min(last, covered.horizon)),
        policy_values(shop_id),
    )  # fmt: skip


def answers_of(now: Lake, first: date | None = None, last: date | None = None, by: Sequence[str] = ()) -> Answers:
    """The catalogue of a lake that belongs to no shop, with the default policies; all of it where no days are given."""
    if now.horizon is None or now.beginning is None:
        raise BadInput("文件里没有一笔可以读的订单", remedy="请检查列的对应关系")
    first, last = first or now.beginning, last or now.horizon
    check_days(first, last)
    splits, held = _splits(by), policy_values(None)
    with engine_for(now) as engine:
        context = Context(now, engine, held)
        seen = _observed(context, now, first, last)

        def over(metric: Metric, dimensions: tuple[str, ...] = (), grain: Any = "range") -> list[Point]:
            return points(context, metric, grain, first, last, dimensions)

        found = [value_of(m, _whole(over(m)), seen, first, last) for m in _plain()]
        funnel_metric = declared.metric("conversion.funnel")
        lacking = rules.why_missing(funnel_metric.name, funnel_metric.needs, "", seen, first, last, SOURCES, HOW)
        titles = dict(zip(*(c.to_pylist() for c in engine.query("SELECT product_id, title FROM products").columns), strict=True))
        return Answers(
            first, last, now.beginning, now.horizon, tuple(found),
            {
                (m.key, d): segments_of(m, d, [(p.segment, p.numerator, p.denominator) for p in over(m, (d,)) if p.dimension == d], titles)
                for m, d in splits if m.shape != "spread"
            },
            _funnel(over(funnel_metric), first, last, held, lacking),
            {d: _funnel(over(funnel_metric, (d,)), first, last, held, lacking, d, titles) for d in _of_funnel(by)},
            cohorts_of(over(declared.metric("customers.cohort_retention"), (), "month"), LONGEST), rfm_of(over(declared.metric("customers.rfm"))), held,
        )  # fmt: skip


def _of_funnel(by: Sequence[str]) -> list[str]:
    return [d for d in by if d in declared.metric("conversion.funnel").dimensions]


def _funnel(
    found: list[Point], first: date, last: date, held: Mapping[str, Any], lacking: str, by: str = "", titles: Mapping[str, str] | None = None
) -> Funnel:  # fmt: skip
    window = int(held["conversion.funnel_days"])
    return (
        Funnel(first, last, window, (), by, (), lacking)
        if lacking
        else funnel_of(found, first, last, window, by, lambda _: titles or {})
    )


def _whole(found: list[Point]) -> tuple[float | None, float | None]:
    mine = [p for p in found if not p.dimension]
    return (mine[-1].numerator, mine[-1].denominator) if mine else (None, None)


def _observed(context: Context, now: Lake, first: date, last: date) -> rules.Observed:
    rows = declared.metric("data.rows")
    assert now.beginning is not None
    assert now.last is not None
    inside, ever = (
        frozenset(p.segment for p in points(context, rows, "range", *span, ("source",)) if p.dimension and p.numerator)
        for span in ((first, last), (now.beginning, now.last))
    )
    return rules.Observed(inside, ever, now.beginning, now.last)
