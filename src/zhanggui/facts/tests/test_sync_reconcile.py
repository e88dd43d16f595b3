"""The nightly comparison: holes are found and mended, both sides' counts and amounts are written down."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from zhanggui.emulator.testing import small
from zhanggui.facts import commands, sync
from zhanggui.facts.models import AfterSale, Connection, Inbound, LakeDirty, Order, OrderLine, Refund, SyncState
from zhanggui.facts.tests.conftest import announced, our_orders
from zhanggui.kernel import clock
from zhanggui.kernel.models import Job
from zhanggui.wechat import errors
from zhanggui.wechat.callbacks import understand
from zhanggui.wechat.shop import ShopClient

pytestmark = pytest.mark.django_db


def compare(platform) -> dict:
    """Runs the comparison; what it wrote down about orders."""
    assert sync.ask_reconcile() == 1 and sync.ask_reconcile() == 0
    platform.work()
    assert Job.objects.filter(name="facts.reconcile").latest("id").state == "done"
    return platform.state("orders").checks


def within(platform) -> set[str]:
    """Ids of the platform's orders created in the days compared."""
    start, end = clock.day_span(clock.today() - timedelta(days=30), clock.today() - timedelta(days=1))
    row = platform.world.order_row
    created = platform.world.orders["t_create"]
    return {name for name in platform.orders() if start.timestamp() <= created[row(name)] < end.timestamp()}


@pytest.fixture
def read(platform):
    """A store read once, its after-sales and compass too."""
    row = platform.connect()
    for stream in ("orders", "aftersales"):
        platform.sync(stream)
    return row


def paid_sums(platform) -> tuple[int, int]:
    """Count and 分 of what was paid in the days compared, from the platform's own market."""
    start, end = clock.day_span(clock.today() - timedelta(days=30), clock.today() - timedelta(days=1))
    o = platform.world.orders
    rows = (o["t_pay"] >= start.timestamp()) & (o["t_pay"] < end.timestamp())
    return int(rows.sum()), int(o["price"][rows].sum())


def test_books_that_agree_say_so(platform, read):
    checks = compare(platform)
    count, fen = paid_sums(platform)
    side = {"count": len(within(platform)), "paid": count, "fen": fen}
    assert checks["ok"] is True and checks["platform"] == checks["ours"] == side and count > 50
    assert (checks["missing"], checks["stale"], checks["extra"], checks["repaired"], checks["days"]) == (0, 0, 0, 0, [])
    assert checks["compared_days"] == 30 and "金额一致" in checks["words"]
    cases = platform.state("aftersales").checks
    assert cases["ok"] is True and cases["platform"]["fen"] == cases["ours"]["fen"] > 0
    assert announced("OrderPaid") == {}
    overview = {s.name: s.checks for s in sync.overview(platform.shop.pk).streams}
    assert overview["orders"] == checks


def test_a_hole_is_found_and_mended(platform, read):
    lost = sorted(within(platform))[::7]
    Order.objects.filter(order_id__in=lost).delete()
    case = AfterSale.objects.order_by("-created_at").filter(created_at__lt=clock.day_start(clock.today())).first()
    Refund.objects.filter(refund_key=f"as:{case.aftersale_id}").delete()
    case.delete()
    LakeDirty.objects.all().delete()

    checks = compare(platform)

    assert our_orders(platform.shop) == platform.orders()
    assert set(AfterSale.objects.values_list("aftersale_id", flat=True)) == platform.aftersales()
    assert dict(Refund.objects.values_list("refund_key", "amount_fen")) == platform.refunds()
    assert checks["missing"] == checks["repaired"] == len(lost) and checks["ok"] and checks["ids"] == lost[:20]
    assert platform.state("aftersales").checks["missing"] == 1
    assert LakeDirty.objects.filter(table="orders").exists()
    assert compare(platform)["missing"] == 0


def test_a_stale_order_is_read_again(platform, read):
    old = sorted(within(platform) & platform.paid())[-3:]
    Order.objects.filter(order_id__in=old).update(
        status="unpaid", paid_at=None, platform_updated_at=clock.now() - timedelta(days=99)
    )
    checks = compare(platform)
    assert checks["stale"] == 3 and checks["ok"]
    assert Order.objects.filter(order_id__in=old, paid_at__isnull=False).count() == 3


