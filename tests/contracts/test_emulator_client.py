"""The real clients walk the emulated platform over HTTP, in fair weather and foul, and nothing is missing and nothing is doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from zhanggui.emulator.testing import Running, running, small
from zhanggui.wechat.ads import AdsClient
from zhanggui.wechat.client import Account, AdsAccount, Caller, ShopAccount, Transport, WecomAccount
from zhanggui.wechat.errors import CapabilityOff, IpNotAllowed, NoSuchThing, NotReadyYet, QuotaExhausted, Throttled
from zhanggui.wechat.mini_program import MiniProgramClient
from zhanggui.wechat.official_account import OfficialAccountClient
from zhanggui.wechat.shop import ShopClient
from zhanggui.wechat.wecom import WecomClient

FOUL_WEATHER: tuple[dict[str, Any], ...] = (
    {"kind": "http", "rate": 0.02, "status": 503, "path": "api.weixin.qq.com/channels/*"},
    {"kind": "errcode", "rate": 0.02, "errcode": -1, "path": "api.weixin.qq.com/channels/*"},
    {"kind": "truncate", "rate": 0.02, "path": "api.weixin.qq.com/channels/*"},
    {"kind": "revoke", "count": 3, "rate": 0.01, "path": "api.weixin.qq.com/channels/*"},
)


@pytest.fixture(scope="module")
def emu() -> Iterator[Running]:
    """A small shop in fair weather."""
    with running(small()) as served:
        yield served


def account(emu: Running, kind: str) -> Account:
    """The demo account of a kind."""
    k = emu.keys
    return {
        "shop": ShopAccount(k.shop_appid, k.shop_secret),
        "mini": ShopAccount(k.mini_appid, k.mini_secret),
        "official": ShopAccount(k.official_appid, k.official_secret),
        "wecom": WecomAccount(k.corp_id, k.corp_secret),
        "ads": AdsAccount(k.ads_account_id, k.ads_client_id, k.ads_client_secret, k.ads_refresh_token),
    }[kind]


async def at_once(seconds: float) -> None:
    """Waits not at all, but lets others run."""
    await asyncio.sleep(0)


def caller(emu: Running, kind: str, transport: Transport, **more: Any) -> Caller:
    """A caller at the emulator; the platform's clock is the emulator's."""
    options = {"clock": emu.emulator.clock.service, "sleep": at_once, "attempts": 8, **more}
    return Caller(account(emu, kind), transport, hosts=emu.base_urls, **options)


def moment(seconds: float) -> datetime:
    """An epoch second as a moment."""
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize("weather", ["fair", "foul"])
async def test_every_order_and_case_is_found_once(weather: str) -> None:
    with running(small(faults=FOUL_WEATHER if weather == "foul" else ())) as emu:
        world = emu.emulator.world
        end, start = moment(world.now), moment(world.now - 30 * 86400)
        async with Transport() as transport:
            client = ShopClient(caller(emu, "shop", transport))
            ids = [one async for one in client.orders_created(start, end)]
            cases = [one async for one in client.aftersales_updated(end - timedelta(days=5), end)]
            orders = await asyncio.gather(*(client.order(one) for one in ids))
        created = world.orders["t_create"]
        expected = np.flatnonzero((created >= int(start.timestamp())) & (created <= world.now))
        assert Counter(ids) == Counter(str(world.order_id(row)) for row in expected.tolist())
        assert len(cases) == len(set(cases)) > 0
        paid = [one for one in orders if one.order_detail and one.order_detail.pay_info and one.order_detail.pay_info.pay_time]
        money = sum(one.order_detail.price_info.order_price for one in paid if one.order_detail and one.order_detail.price_info)
        mask = np.isfinite(world.orders["t_pay"][expected]) & (world.orders["t_pay"][expected] <= world.now)
        assert money == int(world.orders["price"][expected][mask].sum())
        if weather == "foul":
            hits = {rule["kind"]: rule["hits"] for rule in emu.control("faults")["faults"]}
            assert all(hits.values()), f"every fault struck: {hits}"


async def test_the_shelf_the_people_and_the_money(emu: Running) -> None:
    world = emu.emulator.world
    async with Transport() as transport:
        client = ShopClient(caller(emu, "shop", transport))
        products = [one async for one in client.products()]
        assert sorted(products) == sorted(str(world.product_id(row)) for row in range(len(world.products)))
        stock = await client.stock(products)
        assert {one.product_id for one in stock} == set(products)
        members = [one async for one in client.members()]
        assert len({one.openid for one in members}) == len(members) > 50
        day = date(2026, 3, 18)
        flows = [one async for one in client.fund_flows(moment(world.now - 3 * 86400), moment(world.now - 86400))]
        assert len(flows) == len(set(flows)) > 0
        assert (await client.fund_flow(flows[0])).amount > 0
        figures = await client.shop_day(day)
        rows = [row async for row in client.product_days(day)]
        assert sum(row.data.pay_cnt or 0 for row in rows if row.data) > 0
        assert figures.pay_gmv > 0
        coupons = [one async for one in client.coupons()]
        assert (await client.coupon(coupons[0])).coupon_id == coupons[0]
        with pytest.raises(NoSuchThing):
            await client.order("1")
        with pytest.raises(QuotaExhausted):
            for row in range(40):
                await client.decode_recipient(str(world.order_id(int(np.flatnonzero(world.orders["t_pay"] <= world.now)[row]))))


async def test_private_domain_analytics_and_ads(emu: Running) -> None:
    world = emu.emulator.world
    day = date(2026, 3, 18)
    async with Transport() as transport:
        wecom = WecomClient(caller(emu, "wecom", transport))
        staff = await wecom.staff()
        groups = [one async for one in wecom.groups()]
        assert len(groups) == len(world.groups)
        assert len(staff) > 1
        mini = MiniProgramClient(caller(emu, "mini", transport))
        visits = await mini.visits(day)
        assert visits is not None
        assert (await mini.distribution(day))["access_depth_info"][1] < (visits.session_cnt or 0)
        official = OfficialAccountClient(caller(emu, "official", transport))
        assert (await official.account_day(day)).list
        ads = AdsClient(caller(emu, "ads", transport))
        spent = [row async for row in ads.daily_reports(day - timedelta(days=6), day)]
        assert {row.date for row in spent} == {(day - timedelta(days=back)).isoformat() for back in range(7)}
        assert all(row.cost > 0 for row in spent)
        with pytest.raises(NotReadyYet):
            emu.control("clock/set", {"now": "2026-03-21T05:00:00+08:00"})
            await mini.visits(date(2026, 3, 20))


async def test_refusals_become_the_errors_they_are() -> None:
    with running(small(orders=200, days=30, closed_paths=("/channels/ec/vip/user/list/get",))) as emu:
        async with Transport() as transport:
            client = ShopClient(caller(emu, "shop", transport, longest_wait=1.0))
            with pytest.raises(CapabilityOff):
                [one async for one in client.members()]
            emu.control(
                "faults", {"kind": "errcode", "errcode": 61004, "errmsg": "access clientip 9.8.7.6 is not registered", "count": 1}
            )
            with pytest.raises(IpNotAllowed) as refused:
                await client.shop_info()
            assert refused.value.ip == "9.8.7.6"
            emu.control("faults", {"kind": "http", "status": 403, "count": 1})
            with pytest.raises(IpNotAllowed):
                await client.shop_info()
            emu.control("settings", {"limits": {"/channels/ec/basics/info/get": [1000, 2]}})
            with pytest.raises(Throttled):
                for _ in range(4):
                    await client.shop_info()
            emu.advance(minutes=2)
            assert (await client.shop_info()).nickname
            emu.control("settings", {"limits": {"/channels/ec/favorites/count/get": [2, 1000]}})
            with pytest.raises(QuotaExhausted):
                for _ in range(4):
                    await client.favorites()
            with pytest.raises(QuotaExhausted):
                await client.favorites()
            before = emu.control("status")["requests"]
            with pytest.raises(QuotaExhausted):
                await client.favorites()
            assert emu.control("status")["requests"] == before, "a closed endpoint is not asked again"
            emu.advance(hours=24)
            assert (await client.favorites()).favor_uv_acc_all >= 0
