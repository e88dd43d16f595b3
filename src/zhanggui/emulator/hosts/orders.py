"""微信小店 orders: windows, id-only lists, the whole order object, shipping, notes and prices, masked and decoded recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from zhanggui.emulator.catalogue import CARRIERS, GIVEN, REGIONS, STAFF, STREETS, SURNAMES, TALENTS
from zhanggui.emulator.events import shop_event, user_coupon_id
from zhanggui.emulator.market import words
from zhanggui.emulator.market.words import DAY, INF, day_number
from zhanggui.emulator.protocol import API, ApiError, Call, inner, listed, route, text, whole
from zhanggui.emulator.shopworld import World

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

E = "/channels/ec/order"
STATUSES = (10, 12, 13, 20, 21, 30, 100, 250)
_SCENE = {"live": 2, "video": 3, "group": 4, "chat": 4, "moments": 4, "share": 4, "invite": 4, "store": 5, "article": 6}
_ACCOUNT = {"live": (0, 1, "sphDemoShop", "知味小集视频号（演示）"), "video": (0, 1, "sphDemoShop", "知味小集视频号（演示）"),
            "article": (0, 2, "gh_demo0002news", "知味小集公众号（演示）"), "official": (0, 2, "gh_demo0002news", "知味小集公众号（演示）"),
            "search": (0, 3, "wxdemomini90c1f7ab2", "知味小集小程序（演示）"), "direct": (0, 3, "wxdemomini90c1f7ab2", "知味小集小程序（演示）"),
            "ads": (0, 3, "wxdemomini90c1f7ab2", "知味小集小程序（演示）")}  # fmt: skip
_AFTERSALE_INT = {"USER_CANCELD": 1, "MERCHANT_PROCESSING": 2, "MERCHANT_REJECT_REFUND": 4, "MERCHANT_REJECT_RETURN": 5, "USER_WAIT_RETURN": 6,
                  "RETURN_CLOSED": 7, "MERCHANT_WAIT_RECEIPT": 8, "MERCHANT_OVERDUE_REFUND": 12, "MERCHANT_REFUND_SUCCESS": 13, "MERCHANT_RETURN_SUCCESS": 14,
                  "PLATFORM_REFUNDING": 15, "MERCHANT_FAIL": 18}  # fmt: skip
_OPEN = ("MERCHANT_PROCESSING", "USER_WAIT_RETURN", "MERCHANT_WAIT_RECEIPT", "PLATFORM_REFUNDING", "MERCHANT_REJECT_REFUND", "MERCHANT_REJECT_RETURN",
         "USER_WAIT_CONFIRM_UPDATE", "USER_WAIT_HANDLE_MERCHANT_AFTER_SALE")  # fmt: skip


# --- pages ------------------------------------------------------------------------------------------------------------


def page_of(emu: Emulator, asked: str, key: str, size: int, make: Any) -> tuple[list[str], str, bool]:
    """One page of a list that stays as it was on the first call. `asked` is everything but key and size; changed, 606006."""
    if not key:
        ids = make()
        number = f"{emu.world.number('page', 100000)}"
        if len(emu.pages) > 400:
            for old in list(emu.pages)[:200]:
                del emu.pages[old]
        emu.pages[number] = (asked, ids)
        start = 0
    else:
        number, _, at = key.partition("_")
        known = emu.pages.get(number)
        if known is None or known[0] != asked or not at.isdigit():
            raise ApiError(606006, "next_key is invalid for these parameters")
        ids, start = known[1], int(at)
    rows = ids[start : start + size]
    more = start + size < len(ids)
    return rows, f"{number}_{start + size}" if more else "", more


def span_of(body: dict[str, Any], name: str, longest: float) -> tuple[int, int] | None:
    """The {start_time, end_time} field `name`, checked against the longest window allowed."""
    raw = body.get(name)
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise ApiError(40097, f"invalid args, {name} should be an object")
    start, end = whole(raw, "start_time"), whole(raw, "end_time")
    check_span(start, end, longest)
    return start, end


def check_span(start: int, end: int, longest: float) -> None:
    """Refuses a reversed or too long window."""
    if end < start:
        raise ApiError(40097, "invalid args, end_time is before start_time")
    if end - start > longest:
        raise ApiError(40097, f"invalid args, time range over {int(longest // 3600)} hours")


def orders_between(world: World, start: int, end: int, *, by_create: bool) -> NDArray[Any]:
    """Order rows created, or last updated, in [start, end], oldest first."""
    until = min(end + 0.999999, world.now)
    t, kind, row = world.agenda.between(start - 1e-6, until)
    if by_create:
        created: NDArray[Any] = row[kind == words.ORDER_NEW]
        return created
    mine = kind <= words.ORDER_EXT
    t, row = t[mine], row[mine]
    last = world.orders["upd"][row] == t
    row = row[last]
    _, first = np.unique(row, return_index=True)
    rows: NDArray[Any] = row[np.sort(first)]
    return rows


@route(API, f"{E}/list/get")
def order_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of orders created or updated in a window of at most 7 days."""
    world = emu.world
    created, updated = span_of(body, "create_time_range", 7 * DAY), span_of(body, "update_time_range", 7 * DAY)
    if created is None and updated is None:
        raise ApiError(40097, "invalid args, create_time_range or update_time_range is required")
    size = whole(body, "page_size", 10, low=1, high=100)
    status = whole(body, "status", 0)
    if status and status not in STATUSES:
        raise ApiError(40097, "invalid args, status")
    asked = orjson.dumps([created, updated, status, body.get("openid"), size]).decode()

    def make() -> list[str]:
        rows = orders_between(world, *(updated or created or (0, 0)), by_create=updated is None)
        if created and updated:
            t = world.orders["t_create"][rows]
            rows = rows[(t >= created[0]) & (t <= created[1])]
        if len(rows) > emu.config.orders_per_window:
            raise ApiError(31042, "too many orders in the time range, please narrow it")
        if status:
            now = world.order_statuses(rows)
            rows = rows[np.isin(now, {20: (20, 21), 250: (200, 250)}.get(status, (status,)))]
        if body.get("openid"):
            rows = rows[world.orders["person"][rows] == (-1 if (p := world.person_of(body["openid"])) is None else p)]
        return [str(world.order_id(r)) for r in rows.tolist()]

    ids, key, more = page_of(emu, asked, text(body, "next_key", ""), size, make)
    return {"order_id_list": ids, "next_key": key, "has_more": more}


