"""Orders, after-sales and refunds into the books: idempotent, in any order of arrival, and announced once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from zhanggui.facts import bulk, dirty, identity, rules
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.commands.attention import apply_hints, stored_hints
from zhanggui.facts.events import HistoryRecorded, OrderRefunded
from zhanggui.facts.identity import Person
from zhanggui.facts.models import AfterSale, Customer, Event, Order, OrderLine, Record, Refund, Shop
from zhanggui.kernel import clock, outbox, vault
from zhanggui.wechat.errors import UnreadableReply
from zhanggui.wechat.schemas.aftersales import Aftersale
from zhanggui.wechat.schemas.base import dumps
from zhanggui.wechat.schemas.orders import Order as PlatformOrder
from zhanggui.wechat.schemas.reading import read

QUALITY = "quality"
"""Stream of records that say what did not add up."""


@dataclass(slots=True)
class Recorded:
    """What a batch came to."""

    seen: int = 0
    written: int = 0
    newly_paid: int = 0
    stale: int = 0
    """Reads older than what is stored, dropped."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Order id → why it could not be taken."""


def record_order(shop: Shop, order: PlatformOrder | dict[str, Any]) -> Recorded:
    """One order as the platform has it now; announces OrderPaid if it is paid and was not before. See `record_orders`."""
    return record_orders(shop, [order])


@transaction.atomic
def record_orders(
    shop: Shop, orders: Iterable[PlatformOrder | dict[str, Any]], *, announce: bool = True, source: str = "platform"
) -> Recorded:
    """Orders as the platform has them now, by their ids: new ones inserted, changed ones overwritten, older reads dropped.

    Plain dicts are the `order` object of `order/get`. With announce=False (a first sync) no OrderPaid is emitted per order, only one
    HistoryRecorded for all. Marks the lake stale for the days touched. An order that cannot be read is left out and noted.
    """
    done = Recorded()
    lock_shop(shop)
    latest: dict[str, tuple[rules.OrderFacts, Any]] = {}
    for raw in orders:
        done.seen += 1
        try:
            model = raw if isinstance(raw, PlatformOrder) else read(PlatformOrder, raw)
            facts = rules.order_facts(model)
        except (ValueError, UnreadableReply) as error:
            name = raw.get("order_id") if isinstance(raw, dict) else raw.order_id
            done.unreadable[str(name or "?")] = str(error)[:200]
            continue
        held = latest.get(facts.order_id)
        if held is None or _not_older(facts.updated_at, held[0].updated_at):
            latest[facts.order_id] = (facts, raw)
    if latest:
        _write_orders(shop, latest, done, announce=announce, source=source)
    for order_id, reason in done.unreadable.items():
        _note_quality(shop, f"unreadable:{order_id}", {"order_id": order_id, "problems": [reason]})
    return done


def _not_older(new: datetime | None, stored: datetime | None) -> bool:
    return stored is None or (new is not None and new >= stored)


