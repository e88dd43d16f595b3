"""Orders out of rows: staging on disk, grouping rows into orders, amounts per order and line, refunds (no shop database).

Rows go typed into a DuckDB table in a temporary folder (bounded memory, spills to disk, personal data already sealed),
because an order's rows need not lie together and whether a repeated amount is the order's or the line's shows only in
the whole file. `assembled()` then streams whole orders in file order.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.rows import Batch, Refusal, Refusals, RowReader
from zhanggui.kernel.money import split

I64, TEXT = pa.int64(), pa.string()
STAGE = pa.schema(
    [("row_no", I64), ("order_id", TEXT), ("is_return", pa.bool_()), ("created", I64), ("paid_at", I64), ("shipped_at", I64), ("done_at", I64), ("status", TEXT),
     ("platform_status", TEXT), ("returned", pa.bool_()), ("line_id", TEXT), ("product_id", TEXT), ("sku_id", TEXT), ("title", TEXT), ("attributes", TEXT), ("category", TEXT),
     ("quantity", I64), ("unit_fen", I64), ("gross", I64), ("line_paid", I64), ("paid", I64), ("goods", I64), ("freight", I64), ("discount", I64), ("refund", I64),
     ("refund_at", I64), ("ids", TEXT), ("region", TEXT), ("channel", TEXT), ("scene", TEXT), ("device", TEXT), ("contact", pa.binary()), ("contact_hash", TEXT)]
)  # fmt: skip
LEVELS = ("paid", "freight", "discount", "refund")
"""Amounts that a file may give per order (repeated on each line) or per line."""
_FEN = 1_000_000_000_000_000


@dataclass(slots=True)
class Line:
    """One line of an order as the shop keeps it; money in 分."""

    product_id: str
    sku_id: str
    title: str
    attributes: str
    category: str
    quantity: int
    unit_fen: int
    paid_fen: int
    line_no: int
    occurrence: int
    """Which time this SKU appears in the order, from 1."""


@dataclass(slots=True)
class Return:
    """Money that went back. `order_id` is "" where the file does not say which order it belongs to."""

    key: str
    order_id: str
    person: Any
    product_id: str
    sku_id: str
    quantity: int
    amount_fen: int
    at: int
    reason: str


@dataclass(slots=True)
class Assembled:
    """One order with its lines, and the money that went back in its rows."""

    order_id: str
    has_sale: bool
    created: int
    paid_at: int | None
    shipped_at: int | None
    done_at: int | None
    status: str
    platform_status: str
    goods_fen: int
    discount_fen: int
    freight_fen: int
    paid_fen: int
    person: Any
    region: str
    channel: str
    scene: str
    device: str
    contact: bytes | None
    contact_hash: str
    lines: list[Line] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    rows: int = 1
    from_lines: bool = True
    """Whether the totals were added up from the lines rather than stated for the order."""


def person_key(ids: Mapping[str, str]) -> str:
    """A person's ids as one text, the surest first: kind, value, kind, value … separated by \\x1f."""
    return "\x1f".join(part for kind in ("unionid", "openid", "file", "phone") if ids.get(kind) for part in (kind, ids[kind]))


def person_ids(key: str) -> dict[str, str]:
    """The ids in a `person_key`."""
    parts = key.split("\x1f")
    return dict(zip(parts[::2], parts[1::2], strict=True))


