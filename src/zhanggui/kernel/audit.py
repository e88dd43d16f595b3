"""Who did what, as a sentence a shopkeeper can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zhanggui.kernel import clock
from zhanggui.kernel.models import AuditEntry


def record(
    shop_id: int | None,
    actor: str,
    verb: str,
    sentence: str,
    *,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """A new line of the audit trail. Call it inside the transaction of the deed. `detail` must hold no personal data."""
    return AuditEntry.objects.create(
        shop_id=shop_id,
        at=clock.now(),
        actor=actor[:150],
        verb=verb[:60],
        subject=subject[:120],
        sentence=sentence[:500],
        detail=dict(detail or {}),
    )