def _write_orders(
    shop: Shop, latest: dict[str, tuple[rules.OrderFacts, Any]], done: Recorded, *, announce: bool, source: str
) -> None:
    stored = _stored_orders(shop, list(latest))
    todo: list[tuple[rules.OrderFacts, Any, dict[str, Any] | None]] = []
    for facts, raw in latest.values():
        old = stored.get(facts.order_id)
        if old is not None and not _not_older(facts.updated_at, old["platform_updated_at"]):
            done.stale += 1
        elif old is None or not _same(facts, old):
            todo.append((facts, raw, old))
    if not todo:
        return
    filed = identity.file_ids(shop, {old["customer_id"] for _, _, old in todo if old and old["source"] == "file"})
    people = [
        # Whom a file called by a number of its own, the platform now names: one person.
        Person({**f.ids, **(filed.get(old["customer_id"], {}) if old else {})}, f.created_at, region=f.region, channel=f.channel)
        for f, _, old in todo
        if _asks_who(f, old)
    ]
    found = iter(identity.resolve_many(shop, people))
    customers = [next(found) if _asks_who(f, old) else (old["customer_id"] if old else None) for f, _, old in todo]
    rows, later_than = [], []
    for (facts, raw, old), customer_id in zip(todo, customers, strict=True):
        erased = bool(old and old["erased_at"])
        rows.append(_order_row(shop, facts, raw, customer_id, old, erased, source))
        was_paid = old["paid_at"] if old else None
        if facts.paid_at is not None or was_paid is not None:
            later_than.append(customer_id)
    done.written += bulk.insert(
        Order, _ORDER_FIELDS, rows, conflict=("shop_id", "order_id"), update=_ORDER_FIELDS[2:],
        only_if="old.platform_updated_at IS NULL OR new.platform_updated_at IS NULL OR old.platform_updated_at <= new.platform_updated_at",
    )  # fmt: skip
    keys = _order_keys(shop, [f.order_id for f, _, _ in todo])
    _write_lines(shop, todo, keys)
    fresh = [f.order_id for f, _, old in todo if old is None]
    if fresh:
        _adopt_refunds(shop, keys, fresh)
        hints = stored_hints(shop, fresh)
        if hints:
            apply_hints(shop, hints)
    _mark_orders(shop, todo, later_than)
    _announce(shop, todo, customers, done, announce=announce)
    bad = [(f, f.mismatches) for f, _, _ in todo if f.mismatches]
    for facts, problems in bad:
        _note_quality(shop, facts.order_id, {"order_id": facts.order_id, "problems": list(problems), "amounts": facts.components})


_ORDER_FIELDS = (
    "shop_id", "order_id", "customer_id", "status", "platform_status", "created_at", "paid_at", "shipped_at", "done_at",
    "platform_updated_at", "goods_fen", "discount_fen", "freight_fen", "paid_fen", "components", "channel", "scene", "device", "region",
    "is_gift", "recipient_hash", "recipient_sealed", "raw_sealed", "source",
)  # fmt: skip


