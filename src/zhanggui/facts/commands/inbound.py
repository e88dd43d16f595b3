"""Pushes as received: one row per push however often it comes, stored before it is answered.

receive          stores; while the database is too busy to answer in time, keeps the push as a file beside it
take_in_spooled  the worker turns such files into rows
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, close_old_connections, transaction
from django.db import connection as database
from django.db.models import F

from zhanggui.facts.models import Connection, Inbound
from zhanggui.kernel import clock, jobs, vault
from zhanggui.wechat.callbacks import Callback

log = logging.getLogger("zhanggui.inbound")
_SEEN_APART = timedelta(seconds=10)
_KEEP = timedelta(days=30)
"""A push that has been worked through is kept this long for whoever asks what happened; the platform repeats for 3.6 hours."""
PATIENCE = 2.0
"""Seconds to wait for the embedded database's one writer. The platform gives up after five, and after three for some pushes."""
JOB = "facts.inbound"
"""The job that works through stored pushes of a shop; one live job drains many."""


def take_in(connection: Connection, callback: Callback) -> Inbound | None:
    """Stores a genuine push (sealed) and asks for its processing; None if we had it already (then it is only counted).

    Nothing is fetched or decided here, so the platform is answered at once.
    """
    return _store(connection, _row_of(connection, callback))


def receive(connection: Connection, callback: Callback) -> None:
    """As `take_in`, and within two seconds whatever the database is doing: kept as a sealed file if it cannot take it now."""
    row = _row_of(connection, callback)
    try:
        with _impatient():
            _store(connection, row)
    except OperationalError as error:
        log.warning("push kept beside the database, which is busy: %s", type(error).__name__)
        _spool(connection, row)
        close_old_connections()


def _row_of(connection: Connection, callback: Callback) -> Inbound:
    return Inbound(
        shop_id=connection.shop_id,
        connection=connection,
        dedup_key=callback.dedup_key[:64],
        kind=callback.kind[:80],
        entity_id=callback.entity_id[:128],
        body_sealed=vault.seal(callback.message, shop_id=connection.shop_id),
        received_at=clock.now(),
        platform_at=callback.created_at,
    )


def _store(connection: Connection, row: Inbound) -> Inbound | None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            if connection.last_push_at is None or row.received_at - connection.last_push_at > _SEEN_APART:
                # Not at every push: pushes side by side would wait for each other's row lock.
                Connection.objects.filter(pk=connection.pk).update(last_push_at=row.received_at)
            ask(connection.shop_id)
    except IntegrityError:
        Inbound.objects.filter(connection=connection, dedup_key=row.dedup_key).update(repeats=F("repeats") + 1)
        return None
    return row


def ask(shop_id: int) -> None:
    """Makes sure that a job will look at the shop's stored pushes."""
    jobs.enqueue(JOB, shop_id=shop_id, unique_key=f"{JOB}:{shop_id}", priority=5)


def refuse(connection: Connection) -> None:
    """Counts a push that was turned away; where the database is too busy, a forger's push is not worth a wait."""
    try:
        with _impatient():
            Connection.objects.filter(pk=connection.pk).update(refused_pushes=F("refused_pushes") + 1)
    except OperationalError:
        log.warning("a refused push was not counted: the database is busy")


def forget_old() -> int:
    """Removes pushes that were worked through more than 30 days ago; how many. Failed ones stay."""
    return Inbound.objects.filter(state__in=("done", "ignored"), received_at__lt=clock.now() - _KEEP).delete()[0]


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Inside, a wait for the embedded database's write lock ends after `PATIENCE` with an OperationalError."""
    if database.vendor != "sqlite" or database.in_atomic_block:
        yield
        return
    usual = float(database.settings_dict["OPTIONS"].get("timeout", 5.0))
    with database.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
    try:
        yield
    finally:
        if database.connection is not None:
            with database.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {int(usual * 1000)}")


# -- beside the database ---------------------------------------------------------------------------------------------------------


def spool_folder() -> Path:
    """Where pushes wait that the database could not take."""
    return Path(settings.HOME) / "inbox"


def _spool(connection: Connection, row: Inbound) -> None:
    """Keeps the push as one sealed file, on disk when this returns; the same push again is the same file."""
    folder = spool_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    body = {
        "kind": row.kind,
        "entity_id": row.entity_id,
        "received_at": row.received_at.isoformat(),
        "platform_at": row.platform_at.isoformat() if row.platform_at else None,
        "body": base64.b64encode(row.body_sealed or b"").decode(),
    }
    target = folder / f"{connection.pk}-{row.dedup_key}.push"
    fresh = target.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(vault.seal(json.dumps(body), shop_id=connection.shop_id))
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, target)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def take_in_spooled() -> int:
    """Stores what waits beside the database, oldest first; how many. A file is removed only after its row is committed."""
    try:
        waiting = sorted((p for p in spool_folder().iterdir() if p.suffix == ".push"), key=lambda p: p.stat().st_mtime)
    except FileNotFoundError:
        return 0
    done = 0
    for path in waiting:
        number, _, key = path.stem.partition("-")
        connection = Connection.objects.filter(pk=int(number)).first() if number.isdigit() else None
        if connection is not None:
            try:
                _store(connection, _row_in(path, connection, key))
            except (vault.Unopenable, ValueError, KeyError) as error:
                log.error("a push kept as %s cannot be read: %s", path.name, type(error).__name__)
                path.rename(path.with_suffix(".unreadable"))
                continue
            done += 1
        path.unlink(missing_ok=True)  # an account that was removed needs its pushes no more
    return done


def _row_in(path: Path, connection: Connection, key: str) -> Inbound:
    body: dict[str, Any] = json.loads(vault.unseal(path.read_bytes(), shop_id=connection.shop_id))
    return Inbound(
        shop_id=connection.shop_id,
        connection=connection,
        dedup_key=key,
        kind=body["kind"],
        entity_id=body["entity_id"],
        body_sealed=base64.b64decode(body["body"]),
        received_at=datetime.fromisoformat(body["received_at"]),
        platform_at=datetime.fromisoformat(body["platform_at"]) if body["platform_at"] else None,
    )
