"""Leased jobs: claimed once, done once, taken back from the dead, never committed by a worker that lost its lease."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from zhanggui.kernel import audit, clock, jobs
from zhanggui.kernel.models import AuditEntry, Job

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Registers handlers for this test only; nothing else is known meanwhile."""
    monkeypatch.setattr(jobs, "_handlers", {})
    yield jobs.handler


def run() -> int:
    """Everything that is due, in this thread."""
    return jobs.run_worker(threading.Event(), once=True)


def only() -> Job:
    """The one job there is."""
    return Job.objects.get()


def claimed(name: str = "w", **more: Any) -> Job:
    """A job just claimed by worker `name`."""
    jobs.enqueue("work", **more)
    (row,) = jobs.claim(name, ["work"])
    return row


def effects() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("sentence", flat=True))


def leave(text: str) -> None:
    audit.record(None, "test", "test", text)


# -- enqueueing ------------------------------------------------------------------------------------------------------------------


def test_a_job_of_a_transaction_that_fails_does_not_exist(register: Any) -> None:
    register("work")(lambda job: None)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        jobs.enqueue("work")
        raise ZeroDivisionError
    assert not Job.objects.exists()


def test_a_name_nobody_handles_is_refused_at_the_desk_not_in_the_night(register: Any) -> None:
    with pytest.raises(ValueError, match="no handler"):
        jobs.enqueue("nobody")
    assert not Job.objects.exists()


def test_one_live_job_per_key_and_a_new_one_after_it_is_done(register: Any) -> None:
    register("work")(lambda job: leave("once"))
    assert jobs.enqueue("work", unique_key="k") is not None
    assert jobs.enqueue("work", unique_key="k") is None
    assert jobs.enqueue_many([jobs.New("work", unique_key="k"), jobs.New("work")]) == 2
    assert Job.objects.filter(unique_key="k").count() == 1
    assert jobs.holds("k") is not None
    assert run() == 2
    assert jobs.holds("k") is None
    assert jobs.enqueue("work", unique_key="k") is not None


def test_a_running_job_still_holds_its_key(register: Any) -> None:
    register("work")(lambda job: None)
    claimed(unique_key="k")
    assert jobs.enqueue("work", unique_key="k") is None


def test_two_handlers_for_one_name_are_a_mistake(register: Any) -> None:
    def first(job: jobs.JobContext) -> None: ...

    def second(job: jobs.JobContext) -> None: ...

    register("work")(first)
    register("work")(first)
    with pytest.raises(ValueError, match="two handlers"):
        register("work")(second)
    with pytest.raises(ValueError, match="lane"):
        register("other", lane="fast")(first)


# -- claiming --------------------------------------------------------------------------------------------------------------------


def test_higher_priority_first_then_the_older_one_and_nothing_before_its_time(register: Any) -> None:
    order: list[str] = []
    register("work")(lambda job: order.append(job.args["n"]))
    with clock.frozen(NOW):
        jobs.enqueue("work", {"n": "later"}, run_at=NOW + timedelta(days=10))
        jobs.enqueue("work", {"n": "old"}, run_at=NOW - timedelta(minutes=2))
        jobs.enqueue("work", {"n": "new"}, run_at=NOW - timedelta(minutes=1))
        jobs.enqueue("work", {"n": "urgent"}, priority=5)
        assert run() == 3
        assert order == ["urgent", "old", "new"]
    with clock.frozen(NOW + timedelta(days=10)):
        assert run() == 1
    assert order[-1] == "later"


def test_a_claimed_job_is_not_claimed_again(register: Any) -> None:
    register("work")(lambda job: None)
    row = claimed("first")
    assert jobs.claim("second", ["work"]) == []
    assert (row.state, row.attempts, row.worker) == ("running", 1, "first")
    assert jobs.claim("second", ["another"]) == []


# -- what becomes of it ----------------------------------------------------------------------------------------------------------


def test_effects_and_done_are_one_commit(register: Any) -> None:
    @register("work", atomic=True)
    def work(job: jobs.JobContext) -> None:
        leave("effect")
        assert only().state == "running"

    row = claimed()
    assert jobs.execute(row) == "done"
    assert effects() == ["effect"]
    assert (only().state, only().lease_until) == ("done", None)


