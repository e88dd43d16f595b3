"""The whole catalogue agrees with plain pandas: on a public shop's file, on a made-up one like it, and on the emulator's market."""

from __future__ import annotations

import csv
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.db import transaction

from zhanggui.facts import lake
from zhanggui.facts.channels import kind_of
from zhanggui.facts.files import fields
from zhanggui.facts.files.tables import read_orders
from zhanggui.kernel.clock import SHANGHAI
from zhanggui.metrics import commands, queries
from zhanggui.metrics.catalogue import ALL, BY_KEY
from zhanggui.metrics.tests.plain import Plain, frame, same

PUBLIC = Path(__file__).resolve().parents[5] / "shared" / "data" / "online_retail_uci" / "transactions.csv.gz"
HEAD = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]


# -- a file like the public one ----------------------------------------------------------------------------------------------------------


def invoices(path: Path, seed: int, days: int = 430, people: int = 90) -> None:
    """A year and more of invoices with all the public file's oddities: returns, adjustments, free and written-off goods, nameless buyers."""
    r = random.Random(seed)
    number, rows = 500000, []
    begin = datetime(2030, 11, 25, 7)
    goods = [
        (f"{21000 + n}{r.choice(('', 'A'))}", f"GOOD {n}", r.choice(("0.85", "1.25", "2.1", "4.95", "12.75", "0.001", "0.425")))
        for n in range(40)
    ]
    goods += [("POST", "POSTAGE", "18.00"), ("M", "Manual", "7.5")]
    bought: list[tuple[str, datetime, list[Any]]] = []
    for day in range(days):
        for _ in range(r.randrange(0, 5)):
            number += 1
            who = str(r.randrange(12000, 12000 + people)) if r.random() < 0.85 else ""
            at = begin + timedelta(days=day, minutes=r.randrange(0, 14 * 60))
            free = r.random() < 0.05
            lines = [
                [code, name, r.randrange(1, 60), "0" if free or r.random() < 0.03 else price]
                for code, name, price in r.sample(goods, r.randrange(1, 6))
            ]
            if r.random() < 0.1:
                lines.append(list(lines[0]))  # the same twice, as the public file has it
            rows += [[str(number), code, name, q, at, price, who, "United Kingdom"] for code, name, q, price in lines]
            if who and not free:
                bought.append((who, at, lines))
        if bought and r.random() < 0.35:
            number += 1
            who, at, lines = r.choice(bought)
            back = at + timedelta(days=r.randrange(0, 20), minutes=5)
            for code, name, q, price in r.sample(lines, 1 if r.random() < 0.7 else len(lines)):
                rows.append(
                    [
                        f"C{number}",
                        code,
                        name,
                        -r.choice((q, 1, q + 1)),
                        back,
                        price,
                        who if r.random() < 0.95 else "",
                        "United Kingdom",
                    ]
                )
        if r.random() < 0.05:
            number += 1
            rows.append(
                [str(number), goods[0][0], "lost", -r.randrange(1, 9), begin + timedelta(days=day), "0", "", "United Kingdom"]
            )
    rows.append([f"A{number + 1}", "B", "Adjust bad debt", 1, begin + timedelta(days=50), "-11062.06", "", "United Kingdom"])
    rows.append([f"C{number + 2}", "M", "Manual", 1, begin + timedelta(days=51), "373.57", "", "United Kingdom"])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        writer.writerows(sorted(([*row[:4], row[4].strftime("%Y-%m-%d %H:%M:%S"), *row[5:]] for row in rows), key=lambda x: x[4]))


def plain_invoices(path: Path) -> Plain:
    """Such a file cleaned in pandas as everybody cleans it: sales have goods and no C, cancellations are refunds, the rest is neither."""
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    micro = (raw["UnitPrice"].astype(float) * 1_000_000).round().astype(np.int64)
    quantity = raw["Quantity"].astype(np.int64)
    raw["fen"] = ((micro * quantity.abs()).abs() + 5_000) // 10_000
    raw["quantity"], raw["at"] = quantity.abs(), pd.to_datetime(raw["InvoiceDate"])
    letter = raw["InvoiceNo"].str[0]
    sales, back = (
        raw[(letter.str.isdigit()) & (quantity > 0) & (micro >= 0)],
        raw[(letter == "C") & (quantity < 0) & (raw["fen"] > 0)].copy(),
    )
    back["CustomerID"] = back.groupby("InvoiceNo")["CustomerID"].transform("max")  # one invoice, one customer
    sales = sales[sales.groupby("InvoiceNo")["fen"].transform("sum") > 0]  # an invoice over nothing is no sale
    by = sales.groupby("InvoiceNo", sort=False)
    orders = pd.DataFrame({
        "created": by["at"].first(), "paid": by["at"].first(), "paid_fen": by["fen"].sum(), "goods_fen": by["fen"].sum(), "customer": by["CustomerID"].max(),
    }).reset_index().rename(columns={"InvoiceNo": "order_id"})  # fmt: skip
    orders["customer"] = orders["customer"].where(orders["customer"] != "", None)
    orders["discount_fen"], orders["channel"], orders["kind"] = 0, "unknown", "unknown"
    lines = pd.DataFrame({
        "order_id": sales["InvoiceNo"], "line_no": by.cumcount() + 1, "product_id": sales["StockCode"], "quantity": sales["quantity"], "paid_fen": sales["fen"],
        "goods": [fields.is_goods(code, title) for code, title in zip(sales["StockCode"], sales["Description"], strict=True)], "cost_fen": np.nan,
    })  # fmt: skip
    refunds = pd.DataFrame({
        "at": back["at"], "order_id": undone(sales, back), "customer": back["CustomerID"].where(back["CustomerID"] != "", None), "amount_fen": back["fen"],
    })  # fmt: skip
    horizon = max(sales["at"].max(), back["at"].max()).date()
    return Plain(orders, lines, refunds, horizon)


