"""Products: what sells, what is in stock, what it earns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from django.core.cache import cache
from django.db.models import Q, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponseBase

from zhanggui.doors.desk import paging
from zhanggui.doors.desk.page import desk_page, show
from zhanggui.doors.ui import charts
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Cursor
from zhanggui.facts.models import OrderLine, Product, Review, Sku, SkuCost
from zhanggui.kernel import clock, vault
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput, NotFound

SALES_DAYS = 30
STATES = {
    "5": ("在售", "good"),
    "11": ("已下架", "none"),
    "13": ("违规下架", "bad"),
    "14": ("保证金不足下架", "bad"),
    "20": ("商品回收中", "none"),
    "0": ("草稿", "none"),
    "6": ("回收站", "none"),
}


@dataclass(frozen=True)
class Sales:
    """What a product or SKU sold in the last 30 days; money in 分."""

    units: int = 0
    paid_fen: int = 0
    known_fen: int = 0
    """The part of `paid_fen` whose cost is known."""
    cost_fen: int = 0

    @property
    def margin(self) -> float | None:
        """Gross margin of the part with known costs, 0..1; None without any."""
        return (self.known_fen - self.cost_fen) / self.known_fen if self.known_fen else None

    def __add__(self, other: Sales) -> Sales:
        return Sales(
            self.units + other.units,
            self.paid_fen + other.paid_fen,
            self.known_fen + other.known_fen,
            self.cost_fen + other.cost_fen,
        )


NOTHING = Sales()


def costs_of(shop_id: int, skus: list[str] | None = None) -> dict[str, int]:
    """Today's cost in 分 per SKU."""
    rows = SkuCost.objects.filter(shop_id=shop_id, since__lte=clock.today())
    if skus is not None:
        rows = rows.filter(sku_id__in=skus)
    return dict(rows.order_by("since").values_list("sku_id", "cost_fen"))


def sales(desk: Desk) -> dict[str, dict[str, Sales]]:
    """Sales of the last 30 shop days by product and SKU, kept for five minutes."""
    key = f"desk.sales.{desk.shop_id}"
    known: dict[str, dict[str, Sales]] | None = cache.get(key)
    if known is not None:
        return known
    today = clock.today(desk.shop.zone)
    start = clock.day_start(today - timedelta(days=SALES_DAYS - 1), desk.shop.zone)
    costs = costs_of(desk.shop_id)
    out: dict[str, dict[str, Sales]] = {}
    rows = (
        OrderLine.objects.filter(order__shop_id=desk.shop_id, order__paid_at__gte=start)
        .values_list("product_id", "sku_id")
        .annotate(units=Sum("quantity"), paid=Sum("paid_fen"))
        .order_by()
    )
    for product_id, sku_id, units, paid in rows:
        cost = costs.get(sku_id)
        out.setdefault(product_id, {})[sku_id] = Sales(
            units, paid, paid if cost is not None else 0, cost * units if cost is not None else 0
        )
    cache.set(key, out, 300)
    return out


@dataclass(frozen=True)
class ProductRow:
    """A product in the list."""

    product: Product
    state: tuple[str, str]
    sold: Sales
    stock: int | None
    cover_days: float | None
    """How long the stock lasts at the pace of the last 30 days."""


@dataclass(frozen=True)
class ProductsPage:
    """A page of products."""

    template: ClassVar[str] = "desk/products.html"
    rows: list[ProductRow]
    cursor: Cursor
    q: str
    sort: str
    sorts: tuple[tuple[str, str], ...] = (
        ("sales", "销售额"),
        ("units", "销量"),
        ("margin", "毛利低的在前"),
        ("cover", "快断货的在前"),
        ("name", "名称"),
    )


def _cover(stock: int | None, units: int) -> float | None:
    return None if stock is None or units <= 0 else stock / (units / SALES_DAYS)


MOST = 20_000
"""So many products are put in order; a shop with more is told so and finds the rest by searching."""


def _stock(desk: Desk, product_ids: list[str] | None = None) -> dict[str, int]:
    """Units in stock by product, of all or of those."""
    rows = Sku.objects.filter(shop_id=desk.shop_id, stock__isnull=False)
    if product_ids is not None:
        rows = rows.filter(product_id__in=product_ids)
    return dict(rows.values_list("product_id").annotate(n=Sum("stock")).order_by())


def _in_order(desk: Desk, heads: list[tuple[int, str, str]], sold: dict[str, Sales], sort: str) -> None:
    """Puts (id, product id, title) in the wanted order; what cannot be said stands last."""
    stock = _stock(desk) if sort == "cover" else {}

    def rank(head: tuple[int, str, str]) -> tuple[Any, ...]:
        mine = sold.get(head[1], NOTHING)
        if sort == "units":
            return (-mine.units, head[0])
        if sort == "margin":
            return (mine.margin if mine.margin is not None else 9.0, head[0])
        if sort == "cover":
            days = _cover(stock.get(head[1]), mine.units)
            return (days if days is not None else 1e9, head[0])
        return (head[2], head[0]) if sort == "name" else (-mine.paid_fen, head[0])

    heads.sort(key=rank)


def _start(after: str, length: int) -> int:
    """Where a page begins. Raises BadInput for a token we did not make."""
    if not after:
        return 0
    place = paging.untoken(after, 1)[0]
    if not isinstance(place, int) or isinstance(place, bool) or place < 0:
        raise BadInput("翻页的位置不对", remedy="请从第一页重新看")
    return place if place <= length else 0


