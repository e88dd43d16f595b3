"""From the platform's words to ours, by pure rules: states, amounts, channels, and what an after-sale moved.

Nothing here reads a clock, a database or the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

from zhanggui.kernel.money import split
from zhanggui.wechat.schemas.aftersales import Aftersale
from zhanggui.wechat.schemas.orders import Address, Order, OrderProduct, PriceInfo

STATUSES: dict[int, str] = {
    5: "unpaid", 10: "unpaid", 12: "pending", 13: "pending", 17: "paid", 20: "paid", 21: "paid", 30: "shipped", 100: "done",
    190: "cancelled", 200: "refunded", 250: "cancelled",
}  # fmt: skip
"""order.status → ours. Source: shop fact sheet 4.2; 200 (everything refunded) of an order never paid is a cancellation."""
_PLACED_FOR_GOOD = frozenset({17, 20, 21, 30, 100})
MONEY_WENT_BACK = frozenset({"MERCHANT_REFUND_SUCCESS", "MERCHANT_RETURN_SUCCESS"})
"""After-sale states in which the buyer has the money. Source: shop fact sheet 8.2; exchanges move none."""
_SCENES = {2: "live", 3: "video", 4: "share", 5: "store", 6: "article"}
_ACCOUNTS = {1: "video", 2: "official", 6: "official", 4: "chat"}
EVENT_KINDS = ("page_view", "product_view", "add_to_cart", "share", "invite_open")
"""Kinds of behaviour that are kept as events."""
ORDER_HINTS = frozenset({"order", "checkout", "pay"})
"""Kinds that only tell how the buyer of an order came; the order itself is the truth about the purchase."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line of an order; money in 分, `paid_fen` for the whole line."""

    product_id: str
    sku_id: str
    title: str
    attributes: str
    quantity: int
    unit_fen: int
    paid_fen: int
    is_gift: bool


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order in the house's words."""

    order_id: str
    status: str
    platform_status: str
    created_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    done_at: datetime | None
    updated_at: datetime | None
    goods_fen: int
    discount_fen: int
    freight_fen: int
    paid_fen: int
    components: dict[str, Any]
    channel: str
    scene: str
    region: str
    is_gift: bool
    ids: dict[str, str]
    recipient: dict[str, Any]
    recipient_hash: str
    lines: tuple[LineFacts, ...]
    mismatches: tuple[str, ...] = ()
    aftersales: tuple[str, ...] = field(default=())


def order_facts(order: Order) -> OrderFacts:
    """The order as facts. Raises ValueError if it has no creation time, without which it belongs to no day."""
    if order.create_time is None:
        raise ValueError(f"order {order.order_id} has no creation time")
    detail = order.order_detail
    price = (detail.price_info if detail else None) or PriceInfo()
    pay = detail.pay_info if detail else None
    delivery = detail.delivery_info if detail else None
    ext = detail.ext_info if detail else None
    paid_at = pay.pay_time.at if pay and pay.pay_time else None
    if paid_at is None and order.status in _PLACED_FOR_GOOD:
        # 先用后付, 0 元抽奖 and 积分兑换 name no payment time; the platform ships them, so they count from when they were placed.
        paid_at = pay.prepay_time.at if pay and pay.prepay_time else order.create_time.at
    status = STATUSES.get(order.status, "pending")
    if status == "refunded" and paid_at is None:
        status = "cancelled"
    elif order.status == 190 and paid_at is not None:
        status = "refunded"
    freight = price.freight
    if price.is_change_freight and price.change_freight is not None:
        freight = price.change_freight
    products = detail.product_infos if detail else []
    paid = max(0, price.order_price)
    lines = _lines(products, paid - freight)
    address = (delivery.address_info if delivery else None) or Address()
    shipped = None
    if delivery:
        moments = [parcel.delivery_time for parcel in delivery.delivery_product_info if parcel.delivery_time]
        first = min(moments) if moments else delivery.ship_done_time
        shipped = first.at if first else None
    return OrderFacts(
        order_id=order.order_id,
        status=status,
        platform_status=str(order.status),
        created_at=order.create_time.at,
        paid_at=paid_at,
        shipped_at=shipped,
        done_at=ext.confirm_receipt_time.at if ext and ext.confirm_receipt_time else None,
        updated_at=order.update_time.at if order.update_time else None,
        goods_fen=price.product_price,
        discount_fen=max(0, price.product_price + freight - paid),
        freight_fen=freight,
        paid_fen=paid,
        components=price.model_dump(by_alias=True, exclude_unset=True, mode="json"),
        channel=channel_of(order),
        scene=str(ext.order_scene) if ext and ext.order_scene else "",
        region=region_of(address.province_name),
        is_gift=order.is_present,
        ids=buyer_ids(order),
        recipient=address.model_dump(by_alias=True, exclude_unset=True, mode="json"),
        recipient_hash=address.hash_code or "",
        lines=lines,
        mismatches=tuple(sum_mismatches(price, freight, lines)) if products else (),
        aftersales=tuple(
            case.aftersale_order_id
            for case in (order.aftersale_detail.aftersale_order_list if order.aftersale_detail else [])
            if case.aftersale_order_id
        ),
    )


def _lines(products: list[OrderProduct], goods_paid: int) -> tuple[LineFacts, ...]:
    given = [_line_paid(product) for product in products]
    if None in given:
        # Without a paid amount per line the order's is split by list price; free gifts weigh nothing.
        weights = [0 if p.is_free_gift else max(0, p.sale_price * p.sku_cnt) for p in products]
        known = sum(amount for amount in given if amount is not None)
        missing = [at for at, amount in enumerate(given) if amount is None]
        parts = split(max(0, goods_paid - known), [weights[at] for at in missing])
        for at, part in zip(missing, parts, strict=True):
            given[at] = part
    return tuple(
        LineFacts(
            product_id=p.product_id,
            sku_id=p.sku_id,
            title=p.title,
            attributes=" ".join(f"{a.attr_key}:{a.attr_value}" for a in p.sku_attrs),
            quantity=p.sku_cnt,
            unit_fen=p.sale_price,
            paid_fen=paid or 0,
            is_gift=bool(p.is_free_gift),
        )
        for p, paid in zip(products, given, strict=True)
    )


