"""The lake agrees with the facts after anything that may happen to either, told once and for all by a lake built anew."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhanggui.facts import commands, identity, lake, lake_store
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.models import Customer, Event, Group, GroupMember, Order, Shop
from zhanggui.facts.tests.changes import CHANGES
from zhanggui.facts.tests.world import DAY0, World, at, random_world
from zhanggui.kernel import clock
from zhanggui.kernel.errors import Conflict

pytestmark = pytest.mark.django_db
Contents = dict[str, list[tuple[Any, ...]]]
NEVER = date(1900, 1, 1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lake of this test lies in its own folder."""
    settings.LAKE = tmp_path / "lake"
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # no test pulls the plug
    return Path(settings.LAKE)


def contents(shop_id: int) -> Contents:
    """Every row of the shop's lake, in the order of the files."""
    now = lake.read(shop_id)
    return {
        name: [tuple(row.values()) for place in now.paths(name) for row in pq.read_table(place, partitioning=None).to_pylist()]
        for name in TABLES
    }  # fmt: skip


def column(shop_id: int, table: str, *names: str) -> list[Any]:
    """Some columns of a table, as a list of values or of tuples."""
    at_ = [list(TABLES[table].columns).index(name) for name in names]
    rows = [tuple(row[i] for i in at_) for row in contents(shop_id)[table]]
    return [row[0] for row in rows] if len(names) == 1 else rows


def anew(shop: Shop, settings: Any) -> Contents:
    """The contents of a lake built from the facts as they are now, somewhere else."""
    mine = settings.LAKE
    settings.LAKE = Path(mine).with_name(f"anew-{shop.pk}-{random.random()}")
    try:
        lake.refresh(shop)
        return contents(shop.pk)
    finally:
        settings.LAKE = mine


def the_same(shop: Shop, settings: Any) -> None:
    """Fails unless the shop's lake is what a new one would be."""
    mine, fresh = contents(shop.pk), anew(shop, settings)
    for table in TABLES:
        assert mine[table] == fresh[table], table


# -- what comes later ------------------------------------------------------------------------------------------------------------------


def days_that_differ(before: Contents, after: Contents, table: str) -> set[date]:
    """The days of a monthly table whose rows are not the same."""
    at_ = list(TABLES[table].columns).index("day")
    held: list[dict[date, list[Any]]] = [{}, {}]
    for side, found in enumerate((before, after)):
        for row in found[table]:
            held[side].setdefault(row[at_], []).append(row)
    return {day for day in held[0].keys() | held[1].keys() if held[0].get(day) != held[1].get(day)}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    rounds=st.lists(
        st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 10**6)), min_size=1, max_size=3), min_size=1, max_size=4
    ),
)
def test_an_incremental_refresh_equals_a_full_one(seed: int, rounds: list[list[Any]], settings: Any) -> None:
    world = random_world(seed, people=6, days=60)
    lake.refresh(world.shop)
    for changes in rounds:
        was, before = lake.read(world.shop), contents(world.shop.pk)
        for change, number in changes:
            change(world, random.Random(number))
        lake.refresh(world.shop)
        the_same(world.shop, settings)
        told = lake.read(world.shop).changes_since(was.epoch, was.version)
        assert told is not None
        after = contents(world.shop.pk)
        for table in TABLES:
            if TABLES[table].monthly:
                low, high = told.get(table, (NEVER, NEVER))
                assert all(low <= day <= high for day in days_that_differ(before, after, table)), (
                    f"{table} changed where nobody was told"
                )
            else:
                assert before[table] == after[table] or table in told


def test_a_refresh_without_news_writes_nothing(folder: Path) -> None:
    world = random_world(3, people=6, days=40)
    lake.refresh(world.shop)
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet")}
    assert lake.refresh(world.shop) == []
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet")} == before


def test_one_new_order_touches_its_month_and_tells_its_day() -> None:
    world = random_world(5, people=12, days=100)
    lake.refresh(world.shop)
    was = lake.read(world.shop)
    world.order(world.customer(), at(95), at(95, 13), 500)
    changed = {(c.table, c.part): (c.first_day, c.last_day) for c in lake.refresh(world.shop)}
    day = DAY0 + timedelta(days=95)
    assert changed[("orders", f"{day:%Y-%m}")] == (day, day)
    assert changed[("events", f"{day:%Y-%m}")] == (day, day)
    assert {part for table, part in changed if TABLES[table].monthly} == {f"{day:%Y-%m}"}
    told = lake.read(world.shop).changes_since(was.epoch, was.version)
    assert told is not None
    assert told["orders"] == (day, day)


