"""Numbers, series and breakdowns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Max, Min, QuerySet

from zhanggui.facts import lake
from zhanggui.facts.channels import KINDS, name_of
from zhanggui.facts.models import Product
from zhanggui.kernel import clock
from zhanggui.kernel.errors import BadInput
from zhanggui.metrics import catalogue as declared
from zhanggui.metrics import rules
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.compute import Context, Point, points
from zhanggui.metrics.engine import LakeUnreadable, engine_for
from zhanggui.metrics.folds import STEP_WORDS
from zhanggui.metrics.metric import DIMENSIONS, HOW, SOURCES, WINDOWS, Metric
from zhanggui.metrics.models import MetricPoint, Watermark
from zhanggui.stats.shares import wilson

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


# -- what is declared and what is there -----------------------------------------------------------------------------------------


def catalogue() -> tuple[Metric, ...]:
    """Every metric of the house."""
    return declared.ALL


def watermark(shop_id: int) -> tuple[datetime | None, date | None]:
    """When the shop's metrics were last brought up to date, and the last day observed then."""
    found = Watermark.objects.filter(shop_id=shop_id).aggregate(at=Max("refreshed_at"), day=Max("horizon"))
    return found["at"], found["day"]


@dataclass(frozen=True)
class Coverage:
    """Which sources had rows on which days, from the stored completeness metric."""

    beginning: date | None
    horizon: date | None
    """The last day that was observed whole."""
    last: date | None
    """The last day of which anything is known: the running one, or the horizon."""
    spans: Mapping[str, tuple[date, date]]
    shop_id: int

    def seen(self, first: date, last: date) -> rules.Observed:
        """What is known of these days."""
        unsure = [name for name, (low, high) in self.spans.items() if low <= last and high >= first]
        whole = {name for name in unsure if self.spans[name][0] >= first or self.spans[name][1] <= last}
        inside = set(whole)
        if len(whole) < len(unsure):
            inside |= set(
                source_points(self.shop_id).filter(start__range=(first, last)).values_list("segment", flat=True).distinct()
            )
        return rules.Observed(frozenset(inside), frozenset(self.spans), self.beginning, self.last)


def source_points(shop_id: int) -> QuerySet[MetricPoint]:
    """On which days which source had rows."""
    return MetricPoint.objects.filter(shop_id=shop_id, metric="data.rows", grain="day", dimension="source", numerator__gt=0)


def coverage(shop_id: int) -> Coverage:
    """What was observed of a shop."""
    rows = (
        source_points(shop_id)
        .values("segment")
        .annotate(low=Min("start"), high=Max("start"))
        .values_list("segment", "low", "high")
    )
    spans = {segment: (low, high) for segment, low, high in rows}
    mark = Watermark.objects.filter(shop_id=shop_id, metric="data.rows").values_list("horizon", flat=True).first()
    lows, highs = [low for low, _ in spans.values()], [high for _, high in spans.values()]
    return Coverage(min(lows, default=None), mark or max(highs, default=None), max(highs, default=mark), spans, shop_id)


def check_days(first: date, last: date) -> None:
    """Raises BadInput for days in reverse."""
    if first > last:
        raise BadInput("开始日期在结束日期之后", remedy="请把两个日期换一下")


# -- sums: stored or asked ---------------------------------------------------------------------------------------------------------


def stored_grain(metric: Metric, first: date, last: date, horizon: date | None) -> str:
    """The stored grain of which [first, last] is one period; "" if there is none."""
    kept = metric.grains
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


def adds_up(metric: Metric) -> bool:
    """Whether longer periods are sums of its days."""
    return metric.additive and metric.shape in ("sum", "ratio")


def sums_of(
    shop_id: int, metrics: Sequence[tuple[Metric, date, date]], horizon: date | None
) -> dict[tuple[str, date, date], Sums]:
    """Numerator and denominator of many (metric, first, last) at once, from stored points as far as possible."""
    found: dict[tuple[str, date, date], Sums] = {}
    daily = [ask for ask in metrics if adds_up(ask[0]) or ask[0].shape == "state"]
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
        grain = stored_grain(metric, first, last, horizon)
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
    found = [p for p in points_over(shop_id, metric, first, last) if not p.dimension]
    return (found[-1].numerator, found[-1].denominator) if found else (None, None)


def points_over(shop_id: int, metric: Metric, first: date, last: date, dimensions: tuple[str, ...] = ()) -> tuple[Point, ...]:
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


def smallest_sample(shop_id: int) -> int:
    """Under how many people or orders this shop concludes nothing."""
    return int(policy_values(shop_id)["data.smallest_sample"])


