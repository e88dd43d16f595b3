"""Leased background jobs on the ordinary database: what a killed worker held runs again, and its effects count once.

    enqueue      a row; inside a transaction it exists only if that commits. `unique_key` allows one live job per key
    claim        one transaction: rows locked (skipping locked ones on PostgreSQL; the write lock on SQLite), lease, attempt + 1
    run          the handler; it writes in `job.transaction()`, which ends with a check that the lease is still ours
    reap         expired leases go back to ready, or to dead after the last attempt

Network calls belong outside `job.transaction()`: a transaction that waits for WeChat stops every other writer on SQLite.
Effects in the database are exactly once if they happen in `job.transaction(finish=True)` (or `handler(…, atomic=True)`); other
transactions of a job are each all-or-nothing and never committed by a worker that lost its lease. Calls to the outside are at
least once. Due times follow the house's clock, leases the machine's.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, close_old_connections, connection, connections, transaction
from django.db.models import F, QuerySet

from zhanggui.kernel import clock
from zhanggui.kernel.models import Job

log = logging.getLogger("zhanggui.jobs")
Work = Callable[["JobContext"], None]
W = TypeVar("W", bound=Work)
LANES: dict[str, int] = {"quick": 1, "push": 1, "sync": 2, "heavy": 1}
"""Threads per lane in one worker process: short work never waits behind a first sync or an import, and a platform that hangs holds up only what asks it."""
_SLICE = 20.0
_KEEP_DONE = timedelta(days=3)
_KEEP_DEAD = timedelta(days=90)


class LeaseLost(Exception):
    """Another worker has this job now; nothing written since the last commit may count."""


class Later(Exception):
    """Raised by a handler: run me again after `seconds`; this was no failure."""

    def __init__(self, seconds: float = 0.0, note: str = "") -> None:
        super().__init__(note)
        self.seconds, self.note = seconds, note


class GiveUp(Exception):
    """Raised by a handler: trying again is useless until a person has acted."""


@dataclass(frozen=True)
class _Handler:
    work: Work
    lane: str
    atomic: bool
    limit: float


_handlers: dict[str, _Handler] = {}


def handler(name: str, *, lane: str = "quick", atomic: bool = False, limit: float = 3600.0) -> Callable[[W], W]:
    """Registers the function that does jobs called `name`.

    `lane` says which threads run it (see LANES), `atomic` puts the whole of it into one finishing transaction, `limit` is for
    how many seconds the worker keeps renewing its lease.
    """

    def register(work: W) -> W:
        if lane not in LANES:
            raise ValueError(f"no lane {lane!r}")
        known = _handlers.get(name)
        if known is not None and known.work is not work and known.work.__qualname__ != work.__qualname__:
            raise ValueError(f"two handlers for {name!r}")
        _handlers[name] = _Handler(work, lane, atomic, limit)
        return work

    return register


def handlers() -> dict[str, str]:
    """Every known job name and its lane."""
    return {name: h.lane for name, h in _handlers.items()}


@dataclass(frozen=True)
class New:
    """A job to be enqueued."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    shop_id: int | None = None
    run_at: datetime | None = None
    unique_key: str | None = None
    priority: int = 0
    max_attempts: int = 8

    def row(self) -> Job:
        """The unsaved row."""
        if self.name not in _handlers:
            raise ValueError(f"no handler for {self.name!r}")
        return Job(
            name=self.name, args=dict(self.args), shop_id=self.shop_id, run_at=self.run_at or clock.now(),
            unique_key=self.unique_key, priority=self.priority, max_attempts=self.max_attempts,
        )  # fmt: skip


def enqueue(
    name: str,
    args: Mapping[str, Any] | None = None,
    *,
    shop_id: int | None = None,
    run_at: datetime | None = None,
    unique_key: str | None = None,
    priority: int = 0,
    max_attempts: int = 8,
) -> Job | None:
    """A new job, or None if a live job already holds `unique_key`. Higher `priority` first, then earlier `run_at`."""
    row = New(name, args or {}, shop_id, run_at, unique_key, priority, max_attempts).row()
    if unique_key is not None and _live(unique_key).exists():
        return None
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        if unique_key is not None and _live(unique_key).exists():
            return None
        raise
    return row


