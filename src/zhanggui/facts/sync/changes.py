"""Walking a stream of changes: news by time of update with an overlap, the past by time of creation from now backwards.

    watermark            everything updated up to here is recorded
    cursor.since         when the first run began: only what happened since is announced, all before is history
    cursor.history       running / done
    cursor.began         when this reading of the history began
    cursor.windows       [start, end, count] of the past still to be read, newest first, epoch seconds, ends included
    cursor.late          id → times it did not come; asked again at every run

A window leaves the cursor in the transaction that records its last orders. What a killed run had read of a window is recognised by the time it
was recorded, so it is neither lost nor asked for twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zhanggui.facts import network
from zhanggui.facts.sync.fetching import Got, get_all
from zhanggui.facts.sync.run import Run, epoch
from zhanggui.facts.sync.stream import Changes
from zhanggui.kernel import clock
from zhanggui.wechat import errors

OVERLAP = timedelta(minutes=10)
"""The last minutes are read again: the platform's lists settle late, and clocks differ."""
NEWS_WINDOW = timedelta(days=1)
"""Span of a list call for news: what a long pause left is committed day by day."""
NEWS_EVERY = timedelta(minutes=5)
"""While a long history is read, news are read this often."""
PIECE = 200
"""Things per transaction."""
ABREAST = 12
"""Windows listed at once while the past is measured."""
TRIES = 10
"""Runs after which something that never comes is given up and noted."""


@dataclass(slots=True)
class _Piece:
    """Some ids of the past, and which windows are finished with them."""

    ids: list[str]
    windows: int = 0
    """How many windows, from the front of the list, are finished once this is recorded."""
    day: str = ""


def walk(run: Run, work: Changes) -> str:
    """Reads what is new and what of the past is missing; a sentence about it."""
    if "history" not in run.cursor:
        with run.commit():
            now = clock.now()
            run.state.watermark = now
            run.cursor.update(history="running", began=epoch(now))
            run.cursor.setdefault("since", epoch(now))
    _news(run, work)
    _late(run, work)
    if run.unfinished:
        _past(run, work)
    late = len(run.cursor.get("late", {}))
    rest = f"，{late} {work.unit}没有取到，下次再取" if late else ""
    return (f"读了 {run.state.done:,} {work.unit}" if run.state.done else "没有新变化") + rest


# -- news ------------------------------------------------------------------------------------------------------------------------


def _news(run: Run, work: Changes) -> None:
    """Everything updated since the watermark, oldest first; the watermark moves with each finished window."""
    until = clock.now()
    assert run.state.watermark is not None
    since = run.state.watermark - OVERLAP
    source, read = _news_source(run, work, since, until), 0
    for got, reached in network.stream(source):
        read += len(got.ids)
        with run.commit(done=0 if run.unfinished else len(got.ids)):  # of a history, the progress is the history's
            _record(run, work, got)
            if reached is not None:
                run.state.watermark = max(run.state.watermark, reached)
            run.say(f"读新变化 {read} {work.unit}")
        run.pause_if_asked()
    with run.commit():
        run.state.watermark = max(run.state.watermark, until)


def _news_source(run: Run, work: Changes, since: datetime, until: datetime) -> Any:
    client = run.client

    async def fetch(item: tuple[list[str], datetime | None]) -> tuple[Got, datetime | None]:
        ids, reached = item
        return await get_all(ids, lambda name: work.get(client, name)), reached

    async def pages() -> AsyncIterator[tuple[list[str], datetime | None]]:
        start = since
        while start <= until:
            end = min(until, start + min(NEWS_WINDOW, work.window) - timedelta(seconds=1))
            async for page in work.pages(client, start, end, "update"):
                yield page.items, datetime.fromtimestamp(page.end, UTC) if page.last else None
            start = end + timedelta(seconds=1)

    return lambda: network.ahead(pages(), fetch)


def _late(run: Run, work: Changes) -> None:
    """What did not come in earlier runs, once more."""
    late: dict[str, int] = dict(run.cursor.get("late", {}))
    if not late:
        return
    for ids in _cut(sorted(late), PIECE):
        got = network.run(get_all(ids, lambda name: work.get(run.client, name)))
        with run.commit():
            _record(run, work, got)


