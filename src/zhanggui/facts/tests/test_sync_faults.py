"""A platform that misbehaves: what comes is complete all the same, and what is refused is said in words with the way out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from zhanggui.emulator.testing import small
from zhanggui.facts import commands, network, sync
from zhanggui.facts.models import AfterSale, Connection, Order, Record, SyncState
from zhanggui.facts.tests.conftest import announced, our_orders
from zhanggui.kernel import clock
from zhanggui.kernel.models import Job
from zhanggui.wechat import client as wechat_client

pytestmark = pytest.mark.django_db
API = "api.weixin.qq.com"


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch):
    """Repetitions follow at once: the pauses themselves are the client's matter and tested there."""
    at_once = wechat_client.asyncio.sleep

    async def sleep(seconds: float) -> None:
        await at_once(0)

    build = wechat_client.Caller.__init__

    def quick(self, *args, **more):
        build(self, *args, **{**more, "sleep": sleep})

    monkeypatch.setattr(wechat_client.Caller, "__init__", quick)


class TestOneInAHundred:
    @pytest.fixture
    def platform_config(self):
        kinds = (
            {"kind": "errcode", "errcode": -1},
            {"kind": "http", "status": 502},
            {"kind": "truncate"},
            {"kind": "drop"},
            {"kind": "revoke", "count": 1},
        )
        faults = tuple({"path": f"{API}/channels/*", "rate": 0.01, **kind} for kind in kinds)
        return small(orders=400, days=40, faults=faults)

    def test_the_books_are_complete(self, platform):
        platform.connect()
        platform.sync()
        rules = platform.emu.emulator.faults.rules
        assert sum(rule.hits for rule in rules) > 5
        assert our_orders(platform.shop) == platform.orders()
        assert set(AfterSale.objects.values_list("aftersale_id", flat=True)) == platform.aftersales()
        assert set(SyncState.objects.values_list("state", flat=True)) == {"idle"}
        assert announced("OrderPaid") == {}


def test_a_revoked_token_is_fetched_again(platform):
    platform.connect()
    platform.sync("orders")
    platform.advance(minutes=40)
    platform.emu.control("tokens/revoke", {"account": "shop"})
    platform.sync("orders")
    assert our_orders(platform.shop) == platform.orders()
    assert platform.state("orders").state == "idle" and Connection.objects.get().state == "ok"


def test_an_answer_that_never_comes_is_asked_for_again(platform, monkeypatch):
    build = wechat_client.Caller.__init__
    monkeypatch.setattr(wechat_client.Caller, "__init__", lambda self, *a, **m: build(self, *a, **{**m, "timeout": 0.3}))
    platform.emu.control("faults", {"kind": "timeout", "path": f"{API}/channels/ec/order/get", "rate": 1, "count": 3, "ms": 2000})
    platform.connect()
    platform.sync("orders")
    assert our_orders(platform.shop) == platform.orders()


class TestAUsedUpQuota:
    @pytest.fixture
    def platform_config(self):
        return small(orders=400, days=40, limits={"/channels/ec/order/get": (230, 300_000)})

    def test_the_stream_waits_with_the_reason_and_goes_on_afterwards(self, platform, monkeypatch):
        monkeypatch.setattr("zhanggui.facts.sync.changes.PIECE", 50)
        platform.connect()
        platform.sync()

        state, job = platform.state("orders"), platform.job("orders")
        assert state.state == "waiting" and "当日调用次数用完" in state.message and "零点" in state.message
        assert job.state == "ready" and job.run_at > clock.now() + timedelta(seconds=59)
        some = our_orders(platform.shop)
        assert 0 < len(some) < len(platform.orders()) and some.items() <= platform.orders().items()
        others = SyncState.objects.exclude(stream="orders")
        assert set(others.values_list("state", flat=True)) == {"idle"}, "the other streams went on"
        overview = sync.overview(platform.shop.pk)
        assert overview.over and overview.failed == () and "等额度" in overview.note
        assert job.attempts == 0, "waiting for a quota is no failure"

        platform.emu.control("settings", {"limits": {"/channels/ec/order/get": [100_000, 300_000]}})
        network.hang_up()  # the quota is back: so is the budget of the caller that had closed the endpoint
        Job.objects.filter(pk=job.pk).update(run_at=clock.now())
        platform.work()
        assert our_orders(platform.shop) == platform.orders()
        assert platform.state("orders").state == "idle" and announced("OrderPaid") == {}


