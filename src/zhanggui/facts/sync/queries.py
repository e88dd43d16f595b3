"""How the sync stands, as pages and terminals show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from zhanggui.facts.models import Connection, SyncState
from zhanggui.facts.sync import runner
from zhanggui.facts.sync.streams import of_kind
from zhanggui.kernel import clock
from zhanggui.kernel.models import Job

_SOON = timedelta(seconds=90)
"""A job that pauses for no longer counts as under way."""


@dataclass(frozen=True)
class StreamState:
    """One stream of one account."""

    name: str
    title: str
    kind: str
    connection_id: int
    state: str
    """new (never run), idle, running, waiting (quota), failed, off."""
    done: int
    total: int | None
    message: str
    watermark: datetime | None
    finished_at: datetime | None
    checks: dict[str, Any] = field(default_factory=dict)
    live: bool = False
    """Whether a job of it is under way or about to be."""


@dataclass(frozen=True)
class SyncOverview:
    """Every stream of a shop, and the whole as one progress."""

    done: int
    total: int | None
    note: str
    over: bool
    """Whether nothing is under way: all is read, waits for quota, or failed."""
    failed: tuple[str, ...]
    """Titles of streams that failed."""
    streams: tuple[StreamState, ...]


def overview(shop_id: int) -> SyncOverview:
    """How the shop's sync stands."""
    live = set(
        Job.objects.filter(
            name=runner.JOB, shop_id=shop_id, state__in=(Job.State.READY, Job.State.RUNNING), run_at__lte=clock.now() + _SOON
        ).values_list("unique_key", flat=True)
    )
    rows = {(row.connection_id, row.stream): row for row in SyncState.objects.filter(shop_id=shop_id)}
    accounts = Connection.objects.filter(shop_id=shop_id).exclude(state="off").order_by("id")
    streams = tuple(
        _state(one.name, one.title, row, rows.get((row.pk, one.name)), runner.key_of(row.pk, one.name) in live)
        for row in accounts
        for one in of_kind(row.kind)
    )
    under_way = [s for s in streams if s.live]
    failed = tuple(s.title for s in streams if s.state == "failed" and not s.live)
    counted = [(s.done, s.total if s.total is not None else max(s.done, 1)) for s in streams if s.state != "off"]
    return SyncOverview(
        done=sum(min(done, total) for done, total in counted),
        total=sum(total for _, total in counted) if counted else None,
        note=_note(streams, under_way, failed),
        over=not under_way,
        failed=failed,
        streams=streams,
    )


def _state(name: str, title: str, connection: Connection, row: SyncState | None, live: bool) -> StreamState:
    if row is None:
        return StreamState(
            name, title, connection.kind, connection.pk, "new", 0, None, "排队中" if live else "", None, None, live=live
        )
    state = "failed" if row.state == "running" and not live else row.state  # running without a job: it has died
    return StreamState(
        name, title, connection.kind, connection.pk, state, row.done, row.total, row.message, row.watermark, row.finished_at, row.checks, live
    )  # fmt: skip


def _note(streams: tuple[StreamState, ...], under_way: list[StreamState], failed: tuple[str, ...]) -> str:
    """The whole in a sentence."""
    if not streams:
        return "还没有连接平台账号"
    running = [s for s in under_way if s.state == "running"]
    if running:
        return "；".join(f"{s.title} {_count(s)}" for s in running[:2])
    if under_way:
        return f"{under_way[0].title}等 {len(under_way)} 项在排队"
    waiting = [s.title for s in streams if s.state == "waiting"]
    parts = [f"{'、'.join(failed)}没有成功"] if failed else []
    parts += [f"{'、'.join(waiting)}等额度"] if waiting else []
    return "；".join(parts) or "都是最新的"


def _count(stream: StreamState) -> str:
    return f"{stream.done:,} / {stream.total:,}" if stream.total else f"{stream.done:,}"
