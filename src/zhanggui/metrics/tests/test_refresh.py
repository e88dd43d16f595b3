"""Incremental equals full, and what was interrupted is made good."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from zhanggui.facts import lake
from zhanggui.facts.dirty import mark_people
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.models import Customer, Event, LakeDirty, Order, OrderLine, Refund
from zhanggui.kernel.models import OutboxEvent
from zhanggui.metrics import commands
from zhanggui.metrics.engine import engine_for
from zhanggui.metrics.models import MetricPoint, Watermark
from zhanggui.metrics.tests.world import World, at, random_world, visit

pytestmark = pytest.mark.django_db


def contents(shop_id: int) -> dict[str, list[tuple]]:
    """Every row of the lake."""
    with engine_for(lake.read(shop_id)) as engine:
        return {name: sorted(map(repr, engine.query(f"SELECT * FROM {name}").to_pylist())) for name in TABLES}


def stored(shop_id: int) -> set[tuple]:
    """Every stored point."""
    return set(
        MetricPoint.objects.filter(shop_id=shop_id).values_list(
            "metric", "grain", "start", "dimension", "segment", "numerator", "denominator"
        )
    )


def change(world: World, r: random.Random) -> str:
    """One thing that happens late, early, or to the wrong person."""
    crowd = list(Customer.objects.filter(shop=world.shop, merged_into=None))
    orders = list(Order.objects.filter(shop=world.shop).order_by("id"))
    what = r.choice(("visit", "visit", "late_order", "pay", "refund", "tier", "cancel", "merge", "new", "cost", "spend"))
    if what == "visit":
        visit(world, r, r.choice(crowd), crowd, r.randrange(0, 130))
    elif what == "late_order":
        moment = at(r.randrange(-20, 120), r.random() * 23)
        world.order(r.choice(crowd), moment, moment + timedelta(minutes=3), 4321)
    elif what == "pay":
        order = r.choice(orders)
        world.mark_order(order)
        order.paid_at = order.created_at + timedelta(days=r.randrange(0, 45)) if order.paid_at is None else None
        order.save()
        world.mark_order(order)
    elif what == "refund":
        order = r.choice(orders)
        world.refund(order, order.created_at + timedelta(days=r.randrange(0, 70)), 55)
    elif what == "tier":
        one = r.choice(crowd)
        one.tier = r.choice(("", "金卡", "银卡"))
        one.save()
        world.mark("customers")
    elif what == "cancel":
        order = r.choice(orders)
        world.mark_order(order)
        for refund in order.refunds.all():
            world.mark("refunds", refund.at)
        Refund.objects.filter(order=order).delete()
        OrderLine.objects.filter(order=order).delete()
        order.delete()
    elif what == "merge":
        kept, absorbed = r.sample(crowd, 2)
        for model in (Order, Refund, Event):
            model.objects.filter(customer=absorbed).update(customer=kept)
        absorbed.merged_into = kept
        absorbed.save()
        mark_people(world.shop, [kept.pk, absorbed.pk])
    elif what == "new":
        visit(world, r, world.customer(), crowd, r.randrange(100, 135))
    elif what == "cost":
        world.cost(f"s{r.randrange(4)}", r.randrange(0, 100), r.randrange(100, 500))
        world.mark("products")
    else:
        world.spend(r.randrange(0, 130), r.choice(("live", "group", "video")), 777)
    return what


@pytest.mark.parametrize("seed", range(4))
def test_incremental_refresh_equals_full(seed: int, tmp_path, settings) -> None:
    r = random.Random(seed)
    world = random_world(seed, people=25, days=100)
    commands.refresh(world.shop.pk)
    for _ in range(7):
        did = [change(world, r) for _ in range(r.randrange(1, 3))]
        commands.refresh(world.shop.pk)
        rows, points = contents(world.shop.pk), stored(world.shop.pk)
        settings.LAKE = tmp_path / f"full{r.random()}"
        commands.refresh(world.shop.pk, full=True)
        fresh_rows, fresh_points = contents(world.shop.pk), stored(world.shop.pk)
        for table in TABLES:
            assert rows[table] == fresh_rows[table], (did, table)
        assert sorted(map(repr, points - fresh_points)) == [] and sorted(map(repr, fresh_points - points)) == [], did
        settings.LAKE = tmp_path / "lake"
        Watermark.objects.all().delete()
        MetricPoint.objects.all().delete()
        commands.refresh(world.shop.pk)


def test_a_second_refresh_has_nothing_to_do() -> None:
    world = random_world(1, people=10, days=40)
    assert commands.refresh(world.shop.pk)
    events = OutboxEvent.objects.filter(name="MetricsRefreshed").count()
    assert commands.refresh(world.shop.pk) == []
    assert OutboxEvent.objects.filter(name="MetricsRefreshed").count() == events == 1
    assert not LakeDirty.objects.exists()