def undone(sales: pd.DataFrame, back: pd.DataFrame) -> list[str | None]:
    """Which purchase each return undoes: its buyer's latest before it of that product with enough units and money left."""
    left: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    known = sales[sales["CustomerID"] != ""]
    sums = known.groupby(["CustomerID", "StockCode", "InvoiceNo"], sort=False).agg(
        at=("at", "first"), quantity=("quantity", "sum"), fen=("fen", "sum")
    )
    paying = set(known.groupby("InvoiceNo")["fen"].sum().index)
    for (who, code, number), at, quantity, fen in zip(sums.index, sums["at"], sums["quantity"], sums["fen"], strict=True):
        if number in paying:
            left[(who, code)].append([at, number, quantity, fen])
    times = back.groupby(["InvoiceNo", "StockCode"]).cumcount() + 1
    keys = [f"file:{n}/{c}/{t}" for n, c, t in zip(back["InvoiceNo"], back["StockCode"], times, strict=True)]
    found: list[str | None] = [None] * len(back)
    rows = list(
        zip(back["at"], keys, back["CustomerID"], back["StockCode"], back["quantity"], back["fen"], range(len(back)), strict=True)
    )
    for at, _, who, code, quantity, fen, place in sorted(rows):
        for sale in sorted(left.get((who, code), ()), key=lambda s: s[0])[::-1]:
            if sale[0] <= at and sale[2] >= quantity and sale[3] >= fen:
                sale[2] -= quantity
                sale[3] -= fen
                found[place] = sale[1]
                break
    return found


# -- comparing -------------------------------------------------------------------------------------------------------------------------------

FROM_ORDERS = [m.key for m in ALL if m.shape != "spread" and m.needs[:1] in ((), ("orders",))]


def compare(answers: queries.Answers, plain: Plain, keys: list[str]) -> int:
    """Fails at the first number that differs; how many were compared."""
    wanted = plain.numbers(answers.first, answers.last)
    assert wanted.keys() == {m.key for m in ALL if m.shape != "spread"}, "the whole catalogue has a plain twin"
    given = {v.key: v for v in answers.values}
    for key in keys:
        value = given[key]
        same(key, (value.numerator, value.denominator), wanted[key])
        number = BY_KEY[key].value(*(None if n is None else float(n) for n in wanted[key]))
        if not value.missing and number is not None:
            same(key, (value.value, None), (number, None))
    assert {f"{c.start:%Y-%m}": list(c.counts) for c in answers.cohorts.rows} == plain.cohorts()
    day = min(answers.last, plain.horizon)
    cells = plain.rfm(day)
    assert answers.rfm.cells == {cell: people for cell, (people, _, _) in cells.items()}
    assert sum(s.money_fen for s in answers.rfm.segments) == sum(money for _, _, money in cells.values())
    assert sum(s.orders for s in answers.rfm.segments) == sum(orders for _, orders, _ in cells.values())
    return len(keys)


def spans_of(plain: Plain) -> list[tuple[date, date]]:
    """The whole, a stretch in the middle, one month, the last days."""
    begin = min(plain.orders["created"]).date()
    third = (plain.horizon - begin).days // 3
    month = (begin + timedelta(days=third)).replace(day=1)
    return [
        (begin, plain.horizon), (begin + timedelta(days=third), begin + timedelta(days=2 * third)),
        (month, (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)), (plain.horizon - timedelta(days=6), plain.horizon),
    ]  # fmt: skip


def file_parity(path: Path) -> None:
    plain, tables = plain_invoices(path), read_orders(path)
    with tempfile.TemporaryDirectory() as folder:
        now = lake.from_file(tables, Path(folder))
        assert now.horizon == plain.horizon
        for span in spans_of(plain):
            assert compare(queries.answers_of(now, *span), plain, FROM_ORDERS) >= 30


