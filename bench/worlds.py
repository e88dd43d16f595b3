"""Synthetic input of any size for the benchmarks: a lake of events and orders, order files as csv and xlsx.

Seeded, vectorised, written in time order. Nothing here is real data and nothing of it is ever shown as such.
"""

from __future__ import annotations

import csv
import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zhanggui.facts.lake_schema import TABLES

CHANNELS = np.array(["search", "ads", "article", "live", "group", "chat", "invite", "direct"])
KINDS = np.array(["public", "public", "public", "public", "private", "private", "fission", "private"])
TIERS = np.array(["", "普通", "银卡", "金卡"])
DEVICES = np.array(["iOS", "Android", "PC"])
REGIONS = np.array(["广东", "浙江", "江苏", "北京", "四川", "湖北", "福建", "山东"])
FIRST = date(2026, 1, 1)
DAYS = 90


def _table(name: str, columns: dict[str, np.ndarray | pa.Array]) -> pa.Table:
    schema = TABLES[name].schema
    size = len(next(iter(columns.values())))
    arrays = [pa.array(columns[f.name], type=f.type) if f.name in columns else pa.nulls(size, f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _write(lake: Path, name: str, shop: int, table: pa.Table) -> None:
    spec = TABLES[name]
    if not spec.monthly:
        folder = lake / name / f"shop={shop}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / "data.parquet", compression="zstd")
        return
    months = np.array(table["day"].to_numpy(), dtype="datetime64[M]")
    edges = np.flatnonzero(np.r_[True, months[1:] != months[:-1], True])
    for start, end in itertools.pairwise(edges):
        folder = lake / name / f"shop={shop}" / f"month={months[start]}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(start, end - start), folder / "data.parquet", compression="zstd")


def write_lake(lake: Path, events: int, *, shop: int = 1, seed: int = 7) -> dict[str, int]:
    """Writes a lake of about `events` events over 90 days for `shop`; the counts of what was written come back.

    Customers' activity is Zipf-like (weight rank^-0.8), sessions go view → cart → order → pay with a long-tailed delay.
    """
    g = np.random.default_rng(seed)
    people = max(1000, events // 20)
    sessions = int(events / 3.5)
    weight = np.cumsum(np.arange(1, people + 1) ** -0.8)
    who = g.permutation(people)[np.searchsorted(weight / weight[-1], g.random(sessions))]
    start = g.integers(0, DAYS, sessions) * 86400 + np.clip(g.normal(19, 4, sessions), 0, 23.9) * 3600
    views = g.geometric(0.35, sessions)
    cart = g.random(sessions) < 0.30
    order = cart & (g.random(sessions) < 0.62)
    pay = order & (g.random(sessions) < 0.88)
    channel = g.choice(len(CHANNELS), sessions, p=[0.2, 0.15, 0.1, 0.1, 0.2, 0.1, 0.05, 0.1])
    product = np.minimum(g.zipf(1.4, sessions), 600)
    device, region, tier = g.integers(0, 3, sessions), g.integers(0, 8, sessions), g.integers(0, 4, sessions)

    parts: list[tuple[np.ndarray, np.ndarray, int]] = []
    each = np.repeat(np.arange(sessions), views)
    nth = np.arange(len(each)) - np.repeat(np.cumsum(views) - views, views)
    parts.append((each, start[each] + nth * 45 + g.integers(0, 40, len(each)), 1))
    for kind, mask, delay in (
        (2, cart, views * 45 + g.exponential(300, sessions)),
        (3, order, views * 45 + 700 + g.exponential(600, sessions)),
        (4, pay, views * 45 + 1400 + g.lognormal(6.0, 1.6, sessions)),
    ):
        at = np.flatnonzero(mask)
        parts.append((at, start[at] + delay[at], kind))
    session = np.concatenate([p[0] for p in parts])
    seconds = np.concatenate([p[1] for p in parts])
    kind = np.concatenate([np.full(len(p[0]), p[2], np.int8) for p in parts])
    keep = seconds < DAYS * 86400
    session, seconds, kind = session[keep], seconds[keep], kind[keep]
    by_time = np.argsort(seconds, kind="stable")
    session, seconds, kind = session[by_time], seconds[by_time], kind[by_time]

    midnight = datetime.combine(FIRST, datetime.min.time(), UTC) - timedelta(hours=8)  # Shanghai midnight
    base = np.datetime64(midnight.replace(tzinfo=None), "us")
    ts = base + (seconds * 1e6).astype("timedelta64[us]")
    day = np.datetime64(FIRST, "D") + (seconds // 86400).astype("timedelta64[D]")
    amount = (g.lognormal(4.3, 0.7, sessions) * 100).astype(np.int64)
    bought = kind >= 3
    names = np.array(["page_view", "product_view", "add_to_cart", "order", "pay"])
    order_ids = np.char.add("9", np.char.zfill(session.astype(str), 18))
    ids = np.char.add("p", np.arange(601).astype(str))
    paid_rows = np.flatnonzero(kind == 4)
    first_paid = np.full(people, np.iinfo(np.int64).max)
    np.minimum.at(first_paid, who[session[paid_rows]], seconds[paid_rows].astype(np.int64))
    common = {
        "customer": who[session].astype(np.int32), "channel": CHANNELS[channel[session]], "channel_kind": KINDS[channel[session]],
        "device": DEVICES[device[session]], "region": REGIONS[region[session]], "tier": TIERS[tier[session]],
        "is_new": (first_paid[who[session]] // 86400 >= (seconds // 86400).astype(np.int64)),
    }  # fmt: skip
    _write(lake, "events", shop, _table("events", {
        "ts": ts, "day": day, "kind": names[kind], "session": session.astype(str), "page": np.full(len(ts), "pages/product/index"),
        "product_id": ids[product[session]], "sku_id": ids[product[session]],
        "order_id": pa.array(order_ids, mask=~bought), "amount_fen": pa.array(np.where(bought, amount[session], 0), mask=~bought), **common,
    }))  # fmt: skip

    made = np.flatnonzero(kind == 3)
    of = session[made]
    paid_at = np.full(sessions, np.nan)
    paid_at[session[paid_rows]] = seconds[paid_rows]
    paid = ~np.isnan(paid_at[of])
    paid_seconds = np.where(paid, np.nan_to_num(paid_at[of]), 0)
    rank = np.lexsort((paid_seconds, who[of]))
    nth_order = np.zeros(len(of), np.int32)
    running, last = 0, -1
    for i in rank:
        if who[of[i]] != last:
            running, last = 0, who[of[i]]
        if paid[i]:
            running += 1
            nth_order[i] = running
    paid_ts = pa.array(base + (paid_seconds * 1e6).astype("timedelta64[us]"), mask=~paid)
    paid_day = pa.array(np.datetime64(FIRST, "D") + (paid_seconds // 86400).astype("timedelta64[D]"), mask=~paid)
    shared = {k: (v[made]) for k, v in common.items()}
    _write(lake, "orders", shop, _table("orders", {
        "order_id": order_ids[made], "day": day[made], "created_at": ts[made], "paid_at": paid_ts, "paid_day": paid_day,
        "status": np.where(paid, "done", "cancelled"), "goods_fen": amount[of], "discount_fen": np.zeros(len(of), np.int64),
        "freight_fen": np.zeros(len(of), np.int64), "paid_fen": amount[of], "refunded_fen": np.zeros(len(of), np.int64),
        "units": np.ones(len(of), np.int64), "nth": pa.array(nth_order, mask=~paid), "is_gift": np.zeros(len(of), bool), **shared,
    }))  # fmt: skip
    lines = np.flatnonzero(paid)
    _write(lake, "order_lines", shop, _table("order_lines", {
        "order_id": order_ids[made][lines], "line_no": np.ones(len(lines), np.int32), "day": day[made][lines],
        "paid_day": paid_day.filter(pa.array(paid)), "product_id": ids[product[of]][lines], "sku_id": ids[product[of]][lines],
        "category": np.full(len(lines), "点心"), "is_goods": np.ones(len(lines), bool), "quantity": np.ones(len(lines), np.int64),
        "paid_fen": amount[of][lines], "cost_fen": amount[of][lines] * 45 // 100, **{k: v[lines] for k, v in shared.items()},
    }))  # fmt: skip
    return {"events": len(ts), "customers": people, "sessions": sessions, "orders": len(made), "paid": int(paid.sum())}


HEADER = ["订单号", "下单时间", "支付时间", "订单状态", "商品ID", "商品名称", "SKU编码", "数量", "商品单价(元)", "实付金额(元)", "运费(元)",
          "买家openid", "省份", "备注"]  # fmt: skip


def order_rows(rows: int, seed: int = 11):  # type: ignore[no-untyped-def]
    """`rows` order rows (one line each) as lists of text and numbers, columns as in HEADER."""
    g = np.random.default_rng(seed)
    start = datetime(2025, 1, 1, 8)  # noqa: DTZ001 - a table's wall clock
    who = g.integers(0, max(10, rows // 6), rows)
    product, quantity = g.integers(1, 400, rows), g.integers(1, 4, rows)
    minutes = np.sort(g.integers(0, 60 * 24 * 500, rows))
    for i in range(rows):
        at = start + timedelta(minutes=int(minutes[i]))
        price = 9.9 + int(product[i]) % 90
        count = int(quantity[i])
        text = at.strftime("%Y-%m-%d %H:%M:%S")
        yield [f"37{i:017d}", text, text, "已完成", f"10{product[i]:06d}", f"手作点心礼盒{product[i]}号", f"SKU{product[i]}-A", count,
               round(price, 2), round(price * count, 2), 0, f"oBuyer{who[i]:022d}", str(REGIONS[i % 8]), "请尽快发货"]  # fmt: skip


def write_csv(path: Path, rows: int) -> None:
    """An order export as csv, UTF-8 with BOM."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(order_rows(rows))


def write_xlsx(path: Path, rows: int) -> None:
    """The same export as xlsx (constant memory)."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("订单")
        sheet.write_row(0, 0, HEADER)
        for i, row in enumerate(order_rows(rows), 1):
            sheet.write_row(i, 0, row)
