"""微信小店: what is read from it. Limits and hours: shop fact sheet 2 and 4 to 13."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from zhanggui.facts import identity, network
from zhanggui.facts.commands import record_aftersales, record_facts, record_orders, record_products, record_stock
from zhanggui.facts.commands.privacy import MEMBERS
from zhanggui.facts.commands.shelf import CATEGORIES
from zhanggui.facts.identity import Person
from zhanggui.facts.models import AfterSale, Order, Product, Shop
from zhanggui.facts.sync.fetching import get_all, pieces
from zhanggui.facts.sync.stream import Batch, Changes, Days, Stream, Whole
from zhanggui.kernel import clock
from zhanggui.wechat import errors
from zhanggui.wechat.schemas import shop as schemas
from zhanggui.wechat.schemas.aftersales import Aftersale
from zhanggui.wechat.schemas.base import Payload, to_epoch, to_text
from zhanggui.wechat.schemas.products import SpuStock
from zhanggui.wechat.shop import ACTIVE_COUPON, EXPIRED_COUPON, VOID_COUPON, ShopClient, seconds
from zhanggui.wechat.walks import Page

COUPONS, COMPASS, FUND_FLOWS, SHOP_INFO = "coupons", "compass", "fund_flows", "shop"
"""Streams of `Record`."""
DELETED = "9"
"""Platform status of a product that is no more."""
_GONE_STATUSES = ("", "6", DELETED)
_STOCK_A_CALL = 50
_BATCH = 100


def body_of(payload: Payload) -> dict[str, Any]:
    """The platform's object as plain data, unknown fields kept."""
    return payload.model_dump(mode="json", by_alias=True, exclude_unset=True)


# -- orders and after-sales --------------------------------------------------------------------------------------------------------


def _order_pages(client: ShopClient, start: datetime, end: datetime, by: str) -> AsyncIterator[Page[str]]:
    return client.order_pages(start, end, by=by)


async def fetch_order(client: ShopClient, order_id: str) -> dict[str, Any]:
    """One order as plain data."""
    return await client.order_raw(order_id)


def record_orders_since(shop: Shop, orders: Iterable[dict[str, Any]], since: datetime) -> None:
    """Orders as the platform has them now. Those paid since are announced one by one; what was paid before the shop was connected is history."""
    news, past = list[dict[str, Any]](), list[dict[str, Any]]()
    for order in orders:
        (news if _paid_at(order) >= since.timestamp() else past).append(order)
    if news:
        record_orders(shop, news)
    if past:
        record_orders(shop, past, announce=False)


def _paid_at(order: dict[str, Any]) -> float:
    """The second an order was paid (placed, where it names no payment); 0 where it cannot be read."""
    try:
        detail = order.get("order_detail") or {}
        return float(to_epoch((detail.get("pay_info") or {}).get("pay_time")) or to_epoch(order.get("create_time")) or 0)
    except (AttributeError, ValueError):
        return 0.0


def _known_orders(shop: Shop, start: datetime, end: datetime, since: datetime) -> set[str]:
    rows = Order.objects.filter(shop=shop, created_at__range=(start, end), recorded_at__gte=since, source="platform")
    return set(rows.values_list("order_id", flat=True))


async def _aftersale_pages(client: ShopClient, start: datetime, end: datetime, by: str) -> AsyncIterator[Page[str]]:
    """Ordinary cases, then those of gift orders, which are listed apart: only the second walk says that a window is finished."""
    async for page in client.aftersale_pages(start, end, by=by):
        yield replace(page, last=False)
    try:
        async for page in client.aftersale_pages(start, end, by=by, present=True):
            yield page
    except (errors.CapabilityOff, errors.Refused):
        yield Page([], seconds(start), seconds(end), last=True)


async def fetch_aftersale(client: ShopClient, aftersale_id: str) -> Aftersale:
    """One after-sales case."""
    return await client.aftersale(aftersale_id)


def record_aftersales_since(shop: Shop, cases: Iterable[Aftersale], since: datetime) -> None:
    """After-sales as the platform has them now; those finished or changed since are announced."""
    news, past = list[Aftersale](), list[Aftersale]()
    for case in cases:
        moment = case.complete_time or case.update_time or 0
        (news if moment >= since.timestamp() else past).append(case)
    if news:
        record_aftersales(shop, news)
    if past:
        record_aftersales(shop, past, announce=False)


