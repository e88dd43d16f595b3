"""What pages and the terminal are told: from stored points and from the lake alike, down to the rows, or why nothing can be told."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from zhanggui.facts.models import Shop
from zhanggui.facts.tests.world import DAY0, World, at, random_world
from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.errors import BadInput, NotFound
from zhanggui.metrics import commands, policy, queries
from zhanggui.metrics.catalogue import ALL, BY_KEY
from zhanggui.metrics.models import MetricPoint

pytestmark = pytest.mark.django_db
stored_values = importlib.import_module("zhanggui.metrics.queries.values")
PLAIN = [m for m in ALL if m.shape != "spread"]


def day(n: int) -> date:
    return DAY0 + timedelta(days=n)


@pytest.fixture(scope="module")
def built(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Path]]:
    """A busy shop of a hundred days, computed once for all questions of this file."""
    from django.conf import settings

    folder, before = tmp_path_factory.mktemp("queries") / "lake", settings.LAKE
    with django_db_blocker.unblock(), transaction.atomic():
        settings.LAKE = folder
        world = random_world(21, people=40, days=100)
        for n in range(0, 100, 7):
            world.visits(n, sessions=30, page_views=90, visitors=25, depth={"1": 10, "2": 20})
        commands.refresh(world.shop.pk)
        settings.LAKE = before
        yield world, folder
        transaction.set_rollback(True)


@pytest.fixture
def world(built: tuple[World, Path], db: None, settings: Any) -> World:
    """That shop, with its lake in place."""
    settings.LAKE = built[1]
    return built[0]


# -- numbers ------------------------------------------------------------------------------------------------------------------------------

SPANS = {
    "a day": (60, 60),
    "a week": (56, 62),
    "a month": (27, 54),
    "the last 7": (93, 99),
    "the last 30": (70, 99),
    "any stretch": (13, 81),
}


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS.keys())
def test_stored_points_and_the_lake_tell_the_same(world: World, span: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = day(span[0]), day(span[1])
    if span == SPANS["a month"]:
        first, last = date(2026, 2, 1), date(2026, 2, 28)
    keys = [m.key for m in PLAIN]
    from_points = {v.key: v for v in queries.values(world.shop.pk, keys, first, last)}
    for metric in PLAIN:
        asked = [p for p in stored_values.points_over(world.shop.pk, metric, first, last) if not p.dimension]
        got = from_points[metric.key]
        want = (asked[-1].numerator, asked[-1].denominator) if asked else (None, None)
        assert (got.numerator or 0, got.denominator or 0) == (want[0] or 0, want[1] or 0), metric.key
        if not got.missing:
            assert got.value == metric.value(want[0] or 0 if metric.shape == "sum" else want[0], want[1])


def test_health_page_windows_read_stored_points_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any) -> None:
        raise AssertionError("the home page went to the lake")

    monkeypatch.setattr(stored_values, "_kept_points", never)
    assert queries.health(world.shop.pk).layers


def test_a_sum_without_rows_is_zero_only_where_it_was_observed() -> None:
    world = World()
    world.order(world.customer(), at(0), at(0), 100)
    world.order(world.customer(), at(9), at(9), 100)
    commands.refresh(world.shop.pk)
    quiet = queries.value(world.shop.pk, "conversion.sales", day(3), day(4))
    assert (quiet.value, quiet.missing) == (0, "")
    none = queries.value(world.shop.pk, "conversion.average_order_value", day(3), day(4))
    assert none.value is None
    assert none.missing == "这段时间没有支付订单，无法计算客单价"
    assert queries.value(world.shop.pk, "conversion.refund_rate", day(0), day(9)).value == 0


WHY = {
    "before the beginning": ("conversion.sales", -9, -3, "数据从 2026-01-05 开始，没有更早的记录"),
    "after the end": ("conversion.sales", 20, 25, "数据只到 2026-01-14，还看不到这段时间"),
    "no log": ("traffic.visitors", 0, 9, "没有行为日志，无法计算访客数；请在小程序或 H5 页面接入行为采集"),
    "no spend": ("traffic.cost_per_new_customer", 0, 9, "没有渠道花费，无法计算获客成本；请连接微信广告或导入渠道花费"),
    "no costs": ("conversion.gross_margin", 0, 9, "没有商品成本，无法计算毛利率；请导入商品成本"),
    "no groups": ("community.first_day_retention", 0, 9, "没有企业微信社群，无法计算入群次日留存；请连接企业微信"),
    "no group figures": ("community.interactions_per_100", 0, 9, "没有企业微信群统计，无法计算每百人互动；请连接企业微信"),
    "no articles": ("content.readers", 0, 9, "没有公众号文章数据，无法计算文章阅读人数；请连接公众号"),
    "either of two": ("traffic.sessions", 0, 9, "没有行为日志或小程序日数据，无法计算访问次数；请在小程序或 H5 页面接入行为采集"),
    "not watched long enough": ("customers.repurchase_90", 0, 9, "这段时间没有首购已满 90 天的客户，无法计算90 天复购率"),
    "no kinds to compare": ("customers.private_uplift", 0, 9, "这段时间没有私域和公域渠道都有的支付客户，无法计算私域 ARPU 高出"),
}


@pytest.mark.parametrize(("key", "first", "last", "why"), WHY.values(), ids=WHY.keys())
def test_what_cannot_be_said_names_what_is_missing(key: str, first: int, last: int, why: str) -> None:
    world = World()
    world.order(world.customer(), at(0), at(0), 100)
    world.order(world.customer(), at(9), at(9), 100)
    commands.refresh(world.shop.pk)
    found = queries.value(world.shop.pk, key, day(first), day(last))
    assert found.missing == why
    assert found.value is None
    assert found.low is found.high is None


def test_every_number_has_a_value_or_a_reason(world: World) -> None:
    for first, last in ((-30, -20), (0, 0), (5, 50), (0, 99), (90, 130), (120, 130)):
        for value in queries.values(world.shop.pk, [m.key for m in ALL], day(first), day(last)):
            assert (value.value is None) == bool(value.missing), value


def test_a_source_that_fell_silent_is_said_to_have() -> None:
    world = World()
    one = world.customer()
    world.event(one, at(0), "page_view")
    world.order(one, at(0), at(0), 100)
    world.order(one, at(20), at(20), 100)
    commands.refresh(world.shop.pk)
    assert queries.value(world.shop.pk, "traffic.visitors", day(0), day(5)).value == 1
    assert queries.value(world.shop.pk, "traffic.visitors", day(10), day(15)).missing == "这段时间没有行为日志，无法计算访客数"


def test_a_counted_share_knows_its_chance_error(world: World) -> None:
    share = queries.value(world.shop.pk, "conversion.order_pay_rate", day(0), day(99))
    assert share.low is not None
    assert share.high is not None
    assert share.value is not None
    assert 0 <= share.low < share.value < share.high <= 1
    money = queries.value(world.shop.pk, "conversion.refund_rate", day(0), day(99))
    assert money.low is money.high is None


def test_questions_that_cannot_be_asked(world: World) -> None:
    with pytest.raises(NotFound):
        queries.value(world.shop.pk, "traffic.nothing", day(0), day(1))
    with pytest.raises(BadInput):
        queries.value(world.shop.pk, "traffic.visitors", day(1), day(0))
    with pytest.raises(BadInput):
        queries.series(world.shop.pk, "traffic.visitors", day(0), day(9), "hour")
    with pytest.raises(BadInput):
        queries.series(world.shop.pk, "traffic.visitors", day(0), day(9), dimension="channel", segment="ads")
    with pytest.raises(BadInput):
        queries.breakdown(world.shop.pk, "conversion.sales", "product_id", day(0), day(9))
    with pytest.raises(BadInput):
        queries.funnel(world.shop.pk, day(0), day(9), "category")


def test_another_shop_knows_nothing_of_it(world: World) -> None:
    other = Shop.objects.create(name="别家")
    value = queries.value(other.pk, "conversion.sales", day(0), day(9))
    assert (value.value, value.missing) == (None, "还没有任何数据，请先连接店铺或导入订单")
    assert queries.health(other.pk).verdict == "数据不足"
    assert queries.rows_behind(other.pk, "conversion.sales", day(0), day(99)).total == 0
    assert queries.cohorts(other.pk).missing
    assert queries.rfm(other.pk).missing
    assert queries.funnel(other.pk, day(0), day(9)).missing
    assert queries.breakdown(other.pk, "conversion.sales", "channel", day(0), day(99)) == ()


def test_the_running_day_can_be_asked_for() -> None:
    world = World()
    world.order(world.customer(), at(0), at(0), 100)
    world.order(world.customer(), at(5, 9), at(5, 9), 300)
    with clock.frozen(at(5, 20)):
        commands.refresh(world.shop.pk)
        assert queries.value(world.shop.pk, "conversion.sales", day(5), day(5)).value == 300
        assert queries.watermark(world.shop.pk)[1] == day(4)
        assert queries.health(world.shop.pk).day == day(4)


# -- series ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", PLAIN, ids=lambda m: m.key)
@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_a_series_tells_what_each_of_its_periods_would(world: World, metric: Any, grain: str) -> None:
    points = queries.series(world.shop.pk, metric.key, day(10), day(80), grain)
    assert [p.start for p in points] == sorted({p.start for p in points})
    assert points[0].start <= day(10) <= points[0].last
    assert all(b.start == a.last + timedelta(days=1) for a, b in itertools.pairwise(points))
    for point in points[:: max(1, len(points) // 3)]:
        value = queries.value(world.shop.pk, metric.key, point.start, point.last)
        if metric.grains == ("month",) and grain != "month":
            continue  # the estimate of a month is no estimate of its weeks
        if point.value is not None or value.value is None:
            assert point.value == value.value, (point, value)
        else:
            assert value.value == 0 or metric.shape == "state", (point, value)


def test_a_series_of_one_segment(world: World) -> None:
    whole = queries.series(world.shop.pk, "traffic.new_customers", day(0), day(99), "month")
    parts = queries.breakdown(world.shop.pk, "traffic.new_customers", "channel", day(0), day(99))
    by_month: dict[date, float] = {}
    for part in parts:
        for point in queries.series(
            world.shop.pk, "traffic.new_customers", day(0), day(99), "month", dimension="channel", segment=part.segment
        ):
            by_month[point.start] = by_month.get(point.start, 0) + (point.numerator or 0)
    assert by_month == {p.start: p.numerator for p in whole}


# -- breakdowns -----------------------------------------------------------------------------------------------------------------------------

SPLITS = [(m.key, d) for m in PLAIN for d in m.dimensions]


@pytest.mark.parametrize(("key", "dimension"), SPLITS, ids=[f"{k} by {d}" for k, d in SPLITS])
def test_a_breakdown_adds_up_where_it_can(world: World, key: str, dimension: str) -> None:
    metric, whole = BY_KEY[key], queries.value(world.shop.pk, key, day(20), day(80))
    parts = queries.breakdown(world.shop.pk, key, dimension, day(20), day(80))
    assert len({p.segment for p in parts}) == len(parts)
    assert all(p.name for p in parts)
    assert all(p.value == metric.value(p.numerator, p.denominator) for p in parts)
    weights = [(p.denominator if metric.shape in ("ratio", "statistic") else p.numerator) or 0 for p in parts]
    assert weights == sorted(weights, reverse=True)
    if metric.additive and not metric.fold and dimension != "product_id":
        assert sum(p.numerator or 0 for p in parts) == (whole.numerator or 0)
        if whole.denominator is not None:
            assert sum(p.denominator or 0 for p in parts) == whole.denominator
        if metric.shape == "sum" and whole.numerator:
            assert sum(p.share or 0 for p in parts) == pytest.approx(1)


def test_products_are_called_by_their_titles(world: World) -> None:
    parts = queries.breakdown(world.shop.pk, "conversion.product_sales", "product_id", day(0), day(99))
    assert {p.segment for p in parts} == {"p0", "p1", "p2"}
    assert all(p.name == p.segment for p in parts)
    assert queries.segment_name("product_id", "", {}) == "未知商品"
    assert queries.segment_name("channel", "ads") == "微信广告"
    assert queries.segment_name("channel_kind", "private") == "私域"
    assert queries.segment_name("is_new", "") == "未知客户"
    assert queries.segment_name("tier", "") == "未分级"


# -- tables ---------------------------------------------------------------------------------------------------------------------------------


def test_the_funnel_narrows_and_its_parts_are_of_it(world: World) -> None:
    for first, last in ((56, 62), (13, 81), (70, 99)):
        whole = queries.funnel(world.shop.pk, day(first), day(last), "channel")
        people = [s.people for s in whole.stages]
        assert people == sorted(people, reverse=True)
        assert whole.stages[0].from_previous is None
        assert whole.stages[1].from_previous == people[1] / people[0]
        assert whole.stages[3].from_first == people[3] / people[0]
        assert [s.people for s in queries.funnel(world.shop.pk, day(first), day(last)).stages] == people
        assert whole.parts
        assert max(p.stages[0].people for p in whole.parts) <= people[0] <= sum(p.stages[0].people for p in whole.parts)
        steps = [
            queries.value(world.shop.pk, key, day(first), day(last))
            for key in ("conversion.view_to_cart", "conversion.cart_to_order", "conversion.order_to_pay")
        ]
        assert [(v.numerator, v.denominator) for v in steps] == list(zip(people[1:], people, strict=False))


def test_cohorts_are_the_shares_of_first_time_buyers(world: World) -> None:
    found = queries.cohorts(world.shop.pk)
    new = {p.start: p.numerator for p in queries.series(world.shop.pk, "traffic.new_customers", day(0), day(99), "month")}
    assert {c.start: c.size for c in found.rows} == {start: n for start, n in new.items() if n}
    assert all(c.shares[0] == 1 and c.counts[0] == c.size for c in found.rows)
    assert found.average[0] == 1
    assert found.average[1] == sum(c.counts[1] for c in found.rows if len(c.counts) > 1) / sum(
        c.size for c in found.rows if len(c.counts) > 1
    )
    assert len(queries.cohorts(world.shop.pk, months=1).rows) == 1


def test_rfm_has_everybody_once_whatever_the_day(world: World) -> None:
    now = queries.rfm(world.shop.pk)
    assert now.day == queries.watermark(world.shop.pk)[1]
    assert sum(s.customers for s in now.segments) == sum(now.cells.values())
    assert sum(s.share for s in now.segments) == pytest.approx(1)
    assert (
        sum(s.customers for s in now.segments)
        == queries.value(world.shop.pk, "customers.silent_rate", day(0), day(99)).denominator
    )
    sales = queries.value(world.shop.pk, "customers.arpu", day(0), day(150)).numerator
    back = sum(row[6] for row in queries.rows_behind(world.shop.pk, "conversion.refunds", day(0), now.day, 9999).rows)
    assert sum(s.money_fen for s in now.segments) == (sales or 0) - back
    then = queries.rfm(world.shop.pk, day(30))
    assert then.day == day(30)
    assert (
        sum(s.customers for s in then.segments)
        == queries.value(world.shop.pk, "customers.silent_rate", day(0), day(30)).denominator
    )


# -- rows -------------------------------------------------------------------------------------------------------------------------------------

Table = list[dict[str, Any]]


def distinct(table: Table, head: str = "客户编号") -> int:
    return len({row[head] for row in table if row[head] is not None})


def total(table: Table, head: str) -> int:
    return sum(row[head] or 0 for row in table)


PARTS: dict[str, tuple[Callable[[Table], float] | None, Callable[[Table], float] | None]] = {
    "traffic.visitors": (distinct, None),
    "traffic.new_visitors": (None, None),
    "traffic.new_customers": (len, None),
    "traffic.sessions": (None, None),
    "traffic.depth": (None, None),
    "traffic.bounce_rate": (None, None),
    "traffic.spend": (lambda t: total(t, "花费"), None),
    "traffic.cost_per_new_customer": (lambda t: total(t, "花费"), None),
    "traffic.invited_customers": (len, None),
    "traffic.fission_coefficient": (len, lambda t: distinct(t, "邀请人编号")),
    "traffic.k_factor": (len, None),
    "conversion.view_to_cart": (None, distinct),
    "conversion.cart_to_order": (None, None),
    "conversion.order_to_pay": (None, None),
    "conversion.cart_to_pay": (None, distinct),
    "conversion.pay_rate": (None, distinct),
    "conversion.add_to_cart_rate": (distinct, None),
    "conversion.orders": (len, None),
    "conversion.sales": (lambda t: total(t, "实付"), None),
    "conversion.net_sales": (lambda t: total(t, "金额"), None),
    "conversion.product_sales": (lambda t: total(t, "实付"), None),
    "conversion.units": (lambda t: total(t, "件数"), None),
    "conversion.average_order_value": (lambda t: total(t, "实付"), len),
    "conversion.order_pay_rate": (lambda t: sum(row["支付时间"] is not None for row in t), len),
    "conversion.refunds": (lambda t: total(t, "金额"), None),
    "conversion.refund_rate": (lambda t: -sum(row["金额"] for row in t if row["金额"] < 0), lambda t: sum(row["金额"] for row in t if row["金额"] > 0)),
    "conversion.refund_order_rate": (lambda t: sum(row["已退款"] > 0 for row in t), len),
    "conversion.gross_margin": (lambda t: total(t, "实付") - total(t, "成本"), lambda t: total(t, "实付")),
    "conversion.discount_rate": (None, None),
    "customers.buyers": (distinct, None),
    "customers.returning_share": (None, distinct),
    "customers.repeat_rate": (lambda t: sum(row["期内支付次数"] > 1 for row in t), len),
    **{f"customers.repurchase_{n}": (None, len) for n in (30, 60, 90, 365)},
    **{f"customers.repurchase_km_{n}": (None, None) for n in (30, 60, 90, 365)},
    "customers.repurchase_interval": (None, len),
    "customers.repurchase_interval_median": (None, len),
    "customers.share_rate": (distinct, None),
    "customers.silent": (len, None),
    "customers.silent_rate": (len, None),
    "customers.annual_retention": (lambda t: sum(row["最近一年支付次数"] > 0 for row in t), len),
    **{f"customers.visit_retention_{n}": (None, None) for n in (1, 7, 30)},
    "customers.arpu": (lambda t: total(t, "实付"), distinct),
    "customers.private_uplift": (None, None),
    "community.new_members": (len, None),
    "community.first_day_retention": (None, len),
    "community.members": (lambda t: sum(row["成员"] for row in t if row["日期"] == max(r["日期"] for r in t)), None),
    "community.interactions_per_100": (lambda t: total(t, "消息数"), lambda t: total(t, "成员")),
    "community.active_share": (lambda t: total(t, "发言成员"), lambda t: total(t, "成员")),
    "content.readers": (lambda t: total(t, "阅读人数"), None),
    "content.share_rate": (lambda t: total(t, "分享人数"), lambda t: total(t, "阅读人数")),
    "content.followers": (lambda t: total(t, "新增关注"), None),
    "data.channel_known": (lambda t: sum(row["渠道"] != "未知来源" for row in t), len),
    "data.customer_known": (lambda t: sum(row["客户编号"] is not None for row in t), len),
    "data.cost_known": (lambda t: sum(row["实付"] for row in t if row["成本"] is not None), lambda t: total(t, "实付")),
}  # fmt: skip
"""What the rows behind a number add up to: its numerator and its denominator, where rows show them."""


def all_rows(shop_id: int, key: str, first: date, last: date) -> Table:
    """Every row behind a number, page by page."""
    found: Table = []
    while True:
        page = queries.rows_behind(shop_id, key, first, last, 70, len(found))
        heads = [c.name for c in page.columns]
        found += [dict(zip(heads, row, strict=True)) for row in page.rows]
        if len(found) >= page.total:
            assert len(found) == page.total
            return found


def test_every_number_with_rows_is_held_to_them() -> None:
    assert PARTS.keys() == {m.key for m in PLAIN if m.rows}


@pytest.mark.parametrize("key", sorted(PARTS))
def test_the_rows_behind_a_number_add_up_to_it(world: World, key: str) -> None:
    first, last = day(9), day(88)
    value, table = queries.value(world.shop.pk, key, first, last), all_rows(world.shop.pk, key, first, last)
    assert value.missing or table, "a number without a row behind it"
    for part, told in zip(PARTS[key], (value.numerator, value.denominator), strict=True):
        if part is not None and told is not None:
            assert part(table) == told


def test_rows_of_annual_retention(settings: Any) -> None:
    world = World()
    for bought in ((0,), (0, 400), (10, 420), (500,)):
        one = world.customer()
        for n in bought:
            world.order(one, at(n), at(n), 100)
    commands.refresh(world.shop.pk)
    value = queries.value(world.shop.pk, "customers.annual_retention", day(0), day(500))
    assert (value.numerator, value.denominator) == (2, 3)
    table = all_rows(world.shop.pk, "customers.annual_retention", day(0), day(500))
    assert [part(table) for part in PARTS["customers.annual_retention"] if part] == [2, 3]


def test_rows_of_rfm_and_of_what_has_none(world: World) -> None:
    rows = queries.rows_behind(world.shop.pk, "customers.rfm", day(0), day(99), 9999)
    assert rows.total == sum(s.customers for s in queries.rfm(world.shop.pk, day(99)).segments)
    none = queries.rows_behind(world.shop.pk, "data.rows", day(0), day(99))
    assert (none.total, none.rows) == (0, ())
    assert none.missing


def test_pages_of_rows_do_not_overlap(world: World) -> None:
    first = queries.rows_behind(world.shop.pk, "conversion.orders", day(0), day(99), 10, 0)
    second = queries.rows_behind(world.shop.pk, "conversion.orders", day(0), day(99), 10, 10)
    assert len(first.rows) == len(second.rows) == 10
    assert not {r[0] for r in first.rows} & {r[0] for r in second.rows}
    moments = [r[2] for r in (*first.rows, *second.rows)]
    assert moments == sorted(moments, reverse=True)
    assert all(m.tzinfo is not None for m in moments)


# -- is the shop healthy ---------------------------------------------------------------------------------------------------------------------


def steady(world: World, days: int, per_day: Callable[[int], int], carts: int = 10, paid: int = 8) -> None:
    """Every day `per_day` people come, `carts` of whom take something into the cart and `paid` of those pay."""
    for n in range(days):
        for i in range(per_day(n)):
            one = world.customer(channel="search")
            world.event(one, at(n, 10), "product_view", session=f"{n}-{i}", product_id="p1", channel="search")
            world.event(one, at(n, 10.1), "page_view", session=f"{n}-{i}", channel="search")
            if i < carts:
                world.event(one, at(n, 10.2), "add_to_cart", session=f"{n}-{i}", product_id="p1", channel="search")
                if i < paid:
                    world.order(one, at(n, 10.3), at(n, 10.4), 1000, channel="search")


def cards(health: queries.Health) -> dict[str, queries.Card]:
    return {card.metric.key: card for layer in health.layers for card in layer.cards}


def test_a_steady_shop_is_healthy() -> None:
    world = World()
    steady(world, 20, lambda n: 12)
    commands.refresh(world.shop.pk)
    health = queries.health(world.shop.pk)
    assert health.day == day(19)
    found = cards(health)
    assert found["traffic.visitors"].value.value == 84
    assert found["traffic.visitors"].previous.value == 84
    assert found["traffic.visitors"].verdict == "健康"
    assert found["conversion.cart_to_pay"].value.value == 0.8
    assert found["conversion.cart_to_pay"].line is not None
    assert found["conversion.cart_to_pay"].line.value == 0.5
    assert found["conversion.cart_to_pay"].verdict == "健康"
    assert found["traffic.bounce_rate"].verdict == "健康"
    assert found["conversion.sales"].trend[-1] == 8000
    assert len(found["conversion.sales"].trend) == 30
    assert found["community.new_members"].verdict == "数据不足"
    assert "企业微信" in found["community.new_members"].reason
    assert {layer.name: layer.verdict for layer in health.layers}["社群"] == "数据不足"
    assert health.verdict in ("健康", "注意")


def test_a_drop_and_a_crossed_line_are_ill() -> None:
    world = World()
    steady(world, 14, lambda n: 12 if n < 7 else 5, carts=12, paid=12)
    for n in range(7, 14):
        for _ in range(6):
            one = world.customer()
            world.event(one, at(n, 12), "add_to_cart", product_id="p1", channel="search")
    commands.refresh(world.shop.pk)
    found = cards(queries.health(world.shop.pk))
    assert found["conversion.sales"].verdict == "异常"
    assert "降了" in found["conversion.sales"].reason
    assert found["conversion.sales"].change.direction == "down"
    assert found["conversion.sales"].relative == pytest.approx(5 / 12 - 1)
    assert found["conversion.cart_to_pay"].value.value == pytest.approx(35 / 77)
    assert found["conversion.cart_to_pay"].verdict == "注意", "below the line, but 35 of 77 may be chance"
    policy_store.register(*policy.ALL)
    policy_store.override(world.shop.pk, "conversion.cart_to_pay_low", 0.7, by="店主")
    again = cards(queries.health(world.shop.pk))["conversion.cart_to_pay"]
    assert again.line is not None
    assert (again.line.value, again.verdict) == (0.7, "异常")
    health = queries.health(world.shop.pk)
    assert health.verdict == "异常"
    assert "转化" in health.headline


def test_health_of_an_earlier_day_and_of_an_empty_shop() -> None:
    world = World()
    steady(world, 16, lambda n: 3, carts=3, paid=3)
    commands.refresh(world.shop.pk)
    assert queries.health(world.shop.pk, day(9)).day == day(9)
    assert queries.health(world.shop.pk, day(99)).day == day(15)
    assert cards(queries.health(world.shop.pk, day(9)))["conversion.orders"].value.value == 21
    empty = queries.health(Shop.objects.create(name="空").pk)
    assert (empty.verdict, empty.layers) == ("数据不足", ())
    assert empty.missing


def test_one_card_is_judged_as_on_the_page(world: World) -> None:
    health = queries.health(world.shop.pk)
    assert health.day is not None
    for key, on_page in cards(health).items():
        if on_page.metric.lag:
            continue
        alone = queries.card(world.shop.pk, key, health.day - timedelta(days=on_page.days - 1), health.day)
        assert (alone.value, alone.previous, alone.verdict, alone.reason) == (
            on_page.value,
            on_page.previous,
            on_page.verdict,
            on_page.reason,
        )


def test_questions_leave_no_trace(world: World) -> None:
    before = MetricPoint.objects.count()
    queries.health(world.shop.pk)
    queries.answers(world.shop.pk, day(0), day(99), ["channel"])
    assert MetricPoint.objects.count() == before