def stored_day(shop_id: int, keys: Iterable[str], day: date) -> dict[str, float]:
    """The stored numbers of one day by metric; what has none is left out. One read, for pages that must be quick."""
    rows = MetricPoint.objects.filter(shop_id=shop_id, metric__in=list(keys), grain="day", dimension="", start=day)
    found = {}
    for key, numerator, denominator in rows.values_list("metric", "numerator", "denominator"):
        number = declared.metric(key).value(numerator, denominator)
        if number is not None:
            found[key] = number
    return found


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
    check_days(first, last)
    metrics = [declared.metric(key) for key in keys]
    covered = coverage(shop_id)
    seen = covered.seen(first, last)
    plain = [m for m in metrics if m.shape != "spread"]
    sums = sums_of(shop_id, [(m, first, last) for m in plain], covered.horizon)
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
    check_days(first, last)
    metric = declared.metric(key)
    if dimension and dimension not in metric.stored:
        raise BadInput(f"{metric.name}没有按{DIMENSIONS.get(dimension, dimension)}保存的每日数字", remedy="请看分组表")
    covered = coverage(shop_id)
    kept = metric.grains
    from_grain = grain if grain in kept else "day" if "day" in kept else kept[0]
    low, high = _period_of(first, grain), _end_of(_period_of(last, grain), grain)
    rows = MetricPoint.objects.filter(
        shop_id=shop_id, metric=key, grain=from_grain, dimension=dimension, segment=segment, start__range=(low, high)
    ).order_by("start").values_list("start", "numerator", "denominator")  # fmt: skip
    held: dict[date, list[tuple[float | None, float | None]]] = {}
    for start, numerator, denominator in rows:
        held.setdefault(_period_of(start, grain), []).append((numerator, denominator))
    sourced = _days_with_source(metric, shop_id, low, high)
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
        known = _observed(metric, covered, sourced, start, end)
        if numerator is None and metric.shape == "sum" and known:
            numerator = 0.0
        found.append(SeriesPoint(start, end, numerator, denominator, metric.value(numerator, denominator) if known else None))
        start = end + timedelta(days=1)
    return tuple(found)


def _days_with_source(metric: Metric, shop_id: int, first: date, last: date) -> set[date]:
    return set(
        source_points(shop_id).filter(segment__in=metric.needs, start__range=(first, last)).values_list("start", flat=True)
    )


def _observed(metric: Metric, covered: Coverage, days: set[date], start: date, end: date) -> bool:
    """Whether these days are known, so that nothing means zero: orders throughout, other sources only where they have rows."""
    if covered.beginning is None or covered.last is None or start > covered.last or end < covered.beginning:
        return False
    if not metric.needs or ("orders" in metric.needs and "orders" in covered.spans):
        return True
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


def titles_of(shop_id: int, ids: Iterable[str]) -> dict[str, str]:
    """Product id → title, where the shop knows the product."""
    wanted = list(ids)
    found: dict[str, str] = {}
    for at in range(0, len(wanted), 900):
        found.update(
            Product.objects.filter(shop_id=shop_id, product_id__in=wanted[at : at + 900]).values_list("product_id", "title")
        )
    return found


def check_dimension(metric: Metric, dimension: str) -> None:
    """Raises BadInput where the metric cannot be split so."""
    if dimension not in metric.dimensions and dimension not in metric.stored:
        able = "、".join(DIMENSIONS[d] for d in metric.dimensions)
        raise BadInput(
            f"{metric.name}不能按{DIMENSIONS.get(dimension, dimension)}分组",
            remedy=f"可选：{able}" if able else "这个数字不能拆分",
        )


def breakdown(shop_id: int, key: str, dimension: str, first: date, last: date, *, limit: int = 200) -> tuple[Segment, ...]:
    """The number for each value of a dimension, the weightiest first. Raises BadInput where the metric has no such dimension."""
    check_days(first, last)
    metric = declared.metric(key)
    check_dimension(metric, dimension)
    if dimension in metric.stored and adds_up(metric):
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
            (p.segment, p.numerator, p.denominator) for p in points_over(shop_id, metric, first, last, (dimension,)) if p.dimension == dimension
        ]  # fmt: skip
    titles = titles_of(shop_id, (s for s, _, _ in found)) if dimension == "product_id" else {}
    return segments_of(metric, dimension, found, titles)[:limit]


def segments_of(
    metric: Metric, dimension: str, found: Sequence[tuple[str, float | None, float | None]], titles: Mapping[str, str]
) -> tuple[Segment, ...]:
    """Segments from (value, numerator, denominator), the weightiest first."""
    total = sum(n or 0 for _, n, _ in found) if metric.shape == "sum" and metric.additive else 0
    parts = [
        Segment(s, segment_name(dimension, s, titles), n, d, metric.value(n, d), (n or 0) / total if total else None)
        for s, n, d in found
    ]  # fmt: skip
    by = "denominator" if metric.shape in ("ratio", "statistic") else "numerator"
    return tuple(sorted(parts, key=lambda p: (-(getattr(p, by) or 0), p.segment)))
