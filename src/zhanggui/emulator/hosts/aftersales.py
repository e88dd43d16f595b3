"""微信小店 after-sales: day windows, reasons, decisions that move money, merchant-initiated refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from zhanggui.emulator.catalogue import REFUND_REASONS
from zhanggui.emulator.events import of as event_of
from zhanggui.emulator.hosts.orders import check_span, need_order, page_of
from zhanggui.emulator.market import words
from zhanggui.emulator.market.words import DAY, INF
from zhanggui.emulator.protocol import API, ApiError, Call, listed, route, text, whole
from zhanggui.emulator.shopworld import World

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

A = "/channels/ec/aftersale"
REJECT_REASONS = (
    (6, "买家误操作/已协商取消申请", "亲，已与您协商一致，这次售后先帮您取消", 1), (4, "包裹在买家发起售后时已完成发货/揽收", "亲，商品已在运输途中，收到后如有问题可再申请", 1),
    (1, "已在约定时间发货且物流运输正常", "亲，商品已按时发出且物流正常", 1), (9, "买家退回的商品影响二次销售", "亲，退回的商品已拆封食用，影响二次销售", 2),
    (12, "食品类商品签收后不支持无理由退货", "亲，食品签收后不支持无理由退货", 1),
)  # fmt: skip
REJECT_CODES = {r[0] for r in REJECT_REASONS}


@route(API, f"{A}/getaftersalelist")
def aftersale_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of after-sales created or updated in a window of at most 24 hours; pages of 50."""
    world = emu.world
    by_update = body.get("begin_update_time") is not None
    start, end = (whole(body, f"{w}_{'update' if by_update else 'create'}_time") for w in ("begin", "end"))
    check_span(start, end, DAY)

    def make() -> list[str]:
        until = min(end + 0.999999, world.now)
        t, kind, row = world.agenda.between(start - 1e-6, until)
        if by_update:
            keep = (kind >= words.AS_NEW) & (kind <= words.AS_NEW + 9)
            t, row = t[keep], row[keep]
            row = row[world.aftersales["upd"][row] == t]
        else:
            row = row[kind == words.AS_NEW]
        return [str(world.aftersale_id(r)) for r in dict.fromkeys(row.tolist())]

    ids, key, more = page_of(emu, orjson.dumps(["as", by_update, start, end]).decode(), text(body, "next_key", ""), 50, make)
    return {"after_sale_order_id_list": ids, "next_key": key, "has_more": more}


def need_aftersale(emu: Emulator, body: dict[str, Any]) -> int:
    """The after-sale row named in the body. Raises 100102."""
    row = emu.world.aftersale_row(text(body, "after_sale_order_id"))
    if row is None:
        raise ApiError(100102, "aftersale order not exist")
    return row


def aftersale_object(emu: Emulator, row: int) -> dict[str, Any]:
    """An after-sale as getaftersaleorder gives it."""
    world, now = emu.world, emu.world.now
    a = world.aftersales
    order, line = int(a["order"][row]), int(a["line"][row])
    sku = int(world.lines["sku"][line])
    person = int(world.orders["person"][order])
    reason = REFUND_REASONS[int(a["reason"][row])]
    status = world.aftersale_status(row)
    extra = world.aftersale_extra.get(row, {})
    number = world.aftersale_id(row)
    is_return = bool(a["type"][row])
    pid, sid = world.product_id(int(world.skus["product"][sku])), world.sku_id(sku)
    body: dict[str, Any] = {
        "after_sale_order_id": number if row % 5 == 0 else str(number), "status": status, "openid": world.openid(person), "order_id": str(world.order_id(order)),
        "type": extra.get("type", "RETURN" if is_return else "REFUND"), "sub_type": extra.get("sub_type", "DEFAULT"), "reason": reason[0], "reason_text": reason[1],
        "product_info": {"product_id": str(pid), "sku_id": sid if row % 3 == 0 else str(sid), "sku_code": world.sku_codes[sku], "count": int(a["count"][row]),
                         "fast_refund": False, "gift_product_list": []},
        "details": {"desc": extra.get("desc", ""), "receive_product": bool(a["received"][row]) if row % 7 else 4294967295,
                    "cancel_time": int(a["t_end"][row]) if status == "USER_CANCELD" else 0, "media_id_list": [], "tel_number": ""},
        "refund_info": {"amount": int(a["amount"][row]), "refund_reason": int(a["by"][row]) if status.endswith("SUCCESS") else 0},
        "return_info": {"waybill_id": "", "delivery_id": "", "delivery_name": ""}, "merchant_upload_info": {"reject_reason": extra.get("reject_reason", ""), "refund_certificates": []},
        "refund_resp": {"ret": 0, "code": "", "message": ""}, "gen_scene": 2 if extra.get("by_merchant") else 0, "deadline": int(max(0, a["t_create"][row] + 2 * DAY - now)),
        "create_time": int(a["t_create"][row]), "update_time": int(a["upd"][row]),
    }  # fmt: skip
    if emu.config.unionid:
        body["unionid"] = world.unionid(person)
    if is_return and a["t_return"][row] <= now:
        body["return_info"] = {"waybill_id": f"SFR{row:011d}", "delivery_id": "SF", "delivery_name": "顺丰速运"}
    if a["t_end"][row] <= now:
        body["complete_time"] = int(a["t_end"][row])
    return body