@pytest.mark.parametrize("seed", [1, 2])
def test_a_file_of_our_own_like_the_public_one(tmp_path: Path, seed: int) -> None:
    invoices(tmp_path / "invoices.csv", seed)
    file_parity(tmp_path / "invoices.csv")


@pytest.mark.shared
def test_the_public_shop() -> None:
    if not PUBLIC.exists():
        pytest.skip("the public data is not beside the checkout")
    file_parity(PUBLIC)


# -- the emulator's market ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """The demo market synced through the real client into the books, its behaviour log taken in, everything computed."""
    from django.conf import settings

    from zhanggui.emulator import behaviour
    from zhanggui.emulator.testing import running, small
    from zhanggui.facts import commands as books
    from zhanggui.facts import network
    from zhanggui.facts.tests.conftest import Platform

    folder, kept = tmp_path_factory.mktemp("market") / "lake", (settings.LAKE, settings.WECHAT_HOSTS)
    patch = pytest.MonkeyPatch()
    patch.setattr(network, "store_for", lambda shop_id: network.MemoryTokenStore())
    with django_db_blocker.unblock(), transaction.atomic(), ExitStack() as stack, running(small(orders=350, days=75)) as emu:
        settings.LAKE, settings.WECHAT_HOSTS = folder, dict(emu.base_urls)
        platform = Platform(emu, stack)
        for kind in ("store", "wecom", "mini", "official", "ads"):
            platform.connect(kind)
        platform.sync()
        world = platform.world
        log = behaviour.between(world, world.now - 75 * 86400, world.now)
        books.record_events(
            platform.shop, behaviour.as_rows(world, log.where(log.ts % 7 != 0))
        )  # a log with holes, as real ones have
        costs(platform.shop)
        platform.work()
        commands.refresh(platform.shop.pk)
        settings.LAKE, settings.WECHAT_HOSTS = kept
        yield platform, folder
        network.hang_up()
        transaction.set_rollback(True)
    patch.undo()


def costs(shop: Any) -> None:
    """What two thirds of the SKUs cost, some of them more from the middle on."""
    from zhanggui.facts.models import OrderLine, SkuCost

    skus = sorted(set(OrderLine.objects.filter(shop=shop).values_list("sku_id", flat=True)))
    for n, sku in enumerate(skus):
        if n % 3:
            SkuCost.objects.create(shop=shop, sku_id=sku, since=date(2025, 1, 1), cost_fen=100 + 7 * n)
        if n % 4 == 1:
            SkuCost.objects.create(shop=shop, sku_id=sku, since=date(2026, 2, 20), cost_fen=200 + 7 * n)


