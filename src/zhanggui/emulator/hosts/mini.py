"""小程序: the daily figures of the shop's mini program (T+1, counted from the same visits as the behaviour log), and links."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from zhanggui.emulator.catalogue import DEVICES, REGIONS
from zhanggui.emulator.market.words import date_of, day_begin, day_number, number_of
from zhanggui.emulator.protocol import API, ApiError, Call, Handler, text, whole
from zhanggui.emulator.protocol import route as _route

if TYPE_CHECKING:
    from collections.abc import Callable

    from zhanggui.emulator.engine import Emulator

READY_HOUR = 7
"""Yesterday's figures are ready at this hour; before it the calls answer 61503."""


def route(path: str, *, method: str = "POST", write: bool = False) -> Callable[[Handler], Handler]:
    """A mini-program endpoint."""
    return _route(API, path, method=method, account="mini", write=write)


def span(emu: Emulator, body: dict[str, Any], pattern: str = "%Y%m%d") -> tuple[int, int]:
    """First and last shop day asked for. Raises 61501 for a bad or future range, 61503 while yesterday is not ready."""
    days = []
    for name in ("begin_date", "end_date"):
        try:
            days.append(number_of(datetime.strptime(text(body, name), pattern).date()))  # noqa: DTZ007 - a calendar date has no zone
        except ValueError:
            raise ApiError(61501, "date range error") from None
    first, last = days
    now = emu.world.now
    today = day_number(now)
    if first > last or last >= today or first < emu.world.first_day - 30:
        raise ApiError(61501, "date range error")
    if last == today - 1 and now - day_begin(today) < READY_HOUR * 3600:
        raise ApiError(61503, "data not ready, please try again later")
    return first, last


def one_day(emu: Emulator, body: dict[str, Any]) -> int:
    """The one day asked for."""
    first, last = span(emu, body)
    if first != last:
        raise ApiError(61501, "date range error")
    return first


def ds(day: int) -> str:
    """YYYYMMDD of a shop day."""
    return f"{date_of(day):%Y%m%d}"


D = "/datacube/getweanalysisappid"