@route(API, f"{E}/search")
def order_search(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of orders by title, SKU code, order id, notes or after-sale state."""
    world = emu.world
    condition = inner(body, "search_condition")
    fields = {k: v for k, v in condition.items() if v not in (None, "")}
    if not fields and body.get("on_aftersale_order_exist") is None:
        raise ApiError(40097, "invalid args, search_condition is empty")
    if any(isinstance(v, str) and any(c in v for c in "<>%\\") for v in fields.values()):
        raise ApiError(6060456, "illegal character in search_condition")
    size = whole(body, "page_size", 10, low=1, high=100)
    asked = orjson.dumps(
        [fields, body.get("on_aftersale_order_exist"), body.get("status"), size], option=orjson.OPT_SORT_KEYS
    ).decode()

    def make() -> list[str]:
        keep = world.orders["t_create"] <= world.now
        if "order_id" in fields:
            row = world.order_row(fields["order_id"])
            return [str(fields["order_id"])] if row is not None else []
        if "title" in fields or "sku_code" in fields:
            skus = [i for i, code in enumerate(world.sku_codes) if str(fields.get("sku_code", code)) == code
                    and str(fields.get("title", "")) in world.products[int(world.skus["product"][i])].title]  # fmt: skip
            hit = np.zeros(len(world.orders), dtype=bool)
            hit[world.lines["order"][np.isin(world.lines["sku"], skus)]] = True
            keep = keep & hit
        if "merchant_notes" in fields or "customer_notes" in fields:
            noted = [r for r in np.flatnonzero(keep).tolist() if str(fields.get("merchant_notes", "")) in str(world.order_extra.get(r, {}).get("merchant_notes", ""))
                     and (("merchant_notes" not in fields) or r in world.order_extra) and str(fields.get("customer_notes", "")) in customer_notes(r)]  # fmt: skip
            keep = np.isin(np.arange(len(keep)), noted)
        if "user_name" in fields:
            keep = keep & np.array([str(fields["user_name"]) == person_name(world, int(p)) for p in world.orders["person"]])
        if "tel_number_last4" in fields:
            keep = keep & np.array([str(fields["tel_number_last4"]) == phone(int(p))[-4:] for p in world.orders["person"]])
        if "present_order_id" in fields:
            keep = keep & np.array([str(present_id(r)) == str(fields["present_order_id"]) for r in range(len(keep))])
        if body.get("on_aftersale_order_exist") is not None:
            active = {
                o
                for o, rows in world.order_aftersales.items()
                if any(world.aftersales["t_create"][a] <= world.now and world.aftersale_status(a) in _OPEN for a in rows)
            }
            keep = keep & (np.isin(np.arange(len(keep)), list(active)) == bool(whole(body, "on_aftersale_order_exist")))
        rows = np.flatnonzero(keep)
        if body.get("status"):
            rows = rows[world.order_statuses(rows) == whole(body, "status")]
        return [str(world.order_id(r)) for r in rows[::-1].tolist()]

    ids, key, more = page_of(emu, asked, text(body, "next_key", ""), size, make)
    return {"orders": ids, "order_id_list": ids, "next_key": key, "has_more": more}


@route(API, f"{E}/get")
def order_get(emu: Emulator, body: dict[str, Any], call: Call) -> bytes:
    """The whole order."""
    row = emu.world.order_row(body.get("order_id"))
    if row is None:
        if body.get("order_id") in (None, ""):
            raise ApiError(40097, "invalid args, order_id is required")
        raise ApiError(100002, "order not exist")
    return b'{"errcode":0,"errmsg":"ok","order":' + orjson.dumps(order_object(emu, row)) + b"}"


# --- the recipient -----------------------------------------------------------------------------------------------------


def person_name(world: World, person: int) -> str:
    """A person's (invented) full name."""
    p = world.people.raw
    given = int(p["given"].item(person))
    return SURNAMES[p["surname"].item(person) % len(SURNAMES)] + GIVEN[given % 21 * 2 : given % 21 * 2 + (2 if given % 3 else 1)]


def phone(person: int) -> str:
    """A person's (invented) phone number, from a range given to nobody: 1 followed by 00 and the number."""
    return f"100{(person * 7919 + 13579) % 100_000_000:08d}"


def clear_address(world: World, person: int) -> dict[str, Any]:
    """The unmasked address, as the decode call gives it."""
    p = world.people.raw
    province, city, county, _ = REGIONS[p["region"].item(person)]
    return {"user_name": person_name(world, person), "province_name": province, "city_name": city, "county_name": county,
            "detail_info": f"{STREETS[person % len(STREETS)]}{person % 380 + 1}号{person % 17 + 1}幢{person % 29 + 101}室", "postal_code": "",
            "tel_number": phone(person), "house_number": "", "hash_code": f"{(person * 2654435761) & 0xFFFFFFFFFFFF:012x}demo"}  # fmt: skip


def masked_address(world: World, person: int, expires: int) -> dict[str, Any]:
    """The address as order/get shows it: first character of the name, stars, a masked and a virtual number."""
    p = world.people.raw
    province, city, county, _ = REGIONS[p["region"].item(person)]
    tel = phone(person)
    shown = f"{tel[:3]}****{tel[-4:]}"
    return {
        "user_name": SURNAMES[p["surname"].item(person) % len(SURNAMES)] + "**", "postal_code": "", "province_name": province, "city_name": city,
        "county_name": county, "detail_info": "****", "tel_number": shown, "house_number": "", "virtual_order_tel_number": "", "use_tel_number": 1,
        "hash_code": f"{(person * 2654435761) & 0xFFFFFFFFFFFF:012x}demo",
        "tel_number_ext_info": {"real_tel_number": shown, "virtual_tel_number": f"10099{person % 1000000:06d}-{person % 9000 + 1000}", "virtual_tel_expire_time": expires,
                                "get_virtual_tel_cnt": 1},
    }  # fmt: skip


def customer_notes(row: int) -> str:
    """The buyer's note, on one order in thirty."""
    return ("请发顺丰，谢谢", "送人的，不要放价格单", "麻烦周末再送", "请写一张生日贺卡")[row % 4] if row % 31 == 0 else ""


def present_id(row: int) -> int:
    """The present order's id of a gift order."""
    return words.ORDER_BASE + 7 + row * words.ORDER_STEP


# --- the order object ----------------------------------------------------------------------------------------------------


def order_object(emu: Emulator, row: int) -> dict[str, Any]:
    """An order as order/get gives it, built from the row, the present moment and what was written to it."""
    world = emu.world
    now = world.now
    o, lines, skus = world.orders.raw, world.lines.raw, world.skus.raw
    person = o["person"].item(row)
    flags = o["flags"].item(row)
    status = world.order_status(row)
    paid = o["t_pay"].item(row) <= now
    created = int(o["t_create"].item(row))
    upd = int(o["upd"].item(row))
    extra = world.order_extra.get(row)
    first, n = o["line_off"].item(row), o["lines"].item(row)
    openid = world.openid(person)
    order_id = world.order_id(row)
    channel = words.CHANNELS[o["channel"].item(row)]
    as_number = row % 3 == 0
    aftersales = [a for a in world.order_aftersales.get(row, ()) if world.aftersales["t_create"][a] <= now]
    busy: dict[int, int] = {}
    finished: dict[int, int] = {}
    states = []
    for a in aftersales:
        state = world.aftersale_status(a)
        line, units = int(world.aftersales["line"][a]), int(world.aftersales["count"][a])
        if state in _OPEN:
            busy[line] = busy.get(line, 0) + units
        elif state in ("MERCHANT_REFUND_SUCCESS", "MERCHANT_RETURN_SUCCESS"):
            finished[line] = finished.get(line, 0) + units
        states.append({"aftersale_order_id": str(world.aftersale_id(a)), "status": _AFTERSALE_INT.get(state, 2)})
    claim = o["user_coupon"].item(row)
    coupon_id = world.coupons[int(world.claims["coupon"][claim])].coupon_id if claim >= 0 else ""
    product_infos, sources = [], []
    for i in range(first, first + n):
        sku = lines["sku"].item(i)
        product = world.products[skus["product"].item(sku)]
        pid, sid = world.product_id(product.index), world.sku_id(sku)
        count, unit = lines["count"].item(i), lines["unit"].item(i)
        limited, coupon, cut, presale = (
            lines["limited"].item(i),
            lines["coupon"].item(i),
            lines["cut"].item(i),
            lines["presale"].item(i),
        )
        promise = int(lines["promise"].item(i)) if paid and lines["promise"].item(i) < INF else 0
        info: dict[str, Any] = {
            "product_id": pid if as_number else str(pid), "sku_id": sid if as_number else str(sid), "sku_cnt": count, "sku_code": world.sku_codes[sku],
            "on_aftersale_sku_cnt": busy.get(i, 0), "finish_aftersale_sku_cnt": finished.get(i, 0), "title": product.title, "thumb_img": image(product.index),
            "market_price": lines["market"].item(i), "sale_price": unit, "estimate_price": unit * count - limited - coupon, "real_price": lines["paid"].item(i),
            "merchant_discounted_price": limited + coupon, "finder_discounted_price": 0, "limited_discount_discounted_price": limited,
            "is_change_price": cut > 0, "out_product_id": "", "out_sku_id": "", "sku_attrs": [{"attr_key": "规格", "attr_value": world.sku_names[sku]}],
            "sku_deliver_info": {"stock_type": presale, "predict_delivery_time": promise if presale else 0, "full_payment_presale_delivery_type": 0},
            "extra_service": {"seven_day_return": 0, "freight_insurance": 1}, "use_deduction": False, "deduction_price": 0, "delivery_deadline": promise,
            "is_free_gift": 0,
        }  # fmt: skip
        if cut:
            info["change_price"] = unit * count - limited - coupon - cut
        if coupon:
            info["order_product_coupon_info_list"] = [
                {
                    "coupon_type": 1,
                    "user_coupon_id": str(user_coupon_id(claim)),
                    "coupon_id": coupon_id,
                    "discounted_price": coupon,
                }
            ]
        product_infos.append(info)
        sources.append(_source(world, row, channel, person, sid, as_number))
    goods, freight, discount, cut = o["goods"].item(row), o["freight"].item(row), o["discount"].item(row), o["cut"].item(row)
    price = o["price"].item(row)
    detail: dict[str, Any] = {
        "product_infos": product_infos,
        "price_info": {
            "product_price": goods, "order_price": price, "freight": freight, "discounted_price": discount, "is_discounted": discount > 0,
            "original_order_price": goods + freight, "estimate_product_price": goods - discount, "change_down_price": cut, "is_change_freight": False,
            "use_deduction": False, "deduction_price": 0, "merchant_receieve_price": goods + freight - discount - cut, "merchant_discounted_price": discount,
            "finder_discounted_price": 0, "limited_discount_discounted_price": o["limited"].item(row),
        },
        "pay_info": {"prepay_id": f"up{order_id}", "prepay_time": created, "payment_method": 1},
        "delivery_info": {"deliver_method": 0, "delivery_product_info": [], "ewaybill_order_code": "", "quality_inspect_type": 0},
        "ext_info": {"customer_notes": customer_notes(row), "merchant_notes": (extra or {}).get("merchant_notes", ""), "order_scene": _SCENE.get(channel, 1),
                     "finder_id": "sphDemoShop" if channel in ("live", "video") else "", "live_id": f"export/demo{created // 86400}" if channel == "live" else ""},
        "source_infos": sources,
        "settle_info": {"predict_commission_fee": price * 6 // 1000},
    }  # fmt: skip
    if claim >= 0:
        detail["coupon_info"] = {"user_coupon_id": str(user_coupon_id(claim))}
    if paid:
        detail["pay_info"] |= {"transaction_id": f"42000{order_id}{row % 97:02d}", "pay_time": int(o["t_pay"].item(row))}
    gift = bool(flags & words.F_GIFT)
    if status not in (10, 12) or not gift:
        detail["delivery_info"]["address_info"] = masked_address(world, person, created + 45 * 86400) | (
            (extra or {}).get("address", {})
        )
    if o["t_ship"].item(row) <= now and (paid or extra):
        detail["delivery_info"]["delivery_product_info"] = _parcels(world, row, first, n, flags, extra, as_number)
        last = o["t_ship2"].item(row) if flags & words.F_SPLIT else o["t_ship"].item(row)
        if last <= now:
            detail["delivery_info"]["ship_done_time"] = int(last)
    if o["t_done"].item(row) <= now:
        detail["ext_info"]["confirm_receipt_time"] = int(o["t_done"].item(row))
    if o["t_settle"].item(row) <= now:
        detail["settle_info"] |= {"commission_fee": price * 6 // 1000, "settle_time": int(o["t_settle"].item(row))}
    talent = o["talent"].item(row)
    if talent >= 0:
        finder, nickname = TALENTS[talent]
        detail["commission_infos"] = [{"sku_id": sources[0]["sku_id"], "nickname": nickname, "type": 0, "status": 2 if o["t_settle"].item(row) <= now else 1,
                                       "amount": o["commission"].item(row), "finder_id": finder, "openfinderid": f"of{finder}"}]  # fmt: skip
    sharer = o["sharer"].item(row)
    if sharer >= 0:
        who = {
            "sharer_openid": world.openid(sharer),
            "sharer_unionid": world.unionid(sharer),
            "sharer_type": 0,
            "share_scene": 5,
            "handling_progress": 1,
        }
        detail["sharer_info"] = who
        detail["sku_sharer_infos"] = [{**who, "sku_id": s["sku_id"], "from_wecom": False} for s in sources]
    if row % 31 == 3 and gift:
        detail["greeting_card_info"] = {
            "giver_name": person_name(world, person)[0] + "**",
            "receiver_name": "你",
            "greeting_message": "节日快乐",
        }
    back = sum(int(world.orders["freight"][row]) for _ in (1,)) if status == 200 else 0
    detail["refund_info"] = {"refund_freight": back}
    order: dict[str, Any] = {
        "order_id": str(order_id), "status": status, "openid": openid, "create_time": created, "update_time": upd, "order_detail": detail,
        "aftersale_detail": {"aftersale_order_list": states, "on_aftersale_order_cnt": sum(1 for a in aftersales if world.aftersale_status(a) in _OPEN)},
        "is_present": gift, "is_flash_sale_order": False,
    }  # fmt: skip
    if emu.config.unionid:
        order["unionid"] = world.unionid(person)
    if gift:
        present = {
            "present_order_id_str": str(present_id(row)),
            "present_note": "一点心意",
            "present_giver_openid": openid,
            "present_send_type": row % 2,
        }
        order |= present
        order["order_present_info"] = {**present, "is_b2c_free_present": False}
    return order


def image(product: int, nth: int = 0) -> str:
    """The address of a product picture."""
    return f"https://mmecimage.cn/p/demo/{product:05d}-{nth}"


def _source(world: World, row: int, channel: str, person: int, sku_id: int, as_number: bool) -> dict[str, Any]:
    base: dict[str, Any] = {"sku_id": sku_id if as_number else str(sku_id), "content_type": 0, "content_id": ""}
    talent = world.orders.raw["talent"].item(row)
    if talent >= 0:
        return {
            **base,
            "sale_channel": 100,
            "account_type": 5,
            "account_id": TALENTS[talent][0],
            "account_nickname": TALENTS[talent][1],
        }
    if world.orders.raw["flags"].item(row) & words.F_STAFF:
        staff = STAFF[world.people.raw["staff"].item(person) % len(STAFF)]
        return {
            **base,
            "sale_channel": 0,
            "account_type": 4,
            "account_id": staff[0],
            "account_nickname": f"{staff[1]}（演示）",
            "content_type": 1,
        }
    channel_id, kind, account, nickname = _ACCOUNT.get(channel, (102, 3, "", ""))
    return {**base, "sale_channel": channel_id, "account_type": kind, "account_id": account, "account_nickname": nickname}


def _parcels(
    world: World, row: int, first: int, n: int, flags: int, extra: dict[str, Any] | None, as_number: bool
) -> list[dict[str, Any]]:
    if extra and "parcels" in extra:
        return list(extra["parcels"])
    o, lines = world.orders.raw, world.lines.raw
    code, name = CARRIERS[o["carrier"].item(row) % len(CARRIERS)]
    parcels = []
    split = bool(flags & words.F_SPLIT) and n > 1
    groups = [(o["t_ship"].item(row), range(first, first + (1 if split else n)))]
    if split and o["t_ship2"].item(row) <= world.now:
        groups.append((o["t_ship2"].item(row), range(first + 1, first + n)))
    for part, (at, rows) in enumerate(groups):
        goods = []
        for i in rows:
            sku = lines["sku"].item(i)
            pid, sid = world.product_id(world.skus.raw["product"].item(sku)), world.sku_id(sku)
            goods.append(
                {
                    "product_id": pid if as_number else str(pid),
                    "sku_id": sid if as_number else str(sid),
                    "product_cnt": lines["count"].item(i),
                }
            )
        parcels.append(
            {
                "waybill_id": f"{code}{row:011d}{part}",
                "delivery_id": code,
                "delivery_name": name,
                "delivery_time": int(at),
                "deliver_type": 1,
                "product_infos": goods,
            }
        )
    return parcels


# --- writing ----------------------------------------------------------------------------------------------------------------


def need_order(emu: Emulator, body: dict[str, Any], name: str = "order_id") -> int:
    """The row of the order named in the body. Raises 100002."""
    row = emu.world.order_row(text(body, name))
    if row is None:
        raise ApiError(100002, "order not exist")
    return row


def _ext(emu: Emulator, row: int, kind: int) -> None:
    emu.world.touch_order(row)
    openid = emu.world.openid(int(emu.world.orders["person"][row]))
    emu.announce(
        "shop",
        shop_event(
            emu,
            emu.world.now,
            "channels_ec_order_ext_info_update",
            openid,
            order_info={"order_id": str(emu.world.order_id(row)), "type": kind},
        ),
    )


@route(API, f"{E}/price/update", write=True)
def price_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Lowers an unpaid order's line prices (and freight); at most 50 times."""
    world, row = emu.world, need_order(emu, body)
    o, lines = world.orders, world.lines
    if world.order_status(row) != 10:
        raise ApiError(100003, "order status not allowed to change price")
    if o["cuts"][row] >= 50:
        raise ApiError(100004, "change price over 50 times")
    first, n = int(o["line_off"][row]), int(o["lines"][row])
    plan = []
    for change in listed(body, "change_order_infos", low=0 if body.get("change_express") else 1):
        sku = world.sku_row(change.get("sku_id"))
        line = next((i for i in range(first, first + n) if int(lines["sku"][i]) == sku), None)
        if line is None:
            raise ApiError(40097, "invalid args, sku_id not in order")
        new = whole(change, "change_price", low=0)
        if new > int(lines["paid"][line]):
            raise ApiError(100005, "change price only downwards")
        plan.append((line, int(lines["paid"][line]) - new))
    freight = int(o["freight"][row])
    if body.get("change_express"):
        freight = whole(body, "express_fee", low=0, high=freight)
    for line, down in plan:
        lines["cut"][line] += down
        lines["paid"][line] -= down
        o["cut"][row] += down
    o["freight"][row] = freight
    o["price"][row] = int(lines["paid"][first : first + n].sum()) + freight
    o["cuts"][row] += 1
    _ext(emu, row, 12)
    return {}


@route(API, f"{E}/merchantnotes/update", write=True)
def notes_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Overwrites the merchant's note."""
    row = need_order(emu, body)
    emu.world.order_extra.setdefault(row, {})["merchant_notes"] = text(body, "merchant_notes", "")
    _ext(emu, row, 3)
    return {}


@route(API, f"{E}/address/update", write=True)
def address_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Starts an address negotiation; the simulated buyer agrees after ten minutes."""
    row = need_order(emu, body)
    if emu.world.order_status(row) != 20:
        raise ApiError(100006, "order status not allowed to update address")
    address = inner(body, "user_address")
    shown = {k: str(address[k]) for k in ("province_name", "city_name", "county_name") if address.get(k)}

    def agreed() -> None:
        emu.world.order_extra.setdefault(row, {})["address"] = shown
        _ext(emu, row, 16)

    emu.world.later(emu.world.now + 600, agreed)
    return {}


@route(API, f"{E}/addressmodify/accept", write=True)
def address_accept(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Agrees to a buyer's address change."""
    _ext(emu, need_order(emu, body), 2)
    return {}


@route(API, f"{E}/addressmodify/reject", write=True)
def address_reject(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Refuses a buyer's address change."""
    need_order(emu, body)
    return {}


@route(API, f"{E}/delivery/send", write=True)
def delivery_send(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ships an order or a part of it; the parcel arrives and is confirmed some days later."""
    world, row = emu.world, need_order(emu, body)
    if world.order_status(row) not in (20, 21):
        raise ApiError(100007, "order status not allowed to deliver")
    o, lines = world.orders, world.lines
    first, n = int(o["line_off"][row]), int(o["lines"][row])
    extra = world.order_extra.get(row, {})
    parcels = list(extra.get("parcels", [])) or (
        _parcels(world, row, first, n, int(o["flags"][row]), None, False) if o["t_ship"][row] <= world.now else []
    )
    wanted = {int(lines["sku"][i]): int(lines["count"][i]) for i in range(first, first + n)}
    for parcel in parcels:
        for goods in parcel["product_infos"]:
            wanted[world.sku_row(goods["sku_id"]) or 0] -= int(goods["product_cnt"])
    fresh = []
    for item in listed(body, "delivery_list", high=50):
        kind = whole(item, "deliver_type", 1)
        if kind not in (1, 3, 6):
            raise ApiError(40097, "invalid args, deliver_type")
        code = text(item, "delivery_id", "" if kind == 3 else None)
        waybill = text(item, "waybill_id", "" if kind == 3 else None)
        goods_list = []
        for goods in listed(item, "product_infos", high=500):
            sku, count = world.sku_row(goods.get("sku_id")), whole(goods, "product_cnt", low=1)
            if sku is None or wanted.get(sku, 0) < count:
                raise ApiError(40097, "invalid args, product_cnt over what is left to deliver")
            wanted[sku] -= count
            goods_list.append(
                {"product_id": str(goods.get("product_id")), "sku_id": str(goods.get("sku_id")), "product_cnt": count}
            )
        fresh.append({"waybill_id": waybill, "delivery_id": code, "delivery_name": dict(CARRIERS).get(code, "其他"), "delivery_time": int(world.now), "deliver_type": kind,
                      "product_infos": goods_list})  # fmt: skip
    world.order_extra.setdefault(row, {})["parcels"] = parcels + fresh
    whole_order = all(v <= 0 for v in wanted.values())
    now = float(int(world.now))
    if not parcels:
        o["t_ship"][row] = now
    if whole_order:
        o["t_ship2"][row] = now if parcels else INF
        if not parcels:
            o["flags"][row] &= ~np.uint8(words.F_SPLIT)
        o["t_done"][row], o["t_settle"][row] = now + 4 * DAY, now + 11 * DAY
        world.agenda.add(o["t_done"][row], words.ORDER_DONE, row)
        world.agenda.add(o["t_settle"][row], words.ORDER_SETTLE, row)
    else:
        o["flags"][row] |= words.F_SPLIT
        o["t_ship2"][row] = o["t_done"][row] = o["t_settle"][row] = INF
    world.touch_order(row)
    openid = world.openid(int(o["person"][row]))
    emu.announce("shop", shop_event(emu, world.now, "channels_ec_order_deliver", openid,
                                    order_info={"order_id": str(world.order_id(row)), "finish_delivery": int(whole_order)}))  # fmt: skip
    return {}


@route(API, f"{E}/deliveryinfo/update", write=True)
def delivery_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Changes waybills of a shipped order."""
    world, row = emu.world, need_order(emu, body)
    if world.order_status(row) not in (21, 30):
        raise ApiError(100007, "order status not allowed")
    o = world.orders
    parcels = _parcels(
        world, row, int(o["line_off"][row]), int(o["lines"][row]), int(o["flags"][row]), world.order_extra.get(row), False
    )
    if body.get("change_infos"):
        for change in listed(body, "change_infos"):
            old, new = inner(change, "old"), inner(change, "new")
            for parcel in parcels:
                if parcel["waybill_id"] == str(old.get("waybill_id")):
                    parcel |= {"waybill_id": text(new, "waybill_id"), "delivery_id": text(new, "delivery_id")}
    else:
        new = listed(body, "delivery_list")[0]
        parcels = [p | {"waybill_id": text(new, "waybill_id"), "delivery_id": text(new, "delivery_id")} for p in parcels]
    world.order_extra.setdefault(row, {})["parcels"] = parcels
    world.touch_order(row)
    return {}


@route(API, f"{E}/delivery/compensation", write=True)
def delivery_compensation(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Records a parcel sent again."""
    row = need_order(emu, body)
    whole(body, "reason", low=1, high=4)
    emu.world.order_extra.setdefault(row, {}).setdefault("resent", []).extend(listed(body, "delivery_list"))
    emu.world.touch_order(row)
    return {}


@route(API, f"{E}/deliverynegotiation/submit", write=True)
def negotiation_submit(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Proposes a later ship date; the simulated buyer agrees after ten minutes."""
    row, when = need_order(emu, body), whole(body, "predict_delivery_time")
    emu.world.order_extra.setdefault(row, {})["negotiation"] = {"predict_delivery_time": when, "status": 1}

    def agreed() -> None:
        emu.world.order_extra[row]["negotiation"]["status"] = 2
        _ext(emu, row, 21)

    emu.world.later(emu.world.now + 600, agreed)
    return {}


@route(API, f"{E}/deliverynegotiation/result/get")
def negotiation_result(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """How ship-date negotiations stand."""
    found = [(i, emu.world.order_row(i)) for i in listed(body, "order_id_list", high=50)]
    return {"negotiation_list": [{"order_id": str(i), **emu.world.order_extra[r]["negotiation"]} for i, r in found
                                 if r is not None and "negotiation" in emu.world.order_extra.get(r, {})]}  # fmt: skip


@route(API, f"{E}/preshipmentchangesku/get")
def change_sku_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Orders whose buyer wants another SKU before shipping (the market makes none)."""
    return {"order_ids": []}


@route(API, f"{E}/sensitiveinfo/decode")
def decode(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The clear recipient of a paid order: 30 different orders a day."""
    world, row = emu.world, need_order(emu, body)
    if world.order_status(row) in (10, 12, 250):
        raise ApiError(100008, "order status not allowed to decode")
    day = day_number(world.now)
    seen = emu.decoded.setdefault(day, set())
    if row not in seen and len(seen) >= emu.config.decode_per_day:
        raise ApiError(45009, "decode quota of today is used up")
    seen.add(row)
    person = int(world.orders["person"][row])
    return {"address_info": clear_address(world, person), "virtual_number_info": {"virtual_number": f"10099{person % 1000000:06d}", "extension": str(person % 9000 + 1000),
                                                                                 "expiration": int(world.now) + 15 * 86400}}  # fmt: skip


@route(API, f"{E}/virtualnumber/applyagain")
def virtual_again(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Another virtual number for an order."""
    person = int(emu.world.orders["person"][need_order(emu, body)])
    return {"virtual_number": f"10098{person % 1000000:06d}", "extension": str(person % 9000 + 1000), "apply_quota": 2}


@route(API, f"{E}/virtualnumber/delay")
def virtual_delay(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Lets a virtual number live longer."""
    need_order(emu, body)
    return {"expiration": int(emu.world.now) + 15 * 86400, "available_extend_num": 1}


@route(API, f"{E}/virtualtelnumber/get")
def virtual_tel(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The older virtual number call."""
    person = int(emu.world.orders["person"][need_order(emu, body)])
    return {
        "virtual_tel_number": f"10097{person % 1000000:06d}",
        "virtual_tel_expire_time": int(emu.world.now) + 3 * 86400,
        "get_virtual_tel_cnt": 1,
    }


@route(API, f"{E}/deliverycompanylist/new/get")
def companies(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Delivery companies."""
    return {"company_list": [{"delivery_id": i, "delivery_name": n} for i, n in CARRIERS]}


@route(API, f"{E}/deliverycompanylist/get")
def companies_old(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Delivery companies, older list."""
    return companies(emu, body, call)


@route(API, f"{E}/presentnote/add", write=True)
def present_note(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Adds a note to a gift."""
    text(body, "notes")
    row = _present_row(emu, body)
    _ext(emu, row, 8)
    return {}


def _present_row(emu: Emulator, body: dict[str, Any]) -> int:
    number = text(body, "present_order_id")
    row = emu.world.order_row(int(number) - 7) if number.isdigit() else None
    if row is None or not emu.world.orders["flags"][row] & words.F_GIFT:
        raise ApiError(100002, "order not exist")
    return row


@route(API, f"{E}/presentsuborder/get")
def present_suborders(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The orders of a gift, one per recipient."""
    return {"order_ids": [str(emu.world.order_id(_present_row(emu, body)))]}
