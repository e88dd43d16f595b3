"""Customers: the masked list by segment, one person whole, and the rights a person has over their data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from zhanggui.doors.desk import paging
from zhanggui.doors.desk.orders import Filters, OrderRow, narrowed, rows_of
from zhanggui.doors.desk.page import back, desk_page, show
from zhanggui.doors.errors import attachment
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Cursor
from zhanggui.facts import channels, identity
from zhanggui.facts import commands as facts
from zhanggui.facts.commands.privacy import FIELDS
from zhanggui.facts.models import Contact, Customer, CustomerMerge, GroupMember, Identity, Order, Refund
from zhanggui.kernel import clock, policy_store, vault
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput, NotFound
from zhanggui.metrics.policy import CustomerPolicy

NEW_DAYS = 30
"""How far back the list of new customers reaches; it judges nobody."""
SEGMENTS: dict[str, tuple[Any, Any]] = {
    "new": (_("新客"), _("首单在近 30 天内")),
    "repeat": (_("回头客"), _("付过两单或更多")),
    "silent": (_("沉睡"), _("买过，但已超过沉睡天数没有再买")),
    "never": (_("未成交"), _("认识但还没付过款")),
}
"""Key → (name, what it holds)."""


def silent_days(shop_id: int) -> int:
    """After how many days without a purchase a customer is silent, as the shop's policy says."""
    return policy_store.current(CustomerPolicy, shop_id).silent_days


def in_segment(desk: Desk, rows: QuerySet[Customer], segment: str) -> QuerySet[Customer]:
    """The customers of a segment. Each test is one look into the index of a customer's orders."""
    paid = Order.objects.filter(shop_id=desk.shop_id, customer_id=OuterRef("pk"), paid_at__isnull=False)
    now = clock.now()
    if segment == "new":
        since = now - timedelta(days=NEW_DAYS)
        return rows.filter(Exists(paid.filter(paid_at__gte=since)), ~Exists(paid.filter(paid_at__lt=since)))
    if segment == "repeat":
        return rows.filter(Exists(paid.order_by("paid_at").values("pk")[1:2]))
    if segment == "silent":
        since = now - timedelta(days=silent_days(desk.shop_id))
        return rows.filter(Exists(paid), ~Exists(paid.filter(paid_at__gte=since)))
    if segment == "never":
        return rows.filter(~Exists(paid))
    return rows


@dataclass(frozen=True)
class CustomerRow:
    """A customer in the list; the name is masked."""

    id: int
    number: int
    name: str
    region: str
    channel: str
    tier: str
    first_seen_at: datetime
    orders: int
    paid_fen: int
    last_paid_at: datetime | None
    erased: bool


@dataclass(frozen=True)
class CustomersPage:
    """A page of customers."""

    template: ClassVar[str] = "desk/customers.html"
    rows: list[CustomerRow]
    cursor: Cursor
    q: str
    segment: str
    segments: list[tuple[str, Any, Any]]
    silent_days: int


def _masked(desk: Desk, row: Customer) -> str:
    try:
        return facts.masked(desk.shop, row)["name"]
    except vault.Unopenable:
        return "（无法解密）"


def _found(desk: Desk, rows: QuerySet[Customer], q: str) -> QuerySet[Customer]:
    keys = [q]
    phone = vault.normalise_phone(q) if len(q) <= 18 and q.replace(" ", "").replace("-", "").lstrip("+").isdigit() else ""
    if len(phone) == 11:
        keys += vault.fingerprints(phone, shop_id=desk.shop_id)
    elif q.isdigit() and len(q) <= 9:
        return rows.filter(number=int(q))
    ids = Identity.objects.filter(shop_id=desk.shop_id, value__in=keys).values_list("customer_id", flat=True)
    return rows.filter(pk__in=list(ids))


