"""Walking a list from end to end. An interrupted walk begins anew: every item is recorded under its own key, so nothing counts twice."""

from __future__ import annotations

from typing import Any

from zhanggui.facts import network
from zhanggui.facts.sync.run import Run
from zhanggui.facts.sync.stream import Whole
from zhanggui.kernel import clock


def walk(run: Run, work: Whole) -> str:
    """Reads the whole list, then closes what is no longer in it; a sentence about it."""
    began, keys = clock.now(), list[Any]()
    needs = work.prepare(run.shop) if work.prepare is not None else None
    announce = run.cursor.get("history") == "done"
    with run.commit():
        run.state.done, run.state.total = 0, None
    for batch in network.stream(lambda: work.batches(run.client, needs)):
        keys += batch.keys
        count = len(batch.items) if batch.count is None else batch.count
        with run.commit(done=count):
            if batch.items:
                work.record(run.shop, batch.items, announce)
            run.state.total = batch.total
            run.say(f"读了 {run.changed + count} {work.unit}")
        run.pause_if_stopping()
    with run.commit():
        if work.finish is not None:
            counts = work.finish(run.shop, began, keys)
            if counts is not None:
                run.state.checks = {"at": began.isoformat(), "ok": counts["platform"] == counts["ours"], **counts}
        run.state.watermark = began
        run.cursor.update(history="done")
    return f"共 {run.changed} {work.unit}"
