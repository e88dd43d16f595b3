"""Reading a store: complete against the platform's own truth, exact when repeated, news announced once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.emulator.testing import small
from zhanggui.facts import commands, sync
from zhanggui.facts.models import AfterSale, Connection, Customer, LakeDirty, Order, Product, Record, Refund, Sku, StockCount
from zhanggui.facts.sync import changes, store
from zhanggui.facts.tests.conftest import announced, our_orders
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.models import Job, OutboxEvent
from zhanggui.wechat import errors
from zhanggui.wechat.shop import ShopClient

pytestmark = pytest.mark.django_db


def test_the_first_sync_reads_everything_and_announces_history_only(platform):
    platform.connect()

    assert platform.sync() == 9

    truth = platform.orders()
    assert our_orders(platform.shop) == truth and len(truth) > 200
    assert set(Order.objects.filter(paid_at__isnull=False).values_list("order_id", flat=True)) == platform.paid()
    assert set(AfterSale.objects.values_list("aftersale_id", flat=True)) == platform.aftersales()
    assert dict(Refund.objects.values_list("refund_key", "amount_fen")) == platform.refunds()
    assert not Refund.objects.filter(order__isnull=True).exists()
    assert announced("OrderPaid") == announced("OrderRefunded") == {}
    assert sum(
        body["orders"] for body in OutboxEvent.objects.filter(name="HistoryRecorded").values_list("body", flat=True)
    ) == len(platform.paid())
    months = {day.strftime("%Y-%m") for day in (clock.day_of(at) for at in Order.objects.values_list("created_at", flat=True))}
    assert months <= set(LakeDirty.objects.filter(table="orders").values_list("part", flat=True))

    state = platform.state("orders")
    assert (state.state, state.done, state.total) == ("idle", len(truth), len(truth))
    assert state.watermark == clock.now() and state.finished_at == clock.now()
    assert state.cursor["history"] == "done" and "windows" not in state.cursor
    overview = sync.overview(platform.shop.pk)
    assert overview.over and overview.failed == () and overview.done == overview.total
    assert {s.state for s in overview.streams} == {"idle"}
    assert Connection.objects.get().state == "ok"
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def test_goods_coupons_members_days_and_money_are_read(platform):
    platform.connect()
    platform.sync()

    products = platform.emu.call("/channels/ec/product/list/get", {"page_size": 30})["total_num"]
    assert Product.objects.filter(status="5").count() > 0
    from zhanggui.emulator.catalogue import CATEGORIES

    assert set(Product.objects.values_list("category", flat=True)) <= {name for _, name in CATEGORIES.values()}
    assert Product.objects.count() == products == platform.state("products").checks["platform"]["count"]
    assert platform.state("products").checks["ok"] is True
    assert Sku.objects.count() == len(platform.world.skus)
    one = Sku.objects.exclude(stock=None).first()
    said = platform.emu.call("/channels/ec/product/stock/batchget", {"product_id": [one.product_id]})["data"]["spu_stock_list"][0]
    assert {str(s["sku_id"]): s["total_stock_num"] for s in said["sku_stock"]}[one.sku_id] == one.stock
    assert StockCount.objects.count() == Sku.objects.count()
    assert Record.objects.filter(stream="coupons").count() == len(platform.world.coupons)
    members = platform.emu.call("/channels/ec/vip/user/list/get", {"page_num": 1, "page_size": 200})
    assert Record.objects.filter(stream="members").count() == members["total_num"] > 0
    graded = Record.objects.filter(stream="members").first()
    customer = Customer.objects.filter(identities__value=graded.key).first()
    assert customer is None or customer.tier == f"VIP{graded.body['user_grade_info']['grade']}"
    day = Record.objects.filter(stream="compass").latest("day")
    assert day.day == clock.today() - timedelta(days=1)
    assert Record.objects.filter(stream="compass").count() == 40
    assert Record.objects.filter(stream="fund_flows").exists()
    assert Record.objects.get(stream="shop").key == "info"


def test_being_a_member_makes_nobody_a_customer(platform):
    platform.connect()
    platform.sync("members")
    assert Record.objects.filter(stream="members").exists()
    assert not Customer.objects.exists()


def test_a_repeated_sync_changes_nothing(platform):
    platform.connect()
    platform.sync()
    before = (our_orders(platform.shop), OutboxEvent.objects.count(), Customer.objects.count(), Record.objects.count())
    versions = dict(LakeDirty.objects.filter(table="orders").values_list("part", "version"))
    gets = platform.asked("/channels/ec/order/get")

    platform.sync()

    assert (our_orders(platform.shop), OutboxEvent.objects.count(), Customer.objects.count(), Record.objects.count()) == before
    assert dict(LakeDirty.objects.filter(table="orders").values_list("part", "version")) == versions
    again = platform.asked("/channels/ec/order/get") - gets
    assert again <= 20, "only the ten minutes of overlap are read again"


def test_news_are_read_by_update_and_announced_once(platform):
    platform.connect()
    platform.sync()
    known = platform.paid()
    gets = platform.asked("/channels/ec/order/get")

    platform.advance(hours=30)
    platform.sync()

    fresh = platform.paid() - known
    assert our_orders(platform.shop) == platform.orders() and fresh
    assert announced("OrderPaid") == dict.fromkeys(fresh, 1)
    assert dict(Refund.objects.values_list("refund_key", "amount_fen")) == platform.refunds()
    statuses = dict(Order.objects.values_list("order_id", "platform_status"))
    assert statuses == {name: str(platform.world.order_status(platform.world.order_row(name))) for name in platform.orders()}
    assert platform.asked("/channels/ec/order/get") - gets < len(platform.orders()) / 2, "the past is not read again"

    platform.sync()
    assert announced("OrderPaid") == dict.fromkeys(fresh, 1)


def test_after_a_long_pause_nothing_is_missing(platform):
    platform.connect()
    platform.sync("orders")
    platform.advance(days=17)
    platform.sync("orders")
    assert our_orders(platform.shop) == platform.orders()
    assert platform.state("orders").watermark == clock.now()


def test_a_full_sync_reads_all_again_and_changes_nothing(platform):
    platform.connect()
    platform.sync("orders")
    before, events = our_orders(platform.shop), OutboxEvent.objects.count()
    Order.objects.filter(order_id=min(before)).delete()
    platform.advance(seconds=5)
    gets = platform.asked("/channels/ec/order/get")

    platform.sync("orders", full=True)

    assert platform.asked("/channels/ec/order/get") - gets >= len(before)
    assert our_orders(platform.shop) == before
    assert announced("OrderPaid") == {}, "what was paid before the shop was connected is history, however late it is found"
    assert OutboxEvent.objects.count() <= events + 1


def test_what_was_paid_since_the_connection_is_news_even_if_a_full_sync_finds_it(platform):
    platform.connect()
    platform.sync("orders")
    known = platform.paid()
    platform.advance(hours=20)
    platform.sync("orders", full=True)
    assert announced("OrderPaid") == dict.fromkeys(platform.paid() - known, 1)


class TestAFullWindow:
    @pytest.fixture
    def platform_config(self):
        return small(orders=400, days=40, orders_per_window=20)

    def test_it_is_halved_until_it_fits(self, platform):
        platform.connect()
        platform.sync("orders")
        assert our_orders(platform.shop) == platform.orders()


def test_history_begins_where_the_platform_refuses(platform, monkeypatch):
    floor = clock.now() - timedelta(days=21)
    pages = ShopClient.order_pages

    def refusing(self, start, end, **more):
        if more.get("by") == "create" and start < floor:
            raise errors.Refused("时间太早", errcode=40097)
        return pages(self, start, end, **more)

    monkeypatch.setattr(ShopClient, "order_pages", refusing)
    platform.connect()
    platform.sync("orders")
    found = our_orders(platform.shop)
    assert found and set(found) < set(platform.orders())
    assert platform.state("orders").state == "idle"
    assert min(Order.objects.values_list("created_at", flat=True)) >= floor


def test_a_refusal_of_everything_is_no_beginning_of_history(platform, monkeypatch):
    def refusing(self, start, end, **more):
        raise errors.Refused("参数不对", errcode=40097)

    monkeypatch.setattr(ShopClient, "order_pages", refusing)
    platform.connect()
    platform.sync("orders")
    state = platform.state("orders")
    assert state.state == "failed" and "参数不对" in state.message
    assert state.cursor.get("history") != "done" and not Order.objects.exists()


# -- interruptions ---------------------------------------------------------------------------------------------------------------


def slice_of(monkeypatch, pieces: int) -> str:
    """Runs the orders' job for so many committed pieces, as if its slice of time were over then; what became of it."""
    left = [pieces]

    def should_yield(self) -> bool:
        left[0] -= 1
        return left[0] < 0

    with monkeypatch.context() as patch:
        patch.setattr(jobs.JobContext, "should_yield", should_yield)
        return jobs.execute(jobs.claim("w", ["facts.sync"])[0])