def enqueue_many(news: Iterable[New]) -> int:
    """Enqueues many at once, skipping those whose key a live job holds; how many rows were offered."""
    rows = [new.row() for new in news]
    Job.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    return len(rows)


def _live(unique_key: str) -> QuerySet[Job]:
    return Job.objects.filter(unique_key=unique_key, state__in=(Job.State.READY, Job.State.RUNNING))


def holds(unique_key: str) -> Job | None:
    """The live job with this key, if any."""
    return _live(unique_key).first()


class JobContext:
    """A claimed job, as its handler sees it."""

    def __init__(self, row: Job, stop: threading.Event, lane: str = "quick", limit: float = 3600.0) -> None:
        self.id, self.name, self.shop_id, self.attempt = row.pk, row.name, row.shop_id, row.attempts
        self.args: dict[str, Any] = row.args
        self.worker = row.worker
        self.last_attempt = row.attempts >= row.max_attempts
        self.started = time.monotonic()
        self.keep_until = self.started + limit
        self.finished = False
        self._stop, self._lane = stop, lane
        self._renewed = self._noted = self.started

    def _mine(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.id, state=Job.State.RUNNING, worker=self.worker)

    def renew(self) -> None:
        """Extends the lease. Raises LeaseLost if another worker has the job."""
        self._renewed = time.monotonic()
        if not self._mine().update(lease_until=_lease()):
            raise LeaseLost(self.name)

    def progress(self, done: int, total: int | None = None, note: str = "", *, force: bool = False) -> None:
        """Shows how far the job is (written at most twice a second) and extends the lease. Raises LeaseLost."""
        now = time.monotonic()
        if not force and now - self._noted < 0.5 and (total is None or done < total):
            return
        self._noted = self._renewed = now
        if not self._mine().update(progress_done=done, progress_total=total, progress_note=note[:200], lease_until=_lease()):
            raise LeaseLost(self.name)

    @contextmanager
    def transaction(self, *, finish: bool = False) -> Iterator[None]:
        """A transaction that commits only while the lease is ours; with `finish` the job is done by that same commit."""
        with transaction.atomic():
            yield
            if finish:
                if not self._mine().update(state=Job.State.DONE, finished_at=clock.now(), lease_until=None, error=""):
                    raise LeaseLost(self.name)
            else:
                self.renew()
        if finish:
            self.finished = True

    @property
    def stopping(self) -> bool:
        """Whether the worker is asked to stop: a long job saves where it is and raises Later()."""
        return self._stop.is_set()

    def should_yield(self) -> bool:
        """Whether a long, resumable job should let others go on: asked to stop, or its slice is over and another waits."""
        if self.stopping:
            return True
        if time.monotonic() - self.started < _SLICE:
            return False
        names = [n for n, h in _handlers.items() if h.lane == self._lane]
        return Job.objects.filter(state=Job.State.READY, run_at__lte=clock.now(), name__in=names).exists()


def _lease() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=settings.WORKER_LEASE_SECONDS)


def claim(worker: str, names: Iterable[str], batch: int = 1) -> list[Job]:
    """Up to `batch` due jobs among `names`, now running under `worker`'s lease."""
    due = Job.objects.filter(state=Job.State.READY, run_at__lte=clock.now(), name__in=list(names)).order_by(
        "-priority", "run_at", "id"
    )
    if not due.exists():
        return []
    with transaction.atomic():
        locked = due.select_for_update(skip_locked=True) if connection.features.has_select_for_update_skip_locked else due
        rows = list(locked[:batch])
        lease = _lease()
        Job.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=Job.State.RUNNING, worker=worker, lease_until=lease, attempts=F("attempts") + 1
        )
    for row in rows:
        row.state, row.worker, row.lease_until, row.attempts = Job.State.RUNNING, worker, lease, row.attempts + 1
    return rows


