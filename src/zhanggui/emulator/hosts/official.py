"""公众号: article figures (the four calls of 2025), followers, drafts and publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zhanggui.emulator.catalogue import ARTICLE_TITLES
from zhanggui.emulator.hosts.mini import span
from zhanggui.emulator.market.words import date_of, day_number
from zhanggui.emulator.protocol import API, ApiError, Call, Handler, listed, text, whole
from zhanggui.emulator.protocol import route as _route
from zhanggui.emulator.shopworld import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from zhanggui.emulator.engine import Emulator

WEEKDAYS = (2, 5)
"""The demo account publishes on Wednesdays and Saturdays."""
LIFE = 8
_SOURCES = (("公众号消息", 0.55), ("聊天会话", 0.14), ("朋友圈", 0.13), ("推荐", 0.09), ("搜一搜", 0.05), ("其它", 0.04))


def route(path: str, *, method: str = "POST", write: bool = False, raw: bool = False) -> Callable[[Handler], Handler]:
    """A 公众号 endpoint."""
    return _route(API, path, method=method, account="official", write=write, raw=raw)


def iso(day: int) -> str:
    """YYYY-MM-DD of a shop day."""
    return f"{date_of(day):%Y-%m-%d}"


def published(day: int) -> bool:
    """Whether the account published on a day."""
    return date_of(day).weekday() in WEEKDAYS


def article(world: World, day: int) -> dict[str, Any]:
    """The article published on a day: its id and title."""
    return {
        "msgid": f"{2_247_400_000 + day}_1",
        "title": ARTICLE_TITLES[(day * 7) % len(ARTICLE_TITLES)],
        "content_url": f"https://mp.weixin.qq.com/s/demo{day}",
    }


def reads(world: World, day: int, after: int) -> dict[str, int]:
    """What an article published on `day` got on the day `after` days later (that day alone)."""
    rng = np.random.default_rng([world.seed, 91, day])
    base = rng.uniform(260, 900) * max(world.scale, 0.05) ** 0.5 * (0.7 + 0.6 * (day - world.first_day) / max(world.days, 1))
    quality = rng.uniform(0.6, 1.5)
    rng = np.random.default_rng([world.seed, 92, day, after])
    readers = int(rng.poisson(base * 0.62 * 0.38**after)) if 0 <= after < LIFE else 0
    return {"read_user": readers, "share_user": int(rng.binomial(readers, min(0.9, 0.05 * quality))), "zaikan_user": int(rng.binomial(readers, 0.012)),
            "like_user": int(rng.binomial(readers, 0.03)), "comment_count": int(rng.binomial(readers, 0.006)), "collection_user": int(rng.binomial(readers, 0.012)),
            "read_subscribe_user": int(rng.binomial(readers, min(0.9, 0.015 * quality)))}  # fmt: skip


def _sources(n: int) -> list[dict[str, Any]]:
    rows = [{"user_count": n, "scene_desc": "全部"}]
    left = n
    for name, share in _SOURCES[:-1]:
        rows.append({"user_count": int(n * share), "scene_desc": name})
        left -= int(n * share)
    return [*rows, {"user_count": left, "scene_desc": "其它"}]


def _read_on(world: World, day: int) -> list[tuple[int, dict[str, int]]]:
    rows = [(day - k, reads(world, day - k, k)) for k in range(LIFE) if published(day - k)]
    return [(d, r) for d, r in rows if r["read_user"]]


def _days(emu: Emulator, body: dict[str, Any]) -> range:
    first, last = span(emu, body, "%Y-%m-%d")
    return range(first, last + 1)


@route("/datacube/getarticleread")
def article_read(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Articles read on each day."""
    return {"list": [{"ref_date": iso(d), "msgid": article(emu.world, p)["msgid"], "detail": {"read_user": r["read_user"], "read_user_source": _sources(r["read_user"])}}
                     for d in _days(emu, body) for p, r in _read_on(emu.world, d)], "is_delay": False, "_bare": True}  # fmt: skip


