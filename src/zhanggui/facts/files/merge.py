"""Many rows into the shop's tables at once: what is there already, what is new, what changed; SQLite and PostgreSQL.

Everything runs inside the caller's transaction. Moments are microseconds since 1970 UTC until they reach the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, models

from zhanggui.kernel import clock

MICRO = 1_000_000
_TIMES = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86400)]
_days: dict[int, str] = {}
_EPOCH = date(1970, 1, 1)


def stamp(micros: int | None) -> str | None:
    """UTC microseconds as the text both databases take for a moment: "2026-08-22 05:05:00"."""
    if micros is None:
        return None
    seconds, fraction = divmod(micros, MICRO)
    day, rest = divmod(seconds, 86400)
    text = _days.get(day)
    if text is None:
        if len(_days) > 50_000:
            _days.clear()
        text = _days[day] = (_EPOCH + timedelta(days=day)).isoformat()
    return f"{text} {_TIMES[rest]}.{fraction:06d}" if fraction else f"{text} {_TIMES[rest]}"


def day_text(day: int) -> str:
    """Days since 1970 as an ISO date."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def comparable(value: Any) -> Any:
    """A value read by a raw cursor in the form in which it is written, so that both can be compared."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return stamp((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, memoryview):
        return bytes(value)
    return value


def _quote(name: str | None) -> str:
    assert name is not None, "a concrete field has a column"
    return connection.ops.quote_name(name)


def _literal(field: Any, value: Any) -> str:
    """A constant column's value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE") if connection.vendor == "postgresql" else str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(field, models.JSONField):
        text = "'" + json.dumps(value).replace("'", "''") + "'"
        return text + "::jsonb" if connection.vendor == "postgresql" else text
    text = str(comparable(value)) if isinstance(value, datetime) else str(value)
    return "'" + text.replace("'", "''") + "'"


def values_in(column: str, values: Sequence[Any]) -> tuple[str, Any]:
    """(condition with one placeholder, its parameter) for "column is one of these", however many there are."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)", list(values)
    return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(list(values))


class Writer:
    """Writes rows of one table: `columns` (attribute names) vary per row, `constants` and the model's defaults do not."""

    def __init__(
        self,
        model: type[models.Model],
        columns: Sequence[str],
        *,
        key: Sequence[str] = (),
        update: Sequence[str] = (),
        **constants: Any,
    ) -> None:
        meta = model._meta
        self.table, self.columns = meta.db_table, list(columns)
        by_name = {f.attname: f for f in meta.concrete_fields}
        now = clock.now()
        fixed: dict[str, str] = {}
        for name, field in by_name.items():
            if name in self.columns or field.primary_key:
                continue
            value = (
                constants[name]
                if name in constants
                else now
                if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
                else field.get_default()
            )
            fixed[name] = _literal(field, value)
        names = [*self.columns, *fixed]
        self.column_sql = [_quote(by_name[n].column) for n in self.columns]
        head = f"INSERT INTO {_quote(self.table)} ({', '.join(_quote(by_name[n].column) for n in names)})"
        tail = ""
        if key:
            conflict = ", ".join(_quote(by_name[k].column) for k in key)
            changed = [*update, *(n for n in fixed if getattr(by_name[n], "auto_now", False))] if update else []
            sets = ", ".join(f"{_quote(by_name[n].column)} = excluded.{_quote(by_name[n].column)}" for n in changed)
            tail = f" ON CONFLICT ({conflict}) DO UPDATE SET {sets}" if sets else f" ON CONFLICT ({conflict}) DO NOTHING"
        if connection.vendor == "postgresql":
            self.stage = f"import_{meta.db_table}"
            self.create = f"CREATE TEMP TABLE IF NOT EXISTS {_quote(self.stage)} ON COMMIT DROP AS SELECT {', '.join(self.column_sql)} FROM {_quote(self.table)} WITH NO DATA"
            self.copy = f"COPY {_quote(self.stage)} ({', '.join(self.column_sql)}) FROM STDIN"
            self.sql = f"{head} SELECT {', '.join([*self.column_sql, *fixed.values()])} FROM {_quote(self.stage)}{tail}"
        else:
            marks = ", ".join(["%s"] * len(self.columns) + [v.replace("%", "%%") for v in fixed.values()])
            self.sql = f"{head} VALUES ({marks}){tail}"

    def write(self, rows: Iterable[Sequence[Any]]) -> int:
        """Inserts the rows (or updates those whose key exists, if so declared); returns how many rows were touched."""
        rows = rows if isinstance(rows, list) else list(rows)
        if not rows:
            return 0
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TABLE IF EXISTS {_quote(self.stage)}")
                cursor.execute(self.create)
                with cursor.copy(self.copy) as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(self.sql)
            else:
                cursor.executemany(self.sql, rows)
            return int(cursor.rowcount)


def fetch(
    model: type[models.Model], shop_id: int, anchor: str, values: Sequence[Any], columns: Sequence[str]
) -> list[tuple[Any, ...]]:
    """The given columns of the shop's rows whose `anchor` is one of `values`, comparable."""
    if not values:
        return []
    by_name = {f.attname: f for f in model._meta.concrete_fields}
    condition, parameter = values_in(_quote(by_name[anchor].column), values)
    names = ", ".join(_quote(by_name[c].column) for c in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {names} FROM {_quote(model._meta.db_table)} WHERE shop_id = %s AND {condition}", [shop_id, parameter]
        )
        return [tuple(map(comparable, row)) for row in cursor.fetchall()]


class Merged:
    """How many rows were new, changed and as they were before."""

    def __init__(self) -> None:
        self.inserted = self.updated = self.unchanged = 0

    @property
    def touched(self) -> int:
        """Rows written."""
        return self.inserted + self.updated


def merge(
    model: type[models.Model], shop_id: int, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, key: Sequence[str], anchor: str, compare: Sequence[str],
    carry: Sequence[str] = (), held: Sequence[Any] = (), into: Merged | None = None,
) -> Merged:  # fmt: skip
    """Brings rows in by their key: new ones inserted, those whose `compare` columns differ updated (with `carry`), the rest left.

    `columns` must hold key, compare and carry columns; a later row of the same key wins. None in a compared column
    leaves what is known. `held` is (column, value): existing rows with that value belong to the platform and stay.
    """
    result = into or Merged()
    place = {c: i for i, c in enumerate(columns)}
    key_places = [place[k] for k in key]
    latest: dict[tuple[Any, ...], Sequence[Any]] = {}
    for row in rows:
        latest[tuple(row[i] for i in key_places)] = row
    hold_column, hold_value = held if held else ("", None)
    wanted = [*key, *compare, *([hold_column] if hold_column else [])]
    existing = {
        tuple(found[: len(key)]): found[len(key) :]
        for found in fetch(model, shop_id, anchor, list({r[place[anchor]] for r in latest.values()}), wanted)
    }
    fresh, changed = [], []
    for name, row in latest.items():
        before = existing.get(name)
        if before is None:
            fresh.append(row)
            result.inserted += 1
            continue
        if hold_column and before[-1] == hold_value:
            result.unchanged += 1
            continue
        new = list(row)
        differs = False
        for column, old in zip(compare, before, strict=False):
            value = new[place[column]]
            if value is None and old is not None:
                new[place[column]] = old
            elif value != old:
                differs = True
        if differs:
            changed.append(new)
            result.updated += 1
        else:
            result.unchanged += 1
    if fresh:
        Writer(model, columns, shop_id=shop_id).write(fresh)
    if changed:
        Writer(model, columns, key=("shop_id", *key), update=[*compare, *carry], shop_id=shop_id).write(changed)
    return result
