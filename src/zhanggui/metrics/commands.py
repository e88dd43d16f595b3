"""Refreshing: the lake, then every metric over the days that changed, each in one transaction; then the news."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from zhanggui.facts import bulk, lake
from zhanggui.facts.lake import Lake
from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.policy import describe
from zhanggui.metrics import folds, policy
from zhanggui.metrics.catalogue import ALL
from zhanggui.metrics.compute import Context, align, points
from zhanggui.metrics.engine import LakeUnreadable, engine_for
from zhanggui.metrics.events import MetricsRefreshed
from zhanggui.metrics.metric import WINDOWS, Grain, Metric, check
from zhanggui.metrics.models import MetricPoint, Watermark

Progress = Callable[[int, int, str], None]
Span = tuple[date, date]
_FIELDS = ("shop_id", "metric", "grain", "start", "dimension", "segment", "numerator", "denominator")


def policy_values(shop_id: int | None, at: Any = None) -> dict[str, Any]:
    """Every policy value that holds for the shop (the defaults without a shop), by key."""
    found: dict[str, Any] = {}
    for kind in policy.ALL:
        held = policy_store.current(kind, shop_id, at) if shop_id is not None else kind()
        found |= {f.key: getattr(held, f.name) for f in describe(kind)}
    return found


def refresh(shop_id: int, *, full: bool = False, progress: Progress | None = None) -> list[str]:
    """Brings the shop's lake and all its metrics up to date with the facts; keys of the metrics whose points were written anew.

    Only days that a change of facts, of the observed time, or of a policy reaches are computed again. Safe to interrupt at any point:
    what is not done is known by version and done the next time. Raises Conflict if another process is at it.
    """
    folder = Path(settings.LAKE)
    with lake.only_writer(folder, shop_id, "metrics"):
        told = _Told(progress)
        lake.refresh(shop_id, progress=told.lake, full=full)
        for attempt in (1, 2):
            try:
                return _refresh(shop_id, full, told)
            except LakeUnreadable:
                if attempt == 2:
                    raise
                lake.mend(shop_id)
    raise AssertionError("unreachable")


class _Told:
    """Progress over the two halves of the work."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.before = 0

    def lake(self, done: int, total: int, note: str) -> None:
        self.before = total
        if self.progress:
            self.progress(done, total + len(ALL), f"整理数据：{note}")

    def metric(self, done: int, note: str) -> None:
        if self.progress:
            self.progress(self.before + done, self.before + len(ALL), f"计算：{note}")


def _refresh(shop_id: int, full: bool, told: _Told) -> list[str]:
    now = lake.read(shop_id)
    values = policy_values(shop_id)
    marks = {} if full else {mark.metric: mark for mark in Watermark.objects.filter(shop_id=shop_id)}
    _forget(shop_id)
    work: list[tuple[Metric, Span | None]] = []
    for metric in ALL:
        check(metric)
        work.append((metric, _reach(metric, marks.get(metric.key), now, values)))
    first, last = _edges(now)
    written: list[str] = []
    with engine_for(now) as engine:
        context = Context(now, engine, values)
        for done, (metric, span) in enumerate(work, 1):
            if span is not None and span[0] <= span[1]:
                _refill(context, metric, None if span[0] == date.min else span, first, last)
                written.append(metric.key)
            told.metric(done, metric.name)
    quiet = [metric.key for metric, _ in work if metric.key not in written]
    with transaction.atomic():
        Watermark.objects.filter(shop_id=shop_id, metric__in=quiet).update(
            epoch=now.epoch, version=now.version, horizon=now.horizon, refreshed_at=clock.now()
        )
        if written:
            low = min((span[0] for _, span in work if span), default=date.min)
            high = max((span[1] for _, span in work if span), default=date.min)
            bounded = (max(low, first) if first else low, min(high, last) if last else high)
            MetricsRefreshed(
                now.version,
                str(bounded[0]) if first else "",
                str(bounded[1]) if last else "",
                str(now.horizon or ""),
                len(written),
            ).emit(shop_id)
    return written


