"""Numbers of a shop put straight into the stored points: what a refresh would have left, with values a test chooses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from zhanggui.facts.models import Shop
from zhanggui.kernel import clock
from zhanggui.metrics.models import MetricPoint, Watermark

Sums = tuple[float | None, float | None]


def yesterday() -> date:
    """The last whole day: the horizon of the shops made here."""
    return clock.today() - timedelta(days=1)


def ago(days: int) -> date:
    """A day before the horizon."""
    return yesterday() - timedelta(days=days)


def observed(shop: Shop, *sources: str, days: int = 200, at: datetime | None = None, version: int = 1) -> None:
    """Says that these sources had a row on each of the last `days` days, and that all was computed `at`."""
    MetricPoint.objects.bulk_create(
        MetricPoint(shop_id=shop.pk, metric="data.rows", grain="day", start=ago(n), dimension="source", segment=source, numerator=1)
        for source in sources for n in range(days)
    )  # fmt: skip
    computed(shop, at=at, version=version)


def computed(shop: Shop, *, at: datetime | None = None, version: int = 1) -> None:
    """Says that the numbers were brought up to date `at` (now)."""
    Watermark.objects.update_or_create(
        shop_id=shop.pk, metric="data.rows",
        defaults={"epoch": "e", "version": version, "horizon": yesterday(), "declaration": "", "refreshed_at": at or clock.now()},
    )  # fmt: skip


def point(
    shop: Shop, metric: str, start: date, numerator: float | None, denominator: float | None = None, **where: Any
) -> MetricPoint:
    """One stored point; of a day unless `grain` says otherwise."""
    fields = {"grain": "day", "dimension": "", "segment": "", **where}
    return MetricPoint.objects.create(
        shop_id=shop.pk, metric=metric, start=start, numerator=numerator, denominator=denominator, **fields
    )


def daily(shop: Shop, metric: str, sums: Mapping[int, Sums], **where: Any) -> None:
    """Daily points: days before the horizon → (numerator, denominator)."""
    for days, (numerator, denominator) in sums.items():
        point(shop, metric, ago(days), numerator, denominator, **where)


def steady(shop: Shop, metric: str, now: Sums, before: Sums, days: int = 7) -> None:
    """The same daily sums on each of the last `days` days, and others on each of the days before."""
    daily(shop, metric, {n: now if n < days else before for n in range(2 * days)})


def funnel(shop: Shop, back: int, levels: tuple[int, int, int, int]) -> None:
    """The stored funnel of the 30 days that end `back` windows before the horizon."""
    start = ago(30 * back + 29)
    for step, people in zip(("product_view", "add_to_cart", "order", "pay"), levels, strict=True):
        point(shop, "conversion.funnel", start, people, levels[0], grain="last30", dimension="stage", segment=step)
