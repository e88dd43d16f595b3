"""J1: an order in the market → an encrypted push → the books → once announced → the numbers. And every way in which pushes go wrong."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.db.models import Sum

from zhanggui.facts import network, sync
from zhanggui.facts.commands import connections
from zhanggui.facts.models import Event, Inbound, Order
from zhanggui.facts.tests.conftest import announced, our_orders
from zhanggui.kernel import clock
from zhanggui.kernel.models import Job, OutboxEvent
from zhanggui.metrics.models import MetricPoint

if TYPE_CHECKING:
    from conftest import House

pytestmark = pytest.mark.django_db(transaction=True)


def paid_now(house: House, before: set[str]) -> set[str]:
    """Orders paid since `before`."""
    return house.platform.paid() - before


def agrees(house: House) -> None:
    """The books hold exactly the platform's orders, each with its amount."""
    assert our_orders(house.shop) == house.platform.orders()
    ours = set(Order.objects.exclude(paid_at=None).values_list("order_id", flat=True))
    assert ours == house.platform.paid()


def sales_of_today(house: House) -> int:
    """分 of the stored number for this shop day."""
    day = clock.today(house.shop.zone)
    points = MetricPoint.objects.filter(shop_id=house.shop.pk, metric="conversion.sales", grain="day", start=day, dimension="")
    return int(points.get().numerator or 0)


def test_an_order_reaches_the_numbers(house: House) -> None:
    agrees(house)
    assert announced("OrderPaid") == Counter(), "what was there before us is history"
    before = house.platform.paid()
    placed = house.order_some(6)
    house.advance(hours=1)

    # WeChat has been answered; nothing has been fetched or decided yet.
    pushed = [p for p in house.pushes() if p["event"] == "channels_ec_order_pay"]
    paid = paid_now(house, before)
    assert paid & set(placed)
    assert {p["state"] for p in house.pushes()} == {"delivered"}
    assert {a["answer"] for p in pushed for a in p["attempts"]} == {"success"}
    assert Inbound.objects.filter(kind="channels_ec_order_pay", state="new").count() == len(paid)
    assert not Order.objects.filter(order_id__in=paid).exclude(paid_at=None).exists()

    house.work()
    agrees(house)
    assert announced("OrderPaid") == Counter(paid), "each is announced once"
    assert set(Inbound.objects.values_list("state", flat=True)) <= {"done", "ignored"}
    refresh = Job.objects.exclude(state="done").get(name="metrics.refresh")
    assert refresh.run_at > clock.now(), "news come in flocks: one refresh for all of them, a little later"

    house.settle()
    today = clock.day_start(clock.today(house.shop.zone), house.shop.zone)
    expected = Order.objects.filter(shop=house.shop, paid_at__gte=today).aggregate(fen=Sum("paid_fen"))["fen"]
    assert sales_of_today(house) == expected > 0
    assert OutboxEvent.objects.filter(name="MetricsRefreshed").exists()
    assert not Job.objects.filter(state="dead").exists()


def test_repeated_and_overtaking_pushes_change_nothing(house: House) -> None:
    before = house.platform.paid()
    house.emu.control("faults", {"kind": "cb_duplicate", "path": "*", "rate": 0.6})
    house.emu.control("faults", {"kind": "cb_disorder", "path": "*", "rate": 0.5, "seconds": 900})
    house.order_some(8)
    for _ in range(6):  # work in between: an overtaken push finds its order already in the books
        house.advance(minutes=20)
        house.work()
    house.advance(hours=2)
    house.work()
    assert any(row.repeats for row in Inbound.objects.all()), "some came twice"
    agrees(house)
    assert announced("OrderPaid") == Counter(paid_now(house, before))


def test_what_the_platform_repeats_after_an_outage_is_taken_in(house: House) -> None:
    """Nobody answers for two hours; the platform repeats for three and a half."""
    before = house.platform.paid()
    type(house.store).objects.filter(pk=house.store.pk).update(state="off")
    house.order_some(5)
    house.advance(hours=2)
    assert not Inbound.objects.exists()
    waiting = [p for p in house.pushes() if p["state"] == "retrying"]
    assert waiting
    type(house.store).objects.filter(pk=house.store.pk).update(state="ok")
    house.advance(hours=2)
    house.work()
    assert [p["state"] for p in house.pushes()].count("delivered") >= len(waiting)
    agrees(house)
    assert announced("OrderPaid") == Counter(paid_now(house, before))