def _forget(shop_id: int) -> None:
    """Points of metrics that are no longer declared."""
    known = [metric.key for metric in ALL]
    gone = list(Watermark.objects.filter(shop_id=shop_id).exclude(metric__in=known).values_list("metric", flat=True))
    if gone:
        MetricPoint.objects.filter(shop_id=shop_id, metric__in=gone).delete()
        Watermark.objects.filter(shop_id=shop_id, metric__in=gone).delete()


def _edges(now: Lake) -> tuple[date | None, date | None]:
    """The first and last day any part knows of."""
    lows = [part["first"] for part in now.parts.values() if part["first"]]
    highs = [part["last"] for part in now.parts.values() if part["last"]]
    return (date.fromisoformat(min(lows)), date.fromisoformat(max(highs))) if lows and highs else (None, None)


def _reach(metric: Metric, mark: Watermark | None, now: Lake, values: dict[str, Any]) -> Span | None:
    """The days whose points are no longer right; None if all are. From date.min where everything is computed anew."""
    whole = (date.min, date.max)
    if mark is None or mark.declaration != _declaration(metric, values):
        return whole
    changes = now.changes_since(mark.epoch, mark.version)
    if changes is None:
        return whole
    spans: list[Span] = []
    for table in metric.tables & changes.keys():
        low, high = changes[table]
        if table in metric.everything or low is None or high is None or metric.before is None:
            return whole
        spans.append(
            (low - timedelta(days=metric.before), date.max if metric.after is None else high + timedelta(days=metric.after))
        )
    moved = mark.horizon != now.horizon
    if moved and (metric.censored or not metric.additive):
        edges = [day for day in (mark.horizon, now.horizon) if day is not None]
        if len(edges) < 2 or metric.before is None:
            return whole
        if metric.censored:
            spans.append((min(edges) - timedelta(days=metric.before), date.max))
        else:
            spans.append((max(edges), max(edges)))  # only the windows that end on the last day have moved
    if not spans:
        return None
    low = min(span[0] for span in spans)
    if metric.fold in folds.STEPS:
        low -= timedelta(days=int(values[metric.params["funnel_days"]]) + 1)  # a later step counts for the day of the first one
    return low, max(span[1] for span in spans)


def _declaration(metric: Metric, values: dict[str, Any]) -> str:
    return metric.fingerprint({key: values[key] for key in metric.params.values()})


def _refill(context: Context, metric: Metric, span: Span | None, first: date | None, last: date | None) -> None:
    """Deletes and refills the metric's points of the days in `span` (None: all), with the watermark, in one transaction."""
    shop_id = context.lake.shop_id
    rows: list[tuple[Any, ...]] = []
    gone: list[tuple[Grain, Span | None]] = []
    for grain in metric.grains:
        if first is None or last is None:
            gone.append((grain, None))
            continue
        asked = (first, last)
        if span:
            asked = (max(span[0], date(1970, 1, 5)), span[1] if span[1] < date.max else max(last, span[0]))
        low, high = align(grain, *asked, context.horizon)
        if span is None or grain in WINDOWS:
            gone.append((grain, None))
        else:
            gone.append((grain, (low, high if span[1] < date.max else date.max)))
        found = points(context, metric, grain, low, high, metric.stored)
        rows.extend(
            (shop_id, metric.key, grain, p.start, p.dimension, p.segment, p.numerator, p.denominator)
            for p in found
            if p.numerator is not None or p.denominator is not None
        )
    with transaction.atomic():
        for kept, days in gone:
            old = MetricPoint.objects.filter(shop_id=shop_id, metric=metric.key, grain=kept)
            (old if days is None else old.filter(start__range=days))._raw_delete(old.db)
        bulk.insert(MetricPoint, _FIELDS, rows)
        Watermark.objects.update_or_create(
            shop_id=shop_id, metric=metric.key,
            defaults={
                "epoch": context.lake.epoch, "version": context.lake.version, "horizon": context.lake.horizon,
                "declaration": _declaration(metric, dict(context.values)), "refreshed_at": clock.now(),
            },
        )  # fmt: skip


def forget_shop(shop_id: int) -> None:
    """Removes all points of a shop."""
    with transaction.atomic():
        MetricPoint.objects.filter(shop_id=shop_id).delete()
        Watermark.objects.filter(shop_id=shop_id).delete()
