"""A metric over a lake: declarations in, points out. Knows no database; what is kept and shown is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zhanggui.facts.lake import Lake
from zhanggui.facts.lake_schema import EVENT_KINDS
from zhanggui.kernel import clock
from zhanggui.metrics import folds
from zhanggui.metrics.engine import Engine
from zhanggui.metrics.metric import ANCHOR, SHARED, VISIT, WINDOWS, Grain, Metric, statement
from zhanggui.stats.survival import kaplan_meier, share_by

_EPOCH = date(1970, 1, 1)
_MARGIN = timedelta(days=31)
"""What is read for one grain is read this much wider: the other grains reach a little further."""


@dataclass(frozen=True, slots=True)
class Point:
    """One number of one period; `dimension` "" is the whole shop."""

    start: date
    dimension: str
    segment: str
    numerator: float | None
    denominator: float | None


@dataclass(frozen=True, slots=True)
class Period:
    """A period of a grain: where it starts and the days it covers."""

    start: date
    first: date
    last: date


@dataclass
class Context:
    """One shop's lake opened for computing. `values` are the policy values by key."""

    lake: Lake
    engine: Engine
    values: Mapping[str, Any]
    _logs: dict[str, tuple[date, date, folds.Log, list[str]]] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)
    _shared: dict[str, tuple[date, date]] = field(default_factory=dict)

    @property
    def horizon(self) -> date:
        """The last observed day; 1970 where nothing was observed."""
        return self.lake.horizon or _EPOCH

    def params(self, metric: Metric, first: date, last: date) -> dict[str, Any]:
        """The bound values of a metric's statement."""
        named = {name: self.values[key] for name, key in metric.params.items()}
        return {"first": first, "last": last, "horizon": self.horizon, **metric.constants, **named}

    def log(self, first: date, last: date, dimension: str) -> tuple[folds.Log, list[str]]:
        """The behaviour and purchase log of these days, in time order, split by a dimension; and the dimension's values."""
        kept = self._logs.get(dimension)
        if kept is None or first < kept[0] or last > kept[1]:
            first, last = first - _MARGIN, last + _MARGIN
            kept = (first, last, *_read_log(self, first, last, dimension))
            self._logs[dimension] = kept
        return kept[2], kept[3]

    def share(self, metric: Metric, first: date, last: date) -> None:
        """Gives the engine the tables this metric shares with others, for these days at least."""
        for name in metric.shared:
            kept = self._shared.get(name)
            if kept is None or first < kept[0] or last > kept[1]:
                kept = (first - _MARGIN, last + _MARGIN)
                self.engine.keep(name, SHARED[name].select(()), {"first": kept[0], "last": kept[1]})
                self._shared[name] = kept


