"""Announcing: an event is a row written in the transaction that makes it true; the worker turns it into reactions.

`emit` refuses to run outside a transaction. `deliver` makes one job per (event, reaction) and marks the event in one transaction,
so that each reaction is called once for each event however often a worker dies, and a failing one retries alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from zhanggui.kernel import clock, jobs
from zhanggui.kernel.models import Job, OutboxEvent

JOB = "outbox.react"
_KEEP_DELIVERED = timedelta(days=180)


@dataclass(frozen=True)
class Announced:
    """An event as a reaction sees it."""

    id: int
    shop_id: int
    name: str
    subject: str
    body: dict[str, Any]


Reaction = Callable[[Announced], None]
_reactions: dict[str, dict[str, Reaction]] = {}


def connect(table: Mapping[str, Mapping[str, Reaction]]) -> None:
    """Makes the switchboard's table (event name → reaction name → call) the one that `deliver` reads."""
    _reactions.clear()
    _reactions.update({name: dict(reactions) for name, reactions in table.items()})


def reactions() -> dict[str, tuple[str, ...]]:
    """The whole table: event name → names of its reactions."""
    return {event: tuple(named) for event, named in _reactions.items()}


def reactions_to(event_name: str) -> tuple[str, ...]:
    """Names of the reactions to an event."""
    return tuple(_reactions.get(event_name, ()))


def emit(event_name: str, shop_id: int, subject: str, body: Mapping[str, Any]) -> OutboxEvent:
    """Announces that something became true. Raises RuntimeError outside a transaction."""
    return emit_many([(event_name, shop_id, subject, body)])[0]


def emit_many(events: Iterable[tuple[str, int, str, Mapping[str, Any]]]) -> list[OutboxEvent]:
    """Announces several events (name, shop, subject, body) at once. Raises RuntimeError outside a transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError("an event is announced inside the transaction that makes it true")
    now = clock.now()
    rows = [
        OutboxEvent(shop_id=shop, name=name, subject=subject[:120], body=dict(body), at=now)
        for name, shop, subject, body in events
    ]
    return OutboxEvent.objects.bulk_create(rows, batch_size=500)


def waiting() -> bool:
    """Whether any event has not been delivered."""
    return OutboxEvent.objects.filter(delivered_at__isnull=True).exists()


def deliver(limit: int = 200) -> int:
    """Turns waiting events into jobs, oldest first; the number of events delivered. Safe in several processes at once."""
    if not waiting():
        return 0
    with transaction.atomic():
        rows = OutboxEvent.objects.filter(delivered_at__isnull=True).order_by("id")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        events = list(rows[:limit])
        jobs.enqueue_many(
            jobs.New(
                JOB,
                {"event": event.pk, "reaction": reaction},
                shop_id=event.shop_id,
                unique_key=f"event:{event.pk}:{reaction}",
                priority=2,
            )
            for event in events
            for reaction in reactions_to(event.name)
        )
        OutboxEvent.objects.filter(pk__in=[e.pk for e in events]).update(delivered_at=clock.now())
    return len(events)


@jobs.handler(JOB)
def react(job: jobs.JobContext) -> None:
    """Calls one reaction to one event. A reaction that was taken out of the table meanwhile is nothing to do."""
    event = OutboxEvent.objects.filter(pk=job.args["event"]).first()
    reaction = _reactions.get(event.name, {}).get(job.args["reaction"]) if event else None
    if event is None or reaction is None:
        return
    announced = Announced(event.pk, event.shop_id, event.name, event.subject, event.body)
    with job.transaction(finish=True):
        reaction(announced)


def undelivered_jobs() -> int:
    """How many reactions have failed for good and wait for somebody to look."""
    return Job.objects.filter(name=JOB, state=Job.State.DEAD).count()


def tidy() -> int:
    """Removes events delivered more than half a year ago; how many. One that a failed reaction still waits for stays."""
    old = OutboxEvent.objects.filter(delivered_at__lt=clock.now() - _KEEP_DELIVERED)
    waited_for = [
        args["event"] for args in Job.objects.filter(name=JOB).exclude(state=Job.State.DONE).values_list("args", flat=True)
    ]
    return old.exclude(pk__in=waited_for).delete()[0]
