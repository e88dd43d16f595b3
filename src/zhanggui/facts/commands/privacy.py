"""Personal data: shown one field at a time with an audit entry, exported, erased on request. Amounts and counts stay."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from zhanggui.facts import bulk, dirty
from zhanggui.facts.commands.attention import HINTS
from zhanggui.facts.events import CustomerErased
from zhanggui.facts.models import (
    AfterSale,
    Connection,
    Contact,
    Customer,
    CustomerMerge,
    Event,
    GroupMember,
    Identity,
    Inbound,
    Order,
    Record,
    Refund,
    Review,
    Shop,
)
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.errors import BadInput, NotFound

MEMBERS = "members"
"""Stream of records: the shop's members as the platform lists them, under their openid."""
FIELDS = {"name": "姓名", "phone": "手机号", "address": "地址"}


def _own(shop: Shop, customer: Customer) -> Customer:
    if customer.shop_id != shop.pk:
        raise NotFound("没有这个客户")
    return customer


@transaction.atomic
def reveal(shop: Shop, customer: Customer, field: str, by: str) -> str:
    """One personal field of a customer in clear ("" if we have none); every look is audited. Raises BadInput, NotFound."""
    _own(shop, customer)
    if field not in FIELDS:
        raise BadInput(f"没有名为 {field} 的资料", field=field)
    text = vault.unseal_text(getattr(customer, f"{field}_sealed"), shop_id=shop.pk)
    audit.record(
        shop.pk,
        by,
        "customer.reveal",
        f"{by} 查看了客户 {customer.number} 的{FIELDS[field]}",
        subject=f"customer:{customer.number}",
    )
    return text


@transaction.atomic
def reveal_recipient(shop: Shop, order: Order, by: str) -> dict[str, Any]:
    """The recipient of an order as the platform gave it (usually masked); audited."""
    if order.shop_id != shop.pk:
        raise NotFound("没有这个订单")
    audit.record(shop.pk, by, "order.reveal", f"{by} 查看了订单 {order.order_id} 的收件人", subject=f"order:{order.order_id}")
    found: dict[str, Any] = json.loads(vault.unseal(order.recipient_sealed, shop_id=shop.pk)) if order.recipient_sealed else {}
    return found


def masked(shop: Shop, customer: Customer) -> dict[str, str]:
    """A customer's personal fields as they may be shown without asking: masked. Writes nothing."""
    masks = {"name": vault.mask_name, "phone": vault.mask_phone, "address": vault.mask_address}
    return {name: mask(vault.unseal_text(getattr(customer, f"{name}_sealed"), shop_id=shop.pk)) for name, mask in masks.items()}


@transaction.atomic
def export_customer(shop: Shop, customer: Customer, by: str) -> dict[str, Any]:
    """Everything we hold about a person, in clear, for that person (个人信息保护法 45); audited."""
    _own(shop, customer)
    audit.record(
        shop.pk, by, "customer.export", f"{by} 导出了客户 {customer.number} 的全部资料", subject=f"customer:{customer.number}"
    )
    people = _person(shop, customer)
    ids = [person.pk for person in people]
    orders = []
    for order in Order.objects.filter(customer_id__in=ids).order_by("created_at").prefetch_related("lines"):
        orders.append(
            {
                "order_id": order.order_id,
                "created_at": order.created_at.isoformat(),
                "paid_at": order.paid_at.isoformat() if order.paid_at else None,
                "status": order.status,
                "paid_fen": order.paid_fen,
                "recipient": json.loads(vault.unseal(order.recipient_sealed, shop_id=shop.pk))
                if order.recipient_sealed
                else None,
                "lines": [
                    {"title": line.title, "quantity": line.quantity, "paid_fen": line.paid_fen} for line in order.lines.all()
                ],
            }
        )
    clear = [{name: vault.unseal_text(getattr(p, f"{name}_sealed"), shop_id=shop.pk) for name in FIELDS} for p in people]
    return {
        "customer": customer.number,
        "first_seen_at": customer.first_seen_at.isoformat(),
        **clear[0],
        "also": [
            {"customer": p.number, **fields} for p, fields in zip(people[1:], clear[1:], strict=True) if any(fields.values())
        ],
        "region": customer.region,
        "identities": [{"kind": i.kind, "value": i.value} for i in Identity.objects.filter(customer_id__in=ids)],
        "orders": orders,
        "refunds": list(Refund.objects.filter(customer_id__in=ids).values("refund_key", "amount_fen", "reason")),
        "aftersales": list(
            AfterSale.objects.filter(shop=shop, order_id__in=[o["order_id"] for o in orders]).values(
                "aftersale_id", "order_id", "status", "reason"
            )
        ),
        "events": [
            {"at": at.isoformat(), "kind": kind, "page": page, "product_id": product}
            for at, kind, page, product in Event.objects.filter(customer_id__in=ids)
            .order_by("at")
            .values_list("at", "kind", "page", "product_id")
        ],
        "contacts": list(Contact.objects.filter(customer_id__in=ids).values("staff", "state", "tags")),
        "groups": [
            {"group": name, "joined_at": joined.isoformat(), "left_at": left.isoformat() if left else None}
            for name, joined, left in GroupMember.objects.filter(customer_id__in=ids).values_list(
                "group__name", "joined_at", "left_at"
            )
        ],
        "reviews": [
            {"at": review.at.isoformat(), "rating": review.rating, "text": vault.unseal_text(review.text_sealed, shop_id=shop.pk)}
            for review in Review.objects.filter(customer_id__in=ids)
        ],
    }


