"""A shop worth looking at: the emulator's market written straight into the facts, without a server in between (演示数据).

    fill(shop, orders=1500, days=200, now=…)  →  customers, orders, refunds, visits, groups, ads, reviews; then the numbers

Only for looking and for the browser's tests: what a sync would record, in one go and in seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import numpy as np
from django.apps import apps

if not apps.ready:  # run as a script, in a process of its own
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    django.setup()

from zhanggui.emulator import behaviour
from zhanggui.emulator.catalogue import ADGROUPS, CATEGORIES, DEVICES, REGIONS, REVIEWS, STAFF
from zhanggui.emulator.hosts.wecom import group_day
from zhanggui.emulator.shopworld import CH, CHANNELS, World, date_of, day_number
from zhanggui.facts import bulk
from zhanggui.facts.dirty import mark_many
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.models import (
    AfterSale,
    Connection,
    Contact,
    Customer,
    DailyVisit,
    Event,
    Group,
    GroupDaily,
    GroupMember,
    Identity,
    ImportFile,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Shop,
    Sku,
    SkuCost,
    Spend,
    SyncState,
)  # fmt: skip
from zhanggui.kernel import clock, vault
from zhanggui.metrics import commands

STATUS = {10: "unpaid", 12: "pending", 20: "paid", 21: "shipped", 30: "shipped", 100: "done", 200: "refunded", 250: "cancelled"}
TIERS = ("", "银卡", "金卡")
DEPTHS = 7


def moment(seconds: float) -> datetime | None:
    """The moment of an epoch second; None for one that never comes."""
    return datetime.fromtimestamp(round(float(seconds)), UTC) if np.isfinite(seconds) and seconds > 0 else None


def fill(shop: Shop, *, orders: int = 1500, days: int = 200, seed: int = 7, now: datetime | None = None) -> World:
    """Fills an empty shop with a market of about `orders` orders that ends at `now`, and computes its numbers."""
    world = World(seed, now or clock.now(), orders=orders, days=days)
    world.run_history()
    shelf(shop, world)
    people = customers(shop, world)
    trade(shop, world, people)
    attention(shop, world, people)
    groups(shop, world, people)
    spend(shop, world)
    first, last = date_of(world.first_day), date_of(day_number(world.now))
    mark_many(shop, [(name, first, last) if table.monthly else (name, None, None) for name, table in TABLES.items()])
    commands.refresh(shop.pk)
    return world


def shelf(shop: Shop, world: World) -> None:
    """Products, their SKUs, what they cost and how many there are."""
    prices, costs, stock, of = (world.skus[name].tolist() for name in ("price", "cost", "stock", "product"))
    listed = []
    for p in world.products:
        mine = [prices[s] for s in world.product_skus[p.index]]
        listed.append((shop.pk, str(world.product_id(p.index)), p.title, CATEGORIES[p.category][1], "5", min(mine), max(mine)))
    bulk.insert(Product, ("shop_id", "product_id", "title", "category", "status", "price_low_fen", "price_high_fen"), listed)
    bulk.insert(
        Sku,
        ("shop_id", "sku_id", "product_id", "code", "attributes", "price_fen", "stock"),
        [
            (
                shop.pk,
                str(world.sku_id(s)),
                str(world.product_id(of[s])),
                world.sku_codes[s],
                world.sku_names[s],
                prices[s],
                stock[s],
            )
            for s in range(len(prices))
        ],
    )
    known = [s for s in range(len(costs)) if s % 9]  # some costs are not known, as in life
    bulk.insert(
        SkuCost,
        ("shop_id", "sku_id", "since", "cost_fen"),
        [(shop.pk, str(world.sku_id(s)), date_of(world.first_day - 30), costs[s]) for s in known],
    )


def customers(shop: Shop, world: World) -> list[int]:
    """Everybody who ever came, with their openid; the customer's id per person."""
    p = world.people
    spent, first = p["spent"].tolist(), p["t_first"].tolist()
    rows = [
        (
            shop.pk, n, vault.seal(f"演示{n}", shop_id=shop.pk) if spent[n] else None, vault.seal(f"138{n:08d}", shop_id=shop.pk) if spent[n] else None,
            REGIONS[region][0], TIERS[0 if spent[n] < 20_000 else 1 if spent[n] < 60_000 else 2], DEVICES[device][0], CHANNELS[channel], moment(first[n]),
        )
        for n, (region, device, channel) in enumerate(zip(p["region"].tolist(), p["device"].tolist(), p["channel"].tolist(), strict=True))
    ]  # fmt: skip
    names = ("shop_id", "number", "name_sealed", "phone_sealed", "region", "tier", "device", "channel", "first_seen_at")
    bulk.insert(Customer, names, rows)
    shop.next_customer_number = len(rows)
    shop.save(update_fields=["next_customer_number"])
    ids = list(Customer.objects.filter(shop=shop).order_by("number").values_list("pk", flat=True))
    bulk.insert(
        Identity,
        ("shop_id", "kind", "value", "customer_id", "first_seen_at"),
        [(shop.pk, "openid", world.openid(n), ids[n], moment(first[n])) for n in range(len(ids))],
    )
    return ids


