"""kill -9, for real: worker processes on a shared database, killed at bad moments. Nothing is lost, nothing happens twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhanggui.kernel.tests.processes import Drill, environment

pytestmark = pytest.mark.django_db(transaction=True)
JOBS = 60


def test_killed_workers_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    drill = Drill(environment(tmp_path / "home"))
    drill.run("enqueue", str(JOBS))
    for kill_after in (5, 8):
        with drill.worker() as worker:
            assert worker.stdout is not None
            for _ in range(kill_after):
                assert worker.stdout.readline().startswith("inside")
            worker.kill()  # inside a job's transaction: after its effect, before its commit
    with drill.worker() as last:
        assert last.wait(60) == 0
    report = drill.run("report")
    assert sorted(map(int, report["effects"])) == list(range(JOBS))
    assert report["states"] == ["done"] * JOBS
    assert report["retried"] >= 1


def test_short_work_does_not_wait_behind_a_long_one_and_a_live_lease_is_kept(tmp_path: Path) -> None:
    """The held job outlives its lease of two seconds several times over without being taken from its worker."""
    drill = Drill(environment(tmp_path / "home"))
    done = tmp_path / "done"
    drill.run("hold", str(done))
    drill.run("enqueue", "200")
    with drill.worker() as worker:
        assert worker.stdout is not None
        seen = [worker.stdout.readline().split()[0] for _ in range(201)]
        assert seen.count("holding") == 1
        assert seen.count("inside") == 200, "all short ones went through while the long one was held"
        while True:
            drill.run("enqueue", "1")
            line = worker.stdout.readline()
            assert line.startswith("inside"), line
            if _alive_for(worker.pid) > 5:
                break
        done.touch()
        assert worker.wait(60) == 0
    assert drill.run("report")["held"] == ["1"], "its first attempt was its only one"


def _alive_for(pid: int) -> float:
    """Seconds since the process began."""
    import time

    ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / 100
