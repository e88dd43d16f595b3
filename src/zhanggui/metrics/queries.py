"""Answers for pages, the terminal and the API: from stored points where they are, from the lake where a stretch asks for it.

    value(shop, key, first, last) → Value           series(…, grain) → tuple[SeriesPoint]     breakdown(…, dimension) → tuple[Segment]
    funnel(shop, first, last, by) → Funnel          cohorts(shop) → Cohorts                   rfm(shop) → Rfm
    rows_behind(shop, key, first, last, …) → Rows   health(shop, day) → Health                watermark(shop) → when computed

Additive metrics add up their stored days. Distinct counts, medians and funnels are stored for days, weeks, months and the last 7 and
30 days; any other stretch is counted over the lake itself and kept in memory for that version of it. Where a number cannot be
given, `missing` says why in the shopkeeper's words; it is never zero instead. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from django.db.models import Max, Min

from zhanggui.facts import lake
from zhanggui.facts.channels import KINDS, name_of
from zhanggui.facts.models import Product
from zhanggui.kernel import clock
from zhanggui.kernel.errors import BadInput
from zhanggui.kernel.policy import PolicyField, describe
from zhanggui.metrics import catalogue as declared
from zhanggui.metrics import policy, rules
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.compute import RFM_NAMES, Context, Point, grains_of, points
from zhanggui.metrics.engine import LakeUnreadable, engine_for
from zhanggui.metrics.folds import STEP_NAMES, STEP_WORDS, STEPS
from zhanggui.metrics.metric import DIMENSIONS, HOW, SOURCES, WINDOWS, Metric
from zhanggui.metrics.models import MetricPoint, Watermark
from zhanggui.stats.shares import UNDECIDED, Change, wilson

Sums = tuple[float | None, float | None]
NEW_OLD = {"new": "新客", "old": "老客", "": "未知客户"}


@dataclass(frozen=True)
class Value:
    """One number of a stretch of days. `value` is None exactly where `missing` says why."""

    key: str
    name: str
    unit: str
    numerator: float | None
    denominator: float | None
    value: float | None
    missing: str = ""
    first: date | None = None
    last: date | None = None
    low: float | None = None
    high: float | None = None
    """Wilson interval where the number is a counted share."""


@dataclass(frozen=True)
class SeriesPoint:
    """One period of a series; `value` None where nothing can be said of it."""

    start: date
    last: date
    numerator: float | None
    denominator: float | None
    value: float | None


@dataclass(frozen=True)
class Segment:
    """One part of a breakdown; `share` is its part of the additive numerator, None where parts do not add up."""

    segment: str
    name: str
    numerator: float | None
    denominator: float | None
    value: float | None
    share: float | None = None


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


@dataclass(frozen=True)
class Column:
    """A column of the rows behind a number."""

    name: str
    unit: str = ""
    """fen, day, time or "" for text and counts."""


@dataclass(frozen=True)
class Rows:
    """The rows behind a number: `total` of them, one page given."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    missing: str = ""


@dataclass(frozen=True)
class Line:
    """A policy value beside a number."""

    key: str
    value: float
    kind: Literal["threshold", "limit", "benchmark"]
    side: str
    meaning: str
    unit: str


@dataclass(frozen=True)
class Card:
    """A number of the health page: value, the period before, what its line and its change say."""

    metric: Metric
    value: Value
    previous: Value
    change: Change
    relative: float | None
    """Change in proportion to the period before."""
    line: Line | None
    lines: tuple[Line, ...]
    verdict: rules.Verdict
    reason: str
    trend: tuple[float | None, ...]
    """The last 30 days, day by day; empty for numbers that have no daily value."""
    days: int


@dataclass(frozen=True)
class LayerHealth:
    """One layer of the shop with its verdict."""

    name: str
    verdict: rules.Verdict
    reason: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Health:
    """Is the shop healthy? `day` is the last day that counts; cards look back 7 or 30 days from it."""

    day: date | None
    verdict: rules.Verdict
    headline: str
    layers: tuple[LayerHealth, ...]
    refreshed_at: datetime | None
    missing: str = ""


# -- what is declared and what is there -----------------------------------------------------------------------------------------


def catalogue() -> tuple[Metric, ...]:
    """Every metric of the house."""
    return declared.ALL


def watermark(shop_id: int) -> tuple[datetime | None, date | None]:
    """When the shop's metrics were last brought up to date, and the last day observed then."""
    found = Watermark.objects.filter(shop_id=shop_id).aggregate(at=Max("refreshed_at"), day=Max("horizon"))
    return found["at"], found["day"]


@dataclass(frozen=True)
class _Coverage:
    """Which sources had rows on which days, from the stored completeness metric."""

    beginning: date | None
    horizon: date | None
    spans: Mapping[str, tuple[date, date]]
    shop_id: int

    def seen(self, first: date, last: date) -> rules.Observed:
        """What is known of these days."""
        unsure = [name for name, (low, high) in self.spans.items() if low <= last and high >= first]
        whole = {name for name in unsure if self.spans[name][0] >= first or self.spans[name][1] <= last}
        inside = set(whole)
        if len(whole) < len(unsure):
            inside |= set(
                _source_points(self.shop_id).filter(start__range=(first, last)).values_list("segment", flat=True).distinct()
            )
        return rules.Observed(frozenset(inside), frozenset(self.spans), self.beginning, self.horizon)


