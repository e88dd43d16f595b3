"""Lists that page by key, counts that never scan a million rows for a footnote, and dates from a query string."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Model, Q, QuerySet

from zhanggui.doors.ui.values import Cursor
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


COUNT_KEPT = 300
"""Seconds for which a count is remembered."""


def cursor(rows: QuerySet[Any], shown: int, next_token: str | None, after: str, *, whole: bool = False, key: str = "") -> Cursor:
    """Where the list stands, with how many rows there are.

    A `whole` (unfiltered) list is counted exactly, a filtered one up to a limit and from its top, where its pages begin. The count is
    remembered under `key`, so that paging on does not count again.
    """
    if not after and next_token is None:
        return Cursor(None, True, shown, shown, True)
    known = cache.get(f"desk.count.{key}") if key else None
    if known is None:
        known = rows.order_by().count() if whole else rows.values("pk")[: COUNT_UP_TO + 1].count()
        if key:
            cache.set(f"desk.count.{key}", known, COUNT_KEPT)
    exact = known <= COUNT_UP_TO
    return Cursor(next_token, not after, shown, known if whole or exact else COUNT_UP_TO, whole or exact)


def day_from(text: str) -> date | None:
    """A day of a query string; None for an empty one. Raises BadInput."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("日期看不懂", remedy="请用 2026-11-24 这样的写法") from None


SPANS: Sequence[tuple[str, str]] = (("7", "近 7 天"), ("30", "近 30 天"), ("90", "近 90 天"), ("365", "近一年"))
LONGEST = 1100
"""Days a page shows at most: three years."""


@dataclass(frozen=True)
class Period:
    """The days a page is about. `key` is the number of days back from `ends`, or "own" for days somebody chose."""

    first: date
    last: date
    key: str
    ends: date
    """The last day that can be asked for: the last one observed."""

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> tuple[date, date]:
        """As many days before it."""
        return self.first - timedelta(days=self.days), self.first - timedelta(days=1)

    @property
    def query(self) -> str:
        """The period as a query string."""
        return f"from={self.first}&to={self.last}" if self.key == "own" else f"days={self.key}"


def period_from(query: Any, ends: date, default: int = 30) -> Period:
    """The period a query string asks for: `from`/`to`, else `days` back from `ends`, else `default` of them.

    Raises BadInput for days that cannot be read, are the wrong way round, or are more than three years.
    """
    first, last = day_from(query.get("from", "")), day_from(query.get("to", ""))
    if first or last:
        last = last or ends
        first = first or last - timedelta(days=default - 1)
        if first > last:
            raise BadInput("起始日期在结束日期之后", remedy="请把两个日期对调")
        if (last - first).days >= LONGEST:
            raise BadInput("一次最多看三年", remedy="请缩短日期范围")
        return Period(first, last, "own", ends)
    text = query.get("days", "") or str(default)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= LONGEST:
        raise BadInput("天数看不懂", remedy=f"请填 1 到 {LONGEST}")
    return Period(ends - timedelta(days=int(text) - 1), ends, str(int(text)), ends)
