"""Staged rows into the shop's facts, one file in one transaction; the platform's own rows are never overwritten."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection
from django.db.models import Q

from zhanggui.facts import bulk, identity
from zhanggui.facts import models as m
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.dirty import ORDER_TABLES
from zhanggui.facts.files import fields, orders
from zhanggui.facts.files.cells import MICRO
from zhanggui.facts.files.merge import Merged, Writer, comparable, day_text, fetch, merge, stamp, values_in
from zhanggui.facts.files.order_rows import CONTACT
from zhanggui.facts.files.orders import Assembled, Return, Sold, Stage
from zhanggui.kernel import vault

CHUNK = 2_500
RETURNS = 20_000
SOURCE = "file"
Progress = Callable[[int], None]
Bound = tuple[Return, int | None, int | None]
"""A return, its order's row, and when that order was made (UTC microseconds)."""


@dataclass
class Counts:
    """What a file changed."""

    merged: dict[str, Merged] = field(default_factory=dict)
    unchanged_rows: int = 0
    held_rows: int = 0
    """Rows of orders that the platform itself has told us: its word stands."""
    gross_fen: int = 0
    refund_fen: int = 0
    loose_returns: int = 0
    matched_returns: int = 0
    customers: int = 0
    first: int | None = None
    last: int | None = None
    """First and last moment touched by a change, in UTC microseconds."""
    tables: set[str] = field(default_factory=set)
    """Lake tables that no longer agree with the facts."""
    notes: list[str] = field(default_factory=list)

    def of(self, name: str) -> Merged:
        """The counts of one table."""
        return self.merged.setdefault(name, Merged())

    def touch(self, *moments: int | None) -> None:
        """Widens the span of days whose lake parts are stale."""
        for value in moments:
            if value is not None:
                self.first = value if self.first is None or value < self.first else self.first
                self.last = value if self.last is None or value > self.last else self.last


class Spool:
    """Parsed batches kept on disk between reading a file and the transaction that takes it in."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile(prefix="zhanggui-import-")  # noqa: SIM115 - closed by __exit__
        self.rows = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Appends a batch."""
        if rows:
            pickle.dump(rows, self.file, pickle.HIGHEST_PROTOCOL)
            self.rows += len(rows)

    def __iter__(self) -> Iterator[list[tuple[Any, ...]]]:
        self.file.seek(0)
        while True:
            try:
                yield pickle.load(self.file)  # noqa: S301 - our own batches, written a moment ago
            except EOFError:
                return


def moment(at: int) -> datetime:
    """UTC microseconds as an aware datetime."""
    return datetime.fromtimestamp(at // MICRO, UTC).replace(microsecond=at % MICRO)


def resolve(shop: m.Shop, people: Iterable[tuple[str, int, str | None, str | None, str | None]]) -> list[int]:
    """Customer ids for (person key, first moment, region, channel, device) in order; unknown people become customers."""
    rows = [
        identity.Person(orders.person_ids(key), moment(at), region or "", (channel or "")[:40], (device or "")[:20])
        for key, at, region, channel, device in people
    ]
    found = identity.resolve_many(shop, rows)
    assert None not in found, "a person key always holds an id"
    return [int(pk) for pk in found if pk is not None]


# ------------------------------------------------------------------------------------------------ orders

_ORDER_COLUMNS = (
    "order_id", "customer_id", "status", "platform_status", "created_at", "paid_at", "shipped_at", "done_at", "goods_fen", "discount_fen", "freight_fen", "paid_fen",
    "channel", "scene", "device", "region", "recipient_hash", "recipient_sealed", "source",
)  # fmt: skip
_LINE_COLUMNS = (
    "order_id",
    "line_no",
    "product_id",
    "sku_id",
    "title",
    "attributes",
    "quantity",
    "unit_fen",
    "paid_fen",
    "is_gift",
)
_REFUND_COLUMNS = (
    "refund_key",
    "order_id",
    "customer_id",
    "product_id",
    "sku_id",
    "quantity",
    "amount_fen",
    "at",
    "reason",
    "source",
)


def write_orders(
    shop: m.Shop, stage: Stage, mapped: frozenset[str], levels: dict[str, str], progress: Progress | None = None
) -> Counts:
    """Takes staged orders in: customers, products, orders with lines, returns. Call inside a transaction.

    Orders that the platform itself has told us are left out whole: its word stands. What they show about who a buyer of the file is, is kept.
    """
    counts = Counts()
    lock_shop(shop)
    _respect_platform(shop, stage, counts)
    for people in stage.people():
        pks = resolve(shop, [row[:5] for row in people])
        counts.customers += len(set(pks))
        stage.remember_people([(row[0], pk) for row, pk in zip(people, pks, strict=True)])
    if counts.customers == 0:
        stage.remember_people([])
    else:
        # Later rows may have shown that two of them are one person.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, merged_into_id FROM facts_customer WHERE shop_id = %s AND merged_into_id IS NOT NULL", [shop.pk]
            )
            stage.follow_merges(dict(cursor.fetchall()))
    _write_products(shop, stage, counts)
    sink = _OrderSink(shop, mapped, counts)
    chunk: list[Assembled] = []
    done = 0
    with sink.spool:
        for order in stage.assembled(levels, mapped):
            chunk.append(order)
            done += order.rows
            if len(chunk) >= CHUNK:
                sink.write(chunk)
                chunk = []
                if progress is not None:
                    progress(done)
        sink.write(chunk)
        sink.finish()
    if progress is not None:
        progress(done)
    for name, tables in (
        ("orders", (*ORDER_TABLES, "customers")),
        ("refunds", (*ORDER_TABLES, "customers")),
        ("products", ("products",)),
    ):
        if name in counts.merged and counts.merged[name].touched:
            counts.tables.update(tables)
    return counts