def _source_points(shop_id: int) -> Any:
    return MetricPoint.objects.filter(shop_id=shop_id, metric="data.rows", grain="day", dimension="source", numerator__gt=0)


def _coverage(shop_id: int) -> _Coverage:
    rows = (
        _source_points(shop_id)
        .values("segment")
        .annotate(low=Min("start"), high=Max("start"))
        .values_list("segment", "low", "high")
    )
    spans = {segment: (low, high) for segment, low, high in rows}
    mark = Watermark.objects.filter(shop_id=shop_id, metric="data.rows").values_list("horizon", flat=True).first()
    beginning = min((low for low, _ in spans.values()), default=None)
    return _Coverage(beginning, mark or max((high for _, high in spans.values()), default=None), spans, shop_id)


def _check_days(first: date, last: date) -> None:
    if first > last:
        raise BadInput("开始日期在结束日期之后", remedy="请把两个日期换一下")


# -- sums: stored or asked ---------------------------------------------------------------------------------------------------------


def _stored_grain(metric: Metric, first: date, last: date, horizon: date | None) -> str:
    """The stored grain of which [first, last] is one period; "" if there is none."""
    kept = grains_of(metric)
    if first == last and "day" in kept:
        return "day"
    if "week" in kept and first.weekday() == 0 and last == first + timedelta(days=6):
        return "week"
    if "month" in kept and first.day == 1 and last == (first + timedelta(days=32)).replace(day=1) - timedelta(days=1):
        return "month"
    if horizon is not None:
        for grain, (size, count) in WINDOWS.items():
            back = (horizon - last).days
            if grain in kept and (last - first).days == size - 1 and back >= 0 and back % size == 0 and back // size < count:
                return grain
    return ""


def _adds_up(metric: Metric) -> bool:
    return metric.additive and metric.shape in ("sum", "ratio")


def _sums(shop_id: int, metrics: Sequence[tuple[Metric, date, date]], horizon: date | None) -> dict[tuple[str, date, date], Sums]:
    """Numerator and denominator of many (metric, first, last) at once, from stored points as far as possible."""
    found: dict[tuple[str, date, date], Sums] = {}
    daily = [ask for ask in metrics if _adds_up(ask[0]) or ask[0].shape == "state"]
    if daily:
        low, high = min(a[1] for a in daily), max(a[2] for a in daily)
        rows = MetricPoint.objects.filter(
            shop_id=shop_id, metric__in={a[0].key for a in daily}, grain="day", dimension="", start__range=(low, high)
        ).values_list("metric", "start", "numerator", "denominator")
        by_key: dict[str, list[tuple[date, float | None, float | None]]] = {}
        for key, start, numerator, denominator in rows:
            by_key.setdefault(key, []).append((start, numerator, denominator))
        for metric, first, last in daily:
            inside = [row for row in by_key.get(metric.key, ()) if first <= row[0] <= last]
            if metric.shape == "state":
                inside = [max(inside)] if inside else []
            ups = [n for _, n, _ in inside if n is not None]
            downs = [d for _, _, d in inside if d is not None]
            found[(metric.key, first, last)] = (sum(ups) if ups else None, sum(downs) if downs else None)
    whole: dict[str, list[tuple[Metric, date, date]]] = {}
    for metric, first, last in metrics:
        if (metric.key, first, last) in found:
            continue
        grain = _stored_grain(metric, first, last, horizon)
        if grain:
            whole.setdefault(grain, []).append((metric, first, last))
        else:
            found[(metric.key, first, last)] = _asked(shop_id, metric, first, last)
    for grain, asks in whole.items():
        rows = MetricPoint.objects.filter(
            shop_id=shop_id, metric__in={a[0].key for a in asks}, grain=grain, dimension="", start__in={a[1] for a in asks}
        ).values_list("metric", "start", "numerator", "denominator")
        got = {(key, start): (numerator, denominator) for key, start, numerator, denominator in rows}
        for metric, first, last in asks:
            found[(metric.key, first, last)] = got.get((metric.key, first), (None, None))
    return found


def _asked(shop_id: int, metric: Metric, first: date, last: date) -> Sums:
    found = [p for p in _points(shop_id, metric, first, last) if not p.dimension]
    return (found[-1].numerator, found[-1].denominator) if found else (None, None)


def _points(shop_id: int, metric: Metric, first: date, last: date, dimensions: tuple[str, ...] = ()) -> tuple[Point, ...]:
    """The points of one stretch, counted over the lake; kept for this version of it and these policy values."""
    now = lake.read(shop_id)
    values = policy_values(shop_id)
    held = tuple(sorted((key, values[key]) for key in metric.params.values()))
    return _kept_points(now.shop_id, str(now.folder), now.epoch, now.version, metric.key, first, last, dimensions, held)


