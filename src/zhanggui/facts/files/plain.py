"""The kinds of table whose rows are facts by themselves: returns, products, costs, stock, spend, visits, events, reviews.

Each kind has a reader (`read_<kind>`: batch → plain tuples, refusing what makes no sense, no database) and a writer
(`write_<kind>`: spooled tuples → the shop's tables, inside the transaction).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from zhanggui.facts import models as m
from zhanggui.facts.dirty import ORDER_TABLES
from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.merge import Writer, day_text, fetch, merge, stamp
from zhanggui.facts.files.orders import person_ids, person_key
from zhanggui.facts.files.rows import Batch, RowReader
from zhanggui.facts.files.sink import Counts, Progress, Spool, micros, resolve
from zhanggui.kernel import clock, vault

DAY = 86_400 * cells.MICRO
_EPOCH = date(1970, 1, 1)
Row = tuple[Any, ...]


@dataclass
class Job:
    """What the writers share: the shop, which fields the file gives, the moment of the import."""

    shop: m.Shop
    mapped: frozenset[str]
    now: int
    """UTC microseconds."""
    counts: Counts = field(default_factory=Counts)
    progress: Progress | None = None
    done: int = 0
    skus: dict[str, tuple[str, str]] = field(default_factory=dict)
    products: dict[str, list[str]] | None = None
    """Product id → its SKU ids, built when first needed."""

    @property
    def today(self) -> int:
        """The shop's day of the import, in days since 1970."""
        return (clock.day_of(clock.now(), self.shop.zone) - _EPOCH).days

    def step(self, rows: int) -> None:
        """Notes progress."""
        self.done += rows
        if self.progress is not None:
            self.progress(self.done)


def _columns(batch: Batch, *keys: str) -> list[Row]:
    none: list[Any] = [None] * len(batch)
    return list(zip(*(batch.columns.get(k, none) for k in keys), strict=True))


def sku_index(shop: m.Shop) -> dict[str, tuple[str, str]]:
    """Merchant code and SKU id → (product id, SKU id) of everything the shop sells; a code shared by several SKUs says nothing."""
    out: dict[str, tuple[str, str]] = {}
    twice: set[str] = set()
    for sku, product, code in (
        m.Sku.objects.filter(shop=shop).values_list("sku_id", "product_id", "code").iterator(chunk_size=10_000)
    ):
        if code:
            if code in out and out[code] != (product, sku):
                twice.add(code)
            out[code] = (product, sku)
    for code in twice:
        del out[code]
    for sku, product in m.Sku.objects.filter(shop=shop).values_list("sku_id", "product_id").iterator(chunk_size=10_000):
        out[sku] = (product, sku)
    return out


def _hash(*parts: Any) -> str:
    return hashlib.sha256("\x1f".join("" if p is None else str(p) for p in parts).encode()).hexdigest()[:40]


# ------------------------------------------------------------------------------------------------ returns


