"""A lake's rows out of files alone: a file of orders and, beside it, whichever other tables were given. No database.

The tables are those of `facts.files.tables`: "orders", "lines", "refunds" always; "events", "visits", "spend", "costs" where there are
such files. Whoever is named alike in two of them is one person. What no file tells is empty, never zero.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zhanggui.facts.dirty import months
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.lake_source import People, chars, day_span_micros, days_to_months, ints, kinds_of, local_days

_NOTHING = np.iinfo(np.int64).max
_TEXTS = ("channel", "device", "region")


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column, "")


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


class FileSource:
    """The tables of imported files as a `lake_source.Source`."""

    def __init__(self, tables: dict[str, pa.Table], zone: ZoneInfo) -> None:
        self.zone, self.tables = zone, tables
        orders, lines, refunds = tables["orders"], tables["lines"], tables["refunds"]
        named = [orders["customer_key"], refunds["customer_key"]]
        if "events" in tables:
            named.append(tables["events"]["customer_key"])
        self._keys = pc.unique(pa.chunked_array([c for column in named for c in column.chunks], pa.string()).drop_null())
        ids = _one(orders["order_id"])
        of_order = pc.index_in(refunds["order_id"], value_set=ids)
        self._orders = self._order_rows(orders, refunds, ints(of_order))
        self._order_month = self._month(self._orders["created"])
        self._lines = pa.table({
            "order": pc.index_in(lines["order_id"], value_set=ids).cast(pa.int64()), "line_no": lines["line_no"].cast(pa.int64()),
            **{n: _text(lines[n]) for n in ("product_id", "sku_id")}, "quantity": lines["quantity"], "paid_fen": lines["paid_fen"],
        })  # fmt: skip
        by_order = self._month(orders["created_at"].cast(pa.int64()))
        at = ints(self._lines["order"])
        self._line_month = np.where(at >= 0, by_order[np.maximum(at, 0)] if len(by_order) else "", "")
        own = orders.select(["customer_key", "paid_at", *_TEXTS]).take(of_order)
        self._refunds = pa.table({
            "refund_key": refunds["refund_key"], "order_id": pc.if_else(pc.is_valid(of_order), refunds["order_id"], None),
            "at": refunds["at"].cast(pa.int64()), "paid": own["paid_at"].cast(pa.int64()),
            "customer": self._number(pc.coalesce(own["customer_key"], refunds["customer_key"])), "product_id": _text(refunds["product_id"]),
            "quantity": refunds["quantity"], "amount_fen": refunds["amount_fen"], **{n: _text(own[n]) for n in _TEXTS},
        }).sort_by([("at", "ascending"), ("refund_key", "ascending")])  # fmt: skip
        self._refund_month = self._month(self._refunds["at"])
        sold = lines.select(["product_id", "title", "category", "is_goods"]).group_by("product_id", use_threads=False)
        self._sold = sold.aggregate([("title", "last"), ("category", "last"), ("is_goods", "last")])
        self._events = self._event_rows()
        self._event_day = local_days(ints(self._events["at"]), zone) if self._events is not None else np.empty(0, np.int32)

    def _order_rows(self, orders: pa.Table, refunds: pa.Table, of_order: np.ndarray) -> pa.Table:
        amounts = np.zeros(orders.num_rows, np.int64)
        np.add.at(amounts, of_order[of_order >= 0], ints(refunds["amount_fen"])[of_order >= 0])
        return pa.table({
            "id": pa.array(np.arange(orders.num_rows)), "order_id": orders["order_id"], "created": orders["created_at"].cast(pa.int64()),
            "paid": orders["paid_at"].cast(pa.int64()), "customer": self._number(orders["customer_key"]), "status": orders["status"],
            **{n: orders[n] for n in ("goods_fen", "discount_fen", "freight_fen", "paid_fen")}, **{n: _text(orders[n]) for n in _TEXTS},
            "is_gift": pa.array(np.zeros(orders.num_rows, bool)), "refunded_fen": pa.array(amounts),
        }).sort_by([("created", "ascending"), ("order_id", "ascending")])  # fmt: skip

    def _event_rows(self) -> pa.Table | None:
        if "events" not in self.tables:
            return None
        events = self.tables["events"]
        return pa.table({
            "at": events["at"], "customer": self._number(events["customer_key"]), "kind": events["kind"],
            **{n: _text(events[n]) for n in ("session", "page", "product_id", "sku_id", *_TEXTS)}, "referrer": pa.nulls(events.num_rows, pa.int32()),
            "key": events["event_key"],
        }).sort_by([("at", "ascending"), ("key", "ascending")]).drop_columns(["key"])  # fmt: skip

    def _number(self, keys: pa.ChunkedArray) -> pa.Array:
        return _one(pc.index_in(keys, value_set=self._keys))

    def _month(self, column: pa.ChunkedArray) -> np.ndarray:
        return days_to_months(local_days(ints(column, 0), self.zone))

    def people(self) -> People:
        """One person per name in the files, first seen with the first thing known of them."""
        size = len(self._keys)
        seen = np.full(size, _NOTHING)
        traces = [(self._orders, "created"), (self._refunds, "at")] + ([(self._events, "at")] if self._events is not None else [])
        for table, column in traces:
            who = ints(table["customer"])
            np.minimum.at(seen, who[who >= 0], ints(table[column])[who >= 0])
        empty = chars([""] * size)
        firsts = [
            self._first_rows(table, size) for table in ([self._events] if self._events is not None else []) + [self._orders]
        ]
        texts = {}
        for name in _TEXTS:
            chosen = empty
            for place, table in firsts:
                values = (
                    pc.fill_null(_one(table[name]).take(pa.array(np.maximum(place, 0), mask=place < 0)), "")
                    if table.num_rows
                    else empty
                )
                chosen = pc.if_else(pc.equal(chosen, ""), values, chosen)
            texts[name] = chosen
        return People(size, np.ones(size, bool), seen, empty, texts["channel"], texts["region"], texts["device"])

    @staticmethod
    def _first_rows(table: pa.Table, size: int) -> tuple[np.ndarray, pa.Table]:
        """For each person the first of their rows in a table that is in time order; -1 without one."""
        who, rows = np.unique(ints(table["customer"]), return_index=True)
        place = np.full(size, -1, np.int64)
        place[who[who >= 0]] = rows[who >= 0]
        return place, table

    def months(self) -> dict[str, set[str]]:
        """The months that each monthly table may have rows in."""
        orders = set(self._order_month.tolist())
        return {
            "orders": orders,
            "order_lines": orders,
            "refunds": set(self._refund_month.tolist()),
            "events": self._event_months(),
        }

    def _event_months(self) -> set[str]:
        """Without a behaviour log there is no log at all: the funnel's first steps are unknown."""
        if self._events is None:
            return set()
        edges = [ints(self._events["at"]), ints(self._orders["created"]), ints(self._orders["paid"].drop_null())]
        days = [local_days(np.array([e.min(), e.max()]), self.zone) for e in edges if len(e)]
        if not days:
            return set()
        first, last = min(int(d[0]) for d in days), max(int(d[1]) for d in days)
        return set(months(date.fromordinal(first + _ORDINAL), date.fromordinal(last + _ORDINAL)))

    def months_of_refunded(self, months: set[str]) -> set[str]:
        """A file's lake is built once, whole: nothing is asked for."""
        return set()

    def orders(self, month: str) -> pa.Table:
        """Orders placed in a month."""
        return self._orders.filter(pa.array(self._order_month == month))

    def lines(self, month: str) -> pa.Table:
        """Lines of the orders placed in a month."""
        return self._lines.filter(pa.array(self._line_month == month))

    def refunds(self, month: str) -> pa.Table:
        """Refunds of a month."""
        return self._refunds.filter(pa.array(self._refund_month == month))

    def visits(self, first: date, last: date) -> pa.Table:
        """The behaviour log of some days."""
        assert self._events is not None
        low, high = np.searchsorted(self._event_day, [first.toordinal() - _ORDINAL, last.toordinal() - _ORDINAL + 1])
        return self._events.slice(int(low), int(high - low))

    def purchases(self, month: str, moment: str) -> pa.Table:
        """Every line of the orders placed or paid in a month; an order without lines gives one row, a free one none."""
        column = {"created_at": "created", "paid_at": "paid"}[moment]
        begin, end = day_span_micros(month, self.zone)
        times = ints(self._orders[column], -(2**62))
        picked = self._orders.filter(pa.array((times >= begin) & (times < end) & (ints(self._orders["paid_fen"]) > 0)))
        lines = self._lines.filter(pc.is_in(self._lines["order"], value_set=_one(picked["id"])))
        found = picked.join(
            lines.rename_columns(["id", "line_no", "product_id", "sku_id", "quantity", "line_fen"]), "id", join_type="left outer"
        )
        return pa.table({
            "at": found[column], "customer": found["customer"], "order_id": found["order_id"], **{n: found[n] for n in _TEXTS},
            "line_no": pc.fill_null(found["line_no"], 0), "product_id": _text(found["product_id"]), "sku_id": _text(found["sku_id"]),
            "amount_fen": pc.coalesce(found["line_fen"], found["paid_fen"]),
        }).sort_by([("at", "ascending"), ("order_id", "ascending"), ("line_no", "ascending")])  # fmt: skip

    def invitations(self) -> pa.Table:
        """Files do not say whose link was opened."""
        return pa.table(
            {"at": pa.array([], pa.int64()), "customer": pa.array([], pa.int32()), "referrer": pa.array([], pa.int32())}
        )

    def costs(self) -> pa.Table:
        """The file of costs; the last row of a SKU and day counts."""
        if "costs" not in self.tables:
            return pa.table(
                {"sku_id": pa.array([], pa.string()), "since": pa.array([], pa.date32()), "cost_fen": pa.array([], pa.int64())}
            )
        held = {(sku, since): cost for sku, since, cost in zip(*self.tables["costs"].to_pydict().values(), strict=True)}
        rows = sorted(held.items())
        return pa.table({
            "sku_id": chars([k[0] for k, _ in rows]), "since": pa.array([k[1] for k, _ in rows], pa.int32()).cast(pa.date32()),
            "cost_fen": pa.array([c for _, c in rows], pa.int64()),
        })  # fmt: skip

    def whole(self, table: str) -> pa.Table:
        """Products as the order file names them, spend and daily visits as their files do; every other whole table is empty."""
        schema = TABLES[table].schema
        if table == "products":
            return self._products()
        if table == "spend" and "spend" in self.tables:
            return self._spend().cast(schema)
        if table == "daily_visits" and "visits" in self.tables:
            given: dict[int, dict[str, Any]] = {row["day"]: row for row in self.tables["visits"].to_pylist()}
            rows = [
                {**dict.fromkeys(schema.names), **{k: v for k, v in given[day].items() if k in schema.names}}
                for day in sorted(given)
            ]
            columns = {
                n: pa.array([r[n] for r in rows], pa.int32() if n == "day" else schema.field(n).type) for n in schema.names
            }
            return pa.table(columns).cast(schema)
        return schema.empty_table()

    def _products(self) -> pa.Table:
        size = self._sold.num_rows
        nothing = pa.nulls(size, pa.int64())
        return pa.table({
            "product_id": self._sold["product_id"], "title": self._sold["title_last"], "category": self._sold["category_last"],
            "status": chars([""] * size), "is_goods": self._sold["is_goods_last"], "price_low_fen": nothing, "price_high_fen": nothing, "stock": nothing,
        }).cast(TABLES["products"].schema).sort_by("product_id")  # fmt: skip

    def _spend(self) -> pa.Table:
        """Rows of one day, channel and campaign add up."""
        sums = self.tables["spend"].group_by(["day", "channel", "campaign"], use_threads=False).aggregate(
            [(n, "sum") for n in ("cost_fen", "views", "clicks", "platform_new_customers")]
        ).sort_by([("day", "ascending"), ("channel", "ascending"), ("campaign", "ascending")])  # fmt: skip
        return pa.table({
            "day": sums["day"].cast(pa.date32()), "channel": sums["channel"], "channel_kind": kinds_of(sums["channel"]), "campaign": sums["campaign"],
            "source": chars(["file"] * sums.num_rows), **{n: sums[f"{n}_sum"] for n in ("cost_fen", "views", "clicks", "platform_new_customers")},
        })  # fmt: skip


_ORDINAL = date(1970, 1, 1).toordinal()