def test_an_interrupted_history_goes_on_and_counts_nothing_twice(platform, monkeypatch):
    monkeypatch.setattr(changes, "PIECE", 25)
    platform.connect()
    total = len(platform.orders())
    sync.ask(platform.shop.pk, stream="orders")
    rounds = 1
    while slice_of(monkeypatch, 2) == "later":
        rounds += 1
        assert rounds < 30
    assert rounds > 3
    assert our_orders(platform.shop) == platform.orders()
    state = platform.state("orders")
    assert (state.state, state.done, state.total) == ("idle", total, total)
    # What had been fetched ahead when a slice ended is fetched again; what was recorded is not.
    assert platform.asked("/channels/ec/order/get") <= total + rounds * 25 * 4


def test_the_newest_week_comes_first(platform, monkeypatch):
    monkeypatch.setattr(changes, "PIECE", 25)
    platform.connect()
    sync.ask(platform.shop.pk, stream="orders")
    shown = []
    monkeypatch.setattr(jobs.JobContext, "progress", lambda self, done, total, note: shown.append((done, total, note)))
    assert slice_of(monkeypatch, 2) == "later"
    state = platform.state("orders")
    assert state.state == "running" and 0 < state.done < state.total == len(platform.orders())
    assert min(Order.objects.values_list("created_at", flat=True)) > clock.now() - timedelta(days=15)
    assert shown[-1][:2] == (state.done, state.total) and "读历史" in shown[-1][2]
    overview = sync.overview(platform.shop.pk)
    assert not overview.over and overview.note == f"订单 {state.done} / {state.total}"


