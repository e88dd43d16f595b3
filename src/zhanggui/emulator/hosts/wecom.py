"""企业微信: staff and contacts, tags, contact ways, groups and their figures, broadcasts and moments that staff must confirm."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from zhanggui.emulator.catalogue import STAFF
from zhanggui.emulator.events import contact_state
from zhanggui.emulator.hosts.orders import person_name, phone
from zhanggui.emulator.market.words import DAY, Broadcast, Moment, date_of, day_begin, day_number
from zhanggui.emulator.protocol import QYAPI, ApiError, Call, Handler, listed, text, whole
from zhanggui.emulator.protocol import route as _route
from zhanggui.emulator.shopworld import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from zhanggui.emulator.engine import Emulator

X = "/cgi-bin/externalcontact"
STAFF_ROW = {s[0]: i for i, s in enumerate(STAFF)}


def route(path: str, *, method: str = "POST", write: bool = False, raw: bool = False) -> Callable[[Handler], Handler]:
    """A WeCom endpoint."""
    return _route(QYAPI, path, method=method, account="wecom", write=write, raw=raw)


@_route(QYAPI, "/cgi-bin/gettoken", method="GET", account="")
def gettoken(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The app's token; the same one while it is valid."""
    if call.query.get("corpid") != emu.keys.corp_id:
        raise ApiError(40013, "invalid corpid")
    if call.query.get("corpsecret") != emu.keys.corp_secret:
        raise ApiError(40001, "invalid credential")
    now = emu.clock.service()
    token = emu.tokens.same("wecom", now)
    return {"access_token": token.value, "expires_in": int(token.expires - now)}


def _person(emu: Emulator, external: Any) -> int:
    person = emu.world.person_of(external, "wmD")
    if person is None or emu.world.people["t_contact"][person] > emu.world.now:
        raise ApiError(40096, "invalid external_userid")
    return person


def _staff(name: Any) -> int:
    if name not in STAFF_ROW:
        raise ApiError(60111, "userid not found")
    return STAFF_ROW[str(name)]


def _contacts(world: World, staff: int) -> np.ndarray[Any, Any]:
    p = world.people
    return np.flatnonzero((p["t_contact"] <= world.now) & (p["t_lost_contact"] > world.now) & (p["staff"] == staff))


def _marks(emu: Emulator) -> dict[int, list[str]]:
    marks: dict[int, list[str]] = emu.store.setdefault("marks", {})
    return marks


def _contact(emu: Emulator, person: int) -> dict[str, Any]:
    found: dict[str, Any] = {"external_userid": emu.world.external(person), "name": person_name(emu.world, person), "type": 1, "gender": (2, 2, 1, 0)[person % 4],
                             "avatar": f"https://wx.qlogo.cn/demo/{person}"}  # fmt: skip
    if emu.config.unionid:
        found["unionid"] = emu.world.unionid(person)
    return found


def _follow(emu: Emulator, person: int) -> dict[str, Any]:
    p = emu.world.people
    note = emu.store.get("remarks", {}).get(person, {})
    return {"userid": STAFF[int(p["staff"][person])][0], "remark": note.get("remark", ""), "description": note.get("description", ""), "createtime": int(p["t_contact"][person]),
            "remark_corp_name": "", "remark_mobiles": [phone(person)] if person % 9 == 0 else [], "oper_userid": emu.world.external(person), "add_way": 1 if person % 3 else 4,
            "state": contact_state(emu, person)}  # fmt: skip