def _free(rows: QuerySet[Job]) -> QuerySet[Job]:
    """Those among `rows` that no transaction holds, locked for ours: a job that is just committing is not waited for."""
    if not connection.features.has_select_for_update_skip_locked:
        return rows
    return Job.objects.filter(pk__in=list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)))


def reap() -> int:
    """Takes back jobs whose lease has run out: ready again, or dead after their last attempt. How many there were."""
    expired = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=datetime.now(UTC))
    if not expired.exists():
        return 0
    with transaction.atomic():
        expired = _free(expired)
        dead = expired.filter(attempts__gte=F("max_attempts")).update(
            state=Job.State.DEAD, worker="", lease_until=None, finished_at=clock.now(), error="多次中断（进程退出或超时）"
        )
        back = expired.filter(state=Job.State.RUNNING).update(
            state=Job.State.READY, worker="", lease_until=None, run_at=clock.now()
        )
    return dead + back


def retry(job_id: int) -> bool:
    """Puts a dead job back to ready with fresh attempts; False if it is not dead or a live job holds its key."""
    try:
        with transaction.atomic():
            return bool(
                Job.objects.filter(pk=job_id, state=Job.State.DEAD).update(
                    state=Job.State.READY, attempts=0, run_at=clock.now(), error="", finished_at=None, worker=""
                )
            )
    except IntegrityError:
        return False


def tidy() -> int:
    """Removes jobs done more than three days ago and those that failed for good more than 90 days ago; how many."""
    now = clock.now()
    done = Job.objects.filter(state=Job.State.DONE, finished_at__lt=now - _KEEP_DONE).delete()[0]
    return done + Job.objects.filter(state=Job.State.DEAD, finished_at__lt=now - _KEEP_DEAD).delete()[0]


def backoff(attempt: int) -> timedelta:
    """The pause after failed attempt number `attempt`: 1, 2, 4 … seconds up to an hour, give or take a third."""
    return timedelta(seconds=min(2.0 ** (attempt - 1), 3600.0) * random.uniform(0.67, 1.33))  # noqa: S311 - jitter, not a secret


def execute(row: Job, stop: threading.Event | None = None) -> str:
    """Runs a claimed job; what became of it: done, later, failed, dead or lost."""
    known = _handlers[row.name]
    job = JobContext(row, stop or threading.Event(), known.lane, known.limit)
    if row.lease_until is not None and row.lease_until - datetime.now(UTC) < timedelta(seconds=settings.WORKER_LEASE_SECONDS / 2):
        try:  # it waited in our batch behind a slow one
            job.renew()
        except LeaseLost:
            return "lost"
    with _running_lock:
        _running[(row.pk, row.worker)] = job
    try:
        return _attempt(job, known)
    finally:
        with _running_lock:
            _running.pop((row.pk, row.worker), None)


def _attempt(job: JobContext, known: _Handler) -> str:
    try:
        if known.atomic:
            with job.transaction(finish=True):
                known.work(job)
        else:
            known.work(job)
            if not job.finished:
                with job.transaction(finish=True):
                    pass
        return "done"
    except LeaseLost:
        log.warning("job %s %s: lease lost, another worker has it", job.id, job.name)
        return "lost"
    except Later as later:
        if job.finished:
            return "done"
        job._mine().update(
            state=Job.State.READY, worker="", lease_until=None, attempts=F("attempts") - 1, error=later.note[:2000],
            run_at=clock.now() + timedelta(seconds=max(0.0, later.seconds)),
        )  # fmt: skip
        return "later"
    except GiveUp as reason:
        return _fail(job, str(reason), dead=True)
    except Exception as error:
        if job.finished:  # its effects are committed; only what came after failed
            log.exception("job %s %s: failed after it was done", job.id, job.name)
            return "done"
        log.warning(
            "job %s %s failed (attempt %s): %s", job.id, job.name, job.attempt, error, exc_info=not hasattr(error, "code")
        )
        pause = getattr(error, "retry_after", None)
        return _fail(job, f"{type(error).__name__}: {error}", dead=job.last_attempt, pause=pause)