def _person(shop: Shop, customer: Customer) -> list[Customer]:
    """The customer and everybody merged into them, at whatever distance; the one they are merged into as well. The root first."""
    root = customer
    while root.merged_into_id is not None:
        root = Customer.objects.get(pk=root.merged_into_id)
    people, last = [root], [root.pk]
    while last:
        further = list(Customer.objects.filter(shop=shop, merged_into_id__in=last).order_by("number"))
        people += further
        last = [person.pk for person in further]
    return people


def erase_customer(shop: Shop, customer: Customer, by: str) -> dict[str, int]:
    """Removes what names or describes the person; amounts, dates and goods stay, so the books still balance.

    Sealed fields of the customer, their orders (recipient, raw), after-sales and reviews are emptied, pushes about them lose their body, and ids
    become tombstones: a keyed hash that no new read can match. A later purchase makes a new customer. Answers what was emptied.
    """
    with _overwriting(), transaction.atomic():
        return _erase(shop, customer, by)


@contextlib.contextmanager
def _overwriting() -> Iterator[None]:
    """Makes the embedded database overwrite what is deleted: otherwise it would lie about in free parts of its file."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = OFF")
            if not connection.in_atomic_block:  # the log beside the file holds the old pages until it is folded in
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _erase(shop: Shop, customer: Customer, by: str) -> dict[str, int]:
    _own(shop, customer)
    ids = [person.pk for person in _person(shop, customer)]
    counts: dict[str, int] = {}
    values = list(Identity.objects.filter(customer_id__in=ids))
    entities = {i.value for i in values}
    orders = list(Order.objects.filter(customer_id__in=ids).values_list("order_id", flat=True))
    cases: list[str] = []
    for batch in bulk.chunks(orders, 900):
        counts["orders"] = counts.get("orders", 0) + Order.objects.filter(shop=shop, order_id__in=batch).update(
            recipient_sealed=None, raw_sealed=None, recipient_hash=""
        )
        found = AfterSale.objects.filter(shop=shop, order_id__in=batch)
        cases += found.values_list("aftersale_id", flat=True)
        found.update(raw_sealed=None)
    counts["reviews"] = Review.objects.filter(shop=shop, customer_id__in=ids).update(text_sealed=None)
    for batch in bulk.chunks([*orders, *cases, *entities], 900):
        counts["pushes"] = counts.get("pushes", 0) + Inbound.objects.filter(shop=shop, entity_id__in=batch).update(
            body_sealed=None
        )
    for entity in Inbound.objects.filter(shop=shop, entity_id__in=entities).values_list("entity_id", flat=True).distinct():
        Inbound.objects.filter(shop=shop, entity_id=entity).update(entity_id=_tombstone(shop, f"external:{entity}"))
    for batch in bulk.chunks(orders, 900):
        Record.objects.filter(shop=shop, stream=HINTS, key__in=batch).delete()
    for batch in bulk.chunks(entities, 900):
        Record.objects.filter(shop=shop, stream=MEMBERS, key__in=batch).delete()
    for row in values:
        row.value = _tombstone(shop, f"{row.kind}:{row.value}")
    Identity.objects.bulk_update(values, ["value"], batch_size=500)
    counts["identities"] = len(values)
    for external in Contact.objects.filter(customer_id__in=ids):
        external.external_userid = _tombstone(shop, f"external:{external.external_userid}")[:62]
        external.state, external.tags = "", []
        external.save(update_fields=["external_userid", "state", "tags"])
    for member in GroupMember.objects.filter(customer_id__in=ids):
        member.member = _tombstone(shop, f"external:{member.member}")[:62]
        member.save(update_fields=["member"])
    CustomerMerge.objects.filter(shop=shop, kept_id__in=ids).update(evidence="")
    Customer.objects.filter(pk__in=ids).update(
        name_sealed=None, phone_sealed=None, address_sealed=None, erased_at=clock.now(), recorded_at=clock.now()
    )
    dirty.mark_dirty(shop, "group_members")
    CustomerErased(customer.number).emit(shop.pk, f"customer:{customer.number}")
    audit.record(
        shop.pk,
        by,
        "customer.erase",
        f"{by} 删除了客户 {customer.number} 的个人信息",
        subject=f"customer:{customer.number}",
        detail=counts,
    )
    return counts


def _tombstone(shop: Shop, name: str) -> str:
    """What stands where an id stood: the same for the same id, and nothing that a new read could match."""
    return "x:" + vault.fingerprint(name, shop_id=shop.pk)


def reseal(shop: Shop) -> int:
    """Seals everything of the shop anew that an earlier vault key sealed, in small transactions; how many values. For key rotation."""
    count = 0
    table: list[tuple[Any, tuple[str, ...]]] = [
        (Customer, Customer.ERASED_FIELDS),
        (Order, Order.ERASED_FIELDS),
        (AfterSale, AfterSale.ERASED_FIELDS),
        (Review, Review.ERASED_FIELDS),
        (Inbound, Inbound.ERASED_FIELDS),
        (Connection, ("secret_sealed", "callback_token_sealed", "aes_key_sealed", "previous_aes_key_sealed")),
    ]
    for model, names in table:
        last = 0
        while True:
            rows = list(model.objects.filter(shop=shop, pk__gt=last).order_by("pk").only("pk", *names)[:500])
            if not rows:
                break
            last = rows[-1].pk
            changed = []
            for row in rows:
                old = [getattr(row, name) for name in names]
                if all(value is None or vault.is_current(value) for value in old):
                    continue
                for name, value in zip(names, old, strict=True):
                    if value is not None and not vault.is_current(value):
                        setattr(row, name, vault.seal(vault.unseal(value, shop_id=shop.pk), shop_id=shop.pk))
                        count += 1
                changed.append(row)
            with transaction.atomic():
                model.objects.bulk_update(changed, names)
                _refingerprint(shop, changed)
    return count


def _refingerprint(shop: Shop, rows: list[Any]) -> None:
    """Phones of these customers and orders that are known by a hash under an earlier key, known by today's from now on."""
    renamed: dict[str, str] = {}
    for row in rows:
        phones: set[str] = set()
        if isinstance(row, Customer):
            phones = {vault.unseal_text(row.phone_sealed, shop_id=shop.pk)}
        elif isinstance(row, Order) and row.recipient_sealed is not None:
            body = json.loads(vault.unseal(row.recipient_sealed, shop_id=shop.pk))
            phones = {str(body.get(key) or "") for key in ("phone", "buyer_phone", "tel_number")}
        for digits in filter(None, map(vault.normalise_phone, phones)):
            today, *earlier = vault.fingerprints(digits, shop_id=shop.pk)
            renamed.update(dict.fromkeys(earlier, today))
    for batch in bulk.chunks(renamed, 400):
        taken = set(
            Identity.objects.filter(shop=shop, kind="phone", value__in=[renamed[old] for old in batch]).values_list(
                "value", flat=True
            )
        )
        for identity in Identity.objects.filter(shop=shop, kind="phone", value__in=batch):
            if renamed[identity.value] not in taken:
                identity.value = renamed[identity.value]
                taken.add(identity.value)
                identity.save(update_fields=["value"])
        for old in Order.objects.filter(shop=shop, recipient_hash__in=batch).values_list("recipient_hash", flat=True).distinct():
            Order.objects.filter(shop=shop, recipient_hash=old).update(recipient_hash=renamed[old])