@lru_cache(maxsize=512)
def _kept_points(
    shop_id: int, folder: str, epoch: str, version: int, key: str, first: date, last: date, dimensions: tuple[str, ...], held: tuple[Any, ...]
) -> tuple[Point, ...]:  # fmt: skip
    metric = declared.metric(key)
    for attempt in (1, 2):
        now = lake.read(shop_id)
        try:
            with engine_for(now) as engine:
                return tuple(points(Context(now, engine, dict(held)), metric, "range", first, last, dimensions))
        except LakeUnreadable:
            # a part was replaced between reading the manifest and opening the file; a torn one the next refresh rebuilds
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


def value_of(metric: Metric, sums: Sums, seen: rules.Observed, first: date, last: date) -> Value:
    """The number from its two sums, or why there is none given what was observed."""
    numerator, denominator = sums
    missing = rules.why_missing(metric.name, metric.needs, metric.base, seen, first, last, SOURCES, HOW)
    number = None
    if not missing:
        if metric.shape == "sum" and numerator is None:
            numerator = 0.0
        number = metric.value(numerator, denominator)
        if number is None:
            missing = rules.no_base(metric.name, metric.base)
    low = high = None
    if number is not None and metric.binomial and metric.per == 1 and denominator:
        low, high = wilson(min(max(numerator or 0.0, 0.0), denominator), denominator)
    return Value(
        metric.key, metric.name, metric.unit, None if missing and number is None and metric.shape == "sum" else numerator, denominator, number, missing, first, last,
        low, high,
    )  # fmt: skip


def value(shop_id: int, key: str, first: date, last: date) -> Value:
    """The number of the days `first` to `last`, both included. Raises NotFound for an unknown metric, BadInput for days in reverse."""
    return values(shop_id, [key], first, last)[0]


def values(shop_id: int, keys: Iterable[str], first: date, last: date) -> list[Value]:
    """Several numbers of the same days, with few reads."""
    _check_days(first, last)
    metrics = [declared.metric(key) for key in keys]
    covered = _coverage(shop_id)
    seen = covered.seen(first, last)
    plain = [m for m in metrics if m.shape != "spread"]
    sums = _sums(shop_id, [(m, first, last) for m in plain], covered.horizon)
    return [
        value_of(m, sums[(m.key, first, last)], seen, first, last) if m.shape != "spread" else _spread_value(m, seen, first, last) for m in metrics
    ]  # fmt: skip


def _spread_value(metric: Metric, seen: rules.Observed, first: date, last: date) -> Value:
    missing = rules.why_missing(metric.name, metric.needs, metric.base, seen, first, last, SOURCES, HOW)
    return Value(metric.key, metric.name, metric.unit, None, None, None, missing or "这是一张表，请看它自己的页面", first, last)


# -- series -----------------------------------------------------------------------------------------------------------------------


def _period_of(day: date, grain: str) -> date:
    return clock.week_of(day) if grain == "week" else day.replace(day=1) if grain == "month" else day


def _end_of(start: date, grain: str) -> date:
    if grain == "week":
        return start + timedelta(days=6)
    return (start + timedelta(days=32)).replace(day=1) - timedelta(days=1) if grain == "month" else start


def series(
    shop_id: int, key: str, first: date, last: date, grain: str = "day", *, dimension: str = "", segment: str = ""
) -> tuple[SeriesPoint, ...]:
    """The number period by period: every period that touches the days, whole ones; only observed ones have a value.

    `grain` is day, week (from Monday) or month. With a stored dimension the series of one segment. Raises BadInput for another grain.
    """
    if grain not in ("day", "week", "month"):
        raise BadInput("只能按天、周或月看", remedy="请选 day、week 或 month")
    _check_days(first, last)
    metric = declared.metric(key)
    if dimension and dimension not in metric.stored:
        raise BadInput(f"{metric.name}没有按{DIMENSIONS.get(dimension, dimension)}保存的每日数字", remedy="请看分组表")
    covered = _coverage(shop_id)
    kept = grains_of(metric)
    from_grain = grain if grain in kept else "day" if "day" in kept else kept[0]
    low, high = _period_of(first, grain), _end_of(_period_of(last, grain), grain)
    rows = MetricPoint.objects.filter(
        shop_id=shop_id, metric=key, grain=from_grain, dimension=dimension, segment=segment, start__range=(low, high)
    ).order_by("start").values_list("start", "numerator", "denominator")  # fmt: skip
    held: dict[date, list[tuple[float | None, float | None]]] = {}
    for start, numerator, denominator in rows:
        held.setdefault(_period_of(start, grain), []).append((numerator, denominator))
    quiet = _days_with_source(metric, shop_id, low, high) if metric.shape == "sum" else set()
    found: list[SeriesPoint] = []
    start = low
    while start <= last:
        end = _end_of(start, grain)
        got = held.get(start, [])
        if metric.shape == "state" or not metric.additive:
            numerator, denominator = got[-1] if got else (None, None)
        else:
            ups, downs = [n for n, _ in got if n is not None], [d for _, d in got if d is not None]
            numerator, denominator = (sum(ups) if ups else None), (sum(downs) if downs else None)
        if numerator is None and metric.shape == "sum" and _observed(metric, covered, quiet, start, end):
            numerator = 0.0
        found.append(SeriesPoint(start, end, numerator, denominator, metric.value(numerator, denominator)))
        start = end + timedelta(days=1)
    return tuple(found)


