"""What a platform account may be asked for, permission by permission: what it is for, where it is granted, and the cheap call that shows it.

The names are those of the sync's streams, so that a refused permission and the stream it stops are one thing on screen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from zhanggui.kernel import clock
from zhanggui.wechat.ads import AdsClient
from zhanggui.wechat.mini_program import MiniProgramClient
from zhanggui.wechat.official_account import OfficialAccountClient
from zhanggui.wechat.shop import ACTIVE_COUPON, ShopClient
from zhanggui.wechat.wecom import WecomClient

Probe = Callable[[Any], Awaitable[object]]
"""A reading call whose success shows that the permission is there."""
_SHOP_BACKEND = "微信小店后台 → 服务市场 → 自研"
_CONTACT_BACKEND = "企业微信管理后台 → 客户联系 → 可调用接口的应用"


@dataclass(frozen=True)
class Grantable:
    """One permission of one kind of account."""

    kind: str
    name: str
    title: str
    purpose: str
    """What the shop gets from it, in a sentence."""
    where: str
    """Where it is switched on when the platform refuses it."""
    probe: Probe
    needed: bool = False
    """Whether the account is of no use without it."""


async def _first(rows: AsyncIterator[Any]) -> Any:
    """The first row of a walk, which is then ended; None if it has none."""
    async with aclosing(cast("AsyncGenerator[Any, None]", rows)) as walk:
        return await anext(walk, None)


def _days_ago(days: int) -> date:
    return clock.today() - timedelta(days=days)


async def _orders(client: ShopClient) -> object:
    now = clock.now()
    return await _first(client.order_pages(now - timedelta(hours=1), now))


async def _aftersales(client: ShopClient) -> object:
    now = clock.now()
    return await _first(client.aftersale_pages(now - timedelta(hours=1), now))


async def _products(client: ShopClient) -> object:
    return await _first(client.product_pages(page_size=1))


async def _stock(client: ShopClient) -> object:
    page = await _first(client.product_pages(page_size=1))
    return await client.stock(page.items[:1]) if page is not None and page.items else None


async def _coupons(client: ShopClient) -> object:
    return await _first(client.coupons(status=ACTIVE_COUPON))


async def _members(client: ShopClient) -> object:
    return await _first(client.members())


async def _fund_flows(client: ShopClient) -> object:
    start, end = clock.day_span(_days_ago(2), _days_ago(2))
    return await _first(client.fund_flows(start, end, page_size=1))


async def _group_days(client: WecomClient) -> object:
    staff = await client.staff()
    start, _ = clock.day_span(_days_ago(2), _days_ago(2))
    return await client.group_days(start, start, staff[:1]) if staff else None


async def _groups(client: WecomClient) -> object:
    return await _first(client.groups())


async def _spend(client: AdsClient) -> object:
    return await _first(client.daily_reports(_days_ago(2), _days_ago(2)))


async def _shop_info(client: ShopClient) -> object:
    return await client.shop_info()


async def _compass(client: ShopClient) -> object:
    return await client.shop_day(_days_ago(2))


async def _contacts(client: WecomClient) -> object:
    return await client.staff()


async def _articles(client: OfficialAccountClient) -> object:
    return await client.article_totals(_days_ago(3))


async def _mini_summary(client: MiniProgramClient) -> object:
    return await client.summary(_days_ago(2))


async def _mini_visits(client: MiniProgramClient) -> object:
    return await client.visits(_days_ago(2))


async def _mini_pages(client: MiniProgramClient) -> object:
    return await client.pages(_days_ago(2))


async def _mini_depth(client: MiniProgramClient) -> object:
    return await client.distribution(_days_ago(2))


async def _mini_retention(client: MiniProgramClient) -> object:
    return await client.retention(_days_ago(2))


_MINI_BACKEND = "小程序后台 → 统计；接口随小程序账号开通，个人主体也可用"
GRANTABLE: dict[str, tuple[Grantable, ...]] = {
    "store": (
        Grantable("store", "shop", "店铺信息", "店铺名称与经营状态，店铺关闭时会提醒", _SHOP_BACKEND, _shop_info, needed=True),
        Grantable("store", "orders", "订单", "下单、付款、发货与金额：销售额、客单价、复购都从这里来", _SHOP_BACKEND, _orders, needed=True),
        Grantable("store", "aftersales", "售后", "退款与退货：退款率、实收金额从这里来", _SHOP_BACKEND, _aftersales),
        Grantable("store", "products", "商品", "商品名称、价格与上下架状态", _SHOP_BACKEND, _products),
        Grantable("store", "stock", "库存", "每个规格还剩多少，缺货会提醒", _SHOP_BACKEND, _stock),
        Grantable("store", "coupons", "优惠券", "券的发放与使用张数", _SHOP_BACKEND, _coupons),
        Grantable("store", "members", "会员", "会员等级，用来按等级看复购", "微信小店后台 → 店铺会员，开通后才有", _members),
        Grantable("store", "compass", "罗盘日数据", "平台自己算的成交额与商品访客，用来核对", _SHOP_BACKEND, _compass),
        Grantable("store", "fund_flows", "资金流水", "入账、手续费与退款的流水", _SHOP_BACKEND, _fund_flows),
    ),
    "wecom": (
        Grantable("wecom", "contacts", "客户联系", "员工加了哪些客户、从哪个渠道来、流失了谁", _CONTACT_BACKEND, _contacts, needed=True),
        Grantable("wecom", "groups", "客户群", "群、群成员、进群与退群", _CONTACT_BACKEND, _groups),
        Grantable("wecom", "group_days", "群统计", "每天多少人说话、多少条消息：互动率从这里来", _CONTACT_BACKEND, _group_days),
    ),
    "mini": (
        Grantable("mini", "mini_visits", "访问趋势", "每天打开次数、访客与停留", _MINI_BACKEND, _mini_visits, needed=True),
        Grantable("mini", "mini_summary", "日概况", "累计用户与转发次数", _MINI_BACKEND, _mini_summary),
        Grantable("mini", "mini_pages", "页面访问", "每个页面的浏览、进入与退出", _MINI_BACKEND, _mini_pages),
        Grantable("mini", "mini_depth", "访问分布", "来源与访问深度：只看一页的比例从这里来", _MINI_BACKEND, _mini_depth),
        Grantable("mini", "mini_retention", "访问留存", "来过的人以后几天有没有再来", _MINI_BACKEND, _mini_retention),
    ),
    "official": (
        Grantable(
            "official", "articles", "文章统计", "每篇文章的阅读、分享与带来的关注",
            "公众平台 → 设置与开发 → 接口权限，认证后才有", _articles, needed=True,
        ),
    ),
    "ads": (
        Grantable("ads", "spend", "投放日报", "每天每个广告的花费与点击：获客成本从这里来", "腾讯广告开放平台，授权范围要含 ads_insights", _spend, needed=True),
    ),
}  # fmt: skip
"""By kind of account, in the order a page shows them."""


BY_NAME: dict[str, Grantable] = {one.name: one for some in GRANTABLE.values() for one in some}
"""Every permission by its name, which is unique over all kinds."""
