"""The behaviour log and figures per day: each counted once under its own key, nothing lost by a second reading."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from zhanggui.facts.commands import (
    ReadRow,
    SpendRow,
    record_daily_visit,
    record_events,
    record_facts,
    record_pages,
    record_reads,
    record_spend,
)
from zhanggui.facts.commands.attention import moment_of
from zhanggui.facts.models import Customer, DailyVisit, Event, LakeDirty, PageDaily, Read, Record, Shop, Spend
from zhanggui.kernel import clock

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 4, tzinfo=UTC)
DAY = date(2026, 3, 1)


@pytest.fixture
def shop():
    with clock.frozen(T0 + timedelta(hours=2)):
        yield Shop.objects.create(name="试验店")


def row(key: str = "e1", **more):
    return {"event_id": key, "ts": int(T0.timestamp() * 1000), "kind": "page_view", "visitor_id": "v1", "page_path": "/a", **more}


def marked() -> set[tuple[str, str]]:
    return set(LakeDirty.objects.values_list("table", "part"))


def test_an_event_counts_once_however_often_it_comes(shop):
    done = record_events(shop, [row(), row(), row("e2", kind="add_to_cart", product_id="p1")])
    assert (done.accepted, done.repeated, done.refused) == (2, 1, [])
    again = record_events(shop, [row("e2", kind="add_to_cart"), row("e3")])
    assert (again.accepted, again.repeated) == (1, 1)
    assert set(Event.objects.values_list("event_key", "kind")) == {
        ("e1", "page_view"),
        ("e2", "add_to_cart"),
        ("e3", "page_view"),
    }
    assert Customer.objects.count() == 1 and ("events", "2026-03") in marked()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("text", "不是对象"),
        (row(key=""), "缺少 event_id"),
        (row(ts="soon"), "缺少时间 ts"),
        (row(ts=int((T0 + timedelta(days=2)).timestamp())), "时间在未来"),
        (row(kind="dance"), "不认识的行为类型"),
        (row(visitor_id=""), "缺少访客标识"),
    ],
)
def test_a_row_that_says_too_little_is_refused_with_the_reason(shop, bad, why):
    done = record_events(shop, [bad, row("good")])
    assert done.refused == [(0, why)] and done.accepted == 1
    assert Event.objects.get().event_key == "good"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1772337600, T0),
        ("1772337600", T0),
        (1772337600000, T0),
        ("2026-03-01T12:00:00+08:00", T0),
        ("2026-03-01 12:00:00", T0),
        ("2026-03-01T04:00:00Z", T0),
        (True, None),
        ("", None),
        (None, None),
        (-5, None),
        ("1e999", None),
    ],
)
def test_moments_in_every_spelling(value, found):
    assert moment_of(value) == found


def test_a_visit_s_figures_overwrite_and_absent_ones_stay(shop):
    assert record_daily_visit(shop, DAY, sessions=10, page_views=20) is True
    assert record_daily_visit(shop, DAY, sessions=10, depth={"1": 4}) is True
    assert record_daily_visit(shop, DAY, sessions=10, page_views=None, depth={"1": 4}) is False
    found = DailyVisit.objects.get()
    assert (found.sessions, found.page_views, found.depth) == (10, 20, {"1": 4})
    version = LakeDirty.objects.get(table="daily_visits").version
    assert record_daily_visit(shop, DAY, page_views=21) is True
    assert LakeDirty.objects.get(table="daily_visits").version == version + 1


def test_pages_are_replaced_by_day(shop):
    assert record_pages(shop, DAY, [{"page": "/a", "views": 3}, {"page": "", "views": 9}]) == 1
    record_pages(shop, DAY, [{"page": "/a", "views": 5, "exits": 2}])
    assert list(PageDaily.objects.values_list("page", "views", "exits")) == [("/a", 5, 2)]


def test_spend_is_overwritten_within_its_source(shop):
    record_spend(shop, [SpendRow(DAY, "ads", 100, "c1"), SpendRow(DAY, "ads", 200, "c2")], source="ads")
    record_spend(shop, [SpendRow(DAY, "ads", 150, "c1", clicks=7)], source="ads")
    record_spend(shop, [SpendRow(DAY, "ads", 999, "c1")], source="import")
    assert set(Spend.objects.values_list("campaign", "source", "cost_fen")) == {
        ("c1", "ads", 150),
        ("c2", "ads", 200),
        ("c1", "import", 999),
    }
    assert LakeDirty.objects.filter(table="spend").exists()


def test_a_cost_below_nothing_writes_nothing(shop):
    with pytest.raises(ValueError, match="negative"):
        record_spend(shop, [SpendRow(DAY, "ads", 5), SpendRow(DAY, "live", -1)], source="ads")
    assert not Spend.objects.exists() and not LakeDirty.objects.exists()


def test_reads_per_article_and_day(shop):
    rows = [ReadRow("a_1", DAY + timedelta(days=n), "题", DAY, readers=10 * (n + 1)) for n in range(3)]
    assert record_reads(shop, rows) == 3 and record_reads(shop, [*rows, ReadRow("", DAY)]) == 3
    assert list(Read.objects.order_by("day").values_list("readers", flat=True)) == [10, 20, 30]
    assert LakeDirty.objects.filter(table="reads").exists()


def test_whole_objects_under_their_key(shop):
    record_facts(shop, "coupons", [("c1", DAY, {"n": 1}), ("", DAY, {"n": 2})])
    record_facts(shop, "coupons", [("c1", DAY, {"n": 3})])
    assert list(Record.objects.values_list("key", "body")) == [("c1", {"n": 3})]
