"""小程序: the figures the platform computes of each day. One call a day, T+1, ready in the morning; source: mini-program fact sheet 7."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from zhanggui.facts.commands import record_daily_visit, record_pages
from zhanggui.facts.models import Shop
from zhanggui.facts.sync.stream import Days, Stream
from zhanggui.wechat.mini_program import MiniProgramClient
from zhanggui.wechat.schemas import open_platform as schemas

_READY = 7
"""Before it yesterday is never there; "not ready" after it is asked again hourly."""
_HISTORY = 730
_RETAINED = (1, 2, 3, 4, 5, 6, 7, 14, 30)
"""Ages at which a day's retention grows by a figure, so that the day is read once more."""


async def _summary(client: MiniProgramClient, first: date, last: date, _: Any) -> schemas.SummaryRow | None:
    return await client.summary(first)


def _record_summary(shop: Shop, first: date, last: date, row: schemas.SummaryRow | None) -> bool:
    if row is None:
        return False
    record_daily_visit(shop, first, total_visitors=row.visit_total, share_views=row.share_pv, share_visitors=row.share_uv)
    return bool(row.visit_total)


async def _visits(client: MiniProgramClient, first: date, last: date, _: Any) -> schemas.VisitRow | None:
    return await client.visits(first)


def _record_visits(shop: Shop, first: date, last: date, row: schemas.VisitRow | None) -> bool:
    if row is None:
        return False
    record_daily_visit(
        shop, first, sessions=row.session_cnt, page_views=row.visit_pv, visitors=row.visit_uv, new_visitors=row.visit_uv_new,
        stay_seconds_per_session=row.stay_time_session, visit_depth=row.visit_depth,
    )  # fmt: skip
    return bool(row.session_cnt or row.visit_pv)


async def _pages(client: MiniProgramClient, first: date, last: date, _: Any) -> list[schemas.PageRow]:
    return await client.pages(first)


def _record_pages(shop: Shop, first: date, last: date, rows: list[schemas.PageRow]) -> bool:
    record_pages(
        shop, first,
        (
            {
                "page": row.page_path, "views": row.page_visit_pv, "visitors": row.page_visit_uv, "entries": row.entrypage_pv,
                "exits": row.exitpage_pv, "shares": row.page_share_pv, "stay_seconds": row.page_staytime_pv,
            }
            for row in rows
        ),
    )  # fmt: skip
    return bool(rows)


async def _depth(client: MiniProgramClient, first: date, last: date, _: Any) -> dict[str, dict[int, int]]:
    return await client.distribution(first)


def _record_depth(shop: Shop, first: date, last: date, found: dict[str, dict[int, int]]) -> bool:
    depth, sources = found.get("access_depth_info"), found.get("access_source_session_cnt")
    record_daily_visit(shop, first, depth=_texts(depth), sources=_texts(sources))
    return bool(depth)


def _texts(counts: dict[int, int] | None) -> dict[str, int] | None:
    """With text keys, as JSON keeps them: so that a second reading of the same is seen to be the same."""
    return {str(key): value for key, value in counts.items()} if counts else None


async def _retention(client: MiniProgramClient, first: date, last: date, _: Any) -> schemas.RetainReply:
    return await client.retention(first)


def _record_retention(shop: Shop, first: date, last: date, reply: schemas.RetainReply) -> bool:
    new = {str(row.key): row.value for row in reply.visit_uv_new if row.key is not None}
    everybody = {str(row.key): row.value for row in reply.visit_uv if row.key is not None}
    if new or everybody:
        record_daily_visit(shop, first, retention={"new": new, "all": everybody})
    return bool(new.get("0") or everybody.get("0"))


_HOURLY = timedelta(hours=1)
STREAMS: tuple[Stream, ...] = (
    Stream("mini_visits", Days(_visits, _record_visits, _READY, _HISTORY, again=(1,)), _HOURLY, priority=5),
    Stream("mini_depth", Days(_depth, _record_depth, _READY, _HISTORY, again=(1,)), _HOURLY, priority=5),
    Stream("mini_summary", Days(_summary, _record_summary, _READY, _HISTORY, again=(1,)), _HOURLY, priority=4),
    Stream("mini_pages", Days(_pages, _record_pages, _READY, _HISTORY, again=(1,)), _HOURLY, priority=4),
    Stream("mini_retention", Days(_retention, _record_retention, _READY, _HISTORY, again=_RETAINED), _HOURLY, priority=4),
)
