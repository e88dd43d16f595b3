"""Goods out of files: products with SKUs, costs, stock counts."""

from __future__ import annotations

from datetime import date

from django.db import connection

from zhanggui.facts import models as m
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.files import fields
from zhanggui.facts.files.merge import day_text, fetch, merge, stamp
from zhanggui.facts.files.plain_job import Job, Row, columns
from zhanggui.facts.files.rows import Batch, RowReader
from zhanggui.facts.files.sink import Spool


def read_products(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(product, SKU, code, title, attributes, category, price 分, stock, status, image)."""
    reader.require(batch, ("product_id", "code", "sku_id"))
    out = []
    for i, (product, sku, code, title, attributes, category, price, stock, status, image) in enumerate(
        columns(batch, "product_id", "sku_id", "code", "title", "attributes", "category", "price", "stock", "status", "image")
    ):
        if i in batch.refused:
            continue
        if price is not None and price < 0:
            reader.refuse(batch, i, "price", "售价为负", "核对这一格")
            continue
        known = job.skus.get(sku or "") or job.skus.get(code or "")
        product = product or (known[0] if known else code or sku)
        out.append(
            (
                product,
                sku or (known[1] if known else code or product),
                code or "",
                title or "",
                attributes or "",
                category or "",
                price,
                stock,
                status or "",
                image or "",
            )
        )
    return out


def write_products(job: Job, spool: Spool) -> None:
    """Products and SKUs; what the platform itself has told about a product stays, only the merchant's codes are added."""
    lock_shop(job.shop)
    shop_id, counts, mapped = job.shop.pk, job.counts, job.mapped
    touched: set[str] = set()
    for rows in spool:
        before = counts.of("products").touched, counts.of("skus").touched
        platform = {
            r[0]
            for r in fetch(m.Product, shop_id, "product_id", sorted({r[0] for r in rows}), ["product_id", "platform_updated_at"])
            if r[1] is not None
        }
        own = [r for r in rows if r[0] not in platform]
        compare = [
            c for c, k in (("title", "title"), ("category", "category"), ("status", "status"), ("image", "image")) if k in mapped
        ]
        merge(
            m.Product, shop_id, ("product_id", "title", "category", "status", "image", "is_goods"),
            [(r[0], (r[3] or r[0])[:300] if "title" in mapped else r[0], r[5][:120], r[8][:20], r[9][:500], fields.is_goods(r[0], r[3])) for r in own],
            key=("product_id",), anchor="product_id", compare=compare, into=counts.of("products"),
        )  # fmt: skip
        compare = ["product_id"] + [
            c
            for c, k in (("code", "code"), ("attributes", "attributes"), ("price_fen", "price"), ("stock", "stock"))
            if k in mapped
        ]
        merge(
            m.Sku, shop_id, ("sku_id", "product_id", "code", "attributes", "price_fen", "stock"), [(r[1], r[0], r[2][:100], r[4][:300], r[6], r[7]) for r in own],
            key=("sku_id",), anchor="sku_id", compare=compare, into=counts.of("skus"),
        )  # fmt: skip
        if "code" in mapped and platform:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE facts_sku SET code = %s WHERE shop_id = %s AND sku_id = %s AND code = ''",
                    [(r[2][:100], shop_id, r[1]) for r in rows if r[0] in platform and r[2]],
                )
        touched.update(r[0] for r in own)
        written = max(counts.of("products").touched - before[0], counts.of("skus").touched - before[1])
        counts.unchanged_rows += max(0, len(rows) - written)
        job.step(len(rows))
    if "price" in mapped:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE facts_product SET price_low_fen = (SELECT MIN(s.price_fen) FROM facts_sku s WHERE s.shop_id = facts_product.shop_id AND s.product_id = facts_product.product_id), "
                "price_high_fen = (SELECT MAX(s.price_fen) FROM facts_sku s WHERE s.shop_id = facts_product.shop_id AND s.product_id = facts_product.product_id) "
                "WHERE shop_id = %s AND product_id = %s",
                [(shop_id, p) for p in sorted(touched)],
            )
    counts.tables |= {"products", "order_lines"}


def _skus_of(job: Job, sku: str | None, code: str | None, product: str | None) -> list[str]:
    """The SKU ids a row of costs or stock means; a product means all its SKUs; unknown ones stand for themselves."""
    known = (job.skus.get(sku) if sku else None) or (job.skus.get(code) if code else None)
    if known:
        return [known[1]]
    if sku or code:
        return [str(sku or code)]
    return job_products(job).get(product or "", [product or ""])


def job_products(job: Job) -> dict[str, list[str]]:
    """Product id → its SKU ids, built once per import."""
    if job.products is None:
        job.products = {}
        for product, sku in set(job.skus.values()):
            job.products.setdefault(product, []).append(sku)
    return job.products


