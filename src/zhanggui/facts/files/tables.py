"""Files as tables in memory, without any shop database: for `zhanggui metrics --orders FILE` and the tables given beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zhanggui.facts import models as m
from zhanggui.facts.files import fields, mapping, orders, plain, readers
from zhanggui.facts.files.orders import Assembled, Context, Return, Sold, Stage, match_returns
from zhanggui.facts.files.rows import Refusals, RowReader
from zhanggui.kernel import clock
from zhanggui.kernel.clock import SHANGHAI
from zhanggui.kernel.errors import BadInput

TS = pa.timestamp("us", tz="UTC")
ORDERS = pa.schema([
    ("order_id", pa.string()), ("created_at", TS), ("paid_at", TS), ("customer_key", pa.string()), ("status", pa.string()), ("paid_fen", pa.int64()), ("goods_fen", pa.int64()),
    ("freight_fen", pa.int64()), ("discount_fen", pa.int64()), ("channel", pa.string()), ("region", pa.string()), ("device", pa.string()),
])  # fmt: skip
LINES = pa.schema([
    ("order_id", pa.string()), ("line_no", pa.int32()), ("product_id", pa.string()), ("sku_id", pa.string()), ("title", pa.string()), ("category", pa.string()),
    ("quantity", pa.int64()), ("paid_fen", pa.int64()), ("is_goods", pa.bool_()),
])  # fmt: skip
REFUNDS = pa.schema([
    ("refund_key", pa.string()), ("order_id", pa.string()), ("at", TS), ("customer_key", pa.string()), ("product_id", pa.string()), ("quantity", pa.int64()), ("amount_fen", pa.int64()),
])  # fmt: skip
CHUNK = 50_000
PLAIN: Mapping[str, pa.Schema] = {
    "refunds": pa.schema([
        ("refund_key", pa.string()), ("order_id", pa.string()), ("at", pa.int64()), ("amount_fen", pa.int64()), ("product_id", pa.string()), ("sku_id", pa.string()),
        ("quantity", pa.int64()), ("reason", pa.string()), ("customer_key", pa.string()),
    ]),
    "costs": pa.schema([("sku_id", pa.string()), ("since", pa.int32()), ("cost_fen", pa.int64())]),
    "spend": pa.schema([
        ("day", pa.int32()), ("channel", pa.string()), ("campaign", pa.string()), ("cost_fen", pa.int64()), ("views", pa.int64()), ("clicks", pa.int64()),
        ("platform_new_customers", pa.int64()), ("platform_orders", pa.int64()), ("platform_order_fen", pa.int64()),
    ]),
    "visits": pa.schema([
        ("day", pa.int32()), ("sessions", pa.int64()), ("page_views", pa.int64()), ("visitors", pa.int64()), ("new_visitors", pa.int64()), ("share_visitors", pa.int64()),
        ("share_views", pa.int64()), ("total_visitors", pa.int64()), ("stay_seconds_per_session", pa.float64()), ("visit_depth", pa.float64()),
    ]),
    "events": pa.schema([
        ("event_key", pa.string()), ("at", pa.int64()), ("kind", pa.string()), ("customer_key", pa.string()), ("session", pa.string()), ("page", pa.string()),
        ("product_id", pa.string()), ("sku_id", pa.string()), ("channel", pa.string()), ("scene", pa.string()), ("device", pa.string()), ("region", pa.string()),
    ]),
}  # fmt: skip
"""Kind of file → what `read_plain` gives; moments are UTC microseconds, days count from 1970."""


def person_name(key: str | None) -> str | None:
    """The customer's id in the file, from the staged ids."""
    return None if key is None else key.split("\x1f", 2)[1]


def open_orders(path: Path | str, columns: Mapping[str, Any] | None = None, *, sheet: str = "") -> tuple[RowReader, list[str]]:
    """A reader of a file of orders under the proposed (or given) mapping, and what to look at. BadInput when it is no such file."""
    return _open(path, "orders", columns, sheet, orders.parsers())


