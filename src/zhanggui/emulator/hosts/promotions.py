"""微信小店 coupons, flash sales, buy-gift activities and members: what moves prices, and who is a member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zhanggui.emulator.events import shop_event, user_coupon_id
from zhanggui.emulator.hosts.goods import SYSTEM_OPENID, need_product, need_sku, on_flash
from zhanggui.emulator.market import words
from zhanggui.emulator.market.words import Coupon, FlashTask
from zhanggui.emulator.protocol import API, ApiError, Call, inner, listed, route, text, whole

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

C = "/channels/ec/coupon"
F = "/channels/ec/product/limiteddiscounttask"
TYPES = (1, 2, 3, 4, 101, 102, 103, 104)


def _check_coupon(body: dict[str, Any]) -> None:
    kind = whole(body, "type")
    if kind not in TYPES:
        raise ApiError(10021001, "invalid coupon type")
    if not 1 <= len(text(body, "name")) <= 10:
        raise ApiError(10021003, "coupon name over 10 characters")
    discount, receive = inner(body, "discount_info"), inner(body, "receive_info")
    condition = discount.get("discount_condition") or {}
    if kind < 100 and not 1 <= len(condition.get("product_ids") or []) <= 2000:
        raise ApiError(10021034, "product_ids is required for product coupons")
    if kind % 100 in (1, 3):
        num = whole(discount, "discount_num", low=2000, high=10000)
        if num % 100:
            raise ApiError(10021036, "discount_num must be a multiple of 100")
    else:
        whole(discount, "discount_fee", low=1, high=20_000)
    if condition.get("product_cnt") and condition.get("product_price"):
        raise ApiError(10021037, "product_cnt and product_price are exclusive")
    if kind % 100 in (1, 2) and not (condition.get("product_cnt") or condition.get("product_price")):
        raise ApiError(10021034, "threshold is required")
    if whole(receive, "end_time") <= whole(receive, "start_time"):
        raise ApiError(40097, "invalid args, receive_info")
    whole(receive, "total_num", low=1, high=100_000_000)
    whole(receive, "limit_num_one_person", low=1, high=1000)
    valid = inner(body, "valid_info")
    if whole(valid, "valid_type", low=1, high=2) == 2:
        whole(valid, "valid_day_num", low=1, high=365)
    elif whole(valid, "end_time") <= whole(valid, "start_time"):
        raise ApiError(40097, "invalid args, valid_info")


def _coupon(emu: Emulator, body: dict[str, Any]) -> Coupon:
    number = text(body, "coupon_id")
    found = next((c for c in emu.world.coupons if c.coupon_id == number), None)
    if found is None:
        raise ApiError(10021001, "coupon not found")
    return found


def _state(emu: Emulator, c: Coupon) -> int:
    return 3 if c.status == 2 and c.end <= emu.world.now else c.status


@route(API, f"{C}/create", write=True)
def coupon_create(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Creates a coupon in the editing state; activate it with update_status."""
    _check_coupon(body)
    coupon = emu.world.add_coupon(body, int(emu.world.now))
    if body.get("auto_valid_info"):
        coupon.status = 2
    emu.announce("shop", shop_event(emu, emu.world.now, "channels_ec_coupon_create", SYSTEM_OPENID,
                                    coupon_info={"coupon_id": coupon.coupon_id, "create_time": str(coupon.created)}))  # fmt: skip
    return {"data": {"coupon_id": coupon.coupon_id}}


@route(API, f"{C}/update", write=True)
def coupon_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Replaces a coupon that is still being edited; afterwards only its amount and claim end."""
    coupon = _coupon(emu, body)
    _check_coupon(body)
    if coupon.status not in (1, 2):
        raise ApiError(10021034, "coupon status not allowed")
    if coupon.status == 1:
        position = emu.world.coupons.index(coupon)
        fresh = emu.world.add_coupon(body, coupon.created)
        emu.world.coupons.pop()
        fresh.coupon_id, fresh.updated = coupon.coupon_id, int(emu.world.now)
        emu.world.coupons[position] = fresh
    else:
        coupon.total = max(coupon.total, whole(inner(body, "receive_info"), "total_num"))
        coupon.end, coupon.updated = whole(inner(body, "receive_info"), "end_time"), int(emu.world.now)
    return {}


@route(API, f"{C}/update_status", write=True)
def coupon_status(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Activates (from editing), voids or deletes a coupon."""
    coupon, status = _coupon(emu, body), whole(body, "status")
    allowed = {2: (1,), 4: (2,), 5: (1, 3, 4)}
    if status not in allowed or _state(emu, coupon) not in allowed[status]:
        raise ApiError(10021034, "coupon status not allowed")
    coupon.status, coupon.updated = status, int(emu.world.now)
    name = {2: "info_change", 4: "invalid", 5: "delete"}[status]
    field = {2: "change_time", 4: "invalid_time", 5: "delete_time"}[status]
    emu.announce("shop", shop_event(emu, emu.world.now, f"channels_ec_coupon_{name}", SYSTEM_OPENID,
                                    coupon_info={"coupon_id": coupon.coupon_id, field: str(coupon.updated)}))  # fmt: skip
    return {}