def read_refunds(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(key, order id, moment, 分, product, SKU, units, reason, person)."""
    reader.require(batch, ("refund_id", "order_id"), ("at",), ("amount",))
    out = []
    rows = _columns(
        batch,
        "refund_id",
        "order_id",
        "at",
        "amount",
        "status",
        "product_id",
        "sku_id",
        "code",
        "quantity",
        "reason",
        "openid",
        "unionid",
        "customer_id",
    )
    for i, (key, order_id, at, amount, status, product, sku, code, quantity, reason, openid, unionid, customer) in enumerate(
        rows
    ):
        if i in batch.refused:
            continue
        if status is False:
            reader.refuse(batch, i, "status", "退款还没有成功，不计入退款", "等退款成功后重新导出")
            continue
        if amount == 0:
            reader.refuse(batch, i, "amount", "退款金额为 0", "没有退钱的售后不用导入")
            continue
        known = job.skus.get(sku or "") or job.skus.get(code or "")
        product, sku = product or (known[0] if known else sku or code or ""), sku or (known[1] if known else code or "")
        person = person_key({"openid": openid or "", "unionid": unionid or "", "file": customer or ""})
        name = key or "file:" + _hash(order_id, product, sku, at)
        out.append((name[:100], order_id, at, abs(amount), product, sku, abs(quantity or 0), reason or "", person or None))
    return out


def write_refunds(job: Job, spool: Spool) -> None:
    """Returns by their after-sale number; the order is looked up and may be unknown."""
    counts = job.counts
    unknown = 0
    for rows in spool:
        found = {
            r[0]: r[1:]
            for r in fetch(
                m.Order,
                job.shop.pk,
                "order_id",
                sorted({r[1] for r in rows if r[1]}),
                ["order_id", "id", "customer_id", "created_at"],
            )
        }
        loose = sorted({(r[8], r[2]) for r in rows if r[8] and r[1] not in found})
        people = dict(zip([k for k, _ in loose], resolve(job.shop, [(k, at, None, None, None) for k, at in loose]), strict=True))
        out = []
        for key, order_id, at, amount, product, sku, quantity, reason, person in rows:
            order_pk, customer, created = found.get(order_id, (None, people.get(person), None))
            unknown += bool(order_id) and order_pk is None
            out.append((key, order_pk, customer, product, sku, quantity, amount, stamp(at), reason[:200], "file"))
            counts.touch(at, None if created is None else micros(created))
            counts.refund_fen += amount
        merge(
            m.Refund, job.shop.pk, ("refund_key", "order_id", "customer_id", "product_id", "sku_id", "quantity", "amount_fen", "at", "reason", "source"), out,
            key=("refund_key",), anchor="refund_key", compare=("order_id", "customer_id", "product_id", "quantity", "amount_fen", "at"), carry=("sku_id", "reason"),
            held=("source", "platform"), into=counts.of("refunds"),
        )  # fmt: skip
        job.step(len(rows))
    if unknown:
        counts.notes.append(f"{unknown} 笔退款的订单不在账本里，已记退款，未关联订单")
    counts.tables |= {*ORDER_TABLES, "customers"}


# ------------------------------------------------------------------------------------------------ goods


def read_products(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(product, SKU, code, title, attributes, category, price 分, stock, status, image)."""
    reader.require(batch, ("product_id", "code", "sku_id"))
    out = []
    for i, (product, sku, code, title, attributes, category, price, stock, status, image) in enumerate(
        _columns(batch, "product_id", "sku_id", "code", "title", "attributes", "category", "price", "stock", "status", "image")
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
    shop_id, counts, mapped = job.shop.pk, job.counts, job.mapped
    touched: set[str] = set()
    for rows in spool:
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
    """(SKU, day since 1970, 分)."""
    reader.require(batch, ("sku_id", "code", "product_id"), ("cost",))
    out = []
    for i, (sku, code, product, cost, since) in enumerate(_columns(batch, "sku_id", "code", "product_id", "cost", "since")):
        if i in batch.refused:
            continue
        if cost < 0:
            reader.refuse(batch, i, "cost", "成本为负", "核对这一格")
            continue
        out.extend((s, since if since is not None else job.today, cost) for s in _skus_of(job, sku, code, product))
    return out


def write_costs(job: Job, spool: Spool) -> None:
    """Costs by SKU and the day from which they hold."""
    seen: set[str] = set()
    for rows in spool:
        before = job.counts.of("costs").touched
        merge(
            m.SkuCost, job.shop.pk, ("sku_id", "since", "cost_fen", "source"), [(r[0], day_text(r[1]), r[2], "import") for r in rows], key=("sku_id", "since"),
            anchor="sku_id", compare=("cost_fen",), carry=("source",), into=job.counts.of("costs"),
        )  # fmt: skip
        if job.counts.of("costs").touched > before:
            job.counts.touch(min(r[1] for r in rows) * DAY, job.now)
        seen.update(r[0] for r in rows)
        job.step(len(rows))
    _note_unknown(job, seen)
    job.counts.tables |= {"order_lines"}


def read_stock(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(SKU, moment, units)."""
    reader.require(batch, ("sku_id", "code", "product_id"), ("quantity",))
    midnight = job.today * DAY
    out = []
    for i, (sku, code, product, quantity, at) in enumerate(_columns(batch, "sku_id", "code", "product_id", "quantity", "at")):
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
    newest: dict[str, tuple[int, int]] = {}
    for rows in spool:
        merge(
            m.StockCount, job.shop.pk, ("sku_id", "at", "quantity", "source"), [(r[0], stamp(r[1]), r[2], "import") for r in rows], key=("sku_id", "at", "source"),
            anchor="sku_id", compare=("quantity",), into=job.counts.of("stock"),
        )  # fmt: skip
        for sku, at, quantity in rows:
            if sku not in newest or at >= newest[sku][0]:
                newest[sku] = (at, quantity)
        job.step(len(rows))
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE facts_sku SET stock = %s WHERE shop_id = %s AND sku_id = %s AND NOT EXISTS (SELECT 1 FROM facts_product p WHERE p.shop_id = facts_sku.shop_id "
            "AND p.product_id = facts_sku.product_id AND p.platform_updated_at IS NOT NULL)",
            [(q, job.shop.pk, sku) for sku, (_, q) in newest.items()],
        )
    _note_unknown(job, set(newest))
    job.counts.tables |= {"products"}


# ------------------------------------------------------------------------------------------------ money spent, visits

_SPEND = ("views", "clicks", "new_customers", "orders", "order_amount")


def read_spend(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(day since 1970, channel, campaign, 分, views, clicks, new customers, orders, order 分)."""
    reader.require(batch, ("day",), ("cost",))
    out = []
    for i, (day, channel, campaign, cost, *rest) in enumerate(_columns(batch, "day", "channel", "campaign", "cost", *_SPEND)):
        if i in batch.refused:
            continue
        if cost < 0:
            reader.refuse(batch, i, "cost", "花费为负", "退回的花费请从当日花费里扣除后填写")
            continue
        out.append((day, channel or "unknown", (campaign or "")[:80], cost, *rest))
    return out


def write_spend(job: Job, spool: Spool) -> None:
    """Spend by day, channel and campaign; rows of one key within a file (ads of one campaign) add up."""
    sums: dict[Row, list[Any]] = {}
    total = 0
    for rows in spool:
        total += len(rows)
        for day, channel, campaign, *numbers in rows:
            into = sums.setdefault((day, channel, campaign), [None] * len(numbers))
            for place, value in enumerate(numbers):
                if value is not None:
                    into[place] = value + (into[place] or 0)
    counts = job.counts
    rows = [(day_text(k[0]), k[1], k[2], *v, "import") for k, v in sums.items()]
    columns = (
        "day",
        "channel",
        "campaign",
        "cost_fen",
        "views",
        "clicks",
        "platform_new_customers",
        "platform_orders",
        "platform_order_fen",
        "source",
    )
    merge(
        m.Spend,
        job.shop.pk,
        columns,
        rows,
        key=("day", "channel", "campaign", "source"),
        anchor="day",
        compare=columns[3:9],
        into=counts.of("spend"),
    )
    for key in sums:
        counts.touch(key[0] * DAY)
    if "channel" not in job.mapped:
        counts.notes.append("没有渠道列：花费记在“未知来源”下，分渠道获客成本会算不出")
    job.step(total)
    counts.tables |= {"spend"}


_VISITS = (
    "sessions",
    "page_views",
    "visitors",
    "new_visitors",
    "share_visitors",
    "share_views",
    "total_visitors",
    "stay",
    "depth",
)


def read_visits(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(day since 1970, sessions, page views, …)."""
    reader.require(batch, ("day",))
    out = []
    for i, (day, *numbers) in enumerate(_columns(batch, "day", *_VISITS)):
        if i in batch.refused:
            continue
        if any(n is not None and n < 0 for n in numbers):
            key = next(k for k, n in zip(_VISITS, numbers, strict=True) if n is not None and n < 0)
            reader.refuse(batch, i, key, "访问数据为负", "核对这一格")
            continue
        out.append((day, *numbers))
    return out


def write_visits(job: Job, spool: Spool) -> None:
    """Whole-shop figures by day."""
    columns = (
        "day",
        "sessions",
        "page_views",
        "visitors",
        "new_visitors",
        "share_visitors",
        "share_views",
        "total_visitors",
        "stay_seconds_per_session",
        "visit_depth",
    )
    for rows in spool:
        merge(
            m.DailyVisit,
            job.shop.pk,
            columns,
            [(day_text(r[0]), *r[1:]) for r in rows],
            key=("day",),
            anchor="day",
            compare=columns[1:],
            into=job.counts.of("visits"),
        )
        for row in rows:
            job.counts.touch(row[0] * DAY)
        job.step(len(rows))
    job.counts.tables |= {"daily_visits"}


# ------------------------------------------------------------------------------------------------ behaviour, reviews


def read_events(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(key, moment, kind, person, session, page, product, SKU, channel, scene, device, region)."""
    reader.require(batch, ("at",), ("kind",), ("openid", "unionid", "visitor"))
    out = []
    for i, (key, at, word, openid, unionid, visitor, session, page, product, sku, channel, scene, device, region) in enumerate(
        _columns(
            batch,
            "event_id",
            "at",
            "kind",
            "openid",
            "unionid",
            "visitor",
            "session",
            "page",
            "product_id",
            "sku_id",
            "channel",
            "scene",
            "device",
            "region",
        )
    ):
        if i in batch.refused:
            continue
        kind = fields.event_kind(word)
        if kind == "order":
            reader.refuse(batch, i, "kind", "下单与支付取自订单，不从行为日志导入", "不用处理；请导入订单表")
            continue
        if not kind:
            reader.refuse(batch, i, "kind", f"不认识的行为“{word[:20]}”", "改成：浏览页面、浏览商品、加购、分享、打开邀请 之一")
            continue
        if kind == "page_view" and product:
            kind = "product_view"
        ids = {"unionid": unionid or "", "openid": openid or "", "visitor": visitor or ""}
        person = "\x1f".join(part for k in ("unionid", "openid", "visitor") if ids[k] for part in (k, ids[k]))
        name = key if key and len(key) <= 64 else _hash(at, kind, person, session, page, product, sku)
        out.append(
            (
                name,
                at,
                kind,
                person,
                (session or "")[:64],
                (page or "")[:200],
                product or "",
                sku or "",
                (channel or "")[:40],
                (scene or "")[:20],
                (device or "")[:20],
                (region or "")[:40],
            )
        )
    return out


def write_events(job: Job, spool: Spool) -> None:
    """The behaviour log, append-only: an event that is there already is left as it is."""
    merged = job.counts.of("events")
    columns = (
        "event_key",
        "at",
        "kind",
        "customer_id",
        "session",
        "page",
        "product_id",
        "sku_id",
        "channel",
        "scene",
        "device",
        "region",
    )
    writer = Writer(m.Event, columns, key=("shop_id", "event_key"), shop_id=job.shop.pk)
    people: dict[str, int] = {}
    everybody: set[int] = set()
    for rows in spool:
        if len(people) > 200_000:
            people.clear()
        first: dict[str, Row] = {}
        for row in rows:
            if row[3] not in people and (row[3] not in first or row[1] < first[row[3]][1]):
                first[row[3]] = row
        keys = list(first)
        people.update(
            zip(keys, resolve(job.shop, [(k, first[k][1], first[k][11], first[k][8], first[k][10]) for k in keys]), strict=True)
        )
        everybody.update(people[k] for k in keys)
        written = writer.write([(r[0], stamp(r[1]), r[2], people[r[3]], *r[4:]) for r in rows])
        merged.inserted += written
        merged.unchanged += len(rows) - written
        job.counts.unchanged_rows += len(rows) - written
        if written:
            for row in rows:
                job.counts.touch(row[1])
        job.step(len(rows))
    job.counts.customers = len(everybody)
    job.counts.tables |= {"events", "customers"}


def read_reviews(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(key, moment, product, order id, person, rating, sealed text, has pictures)."""
    reader.require(batch, ("at",), ("text", "rating"))
    out = []
    for i, (key, at, text, rating, product, order_id, openid, customer, pictures) in enumerate(
        _columns(batch, "review_id", "at", "text", "rating", "product_id", "order_id", "openid", "customer_id", "pictures")
    ):
        if i in batch.refused:
            continue
        if rating is not None and not 0 <= rating <= 100:
            reader.refuse(batch, i, "rating", "评分不在 0 到 100 之间", "核对这一格")
            continue
        name = key or "file:" + _hash(order_id, product, at, text, openid, customer)
        sealed = vault.seal(text, shop_id=job.shop.pk) if text else None
        person = person_key({"openid": openid or "", "file": customer or ""}) or None
        out.append(
            (
                name[:100],
                at,
                product or "",
                order_id or "",
                person,
                None if rating is None else round(rating),
                sealed,
                bool(pictures),
            )
        )
    return out


def write_reviews(job: Job, spool: Spool) -> None:
    """Reviews by their number, or by what they say about what."""
    columns = ("review_key", "at", "product_id", "order_id", "customer_id", "rating", "text_sealed", "has_pictures")
    compare = [
        c
        for c, k in (
            ("at", "at"),
            ("product_id", "product_id"),
            ("order_id", "order_id"),
            ("rating", "rating"),
            ("has_pictures", "pictures"),
        )
        if k in job.mapped
    ]
    for rows in spool:
        people = sorted({(r[4], r[1]) for r in rows if r[4]})
        found = dict(zip([p[0] for p in people], resolve(job.shop, [(k, at, None, None, None) for k, at in people]), strict=True))
        merge(
            m.Review, job.shop.pk, columns, [(r[0], stamp(r[1]), r[2], r[3], found.get(r[4]), *r[5:]) for r in rows], key=("review_key",), anchor="review_key",
            compare=compare, carry=("customer_id", "text_sealed"), into=job.counts.of("reviews"),
        )  # fmt: skip
        job.step(len(rows))


Reader = Callable[[RowReader, Batch, Job], list[Row]]
PLAIN: dict[str, tuple[Reader, Callable[[Job, Spool], None]]] = {
    "refunds": (read_refunds, write_refunds), "products": (read_products, write_products), "costs": (read_costs, write_costs), "stock": (read_stock, write_stock),
    "spend": (read_spend, write_spend), "visits": (read_visits, write_visits), "events": (read_events, write_events), "reviews": (read_reviews, write_reviews),
}  # fmt: skip
SHOWN: dict[str, Sequence[str]] = {
    "refunds": ("售后单号", "订单号", "退款时间", "退款金额", "商品", "SKU", "数量", "原因", "买家"),
    "products": ("商品", "SKU", "商品编码", "名称", "规格", "类目", "售价", "库存", "状态", "主图"),
    "costs": ("SKU", "生效日期", "成本"), "stock": ("SKU", "盘点时间", "数量"),
    "spend": ("日期", "渠道", "计划", "花费", "曝光", "点击", "平台记新客", "平台记订单数", "平台记成交额"),
    "visits": ("日期", "打开次数", "访问次数", "访问人数", "新访客", "分享人数", "分享次数", "累计用户", "次均停留秒数", "平均访问深度"),
    "events": ("事件编号", "时间", "行为", "访客", "会话", "页面", "商品", "SKU", "渠道", "场景", "设备", "地区"),
    "reviews": ("评价编号", "时间", "商品", "订单号", "买家", "评分", "内容", "有图"),
}  # fmt: skip


def plain_parsers(kind: str) -> dict[str, Callable[[str], Any]]:
    """Readers of fields that need more than their type."""
    if kind == "refunds":
        return {"status": fields.aftersale_done}
    return {"channel": fields.channel_key, "region": cells.region} if kind in {"spend", "events"} else {}


def person_shown(key: str | None) -> str:
    """A person's id in a preview, shortened: enough to recognise, too little to copy."""
    if not key:
        return ""
    value = next(iter(person_ids(key).values()))
    return value if len(value) <= 8 else value[:6] + "…"