def _respect_platform(shop: m.Shop, stage: Stage, counts: Counts) -> None:
    """Leaves out of the stage what the platform has told us, and who of its buyers has been erased."""
    held: dict[str, int | None] = {}
    erased: list[str] = []
    if not m.Order.objects.filter(shop=shop).filter(~Q(source=SOURCE) | Q(customer__erased_at__isnull=False)).exists():
        return
    for chunk in stage.order_ids():
        condition, parameter = values_in("o.order_id", chunk)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT o.order_id, o.source, o.customer_id, c.erased_at IS NOT NULL FROM facts_order o LEFT JOIN facts_customer c ON c.id = o.customer_id "
                f"WHERE o.shop_id = %s AND {condition} AND (o.source <> %s OR c.erased_at IS NOT NULL)",
                [shop.pk, parameter, SOURCE],
            )
            for order_id, source, customer, gone in cursor.fetchall():
                if source != SOURCE:
                    held[order_id] = None if gone else customer
                else:
                    erased.append(order_id)
    stage.forget_buyers(erased)
    _join_buyers(shop, stage.buyers_of({o: c for o, c in held.items() if c is not None}))
    counts.held_rows = stage.drop(list(held))


def _join_buyers(shop: m.Shop, found: list[tuple[str, int]]) -> None:
    """A buyer's number in the file is one more id of the customer whom the platform names for the same order.

    A phone may be the recipient's, so an order alone does not make it the buyer's.
    """
    wanted = {}
    for key, customer in found:
        own = {kind: value for kind, value in orders.person_ids(key).items() if kind == "file"}
        if own:
            wanted[key] = (own, customer)
    known = {
        row.customer_id: row
        for batch in bulk.chunks({c for _, c in wanted.values()}, 900)
        for row in m.Identity.objects.filter(shop=shop, customer_id__in=batch).exclude(kind__in=("file", *identity.WEAK))
    }
    identity.resolve_many(
        shop,
        [
            identity.Person({row.kind: row.value, **own}, row.first_seen_at)
            for own, customer in wanted.values()
            if (row := known.get(customer)) is not None
        ],
    )


def _write_products(shop: m.Shop, stage: Stage, counts: Counts) -> None:
    """Goods the shop has not heard of become products and SKUs; known ones keep what is known."""
    merged = counts.of("products")
    for chunk in stage.products():
        known = {row[0] for row in fetch(m.Product, shop.pk, "product_id", sorted({r[0] for r in chunk}), ["product_id"])}
        fresh: dict[str, tuple[Any, ...]] = {}
        for product, _, title, _, category, low, high in chunk:
            if product in known:
                continue
            before = fresh.get(product)
            lows = [v for v in (low, before[4] if before else None) if v]
            highs = [v for v in (high, before[5] if before else None) if v]
            fresh[product] = (
                product, (title or (before[1] if before else "") or product)[:300], (category or (before[2] if before else "") or "")[:120],
                fields.is_goods(product, title or ""), min(lows, default=None), max(highs, default=None),
            )  # fmt: skip
        merged.inserted += len(fresh)
        Writer(
            m.Product,
            ("product_id", "title", "category", "is_goods", "price_low_fen", "price_high_fen"),
            key=("shop_id", "product_id"),
            shop_id=shop.pk,
        ).write(list(fresh.values()))
        skus = {r[1]: (r[1], r[0], (r[3] or "")[:300], r[6] or None) for r in chunk}
        Writer(m.Sku, ("sku_id", "product_id", "attributes", "price_fen"), key=("shop_id", "sku_id"), shop_id=shop.pk).write(
            list(skus.values())
        )