@route(f"{X}/get_follow_user_list", method="GET")
def follow_users(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Staff with the customer-contact function."""
    return {"follow_user": [s[0] for s in STAFF]}


@route(f"{X}/list", method="GET")
def contact_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One staff member's contacts."""
    rows = _contacts(emu.world, _staff(call.query.get("userid")))
    if not len(rows):
        raise ApiError(84061, "not external contact")
    return {"external_userid": [emu.world.external(p) for p in rows.tolist()]}


@route(f"{X}/get", method="GET")
def contact_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One contact with the staff who follow them."""
    person = _person(emu, call.query.get("external_userid"))
    tags = [
        {"group_name": g["group_name"], "tag_name": t["name"], "tag_id": t["id"], "type": 1}
        for g in _tags(emu)
        for t in g["tag"]
        if t["id"] in _marks(emu).get(person, [])
    ]
    active = emu.world.people["t_lost_contact"][person] > emu.world.now
    return {
        "external_contact": _contact(emu, person),
        "follow_user": [{**_follow(emu, person), "tags": tags}] if active else [],
        "next_cursor": "",
    }


@route(f"{X}/batch/get_by_user")
def contact_batch(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Contacts of up to 100 staff with details; here tags are ids only."""
    rows: list[int] = []
    for user in listed(body, "userid_list", high=100):
        rows += _contacts(emu.world, _staff(user)).tolist()
    size, at = whole(body, "limit", 50, low=1, high=100), _cursor(body)
    part = [
        {"external_contact": _contact(emu, p), "follow_info": {**_follow(emu, p), "tag_id": _marks(emu).get(p, [])}}
        for p in rows[at : at + size]
    ]
    return {"external_contact_list": part, "next_cursor": _next(at + size, len(rows))}


def _cursor(body: dict[str, Any]) -> int:
    raw = text(body, "cursor", "")
    if raw and not raw.startswith("CUR"):
        raise ApiError(40097, "invalid cursor")
    return int(raw[3:] or 0) if raw else 0


def _next(at: int, total: int) -> str:
    return f"CUR{at}" if at < total else ""


@route(f"{X}/remark", write=True)
def remark(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Changes a staff member's notes on a contact."""
    _staff(text(body, "userid"))
    person = _person(emu, text(body, "external_userid"))
    note = {k: str(body[k]) for k in ("remark", "description", "remark_company") if body.get(k) is not None}
    if not note and not body.get("remark_mobiles"):
        raise ApiError(40097, "nothing to change")
    if len(note.get("remark", "")) > 20 or len(note.get("description", "")) > 150:
        raise ApiError(40058, "remark too long")
    emu.store.setdefault("remarks", {}).setdefault(person, {}).update(note)
    return {}


@route("/cgi-bin/idconvert/unionid_to_external_userid")
def unionid_to_external(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A contact's id from unionid."""
    person = emu.world.person_of(text(body, "unionid"), "oUn")
    if person is None or emu.world.people["t_contact"][person] > emu.world.now:
        return {"pending_id": f"pend{text(body, 'unionid')[-12:]}"}
    return {"external_userid": emu.world.external(person)}


# --- tags and contact ways --------------------------------------------------------------------------------------------------


def _tags(emu: Emulator) -> list[dict[str, Any]]:
    def group(number: str, name: str, tags: tuple[str, ...]) -> dict[str, Any]:
        at = int(emu.world.end_history) - 400 * 86400
        return {
            "group_id": number,
            "group_name": name,
            "create_time": at,
            "order": 0,
            "tag": [{"id": f"{number}t{i}", "name": t, "create_time": at, "order": i} for i, t in enumerate(tags)],
        }

    found: list[dict[str, Any]] = emu.store.setdefault(
        "tags", [group("etDEMO1", "客户阶段", ("新客", "老客", "沉睡")), group("etDEMO2", "口味偏好", ("爱茶", "爱甜", "坚果党"))]
    )
    return found


@route(f"{X}/get_corp_tag_list")
def tag_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Corp tags by group."""
    groups, tags = body.get("group_id") or [], body.get("tag_id") or []
    rows = [g for g in _tags(emu) if (not groups or g["group_id"] in groups)]
    if tags and not groups:
        rows = [{**g, "tag": [t for t in g["tag"] if t["id"] in tags]} for g in rows]
        rows = [g for g in rows if g["tag"]]
    return {"tag_group": rows}


@route(f"{X}/add_corp_tag", write=True)
def tag_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Adds tags to a group, or a group with tags."""
    names = [text(t, "name") for t in listed(body, "tag", high=100)]
    if sum(len(g["tag"]) for g in _tags(emu)) + len(names) > 3000:
        raise ApiError(40071, "too many corp tags")
    now = int(emu.world.now)
    group = next(
        (g for g in _tags(emu) if g["group_id"] == body.get("group_id") or g["group_name"] == body.get("group_name")), None
    )
    if group is None:
        group = {
            "group_id": f"etDEMO{emu.world.number('taggroup', 10)}",
            "group_name": text(body, "group_name")[:30],
            "create_time": now,
            "order": 0,
            "tag": [],
        }
        _tags(emu).append(group)
    for name in names:
        if all(t["name"] != name for t in group["tag"]):
            group["tag"].append(
                {"id": f"{group['group_id']}t{emu.world.number('tag', 100)}", "name": name[:30], "create_time": now, "order": 0}
            )
    return {"tag_group": group}


@route(f"{X}/edit_corp_tag", write=True)
def tag_edit(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Renames a tag or a group."""
    number, name = text(body, "id"), text(body, "name")
    for g in _tags(emu):
        if g["group_id"] == number:
            g["group_name"] = name
            return {}
        for t in g["tag"]:
            if t["id"] == number:
                t["name"] = name
                return {}
    raise ApiError(40068, "invalid tagid")


@route(f"{X}/del_corp_tag", write=True)
def tag_delete(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Deletes tags or groups; a group without tags goes too."""
    tags, groups = set(body.get("tag_id") or []), set(body.get("group_id") or [])
    if not tags and not groups:
        raise ApiError(40097, "tag_id or group_id is required")
    rest = []
    for g in _tags(emu):
        g["tag"] = [t for t in g["tag"] if t["id"] not in tags]
        if g["tag"] and g["group_id"] not in groups:
            rest.append(g)
    emu.store["tags"] = rest
    return {}


@route(f"{X}/mark_tag", write=True)
def mark_tag(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Adds or takes tags of one contact."""
    _staff(text(body, "userid"))
    person = _person(emu, text(body, "external_userid"))
    known = {t["id"] for g in _tags(emu) for t in g["tag"]}
    add, remove = list(body.get("add_tag") or []), list(body.get("remove_tag") or [])
    if not add and not remove:
        raise ApiError(40097, "add_tag or remove_tag is required")
    if not set(add) <= known:
        raise ApiError(40068, "invalid tagid")
    _marks(emu)[person] = [t for t in dict.fromkeys([*_marks(emu).get(person, []), *add]) if t not in remove]
    return {}


def _keep_way(emu: Emulator, body: dict[str, Any], name: str) -> str:
    number = f"{emu.world.number(name):032x}"
    emu.store.setdefault(name, {})[number] = dict(body.items()) | {
        "config_id": number,
        "created": int(emu.world.now),
    }
    return number


@route(f"{X}/add_contact_way", write=True)
def way_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Makes a 联系我 way that carries `state`."""
    kind, scene = whole(body, "type", low=1, high=2), whole(body, "scene", low=1, high=2)
    if len(text(body, "state", "")) > 30 or len(text(body, "remark", "")) > 30:
        raise ApiError(40058, "state or remark too long")
    users = listed(body, "user", high=100) if kind == 1 or body.get("user") else []
    if kind == 1 and len(users) != 1:
        raise ApiError(41054, "single way needs exactly one user")
    for user in users:
        _staff(user)
    number = _keep_way(emu, body, "ways")
    return {"config_id": number, **({"qr_code": f"https://wework.qpic.cn/demo/{number[-8:]}"} if scene == 2 else {})}


def _way(emu: Emulator, body: dict[str, Any], name: str) -> dict[str, Any]:
    found = emu.store.get(name, {}).get(text(body, "config_id"))
    if found is None:
        raise ApiError(41053, "config_id not found")
    return dict(found)


def _shown(way: dict[str, Any]) -> dict[str, Any]:
    """A way without what only the emulator notes on it."""
    return {name: value for name, value in way.items() if name != "created"}


@route(f"{X}/get_contact_way")
def way_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One 联系我 way."""
    way = _shown(_way(emu, body, "ways"))
    return {"contact_way": {**way, "qr_code": f"https://wework.qpic.cn/demo/{way['config_id'][-8:]}"}}


@route(f"{X}/list_contact_way")
def way_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of the ways made."""
    rows, at, size = list(emu.store.get("ways", {})), _cursor(body), whole(body, "limit", 100, low=1, high=1000)
    return {"contact_way": [{"config_id": i} for i in rows[at : at + size]], "next_cursor": _next(at + size, len(rows))}


@route(f"{X}/update_contact_way", write=True)
def way_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Overwrites a way."""
    way = _way(emu, body, "ways")
    emu.store["ways"][way["config_id"]] = {**way, **body}
    return {}


@route(f"{X}/del_contact_way", write=True)
def way_delete(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Deletes a way."""
    way = _way(emu, body, "ways")
    del emu.store["ways"][way["config_id"]]
    return {}


# --- groups -----------------------------------------------------------------------------------------------------------------


def _group(emu: Emulator, chat_id: Any) -> int:
    for g, info in enumerate(emu.world.groups):
        if info["chat_id"] == chat_id and info["created"] <= emu.world.now:
            return g
    raise ApiError(86001, "invalid chat id")


@route(f"{X}/groupchat/list")
def group_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Ids of customer groups."""
    size, at = whole(body, "limit", low=1, high=1000), _cursor(body)
    owners = (body.get("owner_filter") or {}).get("userid_list")
    rows = [g for g in emu.world.groups if g["created"] <= emu.world.now and (not owners or STAFF[g["owner"]][0] in owners)]
    return {
        "group_chat_list": [{"chat_id": g["chat_id"], "status": 0} for g in rows[at : at + size]],
        "next_cursor": _next(at + size, len(rows)),
    }


@route(f"{X}/groupchat/get")
def group_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One group with its present members; there is no leave time and nobody who left."""
    world = emu.world
    g = _group(emu, text(body, "chat_id"))
    info = world.groups[g]
    m = world.members
    rows = np.flatnonzero((m["group"] == g) & (m["t_join"] <= world.now) & (m["t_leave"] > world.now))
    named = whole(body, "need_name", 0) == 1
    people: list[dict[str, Any]] = []
    for s in dict.fromkeys((info["owner"], 0)):
        people.append(
            {
                "userid": STAFF[s][0],
                "type": 1,
                "join_time": info["created"],
                "join_scene": 1,
                **({"name": STAFF[s][1]} if named else {}),
            }
        )
    for r in rows.tolist():
        person, scene = int(m["person"][r]), int(m["scene"][r])
        one: dict[str, Any] = {
            "userid": world.external(person),
            "type": 2,
            "join_time": int(m["t_join"][r]),
            "join_scene": scene,
            "group_nickname": "",
        }
        if emu.config.unionid:
            one["unionid"] = world.unionid(person)
        if scene == 1:
            one["invitor"] = {"userid": STAFF[int(m["inviter"][r])][0]}
        if scene == 3:
            one["state"] = contact_state(emu, person)
        if named:
            one["name"] = person_name(world, person)
        people.append(one)
    changes = int(
        ((m["group"] == g) & (m["t_join"] <= world.now)).sum() + ((m["group"] == g) & (m["t_leave"] <= world.now)).sum()
    )
    return {"group_chat": {"chat_id": info["chat_id"], "name": info["name"], "owner": STAFF[info["owner"]][0], "create_time": info["created"],
                           "notice": "演示数据：群内禁止广告", "member_list": people, "admin_list": [{"userid": STAFF[0][0]}], "member_version": f"v{g}-{changes:08d}"}}  # fmt: skip


def group_day(world: World, g: int, day: int) -> dict[str, int]:
    """One group's figures of a day: members at its end, joins, who spoke and how many messages (of that day)."""
    a, b = day_begin(day), day_begin(day + 1)
    info, m = world.groups[g], world.members
    if info["created"] >= b:
        return dict.fromkeys(
            ("new_chat_cnt", "chat_total", "chat_has_msg", "new_member_cnt", "member_total", "member_has_msg", "msg_total"), 0
        )
    mine = m["group"] == g
    total = int((mine & (m["t_join"] < b) & (m["t_leave"] >= b)).sum()) + 2
    joined = int((mine & (m["t_join"] >= a) & (m["t_join"] < b)).sum())
    rng = np.random.default_rng([world.seed, 77, day, g])
    lift = 1.6 if date_of(day).weekday() == 1 else 1.0
    spoke = int(rng.binomial(total, min(0.6, info["liveliness"] * 0.55 * lift)))
    messages = int(spoke + rng.poisson(spoke * 1.7)) if spoke else 0
    return {"new_chat_cnt": int(a <= info["created"] < b), "chat_total": 1, "chat_has_msg": int(messages > 0), "new_member_cnt": joined, "member_total": total,
            "member_has_msg": spoke, "msg_total": messages}  # fmt: skip


def _span(emu: Emulator, body: dict[str, Any]) -> list[int]:
    first = whole(body, "day_begin_time")
    last = whole(body, "day_end_time", first)
    start, end, today = day_number(first), day_number(last), day_number(emu.world.now)
    if end >= today or start > end or end - start > 30 or start < today - 180:
        raise ApiError(600018, "invalid start time or end time")
    return list(range(start, end + 1))


def _owners(body: dict[str, Any]) -> list[int]:
    wanted = (body.get("owner_filter") or {}).get("userid_list") or []
    if len(wanted) > 100:
        raise ApiError(40097, "too many owners")
    return [_staff(w) for w in wanted] or list(range(len(STAFF)))


def _sum(rows: list[dict[str, int]]) -> dict[str, int]:
    return {k: sum(r[k] for r in rows) for k in rows[0]} if rows else {}


@route(f"{X}/groupchat/statistic")
def group_statistic(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Group figures by owner over some past days."""
    days, world = _span(emu, body), emu.world
    items: list[dict[str, Any]] = []
    for owner in _owners(body):
        mine = [g for g, info in enumerate(world.groups) if info["owner"] == owner]
        per_day = [_sum([group_day(world, g, d) for g in mine]) for d in days]
        if not mine:
            continue
        data = _sum(per_day) | {k: per_day[-1][k] for k in ("chat_total", "member_total")}
        data["chat_has_msg"], data["member_has_msg"] = (
            max(p["chat_has_msg"] for p in per_day),
            max(p["member_has_msg"] for p in per_day),
        )
        items.append({"owner": STAFF[owner][0], "data": data})
    by = {1: "new_chat_cnt", 2: "chat_total", 3: "new_member_cnt", 4: "member_total"}[whole(body, "order_by", 1, low=1, high=4)]
    items.sort(key=lambda i: i["data"][by], reverse=not whole(body, "order_asc", 0))
    at, size = whole(body, "offset", 0, low=0), whole(body, "limit", 500, low=1, high=1000)
    return {"total": len(items), "next_offset": min(at + size, len(items)), "items": items[at : at + size]}


@route(f"{X}/groupchat/statistic_group_by_day")
def group_by_day(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Group figures by past day, for the owners named."""
    days, world, owners = _span(emu, body), emu.world, _owners(body)
    mine = [g for g, info in enumerate(world.groups) if info["owner"] in owners]
    return {"items": [{"stat_time": int(day_begin(d)), "data": _sum([group_day(world, g, d) for g in mine])} for d in days]}


@route(f"{X}/groupchat/add_join_way", write=True)
def join_way_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Makes a group QR that carries `state`."""
    whole(body, "scene", low=1, high=2)
    for chat in listed(body, "chat_id_list", high=5):
        _group(emu, chat)
    if len(text(body, "state", "")) > 30:
        raise ApiError(40058, "state too long")
    return {"config_id": _keep_way(emu, body, "joinways")}


@route(f"{X}/groupchat/get_join_way")
def join_way_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One group QR."""
    way = _shown(_way(emu, body, "joinways"))
    return {"join_way": {**way, "qr_code": f"https://wework.qpic.cn/demo/j{way['config_id'][-8:]}"}}


@route(f"{X}/groupchat/del_join_way", write=True)
def join_way_delete(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Deletes a group QR."""
    way = _way(emu, body, "joinways")
    del emu.store["joinways"][way["config_id"]]
    return {}


@route(f"{X}/get_user_behavior_data")
def behaviour_data(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Staff's 1v1 figures per past day, summed over the staff named."""
    users = [_staff(u) for u in listed(body, "userid", high=100)]
    days = _span(emu, {"day_begin_time": whole(body, "start_time"), "day_end_time": whole(body, "end_time")})
    p, rows = emu.world.people, []
    for d in days:
        a, b = day_begin(d), day_begin(d + 1)
        mine = np.isin(p["staff"], users)
        new = int((mine & (p["t_contact"] >= a) & (p["t_contact"] < b)).sum())
        lost = int((mine & (p["t_lost_contact"] >= a) & (p["t_lost_contact"] < b)).sum())
        rng = np.random.default_rng([emu.world.seed, 78, d, sum(users)])
        chats = int(rng.poisson(6 * len(users) + new))
        rows.append({"stat_time": int(a), "new_apply_cnt": int(new + rng.poisson(1)), "new_contact_cnt": new, "chat_cnt": chats, "message_cnt": int(chats + rng.poisson(chats * 4)),
                     "reply_percentage": round(float(rng.uniform(70, 99)), 2), "avg_reply_time": int(rng.integers(2, 40)), "negative_feedback_cnt": lost})  # fmt: skip
    return {"behavior_data": rows}


# --- broadcasts ---------------------------------------------------------------------------------------------------------------


@route(f"{X}/add_msg_template", write=True)
def broadcast(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Makes a 群发 task. Nothing is sent until staff confirm; they do so within the hour, and now and then somebody forgets."""
    world = emu.world
    kind = text(body, "chat_type", "single")
    content, attachments = str((body.get("text") or {}).get("content", "")), body.get("attachments") or []
    if not content and not attachments:
        raise ApiError(40097, "text and attachments are both empty")
    if len(content.encode()) > 4000 or len(attachments) > 9:
        raise ApiError(40058, "text or attachments too long")
    rows: list[tuple[str, str, int]] = []
    failed: list[str] = []
    if kind == "group":
        sender = _staff(text(body, "sender"))
        chats = body.get("chat_id_list") or [
            g["chat_id"] for g in world.groups if g["owner"] == sender and g["created"] <= world.now
        ]
        for chat in chats[:2000]:
            found = next((g for g, info in enumerate(world.groups) if info["chat_id"] == chat and info["owner"] == sender), None)
            if found is None:
                failed.append(str(chat))
            else:
                rows.append((STAFF[sender][0], str(chat), found))
    elif kind == "single":
        people = body.get("external_userid") or []
        if len(people) > 10_000:
            raise ApiError(40097, "external_userid over 10000")
        if not people:
            chosen = [_staff(body["sender"])] if body.get("sender") else range(len(STAFF)) if body.get("tag_filter") else None
            if chosen is None:
                raise ApiError(40097, "external_userid, sender or tag_filter is required")
            wanted = [set(g.get("tag_list", [])) for g in (body.get("tag_filter") or {}).get("group_list", [])]
            people = [
                world.external(p)
                for s in chosen
                for p in _contacts(world, s).tolist()
                if all(w & set(_marks(emu).get(p, [])) for w in wanted)
            ]
        for external in people:
            person = world.person_of(external, "wmD")
            if person is None or world.people["t_contact"][person] > world.now:
                failed.append(str(external))
                continue
            rows.append((str(body.get("sender") or STAFF[int(world.people["staff"][person])][0]), str(external), person))
    else:
        raise ApiError(40097, "invalid chat_type")
    if not rows:
        raise ApiError(41048, "no customer to send")
    msg = Broadcast(f"msgDEMO{world.number('msg'):08d}", kind, int(world.now), "", content, attachments, rows)
    world.broadcasts[msg.msgid] = msg
    rng = np.random.default_rng([world.seed, 55, len(world.broadcasts)])
    for staff in dict.fromkeys(r[0] for r in rows):
        wait = float(np.ceil(rng.lognormal(np.log(1200), 0.7)))
        if rng.random() < 0.94:
            world.later(world.now + min(wait, 20_000), lambda s=staff: _confirm(emu, msg, s))  # type: ignore[misc]
    return {"fail_list": failed, "msgid": msg.msgid}


def _confirm(emu: Emulator, msg: Broadcast, staff: str) -> None:
    """A staff member sends: each recipient gets it, is no friend any more (2), or has had the month's share (3)."""
    world = emu.world
    if msg.cancelled or staff in msg.staff_sent:
        return
    now = int(world.now)
    msg.staff_sent[staff] = now
    month = date_of(day_number(world.now))
    counts: dict[tuple[str, str], int] = emu.store.setdefault("monthly_sends", {})
    limit = int(emu.store.get("broadcast_limit", 31))
    reached = []
    for who, target, row in msg.rows:
        if who != staff:
            continue
        key = (target, f"{month:%Y-%m}")
        if msg.chat_type == "single" and world.people["t_lost_contact"][row] <= world.now:
            msg.outcome[(staff, target)] = (2, now)
        elif counts.get(key, 0) >= limit:
            msg.outcome[(staff, target)] = (3, now)
        else:
            counts[key] = counts.get(key, 0) + 1
            msg.outcome[(staff, target)] = (1, now)
            reached.append(row)
    if reached and msg.chat_type == "single":
        world.reach(np.array(reached), world.now, "chat")
    for g in reached if msg.chat_type == "group" else ():
        world.reach(world.group_people(g, world.now), world.now, "group")


def _message(emu: Emulator, body: dict[str, Any]) -> Broadcast:
    found = emu.world.broadcasts.get(text(body, "msgid"))
    if found is None or found.created > emu.world.now:
        raise ApiError(41063, "msgid not found")
    return found


@route(f"{X}/get_groupmsg_list_v2")
def message_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Broadcast tasks of at most a month."""
    kind, start, end = text(body, "chat_type"), whole(body, "start_time"), whole(body, "end_time")
    if end < start or end - start > 31 * 86400:
        raise ApiError(40097, "time range over one month")
    rows = [
        m
        for m in emu.world.broadcasts.values()
        if m.chat_type == kind and start <= m.created <= end and m.created <= emu.world.now
    ]
    size, at = whole(body, "limit", 50, low=1, high=100), _cursor(body)
    part = [{"msgid": m.msgid, **({"creator": m.creator} if m.creator else {}), "create_time": str(m.created), "create_type": 0 if m.creator == "" else 1, "text": {"content": m.text},
             "attachments": m.attachments} for m in rows[at : at + size]]  # fmt: skip
    return {"group_msg_list": part, "next_cursor": _next(at + size, len(rows))}


@route(f"{X}/get_groupmsg_task")
def message_task(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Which staff have sent."""
    m = _message(emu, body)
    return {"task_list": [{"userid": s, "status": 2 if s in m.staff_sent else 0, **({"send_time": m.staff_sent[s]} if s in m.staff_sent else {})}
                          for s in dict.fromkeys(r[0] for r in m.rows)], "next_cursor": ""}  # fmt: skip


@route(f"{X}/get_groupmsg_send_result")
def message_result(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """What became of each recipient of one staff member."""
    m, staff = _message(emu, body), text(body, "userid")
    _staff(staff)
    key = "chat_id" if m.chat_type == "group" else "external_userid"
    rows = []
    for who, target, _ in m.rows:
        status, at = m.outcome.get((who, target), (0, 0))
        if who == staff and (status or m.chat_type == "single"):
            rows.append({key: target, "userid": who, "status": status, **({"send_time": at} if status == 1 else {})})
    size, at = whole(body, "limit", 500, low=1, high=1000), _cursor(body)
    return {"send_list": rows[at : at + size], "next_cursor": _next(at + size, len(rows))}


@route(f"{X}/remind_groupmsg_send", write=True)
def message_remind(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Reminds staff, at most three times in 24 hours; who had forgotten sends ten minutes later."""
    m, now = _message(emu, body), int(emu.world.now)
    m.reminds = [t for t in m.reminds if now - t < 86400]
    if len(m.reminds) >= 3:
        raise ApiError(45009, "remind over 3 times in 24 hours")
    m.reminds.append(now)
    for staff in dict.fromkeys(r[0] for r in m.rows):
        if staff not in m.staff_sent:
            emu.world.later(now + 600, lambda s=staff: _confirm(emu, m, s))  # type: ignore[misc]
    return {}


@route(f"{X}/cancel_groupmsg_send", write=True)
def message_cancel(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Stops what is not sent yet."""
    _message(emu, body).cancelled = True
    return {}


# --- moments --------------------------------------------------------------------------------------------------------------------


@route(f"{X}/add_moment_task", write=True)
def moment_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Makes a 朋友圈 task that staff must publish."""
    world = emu.world
    content = str((body.get("text") or {}).get("content", ""))
    if not content and not body.get("attachments"):
        raise ApiError(40097, "text and attachments are both empty")
    if len(content) > 2000:
        raise ApiError(40058, "text too long")
    log: list[int] = emu.store.setdefault("moment_creations", [])
    now = int(world.now)
    log[:] = [t for t in log if now - t < 60]
    if len(log) >= 10:
        raise ApiError(45009, "moment task over 10 per minute")
    log.append(now)
    scope = body.get("visible_range") or {}
    staff = (scope.get("sender_list") or {}).get("user_list") or [s[0] for s in STAFF]
    for s in staff:
        _staff(s)
    number = world.number("moment")
    moment = Moment(
        f"jobDEMO{number:06d}",
        f"momDEMO{number:06d}",
        now,
        content,
        list(staff),
        list((scope.get("external_contact_list") or {}).get("tag_list") or []),
    )
    world.moments[moment.jobid] = moment
    rng = np.random.default_rng([world.seed, 56, number])
    for s in moment.staff:
        if rng.random() < 0.92:
            due = now + float(np.ceil(rng.lognormal(np.log(1500), 0.6)))
            world.later(due, partial(_publish, emu, moment, s, int(rng.integers(1 << 30))))
    return {"jobid": moment.jobid}


def _publish(emu: Emulator, moment: Moment, staff: str, seed: int) -> None:
    world = emu.world
    if moment.cancelled:
        return
    people = [
        p
        for p in _contacts(world, STAFF_ROW[staff]).tolist()
        if not moment.tags or set(moment.tags) & set(_marks(emu).get(p, []))
    ]
    moment.published[staff], moment.visible[staff] = int(world.now), people
    rng = np.random.default_rng([world.seed, 57, seed])
    fans = [p for p in people if rng.random() < 0.03]
    moment.liked[staff] = [(p, int(world.now + rng.exponential(4 * 3600))) for p in fans]
    if people:
        world.reach(np.array(people), world.now, "moments")


def _moment(emu: Emulator, body: dict[str, Any]) -> Moment:
    number = text(body, "moment_id")
    found = next((m for m in emu.world.moments.values() if m.moment_id == number), None)
    if found is None:
        raise ApiError(41090, "moment_id not found")
    return found


@route(f"{X}/get_moment_task_result", method="GET")
def moment_result(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Whether the task was made."""
    found = emu.world.moments.get(call.query.get("jobid", ""))
    if found is None:
        raise ApiError(41091, "jobid not found")
    ready = emu.world.now - found.created >= 5
    return {"status": 3 if ready else 2, "type": "add_moment_task", **({"result": {"errcode": 0, "errmsg": "ok", "moment_id": found.moment_id,
            "invalid_sender_list": {}, "invalid_external_contact_list": {}}} if ready else {})}  # fmt: skip


@route(f"{X}/cancel_moment_task", write=True)
def moment_cancel(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Stops staff who have not published."""
    _moment(emu, body).cancelled = True
    return {}


@route(f"{X}/get_moment_list")
def moment_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Moments of at most 30 days."""
    start, end = whole(body, "start_time"), whole(body, "end_time")
    if end < start or end - start > 30 * 86400:
        raise ApiError(40097, "time range over 30 days")
    rows = [m for m in emu.world.moments.values() if start <= m.created <= end]
    size, at = whole(body, "limit", 20, low=1, high=20), _cursor(body)
    return {"moment_list": [{"moment_id": m.moment_id, "create_time": str(m.created), "create_type": 0, "visible_type": 0 if m.tags else 1, "text": {"content": m.text}}
                            for m in rows[at : at + size]], "next_cursor": _next(at + size, len(rows))}  # fmt: skip


@route(f"{X}/get_moment_task")
def moment_task(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Which staff have published."""
    m = _moment(emu, body)
    return {"task_list": [{"userid": s, "publish_status": int(s in m.published)} for s in m.staff], "next_cursor": ""}


@route(f"{X}/get_moment_customer_list")
def moment_customers(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Whom a staff member's post was meant for."""
    m, staff = _moment(emu, body), text(body, "userid")
    return {
        "customer_list": [{"userid": staff, "external_userid": emu.world.external(p)} for p in m.visible.get(staff, [])][:1000],
        "next_cursor": "",
    }


@route(f"{X}/get_moment_send_result")
def moment_send_result(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Who is able to see a staff member's post."""
    m, staff = _moment(emu, body), text(body, "userid")
    rows, size, at = m.visible.get(staff, []), whole(body, "limit", 3000, low=1, high=5000), _cursor(body)
    return {
        "customer_list": [{"external_userid": emu.world.external(p)} for p in rows[at : at + size]],
        "next_cursor": _next(at + size, len(rows)),
    }


@route(f"{X}/get_moment_comments")
def moment_comments(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Likes and comments of a post: people and times, no text."""
    m, staff = _moment(emu, body), text(body, "userid")
    likes = [
        {"external_userid": emu.world.external(p), "create_time": t} for p, t in m.liked.get(staff, []) if t <= emu.world.now
    ]
    return {"comment_list": likes[::4], "like_list": likes}


# --- messages to staff, customer service ---------------------------------------------------------------------------------------------


@route("/cgi-bin/message/send", write=True)
def app_message(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """An app message to staff."""
    if whole(body, "agentid") != emu.keys.agent_id:
        raise ApiError(40056, "invalid agentid")
    users = [u for u in text(body, "touser", "").split("|") if u]
    bad = [u.lower() for u in users if u != "@all" and u not in STAFF_ROW]
    if users and len(bad) == len(users):
        raise ApiError(81013, "all recipients are invalid")
    if not isinstance(body.get(text(body, "msgtype")), dict):
        raise ApiError(40008, "invalid message type")
    return {
        "invaliduser": "|".join(bad),
        "invalidparty": "",
        "invalidtag": "",
        "unlicenseduser": "",
        "msgid": f"app{emu.world.number('app'):08d}",
    }


@route("/cgi-bin/kf/account/list")
def kf_accounts(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Customer-service accounts."""
    return {"account_list": [{"open_kfid": "wkDEMO0001", "name": "知味小集客服（演示）", "avatar": "", "manage_privilege": True}]}


@route("/cgi-bin/kf/send_msg", write=True)
def kf_send(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Answers a customer: five messages at most until they write again."""
    person = _person(emu, text(body, "touser"))
    if text(body, "open_kfid") != "wkDEMO0001":
        raise ApiError(95000, "invalid open_kfid")
    if not isinstance(body.get(text(body, "msgtype")), dict):
        raise ApiError(40008, "invalid message type")
    sent: dict[int, int] = emu.store.setdefault("kf_sent", {})
    if sent.get(person, 0) >= 5:
        raise ApiError(95001, "send over 5 messages without a customer message")
    sent[person] = sent.get(person, 0) + 1
    return {"msgid": text(body, "msgid", f"kf{emu.world.number('wkf'):08d}")}


@route("/cgi-bin/kf/sync_msg")
def kf_sync(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Customers' messages (the market's customers do not write)."""
    return {"next_cursor": text(body, "cursor", "CUR0"), "has_more": 0, "msg_list": []}


@route("/cgi-bin/media/upload", raw=True)
def media_upload(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes a temporary file."""
    if not body.get("_raw") and not call.replay:
        raise ApiError(44001, "empty media data")
    return {
        "type": call.query.get("type", "file"),
        "media_id": f"mediaDEMO{emu.world.number('media'):06d}",
        "created_at": str(int(emu.world.now)),
    }


def first_day_retention(world: World, day: int) -> float | None:
    """Ground truth: who joined a group on `day` and was still in it at the end of the next day, as a share; None if nobody joined."""
    m = world.members
    joined = (m["t_join"] >= day_begin(day)) & (m["t_join"] < day_begin(day + 1))
    n = int(joined.sum())
    return float((m["t_leave"][joined] >= day_begin(day) + 2 * DAY).sum() / n) if n else None
