"""公众号: articles by the day they were published, each with its sums for the thirty days that follow. Source: fact sheet 3."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from zhanggui.facts.commands import ReadRow, record_reads
from zhanggui.facts.models import Shop
from zhanggui.facts.sync.stream import Days, Stream
from zhanggui.wechat.official_account import OfficialAccountClient
from zhanggui.wechat.schemas import open_platform as schemas

GROWS = 30
"""Days after publication for which the platform gives sums."""


async def _articles(client: OfficialAccountClient, first: date, last: date, _: Any) -> schemas.ArticleTotalReply:
    return await client.article_totals(first)


def _record_articles(shop: Shop, first: date, last: date, reply: schemas.ArticleTotalReply) -> bool:
    rows = [row for article in reply.list for row in rows_of(article, first)]
    record_reads(shop, rows)
    return bool(rows)


def rows_of(article: schemas.ArticleTotalRow, published: date) -> list[ReadRow]:
    """An article's sums, one row per day; days that cannot be read are left out."""
    found = []
    for total in article.detail_list:
        try:
            day = schemas.day_of(total.stat_date)
        except ValueError:
            continue
        found.append(
            ReadRow(
                article.msgid or "", day, article.title, published, total.read_user or 0, total.share_user or 0,
                (total.like_user or 0) + (total.zaikan_user or 0), total.read_subscribe_user or 0,
                extra={
                    "comments": total.comment_count, "collected": total.collection_user, "finish_rate": total.read_finish_rate,
                    "delivery_rate": total.read_delivery_rate, "url": article.content_url,
                    "sources": {s.scene_desc: s.user_count for s in total.read_user_source},
                },
            )
        )  # fmt: skip
    return found


STREAMS: tuple[Stream, ...] = (
    Stream(
        "articles",
        Days(_articles, _record_articles, ready=8, history=365, again=tuple(range(1, GROWS + 1)), quiet=365),
        timedelta(hours=1), priority=4,
    ),
)  # fmt: skip
