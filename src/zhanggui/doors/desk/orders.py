"""Orders: search by number, phone or product, filters, a list that pages by key over a million rows, one order whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.http import HttpRequest, HttpResponseBase

from zhanggui.doors.desk import export, paging
from zhanggui.doors.desk.page import desk_page, show
from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Cursor
from zhanggui.facts import channels
from zhanggui.facts import commands as facts
from zhanggui.facts.models import AfterSale, Customer, Identity, Order, OrderLine, Product, Refund
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import NotFound
from zhanggui.kernel.money import yuan

STATUS: dict[str, tuple[str, str]] = {
    "unpaid": ("待付款", "none"), "paid": ("待发货", "warn"), "shipped": ("已发货", "busy"), "done": ("已完成", "good"),
    "cancelled": ("已取消", "none"), "refunded": ("已退款", "bad"), "pending": ("待成团", "none"),
}  # fmt: skip
"""Order status → (word, tone)."""
SOURCES = {"platform": "平台同步", "import": "文件导入", "file": "文件导入", "manual": "手工录入"}


def status_of(status: str) -> tuple[str, str]:
    """(word, tone) of a status; an unknown one is shown as it is."""
    return STATUS.get(status, (status, "none"))


@dataclass(frozen=True)
class OrderRow:
    """An order in a list."""

    order_id: str
    status: tuple[str, str]
    created_at: datetime
    paid_at: datetime | None
    paid_fen: int
    title: str
    more: int
    """Lines beyond the first."""
    units: int
    channel: str
    customer_id: int | None
    customer: str
    """"客户 12", never a name."""


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to, as the form shows it."""

    q: str = ""
    status: str = ""
    channel: str = ""
    first: date | None = None
    last: date | None = None
    customer: Customer | None = None

    @property
    def any(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.q or self.status or self.channel or self.first or self.last or self.customer)

    @property
    def key(self) -> str:
        """What the count of the rows under these filters is remembered by."""
        text = repr((self.q, self.status, self.channel, self.first, self.last, self.customer and self.customer.pk))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class OrdersPage:
    """A page of orders."""

    template: ClassVar[str] = "desk/orders.html"
    rows: list[OrderRow]
    cursor: Cursor
    filters: Filters
    statuses: Sequence[tuple[str, str]]
    channels: Sequence[tuple[str, str]]
    searched_as: str
    """How the search text was understood."""


def _filters(desk: Desk, query: Any) -> Filters:
    customer = None
    if query.get("customer", "").isdigit():
        customer = Customer.objects.filter(shop_id=desk.shop_id, pk=int(query["customer"])).first()
        if customer is None:
            raise NotFound("没有这位客户", remedy="请从客户列表进入")
    status = query.get("status", "")
    return Filters(
        query.get("q", "").strip()[:100], status if status in STATUS else "", query.get("channel", "")[:40],
        paging.day_from(query.get("from", "")), paging.day_from(query.get("to", "")), customer,
    )  # fmt: skip


FEW = 2000
"""Up to so many orders are named one by one; more are soon met by walking the list."""


_SEALED = ("recipient_sealed", "raw_sealed")
"""What no list needs and every row carries."""
_FILED = RawSQL("facts_order.source = 'file' AND NOT facts_order.recipient_hash = ''", (), output_field=BooleanField())
"""The condition of the index of recipients, word for word: an embedded database must see it to use the index."""


def narrowed(desk: Desk, f: Filters) -> tuple[QuerySet[Order], str]:
    """The shop's orders under the filters, and how the search text was understood.

    What leads to few orders (a customer, a number, a phone, a rare product) is looked up first and handed on as their ids: left to
    itself an embedded database walks the whole list by date for it.
    """
    own = Order.objects.filter(shop_id=desk.shop_id)
    found, how = _searched(desk, own, f.q) if f.q else (own, "")
    if f.customer:
        found = found.filter(customer_id=f.customer.pk)
    if f.q or f.customer:
        ids = list(found.values_list("pk", flat=True)[: FEW + 1])
        found = _among(desk, ids) if len(ids) <= FEW else found
    if f.status:
        found = found.filter(status=f.status)
    if f.channel:
        found = found.filter(channel=f.channel)
    if f.first:
        found = found.filter(created_at__gte=clock.day_start(f.first, desk.shop.zone))
    if f.last:
        found = found.filter(created_at__lt=clock.day_span(f.last, f.last, desk.shop.zone)[1])
    return found.defer(*_SEALED), how