def _known_aftersales(shop: Shop, start: datetime, end: datetime, since: datetime) -> set[str]:
    rows = AfterSale.objects.filter(shop=shop, created_at__range=(start, end), recorded_at__gte=since)
    return set(rows.values_list("aftersale_id", flat=True))


# -- goods -------------------------------------------------------------------------------------------------------------------------


def _known_products(shop: Shop) -> list[str]:
    return list(Product.objects.filter(shop=shop).exclude(status__in=_GONE_STATUSES).values_list("product_id", flat=True))


async def _products(client: ShopClient, known: list[str]) -> AsyncIterator[Batch]:
    """Every listed product whole, with the names of its categories as (id, name); then those we know that the list does not hold: as they are
    now, or their bare id when they are no more."""
    names = await _category_names(client)

    async def get(batch: list[str]) -> Batch:
        got = await get_all(batch, client.product)
        used = {c.cat_id for reply in got.values if reply.product for c in (reply.product.cats_v2 or reply.product.cats)}
        return Batch([*((i, names[i]) for i in used if i in names), *got.values, *got.gone], [*batch], count=len(batch))

    listed: set[str] = set()

    async def ids() -> AsyncIterator[list[str]]:
        async for some in pieces(client.products(), _BATCH):
            listed.update(some)
            yield some

    async for batch in network.ahead(ids(), get, depth=2):
        yield batch
    absent = [name for name in known if name not in listed]
    for at in range(0, len(absent), _BATCH):
        batch = await get(absent[at : at + _BATCH])
        yield Batch(batch.items, count=batch.count)


async def _category_names(client: ShopClient) -> dict[str, str]:
    """Names of all categories, read raw: the tree is long. None where the platform does not give it; products then keep the ids."""
    try:
        tree = await client.call("category.all", parse=False)
    except (errors.CapabilityOff, errors.Refused, errors.UnreadableReply):
        return {}
    cats = [
        node.get("cat") or {}
        for part in ("cats", "cats_v2")
        for one in tree.get(part) or []
        for node in one.get("cat_and_qua") or []
    ]
    return {str(to_text(c["cat_id"])): str(c["name"]) for c in cats if c.get("cat_id") and c.get("name")}


def _record_products(shop: Shop, items: list[Any], announce: bool) -> None:
    record_facts(shop, CATEGORIES, [(item[0], None, {"name": item[1]}) for item in items if isinstance(item, tuple)])
    record_products(shop, [item for item in items if not isinstance(item, str | tuple)])
    gone = [item for item in items if isinstance(item, str)]
    if gone:
        Product.objects.filter(shop=shop, product_id__in=gone).update(status=DELETED, recorded_at=clock.now())


def _count_products(shop: Shop, began: datetime, keys: list[Any]) -> dict[str, Any]:
    ours = Product.objects.filter(shop=shop).exclude(status__in=_GONE_STATUSES).count()
    return {"platform": {"count": len(set(keys))}, "ours": {"count": ours}}


async def _stock(client: ShopClient, known: list[str]) -> AsyncIterator[Batch]:
    async def calls() -> AsyncIterator[list[str]]:
        for at in range(0, len(known), _STOCK_A_CALL):
            yield known[at : at + _STOCK_A_CALL]

    async for rows in network.ahead(calls(), client.stock, depth=4):
        yield Batch(rows, total=len(known))


def _record_stock(shop: Shop, rows: list[SpuStock], announce: bool) -> None:
    record_stock(shop, rows)


# -- coupons and members -------------------------------------------------------------------------------------------------------------


async def _coupons(client: ShopClient, _: Any) -> AsyncIterator[Batch]:
    for status in (ACTIVE_COUPON, EXPIRED_COUPON, VOID_COUPON):
        async for ids in pieces(client.coupons(status=status), _BATCH):
            yield Batch((await get_all(ids, client.coupon)).values, list(ids))


def record_coupons(shop: Shop, coupons: Iterable[schemas.Coupon]) -> None:
    """Coupons whole, under their ids."""
    rows = [(c.coupon_id, clock.day_of(c.create_time.at, shop.zone) if c.create_time else None, body_of(c)) for c in coupons]
    record_facts(shop, COUPONS, rows)


def _record_coupons(shop: Shop, coupons: list[schemas.Coupon], announce: bool) -> None:
    record_coupons(shop, coupons)


