"""公众号 for one account: article and follower statistics, followers, drafts as they are. Publishing and sending are in `wechat.writes`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Any

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import open_platform as op


def _span(first: date, last: date | None) -> dict[str, Any]:
    return {"begin_date": first.isoformat(), "end_date": (last or first).isoformat()}


class OfficialAccountClient(Client):
    """Reads one 公众号. Days are China days, yesterday at the latest."""

    async def article_reads(self, day: date) -> op.ArticleReply:
        """Articles read on a day."""
        reply: op.ArticleReply = await self.call("datacube.getarticleread", **_span(day, None))
        return reply

    async def article_shares(self, day: date) -> op.ArticleReply:
        """Articles shared on a day."""
        reply: op.ArticleReply = await self.call("datacube.getarticleshare", **_span(day, None))
        return reply

    async def account_day(self, day: date) -> op.ArticleReply:
        """The whole account on a day."""
        reply: op.ArticleReply = await self.call("datacube.getbizsummary", **_span(day, None))
        return reply

    async def article_totals(self, day: date) -> op.ArticleTotalReply:
        """Articles published on a day, with their sums for every later day up to 30."""
        reply: op.ArticleTotalReply = await self.call("datacube.getarticletotaldetail", **_span(day, None))
        return reply

    async def old_article_summary(self, day: date) -> op.OldArticleReply:
        """The retired daily figures, for back-fill."""
        reply: op.OldArticleReply = await self.call("datacube.getarticlesummary", **_span(day, None))
        return reply

    async def old_article_totals(self, day: date) -> op.OldArticleTotalReply:
        """The retired sums per article, for back-fill."""
        reply: op.OldArticleTotalReply = await self.call("datacube.getarticletotal", **_span(day, None))
        return reply

    async def follower_changes(self, first: date, last: date) -> list[op.UserSummaryRow]:
        """Followers won and lost per day and source, seven days a call."""
        found: list[op.UserSummaryRow] = []
        while first <= last:
            until = min(last, first + timedelta(days=6))
            reply: op.UserSummaryReply = await self.call("datacube.getusersummary", **_span(first, until))
            found += reply.list
            first = until + timedelta(days=1)
        return found

    async def follower_totals(self, first: date, last: date) -> list[op.UserCumulateRow]:
        """Followers in all per day, seven days a call."""
        found: list[op.UserCumulateRow] = []
        while first <= last:
            until = min(last, first + timedelta(days=6))
            reply: op.UserCumulateReply = await self.call("datacube.getusercumulate", **_span(first, until))
            found += reply.list
            first = until + timedelta(days=1)
        return found

    async def followers(self) -> AsyncIterator[str]:
        """Openids of all followers, 10 000 a page."""
        after = ""
        while True:
            reply: op.FollowerListReply = await self.call("user.get", next_openid=after or None)
            ids = reply.data.openid if reply.data is not None else []
            for openid in ids:
                yield openid
            if not ids or not reply.next_openid or reply.next_openid == after:
                return
            after = reply.next_openid

    async def follower_details(self, openids: Sequence[str]) -> list[op.Follower]:
        """Details of followers, a hundred a call."""
        found: list[op.Follower] = []
        for at in range(0, len(openids), 100):
            users = [{"openid": openid, "lang": "zh_CN"} for openid in openids[at : at + 100]]
            reply: op.FollowerBatchReply = await self.call("user.info.batchget", user_list=users)
            found += reply.user_info_list
        return found

    async def publish_state(self, publish_id: str) -> op.PublishReply:
        """How far a publish job is."""
        reply: op.PublishReply = await self.call("freepublish.get", publish_id=publish_id)
        return reply