def test_an_order_heard_of_late_renumbers_what_came_after(settings: Any) -> None:
    world = World()
    one = world.customer(channel="ads")
    world.order(one, at(40), at(40), 100, order_id="february", channel="ads")
    world.refund(world.order(one, at(70), at(70), 100, order_id="march", channel="chat"), at(75), 40)
    world.event(one, at(20), "page_view")
    world.event(one, at(41), "page_view")
    lake.refresh(world.shop)
    assert column(world.shop.pk, "orders", "order_id", "nth", "is_new") == [("february", 1, True), ("march", 2, False)]
    assert column(world.shop.pk, "events", "day", "is_new")[0] == (DAY0 + timedelta(days=20), True)
    world.order(one, at(10), at(10), 100, order_id="january", channel="group")
    lake.refresh(world.shop)
    assert column(world.shop.pk, "orders", "order_id", "nth", "is_new") == [
        ("january", 1, True),
        ("february", 2, False),
        ("march", 3, False),
    ]
    assert column(world.shop.pk, "orders", "previous_paid_at") == [None, at(10), at(40)]
    assert [new for day, new in column(world.shop.pk, "events", "day", "is_new") if day == DAY0 + timedelta(days=20)] == [False]
    assert column(world.shop.pk, "customers", "first_paid_day", "orders", "paid_fen", "refunded_fen") == [
        (DAY0 + timedelta(days=10), 3, 300, 40)
    ]
    the_same(world.shop, settings)


def test_free_orders_are_kept_but_are_no_purchases() -> None:
    world = World()
    one = world.customer()
    world.order(one, at(1), at(1), 0, order_id="gift")
    world.order(one, at(2), at(2), 100, order_id="bought")
    lake.refresh(world.shop)
    assert column(world.shop.pk, "orders", "order_id", "nth") == [("gift", None), ("bought", 1)]
    assert column(world.shop.pk, "customers", "orders", "paid_fen") == [(1, 100)]
    assert column(world.shop.pk, "events", "kind", "order_id") == [("order", "bought"), ("pay", "bought")]


def test_merged_people_are_one_and_parted_ones_two_again(settings: Any) -> None:
    world = World()
    one, other, friend = world.customer(channel="ads"), world.customer(channel="chat"), world.customer()
    group = world.group()
    world.order(one, at(1), at(1), 100)
    world.order(other, at(2), at(2), 200)
    world.event(other, at(40), "page_view")
    world.event(friend, at(41), "invite_open", referrer=other)
    member = world.member(group, at(3))
    GroupMember.objects.filter(pk=member.pk).update(customer=other)
    lake.refresh(world.shop)
    before = contents(world.shop.pk)
    merge = identity.merge(world.shop, one.pk, other.pk, evidence="同一人", by="测试")
    lake.refresh(world.shop)
    assert column(world.shop.pk, "orders", "customer", "nth") == [(0, 1), (0, 2)]
    assert column(world.shop.pk, "customers", "customer", "orders") == [(0, 2), (2, 0)]
    assert [who for kind, who in column(world.shop.pk, "events", "kind", "customer") if kind == "page_view"] == [0]
    assert [by for kind, by in column(world.shop.pk, "events", "kind", "referrer") if kind == "invite_open"] == [0]
    assert column(world.shop.pk, "group_members", "customer") == [0]
    the_same(world.shop, settings)
    identity.unmerge(merge.pk, by="测试")
    lake.refresh(world.shop)
    assert contents(world.shop.pk) == before
    the_same(world.shop, settings)


def test_who_brought_whom_is_the_first_before_the_first_payment() -> None:
    world = World()
    early, late, bought = world.customer(), world.customer(), world.customer()
    world.event(bought, at(3), "invite_open", referrer=bought)
    world.event(bought, at(4), "invite_open", referrer=early)
    world.event(bought, at(5), "invite_open", referrer=late)
    world.order(bought, at(6), at(6), 100)
    world.event(late, at(7), "page_view")
    world.order(late, at(7), at(7), 100)
    world.event(late, at(8), "invite_open", referrer=early)
    lake.refresh(world.shop)
    assert column(world.shop.pk, "customers", "customer", "inviter") == [(0, None), (1, None), (2, 0)]


