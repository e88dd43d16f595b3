"""Walking figures per day: the new days with late corrections of the last ones, then the past from yesterday backwards.

    watermark         the end of the newest recorded day
    cursor.oldest     the earliest day recorded
    cursor.history    running / done

A span of days and the move of both ends are one transaction. "Not ready" leaves the day for the next hour.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

from zhanggui.facts import network
from zhanggui.facts.sync.run import Run
from zhanggui.facts.sync.stream import Days
from zhanggui.kernel import clock
from zhanggui.wechat import errors

ABREAST = 6
"""Spans under way at once."""
_DAY = timedelta(days=1)
_LATE = 2
"""Days by which the platform's newest figures may be late on a first run."""


def newest_ready(work: Days, now: datetime) -> date:
    """The newest day whose figures are asked for at `now`: yesterday once its hour has come."""
    local = now.astimezone(clock.SHANGHAI)
    return local.date() - _DAY * (1 if local.hour >= work.ready else 2)


def reached(watermark: datetime | None) -> date | None:
    """The newest recorded day of a watermark."""
    return None if watermark is None else watermark.astimezone(clock.SHANGHAI).date() - _DAY


def walk(run: Run, work: Days) -> str:
    """Reads the days that are due; a sentence about it."""
    needs = network.run(work.prepare(run.client)) if work.prepare is not None else None
    newest = newest_ready(work, clock.now())
    if "history" not in run.cursor:
        with run.commit():
            run.cursor.update(history="running")
            run.state.total = work.history
    behind = _news(run, work, newest, needs)
    if run.unfinished:
        _whole_past(run, work, newest, needs)
    known = reached(run.state.watermark)
    return behind or (f"到 {known:%Y-%m-%d} 为止" if known else "还没有数据")


def _news(run: Run, work: Days, newest: date, needs: Any) -> str:
    """The days after the watermark, and once more the ones that still change; what is missing, in words."""
    known = reached(run.state.watermark)
    if known is not None and known >= newest and not run.unfinished:
        return ""
    floor = newest - _DAY * (work.history - 1)
    fresh = [] if known is None else list(clock.days(max(known + _DAY, floor), newest))
    oldest = _oldest(run)
    again = [newest - _DAY * n for n in work.again if oldest is not None and oldest <= newest - _DAY * n <= (known or oldest)]
    if oldest is not None and run.cursor.get("again") == newest.isoformat():
        again = []
    # The latest correction goes first, so that the watermark only moves on when everything before it is right.
    for first, last in [*_spans(sorted(again), work.span), *_spans(fresh, work.span)]:
        try:
            figures: Any = network.run(work.fetch(run.client, first, last, needs))
        except errors.NotReadyYet:
            return f"{last:%m-%d} 的数据平台还没有算好，一小时后再取"
        except errors.Refused as refusal:
            if last < newest:
                raise
            return f"{last:%m-%d} 的数据平台还没有给出（{refusal.message}），一小时后再取"
        with run.commit(done=(last - first).days + 1):
            work.record(run.shop, first, last, figures)
            if known is None or last > known:
                known = last
                run.state.watermark = clock.day_start(last + _DAY, clock.SHANGHAI)
            run.say(f"读到 {last:%Y-%m-%d}")
        run.pause_if_asked()
    with run.commit():
        run.cursor["again"] = newest.isoformat()
    return ""


def _oldest(run: Run) -> date | None:
    text = run.cursor.get("oldest")
    return date.fromisoformat(text) if text else None


def _spans(days: list[date], longest: int) -> list[tuple[date, date]]:
    """Ascending days as spans of consecutive ones, each of at most `longest` days."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day == spans[-1][1] + _DAY and (day - spans[-1][0]).days < longest:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _whole_past(run: Run, work: Days, newest: date, needs: Any) -> None:
    """The past from the newest day that the platform gives: it may be late by a day or two."""
    floor = newest - _DAY * (work.history - 1)
    for late in range(_LATE + 1):
        oldest = _oldest(run)
        try:
            _past(run, work, newest - _DAY * late if oldest is None else oldest - _DAY, floor, needs)
            break
        except (errors.Refused, errors.NotReadyYet):
            if _oldest(run) is not None:
                break  # some days came: this is where the platform's history begins
            if late == _LATE:
                raise
    with run.commit():
        run.cursor.update(history="done")


def _past(run: Run, work: Days, top: date, floor: date, needs: Any) -> None:
    """The days from `top` backwards to `floor`, or until nothing comes for long."""
    silent = 0
    for first, last, figures in network.stream(lambda: _past_source(run, work, top, floor, needs)):
        with run.commit(done=(last - first).days + 1):
            there = work.record(run.shop, first, last, figures)
            if run.state.watermark is None:
                run.state.watermark = clock.day_start(last + _DAY, clock.SHANGHAI)
            run.cursor["oldest"] = first.isoformat()
            run.say(f"读历史，到 {first:%Y-%m-%d}")
        silent = 0 if there else silent + (last - first).days + 1
        if silent >= work.quiet:
            return
        run.pause_if_asked()


async def _past_source(run: Run, work: Days, top: date, floor: date, needs: Any) -> AsyncIterator[tuple[date, date, Any]]:
    async def spans() -> AsyncIterator[tuple[date, date]]:
        last = top
        while last >= floor:
            first = max(floor, last - _DAY * (work.span - 1))
            yield first, last
            last = first - _DAY

    async def fetch(span: tuple[date, date]) -> tuple[date, date, Any]:
        return *span, await work.fetch(run.client, *span, needs)

    async for found in network.ahead(spans(), fetch, depth=ABREAST):
        yield found
