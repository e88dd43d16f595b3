"""Incremental equals full, only what a change reaches is computed again, and what was interrupted is made good."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from zhanggui.facts import lake
from zhanggui.facts.models import LakeDirty, Shop
from zhanggui.facts.tests.changes import CHANGES
from zhanggui.facts.tests.world import DAY0, World, at, random_world
from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.errors import Conflict
from zhanggui.kernel.models import OutboxEvent
from zhanggui.metrics import commands, policy
from zhanggui.metrics.catalogue import ALL, BY_KEY
from zhanggui.metrics.models import MetricPoint, Watermark

pytestmark = pytest.mark.django_db
FIELDS = ("metric", "grain", "start", "dimension", "segment", "numerator", "denominator")


def stored(shop_id: int) -> set[tuple[Any, ...]]:
    """Every stored point."""
    return set(MetricPoint.objects.filter(shop_id=shop_id).values_list(*FIELDS))


def anew(shop: Shop, settings: Any) -> set[tuple[Any, ...]]:
    """The points as a full refresh over a new lake computes them, from the same facts; afterwards everything is as it was."""
    mine, points, marks = (
        settings.LAKE,
        list(MetricPoint.objects.filter(shop_id=shop.pk)),
        list(Watermark.objects.filter(shop_id=shop.pk)),
    )
    commands.forget_shop(shop.pk)
    settings.LAKE = Path(mine).with_name(f"anew-{random.random()}")
    commands.refresh(shop.pk, full=True)
    found = stored(shop.pk)
    commands.forget_shop(shop.pk)
    MetricPoint.objects.bulk_create(points)
    Watermark.objects.bulk_create(marks)
    settings.LAKE = mine
    return found


def told(points: set[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, points))


@how(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    rounds=st.lists(
        st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 10**6)), min_size=1, max_size=3), min_size=1, max_size=3
    ),
)
def test_an_incremental_refresh_equals_a_full_one(seed: int, rounds: list[list[Any]], settings: Any) -> None:
    world = random_world(seed, people=10, days=80)
    commands.refresh(world.shop.pk)
    for changes in rounds:
        for change, number in changes:
            change(world, random.Random(number))
        commands.refresh(world.shop.pk)
        mine, fresh = stored(world.shop.pk), anew(world.shop, settings)
        assert told(mine - fresh) == told(fresh - mine) == []


def test_a_second_refresh_has_nothing_to_do() -> None:
    world = random_world(1, people=10, days=40)
    assert len(commands.refresh(world.shop.pk)) == len(ALL)
    events = OutboxEvent.objects.filter(name="MetricsRefreshed").count()
    assert commands.refresh(world.shop.pk) == []
    assert OutboxEvent.objects.filter(name="MetricsRefreshed").count() == events == 1
    assert not LakeDirty.objects.exists()


def test_only_what_a_change_reaches_is_computed_again() -> None:
    world = random_world(2, people=10, days=80)
    commands.refresh(world.shop.pk)
    world.spend(79, "ads", 4200)
    assert set(commands.refresh(world.shop.pk)) == {"traffic.spend", "traffic.cost_per_new_customer", "data.rows"}
    world.read("a1", 79, 900, 30)
    assert set(commands.refresh(world.shop.pk)) == {"content.readers", "content.share_rate", "content.followers", "data.rows"}


def rows_of(key: str) -> dict[Any, int]:
    """Period → row id: a point that was written anew has another id."""
    return {
        (g, s, d, x): pk
        for pk, g, s, d, x in MetricPoint.objects.filter(metric=key).values_list("id", "grain", "start", "dimension", "segment")
    }


def test_days_that_nothing_happened_to_keep_their_points() -> None:
    world = World()
    for day in range(60):
        world.order(world.customer(channel="ads"), at(day), at(day), 100 + day, channel="ads")
    commands.refresh(world.shop.pk)
    before = rows_of("conversion.sales")
    world.order(world.customer(), at(30, 3), at(30, 3), 7, channel="ads")
    assert "conversion.sales" in commands.refresh(world.shop.pk)
    after = rows_of("conversion.sales")
    written = {key[1] for key, pk in after.items() if before.get(key) != pk}
    assert written == {DAY0 + timedelta(days=30)}


def test_another_policy_value_computes_anew_what_depends_on_it(settings: Any) -> None:
    world = random_world(3, people=10, days=60)
    commands.refresh(world.shop.pk)
    policy_store.register(*policy.ALL)
    policy_store.override(world.shop.pk, "customers.silent_days", 5, by="店主")
    assert set(commands.refresh(world.shop.pk)) == {"customers.silent", "customers.silent_rate"}
    policy_store.override(world.shop.pk, "conversion.funnel_days", 2, by="店主")
    assert set(commands.refresh(world.shop.pk)) == {m.key for m in ALL if m.params.get("funnel_days")}
    assert told(stored(world.shop.pk)) == told(anew(world.shop, settings))


def test_when_the_day_is_over_it_counts_as_observed(settings: Any) -> None:
    world = World()
    for day in (0, 1, 40):
        one = world.customer()
        world.order(one, at(day), at(day), 100)
        world.event(one, at(day), "page_view")
    with clock.frozen(at(40, 20)):
        commands.refresh(world.shop.pk)
        assert not MetricPoint.objects.filter(metric="customers.silent", start=DAY0 + timedelta(days=40)).exists()
        assert Watermark.objects.get(metric="data.rows").horizon == DAY0 + timedelta(days=39)
        assert MetricPoint.objects.filter(metric="conversion.sales", start=DAY0 + timedelta(days=40)).exists(), (
            "what came in today shows at once"
        )
    with clock.frozen(at(41, 1)):
        commands.refresh(world.shop.pk)
        assert MetricPoint.objects.get(metric="customers.silent", start=DAY0 + timedelta(days=40)).numerator == 2
        assert told(stored(world.shop.pk)) == told(anew(world.shop, settings))


class Stopped(Exception):
    pass


@pytest.mark.parametrize("after", [0, 3, 20])
def test_interrupted_between_two_metrics_the_next_refresh_goes_on(
    after: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = random_world(4, people=8, days=50)
    commands.refresh(world.shop.pk)
    random.seed(1)
    one = world.customer()
    world.order(one, at(20), at(20), 321)
    world.event(one, at(20), "product_view", product_id="p1")
    real, count = commands._refill, [0]

    def refill(*args: Any) -> None:
        if count[0] == after:
            raise Stopped
        count[0] += 1
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(commands, "_refill", refill)
        with pytest.raises(Stopped):
            commands.refresh(world.shop.pk)
    announced = OutboxEvent.objects.filter(name="MetricsRefreshed").count()
    assert not lake.stale(world.shop.pk), "the lake itself was finished"
    commands.refresh(world.shop.pk)
    assert told(stored(world.shop.pk)) == told(anew(world.shop, settings))
    assert OutboxEvent.objects.filter(name="MetricsRefreshed").count() > announced


def test_a_torn_file_is_mended_on_the_way(settings: Any) -> None:
    world = random_world(5, people=8, days=40)
    commands.refresh(world.shop.pk)
    place = Path(lake.read(world.shop).paths("orders")[0])
    data = place.read_bytes()
    place.write_bytes(data[:8] + bytes(60) + data[68:])
    world.order(world.customer(), at(39), at(39), 100)
    commands.refresh(world.shop.pk)
    assert told(stored(world.shop.pk)) == told(anew(world.shop, settings))


def test_two_do_not_refresh_one_shop_at_once(own_lake: Path) -> None:
    world = random_world(6, people=4, days=20)
    with lake.only_writer(own_lake, world.shop.pk, "metrics"), pytest.raises(Conflict):
        commands.refresh(world.shop.pk)
    assert not MetricPoint.objects.exists()
    assert lake.stale(world.shop.pk)
    assert commands.refresh(world.shop.pk)


def test_shops_keep_their_own_points() -> None:
    mine, theirs = random_world(7, people=5, days=30), random_world(8, people=5, days=30)
    commands.refresh(mine.shop.pk)
    before = stored(mine.shop.pk)
    commands.refresh(theirs.shop.pk)
    theirs.order(theirs.customer(), at(29), at(29), 999999)
    commands.refresh(theirs.shop.pk)
    assert stored(mine.shop.pk) == before
    commands.forget_shop(theirs.shop.pk)
    assert not stored(theirs.shop.pk)
    assert stored(mine.shop.pk) == before


def test_points_of_a_metric_that_is_no_longer_declared_go() -> None:
    world = random_world(9, people=4, days=20)
    commands.refresh(world.shop.pk)
    MetricPoint.objects.create(shop_id=world.shop.pk, metric="old.one", grain="day", start=DAY0, numerator=1)
    Watermark.objects.create(
        shop_id=world.shop.pk, metric="old.one", epoch="", version=1, declaration="", refreshed_at=clock.now(), horizon=date(2026, 1, 1)
    )  # fmt: skip
    commands.refresh(world.shop.pk)
    assert set(MetricPoint.objects.filter(shop_id=world.shop.pk).values_list("metric", flat=True)) <= BY_KEY.keys()


def test_an_empty_shop_is_refreshed_to_nothing() -> None:
    shop = Shop.objects.create(name="新店")
    assert commands.refresh(shop.pk)
    assert not MetricPoint.objects.filter(shop_id=shop.pk).exists()
    assert commands.refresh(shop.pk) == []
