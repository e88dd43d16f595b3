"""微信小店 products: list, read, draft and audit, prices and stock without audit, stock flow, categories, links."""

from __future__ import annotations

import time as _time
from typing import TYPE_CHECKING, Any

import numpy as np

from zhanggui.emulator.catalogue import CATEGORIES, CATEGORY_KEYS
from zhanggui.emulator.events import shop_event
from zhanggui.emulator.hosts.orders import image, page_of
from zhanggui.emulator.market.words import EAST8, Product, day_number
from zhanggui.emulator.protocol import API, ApiError, Call, listed, route, text, whole
from zhanggui.emulator.shopworld import World

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

P = "/channels/ec/product"
SYSTEM_OPENID = "oDmSYSTEM0000000000000000000"
FORBIDDEN = ("最佳", "第一", "国家级", "最高级", "顶级", "包治")
AUDIT_SECONDS = 600


def stamp(at: float) -> str:
    """A moment as product pages write it: YYYY-MM-DD HH:MM:SS, China time."""
    return _time.strftime("%Y-%m-%d %H:%M:%S", _time.gmtime(at + EAST8))


def need_product(emu: Emulator, body: dict[str, Any], name: str = "product_id") -> Product:
    """The product named in the body. Raises 10020052."""
    row = emu.world.product_row(text(body, name))
    if row is None or emu.world.products[row].status == 9:
        raise ApiError(10020052, "product not found")
    return emu.world.products[row]


def need_sku(emu: Emulator, body: dict[str, Any], product: Product) -> int:
    """The SKU row named in the body, which must belong to the product."""
    row = emu.world.sku_row(text(body, "sku_id"))
    if row is None or row not in emu.world.product_skus[product.index]:
        raise ApiError(10020051, "sku_id not in product")
    return row


def on_flash(world: World, product: int) -> bool:
    """Whether an unfinished flash sale holds the product."""
    return any(f.product == product and not f.deleted and f.status(world.now) < 2 for f in world.flash)


def product_object(world: World, p: Product) -> dict[str, Any]:
    """A product as product/get gives it."""
    skus: list[dict[str, Any]] = []
    for row in world.product_skus[p.index]:
        if world.skus["status"][row] == 6:
            continue
        number = world.sku_id(row)
        skus.append({
            "sku_id": number if p.index % 3 == 0 else str(number), "out_sku_id": "", "thumb_img": image(p.index, 1), "sale_price": int(world.skus["price"][row]),
            "market_price": int(world.skus["market"][row]), "stock_num": int(world.skus["stock"][row]), "sku_code": world.sku_codes[row], "bar_code": "",
            "sku_attrs": [{"attr_key": "规格", "attr_value": world.sku_names[row]}], "status": 5 if world.skus["status"][row] == 5 else 0,
            "sku_deliver_info": {"stock_type": 0, "full_payment_presale_delivery_type": 0},
        })  # fmt: skip
    cat = CATEGORIES[p.category][0]
    number = world.product_id(p.index)
    return {
        "product_id": number if p.index % 3 == 0 else str(number), "out_product_id": "", "title": p.title, "short_title": p.title.split()[0],
        "head_imgs": [image(p.index, i) for i in range(4)], "desc_info": {"imgs": [image(p.index, 9)], "desc": f"演示数据：{p.title}"},
        "cats": [{"cat_id": "1000"}, {"cat_id": "1400"}, {"cat_id": str(cat)}], "cats_v2": [{"cat_id": "1400"}, {"cat_id": str(cat)}],
        "attrs": [{"attr_key": "产地", "attr_value": "浙江杭州"}, {"attr_key": "保质期", "attr_value": "90 天"}], "spu_code": f"ZW{p.index + 1:03d}",
        "brand_id": "2100000000", "deliver_method": 0, "express_info": {"template_id": "47422", "weight": 500}, "status": p.status, "edit_status": p.edit_status,
        "min_price": min((s["sale_price"] for s in skus), default=0), "skus": skus, "limited_info": p.extra.get("limited_info", {"period_type": 0, "limited_buy_num": 0}),
        "extra_service": {"seven_day_return": 0, "pay_after_use": 0, "freight_insurance": 1, "damage_guarantee": 1}, "product_type": 1, "edit_time": int(p.edited),
        "total_sold_num": int(world.skus["sold"][world.product_skus[p.index]].sum()), "after_sale_info": {"after_sale_address_id": 1001}, "release_mode": 0,
    }  # fmt: skip


