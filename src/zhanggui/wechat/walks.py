"""Walking lists page by page and long spans window by window (pure of any platform: the calls are arguments)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from zhanggui.wechat.errors import UnreadableReply, WalkBroken, WindowTooLarge

T = TypeVar("T")
RESTARTS = 3
MOST_PAGES = 100_000


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a walk. `start` and `end` are its window (epoch seconds, end included); `last` says the window is finished."""

    items: list[T]
    start: int = 0
    end: int = 0
    cursor: str = ""
    last: bool = False
    total: int | None = None


def windows(start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """The spans of at most `longest` seconds that cover [start, end], ends included and not overlapping."""
    while start <= end:
        stop = min(end, start + longest - 1)
        yield start, stop
        start = stop + 1


FetchWindow = Callable[[int, int, str], Awaitable[tuple[list[T], str, bool]]]
"""(start, end, cursor) → items, next cursor, whether there is more."""


async def walk_windows(start: int, end: int, longest: int, fetch: FetchWindow[T]) -> AsyncIterator[Page[T]]:
    """Every page of every window from `start` to `end`.

    "Too many" halves the window; a refused cursor starts the window again, without giving items twice. A window of one second that is still
    too large raises WindowTooLarge.
    """
    waiting = list(windows(start, end, longest))[::-1]
    while waiting:
        first, last = waiting.pop()
        cursor, restarts, seen, pages = "", 0, set[T](), 0
        while True:
            try:
                items, following, more = await fetch(first, last, cursor)
            except WindowTooLarge:
                if first >= last:
                    raise
                middle = (first + last) // 2
                waiting += [(middle + 1, last), (first, middle)]
                break
            except WalkBroken:
                restarts += 1
                if restarts > RESTARTS:
                    raise
                cursor = ""
                continue
            pages += 1
            fresh = [item for item in items if item not in seen]
            seen.update(fresh)
            done = not more or not following or following == cursor
            if fresh or done:
                yield Page(fresh, first, last, "" if done else following, done)
            if done:
                break
            if pages >= MOST_PAGES:
                raise UnreadableReply("翻页没有尽头")
            cursor = following


async def walk_cursor(fetch: Callable[[str], Awaitable[tuple[list[T], str]]], *, page_size: int = 0) -> AsyncIterator[Page[T]]:
    """Every page of a list with a cursor; stops on an empty or unchanged cursor, or a short page when `page_size` is given."""
    cursor = ""
    for _ in range(MOST_PAGES):
        items, following = await fetch(cursor)
        done = not following or following == cursor or (page_size > 0 and len(items) < page_size)
        yield Page(items, cursor="" if done else following, last=done)
        if done:
            return
        cursor = following
    raise UnreadableReply("翻页没有尽头")


async def walk_numbers(
    fetch: Callable[[int], Awaitable[tuple[list[T], int | None]]], *, page_size: int, first: int = 1, step: int = 1
) -> AsyncIterator[Page[T]]:
    """Every page of a list numbered from `first` (or by offset, with `step` = page size); stops on a short page or at the total."""
    number, count = first, 0
    for _ in range(MOST_PAGES):
        items, total = await fetch(number)
        count += len(items)
        done = not items or len(items) < page_size or (total is not None and total > 0 and count >= total)
        yield Page(items, cursor=str(number + step), last=done, total=total)
        if done:
            return
        number += step
    raise UnreadableReply("翻页没有尽头")


def seconds(moment: datetime) -> int:
    """The epoch second of an aware moment."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return int(moment.timestamp())


def ds(day: date) -> str:
    """A day as the compass writes it: 20251220."""
    return day.strftime("%Y%m%d")
