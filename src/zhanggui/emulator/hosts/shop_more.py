"""微信小店, the rest: shop info and links, uploads, addresses, freight, brands, window, warehouses, league, WeCom attribution, customer service."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from zhanggui.emulator.catalogue import REGIONS, SHOP_NAME, STAFF, TALENTS
from zhanggui.emulator.hosts.orders import image
from zhanggui.emulator.protocol import API, ApiError, Call, inner, listed, route, text, whole

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

B = "/channels/ec"


@route(API, f"{B}/basics/info/get", method="GET")
def shop_info(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's name and state; the name says that it is a demonstration."""
    return {"info": {"nickname": SHOP_NAME, "headimg_url": image(0), "subject_type": "企业", "status": "open_finished", "username": emu.keys.shop_username,
                     "is_local_life": 0, "open_timestamp": int(emu.world.end_history) - emu.world.days * 86400}}  # fmt: skip


@route(API, f"{B}/basics/shop/h5url/get")
def shop_h5(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's H5 address."""
    return {"shop_h5url": f"https://store.weixin.qq.com/demo/shop?wecom={text(body, 'wecom_user_id', '')}"}


@route(API, f"{B}/basics/shop/taglink/get")
def shop_tag(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's 口令."""
    return {"shop_taglink": "#微信小店://知味小集演示"}


@route(API, f"{B}/basics/shop/qrcode/get")
def shop_qr(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's QR picture."""
    return {"shop_qrcode": "https://store.mp.video.tencent-cloud.com/demo/shopqr"}


def _upload(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    raw = body.get("_raw", b"")
    if not raw and not call.replay:
        raise ApiError(44002)
    if len(raw) > 10 * 1024 * 1024:
        raise ApiError(45002, "body too large")
    digest = hashlib.sha256(raw).hexdigest()[:24]
    if call.query.get("resp_type", "0") == "1":
        return {"pic_file": {"img_url": f"https://mmecimage.cn/p/demo/{digest}"}}
    return {"pic_file": {"media_id": f"demo{digest}", "pay_media_id": f"pay{digest}"}}


@route(API, "/shop/ec/basics/img/upload", raw=True)
def img_upload(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes a picture and gives its address or media id."""
    return _upload(emu, body, call)


@route(API, f"{B}/basics/img/upload", raw=True)
def img_upload_old(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The same at its older address."""
    return _upload(emu, body, call)


@route(API, f"{B}/basics/addresscode/get")
def address_code(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Provinces (level 1) or the cities of one."""
    code = whole(body, "addr_code", 0)
    provinces = list(dict.fromkeys(r[0] for r in REGIONS))
    if code == 0:
        return {
            "addrs_msg": {"name": "中国", "code": 0, "level": 0},
            "next_level_addrs": [{"name": p, "code": 110000 + i * 10000, "level": 1} for i, p in enumerate(provinces)],
        }
    at = (code - 110000) // 10000
    if not 0 <= at < len(provinces):
        raise ApiError(40097, "invalid args, addr_code")
    cities = [r[1] for r in REGIONS if r[0] == provinces[at]]
    return {
        "addrs_msg": {"name": provinces[at], "code": code, "level": 1},
        "next_level_addrs": [{"name": c, "code": code + 100 * (i + 1), "level": 2} for i, c in enumerate(cities)],
    }


def _shelf(emu: Emulator, name: str) -> dict[str, Any]:
    first: dict[str, dict[str, Any]] = {
        "address": {"1001": {"address_info": {"user_name": "仓库", "province_name": "浙江省", "city_name": "杭州市", "county_name": "余杭区", "detail_info": "演示路1号",
                                              "tel_number": "10000000001"}, "send_addr": 1, "default_send": 1, "recv_addr": 1, "default_recv": 1}},
        "freight": {"47422": {"name": "满59包邮（演示）", "valuation_type": "PIECE", "send_time": "SendTime_FOUTYEIGHT_HOUR", "delivery_type": "EXPRESS",
                              "shipping_method": "CONDITION_FREE", "is_default": True}},
        "warehouse": {},
    }  # fmt: skip
    shelf: dict[str, Any] = emu.store.setdefault(name, first[name])
    return shelf


@route(API, f"{B}/merchant/address/list")
def address_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of the shop's addresses."""
    start, size = whole(body, "offset", 0, low=0), whole(body, "limit", 20, low=1, high=100)
    return {"address_id_list": list(_shelf(emu, "address"))[start : start + size]}


@route(API, f"{B}/merchant/address/get")
def address_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One address of the shop."""
    number = text(body, "address_id")
    if number not in _shelf(emu, "address"):
        raise ApiError(40097, "invalid args, address_id")
    return {"address_detail": {"address_id": number, **_shelf(emu, "address")[number]}}


@route(API, f"{B}/merchant/address/add", write=True)
def address_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Adds an address of the shop."""
    number = str(1001 + emu.world.number("address"))
    _shelf(emu, "address")[number] = inner(body, "address_detail")
    return {"address_id": number}


@route(API, f"{B}/merchant/getfreighttemplatelist")
def freight_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of freight templates."""
    return {"template_id_list": list(_shelf(emu, "freight"))}


@route(API, f"{B}/merchant/getfreighttemplatedetail")
def freight_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One freight template."""
    number = text(body, "template_id")
    if number not in _shelf(emu, "freight"):
        raise ApiError(40097, "invalid args, template_id")
    return {"freight_template": {"template_id": number, **_shelf(emu, "freight")[number]}}


@route(API, f"{B}/brand/all")
def brand_all(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Brands of the platform (only the empty one here)."""
    return {"brands": [{"brand_id": "2100000000", "ch_name": "无品牌", "en_name": ""}], "next_key": "", "continue_flag": False}


@route(API, f"{B}/brand/valid/list/get")
def brand_valid(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's brands."""
    return {"brands": [], "total_num": 0, "next_key": ""}


@route(API, f"{B}/brand/list/get")
def brand_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop's brands of a status."""
    return {"brands": [], "total_num": 0, "next_key": ""}


@route(API, f"{B}/store/window/product/list/get")
def window_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Products in the shop window."""
    size, at = whole(body, "page_size", 10, low=1, high=50), whole(body, "next_key", 0, low=0)
    rows = [p for p in emu.world.products if p.status == 5]
    part = [
        {"product_id": str(emu.world.product_id(p.index)), "is_set_hide": 0, "is_set_top": int(p.index == 0)}
        for p in rows[at : at + size]
    ]
    return {"products": part, "total_num": len(rows), "next_key": str(at + size) if at + size < len(rows) else ""}


@route(API, f"{B}/store/classification/tree/get")
def tree_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The shop page's classification tree."""
    return {"resp": emu.store.get("tree", {"version": 1, "tree": {"level_1": []}})}


@route(API, f"{B}/store/classification/tree/set", write=True)
def tree_set(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Replaces the classification tree if the version is the present one."""
    req = inner(body, "req")
    now = emu.store.get("tree", {"version": 1})["version"]
    if whole(req, "version") != now:
        raise ApiError(40097, "invalid args, version changed")
    emu.store["tree"] = {"version": now + 1, "tree": inner(req, "tree")}
    return {"resp": {"version": now + 1, "audit_results": []}}


@route(API, f"{B}/warehouse/list/get")
def warehouse_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Regional warehouses."""
    return {"data": {"out_warehouse_ids": list(_shelf(emu, "warehouse")), "next_key": ""}}


@route(API, f"{B}/warehouse/create", write=True)
def warehouse_create(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Adds a regional warehouse (it holds no stock in the market)."""
    _shelf(emu, "warehouse")[text(body, "out_warehouse_id")] = {"name": text(body, "name"), "intro": text(body, "intro", "")}
    return {}


@route(API, f"{B}/warehouse/get")
def warehouse_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One regional warehouse."""
    number = text(body, "out_warehouse_id")
    if number not in _shelf(emu, "warehouse"):
        raise ApiError(40097, "invalid args, out_warehouse_id")
    return {"data": {"out_warehouse_id": number, **_shelf(emu, "warehouse")[number], "cover_locations": []}}


@route(API, f"{B}/wecom/get_wecom_id")
def wecom_id(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The ids with which a WeCom member's links are marked."""
    if text(body, "corp_id") != emu.keys.corp_id:
        raise ApiError(914910001, "corp is not related to this shop")
    user = text(body, "user_id", "")
    if user and user not in dict(STAFF):
        raise ApiError(914911001, "user not found")
    return {"data": {"wecom_corp_id": f"wcorp{emu.keys.corp_id[-6:]}", "wecom_user_id": f"wuser{user}" if user else ""}}


@route(API, f"{B}/cooperation/list")
def cooperation_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Cooperating accounts; times are milliseconds."""
    rows = [
        (emu.keys.official_username, "知味小集公众号（演示）", 2),
        (emu.keys.mini_appid, "知味小集小程序（演示）", 3),
        (emu.keys.corp_id, "知味小集（演示企业）", 4),
    ]
    kind = body.get("sharer_type")
    return {"data_list": [{"sharer_id": i, "sharer_name": n, "sharer_type": k, "status": 1, "bind_time": (int(emu.world.end_history) - 500 * 86400) * 1000}
                          for i, n, k in rows if kind is None or whole(body, "sharer_type") == k]}  # fmt: skip


L = f"{B}/league"


@route(API, f"{L}/item/list/get")
def league_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Products in the league."""
    items: dict[str, Any] = emu.store.setdefault(
        "league", {str(emu.world.product_id(p.index)): 15 for p in emu.world.products[:12]}
    )
    page, size = whole(body, "page_index", 1, low=1), whole(body, "page_size", 20, low=1, high=100)
    rows = list(items)[(page - 1) * size : page * size]
    return {
        "items": [{"product_id": i} for i in rows],
        "has_more": page * size < len(items),
        "last_buffer": "",
        "total_num": len(items),
    }


@route(API, f"{L}/item/get")
def league_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One product's league plan."""
    items: dict[str, Any] = emu.store.setdefault(
        "league", {str(emu.world.product_id(p.index)): 15 for p in emu.world.products[:12]}
    )
    number = text(body, "product_id")
    if number not in items:
        raise ApiError(10023009, "item not found")
    return {
        "item": {
            "type": 1,
            "product_id": number,
            "ratio": items[number],
            "status": 1,
            "ext_info": {"is_sale_forbidden": False, "is_banned": False},
        }
    }


@route(API, f"{L}/item/batchadd", write=True)
def league_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Puts up to 20 products into the league at a commission of 0–90 %."""
    items: dict[str, Any] = emu.store.setdefault(
        "league", {str(emu.world.product_id(p.index)): 15 for p in emu.world.products[:12]}
    )
    result = []
    for row in listed(body, "list", high=20):
        number, ratio = text(row, "product_id"), whole(row, "ratio")
        if not 0 <= ratio <= 90:
            result.append({"errcode": 10023010, "errmsg": "ratio out of range", "product_id": number})
        elif emu.world.product_row(number) is None:
            result.append({"errcode": 10020052, "errmsg": "product not found", "product_id": number})
        else:
            items[number] = ratio
            result.append({"errcode": 0, "errmsg": "ok", "product_id": number})
    return {"result_info_list": result}


@route(API, f"{L}/item/upd", write=True)
def league_upd(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Changes a product's commission."""
    items: dict[str, Any] = emu.store.setdefault(
        "league", {str(emu.world.product_id(p.index)): 15 for p in emu.world.products[:12]}
    )
    number = text(body, "product_id")
    if number not in items:
        raise ApiError(10023009, "item not found")
    items[number] = whole(body, "ratio", items[number], low=0, high=90)
    return {}


@route(API, f"{L}/promoter/list/get")
def league_promoters(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Talents the shop works with."""
    return {"finder_ids": [t[0] for t in TALENTS], "total_num": len(TALENTS)}


@route(API, f"{L}/promoter/get")
def league_promoter(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One talent with what they sold."""
    number = text(body, "finder_id")
    at = next((i for i, t in enumerate(TALENTS) if t[0] == number), None)
    if at is None:
        raise ApiError(10023011, "promoter not found")
    o = emu.world.orders
    mine = (o["talent"] == at) & (o["t_pay"] <= emu.world.now)
    return {"promoter": {"finder_id": number, "status": 2, "invite_time": int(emu.world.end_history) - 400 * 86400, "sale_product_number": int(mine.sum()),
                         "sale_gmv": int(o["price"][mine].sum())}}  # fmt: skip


@route(API, f"{B}/commkf/sendmsg", write=True)
def kf_send(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Answers a buyer; the same request_id is sent once."""
    if emu.world.person_of(text(body, "open_id")) is None:
        raise ApiError(40003, "invalid openid")
    kind = text(body, "msg_type")
    if kind not in ("text", "image", "video", "file", "product_share", "order_share") or not isinstance(body.get(kind), dict):
        raise ApiError(40097, "invalid args, msg_type")
    sent: dict[str, str] = emu.store.setdefault("kf", {})
    key = text(body, "request_id", f"auto{emu.world.number('kf')}")
    sent.setdefault(key, f"kfmsg{len(sent) + 1:08d}")
    return {"msg_id": sent[key]}


@route(API, f"{B}/commkf/cosupload", raw=True)
def kf_upload(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes a file for a message."""
    return {"cos_url": f"https://cos.demo/{hashlib.sha256(body.get('_raw', b'')).hexdigest()[:16]}"}