@route(API, f"{A}/getaftersaleorder")
def aftersale_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One after-sale."""
    return {"after_sale_order": aftersale_object(emu, need_aftersale(emu, body))}


@route(API, f"{A}/reason/get")
def reasons(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The dictionary of buyers' reasons."""
    return {"reason_list": [{"reason": r[0], "reason_text": r[1]} for r in REFUND_REASONS]}


@route(API, f"{A}/rejectreason/get")
def reject_reasons(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The dictionary of reasons to refuse."""
    return {
        "reason_list": [
            {"reject_reason_type": i, "reject_reason_type_text": t, "reject_reason": w, "reject_scene": s}
            for i, t, w, s in REJECT_REASONS
        ]
    }


def _schedule(emu: Emulator, row: int, **times: float) -> None:
    """Writes the after-sale's own times anew and notes them in the agenda; its order closes if everything is given back."""
    world = emu.world
    names = {"t_decided": words.AS_DECIDED, "t_return": words.AS_RETURN, "t_end": words.AS_END}
    for name, at in times.items():
        world.aftersales[name][row] = at
        if at > world.now:
            world.agenda.add(at, names[name], row)
    world.touch_aftersale(row)
    world.close_if_refunded(int(world.aftersales["order"][row]))
    if not hasattr(emu, "clock"):
        return
    found = event_of(emu, world.now, words.AS_DECIDED, row)
    if found:
        emu.announce(*found)


@route(API, f"{A}/acceptapply", write=True)
def accept(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Agrees: a refund is paid within seconds; a return is awaited, and on receipt the second call pays it."""
    world, row = emu.world, need_aftersale(emu, body)
    status, now = world.aftersale_status(row), float(int(world.now))
    is_return = bool(world.aftersales["type"][row])
    if status == "MERCHANT_WAIT_RECEIPT":
        world.aftersales["outcome"][row], world.aftersales["by"][row] = 0, 3
        _schedule(emu, row, t_end=now + 5)
    elif status == "MERCHANT_PROCESSING":
        if is_return and whole(body, "accept_type", 1) == 1 and not body.get("address_id"):
            raise ApiError(40097, "invalid args, address_id is required for a return")
        world.aftersales["outcome"][row], world.aftersales["by"][row] = 0, 3
        if is_return and whole(body, "accept_type", 1) == 1:
            back = now + 1.5 * DAY
            end = back + 2 * DAY if emu.config.auto_aftersale else INF
            _schedule(emu, row, t_decided=now, t_return=back, t_end=end)
        else:
            _schedule(emu, row, t_decided=now, t_return=INF, t_end=now + 5)
            world.aftersales["type"][row] = 0
    else:
        raise ApiError(100103, f"aftersale status {status} not allowed")
    return {}


@route(API, f"{A}/rejectapply", write=True)
def reject(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Refuses with a reason of the dictionary; the buyer lets it rest after two days."""
    world, row = emu.world, need_aftersale(emu, body)
    if whole(body, "reject_reason_type") not in REJECT_CODES:
        raise ApiError(40097, "invalid args, reject_reason_type")
    if world.aftersale_status(row) not in ("MERCHANT_PROCESSING", "MERCHANT_WAIT_RECEIPT"):
        raise ApiError(100103, "aftersale status not allowed")
    now = float(int(world.now))
    world.aftersales["outcome"][row] = 2
    world.aftersale_extra.setdefault(row, {})["reject_reason"] = text(body, "reject_reason", "") or next(
        r[1] for r in REJECT_REASONS if r[0] == int(body["reject_reason_type"])
    )
    _schedule(emu, row, t_decided=now, t_return=INF, t_end=now + 2 * DAY)
    return {}


def _create(emu: Emulator, body: dict[str, Any], kind: str, sub_type: str) -> dict[str, Any]:
    world, order = emu.world, need_order(emu, body)
    key = str(body.get("request_id") or "")
    known = emu.store.setdefault("aftersale_requests", {})
    if key and key in known:
        return {"after_sale_order_id": known[key], "aftersale_id": known[key]}
    if world.order_status(order) not in (20, 21, 30, 100):
        raise ApiError(100104, "order status not allowed")
    sku = world.sku_row(text(body, "sku_id"))
    first, n = int(world.orders["line_off"][order]), int(world.orders["lines"][order])
    line = next((i for i in range(first, first + n) if int(world.lines["sku"][i]) == sku), None)
    if line is None:
        raise ApiError(40097, "invalid args, sku_id not in order")
    amount = whole(body, "amount", low=1)
    earlier = [
        a
        for a in world.order_aftersales.get(order, ())
        if int(world.aftersales["line"][a]) == line and int(world.aftersales["outcome"][a]) == 0
    ]
    if len(earlier) >= 5:
        raise ApiError(100105, "aftersale over 5 times")
    if amount + sum(int(world.aftersales["amount"][a]) for a in earlier) > int(world.lines["paid"][line]):
        raise ApiError(100106, "amount over what was paid")
    codes = [r[0] for r in REFUND_REASONS]
    reason = codes.index(str(body.get("reason"))) if str(body.get("reason")) in codes else len(codes) - 1
    now = float(int(world.now))
    row = int(world.aftersales.add(1, order=order, line=line, type=0, reason=reason, count=whole(body, "count", 1, low=1), amount=amount, outcome=0, by=3,
                                   received=int(world.order_status(order) == 100), t_create=now, t_decided=now, t_return=INF, t_end=now + 30, upd=now)[0])  # fmt: skip
    world.aftersale_extra[row] = {"by_merchant": True, "type": kind, "sub_type": sub_type, "desc": text(body, "desc", "")}
    world.order_aftersales.setdefault(order, []).append(row)
    world.agenda.add(now, words.AS_NEW, row)
    _schedule(emu, row, t_end=now + 30)
    number = str(world.aftersale_id(row))
    if key:
        known[key] = number
    return {"after_sale_order_id": number, "aftersale_id": number}


@route(API, f"{A}/genaftersaleorder", write=True)
def generate(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A refund that the merchant starts; `request_id` makes it safe to repeat."""
    text(body, "request_id")
    return _create(emu, body, "REFUND", "DEFAULT")


@route(API, f"{A}/refundpricediff", write=True)
def price_difference(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Gives back a price difference."""
    return _create(emu, body, "REFUND", "REFUND_PRICE_DIFF")


@route(API, f"{A}/merchantupdateaftersale", write=True)
def negotiate(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Proposes another amount; the simulated buyer agrees after an hour."""
    world, row = emu.world, need_aftersale(emu, body)
    if world.aftersale_status(row) not in ("MERCHANT_PROCESSING", "MERCHANT_WAIT_RECEIPT"):
        raise ApiError(100103, "aftersale status not allowed")
    amount = whole(body, "amount", low=1, high=int(world.lines["paid"][int(world.aftersales["line"][row])]))
    world.aftersale_extra.setdefault(row, {})["status"] = "USER_WAIT_CONFIRM_UPDATE"

    def agreed() -> None:
        world.aftersale_extra[row].pop("status", None)
        world.aftersales["amount"][row], world.aftersales["outcome"][row] = amount, 0
        now = float(int(world.now))
        _schedule(emu, row, t_decided=now, t_return=INF, t_end=now + 5)

    world.later(world.now + 3600, agreed)
    world.touch_aftersale(row)
    return {}


@route(API, f"{A}/uploadrefundcertificate", write=True)
def certificate(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Proof of a refund paid outside."""
    row = need_aftersale(emu, body)
    emu.world.aftersale_extra.setdefault(row, {})["certificates"] = listed(body, "refund_certificates")
    return {}


@route(API, f"{A}/applyvirtualtelnum")
def virtual_tel(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A virtual number to reach the buyer."""
    row = need_aftersale(emu, body)
    return {"virtual_tel_number": f"10096{row % 1000000:06d}", "virtual_tel_expire_time": int(emu.world.now) + 3 * 86400}


@route(API, f"{A}/searchguaranteeorder")
def guarantee_search(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Guarantee orders (the market makes none)."""
    return {"guarantee_order_list": [], "total_num": 0}


@route(API, f"{A}/getpresentaftersalelist")
def present_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """After-sales of gift orders as a whole (the market's gifts use ordinary after-sales)."""
    return {"after_sale_order_id_list": [], "next_key": "", "has_more": False}


def refunded(world: World, order: int) -> int:
    """分 given back on an order up to now."""
    rows = np.array(world.order_aftersales.get(order, ()), dtype=np.int64)
    if not len(rows):
        return 0
    a = world.aftersales
    done = (a["outcome"][rows] == 0) & (a["t_end"][rows] <= world.now)
    return int(a["amount"][rows][done].sum())
