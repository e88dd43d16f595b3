"""小程序 for one app: the daily figures the platform computes. They are T+1 and whole-app: no channel split, no persons.

Before the figures of a day are ready the calls raise NotReadyYet: ask again in an hour.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Any

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import open_platform as op


def _span(first: date, last: date | None = None) -> dict[str, Any]:
    return {"begin_date": first.strftime("%Y%m%d"), "end_date": (last or first).strftime("%Y%m%d")}


class MiniProgramClient(Client):
    """Reads one mini program's analytics."""

    async def summary(self, day: date) -> op.SummaryRow | None:
        """Accumulated users and shares of a day."""
        reply: op.SummaryReply = await self.call("datacube.getweanalysisappiddailysummarytrend", **_span(day))
        return reply.list[0] if reply.list else None

    async def visits(self, day: date) -> op.VisitRow | None:
        """Sessions, visits, new visitors, depth and stay of a day."""
        reply: op.VisitReply = await self.call("datacube.getweanalysisappiddailyvisittrend", **_span(day))
        return reply.list[0] if reply.list else None

    async def weekly_visits(self, monday: date) -> op.VisitRow | None:
        """The same for the week that begins on `monday`."""
        if monday.weekday():
            raise ValueError("a week begins on Monday")
        reply: op.VisitReply = await self.call(
            "datacube.getweanalysisappidweeklyvisittrend", **_span(monday, monday + timedelta(days=6))
        )
        return reply.list[0] if reply.list else None

    async def monthly_visits(self, month: date) -> op.VisitRow | None:
        """The same for the month of `month`."""
        first = month.replace(day=1)
        last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
        reply: op.VisitReply = await self.call("datacube.getweanalysisappidmonthlyvisittrend", **_span(first, last))
        return reply.list[0] if reply.list else None

    async def pages(self, day: date) -> list[op.PageRow]:
        """The most visited pages of a day."""
        reply: op.PageReply = await self.call("datacube.getweanalysisappidvisitpage", **_span(day))
        return reply.list

    async def distribution(self, day: date) -> dict[str, dict[int, int]]:
        """Source, stay and depth of a day's sessions: index → key → count (access_depth_info key 1 = one page)."""
        reply: op.DistributionReply = await self.call("datacube.getweanalysisappidvisitdistribution", **_span(day))
        return {row.index: {item.key: item.value for item in row.item_list if item.key is not None} for row in reply.list}

    async def retention(self, day: date) -> op.RetainReply:
        """Visitors of a day who came back 1…7, 14, 30 days later; ask again later to fill later days."""
        reply: op.RetainReply = await self.call("datacube.getweanalysisappiddailyretaininfo", **_span(day))
        return reply

    async def portrait(self, last: date, days: int = 1) -> op.PortraitReply:
        """Visitors of 1, 7 or 30 days up to `last` by place, gender, age and device."""
        if days not in (1, 7, 30):
            raise ValueError("a portrait covers 1, 7 or 30 days")
        reply: op.PortraitReply = await self.call(
            "datacube.getweanalysisappiduserportrait", **_span(last - timedelta(days=days - 1), last)
        )
        return reply
