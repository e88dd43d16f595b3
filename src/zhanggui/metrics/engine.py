"""The only file that knows a query engine. DuckDB on one machine; another engine comes in behind the same two calls.

    with duckdb_engine(lake) as engine:
        engine.query("SELECT …", {"calendar": table}, {"first": day})   → pyarrow.Table
        engine.batches("SELECT …", rows=…)                              → Arrow batches in the order of the log

Statements are DuckDB's dialect with named parameters ($first); only those that occur in the statement are passed. An engine reads
the lake's files and nothing else: no extension is installed or loaded, no file outside the lake can be opened, the configuration
is locked. It holds nothing between calls but open files, so any number of processes may have one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import pyarrow as pa
from django.conf import settings

from zhanggui.facts.lake import Lake
from zhanggui.facts.lake_schema import TABLES
from zhanggui.kernel.errors import ZhangguiError

_PARAMETER = re.compile(r"\$([a-z_][a-z0-9_]*)")


class LakeUnreadable(ZhangguiError):
    """A file of the lake cannot be read; `facts.lake.mend` rebuilds it."""

    code = "lake_unreadable"


class Engine(Protocol):
    """What the metrics ask of an engine."""

    def query(self, sql: str, tables: Mapping[str, pa.Table] | None = None, params: Mapping[str, Any] | None = None) -> pa.Table:
        """The whole answer. `tables` are given beside the lake's own, by name."""
        ...

    def batches(self, sql: str, params: Mapping[str, Any] | None = None, rows: int = 1_000_000) -> Iterator[pa.RecordBatch]:
        """The answer in pieces of `rows`, in the order in which the files hold it where the statement does not order it."""
        ...


class DuckDBEngine:
    """DuckDB over one shop's lake; in memory, closed with the block it is opened in."""

    def __init__(self, lake: Lake, *, threads: int | None = None, memory: str | None = None) -> None:
        import duckdb

        self._errors = (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException)
        self._io = duckdb.IOException
        config = {
            "threads": str(threads or int(getattr(settings, "ENGINE_THREADS", 2))), "memory_limit": memory or str(getattr(settings, "ENGINE_MEMORY", "2GB")),
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "preserve_insertion_order": "true",
        }  # fmt: skip
        self._db = duckdb.connect(":memory:", config=config)
        quoted = str(lake.folder.resolve()).replace("'", "''")
        spill = lake.folder.resolve() / "_spill"
        self._db.execute(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
        self._db.execute(f"SET TimeZone = '{lake.zone}'")
        self._db.execute(f"SET allowed_directories = ['{quoted}']")
        self._db.execute("SET enable_external_access = false")
        self._db.execute("SET lock_configuration = true")
        for name, table in TABLES.items():
            paths = lake.paths(name)
            if paths and lake.rows(name):
                files = ", ".join("'" + str(p).replace("'", "''") + "'" for p in _resolved(paths))
                try:
                    self._db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{files}], hive_partitioning = false)")
                except self._errors as error:
                    raise LakeUnreadable("数据湖里有文件读不出来", remedy="会自动重建，请稍后再看", table=name) from error
            else:
                self._db.register(name, table.schema.empty_table())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files and the memory."""
        self._db.close()

    def query(self, sql: str, tables: Mapping[str, pa.Table] | None = None, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See Engine. Raises LakeUnreadable when a file is torn."""
        for name, table in (tables or {}).items():
            self._db.register(name, table)
        try:
            return self._db.sql(sql, params=_used(sql, params)).to_arrow_table()
        except self._errors as error:
            raise self._unreadable(error) from error
        finally:
            for name in tables or {}:
                self._db.unregister(name)

    def batches(self, sql: str, params: Mapping[str, Any] | None = None, rows: int = 1_000_000) -> Iterator[pa.RecordBatch]:
        """See Engine."""
        try:
            yield from self._db.sql(sql, params=_used(sql, params)).to_arrow_reader(rows)
        except (*self._errors, OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> Exception:
        text = str(error)
        torn = isinstance(error, self._io) or any(
            w in text for w in ("parquet", "Parquet", "ZSTD", "magic bytes", "TProtocol", "thrift")
        )
        return LakeUnreadable("数据湖里有文件读不出来", remedy="会自动重建，请稍后再看", detail=text[:300]) if torn else error


def _resolved(paths: list[str]) -> list[str]:
    from pathlib import Path

    return [str(Path(p).resolve()) for p in paths]


def _used(sql: str, params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    wanted = set(_PARAMETER.findall(sql))
    return {name: params[name] for name in wanted} if params and wanted else None


def engine_for(lake: Lake, **limits: Any) -> DuckDBEngine:
    """The engine of this installation over a lake."""
    return DuckDBEngine(lake, **limits)
