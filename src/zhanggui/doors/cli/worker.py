"""`zhanggui worker`: sync, imports, metrics, reactions and the clock, without the web server."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import click

from zhanggui.doors.cli import house

ALIVE = "worker.alive"
"""The Tick row by which others see that a worker lives."""
BEAT_SECONDS = 10.0


def with_sign_of_life(beat: Callable[[], None] | None) -> Callable[[], None]:
    """`beat`, and every ten seconds a mark in the database that this worker lives."""
    last = [-BEAT_SECONDS]

    def both() -> None:
        if time.monotonic() - last[0] >= BEAT_SECONDS:
            from datetime import UTC, datetime

            from zhanggui.kernel.models import Tick

            last[0] = time.monotonic()
            Tick.objects.update_or_create(name=ALIVE, defaults={"last_at": datetime.now(UTC)})
        if beat is not None:
            beat()

    return both


def seconds_since_alive() -> float | None:
    """Seconds since a worker last showed life; None if none ever did."""
    from datetime import UTC, datetime

    from zhanggui.kernel.models import Tick

    at = Tick.objects.filter(name=ALIVE).values_list("last_at", flat=True).first()
    return None if at is None else (datetime.now(UTC) - at).total_seconds()


@click.command("worker", help="运行后台任务，直到按 Ctrl-C。做到一半被杀掉也不丢：任务会在租约到期后接着做。")
@click.option("--once", is_flag=True, help="把到期的任务做完就退出。")
def worker(once: bool) -> None:
    """Works until interrupted; a second signal ends it at once."""
    house.ready()
    problem = house.database_problem()
    if problem is not None:
        raise problem
    from zhanggui.switchboard import run

    stop = threading.Event()

    def asked(_number: int, _frame: object) -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    done = run.work(stop, once=once, around=with_sign_of_life)
    if once:
        click.echo(f"做完了 {done} 件任务。")
