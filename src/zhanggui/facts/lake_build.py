"""Building a lake: which parts must be made anew, their raw rows, the derived columns, the finished files.

    parts asked for ──► raw orders (pass 1, spilled to disk) ──► every purchase numbered ──► what else that reaches ──► finished rows (pass 2)

What a purchase recorded late changes in other months (which purchase it was, whether the buyer was new) is found by comparing with the
files that are there, and those months are rebuilt too.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zhanggui.facts.lake_schema import EVENT_KINDS, TABLES
from zhanggui.facts.lake_source import (
    NONE_DAY,
    People,
    Source,
    as_time,
    chars,
    day_column,
    days_to_months,
    ints,
    kinds_of,
    local_days,
    month_days,
)
from zhanggui.facts.lake_store import COSTS, EPOCH, ROW_GROUP, TRACES, Changed, Store

Progress = Callable[[int, int, str], None]
_MONTHLY = tuple(name for name, table in TABLES.items() if table.monthly)
_WHOLE = tuple(name for name, table in TABLES.items() if not table.monthly)
_BASIS = {"orders": ("paid_day", "day"), "order_lines": ("paid_day",), "refunds": ("paid_day", "day"), "events": ("day",)}
"""The day by which a row is judged new or old: the first of these that is known."""


@dataclass
class _Known:
    """What a customer's purchases say about them, by dense number."""

    first_paid: np.ndarray
    """int64 microseconds; the largest number where nothing was paid."""
    last_paid: np.ndarray
    first_day: np.ndarray
    """int32 shop days; NONE_DAY where nothing was paid."""
    orders: np.ndarray
    paid_fen: np.ndarray
    refunded_fen: np.ndarray


_NEVER = np.iinfo(np.int64).max