def _among(desk: Desk, ids: Iterable[int]) -> QuerySet[Order]:
    """The shop's orders with these ids; the shop in a form that leads into no index by date."""
    return Order.objects.filter(Exact(F("shop_id") + 0, desk.shop_id), pk__in=ids)


def _searched(desk: Desk, own: QuerySet[Order], q: str) -> tuple[QuerySet[Order], str]:
    phone = vault.normalise_phone(q) if q.replace(" ", "").replace("-", "").lstrip("+").isdigit() and len(q.strip()) <= 18 else ""
    if len(phone) == 11 and phone.startswith("1"):
        prints = vault.fingerprints(phone, shop_id=desk.shop_id)
        people = Identity.objects.filter(shop_id=desk.shop_id, kind=Identity.Kind.PHONE, value__in=prints)
        bought = own.filter(customer_id__in=list(people.values_list("customer_id", flat=True)[:FEW]))
        received = own.filter(_FILED, recipient_hash__in=prints)
        either = {pk for some in (bought, received) for pk in some.values_list("pk", flat=True)[:FEW]}
        return _among(desk, either), "手机号"
    if q.isascii() and all(c.isalnum() or c in "-_" for c in q):
        # A prefix as a range, because LIKE does not use the index on SQLite.
        found = own.filter(order_id__gte=q, order_id__lt=q + "\U0010ffff")
        many = found.values_list("pk", flat=True)[: FEW + 1]
        if (met := len(many)) > 0:
            # So many that walking the list meets them soon, and sorting them all would not.
            return found if met <= FEW else own.filter(Exact(Left("order_id", len(q)), q)), "订单号"
    # Every title an order can have is a product's: syncs and imports both make the product known.
    goods = Product.objects.filter(shop_id=desk.shop_id).filter(Q(title__icontains=q) | Q(product_id=q))
    lines = OrderLine.objects.filter(shop_id=desk.shop_id, product_id__in=list(goods.values_list("product_id", flat=True)[:200]))
    some = list(lines.values_list("order_id", flat=True)[: FEW + 1])
    return _among(desk, some) if len(some) <= FEW else own.filter(Exists(lines.filter(order_id=OuterRef("pk")))), "商品名称"


def rows_of(orders: Sequence[Order]) -> list[OrderRow]:
    """Rows for a page of orders; their lines and customers' numbers in two queries."""
    lines: dict[int, list[tuple[str, int]]] = {}
    for order_pk, title, quantity in (
        OrderLine.objects.filter(order_id__in=[o.pk for o in orders])
        .order_by("order_id", "line_no")
        .values_list("order_id", "title", "quantity")
    ):
        lines.setdefault(order_pk, []).append((title, quantity))
    numbers = dict(Customer.objects.filter(pk__in={o.customer_id for o in orders if o.customer_id}).values_list("pk", "number"))
    out = []
    for o in orders:
        mine = lines.get(o.pk, [])
        out.append(
            OrderRow(
                o.order_id, status_of(o.status), o.created_at, o.paid_at, o.paid_fen, mine[0][0] if mine else "", max(0, len(mine) - 1),
                sum(n for _t, n in mine), channels.name_of(o.channel), o.customer_id, f"客户 {numbers[o.customer_id]}" if o.customer_id in numbers else "",
            )
        )  # fmt: skip
    return out


