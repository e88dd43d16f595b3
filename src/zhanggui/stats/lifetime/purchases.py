"""Rows to purchases, purchases to what is known of each customer on a day, and what each did after it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zhanggui.stats.tables import Floats, Ints

WEEK = 7.0


@dataclass(frozen=True)
class Refunds:
    """One row per return: `who` (place in the customers), `day`, `amount` paid back (not negative)."""

    who: Ints
    day: Ints
    amount: Floats

    def between(self, after: float, until: float) -> Refunds:
        """The returns of the days after `after` up to and including `until`."""
        inside = (self.day > after) & (self.day <= until)
        return Refunds(self.who[inside], self.day[inside], self.amount[inside])

    def by_customer(self, customers: int) -> Floats:
        """What each of so many customers got back in all."""
        found: Floats = np.bincount(self.who, self.amount, minlength=customers).astype(np.float64)
        return found


@dataclass(frozen=True)
class Purchases:
    """One row per customer and day, sorted: `who` (place in `customers`), `day`, `amount` that day, `lines` (rows that day).

    `refunds`: what was paid back, one row per return, deducted from the value per purchase. `has_amounts` False: amounts are unknown and all 0.
    """

    customers: tuple[str, ...]
    who: Ints
    day: Ints
    amount: Floats
    lines: Ints
    refunds: Refunds
    has_amounts: bool

    def until(self, day: int) -> Purchases:
        """What was known at the end of `day`, of the same customers."""
        seen = self.day <= day
        return replace(
            self,
            who=self.who[seen],
            day=self.day[seen],
            amount=self.amount[seen],
            lines=self.lines[seen],
            refunds=self.refunds.between(-math.inf, day),
        )


def gather(customers: Sequence[str], who: Ints, day: Ints, amount: Floats | None = None) -> Purchases:
    """Rows to purchases: several rows of a customer on one day are one purchase; negative amounts are refunds, not purchases."""
    values = np.full(len(who), np.nan) if amount is None else amount
    told = np.isfinite(values)
    known = np.where(told, values, 0.0)
    bought = ~(known < 0)
    refunds = Refunds(who[~bought], day[~bought], -known[~bought])
    w, d, v = who[bought], day[bought], known[bought]
    base = int(d.min()) if len(d) else 0
    span = int(d.max()) - base + 1 if len(d) else 1
    keys, inverse, lines = np.unique(w * span + (d - base), return_inverse=True, return_counts=True)
    each: Floats = np.bincount(inverse, v, minlength=len(keys)).astype(np.float64)
    unknown = np.bincount(inverse, told[bought], minlength=len(keys)) == 0
    if unknown.any() and not unknown.all():
        each[unknown] = each[~unknown].mean()  # not worth nothing, only not written down
    has_amounts = bool(told.any())
    return Purchases(tuple(customers), keys // span, keys % span + base, each, lines, refunds, has_amounts)


@dataclass(frozen=True)
class Summary:
    """Per customer seen by the origin: `who`, repeat purchases `x`, weeks from first to last purchase `recency`, weeks since the first `age`."""

    who: Ints
    x: Floats
    recency: Floats
    age: Floats

    @property
    def silent_days(self) -> Floats:
        """Days since the last purchase."""
        return (self.age - self.recency) * WEEK


def summarise(purchases: Purchases, origin: int) -> Summary:
    """Sufficient statistics from purchases up to and including day `origin`."""
    seen = purchases.day <= origin
    who, day = purchases.who[seen], purchases.day[seen]
    if len(who) == 0:
        empty = np.zeros(0)
        return Summary(np.zeros(0, dtype=np.int64), empty, empty, empty)
    starts = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
    ends = np.r_[starts[1:], len(who)] - 1
    first, last = day[starts], day[ends]
    return Summary(who[starts], (ends - starts).astype(np.float64), (last - first) / WEEK, (origin - first) / WEEK)


def outcome(purchases: Purchases, s: Summary, origin: int, horizon: int) -> tuple[Floats, Floats]:
    """Purchases of each customer in the `horizon` days after `origin`, and their amount less what was paid back in those days (not below 0)."""
    after = (purchases.day > origin) & (purchases.day <= origin + horizon)
    n = len(purchases.customers)
    who = purchases.who[after]
    paid_back = purchases.refunds.between(origin, origin + horizon).by_customer(n)
    worth = np.maximum(np.bincount(who, purchases.amount[after], minlength=n) - paid_back, 0.0)
    return np.bincount(who, minlength=n)[s.who].astype(np.float64), worth[s.who]
