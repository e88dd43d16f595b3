"""微信广告 (Tencent Marketing API v3) for one account: cost reports. Conversion upload is in `wechat.writes.ads`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any

from zhanggui.wechat.client import AdsAccount, Client
from zhanggui.wechat.schemas import ads
from zhanggui.wechat.walks import walk_numbers

REPORT_FIELDS = (
    "date",
    "adgroup_id",
    "cost",
    "view_count",
    "valid_click_count",
    "conversions_count",
    "conversions_cost",
    "from_follow_uv",
    "biz_follow_uv",
    "scan_follow_count",
    "wecom_add_personal_dedup_pv",
    "order_pv",
    "order_uv",
    "order_amount",
    "order_clk_7d_amount",
    "biz_reg_uv",
)
"""Columns needed for cost per channel."""
PAGE = 100


class AdsClient(Client):
    """Reads one advertiser's reports; cost in 分, complete for yesterday after about 08:00."""

    async def daily_reports(
        self,
        first: date,
        last: date,
        *,
        level: str = "REPORT_LEVEL_ADGROUP",
        group_by: Sequence[str] = ("date", "adgroup_id"),
        fields: Sequence[str] = REPORT_FIELDS,
        **more: Any,
    ) -> AsyncIterator[ads.AdsReportRow]:
        """Report rows of the days from `first` to `last`."""
        async for row in self._reports("ads.daily_reports.get", first, last, level, group_by, fields, more):
            yield row

    async def hourly_reports(
        self,
        day: date,
        *,
        level: str = "REPORT_LEVEL_ADGROUP",
        group_by: Sequence[str] = ("hour", "adgroup_id"),
        fields: Sequence[str] = ("hour", *REPORT_FIELDS[1:]),
        **more: Any,
    ) -> AsyncIterator[ads.AdsReportRow]:
        """Report rows of one day by hour."""
        async for row in self._reports("ads.hourly_reports.get", day, day, level, group_by, fields, more):
            yield row

    async def _reports(
        self, name: str, first: date, last: date, level: str, group_by: Sequence[str], fields: Sequence[str], more: dict[str, Any]
    ) -> AsyncIterator[ads.AdsReportRow]:
        account = self.caller.account
        account_id = account.account_id if isinstance(account, AdsAccount) else ""

        async def fetch(number: int) -> tuple[list[ads.AdsReportRow], int | None]:
            reply: ads.AdsReportReply = await self.call(
                name,
                account_id=account_id,
                level=level,
                date_range={"start_date": first.isoformat(), "end_date": last.isoformat()},
                group_by=list(group_by),
                fields=list(fields),
                page=number,
                page_size=PAGE,
                **more,
            )
            if reply.data is None:
                return [], 0
            return reply.data.list, reply.data.page_info.total_number if reply.data.page_info else None

        async for page in walk_numbers(fetch, page_size=PAGE):
            for row in page.items:
                yield row