@dataclass
class Context:
    """What turning rows into orders needs from outside, all replaceable: sealing, fingerprints, the shop's own codes."""

    seal: Callable[[bytes], bytes] | None = None
    fingerprint: Callable[[str], str] = lambda text: hashlib.sha256(text.encode()).hexdigest()[:32]
    skus: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Merchant code or SKU id → (product id, SKU id) as the shop knows them."""


class OrderRows:
    """Turns batches of a file's rows into staged order rows, refusing what is no sale and no refund."""

    def __init__(self, reader: RowReader, context: Context) -> None:
        self.reader, self.context = reader, context
        self.mapped = frozenset(reader.columns)
        sample = [s for s in (_safe_id(v) for v in reader.sniffed.values(str(reader.columns["order_id"]["column"]))) if s]
        digits = sum(s.isdigit() for s in sample)
        # Where invoice numbers are digits, C123 cancels and A123 adjusts; where ids have letters anyway, they say nothing.
        self.invoice_letters = bool(sample) and digits >= 0.9 * len(sample)
        self.order_fields = [
            k
            for k in ("created_at", "paid_at", "status", "paid", "openid", "customer_id", "phone", "recipient", "address")
            if k in self.mapped
        ]
        self.previous: tuple[str, list[Any]] | None = None
        self.statuses: set[str] = set()

    def take(self, batch: Batch) -> pa.Table:
        """The rows of a batch that are sales or returns, typed for staging. Refused rows are in `batch.refused`."""
        get, size, mapped, reader = batch.columns.get, len(batch), self.mapped, self.reader
        none: list[Any] = [None] * size
        order_ids = batch.columns["order_id"]
        created = get("created_at", none)
        if None in order_ids or (self.order_fields and None in created):
            self._fill_down(batch)
        if order_ids[-1] is not None:
            self.previous = (order_ids[-1], [get(k, none)[-1] for k in self.order_fields])
        reader.require(batch, ("order_id",), ("created_at", "paid_at"))
        created = [c if c is not None else p for c, p in zip(get("created_at", none), get("paid_at", none), strict=True)]
        quantity = [1 if q is None else q for q in get("quantity", none)]
        unit, amount, line_paid, paid = (
            get("unit_price", none),
            get("line_amount", none),
            get("line_paid", none),
            get("paid", none),
        )
        if "unit_price" in mapped:
            # Millionths of a 元 → 分: four digits fewer, rounded half away from zero.
            gross = [
                None if u is None else (q * u + 5000) // 10000 if u >= 0 and q >= 0 else cells.half_up(q * u, 10000)
                for q, u in zip(quantity, unit, strict=True)
            ]
            if "line_amount" in mapped:
                gross = [a if a is not None else g for a, g in zip(amount, gross, strict=True)]
        else:
            gross = list(amount)
        units = [None if u is None else cells.half_up(u, 10000) for u in unit]
        is_return = [False] * size
        self._judge(batch, order_ids, quantity, gross, line_paid, paid, is_return)
        statuses, platform = self._statuses(batch, none)
        returned = [bool(v) for v in get("aftersale", none)]
        product, sku = self._goods(batch, none)
        ids = self._people(batch, none)
        contact, contact_hash = self._contacts(batch, none)
        keep = None
        if batch.refused:
            keep = pa.array([i for i in range(size) if i not in batch.refused], I64)
        channels = get("channel", none)
        columns = [
            batch.numbers, order_ids, is_return, created, get("paid_at", none), get("shipped_at", none), get("done_at", none), statuses, platform, returned,
            get("line_id", none), product, sku, get("title", none), get("attributes", none), get("category", none), quantity, units, gross, line_paid, paid,
            get("goods", none), get("freight", none), get("discount", none), get("refund_amount", none), get("refund_at", none), ids, get("region", none), channels,
            get("scene", none), get("device", none), contact, contact_hash,
        ]  # fmt: skip
        arrays = []
        for values, item in zip(columns, STAGE, strict=True):
            if values is none:
                arrays.append(pa.nulls(size, item.type))
            else:
                arrays.append(pa.array(values, item.type))
        table = pa.table(arrays, schema=STAGE)
        return table.take(keep) if keep is not None else table

    def _fill_down(self, batch: Batch) -> None:
        """Rows of merged cells: an order's id and details stand only on its first row."""
        order_ids = batch.columns["order_id"]
        line_fields = [k for k in ("product_id", "sku_id", "code", "title", "quantity") if k in self.mapped]
        last = self.previous
        for index, value in enumerate(order_ids):
            details = [batch.columns[k][index] for k in self.order_fields]
            if value is not None:
                if (
                    last is not None
                    and last[0] == value
                    and "created_at" in self.mapped
                    and batch.columns["created_at"][index] is None
                ):
                    self._inherit(batch, index, last)
                else:
                    last = (value, details)
            elif (
                last is not None
                and index not in batch.refused
                and all(d is None for d in details)
                and any(batch.columns[k][index] is not None for k in line_fields)
            ):
                order_ids[index] = last[0]
                self._inherit(batch, index, last)
        self.previous = last

    def _inherit(self, batch: Batch, index: int, last: tuple[str, list[Any]]) -> None:
        for key, value in zip(self.order_fields, last[1], strict=True):
            if key != "paid" and batch.columns[key][index] is None:
                batch.columns[key][index] = value

    def _judge(
        self,
        batch: Batch,
        order_ids: list[Any],
        quantity: list[int],
        gross: list[Any],
        line_paid: list[Any],
        paid: list[Any],
        is_return: list[bool],
    ) -> None:
        """Sets returns apart and refuses adjustments, write-offs and impossible values. Money of returns becomes positive."""
        mapped, refuse = self.mapped, self.reader.refuse
        amount_key = next((k for k in ("line_paid", "line_amount", "unit_price", "paid") if k in mapped), "paid")
        main = line_paid if "line_paid" in mapped else gross if ("unit_price" in mapped or "line_amount" in mapped) else paid
        titles = batch.columns.get("title")
        suspects = {i for i, q in enumerate(quantity) if q <= 0}
        suspects.update(i for i, v in enumerate(main) if v is None or v < 0 or v > _FEN)
        suspects.update(i for i, v in enumerate(paid) if v is not None and v < 0)
        if self.invoice_letters:
            suspects.update(i for i, v in enumerate(order_ids) if v is not None and not v.isdigit() and v[0] in "CcAa")
        if titles is not None:
            suspects.update(i for i, t in enumerate(titles) if t and fields.is_adjustment(t))
        for i in suspects:
            if i in batch.refused:
                continue
            q, order_id = quantity[i], order_ids[i] or ""
            value = main[i] if main[i] is not None else paid[i] if paid[i] is not None else gross[i]
            letter = order_id[:1].upper() if self.invoice_letters and re.fullmatch(r"[CcAa]\d+", order_id) else ""
            title = titles[i] if titles is not None and titles[i] else ""
            if letter == "A" or fields.is_adjustment(title):
                refuse(
                    batch,
                    i,
                    "order_id" if letter == "A" else "title",
                    "账务调整（坏账等），不是销售也不是退款",
                    "不用处理；需要记账请用财务软件",
                )
            elif value is None:
                if q < 0 or not any(k in mapped for k in ("paid", "goods")):
                    refuse(batch, i, amount_key, "缺金额", "补上金额或单价后再导入")
                # else: the order's amount stands on another of its rows
            elif abs(value) > _FEN or abs(q) > 2_000_000_000:
                refuse(batch, i, amount_key if abs(value) > _FEN else "quantity", "大得不像真的", "核对这一格的数字")
            elif q < 0 and value == 0:
                refuse(batch, i, "quantity", "数量为负、金额为 0：是盘亏或报损，不是退款", "库存调整请用库存表导入")
            elif q == 0 and value == 0:
                refuse(batch, i, "quantity", "数量和金额都是 0", "删去这一行，或补上数量和金额")
            elif q > 0 and value < 0 and "quantity" in mapped and "unit_price" in mapped and not letter:
                refuse(
                    batch,
                    i,
                    amount_key,
                    "单价为负，不是销售也不是退款",
                    "退款请把数量写成负数，或填在退款金额列；账务调整不用导入",
                )
            elif letter == "C" and q > 0 and value >= 0:
                refuse(batch, i, "quantity", "取消单里的正数行，看不出是退还是卖", "核对这张取消单；退货请把数量写成负数")
            elif q < 0 or value < 0:
                is_return[i] = True
                quantity[i] = abs(q)
                for values in (gross, line_paid, paid):
                    if values[i] is not None:
                        values[i] = abs(values[i])
            elif paid[i] is not None and paid[i] < 0:
                refuse(batch, i, "paid", "实付金额为负", "退款请填在退款金额列")

    def _statuses(self, batch: Batch, none: list[Any]) -> tuple[list[Any], list[Any]]:
        if "status" not in self.mapped:
            return none, none
        texts = batch.columns["status"]
        known = {t: fields.order_status(t) for t in set(texts) if t}
        for text, ours in known.items():
            if not ours:
                self.statuses.add(text)
        if any(not ours for ours in known.values()):
            paid_at = batch.columns.get("paid_at", none)
            for i, text in enumerate(texts):
                if text and not known[text] and paid_at[i] is None:
                    self.reader.refuse(
                        batch,
                        i,
                        "status",
                        f"不认识的订单状态“{text[:20]}”",
                        "改成：待付款、待发货、已发货、已完成、已取消、已退款 之一；或补上支付时间",
                    )
        return [known.get(t) or None for t in texts], texts

    def _goods(self, batch: Batch, none: list[Any]) -> tuple[list[Any], list[Any]]:
        """Product and SKU id per row: as given, by the shop's own codes, else by name."""
        get, skus = batch.columns.get, self.context.skus
        product, sku, code, title = get("product_id", none), get("sku_id", none), get("code", none), get("title", none)
        if product is not none and sku is none and not skus and None not in product:
            return product, product
        out_product, out_sku = [], []
        for p, s, c, t in zip(product, sku, code, title, strict=True):
            if skus and p is None:
                known = (skus.get(s) if s else None) or (skus.get(c) if c else None)
                if known:
                    p, s = known[0], s or known[1]
            p = p or s or c or (_named(t) if t else "-")
            out_product.append(p)
            out_sku.append(s or (c if p == c else p))
        return out_product, out_sku

    def _people(self, batch: Batch, none: list[Any]) -> list[Any]:
        get = batch.columns.get
        mapped = [k for k in ("unionid", "openid", "customer_id") if k in self.mapped]
        names = {"unionid": "unionid", "openid": "openid", "customer_id": "file"}
        if len(mapped) == 1:
            kind = names[mapped[0]] + "\x1f"
            out = [None if v is None else kind + v for v in batch.columns[mapped[0]]]
        elif mapped:
            out = [
                person_key({names[k]: v for k, v in zip(mapped, values, strict=True) if v}) or None
                for values in zip(*(batch.columns[k] for k in mapped), strict=True)
            ]
        else:
            out = [None] * len(batch)
        if "phone" in self.mapped and None in out:
            # A recipient's phone stands for the buyer only where the file names no buyer.
            fingerprint = self.context.fingerprint
            for i, value in enumerate(get("phone", none)):
                if out[i] is None and value and (number := cells.phone(value)):
                    out[i] = "phone\x1f" + fingerprint(number)
        return out

    def _contacts(self, batch: Batch, none: list[Any]) -> tuple[list[Any], list[Any]]:
        """Name, phone and address of each row sealed as one blob, before they touch any file of ours."""
        seal, fingerprint = self.context.seal, self.context.fingerprint
        keys = [k for k in ("recipient", "nickname", "phone", "address", "city", "district") if k in self.mapped]
        if seal is None or not any(k in keys for k in ("recipient", "nickname", "phone", "address")):
            return none, none
        import orjson

        blobs: list[Any] = []
        hashes: list[Any] = []
        memory: dict[Any, tuple[bytes | None, str | None]] = {}
        region = batch.columns.get("region", none)
        for values in zip(region, *(batch.columns[k] for k in keys), strict=True):
            done = memory.get(values)
            if done is None:
                found = {k: v for k, v in zip(keys, values[1:], strict=True) if v}
                if not found:
                    done = (None, None)
                else:
                    name = found.get("recipient") or found.get("nickname", "")
                    address = (
                        "".join(filter(None, (values[0], found.get("city"), found.get("district"))))
                        if not found.get("address", "").startswith(str(values[0] or "　"))
                        else ""
                    )
                    number = cells.phone(found.get("phone", ""))
                    body = {"name": name, "phone": found.get("phone", ""), "address": address + found.get("address", "")}
                    done = (seal(orjson.dumps(body)), fingerprint(number) if number else None)
                memory[values] = done
            blobs.append(done[0])
            hashes.append(done[1])
        return blobs, hashes