# -- whose days --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Asia/Shanghai", datetime(2026, 1, 31, 15, 59, 59, 999999, UTC), date(2026, 1, 31)),
        ("Asia/Shanghai", datetime(2026, 1, 31, 16, 0, 0, 0, UTC), date(2026, 2, 1)),
        ("Asia/Urumqi", datetime(2026, 1, 31, 16, 0, 0, 0, UTC), date(2026, 1, 31)),
        ("America/New_York", datetime(2026, 3, 8, 4, 59, 59, 0, UTC), date(2026, 3, 7)),
        ("America/New_York", datetime(2026, 3, 9, 4, 0, 0, 0, UTC), date(2026, 3, 9)),
    ],
)
def test_days_begin_at_the_shops_own_midnight(zone: str, moment: datetime, day: date) -> None:
    world = World()
    Shop.objects.filter(pk=world.shop.pk).update(timezone=zone)
    world.shop.refresh_from_db()
    one = world.customer(first_seen_at=moment)
    world.refund(world.order(one, moment, moment, 100), moment, 10)
    world.event(one, moment, "page_view")
    lake.refresh(world.shop)
    assert column(world.shop.pk, "orders", "day", "paid_day") == [(day, day)]
    assert column(world.shop.pk, "order_lines", "day", "paid_day") == [(day, day)]
    assert column(world.shop.pk, "refunds", "day", "paid_day") == [(day, day)]
    assert set(column(world.shop.pk, "events", "day")) == {day}
    assert column(world.shop.pk, "customers", "first_seen_day", "first_paid_day", "last_paid_day") == [(day, day, day)]
    assert {part for key in lake.read(world.shop).parts if (part := key.split("/")[1])} == {f"{day:%Y-%m}"}


def test_another_zone_builds_the_lake_anew() -> None:
    world = World()
    world.order(world.customer(), at(1, 1), at(1, 1), 100)
    lake.refresh(world.shop)
    was = lake.read(world.shop)
    Shop.objects.filter(pk=world.shop.pk).update(timezone="Europe/London")
    lake.refresh(world.shop)
    now = lake.read(world.shop)
    assert now.changes_since(was.epoch, was.version) is None
    assert column(world.shop.pk, "orders", "day") == [DAY0]


def test_the_running_day_is_not_observed_whole() -> None:
    world = World()
    world.order(world.customer(), at(1), at(1), 100)
    world.order(world.customer(), at(3, 9), at(3, 9), 100)
    lake.refresh(world.shop)
    with clock.frozen(at(3, 20)):
        now = lake.read(world.shop)
        assert (now.beginning, now.horizon, now.last) == tuple(DAY0 + timedelta(days=n) for n in (1, 2, 3))
    with clock.frozen(at(4, 0)):
        assert lake.read(world.shop).horizon == DAY0 + timedelta(days=3)
    with clock.frozen(at(1, 20)):
        only = lake.read(world.shop)
        assert only.horizon == only.last


# -- whose rows --------------------------------------------------------------------------------------------------------------------------


def test_shops_do_not_see_each_other(folder: Path) -> None:
    mine, theirs = random_world(1, people=6, days=40), random_world(2, people=6, days=40)
    for world in (mine, theirs):
        lake.refresh(world.shop)
    assert set(column(mine.shop.pk, "orders", "order_id")) == set(
        Order.objects.filter(shop=mine.shop).values_list("order_id", flat=True)
    )
    files = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if f"shop={theirs.shop.pk}" in str(p) and p.is_file()}
    mine.order(mine.customer(), at(5), at(5), 100)
    assert lake.stale(mine.shop.pk)
    assert not lake.stale(theirs.shop.pk)
    lake.refresh(mine.shop)
    lake.refresh(mine.shop, full=True)
    assert {p: p.stat().st_mtime_ns for p in files} == files
    now = lake.read(mine.shop.pk)
    assert all(f"shop={mine.shop.pk}" in place for table in TABLES for place in now.paths(table))


def texts(folder: Path) -> Iterator[str]:
    """Every text anywhere in a folder of lakes."""
    for place in folder.rglob("*"):
        if place.suffix == ".parquet":
            for column_ in pq.read_table(place, partitioning=None).columns:
                yield from (str(v) for v in column_.to_pylist())
            yield str(pq.read_metadata(place).metadata)
        elif place.is_file():
            yield place.read_bytes().decode("utf-8", "replace")


