"""What comes after a sale, out of files: refunds and reviews."""

from __future__ import annotations

from zhanggui.facts import bulk
from zhanggui.facts import models as m
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.dirty import ORDER_TABLES
from zhanggui.facts.files.cells import MICRO
from zhanggui.facts.files.merge import fetch, merge, stamp
from zhanggui.facts.files.order_parts import person_key
from zhanggui.facts.files.plain_job import Job, Row, columns, digest
from zhanggui.facts.files.rows import Batch, RowReader
from zhanggui.facts.files.sink import SOURCE, Spool, micros, resolve
from zhanggui.kernel import vault


def read_refunds(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(key, order id, moment, 分, product, SKU, units, reason, person)."""
    reader.require(batch, ("refund_id", "order_id"), ("at",), ("amount",))
    out = []
    rows = columns(
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
        name = f"as:{key}" if key else "row:" + digest(order_id, product, sku, at)
        out.append((name[:100], order_id, at, abs(amount), product, sku, abs(quantity or 0), reason or "", person or None))
    return out


_REFUND = ("refund_key", "order_id", "customer_id", "product_id", "sku_id", "quantity", "amount_fen", "at", "reason", "source")


def write_refunds(job: Job, spool: Spool) -> None:
    """Returns by their after-sale number; the order is looked up and may be unknown.

    For orders that the platform tells us of, after-sales without a number are the platform's to tell. What the rows of an order file said
    about the refunds of an order gives way to its after-sales.
    """
    lock_shop(job.shop)
    counts, unknown, held = job.counts, 0, 0
    for rows in spool:
        wanted = sorted({r[1] for r in rows if r[1]})
        found = {
            r[0]: r[1:]
            for r in fetch(m.Order, job.shop.pk, "order_id", wanted, ["order_id", "id", "customer_id", "created_at", "source"])
        }
        loose = sorted({(r[8], r[2]) for r in rows if r[8] and r[1] not in found})
        people = dict(zip([k for k, _ in loose], resolve(job.shop, [(k, at, None, None, None) for k, at in loose]), strict=True))
        out: list[Row] = []
        for key, order_id, at, amount, product, sku, quantity, reason, person in rows:
            order_pk, customer, created, source = found.get(order_id, (None, people.get(person), None, ""))
            if order_pk is not None and source != SOURCE and not key.startswith("as:"):
                held += 1
                continue
            unknown += bool(order_id) and order_pk is None
            out.append((key, order_pk, customer, product, sku, quantity, amount, stamp(at), reason[:200], SOURCE))
            counts.touch(at, None if created is None else micros(created))
            counts.refund_fen += amount
        merge(
            m.Refund, job.shop.pk, _REFUND, out, key=("refund_key",), anchor="refund_key", compare=("order_id", "customer_id", "product_id", "quantity", "amount_fen", "at"),
            carry=("sku_id", "reason"), held=("source", "platform"), into=counts.of("refunds"),
        )  # fmt: skip
        _give_way(job, [row[1] for row in out if row[1] is not None])
        job.step(len(rows))
    counts.held_rows += held
    if held:
        counts.notes.append(f"{held} 笔退款属于平台已同步的订单又没有售后单号，以平台的售后为准，没有改动")
    if unknown:
        counts.notes.append(f"{unknown} 笔退款的订单不在账本里，已记退款，未关联订单")
    counts.tables |= {*ORDER_TABLES, "customers"}


def _give_way(job: Job, order_pks: list[int]) -> None:
    """Removes what order files said about the refunds of orders whose after-sales we now have."""
    for batch in bulk.chunks(order_pks, 900):
        gone = m.Refund.objects.filter(shop=job.shop, order_id__in=batch, source=SOURCE, refund_key__startswith="file")
        for at in gone.values_list("at", flat=True):
            job.counts.touch(int(at.timestamp()) * MICRO)
        job.counts.of("refunds").updated += gone.delete()[0]


def read_reviews(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(key, moment, product, order id, person, rating, sealed text, has pictures). Without a column of times: the day of the import."""
    reader.require(batch, ("at",), ("text", "rating"))
    out = []
    today = job.start_of(job.today)
    for i, (key, at, text, rating, product, order_id, openid, customer, pictures) in enumerate(
        columns(batch, "review_id", "at", "text", "rating", "product_id", "order_id", "openid", "customer_id", "pictures")
    ):
        if i in batch.refused:
            continue
        if rating is not None and not 0 <= rating <= 100:
            reader.refuse(batch, i, "rating", "评分不在 0 到 100 之间", "核对这一格")
            continue
        name = key or "file:" + digest(order_id, product, at, text, openid, customer)
        sealed = vault.seal(text, shop_id=job.shop.pk) if text else None
        person = person_key({"openid": openid or "", "file": customer or ""}) or None
        out.append(
            (
                name[:100],
                today if at is None else at,
                product or "",
                order_id or "",
                person,
                None if rating is None else round(rating),
                sealed,
                bool(pictures),
            )
        )
    return out


_REVIEW = ("review_key", "at", "product_id", "order_id", "customer_id", "rating", "text_sealed", "has_pictures")
_TEXT = _REVIEW.index("text_sealed")


def write_reviews(job: Job, spool: Spool) -> None:
    """Reviews by their number, or by what they say about what. Those of people who were erased stay as they are."""
    lock_shop(job.shop)
    fields = {
        "at": "at",
        "product_id": "product_id",
        "order_id": "order_id",
        "rating": "rating",
        "text_sealed": "text",
        "has_pictures": "pictures",
    }
    compare = [column for column, key in fields.items() if key in job.mapped]
    merged = job.counts.of("reviews")
    for rows in spool:
        known, erased = _known_reviews(job, [r[0] for r in rows])
        open_ = [r for r in rows if r[0] not in erased]
        merged.unchanged += len(rows) - len(open_)
        people = sorted({(r[4], r[1]) for r in open_ if r[4]})
        found = dict(zip([p[0] for p in people], resolve(job.shop, [(k, at, None, None, None) for k, at in people]), strict=True))
        out = []
        for key, at, *rest in open_:
            row = [key, stamp(at), *rest]
            row[4] = found.get(row[4])
            row[_TEXT] = _same_text(job, row[_TEXT], known.get(key))
            out.append(row)
        merge(
            m.Review,
            job.shop.pk,
            _REVIEW,
            out,
            key=("review_key",),
            anchor="review_key",
            compare=compare,
            carry=("customer_id",),
            into=merged,
        )
        job.step(len(rows))


def _known_reviews(job: Job, keys: list[str]) -> tuple[dict[str, bytes], set[str]]:
    """The sealed texts of reviews that are there already, and which reviews belong to somebody who was erased."""
    texts, erased = {}, set()
    for batch in bulk.chunks(keys, 900):
        rows = m.Review.objects.filter(shop=job.shop, review_key__in=batch)
        for key, text, gone in rows.values_list("review_key", "text_sealed", "customer__erased_at"):
            if gone is not None:
                erased.add(key)
            elif text is not None:
                texts[key] = bytes(text)
    return texts, erased


def _same_text(job: Job, sealed: bytes | None, before: bytes | None) -> bytes | None:
    """The text as it is stored where it says the same: sealing makes a different blob of it every time."""
    if sealed is None or before is None:
        return sealed
    same = vault.unseal(sealed, shop_id=job.shop.pk) == vault.unseal(before, shop_id=job.shop.pk)
    return before if same else sealed
