"""A worker process to be killed: `python -m zhanggui.kernel.tests.drill enqueue N | work | report`, on the database of the environment.

Each job of name "drill" leaves one audit line, in the transaction that ends it; "drill.hold" says that it has begun and then waits
for the file named in its arguments, so that a test knows where it is.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    """Does what the first argument says."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    django.setup()
    from zhanggui.kernel import audit, jobs
    from zhanggui.kernel.models import AuditEntry, Job

    @jobs.handler("drill")
    def drill(job: jobs.JobContext) -> None:
        with job.transaction(finish=True):
            audit.record(None, "drill", "drill", f"effect {job.args['n']}", subject=str(job.args["n"]))
            print(f"inside {job.args['n']}", flush=True)
            time.sleep(0.005)  # a place for kill -9 to hit between the effect and its commit

    @jobs.handler("drill.hold", lane="heavy")
    def hold(job: jobs.JobContext) -> None:
        print("holding", flush=True)
        while not Path(job.args["until"]).exists():
            time.sleep(0.01)
        audit.record(None, "drill", "hold", "held", subject=str(job.attempt))

    what = sys.argv[1]
    if what == "enqueue":
        jobs.enqueue_many(jobs.New("drill", {"n": n}, max_attempts=50) for n in range(int(sys.argv[2])))
    elif what == "hold":
        jobs.enqueue("drill.hold", {"until": sys.argv[2]}, unique_key="hold", priority=9)
    elif what == "work":
        stop = threading.Event()
        names = {"drill", "drill.hold"}

        def enough() -> None:
            if not Job.objects.filter(name__in=names).exclude(state__in=("done", "dead")).exists():
                stop.set()

        jobs.run_worker(stop, beat=enough, poll=0.01)
    elif what == "report":
        effects = list(AuditEntry.objects.filter(verb="drill").values_list("subject", flat=True))
        states = list(Job.objects.filter(name="drill").values_list("state", flat=True))
        held = list(AuditEntry.objects.filter(verb="hold").values_list("subject", flat=True))
        retried = Job.objects.filter(name="drill", attempts__gt=1).count()
        print(json.dumps({"effects": effects, "states": states, "held": held, "retried": retried}))


if __name__ == "__main__":
    main()
