"""The job that runs one stream of one account, and what it does about every refusal.

quota used up, too fast      the stream waits and says until when; the same job goes on then
ability not granted          the stream is off, with the reason; the others go on
credentials, address list    the account is failing, with the remedy; the schedule asks again in an hour
line down, platform busy     the job is repeated with growing pauses, and goes on where it stood
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from zhanggui.facts.commands import connections
from zhanggui.facts.models import Connection, SyncState
from zhanggui.facts.sync import changes, days, whole
from zhanggui.facts.sync.run import Run
from zhanggui.facts.sync.stream import Changes, Days, Stream
from zhanggui.facts.sync.streams import STREAMS
from zhanggui.kernel import clock, jobs, vault
from zhanggui.kernel.errors import Unconfigured, ZhangguiError
from zhanggui.kernel.jobs import JobContext, Later, LeaseLost
from zhanggui.wechat import errors

JOB = "facts.sync"
_LONGEST = 6 * 3600.0
_KNOCK = timedelta(minutes=2)


def key_of(connection_id: int, stream: str) -> str:
    """The key by which a stream of an account has one live job."""
    return f"{JOB}:{connection_id}:{stream}"


@jobs.handler(JOB, lane="sync", limit=_LONGEST)
def sync(job: JobContext) -> None:
    """One run of one stream: arguments connection, stream, full."""
    connection = Connection.objects.select_related("shop").filter(pk=job.args["connection"]).first()
    stream = STREAMS.get(job.args["stream"])
    if connection is None or stream is None or connection.kind != stream.kind or not is_open(connection):
        return
    if connection.state == "failing" and _just_refused(connection):
        said = {"state": "failed", "message": connection.message, "finished_at": clock.now()}
        SyncState.objects.update_or_create(shop_id=connection.shop_id, connection=connection, stream=stream.name, defaults=said)
        return
    try:
        run = Run.begin(job, connection, stream, full=bool(job.args.get("full")))
    except (Unconfigured, vault.Unopenable) as error:
        connections.note_failing(connection, error)
        return
    try:
        message = _walk(run, stream)
    except (LeaseLost, Later):
        raise
    except Exception as error:
        if _stands(run, error):
            return
        raise
    connections.note_working(connection)
    run.finish(message)


def _just_refused(connection: Connection) -> bool:
    """Whether another stream of this account was turned away a moment ago: nine streams need not knock nine times at a closed door."""
    lately = clock.now() - _KNOCK
    return SyncState.objects.filter(connection=connection, state="failed", finished_at__gte=lately).exists()


def is_open(connection: Connection) -> bool:
    """Whether anything may be asked through this account: neither it nor its shop is closed."""
    return connection.state != "off" and connection.shop.closed_at is None


def _walk(run: Run, stream: Stream) -> str:
    if isinstance(stream.work, Changes):
        return changes.walk(run, stream.work)
    if isinstance(stream.work, Days):
        return days.walk(run, stream.work)
    return whole.walk(run, stream.work)


def _stands(run: Run, error: Exception) -> bool:
    """Writes down why the run stands still. True where nothing is to be repeated until the schedule or a person asks again; raises Later for a wait."""
    if isinstance(error, errors.QuotaExhausted | errors.Throttled):
        run.stand("waiting", str(error))
        raise Later(_pause(error), str(error)) from error
    if isinstance(error, errors.NotReadyYet):
        run.stand("idle", str(error), over=True)
        return True
    if isinstance(error, errors.CapabilityOff):
        run.stand("off", str(error), over=True)
        connections.note_refusal(run.connection, run.stream.name, error.message)
        return True
    if isinstance(error, errors.ConfigurationError):
        run.stand("failed", str(error), over=True)
        connections.note_failing(run.connection, error)
        return True
    words = str(error) if isinstance(error, ZhangguiError) else f"程序出错：{type(error).__name__}"
    again = "" if run.job.last_attempt else "；稍后自动重试"
    run.stand("failed", f"{words}{again}", over=run.job.last_attempt)
    return False


def _pause(error: errors.QuotaExhausted | errors.Throttled) -> float:
    """Seconds until it makes sense to go on, a little apart for every stream so that they do not all start at midnight's stroke."""
    apart = random.uniform(1.0, 20.0)  # noqa: S311 - to spread load, no secret
    if isinstance(error, errors.Throttled):
        return error.retry_after + apart
    if error.until is None:
        return 3600.0 + apart
    # The moment comes from the caller's clock, which is the machine's; so is the pause until it.
    return max(60.0, (error.until - datetime.now(UTC)).total_seconds()) + apart