def trade(shop: Shop, world: World, people: list[int]) -> None:
    """Orders with their lines, after-sales, refunds and reviews."""
    o = world.orders
    person, channel = o["person"].tolist(), o["channel"].tolist()
    status = [STATUS[s] for s in world.order_statuses(np.arange(len(o))).tolist()]
    device, region = world.people["device"].tolist(), world.people["region"].tolist()
    times = {name: o[name].tolist() for name in ("t_create", "t_pay", "t_ship", "t_done")}
    money = {name: o[name].tolist() for name in ("goods", "discount", "freight", "price")}

    def past(name: str, row: int) -> datetime | None:
        return moment(times[name][row]) if times[name][row] <= world.now else None

    made = [n for n in range(len(o)) if times["t_create"][n] <= world.now]
    fields = ("shop_id", "order_id", "customer_id", "status", "created_at", "paid_at", "shipped_at", "done_at", "goods_fen",
              "discount_fen", "freight_fen", "paid_fen", "channel", "device", "region")  # fmt: skip
    bulk.insert(Order, fields, [
        (
            shop.pk, str(world.order_id(n)), people[person[n]], status[n], moment(times["t_create"][n]), past("t_pay", n), past("t_ship", n), past("t_done", n),
            money["goods"][n], money["discount"][n], money["freight"][n], money["price"][n], CHANNELS[channel[n]], DEVICES[device[person[n]]][0],
            REGIONS[region[person[n]]][0],
        ) for n in made
    ])  # fmt: skip
    ids = dict(Order.objects.filter(shop=shop).values_list("order_id", "pk"))
    lines = {name: world.lines[name].tolist() for name in ("order", "sku", "count", "unit", "paid")}
    of = world.skus["product"].tolist()
    titles = [p.title for p in world.products]
    number: dict[int, int] = {}
    rows = []
    for n, order in enumerate(lines["order"]):
        pk = ids.get(str(world.order_id(order)))
        if pk is not None:
            number[order] = number.get(order, 0) + 1
            sku = lines["sku"][n]
            rows.append(
                (shop.pk, pk, number[order], str(world.product_id(of[sku])), str(world.sku_id(sku)), titles[of[sku]], world.sku_names[sku],
                 lines["count"][n], lines["unit"][n], lines["paid"][n])
            )  # fmt: skip
    bulk.insert(OrderLine, ("shop_id", "order_id", "line_no", "product_id", "sku_id", "title", "attributes", "quantity", "unit_fen", "paid_fen"), rows)  # fmt: skip
    _backs(shop, world, people, ids)
    _reviews(shop, world, people, made)


def _backs(shop: Shop, world: World, people: list[int], ids: dict[str, int]) -> None:
    a, sku_of, of = world.aftersales, world.lines["sku"].tolist(), world.skus["product"].tolist()
    opened, back = [], []
    for n in range(len(a)):
        if a["t_create"][n] > world.now:
            continue
        order, sku = int(a["order"][n]), sku_of[int(a["line"][n])]
        number, product, key = str(world.order_id(order)), str(world.product_id(of[sku])), str(world.aftersale_id(n))
        kind = "return" if a["type"][n] else "refund"
        opened.append((shop.pk, key, number, kind, world.aftersale_status(n), product, str(world.sku_id(sku)), int(a["count"][n]), int(a["amount"][n]), moment(a["t_create"][n])))  # fmt: skip
        if a["outcome"][n] == 0 and a["t_end"][n] <= world.now and number in ids:
            back.append((shop.pk, key, ids[number], people[int(world.orders["person"][order])], product, int(a["count"][n]), int(a["amount"][n]), moment(a["t_end"][n])))  # fmt: skip
    bulk.insert(AfterSale, ("shop_id", "aftersale_id", "order_id", "kind", "status", "product_id", "sku_id", "quantity", "amount_fen", "created_at"), opened)  # fmt: skip
    bulk.insert(Refund, ("shop_id", "refund_key", "order_id", "customer_id", "product_id", "quantity", "amount_fen", "at"), back)


