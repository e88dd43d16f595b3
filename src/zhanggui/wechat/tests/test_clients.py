"""Walks and typed calls of each client, against scripted answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from zhanggui.wechat import errors
from zhanggui.wechat.ads import AdsClient
from zhanggui.wechat.mini_program import MiniProgramClient
from zhanggui.wechat.official_account import OfficialAccountClient
from zhanggui.wechat.schemas.open_platform import day_of
from zhanggui.wechat.shop import ShopClient
from zhanggui.wechat.tests.fakes import Clock, FakeCarrier, Sent, ads_account, caller, wecom_account
from zhanggui.wechat.walks import Page, walk_numbers, walk_windows, windows
from zhanggui.wechat.wecom import WecomClient
from zhanggui.wechat.writes.ads import AdsWrites
from zhanggui.wechat.writes.mini_program import MiniProgramWrites
from zhanggui.wechat.writes.official_account import OfficialAccountWrites
from zhanggui.wechat.writes.shop import ShopWrites
from zhanggui.wechat.writes.wecom import WecomWrites

START = datetime(2026, 1, 1, tzinfo=UTC)
T0 = int(START.timestamp())
DAY = 86400
LIST = "/channels/ec/order/list/get"


def shop(answers: dict[str, Any]) -> tuple[ShopClient, FakeCarrier]:
    """A shop's client over scripted answers."""
    carrier = FakeCarrier(answers)
    return ShopClient(caller(carrier, Clock())), carrier


def test_windows_cover_without_overlap() -> None:
    assert list(windows(0, 25, 10)) == [(0, 9), (10, 19), (20, 25)]
    assert list(windows(5, 5, 10)) == [(5, 5)]
    assert list(windows(6, 5, 10)) == []


async def test_orders_walk_windows_and_pages() -> None:
    def answer(sent: Sent) -> dict[str, Any]:
        span, key = sent.body["update_time_range"], sent.body["next_key"]
        assert span["end_time"] - span["start_time"] < 7 * DAY
        day = (span["start_time"] - T0) // DAY
        return {"errcode": 0, "order_id_list": [f"{day}-{key or 'a'}"], "next_key": "b", "has_more": key == ""}

    client, carrier = shop({LIST: answer})
    found = [one async for one in client.orders_updated(START, START + timedelta(days=16))]
    assert found == ["0-a", "0-b", "7-a", "7-b", "14-a", "14-b"]
    assert {sent.body["page_size"] for sent in carrier.to(LIST)} == {100}


async def test_too_many_orders_halve_the_window_and_nothing_is_lost_or_doubled() -> None:
    orders = {f"o{n}": T0 + n * 3600 for n in range(300)}

    def answer(sent: Sent) -> dict[str, Any]:
        span = sent.body["create_time_range"]
        inside = sorted(one for one, at in orders.items() if span["start_time"] <= at <= span["end_time"])
        if len(inside) > 20:
            return {"errcode": 31042, "errmsg": "too many"}
        at = int(sent.body["next_key"] or 0)
        return {"errcode": 0, "order_id_list": inside[at : at + 7], "next_key": str(at + 7), "has_more": at + 7 < len(inside)}

    client, _ = shop({LIST: answer})
    found = [one async for one in client.orders_created(START, START + timedelta(days=14))]
    assert sorted(found) == sorted(orders)
    assert len(found) == len(set(found))


async def test_a_second_that_is_still_too_full_is_told() -> None:
    client, carrier = shop({LIST: {"errcode": 31042}})
    with pytest.raises(errors.WindowTooLarge):
        _ = [one async for one in client.orders_updated(START, START + timedelta(seconds=3))]
    assert len(carrier.to(LIST)) == 3


async def test_a_lost_cursor_restarts_its_window_without_doubles() -> None:
    state = {"broken": True}

    def answer(sent: Sent) -> dict[str, Any]:
        key = sent.body["next_key"]
        if key == "p2" and state.pop("broken", False):
            return {"errcode": 606006}
        rows = {"": ["1", "2"], "p2": ["3"]}[key]
        return {"errcode": 0, "order_id_list": rows, "next_key": "p2", "has_more": key == ""}

    client, _ = shop({LIST: answer})
    assert [one async for one in client.orders_updated(START, START + timedelta(hours=1))] == ["1", "2", "3"]