def test_a_failed_attempt_leaves_nothing_and_comes_again_later_each_time(register: Any) -> None:
    @register("work", atomic=True)
    def work(job: jobs.JobContext) -> None:
        leave("half")
        raise OSError("no line")

    with clock.frozen(NOW):
        assert jobs.execute(claimed(max_attempts=2)) == "failed"
        row = only()
        assert effects() == []
        assert (row.state, row.attempts, row.error) == ("ready", 1, "OSError: no line")
        assert NOW < row.run_at <= NOW + timedelta(seconds=2)
    with clock.frozen(NOW + timedelta(seconds=3)):
        (again,) = jobs.claim("w", ["work"])
        assert jobs.execute(again) == "dead"
    assert only().finished_at == NOW + timedelta(seconds=3)
    assert effects() == []


@pytest.mark.parametrize(("attempt", "least", "most"), [(1, 0.6, 1.4), (2, 1.3, 2.7), (5, 10, 22), (30, 2400, 4800)])
def test_the_pause_doubles_up_to_an_hour(attempt: int, least: float, most: float) -> None:
    assert least <= jobs.backoff(attempt).total_seconds() <= most


def test_an_error_that_knows_when_to_come_back_is_believed(register: Any) -> None:
    class Full(Exception):
        retry_after = 77.0

    @register("work")
    def work(job: jobs.JobContext) -> None:
        raise Full

    with clock.frozen(NOW):
        assert jobs.execute(claimed()) == "failed"
    assert only().run_at == NOW + timedelta(seconds=77)


def test_later_is_no_failure(register: Any) -> None:
    @register("work")
    def work(job: jobs.JobContext) -> None:
        with job.transaction():
            leave("half")
            raise jobs.Later(60, "等额度")

    with clock.frozen(NOW):
        assert jobs.execute(claimed(unique_key="k")) == "later"
    row = only()
    assert (row.state, row.attempts, row.error, row.worker) == ("ready", 0, "等额度", "")
    assert row.run_at == NOW + timedelta(seconds=60)
    assert effects() == []
    assert jobs.enqueue("work", unique_key="k") is None, "it still holds its key"


def test_giving_up_waits_for_a_person_who_can_put_it_back(register: Any) -> None:
    tries: list[int] = []

    @register("work")
    def work(job: jobs.JobContext) -> None:
        tries.append(job.attempt)
        raise jobs.GiveUp("没有填写密钥")

    assert jobs.execute(claimed(unique_key="k")) == "dead"
    dead = only()
    assert (dead.state, dead.error) == ("dead", "没有填写密钥")
    other = jobs.enqueue("work", unique_key="k")
    assert other is not None
    assert not jobs.retry(dead.pk), "its key is taken"
    other.delete()
    assert jobs.retry(dead.pk)
    assert not jobs.retry(dead.pk), "it is not dead any more"
    assert (only().state, only().attempts) == ("ready", 0)


def test_what_fails_after_the_commit_is_done_all_the_same(register: Any) -> None:
    @register("work")
    def work(job: jobs.JobContext) -> None:
        with job.transaction(finish=True):
            leave("effect")
        raise RuntimeError("afterwards")

    assert jobs.execute(claimed()) == "done"
    assert effects() == ["effect"]
    assert only().state == "done"


# -- leases ----------------------------------------------------------------------------------------------------------------------


def steal(row: Job) -> None:
    """Another worker takes the job, as it may when the lease has run out."""
    Job.objects.filter(pk=row.pk).update(worker="thief")


@pytest.mark.parametrize("finish", [True, False])
def test_a_worker_that_lost_its_lease_commits_nothing(register: Any, finish: bool) -> None:
    @register("work")
    def work(job: jobs.JobContext) -> None:
        with job.transaction(finish=finish):
            leave("too late")
            steal(row)

    row = claimed()
    assert jobs.execute(row) == "lost"
    assert effects() == []


def test_progress_tells_that_the_lease_is_lost_and_renews_it_otherwise(register: Any) -> None:
    seen: list[Job] = []

    @register("work")
    def work(job: jobs.JobContext) -> None:
        Job.objects.update(lease_until=datetime.now(UTC))
        job.progress(3, 10, "三", force=True)
        seen.append(only())
        steal(row)
        job.progress(4, 10, force=True)
        raise AssertionError("not reached")

    row = claimed()
    assert jobs.execute(row) == "lost"
    (shown,) = seen
    assert (shown.progress_done, shown.progress_total, shown.progress_note) == (3, 10, "三")
    assert shown.lease_until is not None
    assert shown.lease_until > datetime.now(UTC) + timedelta(seconds=20)
    assert only().worker == "thief"