def _reviews(shop: Shop, world: World, people: list[int], made: list[int]) -> None:
    rng = np.random.default_rng([world.seed, 41])
    done = world.orders["t_done"]
    rows = []
    for n in [n for n in made if done[n] <= world.now][-400::3]:
        rating = int(rng.choice((5, 5, 5, 4, 4, 3, 2, 1)))
        sku = int(world.lines["sku"][int(world.orders["line_off"][n])])
        words = vault.seal(str(rng.choice(REVIEWS[rating])), shop_id=shop.pk)
        rows.append((shop.pk, f"r{n}", moment(done[n] + 7200), str(world.product_id(int(world.skus["product"][sku]))), people[int(world.orders["person"][n])], rating, words))  # fmt: skip
    bulk.insert(Review, ("shop_id", "review_key", "at", "product_id", "customer_id", "rating", "text_sealed"), rows)


def attention(shop: Shop, world: World, people: list[int]) -> None:
    """The behaviour log and the mini-program's daily figures."""
    bulk.insert(
        Event,
        ("shop_id", "event_key", "at", "customer_id", "kind", "session", "page", "product_id", "sku_id", "channel", "device", "region", "referrer_id"),
        _events(shop, world, people),
    )  # fmt: skip
    analytics = behaviour.Analytics(world)
    rows = []
    for number in range(world.first_day, day_number(world.now)):
        d = analytics.day(number)
        depth = {str(k): d.depth.get(k, 0) for k in range(1, DEPTHS + 1)}
        rows.append((shop.pk, date_of(number), d.sessions, d.page_views, d.visitors, d.new_visitors, depth))
    bulk.insert(DailyVisit, ("shop_id", "day", "sessions", "page_views", "visitors", "new_visitors", "depth"), rows)


def _events(shop: Shop, world: World, people: list[int]) -> Iterator[tuple[Any, ...]]:
    v = world.visits
    device, region = world.people["device"].tolist(), world.people["region"].tolist()
    for first in range(0, len(v), 20_000):
        batch = behaviour.unfold(world, first, min(first + 20_000, len(v)))
        batch = batch.where((batch.ts <= world.now * 1000) & (batch.kind != 3) & (batch.kind != 4))
        visits = batch.visit
        for visit, step, ts, kind, page, product, sku, who, channel, ref in zip(
            visits.tolist(), batch.step.tolist(), batch.ts.tolist(), batch.kind.tolist(), batch.page.tolist(), batch.product.tolist(),
            batch.sku.tolist(), v["person"][visits].tolist(), v["channel"][visits].tolist(), v["ref"][visits].tolist(), strict=True,
        ):  # fmt: skip
            yield (
                shop.pk, f"e{visit:x}-{step}", datetime.fromtimestamp(ts / 1000, UTC), people[who], behaviour.KINDS[kind], behaviour.session_id(visit),
                behaviour.PAGES[page], str(world.product_id(product)) if product >= 0 else "", str(world.sku_id(sku)) if sku >= 0 else "",
                CHANNELS[channel], DEVICES[device[who]][0], REGIONS[region[who]][0], people[ref] if ref >= 0 and step == 0 and ref != who else None,
            )  # fmt: skip


def groups(shop: Shop, world: World, people: list[int]) -> None:
    """WeCom groups, who is in them, their daily figures, and the contacts of the staff."""
    rows = [(shop.pk, g["chat_id"], g["name"], STAFF[g["owner"]][0], moment(g["created"])) for g in world.groups]
    bulk.insert(Group, ("shop_id", "chat_id", "name", "owner", "created_at"), rows)
    ids = dict(Group.objects.filter(shop=shop).values_list("chat_id", "pk"))
    m = world.members
    joined = [n for n in range(len(m)) if m["t_join"][n] <= world.now]
    bulk.insert(
        GroupMember,
        ("shop_id", "group_id", "member", "customer_id", "joined_at", "left_at"),
        [
            (
                shop.pk, ids[world.groups[int(m["group"][n])]["chat_id"]], world.external(int(m["person"][n])), people[int(m["person"][n])],
                moment(m["t_join"][n]), moment(m["t_leave"][n]) if m["t_leave"][n] <= world.now else None,
            ) for n in joined
        ], ignore=True,
    )  # fmt: skip
    daily = []
    for number in range(world.first_day, day_number(world.now)):
        for owner, (userid, _name) in enumerate(STAFF):
            found = [group_day(world, n, number) for n, g in enumerate(world.groups) if g["owner"] == owner]
            total = {
                key: sum(day[key] for day in found)
                for key in ("chat_total", "new_member_cnt", "member_total", "member_has_msg", "msg_total")
            }
            if total["chat_total"]:
                daily.append((shop.pk, date_of(number), userid, *total.values()))
    bulk.insert(
        GroupDaily, ("shop_id", "day", "owner", "groups", "new_members", "members", "members_who_spoke", "messages"), daily
    )
    p = world.people
    met = np.flatnonzero((p["t_contact"] > 0) & (p["t_contact"] <= world.now)).tolist()
    bulk.insert(
        Contact,
        ("shop_id", "staff", "external_userid", "customer_id", "added_at"),
        [(shop.pk, STAFF[int(p["staff"][n])][0], world.external(n), people[n], moment(p["t_contact"][n])) for n in met],
    )


