"""Products, SKUs and stock as the platform has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from zhanggui.facts import bulk, dirty
from zhanggui.facts.models import Product, Record, Shop, Sku, StockCount
from zhanggui.kernel import clock
from zhanggui.wechat.schemas import products as shelf
from zhanggui.wechat.schemas.reading import read

CATEGORIES = "categories"
"""Stream of records: the platform's categories by id, with their names."""
_PRODUCT_FIELDS = (
    "shop_id", "product_id", "title", "category", "status", "image", "price_low_fen", "price_high_fen", "platform_updated_at", "extra",
)  # fmt: skip
_SKU_FIELDS = ("shop_id", "sku_id", "product_id", "code", "attributes", "price_fen", "stock")


def record_product(shop: Shop, product: shelf.Product | shelf.ProductReply | dict[str, Any], *, category: str = "") -> bool:
    """One product with its SKUs, overwritten by the platform's id; False if nothing of it could be kept."""
    return record_products(shop, [product], categories={"*": category} if category else None) > 0


@transaction.atomic
def record_products(
    shop: Shop,
    products: Iterable[shelf.Product | shelf.ProductReply | dict[str, Any]],
    *,
    categories: dict[str, str] | None = None,
) -> int:
    """Products with their SKUs by the platform's ids; how many. `categories` names category ids in words; else those named before do."""
    names = categories if categories is not None else category_names(shop)
    rows: dict[str, tuple[Any, ...]] = {}
    skus: dict[str, tuple[Any, ...]] = {}
    for raw in products:
        reply = read(shelf.ProductReply, raw) if isinstance(raw, dict) and ("product" in raw or "edit_product" in raw) else raw
        if isinstance(reply, shelf.ProductReply):
            one = reply.product or reply.edit_product
        else:
            one = reply if isinstance(reply, shelf.Product) else read(shelf.Product, reply)
        if one is None:
            continue
        prices = [sku.sale_price for sku in one.skus] or ([one.min_price] if one.min_price else [])
        cats = [c.cat_id for c in (one.cats_v2 or one.cats) if c.cat_id]
        category = names.get("*") or next((names[c] for c in reversed(cats) if c in names), cats[-1] if cats else "")
        extra = {
            "category_ids": cats,
            "sold": one.total_sold_num,
            "code": one.spu_code or one.out_product_id or "",
            "kind": one.product_type,
            "draft_state": one.edit_status,
        }
        rows[one.product_id] = (
            shop.pk, one.product_id[:64], bulk.cut(one.title, 300), bulk.cut(category, 120), str(one.status),
            bulk.cut(one.head_imgs[0] if one.head_imgs else "", 500), min(prices, default=None), max(prices, default=None),
            one.edit_time.at if one.edit_time else None, extra,
        )  # fmt: skip
        for sku in one.skus:
            words = " ".join(f"{a.attr_key}:{a.attr_value}" for a in sku.sku_attrs)
            skus[sku.sku_id] = (
                shop.pk, sku.sku_id[:64], one.product_id[:64], bulk.cut(sku.sku_code or sku.out_sku_id or "", 100), bulk.cut(words, 300),
                sku.sale_price, sku.stock_num,
            )  # fmt: skip
    bulk.insert(Product, _PRODUCT_FIELDS, rows.values(), conflict=("shop_id", "product_id"), update=_PRODUCT_FIELDS[2:])
    bulk.insert(Sku, _SKU_FIELDS, skus.values(), conflict=("shop_id", "sku_id"), update=_SKU_FIELDS[2:])
    if rows:
        dirty.mark_dirty(shop, "products")
    return len(rows)


def category_names(shop: Shop) -> dict[str, str]:
    """Category id → name, of the categories this shop's products have been seen in."""
    found = Record.objects.filter(shop=shop, stream=CATEGORIES).values_list("key", "body")
    return {key: str(body.get("name") or key) for key, body in found}


@transaction.atomic
def record_stock(shop: Shop, stocks: Iterable[shelf.SpuStock], at: datetime | None = None) -> int:
    """Present stock per SKU: the SKU's own number, and a StockCount where it differs from the last; how many changed."""
    moment = at or clock.now()
    now = {
        sku.sku_id: sku.total_stock_num
        if "total_stock_num" in sku.model_fields_set
        else sku.normal_stock_num + sku.limited_discount_stock_num
        for spu in stocks
        for sku in spu.sku_stock
        if sku.sku_id
    }
    known: dict[str, int | None] = {}
    counted: set[str] = set()
    for batch in bulk.chunks(now, 900):
        known.update(Sku.objects.filter(shop=shop, sku_id__in=batch).values_list("sku_id", "stock"))
        counted.update(StockCount.objects.filter(shop=shop, sku_id__in=batch, source="platform").values_list("sku_id", flat=True))
    changed = {sku: count for sku, count in now.items() if known.get(sku) != count or sku not in counted}
    bulk.update(Sku, "id", ("stock", "recorded_at"), [
        (changed[sku_id], moment, pk) for sku_id, pk in Sku.objects.filter(shop=shop, sku_id__in=list(changed)).values_list("sku_id", "pk")
    ])  # fmt: skip
    bulk.insert(
        StockCount, ("shop_id", "sku_id", "at", "quantity", "source"),
        [(shop.pk, sku[:64], moment, count, "platform") for sku, count in changed.items()], ignore=True,
    )  # fmt: skip
    if changed:
        dirty.mark_dirty(shop, "products")
    return len(changed)