def _stored_orders(shop: Shop, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for batch in bulk.chunks(ids, 900):
        rows = Order.objects.filter(shop=shop, order_id__in=batch).values(
            "order_id", "customer_id", "status", "platform_status", "created_at", "paid_at", "shipped_at", "done_at",
            "platform_updated_at", "paid_fen", "channel", "device", "region", "source", erased_at=F("customer__erased_at"),
        )  # fmt: skip
        found.update({row["order_id"]: dict(row) for row in rows})
    return found


def _same(facts: rules.OrderFacts, old: dict[str, Any]) -> bool:
    """Whether the stored order already says this: an overlapping read of the same state writes nothing."""
    return (
        facts.updated_at is not None
        and old["platform_updated_at"] == facts.updated_at
        and old["platform_status"] == facts.platform_status
        and old["paid_at"] == facts.paid_at
        and old["paid_fen"] == facts.paid_fen
        and old["shipped_at"] == facts.shipped_at
        and old["done_at"] == facts.done_at
    )


def _asks_who(facts: rules.OrderFacts, old: dict[str, Any] | None) -> bool:
    """Whether the buyer is to be looked up; the buyer of a known order who was erased stays erased."""
    return bool(facts.ids) and not (old and old["erased_at"])


def _order_row(
    shop: Shop, facts: rules.OrderFacts, raw: Any, customer_id: int | None, old: dict[str, Any] | None, erased: bool, source: str
) -> tuple[Any, ...]:
    recipient = dumps(facts.recipient) if facts.recipient and not erased else None
    content = None if erased else dumps(raw)
    return (
        shop.pk, bulk.cut(facts.order_id, 64), customer_id, facts.status, facts.platform_status, facts.created_at, facts.paid_at,
        facts.shipped_at, facts.done_at, facts.updated_at, facts.goods_fen, facts.discount_fen, facts.freight_fen, facts.paid_fen,
        facts.components, facts.channel or (old["channel"] if old else ""), facts.scene, old["device"] if old else "",
        bulk.cut(facts.region, 40) or (old["region"] if old else ""), facts.is_gift,
        "" if erased else bulk.cut(facts.recipient_hash, 128),
        vault.seal(recipient, shop_id=shop.pk) if recipient else None, vault.seal(content, shop_id=shop.pk) if content else None, source,
    )  # fmt: skip


def _order_keys(shop: Shop, ids: Sequence[str]) -> dict[str, int]:
    keys: dict[str, int] = {}
    for batch in bulk.chunks(ids, 900):
        keys.update(Order.objects.filter(shop=shop, order_id__in=batch).values_list("order_id", "pk"))
    return keys


_LINE_FIELDS = (
    "shop_id", "order_id", "line_no", "product_id", "sku_id", "title", "attributes", "quantity", "unit_fen", "paid_fen", "is_gift",
)  # fmt: skip


def _write_lines(shop: Shop, todo: list[tuple[rules.OrderFacts, Any, dict[str, Any] | None]], keys: dict[str, int]) -> None:
    rows = (
        (
            shop.pk, keys[facts.order_id], number, bulk.cut(line.product_id, 64), bulk.cut(line.sku_id, 64), bulk.cut(line.title, 300),
            bulk.cut(line.attributes, 300), line.quantity, line.unit_fen, line.paid_fen, line.is_gift,
        )
        for facts, _, _ in todo
        for number, line in enumerate(facts.lines, 1)
    )  # fmt: skip
    known = [facts for facts, _, old in todo if old is not None]
    for batch in bulk.chunks(known, 300):
        surplus = Q()
        for facts in batch:
            surplus |= Q(order_id=keys[facts.order_id], line_no__gt=len(facts.lines))
        OrderLine.objects.filter(surplus).delete()
    # Line numbers of files begin at 1 as ours do, so a re-read replaces what a file said line by line.
    bulk.insert(OrderLine, _LINE_FIELDS, rows, conflict=("order_id", "line_no"), update=_LINE_FIELDS[3:])


def _adopt_refunds(shop: Shop, keys: dict[str, int], fresh: list[str]) -> None:
    """Refunds that came before their order find it now."""
    orphans = Refund.objects.filter(shop=shop, order__isnull=True, source="platform")
    if not orphans.exists():
        return
    for batch in bulk.chunks(fresh, 900):
        cases = dict(AfterSale.objects.filter(shop=shop, order_id__in=batch).values_list("aftersale_id", "order_id"))
        for refund in orphans.filter(refund_key__in=[_refund_key(case) for case in cases]):
            order = Order.objects.get(pk=keys[cases[refund.refund_key.removeprefix("as:")]])
            refund.order, refund.customer_id = order, order.customer_id
            refund.save(update_fields=["order", "customer", "recorded_at"])
            dirty.mark_dirty(shop, "refunds", clock.day_of(refund.at, shop.zone))


def _mark_orders(shop: Shop, todo: list[tuple[rules.OrderFacts, Any, dict[str, Any] | None]], payers: list[int | None]) -> None:
    zone = shop.zone
    moments: list[datetime] = []
    for facts, _, old in todo:
        moments += [
            facts.created_at,
            *(m for m in (facts.paid_at, old["paid_at"] if old else None, old["created_at"] if old else None) if m),
        ]
    by_month = {(m.astimezone(zone).year, m.astimezone(zone).month): m for m in sorted(moments, reverse=True)}
    ends = {(m.astimezone(zone).year, m.astimezone(zone).month): m for m in sorted(moments)}
    marks: list[tuple[str, Any, Any]] = []
    for month, low in by_month.items():
        first, last = clock.day_of(low, zone), clock.day_of(ends[month], zone)
        marks += [(table, first, last) for table in dirty.ORDER_TABLES]
    first_day, last_day = clock.day_of(min(moments), zone), clock.day_of(max(moments), zone)
    paid = [m for facts, _, old in todo for m in (facts.paid_at, old["paid_at"] if old else None) if m]
    later = _last_activity(shop, {c for c in payers if c is not None}) if paid else None
    if later is not None and clock.day_of(later, zone) > last_day:
        marks += [(table, clock.day_of(min(paid), zone), clock.day_of(later, zone)) for table in dirty.ORDER_TABLES]
        last_day = clock.day_of(later, zone)
    marks.append(("customers", first_day, last_day))
    dirty.mark_many(shop, marks)


def _last_activity(shop: Shop, customer_ids: set[int]) -> datetime | None:
    """The latest order or event of these people: what comes after a purchase depends on it (new or old, which purchase)."""
    found: list[datetime] = []
    for batch in bulk.chunks(customer_ids, 5000):
        condition, args = bulk.in_list("customer_id", batch)
        for model, column in ((Order, "created_at"), (Event, "at")):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT max({column}) FROM {model._meta.db_table} WHERE shop_id = %s AND {condition}", [shop.pk, *args]
                )
                moment = bulk.moment(cursor.fetchone()[0])
            if moment is not None:
                found.append(moment)
    return max(found, default=None)


