"""微信小店 compass (T+1) and funds: day figures counted from the same orders and visits, flows that are ready the next day at 16:00."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from zhanggui.emulator.catalogue import CATEGORIES, REGIONS, TALENTS
from zhanggui.emulator.hosts.goods import need_product, stamp
from zhanggui.emulator.hosts.orders import check_span, image
from zhanggui.emulator.market import words
from zhanggui.emulator.market.words import date_of, day_begin, day_number, number_of
from zhanggui.emulator.protocol import API, ApiError, Call, route, text, whole

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

K = "/channels/ec/compass/shop"


def compass_day(emu: Emulator, body: dict[str, Any]) -> int:
    """The shop day of `ds`. Raises 10021069 for today, the future, or no date."""
    try:
        day = number_of(datetime.strptime(text(body, "ds"), "%Y%m%d").date())  # noqa: DTZ007 - a calendar date has no zone
    except ValueError:
        raise ApiError(10021069, "invalid ds") from None
    if day >= day_number(emu.world.now) or day < emu.world.first_day:
        raise ApiError(10021069, "ds out of range")
    return day


class _Day:
    """Orders, lines and refunds of one shop day as arrays."""

    def __init__(self, emu: Emulator, day: int) -> None:
        world = emu.world
        a, b = day_begin(day), day_begin(day + 1)
        o, lines = world.orders, world.lines
        self.paid = np.flatnonzero((o["t_pay"] >= a) & (o["t_pay"] < b))
        self.created = np.flatnonzero((o["t_create"] >= a) & (o["t_create"] < b))
        self.lines = np.flatnonzero(np.isin(lines["order"], self.paid))
        self.created_lines = np.flatnonzero(np.isin(lines["order"], self.created))
        r = world.aftersales
        done = (r["outcome"] == 0) & (r["t_end"] <= world.now)
        self.refunds = np.flatnonzero(done & (r["t_end"] >= a) & (r["t_end"] < b))
        self.cohort_refunds = np.flatnonzero(done & np.isin(r["order"], self.paid))


@route(API, f"{K}/overall/get")
def overall(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's day: paid amount, buyers, orders, refunds, product visitors. Numbers are strings."""
    day = compass_day(emu, body)
    world, d = emu.world, _Day(emu, day)
    o = world.orders
    channel = o["channel"][d.paid]
    return {"data": {
        "pay_gmv": str(int(o["price"][d.paid].sum())), "pay_uv": str(len(np.unique(o["person"][d.paid]))), "pay_order_cnt": str(len(d.paid)),
        "pay_refund_gmv": str(int(world.aftersales["amount"][d.cohort_refunds].sum())), "live_pay_gmv": str(int(o["price"][d.paid[channel == words.CH["live"]]].sum())),
        "feed_pay_gmv": str(int(o["price"][d.paid[channel == words.CH["video"]]].sum())), "product_click_uv": str(emu.analytics.day(day).product_click_visitors),
    }}  # fmt: skip