class _OrderSink:
    """Writes chunks of orders and remembers the returns that name no order until all orders are in."""

    def __init__(self, shop: m.Shop, mapped: frozenset[str], counts: Counts) -> None:
        self.shop, self.mapped, self.counts = shop, mapped, counts
        compared = {"status", "created_at", "paid_at", "goods_fen", "paid_fen", "discount_fen", "freight_fen"}
        for column, keys in {
            "customer_id": ("openid", "unionid", "customer_id", "buyer_phone", "phone"), "platform_status": ("status",), "shipped_at": ("shipped_at",), "done_at": ("done_at",),
            "channel": ("channel",), "scene": ("scene",), "device": ("device",), "region": ("region",), "recipient_hash": ("phone", "buyer_phone"),
        }.items():  # fmt: skip
            if any(k in mapped for k in keys):
                compared.add(column)
        self.compared = [c for c in _ORDER_COLUMNS if c in compared]
        self.contacts = bool(mapped & CONTACT)
        update = [*self.compared, *(["recipient_sealed"] if self.contacts else [])]
        self.orders = Writer(m.Order, _ORDER_COLUMNS, key=("shop_id", "order_id"), update=update, shop_id=shop.pk)
        self.fresh_orders = Writer(m.Order, _ORDER_COLUMNS, shop_id=shop.pk)
        self.lines = Writer(m.OrderLine, _LINE_COLUMNS, key=("order_id", "line_no"), update=_LINE_COLUMNS[2:], shop_id=shop.pk)
        self.fresh_lines = Writer(m.OrderLine, _LINE_COLUMNS, shop_id=shop.pk)
        self.told = m.Refund.objects.filter(shop=shop).exclude(refund_key__startswith="file").exists()
        self.loose: list[Return] = []
        self.spool = Spool()
        self.places = {c: i for i, c in enumerate(_ORDER_COLUMNS)}

    def row(self, order: Assembled) -> list[Any]:
        """An order as its table's columns."""
        return [
            order.order_id, order.person, order.status, order.platform_status, stamp(order.created), stamp(order.paid_at), stamp(order.shipped_at), stamp(order.done_at),
            order.goods_fen, order.discount_fen, order.freight_fen, order.paid_fen, order.channel[:40], order.scene[:40], order.device[:20], order.region[:40],
            order.contact_hash, order.contact, SOURCE,
        ]  # fmt: skip

    def write(self, chunk: list[Assembled]) -> None:
        """Takes one chunk of orders in."""
        counts, shop_id = self.counts, self.shop.pk
        merged = counts.of("orders")
        sales = [o for o in chunk if o.has_sale]
        known = {
            r[0]: r[1:]
            for r in fetch(m.Order, shop_id, "order_id", [o.order_id for o in chunk], ["order_id", "id", *self.compared])
        }
        known_lines = self._known_lines([row[0] for row in known.values()]) if known else {}
        fresh: list[list[Any]] = []
        changed: list[list[Any]] = []
        moved_lines: list[tuple[Any, ...]] = []
        new_lines: list[tuple[Any, ...]] = []
        fresh_orders: list[Assembled] = []
        same: set[str] = set()
        for order in sales:
            counts.gross_fen += order.paid_fen if order.paid_at is not None else 0
            before = known.get(order.order_id)
            if before is None:
                fresh.append(self.row(order))
                fresh_orders.append(order)
                counts.touch(order.created, order.paid_at)
                continue
            lines_changed = self._lines(order, before[0], known_lines.get(before[0], {}), moved_lines, new_lines)
            row = self.row(order)
            differs = False
            for column, old in zip(self.compared, before[1:], strict=True):
                value = row[self.places[column]]
                if value in (None, "") and old not in (None, "") and column not in {"paid_at"}:
                    row[self.places[column]] = old
                elif value != old:
                    differs = True
            if differs:
                changed.append(row)
            if differs or lines_changed:
                merged.updated += 1
                counts.touch(order.created, order.paid_at)
            else:
                merged.unchanged += 1
                counts.unchanged_rows += order.rows
                same.add(order.order_id)
        merged.inserted += len(fresh)
        self.fresh_orders.write(fresh)
        self.orders.write(changed)
        pks: dict[str, int] = {o: row[0] for o, row in known.items()}
        if fresh_orders:
            found = fetch(m.Order, shop_id, "order_id", [o.order_id for o in fresh_orders], ["order_id", "id"])
            pks.update((str(o), int(pk)) for o, pk in found)
            new_lines.extend(self._line(pks[o.order_id], line, line.line_no) for o in fresh_orders for line in o.lines)
        self.fresh_lines.write(new_lines)
        self.lines.write(moved_lines)
        if self.contacts:
            self._names(sales)
        moved: list[Bound] = []
        stayed: list[Bound] = []
        for order in chunk:
            bound = stayed if order.order_id in same else moved
            for item in order.returns:
                if item.order_id:
                    bound.append((item, pks[item.order_id], order.created))
                else:
                    self.loose.append(item)
        self._returns(moved)
        counts.unchanged_rows -= self._returns(stayed)[0]
        if len(self.loose) >= RETURNS:
            self.spool.add(
                [(r.key, r.person, r.product_id, r.sku_id, r.quantity, r.amount_fen, r.at, r.reason) for r in self.loose]
            )
            self.loose = []

    @staticmethod
    def _line(order_pk: int, line: orders.Line, number: int) -> tuple[Any, ...]:
        return (
            order_pk, number, line.product_id, line.sku_id, line.title[:300], line.attributes[:300], line.quantity, line.unit_fen, line.paid_fen,
            line.paid_fen == 0 and line.unit_fen == 0,
        )  # fmt: skip

    def _known_lines(self, pks: list[int]) -> dict[int, dict[tuple[str, int], tuple[Any, ...]]]:
        """Lines already there: order → (SKU, occurrence) → columns from line_no on."""
        out: dict[int, dict[tuple[str, int], tuple[Any, ...]]] = {}
        for row in sorted(fetch(m.OrderLine, self.shop.pk, "order_id", pks, _LINE_COLUMNS)):
            lines = out.setdefault(row[0], {})
            occurrence = 1
            while (row[3], occurrence) in lines:
                occurrence += 1
            lines[(row[3], occurrence)] = row[1:]
        return out

    def _lines(
        self, order: Assembled, pk: int, known: dict[tuple[str, int], tuple[Any, ...]], moved: list[Any], new: list[Any]
    ) -> bool:
        """Lines of an order that is there already, compared by SKU and occurrence; a file that lists only part of an
        order adds to it, and totals that were added up from lines then count the lines it leaves out, too."""
        changed = False
        number = max((row[0] for row in known.values()), default=0)
        rest = dict(known)
        for line in order.lines:
            before = rest.pop((line.sku_id, line.occurrence), None)
            if before is None:
                number += 1
                new.append(self._line(pk, line, number))
                changed = True
                continue
            row = self._line(pk, line, before[0])
            if not line.title and before[3]:
                row = (*row[:4], before[3], *row[5:])
            if tuple(row[1:]) != before:
                moved.append(row)
                changed = True
        if rest and order.from_lines:
            paid, gross = sum(r[7] for r in rest.values()), sum(r[5] * r[6] for r in rest.values())
            order.paid_fen += paid
            order.goods_fen += gross
            order.discount_fen = max(0, order.goods_fen + order.freight_fen - order.paid_fen)
        return changed

    def _names(self, chunk: list[Assembled]) -> None:
        """Gives customers that have none the name, phone and address of their newest order, each sealed on its own."""
        newest = {o.person: o.contact for o in chunk if o.person is not None and o.contact}
        if not newest:
            return
        condition, parameter = values_in("id", list(newest))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM facts_customer WHERE {condition} AND phone_sealed IS NULL AND name_sealed IS NULL AND address_sealed IS NULL AND erased_at IS NULL",
                [parameter],
            )
            nameless = [row[0] for row in cursor.fetchall()]
            rows = []
            for pk in nameless:
                sealed = newest[pk]
                assert sealed is not None
                body = orjson.loads(vault.unseal(sealed, shop_id=self.shop.pk))
                body["phone"] = body.get("buyer_phone") or body.get("phone")
                rows.append(
                    (
                        *(
                            vault.seal(body[k], shop_id=self.shop.pk) if body.get(k) else None
                            for k in ("name", "phone", "address")
                        ),
                        pk,
                    )
                )
            if rows:
                cursor.executemany(
                    "UPDATE facts_customer SET name_sealed = %s, phone_sealed = %s, address_sealed = %s WHERE id = %s", rows
                )

    # ---------------------------------------------------------------------------------------- returns

    def _returns(self, items: list[Bound]) -> tuple[int, int]:
        """Writes returns with their order and its creation, or None where the order is not known: how many were (written, known as they are)."""
        told = self._told_otherwise([pk for _, pk, _ in items if pk is not None])
        kept = [item for item in items if item[1] is None or item[1] not in told]
        if not kept:
            return 0, len(items)
        counts = self.counts
        rows = [
            (r.key, order_pk, r.person, r.product_id, r.sku_id, r.quantity, r.amount_fen, stamp(r.at), r.reason[:200], SOURCE)
            for r, order_pk, _ in kept
        ]
        into = counts.of("refunds")
        before, same = into.touched, into.unchanged
        merge(
            m.Refund, self.shop.pk, _REFUND_COLUMNS, rows, key=("refund_key",), anchor="refund_key",
            compare=("order_id", "customer_id", "product_id", "quantity", "amount_fen", "at"), carry=("sku_id", "reason"), held=("source", "platform"),
            into=into,
        )  # fmt: skip
        counts.refund_fen += sum(r.amount_fen for r, _, _ in kept)
        if into.touched > before:
            for r, _, created in kept:
                counts.touch(r.at, created)
        return into.touched - before, into.unchanged - same + len(items) - len(kept)

    def _told_otherwise(self, order_pks: list[int]) -> set[int]:
        """Those among the orders whose after-sales we have, from the platform or a file of them: their order rows add no refund."""
        if not order_pks or not self.told:
            return set()
        condition, parameter = values_in("order_id", order_pks)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT order_id FROM facts_refund WHERE shop_id = %s AND refund_key NOT LIKE 'file%%' AND {condition}",
                [self.shop.pk, parameter],
            )
            return {row[0] for row in cursor.fetchall()}

    def finish(self) -> None:
        """Finds orders for the returns that name none, and writes them."""
        chunks = [
            [
                Return(key, "", person, product, sku, quantity, amount, at, reason)
                for key, person, product, sku, quantity, amount, at, reason in rows
            ]
            for rows in self.spool
        ]
        for chunk in [*chunks, self.loose]:
            self._match(chunk)

    def _match(self, returns: list[Return]) -> None:
        if not returns:
            return
        counts = self.counts
        counts.loose_returns += len(returns)
        settled: dict[str, int] = {
            row[0]: row[1]
            for row in fetch(m.Refund, self.shop.pk, "refund_key", [r.key for r in returns], ["refund_key", "order_id"])
            if row[1] is not None
        }
        open_ = [r for r in returns if r.key not in settled and r.person is not None]
        wanted = {(r.person, r.product_id) for r in open_}
        sold: dict[tuple[Any, str], list[Sold]] = {}
        if wanted:
            people, products = (
                values_in("o.customer_id", sorted({w[0] for w in wanted})),
                values_in("l.product_id", sorted({w[1] for w in wanted})),
            )
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT o.customer_id, l.product_id, o.id, o.created_at, SUM(l.quantity), SUM(l.paid_fen) FROM facts_order o JOIN facts_orderline l ON l.order_id = o.id "
                    f"WHERE o.shop_id = %s AND o.paid_at IS NOT NULL AND {people[0]} AND {products[0]} GROUP BY o.customer_id, l.product_id, o.id, o.created_at",
                    [self.shop.pk, people[1], products[1]],
                )
                taken = self._taken(sorted({w[0] for w in wanted}))
                for person, product, order_pk, created, quantity, paid in cursor.fetchall():
                    if (person, product) in wanted:
                        gone = taken.get((order_pk, product), (0, 0))
                        sold.setdefault((person, product), []).append(
                            Sold(order_pk, micros(created), int(quantity) - gone[0], int(paid) - gone[1])
                        )
        settled.update(orders.match_returns(open_, sold))
        counts.matched_returns += sum(1 for r in returns if r.key in settled)
        bought = {s.order: s.at for lines in sold.values() for s in lines}
        for start in range(0, len(returns), CHUNK):
            counts.unchanged_rows += self._returns(
                [(r, pk := settled.get(r.key), bought.get(pk)) for r in returns[start : start + CHUNK]]
            )[1]

    def _taken(self, people: list[int]) -> dict[tuple[int, str], tuple[int, int]]:
        """What earlier returns already took from orders of these customers: (order, product) → units, 分."""
        condition, parameter = values_in("customer_id", people)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT order_id, product_id, SUM(quantity), SUM(amount_fen) FROM facts_refund WHERE shop_id = %s AND order_id IS NOT NULL AND {condition} GROUP BY order_id, product_id",
                [self.shop.pk, parameter],
            )
            return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in cursor.fetchall()}


def micros(value: Any) -> int:
    """A created_at from a raw cursor (text on SQLite, datetime on PostgreSQL) as UTC microseconds."""
    text = comparable(value)
    moment_ = datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    return int((moment_ - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * MICRO + moment_.microsecond


__all__ = ["Counts", "Spool", "day_text", "merge", "micros", "resolve", "write_orders"]
