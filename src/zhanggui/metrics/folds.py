"""Numbers for which the order of things within a person matters: one pass over the time-ordered log with dense customer numbers.

Each fold is a small kernel over plain arrays (compiled by numba on first use, cached under the data folder, where order matters), and has a twin in
plain Python (`oracle_*`) that says the same thing slowly, for the tests. No kernel knows where its arrays come from.

    purchase   product_view → add_to_cart → order → pay within the conversion window     visit_pay   any visit → pay
    cart_pay   add_to_cart → pay                                                          return_1 / 7 / 30   new visitors who come back on that day
    annual     bought in the year before last, and again in the last year
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

Ints = npt.NDArray[np.int64]
DAY = 86_400_000_000
VISITS = ("page_view", "product_view", "add_to_cart", "share", "invite_open")
STEPS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "purchase": (("product_view",), ("add_to_cart",), ("order",), ("pay",)),
    "cart_pay": (("add_to_cart",), ("pay",)),
    "visit_pay": (VISITS, ("pay",)),
}
"""Fold → for each step the kinds of events that take it."""
STEP_NAMES = ("product_view", "add_to_cart", "order", "pay")
STEP_WORDS: Mapping[str, str] = {"product_view": "浏览商品", "add_to_cart": "加入购物车", "order": "下单", "pay": "支付"}
RETURNS: Mapping[str, int] = {"return_1": 1, "return_7": 7, "return_30": 30}
KM: Mapping[str, int] = {"km_30": 30, "km_60": 60, "km_90": 90, "km_365": 365}
READS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(STEPS, ("events",)), **dict.fromkeys(RETURNS, ("events",)), **dict.fromkeys(KM, ("orders",)),
    "annual": ("orders",), "cohort": ("orders",), "rfm": ("orders", "refunds"),
}  # fmt: skip
"""Fold → lake tables it reads."""
CENSORED = frozenset((*RETURNS, *KM, "annual", "cohort", "rfm"))


@dataclass(frozen=True)
class Log:
    """Events in time order. `who` is a dense number of whatever goes through the steps, `segment` of what it is split by."""

    at: Ints
    """Microseconds UTC, never decreasing."""
    who: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    """Index into lake_schema.EVENT_KINDS."""
    segment: npt.NDArray[np.int32]
    people: int
    segments: int
    own_segment: bool = False
    """Whether `who` already implies the segment (customer and product as one)."""

    def in_order(self) -> Log:
        """The log with equal or later moments after earlier ones; late events find their place, equal moments keep their order."""
        if len(self.at) < 2 or bool(np.all(self.at[1:] >= self.at[:-1])):
            return self
        order = np.argsort(self.at, kind="stable")
        return Log(
            self.at[order], self.who[order], self.kind[order], self.segment[order], self.people, self.segments, self.own_segment
        )


@lru_cache(maxsize=1)
def _numba() -> Any:
    folder = settings.HOME / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
    except OSError:  # a file of orders can be looked at where nothing may be kept
        folder = Path(tempfile.mkdtemp(prefix="zhanggui-numba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    import numba

    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return numba


def _compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel compiled, and kept on disk for the next process."""
    compiled: Callable[..., Any] = _numba().njit(cache=True, nogil=True)(kernel)
    return compiled


# -- ordered steps within a window ------------------------------------------------------------------------------------------------


def _steps_kernel(at, who, step, segment, begin, end, low, start_high, high, window, steps, width, start, origin, best, out):  # type: ignore[no-untyped-def]
    """For each period p the people whose first step lies in [begin, end) and who took the k-th step within `window` of it.

    `start[k, w]` is the latest moment of a first step from which w has come as far as step k. The latest one dominates all others,
    because nothing can still be in time for an earlier one that is too late for it. Moments of an earlier period are smaller than
    `begin`, so nothing needs resetting between periods. `best` keeps period * (steps + 1) + level.
    """
    for p in range(len(begin)):
        base = p * (steps + 1)
        for i in range(low[p], high[p]):
            k = step[i]
            if k < 0:
                continue
            w = who[i]
            if k == 0:
                if i >= start_high[p]:
                    continue
                start[0, w] = at[i]
                origin[0, w] = segment[i]
            else:
                since = start[k - 1, w]
                if since < begin[p] or since >= end[p] or at[i] - since > window:
                    continue
                start[k, w] = since
                origin[k, w] = origin[k - 1, w]
            s = origin[k, w]
            cell = w * width + (s if width > 1 else 0)
            level = best[cell] - base
            if level < 0:
                level = 0
            if level == k:
                best[cell] = base + k + 1
                out[p, s, k] += 1


_steps: list[Callable[..., Any]] = []


def steps(log: Log, kinds: Sequence[Sequence[int]], periods: Sequence[tuple[int, int]], window: int) -> Ints:
    """People per period, segment and level: [period, segment, level] counts those who came at least that far.

    `periods` are disjoint, ascending [begin, end) in microseconds; a person counts in the period (and segment) of a first step,
    and later steps count until `window` microseconds after it, inclusive.
    """
    log = log.in_order()
    depth = len(kinds)
    code = np.full(8, -1, np.int8)
    for level, taken in enumerate(kinds):
        for kind in taken:
            code[kind] = level
    begin = np.array([p[0] for p in periods], np.int64)
    end = np.array([p[1] for p in periods], np.int64)
    low = np.searchsorted(log.at, begin, side="left")
    start_high = np.searchsorted(log.at, end, side="left")
    high = np.searchsorted(log.at, end + window, side="left")
    width = 1 if log.own_segment else log.segments
    out = np.zeros((len(periods), log.segments, depth), np.int64)
    if not len(log.at) or not periods:
        return out
    start = np.full((depth, max(log.people, 1)), -(2**62), np.int64)
    origin = np.zeros((depth, max(log.people, 1)), np.int32)
    best = np.full(max(log.people, 1) * width, -1, np.int32)
    if not _steps:
        _steps.append(_compiled(_steps_kernel))
    _steps[0](
        log.at,
        log.who,
        code[log.kind],
        log.segment,
        begin,
        end,
        low,
        start_high,
        high,
        window,
        depth,
        width,
        start,
        origin,
        best,
        out,
    )
    return out