def _days_with_source(metric: Metric, shop_id: int, first: date, last: date) -> set[date]:
    return set(
        _source_points(shop_id).filter(segment__in=metric.needs, start__range=(first, last)).values_list("start", flat=True)
    )


def _observed(metric: Metric, covered: _Coverage, days: set[date], start: date, end: date) -> bool:
    """Whether nothing on these days means zero: orders are known throughout, other sources only where they have rows."""
    if "orders" in metric.needs and "orders" in covered.spans and covered.horizon is not None:
        return start <= covered.horizon and end >= covered.spans["orders"][0]
    return any(start <= day <= end for day in days)


# -- breakdowns --------------------------------------------------------------------------------------------------------------------


def segment_name(dimension: str, segment: str, titles: Mapping[str, str] | None = None) -> str:
    """A dimension's value as a shopkeeper reads it."""
    if dimension == "channel":
        return name_of(segment)
    if dimension == "channel_kind":
        return KINDS.get(segment, segment or "未知")
    if dimension == "is_new":
        return NEW_OLD.get(segment, segment)
    if dimension == "stage":
        return STEP_WORDS.get(segment, segment)
    if dimension == "source":
        return SOURCES.get(segment, segment)
    if dimension == "product_id":
        return (titles or {}).get(segment) or segment or "未知商品"
    return segment or {"tier": "未分级", "device": "未知设备", "region": "未知地区", "category": "未分类"}.get(dimension, "未知")


def _titles(shop_id: int, ids: Iterable[str]) -> dict[str, str]:
    wanted = list(ids)
    found: dict[str, str] = {}
    for at in range(0, len(wanted), 900):
        found.update(
            Product.objects.filter(shop_id=shop_id, product_id__in=wanted[at : at + 900]).values_list("product_id", "title")
        )
    return found


def breakdown(shop_id: int, key: str, dimension: str, first: date, last: date, *, limit: int = 200) -> tuple[Segment, ...]:
    """The number for each value of a dimension, the weightiest first. Raises BadInput where the metric has no such dimension."""
    _check_days(first, last)
    metric = declared.metric(key)
    if dimension not in metric.dimensions and dimension not in metric.stored:
        raise BadInput(
            f"{metric.name}不能按{DIMENSIONS.get(dimension, dimension)}分组",
            remedy="可选：" + "、".join(DIMENSIONS[d] for d in metric.dimensions),
        )
    if dimension in metric.stored and _adds_up(metric):
        rows = MetricPoint.objects.filter(
            shop_id=shop_id, metric=key, grain="day", dimension=dimension, start__range=(first, last)
        ).values_list("segment", "numerator", "denominator")  # fmt: skip
        summed: dict[str, list[float | None]] = {}
        for segment, numerator, denominator in rows:
            entry = summed.setdefault(segment, [None, None])
            for at, part in enumerate((numerator, denominator)):
                if part is not None:
                    entry[at] = (entry[at] or 0) + part
        found = [(segment, entry[0], entry[1]) for segment, entry in summed.items()]
    else:
        found = [
            (p.segment, p.numerator, p.denominator) for p in _points(shop_id, metric, first, last, (dimension,)) if p.dimension == dimension
        ]  # fmt: skip
    total = sum(n or 0 for _, n, _ in found)
    adds = metric.shape == "sum" and (metric.additive or metric.fold == "")
    titles = _titles(shop_id, (s for s, _, _ in found)) if dimension == "product_id" else {}
    parts = [
        Segment(s, segment_name(dimension, s, titles), n, d, metric.value(n, d), (n or 0) / total if adds and metric.additive and total else None)
        for s, n, d in found
    ]  # fmt: skip
    weigh = (lambda p: p.denominator or 0) if metric.shape in ("ratio", "statistic") else (lambda p: p.numerator or 0)
    return tuple(sorted(parts, key=lambda p: (-weigh(p), p.segment))[:limit])


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
    _check_days(first, last)
    metric = declared.metric("conversion.funnel")
    if by and by not in metric.dimensions:
        raise BadInput(
            f"漏斗不能按{DIMENSIONS.get(by, by)}分组", remedy="可选：" + "、".join(DIMENSIONS[d] for d in metric.dimensions)
        )
    window = int(policy_values(shop_id)["conversion.funnel_days"])
    covered = _coverage(shop_id)
    missing = rules.why_missing(metric.name, metric.needs, "", covered.seen(first, last), first, last, SOURCES, HOW)
    if missing:
        return Funnel(first, last, window, (), by or "", (), missing)
    grain = _stored_grain(metric, first, last, covered.horizon)
    whole: dict[str, float] = {}
    if grain:
        rows = MetricPoint.objects.filter(shop_id=shop_id, metric=metric.key, grain=grain, dimension="stage", start=first)
        whole = dict(rows.values_list("segment", "numerator"))
    parts: dict[str, dict[str, float]] = {}
    if by or not grain:
        for point in _points(shop_id, metric, first, last, (by,) if by else ()):
            step, _, rest = point.segment.partition("|")
            if rest:
                parts.setdefault(rest.partition("|")[2], {})[step] = point.numerator or 0
            elif not grain:
                whole[step] = point.numerator or 0
    levels = [whole.get(step, 0) for step in STEP_NAMES]
    titles = _titles(shop_id, parts) if by == "product_id" else {}
    listed = [
        FunnelPart(s, segment_name(by or "", s, titles), stages_of([counts.get(step, 0) for step in STEP_NAMES]))
        for s, counts in sorted(parts.items(), key=lambda item: (-item[1].get(STEP_NAMES[0], 0), item[0]))
    ][:limit]  # fmt: skip
    none = "" if levels[0] else rules.no_base("购买漏斗", "浏览商品的人")
    return Funnel(first, last, window, stages_of(levels), by or "", tuple(listed), none)