async def test_a_cursor_that_never_holds_gives_up() -> None:
    client, carrier = shop({LIST: {"errcode": 606006}})
    with pytest.raises(errors.WalkBroken):
        _ = [one async for one in client.orders_updated(START, START)]
    assert len(carrier.to(LIST)) == 4


async def test_aftersales_walk_days() -> None:
    path = "/channels/ec/aftersale/getaftersalelist"
    client, carrier = shop({path: {"errcode": 0, "after_sale_order_id_list": ["9", 10], "next_key": "", "has_more": False}})
    pages = [page async for page in client.aftersale_pages(START, START + timedelta(hours=30))]
    assert [page.items for page in pages] == [["9", "10"], ["9", "10"]]
    assert all(page.last for page in pages)
    bodies = [sent.body for sent in carrier.to(path)]
    assert [(b["begin_update_time"] - T0, b["end_update_time"] - T0) for b in bodies] == [(0, DAY - 1), (DAY, 30 * 3600)]


async def test_products_stop_on_a_short_page_or_an_empty_cursor() -> None:
    path = "/channels/ec/product/list/get"
    full = [str(n) for n in range(30)]
    client, carrier = shop(
        {path: [{"errcode": 0, "product_ids": full, "next_key": "x"}, {"errcode": 0, "product_ids": ["a"], "next_key": "y"}]}
    )
    assert [one async for one in client.products()] == [*full, "a"]
    assert len(carrier.to(path)) == 2
    client, carrier = shop({path: {"errcode": 0, "product_ids": full, "next_key": ""}})
    assert [one async for one in client.products()] == full


async def test_coupons_and_members_and_stock() -> None:
    answers = {
        "/channels/ec/coupon/get_list": [
            {"errcode": 0, "coupons": [{"coupon_id": n} for n in range(200)], "total_num": 201, "page_ctx": "c1"},
            {"errcode": 0, "coupons": [{"coupon_id": "last"}], "total_num": 201},
        ],
        "/channels/ec/vip/user/list/get": {
            "errcode": 0,
            "list": [{"openid": "o1", "user_grade_info": {"grade": "2"}}],
            "total_num": "1",
        },
        "/channels/ec/product/stock/batchget": {
            "errcode": 0,
            "data": {"spu_stock_list": [{"product_id": 7, "sku_stock": [{"sku_id": 8, "normal_stock_num": "5"}]}]},
        },
    }
    client, carrier = shop(answers)
    assert len([one async for one in client.coupons()]) == 201
    assert [(s.body["page"], s.body.get("page_ctx")) for s in carrier.to("/channels/ec/coupon/get_list")] == [
        (1, None),
        (2, "c1"),
    ]
    (member,) = [one async for one in client.members()]
    assert member.user_grade_info is not None
    assert (member.openid, member.user_grade_info.grade) == ("o1", 2)
    stock = await client.stock([str(n) for n in range(51)])
    assert [len(s.body["product_id"]) for s in carrier.to("/channels/ec/product/stock/batchget")] == [50, 1]
    assert (stock[0].product_id, stock[0].sku_stock[0].normal_stock_num) == ("7", 5)


async def test_compass_and_funds() -> None:
    answers = {
        "/channels/ec/compass/shop/overall/get": {
            "errcode": 0,
            "data": {"pay_gmv": "12300", "pay_uv": "4", "pay_order_cnt": "5"},
        },
        "/channels/ec/compass/shop/product/list/get": {
            "errcode": 0,
            "product_list": [{"product_id": 3, "data": {"pay_gmv": "9"}}],
        },
        "/channels/ec/funds/getfundsflowlist": [
            {"errcode": 0, "flow_ids": ["1"], "has_more": True, "next_key": "k"},
            {"errcode": 0, "flow_ids": ["2"], "has_more": False},
        ],
        "/channels/ec/funds/getfundsflowdetail": {
            "errcode": 0,
            "funds_flow": {
                "flow_id": 2,
                "funds_type": 1,
                "flow_type": 1,
                "amount": "990",
                "bookkeeping_time": "2026-01-01 08:00:00",
            },
        },
    }
    client, carrier = shop(answers)
    day = await client.shop_day(date(2025, 12, 31))
    assert (day.pay_gmv, day.pay_uv, day.pay_order_cnt) == (12300, 4, 5)
    assert carrier.to("/channels/ec/compass/shop/overall/get")[0].body == {"ds": "20251231"}
    assert [(one.product_id, one.data.pay_gmv if one.data else 0) async for one in client.product_days(date(2025, 12, 31))] == [
        ("3", 9)
    ]
    assert [one async for one in client.fund_flows(START, START + timedelta(days=1))] == ["1", "2"]
    flow = await client.fund_flow("2")
    assert (flow.amount, flow.bookkeeping_time) == (990, T0)