async def _members(client: ShopClient, _: Any) -> AsyncIterator[Batch]:
    async for some in pieces(client.members(), 200):
        yield Batch(some)


def record_members(shop: Shop, members: Iterable[schemas.Member]) -> None:
    """Members whole, and the level of those who are customers already: being listed makes nobody a customer."""
    rows = list(members)
    record_facts(shop, MEMBERS, [(m.openid, None, body_of(m)) for m in rows])
    graded = {m.openid: m for m in rows if m.user_grade_info is not None and m.user_grade_info.grade is not None}
    known = identity.known_as(shop, "openid", graded)
    now = clock.now()
    identity.resolve_many(
        shop, [Person({"openid": openid}, now, tier=f"VIP{graded[openid].user_grade_info.grade}") for openid in known]  # type: ignore[union-attr]
    )  # fmt: skip


def _record_members(shop: Shop, members: list[schemas.Member], announce: bool) -> None:
    record_members(shop, members)


# -- the shop, its days, its money ---------------------------------------------------------------------------------------------------


async def _shop_info(client: ShopClient, _: Any) -> AsyncIterator[Batch]:
    yield Batch([await client.shop_info()], total=1)


def record_shop_info(shop: Shop, info: schemas.ShopInfo) -> None:
    """The platform's word about the shop."""
    record_facts(shop, SHOP_INFO, [("info", clock.today(shop.zone), body_of(info))])


def _record_shop_info(shop: Shop, infos: list[schemas.ShopInfo], announce: bool) -> None:
    for info in infos:
        record_shop_info(shop, info)


async def _compass_day(client: ShopClient, first: date, last: date, _: Any) -> schemas.ShopDay:
    return await client.shop_day(first)


def _record_compass_day(shop: Shop, first: date, last: date, day: schemas.ShopDay) -> bool:
    record_facts(shop, COMPASS, [(first.isoformat(), first, body_of(day))])
    return bool(day.pay_gmv or day.pay_order_cnt or day.product_click_uv)


async def _flows_of_day(client: ShopClient, first: date, last: date, _: Any) -> list[schemas.FundsFlow]:
    start, end = clock.day_span(first, last)
    ids = [flow_id async for flow_id in client.fund_flows(start, end - timedelta(seconds=1))]
    got = await get_all(ids, client.fund_flow)
    if got.late:
        # A day of money is recorded whole or not at all: it has no id by which the missing flow would be asked for again.
        got.values += await network.each_plain(got.late, client.fund_flow)
    return got.values


def _record_flows(shop: Shop, first: date, last: date, flows: list[schemas.FundsFlow]) -> bool:
    record_facts(shop, FUND_FLOWS, [(flow.flow_id, first, body_of(flow)) for flow in flows])
    return bool(flows)


ORDERS = Changes(
    _order_pages, fetch_order, record_orders_since, _known_orders, window=timedelta(days=7), quiet=timedelta(days=400), unit="单"
)  # fmt: skip
AFTERSALES = Changes(
    _aftersale_pages, fetch_aftersale, record_aftersales_since, _known_aftersales, window=timedelta(days=1), quiet=timedelta(days=400), unit="单"
)  # fmt: skip
STREAMS: tuple[Stream, ...] = (
    Stream("shop", Whole(_shop_info, _record_shop_info), timedelta(days=1), priority=9),
    Stream("orders", ORDERS, timedelta(minutes=10), priority=8),
    Stream(
        "products", Whole(_products, _record_products, _known_products, _count_products, unit="个"), timedelta(days=1), priority=7
    ),
    Stream("aftersales", AFTERSALES, timedelta(minutes=10), priority=6),
    Stream("stock", Whole(_stock, _record_stock, _known_products, unit="个商品"), timedelta(hours=1), priority=5),
    Stream("coupons", Whole(_coupons, _record_coupons, unit="张"), timedelta(days=1), priority=3),
    Stream("members", Whole(_members, _record_members, unit="人"), timedelta(days=1), priority=3),
    Stream(
        "compass", Days(_compass_day, _record_compass_day, ready=12, history=730, again=(1, 2)), timedelta(hours=1), priority=4
    ),
    Stream(
        "fund_flows",
        Days(_flows_of_day, _record_flows, ready=16, history=365, again=(1,), quiet=365),
        timedelta(hours=1),
        priority=1,
    ),
)
