"""Client and emulator agree: every call the emulator answers is asked once, and the client's models read the answer without a remark.

An answer that lacks a field, invents one, or writes a value in a way no model knows fails here by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import pytest

from zhanggui.emulator import hosts
from zhanggui.emulator.catalogue import STAFF
from zhanggui.emulator.protocol import ADS, QYAPI, ROUTES, Route
from zhanggui.emulator.testing import Running, running, small
from zhanggui.wechat.endpoints import by_path
from zhanggui.wechat.payloads import examine

hosts.load()
X = "/cgi-bin/externalcontact"
E = "/channels/ec"
SETTING_UP = {
    "stable_token",
    "token",
    "wecom.gettoken",
    "ads.oauth.token",
    "clear_quota.v2",
    "clear_quota",
    "openapi.quota.clear",
}
"""Calls of their own shape; the token calls are what everything else stands on, and are held by the emulator's own tests."""


class Shop:
    """The served emulator and the ids that its calls need, found or made through its own doors."""

    def __init__(self, emu: Running) -> None:
        self.emu = emu
        self.now = int(emu.emulator.world.now)
        self.world = emu.emulator.world

    def token(self, account: str) -> str:
        """The account's token."""
        if account != "ads":
            return self.emu.token(account)
        k = self.emu.keys
        fields = {
            "client_id": k.ads_client_id,
            "client_secret": k.ads_client_secret,
            "grant_type": "refresh_token",
            "refresh_token": k.ads_refresh_token,
        }
        return str(self.emu.get(f"{self.emu.ads}/oauth/token?{urlencode(fields)}")["data"]["access_token"])

    def ask(self, route: Route, fields: dict[str, Any]) -> bytes:
        """The answer of one call as it came."""
        query: dict[str, Any] = {"access_token": self.token(route.account.split("|")[0])} if route.account else {}
        body: Any = fields
        if route.method == "GET":
            query |= {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
            body = None
        elif route.raw:
            query |= fields
            body = b"\xff\xd8 a picture"
        status, raw = self.emu.request(route.method, f"{self.emu.base}/{route.host}{route.path}?{urlencode(query)}", body)
        assert status == 200
        return raw

    def get(self, path: str, fields: dict[str, Any], account: str = "shop") -> Any:
        """The answer of one call; it must succeed."""
        found = self.emu.call(path, fields, account)
        assert found.get("errcode", 0) == 0, (path, found)
        return found

    @property
    def week(self) -> dict[str, Any]:
        """The last seven days."""
        return {"update_time_range": {"start_time": self.now - 7 * 86400, "end_time": self.now}, "page_size": 100, "next_key": ""}

    @property
    def day(self) -> date:
        """Yesterday."""
        return date(2026, 3, 19)

    @cached_property
    def order(self) -> str:
        """A finished order."""
        return self.get(f"{E}/order/list/get", {**self.week, "status": 100})["order_id_list"][0]

    @cached_property
    def gift(self) -> str:
        """A gift."""
        row = next(row for row in range(len(self.world.orders)) if self.world.orders["flags"][row] & 1)
        found = self.get(f"{E}/order/get", {"order_id": str(self.world.order_id(row))})["order"]
        return str(found["order_present_info"]["present_order_id_str"])

    def product(self, row: int = 0) -> str:
        """A product."""
        return str(self.world.product_id(row))

    def sku(self, row: int = 0) -> str:
        """Its first SKU."""
        return str(self.world.sku_id(self.world.product_skus[row][0]))

    @cached_property
    def case(self) -> str:
        """An after-sales case."""
        for back in range(60):
            span = {"begin_update_time": self.now - (back + 1) * 86400, "end_update_time": self.now - back * 86400}
            found = self.get(f"{E}/aftersale/getaftersalelist", span)["after_sale_order_id_list"]
            if found:
                return found[0]
        raise AssertionError("no after-sales case in sixty days")

    @cached_property
    def coupon(self) -> str:
        """An active coupon."""
        return self.get(f"{E}/coupon/get_list", {"status": 2, "page": 1, "page_size": 10})["coupons"][0]["coupon_id"]

    @cached_property
    def claim(self) -> tuple[str, str]:
        """(openid, user coupon) of a claim."""
        claims = self.world.claims
        row = next(row for row in range(len(claims)) if claims["t_claim"][row] <= self.world.now)
        openid = self.world.openid(int(claims["person"][row]))
        found = self.get(f"{E}/coupon/get_user_coupon_list", {"openid": openid, "page": 1, "page_size": 10})
        return openid, found["user_coupon_list"][0]["user_coupon_id"]

    @cached_property
    def member(self) -> str:
        """A member."""
        return self.get(f"{E}/vip/user/list/get", {"page_num": 1, "page_size": 10})["list"][0]["openid"]

    @cached_property
    def contact(self) -> tuple[str, str]:
        """(staff, customer) in WeCom."""
        for staff, *_ in STAFF:
            found = self.emu.call(f"{X}/list", None, "wecom", userid=staff)
            if found["errcode"] == 0:
                return staff, found["external_userid"][0]
        raise AssertionError("nobody has a customer")

    @cached_property
    def groups(self) -> list[str]:
        """Customer groups."""
        return [row["chat_id"] for row in self.get(f"{X}/groupchat/list", {"limit": 100}, "wecom")["group_chat_list"]]

    @cached_property
    def broadcast(self) -> str:
        """A broadcast that staff have confirmed."""
        made = self.get(
            f"{X}/add_msg_template", {"chat_type": "group", "sender": STAFF[0][0], "text": {"content": "周二上新"}}, "wecom"
        )
        self.emu.advance(hours=3)
        return made["msgid"]

    @cached_property
    def moment(self) -> tuple[str, str]:
        """(job, post) of a moment that staff have published."""
        made = self.get(f"{X}/add_moment_task", {"text": {"content": "春茶"}}, "wecom")
        self.emu.advance(hours=3)
        done = self.emu.call(f"{X}/get_moment_task_result", None, "wecom", jobid=made["jobid"])
        return made["jobid"], done["result"]["moment_id"]

    @cached_property
    def draft(self) -> str:
        """A draft in the 公众号."""
        return self.get(
            "/cgi-bin/draft/add", {"articles": [{"title": "春茶", "content": "<p>明前</p>", "thumb_media_id": "m1"}]}, "official"
        )["media_id"]

    @cached_property
    def published(self) -> str:
        """A publish job."""
        self.emu.advance(minutes=1)
        media = self.get(
            "/cgi-bin/draft/add", {"articles": [{"title": "夏茶", "content": "<p>雨前</p>", "thumb_media_id": "m1"}]}, "official"
        )["media_id"]
        found = self.get("/cgi-bin/freepublish/submit", {"media_id": media}, "official")["publish_id"]
        self.emu.advance(minutes=5)
        return str(found)

    @cached_property
    def rid(self) -> str:
        """The request id of a refused call."""
        return str(self.emu.call(f"{E}/order/get", {"order_id": "1"})["errmsg"]).split("rid: ")[1]


def past(shop: Shop, shape: str = "%Y%m%d", days: int = 1) -> dict[str, str]:
    """A span of days that ends yesterday."""
    return {"begin_date": (shop.day - timedelta(days=days - 1)).strftime(shape), "end_date": shop.day.strftime(shape)}


def dashed(shop: Shop) -> dict[str, str]:
    """Yesterday as the 公众号 writes it."""
    return past(shop, "%Y-%m-%d")


def statistic(shop: Shop) -> dict[str, Any]:
    """A week of group statistics."""
    first = shop.now // 86400 * 86400 - 8 * 86400 - 28800
    return {
        "day_begin_time": first,
        "day_end_time": first + 6 * 86400,
        "owner_filter": {"userid_list": [row[0] for row in STAFF]},
    }


ds = {"ds": "20260317"}
Ask = Callable[[Shop], dict[str, Any]]
ASKS: dict[str, Ask] = {
    "openapi.quota.get": lambda s: {"cgi_path": f"{E}/order/list/get"},
    "openapi.rid.get": lambda s: {"rid": s.rid},
    "callback.check": lambda s: {"action": "all", "check_operator": "DEFAULT"},
    "getcallbackip": lambda s: {},
    "get_api_domain_ip": lambda s: {},
    "ticket.getticket": lambda s: {"type": "jsapi"},
    "order.list.get": lambda s: s.week,
    "order.search": lambda s: {"search_condition": {"order_id": s.order}, "page_size": 10, "next_key": ""},
    "order.get": lambda s: {"order_id": s.order},
    "order.deliverynegotiation.result.get": lambda s: {"order_id_list": [s.order]},
    "order.preshipmentchangesku.get": lambda s: {"page": 1, "page_size": 10},
    "order.sensitiveinfo.decode": lambda s: {"order_id": s.order},
    "order.virtualnumber.applyagain": lambda s: {"order_id": s.order},
    "order.virtualnumber.delay": lambda s: {"order_id": s.order, "has_delay_times": 0},
    "order.virtualtelnumber.get": lambda s: {"order_id": s.order},
    "order.deliverycompanylist.new.get": lambda s: {"ewaybill_only": False},
    "order.deliverycompanylist.get": lambda s: {"nothing": None},
    "order.presentsuborder.get": lambda s: {"present_order_id": s.gift},
    "product.list.get": lambda s: {"page_size": 30},
    "product.get": lambda s: {"product_id": s.product(), "data_type": 3},
    "product.stock.get": lambda s: {"product_id": s.product(), "sku_id": s.sku()},
    "product.stock.batchget": lambda s: {"product_id": [s.product(0), s.product(1)]},
    "product.stock.getflow": lambda s: {"product_id": s.product(), "sku_id": s.sku(), "stock_type": 0, "begin_time": s.now - 60 * 86400, "end_time": s.now, "page_size": 50},
    "product.getauditquota": lambda s: {"nothing": None},
    "product.auditstrategy.get": lambda s: {"nothing": None},
    "product.h5url.get": lambda s: {"product_id": s.product()},
    "product.taglink.get": lambda s: {"product_id": s.product()},
    "product.qrcode.get": lambda s: {"product_id": s.product(), "qrcode_type": 1},
    "product.scheme.get": lambda s: {"product_id": s.product(), "from_appid": "wx1", "expire": 3600},
    "category.all": lambda s: {},
    "category.availablesoncategories.get": lambda s: {"f_cat_id": "0"},
    "category.detail": lambda s: {"cat_id": s.get(f"{E}/product/get", {"product_id": s.product(), "data_type": 1})["product"]["cats_v2"][-1]["cat_id"]},
    "category.list.get": lambda s: {},
    "aftersale.getaftersalelist": lambda s: {"begin_update_time": s.now - 86400, "end_update_time": s.now},
    "aftersale.getaftersaleorder": lambda s: {"after_sale_order_id": s.case},
    "aftersale.reason.get": lambda s: {"nothing": None},
    "aftersale.rejectreason.get": lambda s: {"nothing": None},
    "aftersale.applyvirtualtelnum": lambda s: {"after_sale_order_id": s.case},
    "aftersale.searchguaranteeorder": lambda s: {"begin_time": s.now - 86400, "end_time": s.now, "offset": 0, "limit": 10},
    "aftersale.getpresentaftersalelist": lambda s: {"begin_update_time": s.now - 86400, "end_update_time": s.now},
    "coupon.get": lambda s: {"coupon_id": s.coupon},
    "coupon.get_list": lambda s: {"status": 2, "page": 1, "page_size": 10},
    "coupon.get_user_coupon_list": lambda s: {"openid": s.claim[0], "page": 1, "page_size": 10},
    "coupon.get_user_coupon": lambda s: {"openid": s.claim[0], "user_coupon_id": s.claim[1]},
    "product.limiteddiscounttask.list.get": lambda s: {"page_size": 50},
    "vip.user.list.get": lambda s: {"page_num": 1, "page_size": 200},
    "vip.user.info.get": lambda s: {"openid": s.member},
    "vip.user.score.get": lambda s: {"openid": s.member},
    "vip.user.score.flowrecord.get": lambda s: {"openid": s.member, "page_num": 1, "page_size": 50},
    "vip.v3.wxa.info.get": lambda s: {"nothing": None},
    "compass.shop.overall.get": lambda s: ds,
    "compass.shop.product.list.get": lambda s: {**ds, "offset": 0, "limit": 20},
    "compass.shop.product.data.get": lambda s: {**ds, "product_id": s.get(f"{E}/compass/shop/product/list/get", {**ds, "offset": 0, "limit": 1})["product_list"][0]["product_id"]},
    "compass.shop.finder.authorization.list.get": lambda s: {"nothing": None},
    "compass.shop.finder.overall.get": lambda s: ds,
    "compass.shop.finder.list.get": lambda s: ds,
    "compass.shop.live.list.get": lambda s: {"ds": "20260317", "finder_id": "sphDemoShop"},
    "compass.shop.sale.profile.data.get": lambda s: {**ds, "type": 3},
    "favorites.count.get": lambda s: {"nothing": None},
    "funds.getbalance": lambda s: {"nothing": None},
    "funds.getfundsflowlist": lambda s: {"start_time": s.now - 3 * 86400, "end_time": s.now - 86400, "page": 1, "page_size": 10},
    "funds.getfundsflowdetail": lambda s: {"flow_id": s.get(f"{E}/funds/getfundsflowlist", {"start_time": s.now - 5 * 86400, "end_time": s.now - 2 * 86400, "page": 1, "page_size": 1})["flow_ids"][0]},
    "basics.info.get": lambda s: {},
    "basics.shop.h5url.get": lambda s: {"nothing": None},
    "basics.shop.taglink.get": lambda s: {"nothing": None},
    "basics.shop.qrcode.get": lambda s: {"qrcode_type": 1},
    "basics.img.upload": lambda s: {"resp_type": "1", "upload_type": "0"},
    "basics.addresscode.get": lambda s: {"nothing": None},
    "merchant.address.list": lambda s: {"offset": 0, "limit": 10},
    "merchant.address.get": lambda s: {"address_id": s.get(f"{E}/merchant/address/list", {"offset": 0, "limit": 10})["address_id_list"][0]},
    "merchant.getfreighttemplatelist": lambda s: {"offset": 0, "limit": 10},
    "merchant.getfreighttemplatedetail": lambda s: {"template_id": s.get(f"{E}/merchant/getfreighttemplatelist", {"offset": 0, "limit": 10})["template_id_list"][0]},
    "brand.all": lambda s: {"page_size": 10},
    "brand.valid.list.get": lambda s: {"page_size": 10},
    "brand.list.get": lambda s: {"page_size": 10},
    "store.window.product.list.get": lambda s: {"page_size": 10},
    "store.classification.tree.get": lambda s: {"nothing": None},
    "warehouse.list.get": lambda s: {"page_size": 10},
    "warehouse.get": lambda s: s.get(f"{E}/warehouse/create", {"out_warehouse_id": "w1", "name": "华东仓", "intro": "杭州"}) and {"out_warehouse_id": "w1"},
    "wecom.get_wecom_id": lambda s: {"corp_id": s.emu.keys.corp_id, "user_id": STAFF[0][0]},
    "cooperation.list": lambda s: {"sharer_type": 3},
    "league.item.list.get": lambda s: {"page_index": 1, "page_size": 10, "need_total_num": True},
    "league.item.get": lambda s: {"type": 1, "product_id": s.get(f"{E}/league/item/list/get", {"page_index": 1, "page_size": 10})["items"][0]["product_id"]},
    "league.promoter.list.get": lambda s: {"page_index": 1, "page_size": 10},
    "league.promoter.get": lambda s: {"finder_id": s.get(f"{E}/league/promoter/list/get", {"page_index": 1, "page_size": 10})["finder_ids"][0]},
    "commkf.cosupload": lambda s: {},
    "wecom.externalcontact.get_follow_user_list": lambda s: {},
    "wecom.externalcontact.list": lambda s: {"userid": s.contact[0]},
    "wecom.externalcontact.get": lambda s: {"external_userid": s.contact[1]},
    "wecom.externalcontact.batch.get_by_user": lambda s: {"userid_list": [s.contact[0]], "limit": 20},
    "wecom.idconvert.unionid_to_external_userid": lambda s: {"unionid": s.emu.call(f"{X}/get", None, "wecom", external_userid=s.contact[1])["external_contact"]["unionid"], "openid": "o"},
    "wecom.externalcontact.get_corp_tag_list": lambda s: {"tag_id": []},
    "wecom.externalcontact.get_contact_way": lambda s: {"config_id": s.get(f"{X}/add_contact_way", {"type": 1, "scene": 2, "state": "c=x", "user": [STAFF[0][0]]}, "wecom")["config_id"]},
    "wecom.externalcontact.list_contact_way": lambda s: {"limit": 100},
    "wecom.externalcontact.groupchat.list": lambda s: {"limit": 100},
    "wecom.externalcontact.groupchat.get": lambda s: {"chat_id": s.groups[0], "need_name": 1},
    "wecom.externalcontact.groupchat.statistic": statistic,
    "wecom.externalcontact.groupchat.statistic_group_by_day": statistic,
    "wecom.externalcontact.groupchat.get_join_way": lambda s: {"config_id": s.get(f"{X}/groupchat/add_join_way", {"scene": 2, "chat_id_list": s.groups[:1], "state": "c=y"}, "wecom")["config_id"]},
    "wecom.externalcontact.get_user_behavior_data": lambda s: {"userid": [STAFF[0][0]], "start_time": s.now - 5 * 86400, "end_time": s.now - 86400},
    "wecom.externalcontact.get_groupmsg_list_v2": lambda s: s.broadcast and {"chat_type": "group", "start_time": s.now - 20 * 86400, "end_time": s.now + 86400},
    "wecom.externalcontact.get_groupmsg_task": lambda s: {"msgid": s.broadcast},
    "wecom.externalcontact.get_groupmsg_send_result": lambda s: {"msgid": s.broadcast, "userid": STAFF[0][0]},
    "wecom.externalcontact.get_moment_task_result": lambda s: {"jobid": s.moment[0]},
    "wecom.externalcontact.get_moment_list": lambda s: s.moment and {"start_time": s.now - 86400, "end_time": s.now + 86400, "limit": 20},
    "wecom.externalcontact.get_moment_task": lambda s: {"moment_id": s.moment[1]},
    "wecom.externalcontact.get_moment_customer_list": lambda s: {"moment_id": s.moment[1], "userid": STAFF[0][0]},
    "wecom.externalcontact.get_moment_send_result": lambda s: {"moment_id": s.moment[1], "userid": STAFF[0][0]},
    "wecom.externalcontact.get_moment_comments": lambda s: {"moment_id": s.moment[1], "userid": STAFF[0][0]},
    "wecom.kf.account.list": lambda s: {"offset": 0, "limit": 10},
    "wecom.kf.sync_msg": lambda s: {"open_kfid": s.get("/cgi-bin/kf/account/list", {"offset": 0, "limit": 1}, "wecom")["account_list"][0]["open_kfid"], "limit": 10},
    "wecom.media.upload": lambda s: {"type": "image"},
    "datacube.getweanalysisappiddailysummarytrend": past,
    "datacube.getweanalysisappiddailyvisittrend": past,
    "datacube.getweanalysisappidweeklyvisittrend": lambda s: {"begin_date": "20260309", "end_date": "20260315"},
    "datacube.getweanalysisappidmonthlyvisittrend": lambda s: {"begin_date": "20260201", "end_date": "20260228"},
    "datacube.getweanalysisappiddailyretaininfo": lambda s: {"begin_date": "20260310", "end_date": "20260310"},
    "datacube.getweanalysisappidweeklyretaininfo": lambda s: {"begin_date": "20260302", "end_date": "20260308"},
    "datacube.getweanalysisappidvisitpage": past,
    "datacube.getweanalysisappidvisitdistribution": past,
    "datacube.getweanalysisappiduserportrait": lambda s: past(s, days=7),
    "wxa.generate_urllink": lambda s: {"path": "pages/index/index", "query": "cq=a", "expire_type": 1, "expire_interval": 7},
    "wxa.genwxashortlink": lambda s: {"page_url": "pages/index/index", "page_title": "首页"},
    "datacube.getarticleread": dashed,
    "datacube.getarticleshare": dashed,
    "datacube.getbizsummary": dashed,
    "datacube.getarticletotaldetail": lambda s: {"begin_date": "2026-03-11", "end_date": "2026-03-11"},
    "datacube.getusersummary": dashed,
    "datacube.getusercumulate": dashed,
    "draft.get": lambda s: {"media_id": s.draft},
    "draft.batchget": lambda s: s.draft and {"offset": 0, "count": 20, "no_content": 0},
    "draft.count": lambda s: {},
    "media.uploadimg": lambda s: {},
    "material.add_material": lambda s: {"type": "image"},
    "freepublish.get": lambda s: {"publish_id": s.published},
    "ads.daily_reports.get": lambda s: {"account_id": s.emu.keys.ads_account_id, "level": "REPORT_LEVEL_ADGROUP", "date_range": {"start_date": "2026-03-10", "end_date": "2026-03-16"},
                                        "group_by": ["date", "adgroup_id"], "fields": ["date", "adgroup_id", "cost", "view_count", "valid_click_count", "order_amount"], "page": 1, "page_size": 50,
                                        "timestamp": str(int(s.emu.emulator.clock.service())), "nonce": "agreement"},
}  # fmt: skip
"""Endpoint → what to ask it."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A shop of 90 days, enough for everything to have happened."""
    with running(small()) as emu:
        yield Shop(emu)


READING = {key: route for key, route in ROUTES.items() if not route.write}


def endpoint_of(route: Route) -> str:
    """The client's name of a route."""
    found = by_path(route.path, route.host)
    assert found is not None, f"{route.path} is emulated, but no client knows it"
    return found.name


def test_every_emulated_reading_call_is_asked_here() -> None:
    names = {endpoint_of(route) for route in READING.values()} - SETTING_UP
    assert names == ASKS.keys()


EMPTY_HERE = {
    "order.preshipmentchangesku.get",
    "order.deliverynegotiation.result.get",
    "aftersale.searchguaranteeorder",
    "aftersale.getpresentaftersalelist",
    "brand.valid.list.get",
    "brand.list.get",
    "wecom.kf.sync_msg",
    "wecom.externalcontact.get_groupmsg_send_result",
    "wecom.externalcontact.get_moment_comments",
    "warehouse.list.get",
    "freepublish.get",
    "category.detail",
    "compass.shop.finder.authorization.list.get",
}
"""Lists that the market has nothing for, or not always."""


@pytest.mark.parametrize("key", sorted(key for key, route in READING.items() if endpoint_of(route) not in SETTING_UP))
def test_an_answer_is_read_without_a_remark(shop: Shop, key: str) -> None:
    route = READING[key]
    name = endpoint_of(route)
    raw = shop.ask(route, ASKS[name](shop))
    report = examine(raw, as_kind=name)
    assert not report.title.startswith("错误回复"), report.values
    assert report.understood, report.problems
    assert (report.kind, report.side, report.unknown) == (name, "response", [])
    odd = [note for note in report.notes if "应是" in note or ": 是文字" in note or "科学计数" in note]
    assert odd == []
    data = json.loads(raw)
    if route.host == ADS:
        data = data["data"]
    lists = [value for value in data.values() if isinstance(value, list)]
    if lists and name not in EMPTY_HERE:
        assert any(lists), f"{name} answered empty lists only: nothing was compared"


def test_every_answer_is_recognised_by_its_content_alone(shop: Shop) -> None:
    """What the emulator answers is so much like the platform that nobody has to say what it is."""
    lost = []
    for route in READING.values():
        name = endpoint_of(route)
        if name in SETTING_UP or name in EMPTY_HERE or (route.host == QYAPI and route.raw):
            continue
        report = examine(shop.ask(route, ASKS[name](shop) | ({"nonce": "again"} if route.host == ADS else {})))
        if not report.understood or (name != report.kind and not any(other.startswith(f"{name}.") for other in report.others)):
            lost.append((name, report.kind, report.problems))
    assert lost == []