async def test_numbered_walks_end() -> None:
    async def fetch(number: int) -> tuple[list[int], int | None]:
        return ([number] * 2 if number < 4 else []), None

    pages = [page async for page in walk_numbers(fetch, page_size=2)]
    assert [page.items for page in pages] == [[1, 1], [2, 2], [3, 3], []]


async def test_pages_of_a_walk_tell_where_they_are() -> None:
    async def fetch(first: int, last: int, cursor: str) -> tuple[list[str], str, bool]:
        return [f"{first}{cursor}"], "n", cursor == ""

    pages = [page async for page in walk_windows(0, 9, 10, fetch)]
    assert pages == [Page(["0"], 0, 9, "n", False), Page(["0n"], 0, 9, "", True)]


async def test_wecom_reads() -> None:
    base = "/cgi-bin/externalcontact/"
    answers = {
        base + "get_follow_user_list": {"errcode": 0, "follow_user": ["lina"]},
        base + "get": [
            {
                "errcode": 0,
                "external_contact": {"external_userid": "wm1", "type": 1},
                "follow_user": [{"userid": "a", "state": "ch"}],
                "next_cursor": "c",
            },
            {"errcode": 0, "external_contact": {"external_userid": "wm1"}, "follow_user": [{"userid": "b"}], "next_cursor": ""},
        ],
        base + "groupchat/list": {"errcode": 0, "group_chat_list": [{"chat_id": "g1", "status": 0}], "next_cursor": ""},
        base + "groupchat/get": {
            "errcode": 0,
            "group_chat": {
                "chat_id": "g1",
                "member_list": [{"userid": "wm1", "type": 2, "join_time": 1767225600, "invitor": {"userid": "lina"}}],
            },
        },
        base + "groupchat/statistic_group_by_day": {"errcode": 0, "items": [{"stat_time": T0, "data": {"member_total": "5"}}]},
        base + "get_user_behavior_data": {"errcode": 0, "behavior_data": [{"stat_time": T0, "reply_percentage": "60.25"}]},
        base + "customer_acquisition/statistic": {"errcode": 0, "click_link_customer_cnt": 9, "new_customer_cnt": 3},
    }
    carrier = FakeCarrier(answers)
    client = WecomClient(caller(carrier, Clock(), account=wecom_account()))
    assert await client.staff() == ["lina"]
    contact = await client.contact("wm1")
    assert [one.userid for one in contact.follow_user] == ["a", "b"]
    assert carrier.to(base + "get")[1].query["cursor"] == "c"
    assert [one.chat_id async for one in client.groups(owners=[str(n) for n in range(150)])] == ["g1", "g1"]
    group = await client.group("g1")
    assert group.member_list[0].invitor is not None
    assert (group.member_list[0].userid, group.member_list[0].invitor.userid) == ("wm1", "lina")
    days = await client.group_days(START, START, ["lina"])
    assert days[0].data is not None
    assert days[0].data.member_total == 5
    assert (await client.behaviour("lina", START, START))[0].reply_percentage == 60.25
    assert (await client.link_statistic("l", START, START)).new_customer_cnt == 3


