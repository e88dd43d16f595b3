"""Orders and after-sales into the books: the same in any order of arrival, however often they come, and announced once."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import transaction

from zhanggui.facts import commands
from zhanggui.facts.commands import record_aftersale, record_aftersales, record_events, record_order, record_orders
from zhanggui.facts.models import AfterSale, Customer, LakeDirty, Order, OrderLine, Record, Refund, Shop
from zhanggui.facts.tests.make import T0, aftersale, order
from zhanggui.kernel import vault
from zhanggui.kernel.models import OutboxEvent

pytestmark = pytest.mark.django_db
ONE = "3700000000000000001"
H = timedelta(hours=1)


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="试验店")


def marked() -> set[tuple[str, str]]:
    return set(LakeDirty.objects.values_list("table", "part"))


def told(name: str) -> list[dict]:
    return list(OutboxEvent.objects.filter(name=name).order_by("id").values_list("body", flat=True))


def test_an_order_is_written_whole(shop):
    done = record_order(shop, order(fen=5300, freight=300, lines=(("1", 2, 4000), ("2", 1, 1000)), unionid="u1"))
    assert (done.seen, done.written, done.newly_paid, done.stale) == (1, 1, 1, 0)
    row = Order.objects.get()
    assert (row.order_id, row.status, row.platform_status, row.paid_fen, row.freight_fen, row.goods_fen) == (
        ONE,
        "paid",
        "20",
        5300,
        300,
        5000,
    )
    assert (row.created_at, row.paid_at, row.platform_updated_at, row.region) == (T0, T0, T0, "浙江")
    assert list(OrderLine.objects.order_by("line_no").values_list("line_no", "sku_id", "quantity", "paid_fen")) == [
        (1, "1", 2, 4000), (2, "2", 1, 1000),
    ]  # fmt: skip
    assert set(row.customer.identities.values_list("kind", "value")) == {("openid", "oBUYER"), ("unionid", "u1")}
    assert json.loads(vault.unseal(row.raw_sealed, shop_id=shop.pk))["order_id"] == ONE
    assert "138" not in str([v for v in Order.objects.values().get().values() if not isinstance(v, bytes | memoryview)])
    assert told("OrderPaid") == [{"order_id": ONE, "customer": 0, "paid_fen": 5300, "paid_at": T0.isoformat(), "channel": ""}]
    assert {("orders", "2026-03"), ("order_lines", "2026-03"), ("events", "2026-03"), ("customers", "")} <= marked()


def test_the_same_read_again_writes_nothing(shop):
    record_order(shop, order())
    before, versions = Order.objects.values().get(), dict(LakeDirty.objects.values_list("table", "version"))
    done = record_orders(shop, [order(), order()])
    assert (done.seen, done.written, done.newly_paid) == (2, 0, 0)
    assert Order.objects.values().get() == before and dict(LakeDirty.objects.values_list("table", "version")) == versions
    assert len(told("OrderPaid")) == 1 and Customer.objects.count() == 1


STATES = (
    order(status=10, paid=None),
    order(status=20, paid=T0 + H),
    order(status=30, paid=T0 + H, updated=T0 + 2 * H),
    order(status=100, paid=T0 + H, updated=T0 + 9 * H),
)


@pytest.mark.parametrize("arrival", list(permutations(range(4))), ids=lambda p: "".join(map(str, p)))
def test_whatever_the_order_of_arrival_the_newest_read_stands_and_is_paid_once(shop, arrival):
    for at in arrival:
        record_order(shop, STATES[at])
    row = Order.objects.get()
    assert (row.status, row.platform_updated_at, row.paid_at) == ("done", T0 + 9 * H, T0 + H)
    assert [body["order_id"] for body in told("OrderPaid")] == [ONE]


def test_an_older_read_is_dropped(shop):
    record_order(shop, STATES[3])
    LakeDirty.objects.all().delete()
    done = record_order(shop, STATES[1])
    assert (done.written, done.stale) == (0, 1)
    assert Order.objects.get().status == "done" and not LakeDirty.objects.exists()


def test_of_several_reads_in_one_batch_the_newest_counts(shop):
    record_orders(shop, [STATES[2], STATES[0], STATES[1]])
    assert Order.objects.get().status == "shipped" and len(told("OrderPaid")) == 1


def test_history_is_announced_as_one(shop):
    orders = [order(f"37{n:017d}", created=T0 + n * 24 * H, paid=T0 + n * 24 * H, openid=f"o{n}") for n in range(5)]
    record_orders(shop, orders, announce=False)
    assert told("OrderPaid") == []
    assert told("HistoryRecorded") == [{"orders": 5, "first_day": "2026-03-01", "last_day": "2026-03-05"}]
    record_orders(shop, orders)
    assert told("OrderPaid") == [] and len(told("HistoryRecorded")) == 1, "known as paid: no news any more"


def test_a_changed_line_is_replaced_and_a_dropped_one_goes(shop):
    record_order(shop, order(fen=5000, lines=(("1", 1, 2000), ("2", 1, 3000))))
    record_order(shop, order(fen=2500, updated=T0 + H, lines=(("3", 1, 2500),)))
    assert list(OrderLine.objects.values_list("sku_id", "paid_fen")) == [("3", 2500)]
    assert Order.objects.get().paid_fen == 2500


def test_cancelled_before_and_after_payment(shop):
    record_order(shop, order("1", status=250, paid=None))
    record_order(shop, order("2", status=200))
    record_order(shop, order("3", status=190))
    assert dict(Order.objects.values_list("order_id", "status")) == {"1": "cancelled", "2": "refunded", "3": "refunded"}
    assert [body["order_id"] for body in told("OrderPaid")] == ["2", "3"]


def test_an_unreadable_order_is_noted_and_the_others_are_taken(shop):
    broken = {**order("9"), "create_time": 0}
    done = record_orders(shop, [broken, order()])
    assert done.written == 1 and list(done.unreadable) == ["9"]
    assert Record.objects.get(stream="quality").body["order_id"] == "9"


def test_amounts_that_do_not_add_up_are_kept_and_noted(shop):
    record_order(shop, order(fen=5000, lines=(("1", 1, 4100),)))
    assert Order.objects.get().paid_fen == 5000
    note = Record.objects.get(stream="quality", key=ONE)
    assert "5000" in note.body["problems"][-1] and "4100" in note.body["problems"][-1]


def test_a_purchase_found_late_marks_what_came_after_it(shop):
    later = T0 + 70 * 24 * H
    record_order(shop, order("2", created=later, paid=later))
    LakeDirty.objects.all().delete()
    record_order(shop, order("1"))
    assert {("orders", "2026-03"), ("orders", "2026-04"), ("orders", "2026-05")} <= marked(), "which purchase it was has changed"


def test_marks_and_facts_are_one_transaction(shop):
    class Stop(Exception):
        pass

    with pytest.raises(Stop), transaction.atomic():
        record_order(shop, order())
        assert LakeDirty.objects.exists() and OutboxEvent.objects.exists()
        raise Stop
    assert not Order.objects.exists() and not LakeDirty.objects.exists() and not OutboxEvent.objects.exists()


def test_an_erased_buyer_stays_erased_and_amounts_stay(shop):
    record_order(shop, order())
    buyer = Customer.objects.get()
    commands.record_facts(shop, "members", [("oBUYER", None, {"openid": "oBUYER"})])
    commands.erase_customer(shop, buyer, "店主")
    assert not Record.objects.filter(stream="members").exists()
    record_order(shop, order(status=100, updated=T0 + 5 * H))
    row = Order.objects.get()
    assert (row.status, row.customer_id, row.recipient_sealed, row.raw_sealed) == ("done", buyer.pk, None, None)
    assert Customer.objects.count() == 1 and row.paid_fen == 5000
    record_order(shop, order("2", paid=T0 + 9 * H))
    assert Order.objects.get(order_id="2").customer_id != buyer.pk, "a later purchase makes a new customer"


def test_a_hint_that_came_first_fills_what_the_order_does_not_say(shop):
    hint = {
        "event_id": "h1",
        "ts": T0.timestamp(),
        "kind": "pay",
        "openid": "oBUYER",
        "order_id": ONE,
        "cq": "group",
        "device": "iOS",
    }
    assert record_events(shop, [hint]).hints == 1
    assert Record.objects.filter(stream="order_hint").count() == 1
    record_order(shop, order())
    assert (Order.objects.get().channel, Order.objects.get().device) == ("group", "iOS")
    assert not Record.objects.filter(stream="order_hint").exists()
    record_order(shop, order(status=30, updated=T0 + H))
    assert Order.objects.get().channel == "group", "a later read of the order does not lose it"


# -- after-sales -----------------------------------------------------------------------------------------------------------------


def test_a_refund_finds_its_order(shop):
    record_order(shop, order())
    LakeDirty.objects.all().delete()
    assert record_aftersale(shop, aftersale(fen=1200)) is True
    refund = Refund.objects.get()
    assert (refund.refund_key, refund.amount_fen, refund.order.order_id, refund.at) == ("as:2000000000000000001", 1200, ONE, T0)
    assert refund.customer == refund.order.customer
    assert {("refunds", "2026-03"), ("orders", "2026-03"), ("customers", "")} <= marked()
    assert told("OrderRefunded") == [
        {"order_id": ONE, "refund_key": "as:2000000000000000001", "amount_fen": 1200, "at": T0.isoformat()}
    ]
    assert record_aftersale(shop, aftersale(fen=1200)) is False
    assert Refund.objects.count() == 1 and len(told("OrderRefunded")) == 1


def test_a_refund_before_its_order_is_adopted(shop):
    record_aftersale(shop, aftersale(fen=1200))
    assert Refund.objects.get().order is None
    LakeDirty.objects.all().delete()
    record_order(shop, order())
    refund = Refund.objects.get()
    assert refund.order.order_id == ONE and refund.customer == refund.order.customer
    assert ("refunds", "2026-03") in marked() and len(told("OrderRefunded")) == 1


CASE = (
    aftersale(status="MERCHANT_PROCESSING", done=None),
    aftersale(status="PLATFORM_REFUNDING", done=None, updated=T0 + H),
    aftersale(status="MERCHANT_REFUND_SUCCESS", done=T0 + 2 * H),
)


@pytest.mark.parametrize("arrival", list(permutations(range(3))), ids=lambda p: "".join(map(str, p)))
def test_after_sales_in_any_order_of_arrival(shop, arrival):
    record_order(shop, order())
    for at in arrival:
        record_aftersale(shop, CASE[at])
    assert AfterSale.objects.get().status == "MERCHANT_REFUND_SUCCESS"
    assert Refund.objects.get().at == T0 + 2 * H and len(told("OrderRefunded")) == 1


def test_money_that_did_not_go_back_after_all_is_taken_out(shop):
    record_order(shop, order())
    record_aftersale(shop, aftersale())
    LakeDirty.objects.all().delete()
    record_aftersale(shop, aftersale(status="PLATFORM_REFUND_FAIL", updated=T0 + 5 * H))
    assert not Refund.objects.exists() and ("refunds", "2026-03") in marked()


def test_what_moves_no_money_is_no_refund(shop):
    record_aftersales(
        shop,
        [aftersale("1", status="USER_CANCELD"), aftersale("2", status="MERCHANT_EXCHANGE_SUCCESS"), aftersale("3", fen=0)],
    )
    assert AfterSale.objects.count() == 3 and not Refund.objects.exists() and told("OrderRefunded") == []


def test_a_refund_that_is_missing_is_booked_by_the_next_reading(shop):
    record_aftersale(shop, aftersale())
    Refund.objects.all().delete()
    assert record_aftersale(shop, aftersale()) is True
    assert Refund.objects.get().amount_fen == 5000


def test_history_of_after_sales_is_not_announced(shop):
    record_aftersales(shop, [aftersale()], announce=False)
    assert Refund.objects.count() == 1 and told("OrderRefunded") == []