def _product_data(emu: Emulator, day: int, d: _Day, product: int) -> dict[str, Any]:
    world = emu.world
    skus = world.product_skus[product]
    lines = world.lines
    paid, made = d.lines[np.isin(lines["sku"][d.lines], skus)], d.created_lines[np.isin(lines["sku"][d.created_lines], skus)]
    who = world.orders["person"]
    cohort = d.cohort_refunds[np.isin(lines["sku"][world.aftersales["line"][d.cohort_refunds]], skus)]
    back = d.refunds[np.isin(lines["sku"][world.aftersales["line"][d.refunds]], skus)]
    figures = emu.analytics.day(day)
    clicks, visitors = int(figures.product_views[product]), int(figures.product_visitors[product])
    gmv, uv, cnt = int(lines["paid"][paid].sum()), len(np.unique(who[lines["order"][paid]])), len(np.unique(lines["order"][paid]))
    amount = world.aftersales["amount"]
    refund = int(amount[cohort].sum())
    carts = world.visits["carts"][np.maximum(world.orders["visit"][lines["order"][paid]], 0)] > 0
    return {
        "pay_gmv": str(gmv), "pay_cnt": str(cnt), "pay_uv": str(uv), "pay_product_cnt": str(int(lines["count"][paid].sum())), "pure_pay_gmv": str(gmv - refund),
        "pay_gmv_per_uv": str(gmv // uv if uv else 0), "create_gmv": str(int(lines["paid"][made].sum())), "create_cnt": str(len(np.unique(lines["order"][made]))),
        "create_uv": str(len(np.unique(who[lines["order"][made]]))), "create_product_cnt": str(int(lines["count"][made].sum())),
        "pay_refund_gmv": str(refund), "pay_refund_uv": str(len(np.unique(who[world.aftersales["order"][cohort]]))), "pay_refund_cnt": str(len(cohort)),
        "pay_refund_product_cnt": str(int(world.aftersales["count"][cohort].sum())), "pay_refund_ratio": refund / gmv if gmv else 0.0,
        "refund_gmv": str(int(amount[back].sum())), "refund_uv": str(len(np.unique(who[world.aftersales["order"][back]]))), "refund_cnt": str(len(back)),
        "refund_product_cnt": str(int(world.aftersales["count"][back].sum())), "product_click_uv": str(visitors), "product_click_cnt": str(clicks),
        "click_to_pay_cnt_ratio": cnt / clicks if clicks else 0.0, "cart_pay_uv": str(len(np.unique(who[lines["order"][paid[carts]]]))),
        "cart_pay_gmv": str(int(lines["paid"][paid[carts]].sum())), "seller_predict_settle_amount": str(gmv * 994 // 1000), "platform_predict_commission": str(gmv * 6 // 1000),
    }  # fmt: skip


def _product_row(emu: Emulator, day: int, d: _Day, product: int) -> dict[str, Any]:
    world, p = emu.world, emu.world.products[product]
    prices = world.skus["price"][world.product_skus[product]]
    return {"product_id": str(world.product_id(product)), "title": p.title, "head_img_url": image(product), "price": str(int(prices.min()) if len(prices) else 0),
            "first_category_id": "1000", "second_category_id": "1400", "third_category_id": str(CATEGORIES[p.category][0]), "data": _product_data(emu, day, d, product)}  # fmt: skip


@route(API, f"{K}/product/list/get")
def product_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Day figures of every product that was looked at or bought."""
    day = compass_day(emu, body)
    d, figures = _Day(emu, day), emu.analytics.day(day)
    sold = np.unique(emu.world.skus["product"][emu.world.lines["sku"][d.created_lines]])
    rows = sorted(set(sold.tolist()) | set(np.flatnonzero(figures.product_views).tolist()))
    start, size = whole(body, "offset", 0, low=0), whole(body, "limit", 100, low=1, high=500)
    return {"product_list": [_product_row(emu, day, d, p) for p in rows[start : start + size]]}


@route(API, f"{K}/product/data/get")
def product_data(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Day figures of one product."""
    day = compass_day(emu, body)
    return {"product_info": _product_row(emu, day, _Day(emu, day), need_product(emu, body).index)}


@route(API, f"{K}/finder/authorization/list/get")
def finder_accounts(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's own 视频号."""
    return {"main_finder_id": "sphDemoShop", "authorized_finder_id_list": []}


def _talent_orders(emu: Emulator, day: int) -> dict[int, Any]:
    d = _Day(emu, day)
    talent = emu.world.orders["talent"][d.paid]
    return {t: d.paid[talent == t] for t in range(len(TALENTS))}


@route(API, f"{K}/finder/overall/get")
def finder_overall(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """What talents sold on a day."""
    rows = _talent_orders(emu, compass_day(emu, body))
    return {"data": {"pay_gmv": str(int(sum(emu.world.orders["price"][r].sum() for r in rows.values()))), "pay_sales_finder_cnt": str(sum(1 for r in rows.values() if len(r))),
                     "pay_product_id_cnt": str(sum(len(r) for r in rows.values())), "click_to_pay_uv_ratio": 0.0}}  # fmt: skip


@route(API, f"{K}/finder/list/get")
def finder_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """What each talent sold on a day."""
    o = emu.world.orders
    return {"finder_list": [{"finder_id": TALENTS[t][0], "finder_nickname": TALENTS[t][1], "data": {
        "pay_gmv": str(int(o["price"][r].sum())), "pay_uv": str(len(np.unique(o["person"][r]))), "pay_refund_gmv": "0", "pay_product_id_cnt": str(len(r)), "refund_gmv": "0"}}
        for t, r in _talent_orders(emu, compass_day(emu, body)).items() if len(r)]}  # fmt: skip


@route(API, f"{K}/live/list/get")
def live_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The day's live room, on live evenings."""
    day = compass_day(emu, body)
    if date_of(day).weekday() not in (1, 4, 6):
        return {"live_list": []}
    start = int(day_begin(day)) + 19 * 3600 + 1800
    return {
        "live_list": [
            {
                "live_id": f"export/demo{start // 86400}",
                "live_title": "今晚的点心和茶（演示）",
                "live_time": str(start),
                "live_duration": "9000",
                "live_cover_img_url": image(0),
            }
        ]
    }


@route(API, f"{K}/sale/profile/data/get")
def profile(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Where buyers live, by province; age and sex are invented shares."""
    day, kind = compass_day(emu, body), whole(body, "type", low=1, high=6)
    world = emu.world
    if kind in (3, 4, 5):
        d = _Day(emu, day)
        who = np.unique(world.orders["person"][d.paid])
        first = np.floor((world.people["t_paid_first"][who] + words.EAST8) / 86400) == day
        who = {3: who, 4: who[first], 5: who[~first]}[kind]
    else:
        who = emu.analytics.day(day).people
    regions = np.bincount(world.people["region"][who], minlength=len(REGIONS)) if len(who) else np.zeros(len(REGIONS), dtype=int)
    provinces: dict[str, int] = {}
    for (province, *_), n in zip(REGIONS, regions.tolist(), strict=True):
        provinces[province] = provinces.get(province, 0) + n
    n = len(who)

    def rows(pairs: dict[str, int]) -> list[dict[str, str]]:
        return [{"dim_key": k, "dim_value": str(v)} for k, v in pairs.items() if v]

    return {"data": {"field_list": [{"field_name": "性别", "data_list": rows({"女": n * 7 // 10, "男": n - n * 7 // 10})},
                                    {"field_name": "年龄", "data_list": rows({"18_24": n // 5, "25_39": n - n // 5 - n // 4, "40_49": n // 4})},
                                    {"field_name": "省级", "data_list": rows(provinces)}, {"field_name": "地级", "data_list": []}]}}  # fmt: skip


@route(API, "/channels/ec/favorites/count/get")
def favourites(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """People who saved the shop (cumulative)."""
    n = int((emu.world.people["orders"] > 0).sum()) // 3
    return {"favor_uv_acc_all": n, "favor_uv_acc_shop_homepage": n // 2, "favor_uv_acc_order_detail": n // 10, "favor_uv_acc_product_detail": n - n // 2 - n // 10,
            "favor_uv_acc_other_scene": 0}  # fmt: skip


# --- funds ------------------------------------------------------------------------------------------------------------------

FLOW_BASE, FLOW_STEP = 10_000_057_741_000_000, 10


def flows(emu: Emulator, start: float, end: float) -> list[tuple[float, int, int, int]]:
    """(time, kind, row, 分) of all bookings in [start, end]: 1 income and 2 fee at settlement, 3 refunds, 7 league shares; ready the next day at 16:00."""
    world = emu.world
    now = world.now
    ready = day_begin(day_number(now) - (0 if now - day_begin(day_number(now)) >= 16 * 3600 else 1))
    end = min(end, ready - 1)
    o, a = world.orders, world.aftersales
    rows: list[tuple[float, int, int, int]] = []
    for r in np.flatnonzero((o["t_settle"] >= start) & (o["t_settle"] <= end)).tolist():
        at, price = float(o["t_settle"][r]), int(o["price"][r])
        rows.append((at, 1, r, price))
        rows.append((at, 2, r, price * 6 // 1000))
        if o["commission"][r]:
            rows.append((at, 7, r, int(o["commission"][r])))
    for r in np.flatnonzero((a["t_end"] >= start) & (a["t_end"] <= end) & (a["outcome"] == 0)).tolist():
        rows.append((float(a["t_end"][r]), 3, r, int(a["amount"][r])))
    return sorted(rows)


def _flow_id(kind: int, row: int) -> int:
    return FLOW_BASE + (row * FLOW_STEP + kind)


@route(API, "/channels/ec/funds/getbalance")
def balance(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Settled money and money still on its way, 分."""
    world = emu.world
    o, a = world.orders, world.aftersales
    paid = o["t_pay"] <= world.now
    settled = paid & (o["t_settle"] <= world.now)
    back = int(a["amount"][(a["outcome"] == 0) & (a["t_end"] <= world.now)].sum())
    return {"available_amount": max(0, int((o["price"][settled] * 994 // 1000 - o["commission"][settled]).sum()) - back),
            "pending_amount": int(o["price"][paid & ~settled & ~(o["t_void"] <= world.now)].sum()), "sub_mchid": "1900000109"}  # fmt: skip


@route(API, "/channels/ec/funds/getfundsflowlist")
def flow_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of bookings of past days."""
    if body.get("transaction_id"):
        number = text(body, "transaction_id")
        rows = [
            f
            for f in flows(emu, 0, emu.world.now)
            if number.startswith("42000") and number[5:24] == str(emu.world.order_id(f[2])) and f[1] != 3
        ]
    else:
        start, end = whole(body, "start_time"), whole(body, "end_time")
        check_span(start, end, 366 * 86400)
        rows = flows(emu, start, end)
    page, size = whole(body, "page", 1, low=1), whole(body, "page_size", 10, low=1, high=100)
    if page * size >= 10_000 and not body.get("next_key"):
        raise ApiError(40097, "invalid args, next_key is required")
    at = whole(body, "next_key", (page - 1) * size, low=0)
    part = rows[at : at + size]
    more = at + size < len(rows)
    return {
        "flow_ids": [str(_flow_id(k, r)) for _, k, r, _ in part],
        "has_more": more,
        "next_key": str(at + size) if more else "",
    }


@route(API, "/channels/ec/funds/getfundsflowdetail")
def flow_detail(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One booking."""
    number = text(body, "flow_id")
    value = int(number) - FLOW_BASE if number.isdigit() else -1
    row, kind = divmod(value, FLOW_STEP)
    world = emu.world
    found: tuple[float, int, int, int | None] | None = None
    if kind in (1, 2, 7) and 0 <= row < len(world.orders):
        at, price = float(world.orders["t_settle"][row]), int(world.orders["price"][row])
        found = (at, {1: price, 2: price * 6 // 1000, 7: int(world.orders["commission"][row])}[kind], row, None)
    elif kind == 3 and 0 <= row < len(world.aftersales) and world.aftersales["outcome"][row] == 0:
        found = (
            float(world.aftersales["t_end"][row]),
            int(world.aftersales["amount"][row]),
            int(world.aftersales["order"][row]),
            row,
        )
    if found is None or found[0] > world.now:
        raise ApiError(40097, "invalid args, flow_id")
    at, amount, order, aftersale = found
    related: list[dict[str, Any]] = [
        {
            "related_type": 1,
            "order_id": str(world.order_id(order)),
            "transaction_id": f"42000{world.order_id(order)}{order % 97:02d}",
        }
    ]
    if aftersale is not None:
        related.insert(
            0,
            {
                "related_type": 2,
                "aftersale_id": str(world.aftersale_id(aftersale)),
                "transaction_id": related[0]["transaction_id"],
            },
        )
    return {"funds_flow": {"flow_id": number, "funds_type": kind, "flow_type": 1 if kind == 1 else 2, "amount": amount, "balance": 0, "remark": "", "bookkeeping_time": stamp(at),
                           "related_info_list": related}}  # fmt: skip
