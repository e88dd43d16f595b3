"""Personal data: shown one field at a time with an audit entry, exported, erased on request. Amounts and counts stay."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction

from zhanggui.facts import bulk, dirty
from zhanggui.facts.events import CustomerErased
from zhanggui.facts.models import (
    AfterSale,
    Contact,
    Customer,
    CustomerMerge,
    Event,
    Identity,
    Inbound,
    Order,
    Refund,
    Review,
    Shop,
)
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.errors import BadInput, NotFound

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
    orders = []
    for order in Order.objects.filter(customer=customer).order_by("created_at").prefetch_related("lines"):
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
    return {
        "customer": customer.number,
        "first_seen_at": customer.first_seen_at.isoformat(),
        **{name: vault.unseal_text(getattr(customer, f"{name}_sealed"), shop_id=shop.pk) for name in FIELDS},
        "region": customer.region,
        "identities": [{"kind": i.kind, "value": i.value} for i in Identity.objects.filter(customer=customer)],
        "orders": orders,
        "refunds": list(Refund.objects.filter(customer=customer).values("refund_key", "amount_fen", "reason")),
        "events": [
            {"at": at.isoformat(), "kind": kind, "page": page, "product_id": product}
            for at, kind, page, product in Event.objects.filter(customer=customer)
            .order_by("at")
            .values_list("at", "kind", "page", "product_id")
        ],
        "contacts": list(Contact.objects.filter(customer=customer).values("staff", "state")),
        "reviews": [
            {"at": review.at.isoformat(), "rating": review.rating, "text": vault.unseal_text(review.text_sealed, shop_id=shop.pk)}
            for review in Review.objects.filter(customer=customer)
        ],
    }


@transaction.atomic
def erase_customer(shop: Shop, customer: Customer, by: str) -> dict[str, int]:
    """Removes what names or describes the person; amounts, dates and goods stay, so the books still balance.

    Sealed fields of the customer, their orders (recipient, raw), after-sales and reviews are emptied, pushes about them lose their body, and ids
    become tombstones: a keyed hash that no new read can match. A later purchase makes a new customer. Answers what was emptied.
    """
    _own(shop, customer)
    people = [customer, *Customer.objects.filter(merged_into=customer)]
    ids = [person.pk for person in people]
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
    for batch in bulk.chunks(orders, 900):
        from zhanggui.facts.commands.attention import HINTS
        from zhanggui.facts.models import Record

        Record.objects.filter(shop=shop, stream=HINTS, key__in=batch).delete()
    for row in values:
        row.value = "x:" + vault.fingerprint(f"{row.kind}:{row.value}", shop_id=shop.pk)
    Identity.objects.bulk_update(values, ["value"], batch_size=500)
    counts["identities"] = len(values)
    for external in Contact.objects.filter(customer_id__in=ids):
        external.external_userid = "x:" + vault.fingerprint(f"external:{external.external_userid}", shop_id=shop.pk)[:60]
        external.state, external.tags = "", []
        external.save(update_fields=["external_userid", "state", "tags"])
    for member in customer_memberships(ids):
        member.member = "x:" + vault.fingerprint(f"external:{member.member}", shop_id=shop.pk)[:60]
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


def customer_memberships(customer_ids: list[int]) -> list[Any]:
    """Group stays of these customers."""
    from zhanggui.facts.models import GroupMember

    return list(GroupMember.objects.filter(customer_id__in=customer_ids))


def reseal(shop: Shop) -> int:
    """Seals everything of the shop anew that an earlier vault key sealed, in small transactions; how many values. For key rotation."""
    from zhanggui.facts.models import Connection

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
    return count