def align(grain: Grain, first: date, last: date, horizon: date) -> tuple[date, date]:
    """The days that whole periods of `grain` touching these days cover."""
    if grain == "week":
        return clock.week_of(first), clock.week_of(last) + timedelta(days=6)
    if grain == "month":
        return first.replace(day=1), (last.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if grain in WINDOWS:
        size, count = WINDOWS[grain]
        return horizon - timedelta(days=size * count - 1), horizon
    return first, last


def periods(grain: Grain, first: date, last: date, horizon: date) -> list[Period]:
    """The periods of a grain over aligned days, ascending."""
    if grain == "range":
        return [Period(first, first, last)]
    found: list[Period] = []
    day = first
    while day <= last:
        if grain == "day":
            end = day
        elif grain == "week":
            end = day + timedelta(days=6)
        elif grain == "month":
            end = (day + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        else:
            end = day + timedelta(days=WINDOWS[grain][0] - 1)
        found.append(Period(day, day, end))
        day = end + timedelta(days=1)
    return found


def points(
    context: Context, metric: Metric, grain: Grain, first: date, last: date, dimensions: tuple[str, ...] = ()
) -> list[Point]:
    """The metric's points of a grain over days that whole periods cover (see `align`), for the shop and each of the dimensions."""
    if metric.fold:
        found = list(_fold(context, metric, grain, first, last, ""))
        for dimension in dimensions:
            found.extend(_fold(context, metric, grain, first, last, dimension))
        return found
    if metric.shape == "state" and grain == "range":
        return _as_of(points(context, metric, "day", first, last, dimensions), first)
    if not dimensions:
        context.share(metric, first, last)
    asked = statement(metric.sql, grain, dimensions, bool(dimensions))
    if grain in WINDOWS:
        asked = asked.replace(ANCHOR, str(context.horizon))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    tables = {"calendar": pa.table({"day": pa.array(days, pa.date32())})} if "calendar" in metric.sql else {}
    answer = context.engine.query(asked, tables, context.params(metric, first, last)).to_pydict()
    found = []
    flags = [answer[f"g_{name}"] for name in dimensions]
    for at, (start, numerator, denominator) in enumerate(
        zip(answer["start"], answer["numerator"], answer["denominator"], strict=True)
    ):
        dimension = next((name for name, flag in zip(dimensions, flags, strict=True) if flag[at] == 0), "")
        segment = text_of(answer[f"d_{dimension}"][at]) if dimension else ""
        if dimension == "product_id" and not segment and "events" in metric.tables:
            continue  # pages that show no product
        found.append(Point(start, dimension, segment, _number(numerator), _number(denominator)))
    return found


def _as_of(found: list[Point], first: date) -> list[Point]:
    """A state over a stretch is what it was on the last day it is known for."""
    last = max((p.start for p in found if not p.dimension), default=None)
    return [replace(p, start=first) for p in found if p.start == last]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def text_of(value: Any) -> str:
    """A dimension's value as it is stored: new / old for whether somebody is new, "" where it is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "new" if value else "old"
    return str(value)[:60]


def everything(context: Context, metrics: Iterable[Metric]) -> dict[str, list[Point]]:
    """All points that a full refresh stores, by metric; touches no database."""
    lows = [part["first"] for part in context.lake.parts.values() if part["first"]]
    highs = [part["last"] for part in context.lake.parts.values() if part["last"]]
    if not lows:
        return {metric.key: [] for metric in metrics}
    first, last = date.fromisoformat(min(lows)), date.fromisoformat(max(highs))
    found: dict[str, list[Point]] = {}
    for metric in metrics:
        found[metric.key] = []
        for grain in metric.grains:
            found[metric.key].extend(points(context, metric, grain, *align(grain, first, last, context.horizon), metric.stored))
    return found


# -- folds ----------------------------------------------------------------------------------------------------------------------


def _fold(context: Context, metric: Metric, grain: Grain, first: date, last: date, dimension: str) -> Iterator[Point]:
    name = metric.fold
    if name in folds.STEPS:
        yield from _steps(context, metric, periods(grain, first, last, context.horizon), dimension)
    elif name in folds.RETURNS:
        yield from _returns(context, folds.RETURNS[name], grain, first, last)
    elif name == "annual":
        yield from _annual(context, grain, first, last)
    elif name in folds.KM:
        yield from _survival(context, folds.KM[name], periods(grain, first, last, context.horizon))
    elif name == "cohort":
        yield from _cohorts(context)
    elif name == "rfm":
        yield from _rfm(context, min(last, context.horizon) if grain == "range" else context.horizon)
    else:
        raise KeyError(name)


def _read_log(context: Context, first: date, last: date, dimension: str) -> tuple[folds.Log, list[str]]:
    codes = " ".join(f"WHEN '{kind}' THEN {at}" for at, kind in enumerate(EVENT_KINDS))
    column = f", {dimension} AS segment" if dimension else ""
    sql = (
        f"SELECT epoch_us(ts) AS at, customer AS who, CAST(CASE kind {codes} ELSE 7 END AS TINYINT) AS kind{column} FROM events "
        "WHERE customer IS NOT NULL AND day BETWEEN $first AND $last"
    )
    batches = list(context.engine.batches(sql, {"first": first, "last": last}))
    if not batches:
        nothing = np.empty(0, np.int32)
        return folds.Log(np.empty(0, np.int64), nothing, np.empty(0, np.int8), nothing, context.lake.customers, 1), [""]
    table = pa.Table.from_batches(batches)
    at, who, kind = (table[n].to_numpy() for n in ("at", "who", "kind"))
    who = who.astype(np.int32, copy=False)
    if not dimension:
        return folds.Log(at, who, kind, np.zeros(len(at), np.int32), context.lake.customers, 1), [""]
    coded = table["segment"].combine_chunks()
    coded = coded.cast(pa.string()).dictionary_encode()
    values = [{"true": "new", "false": "old"}.get(v, v) if dimension == "is_new" else v for v in coded.dictionary.to_pylist()]
    codes_of = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    if (codes_of < 0).any():
        values.append("")
        codes_of = np.where(codes_of < 0, len(values) - 1, codes_of).astype(np.int32)
    people, own = context.lake.customers, False
    if dimension == "product_id":
        # within one product: the person and the product go through the steps together
        keep = np.array([v != "" for v in values], bool)[codes_of]
        at, who, kind, codes_of = at[keep], who[keep], kind[keep], codes_of[keep]
        pairs, dense = np.unique(who.astype(np.int64) * len(values) + codes_of, return_inverse=True)
        who, people, own = dense.astype(np.int32), len(pairs), True
    return folds.Log(at, who, kind, codes_of, people, max(len(values), 1), own), values or [""]


def _micros(day: date, context: Context) -> int:
    return round(clock.day_start(day, context.lake.zone).timestamp()) * 1_000_000


def _steps(context: Context, metric: Metric, asked: list[Period], dimension: str) -> Iterator[Point]:
    if not asked:
        return
    window = int(context.values[metric.params["funnel_days"]])
    key = f"{metric.fold}|{dimension}|{window}|{asked[0]}|{asked[-1]}|{len(asked)}"
    if key not in context._kept:
        log, values = context.log(asked[0].first, asked[-1].last + timedelta(days=window + 1), dimension)
        kinds = [[EVENT_KINDS.index(kind) for kind in step] for step in folds.STEPS[metric.fold]]
        spans = [(_micros(p.first, context), _micros(p.last + timedelta(days=1), context)) for p in asked]
        context._kept[key] = (folds.steps(log, kinds, spans, window * folds.DAY), values)
    counts, values = context._kept[key]
    for p, s in zip(*np.nonzero(counts[:, :, 0]), strict=True):
        levels = counts[p, s].tolist()
        segment = text_of(values[s]) if dimension else ""
        if metric.shape == "spread":
            for level, count in enumerate(levels):
                yield Point(
                    asked[p].start,
                    "stage",
                    folds.STEP_NAMES[level] + (f"|{dimension}|{segment}" if dimension else ""),
                    count,
                    levels[0],
                )
        else:
            numerator, denominator = metric.pick or (0, 0)
            yield Point(asked[p].start, dimension, segment, levels[numerator], levels[denominator])


def _returns(context: Context, offset: int, grain: Grain, first: date, last: date) -> Iterator[Point]:
    begin = context.lake.beginning
    if begin is None:
        return
    key = f"return|{offset}"
    if key not in context._kept:
        if "visits" not in context._kept:
            sql = f"SELECT date_diff('day', CAST($begin AS DATE), day) AS day, customer AS who FROM events WHERE {VISIT} AND customer IS NOT NULL"
            batches = list(context.engine.batches(sql, {"begin": begin}))
            table = (
                pa.Table.from_batches(batches)
                if batches
                else pa.table({"day": pa.array([], pa.int64()), "who": pa.array([], pa.int32())})
            )
            context._kept["visits"] = (table["day"].to_numpy().astype(np.int32), table["who"].to_numpy().astype(np.int32))
        day, who = context._kept["visits"]
        days = int(day.max(initial=0)) + 1
        context._kept[key] = folds.returns(day, who, context.lake.customers, days, offset)
    counts = context._kept[key]
    high = min(last, context.horizon - timedelta(days=offset))
    rows = [(begin + timedelta(days=int(d)), *counts[d].tolist()) for d in np.flatnonzero(counts[:, 0])]
    rows = [row for row in rows if first <= row[0] <= high]
    if grain == "range":
        yield Point(first, "", "", sum(r[2] for r in rows), sum(r[1] for r in rows))
        return
    for start, new, back in rows:
        yield Point(start, "", "", back, new)


def _annual(context: Context, grain: Grain, first: date, last: date) -> Iterator[Point]:
    if "annual" not in context._kept:
        rows = context.engine.query(
            "SELECT DISTINCT customer, date_diff('day', DATE '1970-01-01', paid_day) AS day FROM orders "
            "WHERE customer IS NOT NULL AND paid_day IS NOT NULL ORDER BY customer, day"
        )
        day = rows["day"].to_numpy().astype(np.int64)
        begin = int(day.min()) if len(day) else 0
        days = max(0, (context.horizon - _EPOCH).days - begin + 1) if len(day) else 0
        inside = day - begin < days
        context._kept["annual"] = (
            begin,
            *folds.annual(rows["customer"].to_numpy()[inside], (day - begin)[inside].astype(np.int32), days),
        )
    begin, base, kept = context._kept["annual"]
    found = [
        Point(_EPOCH + timedelta(days=begin + int(d)), "", "", float(kept[d]), float(base[d])) for d in np.flatnonzero(base)
        if first <= _EPOCH + timedelta(days=begin + int(d)) <= last
    ]  # fmt: skip
    yield from (found[-1:] if grain == "range" else found)


def _survival(context: Context, days: int, asked: list[Period]) -> Iterator[Point]:
    """The Kaplan–Meier share of first-time buyers who bought again within `days` days; the denominator is how many were watched."""
    if not asked:
        return
    first, last = asked[0].first, asked[-1].last
    key = f"km|{first}|{last}"
    if key not in context._kept:
        context._kept[key] = context.engine.query(
            "SELECT f.paid_day AS day, date_diff('day', f.paid_day, s.paid_day) AS waited, count(*) AS people FROM orders f "
            "LEFT JOIN orders s ON s.customer = f.customer AND s.nth = 2 AND s.paid_day <= CAST($horizon AS DATE) "
            "WHERE f.nth = 1 AND f.paid_day BETWEEN $first AND least(CAST($last AS DATE), CAST($horizon AS DATE)) GROUP BY f.paid_day, waited",
            None, {"first": first, "last": last, "horizon": context.horizon},
        ).to_pydict()  # fmt: skip
    rows = context._kept[key]
    for period in asked:
        happened: dict[int, int] = {}
        ended: dict[int, int] = {}
        for day, waited, people in zip(rows["day"], rows["waited"], rows["people"], strict=True):
            if period.first <= day <= period.last:
                at, where = (waited, happened) if waited is not None else ((context.horizon - day).days, ended)
                where[at] = where.get(at, 0) + people
        watched = sum(happened.values()) + sum(ended.values())
        reach = max((*happened, *ended), default=-1)
        if watched and reach >= days:  # nobody was watched that long: the curve does not reach there
            yield Point(period.start, "", "", share_by(kaplan_meier(happened, ended), days), watched)


_COHORTS = """WITH firsts AS (
  SELECT customer, CAST(date_trunc('month', paid_day) AS DATE) AS cohort FROM orders WHERE nth = 1
), sizes AS (SELECT cohort, count(*) AS people FROM firsts GROUP BY cohort), active AS (
  SELECT DISTINCT customer, CAST(date_trunc('month', paid_day) AS DATE) AS month FROM orders WHERE nth IS NOT NULL
)
SELECT f.cohort AS cohort, date_diff('month', f.cohort, a.month) AS age, count(*) AS people, max(s.people) AS size
FROM firsts f JOIN active a ON a.customer = f.customer JOIN sizes s ON s.cohort = f.cohort
GROUP BY f.cohort, age ORDER BY f.cohort, age"""


def _cohorts(context: Context) -> Iterator[Point]:
    """Share of each month's first-time buyers who paid so many months later; months not fully observed are left out, others are zero."""
    found = context.engine.query(_COHORTS).to_pydict()
    sizes = dict(zip(found["cohort"], found["size"], strict=True))
    counts = {(c, a): n for c, a, n in zip(found["cohort"], found["age"], found["people"], strict=True)}
    for cohort, size in sizes.items():
        age, month = 0, cohort
        while (after := (month + timedelta(days=32)).replace(day=1)) - timedelta(days=1) <= context.horizon or age == 0:
            yield Point(cohort, "age", str(age), counts.get((cohort, age), 0), size)
            age, month = age + 1, after


_RFM = """WITH bought AS (
  SELECT customer, count(*) AS orders, sum(paid_fen) AS paid, max(paid_day) AS last_day FROM orders WHERE nth IS NOT NULL AND paid_day <= $last GROUP BY customer
), back AS (SELECT customer, sum(amount_fen) AS amount FROM refunds WHERE customer IS NOT NULL AND day <= $last GROUP BY customer), people AS (
  SELECT b.orders, b.last_day, b.paid - coalesce(r.amount, 0) AS money FROM bought b LEFT JOIN back r ON r.customer = b.customer
), scored AS (
  SELECT orders, money, 1 + (rank() OVER (ORDER BY last_day) - 1) * 5 // count(*) OVER () AS r,
    1 + (rank() OVER (ORDER BY orders) - 1) * 5 // count(*) OVER () AS f, 1 + (rank() OVER (ORDER BY money) - 1) * 5 // count(*) OVER () AS m FROM people
)
SELECT r, f, m, count(*) AS people, sum(money) AS money, sum(orders) AS orders FROM scored GROUP BY r, f, m ORDER BY r, f, m"""
RFM_NAMES: Mapping[tuple[bool, bool, bool], str] = {
    (True, True, True): "重要价值", (False, True, True): "重要唤回", (True, False, True): "重要发展", (False, False, True): "重要挽留",
    (True, True, False): "一般价值", (False, True, False): "一般保持", (True, False, False): "新客与一般发展", (False, False, False): "一般挽留",
}  # fmt: skip


def _rfm(context: Context, last: date) -> Iterator[Point]:
    """Customers per segment and per cell as of `last`: the numerator counts people, the denominator their net 分.

    A score is one more than the fifths of all customers who stand strictly below, so equals always score alike.
    """
    found = context.engine.query(_RFM, None, {"last": last}).to_pydict()
    sums: dict[tuple[str, str], list[float]] = {}
    for r, f, m, people, money, orders in zip(*(found[n] for n in ("r", "f", "m", "people", "money", "orders")), strict=True):
        name = RFM_NAMES[(r >= 4, f >= 4, m >= 4)]
        for dimension, segment in (("rfm", name), ("rfm_cell", f"{r}{f}{m}")):
            entry = sums.setdefault((dimension, segment), [0, 0])
            entry[0] += people
            entry[1] += int(money)
        entry = sums.setdefault(("rfm_orders", name), [0, 0])
        entry[0] += int(orders)
        entry[1] += people
    for (dimension, segment), (numerator, denominator) in sums.items():
        yield Point(last, dimension, segment, numerator, denominator)
