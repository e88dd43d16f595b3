"""Announcing: only inside a transaction, each reaction exactly once per event, a failing one alone again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from zhanggui.kernel import audit, clock, jobs, outbox
from zhanggui.kernel.models import AuditEntry, Job, OutboxEvent
from zhanggui.kernel.outbox import Announced

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
BROKEN: list[str] = []


def note(event: Announced) -> None:
    audit.record(event.shop_id, "test", "noted", f"{event.name} {event.subject} {event.body['n']}")


def fragile(event: Announced) -> None:
    audit.record(event.shop_id, "test", "fragile", event.subject)
    if BROKEN:
        raise OSError(BROKEN[0])


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two reactions to one event, none to another; the switchboard's own table comes back afterwards."""
    monkeypatch.setattr(outbox, "_reactions", {})
    outbox.connect({"Paid": {"note": note, "fragile": fragile}})
    BROKEN.clear()
    yield


def announce(subject: str = "order 1", name: str = "Paid") -> OutboxEvent:
    with transaction.atomic():
        return outbox.emit(name, 7, subject, {"n": 1})


def work() -> None:
    jobs.run_worker(threading.Event(), once=True)


def verbs() -> list[str]:
    return sorted(AuditEntry.objects.values_list("verb", flat=True))


@pytest.mark.django_db(transaction=True)
def test_nothing_is_announced_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        outbox.emit("Paid", 7, "order 1", {})
    assert not OutboxEvent.objects.exists()


def test_what_did_not_happen_is_not_announced() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.emit("Paid", 7, "order 1", {"n": 1})
        raise ZeroDivisionError
    assert not outbox.waiting()


def test_each_reaction_is_called_once() -> None:
    announce()
    assert outbox.waiting()
    assert outbox.deliver() == 1
    assert outbox.deliver() == 0
    work()
    work()
    assert verbs() == ["fragile", "noted"]
    line = AuditEntry.objects.get(verb="noted")
    assert (line.shop_id, line.sentence) == (7, "Paid order 1 1")


def test_an_event_nobody_reacts_to_is_delivered_all_the_same() -> None:
    announce(name="Unheard")
    assert outbox.deliver() == 1
    assert not outbox.waiting()
    assert not Job.objects.exists()


def test_a_failing_reaction_leaves_nothing_and_retries_alone() -> None:
    BROKEN.append("no line")
    announce()
    outbox.deliver()
    work()
    assert verbs() == ["noted"]
    BROKEN.clear()
    with clock.frozen(clock.now() + timedelta(hours=2)):
        work()
    assert verbs() == ["fragile", "noted"]


def test_a_reaction_that_never_works_is_a_row_somebody_can_see() -> None:
    BROKEN.append("no line")
    announce()
    outbox.deliver()
    Job.objects.update(max_attempts=1)
    work()
    assert outbox.undelivered_jobs() == 1


def test_events_are_delivered_in_their_order_and_only_so_many_at_once() -> None:
    for n in range(5):
        announce(f"order {n}")
    assert outbox.deliver(limit=3) == 3
    left = list(OutboxEvent.objects.filter(delivered_at=None).values_list("subject", flat=True))
    assert left == ["order 3", "order 4"]


def test_a_reaction_that_left_the_table_is_nothing_to_do() -> None:
    announce()
    outbox.deliver()
    outbox.connect({"Paid": {"note": note}})
    work()
    assert verbs() == ["noted"]
    assert not Job.objects.exclude(state="done").exists()


def test_the_table_can_be_read() -> None:
    assert outbox.reactions() == {"Paid": ("note", "fragile")}
    assert outbox.reactions_to("Paid") == ("note", "fragile")
    assert outbox.reactions_to("Unheard") == ()


def test_old_events_go_but_not_one_that_somebody_still_waits_for() -> None:
    with clock.frozen(NOW):
        for subject in ("gone", "waited for"):
            announce(subject)
        outbox.deliver()
        Job.objects.filter(args__event=OutboxEvent.objects.get(subject="gone").pk).update(state="done")
        announce("never delivered")
    with clock.frozen(NOW + timedelta(days=179)):
        assert outbox.tidy() == 0
    with clock.frozen(NOW + timedelta(days=181)):
        assert outbox.tidy() == 1
    assert sorted(OutboxEvent.objects.values_list("subject", flat=True)) == ["never delivered", "waited for"]