def _fail(job: JobContext, reason: str, *, dead: bool, pause: float | None = None) -> str:
    wait = timedelta(seconds=float(pause)) if pause is not None else backoff(job.attempt)
    changes: dict[str, Any] = {"worker": "", "lease_until": None, "error": reason[:2000]}
    if dead:
        changes |= {"state": Job.State.DEAD, "finished_at": clock.now()}
    else:
        changes |= {"state": Job.State.READY, "run_at": clock.now() + wait}
    job._mine().update(**changes)
    return "dead" if dead else "failed"


_running: dict[tuple[int, str], JobContext] = {}
_running_lock = threading.Lock()


def _keep_leases() -> None:
    """Renews the leases of jobs this process is really working on, up to each handler's limit."""
    now = time.monotonic()
    with _running_lock:
        due = [j for j in _running.values() if now < j.keep_until and now - j._renewed > settings.WORKER_LEASE_SECONDS / 4]
    for job in due:
        job._renewed = now
        with transaction.atomic():
            # A job inside its own transaction holds its row and renews by that commit: the beat must not wait for it.
            _free(job._mine()).update(lease_until=_lease())


def _mind_leases() -> None:
    """Our own leases first, then those that ran out: where every writer had to wait, what is really being done is not taken back."""
    _keep_leases()
    reap()


def worker_name() -> str:
    """A name that no other start of a worker has had."""
    return f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(4)}"


def run_worker(
    stop_event: threading.Event,
    *,
    lanes: Mapping[str, int] | None = None,
    once: bool = False,
    beat: Callable[[], None] | None = None,
    poll: float = 0.25,
) -> int:
    """Works until `stop_event` is set; with `once`, until nothing is due. The number of jobs run.

    `beat` is called about once a second (clock and outbox). Each lane has its own threads; with `once` everything runs in the
    calling thread, in order of priority, for tests and one-off commands.
    """
    name = worker_name()
    if once:
        return _drain(name, stop_event, beat)
    count = [0]
    threads = [
        threading.Thread(
            target=_lane_loop, args=(lane, f"{name}-{lane}{n}", stop_event, poll, count), name=f"{lane}{n}", daemon=True
        )
        for lane, size in (lanes or LANES).items()
        for n in range(size)
    ]
    for thread in threads:
        thread.start()
    steps = [_mind_leases, *([beat] if beat is not None else [])]
    while not stop_event.wait(1.0):
        for step in steps:
            try:
                step()
            except Exception:
                log.exception("the worker's beat failed")
                close_old_connections()
    deadline = time.monotonic() + 10
    for thread in threads:
        thread.join(max(0.1, deadline - time.monotonic()))
    connections.close_all()
    return count[0]


def _drain(name: str, stop: threading.Event, beat: Callable[[], None] | None) -> int:
    done = 0
    while not stop.is_set():
        if beat is not None:
            beat()
        reap()
        rows = claim(f"{name}-{done}", list(_handlers))
        if not rows:
            break
        for row in rows:
            execute(row, stop)
            done += 1
    return done


def _lane_loop(lane: str, name: str, stop: threading.Event, poll: float, count: list[int]) -> None:
    batch = 10 if lane == "quick" else 1
    claims = 0
    while not stop.is_set():
        try:
            names = [n for n, h in _handlers.items() if h.lane == lane]
            claims += 1
            # A name per claim: should this process lose a lease and claim the job again, the two holders differ.
            rows = claim(f"{name}-{claims}", names, batch)
            for at, row in enumerate(rows):
                if stop.is_set():
                    _release(rows[at:])
                    break
                execute(row, stop)
                count[0] += 1
        except Exception:
            log.exception("lane %s failed", lane)
            close_old_connections()
            rows = []
            stop.wait(1.0)
        if not rows:
            stop.wait(poll)
    connections.close_all()


def _release(rows: list[Job]) -> None:
    """Gives back jobs that were claimed but not begun."""
    for row in rows:
        Job.objects.filter(pk=row.pk, state=Job.State.RUNNING, worker=row.worker).update(
            state=Job.State.READY, worker="", lease_until=None, attempts=F("attempts") - 1
        )
