"""Where the lake's rows come from: what a build asks for, and the shop's database as one answer to it (files are another: `lake_file`).

Every source gives the same raw shape: Arrow tables whose times are int64 microseconds UTC, whose `customer` is the dense number of the
person after merges (null where nobody is named), and whose rows are in time order. Nothing here derives anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from zhanggui.facts.channels import kind_of
from zhanggui.facts.dirty import months as calendar_months
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.models import Shop
from zhanggui.kernel import clock

FETCH = 20_000
NONE_DAY = np.int32(2**31 - 1)
HOUR = 3_600_000_000
Span = tuple[datetime, datetime]

INT, TEXT, TIME, DAY, FLAG, REAL, JSON = "int", "text", "time", "day", "flag", "real", "json"
_TYPES = {
    INT: pa.int64(),
    TEXT: pa.string(),
    TIME: pa.int64(),
    DAY: pa.date32(),
    FLAG: pa.bool_(),
    REAL: pa.float64(),
    JSON: pa.string(),
}


@dataclass(frozen=True)
class People:
    """Everybody of the shop by dense number. Absorbed customers keep their number but count as the one they merged into."""

    size: int
    is_root: np.ndarray
    """bool[size]: numbers that are a person of their own."""
    first_seen: np.ndarray
    """int64[size] microseconds of the person's first trace."""
    tier: pa.Array
    channel: pa.Array
    region: pa.Array
    device: pa.Array


class Source(Protocol):
    """What the build of a lake asks for. Months are "YYYY-MM" of the shop's own calendar."""

    zone: ZoneInfo

    def people(self) -> People:
        """Everybody; asked first."""
        ...

    def months(self) -> dict[str, set[str]]:
        """The months that each monthly table may have rows in."""
        ...

    def months_of_refunded(self, months: set[str]) -> set[str]:
        """The months in which the orders were placed that had a refund in `months`."""
        ...

    def orders(self, month: str) -> pa.Table:
        """Orders placed in a month with what was refunded on each; `id` is what `lines` name them by."""
        ...

    def lines(self, month: str) -> pa.Table:
        """Lines of the orders placed in a month."""
        ...

    def refunds(self, month: str) -> pa.Table:
        """Refunds of a month with what their order says about the buyer."""
        ...

    def visits(self, first: date, last: date) -> pa.Table:
        """The behaviour log of some days, in time order."""
        ...

    def purchases(self, month: str, moment: str) -> pa.Table:
        """Every line of the orders placed (`moment` "created_at") or paid ("paid_at") in a month; free orders are none."""
        ...

    def invitations(self) -> pa.Table:
        """Who opened whose link, in time order."""
        ...

    def costs(self) -> pa.Table:
        """What each SKU costs from which day on."""
        ...

    def whole(self, table: str) -> pa.Table:
        """A table that is not kept by month (except customers, which are derived)."""
        ...


def month_days(month: str) -> tuple[date, date]:
    """First and last day of "YYYY-MM"."""
    first = date.fromisoformat(month + "-01")
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month_span(month: str, zone: ZoneInfo) -> Span:
    """The half-open UTC interval of a month of the shop's calendar."""
    return clock.day_span(*month_days(month), zone)


def day_span_micros(month: str, zone: ZoneInfo) -> tuple[int, int]:
    """The same in microseconds since 1970."""
    first, last = month_span(month, zone)
    return round(first.timestamp()) * 1_000_000, round(last.timestamp()) * 1_000_000


