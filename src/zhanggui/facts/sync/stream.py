"""What a stream is: one kind of fact of one kind of account, how it is walked, how often, and how what came is recorded.

    Changes   things with an id and a time of change (orders, after-sales): history by creation, news by update, id lists then single gets
    Days      figures per day, ready some hours after the day is over: new days, late corrections, then the past
    Whole     lists that can only be read from end to end (products, members, contacts): read whole, then what is gone is closed

Declarations only: the walking is in `changes`, `days` and `whole`, the reactions to refusals in `runner`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from zhanggui.facts.models import Shop
from zhanggui.facts.permissions import BY_NAME
from zhanggui.wechat.walks import Page


@dataclass(frozen=True)
class Changes:
    """A stream of things that change.

    History is listed by creation, newest window first: a creation never moves, so a window once read is complete, this week is on the desk
    within seconds, and only walking backwards finds a beginning that no document states.
    """

    pages: Callable[[Any, datetime, datetime, str], AsyncIterator[Page[str]]]
    """(client, start, end, "update" or "create") → pages of ids; both ends included."""
    get: Callable[[Any, str], Awaitable[Any]]
    """(client, id) → the thing as it is now."""
    record: Callable[[Shop, list[Any], datetime], None]
    """(shop, things, since) inside a transaction; only what happened since is announced."""
    known: Callable[[Shop, datetime, datetime, datetime], set[str]]
    """(shop, start, end, since) → ids created in [start, end] and recorded since: what a killed run has already done."""
    window: timedelta
    """Longest span of one list call."""
    quiet: timedelta
    """So long without anything, and the beginning of history is taken to be reached."""
    unit: str = "条"


@dataclass(frozen=True)
class Days:
    """A stream of figures per day."""

    fetch: Callable[[Any, date, date, Any], Coroutine[Any, Any, Any]]
    """(client, first, last, what `prepare` gave) → the figures of those days."""
    record: Callable[[Shop, date, date, Any], bool]
    """(shop, first, last, figures) inside a transaction; whether there was anything."""
    ready: int
    """Hour of the day (China) after which yesterday's figures are asked for."""
    history: int
    """How many days back the first run goes at most: what the platform lets, or a span long enough for every metric."""
    span: int = 1
    """Days of one call."""
    again: tuple[int, ...] = (1, 2)
    """Days before the newest that are read once more with it: late corrections."""
    quiet: int = 120
    """So many days without anything, and the beginning is taken to be reached."""
    prepare: Callable[[Any], Coroutine[Any, Any, Any]] | None = None
    """(client) → what every fetch needs."""


@dataclass(frozen=True)
class Batch:
    """Some of a whole list, and the keys by which `finish` knows what is still there."""

    items: list[Any]
    keys: list[Any] = field(default_factory=list)
    total: int | None = None
    count: int | None = None
    """How many things these are, where that is not the number of items."""


@dataclass(frozen=True)
class Whole:
    """A stream that is read from end to end."""

    batches: Callable[[Any, Any], AsyncIterator[Batch]]
    """(client, what `prepare` gave) → batches."""
    record: Callable[[Shop, list[Any], bool], None]
    """(shop, items, announce) inside a transaction."""
    prepare: Callable[[Shop], Any] | None = None
    """(shop) → what the walk needs to know from the database."""
    finish: Callable[[Shop, datetime, list[Any]], dict[str, Any] | None] | None = None
    """(shop, when the walk began, all keys) inside a transaction: closes what is gone; gives the counts of both sides."""
    unit: str = "条"


@dataclass(frozen=True)
class Stream:
    """One stream. Its title and purpose are those of the permission of the same name."""

    name: str
    work: Changes | Days | Whole
    every: timedelta
    """How often it is run; figures per day are also asked only once a day is over."""
    priority: int = 0
    """Which of several waiting streams goes first: what the home page shows."""
    kind: str = field(init=False)
    title: str = field(init=False)
    purpose: str = field(init=False)

    def __post_init__(self) -> None:
        for name in ("kind", "title", "purpose"):
            object.__setattr__(self, name, getattr(BY_NAME[self.name], name))
