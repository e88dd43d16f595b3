"""Who asks for a sync: a person, or the clock for everything that is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zhanggui.facts.commands import inbound
from zhanggui.facts.models import Connection, Inbound, Shop, SyncState
from zhanggui.facts.sync import days, reconcile, runner
from zhanggui.facts.sync.stream import Days, Stream
from zhanggui.facts.sync.streams import STREAMS, of_kind
from zhanggui.kernel import audit, clock, jobs
from zhanggui.kernel.models import Job

RECHECK_OFF = timedelta(days=7)
"""A stream the platform refused is tried again so often: abilities get switched on without anybody telling us."""
RETRY_FAILING = timedelta(hours=1)
"""An account that does not let us in is tried again so often."""


@dataclass(frozen=True)
class Due:
    """A stream of an account whose time has come."""

    shop_id: int
    connection_id: int
    stream: str


def ask(shop_id: int, *, connection_id: int | None = None, stream: str | None = None, full: bool = False, by: str = "") -> int:
    """Puts jobs in the queue for the shop's streams (of one account, or one stream); how many. One that waits is called at once.

    With `full` everything is read from the beginning. Streams the platform refuses are left out unless named. A running one is left alone.
    """
    found = Connection.objects.filter(shop_id=shop_id, shop__closed_at=None).exclude(state="off")
    if connection_id is not None:
        found = found.filter(pk=connection_id)
    off = set(SyncState.objects.filter(shop_id=shop_id, state="off").values_list("connection_id", "stream"))
    wanted = [
        Due(shop_id, row.pk, one.name)
        for row in found
        for one in of_kind(row.kind)
        if (one.name == stream if stream is not None else (row.pk, one.name) not in off)
    ]
    # Whoever asks may have put the account right: it is tried afresh.
    Connection.objects.filter(pk__in={one.connection_id for one in wanted}, state="failing").update(state="new")
    asked = sum(_enqueue(one, full=full, now=True) for one in wanted)
    if by and asked:
        what = STREAMS[stream].title if stream is not None else "全部"
        audit.record(shop_id, by, "sync.ask", f"{by} 要求{'从头' if full else '立即'}同步{what}", subject=f"shop:{shop_id}")
    return asked


def _enqueue(due: Due, *, full: bool = False, now: bool = False) -> int:
    key, args = (
        runner.key_of(due.connection_id, due.stream),
        {"connection": due.connection_id, "stream": due.stream, "full": full},
    )
    if jobs.enqueue(runner.JOB, args, shop_id=due.shop_id, unique_key=key, priority=STREAMS[due.stream].priority) is not None:
        return 1
    if not now:
        return 0
    waiting = Job.objects.filter(unique_key=key, state=Job.State.READY)
    changes = {"args": args} if full else {}
    return waiting.update(run_at=clock.now(), **changes)


def due(now: datetime | None = None) -> list[Due]:
    """Every stream of every open account whose time has come at `now`."""
    moment = now or clock.now()
    states = {
        (row["connection_id"], row["stream"]): row
        for row in SyncState.objects.filter(shop__closed_at=None).values(
            "connection_id", "stream", "state", "watermark", "finished_at", "cursor__history"
        )
    }
    accounts = Connection.objects.filter(shop__closed_at=None).exclude(state="off").values_list("pk", "shop_id", "kind", "state")
    return [
        Due(shop_id, pk, one.name)
        for pk, shop_id, kind, state in accounts
        for one in of_kind(kind)
        if _is_due(one, states.get((pk, one.name)), state, moment)
    ]


def _is_due(stream: Stream, row: Mapping[str, Any] | None, account: str, now: datetime) -> bool:
    if row is None:
        return account != "failing"
    last: datetime | None = row["finished_at"]
    if last is None:
        return True
    if row["state"] == "off":
        return now - last >= RECHECK_OFF
    if account == "failing" or row["state"] == "failed":
        return now - last >= RETRY_FAILING
    if isinstance(stream.work, Days) and row["cursor__history"] == "done":
        known = days.reached(row["watermark"])
        if known is not None and known >= days.newest_ready(stream.work, now):
            return False
    return now - last >= stream.every


def ask_due(now: datetime | None = None) -> int:
    """Puts everything due in the queue, stored pushes of every shop included; how many jobs were new. Safe to call often and from several places."""
    asked = sum(_enqueue(one) for one in due(now))
    for shop_id in Inbound.objects.filter(state="new").order_by().values_list("shop_id", flat=True).distinct():
        inbound.ask(shop_id)
    return asked


def ask_reconcile(shop_ids: Iterable[int] | None = None) -> int:
    """Puts the nightly comparison in the queue for these shops (every open one); how many."""
    wanted = Shop.objects.filter(closed_at=None, connections__kind="store").exclude(connections__state="off").distinct()
    ids = list(shop_ids) if shop_ids is not None else list(wanted.values_list("pk", flat=True))
    asked = [jobs.enqueue(reconcile.JOB, shop_id=i, unique_key=f"{reconcile.JOB}:{i}", priority=1) for i in ids]
    return sum(job is not None for job in asked)