@route(API, f"{C}/get")
def coupon_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One coupon with what is left and what was used."""
    world, c = emu.world, _coupon(emu, body)
    mine = world.claims["coupon"] == world.coupons.index(c)
    received = int((mine & (world.claims["t_claim"] <= world.now)).sum())
    used = int((mine & (world.claims["t_use"] <= world.now)).sum())
    info = {k: v for k, v in c.rule.items() if k not in ("type", "coupon_id", "auto_valid_info")}
    return {"coupon": {"coupon_id": c.coupon_id, "type": c.type, "status": _state(emu, c), "create_time": c.created, "update_time": c.updated, "coupon_info": info,
                       "stock_info": {"issued_num": max(0, c.total - received), "receive_num": received, "used_num": used}}}  # fmt: skip


@route(API, f"{C}/get_list")
def coupon_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Coupon ids of one status."""
    status, page, size = whole(body, "status"), whole(body, "page", 1, low=1), whole(body, "page_size", 10, low=1, high=200)
    if page >= 10 and not body.get("page_ctx"):
        raise ApiError(40097, "invalid args, first page must be below 10")
    rows = [c.coupon_id for c in emu.world.coupons if _state(emu, c) == status or (status == 200 and _state(emu, c) in (3, 4))]
    part = rows[(page - 1) * size : page * size]
    return {"coupons": [{"coupon_id": i} for i in part], "total_num": len(rows), "page_ctx": f"p{page}"}


def _claims_of(emu: Emulator, openid: str) -> list[int]:
    person = emu.world.person_of(openid)
    if person is None:
        raise ApiError(40003, "invalid openid")
    claims = emu.world.claims
    return np.flatnonzero((claims["person"] == person) & (claims["t_claim"] <= emu.world.now)).tolist()


def _claim_state(emu: Emulator, row: int) -> int:
    claims = emu.world.claims
    if claims["t_use"][row] <= emu.world.now:
        return 102
    return 101 if claims["t_end"][row] <= emu.world.now else 100