# -- cohorts and RFM -----------------------------------------------------------------------------------------------------------------


def cohorts(shop_id: int, months: int = 18) -> Cohorts:
    """The retention matrix of the latest `months` cohorts of first-time buyers, by month of first payment."""
    rows = (
        MetricPoint.objects.filter(shop_id=shop_id, metric="customers.cohort_retention", grain="month", dimension="age")
        .order_by("start").values_list("start", "segment", "numerator", "denominator")
    )  # fmt: skip
    held: dict[date, dict[int, tuple[int, int]]] = {}
    for start, age, numerator, denominator in rows:
        held.setdefault(start, {})[int(age)] = (int(numerator), int(denominator))
    latest = sorted(held)[-months:]
    found = []
    for start in latest:
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


def rfm(shop_id: int) -> Rfm:
    """Customers who ever paid, in eight groups and 125 cells, as of the last observed day."""
    rows = list(
        MetricPoint.objects.filter(shop_id=shop_id, metric="customers.rfm").values_list(
            "start", "dimension", "segment", "numerator", "denominator"
        )
    )
    if not rows:
        return Rfm(None, (), {}, "还没有支付过的客户，无法分层")
    groups = {segment: (int(n), int(d)) for _, dimension, segment, n, d in rows if dimension == "rfm"}
    orders = {segment: int(n) for _, dimension, segment, n, _ in rows if dimension == "rfm_orders"}
    everybody = sum(people for people, _ in groups.values())
    parts = tuple(
        RfmSegment(name, name + "客户", groups[name][0], orders.get(name, 0), groups[name][1], groups[name][0] / everybody)
        for name in RFM_NAMES.values() if name in groups
    )  # fmt: skip
    cells = {tuple(int(c) for c in segment): int(n) for _, dimension, segment, n, _ in rows if dimension == "rfm_cell"}
    return Rfm(rows[0][0], parts, cells)  # type: ignore[arg-type]


# -- the rows behind a number ---------------------------------------------------------------------------------------------------------

_ORDER = (("订单号", "order_id", ""), ("下单时间", "created_at", "time"), ("支付时间", "paid_at", "time"), ("客户编号", "customer", ""), ("状态", "status", ""),
          ("实付", "paid_fen", "fen"), ("已退款", "refunded_fen", "fen"), ("件数", "units", ""), ("第几单", "nth", ""), ("渠道", "channel", "channel"),
          ("设备", "device", ""), ("地区", "region", ""))  # fmt: skip
_EVENT = (("时间", "ts", "time"), ("客户编号", "customer", ""), ("行为", "kind", "kind"), ("页面", "page", ""), ("商品编号", "product_id", ""), ("渠道", "channel", "channel"),
          ("设备", "device", ""), ("地区", "region", ""))  # fmt: skip
_PERSON = (("客户编号", "customer", ""), ("首次出现", "first_seen_at", "time"), ("首次支付", "first_paid_at", "time"), ("最近支付", "last_paid_at", "time"),
           ("支付次数", "orders", ""), ("支付金额", "paid_fen", "fen"), ("退款", "refunded_fen", "fen"), ("渠道", "channel", "channel"), ("邀请人编号", "inviter", ""),
           ("等级", "tier", ""))  # fmt: skip
