"""The background job that refreshes a shop's numbers, and how to ask for it: one live job per shop, however many ask."""

from __future__ import annotations

import time
from datetime import timedelta

from zhanggui.kernel import clock, jobs
from zhanggui.kernel.errors import Conflict
from zhanggui.kernel.models import Job

JOB = "metrics.refresh"
SETTLE = timedelta(seconds=20)
"""News comes in flocks: a refresh waits this long, so that the flock is computed once."""
_SHARE = 4.0
"""While facts keep coming, a refresh that took a second is followed by four seconds of peace: the numbers never cost more than a fifth."""
_BUSY = 5.0


def ask(shop_id: int, *, soon: bool = False) -> bool:
    """Asks for the shop's numbers to be brought up to date, shortly or (`soon`) as the next thing; False if that was asked already."""
    key = f"{JOB}:{shop_id}"
    wanted = clock.now() if soon else clock.now() + SETTLE
    if jobs.enqueue(JOB, shop_id=shop_id, unique_key=key, run_at=wanted, priority=1 if soon else 0) is not None:
        return True
    if not soon:
        return False
    waiting = Job.objects.filter(unique_key=key, state=Job.State.READY, run_at__gt=wanted)
    return bool(waiting.update(run_at=wanted, priority=1))


@jobs.handler(JOB, lane="heavy", limit=6 * 3600.0)
def refresh(job: jobs.JobContext) -> None:
    """Refreshes lake and metrics; where facts changed meanwhile, once more after a pause."""
    from zhanggui.facts import lake
    from zhanggui.facts.models import Shop
    from zhanggui.metrics import commands  # the engine and its kernels: only the worker needs them

    shop_id = job.shop_id
    if shop_id is None or not Shop.objects.filter(pk=shop_id, closed_at=None).exists():
        return
    began = time.monotonic()

    def progress(done: int, total: int, note: str) -> None:
        if job.stopping:
            raise jobs.Later(0.0, "停下前放回队列")
        job.progress(done, total, note)

    try:
        commands.refresh(shop_id, progress=progress)
    except Conflict as busy:
        raise jobs.Later(_BUSY, busy.message) from busy
    if lake.stale(shop_id):
        raise jobs.Later(max(SETTLE.total_seconds(), _SHARE * (time.monotonic() - began)), "又有新数据，稍后再算一遍")