def local_days(micros: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """int32 days since 1970 on the shop's calendar. The offset is looked up once per UTC hour, where zones may change it."""
    if not len(micros):
        return np.empty(0, np.int32)
    hours, where = np.unique(micros // (HOUR // 4), return_inverse=True)
    offsets = np.empty(len(hours), np.int64)
    for at, hour in enumerate(hours):
        moment = datetime.fromtimestamp(int(hour) * 900, UTC).astimezone(zone)
        offsets[at] = int((moment.utcoffset() or timedelta(0)).total_seconds()) * 1_000_000
    return ((micros + offsets[where]) // (24 * HOUR)).astype(np.int32)


def ints(column: pa.ChunkedArray | pa.Array, missing: int = -1) -> np.ndarray:
    """A numeric column as numpy, nulls replaced."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if array.null_count:
        array = pc.fill_null(array, missing)
    found: np.ndarray = array.to_numpy(zero_copy_only=False)
    return found


def sql_time(column: str) -> str:
    """A time column as something cheap to fetch: text on SQLite, microseconds on PostgreSQL."""
    return f"{column} || ''" if connection.vendor == "sqlite" else f"(extract(epoch from {column}) * 1000000)::bigint"


def sql_day(column: str) -> str:
    """A date column as text, past SQLite's slow converters."""
    return f"{column} || ''" if connection.vendor == "sqlite" else f"{column}::text"


def sql_flag(column: str) -> str:
    """A boolean column as 0 or 1, past SQLite's converters."""
    return f"({column} + 0)" if connection.vendor == "sqlite" else f"{column}::int"


def bound(moment: datetime) -> Any:
    """A time as the parameter of a raw statement: the text form Django stores on SQLite."""
    return str(moment.astimezone(UTC))[:-6] if connection.vendor == "sqlite" else moment


def _column(values: Sequence[Any], kind: str) -> pa.Array:
    if kind == TIME:
        if connection.vendor == "sqlite":
            return pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(pa.int64())
        return pa.array(values, pa.int64())
    if kind == DAY:
        return pa.array(values, pa.string()).cast(pa.date32())
    if kind == FLAG:
        return pa.array(values, pa.int64()).cast(pa.bool_())
    if kind == JSON:
        return pa.array([v if isinstance(v, str) or v is None else json.dumps(v) for v in values], pa.string())
    return pa.array(values, _TYPES[kind])


def fetch(statement: str, args: Sequence[Any], columns: dict[str, str]) -> pa.Table:
    """The rows of a raw statement as an Arrow table, fetched in chunks through a server-side cursor."""
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
    batches = []
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, args)
        while rows := cursor.fetchmany(FETCH):
            parts = zip(*rows, strict=True)
            batches.append(
                pa.record_batch(
                    [_column(values, kind) for values, kind in zip(parts, columns.values(), strict=True)], schema=schema
                )
            )
    return pa.Table.from_batches(batches, schema=schema)


def chars(values: Sequence[str]) -> pa.Array:
    """A string array that take() can index."""
    return pa.array(values, pa.string())


class DatabaseSource:
    """The facts of one shop in Django's database, read with plain statements."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.zone = shop, shop.zone
        self._pks = np.empty(0, np.int64)
        self._roots = np.empty(0, np.int32)

    # -- people --------------------------------------------------------------------------------------------------------------

    def people(self) -> People:
        """Reads all customers, follows merges, and remembers which row is whom for the other reads."""
        found = fetch(
            f"SELECT id, number, tier, channel, region, device, {sql_time('first_seen_at')}, merged_into_id FROM facts_customer "
            "WHERE shop_id = %s ORDER BY id",
            [self.shop.pk],
            {"id": INT, "number": INT, "tier": TEXT, "channel": TEXT, "region": TEXT, "device": TEXT, "seen": TIME, "into": INT},
        )  # fmt: skip
        pks, numbers = ints(found["id"]), ints(found["number"])
        into = ints(found["into"])
        at = np.arange(len(pks))
        merged = into >= 0
        parent = at.copy()
        parent[merged] = np.searchsorted(pks, into[merged])
        while not np.array_equal(grand := parent[parent], parent):
            parent = grand
        self._pks, self._roots = pks, numbers[parent].astype(np.int32)
        size = max(self.shop.next_customer_number, int(numbers.max()) + 1 if len(numbers) else 0)
        seen = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(seen, self._roots, ints(found["seen"]))
        is_root = np.zeros(size, bool)
        is_root[numbers[~merged]] = True
        where = np.full(size, -1, np.int64)
        where[numbers] = at
        rows = pa.array(np.where(where < 0, 0, where), mask=where < 0)
        texts = {n: pc.fill_null(found[n].combine_chunks().take(rows), "") for n in ("tier", "channel", "region", "device")}
        return People(size, is_root, seen, **texts)

    def _who(self, table: pa.Table, *columns: str) -> pa.Table:
        """Customer row ids replaced by dense numbers."""
        for name in columns:
            ids = ints(table[name])
            known = ids >= 0
            place = np.searchsorted(self._pks, ids)
            place[place >= len(self._pks)] = 0
            if len(self._pks):
                known &= self._pks[place] == ids
                numbers = np.where(known, self._roots[place], -1).astype(np.int32)
            else:
                numbers, known = np.full(len(ids), -1, np.int32), np.zeros(len(ids), bool)
            table = table.set_column(table.column_names.index(name), name, pa.array(numbers, pa.int32(), mask=~known))
        return table

    # -- which months ----------------------------------------------------------------------------------------------------------

    def _range(self, statement: str, *args: Any) -> tuple[date, date] | None:
        found = fetch(statement, [self.shop.pk, *args], {"first": TIME, "last": TIME})
        if not found.num_rows or found["first"][0].as_py() is None:
            return None
        days = local_days(np.array([found["first"][0].as_py(), found["last"][0].as_py()]), self.zone)
        first, last = (date(1970, 1, 1) + timedelta(days=int(d)) for d in days)
        return first, last

    def _months(self, *columns: tuple[str, str]) -> set[str]:
        """Months between the first and the last row of each (table, time column)."""
        found: set[str] = set()
        for table, column in columns:
            span = self._range(
                f"SELECT {sql_time(f'min({column})')}, {sql_time(f'max({column})')} FROM {table} WHERE shop_id = %s"
            )
            if span:
                found |= set(calendar_months(*span))
        return found

    def months(self) -> dict[str, set[str]]:
        """The months that each monthly table may have rows in."""
        placed, paid = ("facts_order", "created_at"), ("facts_order", "paid_at")
        orders = self._months(placed)
        return {
            "orders": orders,
            "order_lines": orders,
            "refunds": self._months(("facts_refund", "at")),
            "events": self._months(("facts_event", "at"), placed, paid),
        }

    def months_of_refunded(self, months: set[str]) -> set[str]:
        """The months in which the orders were placed that had a refund in `months`."""
        found: set[str] = set()
        for month in months:
            first, last = month_span(month, self.zone)
            times = fetch(
                f"SELECT DISTINCT {sql_time('o.created_at')} FROM facts_refund r JOIN facts_order o ON o.id = r.order_id "
                "WHERE r.shop_id = %s AND r.at >= %s AND r.at < %s",
                [self.shop.pk, bound(first), bound(last)],
                {"created": TIME},
            )["created"]
            found |= set(np.unique(days_to_months(local_days(ints(times), self.zone))))
        return found

    # -- rows ------------------------------------------------------------------------------------------------------------------

    def orders(self, month: str) -> pa.Table:
        """Orders placed in `month`, with what was refunded on each so far."""
        first, last = month_span(month, self.zone)
        kinds = {
            "id": INT, "order_id": TEXT, "created": TIME, "paid": TIME, "customer": INT, "status": TEXT, "goods_fen": INT, "discount_fen": INT,
            "freight_fen": INT, "paid_fen": INT, "channel": TEXT, "device": TEXT, "region": TEXT, "is_gift": FLAG, "refunded_fen": INT,
        }  # fmt: skip
        found = fetch(
            f"SELECT o.id, o.order_id, {sql_time('o.created_at')}, {sql_time('o.paid_at')}, o.customer_id, o.status, o.goods_fen, o.discount_fen, "
            f"o.freight_fen, o.paid_fen, o.channel, o.device, o.region, {sql_flag('o.is_gift')}, "
            f"(SELECT {_whole_sum('r.amount_fen')} FROM facts_refund r WHERE r.order_id = o.id) FROM facts_order o "
            "WHERE o.shop_id = %s AND o.created_at >= %s AND o.created_at < %s",
            [self.shop.pk, bound(first), bound(last)], kinds,
        )  # fmt: skip
        return self._who(found.sort_by([("created", "ascending"), ("order_id", "ascending")]), "customer")

    def lines(self, month: str) -> pa.Table:
        """Lines of the orders placed in `month`."""
        first, last = month_span(month, self.zone)
        return fetch(
            "SELECT l.order_id, l.line_no, l.product_id, l.sku_id, l.quantity, l.paid_fen FROM facts_order o "
            "JOIN facts_orderline l ON l.order_id = o.id WHERE o.shop_id = %s AND o.created_at >= %s AND o.created_at < %s",
            [self.shop.pk, bound(first), bound(last)],
            {"order": INT, "line_no": INT, "product_id": TEXT, "sku_id": TEXT, "quantity": INT, "paid_fen": INT},
        )

    def refunds(self, month: str) -> pa.Table:
        """Refunds of `month` with what their order says about the buyer."""
        first, last = month_span(month, self.zone)
        found = fetch(
            f"SELECT r.refund_key, o.order_id, {sql_time('r.at')}, {sql_time('o.paid_at')}, coalesce(o.customer_id, r.customer_id), r.product_id, "
            "r.quantity, r.amount_fen, coalesce(o.channel, ''), coalesce(o.device, ''), coalesce(o.region, '') FROM facts_refund r "
            "LEFT JOIN facts_order o ON o.id = r.order_id WHERE r.shop_id = %s AND r.at >= %s AND r.at < %s",
            [self.shop.pk, bound(first), bound(last)],
            {"refund_key": TEXT, "order_id": TEXT, "at": TIME, "paid": TIME, "customer": INT, "product_id": TEXT, "quantity": INT, "amount_fen": INT,
             "channel": TEXT, "device": TEXT, "region": TEXT},
        )  # fmt: skip
        return self._who(found.sort_by([("at", "ascending"), ("refund_key", "ascending")]), "customer")

    def visits(self, first: date, last: date) -> pa.Table:
        """The behaviour log of the days `first` to `last`, in time order."""
        start, end = clock.day_span(first, last, self.zone)
        found = fetch(
            f"SELECT {sql_time('at')}, customer_id, kind, session, page, product_id, sku_id, channel, device, region, referrer_id FROM facts_event "
            "WHERE shop_id = %s AND at >= %s AND at < %s ORDER BY at, id",
            [self.shop.pk, bound(start), bound(end)],
            {"at": TIME, "customer": INT, "kind": TEXT, "session": TEXT, "page": TEXT, "product_id": TEXT, "sku_id": TEXT, "channel": TEXT,
             "device": TEXT, "region": TEXT, "referrer": INT},
        )  # fmt: skip
        return self._who(found, "customer", "referrer")

    def purchases(self, month: str, moment: str) -> pa.Table:
        """Every line of the orders placed (`moment` "created_at") or paid ("paid_at") in `month`; an order without lines gives one row.

        An order over nothing (gift, sample, fully covered by a coupon) is no purchase.
        """
        first, last = month_span(month, self.zone)
        found = fetch(
            f"SELECT {sql_time(f'o.{moment}')}, o.customer_id, o.order_id, o.channel, o.device, o.region, coalesce(l.line_no, 0), "
            "coalesce(l.product_id, ''), coalesce(l.sku_id, ''), coalesce(l.paid_fen, o.paid_fen) FROM facts_order o "
            f"LEFT JOIN facts_orderline l ON l.order_id = o.id WHERE o.shop_id = %s AND o.paid_fen > 0 AND o.{moment} >= %s AND o.{moment} < %s",
            [self.shop.pk, bound(first), bound(last)],
            {"at": TIME, "customer": INT, "order_id": TEXT, "channel": TEXT, "device": TEXT, "region": TEXT, "line_no": INT, "product_id": TEXT,
             "sku_id": TEXT, "amount_fen": INT},
        )  # fmt: skip
        return self._who(found.sort_by([("at", "ascending"), ("order_id", "ascending"), ("line_no", "ascending")]), "customer")

    def invitations(self) -> pa.Table:
        """Who opened whose link, in time order."""
        found = fetch(
            # few events have a referrer: written so that their own small index is read, not the whole log in time order
            f"SELECT {sql_time('at')}, customer_id, referrer_id FROM facts_event WHERE referrer_id > 0 AND shop_id + 0 = %s ORDER BY at, id",
            [self.shop.pk], {"at": TIME, "customer": INT, "referrer": INT},
        )  # fmt: skip
        return self._who(found, "customer", "referrer")

    def costs(self) -> pa.Table:
        """What each SKU costs from which day on; where two sources name the same day the platform's unique key leaves one."""
        return fetch(
            f"SELECT sku_id, {sql_day('since')}, cost_fen FROM facts_skucost WHERE shop_id = %s ORDER BY sku_id, since",
            [self.shop.pk], {"sku_id": TEXT, "since": DAY, "cost_fen": INT},
        )  # fmt: skip

    def whole(self, table: str) -> pa.Table:
        """A table that is not kept by month (except customers, which are derived)."""
        return getattr(self, f"_{table}")().cast(TABLES[table].schema)

    def _products(self) -> pa.Table:
        stock = f"(SELECT {_whole_sum('s.stock')} FROM facts_sku s WHERE s.shop_id = p.shop_id AND s.product_id = p.product_id)"
        return fetch(
            f"SELECT p.product_id, p.title, p.category, p.status, {sql_flag('p.is_goods')}, p.price_low_fen, p.price_high_fen, {stock} "
            "FROM facts_product p WHERE p.shop_id = %s ORDER BY p.product_id",
            [self.shop.pk],
            {"product_id": TEXT, "title": TEXT, "category": TEXT, "status": TEXT, "is_goods": FLAG, "price_low_fen": INT, "price_high_fen": INT,
             "stock": INT},
        )  # fmt: skip

    def _spend(self) -> pa.Table:
        found = fetch(
            f"SELECT {sql_day('day')}, channel, campaign, source, cost_fen, views, clicks, platform_new_customers FROM facts_spend "
            "WHERE shop_id = %s ORDER BY day, channel, campaign, source",
            [self.shop.pk],
            {"day": DAY, "channel": TEXT, "campaign": TEXT, "source": TEXT, "cost_fen": INT, "views": INT, "clicks": INT,
             "platform_new_customers": INT},
        )  # fmt: skip
        return found.add_column(2, "channel_kind", kinds_of(found["channel"]))

    def _daily_visits(self) -> pa.Table:
        names = (
            "day", "sessions", "page_views", "visitors", "new_visitors", "share_visitors", "share_views", "stay_seconds_per_session", "visit_depth",
        )  # fmt: skip
        kinds = dict.fromkeys(names, INT) | {
            "day": DAY,
            "stay_seconds_per_session": REAL,
            "visit_depth": REAL,
            "depth": JSON,
            "retention": JSON,
        }
        chosen = ", ".join(names[1:])
        found = fetch(
            f"SELECT {sql_day('day')}, {chosen}, depth, retention FROM facts_dailyvisit WHERE shop_id = %s ORDER BY day",
            [self.shop.pk], kinds,
        )  # fmt: skip
        depths = [json.loads(text or "{}") or {} for text in found["depth"].to_pylist()]
        stayed = [(json.loads(text or "{}") or {}).get("new") or {} for text in found["retention"].to_pylist()]
        extra = {
            "one_page": [d.get("1") if d else None for d in depths],
            "depth_sessions": [sum(d.values()) if d else None for d in depths],
            "retained_day1": [s.get("1") if "0" in s else None for s in stayed],
            "retained_base": [s.get("0") if "1" in s else None for s in stayed],
        }
        found = found.drop_columns(["depth", "retention"])
        for name, values in extra.items():
            found = found.append_column(name, pa.array(values, pa.int64()))
        return found

    def _reads(self) -> pa.Table:
        return fetch(
            f"SELECT article_id, {sql_day('day')}, title, readers, sharers, followers_gained, {sql_flag('is_running_sum')} FROM facts_read "
            "WHERE shop_id = %s ORDER BY article_id, day",
            [self.shop.pk],
            {"article_id": TEXT, "day": DAY, "title": TEXT, "readers": INT, "sharers": INT, "followers_gained": INT, "is_running_sum": FLAG},
        )  # fmt: skip

    def _group_members(self) -> pa.Table:
        found = self._who(
            fetch(
                f"SELECT g.chat_id, m.member, m.customer_id, {sql_flag('m.is_staff')}, {sql_time('m.joined_at')}, {sql_time('m.left_at')}, m.state "
                "FROM facts_groupmember m JOIN facts_group g ON g.id = m.group_id WHERE m.shop_id = %s ORDER BY m.joined_at, g.chat_id, m.member",
                [self.shop.pk],
                {"chat_id": TEXT, "member": TEXT, "customer": INT, "is_staff": FLAG, "joined": TIME, "left": TIME, "state": TEXT},
            ),
            "customer",
        )  # fmt: skip
        joined, left = day_column(found["joined"], self.zone), day_column(found["left"], self.zone)
        return pa.table({
            "chat_id": found["chat_id"], "member": found["member"], "customer": found["customer"], "is_staff": found["is_staff"],
            "joined_at": as_time(found["joined"]), "joined_day": joined, "left_at": as_time(found["left"]), "left_day": left, "state": found["state"],
        })  # fmt: skip

    def _group_daily(self) -> pa.Table:
        names = ("owner", "chat_id", "groups", "new_members", "members", "members_who_spoke", "messages")
        quoted = ", ".join(connection.ops.quote_name(name) for name in names)
        return fetch(
            f"SELECT {sql_day('day')}, {quoted} FROM facts_groupdaily WHERE shop_id = %s ORDER BY day, owner, chat_id",
            [self.shop.pk], {"day": DAY, "owner": TEXT, "chat_id": TEXT, **dict.fromkeys(names[2:], INT)},
        )  # fmt: skip


def _whole_sum(column: str) -> str:
    """sum() that is an integer on every database (PostgreSQL makes numeric of bigint)."""
    return f"sum({column})" if connection.vendor == "sqlite" else f"sum({column})::bigint"


def days_to_months(days: np.ndarray) -> np.ndarray:
    """ "YYYY-MM" of days since 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(str)


def as_time(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Microseconds as UTC timestamps."""
    return column.cast(pa.timestamp("us", tz="UTC"))


def day_column(column: pa.ChunkedArray | pa.Array, zone: ZoneInfo) -> pa.Array:
    """Microseconds as shop days; null stays null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    known = pc.is_valid(array).to_numpy(zero_copy_only=False)
    days = np.zeros(len(array), np.int32)
    days[known] = local_days(ints(array, 0)[known], zone)
    return pa.array(days, pa.int32(), mask=~known).cast(pa.date32())


def kinds_of(channels: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The kind of each channel key."""
    coded = (channels.combine_chunks() if isinstance(channels, pa.ChunkedArray) else channels).dictionary_encode()
    kinds = chars([kind_of(value or "") for value in coded.dictionary.to_pylist()])
    return kinds.take(coded.indices)