def _open(
    path: Path | str, kind: str, columns: Mapping[str, Any] | None, sheet: str, parsers: Mapping[str, Any]
) -> tuple[RowReader, list[str]]:
    table, wanted = readers.open_table(path, sheet=sheet), fields.KINDS[kind]
    sniffed = mapping.sniff(table)
    if columns is None:
        proposal = mapping.propose(table, sniffed, kind)
        settled, problems, lacking = proposal.columns, proposal.problems, proposal.missing
    else:
        settled, problems = mapping.settle(wanted, sniffed, columns)
        lacking = mapping.missing(wanted, settled)
    if lacking:
        raise BadInput(
            f"这个文件不能当{wanted.name}读，还缺：{'；'.join(lacking)}",
            remedy="在原表加上这些列，或用 --mapping 指定是哪一列",
            missing=lacking,
            problems=problems,
        )
    return RowReader(table, sniffed, wanted, settled, SHANGHAI, parsers=parsers), problems


def read_plain(
    path: Path | str,
    kind: str,
    *,
    sheet: str = "",
    skus: Mapping[str, tuple[str, str]] | None = None,
    refusals: Refusals | None = None,
) -> pa.Table:
    """A file of refunds, costs, spend, visits or events as a table (`PLAIN`), by the same rules as an import; no database is touched.

    `skus` (code → product, SKU) tells which SKUs a row of costs means. A cost without a day holds from the beginning. Repeated events and
    refunds (by their key) count once. Raises BadInput when the file is no such table.
    """
    reader, _ = _open(path, kind, None, sheet, plain.plain_parsers(kind))
    refusals = refusals if refusals is not None else Refusals()
    job = plain.Job(
        m.Shop(timezone=str(SHANGHAI)), frozenset(reader.columns), round(clock.now().timestamp() * 1e6), skus=dict(skus or {})
    )
    found, seen = _Columns(PLAIN[kind]), set[str]()
    for batch in reader.batches():
        for row in plain.PLAIN[kind][0](reader, batch, job):
            if kind in ("events", "refunds"):
                if row[0] in seen:
                    continue
                seen.add(row[0])
            found.add(_plain_row(kind, row, job.mapped))
        for index in sorted(batch.refused):
            refusals.add(batch.refused[index])
    return found.table()


def _plain_row(kind: str, row: tuple[Any, ...], mapped: frozenset[str]) -> tuple[Any, ...]:
    if kind == "costs" and row[1] is None:
        return row[0], 0, row[2]
    if kind == "events":
        return *row[:3], person_name(row[3]), *row[4:]
    if kind == "refunds":
        return *row[:8], person_name(row[8])
    return row


def iter_orders(
    path: Path | str, columns: Mapping[str, Any] | None = None, *, sheet: str = "", refusals: Refusals | None = None
) -> Iterator[Assembled]:
    """Every order of a file with its lines and returns, whole, in file order, in bounded memory.

    `person` is the customer's id in the file (or a hash of the phone, or None). Returns that name no order have order_id "".
    """
    reader, _ = open_orders(path, columns, sheet=sheet)
    refusals = refusals if refusals is not None else Refusals()
    with Stage() as stage:
        rows = orders.stage_file(reader, Context(), refusals, stage)
        for order in stage.assembled(orders.levels(stage, reader), rows.mapped):
            order.person = person_name(order.person)
            for item in order.returns:
                item.person = person_name(item.person)
            yield order


