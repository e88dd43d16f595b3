"""Lists that page by key, counts that never scan a million rows for a footnote, and dates from a query string."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Model, Q, QuerySet

from zhanggui.doors.ui.values import Cursor
from zhanggui.kernel import clock
from zhanggui.kernel.errors import BadInput

M = TypeVar("M", bound=Model)
PAGE = 50
COUNT_UP_TO = 2000
"""A filtered list is counted exactly up to here; beyond, "more than" is enough for a person."""


def token(*parts: Any) -> str:
    """An opaque page token."""
    return base64.urlsafe_b64encode(json.dumps(parts, default=str).encode()).decode().rstrip("=")


def untoken(text: str, size: int) -> list[Any]:
    """The parts of a token. Raises BadInput for one we did not make."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(parts, list) or len(parts) != size:
            raise ValueError("wrong size")
    except ValueError:
        raise BadInput("翻页的位置不对", remedy="请从第一页重新看") from None
    return parts


def by_moment(rows: QuerySet[M], field: str, after: str, size: int = PAGE) -> tuple[list[M], str | None]:
    """A page of `rows`, newest first by (`field`, id), beginning behind the token `after`; and the next token.

    Both keys are in one index, so a late page costs what the first one does.
    """
    rows = rows.order_by(f"-{field}", "-id")
    if after:
        moment, pk = untoken(after, 2)
        try:
            at = datetime.fromisoformat(str(moment))
            key = int(pk)
        except ValueError:
            raise BadInput("翻页的位置不对", remedy="请从第一页重新看") from None
        rows = rows.filter(Q(**{f"{field}__lte": at}) & (Q(**{f"{field}__lt": at}) | Q(id__lt=key)))
    found = list(rows[: size + 1])
    if len(found) <= size:
        return found, None
    last = found[size - 1]
    return found[:size], token(getattr(last, field).isoformat(), last.pk)


def by_number(rows: QuerySet[M], field: str, after: str, size: int = PAGE) -> tuple[list[M], str | None]:
    """A page of `rows`, highest first by a unique whole number."""
    rows = rows.order_by(f"-{field}")
    if after:
        try:
            rows = rows.filter(**{f"{field}__lt": int(untoken(after, 1)[0])})
        except (TypeError, ValueError):
            raise BadInput("翻页的位置不对", remedy="请从第一页重新看") from None
    found = list(rows[: size + 1])
    if len(found) <= size:
        return found, None
    return found[:size], token(getattr(found[size - 1], field))


def cursor(rows: QuerySet[Any], shown: int, next_token: str | None, after: str, *, whole: str = "") -> Cursor:
    """Where the list stands, with how many rows there are.

    `whole` is the cache key of an unfiltered list, whose count is kept for five minutes; a filtered one is counted up to a limit.
    """
    if not after and next_token is None:
        return Cursor(None, True, shown, shown, True)
    if whole:
        known = cache.get(f"desk.count.{whole}")
        if known is None:
            known = rows.order_by().count()
            cache.set(f"desk.count.{whole}", known, 300)
        return Cursor(next_token, not after, shown, known, known <= COUNT_UP_TO)
    known = rows.order_by().values("pk")[: COUNT_UP_TO + 1].count()
    return Cursor(next_token, not after, shown, min(known, COUNT_UP_TO) if known else shown, known <= COUNT_UP_TO)


def day_from(text: str) -> date | None:
    """A day of a query string; None for an empty one. Raises BadInput."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("日期看不懂", remedy="请用 2026-11-24 这样的写法") from None


SPANS: Sequence[tuple[str, str, int]] = (
    ("7", "近 7 天", 7),
    ("30", "近 30 天", 30),
    ("90", "近 90 天", 90),
    ("365", "近一年", 365),
)


def span_from(query: Any, zone: Any, default: int = 30) -> tuple[date, date, str]:
    """(first, last, key) of the period a page shows: `from`/`to` days, else `days`, ending yesterday's next day, today.

    At most three years. Raises BadInput when the days are the wrong way round.
    """
    first, last = day_from(query.get("from", "")), day_from(query.get("to", ""))
    today = clock.today(zone)
    if first or last:
        last = last or today
        first = first or last - timedelta(days=default - 1)
        if first > last:
            raise BadInput("起始日期在结束日期之后", remedy="请把两个日期对调")
        if (last - first).days > 1100:
            raise BadInput("一次最多看三年", remedy="请缩短日期范围")
        return first, last, "own"
    text = query.get("days", "") or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 1100:
        raise BadInput("天数看不懂", remedy="请填 1 到 1100")
    return today - timedelta(days=int(text) - 1), today, text