class _Spill:
    """Raw rows of the months being built, kept on disk between the two passes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / uuid.uuid4().hex
        self.folder.mkdir(parents=True)

    def put(self, name: str, table: pa.Table) -> None:
        pq.write_table(table, self.folder / name, compression="lz4", write_statistics=False)

    def get(self, name: str) -> pa.Table:
        with pq.ParquetFile(self.folder / name) as file:
            return file.read()

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def build(source: Source, store: Store, todo: set[tuple[str, str]] | None, progress: Progress | None = None) -> list[Changed]:
    """Builds the parts in `todo` (None: all there can be) and whatever else they change; the parts that differ from before."""
    people = source.people()
    possible = source.months() if todo is None else {}
    wanted = {name: set(possible.get(name, ())) | (set(store.months(name)) if todo is None else set()) for name in _MONTHLY}
    whole = set(_WHOLE) if todo is None else {table for table, _ in todo if table in _WHOLE}
    for table, part in todo or ():
        if table in wanted:
            wanted[table].add(part)
    months = wanted["orders"] | wanted["order_lines"]
    if todo is not None and wanted["refunds"]:
        months |= source.months_of_refunded(wanted["refunds"]) | _refunded_before(store, wanted["refunds"])
    scratch = store.folder / "_tmp" / f"shop={store.shop_id}"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed build left behind
    spill = _Spill(scratch)
    try:
        work = _Build(source, store, people, spill, months, wanted["refunds"], wanted["events"], whole, progress)
        return work.run()
    finally:
        spill.close()


def _refunded_before(store: Store, months: set[str]) -> set[str]:
    """Months in which the orders were paid that the old refund files of `months` name."""
    found: set[str] = set()
    for month in months:
        days = store.read("refunds", month, ["paid_day"])["paid_day"].drop_null().cast(pa.int32())
        if not len(days):
            continue
        paid = set(days_to_months(np.unique(ints(days))))
        for part in store.months("orders"):
            known = store.read("orders", part, ["paid_day"])["paid_day"].drop_null().cast(pa.int32())
            if paid & set(days_to_months(np.unique(ints(known)))):
                found.add(part)
    return found


class _Build:
    """One build of one shop's lake."""

    def __init__(
        self, source: Source, store: Store, people: People, spill: _Spill, months: set[str], refunds: set[str], events: set[str], whole: set[str],
        progress: Progress | None,
    ) -> None:  # fmt: skip
        self.source, self.store, self.people, self.spill, self.zone = source, store, people, spill, source.zone
        self.months, self.refund_months, self.event_months, self.whole = months, refunds, events, whole
        self.progress = progress
        self.done = 0
        self.changed: list[Changed] = []
        self.costs = source.costs().combine_chunks()
        self.raw: set[str] = set()
        self.nth: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def step(self, note: str) -> None:
        """Tells how far the build is; the total grows as more is found to depend on what changed."""
        self.done += 1
        if self.progress:
            total = 2 * len(self.months) + len(self.refund_months) + len(self.event_months) + len(self.whole) + 1
            self.progress(min(self.done, total), total, note)

    def run(self) -> list[Changed]:
        """Everything in order; see the module's docstring."""
        products = self.source.whole("products") if "products" in self.whole or not self.store.has("products", "") else None
        if products is not None:
            self.months |= self._months_of_lines("product_id", _changed_products(self._old_products(), products))
        self.months |= self._months_of_lines("sku_id", self._changed_costs())
        while True:
            for month in sorted(self.months - self.raw):
                self._take(month)
            known = self._purchases()
            customers = self._customers(known)
            more = self._ripple(known, customers)
            if more <= self.months:
                break
            self.months |= more
        self.known = known
        self.products = products if products is not None else self._old_products()
        for month in sorted(self.months):
            self._write_orders(month)
            self.step(f"订单 {month}")
        self._follow_orders()
        for month in sorted(self.refund_months):
            self._put("refunds", month, [self._refunds(month)])
            self.step(f"退款 {month}")
        for month in sorted(self.event_months):
            self._put("events", month, self._events(month))
            self.step(f"行为 {month}")
        self._put("customers", "", [customers], span=self._customer_span(customers))
        for name in sorted(self.whole - {"customers", "products"}):
            self._put(name, "", [self.source.whole(name)])
            self.step(TABLES[name].meaning.split("，")[0])
        if products is not None:
            self._put("products", "", [products])
        if not self.store.has(COSTS, "") or self._changed_costs():
            self.store.write(COSTS, "", [self.costs], self.costs.schema)
        self.store.finish(self.changed, self.people.size)
        return self.changed

    def _put(self, table: str, part: str, groups: Iterable[pa.Table], span: tuple[date, date] | None = None) -> None:
        changed = self.store.write(table, part, groups, TABLES[table].schema)
        if changed and span:
            changed = Changed(table, part, *span)
        if changed:
            self.changed.append(changed)

    # -- pass 1: raw rows, and what the purchases say -----------------------------------------------------------------------

    def _take(self, month: str) -> None:
        orders, lines = self.source.orders(month), self.source.lines(month)
        ids = ints(orders["id"])
        order_of = np.argsort(ids, kind="stable")
        place = np.searchsorted(ids[order_of], ints(lines["order"]))
        here = place < len(ids)
        at = order_of[np.where(here, place, 0)] if len(ids) else np.zeros(lines.num_rows, np.int64)
        here &= ids[at] == ints(lines["order"]) if len(ids) else False
        lines, at = lines.filter(pa.array(here)), at[here]
        units = np.zeros(len(ids), np.int64)
        np.add.at(units, at, ints(lines["quantity"]))
        self.spill.put(f"orders-{month}", orders.append_column("units", pa.array(units)))
        order = np.lexsort((ints(lines["line_no"]), at))
        self.spill.put(f"lines-{month}", lines.set_column(0, "order", pa.array(at)).take(pa.array(order)))
        self.raw.add(month)
        self.step(f"读取订单 {month}")

    def _purchases(self) -> _Known:
        """Which purchase of its buyer each order was, over all months; fills `self.nth` with (nth, microseconds of the one before)."""
        parts, tables = [], []
        for month in sorted(self.raw | set(self.store.months("orders"))):
            if month in self.raw:
                raw = self.spill.get(f"orders-{month}")
                table = raw.select(["customer", "paid", "order_id", "paid_fen", "refunded_fen"])
            else:
                old = self.store.read("orders", month, ["customer", "paid_at", "order_id", "paid_fen", "refunded_fen"])
                table = old.set_column(1, "paid", old["paid_at"].cast(pa.int64()))
            parts.append((month, table.num_rows))
            tables.append(table.cast(_SPINE))
        spine = pa.concat_tables(tables) if tables else _SPINE.empty_table()
        who, paid = ints(spine["customer"]), ints(spine["paid"], -(2**62))
        nth, before = np.zeros(len(who), np.int32), np.full(len(who), -(2**62), np.int64)
        rows = np.flatnonzero((who >= 0) & (paid > -(2**62)) & (ints(spine["paid_fen"]) > 0))  # free orders are no purchases
        rows = rows[np.lexsort((paid[rows], who[rows]))]
        same = np.r_[False, (who[rows][1:] == who[rows][:-1]) & (paid[rows][1:] == paid[rows][:-1])]
        if same.any():
            rows = _untie(rows, same, spine["order_id"])
        new = np.r_[True, who[rows][1:] != who[rows][:-1]] if len(rows) else np.empty(0, bool)
        starts = np.flatnonzero(new)
        counts = np.diff(np.r_[starts, len(rows)])
        nth[rows] = np.arange(len(rows)) - np.repeat(starts, counts) + 1
        before[rows[1:]] = np.where(new[1:], -(2**62), paid[rows[:-1]])
        at = 0
        for month, size in parts:
            self.nth[month] = (nth[at : at + size], before[at : at + size])
            at += size
        size = self.people.size
        first, last = np.full(size, _NEVER), np.full(size, _NEVER)
        first[who[rows[starts]]] = paid[rows[starts]]
        ends = np.r_[starts[1:], len(rows)][: len(starts)] - 1  # nobody has bought yet: no ends
        last[who[rows[ends]]] = paid[rows[ends]]
        day = np.full(size, NONE_DAY, np.int32)
        bought = first < _NEVER
        day[bought] = local_days(first[bought], self.zone)
        money = ints(spine["paid_fen"])[rows], ints(spine["refunded_fen"], 0)[rows]
        orders, spent, back = (np.zeros(size, np.int64) for _ in range(3))
        orders[who[rows[starts]]] = counts
        np.add.at(spent, who[rows], money[0])
        np.add.at(back, who[rows], money[1])
        return _Known(first, last, day, orders, spent, back)

    def _customers(self, known: _Known) -> pa.Table:
        """One row per person."""
        numbers = np.flatnonzero(self.people.is_root)
        rows = pa.array(numbers)
        seen = self.people.first_seen[numbers]
        seen_known = seen < _NEVER
        first, last, bought = known.first_paid[numbers], known.last_paid[numbers], known.first_paid[numbers] < _NEVER
        channel = self.people.channel.take(rows)
        channel = pc.if_else(pc.equal(channel, ""), "unknown", channel)

        def times(values: np.ndarray, there: np.ndarray) -> tuple[pa.Array, pa.Array]:
            array = pa.array(np.where(there, values, 0), mask=~there)
            return as_time(array), day_column(array, self.zone)

        seen_at, seen_day = times(seen, seen_known)
        first_at, first_day = times(first, bought)
        last_at, last_day = times(last, bought)
        return pa.Table.from_arrays([
            pa.array(numbers, pa.int32()), seen_at, seen_day, first_at, first_day, last_at, last_day, pa.array(known.orders[numbers]),
            pa.array(known.paid_fen[numbers]), pa.array(known.refunded_fen[numbers]), channel, kinds_of(channel), self.people.device.take(rows),
            self.people.region.take(rows), self.people.tier.take(rows), self._inviters(known, numbers),
        ], schema=TABLES["customers"].schema)  # fmt: skip

    def _inviters(self, known: _Known, numbers: np.ndarray) -> pa.Array:
        """Whose link each person opened first, if that was before they first paid."""
        opened = self.source.invitations()
        inviter = np.full(self.people.size, -1, np.int32)
        who, by, at = ints(opened["customer"]), ints(opened["referrer"]), ints(opened["at"])
        good = (who >= 0) & (by >= 0) & (who != by)
        who, by, at = who[good], by[good], at[good]
        good = at <= known.first_paid[who]
        people, first = np.unique(who[good], return_index=True)
        inviter[people] = by[good][first]
        return pa.array(inviter[numbers], pa.int32(), mask=inviter[numbers] < 0)

    # -- what else must be rebuilt ---------------------------------------------------------------------------------------------

    def _ripple(self, known: _Known, customers: pa.Table) -> set[str]:
        """Months of orders that changed purchases or people reach; the same for refunds and events goes into their sets."""
        more: set[str] = set()
        for month in self.store.months("orders"):
            if month in self.months:
                continue
            old = self.store.read("orders", month, ["nth", "previous_paid_at"])
            nth, before = self.nth[month]
            if not np.array_equal(ints(old["nth"], 0), nth) or not np.array_equal(
                ints(old["previous_paid_at"].cast(pa.int64()), -(2**62)), before
            ):
                more.add(month)
        if not self.store.has("customers", ""):
            return more
        names = ["customer", "first_paid_day", "tier", "channel", "region", "device"]
        old = self.store.read("customers", "", names)
        size = max(self.people.size, int(ints(old["customer"]).max(initial=-1)) + 1)
        differs, low = np.zeros(size, bool), np.full(size, NONE_DAY, np.int32)
        before_rows, now_rows = np.full(size, -1), np.full(size, -1)
        before_rows[ints(old["customer"])] = np.arange(old.num_rows)
        now_rows[ints(customers["customer"])] = np.arange(customers.num_rows)
        differs[(before_rows >= 0) & (now_rows < 0)] = True
        both = np.flatnonzero((before_rows >= 0) & (now_rows >= 0))
        was, now = old.take(pa.array(before_rows[both])), customers.take(pa.array(now_rows[both]))
        for name in names[2:]:
            unequal = pc.not_equal(was[name], now[name]).to_numpy()
            differs[both[unequal]] = True
        a, b = (ints(t["first_paid_day"].cast(pa.int32()), int(NONE_DAY)) for t in (was, now))
        low[both] = np.where(a != b, np.minimum(a, b), NONE_DAY)
        if not differs.any() and (low == NONE_DAY).all():
            return more
        least = EPOCH + timedelta(days=int(low.min())) if low.min() < NONE_DAY else date.max
        for table, mine in (("orders", self.months | more), ("refunds", self.refund_months), ("events", self.event_months)):
            for month in self.store.months(table):
                if month in mine or (not differs.any() and month_days(month)[1] < least and table != "orders"):
                    continue
                if self._reached(table, month, differs, low):
                    (more if table == "orders" else mine).add(month)
        return more

    def _reached(self, table: str, month: str, differs: np.ndarray, low: np.ndarray) -> bool:
        basis = _BASIS[table]
        rows = self.store.read(table, month, ["customer", *basis])
        who = ints(rows["customer"])
        day = ints(pc.coalesce(*(rows[name].cast(pa.int32()) for name in basis)), -1)
        day, who = day[who >= 0], who[who >= 0]
        return bool((differs[who] | (day > low[who])).any())

    def _follow_orders(self) -> None:
        """Orders that changed change the log's purchases and the refunds of these orders."""
        for change in [c for c in self.changed if c.table in ("orders", "order_lines") and c.first_day and c.last_day]:
            assert change.first_day and change.last_day
            low, high = (change.first_day - EPOCH).days, (change.last_day - EPOCH).days
            if self.store.has("events", "") or self.store.months("events") or self.event_months:
                first, last = f"{change.first_day:%Y-%m}", f"{change.last_day:%Y-%m}"
                self.event_months |= {m for m in self.store.months("events") if first <= m <= last}
            for month in self.store.months("refunds"):
                if month not in self.refund_months:
                    paid = ints(self.store.read("refunds", month, ["paid_day"])["paid_day"].cast(pa.int32()), -1)
                    if ((paid >= low) & (paid <= high)).any():
                        self.refund_months.add(month)

    def _old_products(self) -> pa.Table:
        return self.store.read("products", "", TABLES["products"].schema.names)

    def _changed_costs(self) -> list[str]:
        """SKUs whose costs are not those the files were built with."""
        if not self.store.has(COSTS, ""):
            return pc.unique(self.costs["sku_id"]).to_pylist() if self.store.before else []
        with pq.ParquetFile(self.store.place(COSTS, "")) as file:
            old = file.read().combine_chunks()
        if old.equals(self.costs):
            return []
        now, was = (set(zip(*t.to_pydict().values(), strict=True)) for t in (self.costs, old))
        return sorted({row[0] for row in now ^ was})

    def _months_of_lines(self, column: str, values: list[str]) -> set[str]:
        if not values:
            return set()
        wanted = chars(values)
        return {
            month for month in self.store.months("order_lines")
            if month not in self.months and pc.any(pc.is_in(self.store.read("order_lines", month, [column])[column], value_set=wanted)).as_py()
        }  # fmt: skip

    def _customer_span(self, customers: pa.Table) -> tuple[date, date] | None:
        """The days of customers whose row differs from before: of their first trace, first and last purchase."""
        if not self.store.has("customers", ""):
            return None
        old = self.store.read("customers", "", TABLES["customers"].schema.names)
        same = _rows_in_both(old, customers)
        days = [
            t[n].filter(pa.array(~keep)).drop_null().cast(pa.int32())
            for t, keep in ((old, same[0]), (customers, same[1]))
            for n in TRACES
        ]
        edges = [v for column in days for v in pc.min_max(column).as_py().values() if v is not None]
        return (EPOCH + timedelta(days=min(edges)), EPOCH + timedelta(days=max(edges))) if edges else None

    # -- pass 2: finished rows ---------------------------------------------------------------------------------------------------

    def _person(self, who: np.ndarray, own: pa.Array, name: str, otherwise: str = "") -> pa.Array:
        """The row's own text, else the person's, else `otherwise`."""
        texts: pa.Array = getattr(self.people, name)
        theirs = (
            pc.fill_null(texts.take(pa.array(np.maximum(who, 0), mask=who < 0)), "") if len(texts) else chars([""] * len(who))
        )
        own = own.combine_chunks() if isinstance(own, pa.ChunkedArray) else own
        chosen = pc.if_else(pc.equal(own, ""), theirs, own)
        return pc.if_else(pc.equal(chosen, ""), otherwise, chosen) if otherwise else chosen

    def _tier(self, who: np.ndarray) -> pa.Array:
        return self._person(who, chars([""] * len(who)), "tier")

    def _is_new(self, who: np.ndarray, day: np.ndarray) -> pa.Array:
        """Whether the person had not paid before that day; unknown where nobody is named."""
        first = self.known.first_day[np.maximum(who, 0)] if len(self.known.first_day) else np.full(len(who), NONE_DAY)
        return pa.array(day <= first, mask=who < 0)

    def _write_orders(self, month: str) -> None:
        raw = self.spill.get(f"orders-{month}").combine_chunks()
        who, paid = ints(raw["customer"]), ints(raw["paid"])
        nth, before = self.nth[month]
        day, paid_day = day_column(raw["created"], self.zone), day_column(raw["paid"], self.zone)
        basis = ints(pc.coalesce(paid_day, day).cast(pa.int32()))
        channel = self._person(who, raw["channel"], "channel", "unknown")
        device, region = (self._person(who, raw[n], n) for n in ("device", "region"))
        kind, tier, is_new = kinds_of(channel), self._tier(who), self._is_new(who, basis)
        refunded = pc.fill_null(raw["refunded_fen"], 0)
        orders = pa.Table.from_arrays([
            raw["order_id"], day, as_time(raw["created"]), as_time(raw["paid"]), paid_day, raw["customer"], raw["status"], raw["goods_fen"], raw["discount_fen"],
            raw["freight_fen"], raw["paid_fen"], refunded, raw["units"], pa.array(nth, mask=nth == 0),
            as_time(pa.array(np.where(before > -(2**62), before, 0), mask=before == -(2**62))), channel, kind, device, region, tier, is_new, raw["is_gift"],
        ], schema=TABLES["orders"].schema)  # fmt: skip
        lines = self.spill.get(f"lines-{month}").combine_chunks()
        at = ints(lines["order"])
        bought = (paid >= 0)[at]
        lines, at = lines.filter(pa.array(bought)), at[bought]
        rows = pa.array(at)
        category, is_goods = self._of_product(lines["product_id"])
        head = [c.take(rows) for c in (day, paid_day)]
        tail = [c.take(rows) for c in (channel, kind, device, region, tier, is_new)]
        sold = pa.Table.from_arrays([
            raw["order_id"].take(rows), lines["line_no"].cast(pa.int32()), *head, raw["customer"].take(rows), lines["product_id"], lines["sku_id"],
            category, is_goods, lines["quantity"], lines["paid_fen"], self._cost(lines, head[1]), *tail,
        ], schema=TABLES["order_lines"].schema)  # fmt: skip
        self._put("orders", month, [orders])
        self._put("order_lines", month, [sold])

    def _of_product(self, ids: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
        where = pc.index_in(ids, value_set=self.products["product_id"].combine_chunks())
        where = where.combine_chunks() if isinstance(where, pa.ChunkedArray) else where
        category = pc.fill_null(self.products["category"].combine_chunks().take(where), "")
        return category, pc.fill_null(self.products["is_goods"].combine_chunks().take(where), True)

    def _cost(self, lines: pa.Table, paid_day: pa.Array) -> pa.Array:
        """What the line's goods cost the shop on the day they were paid; null where that is not known."""
        size = lines.num_rows
        if not self.costs.num_rows or not size:
            return pa.nulls(size, pa.int64())
        skus = pc.unique(self.costs["sku_id"])
        skus = skus.combine_chunks() if isinstance(skus, pa.ChunkedArray) else skus
        of_cost = ints(pc.index_in(self.costs["sku_id"], value_set=skus)).astype(np.int64)
        since = ints(self.costs["since"].cast(pa.int32())).astype(np.int64)
        keys = of_cost * 10_000_000 + since + 1_000_000
        order = np.argsort(keys, kind="stable")
        keys, cost = keys[order], ints(self.costs["cost_fen"])[order]
        of_line = ints(pc.index_in(lines["sku_id"], value_set=skus)).astype(np.int64)
        at = np.searchsorted(keys, of_line * 10_000_000 + ints(paid_day.cast(pa.int32())) + 1_000_000, side="right") - 1
        there = (of_line >= 0) & (at >= 0)
        there &= keys[np.maximum(at, 0)] // 10_000_000 == of_line
        return pa.array(cost[np.maximum(at, 0)] * ints(lines["quantity"]), mask=~there)

    def _refunds(self, month: str) -> pa.Table:
        raw = self.source.refunds(month).combine_chunks()
        who = ints(raw["customer"])
        day, paid_day = day_column(raw["at"], self.zone), day_column(raw["paid"], self.zone)
        basis = ints(pc.coalesce(paid_day, day).cast(pa.int32()))
        channel = self._person(who, raw["channel"], "channel", "unknown")
        device, region = (self._person(who, raw[n], n) for n in ("device", "region"))
        return pa.Table.from_arrays([
            raw["refund_key"], raw["order_id"], day, as_time(raw["at"]), paid_day, raw["customer"], raw["product_id"], raw["quantity"],
            raw["amount_fen"], channel, kinds_of(channel), device, region, self._tier(who), self._is_new(who, basis),
        ], schema=TABLES["refunds"].schema)  # fmt: skip

    def _events(self, month: str) -> Iterator[pa.Table]:
        """The month's log in time order, one piece per few days so that a busy month does not fill the memory."""
        placed, paid = self.source.purchases(month, "created_at"), self.source.purchases(month, "paid_at")
        bought = pa.concat_tables([self._bought(placed, "order"), self._bought(paid, "pay")])
        bought_day = local_days(ints(bought["at"]), self.zone)
        first, last = month_days(month)
        kinds = chars(list(EVENT_KINDS))
        waiting: list[pa.Table] = []
        day = first
        while day <= last:
            number = (day - EPOCH).days
            visits = self.source.visits(day, day)
            rows = pa.concat_tables([visits.append_column("order_id", pa.nulls(visits.num_rows, pa.string())).append_column(
                "amount_fen", pa.nulls(visits.num_rows, pa.int64())).select(_LOG.names).cast(_LOG), bought.filter(pa.array(bought_day == number))])  # fmt: skip
            if rows.num_rows:
                rank = ints(pc.index_in(rows["kind"], value_set=kinds), 0).astype(np.int64)
                order = np.argsort(ints(rows["at"]) * 8 + rank, kind="stable")
                waiting.append(self._finished(rows.take(pa.array(order)).combine_chunks(), number))
            if sum(t.num_rows for t in waiting) >= ROW_GROUP or day == last:
                if waiting:
                    yield pa.concat_tables(waiting)
                waiting = []
            day += timedelta(days=1)

    def _bought(self, rows: pa.Table, kind: str) -> pa.Table:
        empty = chars([""] * rows.num_rows)
        given = {
            "kind": chars([kind] * rows.num_rows), "session": empty, "page": empty, "referrer": pa.nulls(rows.num_rows, pa.int32()),
        }  # fmt: skip
        who = ints(rows["customer"])
        for name in ("channel", "device", "region"):
            given[name] = self._person(who, rows[name], name)
        return pa.Table.from_arrays([given[n] if n in given else rows[n] for n in _LOG.names], names=_LOG.names).cast(_LOG)

    def _finished(self, rows: pa.Table, day: int) -> pa.Table:
        who = ints(rows["customer"])
        days = np.full(rows.num_rows, day, np.int32)
        channel = rows["channel"].combine_chunks()
        channel = pc.if_else(pc.equal(channel, ""), "unknown", channel)
        device, region = (self._person(who, rows[n], n) for n in ("device", "region"))
        return pa.Table.from_arrays([
            as_time(rows["at"]), pa.array(days).cast(pa.date32()), rows["customer"], rows["kind"], rows["session"], rows["page"], rows["product_id"],
            rows["sku_id"], channel, kinds_of(channel), device, region, self._tier(who), self._is_new(who, days), rows["order_id"], rows["amount_fen"],
            rows["referrer"],
        ], schema=TABLES["events"].schema)  # fmt: skip


def _rows_in_both(old: pa.Table, new: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Which rows of either customers table stand unchanged in the other (bool per row)."""
    a, b = ints(old["customer"]), ints(new["customer"])
    size = max(int(a.max(initial=-1)), int(b.max(initial=-1))) + 1
    place = np.full(size, -1, np.int64)
    place[a] = np.arange(len(a))
    at = place[b]
    shared = np.flatnonzero(at >= 0)
    was, now = old.take(pa.array(at[shared])), new.take(pa.array(shared))
    equal = np.ones(len(shared), bool)
    for name in old.column_names:
        x, y = was[name], now[name]
        same = pc.fill_null(pc.equal(x, y), False).to_numpy() | (pc.is_null(x).to_numpy() & pc.is_null(y).to_numpy())
        equal &= same
    kept_old, kept_new = np.zeros(len(a), bool), np.zeros(len(b), bool)
    kept_old[at[shared[equal]]] = True
    kept_new[shared[equal]] = True
    return kept_old, kept_new


_SPINE = pa.schema(
    [
        ("customer", pa.int32()),
        ("paid", pa.int64()),
        ("order_id", pa.string()),
        ("paid_fen", pa.int64()),
        ("refunded_fen", pa.int64()),
    ]
)
_LOG = pa.schema([
    ("at", pa.int64()), ("customer", pa.int32()), ("kind", pa.string()), ("session", pa.string()), ("page", pa.string()), ("product_id", pa.string()),
    ("sku_id", pa.string()), ("channel", pa.string()), ("device", pa.string()), ("region", pa.string()), ("order_id", pa.string()), ("amount_fen", pa.int64()),
    ("referrer", pa.int32()),
])  # fmt: skip


def _untie(rows: np.ndarray, same: np.ndarray, order_ids: pa.ChunkedArray) -> np.ndarray:
    """`rows` with runs of equal buyer and moment put in order of their order id, so that every build numbers them alike."""
    rows = rows.copy()
    starts = np.flatnonzero(same & ~np.r_[False, same[:-1]]) - 1
    for start in starts:
        end = start + 1
        while end < len(rows) and same[end]:
            end += 1
        run = rows[start:end]
        names = order_ids.take(pa.array(run)).to_pylist()
        rows[start:end] = run[sorted(range(len(run)), key=names.__getitem__)]
    return rows


def _changed_products(old: pa.Table, new: pa.Table) -> list[str]:
    """Products whose category or being goods at all is not as before."""

    def facts(table: pa.Table) -> dict[str, tuple[Any, ...]]:
        ids, *rest = (table[n].to_pylist() for n in ("product_id", "category", "is_goods"))
        return dict(zip(ids, zip(*rest, strict=True), strict=True))

    was, now = facts(old), facts(new)
    return [i for i in was.keys() | now.keys() if was.get(i) != now.get(i)]