def test_progress_is_not_written_for_every_row(register: Any, django_assert_max_num_queries: Any) -> None:
    @register("work")
    def work(job: jobs.JobContext) -> None:
        with django_assert_max_num_queries(1):
            for n in range(1000):
                job.progress(n, 1000)

    assert jobs.execute(claimed()) == "done"


def test_an_expired_lease_goes_back_and_after_the_last_attempt_to_the_dead(register: Any) -> None:
    register("work")(lambda job: None)
    tired, fresh, mine = claimed(max_attempts=1), claimed(), claimed()
    past = datetime.now(UTC) - timedelta(seconds=1)
    Job.objects.filter(pk__in=[tired.pk, fresh.pk]).update(lease_until=past)
    assert jobs.reap() == 2
    assert jobs.reap() == 0
    states = dict(Job.objects.values_list("pk", "state"))
    assert states == {tired.pk: "dead", fresh.pk: "ready", mine.pk: "running"}


def test_a_job_that_waited_too_long_in_our_batch_is_not_begun(register: Any) -> None:
    ran: list[int] = []
    register("work")(lambda job: ran.append(job.id))
    row = claimed()
    row.lease_until = datetime.now(UTC)
    steal(row)
    assert jobs.execute(row) == "lost"
    assert ran == []


def test_what_was_claimed_but_not_begun_goes_back_as_if_untouched(register: Any) -> None:
    register("work")(lambda job: None)
    row = claimed()
    jobs._release([row])
    assert (only().state, only().attempts, only().worker) == ("ready", 0, "")


def test_long_work_yields_only_when_its_slice_is_over_and_another_waits(register: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bool] = []

    @register("work", lane="sync")
    def work(job: jobs.JobContext) -> None:
        answers.append(job.should_yield())
        monkeypatch.setattr(jobs, "_SLICE", -1.0)
        answers.append(job.should_yield())
        jobs.enqueue("short")
        answers.append(job.should_yield())
        jobs.enqueue("work")
        answers.append(job.should_yield())

    register("short", lane="quick")(lambda job: None)
    jobs.execute(claimed())
    assert answers == [False, False, False, True]


def test_a_worker_that_is_told_to_stop_tells_its_jobs(register: Any) -> None:
    stop = threading.Event()
    stop.set()
    seen: list[bool] = []
    register("work")(lambda job: seen.append(job.stopping and job.should_yield()))
    jobs.execute(claimed(), stop)
    assert seen == [True]


def test_tidying_keeps_what_somebody_may_want_to_see(register: Any) -> None:
    register("work")(lambda job: None)
    for state, days in (("done", 4), ("done", 2), ("dead", 91), ("dead", 80), ("ready", 400)):
        Job.objects.create(name=state, state=state, run_at=NOW, finished_at=NOW - timedelta(days=days))
    with clock.frozen(NOW):
        assert jobs.tidy() == 2
    assert sorted(Job.objects.values_list("name", flat=True)) == ["dead", "done", "ready"]


@pytest.mark.django_db(transaction=True)
def test_the_beat_does_not_wait_for_a_job_that_is_committing(register: Any) -> None:
    """On PostgreSQL a job's own transaction holds its row; reaping and renewing pass it by. (SQLite has one writer anyway.)"""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("one writer at a time")
    register("work")(lambda job: None)
    row = claimed()
    Job.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    held, go = threading.Event(), threading.Event()

    def inside() -> None:
        try:
            with transaction.atomic():
                Job.objects.filter(pk=row.pk).update(progress_done=5)
                held.set()
                assert go.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=inside)
    thread.start()
    try:
        assert held.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        assert jobs.reap() == 0
        with transaction.atomic():
            assert jobs._free(Job.objects.filter(pk=row.pk)).update(progress_done=9) == 0
    finally:
        go.set()
        thread.join(20)
    assert jobs.reap() == 1
    assert (only().state, only().progress_done) == ("ready", 5)