def _line_paid(product: OrderProduct) -> int | None:
    """What the buyer pays for the line: real_price = min(estimate_price, change_price). Source: shop fact sheet 4.3."""
    if product.is_free_gift:
        return product.real_price or 0
    if product.real_price is not None:
        return product.real_price
    others = [amount for amount in (product.estimate_price, product.change_price) if amount is not None]
    return min(others) if others else None


def sum_mismatches(price: PriceInfo, freight: int, lines: Iterable[LineFacts]) -> list[str]:
    """What does not add up in an order, in words; empty when all does.

    How talent, platform-coupon, group and subsidy discounts enter the price is not documented: any combination is accepted.
    """
    found = []
    known = price.original_order_price if price.original_order_price is not None else price.product_price + price.freight
    base = (
        known + (freight - price.freight) - price.discounted_price - (price.deduction_price or 0) - (price.change_down_price or 0)
    )
    extras = [
        amount
        for amount in (
            price.finder_discounted_price,
            price.vip_discounted_price,
            price.cash_coupon_discounted_price,
            price.platform_activity_merchant_discounted_price,
            price.bulkbuy_discounted_price,
            price.limited_discount_discounted_price,
            price.national_subsidy_discounted_price,
            price.national_subsidy_merchant_discounted_price,
        )
        if amount
    ]
    sums = {sum(some) for size in range(len(extras) + 1) for some in combinations(extras, size)}
    # Amounts that are lowered and those that come with the listed discount differ between versions: with and without it.
    wanted = {base - extra for extra in sums} | {base + price.discounted_price - extra for extra in sums if extra}
    if price.order_price not in wanted:
        found.append(f"订单金额 {price.order_price} 分，按各项计算应为 {base} 分")
    by_lines = sum(line.paid_fen for line in lines) + freight
    if by_lines != price.order_price:
        found.append(f"订单金额 {price.order_price} 分，商品行与运费合计 {by_lines} 分")
    return found


def buyer_ids(order: Order) -> dict[str, str]:
    """Ids of the person who pays: for a gift the giver, where the platform names one."""
    openid = order.present_giver_openid or order.openid or ""
    unionid = order.present_giver_unionid if order.present_giver_openid else order.unionid
    if order.present_giver_openid == order.openid:
        unionid = unionid or order.unionid
    return {kind: value for kind, value in (("openid", openid), ("unionid", unionid or "")) if value}


def channel_of(order: Order) -> str:
    """The channel the order came by as far as the order tells; "" when it does not (the behaviour log may know).

    A commission outweighs everything (优选联盟), then a WeCom-attributed link, a sharer, the order's scene, the account that
    sold it, a gift.
    """
    detail = order.order_detail
    if detail is None:
        return ""
    sources = detail.source_infos
    scene = detail.ext_info.order_scene if detail.ext_info else None
    if detail.commission_infos or any(s.sale_channel in (100, 101) or s.account_type in (5, 1000) for s in sources):
        return "league"
    if any(s.account_type == 4 for s in sources):
        gift = order.present_send_type or (order.order_present_info.present_send_type if order.order_present_info else 0)
        return "group" if gift == 5 else "chat"
    sharers = detail.sku_sharer_infos
    if (detail.sharer_info and detail.sharer_info.sharer_openid) or any(s.sharer_openid for s in sharers):
        return "chat" if any(s.from_wecom for s in sharers) else "share"
    if scene in (2, 3, 5, 6):
        return _SCENES[scene]
    for source in sources:
        if source.account_type in _ACCOUNTS:
            return _ACCOUNTS[source.account_type]
    if scene == 4:
        return "share"
    return "gift" if order.is_present and order.openid and order.openid != (order.present_giver_openid or order.openid) else ""


def region_of(province: str) -> str:
    """A province's short name, so that 浙江 and 浙江省 are one place."""
    text = province.strip()
    for tail in ("维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "省", "市"):
        if len(text) > len(tail) + 1 and text.endswith(tail):
            return text.removesuffix(tail)
    return text


def refund_amount(case: Aftersale) -> int | None:
    """分 that went back to the buyer, or None while nothing did (exchanges, refusals, cases still open, zero amounts)."""
    if case.status not in MONEY_WENT_BACK or case.refund_info is None or case.refund_info.amount <= 0:
        return None
    return case.refund_info.amount


@dataclass(frozen=True, slots=True)
class Hint:
    """What the behaviour log knows about how an order's buyer came."""

    order_id: str
    ids: dict[str, str]
    channel: str
    device: str
    region: str
    session: str
    at: datetime


def clean_kind(word: object) -> str:
    """The house's kind for a collector's word; "" for one we do not keep."""
    text = str(word or "").strip().lower()
    return _KIND_WORDS.get(text, text if text in EVENT_KINDS or text in ORDER_HINTS else "")


_KIND_WORDS: Mapping[str, str] = {
    "view": "page_view",
    "pv": "page_view",
    "page": "page_view",
    "visit": "page_view",
    "detail": "product_view",
    "item_view": "product_view",
    "cart": "add_to_cart",
    "addcart": "add_to_cart",
    "add_cart": "add_to_cart",
    "invite": "invite_open",
    "purchase": "pay",
    "paid": "pay",
    "create_order": "order",
    "place_order": "order",
}