@route(API, f"{P}/list/get")
def product_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Product ids, 30 a page at most; no has_more, the last page has an empty next_key."""
    world = emu.world
    size = whole(body, "page_size", 10, low=1, high=30)
    status = body.get("status")
    wanted = None if status is None else whole(body, "status")
    rows = [
        p.index
        for p in world.products
        if p.status != 9 and (wanted is None or p.status == wanted or (wanted == 11 and p.status in (11, 13, 14, 15, 20)))
    ]
    ids, key, _ = page_of(
        emu, f"products:{wanted}:{size}", text(body, "next_key", ""), size, lambda: [str(world.product_id(r)) for r in rows]
    )
    return {"product_ids": ids, "next_key": key, "total_num": len(rows)}


@route(API, f"{P}/get")
def product_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The online copy, the draft, or both."""
    p = need_product(emu, body)
    kind = whole(body, "data_type", 1, low=1, high=3)
    online = product_object(emu.world, p)
    answer: dict[str, Any] = {"sale_limit_info": {"is_limited": 0}}
    if kind in (1, 3) and p.status != 0:
        answer["product"] = online
    if kind in (2, 3):
        draft = {k: v for k, v in (p.draft or {}).items() if k not in ("product_id", "listing")}
        answer["edit_product"] = {**online, **draft, "edit_status": p.edit_status}
    if "product" not in answer and "edit_product" not in answer:
        answer["edit_product"] = online
    return answer


def _spend_write(emu: Emulator, call: Call) -> None:
    """Adding and changing share 200 an hour and 1000 a day."""
    if call.replay:
        return
    now = emu.clock.service()
    log: list[float] = emu.store.setdefault("product_writes", [])
    log[:] = [t for t in log if now - t < 86400]
    if sum(1 for t in log if now - t < 3600) >= 200 or len(log) >= 1000:
        raise ApiError(45009)
    log.append(now)


def _check_body(body: dict[str, Any]) -> None:
    title = text(body, "title")
    if len(title) > 60 or not any(ord(c) > 0x2E80 for c in title):
        raise ApiError(10020051, "title is not valid")
    heads = listed(body, "head_imgs", high=9, low=3)
    if not all(str(h).startswith("https://mmecimage.cn/p/") for h in heads):
        raise ApiError(10020051, "head_imgs must be uploaded first")
    for sku in listed(body, "skus", high=500):
        if not 0 < whole(sku, "sale_price") <= 1_000_000_000:
            raise ApiError(10020051, "sale_price out of range")


def _submit(emu: Emulator, p: Product) -> None:
    """Hands the draft to the audit; a decision comes after ten minutes."""
    p.edit_status = 2
    world = emu.world

    def judge() -> None:
        if p.edit_status != 2:
            return
        draft = p.draft or {}
        bad = [w for w in FORBIDDEN if w in str(draft.get("title", p.title))]
        if bad:
            p.edit_status = 3
            emu.announce("shop", shop_event(emu, world.now, "product_spu_audit", SYSTEM_OPENID, ProductSpuAudit={
                "product_id": str(world.product_id(p.index)), "status": 2, "reason": f"标题含有违禁词：{bad[0]}", "product_type": 1}))  # fmt: skip
            return
        _publish(world, p, draft)
        emu.announce(
            "shop",
            shop_event(
                emu,
                world.now,
                "product_spu_audit",
                SYSTEM_OPENID,
                ProductSpuAudit={"product_id": str(world.product_id(p.index)), "status": 3, "product_type": 1},
            ),
        )
        emu.announce(
            "shop",
            shop_event(
                emu,
                world.now,
                "product_spu_listing",
                SYSTEM_OPENID,
                ProductSpuListing={"product_id": world.product_id(p.index), "status": 5},
            ),
        )

    world.later(world.now + AUDIT_SECONDS, judge)