def _cut(items: list[str], size: int) -> list[list[str]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _record(run: Run, work: Changes, got: Got) -> None:
    """Records what came and keeps account of what did not; inside a commit."""
    if got.values:
        work.record(run.shop, got.values, datetime.fromtimestamp(run.cursor["since"], UTC))
    late: dict[str, int] = dict(run.cursor.get("late", {}))
    for name in got.ids:
        if name not in got.late:
            late.pop(name, None)
    for name, reason in got.gone.items():
        run.note(name, reason)
    for name, reason in got.late.items():
        late[name] = late.get(name, 0) + 1
        if late[name] >= TRIES:
            run.note(name, f"{TRIES} 次都没有取到：{reason}")
            del late[name]
    if late or "late" in run.cursor:
        run.cursor["late"] = late


# -- the past --------------------------------------------------------------------------------------------------------------------


def _past(run: Run, work: Changes) -> None:
    """The history still missing, newest first; news in between, so that a long history does not make today stale."""
    if "windows" not in run.cursor:
        _measure(run, work)
    since = datetime.fromtimestamp(run.cursor["began"], UTC)
    read_news = clock.now()
    while run.cursor["windows"]:
        for piece, got in network.stream(_past_source(run, work, _already(run, work, since))):
            with run.commit(done=len(piece.ids)):
                _record(run, work, got)
                del run.cursor["windows"][: piece.windows]
                run.say(f"读历史，到 {piece.day}")
            run.pause_if_asked()
            if clock.now() - read_news > NEWS_EVERY:
                break
        if run.cursor["windows"]:
            _news(run, work)
            read_news = clock.now()
    with run.commit():
        run.cursor.update(history="done")
        run.cursor.pop("windows", None)
        # What news or a killed run had read before its turn came was left out of the count.
        run.state.done = run.state.total or run.state.done


def _already(run: Run, work: Changes, since: datetime) -> set[str]:
    """What an interrupted run has recorded of the windows that come first."""
    start, end, _ = run.cursor["windows"][0]
    return work.known(run.shop, datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end + 1, UTC), since)


def _past_source(run: Run, work: Changes, already: set[str]) -> Any:
    client, windows = run.client, [tuple(window) for window in run.cursor["windows"]]

    async def fetch(piece: _Piece) -> tuple[_Piece, Got]:
        return piece, await get_all(piece.ids, lambda name: work.get(client, name))

    async def pieces() -> AsyncIterator[_Piece]:
        waiting, finished = list[str](), 0
        for start, end, _ in windows:
            day = f"{datetime.fromtimestamp(start, UTC).astimezone(run.shop.zone):%Y-%m-%d}"
            first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
            async for page in work.pages(client, first, last, "create"):
                waiting += [name for name in page.items if name not in already]
                while len(waiting) >= PIECE:
                    yield _Piece(waiting[:PIECE], finished, day)
                    waiting, finished = waiting[PIECE:], 0
            finished += 1
        yield _Piece(waiting, finished)

    return lambda: network.ahead(pieces(), fetch)


def _measure(run: Run, work: Changes) -> None:
    """Counts the past window by window, so that progress has an end and empty stretches are not walked twice."""
    began = datetime.fromtimestamp(run.cursor["began"], UTC)
    found: list[list[int]] = []
    for windows in network.stream(lambda: _counted(run, work, began)):
        found += [w for w in windows if w[2]]
        with run.commit():
            run.say(f"数一数有多少：{sum(w[2] for w in found)} {work.unit}")
        run.pause_if_stopping()
    with run.commit():
        run.cursor["windows"] = found
        run.state.total = run.state.done + sum(w[2] for w in found)


async def _counted(run: Run, work: Changes, began: datetime) -> AsyncIterator[list[list[int]]]:
    """Windows of the past, newest first, with how many things were created in each; ends after a long silence or where the platform ends."""
    length, quiet, end, asked = int(work.window.total_seconds()), 0, epoch(began), 0
    while end > 0 and quiet < work.quiet.total_seconds():
        spans = [(max(0, end - (n + 1) * length + 1), end - n * length) for n in range(ABREAST)]
        end -= ABREAST * length
        windows: list[list[int]] = []
        for (start, stop), count in zip(
            spans, await network.each_plain(spans, lambda span: _count(run, work, span)), strict=True
        ):
            if isinstance(count, errors.Refused):
                if asked == 0:
                    raise count  # the platform lists nothing at all: that is no beginning of history
                yield windows
                return
            asked += 1
            windows.append([start, stop, count])
            quiet = 0 if count else quiet + length
            if quiet >= work.quiet.total_seconds():
                break
        yield windows


async def _count(run: Run, work: Changes, span: tuple[int, int]) -> int | errors.Refused:
    """How many things were created in a window, or the refusal of so early a time."""
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in span)
    count = 0
    try:
        async for page in work.pages(run.client, first, last, "create"):
            count += len(page.items)
    except errors.Refused as refusal:
        return refusal
    return count
