"""The settable clock and a shop's business calendar."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_set_to: datetime | None = None
_shift: timedelta = timedelta(0)


def now() -> datetime:
    """The present moment in UTC, or the moment a test or a demo has set."""
    return _set_to if _set_to is not None else datetime.now(UTC) + _shift


def today(zone: ZoneInfo = SHANGHAI) -> date:
    """The business day it is now at the shop."""
    return day_of(now(), zone)


def day_of(moment: datetime, zone: ZoneInfo = SHANGHAI) -> date:
    """The business day of an aware `moment`; a naive one raises ValueError, because it has no day."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone to have a business day")
    return moment.astimezone(zone).date()


def day_start(day: date, zone: ZoneInfo = SHANGHAI) -> datetime:
    """The UTC moment at which the shop's `day` begins."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def day_span(first: date, last: date, zone: ZoneInfo = SHANGHAI) -> tuple[datetime, datetime]:
    """The half-open UTC interval [start, end) that covers the shop days `first` to `last`, both included."""
    return day_start(first, zone), day_start(last + timedelta(days=1), zone)


def week_of(day: date) -> date:
    """The Monday of the week that holds `day`."""
    return day - timedelta(days=day.weekday())


def days(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    while first <= last:
        yield first
        first += timedelta(days=1)


@contextlib.contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Holds `now()` at `moment` inside the block."""
    global _set_to
    if moment.tzinfo is None:
        raise ValueError("the clock needs a time zone")
    before, _set_to = _set_to, moment.astimezone(UTC)
    try:
        yield
    finally:
        _set_to = before


def shift(by: timedelta) -> None:
    """Lets the clock run `by` ahead of (or behind) the machine's, for drills and demos."""
    global _shift
    _shift = by
