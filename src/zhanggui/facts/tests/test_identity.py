"""One customer per person, however they are first seen."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.facts import identity
from zhanggui.facts.identity import Person
from zhanggui.facts.models import Customer, CustomerMerge, Event, Identity, LakeDirty, Order, Refund, Shop
from zhanggui.kernel.errors import Conflict, NotFound
from zhanggui.kernel.models import AuditEntry

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 4, tzinfo=UTC)


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="试验店")


def test_a_person_is_made_once_and_found_again(shop):
    first = identity.resolve(shop, {"openid": "o1"}, AT, region="浙江省", channel="live")
    again = identity.resolve(shop, {"openid": "o1"}, AT + timedelta(days=1), region="江苏省", channel="search")
    assert again.pk == first.pk and again.number == 0
    assert (again.region, again.channel, again.first_seen_at) == ("浙江省", "live", AT)
    other = identity.resolve(shop.pk, {"openid": "o2"}, AT)
    assert other.number == 1
    shop.refresh_from_db()
    assert shop.next_customer_number == 2


def test_an_earlier_sighting_moves_the_first_contact(shop):
    identity.resolve(shop, {"openid": "o1"}, AT, channel="live")
    earlier = identity.resolve(shop, {"openid": "o1"}, AT - timedelta(days=3), channel="search")
    assert (earlier.channel, earlier.first_seen_at) == ("search", AT - timedelta(days=3))


def test_new_ids_are_added_to_the_known_person(shop):
    first = identity.resolve(shop, {"openid": "o1"}, AT)
    same = identity.resolve(shop, {"openid": "o1", "unionid": "u1", "phone": ""}, AT)
    by_union = identity.resolve(shop, {"mini": "m1", "unionid": "u1"}, AT)
    assert first.pk == same.pk == by_union.pk
    assert sorted(Identity.objects.values_list("kind", "value")) == [("mini", "m1"), ("openid", "o1"), ("unionid", "u1")]


def test_shops_do_not_share_people(shop):
    other = Shop.objects.create(name="别家")
    a = identity.resolve(shop, {"openid": "o1"}, AT)
    b = identity.resolve(other, {"openid": "o1"}, AT)
    assert a.pk != b.pk and b.number == 0


def test_nobody_without_an_id(shop):
    with pytest.raises(ValueError, match="without an id"):
        identity.resolve(shop, {"openid": ""}, AT)
    with pytest.raises(ValueError, match="no kind"):
        identity.resolve(shop, {"shoe": "42"}, AT)
    assert not Customer.objects.exists()


def test_a_batch_finds_that_strangers_are_one_person(shop):
    rows = [
        Person({"openid": "a"}, AT),
        Person({"mini": "m"}, AT),
        Person({"openid": "a", "unionid": "u"}, AT),
        Person({"unionid": "u", "mini": "m"}, AT),
        Person({}, AT),
        Person({"openid": "z"}, AT),
    ]
    ids = identity.resolve_many(shop, rows)
    assert ids[0] == ids[1] == ids[2] == ids[3] and ids[4] is None and ids[5] not in (None, ids[0])
    assert Customer.objects.count() == 2 and not CustomerMerge.objects.exists()


def order(shop, customer, number, at=AT):
    return Order.objects.create(
        shop=shop, order_id=str(number), customer=customer, status="paid", created_at=at, paid_at=at, paid_fen=100
    )


def test_meeting_ids_merge_into_the_lower_number_and_can_be_taken_back(shop):
    low = identity.resolve(shop, {"openid": "o1"}, AT, channel="live")
    high = identity.resolve(shop, {"mini": "m1"}, AT - timedelta(days=40), region="浙江省")
    order(shop, low, 1)
    moved = order(shop, high, 2, AT - timedelta(days=35))
    refund = Refund.objects.create(shop=shop, refund_key="r", order=moved, customer=high, amount_fen=5, at=AT)
    event = Event.objects.create(shop=shop, event_key="e", at=AT, customer=high, kind="page_view", referrer=high)
    LakeDirty.objects.all().delete()

    same = identity.resolve(shop, {"openid": "o1", "mini": "m1"}, AT)

    assert same.pk == low.pk
    row = CustomerMerge.objects.get()
    assert (row.kept_id, row.absorbed_id, row.by) == (low.pk, high.pk, "系统")
    for thing in (moved, refund, event, high):
        thing.refresh_from_db()
    assert moved.customer_id == refund.customer_id == event.customer_id == event.referrer_id == low.pk
    assert high.merged_into_id == low.pk and same.region == "浙江省"
    assert same.first_seen_at == AT - timedelta(days=40)
    marked = set(LakeDirty.objects.values_list("table", "part"))
    assert {
        ("orders", "2026-01"),
        ("orders", "2026-02"),
        ("orders", "2026-03"),
        ("events", "2026-03"),
        ("customers", ""),
    } <= marked

    identity.unmerge(row.pk, "小王")
    for thing in (moved, refund, event, high):
        thing.refresh_from_db()
    low.refresh_from_db()
    assert moved.customer_id == refund.customer_id == event.customer_id == event.referrer_id == high.pk
    assert high.merged_into_id is None and low.region == "" and low.first_seen_at == AT
    assert Identity.objects.get(kind="mini").customer_id == high.pk
    assert "撤销" in AuditEntry.objects.get().sentence
    with pytest.raises(Conflict):
        identity.unmerge(row.pk, "小王")
    # Parted by a person: the same evidence does not merge them again.
    identity.resolve(shop, {"openid": "o1", "mini": "m1"}, AT)
    assert CustomerMerge.objects.count() == 1


def test_a_merge_under_a_later_one_is_not_taken_back_first(shop):
    for n in range(3):
        identity.resolve(shop, {"openid": f"o{n}"}, AT)
    identity.resolve(shop, {"openid": "o2", "mini": "m"}, AT)
    identity.resolve(shop, {"openid": "o1", "mini": "m"}, AT)
    identity.resolve(shop, {"openid": "o0", "mini": "m"}, AT)
    inner, outer = CustomerMerge.objects.order_by("id")
    with pytest.raises(Conflict, match="之后"):
        identity.unmerge(inner.pk, "a")
    identity.unmerge(outer.pk, "a")
    identity.unmerge(inner.pk, "a")
    with pytest.raises(NotFound):
        identity.unmerge(10**9, "a")


def test_many_people_quickly(shop):
    people = [Person({"openid": f"o{n}", "unionid": f"u{n}"}, AT, channel="live") for n in range(20_000)]
    start = time.perf_counter()
    made = identity.resolve_many(shop, people)
    first = time.perf_counter() - start
    start = time.perf_counter()
    assert identity.resolve_many(shop, people) == made
    second = time.perf_counter() - start
    assert len(set(made)) == 20_000
    assert sorted(Customer.objects.values_list("number", flat=True)) == list(range(20_000))
    assert first < 10 and second < 5, (first, second)
    print(f"new {20_000 / first:,.0f}/s, known {20_000 / second:,.0f}/s")