def test_an_amount_that_differs_is_found_by_the_day_s_sum(platform, read):
    one = Order.objects.filter(order_id__in=within(platform) & platform.paid()).latest("paid_at")
    Order.objects.filter(pk=one.pk).update(paid_fen=1)
    checks = compare(platform)
    assert checks["ok"] and checks["days"] == [] and checks["missing"] == checks["stale"] == 0
    of_the_day = Order.objects.filter(
        paid_at__gte=clock.day_start(clock.day_of(one.paid_at)),
        paid_at__lt=clock.day_start(clock.day_of(one.paid_at) + timedelta(days=1)),
    )
    assert checks["repaired"] == of_the_day.count()
    assert Order.objects.get(pk=one.pk).paid_fen == one.paid_fen


def test_an_amount_that_still_differs_is_shown_with_both_sides(platform, read, monkeypatch):
    shop_day = ShopClient.shop_day
    day = clock.today() - timedelta(days=4)

    async def more(self, asked):
        found = await shop_day(self, asked)
        return found.model_copy(update={"pay_gmv": found.pay_gmv + 700}) if asked == day else found

    monkeypatch.setattr(ShopClient, "shop_day", more)
    checks = compare(platform)
    (row,) = checks["days"]
    assert not checks["ok"] and row["day"] == day.isoformat() and row["platform_fen"] - row["ours_fen"] == 700
    assert row["platform"] == row["ours"] and "1 天的金额与平台不同" in checks["words"]


def test_an_order_that_only_we_have_is_asked_for_and_left(platform, read):
    Order.objects.create(
        shop=platform.shop, order_id="3799999999999999999", status="paid", created_at=clock.now() - timedelta(days=3), paid_fen=5
    )
    Order.objects.create(
        shop=platform.shop,
        order_id="FILE-1",
        status="paid",
        created_at=clock.now() - timedelta(days=3),
        paid_fen=5,
        source="file",
    )
    checks = compare(platform)
    assert checks["extra"] == 1 and checks["gone"] == {"3799999999999999999": "订单不存在"}
    assert Order.objects.filter(order_id="3799999999999999999").exists() and checks["ok"]


def test_what_pushes_said_is_compared(platform, read):
    lost, known = sorted(within(platform) & platform.paid())[-2:]
    Order.objects.filter(order_id=lost).delete()
    for name in (lost, known):
        body = orjson.dumps(
            {
                "ToUserName": "gh",
                "FromUserName": "o",
                "CreateTime": 5,
                "MsgType": "event",
                "Event": "channels_ec_order_pay",
                "order_info": {"order_id": name},
            }
        )
        commands.take_in(read, understand(orjson.loads(body), body))
    Inbound.objects.update(received_at=clock.now() - timedelta(days=40) + timedelta(days=30), state="done")
    Job.objects.all().delete()
    checks = compare(platform)
    pushes = checks["pushes"]
    assert (pushes["said"], pushes["said_paid"], pushes["missing"]) == (2, 2, 1)
    since = Order.objects.filter(paid_at__gte=clock.now() - timedelta(days=10))
    assert pushes["paid"] == since.count() and pushes["paid_fen"] == sum(since.values_list("paid_fen", flat=True))
    told = since.filter(order_id__in=(lost, known))
    assert (pushes["told"], pushes["told_fen"]) == (told.count(), sum(told.values_list("paid_fen", flat=True)))
    assert Order.objects.filter(order_id=lost).exists()


def test_a_first_sync_under_way_is_not_compared(platform):
    platform.connect()
    sync.ask_reconcile()
    platform.work()
    assert not Order.objects.exists() and not SyncState.objects.exists()


class TestWithoutACompass:
    @pytest.fixture
    def platform_config(self):
        return small(orders=200, days=20, closed_paths=("/channels/ec/compass/shop/overall/get",))

    def test_ids_are_compared_all_the_same(self, platform, read):
        Order.objects.filter(order_id=max(within(platform))).delete()
        checks = compare(platform)
        assert checks["missing"] == 1 and checks["compared_days"] == 0 and checks["ok"]
        assert "金额" not in checks["words"]


def test_a_quota_puts_it_off(platform, read, monkeypatch):
    def refused(self, *args, **more):
        raise errors.QuotaExhausted("当日调用次数用完")

    monkeypatch.setattr(ShopClient, "order_pages", refused)
    sync.ask_reconcile()
    platform.work()
    job = Job.objects.get(name="facts.reconcile")
    assert job.state == "ready" and job.run_at > clock.now() and platform.state("orders").checks == {}


def test_a_closed_door_is_the_account_s_failure(platform, read, monkeypatch):
    def refused(self, *args, **more):
        raise errors.ConfigurationError("AppSecret 不对", remedy="请重新复制")

    monkeypatch.setattr(ShopClient, "order_pages", refused)
    sync.ask_reconcile()
    platform.work()
    assert Connection.objects.get().state == "failing" and OrderLine.objects.exists()