ROWS: Mapping[str, tuple[str, str, str, str, tuple[tuple[str, str, str], ...]]] = {
    "paid_orders": ("支付的订单", "orders", "paid_day BETWEEN $first AND $last", "paid_at DESC, order_id", _ORDER),
    "placed_orders": ("下的订单", "orders", "day BETWEEN $first AND $last", "created_at DESC, order_id", _ORDER),
    "first_orders": ("客户的首单", "orders", "nth = 1 AND paid_day BETWEEN $first AND $last", "paid_at DESC, order_id", _ORDER),
    "repeat_orders": ("复购的订单", "orders", "nth > 1 AND paid_day BETWEEN $first AND $last", "paid_at DESC, order_id", _ORDER),
    "refunded_orders": ("有过退款的订单", "orders", "refunded_fen > 0 AND paid_day BETWEEN $first AND $last", "paid_at DESC, order_id", _ORDER),
    "refunds": ("退款", "refunds", "day BETWEEN $first AND $last", "at DESC, refund_key", (
        ("退款单号", "refund_key", ""), ("订单号", "order_id", ""), ("退款时间", "at", "time"), ("客户编号", "customer", ""), ("商品编号", "product_id", ""),
        ("件数", "quantity", ""), ("金额", "amount_fen", "fen"), ("渠道", "channel", "channel"))),
    "lines": ("售出的商品", "order_lines", "is_goods AND paid_day BETWEEN $first AND $last", "paid_day DESC, order_id, line_no", (
        ("订单号", "order_id", ""), ("支付日", "paid_day", "day"), ("商品编号", "product_id", ""), ("规格编号", "sku_id", ""), ("类目", "category", ""),
        ("件数", "quantity", ""), ("实付", "paid_fen", "fen"), ("成本", "cost_fen", "fen"), ("渠道", "channel", "channel"))),
    "visits": ("访问行为", "events", "kind NOT IN ('order', 'pay') AND day BETWEEN $first AND $last", "ts DESC, customer", _EVENT),
    "carts": ("加购", "events", "kind = 'add_to_cart' AND day BETWEEN $first AND $last", "ts DESC, customer", _EVENT),
    "shares": ("分享", "events", "kind = 'share' AND day BETWEEN $first AND $last", "ts DESC, customer", _EVENT),
    "spend": ("渠道花费", "spend", "day BETWEEN $first AND $last", "day DESC, channel, campaign", (
        ("日期", "day", "day"), ("渠道", "channel", "channel"), ("计划", "campaign", ""), ("花费", "cost_fen", "fen"), ("曝光", "views", ""), ("点击", "clicks", ""))),
    "invited": ("被邀请而来的新客", "customers", "inviter IS NOT NULL AND first_paid_day BETWEEN $first AND $last", "first_paid_at DESC, customer", _PERSON),
    "customers": ("支付过的客户", "customers", "orders > 0 AND first_paid_day <= $last", "last_paid_at DESC, customer", _PERSON),
    "silent": ("沉默的客户", "customers", "orders > 0 AND last_paid_day < CAST($last AS DATE) - $silent_days", "paid_fen DESC, customer", _PERSON),
    "members": ("入群成员", "group_members", "NOT is_staff AND joined_day BETWEEN $first AND $last", "joined_at DESC, chat_id, member", (
        ("群编号", "chat_id", ""), ("成员", "member", ""), ("客户编号", "customer", ""), ("入群时间", "joined_at", "time"), ("退群时间", "left_at", "time"))),
    "group_days": ("群统计", "group_daily", "day BETWEEN $first AND $last", "day DESC, owner, chat_id", (
        ("日期", "day", "day"), ("群主", "owner", ""), ("群数", "groups", ""), ("新增成员", "new_members", ""), ("成员", "members", ""),
        ("发言成员", "members_who_spoke", ""), ("消息数", "messages", ""))),
    "reads": ("文章数据", "reads", "day BETWEEN $first AND $last", "day DESC, article_id", (
        ("日期", "day", "day"), ("文章", "title", ""), ("阅读人数", "readers", ""), ("分享人数", "sharers", ""), ("新增关注", "followers_gained", ""))),
}  # fmt: skip
"""Name → title, table, condition, order, columns (Chinese head, lake column, unit)."""
KIND_WORDS = {
    "page_view": "浏览页面",
    "product_view": "浏览商品",
    "add_to_cart": "加购",
    "order": "下单",
    "pay": "支付",
    "share": "分享",
    "invite_open": "打开邀请",
}
STATUS_WORDS = {
    "unpaid": "待付款",
    "paid": "待发货",
    "shipped": "已发货",
    "done": "已完成",
    "cancelled": "已取消",
    "refunded": "已全部退款",
    "pending": "待成团或待领取",
}


