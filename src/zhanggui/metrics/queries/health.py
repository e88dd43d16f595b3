"""Is the shop healthy: cards with value, trend, line and a word, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from zhanggui.kernel import clock
from zhanggui.kernel.policy import PolicyField, describe
from zhanggui.metrics import catalogue as declared
from zhanggui.metrics import policy, rules
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.metric import Metric
from zhanggui.metrics.models import MetricPoint
from zhanggui.metrics.queries.values import Value, check_days, coverage, sums_of, value_of, watermark
from zhanggui.stats.shares import UNDECIDED, Change


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


HEALTH: Mapping[str, tuple[tuple[str, int], ...]] = {
    "流量": (("traffic.visitors", 7), ("traffic.new_customers", 7), ("traffic.bounce_rate", 7), ("traffic.depth", 7), ("traffic.cost_per_new_customer", 30)),
    "转化": (("conversion.sales", 7), ("conversion.orders", 7), ("conversion.average_order_value", 7), ("conversion.add_to_cart_rate", 7),
             ("conversion.cart_to_pay", 7), ("conversion.pay_rate", 7), ("conversion.refund_rate", 30), ("conversion.gross_margin", 30)),
    "用户": (("customers.repurchase_30", 30), ("customers.repurchase_90", 30), ("customers.returning_share", 30), ("customers.silent_rate", 30),
             ("customers.annual_retention", 30), ("customers.arpu", 30), ("traffic.fission_coefficient", 30)),
    "社群": (("community.first_day_retention", 7), ("community.interactions_per_100", 7), ("community.new_members", 7)),
    "内容": (("content.readers", 30), ("content.share_rate", 30), ("content.followers", 30)),
    "数据": (("data.channel_known", 30), ("data.cost_known", 30)),
}  # fmt: skip
"""Layer → (metric, days looked back). The home page is made of these."""


def lines_of(metric: Metric, held: Mapping[str, Any]) -> tuple[Line, ...]:
    """The policy values beside a metric, its threshold first."""
    fields = policy_fields()
    named = [fields[key] for key in metric.policies]
    return tuple(
        Line(f.key, float(held[f.key]), f.declared.kind, f.declared.side or "", f.declared.meaning, f.declared.unit)
        for f in named
    )


@lru_cache(maxsize=1)
def policy_fields() -> dict[str, PolicyField]:
    """Every policy value that stands beside a number, by key."""
    return {f.key: f for kind in policy.ALL for f in describe(kind)}


def health(shop_id: int, day: date | None = None) -> Health:
    """Whether the shop is healthy as of `day` (the last observed one): every card with value, trend, line and a word.

    A card looks at its last 7 or 30 days against as many before them; numbers that need time to ripen (repurchase) look that much
    further back. Reads stored points only, where `day` is the last observed day.
    """
    covered = coverage(shop_id)
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
    sums = sums_of(shop_id, asks, covered.horizon)
    daily = _daily(shop_id, [metric for _, metric, _, _ in plan], day - timedelta(days=150), day)
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


def card(shop_id: int, key: str, first: date, last: date) -> Card:
    """One number of these days, judged against as many days before them, as the health page judges it. Not for spreads."""
    check_days(first, last)
    metric = declared.metric(key)
    covered = coverage(shop_id)
    days = (last - first).days + 1
    before = first - timedelta(days=days), first - timedelta(days=1)
    sums = sums_of(shop_id, [(metric, first, last), (metric, *before)], covered.horizon)
    now, then = (
        value_of(metric, sums[(metric.key, *span)], covered.seen(*span), *span) for span in ((first, last), before)
    )  # fmt: skip
    daily = _daily(shop_id, [metric], min(before[0], last - timedelta(days=30)), last)
    return _card(metric, days, now, then, daily.get(key, {}), last, policy_values(shop_id))


def _daily(shop_id: int, metrics: Sequence[Metric], first: date, last: date) -> dict[str, dict[date, float]]:
    """Each metric's daily values of these days; the health page asks for 150, enough for 30 days and their like shifted by 90."""
    kept = {m.key: m for m in metrics if "day" in m.grains}
    rows = MetricPoint.objects.filter(
        shop_id=shop_id, metric__in=kept, grain="day", dimension="", start__range=(first, last)
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