def test_one_that_does_not_come_is_put_aside_and_asked_again(platform, monkeypatch):
    stubborn = max(platform.orders())
    get = ShopClient.order_raw

    async def failing(self, order_id):
        if order_id == stubborn:
            raise errors.TransportError("连接中断", sent=True)
        return await get(self, order_id)

    platform.connect()
    with monkeypatch.context() as patch:
        patch.setattr(ShopClient, "order_raw", failing)
        platform.sync("orders")
    state = platform.state("orders")
    assert state.state == "idle" and state.cursor["late"] == {stubborn: 1} and "1 单没有取到" in state.message
    assert set(our_orders(platform.shop)) == set(platform.orders()) - {stubborn}

    platform.sync("orders")
    assert our_orders(platform.shop) == platform.orders()
    assert platform.state("orders").cursor["late"] == {}


def test_one_that_never_comes_is_given_up_and_noted(platform, monkeypatch):
    stubborn = max(platform.orders())
    get = ShopClient.order_raw

    async def failing(self, order_id):
        if order_id == stubborn:
            raise errors.UnreadableReply("回复的内容无法识别")
        return await get(self, order_id)

    monkeypatch.setattr(ShopClient, "order_raw", failing)
    monkeypatch.setattr(changes, "TRIES", 2)
    platform.connect()
    platform.sync("orders")
    platform.sync("orders")
    assert platform.state("orders").cursor["late"] == {}
    note = Record.objects.get(stream="quality", key=f"orders:{stubborn}")
    assert "2 次都没有取到" in note.body["problems"][0]


def test_one_the_platform_has_no_more_is_noted_and_left(platform, monkeypatch):
    lost = max(platform.orders())
    get = ShopClient.order_raw

    async def failing(self, order_id):
        if order_id == lost:
            raise errors.NoSuchThing("订单不存在", errcode=100002)
        return await get(self, order_id)

    monkeypatch.setattr(ShopClient, "order_raw", failing)
    platform.connect()
    platform.sync("orders")
    assert platform.state("orders").state == "idle" and not platform.state("orders").cursor.get("late")
    assert Record.objects.get(stream="quality", key=f"orders:{lost}").body["problems"] == ["订单不存在"]


def test_a_dead_line_fails_the_run_and_loses_nothing(platform, monkeypatch):
    async def dead(self, order_id):
        raise errors.TransportError("连不上微信服务器", sent=False)

    platform.connect()
    with monkeypatch.context() as patch:
        patch.setattr(ShopClient, "order_raw", dead)
        platform.sync("orders")
    state = platform.state("orders")
    assert state.state == "failed" and "连不上微信服务器" in state.message and "自动重试" in state.message
    assert not Order.objects.exists() and platform.job("orders").state == "ready"
    Job.objects.update(run_at=clock.now())
    platform.work()
    assert our_orders(platform.shop) == platform.orders()
    assert platform.state("orders").state == "idle"


def test_a_lost_lease_commits_nothing(platform, monkeypatch):
    monkeypatch.setattr(changes, "PIECE", 25)
    platform.connect()
    sync.ask(platform.shop.pk, stream="orders")
    row = jobs.claim("first", ["facts.sync"])[0]
    record, taken = store.record_orders, []

    def stolen(shop, orders, **how):
        record(shop, orders, **how)
        if not taken:
            taken.append(Job.objects.filter(pk=row.pk).update(worker="second"))

    monkeypatch.setattr(store, "record_orders", stolen)
    assert jobs.execute(row) == "lost"
    assert taken == [1] and not Order.objects.exists() and not OutboxEvent.objects.exists()


def test_a_closed_shop_and_a_disconnected_account_are_left_alone(platform):
    row = platform.connect()
    sync.ask(platform.shop.pk, stream="orders")
    platform.shop.closed_at = datetime(2026, 3, 1, tzinfo=UTC)
    platform.shop.save()
    platform.work()
    assert not Order.objects.exists() and platform.job("orders").state == "done"
    assert sync.ask(platform.shop.pk) == 0 and sync.due() == []
    platform.shop.closed_at = None
    platform.shop.save()
    sync.ask(platform.shop.pk, stream="orders")
    commands.disconnect(row, "店主")
    platform.work()
    assert not Order.objects.exists() and sync.ask(platform.shop.pk) == 0
