"""Pushes as received: one row per push however often it comes, stored before it is answered."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from zhanggui.facts.models import Connection, Inbound
from zhanggui.kernel import clock, jobs, vault
from zhanggui.wechat.callbacks import Callback

_SEEN_APART = timedelta(seconds=10)
JOB = "facts.inbound"
"""The job that works through stored pushes of a shop; one live job drains many."""


def take_in(connection: Connection, callback: Callback) -> Inbound | None:
    """Stores a genuine push (sealed) and asks for its processing; None if we had it already (then it is only counted).

    Nothing is fetched or decided here, so the platform is answered at once.
    """
    now = clock.now()
    try:
        with transaction.atomic():
            row = Inbound.objects.create(
                shop_id=connection.shop_id,
                connection=connection,
                dedup_key=callback.dedup_key[:64],
                kind=callback.kind[:80],
                entity_id=callback.entity_id[:128],
                body_sealed=vault.seal(callback.message, shop_id=connection.shop_id),
                received_at=now,
                platform_at=callback.created_at,
            )
            if connection.last_push_at is None or now - connection.last_push_at > _SEEN_APART:
                # Not at every push: pushes side by side would wait for each other's row lock.
                Connection.objects.filter(pk=connection.pk).update(last_push_at=now)
            ask(connection.shop_id)
    except IntegrityError:
        Inbound.objects.filter(connection=connection, dedup_key=callback.dedup_key[:64]).update(repeats=F("repeats") + 1)
        return None
    return row


def ask(shop_id: int) -> None:
    """Makes sure that a job will look at the shop's stored pushes."""
    jobs.enqueue(JOB, shop_id=shop_id, unique_key=f"{JOB}:{shop_id}", priority=5)


def refuse(connection: Connection) -> None:
    """Counts a push that was turned away."""
    Connection.objects.filter(pk=connection.pk).update(refused_pushes=F("refused_pushes") + 1)