def _announce(
    shop: Shop,
    todo: list[tuple[rules.OrderFacts, Any, dict[str, Any] | None]],
    customers: list[int | None],
    done: Recorded,
    *,
    announce: bool,
) -> None:
    paid = [
        (facts, customer_id)
        for (facts, _, old), customer_id in zip(todo, customers, strict=True)
        if facts.paid_at is not None and (old is None or old["paid_at"] is None)
    ]
    done.newly_paid += len(paid)
    if not paid:
        return
    if not announce:
        days = [clock.day_of(f.created_at, shop.zone) for f, _ in paid]
        HistoryRecorded(len(paid), min(days).isoformat(), max(days).isoformat()).emit(shop.pk, "orders")
        return
    numbers = dict(Customer.objects.filter(pk__in={c for _, c in paid if c}).values_list("pk", "number"))
    outbox.emit_many(
        (
            "OrderPaid",
            shop.pk,
            facts.order_id,
            {
                "order_id": facts.order_id,
                "customer": numbers.get(customer_id) if customer_id else None,
                "paid_fen": facts.paid_fen,
                "paid_at": facts.paid_at.isoformat() if facts.paid_at else "",
                "channel": facts.channel,
            },
        )
        for facts, customer_id in paid
    )


def _note_quality(shop: Shop, key: str, body: dict[str, Any]) -> None:
    Record.objects.update_or_create(
        shop=shop, stream=QUALITY, key=key[:128], defaults={"body": body, "day": clock.today(shop.zone)}
    )


# -- after-sales ---------------------------------------------------------------------------------------------------------------


def _refund_key(aftersale_id: str) -> str:
    return f"as:{aftersale_id}"


def record_aftersale(shop: Shop, case: Aftersale | dict[str, Any]) -> bool:
    """One after-sale as the platform has it now; False if it was known already or the read is older than what is stored."""
    return record_aftersales(shop, [case]) > 0


@transaction.atomic
def record_aftersales(shop: Shop, cases: Iterable[Aftersale | dict[str, Any]], *, announce: bool = True) -> int:
    """After-sales by their ids; how many were written. Money that went back to a buyer becomes one Refund per case."""
    lock_shop(shop)
    latest: dict[str, tuple[Aftersale, Any]] = {}
    for raw in cases:
        case = raw if isinstance(raw, Aftersale) else read(Aftersale, raw)
        held = latest.get(case.after_sale_order_id)
        if held is None or (case.update_time or 0) >= (held[0].update_time or 0):
            latest[case.after_sale_order_id] = (case, raw)
    written = 0
    for batch in bulk.chunks(latest.values(), 500):
        written += _write_aftersales(shop, batch, announce=announce)
    return written


_CASE_FIELDS = (
    "shop_id", "aftersale_id", "order_id", "kind", "status", "reason", "product_id", "sku_id", "quantity", "amount_fen", "created_at",
    "platform_updated_at", "raw_sealed",
)  # fmt: skip


