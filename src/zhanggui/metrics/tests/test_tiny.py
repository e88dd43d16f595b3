"""No metric without a tiny-table test, and every statement fits the lake and reads on Spark."""

from __future__ import annotations

import dataclasses

import pytest
import sqlglot

from zhanggui.facts.lake_schema import TABLES
from zhanggui.metrics.catalogue import ALL, BY_KEY, LAYERS
from zhanggui.metrics.metric import DIMENSIONS, GRAINS, HOW, SHARED, SOURCES, BadDeclaration, Metric, check, spark, statement
from zhanggui.metrics.queries import ROWS
from zhanggui.metrics.tests import (
    test_tiny_conversion,
    test_tiny_customers,
    test_tiny_others,
    test_tiny_spreads,
    test_tiny_traffic,
    tiny,
)

MODULES = (test_tiny_traffic, test_tiny_conversion, test_tiny_customers, test_tiny_others, test_tiny_spreads)
ELSEWHERE = {"customers.cohort_retention"}
"""Tested in test_tiny_spreads by a function of its own."""


def test_every_metric_has_a_tiny_table() -> None:
    covered = {case.metric for module in MODULES for case in module.CASES} | ELSEWHERE
    assert covered == set(BY_KEY)


def test_a_case_that_is_wrong_fails() -> None:
    case = test_tiny_traffic.CASES[0]
    with pytest.raises(AssertionError):
        tiny.check(dataclasses.replace(case, want=(3, None)))


@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.key)
def test_a_declaration_is_whole(metric: Metric) -> None:
    assert metric.name
    assert len(metric.formula) > 8
    assert metric.unit in ("人", "次", "页", "率", "分", "单", "件", "天", "比值", "条")
    assert metric.layer in LAYERS
    assert metric.room
    assert metric.better in ("up", "down", "")
    assert metric.side in ("above", "below", "")
    assert metric.grains
    assert metric.grain_words
    assert bool(metric.sql) != bool(metric.fold)
    assert set(metric.needs) <= SOURCES.keys() & HOW.keys()
    assert set(metric.dimensions) | set(metric.stored) <= DIMENSIONS.keys()
    assert metric.base or metric.shape in ("sum", "state", "spread")
    assert metric.tables <= TABLES.keys()
    assert metric.tables
    assert metric.rows in ROWS or metric.key == "data.rows"


def test_names_and_keys_are_told_apart() -> None:
    assert len({m.key for m in ALL}) == len({m.name for m in ALL}) == len(ALL)


STATED = [m for m in ALL if m.sql]


@pytest.mark.parametrize("metric", STATED, ids=lambda m: m.key)
def test_a_statement_fits_the_lake_and_reads_on_spark(metric: Metric) -> None:
    check(metric)
    for grain in (*GRAINS, "range"):
        for dimensions in ((), metric.dimensions):
            whole = statement(metric.sql, grain, dimensions)
            assert "period(" not in whole.lower()
            told = spark(whole)
            assert sqlglot.parse_one(told, dialect="spark")
            assert "DATE_DIFF" not in told or "UNIT" not in told
            named = {t.name for t in sqlglot.parse_one(whole, dialect="duckdb").find_all(sqlglot.exp.Table)}
            own = {c.alias for c in sqlglot.parse_one(whole, dialect="duckdb").find_all(sqlglot.exp.CTE)}
            assert named - own <= TABLES.keys() | {"calendar"}, "a statement for another engine stands on the lake's tables alone"


BAD = {
    "no such table": "SELECT day AS day, count(*) AS numerator, NULL AS denominator FROM nowhere GROUP BY day",
    "no such column": "SELECT day AS day, sum(price) AS numerator, NULL AS denominator FROM orders GROUP BY day",
    "other columns": "SELECT day AS day, count(*) AS n FROM orders GROUP BY day",
    "not grouped": "SELECT day AS day, 1 AS numerator, NULL AS denominator FROM orders",
    "grouped by more": "SELECT day AS day, count(*) AS numerator, NULL AS denominator FROM orders GROUP BY day, channel",
    "ordered": "SELECT day AS day, count(*) AS numerator, NULL AS denominator FROM orders GROUP BY day ORDER BY day",
    "limited": "SELECT day AS day, count(*) AS numerator, NULL AS denominator FROM orders GROUP BY day LIMIT 3",
}


@pytest.mark.parametrize("sql", BAD.values(), ids=BAD.keys())
def test_a_bad_declaration_is_refused(sql: str) -> None:
    good = BY_KEY["conversion.orders"]
    with pytest.raises(BadDeclaration):
        check(dataclasses.replace(good, key="bad.one", sql=sql, dimensions=()))


def test_a_shared_table_is_the_same_asked_once_or_within_the_statement() -> None:
    for metric in ALL:
        if metric.shared and metric.shape != "spread":
            case = next(
                c
                for module in MODULES
                for c in module.CASES
                if c.metric == metric.key and not c.by and c.grain == "range" and c.want
            )
            by = metric.dimensions[0] if metric.dimensions else ""
            whole = {(p.numerator, p.denominator) for p in tiny.found(case) if not p.dimension}
            if by:
                split = tiny.found(dataclasses.replace(case, by=by))
                assert whole == {(p.numerator, p.denominator) for p in split if not p.dimension}, metric.key
    assert {name for m in ALL for name in m.shared} == set(SHARED)