async def test_mini_program_and_official_account_and_ads() -> None:
    answers = {
        "/datacube/getweanalysisappiddailyvisittrend": {
            "list": [{"ref_date": "20251231", "session_cnt": 5, "visit_depth": "1.5"}]
        },
        "/datacube/getweanalysisappidvisitdistribution": {
            "ref_date": "20251231",
            "list": [{"index": "access_depth_info", "item_list": [{"key": 1, "value": 7}, {"key": "2", "value": 3}]}],
        },
        "/datacube/getusersummary": {"list": [{"ref_date": "2025-12-31", "user_source": 100, "new_user": 2, "cancel_user": 1}]},
        "/datacube/getarticletotaldetail": {
            "list": [{"ref_date": "2025-12-20", "msgid": "1_1", "detail_list": [{"stat_date": "2025-12-20", "read_user": 4}]}],
            "is_delay": False,
        },
        "/v3.0/daily_reports/get": {
            "code": 0,
            "data": {"list": [{"date": "2025-12-20", "adgroup_id": 7001, "cost": "30000"}], "page_info": {"total_number": 1}},
        },
    }
    carrier = FakeCarrier(answers)
    one = caller(carrier, Clock())
    mini, official = MiniProgramClient(one), OfficialAccountClient(one)
    day = date(2025, 12, 31)
    visits = await mini.visits(day)
    assert visits is not None
    assert (visits.session_cnt, visits.visit_depth) == (5, 1.5)
    assert await mini.distribution(day) == {"access_depth_info": {1: 7, 2: 3}}
    assert await mini.summary(day) is None
    rows = await official.follower_changes(date(2025, 12, 20), date(2025, 12, 31))
    assert len(rows) == 2
    spans = [(s.body["begin_date"], s.body["end_date"]) for s in carrier.to("/datacube/getusersummary")]
    assert spans == [("2025-12-20", "2025-12-26"), ("2025-12-27", "2025-12-31")]
    assert (await official.article_totals(day)).list[0].detail_list[0].read_user == 4
    ads = AdsClient(caller(carrier, Clock(), account=ads_account(access_token="A", refresh_token="")))
    reports = [row async for row in ads.daily_reports(date(2025, 12, 20), date(2025, 12, 20))]
    assert [(row.adgroup_id, row.cost) for row in reports] == [("7001", 30000)]
    with pytest.raises(ValueError, match="Monday"):
        await mini.weekly_visits(day)


def test_platform_dates() -> None:
    assert day_of("2025-12-20") == day_of("20251220") == date(2025, 12, 20)
    assert day_of("20251222-20251228") == date(2025, 12, 22)
    assert day_of("202512") == date(2025, 12, 1)
    with pytest.raises(ValueError, match="Invalid"):
        day_of("soon")


async def test_writes_send_what_they_say() -> None:
    carrier = FakeCarrier(
        {
            "/cgi-bin/externalcontact/add_msg_template": {"errcode": 0, "fail_list": ["wm9"], "msgid": "m1"},
            "/channels/ec/coupon/create": {"errcode": 0, "data": {"coupon_id": 5}},
            "/channels/ec/product/limiteddiscounttask/add": {"errcode": 0, "task_id": 77},
            "/cgi-bin/draft/add": {"media_id": "d1"},
            "/cgi-bin/message/subscribe/send": {"errcode": 43101, "errmsg": "user refuse"},
        }
    )
    one = caller(carrier, Clock())
    corp = WecomWrites(caller(carrier, Clock(), account=wecom_account()))
    assert await corp.broadcast(text="新品", to=["wm1"], sender="lina") == ("m1", ["wm9"])
    assert carrier.to("/cgi-bin/externalcontact/add_msg_template")[0].body == {
        "chat_type": "single",
        "external_userid": ["wm1"],
        "sender": "lina",
        "text": {"content": "新品"},
    }
    store = ShopWrites(one)
    assert await store.create_coupon(type=2, name="满减") == "5"
    assert await store.start_flash_sale("1", 10, 20, [{"sku_id": "2", "sale_price": 900, "sale_stock": 5}], limit=2) == "77"
    await store.void_coupon("5")
    assert carrier.sent[-1].body == {"coupon_id": "5", "status": 4}
    assert await OfficialAccountWrites(one).add_draft([{"title": "t"}]) == "d1"
    with pytest.raises(errors.Refused) as caught:
        await MiniProgramWrites(one).send_subscribed("o", "t", {"thing1": "x"})
    assert caught.value.errcode == 43101
    await AdsWrites(caller(carrier, Clock(), account=ads_account(access_token="A", refresh_token=""))).upload_conversions(
        "1", "2", [{"action_type": "PURCHASE"}]
    )
    assert carrier.sent[-1].body["user_action_set_id"] == "2"
    before = len(carrier.sent)
    await store.change_stock("1", "2", 0)
    assert len(carrier.sent) == before