@desk_page(Permission.CUSTOMERS)
def customers(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The list, newest customers first."""
    q, segment, after = (
        request.GET.get("q", "").strip().removeprefix("客户").strip()[:128],
        request.GET.get("segment", ""),
        request.GET.get("after", ""),
    )
    segment = segment if segment in SEGMENTS else ""
    rows = in_segment(desk, Customer.objects.filter(shop_id=desk.shop_id, merged_into__isnull=True), segment)
    if q:
        rows = _found(desk, rows, q)
    found, following = paging.by_number(rows, "number", after)
    sums = {
        pk: (orders, paid, last)
        for pk, orders, paid, last in Order.objects.filter(
            shop_id=desk.shop_id, customer_id__in=[c.pk for c in found], paid_at__isnull=False
        )
        .values_list("customer_id")
        .annotate(n=Count("id"), paid=Sum("paid_fen"), last=Max("paid_at"))
        .order_by()
    }
    listed = [
        CustomerRow(
            c.pk,
            c.number,
            _masked(desk, c),
            c.region,
            channels.name_of(c.channel),
            c.tier,
            c.first_seen_at,
            *sums.get(c.pk, (0, 0, None)),
            c.erased_at is not None,
        )
        for c in found
    ]
    key = "" if q else f"customers.{desk.shop_id}.{segment}"
    where = paging.cursor(rows.order_by("-number"), len(listed), following, after, whole=not (q or segment), key=key)
    return show(
        request,
        CustomersPage(listed, where, q, segment, [(k, w, m) for k, (w, m) in SEGMENTS.items()], silent_days(desk.shop_id)),
    )


@dataclass(frozen=True)
class MergeRow:
    """A merge in a customer's history."""

    merge: CustomerMerge
    other: int
    """The other customer's number."""
    may_undo: bool


@dataclass(frozen=True)
class CustomerPage:
    """One customer whole, masked."""

    template: ClassVar[str] = "desk/customer.html"
    customer: Customer
    personal: list[tuple[str, str, str]]
    """(field, its name, masked value; empty where there is nothing on record)."""
    sealed_shut: bool
    """Whether the key that opens them is missing."""
    identities: list[tuple[str, str, datetime]]
    """(kind, shortened value, first seen)."""
    orders: list[OrderRow]
    order_count: int
    paid_fen: int
    refunded_fen: int
    last_paid_at: datetime | None
    merges: list[MergeRow]
    contacts: list[Contact]
    groups: list[GroupMember]
    channel: str


def _own(desk: Desk, customer_id: int) -> Customer:
    row = Customer.objects.filter(shop_id=desk.shop_id, pk=customer_id).select_related("merged_into").first()
    if row is None:
        raise NotFound("没有这位客户", remedy="请从客户列表进入")
    return row


def _short(kind: str, value: str) -> str:
    if kind == Identity.Kind.PHONE:
        return "已散列保存"
    if value.startswith("x:"):
        return "已删除"
    return value if len(value) <= 12 and kind == Identity.Kind.FILE else f"{value[:5]}…{value[-4:]}" if len(value) > 10 else value


@desk_page(Permission.CUSTOMERS)
def customer(request: HttpRequest, desk: Desk, customer_id: int) -> HttpResponseBase:
    """One person: what we know, masked; orders; where they came from; how they were joined."""
    row = _own(desk, customer_id)
    if row.merged_into is not None:
        return back(request, desk.url("customer", row.merged_into_id), f"客户 {row.number} 已并入客户 {row.merged_into.number}。")
    try:
        masked = facts.masked(desk.shop, row)
    except vault.Unopenable:
        masked = {}
    mine = Order.objects.filter(shop_id=desk.shop_id, customer_id=row.pk)
    latest, _how = narrowed(desk, Filters(customer=row))
    sums = mine.filter(paid_at__isnull=False).aggregate(n=Count("id"), paid=Sum("paid_fen"), last=Max("paid_at"))
    refunded = Refund.objects.filter(shop_id=desk.shop_id, customer_id=row.pk).aggregate(n=Sum("amount_fen"))["n"] or 0
    merges = [
        MergeRow(m, m.absorbed.number if m.kept_id == row.pk else m.kept.number, m.reversed_at is None and m.kept_id == row.pk)
        for m in (
            CustomerMerge.objects.filter(shop_id=desk.shop_id, kept=row)
            | CustomerMerge.objects.filter(shop_id=desk.shop_id, absorbed=row)
        )
        .select_related("kept", "absorbed")
        .order_by("-at")[:50]
    ]
    page = CustomerPage(
        row, [(k, w, masked.get(k, "")) for k, w in FIELDS.items()], not masked,
        [(i.get_kind_display(), _short(i.kind, i.value), i.first_seen_at) for i in row.identities.order_by("first_seen_at")[:50]],
        rows_of(list(latest.order_by("-created_at", "-id")[:10])), sums["n"], sums["paid"] or 0, refunded, sums["last"], merges,
        list(Contact.objects.filter(shop_id=desk.shop_id, customer=row)[:20]), list(GroupMember.objects.filter(shop_id=desk.shop_id, customer=row).select_related("group").order_by("-joined_at")[:20]),
        channels.name_of(row.channel),
    )  # fmt: skip
    return show(request, page)


@dataclass(frozen=True)
class RevealedPage:
    """One personal field in the clear, in the place of its mask."""

    template: ClassVar[str] = "desk/revealed.html"
    customer: Customer
    name: str
    text: str
    """Empty where there is nothing on record."""


@desk_page(Permission.REVEAL, "POST")
def reveal(request: HttpRequest, desk: Desk, customer_id: int) -> HttpResponseBase:
    """One personal field in the clear; who looked is written down before it is shown."""
    row = _own(desk, customer_id)
    name = request.POST.get("field", "")
    text = facts.reveal(desk.shop, row, name, desk.actor)
    return show(request, RevealedPage(row, FIELDS[name], text))


@desk_page(Permission.CARE, "POST")
def unmerge(request: HttpRequest, desk: Desk, merge_id: int) -> HttpResponseBase:
    """Takes a merge back."""
    if not CustomerMerge.objects.filter(shop_id=desk.shop_id, pk=merge_id).exists():
        raise NotFound("没有这次合并", remedy="请刷新客户页")
    row = identity.unmerge(merge_id, desk.actor)
    return back(request, desk.url("customer", row.kept_id), "已撤销合并，两位客户恢复为两个人。")


@desk_page(Permission.ERASE, "POST")
def erase(request: HttpRequest, desk: Desk, customer_id: int) -> HttpResponseBase:
    """Erases what names the person, after the shopkeeper typed the customer's number."""
    row = _own(desk, customer_id)
    if request.POST.get("number", "").strip() != str(row.number):
        raise BadInput("客户编号不一致，没有删除", remedy=f"请输入 {row.number} 再确认")
    facts.erase_customer(desk.shop, row, desk.actor)
    return back(request, desk.url("customer", row.pk), "个人信息已删除；金额与件数保留，账目仍然平。")


@desk_page(Permission.ERASE, "POST")
def take_out(request: HttpRequest, desk: Desk, customer_id: int) -> HttpResponseBase:
    """Everything about a person as JSON, for that person (个人信息保护法 45)."""
    row = _own(desk, customer_id)
    body = json.dumps(facts.export_customer(desk.shop, row, desk.actor), ensure_ascii=False, indent=1, default=str)
    response = HttpResponse(body, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = attachment(f"客户{row.number}的全部资料.json")
    response["Cache-Control"] = "no-store"
    return response
