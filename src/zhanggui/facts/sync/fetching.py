"""Many single gets at once, and what to do about those that do not come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zhanggui.facts import network
from zhanggui.wechat import errors

T = TypeVar("T")
STOP = (errors.QuotaExhausted, errors.Throttled, errors.ConfigurationError, errors.CapabilityOff, errors.CallError)
"""Refusals that concern the whole stream, not one thing."""
GONE = (errors.NoSuchThing, errors.Refused)
"""The platform will not give this one however often it is asked."""


@dataclass(slots=True)
class Got:
    """What came of asking for some ids."""

    ids: list[str]
    values: list[Any] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    """Id → why the platform does not give it."""
    late: dict[str, str] = field(default_factory=dict)
    """Id → why it did not come this time; to be asked again."""


async def get_all(ids: Sequence[str], get: Callable[[str], Awaitable[Any]]) -> Got:
    """Every thing that comes, in the order of `ids`.

    A few that do not come are set aside, so that one unreadable order does not hold up a shop's history. If more than a tenth fail the line or
    the platform is down: the first error is raised, as is every refusal that concerns the whole stream.
    """
    got = Got(list(ids))
    found: dict[str, Any] = {}
    failures: list[errors.WechatError] = []

    async def one(name: str) -> None:
        try:
            found[name] = await get(name)
        except STOP:
            raise
        except GONE as error:
            got.gone[name] = error.message
        except errors.WechatError as error:
            failures.append(error)
            got.late[name] = error.message

    await network.each_plain(ids, one)
    if len(got.late) > max(3, len(ids) // 10):
        raise failures[0]
    got.values = [found[name] for name in ids if name in found]
    return got


async def pieces(rows: AsyncIterator[T], size: int) -> AsyncIterator[list[T]]:
    """The rows of a walk in lists of `size`."""
    some: list[T] = []
    async for row in rows:
        some.append(row)
        if len(some) >= size:
            yield some
            some = []
    if some:
        yield some
