"""A file of orders as tables in memory, without any shop database: for `zhanggui metrics --orders FILE`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from zhanggui.facts.files import fields, mapping, orders, readers
from zhanggui.facts.files.orders import Assembled, Context, Return, Sold, Stage, match_returns
from zhanggui.facts.files.rows import Refusals, RowReader
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


def person_name(key: str | None) -> str | None:
    """The customer's id in the file, from the staged ids."""
    return None if key is None else key.split("\x1f", 2)[1]


def open_orders(path: Path | str, columns: Mapping[str, Any] | None = None, *, sheet: str = "") -> tuple[RowReader, list[str]]:
    """A reader of a file of orders under the proposed (or given) mapping, and what to look at. BadInput when it is no such file."""
    table = readers.open_table(path, sheet=sheet)
    sniffed = mapping.sniff(table)
    if columns is None:
        proposal = mapping.propose(table, sniffed, "orders")
        settled, problems, lacking = proposal.columns, proposal.problems, proposal.missing
    else:
        settled, problems = mapping.settle(fields.ORDERS, sniffed, columns)
        lacking = mapping.missing(fields.ORDERS, settled)
    if lacking:
        raise BadInput(
            f"这个文件不能当订单读，还缺：{'；'.join(lacking)}",
            remedy="在原表加上这些列，或用 --mapping 指定是哪一列",
            missing=lacking,
            problems=problems,
        )
    return RowReader(table, sniffed, fields.ORDERS, settled, SHANGHAI, parsers=orders.parsers()), problems


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
        for order in stage.assembled(_levels(stage, reader), rows.mapped):
            order.person = person_name(order.person)
            for item in order.returns:
                item.person = person_name(item.person)
            yield order


def _levels(stage: Stage, reader: RowReader) -> dict[str, str]:
    found = stage.levels()
    for name, key in (("paid", "paid"), ("freight", "freight"), ("discount", "discount"), ("refund", "refund_amount")):
        said = reader.columns.get(key, {}).get("level")
        if said in {"order", "line"}:
            found[name] = str(said)
    return found


class _Columns:
    """Collects rows as Arrow batches, so that a million rows never exist as objects at once."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema, self.rows = schema, []
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