@route("/datacube/getarticleshare")
def article_share(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Articles shared on each day."""
    return {"list": [{"ref_date": iso(d), "msgid": article(emu.world, p)["msgid"], "detail": {"share_user": r["share_user"]}}
                     for d in _days(emu, body) for p, r in _read_on(emu.world, d) if r["share_user"]], "is_delay": False, "_bare": True}  # fmt: skip


@route("/datacube/getbizsummary")
def biz_summary(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The whole account per day."""
    rows = []
    for d in _days(emu, body):
        parts = [r for _, r in _read_on(emu.world, d)]
        total = {
            k: sum(p[k] for p in parts)
            for k in ("read_user", "share_user", "zaikan_user", "like_user", "comment_count", "collection_user")
        }
        rows.append({"ref_date": iso(d), "detail": {**total, "read_user_source": _sources(total["read_user"])}})
    return {"list": rows, "is_delay": False, "_bare": True}


@route("/datacube/getarticletotaldetail")
def article_total(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Articles published in the range; each stat_date carries the sum since publication."""
    yesterday, rows = day_number(emu.world.now) - 1, []
    for d in _days(emu, body):
        if not published(d):
            continue
        running: dict[str, int] = {}
        details = []
        for k in range(min(30, yesterday - d + 1)):
            for name, value in reads(emu.world, d, k).items():
                running[name] = running.get(name, 0) + value
            details.append({"stat_date": iso(d + k), **running, "read_user_source": _sources(running["read_user"]), "praise_money": 0,
                            "read_delivery_rate": round(min(1.0, running["read_user"] / 9000), 4), "read_finish_rate": 0.61, "read_avg_activetime": 1.06,
                            "read_jump_position": [{"position": 1, "rate": 0.18}, {"position": 2, "rate": 0.09}]})  # fmt: skip
        rows.append({"ref_date": iso(d), **article(emu.world, d), "publish_type": 0, "detail_list": details})
    return {"list": rows, "is_delay": False, "_bare": True}


def followers(world: World, day: int) -> dict[int, tuple[int, int]]:
    """New and lost followers of a day by source (0 other, 1 search, 17 card, 30 QR, 57 article, 100 ads, 149 mini program)."""
    rng = np.random.default_rng([world.seed, 93, day])
    scale = max(world.scale, 0.05) ** 0.5
    gained = sum(r["read_subscribe_user"] for _, r in _read_on(world, day))
    return {0: (int(rng.poisson(6 * scale)), int(rng.poisson(9 * scale))), 1: (int(rng.poisson(5 * scale)), 0), 17: (int(rng.poisson(2 * scale)), 0),
            30: (int(rng.poisson(4 * scale)), 0), 57: (gained, 0), 100: (int(rng.poisson(3 * scale)), 0), 149: (int(rng.poisson(2 * scale)), 0)}  # fmt: skip


def _week(emu: Emulator, body: dict[str, Any]) -> range:
    days = _days(emu, body)
    if len(days) > 7:
        raise ApiError(61501, "date range error")
    return days


@route("/datacube/getusersummary")
def user_summary(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """New and lost followers, one row per day and source; at most 7 days."""
    return {"list": [{"ref_date": iso(d), "user_source": s, "new_user": new, "cancel_user": lost} for d in _week(emu, body) for s, (new, lost) in followers(emu.world, d).items()],
            "_bare": True}  # fmt: skip


@route("/datacube/getusercumulate")
def user_cumulate(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Followers at the end of each day; at most 7 days."""
    days = _week(emu, body)
    total = 9000
    rows = []
    for d in range(emu.world.first_day, days[-1] + 1):
        total += sum(new - lost for new, lost in followers(emu.world, d).values())
        if d >= days[0]:
            rows.append({"ref_date": iso(d), "cumulate_user": total})
    return {"list": rows, "_bare": True}


# --- drafts -------------------------------------------------------------------------------------------------------------------


def _drafts(emu: Emulator) -> dict[str, Any]:
    found: dict[str, Any] = emu.store.setdefault("drafts", {})
    return found


def _check_article(row: dict[str, Any]) -> None:
    if len(text(row, "title")) > 32:
        raise ApiError(45003, "title size out of limit")
    if len(text(row, "content", "")) > 20_000:
        raise ApiError(45002, "content size out of limit")
    if row.get("article_type", "news") == "news":
        text(row, "thumb_media_id")


@route("/cgi-bin/draft/add", write=True)
def draft_add(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Keeps a draft."""
    rows = listed(body, "articles", high=8)
    for row in rows:
        _check_article(row)
    number = f"DRAFTdemo{emu.world.number('draft'):06d}"
    _drafts(emu)[number] = {"articles": rows, "update_time": int(emu.world.now)}
    return {"media_id": number, "_bare": True}


def _draft(emu: Emulator, body: dict[str, Any]) -> dict[str, Any]:
    found = _drafts(emu).get(text(body, "media_id"))
    if found is None:
        raise ApiError(40007, "invalid media_id")
    return dict(found)


@route("/cgi-bin/draft/get")
def draft_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """One draft."""
    return {
        "news_item": [{**a, "url": "https://mp.weixin.qq.com/s/demodraft"} for a in _draft(emu, body)["articles"]],
        "_bare": True,
    }


@route("/cgi-bin/draft/update", write=True)
def draft_update(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Replaces one article of a draft."""
    rows, at = _draft(emu, body)["articles"], whole(body, "index", 0, low=0)
    fresh = body.get("articles")
    if not isinstance(fresh, dict) or at >= len(rows):
        raise ApiError(40097, "invalid args, articles or index")
    _check_article(fresh)
    rows[at] = fresh
    return {}


@route("/cgi-bin/draft/batchget")
def draft_list(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Drafts, newest first, 20 a page at most."""
    at, size = whole(body, "offset", 0, low=0), whole(body, "count", low=1, high=20)
    rows = list(_drafts(emu).items())[::-1]
    part = [
        {
            "media_id": i,
            "content": {"news_item": [] if body.get("no_content") else d["articles"]},
            "update_time": d["update_time"],
        }
        for i, d in rows[at : at + size]
    ]
    return {"total_count": len(rows), "item_count": len(part), "item": part, "_bare": True}


@route("/cgi-bin/draft/delete", write=True)
def draft_delete(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Deletes a draft; again is fine too."""
    _drafts(emu).pop(text(body, "media_id"), None)
    return {}


@route("/cgi-bin/draft/count", method="GET")
def draft_count(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """How many drafts there are."""
    return {"total_count": len(_drafts(emu)), "_bare": True}


@route("/cgi-bin/media/uploadimg", raw=True)
def upload_image(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes a picture for an article."""
    if not body.get("_raw") and not call.replay:
        raise ApiError(41005, "media data missing")
    return {"url": f"http://mmbiz.qpic.cn/demo/{emu.world.number('mmbiz'):06d}", "_bare": True}


@route("/cgi-bin/material/add_material", raw=True)
def add_material(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Takes permanent material."""
    if not body.get("_raw") and not call.replay:
        raise ApiError(41005, "media data missing")
    number = emu.world.number("material")
    return {"media_id": f"MATdemo{number:06d}", "url": f"http://mmbiz.qpic.cn/demo/m{number:06d}", "_bare": True}


@route("/cgi-bin/freepublish/submit", write=True)
def publish(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Publishes a draft; it is done after a minute."""
    found = _draft(emu, body)
    number = str(100_000_000 + emu.world.number("publish"))
    emu.store.setdefault("publishes", {})[number] = {**found, "at": int(emu.world.now)}
    _drafts(emu).pop(text(body, "media_id"), None)
    return {"publish_id": number, "msg_data_id": number}


@route("/cgi-bin/freepublish/get")
def publish_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """How publishing went."""
    number = text(body, "publish_id")
    found = emu.store.get("publishes", {}).get(number)
    if found is None:
        raise ApiError(53600, "article id not found")
    if emu.world.now - found["at"] < 60:
        return {"publish_id": number, "publish_status": 1}
    items = [{"idx": i + 1, "article_url": f"https://mp.weixin.qq.com/s/demo{number}"} for i in range(len(found["articles"]))]
    return {
        "publish_id": number,
        "publish_status": 0,
        "article_id": f"art{number}",
        "article_detail": {"count": len(items), "item": items},
        "fail_idx": [],
    }