@route(f"{D}dailysummarytrend")
def daily_summary(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Accumulated users and shares of a day."""
    day = one_day(emu, body)
    d = emu.analytics.day(day)
    return {
        "list": [{"ref_date": ds(day), "visit_total": d.total_visitors, "share_pv": d.share_views, "share_uv": d.share_visitors}],
        "_bare": True,
    }


def _trend(ref: str, days: list[Any]) -> dict[str, Any]:
    sessions, views = sum(d.sessions for d in days), sum(d.page_views for d in days)
    people = np.unique(np.concatenate([d.people for d in days])) if days else np.zeros(0)
    new = np.unique(np.concatenate([d.new_people for d in days])) if days else np.zeros(0)
    stay = sum(d.stay_session * d.sessions for d in days)
    return {"ref_date": ref, "session_cnt": sessions, "visit_pv": views, "visit_uv": len(people), "visit_uv_new": len(new),
            "stay_time_uv": round(stay / max(len(people), 1), 4), "stay_time_session": round(stay / max(sessions, 1), 4), "visit_depth": round(views / max(sessions, 1), 4)}  # fmt: skip


@route(f"{D}dailyvisittrend")
def daily_visits(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Sessions, page views, visitors, new visitors, stay and depth of a day."""
    day = one_day(emu, body)
    return {"list": [_trend(ds(day), [emu.analytics.day(day)])], "_bare": True}


@route(f"{D}weeklyvisittrend")
def weekly_visits(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The same of a week, Monday to Sunday."""
    first, last = span(emu, body)
    if date_of(first).weekday() != 0 or last - first != 6:
        raise ApiError(61501, "date range error")
    return {"list": [_trend(f"{ds(first)}-{ds(last)}", [emu.analytics.day(d) for d in range(first, last + 1)])], "_bare": True}


@route(f"{D}monthlyvisittrend")
def monthly_visits(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The same of a calendar month."""
    first, last = span(emu, body)
    if date_of(first).day != 1 or date_of(last + 1).day != 1 or last - first > 31:
        raise ApiError(61501, "date range error")
    return {"list": [_trend(ds(first)[:6], [emu.analytics.day(d) for d in range(first, last + 1)])], "_bare": True}


def _retain(emu: Emulator, first: int, length: int, steps: tuple[int, ...], ref: str) -> dict[str, Any]:
    today = day_number(emu.world.now)

    def people(start: int, new: bool) -> Any:
        days = [emu.analytics.day(d) for d in range(start, start + length)]
        return np.unique(np.concatenate([d.new_people if new else d.people for d in days]))

    new, everyone = people(first, True), people(first, False)
    answer: dict[str, Any] = {"ref_date": ref, "visit_uv_new": [], "visit_uv": []}
    for k in steps:
        start = first + k * length
        if start + length > today:
            break
        later = people(start, False)
        answer["visit_uv_new"].append({"key": k, "value": len(new) if k == 0 else int(np.isin(new, later).sum())})
        answer["visit_uv"].append({"key": k, "value": len(everyone) if k == 0 else int(np.isin(everyone, later).sum())})
    return {**answer, "_bare": True}


@route(f"{D}dailyretaininfo")
def daily_retention(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """How many of a day's (new) visitors came again 1–7, 14 and 30 days later, as far as those days are over."""
    day = one_day(emu, body)
    return _retain(emu, day, 1, (0, 1, 2, 3, 4, 5, 6, 7, 14, 30), ds(day))


@route(f"{D}weeklyretaininfo")
def weekly_retention(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The same by week."""
    first, last = span(emu, body)
    if date_of(first).weekday() != 0 or last - first != 6:
        raise ApiError(61501, "date range error")
    return _retain(emu, first, 7, (0, 1, 2, 3, 4), f"{ds(first)}-{ds(last)}")


@route(f"{D}visitpage")
def visit_pages(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Page figures of a day."""
    day = one_day(emu, body)
    return {"ref_date": ds(day), "list": emu.analytics.day(day).pages[:200], "_bare": True}


@route(f"{D}visitdistribution")
def visit_distribution(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Sessions by source, stay and depth."""
    day = one_day(emu, body)
    d = emu.analytics.day(day)

    def items(table: dict[int, int]) -> list[dict[str, int]]:
        return [{"key": k, "value": v} for k, v in sorted(table.items())]

    return {"ref_date": ds(day), "list": [{"index": "access_source_session_cnt", "item_list": items(d.sources)}, {"index": "access_source_visit_uv", "item_list": items(d.source_visitors)},
                                          {"index": "access_staytime_info", "item_list": items(d.stay)}, {"index": "access_depth_info", "item_list": items(d.depth)}], "_bare": True}  # fmt: skip


@route(f"{D}userportrait")
def portrait(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Provinces, cities and devices of 1, 7 or 30 days' visitors; ages and sexes are invented shares."""
    first, last = span(emu, body)
    if last - first not in (0, 6, 29):
        raise ApiError(61501, "date range error")
    days = [emu.analytics.day(d) for d in range(first, last + 1)]

    def of(who: Any) -> dict[str, Any]:
        n, people = len(who), emu.world.people
        regions = np.bincount(people["region"][who], minlength=len(REGIONS)) if n else np.zeros(len(REGIONS), dtype=int)
        devices = np.bincount(people["device"][who], minlength=len(DEVICES)) if n else np.zeros(len(DEVICES), dtype=int)
        provinces: dict[str, int] = {}
        for (province, *_), v in zip(REGIONS, regions.tolist(), strict=True):
            provinces[province] = provinces.get(province, 0) + v
        return {"province": [{"id": i + 1, "name": k, "value": v} for i, (k, v) in enumerate(provinces.items()) if v],
                "city": [{"id": i + 1, "name": r[1], "value": int(v)} for i, (r, v) in enumerate(zip(REGIONS, regions.tolist(), strict=True)) if v],
                "genders": [{"id": 1, "name": "男", "value": n * 3 // 10}, {"id": 2, "name": "女", "value": n - n * 3 // 10}],
                "platforms": [{"id": i + 1, "name": d[0], "value": int(v)} for i, (d, v) in enumerate(zip(DEVICES, devices.tolist(), strict=True))],
                "devices": [], "ages": [{"id": 3, "name": "25-29岁", "value": n // 3}, {"id": 4, "name": "30-39岁", "value": n - n // 3}]}  # fmt: skip

    return {"ref_date": ds(first) if first == last else f"{ds(first)}-{ds(last)}", "visit_uv_new": of(np.unique(np.concatenate([d.new_people for d in days]))),
            "visit_uv": of(np.unique(np.concatenate([d.people for d in days]))), "_bare": True}  # fmt: skip


@route("/wxa/generate_urllink")
def url_link(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A link from outside WeChat, 30 days at most."""
    if len(text(body, "query", "")) > 1024:
        raise ApiError(40212, "invalid query")
    if whole(body, "expire_interval", 30) > 30:
        raise ApiError(85401, "expire over 30 days")
    return {"url_link": f"https://wxaurl.cn/demo{emu.world.number('urllink'):06d}"}


@route("/wxa/genwxashortlink")
def short_link(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A link for use inside WeChat."""
    text(body, "page_url")
    return {"link": f"#小程序://知味小集演示/demo{emu.world.number('shortlink'):06d}"}
