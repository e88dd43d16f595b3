"""One customer per person, however they are first seen."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.facts import identity
from zhanggui.facts.identity import Person
from zhanggui.facts.models import Customer, CustomerMerge, Event, Identity, LakeDirty, Order, Refund, Shop
from zhanggui.facts.tests.elsewhere import MIGRATED, ask, environment, together
from zhanggui.kernel import vault
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
    identity.resolve(shop, {"openid": "o2", "unionid": "m"}, AT)
    identity.resolve(shop, {"openid": "o1", "unionid": "m"}, AT)
    identity.resolve(shop, {"openid": "o0", "unionid": "m"}, AT)
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


def test_a_device_never_melts_two_people_into_one(shop):
    anna = identity.resolve(shop, {"openid": "o-anna", "visitor": "tablet"}, AT)
    bert = identity.resolve(shop, {"openid": "o-bert", "visitor": "tablet"}, AT)
    assert anna.pk != bert.pk and not CustomerMerge.objects.exists()
    assert identity.resolve(shop, {"visitor": "tablet"}, AT).pk == anna.pk, "it stays with whom it was first seen"
    again = identity.resolve_many(
        shop,
        [
            Person({"visitor": "tablet", "openid": "o-bert"}, AT),
            Person({"mini": "m", "openid": "o-anna"}, AT),
            Person({"mini": "m", "openid": "o-bert"}, AT),
        ],
    )
    assert again == [bert.pk, anna.pk, bert.pk] and Identity.objects.get(kind="mini").customer_id == anna.pk


def test_two_people_of_one_batch_do_not_meet_in_a_device_either(shop):
    ids = identity.resolve_many(
        shop,
        [
            Person({"visitor": "v"}, AT),
            Person({"openid": "a", "visitor": "v"}, AT),
            Person({"openid": "b", "visitor": "v"}, AT),
            Person({"visitor": "v", "mini": "m"}, AT),
        ],
    )
    assert ids[0] == ids[1] == ids[3] != ids[2]


def test_a_nameless_visitor_becomes_the_person_who_signs_in(shop):
    visitor = identity.resolve(shop, {"visitor": "v"}, AT, channel="ads")
    signed = identity.resolve(shop, {"visitor": "v", "openid": "o"}, AT + timedelta(hours=1))
    assert signed.pk == visitor.pk and signed.channel == "ads" and not CustomerMerge.objects.exists()
    buyer = identity.resolve(shop, {"openid": "o2"}, AT)
    stray = identity.resolve(shop, {"visitor": "v2"}, AT)
    assert identity.resolve(shop, {"openid": "o2", "visitor": "v2"}, AT).pk == buyer.pk
    assert CustomerMerge.objects.get().absorbed_id == stray.pk


def snapshot():
    """Everything that a merge could touch."""
    return (
        list(Customer.objects.order_by("pk").values("pk", "number", "first_seen_at", "region", "channel", "device", "tier", "merged_into_id", "phone_sealed")),
        sorted(Identity.objects.values_list("kind", "value", "customer_id")), sorted(Order.objects.values_list("order_id", "customer_id")),
    )  # fmt: skip


def test_a_chain_of_merges_is_undone_link_by_link_and_everything_is_as_before(shop):
    people = [
        identity.resolve(
            shop,
            {"openid": f"o{n}"},
            AT - timedelta(days=n),
            region=f"省{n}" if n else "",
            channel=f"c{n}",
            device="ios" if n == 2 else "",
        )
        for n in range(4)
    ]
    for n, person in enumerate(people):
        order(shop, person, n)
    Customer.objects.filter(pk=people[3].pk).update(phone_sealed=vault.seal("13800138000", shop_id=shop.pk))
    before = [snapshot()]
    for one, other in ((2, 3), (1, 2), (0, 1)):
        identity.merge(shop, people[one].pk, people[other].pk, evidence="同一手机号", by="小王")
        before.append(snapshot())
    root = Customer.objects.get(pk=people[0].pk)
    assert (
        set(Order.objects.values_list("customer_id", flat=True)) == {root.pk}
        and Identity.objects.filter(customer=root).count() == 4
    )
    assert (root.first_seen_at, root.region, root.channel, root.device) == (AT - timedelta(days=3), "省1", "c3", "ios")
    assert vault.unseal_text(root.phone_sealed, shop_id=shop.pk) == "13800138000"
    assert identity.resolve(shop, {"openid": "o3"}, AT).pk == root.pk
    for row in CustomerMerge.objects.order_by("-pk"):
        assert snapshot() == before.pop()
        identity.unmerge(row.pk, "小王")
    assert snapshot() == before.pop() and not before


def test_what_was_learned_after_a_merge_stays_with_the_one_who_was_kept(shop):
    low = identity.resolve(shop, {"openid": "o1"}, AT)
    high = identity.resolve(shop, {"unionid": "u1"}, AT, region="浙江省")
    row = identity.merge(shop, low.pk, high.pk, evidence="x", by="小王")
    later = order(shop, low, 9)
    identity.resolve(shop, {"openid": "o1", "external": "e"}, AT - timedelta(days=9), device="ios")
    Customer.objects.filter(pk=low.pk).update(region="江苏省")
    identity.unmerge(row.pk, "小王")
    low.refresh_from_db()
    later.refresh_from_db()
    assert (low.region, low.device, low.first_seen_at) == (
        "江苏省",
        "ios",
        AT - timedelta(days=9),
    ) and later.customer_id == low.pk
    assert (
        Identity.objects.get(kind="external").customer_id == low.pk
        and Identity.objects.get(kind="unionid").customer_id == high.pk
    )


def test_parted_people_stay_parted_whoever_else_joins(shop):
    a, b = (identity.resolve(shop, {"openid": o}, AT) for o in "ab")
    row = identity.merge(shop, a.pk, b.pk, evidence="x", by="小王")
    identity.unmerge(row.pk, "小王")
    identity.resolve_many(shop, [Person({"openid": "a", "phone": "p"}, AT), Person({"openid": "b", "phone": "p"}, AT)])
    third = identity.resolve(shop, {"openid": "a", "unionid": "u"}, AT)
    assert third.pk == a.pk and Customer.objects.filter(merged_into=None).count() == 2


def test_merging_is_refused_where_it_makes_no_sense(shop):
    a, b = (identity.resolve(shop, {"openid": o}, AT) for o in "ab")
    stranger = identity.resolve(Shop.objects.create(name="别家"), {"openid": "a"}, AT)
    before = snapshot()
    for pair, error in (((a.pk, a.pk), Conflict), ((a.pk, stranger.pk), NotFound), ((a.pk, 10**9), NotFound)):
        with pytest.raises(error):
            identity.merge(shop, *pair, evidence="x", by="小王")
    assert snapshot() == before
    identity.merge(shop, a.pk, b.pk, evidence="x", by="小王")
    with pytest.raises(Conflict, match="已被合并"):
        identity.merge(shop, a.pk, b.pk, evidence="x", by="小王")


def test_a_phone_is_known_by_its_keyed_hash_however_it_is_written(shop):
    key = identity.phone_key(shop, "+86 138-0013-8000")
    assert key == identity.phone_key(shop.pk, "13800138000") and len(key) == 64 and "13800138000" not in key
    assert identity.phone_key(shop, "138****8000") == ""
    assert identity.phone_key(Shop.objects.create(name="别家"), "13800138000") != key


RACE = """
import sys
from datetime import UTC, datetime
from zhanggui.facts import identity
from zhanggui.facts.identity import Person
from zhanggui.facts.models import Shop
shop = Shop.objects.get(name="竞争")
print("ready", flush=True)
sys.stdin.readline()
at = datetime(2026, 3, 1, tzinfo=UTC)
odd = int(sys.argv[1])
found = []
for start in range(0, 400, 20):
    people = [Person({"openid": f"o{n}", "unionid": f"u{n}"} if (n + odd) % 2 else {"unionid": f"u{n}", "external": f"e{n}"}, at) for n in range(start, start + 20)]
    found += identity.resolve_many(shop, people)
print(*found)
"""


@pytest.mark.django_db(transaction=True)
def test_processes_that_see_people_for_the_first_time_agree_on_them(tmp_path_factory):
    elsewhere = environment(tmp_path_factory)
    ask(elsewhere, MIGRATED + "from zhanggui.facts.models import Shop; Shop.objects.create(name='竞争')")
    answers = [list(map(int, a.split())) for a in together(elsewhere, RACE, "0", "1")]
    assert len(answers[0]) == 400 and answers[0] == answers[1]
    told = ask(
        elsewhere,
        "from zhanggui.facts.models import *; s = Shop.objects.get(name='竞争'); c = Customer.objects.filter(shop=s); print(c.count(), sorted(c.values_list('number', flat=True)) == list(range(400)), s.next_customer_number, Identity.objects.filter(shop=s).count(), CustomerMerge.objects.filter(shop=s).count())",
    )
    assert told == "400 True 400 1200 0"