def oracle_steps(log: Log, kinds: Sequence[Sequence[int]], periods: Sequence[tuple[int, int]], window: int) -> Ints:
    """The same by trying every first step of everybody."""
    log = log.in_order()
    out = np.zeros((len(periods), log.segments, len(kinds)), np.int64)
    people: dict[int, list[tuple[int, int, int]]] = {}
    for at, who, kind, segment in zip(log.at.tolist(), log.who.tolist(), log.kind.tolist(), log.segment.tolist(), strict=True):
        people.setdefault(who, []).append((at, kind, segment))
    for p, (begin, end) in enumerate(periods):
        for events in people.values():
            reached: dict[int, int] = {}
            for i, (since, kind, segment) in enumerate(events):
                if kind not in kinds[0] or not begin <= since < end:
                    continue
                level = 1
                for at, later, _ in events[i + 1 :]:
                    # a later first step takes over the rest of the way: it is at least as good, and says where the person came from last
                    if level == 1 and later in kinds[0] and begin <= at < end:
                        break
                    if level < len(kinds) and later in kinds[level] and at - since <= window:
                        level += 1
                reached[segment] = max(reached.get(segment, 0), level)
            for segment, level in reached.items():
                out[p, segment, :level] += 1
    return out


# -- coming back ------------------------------------------------------------------------------------------------------------------


def _returns_kernel(day, who, offset, last_day, first_day, seen, out):  # type: ignore[no-untyped-def]
    for i in range(len(day)):
        w, d = who[i], day[i]
        if first_day[w] < 0:
            first_day[w] = d
            out[d, 0] += 1
        elif not seen[w] and d - first_day[w] == offset:
            seen[w] = 1
            out[first_day[w], 1] += 1


_returns: list[Callable[..., Any]] = []


def returns(day: npt.NDArray[np.int32], who: npt.NDArray[np.int32], people: int, days: int, offset: int) -> Ints:
    """[day, (new, of these back `offset` days later)] for days 0 … `days` - 1. Rows in time order; nobody is new twice."""
    out = np.zeros((max(days, 1), 2), np.int64)
    if not len(day):
        return out
    if not _returns:
        _returns.append(_compiled(_returns_kernel))
    blank = np.full(max(people, 1), -1, np.int32)
    _returns[0](day, who, offset, blank.copy(), blank, np.zeros(max(people, 1), np.int8), out)
    return out


def oracle_returns(day: npt.NDArray[np.int32], who: npt.NDArray[np.int32], people: int, days: int, offset: int) -> Ints:
    """The same from each person's set of days."""
    seen: dict[int, set[int]] = {}
    for d, w in zip(day.tolist(), who.tolist(), strict=True):
        seen.setdefault(w, set()).add(d)
    out = np.zeros((max(days, 1), 2), np.int64)
    for own in seen.values():
        out[min(own), 0] += 1
        out[min(own), 1] += min(own) + offset in own
    return out


# -- the year before and the last year ------------------------------------------------------------------------------------------------


def annual(who: npt.NDArray[np.int32], day: npt.NDArray[np.int32], days: int) -> tuple[Ints, Ints]:
    """(base, kept) per day 0 … `days` - 1 from purchases sorted by customer, then day, each day once (numbered from the first day).

    A purchase makes its buyer count in the base 365 to 729 days later, and be active from its day to 364 days later. Being both is being
    in the base, plus being active, less being either; and either is simply the 730 days from the purchase on. So three counts of covered
    days suffice, and no kernel.
    """
    first = np.ones(len(who), bool)
    first[1:] = who[1:] != who[:-1]

    def covered(low: int, high: int) -> Ints:
        """Customers of whom some purchase lies `low` to `high` days before, per day."""
        begin, end = day.astype(np.int64) + low, day.astype(np.int64) + high
        begin[1:] = np.where(first[1:], begin[1:], np.maximum(begin[1:], end[:-1] + 1))  # no day twice for the same customer
        inside = begin < days
        change = np.bincount(begin[inside], minlength=days + 1) - np.bincount(
            np.minimum(end[inside], days - 1) + 1, minlength=days + 1
        )
        return np.cumsum(change)[:days]

    base, active, either = covered(365, 729), covered(0, 364), covered(0, 729)
    return base, base + active - either


def oracle_annual(who: npt.NDArray[np.int32], day: npt.NDArray[np.int32], days: int) -> tuple[Ints, Ints]:
    """The same by looking at every customer on every day."""
    own: dict[int, list[int]] = {}
    for w, d in zip(who.tolist(), day.tolist(), strict=True):
        own.setdefault(w, []).append(d)
    base, kept = np.zeros(days, np.int64), np.zeros(days, np.int64)
    for d in range(days):
        for bought in own.values():
            if any(d - 729 <= b <= d - 365 for b in bought):
                base[d] += 1
                kept[d] += any(d - 364 <= b <= d for b in bought)
    return base, kept
