"""The only file that knows a query engine. DuckDB on one machine; another engine comes in behind the same two calls.

    with duckdb_engine(lake) as engine:
        engine.query("SELECT …", {"calendar": table}, {"first": day})   → pyarrow.Table
        engine.batches("SELECT …", rows=…)                              → Arrow batches in the order of the log

        engine.keep("visits", "SELECT …")                               a table for the statements that follow

Statements are DuckDB's dialect with named parameters ($first); only those that occur in the statement are passed. An engine answers
one SELECT at a time over the files of its lake and nothing else: no extension is installed or loaded, no other file (another shop's
included) can be opened, nothing can be written but its own spill, the configuration is locked. Any number of processes may have one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import pyarrow as pa
from django.conf import settings

from zhanggui.facts.lake import Lake
from zhanggui.facts.lake_schema import TABLES
from zhanggui.kernel.errors import ZhangguiError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PARAMETER = re.compile(r"\$([a-z_][a-z0-9_]*)")


class LakeUnreadable(ZhangguiError):
    """A file of the lake cannot be read; `facts.lake.mend` rebuilds it."""

    code = "lake_unreadable"


class Engine(Protocol):
    """What the metrics ask of an engine."""

    def query(self, sql: str, tables: Mapping[str, pa.Table] | None = None, params: Mapping[str, Any] | None = None) -> pa.Table:
        """The whole answer. `tables` are given beside the lake's own, by name."""
        ...

    def keep(self, name: str, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Computes an answer once and holds it under a name that later statements may read; an earlier one of that name goes."""
        ...

    def batches(self, sql: str, params: Mapping[str, Any] | None = None, rows: int = 1_000_000) -> Iterator[pa.RecordBatch]:
        """The answer in pieces of `rows`, in the order in which the files hold it where the statement does not order it."""
        ...


class DuckDBEngine:
    """DuckDB over one shop's lake; in memory, closed with the block it is opened in."""

    def __init__(self, lake: Lake, *, threads: int | None = None, memory: str | None = None) -> None:
        import duckdb

        self._errors = duckdb.Error
        self._io, self._denied, self._select = duckdb.IOException, duckdb.PermissionException, duckdb.StatementType.SELECT
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": str(threads or int(getattr(settings, "ENGINE_THREADS", 2))), "memory_limit": memory or str(getattr(settings, "ENGINE_MEMORY", "2GB")),
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "preserve_insertion_order": "true",
        }  # fmt: skip
        self._db = duckdb.connect(":memory:", config=config)
        files = {name: ", ".join(_quoted(str(Path(p).resolve())) for p in lake.paths(name)) for name in TABLES if lake.rows(name)}
        self._db.execute(f"SET temp_directory = {_quoted(str(lake.folder.resolve() / '_spill'))}")
        self._db.execute(f"SET TimeZone = {_quoted(str(lake.zone))}")
        self._db.execute(f"SET allowed_paths = [{', '.join(files.values())}]")
        self._db.execute("SET enable_external_access = false")
        self._db.execute("SET lock_configuration = true")
        for name, table in TABLES.items():
            if name not in files:
                self._db.register(name, table.schema.empty_table())
                continue
            try:
                self._db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{files[name]}], hive_partitioning = false)")
            except self._errors as error:
                self.close()
                raise LakeUnreadable("数据湖里有文件读不出来", remedy="会自动重建，请稍后再看", table=name) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files and the memory."""
        self._db.close()

    def query(self, sql: str, tables: Mapping[str, pa.Table] | None = None, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See Engine. Raises LakeUnreadable when a file is torn."""
        self._only_asks(sql)
        for name, table in (tables or {}).items():
            self._db.register(name, table)
        try:
            return self._db.sql(sql, params=_used(sql, params)).to_arrow_table()
        except self._errors as error:
            raise self._unreadable(error) from error
        finally:
            for name in tables or {}:
                self._db.unregister(name)

    def keep(self, name: str, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """See Engine."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a table")
        self._only_asks(sql)
        try:
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", _used(sql, params))
        except self._errors as error:
            raise self._unreadable(error) from error

    def batches(self, sql: str, params: Mapping[str, Any] | None = None, rows: int = 1_000_000) -> Iterator[pa.RecordBatch]:
        """See Engine."""
        self._only_asks(sql)
        try:
            yield from self._db.sql(sql, params=_used(sql, params)).to_arrow_reader(rows)
        except (self._errors, OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _only_asks(self, sql: str) -> None:
        """Raises ValueError unless the text is one SELECT."""
        found = self._db.extract_statements(sql)
        if len(found) != 1 or found[0].type != self._select:
            raise ValueError("an engine answers one SELECT")

    def _unreadable(self, error: Exception) -> Exception:
        text = str(error)
        marks = ("parquet", "Parquet", "ZSTD", "magic bytes", "TProtocol", "thrift")
        torn = not isinstance(error, self._denied) and (isinstance(error, self._io) or any(mark in text for mark in marks))
        return LakeUnreadable("数据湖里有文件读不出来", remedy="会自动重建，请稍后再看", detail=text[:300]) if torn else error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _used(sql: str, params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    wanted = set(_PARAMETER.findall(sql))
    return {name: params[name] for name in wanted} if params and wanted else None


def engine_for(lake: Lake, **limits: Any) -> DuckDBEngine:
    """The engine of this installation over a lake."""
    return DuckDBEngine(lake, **limits)