def _write_aftersales(shop: Shop, batch: list[tuple[Aftersale, Any]], *, announce: bool) -> int:
    ids = [case.after_sale_order_id for case, _ in batch]
    stored = {
        row["aftersale_id"]: row
        for row in AfterSale.objects.filter(shop=shop, aftersale_id__in=ids).values(
            "aftersale_id", "status", "platform_updated_at", "amount_fen"
        )
    }
    orders = {
        row["order_id"]: row
        for row in Order.objects.filter(shop=shop, order_id__in={c.order_id for c, _ in batch if c.order_id}).values(
            "pk", "order_id", "customer_id", "created_at", erased_at=F("customer__erased_at")
        )
    }
    refunds = dict(Refund.objects.filter(shop=shop, refund_key__in=[_refund_key(i) for i in ids]).values_list("refund_key", "at"))
    rows, money, undone, marks, news = [], [], [], [], []
    for case, raw in batch:
        old = stored.get(case.after_sale_order_id)
        updated = case.update_time.at if case.update_time else None
        if old is not None and not _not_older(updated, old["platform_updated_at"]):
            continue
        amount = rules.refund_amount(case)
        asked = case.refund_info.amount if case.refund_info else 0
        booked = (_refund_key(case.after_sale_order_id) in refunds) == (amount is not None)
        if (
            old is not None
            and booked
            and (old["status"], old["platform_updated_at"], old["amount_fen"]) == (case.status, updated, asked)
        ):
            continue
        order = orders.get(case.order_id or "")
        goods = case.product_info
        created = (case.create_time or case.update_time).at if (case.create_time or case.update_time) else clock.now()  # type: ignore[union-attr]
        erased = bool(order and order["erased_at"])
        rows.append(
            (
                shop.pk, case.after_sale_order_id[:64], (case.order_id or "")[:64], case.type[:20], case.status[:60],
                bulk.cut(case.reason_text or case.reason, 200), (goods.product_id or "")[:64] if goods else "",
                (goods.sku_id or "")[:64] if goods else "", goods.count if goods else 0, asked, created, updated,
                None if erased else vault.seal(dumps(raw), shop_id=shop.pk),
            )
        )  # fmt: skip
        key = _refund_key(case.after_sale_order_id)
        if amount is not None:
            at = case.complete_time or case.update_time
            moment = at.at if at else clock.now()
            money.append(
                (
                    shop.pk, key, order["pk"] if order else None, order["customer_id"] if order else None, (goods.product_id or "")[:64] if goods else "",
                    (goods.sku_id or "")[:64] if goods else "", goods.count if goods else 0, amount, moment,
                    bulk.cut(case.reason_text or case.reason, 200), "platform",
                )
            )  # fmt: skip
            marks += [moment, refunds.get(key), order["created_at"] if order else None]
            if key not in refunds:
                news.append(OrderRefunded(case.order_id or "", key, amount, moment.isoformat()))
        elif key in refunds:
            undone.append(key)
            marks += [refunds[key], order["created_at"] if order else None]
    written = bulk.insert(
        AfterSale, _CASE_FIELDS, rows, conflict=("shop_id", "aftersale_id"), update=_CASE_FIELDS[2:],
        only_if="old.platform_updated_at IS NULL OR new.platform_updated_at IS NULL OR old.platform_updated_at <= new.platform_updated_at",
    )  # fmt: skip
    bulk.insert(Refund, _REFUND_FIELDS, money, conflict=("shop_id", "refund_key"), update=_REFUND_FIELDS[2:])
    if undone:
        Refund.objects.filter(shop=shop, refund_key__in=undone).delete()
    marks += _replace_filed_refunds(shop, {row[2] for row in money if row[2] is not None})
    days = [clock.day_of(moment, shop.zone) for moment in marks if moment is not None]
    dirty.mark_many(shop, [(table, day, day) for day in days for table in ("refunds", "orders", "customers")])
    if announce:
        outbox.emit_many(
            (
                "OrderRefunded",
                shop.pk,
                n.order_id,
                {"order_id": n.order_id, "refund_key": n.refund_key, "amount_fen": n.amount_fen, "at": n.at},
            )
            for n in news
        )
    return written


def _replace_filed_refunds(shop: Shop, order_pks: set[int]) -> list[datetime]:
    """Removes what files said about the refunds of orders whose after-sales the platform tells; when those refunds were."""
    filed = Refund.objects.filter(shop=shop, order_id__in=order_pks, source="file").exclude(refund_key__startswith="as:")
    moments = list(filed.values_list("at", flat=True))
    if moments:
        filed.delete()
    return moments


_REFUND_FIELDS = (
    "shop_id", "refund_key", "order_id", "customer_id", "product_id", "sku_id", "quantity", "amount_fen", "at", "reason", "source",
)  # fmt: skip