def _publish(world: World, p: Product, draft: dict[str, Any]) -> None:
    p.edit_status, p.status = 4, 5
    if not draft:
        return
    p.title = str(draft.get("title", p.title))
    named = {world.sku_row(s.get("sku_id")) for s in draft.get("skus", [])}
    for row in world.product_skus[p.index]:
        if row not in named and draft.get("skus"):
            world.skus["status"][row] = 6
    for s in draft.get("skus", []):
        named_row = world.sku_row(s.get("sku_id"))
        price = whole(s, "sale_price")
        row = -1 if named_row is None else named_row
        if row not in world.product_skus[p.index]:
            names = "·".join(str(a.get("attr_value", "")) for a in s.get("sku_attrs", [])) or "默认"
            row = world.add_sku(p.index, names, price, price * 45 // 100, whole(s, "stock_num", 0))
        else:
            if int(world.skus["price"][row]) != price:
                world.set_price(row, price, world.now)
            if s.get("stock_num") is not None:
                world.move_stock(row, whole(s, "stock_num") - int(world.skus["stock"][row]), 3, world.now)
        world.skus["market"][row] = whole(s, "market_price", price)
        world.skus["status"][row] = 5
    p.draft = None


@route(API, f"{P}/add", write=True)
def product_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Writes a new draft; listing=1 submits it at once."""
    _check_body(body)
    _spend_write(emu, call)
    world = emu.world
    cats = body.get("cats_v2") or body.get("cats") or [{}]
    found = next((k for k, (i, _) in CATEGORIES.items() if str(i) == str(cats[-1].get("cat_id"))), CATEGORY_KEYS[0])
    p = world.add_product(text(body, "title"), found, (), at=int(world.now))
    p.status, p.edit_status, p.draft = 0, 1, body
    for s in body["skus"]:
        names = "·".join(str(a.get("attr_value", "")) for a in s.get("sku_attrs", [])) or "默认"
        row = world.add_sku(p.index, names, whole(s, "sale_price"), whole(s, "sale_price") * 45 // 100, whole(s, "stock_num", 0))
        world.skus["market"][row] = whole(s, "market_price", whole(s, "sale_price"))
        s["sku_id"] = str(world.sku_id(row))
    if whole(body, "listing", 0) == 1:
        _submit(emu, p)
    return {"data": {"product_id": str(world.product_id(p.index)), "create_time": stamp(world.now)}}


@route(API, f"{P}/update", write=True)
def product_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Replaces the draft; SKUs left out will be deleted when it passes."""
    p = need_product(emu, body)
    if p.edit_status == 2:
        raise ApiError(10020049, "product is under review")
    if on_flash(emu.world, p.index):
        raise ApiError(10020014, "product in limited discount, sku cannot be changed")
    _check_body(body)
    _spend_write(emu, call)
    p.draft, p.edit_status, p.edited = body, 1, int(emu.world.now)
    if whole(body, "listing", 0) == 1:
        _submit(emu, p)
    return {"data": {"product_id": str(emu.world.product_id(p.index)), "update_time": stamp(emu.world.now)}}


@route(API, f"{P}/listing", write=True)
def product_listing(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Submits the draft, or puts a delisted product back on sale."""
    p = need_product(emu, body)
    if p.edit_status == 2:
        raise ApiError(10020049, "product is under review")
    if p.draft is None and p.status == 11:
        p.status = 5
        emu.announce(
            "shop",
            shop_event(
                emu,
                emu.world.now,
                "product_spu_listing",
                SYSTEM_OPENID,
                ProductSpuListing={"product_id": str(emu.world.product_id(p.index)), "status": 5},
            ),
        )
    elif p.draft is not None:
        _submit(emu, p)
    return {}


@route(API, f"{P}/delisting", write=True)
def product_delisting(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes a product off sale."""
    p = need_product(emu, body)
    if p.status != 5:
        raise ApiError(10020065, "product is not listed")
    p.status = 11
    emu.announce(
        "shop",
        shop_event(
            emu,
            emu.world.now,
            "product_spu_listing",
            SYSTEM_OPENID,
            ProductSpuListing={"product_id": str(emu.world.product_id(p.index)), "status": 11},
        ),
    )
    return {}


@route(API, f"{P}/audit/cancel", write=True)
def audit_cancel(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes a draft back from the audit."""
    p = need_product(emu, body)
    if p.edit_status != 2:
        raise ApiError(10020051, "product is not under review")
    p.edit_status = 1
    return {}


@route(API, f"{P}/delete", write=True)
def product_delete(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Moves a product to the recycle bin."""
    p = need_product(emu, body)
    if p.edit_status == 2:
        raise ApiError(10020049, "product is under review")
    p.status = 6
    return {}


@route(API, f"{P}/auditfree", write=True)
def product_auditfree(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Changes prices, stock and purchase limits without an audit; buyers answer to the new price from the next hour on."""
    world, p = emu.world, need_product(emu, body)
    if p.status not in (5, 11):
        raise ApiError(10020065, "product never listed")
    plan = []
    for s in body.get("skus") or []:
        row = need_sku(emu, s, p)
        price = whole(s, "sale_price", int(world.skus["price"][row]), low=1, high=1_000_000_000)
        if price != int(world.skus["price"][row]) and on_flash(world, p.index):
            raise ApiError(10020014, "product in limited discount, sku cannot be changed")
        stock = s.get("stock_info")
        change = _stock_change(world, row, stock) if isinstance(stock, dict) else None
        plan.append((row, price, change, whole(s, "is_delete", 0), s.get("sku_code")))
    for row, price, change, gone, code in plan:
        if price != int(world.skus["price"][row]):
            world.set_price(row, price, world.now)
        if change is not None:
            world.move_stock(row, change[0], change[1], world.now)
        if gone:
            world.skus["status"][row] = 6
        if code:
            world.sku_codes[row] = str(code)
    if isinstance(body.get("limited_info"), dict):
        p.extra["limited_info"] = body["limited_info"]
    p.edited = int(world.now)
    emu.announce(
        "shop",
        shop_event(
            emu,
            world.now,
            "product_spu_update",
            SYSTEM_OPENID,
            ProductSpuUpdate={"product_id": str(world.product_id(p.index)), "status": p.status},
        ),
    )
    return {}


def _stock_change(world: World, row: int, body: dict[str, Any]) -> tuple[int, int]:
    kind, num = whole(body, "diff_type", low=1, high=3), whole(body, "num", low=0)
    stock = int(world.skus["stock"][row])
    if kind == 2 and num > stock:
        raise ApiError(10020051, "stock not enough")
    return ({1: num, 2: -num, 3: num - stock}[kind], kind)


@route(API, f"{P}/stock/update", write=True)
def stock_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Adds, takes or sets stock, at once."""
    p = need_product(emu, body)
    if p.edit_status == 2:
        raise ApiError(10020049, "product is under review")
    row = need_sku(emu, body, p)
    change, kind = _stock_change(emu.world, row, body)
    emu.world.move_stock(row, change, kind, emu.world.now)
    return {}


def _stock(emu: Emulator, row: int) -> dict[str, Any]:
    held = sum(
        f.stocks.get(row, 0) - f.sold.get(row, 0) for f in emu.world.flash if not f.deleted and f.status(emu.world.now) < 2
    )
    stock = int(emu.world.skus["stock"][row])
    held = min(max(held, 0), stock)
    return {
        "normal_stock_num": stock - held,
        "limited_discount_stock_num": held,
        "warehouse_stocks": [],
        "total_stock_num": stock,
    }


@route(API, f"{P}/stock/get")
def stock_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Stock of one SKU."""
    return {"data": _stock(emu, need_sku(emu, body, need_product(emu, body)))}


@route(API, f"{P}/stock/batchget")
def stock_batchget(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Stock of all SKUs of up to 50 products."""
    rows = []
    for product_id in listed(body, "product_id", high=50):
        p = need_product(emu, {"product_id": product_id})
        rows.append({"product_id": str(product_id), "sku_stock": [{"sku_id": str(emu.world.sku_id(r)), **_stock(emu, r)} for r in emu.world.product_skus[p.index]
                                                                  if emu.world.skus["status"][r] != 6]})  # fmt: skip
    return {"data": {"spu_stock_list": rows}}


@route(API, f"{P}/stock/getflow")
def stock_flow(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """What moved a SKU's stock: sales, restocking and writes, newest last, at most 180 days back."""
    world = emu.world
    sku = need_sku(emu, body, need_product(emu, body))
    begin, end = whole(body, "begin_time"), whole(body, "end_time")
    if begin < world.now - 181 * 86400 or end < begin:
        raise ApiError(40097, "invalid args, time range over 180 days back")
    mine = world.lines["sku"] == sku
    orders = world.lines["order"][mine]
    paid = world.orders["t_pay"][orders]
    moves = [
        (t, -n, 4, o)
        for t, n, o in zip(paid.tolist(), world.lines["count"][mine].tolist(), orders.tolist(), strict=True)
        if t <= world.now
    ]
    moves += [(float(t), n, kind, -1) for t, s, n, kind in world.stock_moves if s == sku and t <= world.now]
    moves.sort()
    level = int(world.skus["stock"][sku]) - sum(m[1] for m in moves)
    flow = []
    for t, n, kind, order in moves:
        if begin <= t <= end:
            extra = {"order_id": str(world.order_id(order))} if order >= 0 else {"upload_source": 1}
            flow.append({"amount": abs(n), "beginning_amount": max(level, 0), "ending_amount": max(level + n, 0), "stock_sub_type": 1, "op_type": kind, "update_time": int(t),
                         "ext_info": extra})  # fmt: skip
        level += n
    size = whole(body, "page_size", 10, low=1, high=200)
    start = whole(body, "next_key", 0)
    return {
        "data": {
            "stock_flow_info_list": flow[start : start + size],
            "next_key": str(start + size) if start + size < len(flow) else "",
        }
    }


@route(API, f"{P}/getauditquota")
def audit_quota(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """How many audits are left."""
    used = sum(1 for p in emu.world.products if p.edited and day_number(p.edited) == day_number(emu.world.now))
    return {
        "audit_quota": {
            "block_status": 0,
            "avail_quota": max(0, 1000 - used),
            "total_quota": 1000,
            "audit_total_quota": 1000,
            "audit_total_remaining": max(0, 1000 - used),
        }
    }


@route(API, f"{P}/auditstrategy/get")
def strategy_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Audit switches."""
    return {
        "audit_strategy": emu.store.get(
            "audit_strategy", {"hide_err_field_flag": 2, "hit_duplicated_flag": 2, "hit_low_risk_rule_flag": 2}
        )
    }


@route(API, f"{P}/auditstrategy/set", write=True)
def strategy_set(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Sets audit switches."""
    emu.store["audit_strategy"] = body.get("audit_strategy") or {}
    return {}


def _link(emu: Emulator, body: dict[str, Any]) -> str:
    p = need_product(emu, body)
    if p.status != 5:
        raise ApiError(10020065, "product is not listed")
    who = f"&wecom={text(body, 'wecom_user_id', '')}" if body.get("wecom_user_id") else ""
    return f"id={emu.world.product_id(p.index)}{who}"


@route(API, f"{P}/h5url/get")
def h5url(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A product's H5 address, attributed to a WeCom member when given."""
    return {"product_h5url": f"https://store.weixin.qq.com/demo/product?{_link(emu, body)}"}


@route(API, f"{P}/taglink/get")
def taglink(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A product's 口令."""
    return {"product_taglink": f"#微信小店://知味小集演示/{_link(emu, body)}"}


@route(API, f"{P}/qrcode/get")
def qrcode(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A product's QR picture address."""
    return {"product_qrcode": f"https://store.mp.video.tencent-cloud.com/demo/qr?{_link(emu, body)}"}


@route(API, f"{P}/scheme/get")
def scheme(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A link that opens the product from outside WeChat."""
    return {"openlink": f"weixin://dl/business/?t=demo&{_link(emu, body)}"}


@route(API, "/shop/ec/category/all", method="GET")
def category_all(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The category tree (the shop's part of it)."""
    top = {"cat": {"cat_id": "1400", "name": "食品饮料", "f_cat_id": "0", "level": 1, "leaf": False}}
    below = [
        {"cat": {"cat_id": str(i), "name": n, "f_cat_id": "1400", "level": 2, "leaf": True}, "product_qua_list": []}
        for i, n in CATEGORIES.values()
    ]
    return {"cats": [{"cat_and_qua": [top, c]} for c in below], "cats_v2": [{"cat_and_qua": [top, c]} for c in below]}


@route(API, "/channels/ec/category/all", method="GET")
def category_all_old(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The category tree at its older address."""
    return category_all(emu, body, call)


@route(API, "/channels/ec/category/availablesoncategories/get")
def category_children(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Categories below one."""
    parent = text(body, "f_cat_id", "0")
    rows = [{"cat_id": "1400", "name": "食品饮料", "f_cat_id": "0", "leaf": False}] if parent == "0" else [
        {"cat_id": str(i), "name": n, "f_cat_id": "1400", "leaf": True} for i, n in CATEGORIES.values() if parent == "1400"]  # fmt: skip
    return {"cat_list": rows, "cat_list_v2": rows}


@route(API, "/channels/ec/category/detail")
def category_detail(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Rules of one category: fee, required attributes, presale, coupon limits."""
    cat = text(body, "cat_id")
    name = next((n for i, n in CATEGORIES.values() if str(i) == cat), None)
    if name is None:
        raise ApiError(10020051, "cat_id not found")
    return {"info": {"cat_id": cat, "name": name}, "attr": {
        "pre_sale": True, "seven_day_return": 0, "transactionfee_info": {"basis_point": 60}, "coupon_rule": {"discount_ratio_limit": 20, "discount_limit": 20000},
        "floor_price": 1, "deposit": 0, "product_attr_list": [{"name": "产地", "type": "string", "value": "", "is_required": True}],
        "sale_attr_list": [{"name": "规格", "type": "string", "value": "", "is_required": False}]}, "product_qua_list": []}  # fmt: skip


@route(API, "/channels/ec/category/list/get", method="GET")
def category_granted(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Categories the shop may sell."""
    return {"list": [{"cat_id": str(i), "qua_id": "0"} for i, _ in CATEGORIES.values()]}


def sold_since(world: World, product: int, since: float) -> int:
    """Units of a product paid since a moment."""
    mine = np.isin(world.lines["sku"], world.product_skus[product])
    paid = world.orders["t_pay"][world.lines["order"][mine]]
    return int(world.lines["count"][mine][(paid >= since) & (paid <= world.now)].sum())