def test_forged_pushes_are_refused_and_counted_and_the_genuine_ones_get_in(house: House) -> None:
    before = house.platform.paid()
    house.emu.control("faults", {"kind": "cb_forged", "path": "*", "rate": 1.0})
    house.order_some(4)
    house.advance(hours=1)
    house.work()
    forged = [a for p in house.pushes() for a in p["attempts"] if a["forged"]]
    assert forged
    assert {(a["status"], a["answer"]) for a in forged} == {(403, "forged")}
    house.store.refresh_from_db()
    assert house.store.refused_pushes == len(forged)
    agrees(house)
    assert announced("OrderPaid") == Counter(paid_now(house, before))


def test_what_no_push_told_the_sync_brings(house: House) -> None:
    before = house.platform.paid()
    house.emu.control("faults", {"kind": "cb_lost", "path": "*", "rate": 1.0})
    house.order_some(5)
    house.advance(hours=1)
    house.work()
    assert not Inbound.objects.exists()
    assert not Order.objects.filter(order_id__in=paid_now(house, before)).exists()
    sync.ask_due()
    house.work()
    agrees(house)
    assert announced("OrderPaid") == Counter(paid_now(house, before))


def test_a_refund_is_announced_once_and_lowers_what_was_earned(house: House) -> None:
    known = set(house.platform.refunds())
    house.emu.control("faults", {"kind": "cb_duplicate", "path": "*", "rate": 1.0})
    for _ in range(4):
        house.advance(hours=12)
        house.work()
    fresh = set(house.platform.refunds()) - known
    assert fresh, "two days bring some after-sales"
    sync.ask(house.shop.pk)
    house.work()
    keys = Counter(event.body["refund_key"] for event in OutboxEvent.objects.filter(name="OrderRefunded"))
    assert fresh <= keys.keys()
    assert set(keys.values()) == {1}
    agrees(house)


def test_contacts_of_wecom_come_in_by_their_own_pushes(house: House) -> None:
    """WeCom pushes XML, wants an empty answer, and says who added whom."""
    wecom = house.platform.connect("wecom")
    house.listen(wecom, "wecom")
    sync.ask(house.shop.pk, connection_id=wecom.pk)
    house.work()
    known = set(announced("ContactAdded"))
    house.advance(hours=30)
    pushed = [p for p in house.pushes() if p["kind"] == "wecom"]
    assert pushed
    assert {(a["status"], a["answer"]) for p in pushed for a in p["attempts"]} == {(200, "")}
    assert Inbound.objects.filter(connection=wecom, state="new").count() == len(pushed)
    house.work()
    assert not Inbound.objects.filter(state__in=("new", "failed")).exists()
    news = {name: times for name, times in announced("ContactAdded").items() if name not in known}
    assert news
    assert set(news.values()) == {1}


def test_visitors_reach_the_log_through_the_collector(house: House) -> None:
    collector = connections.connect(house.shop, "collector", "小程序", network.Secrets(), by="测试")
    began = house.platform.world.now
    for address in ("/collect", "/collect?again"):  # every batch comes twice
        house.emu.control("collectors", {"url": house.address + address, "key": collector.callback_key})
    house.advance(hours=10)
    assert {c["last_status"] for c in house.emu.control("collectors")["collectors"]} == {200}
    _, log = house.emu.request("GET", f"/emulator/behaviour?since={began}&until={house.platform.world.now}")
    expected = Counter(kind for kind in (json.loads(line)["kind"] for line in log.splitlines()) if kind not in ("order", "pay"))
    ours = Counter(Event.objects.filter(shop=house.shop).values_list("kind", flat=True))
    assert ours == expected
    assert ours["product_view"] > 10
    sync.ask(house.shop.pk)
    house.settle()
    day = clock.today(house.shop.zone)
    visitors = MetricPoint.objects.get(
        shop_id=house.shop.pk, metric="traffic.visitors", grain="day", start=day, dimension=""
    ).numerator
    first, last = clock.day_span(day, day, house.shop.zone)
    people = Event.objects.filter(shop=house.shop, at__gte=first, at__lt=last).values("customer").distinct().count()
    assert visitors == people > 0
    assert not Job.objects.filter(state="dead").exists()
