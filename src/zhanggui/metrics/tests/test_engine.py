"""The engine reads its own lake and nothing else, and is told apart from the numbers it gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from zhanggui.facts import lake
from zhanggui.metrics.engine import DuckDBEngine, LakeUnreadable, engine_for
from zhanggui.metrics.tests.test_tiny_traffic import FIRST_ORDERS, VISITS
from zhanggui.metrics.tests.tiny import write

TABLES = {"orders": FIRST_ORDERS, "events": VISITS}


@pytest.fixture
def own(tmp_path: Path) -> lake.Lake:
    return write(tmp_path / "lake", TABLES)


def test_tables_of_the_lake_are_there_and_those_without_rows_are_empty(own: lake.Lake) -> None:
    with engine_for(own) as engine:
        assert engine.query("SELECT count(*) AS n FROM orders")["n"][0].as_py() == 6
        assert engine.query("SELECT count(*) AS n FROM refunds")["n"][0].as_py() == 0


def test_parameters_that_a_statement_does_not_name_are_left_out(own: lake.Lake) -> None:
    params = {"first": date(2026, 1, 6), "last": date(2026, 1, 6), "horizon": date(2026, 1, 9)}
    with engine_for(own) as engine:
        assert engine.query("SELECT count(*) AS n FROM orders WHERE day = $first", None, params)["n"][0].as_py() == 4
        assert engine.query("SELECT 1 AS n", None, params)["n"][0].as_py() == 1


def test_a_parameter_is_a_value_and_never_a_statement(own: lake.Lake) -> None:
    with engine_for(own) as engine:
        found = engine.query("SELECT count(*) AS n FROM orders WHERE order_id = $id", None, {"id": "o1'; DROP TABLE orders; --"})
        assert found["n"][0].as_py() == 0
        assert engine.query("SELECT count(*) AS n FROM orders")["n"][0].as_py() == 6


def test_tables_given_for_one_question_are_gone_after_it(own: lake.Lake) -> None:
    with engine_for(own) as engine:
        assert engine.query("SELECT sum(n) AS n FROM mine", {"mine": pa.table({"n": [1, 2]})})["n"][0].as_py() == 3
        with pytest.raises(Exception, match="mine"):
            engine.query("SELECT sum(n) AS n FROM mine")


def test_a_kept_table_stays_and_can_be_replaced(own: lake.Lake) -> None:
    with engine_for(own) as engine:
        engine.keep("mine", "SELECT customer FROM events WHERE day = $first", {"first": date(2026, 1, 5)})
        assert engine.query("SELECT count(*) AS n FROM mine")["n"][0].as_py() == 4
        engine.keep("mine", "SELECT 7 AS n")
        assert engine.query("SELECT n FROM mine")["n"].to_pylist() == [7]
        with pytest.raises(ValueError, match="no name"):
            engine.keep("x AS SELECT 1; --", "SELECT 1")


def test_batches_come_in_the_order_of_the_log(own: lake.Lake) -> None:
    with engine_for(own) as engine:
        pieces = list(engine.batches("SELECT ts FROM events", rows=3))
        moments = [m for piece in pieces for m in piece["ts"].to_pylist()]
    assert len(moments) == 10
    assert moments == sorted(moments)


OUTSIDE = {
    "a file": "SELECT * FROM read_csv('{out}/secret.csv')",
    "another shop's": "SELECT * FROM read_parquet('{lake}/orders/shop=2/month=2026-01/data.parquet')",
    "the manifest": "SELECT * FROM read_text('{lake}/_manifest/shop=1.json')",
    "names of files": "SELECT * FROM glob('{out}/*')",
    "the network": "SELECT * FROM read_csv('https://example.invalid/x.csv')",
}


@pytest.mark.parametrize("sql", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_nothing_outside_the_lake_can_be_read(own: lake.Lake, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    there = own.folder / "orders" / "shop=2" / "month=2026-01"
    there.mkdir(parents=True)
    (there / "data.parquet").write_bytes(Path(own.paths("orders")[0]).read_bytes())
    with engine_for(own) as engine, pytest.raises(Exception, match=r"disabled|autoload|Autoload|extension"):
        engine.query(sql.format(out=tmp_path, lake=own.folder))


WRITES = (
    "CREATE TABLE x AS SELECT 1", "COPY (SELECT 1) TO '{out}/x.csv'", "COPY (SELECT 1 AS n) TO '{file}' (FORMAT parquet)", "ATTACH '{out}/x.db'", "INSTALL httpfs",
    "LOAD httpfs", "SET threads = 1", "DROP VIEW orders", "SELECT 1; DROP VIEW orders", "INSERT INTO orders SELECT * FROM orders", "PRAGMA database_list",
)  # fmt: skip


@pytest.mark.parametrize("sql", WRITES)
def test_nothing_but_a_select_is_answered(own: lake.Lake, tmp_path: Path, sql: str) -> None:
    place = Path(own.paths("orders")[0])
    before = place.read_bytes()
    asked = sql.format(out=tmp_path, file=place)
    with engine_for(own) as engine:
        for ask in (lambda: engine.query(asked), lambda: list(engine.batches(asked)), lambda: engine.keep("x", asked)):
            with pytest.raises(ValueError, match="one SELECT"):
                ask()
        assert engine.query("SELECT count(*) AS n FROM orders")["n"][0].as_py() == 6
    assert place.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lake"]


def test_extensions_are_neither_installed_nor_loaded_and_settings_are_locked(own: lake.Lake) -> None:
    with engine_for(own) as engine:
        names = "('autoinstall_known_extensions', 'autoload_known_extensions', 'enable_external_access', 'lock_configuration', 'TimeZone', 'threads')"
        found = engine.query(f"SELECT name, value FROM duckdb_settings() WHERE name IN {names}").to_pydict()
    held = dict(zip(found["name"], found["value"], strict=True))
    assert held["autoinstall_known_extensions"] == held["autoload_known_extensions"] == held["enable_external_access"] == "false"
    assert held["lock_configuration"] == "true"
    assert held["TimeZone"] == "Asia/Shanghai"
    assert held["threads"] == "2"


def test_limits_are_settings(own: lake.Lake, settings) -> None:
    settings.ENGINE_THREADS, settings.ENGINE_MEMORY = 1, "300MB"
    with engine_for(own) as engine:
        found = engine.query("SELECT value FROM duckdb_settings() WHERE name = 'threads'")
        assert found["value"].to_pylist() == ["1"]


def test_what_does_not_fit_in_memory_goes_through_the_disk(own: lake.Lake) -> None:
    with DuckDBEngine(own, threads=1, memory="40MB") as engine:
        engine.keep("many", "SELECT r AS n, repeat(CAST(r AS VARCHAR), 6) AS t FROM range(1500000) AS s(r)")
        assert engine.query("SELECT count(*) AS n FROM many")["n"][0].as_py() == 1_500_000
        assert (own.folder / "_spill").exists()


@pytest.mark.parametrize("harm", ["cut", "scrambled", "gone"])
def test_a_torn_file_is_told_as_such(own: lake.Lake, harm: str) -> None:
    place = Path(own.paths("events")[0])
    data = bytearray(place.read_bytes())
    if harm == "cut":
        place.write_bytes(data[: len(data) // 2])
    elif harm == "scrambled":
        data[4:200] = bytes(196)
        place.write_bytes(data)
    else:
        place.unlink()
    with pytest.raises(LakeUnreadable) as told, engine_for(own) as engine:
        engine.query("SELECT count(DISTINCT session) AS n, max(ts) AS t, min(kind) AS k FROM events")
    assert "数据湖" in told.value.message
    assert told.value.remedy