def spend(shop: Shop, world: World) -> None:
    """What the ads cost, by day and campaign; spend follows the visitors that they brought."""
    rng = np.random.default_rng([world.seed, 95])
    v = world.visits
    days = ((v["t"][v["channel"] == CH["ads"]] + 28800) // 86400).astype(int) - world.first_day
    clicks = np.bincount(days, minlength=day_number(world.now) - world.first_day)
    rows = []
    for number, count in enumerate(clicks.tolist()):
        for _id, name, share in ADGROUPS:
            cost = int(count * share * rng.uniform(135, 215))
            if cost:
                rows.append(
                    (shop.pk, date_of(world.first_day + number), "ads", name, cost, int(count * share * 70), int(count * share))
                )
    bulk.insert(Spend, ("shop_id", "day", "channel", "campaign", "cost_fen", "views", "clicks"), rows)


# ── the house of the browser's tests ─────────────────────────────────────

OWNER, ANALYST, PASSWORD = "zhanggui", "shuju", "laodian-1998"
SHOP, EMPTY = "知味小集（演示店）", "新开的店"


def main(orders: int, days: int) -> None:
    """Makes the database of this home with two shops and two people, and prints their ids as JSON."""
    import json
    import logging

    logging.disable(logging.WARNING)
    from django.core.management import call_command

    from zhanggui.doors.ui import charts
    from zhanggui.kernel import audit
    from zhanggui.kernel.models import Grant, Role, User

    call_command("migrate", verbosity=0)
    charts.build_bundle()
    owner = User.objects.create_user(OWNER, password=PASSWORD, display_name="王掌柜")
    analyst = User.objects.create_user(ANALYST, password=PASSWORD, display_name="小数")
    shop, empty = Shop.objects.create(name=SHOP, is_demo=True), Shop.objects.create(name=EMPTY)
    for one in (shop, empty):
        Grant.objects.create(user=owner, shop_id=one.pk, role=Role.OWNER)
        audit.record(one.pk, OWNER, "shop.open", f"{OWNER} 开设了店铺“{one.name}”", subject=f"shop:{one.pk}")
    Grant.objects.create(user=analyst, shop_id=shop.pk, role=Role.ANALYST)
    fill(shop, orders=orders, days=days)
    accounts(shop)
    print(json.dumps({"shop": shop.pk, "empty": empty.pk, "owner": OWNER, "analyst": ANALYST, "password": PASSWORD}))


def accounts(shop: Shop) -> None:
    """Connected accounts as a sync leaves them, one of them in trouble; a file that was imported, and its refused rows."""
    now = clock.now()
    for kind, account, state, message in (
        ("store", "wx0123456789abcdef", "ok", ""), ("wecom", "ww0123456789abcdef", "failing", "这个 IP 不在企业可信 IP 里：203.0.113.9"),
        ("mini", "wxfedcba9876543210", "ok", ""),
    ):  # fmt: skip
        row = Connection.objects.create(
            shop=shop, kind=kind, account_id=account, state=state, message=message, callback_key=f"{kind}-{'k' * 36}"[:43], checked_at=now,
            secret_sealed=vault.seal('{"secret": "never-shown"}', shop_id=shop.pk), last_push_at=now - timedelta(minutes=3) if kind == "store" else None,
        )  # fmt: skip
        for stream in (
            ("orders", "aftersales", "products") if kind == "store" else ("visits",) if kind == "mini" else ("contacts",)
        ):
            trouble = state == "failing"
            SyncState.objects.create(
                shop=shop, connection=row, stream=stream, state="failed" if trouble else "idle", done=120, total=120, watermark=now - timedelta(minutes=4),
                message=message, started_at=now - timedelta(minutes=5), finished_at=None if trouble else now - timedelta(minutes=4),
            )  # fmt: skip
    ImportFile.objects.create(
        shop=shop, name="2026年10月成本表.xlsx", path="", size=48_213, sha256="0" * 64, state="done", kind="costs", by=OWNER, rows_total=212, rows_done=212,
        accepted=208, refused=4, finished_at=now - timedelta(hours=2),
    )  # fmt: skip


if __name__ == "__main__":
    import sys

    main(int(sys.argv[1]), int(sys.argv[2]))
