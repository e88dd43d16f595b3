"""A small shop of our own making for tests: rows straight into the facts, with the marks the commands of the facts would leave."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

from zhanggui.facts.dirty import mark_many
from zhanggui.facts.models import (
    Customer,
    DailyVisit,
    Event,
    Group,
    GroupDaily,
    GroupMember,
    Order,
    OrderLine,
    Product,
    Read,
    Refund,
    Shop,
    SkuCost,
    Spend,
)  # fmt: skip
from zhanggui.kernel import clock

DAY0 = date(2026, 1, 5)


def at(day: int, hour: float = 12.0) -> datetime:
    """A moment on the shop's calendar, `day` days after DAY0."""
    return clock.day_start(DAY0 + timedelta(days=day)) + timedelta(hours=hour)


class World:
    """Writes facts and marks them."""

    def __init__(self, name: str = "小店") -> None:
        self.shop = Shop.objects.create(name=name)
        self.count = 0
        self.events = 0

    def mark(self, table: str, *moments: datetime | date) -> None:
        days = [m if not isinstance(m, datetime) else clock.day_of(m) for m in moments]
        mark_many(self.shop, [(table, day, day) for day in days] or [(table, None, None)])

    def customer(self, **fields: Any) -> Customer:
        number = self.shop.next_customer_number
        self.shop.next_customer_number += 1
        self.shop.save()
        self.mark("customers")
        return Customer.objects.create(shop=self.shop, number=number, **{"first_seen_at": at(0, 0), **fields})

    def order(
        self,
        customer: Customer | None,
        created: datetime,
        paid: datetime | None = None,
        fen: int = 1000,
        lines: Any = (),
        **fields: Any,
    ) -> Order:
        self.count += 1
        order = Order.objects.create(
            shop=self.shop, order_id=fields.pop("order_id", f"9{self.count:09d}"), customer=customer, status="paid" if paid else "unpaid", created_at=created, paid_at=paid,
            goods_fen=fen, paid_fen=fen, **fields,
        )  # fmt: skip
        for no, (product, sku, quantity, money) in enumerate(lines or [("p1", "s1", 1, fen)], 1):
            OrderLine.objects.create(
                shop=self.shop,
                order=order,
                line_no=no,
                product_id=product,
                sku_id=sku,
                quantity=quantity,
                unit_fen=money // quantity,
                paid_fen=money,
            )
        self.mark_order(order)
        return order

    def mark_order(self, order: Order) -> None:
        moments = [order.created_at] + ([order.paid_at] if order.paid_at else [])
        for table in ("orders", "order_lines", "events", "refunds"):
            self.mark(table, *moments)

    def refund(self, order: Order | None, when: datetime, fen: int, **fields: Any) -> Refund:
        self.count += 1
        row = Refund.objects.create(
            shop=self.shop,
            refund_key=f"r{self.count}",
            order=order,
            customer=order.customer if order else None,
            amount_fen=fen,
            at=when,
            **fields,
        )
        self.mark("refunds", when)
        return row

    def event(self, customer: Customer, when: datetime, kind: str = "page_view", **fields: Any) -> Event:
        self.events += 1
        row = Event.objects.create(shop=self.shop, event_key=f"e{self.events}", at=when, customer=customer, kind=kind, **fields)
        self.mark("events", when)
        return row

    def product(self, product_id: str, **fields: Any) -> Product:
        self.mark("products")
        return Product.objects.create(shop=self.shop, product_id=product_id, **{"title": product_id, **fields})

    def cost(self, sku: str, since: int, fen: int) -> SkuCost:
        """What a SKU costs from a day on. The marks are the caller's: a new cost alone marks nothing of the lake."""
        key = {"shop": self.shop, "sku_id": sku, "since": DAY0 + timedelta(days=since)}
        return SkuCost.objects.update_or_create(**key, defaults={"cost_fen": fen})[0]

    def spend(self, day: int, channel: str, fen: int) -> Spend:
        self.mark("spend")
        key = {"shop": self.shop, "day": DAY0 + timedelta(days=day), "channel": channel}
        return Spend.objects.update_or_create(**key, defaults={"cost_fen": fen})[0]

    def visits(self, day: int, **fields: Any) -> DailyVisit:
        self.mark("daily_visits")
        return DailyVisit.objects.create(shop=self.shop, day=DAY0 + timedelta(days=day), **fields)

    def read(self, article: str, day: int, readers: int, sharers: int, running: bool = True) -> Read:
        self.mark("reads")
        return Read.objects.create(
            shop=self.shop,
            article_id=article,
            day=DAY0 + timedelta(days=day),
            readers=readers,
            sharers=sharers,
            is_running_sum=running,
        )

    def group(self) -> Group:
        self.count += 1
        return Group.objects.create(shop=self.shop, chat_id=f"chat{self.count}")

    def member(self, group: Group, joined: datetime, left: datetime | None = None, staff: bool = False) -> GroupMember:
        self.count += 1
        self.mark("group_members")
        return GroupMember.objects.create(
            shop=self.shop, group=group, member=f"m{self.count}", joined_at=joined, left_at=left, is_staff=staff
        )

    def group_day(self, day: int, owner: str, members: int, messages: int, spoke: int = 0, chat_id: str = "") -> GroupDaily:
        self.mark("group_daily")
        return GroupDaily.objects.create(
            shop=self.shop,
            day=DAY0 + timedelta(days=day),
            owner=owner,
            chat_id=chat_id,
            members=members,
            messages=messages,
            members_who_spoke=spoke,
        )


