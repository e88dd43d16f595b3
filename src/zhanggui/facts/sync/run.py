"""One run of one stream of one account: its place, its progress, and the transactions in which both move with the facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from zhanggui.facts import network
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.models import Connection, Record, Shop, SyncState
from zhanggui.facts.sync.stream import Stream
from zhanggui.kernel import clock
from zhanggui.kernel.jobs import JobContext, Later
from zhanggui.wechat.client import Client

QUALITY = "quality"
"""Stream of records that say what did not add up or did not come."""
_FIELDS = ("watermark", "cursor", "state", "done", "total", "message", "started_at", "finished_at", "checks")


class Run:
    """What a walk works with. Only the worker that holds the job's lease commits, so the state row has one writer."""

    def __init__(self, job: JobContext, connection: Connection, stream: Stream, state: SyncState, client: Client) -> None:
        self.job, self.connection, self.stream, self.state, self.client = job, connection, stream, state, client
        self.shop: Shop = connection.shop
        self.changed = 0
        """How many things this run has read."""

    @classmethod
    def begin(cls, job: JobContext, connection: Connection, stream: Stream, *, full: bool) -> Run:
        """A run that goes on where the last one stood; with `full` from the very beginning."""
        state, _ = SyncState.objects.get_or_create(shop_id=connection.shop_id, connection=connection, stream=stream.name)
        run = cls(job, connection, stream, state, network.client_of(connection))
        again = state.state == "running" or run.unfinished
        if full and state.cursor.get("full") != job.id:
            # The job's id is kept, so that a killed full run goes on instead of beginning anew for ever.
            kept = {name: state.cursor[name] for name in ("since",) if name in state.cursor}
            state.cursor, state.watermark = {"full": job.id, **kept}, None
            again = False
        with run.commit():
            state.state, state.message = "running", "开始"
            if not again:
                state.started_at, state.done, state.total = clock.now(), 0, None
        return run

    @property
    def cursor(self) -> dict[str, Any]:
        """Where this stream stands; saved by `commit`."""
        cursor: dict[str, Any] = self.state.cursor
        return cursor

    @property
    def unfinished(self) -> bool:
        """Whether the first run over the history is still under way."""
        return self.cursor.get("history") == "running"

    @contextmanager
    def commit(self, *, done: int = 0) -> Iterator[None]:
        """A transaction of the job in which facts, place and progress change together, or not at all."""
        with self.job.transaction():
            lock_shop(self.shop)  # before anything else, so that no two writers of a shop wait for each other crosswise
            yield
            self.state.done += done
            self._save()
        self.changed += done
        self.job.progress(self.state.done, self.state.total, f"{self.stream.title} {self.state.message}")

    def _save(self) -> None:
        SyncState.objects.filter(pk=self.state.pk).update(**{name: getattr(self.state, name) for name in _FIELDS})

    def say(self, message: str) -> None:
        """What the next commit shows."""
        self.state.message = message[:300]

    def pause_if_asked(self) -> None:
        """Lets others go on when the worker stops or a slice of time is over. What was committed stays; the same job goes on from there."""
        if self.job.should_yield():
            raise Later(0.0, self.state.message)

    def pause_if_stopping(self) -> None:
        """As `pause_if_asked`, for work that begins anew when it is interrupted and is soon over."""
        if self.job.stopping:
            raise Later(0.0, self.state.message)

    def finish(self, message: str) -> None:
        """The run is through: done by the same commit that says so."""
        with self.job.transaction(finish=True):
            self.state.state, self.state.finished_at, self.state.total = "idle", clock.now(), self.state.done
            self.say(message)
            self._save()

    def stand(self, state: str, message: str, *, over: bool = False) -> None:
        """The run stands still: waiting, failed or off, with the reason."""
        with self.job.transaction():
            self.state.refresh_from_db()  # what was not committed did not happen
            self.state.state = state
            if over:
                self.state.finished_at = clock.now()
            self.say(message)
            self._save()

    def note(self, key: str, reason: str) -> None:
        """Keeps, inside a commit, that something could not be read."""
        Record.objects.update_or_create(
            shop=self.shop,
            stream=QUALITY,
            key=f"{self.stream.name}:{key}"[:128],
            defaults={"body": {"id": key, "problems": [reason]}, "day": clock.today(self.shop.zone)},
        )


def epoch(moment: datetime) -> int:
    """The second of a moment, as cursors keep it."""
    return int(moment.timestamp())