@route(API, f"{C}/get_user_coupon_list")
def user_coupons(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The coupons of one buyer."""
    rows = _claims_of(emu, text(body, "openid"))
    if body.get("status"):
        rows = [r for r in rows if _claim_state(emu, r) == whole(body, "status")]
    page, size = whole(body, "page", 1, low=1), whole(body, "page_size", 10, low=1, high=200)
    part = rows[(page - 1) * size : page * size]
    return {"user_coupon_list": [{"user_coupon_id": str(user_coupon_id(r)), "coupon_id": emu.world.coupons[int(emu.world.claims["coupon"][r])].coupon_id} for r in part],
            "total_num": len(rows), "page_ctx": f"p{page}"}  # fmt: skip


@route(API, f"{C}/get_user_coupon")
def user_coupon(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One coupon of one buyer."""
    wanted = text(body, "user_coupon_id")
    row = next((r for r in _claims_of(emu, text(body, "openid")) if str(user_coupon_id(r)) == wanted), None)
    if row is None:
        raise ApiError(10021003, "user coupon not found")
    claims, state = emu.world.claims, _claim_state(emu, row)
    found: dict[str, Any] = {"user_coupon_id": wanted, "coupon_id": emu.world.coupons[int(claims["coupon"][row])].coupon_id, "status": state,
                             "create_time": int(claims["t_claim"][row]), "update_time": int(claims["t_use"][row]) if state == 102 else int(claims["t_claim"][row]),
                             "start_time": int(claims["t_claim"][row]), "end_time": int(claims["t_end"][row])}  # fmt: skip
    if state == 102:
        found |= {
            "ext_info": {"use_time": int(claims["t_use"][row])},
            "order_id": str(emu.world.order_id(int(claims["order"][row]))),
            "discount_fee": int(claims["fee"][row]),
        }
    return {"openid": str(body["openid"]), "user_coupon": found}


# --- flash sale -----------------------------------------------------------------------------------------------------------


def _task(emu: Emulator, body: dict[str, Any]) -> FlashTask:
    number = text(body, "task_id")
    found = next((f for f in emu.world.flash if str(f.task_id) == number and not f.deleted), None)
    if found is None:
        raise ApiError(10020076, "limited discount task not found")
    return found


def _task_skus(emu: Emulator, product: words.Product, rows: list[Any]) -> tuple[dict[int, int], dict[int, int]]:
    prices, stocks = {}, {}
    for s in rows:
        sku = need_sku(emu, s, product)
        price, stock = whole(s, "sale_price", low=1), whole(s, "sale_stock", low=1)
        if price >= int(emu.world.skus["price"][sku]):
            raise ApiError(10020051, "sale_price must be lower than the normal price")
        if stock > int(emu.world.skus["stock"][sku]):
            raise ApiError(10020051, "sale_stock over stock")
        prices[sku], stocks[sku] = price, stock
    return prices, stocks


@route(API, f"{F}/add", write=True)
def flash_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Starts a flash sale of one product; only one unfinished task per product."""
    world, p = emu.world, need_product(emu, body)
    if p.status != 5:
        raise ApiError(10020065, "product is not listed")
    if on_flash(world, p.index):
        raise ApiError(10020014, "product already in limited discount")
    start, end = whole(body, "start_time"), whole(body, "end_time")
    if start < world.now - 600 or start > world.now + 365 * 86400 or end <= start:
        raise ApiError(40097, "invalid args, start_time or end_time")
    prices, stocks = _task_skus(emu, p, listed(body, "limited_discount_skus", high=500))
    task = world.add_flash(p.index, start, end, prices, stocks, text(body, "title", "")[:50], int(world.now))
    task.limit = whole(body, "limit_purchase_num", 0)
    return {"task_id": str(task.task_id)}


@route(API, f"{F}/update", write=True)
def flash_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Changes an unfinished task; `status` must be its present one."""
    task = _task(emu, body)
    now = task.status(emu.world.now)
    if now == 2 or whole(body, "status") != now:
        raise ApiError(10020051, "task status changed")
    start, end = whole(body, "start_time"), whole(body, "end_time")
    if end <= start:
        raise ApiError(40097, "invalid args, end_time")
    task.prices, task.stocks = _task_skus(emu, emu.world.products[task.product], listed(body, "limited_discount_skus", high=500))
    task.start, task.end, task.title = (task.start if now == 1 else start), end, text(body, "title", task.title)
    return {"task_id": str(task.task_id), "title": task.title}


@route(API, f"{F}/list/get")
def flash_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Flash sales with what they sold."""
    world = emu.world
    wanted = body.get("status")
    rows = [
        f
        for f in world.flash
        if not f.deleted and f.created <= world.now and (wanted is None or f.status(world.now) == whole(body, "status"))
    ][::-1]
    size, start = whole(body, "page_size", 10, low=1, high=50), whole(body, "next_key", 0, low=0)
    part = []
    for f in rows[start : start + size]:
        mine = np.isin(world.lines["sku"], list(f.prices)) & (world.lines["limited"] > 0)
        orders = world.lines["order"][mine]
        created, paid = world.orders["t_create"][orders], world.orders["t_pay"][orders]
        hit = (created >= f.start) & (created < f.end) & (paid <= world.now)
        part.append({
            "task_id": str(f.task_id), "product_id": str(world.product_id(f.product)), "status": f.status(world.now), "create_time": f.created, "start_time": f.start,
            "end_time": f.stopped or f.end, "title": f.title, "limit_purchase_num": f.limit,
            "limited_discount_skus": [{"sku_id": str(world.sku_id(s)), "sale_price": p, "sale_stock": f.stocks.get(s, 0),
                                       "remaining_stock": max(0, f.stocks.get(s, 0) - f.sold.get(s, 0))} for s, p in f.prices.items()],
            "discount_pay_gmv": int(world.lines["paid"][mine][hit].sum()), "discount_pay_uv": len(np.unique(world.orders["person"][orders[hit]])),
            "discount_pay_order_cnt": len(np.unique(orders[hit])),
        })  # fmt: skip
    return {
        "limited_discount_tasks": part,
        "next_key": str(start + size) if start + size < len(rows) else "",
        "total_num": len(rows),
    }


@route(API, f"{F}/stop", write=True)
def flash_stop(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ends a flash sale for good."""
    task = _task(emu, body)
    if task.status(emu.world.now) == 2:
        raise ApiError(10020051, "task is finished")
    task.stopped = int(emu.world.now)
    return {}


@route(API, f"{F}/delete", write=True)
def flash_delete(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Deletes a finished task."""
    task = _task(emu, body)
    if task.status(emu.world.now) != 2:
        raise ApiError(10020051, "task is not finished")
    task.deleted = True
    return {}


@route(API, "/channels/ec/product/activity/add", write=True)
def gift_activity_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Keeps a buy-gift activity (the simulated buyers do not react to it)."""
    given = body.get("gift_activity")
    fields = given if isinstance(given, dict) else body
    start, end = whole(fields, "start_time"), whole(fields, "end_time")
    if not 600 <= end - start <= 30 * 86400 or start > emu.world.now + 30 * 86400:
        raise ApiError(40097, "invalid args, activity runs 10 minutes to 30 days")
    listed(inner(fields, "detail"), "main_products", high=1000)
    number = str(88_000 + emu.world.number("activity"))
    emu.store.setdefault("activities", {})[number] = fields
    return {"activity_id": number}


@route(API, "/channels/ec/product/activity/stop", write=True)
def gift_activity_stop(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Stops a buy-gift activity."""
    if text(body, "activity_id") not in emu.store.get("activities", {}):
        raise ApiError(10020052, "activity not found")
    return {}


# --- members ----------------------------------------------------------------------------------------------------------------

V = "/channels/ec/vip"
GRADES = (0, 10_000, 30_000, 80_000, 200_000, 500_000)


def _member(emu: Emulator, person: int) -> dict[str, Any]:
    spent = int(emu.world.people["spent"][person])
    info: dict[str, Any] = {
        "openid": emu.world.openid(person),
        "user_grade_info": {"grade": sum(spent >= g for g in GRADES), "experience_value": spent // 100},
    }
    return {**info, "unionid": emu.world.unionid(person)} if emu.config.unionid else info


def _member_of(emu: Emulator, body: dict[str, Any]) -> int:
    person = emu.world.person_of(text(body, "openid"))
    if person is None or emu.world.people["t_member"][person] > emu.world.now:
        raise ApiError(10071003, "user is not a member")
    return person


@route(API, f"{V}/user/list/get")
def member_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Members with their grade, 200 a page."""
    rows = np.flatnonzero(emu.world.people["t_member"] <= emu.world.now)
    page, size = whole(body, "page_num", 1, low=1), whole(body, "page_size", 10, low=1, high=200)
    return {"list": [_member(emu, p) for p in rows[(page - 1) * size : page * size].tolist()], "total_num": len(rows)}


@route(API, f"{V}/user/info/get")
def member_info(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One member."""
    return {"info": _member(emu, _member_of(emu, body))}


def _flow(emu: Emulator, person: int) -> list[dict[str, Any]]:
    o = emu.world.orders
    rows = np.flatnonzero((o["person"] == person) & (o["t_done"] <= emu.world.now))
    return [{"score": str(int(o["price"][r]) // 100), "source": 1, "remark": "购物得积分"} for r in rows.tolist()]


@route(API, f"{V}/user/score/get")
def member_score(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A member's points."""
    return {"info": {"score": str(sum(int(f["score"]) for f in _flow(emu, _member_of(emu, body))))}}


@route(API, f"{V}/user/score/flowrecord/get")
def member_flow(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A member's points ledger."""
    rows = _flow(emu, _member_of(emu, body))
    page, size = whole(body, "page_num", 1, low=1), whole(body, "page_size", 10, low=1, high=200)
    return {"list": rows[(page - 1) * size : page * size], "total_num": len(rows)}


@route(API, f"{V}/v3/wxa/info/get")
def member_service(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The linked mini program's member service (none)."""
    return {"wxa_appid": "", "state": 0, "info": {}}