CHANNELS = ("search", "ads", "group", "chat", "invite", "")


def random_world(seed: int, people: int = 40, days: int = 100) -> World:
    """Visits, orders, refunds, spend and groups of a made-up shop."""
    r = random.Random(seed)
    world = World()
    for sku in range(4):
        world.product(f"p{sku}", category="点心" if sku % 2 else "茶", is_goods=sku != 3)
        if sku != 2:
            world.cost(f"s{sku}", -10, 300 + 10 * sku)
            world.cost(f"s{sku}", days // 2, 330 + 10 * sku)
    crowd = [
        world.customer(channel=r.choice(CHANNELS), tier=r.choice(("", "金卡")), device="iOS", region=r.choice(("广东", "浙江")))
        for _ in range(people)
    ]
    for customer in crowd:
        for _ in range(r.randrange(0, 6)):
            visit(world, r, customer, crowd, r.randrange(days))
    for day in range(0, days, 3):
        world.spend(day, r.choice(("ads", "search")), r.randrange(1000, 9000))
        world.group_day(day, "boss", 50 + day, r.randrange(40), r.randrange(20))
        world.read("a1", day, 10 * day, day)
    group = world.group()
    for _ in range(12):
        joined = at(r.randrange(days), r.random() * 23)
        world.member(group, joined, joined + timedelta(hours=r.randrange(1, 60)) if r.random() < 0.4 else None)
    world.order(None, at(5), at(5, 13), 700)
    return world


def visit(world: World, r: random.Random, customer: Customer, crowd: list[Customer], day: int) -> None:
    """One visit that may end in a cart, an order, a payment, a refund."""
    start = at(day, r.random() * 20)
    shown = {
        "session": f"s{world.events}",
        "channel": r.choice(CHANNELS),
        "device": r.choice(("iOS", "Android")),
        "region": "广东",
    }
    product = f"p{r.randrange(4)}"
    friend = r.choice(crowd)
    world.event(
        customer,
        start,
        r.choice(("page_view", "invite_open")),
        referrer=friend if r.random() < 0.3 and friend != customer else None,
        **shown,
    )
    if r.random() < 0.8:
        world.event(customer, start + timedelta(minutes=1), "product_view", product_id=product, **shown)
    if r.random() < 0.2:
        world.event(customer, start + timedelta(minutes=2), "share", **shown)
    if r.random() < 0.6:
        world.event(
            customer, start + timedelta(minutes=3), "add_to_cart", product_id=product, sku_id=product.replace("p", "s"), **shown
        )
    if r.random() < 0.5:
        created = start + timedelta(minutes=5)
        paid = created + timedelta(hours=r.choice((0, 1, 20, 200))) if r.random() < 0.8 else None
        money = r.randrange(500, 9000)
        order = world.order(
            customer, created, paid, money, [(product, product.replace("p", "s"), r.randrange(1, 4), money - 100), ("p1", "s1", 1, 100)],
            channel=shown["channel"], device=shown["device"],
        )  # fmt: skip
        if paid and r.random() < 0.3:
            world.refund(order, paid + timedelta(days=r.randrange(0, 40)), r.randrange(1, money), product_id=product, quantity=1)
