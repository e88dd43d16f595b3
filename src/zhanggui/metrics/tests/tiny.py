"""Tiny named tables in, one exact number out: what every metric's test is made of.

    Case("two people, one twice", "traffic.visitors", {"events": '''
        at                who  kind
        2026-01-05 09:00  a    page_view
    '''}, first, last, (1, None))

A table is written as text: columns two or more blanks apart, "-" for nothing, "''" for an empty text. Times are Shanghai time; the days
that follow from them (day, paid_day, joined_day …) are filled in. `who`, `inviter` and `referrer` are single letters (a = customer 0);
`new` is yes or no. Everything else stands under its name in the lake's schema; what is not written is empty (texts) or null.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zhanggui.facts import lake
from zhanggui.facts.channels import kind_of
from zhanggui.facts.lake_schema import TABLES
from zhanggui.kernel.clock import SHANGHAI
from zhanggui.metrics.catalogue import BY_KEY
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.compute import Context, Point, points
from zhanggui.metrics.engine import engine_for

Pair = tuple[float | None, float | None]
Want = Pair | None | Mapping[str, Pair]
_TIMES = {"at": {"events": "ts", "refunds": "at"}, "placed": {"orders": "created_at"}, "paid": {"orders": "paid_at"}, "before": {"orders": "previous_paid_at"},
          "joined": {"group_members": "joined_at"}, "left": {"group_members": "left_at"}}  # fmt: skip
_DAYS = {"ts": "day", "at": "day", "created_at": "day", "paid_at": "paid_day", "joined_at": "joined_day", "left_at": "left_day"}
_NAMES = {"who": "customer", "new": "is_new", "goods": "is_goods", "staff": "is_staff", "fen": "paid_fen"}


@dataclass(frozen=True)
class Case:
    """One sentence about one metric. `want` is (numerator, denominator), None where nothing can be said, or one of these per segment."""

    says: str
    metric: str
    tables: Mapping[str, str]
    first: str
    last: str
    want: Want
    by: str = ""
    grain: str = "range"
    held: Mapping[str, Any] = field(default_factory=dict)
    """Policy values that are not the defaults."""
    value: float | None = None
    """The number itself, where it is worth saying."""

    def __str__(self) -> str:
        return f"{self.metric}: {self.says}"


def rows_of(table: str, text: str) -> list[dict[str, Any]]:
    """The rows of a table written as text."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines()]
    head = lines[0]
    found = []
    for cells in lines[1:]:
        assert len(cells) == len(head), f"{table}: {cells} does not fit {head}"
        found.append(_row(table, {name: _cell(cell) for name, cell in zip(head, cells, strict=True)}))
    return found


def _cell(text: str) -> str | None:
    return None if text == "-" else "" if text == "''" else text


def _row(table: str, given: Mapping[str, str | None]) -> dict[str, Any]:
    schema = TABLES[table].columns
    row: dict[str, Any] = {name: "" if kind == pa.string() else None for name, kind in schema.items()}
    for name, text in given.items():
        column = _TIMES.get(name, {}).get(table) or _NAMES.get(name, name)
        assert column in schema, f"{table} has no column {column}"
        row[column] = None if text is None else _value(column, schema[column], text)
        if column in _DAYS and _DAYS[column] in schema and _DAYS[column] not in given and text is not None:
            row[_DAYS[column]] = row[column].astimezone(SHANGHAI).date()
    if "channel" in schema:
        row["channel"] = row["channel"] or "unknown"
        row["channel_kind"] = kind_of(row["channel"])
    return row


def _value(column: str, kind: pa.DataType, text: str) -> Any:
    if column in ("customer", "inviter", "referrer"):
        return ord(text) - ord("a")
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    if kind == pa.date32():
        return date.fromisoformat(text)
    if kind == pa.bool_():
        return text == "yes"
    return text if kind == pa.string() else float(text) if kind == pa.float64() else int(text)


_TIME_ORDER = {"events": "ts", "orders": "created_at", "order_lines": "day", "refunds": "at"}


def write(folder: Path, tables: Mapping[str, str]) -> lake.Lake:
    """The lake of these tables, as shop 1."""
    for table, text in tables.items():
        rows = rows_of(table, text)
        spec = TABLES[table]
        for row in rows if spec.monthly else ():
            row["day"] = row["day"] or row.get("paid_day")  # a line is placed on the day it is paid unless written otherwise
        parts: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(rows, key=lambda r: r[_TIME_ORDER[table]]) if table in _TIME_ORDER else rows:
            parts.setdefault(f"{row['day']:%Y-%m}" if spec.monthly else "", []).append(row)
        for month, part in parts.items():
            place = folder / table / "shop=1" / (f"month={month}" if month else "")
            place.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(part, schema=spec.schema), place / "data.parquet")
    return replace(lake.adopt(folder, 1), today=None)


def found(case: Case) -> list[Point]:
    """All points of the case's metric over its days."""
    with tempfile.TemporaryDirectory() as folder:
        now = write(Path(folder), case.tables)
        with engine_for(now) as engine:
            context = Context(now, engine, {**policy_values(None), **case.held})
            days = date.fromisoformat(case.first), date.fromisoformat(case.last)
            return points(context, BY_KEY[case.metric], case.grain, *days, (case.by,) if case.by else ())  # type: ignore[arg-type]


def check(case: Case) -> None:
    """Fails unless the number is exactly what the case wants."""
    metric, got = BY_KEY[case.metric], found(case)
    if metric.shape == "spread":
        assert {p.segment: (p.numerator, p.denominator) for p in got if not case.by or p.dimension == case.by} == case.want
        return
    if case.by:
        assert {p.segment: (p.numerator, p.denominator) for p in got if p.dimension == case.by} == case.want
        return
    if case.grain != "range":
        assert {str(p.start): (p.numerator, p.denominator) for p in got} == case.want
        return
    whole = [p for p in got if not p.dimension]
    if case.want is None:
        assert all(metric.value(p.numerator, p.denominator) is None for p in whole)
        return
    assert [(p.numerator, p.denominator) for p in whole] == [case.want]
    if case.value is not None:
        assert metric.value(*case.want) == case.value  # type: ignore[misc]