@desk_page(Permission.VIEW)
def products(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The list, by sales of the last 30 days or another order."""
    q, sort = request.GET.get("q", "").strip()[:100], request.GET.get("sort", "sales")
    rows = Product.objects.filter(shop_id=desk.shop_id, is_goods=True)
    if q:
        coded = Sku.objects.filter(shop_id=desk.shop_id, code=q).values("product_id")
        rows = rows.filter(Q(title__icontains=q) | Q(product_id=q) | Q(category__icontains=q) | Q(product_id__in=coded))
    heads = list(rows.order_by("-id").values_list("id", "product_id", "title")[: MOST + 1])
    more = len(heads) > MOST
    heads = heads[:MOST]
    sold = {pid: sum(by.values(), Sales()) for pid, by in sales(desk).items()}
    _in_order(desk, heads, sold, sort)
    start = _start(request.GET.get("after", ""), len(heads))
    chosen = heads[start : start + paging.PAGE]
    loaded = {p.pk: p for p in Product.objects.filter(pk__in=[h[0] for h in chosen])}
    stock = _stock(desk, [h[1] for h in chosen])
    listed = [
        ProductRow(
            p,
            STATES.get(p.status, (p.status, "none")) if p.status else ("", ""),
            mine := sold.get(p.product_id, NOTHING),
            stock.get(p.product_id),
            _cover(stock.get(p.product_id), mine.units),
        )
        for p in (loaded[h[0]] for h in chosen)
    ]
    following = paging.token(start + paging.PAGE) if start + paging.PAGE < len(heads) else None
    return show(request, ProductsPage(listed, Cursor(following, start == 0, len(listed), len(heads), not more), q, sort))


def _by_day(desk: Desk, product_id: str, first: date) -> dict[date, tuple[int, int]]:
    """Shop day → (units, paid 分) of a product's paid orders since `first`, kept for five minutes."""
    key = f"desk.days.{desk.shop_id}.{first}.{hashlib.sha256(product_id.encode()).hexdigest()[:32]}"
    known: dict[date, tuple[int, int]] | None = cache.get(key)
    if known is None:
        since = clock.day_start(first, desk.shop.zone)
        rows = (
            OrderLine.objects.filter(shop_id=desk.shop_id, product_id=product_id, order__paid_at__gte=since)
            .annotate(d=TruncDate("order__paid_at", tzinfo=desk.shop.zone))
            .values_list("d")
            .annotate(units=Sum("quantity"), paid=Sum("paid_fen"))
            .order_by("d")
        )
        known = {d: (units, paid) for d, units, paid in rows}
        cache.set(key, known, 300)
    return known


@dataclass(frozen=True)
class SkuRow:
    """A SKU of the product."""

    sku: Sku
    cost_fen: int | None
    sold: Sales

    @property
    def price_margin(self) -> float | None:
        """Margin at the listed price; None without price or cost."""
        return (
            (self.sku.price_fen - self.cost_fen) / self.sku.price_fen
            if self.sku.price_fen and self.cost_fen is not None
            else None
        )


@dataclass(frozen=True)
class ReviewRow:
    """A review, newest first."""

    at: Any
    rating: int | None
    text: str


@dataclass(frozen=True)
class ProductPage:
    """One product: SKUs, sales by day, reviews."""

    template: ClassVar[str] = "desk/product.html"
    product: Product
    state: tuple[str, str]
    sold: Sales
    stock: int | None
    cover_days: float | None
    skus: list[SkuRow]
    drawing: dict[str, Any] | None
    days: list[tuple[date, int, int]]
    """(day, units, paid 分) of the last 90 days with sales, newest first."""
    reviews: list[ReviewRow]


@desk_page(Permission.VIEW)
def product(request: HttpRequest, desk: Desk, product_id: str) -> HttpResponseBase:
    """One product."""
    row = Product.objects.filter(shop_id=desk.shop_id, product_id=product_id).first()
    if row is None:
        raise NotFound("没有这个商品", remedy="请在商品页搜索")
    today = clock.today(desk.shop.zone)
    skus = list(Sku.objects.filter(shop_id=desk.shop_id, product_id=product_id).order_by("sku_id"))
    costs = costs_of(desk.shop_id, [s.sku_id for s in skus])
    mine = sales(desk).get(product_id, {})
    sold = sum(mine.values(), Sales())
    first = today - timedelta(days=89)
    by_day = _by_day(desk, product_id, first)
    days = list(clock.days(first, today))
    drawing = charts.series(days, [by_day.get(d, (0, 0))[0] for d in days], "件") if by_day else None
    stocks = [s.stock for s in skus if s.stock is not None]
    stock = sum(stocks) if stocks else None
    reviews = []
    if desk.access.may(Permission.CUSTOMERS):
        for r in Review.objects.filter(shop_id=desk.shop_id, product_id=product_id).order_by("-at")[:10]:
            try:
                text = vault.unseal_text(r.text_sealed, shop_id=desk.shop_id)
            except vault.Unopenable:
                text = "（内容无法解密）"
            reviews.append(ReviewRow(r.at, r.rating, text))
    page = ProductPage(
        row, STATES.get(row.status, (row.status, "none")) if row.status else ("", ""), sold, stock, _cover(stock, sold.units),
        [SkuRow(s, costs.get(s.sku_id), mine.get(s.sku_id, Sales())) for s in skus], drawing, sorted(((d, u, p) for d, (u, p) in by_day.items()), reverse=True), reviews,
    )  # fmt: skip
    return show(request, page)