def rows_behind(shop_id: int, key: str, first: date, last: date, limit: int = 50, offset: int = 0) -> Rows:
    """The rows of the lake from which a number was made, newest first, under Chinese heads; money in 分, times aware."""
    _check_days(first, last)
    metric = declared.metric(key)
    if not metric.rows:
        return Rows("", (), (), 0, "这个数字由多个来源汇总，没有单独的明细")
    title, table, condition, order, columns = ROWS[metric.rows]
    params: dict[str, Any] = {"first": first, "last": last, "silent_days": policy_values(shop_id)["customers.silent_days"]}
    named = ", ".join(f'"{column}"' for _, column, _ in columns)
    with engine_for(lake.read(shop_id)) as engine:
        total = engine.query(f"SELECT count(*) AS n FROM {table} WHERE {condition}", None, params)["n"][0].as_py()
        found = engine.query(
            f"SELECT {named} FROM {table} WHERE {condition} ORDER BY {order} LIMIT {max(0, int(limit))} OFFSET {max(0, int(offset))}",
            None,
            params,
        )
    lists = [found[column].to_pylist() for _, column, _ in columns]
    for at, (_, column, unit) in enumerate(columns):
        if unit == "channel":
            lists[at] = [name_of(v or "") for v in lists[at]]
        elif unit == "kind":
            lists[at] = [KIND_WORDS.get(v, v) for v in lists[at]]
        elif column == "status":
            lists[at] = [STATUS_WORDS.get(v, v) for v in lists[at]]
    heads = tuple(Column(head, unit if unit in ("fen", "day", "time") else "") for head, _, unit in columns)
    return Rows(title, heads, tuple(zip(*lists, strict=True)), int(total))


# -- health -----------------------------------------------------------------------------------------------------------------------------

HEALTH: Mapping[str, tuple[tuple[str, int], ...]] = {
    "流量": (("traffic.visitors", 7), ("traffic.new_customers", 7), ("traffic.bounce_rate", 7), ("traffic.depth", 7), ("traffic.cost_per_new_customer", 30)),
    "转化": (("conversion.sales", 7), ("conversion.orders", 7), ("conversion.average_order_value", 7), ("conversion.add_to_cart_rate", 7),
             ("conversion.cart_to_pay", 7), ("conversion.pay_rate", 7), ("conversion.refund_rate", 30), ("conversion.gross_margin", 30)),
    "用户": (("customers.repurchase_30", 30), ("customers.repurchase_90", 30), ("customers.returning_share", 30), ("customers.silent_rate", 30),
             ("customers.annual_retention", 30), ("customers.arpu", 30), ("traffic.fission_coefficient", 30)),
    "社群": (("community.first_day_retention", 7), ("community.interactions_per_100", 7), ("community.new_members", 7)),
    "数据": (("data.channel_known", 30), ("data.cost_known", 30)),
}  # fmt: skip
"""Layer → (metric, days looked back). The home page is made of these."""


def lines_of(metric: Metric, held: Mapping[str, Any]) -> tuple[Line, ...]:
    """The policy values beside a metric, its threshold first."""
    fields = _policy_fields()
    named = [fields[key] for key in metric.policies]
    return tuple(
        Line(f.key, float(held[f.key]), f.declared.kind, f.declared.side or "", f.declared.meaning, f.declared.unit)
        for f in named
    )


@lru_cache(maxsize=1)
def _policy_fields() -> dict[str, PolicyField]:
    return {f.key: f for kind in policy.ALL for f in describe(kind)}


def health(shop_id: int, day: date | None = None) -> Health:
    """Whether the shop is healthy as of `day` (the last observed one): every card with value, trend, line and a word.

    A card looks at its last 7 or 30 days against as many before them; numbers that need time to ripen (repurchase) look that much
    further back. Reads stored points only, where `day` is the last observed day.
    """
    covered = _coverage(shop_id)
    refreshed, _ = watermark(shop_id)
    day = min(day, covered.horizon) if day and covered.horizon else day or covered.horizon
    if day is None or covered.beginning is None:
        return Health(None, "数据不足", "还没有数据，看不出好坏", (), refreshed, "还没有任何数据，请先连接店铺或导入订单")
    held = policy_values(shop_id)
    plan: list[tuple[str, Metric, int, date]] = []
    for layer, cards in HEALTH.items():
        for key, days in cards:
            metric = declared.metric(key)
            plan.append((layer, metric, days, day - timedelta(days=metric.lag)))
    asks: list[tuple[Metric, date, date]] = []
    for _, metric, days, end in plan:
        asks.append((metric, end - timedelta(days=days - 1), end))
        asks.append((metric, end - timedelta(days=2 * days - 1), end - timedelta(days=days)))
    sums = _sums(shop_id, asks, covered.horizon)
    daily = _daily(shop_id, [metric for _, metric, _, _ in plan], day)
    cards_of: dict[str, list[Card]] = {}
    seen: dict[tuple[date, date], rules.Observed] = {}
    for layer, metric, days, end in plan:
        now, before = (end - timedelta(days=days - 1), end), (end - timedelta(days=2 * days - 1), end - timedelta(days=days))
        for span in (now, before):
            if span not in seen:
                seen[span] = covered.seen(*span)
        cards_of.setdefault(layer, []).append(
            _card(metric, days, value_of(metric, sums[(metric.key, *now)], seen[now], *now),
                  value_of(metric, sums[(metric.key, *before)], seen[before], *before), daily.get(metric.key, {}), day, held)
        )  # fmt: skip
    layers = tuple(LayerHealth(name, *_summary(cards), tuple(cards)) for name, cards in cards_of.items())
    overall = rules.worst([layer.verdict for layer in layers if layer.name != "数据" and layer.verdict != "数据不足"])
    return Health(day, overall, _headline(overall, layers), layers, refreshed)