@desk_page(Permission.VIEW)
def orders(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The list; `?export=csv|xlsx` gives the same rows as a file."""
    f = _filters(desk, request.GET)
    rows, how = narrowed(desk, f)
    if request.GET.get("export"):
        desk.access.require(Permission.EXPORT)
        form = request.GET["export"]
        answer = export.answer(form, f"订单-{clock.today(desk.shop.zone)}", HEADER, _exported(desk, rows))
        detail = {"q": how, "status": f.status, "form": form}
        audit.record(desk.shop_id, desk.actor, "orders.export", f"{desk.actor} 导出了订单列表", detail=detail)
        return answer
    after = request.GET.get("after", "")
    found, following = paging.by_moment(rows, "created_at", after)
    where = paging.cursor(rows, len(found), following, after, whole=not f.any, key=f"orders.{desk.shop_id}.{f.key}")
    page = OrdersPage(
        rows_of(found),
        where,
        f,
        [(k, w) for k, (w, _t) in STATUS.items()],
        [(c.key, c.name) for c in channels.CHANNELS.values()],
        how,
    )
    return show(request, page)


HEADER = (
    "订单号",
    "状态",
    "下单时间",
    "支付时间",
    "客户编号",
    "商品",
    "件数",
    "商品总额(元)",
    "优惠(元)",
    "运费(元)",
    "实付(元)",
    "渠道",
    "地区",
    "来源",
)


def _exported(desk: Desk, rows: QuerySet[Order]) -> Iterator[Sequence[Any]]:
    """Order rows for a file, in chunks: no names, phones or addresses."""
    after, zone = "", desk.shop.zone
    while True:
        found, following = paging.by_moment(rows, "created_at", after, 1000)
        for o, r in zip(found, rows_of(found), strict=True):
            yield (
                o.order_id, r.status[0], fmt.stamp(o.created_at, zone), fmt.stamp(o.paid_at, zone), r.customer.removeprefix("客户 "), r.title + (f" 等 {r.more + 1} 种" if r.more else ""),
                r.units, o.goods_fen / 100, o.discount_fen / 100, o.freight_fen / 100, o.paid_fen / 100, r.channel, o.region, SOURCES.get(o.source, o.source),
            )  # fmt: skip
        if following is None:
            return
        after = following


@dataclass(frozen=True)
class OrderPage:
    """One order whole."""

    template: ClassVar[str] = "desk/order.html"
    order: Order
    status: tuple[str, str]
    channel: str
    source: str
    lines: list[OrderLine]
    refunds: list[Refund]
    aftersales: list[AfterSale]
    customer: Customer | None
    times: list[tuple[str, datetime]]
    refunded_fen: int
    components: list[tuple[str, str]] = field(default_factory=list)


@desk_page(Permission.VIEW)
def order(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponseBase:
    """Everything about an order that needs no personal data."""
    row = Order.objects.filter(shop_id=desk.shop_id, order_id=order_id).select_related("customer").first()
    if row is None:
        raise NotFound("没有这笔订单", remedy="请检查订单号，或在订单页搜索")
    refunds = list(row.refunds.order_by("at"))
    moments = (("下单", row.created_at), ("支付", row.paid_at), ("发货", row.shipped_at), ("完成", row.done_at))
    times = sorted(
        [(name, at) for name, at in moments if at] + [(f"退款 ¥{yuan(r.amount_fen)}", r.at) for r in refunds], key=lambda t: t[1]
    )
    parts = [
        (name, fmt.yuan(value))
        for name, value in sorted(row.components.items())
        if isinstance(value, int) and not isinstance(value, bool)
    ]
    page = OrderPage(
        row, status_of(row.status), channels.name_of(row.channel), SOURCES.get(row.source, row.source), list(row.lines.order_by("line_no")), refunds,
        list(AfterSale.objects.filter(shop_id=desk.shop_id, order_id=order_id).order_by("-created_at")), row.customer, times, sum(r.amount_fen for r in refunds), parts,
    )  # fmt: skip
    return show(request, page)


RECIPIENT = {
    "user_name": "收件人", "tel_number": "手机", "virtual_order_tel_number": "手机（虚拟号）", "province_name": "省", "city_name": "市", "county_name": "区县",
    "detail_info": "详细地址", "name": "收件人", "phone": "手机", "address": "地址",
}  # fmt: skip
"""The platform's words for a recipient in a shopkeeper's."""


@dataclass(frozen=True)
class RecipientPage:
    """An order's recipient in the clear, in the place of the button that asked for it."""

    template: ClassVar[str] = "desk/recipient.html"
    order: Order
    parts: list[tuple[str, str]]


@desk_page(Permission.REVEAL, "POST")
def recipient(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponseBase:
    """The recipient as the platform or a file gave it; who looked is written down before it is shown."""
    row = Order.objects.filter(shop_id=desk.shop_id, order_id=order_id).first()
    if row is None:
        raise NotFound("没有这笔订单", remedy="请检查订单号，或在订单页搜索")
    found = facts.reveal_recipient(desk.shop, row, desk.actor)
    parts = [(RECIPIENT[name], str(found[name])) for name in RECIPIENT if found.get(name)]
    return show(request, RecipientPage(row, parts))