def test_an_erased_person_is_gone_from_every_file(folder: Path) -> None:
    world = random_world(4, people=5, days=30)
    secret = "wmExternalOfSomebody"
    customer = identity.resolve(world.shop, {"external": secret, "openid": "oOpenidOfSomebody"}, at(2))
    world.order(customer, at(3), at(3), 700)
    group = Group.objects.filter(shop=world.shop).first()
    GroupMember.objects.create(shop=world.shop, group=group, member=secret, customer=customer, joined_at=at(3))
    world.mark("group_members")
    lake.refresh(world.shop)
    assert any(secret in text for text in texts(folder)), "the test would prove nothing"
    bought = column(world.shop.pk, "orders", "paid_fen")
    commands.erase_customer(world.shop, customer, by="店主")
    lake.refresh(world.shop)
    assert not [text for text in texts(folder) if secret in text or "oOpenidOfSomebody" in text]
    assert column(world.shop.pk, "orders", "paid_fen") == bought, "the books still balance"


# -- harm ----------------------------------------------------------------------------------------------------------------------------------


def harm(place: Path, how: str) -> None:
    data = place.read_bytes()
    if how == "missing":
        place.unlink()
    elif how == "torn":
        place.write_bytes(data[: len(data) // 2])
    elif how == "footer":
        place.write_bytes(data[:-20] + bytes(20))
    elif how == "inside":
        place.write_bytes(data[:8] + bytes(len(data[8:40])) + data[40:])
    else:
        raise ValueError(how)


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("how", ["missing", "torn", "footer"])
def test_a_file_that_was_lost_comes_back_with_the_next_refresh(table: str, how: str, settings: Any) -> None:
    world = random_world(6, people=6, days=45)
    world.visits(3, sessions=3, depth={"1": 2})
    lake.refresh(world.shop)
    before, was = contents(world.shop.pk), lake.read(world.shop)
    harm(Path(was.paths(table)[0]), how)
    lake.refresh(world.shop)
    assert contents(world.shop.pk) == before
    told = lake.read(world.shop).changes_since(was.epoch, was.version)
    assert told is not None
    assert table in told, "who keeps sums over it must look again"


def test_a_file_harmed_inside_is_found_by_looking_at_all_of_it() -> None:
    world = random_world(6, people=6, days=45)
    lake.refresh(world.shop)
    before = contents(world.shop.pk)
    harm(Path(lake.read(world.shop).paths("events")[0]), "inside")
    assert lake.refresh(world.shop) == [], "size and footer are as they were"
    assert lake.mend(world.shop)
    assert contents(world.shop.pk) == before


@pytest.mark.parametrize("what", ["gone", "not json", "of another schema"])
def test_without_its_manifest_the_lake_is_built_anew(what: str, folder: Path) -> None:
    world = random_world(7, people=5, days=30)
    lake.refresh(world.shop)
    before, was = contents(world.shop.pk), lake.read(world.shop)
    place = folder / "_manifest" / f"shop={world.shop.pk}.json"
    if what == "gone":
        place.unlink()
    elif what == "not json":
        place.write_text("{")
    else:
        place.write_text(json.dumps({**json.loads(place.read_text()), "schema": "older"}))
    lake.refresh(world.shop)
    assert contents(world.shop.pk) == before
    assert lake.read(world.shop).changes_since(was.epoch, was.version) is None


class Killed(BaseException):
    """Stands for the end of the process: nobody catches it."""


def kill_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the process (as far as this test goes) after so many files were put in place."""
    real, left = lake_store.put, [writes]

    def put(target: Path, write: Any, durable: bool = True) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        real(target, write, durable)

    monkeypatch.setattr(lake_store, "put", put)


@dataclass
class Interrupted:
    """A shop, a lake as it was before something happened, and what the lake should be after it."""

    world: World
    folder: Path
    before: Contents
    after: Contents
    kept: Path | None
    happened: list[tuple[str, datetime]]

    def rewind(self) -> None:
        """The lake as it was, the facts as they are, the marks as they were."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.kept:
            shutil.copytree(self.kept, self.folder)
        for table, moment in self.happened:
            self.world.mark(table, moment)

    def holds(self, was: lake.Lake) -> None:
        """Fails unless the next refresh makes it right, and tells every day that differs from before."""
        lake.refresh(self.world.shop)
        assert contents(self.world.shop.pk) == self.after
        told = lake.read(self.world.shop).changes_since(was.epoch, was.version)
        if self.kept:
            assert told is not None
            for table in ("orders", "order_lines", "events", "refunds"):
                low, high = told.get(table, (NEVER, NEVER))
                assert all(low <= day <= high for day in days_that_differ(self.before, self.after, table)), table


@pytest.fixture(params=["first build", "second build"])
def interrupted(request: pytest.FixtureRequest, folder: Path, settings: Any) -> Interrupted:
    """Either nothing was built yet, or an order came late and an event was none after all."""
    world = random_world(8, people=5, days=70)
    if request.param == "first build":
        return Interrupted(world, folder, {}, anew(world.shop, settings), None, [])
    lake.refresh(world.shop)
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    before = contents(world.shop.pk)
    one = Customer.objects.filter(shop=world.shop, merged_into=None).order_by("number")[0]
    world.order(one, at(2), at(2), 999)
    gone = Event.objects.filter(shop=world.shop).order_by("at")[0]
    moment = gone.at
    gone.delete()
    world.mark("events", moment)
    lake.refresh(world.shop)
    happened = [*((table, at(2)) for table in ("orders", "order_lines", "events", "refunds")), ("events", moment)]
    return Interrupted(world, folder, before, anew(world.shop, settings), kept, happened)


def test_stopped_between_any_two_writes_the_next_refresh_is_right(
    interrupted: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writes in range(60):
        interrupted.rewind()
        was = lake.read(interrupted.world.shop)
        with monkeypatch.context() as patch:
            kill_after(writes, patch)
            try:
                lake.refresh(interrupted.world.shop)
            except Killed:
                assert interrupted.kept is None or lake.stale(interrupted.world.shop.pk), "what was not done is still marked"
            else:
                return
        interrupted.holds(was)
    raise AssertionError("never got through")


def _die_after(shop: Shop, writes: int) -> None:
    left = [writes]
    real = lake_store.put

    def put(target: Path, write: Any, durable: bool = True) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        real(target, write, durable)

    lake_store.put = put  # in the child alone
    lake.refresh(shop)


@pytest.mark.parametrize("writes", [0, 2, 5])
def test_kill_9_in_the_middle_of_a_build(interrupted: Interrupted, writes: int) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a forked child cannot share a connection to a server; the files are the same")
    interrupted.rewind()
    was = lake.read(interrupted.world.shop)
    process = multiprocessing.get_context("fork").Process(target=_die_after, args=(interrupted.world.shop, writes))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    interrupted.holds(was)


def test_leftovers_of_a_killed_build_are_cleared_away(folder: Path) -> None:
    world = random_world(9, people=4, days=20)
    lake.refresh(world.shop)
    place = folder / "events" / f"shop={world.shop.pk}"
    (place / ".data.parquet.1.tmp").write_text("half")
    (place / "month=1999-01").mkdir()
    (place / "month=1999-01" / "data.parquet").write_text("nothing")
    world.order(world.customer(), at(3), at(3), 100)
    lake.refresh(world.shop)
    listed = {p for table in TABLES for p in lake.read(world.shop).paths(table)}
    assert {str(p) for p in folder.rglob("*.parquet*") if "_costs" not in str(p)} == listed
    assert not [p for p in folder.rglob("*") if p.is_file() and "_tmp" in p.parts]


# -- one at a time -----------------------------------------------------------------------------------------------------------------------


def _hold(folder: str, shop_id: int, held: Any, done: Any) -> None:
    with lake_store.only_writer(Path(folder), shop_id):
        held.set()
        done.wait(30)


def test_a_second_writer_is_turned_away_and_changes_nothing(folder: Path) -> None:
    world, other = random_world(10, people=4, days=20), random_world(11, people=4, days=20)
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(folder), world.shop.pk, held, done))
    process.start()
    try:
        assert held.wait(30)
        with pytest.raises(Conflict, match="另一个进程"):
            lake.refresh(world.shop)
        assert lake.stale(world.shop.pk)
        assert not lake.read(world.shop).parts
        assert lake.refresh(other.shop), "another shop's lake is nobody's business"
    finally:
        done.set()
        process.join(30)
    assert lake.refresh(world.shop)


def test_progress_never_runs_over() -> None:
    world = random_world(12, people=8, days=100)
    told: list[tuple[int, int, str]] = []
    lake.refresh(world.shop, progress=lambda done, total, note: told.append((done, total, note)))
    assert told
    assert all(0 < done <= total and note for done, total, note in told)