class _Columns:
    """Collects rows as Arrow batches, so that a million rows never exist as objects at once."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.batches: list[pa.RecordBatch] = []
        self.rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows.append(row)
        if len(self.rows) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        if self.rows:
            columns = list(zip(*self.rows, strict=True))
            self.batches.append(
                pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, self.schema, strict=True)], schema=self.schema)
            )
            self.rows = []

    def table(self) -> pa.Table:
        self.flush()
        return pa.Table.from_batches(self.batches, schema=self.schema)


def read_orders(
    path: Path | str, columns: Mapping[str, Any] | None = None, *, sheet: str = "", refusals: Refusals | None = None
) -> dict[str, pa.Table]:
    """Tables "orders", "lines" and "refunds" of a file of orders, by the same rules as an import; no database is touched.

    Money is integer 分, times UTC; `customer_key` is the customer's id in the file. Refunds that name no order are matched to the
    customer's earlier purchase where one fits, else their order_id is null. Raises BadInput when the file is no table of orders.
    """
    heads, lines, refunds = _Columns(ORDERS), _Columns(LINES), _Columns(REFUNDS)
    loose: list[Return] = []
    for order in iter_orders(path, columns, sheet=sheet, refusals=refusals):
        if order.has_sale:
            heads.add((
                order.order_id, order.created, order.paid_at, order.person, order.status, order.paid_fen, order.goods_fen, order.freight_fen, order.discount_fen,
                order.channel, order.region, order.device,
            ))  # fmt: skip
            for line in order.lines:
                lines.add((
                    order.order_id, line.line_no, line.product_id, line.sku_id, line.title, line.category, line.quantity, line.paid_fen,
                    fields.is_goods(line.product_id, line.title),
                ))  # fmt: skip
        for item in order.returns:
            if item.order_id:
                refunds.add((item.key, item.order_id, item.at, item.person, item.product_id, item.quantity, item.amount_fen))
            else:
                loose.append(item)
    order_table, line_table = heads.table(), lines.table()
    matched = (
        match_returns(loose, _sold(order_table, line_table, {(r.person, r.product_id) for r in loose if r.person}))
        if loose
        else {}
    )
    for item in loose:
        refunds.add((item.key, matched.get(item.key), item.at, item.person, item.product_id, item.quantity, item.amount_fen))
    return {"orders": order_table, "lines": line_table, "refunds": refunds.table()}


def _sold(order_table: pa.Table, line_table: pa.Table, wanted: set[tuple[Any, str]]) -> dict[tuple[Any, str], list[Sold]]:
    """The lines from which the wanted (customer, product) pairs could have been returned."""
    import duckdb

    out: dict[tuple[Any, str], list[Sold]] = {}
    pairs = pa.table(
        {"person": pa.array([w[0] for w in wanted], pa.string()), "product": pa.array([w[1] for w in wanted], pa.string())}
    )
    with duckdb.connect() as db:
        for name, table in (("o", order_table), ("l", line_table), ("w", pairs)):
            db.register(name, table)
        found = db.execute(
            "SELECT o.customer_key, l.product_id, o.order_id, epoch_us(o.created_at), sum(l.quantity), sum(l.paid_fen) FROM l JOIN o USING (order_id) "
            "JOIN w ON w.person = o.customer_key AND w.product = l.product_id WHERE o.paid_at IS NOT NULL GROUP BY 1, 2, 3, 4"
        ).fetchall()
    for person, product, order_id, at, quantity, paid in found:
        out.setdefault((person, product), []).append(Sold(order_id, at, int(quantity), int(paid)))
    return out


def read_tables(
    paths: Mapping[str, Path], columns: Mapping[str, Any] | None = None, *, sheet: str = ""
) -> tuple[dict[str, pa.Table], dict[str, Refusals]]:
    """The tables of a file of orders (`paths["orders"]`, its mapping and sheet) and of whichever other kinds are given beside it; what was refused.

    A file of refunds joins the refunds of the orders' own file: its rows name their order or stand alone.
    """
    refused = {kind: Refusals() for kind in paths}
    tables = read_orders(paths["orders"], columns, sheet=sheet, refusals=refused["orders"])
    skus: dict[str, tuple[str, str]] = {}
    if "costs" in paths:
        sold = (pc.fill_null(tables["lines"][name], "").to_pylist() for name in ("product_id", "sku_id"))
        skus = {sku: (product, sku) for product, sku in zip(*sold, strict=True) if sku}
    for kind in sorted(PLAIN.keys() & paths.keys()):
        found = read_plain(paths[kind], kind, skus=skus, refusals=refused[kind])
        if kind == "refunds":
            moments = found.set_column(found.column_names.index("at"), "at", found["at"].cast(TS)).select(REFUNDS.names)
            tables["refunds"] = pa.concat_tables([tables["refunds"], moments])
        else:
            tables[kind] = found
    return tables, refused
