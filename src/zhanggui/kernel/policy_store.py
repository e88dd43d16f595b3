"""A policy as it holds for a shop at a moment: declared defaults plus the shop's dated overrides."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import JSONField, Value

from zhanggui.kernel import audit, clock, outbox
from zhanggui.kernel.errors import NotFound, PolicyError
from zhanggui.kernel.models import PolicyOverride
from zhanggui.kernel.policy import PolicyField, describe

P = TypeVar("P")
_known: dict[str, PolicyField] = {}


def register(*policies: type[Any]) -> None:
    """Makes the fields of `policies` known by key, so that an override can be checked against its declaration."""
    for policy in policies:
        for declared in describe(policy):
            _known[declared.key] = declared


def known() -> dict[str, PolicyField]:
    """Every registered field by key."""
    return dict(_known)


def current(policy: type[P], shop_id: int, at: datetime | None = None) -> P:
    """`policy` with the values that hold for the shop at `at` (now): the latest override not after it, else the default."""
    register(policy)
    fields = {f.key: f for f in describe(policy)}
    rows = PolicyOverride.objects.filter(shop_id=shop_id, key__in=fields, since__lte=at or clock.now()).order_by("since", "id")
    values = {fields[row.key].name: _typed(fields[row.key], row.value) for row in rows}
    return policy(**values)


def override(shop_id: int, key: str, value: Any, by: str, why: str = "", at: datetime | None = None) -> PolicyOverride:
    """Sets the shop's own value from `at` (now) on. `value` None returns to the default.

    Announces PolicyChanged. Raises NotFound for an unknown key and PolicyError for a value of the wrong kind or out of range.
    """
    declared = _known.get(key)
    if declared is None:
        raise NotFound(f"没有名为 {key} 的参数")
    if value is not None:
        value = check(declared, value)
    with transaction.atomic():
        # The JSON null, which is a value; a bare None would be SQL's, which the column refuses.
        kept: Any = Value(None, JSONField()) if value is None else value
        row = PolicyOverride.objects.create(shop_id=shop_id, key=key, value=kept, since=at or clock.now(), by=by, why=why)
        row.value = value
        shown = "恢复默认值" if value is None else f"改为 {_shown(declared, value)}"
        audit.record(
            shop_id,
            by,
            "policy.override",
            f"{by} 把“{declared.declared.meaning}”{shown}",
            subject=key,
            detail={"value": value, "why": why},
        )
        outbox.emit("PolicyChanged", shop_id, key, {"key": key})
    return row


def check(declared: PolicyField, value: Any) -> Any:
    """`value` in the type of the declared default. Raises PolicyError if it does not fit or is out of range."""
    default, facts = declared.default, declared.declared
    try:
        if isinstance(default, bool):
            value = value if isinstance(value, bool) else str(value).strip().lower() in {"1", "true", "on", "yes", "是"}
        elif isinstance(default, int):
            value = int(value)
        elif isinstance(default, float):
            value = float(value)
        elif isinstance(default, list | tuple):
            if not isinstance(value, list | tuple):
                raise ValueError("a list is needed")
            value = [type(default[0])(item) if default else item for item in value]
        else:
            value = str(value)
    except (TypeError, ValueError):
        raise PolicyError(f"“{facts.meaning}”的值不合适", remedy=f"请填{facts.unit}") from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise PolicyError(f"“{facts.meaning}”的值不合适", remedy=f"请填{facts.unit}")
        if facts.low is not None and value < facts.low:
            raise PolicyError(f"“{facts.meaning}”不能小于 {facts.low:g}", remedy="请换一个值")
        if facts.high is not None and value > facts.high:
            raise PolicyError(f"“{facts.meaning}”不能大于 {facts.high:g}", remedy="请换一个值")
    return value


def history(shop_id: int, key: str) -> list[PolicyOverride]:
    """All overrides of one value, newest first."""
    return list(PolicyOverride.objects.filter(shop_id=shop_id, key=key).order_by("-since", "-id"))


def _typed(declared: PolicyField, stored: Any) -> Any:
    if stored is None:
        return declared.default
    return tuple(stored) if isinstance(declared.default, tuple) else stored


def _shown(declared: PolicyField, value: Any) -> str:
    return f"{value} {declared.declared.unit}".strip()
