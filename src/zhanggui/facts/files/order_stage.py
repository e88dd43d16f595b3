"""Staged rows of one file on disk, grouped into orders: bounded memory whatever the file's size and order.

An order's rows need not lie together, and whether a repeated amount is the order's or the line's shows only in the whole file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from zhanggui.facts.files.order_parts import I64, STAGE, TEXT, Assembled
from zhanggui.facts.files.order_sums import assemble

T = TypeVar("T")
LEVELS = ("paid", "freight", "discount", "refund")
"""Amounts that a file may give per order (repeated on each line) or per line."""
AMOUNTS = ("gross", "line_paid", "paid", "goods")
"""Columns of the stage that can make up what an order is worth."""


PREFIX = "zhanggui-import-"
TOGETHER, TOGETHER_BYTES = 65_536, 16 << 20
"""Rows and bytes put into the stage at once: a commit per batch would cost more than the batch."""
MOST_MB = 1024
"""Memory that an unusually wide table may need to be put into order; the usual one needs `memory_mb`."""


def sweep() -> None:
    """Removes what killed imports have left on disk: folders whose process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


class Stage:
    """Staged rows of one file in a temporary DuckDB database; closed, nothing of it is left."""

    def __init__(self, *, memory_mb: int = 40) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.db = duckdb.connect(str(self.folder / "stage.duckdb"))
        self.memory_mb = memory_mb
        self.db.execute(
            f"SET memory_limit='{memory_mb}MB'; SET threads=1; SET temp_directory='{self.folder / 'spill'}'; SET enable_progress_bar=false"
        )
        self.rows = 0
        self.pending: list[pa.Table] = []
        self._put(STAGE.empty_table(), "CREATE TABLE stage AS")

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, table: pa.Table) -> None:
        """Appends typed rows."""
        self.pending.append(table)
        if sum(t.num_rows for t in self.pending) >= TOGETHER or sum(t.nbytes for t in self.pending) >= TOGETHER_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self.pending:
            together = pa.concat_tables(self.pending)
            self.pending = []
            self._put(together, "INSERT INTO stage")
            self.rows += together.num_rows

    def _put(self, table: pa.Table, into: str) -> None:
        """Hands an Arrow table to the database. As a stream: handed over whole, DuckDB loads pandas, if it is there, to ask what it is."""

        def attempt() -> None:
            self.db.register("_given", table.to_reader())
            try:
                self.db.execute(f"{into} SELECT * FROM _given")
            finally:
                self.db.unregister("_given")

        self._roomy(attempt)

    def _give(self, name: str, table: pa.Table) -> None:
        self._put(table, f"CREATE OR REPLACE TEMP TABLE {name} AS")

    def _do(self, sql: str) -> None:
        self._roomy(lambda: self.db.execute(sql))

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        return self._roomy(lambda: self.db.execute(sql).fetchall())

    def _roomy(self, attempt: Callable[[], T]) -> T:
        """The answer of a statement, with more memory than usual if it needs that."""
        while True:
            try:
                return attempt()
            except duckdb.OutOfMemoryException:
                if self.memory_mb >= MOST_MB:
                    raise
                self.memory_mb *= 2
                self.db.execute(f"SET memory_limit='{self.memory_mb}MB'")

    def one(self, sql: str) -> tuple[Any, ...]:
        """The first row of a query."""
        return self._all(sql)[0]

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
        """All rows are in: gives every order its place, the row it first appears on. Rows that lie together need no sorting later."""
        self._flush()
        self.scattered = bool(
            self.one(
                "SELECT count(*) > 0 FROM (SELECT order_id FROM (SELECT order_id, lag(order_id) OVER (ORDER BY row_no) IS DISTINCT FROM order_id AS starts FROM stage) "
                "WHERE starts GROUP BY order_id HAVING count(*) > 1)"
            )[0]
        )
        if self.scattered:
            self._do("CREATE TABLE places AS SELECT order_id AS place_id, min(row_no) AS first_row FROM stage GROUP BY order_id")
            self._do(
                "CREATE TABLE sorted AS SELECT s.* FROM stage s JOIN places o ON o.place_id = s.order_id ORDER BY o.first_row, s.row_no"
            )
            self._do("DROP TABLE stage; DROP TABLE places; ALTER TABLE sorted RENAME TO stage")

    def drop_without_amount(self) -> list[int]:
        """Removes orders none of whose rows states an amount. The numbers of their rows."""
        return self._drop_orders(" + ".join(f"count({name})" for name in AMOUNTS) + " = 0")

    def drop_worthless(self) -> list[int]:
        """Removes orders whose every row is worth nothing: stock found, samples and tests written as invoices. The numbers of their rows."""
        worth = ", ".join(f"abs(coalesce({name}, 0))" for name in AMOUNTS)
        return self._drop_orders(f"max(greatest({worth})) = 0 AND NOT bool_or(is_return)")

    def _drop_orders(self, condition: str) -> list[int]:
        found = self._all(f"SELECT order_id, list(row_no) FROM stage GROUP BY order_id HAVING {condition}")
        self.drop([row[0] for row in found])
        return sorted(number for row in found for number in row[1])

    def drop(self, order_ids: Sequence[str]) -> int:
        """Removes the rows of these orders; how many there were."""
        if not order_ids:
            return 0
        self._give("_gone", pa.table({"gone": pa.array(order_ids, TEXT)}))
        count = int(self.one("SELECT count(*) FROM stage WHERE order_id IN (SELECT gone FROM _gone)")[0])
        self._do("DELETE FROM stage WHERE order_id IN (SELECT gone FROM _gone)")
        return count

    def order_ids(self) -> Iterator[list[str]]:
        """Chunks of the ids of all orders."""
        self._do("CREATE OR REPLACE TABLE named AS SELECT DISTINCT order_id FROM stage")
        for chunk in self._pieces("named"):
            yield [row[0] for row in chunk]
        self._do("DROP TABLE named")

    def buyers_of(self, orders: Mapping[str, int]) -> list[tuple[str, int]]:
        """(ids in the file, customer) of everybody whom these orders (order id → customer) show to be exactly one customer."""
        self._give("_owned", pa.table({"o": pa.array(list(orders), TEXT), "c": pa.array(list(orders.values()), I64)}))
        found = self._all(
            "SELECT ids, min(c) FROM stage JOIN _owned ON o = order_id WHERE ids IS NOT NULL GROUP BY ids HAVING min(c) = max(c)"
        )
        return [(row[0], int(row[1])) for row in found]

    def forget_buyers(self, order_ids: Sequence[str]) -> None:
        """Takes out of the rows of these orders who bought them: the person has been erased on request."""
        if order_ids:
            self._give("_erased", pa.table({"gone": pa.array(order_ids, TEXT)}))
            self._do(
                "UPDATE stage SET ids = NULL, contact = NULL, contact_hash = NULL WHERE order_id IN (SELECT gone FROM _erased)"
            )

    def people(self) -> Iterator[list[tuple[Any, ...]]]:
        """Chunks of (ids, first moment in UTC microseconds, region, channel, device) of everybody in the file, by first moment."""
        first = "(created, row_no)"
        self._do(
            f"CREATE OR REPLACE TABLE everybody AS SELECT ids, min(created) AS first_at, arg_min(region, {first}) AS region, arg_min(channel, {first}) AS channel, "
            f"arg_min(device, {first}) AS device FROM stage WHERE ids IS NOT NULL GROUP BY ids ORDER BY first_at, ids"
        )
        yield from self._pieces("everybody")
        self._do("DROP TABLE everybody")

    def _pieces(self, table: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a table in insertion order, piece by piece: a result is never whole in memory."""
        count = self.one(f"SELECT count(*) FROM {table}")[0]
        for start in range(0, count, size):
            yield self._all(f"SELECT * FROM {table} WHERE rowid >= {start} AND rowid < {start + size} ORDER BY rowid")

    def remember_people(self, pairs: list[tuple[str, int]]) -> None:
        """Notes which of the shop's customers the ids belong to."""
        self._do("CREATE TABLE IF NOT EXISTS persons (person_ids VARCHAR, pk BIGINT)")
        if pairs:
            self._give(
                "_people", pa.table({"ids": pa.array([p[0] for p in pairs], TEXT), "pk": pa.array([p[1] for p in pairs], I64)})
            )
            self._do("INSERT INTO persons SELECT * FROM _people")

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
        self._give("_merged", pa.table({"a": pa.array([p[0] for p in pairs], I64), "b": pa.array([p[1] for p in pairs], I64)}))
        self._do("UPDATE persons SET pk = m.b FROM _merged m WHERE persons.pk = m.a")

    def products(self) -> Iterator[list[tuple[Any, ...]]]:
        """Chunks of (product, sku, title, attributes, category, unit price low, high) of everything sold or returned."""
        self._do(
            "CREATE OR REPLACE TABLE goods AS SELECT product_id, sku_id, arg_max(title, row_no), arg_max(attributes, row_no), arg_max(category, row_no), "
            "min(unit_fen) FILTER (unit_fen > 0), max(unit_fen) FROM stage GROUP BY 1, 2 ORDER BY 1, 2"
        )
        yield from self._pieces("goods")
        self._do("DROP TABLE goods")

    def _stream(self) -> Iterator[tuple[Any, ...]]:
        has_people = bool(self.one("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'persons'")[0])
        names = ", ".join(f"s.{f.name}" for f in STAGE)
        source = (
            f"SELECT {names}, p.pk FROM stage s LEFT JOIN persons p ON p.person_ids = s.ids"
            if has_people
            else f"SELECT {names}, s.ids FROM stage s"
        )
        # Piece by piece: a result is never whole in memory, and a join cannot mix up the order beyond its piece.
        for start in range(0, self.rows, 4_096):
            yield from self._all(f"{source} WHERE s.rowid >= {start} AND s.rowid < {start + 4_096} ORDER BY s.rowid")

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