def _safe_id(text: str) -> str:
    try:
        return cells.identifier(text)
    except cells.CellError:
        return ""


def _named(title: str) -> str:
    """A product id for goods that a file names only by title."""
    return "名称:" + hashlib.sha256(title.encode()).hexdigest()[:16]


class Stage:
    """Staged rows of one file in a temporary DuckDB database; closed, nothing of it is left."""

    def __init__(self, *, memory_mb: int = 96) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zhanggui-import-"))
        self.db = duckdb.connect(str(self.folder / "stage.duckdb"))
        self.db.execute(
            f"SET memory_limit='{memory_mb}MB'; SET threads=2; SET temp_directory='{self.folder / 'spill'}'; SET enable_progress_bar=false"
        )
        self.db.register("_empty", STAGE.empty_table())
        self.db.execute("CREATE TABLE stage AS SELECT * FROM _empty")
        self.db.unregister("_empty")
        self.rows = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, table: pa.Table) -> None:
        """Appends typed rows."""
        if table.num_rows:
            self.db.register("_batch", table)
            self.db.execute("INSERT INTO stage SELECT * FROM _batch")
            self.db.unregister("_batch")
            self.rows += table.num_rows

    def one(self, sql: str) -> tuple[Any, ...]:
        """The first row of a query."""
        row = self.db.execute(sql).fetchone()
        assert row is not None
        return tuple(row)

    def levels(self) -> dict[str, str]:
        """Per amount, whether the file gives it for the order (repeated or only on the first line) or for each line.

        An amount that differs within an order is the line's. One that repeats is the order's, unless adding it up
        comes nearer to what the lines come to.
        """
        parts = []
        for name in LEVELS:
            parts.append(
                f"""count(*) FILTER (filled_{name} = n AND low_{name} < high_{name}
                        OR filled_{name} = n AND low_{name} = high_{name} AND high_{name} <> 0 AND gross > 0 AND abs(sum_{name} - gross) < abs(high_{name} - gross) AND {name == "paid"}::bool),
                    count(*) FILTER (filled_{name} < n AND filled_{name} > 0 AND low_{name} = high_{name}
                        OR filled_{name} = n AND low_{name} = high_{name} AND high_{name} <> 0 AND NOT ({name == "paid"}::bool AND gross > 0 AND abs(sum_{name} - gross) < abs(high_{name} - gross)))"""
            )
        inner = ", ".join(f"count({n}) filled_{n}, min({n}) low_{n}, max({n}) high_{n}, sum({n}) sum_{n}" for n in LEVELS)
        row = self.one(
            f"SELECT {', '.join(parts)} FROM (SELECT count(*) n, sum(gross) gross, {inner} FROM stage WHERE NOT is_return GROUP BY order_id HAVING count(*) > 1)"
        )
        return {name: "line" if row[2 * i] > row[2 * i + 1] else "order" for i, name in enumerate(LEVELS)}

    def index(self) -> None:
        """Gives every order its place: the row it first appears on. Rows that lie together need no sorting later."""
        self.scattered = bool(
            self.one(
                "SELECT count(*) > 0 FROM (SELECT order_id FROM (SELECT order_id, lag(order_id) OVER (ORDER BY row_no) IS DISTINCT FROM order_id AS starts FROM stage) "
                "WHERE starts GROUP BY order_id HAVING count(*) > 1)"
            )[0]
        )
        if self.scattered:
            self.db.execute(
                "CREATE TABLE places AS SELECT order_id AS place_id, min(row_no) AS first_row FROM stage GROUP BY order_id"
            )
            self.db.execute(
                "CREATE TABLE sorted AS SELECT s.* FROM stage s JOIN places o ON o.place_id = s.order_id ORDER BY o.first_row, s.row_no"
            )
            self.db.execute("DROP TABLE stage; DROP TABLE places; ALTER TABLE sorted RENAME TO stage")

    def people(self) -> Iterator[list[tuple[Any, ...]]]:
        """Chunks of (ids, first moment in UTC microseconds, region, channel, device) of everybody in the file, by first moment."""
        first = "(created, row_no)"
        self.db.execute(
            f"CREATE OR REPLACE TABLE everybody AS SELECT ids, min(created) AS first_at, arg_min(region, {first}) AS region, arg_min(channel, {first}) AS channel, "
            f"arg_min(device, {first}) AS device FROM stage WHERE ids IS NOT NULL GROUP BY ids ORDER BY first_at, ids"
        )
        yield from self._pieces("everybody")
        self.db.execute("DROP TABLE everybody")

    def _pieces(self, table: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a table in insertion order, piece by piece: a result is never whole in memory."""
        count = self.one(f"SELECT count(*) FROM {table}")[0]
        for start in range(0, count, size):
            yield self.db.execute(
                f"SELECT * FROM {table} WHERE rowid >= {start} AND rowid < {start + size} ORDER BY rowid"
            ).fetchall()

    def remember_people(self, pairs: list[tuple[str, int]]) -> None:
        """Notes which of the shop's customers the ids belong to."""
        self.db.execute("CREATE TABLE IF NOT EXISTS persons (person_ids VARCHAR, pk BIGINT)")
        if pairs:
            self.db.register(
                "_people", pa.table({"ids": pa.array([p[0] for p in pairs], TEXT), "pk": pa.array([p[1] for p in pairs], I64)})
            )
            self.db.execute("INSERT INTO persons SELECT * FROM _people")
            self.db.unregister("_people")

    def follow_merges(self, merged: Mapping[int, int]) -> None:
        """Replaces customers that were merged into another by that other."""
        if not merged:
            return

        def last(pk: int) -> int:
            seen = {pk}
            while pk in merged and merged[pk] not in seen:
                pk = merged[pk]
                seen.add(pk)
            return pk

        pairs = [(pk, last(pk)) for pk in merged]
        self.db.register(
            "_merged", pa.table({"a": pa.array([p[0] for p in pairs], I64), "b": pa.array([p[1] for p in pairs], I64)})
        )
        self.db.execute("UPDATE persons SET pk = m.b FROM _merged m WHERE persons.pk = m.a")
        self.db.unregister("_merged")

    def products(self) -> Iterator[list[tuple[Any, ...]]]:
        """Chunks of (product, sku, title, attributes, category, unit price low, high) of everything sold or returned."""
        self.db.execute(
            "CREATE OR REPLACE TABLE goods AS SELECT product_id, sku_id, arg_max(title, row_no), arg_max(attributes, row_no), arg_max(category, row_no), "
            "min(unit_fen) FILTER (unit_fen > 0), max(unit_fen) FROM stage GROUP BY 1, 2 ORDER BY 1, 2"
        )
        yield from self._pieces("goods")
        self.db.execute("DROP TABLE goods")

    def _stream(self) -> Iterator[tuple[Any, ...]]:
        has_people = bool(self.one("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'persons'")[0])
        names = ", ".join(f"s.{f.name}" for f in STAGE)
        source = (
            f"SELECT {names}, p.pk FROM stage s LEFT JOIN persons p ON p.person_ids = s.ids"
            if has_people
            else f"SELECT {names}, s.ids FROM stage s"
        )
        # Piece by piece: a result is never whole in memory, and a join cannot mix up the order beyond its piece.
        for start in range(0, self.rows, 16_384):
            yield from self.db.execute(
                f"{source} WHERE s.rowid >= {start} AND s.rowid < {start + 16_384} ORDER BY s.rowid"
            ).fetchall()

    def assembled(self, levels: Mapping[str, str], mapped: frozenset[str]) -> Iterator[Assembled]:
        """Whole orders in the order in which the file first names them."""
        rows: list[tuple[Any, ...]] = []
        current = ""
        for row in self._stream():
            if row[1] != current:
                if rows:
                    yield assemble(rows, levels, mapped)
                rows, current = [], row[1]
            rows.append(row)
        if rows:
            yield assemble(rows, levels, mapped)


(_ROW, _ORDER, _RETURN, _CREATED, _PAID_AT, _SHIPPED, _DONE, _STATUS, _PLATFORM, _RETURNED, _LINE, _PRODUCT, _SKU, _TITLE, _ATTRIBUTES, _CATEGORY, _QUANTITY, _UNIT,
 _GROSS, _LINE_PAID, _PAID, _GOODS, _FREIGHT, _DISCOUNT, _REFUND, _REFUND_AT, _IDS, _REGION, _CHANNEL, _SCENE, _DEVICE, _CONTACT, _CONTACT_HASH, _PERSON) = range(len(STAGE) + 1)  # fmt: skip


def _total(rows: list[tuple[Any, ...]], place: int, level: str) -> int | None:
    """An amount of an order: the stated one, or the lines' added up; None when no row gives it."""
    values = [r[place] for r in rows if r[place] is not None]
    if not values:
        return None
    return int(max(values, key=abs)) if level == "order" else int(sum(values))


def _first(rows: list[tuple[Any, ...]], place: int) -> Any:
    for row in rows:
        if row[place] is not None:
            return row[place]
    return None


def assemble(rows: list[tuple[Any, ...]], levels: Mapping[str, str], mapped: frozenset[str]) -> Assembled:
    """One order out of its staged rows.

    Amounts: the order's own figure wins over the lines'; what is stated for the order is split over its lines by
    their gross value with nothing lost. An order that is unpaid or cancelled before payment has no `paid_at`.
    A paid order that was closed, and after-sales that are done, become returns of that order.
    """
    head = rows[0]
    sales = rows if not any(r[_RETURN] for r in rows) else [r for r in rows if not r[_RETURN]]
    single = len(rows) == 1
    order_id, created = head[_ORDER], head[_CREATED]
    person = head[_PERSON] if single else _first(rows, _PERSON)
    get = (lambda place: head[place]) if single else (lambda place: _first(rows, place))
    order = Assembled(
        order_id, bool(sales), created, None, get(_SHIPPED), get(_DONE), "done", (get(_PLATFORM) or "")[:20], 0, 0, 0, 0, person, get(_REGION) or "", get(_CHANNEL) or "",
        get(_SCENE) or "", get(_DEVICE) or "", get(_CONTACT), get(_CONTACT_HASH) or "", rows=len(rows),
    )  # fmt: skip
    seen: dict[str, int] = {}
    if sales:
        _amounts(order, sales, levels, mapped, seen)
        _state(order, sales, levels, mapped)
    if len(sales) != len(rows):
        for row in rows:
            if row[_RETURN]:
                sku = row[_SKU]
                seen[sku] = seen.get(sku, 0) + 1
                amount = (
                    row[_LINE_PAID] if row[_LINE_PAID] is not None else row[_GROSS] if row[_GROSS] is not None else row[_PAID]
                )
                order.returns.append(
                    Return(
                        return_key(order_id, sku, seen[sku]), order_id if sales else "", person, row[_PRODUCT], sku, row[_QUANTITY], amount or 0,
                        row[_REFUND_AT] or row[_CREATED], "退货",
                    )
                )  # fmt: skip
    return order


def return_key(order_id: str, sku: str = "", occurrence: int = 0) -> str:
    """The key by which a return of a file is known when it comes again (at most 100 characters)."""
    key = f"file:{order_id}" + (f"/{sku}/{occurrence}" if sku else "")
    return key if len(key) <= 100 else "file#" + hashlib.sha256(key.encode()).hexdigest()


def _amounts(
    order: Assembled, sales: list[tuple[Any, ...]], levels: Mapping[str, str], mapped: frozenset[str], seen: dict[str, int]
) -> None:
    grosses = [r[_GROSS] for r in sales]
    gross_known = None not in grosses
    line_place = _LINE_PAID if "line_paid" in mapped else _PAID if "paid" in mapped and levels["paid"] == "line" else -1
    line_paids = [r[line_place] for r in sales] if line_place >= 0 else []
    per_line = bool(line_paids) and None not in line_paids
    paid = _total(sales, _PAID, "order") if "paid" in mapped and levels["paid"] == "order" else None
    freight = abs(_total(sales, _FREIGHT, levels["freight"]) or 0) if "freight" in mapped else 0
    discount = abs(_total(sales, _DISCOUNT, levels["discount"]) or 0) if "discount" in mapped else None
    goods = _total(sales, _GOODS, "order") if "goods" in mapped else None
    if goods is None and gross_known:
        goods = sum(grosses)
    if paid is None:
        order.from_lines = True
        paid = sum(line_paids) + freight if per_line else max(0, (goods or 0) + freight - (discount or 0))
    else:
        order.from_lines = False
    if goods is None:
        goods = max(0, paid - freight + (discount or 0))
    if discount is None:
        discount = max(0, goods + freight - paid)
    order.paid_fen, order.goods_fen, order.freight_fen, order.discount_fen = paid, goods, freight, discount
    if per_line:
        shares: list[Any] = line_paids
    else:
        rest = max(0, paid - freight) if paid >= freight else paid
        if len(sales) == 1:
            shares = [rest]
        elif gross_known and rest == sum(grosses):
            shares = grosses
        else:
            shares = list(split(rest, [g or 0 for g in grosses] if any(grosses) else [r[_QUANTITY] for r in sales]))
    for number, (row, share, gross) in enumerate(zip(sales, shares, grosses, strict=True), 1):
        sku, quantity, unit = row[_SKU], row[_QUANTITY], row[_UNIT]
        seen[sku] = occurrence = seen.get(sku, 0) + 1
        if unit is None:
            unit = cells.half_up(gross if gross is not None else share, quantity or 1)
        order.lines.append(
            Line(
                row[_PRODUCT],
                sku,
                row[_TITLE] or "",
                row[_ATTRIBUTES] or "",
                row[_CATEGORY] or "",
                quantity,
                unit,
                share,
                number,
                occurrence,
            )
        )


def _state(order: Assembled, sales: list[tuple[Any, ...]], levels: Mapping[str, str], mapped: frozenset[str]) -> None:
    status, paid_at = _first(sales, _STATUS), _first(sales, _PAID_AT)
    if status is None:
        if "paid_at" in mapped and paid_at is None:
            status = "unpaid" if "status" not in mapped else "cancelled" if order.platform_status else "unpaid"
        else:
            status = "paid" if "status" in mapped else "done"
    refund = _total(sales, _REFUND, levels["refund"]) if "refund_amount" in mapped else None
    refund = abs(refund) if refund else refund
    at = _first(sales, _REFUND_AT) or order.done_at or paid_at or order.created
    if status in {"unpaid", "cancelled"} and paid_at is not None and "paid_at" in mapped:
        # Money came before the order was closed, so it went back; an unpaid order with a payment time is paid.
        status = "paid" if status == "unpaid" else "refunded"
    order.status = status
    if status in {"unpaid", "cancelled"}:
        order.paid_at = None
        return
    if status == "pending":
        order.paid_at = paid_at
    else:
        order.paid_at = paid_at if paid_at is not None else order.created
    if order.paid_at is None:
        return
    if status == "refunded" and not refund:
        refund = order.paid_fen
    elif "refund_amount" not in mapped and any(r[_RETURNED] for r in sales) and status != "refunded":
        for row, line in zip(sales, order.lines, strict=True):
            if row[_RETURNED] and line.paid_fen:
                order.returns.append(
                    Return(
                        return_key(order.order_id, line.sku_id, line.occurrence),
                        order.order_id,
                        order.person,
                        line.product_id,
                        line.sku_id,
                        line.quantity,
                        line.paid_fen,
                        at,
                        "退款",
                    )
                )
        return
    if refund:
        if "refund_amount" in mapped and levels["refund"] == "line" and any(r[_REFUND] for r in sales):
            for row, line in zip(sales, order.lines, strict=True):
                if row[_REFUND]:
                    order.returns.append(
                        Return(
                            return_key(order.order_id, line.sku_id, line.occurrence), order.order_id, order.person, line.product_id, line.sku_id,
                            line.quantity if abs(row[_REFUND]) >= line.paid_fen else 0, abs(row[_REFUND]), row[_REFUND_AT] or at, "退款",
                        )
                    )  # fmt: skip
        else:
            only = order.lines[0] if len(order.lines) == 1 else None
            order.returns.append(
                Return(
                    return_key(order.order_id), order.order_id, order.person, only.product_id if only else "", only.sku_id if only else "",
                    only.quantity if only and refund >= order.paid_fen else 0, refund, at, "退款",
                )
            )  # fmt: skip
        if refund >= order.paid_fen and order.paid_fen:
            order.status = "refunded"


def stage_file(reader: RowReader, context: Context, refusals: Refusals, stage: Stage) -> OrderRows:
    """Reads a file of orders into the stage; refused rows go to `refusals`."""
    rows = OrderRows(reader, context)
    for batch in reader.batches():
        stage.add(rows.take(batch))
        for index in sorted(batch.refused):
            refusals.add(batch.refused[index])
    stage.index()
    return rows


def parsers() -> dict[str, Callable[[str], Any]]:
    """Readers of the fields of orders that need more than their type."""
    return {"aftersale": fields.aftersale_done, "region": cells.region, "channel": fields.channel_key}


@dataclass(frozen=True)
class Sold:
    """A line that something may have been returned from."""

    order: Any
    at: int
    quantity: int
    paid_fen: int


def match_returns(returns: list[Return], sold: Mapping[tuple[Any, str], list[Sold]]) -> dict[str, Any]:
    """For each return without an order, the order it most likely undoes: the same customer's latest earlier purchase of the product
    that still has as many units and as much money to give back. Key of the return → order, or absent.
    """
    left: dict[tuple[Any, str], list[list[Any]]] = {
        k: [[s.at, s.order, s.quantity, s.paid_fen] for s in sorted(v, key=lambda s: s.at)] for k, v in sold.items()
    }
    out: dict[str, Any] = {}
    for item in sorted(returns, key=lambda r: (r.at, r.key)):
        for place in reversed(left.get((item.person, item.product_id), ())):
            if place[0] <= item.at and place[2] >= item.quantity and place[3] >= item.amount_fen:
                place[2] -= item.quantity
                place[3] -= item.amount_fen
                out[item.key] = place[1]
                break
    return out


__all__ = [
    "Assembled",
    "Batch",
    "Context",
    "Line",
    "OrderRows",
    "Refusal",
    "Return",
    "Sold",
    "Stage",
    "match_returns",
    "parsers",
    "stage_file",
]
