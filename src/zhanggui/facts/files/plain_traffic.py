"""Where attention went, out of files: spend per channel, visits per day, the behaviour log."""

from __future__ import annotations

from typing import Any

from zhanggui.facts import models as m
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.files import fields
from zhanggui.facts.files.merge import Writer, day_text, merge, stamp
from zhanggui.facts.files.plain_job import Job, Row, columns, digest
from zhanggui.facts.files.rows import Batch, RowReader
from zhanggui.facts.files.sink import Spool, resolve

_SPEND = ("views", "clicks", "new_customers", "orders", "order_amount")


def read_spend(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(day since 1970, channel, campaign, 分, views, clicks, new customers, orders, order 分)."""
    reader.require(batch, ("day",), ("cost",))
    out = []
    for i, (day, channel, campaign, cost, *rest) in enumerate(columns(batch, "day", "channel", "campaign", "cost", *_SPEND)):
        if i in batch.refused:
            continue
        if cost < 0:
            reader.refuse(batch, i, "cost", "花费为负", "退回的花费请从当日花费里扣除后填写")
            continue
        out.append((day, channel or "unknown", (campaign or "")[:80], cost, *rest))
    return out


def write_spend(job: Job, spool: Spool) -> None:
    """Spend by day, channel and campaign; rows of one key within a file (ads of one campaign) add up."""
    lock_shop(job.shop)
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
        counts.touch(job.start_of(key[0]))
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
    for i, (day, *numbers) in enumerate(columns(batch, "day", *_VISITS)):
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
    lock_shop(job.shop)
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
            job.counts.touch(job.start_of(row[0]))
        job.step(len(rows))
    job.counts.tables |= {"daily_visits"}


# ------------------------------------------------------------------------------------------------ behaviour, reviews


def read_events(reader: RowReader, batch: Batch, job: Job) -> list[Row]:
    """(key, moment, kind, person, session, page, product, SKU, channel, scene, device, region)."""
    reader.require(batch, ("at",), ("kind",), ("openid", "unionid", "visitor"))
    out = []
    for i, (key, at, word, openid, unionid, visitor, session, page, product, sku, channel, scene, device, region) in enumerate(
        columns(
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
        name = key if key and len(key) <= 64 else digest(at, kind, person, session, page, product, sku)
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
    lock_shop(job.shop)
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