def _note_unknown(job: Job, skus: set[str]) -> None:
    known = {s for _, s in job.skus.values()}
    strange = skus - known
    if strange and known:
        job.counts.notes.append(f"{len(strange)} 个 SKU 还不在商品里（如 {sorted(strange)[0]}），已先记下，商品同步后自动对上")


def read_costs(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(SKU, day since 1970 or None, 分)."""
    reader.require(batch, ("sku_id", "code", "product_id"), ("cost",))
    out: list[Row] = []
    for i, (sku, code, product, cost, since) in enumerate(columns(batch, "sku_id", "code", "product_id", "cost", "since")):
        if i in batch.refused:
            continue
        if cost < 0:
            reader.refuse(batch, i, "cost", "成本为负", "核对这一格")
            continue
        out.extend((s, since, cost) for s in _skus_of(job, sku, code, product))
    return out


BEGINNING = (date(2000, 1, 1) - date(1970, 1, 1)).days
"""From here on holds the first cost of a SKU that a file gives without a day."""


def write_costs(job: Job, spool: Spool) -> None:
    """Costs by SKU and the day from which they hold. Without a day: from the beginning if it is the SKU's first, else from today, if it is another."""
    lock_shop(job.shop)
    seen: set[str] = set()
    merged = job.counts.of("costs")
    for rows in spool:
        before = merged.touched
        dated = _dated(job, rows)
        merged.unchanged += len(rows) - len(dated)
        merge(
            m.SkuCost, job.shop.pk, ("sku_id", "since", "cost_fen", "source"), [(sku, day_text(day), cost, "import") for sku, day, cost in dated], key=("sku_id", "since"),
            anchor="sku_id", compare=("cost_fen",), carry=("source",), into=merged,
        )  # fmt: skip
        if merged.touched > before:
            job.counts.touch(job.start_of(min(day for _, day, _ in dated)), job.now)
        seen.update(r[0] for r in rows)
        job.step(len(rows))
    _note_unknown(job, seen)
    job.counts.tables |= {"order_lines"}


def _dated(job: Job, rows: list[Row]) -> list[tuple[str, int, int]]:
    """Costs with a day each; undated ones that say what is known already are left out."""
    undated = sorted({r[0] for r in rows if r[1] is None})
    latest: dict[str, tuple[str, int]] = {}
    for sku, since, cost in fetch(m.SkuCost, job.shop.pk, "sku_id", undated, ["sku_id", "since", "cost_fen"]):
        if since <= day_text(job.today) and (sku not in latest or since >= latest[sku][0]):
            latest[sku] = (since, cost)
    out: list[tuple[str, int, int]] = []
    for sku, day, cost in rows:
        if day is None and sku in latest and latest[sku][1] == cost:
            continue
        out.append((sku, day if day is not None else job.today if sku in latest else BEGINNING, cost))
    return out


def read_stock(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(SKU, moment, units)."""
    reader.require(batch, ("sku_id", "code", "product_id"), ("quantity",))
    midnight = job.start_of(job.today)
    out: list[Row] = []
    for i, (sku, code, product, quantity, at) in enumerate(columns(batch, "sku_id", "code", "product_id", "quantity", "at")):
        if i in batch.refused:
            continue
        skus = _skus_of(job, sku, code, product)
        if len(skus) > 1:
            reader.refuse(batch, i, "product_id", f"这个商品有 {len(skus)} 个 SKU，不知道是哪一个的库存", "加一列 SKU 或商家编码")
            continue
        if abs(quantity) > 2_000_000_000:
            reader.refuse(batch, i, "quantity", "大得不像真的", "核对这一格的数字")
            continue
        out.append((skus[0], at if at is not None else midnight, quantity))
    return out


def write_stock(job: Job, spool: Spool) -> None:
    """Counts by SKU and moment; the newest count becomes the stock of goods the platform does not report."""
    lock_shop(job.shop)
    counted: set[str] = set()
    for rows in spool:
        merge(
            m.StockCount, job.shop.pk, ("sku_id", "at", "quantity", "source"), [(r[0], stamp(r[1]), r[2], "import") for r in rows], key=("sku_id", "at", "source"),
            anchor="sku_id", compare=("quantity",), into=job.counts.of("stock"),
        )  # fmt: skip
        counted.update(r[0] for r in rows)
        job.step(len(rows))
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE facts_sku SET stock = (SELECT c.quantity FROM facts_stockcount c WHERE c.shop_id = facts_sku.shop_id AND c.sku_id = facts_sku.sku_id ORDER BY c.at DESC LIMIT 1) "
            "WHERE shop_id = %s AND sku_id = %s AND NOT EXISTS (SELECT 1 FROM facts_product p WHERE p.shop_id = facts_sku.shop_id "
            "AND p.product_id = facts_sku.product_id AND p.platform_updated_at IS NOT NULL)",
            [(job.shop.pk, sku) for sku in sorted(counted)],
        )
    _note_unknown(job, counted)
    job.counts.tables |= {"products"}