class TestAnAbilityThatIsOff:
    @pytest.fixture
    def platform_config(self):
        return small(orders=200, days=20, closed_paths=("/channels/ec/vip/user/list/get",))

    def test_the_stream_is_off_and_the_others_go_on(self, platform):
        row = platform.connect()
        platform.sync()
        state = platform.state("members")
        assert state.state == "off" and "没有这个接口的权限" in state.message
        assert not Record.objects.filter(stream="members").exists()
        assert set(SyncState.objects.exclude(stream="members").values_list("state", flat=True)) == {"idle"}
        row.refresh_from_db()
        assert row.state == "ok"
        (refused,) = [c for c in commands.checks_of(row) if c.ok is False]
        assert refused.name == "members" and "会员" in refused.remedy
        assert platform.job("members").state == "done", "nothing is repeated until somebody has acted"

        assert sync.ask(platform.shop.pk) == 8, "it is left out until it is named"
        platform.work()
        day = clock.now() + timedelta(days=1, hours=1)
        assert "members" not in {d.stream for d in sync.due(day)} and "coupons" in {d.stream for d in sync.due(day)}
        assert "members" in {d.stream for d in sync.due(clock.now() + timedelta(days=8))}

        platform.emu.control("settings", {"closed_paths": []})
        results = commands.check(row)
        assert all(c.ok for c in results if c.name == "members")
        assert platform.state("members").state == "idle" and "members" in {d.stream for d in sync.due()}
        platform.sync()
        assert Record.objects.filter(stream="members").exists()


def test_a_wrong_secret_fails_the_account_with_the_way_out(platform):
    row = platform.connect(secret="not-the-secret-of-this-shop")
    platform.sync()
    row.refresh_from_db()
    assert row.state == "failing" and "AppSecret" in row.message and "not-the-secret" not in row.message
    assert set(SyncState.objects.values_list("state", flat=True)) == {"failed"}
    assert not Order.objects.exists() and not Record.objects.exists()
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    assert platform.asked("/cgi-bin/stable_token") == 1, "nine streams do not knock nine times at a closed door"
    assert sync.due() == [], "not at once again"
    assert len(sync.due(clock.now() + timedelta(minutes=61))) == 9

    platform.connect()
    platform.sync()
    row.refresh_from_db()
    assert row.state == "ok" and row.message == ""
    assert our_orders(platform.shop) == platform.orders()


def test_a_missing_address_on_the_list_is_said_with_the_address(platform):
    platform.emu.control(
        "faults",
        {"kind": "errcode", "errcode": 61004, "errmsg": "access clientip is not registered 203.0.113.7", "path": f"{API}/*"},
    )
    row = platform.connect()
    platform.sync("orders")
    row.refresh_from_db()
    assert row.state == "failing" and "203.0.113.7" in row.message and "白名单" in row.message


def test_a_broken_stream_does_not_hold_up_the_others(platform, monkeypatch):
    def broken(shop, products, **more):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("zhanggui.facts.sync.store.record_products", broken)
    platform.connect()
    platform.sync()
    state = platform.state("products")
    assert state.state == "failed" and "RuntimeError" in state.message and "a mistake of ours" not in state.message
    assert our_orders(platform.shop) == platform.orders()
    assert set(SyncState.objects.exclude(stream="products").values_list("state", flat=True)) == {"idle"}
    assert sync.overview(platform.shop.pk).failed == () and not sync.overview(platform.shop.pk).over, "its job tries again"
    Job.objects.filter(args__stream="products").update(attempts=7, run_at=clock.now())
    platform.work()
    assert sync.overview(platform.shop.pk).failed == ("商品",) and platform.job("products").state == "dead"
