"""Many rows at once: one prepared statement over plain tuples, far quicker than model instances.

`insert` takes a model, the names of its fields (foreign keys by attname) and rows of values in that order. Fields not
named get their declared default, `auto_now` fields the present moment. Times must be aware; values are not validated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, models

from zhanggui.facts.models import Shop
from zhanggui.kernel import clock

T = TypeVar("T")
CHUNK = 2000


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def cut(text: str, length: int) -> str:
    """`text` without NUL (PostgreSQL refuses it) and no longer than `length`."""
    return text.replace("\x00", "")[:length]


def _sqlite_moment(value: datetime | None) -> str | None:
    if value is None:
        return None
    return str(value.astimezone(UTC))[:-6]


def moment(value: Any) -> datetime | None:
    """An aware moment from what a raw cursor gives: PostgreSQL gives aware ones, SQLite naive UTC or its text."""
    if value is None:
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _plain(value: Any) -> Any:
    return value


def _json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _day_text(value: Any) -> str | None:
    return None if value is None else value.isoformat()


@lru_cache(maxsize=256)
def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    return next(f for f in model._meta.concrete_fields if f.attname == name or f.name == name)


def _column(model: type[models.Model], name: str) -> str:
    return str(_field(model, name).column)


def _converter(field: models.Field[Any, Any], vendor: str) -> Callable[[Any], Any]:
    if isinstance(field, models.JSONField):
        return _json_text
    if vendor == "sqlite":
        if isinstance(field, models.DateTimeField):
            return _sqlite_moment
        if isinstance(field, models.DateField):
            return _day_text
    return _plain


def _array_type(field: models.Field[Any, Any]) -> tuple[str, str]:
    """PostgreSQL: the type of the array sent and the cast of its items."""
    kind = str(field.rel_db_type(connection) if field.is_relation else field.db_type(connection)).split("(")[0]
    if kind in ("varchar", "text", "jsonb"):
        return "text", kind
    return kind, kind


def insert(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    ignore: bool = False,
    conflict: Sequence[str] = (),
    update: Sequence[str] = (),
    only_if: str = "",
) -> int:
    """Inserts rows; how many were written (inserted or updated).

    `ignore` skips rows that meet a unique constraint; `conflict` and `update` (field names) overwrite the stored row
    instead, where the SQL condition `only_if` (`old.` is the stored row, `new.` the arriving one) holds.
    """
    vendor = connection.vendor
    named = [_field(model, name) for name in fields]
    given = {f.attname for f in named}
    constants = []
    for field in model._meta.concrete_fields:
        if field.attname in given or field.primary_key:
            continue
        stamped = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
        constants.append((field, clock.now() if stamped else field.get_default()))
    columns: list[models.Field[Any, Any]] = named + [field for field, _ in constants]
    converters = [_converter(field, vendor) for field in columns]
    fixed = tuple(convert(value) for convert, (_, value) in zip(converters[len(named) :], constants, strict=True))
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    names = ", ".join(quote(str(f.column)) for f in columns)
    tail = ""
    if conflict:
        keys = ", ".join(quote(_column(model, name)) for name in conflict)
        sets = ", ".join(f"{quote(c)} = excluded.{quote(c)}" for c in [_column(model, name) for name in update])
        stamps = [quote(str(f.column)) for f, _ in constants if getattr(f, "auto_now", False)]
        sets = ", ".join(filter(None, [sets, *(f"{c} = excluded.{c}" for c in stamps)]))
        where = f" WHERE {only_if.replace('old.', table + '.').replace('new.', 'excluded.')}" if only_if else ""
        tail = f" ON CONFLICT ({keys}) DO UPDATE SET {sets}{where}" if sets else f" ON CONFLICT ({keys}) DO NOTHING"
    elif ignore:
        tail = " ON CONFLICT DO NOTHING"
    busy = [(at, convert) for at, convert in enumerate(converters[: len(named)]) if convert is not _plain]
    written = 0
    with connection.cursor() as cursor:
        for batch in chunks(rows):
            values: list[list[Any]] = []
            for row in batch:
                one = list(row)
                for at, convert in busy:
                    one[at] = convert(one[at])
                values.append(one)
            if vendor == "sqlite":
                marks = ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}){tail}", [(*one, *fixed) for one in values])
            else:
                types = [_array_type(field) for field in columns]
                sent = ", ".join(f"%s::{kind}[]" for kind, _ in types[: len(named)])
                picked = ", ".join(
                    [f"c{at}::{types[at][1]}" for at in range(len(named))]
                    + [f"%s::{types[at][1]}" for at in range(len(named), len(columns))]
                )
                alias = ", ".join(f"c{at}" for at in range(len(named)))
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {picked} FROM unnest({sent}) AS given({alias}){tail}",
                    [*fixed, *([one[at] for one in values] for at in range(len(named)))],
                )
            written += max(cursor.rowcount, 0)
    return written


def update(model: type[models.Model], key: str, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Sets `fields` of the row whose `key` equals the row's last value: rows are (*values, key)."""
    vendor = connection.vendor
    named = [_field(model, name) for name in (*fields, key)]
    converters = [_converter(field, vendor) for field in named]
    quote = connection.ops.quote_name
    sets = ", ".join(f"{quote(str(f.column))} = %s" for f in named[:-1])
    statement = f"UPDATE {quote(model._meta.db_table)} SET {sets} WHERE {quote(str(named[-1].column))} = %s"
    with connection.cursor() as cursor:
        for batch in chunks(rows):
            cursor.executemany(statement, [[convert(v) for convert, v in zip(converters, row, strict=True)] for row in batch])


def in_list(column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """An SQL condition "column is one of values" with one parameter whatever their number, and that parameter."""
    if connection.vendor == "sqlite":
        return f"{column} IN (SELECT value FROM json_each(%s))", [json.dumps(list(values))]
    return f"{column} = ANY(%s)", [list(values)]


def lock_shop(shop: Shop) -> None:
    """Serialises writers of one shop until the transaction ends (SQLite has one writer anyway)."""
    if connection.features.has_select_for_update:
        Shop.objects.select_for_update(no_key=connection.features.has_select_for_no_key_update).get(pk=shop.pk)
