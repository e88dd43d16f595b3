"""微信广告: what each ad group cost on each day. At most a year back; yesterday is complete after 08:00. Source: fact sheet 11."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from zhanggui.facts.commands import SpendRow, record_spend
from zhanggui.facts.models import Shop
from zhanggui.facts.sync.stream import Days, Stream
from zhanggui.wechat.ads import AdsClient
from zhanggui.wechat.schemas import ads as schemas
from zhanggui.wechat.schemas.open_platform import day_of

CHANNEL, SOURCE = "ads", "ads"


async def _reports(client: AdsClient, first: date, last: date, _: Any) -> list[schemas.AdsReportRow]:
    return [row async for row in client.daily_reports(first, last)]


def _record_reports(shop: Shop, first: date, last: date, rows: list[schemas.AdsReportRow]) -> bool:
    record_spend(shop, [spend for row in rows if (spend := spend_of(row)) is not None], source=SOURCE)
    return any(row.cost for row in rows)


def spend_of(row: schemas.AdsReportRow) -> SpendRow | None:
    """A report row as spend; None where it names no day or its cost is below nothing (a correction the platform books itself)."""
    try:
        day = day_of(row.date or "")
    except ValueError:
        return None
    if row.cost < 0:
        return None
    return SpendRow(
        day, CHANNEL, row.cost, row.adgroup_id or "", row.view_count, row.valid_click_count, row.biz_reg_uv, row.order_pv, row.order_amount
    )  # fmt: skip


STREAMS: tuple[Stream, ...] = (
    Stream(
        "spend", Days(_reports, _record_reports, ready=8, history=364, span=30, again=(1, 2, 3, 7), quiet=400),
        timedelta(hours=1), priority=4,
    ),
)  # fmt: skip
