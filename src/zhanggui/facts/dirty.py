"""What of the lake no longer agrees with the facts: marked in the transaction that changed them.

Orders are kept by month of creation, the event log by month of what happened, refunds by month of the refund. Whether a
buyer was new, and which purchase it was, depend on the person's earlier purchases; so a purchase recorded late marks
everything up to that person's last known activity as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection

from zhanggui.facts.bulk import chunks, in_list, moment
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.models import GroupMember, LakeDirty, Shop
from zhanggui.kernel import clock

ORDER_TABLES = ("orders", "order_lines", "events", "refunds")
"""The monthly tables that an order or its buyer shows in."""


def months(first: date, last: date) -> list[str]:
    """ "YYYY-MM" of every month from `first` to `last`."""
    found, year, month = [], first.year, first.month
    while (year, month) <= (last.year, last.month):
        found.append(f"{year:04d}-{month:02d}")
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def mark_dirty(shop: Shop | int, table: str, first_day: date | None = None, last_day: date | None = None) -> None:
    """Marks `table` stale for the shop days from `first_day` to `last_day` (both included; all of a table that is not monthly).

    Must run inside the transaction that changes the facts. Raises KeyError for a table the lake does not have, ValueError for a
    monthly table without days.
    """
    mark_many(shop, [(table, first_day, last_day)])


def mark_many(shop: Shop | int, marks: Iterable[tuple[str, date | None, date | None]]) -> None:
    """Several marks in one statement."""
    shop_id = shop if isinstance(shop, int) else shop.pk
    spans: dict[tuple[str, str], tuple[date | None, date | None]] = {}
    for table, first, last in marks:
        last = last or first
        if not TABLES[table].monthly:
            _widen(spans, (table, ""), first, last)
            continue
        if first is None or last is None:
            raise ValueError(f"{table} is kept by month: which days?")
        for part in months(min(first, last), max(first, last)):
            _widen(spans, (table, part), first, last)
    if not spans:
        return
    least, most = ("min", "max") if connection.vendor == "sqlite" else ("least", "greatest")
    name, table_column = connection.ops.quote_name(LakeDirty._meta.db_table), connection.ops.quote_name("table")

    def wider(column: str, pick: str) -> str:
        old, new = f"{name}.{column}", f"excluded.{column}"
        return f"{column} = CASE WHEN {old} IS NULL THEN {new} WHEN {new} IS NULL THEN {old} ELSE {pick}({old}, {new}) END"

    statement = (
        f"INSERT INTO {name} (shop_id, {table_column}, part, version, first_day, last_day) VALUES (%s, %s, %s, 1, %s, %s) "
        f"ON CONFLICT (shop_id, {table_column}, part) DO UPDATE SET version = {name}.version + 1, "
        f"{wider('first_day', least)}, {wider('last_day', most)}"
    )
    rows = [(shop_id, table, part, *(_text(day) for day in span)) for (table, part), span in sorted(spans.items())]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _text(day: date | None) -> date | str | None:
    return day.isoformat() if day is not None and connection.vendor == "sqlite" else day


def _widen(
    spans: dict[tuple[str, str], tuple[date | None, date | None]], key: tuple[str, str], first: date | None, last: date | None
) -> None:
    if key not in spans:
        spans[key] = (first, last)
        return
    low, high = spans[key]
    spans[key] = (
        first if low is None else low if first is None else min(low, first),
        last if high is None else high if last is None else max(high, last),
    )


_TRACES = (
    ("facts_order", "customer_id", "created_at"),
    ("facts_order", "customer_id", "paid_at"),
    ("facts_event", "customer_id", "at"),
    ("facts_event", "referrer_id", "at"),
    ("facts_refund", "customer_id", "at"),
)
"""Where a person shows in the monthly tables, and when."""


def mark_people(shop: Shop, customer_ids: Iterable[int]) -> None:
    """Marks everything the lake says about these customers, from their first to their last known activity."""
    low: datetime | None = None
    high: datetime | None = None
    in_groups = False
    for batch in chunks(customer_ids, 5000):
        for table, person, column in _TRACES:
            condition, args = in_list(person, batch)
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT min({column}), max({column}) FROM {table} WHERE {condition}", args)
                first, last = (moment(value) for value in cursor.fetchone())
            low = first if low is None or (first is not None and first < low) else low
            high = last if high is None or (last is not None and last > high) else high
        in_groups = in_groups or GroupMember.objects.filter(customer_id__in=batch).exists()
    marks: list[tuple[str, date | None, date | None]] = [("customers", None, None)]
    if low is not None and high is not None:
        first_day, last_day = clock.day_of(low, shop.zone), clock.day_of(high, shop.zone)
        marks = [("customers", first_day, last_day), *((table, first_day, last_day) for table in ORDER_TABLES)]
    if in_groups:
        marks.append(("group_members", None, None))
    mark_many(shop, marks)