def plain_books(shop: Any, horizon: date) -> Plain:
    """The books as frames: what was recorded, nothing derived."""
    from zhanggui.facts.models import (
        Customer,
        DailyVisit,
        Event,
        GroupDaily,
        GroupMember,
        Order,
        OrderLine,
        Product,
        Read,
        Refund,
        SkuCost,
        Spend,
    )

    root = {c.pk: c.merged_into_id or c.pk for c in Customer.objects.filter(shop=shop)}
    while any(root[r] != r for r in root.values()):
        root = {pk: root[r] for pk, r in root.items()}
    channel = {c.pk: c.channel for c in Customer.objects.filter(shop=shop)}

    def local(moment: datetime | None) -> pd.Timestamp | None:
        return None if moment is None else pd.Timestamp(moment.astimezone(SHANGHAI).replace(tzinfo=None))

    orders = []
    for o in Order.objects.filter(shop=shop):
        who = root.get(o.customer_id)
        came_by = o.channel or channel.get(who, "") or "unknown"
        orders.append({
            "order_id": o.order_id, "created": local(o.created_at), "paid": local(o.paid_at), "customer": who, "paid_fen": o.paid_fen, "goods_fen": o.goods_fen,
            "discount_fen": o.discount_fen, "channel": came_by, "kind": kind_of(came_by), "is_gift": o.is_gift, "device": o.device, "region": o.region,
        })  # fmt: skip
    held: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for cost in SkuCost.objects.filter(shop=shop).order_by("since"):
        held[cost.sku_id].append((cost.since, cost.cost_fen))
    goods = dict(Product.objects.filter(shop=shop).values_list("product_id", "is_goods"))
    paid_day = {o["order_id"]: o["paid"].date() for o in orders if o["paid"] is not None}
    lines = []
    for line in OrderLine.objects.filter(shop=shop).select_related("order"):
        day = paid_day.get(line.order.order_id)
        cost = [fen for since, fen in held[line.sku_id] if day is not None and since <= day]
        lines.append({
            "order_id": line.order.order_id, "line_no": line.line_no, "product_id": line.product_id, "goods": goods.get(line.product_id, True), "quantity": line.quantity,
            "paid_fen": line.paid_fen, "cost_fen": cost[-1] * line.quantity if cost else np.nan,
        })  # fmt: skip
    refunds = [
        {"at": local(f.at), "order_id": f.order.order_id if f.order else None, "customer": root.get(f.order.customer_id if f.order and f.order.customer_id else f.customer_id),
         "amount_fen": f.amount_fen} for f in Refund.objects.filter(shop=shop).select_related("order")
    ]  # fmt: skip
    events, opened = [], []
    for e in Event.objects.filter(shop=shop).order_by("at", "id"):
        events.append(
            {
                "at": local(e.at),
                "customer": root[e.customer_id],
                "kind": e.kind,
                "session": e.session,
                "product_id": e.product_id,
                "channel": e.channel,
            }
        )
        if e.referrer_id and root[e.referrer_id] != root[e.customer_id]:
            opened.append((local(e.at), root[e.customer_id], root[e.referrer_id]))
    first_paid: dict[Any, pd.Timestamp] = {}
    for o in sorted((o for o in orders if o["paid"] is not None and o["paid_fen"] and o["customer"]), key=lambda o: o["paid"]):
        first_paid.setdefault(o["customer"], o["paid"])
    inviters: dict[Any, Any] = {}
    for at, who, by in opened:
        if who not in first_paid or at <= first_paid[who]:
            inviters.setdefault(who, by)
    visits = [{"day": v.day, "sessions": v.sessions, "page_views": v.page_views, "one_page": (v.depth or {}).get("1"), "depth_sessions": sum(v.depth.values()) if v.depth else None}
              for v in DailyVisit.objects.filter(shop=shop)]  # fmt: skip
    return Plain(
        frame(orders, "order_id", "created", "paid", "customer", "paid_fen", "goods_fen", "discount_fen", "channel", "kind", "is_gift", "device", "region"),
        frame(lines, "order_id", "line_no", "product_id", "goods", "quantity", "paid_fen", "cost_fen"), frame(refunds, "at", "order_id", "customer", "amount_fen"), horizon,
        frame(events, "at", "customer", "kind", "session", "product_id", "channel"),
        frame(list(Spend.objects.filter(shop=shop).values("day", "channel", "cost_fen")), "day", "channel", "cost_fen"),
        frame(visits, "day", "sessions", "page_views", "one_page", "depth_sessions"),
        frame([{"joined": local(m.joined_at), "left": local(m.left_at), "is_staff": m.is_staff} for m in GroupMember.objects.filter(shop=shop)], "joined", "left", "is_staff"),
        frame(list(GroupDaily.objects.filter(shop=shop).values("day", "owner", "chat_id", "members", "messages", "members_who_spoke")),
              "day", "owner", "chat_id", "members", "messages", "members_who_spoke"),
        frame(list(Read.objects.filter(shop=shop).values("day", "article_id", "readers", "sharers", "followers_gained", "is_running_sum")),
              "day", "article_id", "readers", "sharers", "followers_gained", "is_running_sum"),
        inviters,
    )  # fmt: skip


def test_the_emulators_market(market: tuple[Any, Path], db: None, settings: Any) -> None:
    platform, settings.LAKE = market
    now = lake.read(platform.shop)
    assert now.horizon is not None
    plain = plain_books(platform.shop, now.horizon)
    assert (
        min(len(plain.orders), len(plain.events), len(plain.spend), len(plain.members), len(plain.group_days), len(plain.reads))
        > 20
    )
    keys = [m.key for m in ALL if m.shape != "spread"]
    spoken = set()
    for first, last in spans_of(plain):
        answers = queries.answers(platform.shop.pk, first, last, ["channel"])
        assert compare(answers, plain, keys) == len(keys)
        assert [s.people for s in answers.funnel.stages] == plain.funnel(first, last)
        spoken |= {v.key for v in answers.values if v.value}
        for key in (
            "conversion.orders",
            "conversion.sales",
            "conversion.average_order_value",
            "conversion.refund_rate",
            "conversion.refund_order_rate",
        ):
            wanted = {c: p for c, p in plain.split(key, "channel", first, last).items() if any(p)}
            mine = {
                s.segment: (s.numerator, s.denominator)
                for s in answers.segments[(key, "channel")]
                if s.numerator or s.denominator
            }
            assert mine.keys() == wanted.keys(), key
            for part, pair in wanted.items():
                same(f"{key} {part}", mine[part], pair)
    silent = {m.key for m in ALL if m.shape != "spread"} - spoken
    assert {key for key in silent if not re.search(r"365|annual|_90|customers.silent|private_uplift|km_60", key)} == set(), (
        "numbers that this market never shows"
    )