def _daily(shop_id: int, metrics: Sequence[Metric], day: date) -> dict[str, dict[date, float]]:
    """The last 120 days of each metric's daily value (enough for 30 days shifted by 90)."""
    kept = {m.key: m for m in metrics if "day" in grains_of(m)}
    rows = MetricPoint.objects.filter(
        shop_id=shop_id, metric__in=kept, grain="day", dimension="", start__range=(day - timedelta(days=150), day)
    ).values_list("metric", "start", "numerator", "denominator")  # fmt: skip
    found: dict[str, dict[date, float]] = {}
    for key, start, numerator, denominator in rows:
        number = kept[key].value(numerator, denominator)
        if number is not None:
            found.setdefault(key, {})[start] = number
    return found


def _card(
    metric: Metric, days: int, now: Value, before: Value, daily: Mapping[date, float], day: date, held: Mapping[str, Any]
) -> Card:
    def stretch(value: Value) -> list[float]:
        """The daily values of a stretch; a day without one is zero where the number is a sum."""
        if value.first is None or value.last is None or value.missing:
            return []
        span = clock.days(value.first, value.last)
        return [daily.get(d, 0.0) for d in span] if metric.shape == "sum" else [daily[d] for d in span if d in daily]

    change = UNDECIDED
    if now.value is not None and before.value is not None:
        change = rules.change_of(
            (now.numerator, now.denominator), (before.numerator, before.denominator), stretch(now), stretch(before),
            counted=metric.binomial and metric.shape == "ratio", chance=float(held["data.chance"]), smallest=int(held["data.smallest_sample"]),
        )  # fmt: skip
    relative = (now.value - before.value) / abs(before.value) if now.value is not None and before.value else None
    lines = lines_of(metric, held)
    line = next((x for x in lines if x.kind == "threshold"), None)
    judged = rules.judge(
        now.value, missing=now.missing, sample=now.denominator, counted=metric.binomial, line=line.value if line else None, side=line.side if line else "",
        change=change, relative=relative, better=metric.better, smallest=int(held["data.smallest_sample"]), drop=float(held["conversion.stage_drop"]),
        chance=float(held["data.chance"]), hits=now.numerator,
    )  # fmt: skip
    end = now.last or day
    trend: tuple[float | None, ...] = ()
    if daily:
        span = list(clock.days(end - timedelta(days=29), end))
        zero = 0.0 if metric.shape == "sum" and not now.missing else None
        trend = tuple(daily.get(d, zero) for d in span)
    return Card(metric, now, before, change, relative, line, lines, judged.verdict, judged.reason, trend, days)


def _summary(cards: Sequence[Card]) -> tuple[rules.Verdict, str]:
    verdict = rules.worst([card.verdict for card in cards if card.verdict != "数据不足"])
    if verdict == "数据不足":
        return verdict, cards[0].reason if cards else ""
    ill = [card for card in cards if card.verdict == verdict]
    if verdict == "健康":
        return verdict, "各项都在正常范围"
    return verdict, "；".join(f"{card.metric.name}{card.reason}" for card in ill[:3])


def _headline(verdict: rules.Verdict, layers: Sequence[LayerHealth]) -> str:
    if verdict == "数据不足":
        return "数据还不够，看不出好坏"
    if verdict == "健康":
        return "店铺整体健康"
    named = "、".join(layer.name for layer in layers if layer.verdict == verdict and layer.name != "数据")
    return f"{named}有异常，要先处理" if verdict == "异常" else f"{named}有需要留意的变化"


# -- tables for the docs ------------------------------------------------------------------------------------------------------------------


def metrics_table() -> str:
    """The Markdown table of every metric."""
    fields = _policy_fields()
    lines = ["| 键 | 名称 | 怎么算 | 单位 | 层 | 归谁管 | 能按什么分组 | 标准 |", "|---|---|---|---|---|---|---|---|"]
    for metric in declared.ALL:
        groups = "、".join(DIMENSIONS[d] for d in metric.dimensions) or "–"
        judged = "；".join(f"`{key}`（默认 {fields[key].default:g}）" for key in metric.policies) or "–"
        lines.append(
            f"| `{metric.key}` | {metric.name} | {metric.formula} | {metric.unit} | {metric.layer} | {metric.room} | {groups} | {judged} |"
        )
    return "\n".join(lines) + "\n"


def lake_table() -> str:
    """The Markdown tables of the lake's columns."""
    from zhanggui.facts.lake_schema import TABLES

    out = []
    for table in TABLES.values():
        split = "按月分文件" if table.monthly else "一个文件"
        out.append(f"### {table.name}\n\n{table.meaning}。{split}。\n\n| 列 | 类型 |\n|---|---|")
        out.extend(f"| `{name}` | {kind} |" for name, kind in table.columns.items())
        out.append("")
    return "\n".join(out) + "\n"


def fold_steps() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """The steps of each ordered fold, for the docs."""
    return STEPS
