"""Numbers that are tables: the ordered funnel, the cohort matrix, RFM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from zhanggui.metrics import catalogue as declared
from zhanggui.metrics import rules
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.compute import RFM_NAMES, Point
from zhanggui.metrics.folds import STEP_NAMES, STEP_WORDS, STEPS
from zhanggui.metrics.metric import HOW, SOURCES
from zhanggui.metrics.models import MetricPoint
from zhanggui.metrics.queries.values import (
    check_days,
    check_dimension,
    coverage,
    points_over,
    segment_name,
    stored_grain,
    titles_of,
)


@dataclass(frozen=True)
class FunnelStage:
    """How many people came as far as this step."""

    key: str
    name: str
    people: int
    from_previous: float | None
    from_first: float | None


@dataclass(frozen=True)
class FunnelPart:
    """The funnel of one segment."""

    segment: str
    name: str
    stages: tuple[FunnelStage, ...]


@dataclass(frozen=True)
class Funnel:
    """The ordered funnel of a stretch of days and, where asked, of its segments (largest first)."""

    first: date
    last: date
    window_days: int
    stages: tuple[FunnelStage, ...]
    by: str = ""
    parts: tuple[FunnelPart, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Cohort:
    """First-time buyers of a month and the share of them who paid 0, 1, 2 … months later."""

    start: date
    size: int
    shares: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Cohorts:
    """The retention matrix; `average` weighs the cohorts that were observed to that age."""

    rows: tuple[Cohort, ...]
    average: tuple[float, ...]
    missing: str = ""


@dataclass(frozen=True)
class RfmSegment:
    """A group of customers with their orders and net money (分)."""

    key: str
    name: str
    customers: int
    orders: int
    money_fen: int
    share: float


@dataclass(frozen=True)
class Rfm:
    """All customers who ever paid, by recency, frequency and money, as of `day`. `cells` is (r, f, m) → customers, each 1..5."""

    day: date | None
    segments: tuple[RfmSegment, ...]
    cells: dict[tuple[int, int, int], int] = field(default_factory=dict)
    missing: str = ""


# -- the funnel ----------------------------------------------------------------------------------------------------------------------


def stages_of(levels: Sequence[float]) -> tuple[FunnelStage, ...]:
    """Steps with their rates from how many came so far."""
    out = []
    for at, (step, people) in enumerate(zip(STEP_NAMES, levels, strict=True)):
        before, top = levels[at - 1] if at else 0, levels[0]
        out.append(
            FunnelStage(
                step, STEP_WORDS[step], int(people), people / before if at and before else None, people / top if top else None
            )
        )
    return tuple(out)


def funnel(shop_id: int, first: date, last: date, by: str | None = None, *, limit: int = 50) -> Funnel:
    """The ordered funnel of people whose first step lies in these days, whole and by a dimension (channel, device, product_id …)."""
    check_days(first, last)
    metric = declared.metric("conversion.funnel")
    if by:
        check_dimension(metric, by)
    window = int(policy_values(shop_id)["conversion.funnel_days"])
    covered = coverage(shop_id)
    missing = rules.why_missing(metric.name, metric.needs, "", covered.seen(first, last), first, last, SOURCES, HOW)
    if missing:
        return Funnel(first, last, window, (), by or "", (), missing)
    grain = stored_grain(metric, first, last, covered.horizon)
    found: list[Point] = []
    if by or not grain:
        found += points_over(shop_id, metric, first, last, (by,) if by else ())
    else:
        rows = MetricPoint.objects.filter(shop_id=shop_id, metric=metric.key, grain=grain, dimension="stage", start=first)
        found += [Point(first, "stage", step, people, None) for step, people in rows.values_list("segment", "numerator")]
    return funnel_of(found, first, last, window, by or "", lambda ids: titles_of(shop_id, ids), limit)


def funnel_of(
    found: Iterable[Point], first: date, last: date, window: int, by: str = "", titles: Callable[[Iterable[str]], Mapping[str, str]] | None = None, limit: int = 50
) -> Funnel:  # fmt: skip
    """The funnel from the points of `conversion.funnel`; a segment of one is "step", of a part "step|dimension|value"."""
    whole: dict[str, float] = {}
    parts: dict[str, dict[str, float]] = {}
    for point in found:
        step, _, rest = point.segment.partition("|")
        if rest:
            parts.setdefault(rest.partition("|")[2], {})[step] = point.numerator or 0
        else:
            whole[step] = point.numerator or 0
    levels = [whole.get(step, 0) for step in STEP_NAMES]
    names = titles(parts) if by == "product_id" and titles else {}
    listed = [
        FunnelPart(s, segment_name(by, s, names), stages_of([counts.get(step, 0) for step in STEP_NAMES]))
        for s, counts in sorted(parts.items(), key=lambda item: (-item[1].get(STEP_NAMES[0], 0), item[0]))
    ][:limit]  # fmt: skip
    none = "" if levels[0] else rules.no_base("购买漏斗", "浏览商品的人")
    return Funnel(first, last, window, stages_of(levels), by, tuple(listed), none)


def fold_steps() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """The steps of each ordered fold: for each of them the kinds of events that take it."""
    return STEPS


# -- cohorts and RFM -----------------------------------------------------------------------------------------------------------------


def cohorts(shop_id: int, months: int = 18) -> Cohorts:
    """The retention matrix of the latest `months` cohorts of first-time buyers, by month of first payment."""
    rows = (
        MetricPoint.objects.filter(shop_id=shop_id, metric="customers.cohort_retention", grain="month", dimension="age")
        .order_by("start").values_list("start", "segment", "numerator", "denominator")
    )  # fmt: skip
    return cohorts_of([Point(start, "age", age, n, d) for start, age, n, d in rows], months)


def cohorts_of(points: Iterable[Point], months: int = 18) -> Cohorts:
    """The matrix from the points of `customers.cohort_retention`."""
    held: dict[date, dict[int, tuple[int, int]]] = {}
    for p in points:
        held.setdefault(p.start, {})[int(p.segment)] = (int(p.numerator or 0), int(p.denominator or 0))
    found = []
    for start in sorted(held)[-months:]:
        ages = held[start]
        counts = tuple(ages[age][0] for age in sorted(ages))
        size = ages[0][1]
        found.append(Cohort(start, size, tuple(c / size for c in counts), counts))
    longest = max((len(c.counts) for c in found), default=0)
    average = []
    for age in range(longest):
        old = [c for c in found if len(c.counts) > age]
        average.append(sum(c.counts[age] for c in old) / sum(c.size for c in old))
    return Cohorts(tuple(found), tuple(average), "" if found else "还没有支付过的客户，无法计算同期群留存")


def rfm(shop_id: int, day: date | None = None) -> Rfm:
    """Customers who ever paid, in eight groups and 125 cells, as of `day` (the last observed day, which is stored)."""
    metric = declared.metric("customers.rfm")
    stored = [
        Point(*row)
        for row in MetricPoint.objects.filter(shop_id=shop_id, metric=metric.key).values_list(
            "start", "dimension", "segment", "numerator", "denominator"
        )
    ]
    if day is not None and stored and stored[0].start != day:
        return rfm_of(points_over(shop_id, metric, day, day))
    return rfm_of(stored)


def rfm_of(points: Iterable[Point]) -> Rfm:
    """The groups from the points of `customers.rfm`."""
    held: dict[str, dict[str, tuple[int, int]]] = {}
    day = None
    for p in points:
        day = p.start
        held.setdefault(p.dimension, {})[p.segment] = (int(p.numerator or 0), int(p.denominator or 0))
    if day is None:
        return Rfm(None, (), {}, "还没有支付过的客户，无法分层")
    groups, orders = held["rfm"], held["rfm_orders"]
    everybody = sum(people for people, _ in groups.values())
    parts = tuple(
        RfmSegment(name, name + "客户", groups[name][0], orders[name][0], groups[name][1], groups[name][0] / everybody)
        for name in RFM_NAMES.values() if name in groups
    )  # fmt: skip
    cells = {(int(c[0]), int(c[1]), int(c[2])): people for c, (people, _) in held["rfm_cell"].items()}
    return Rfm(day, parts, cells)
