"""Things that happen to a shop's facts, late, early or to the wrong person, as the commands of the facts would leave them: with their marks."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from zhanggui.facts import identity
from zhanggui.facts.models import Customer, Event, GroupMember, Order, OrderLine, Refund
from zhanggui.facts.tests.world import CHANNELS, World, at, visit

Change = Callable[[World, random.Random], None]


def _crowd(world: World) -> list[Customer]:
    return list(Customer.objects.filter(shop=world.shop, merged_into=None).order_by("number"))


def _order(world: World, r: random.Random) -> Order | None:
    found = list(Order.objects.filter(shop=world.shop).order_by("order_id"))
    return r.choice(found) if found else None


def a_visit(world: World, r: random.Random) -> None:
    """Somebody comes, maybe buys."""
    crowd = _crowd(world)
    visit(world, r, r.choice(crowd), crowd, r.randrange(0, 130))


def a_late_order(world: World, r: random.Random) -> None:
    """An order of long ago is heard of now; sometimes a free one."""
    moment = at(r.randrange(-20, 120), r.random() * 23)
    world.order(r.choice([*_crowd(world), None]), moment, moment + timedelta(minutes=3), r.choice((0, 4321)))


def a_payment(world: World, r: random.Random) -> None:
    """An order is paid after all, or turns out not to have been."""
    order = _order(world, r)
    if order is None:
        return
    world.mark_order(order)
    order.paid_at = order.created_at + timedelta(days=r.randrange(0, 45)) if order.paid_at is None else None
    order.save()
    world.mark_order(order)


def a_refund(world: World, r: random.Random) -> None:
    """Money goes back, of an order or of none that is known."""
    order = _order(world, r)
    if order is not None:
        world.refund(r.choice((order, None)), order.created_at + timedelta(days=r.randrange(0, 70)), 55)


def a_tier(world: World, r: random.Random) -> None:
    """Somebody rises or falls, or their channel becomes known."""
    one = r.choice(_crowd(world))
    one.tier, one.channel = r.choice(("", "金卡", "银卡")), r.choice(CHANNELS)
    one.save()
    world.mark("customers")


def a_removal(world: World, r: random.Random) -> None:
    """An order was none."""
    order = _order(world, r)
    if order is None:
        return
    world.mark_order(order)
    for refund in order.refunds.all():
        world.mark("refunds", refund.at)
    Refund.objects.filter(order=order).delete()
    OrderLine.objects.filter(order=order).delete()
    order.delete()


def a_merge(world: World, r: random.Random) -> None:
    """Two customers are one person."""
    crowd = _crowd(world)
    if len(crowd) > 2:
        one, other = r.sample(crowd, 2)
        identity.merge(world.shop, one.pk, other.pk, evidence="同一人", by="测试")


def a_parting(world: World, r: random.Random) -> None:
    """Two merged ones are two after all."""
    from zhanggui.facts.models import CustomerMerge

    done = list(CustomerMerge.objects.filter(shop=world.shop, reversed_at=None).order_by("id"))
    if done:
        identity.unmerge(done[-1].pk, by="测试")


def a_newcomer(world: World, r: random.Random) -> None:
    """Somebody new comes."""
    visit(world, r, world.customer(), _crowd(world), r.randrange(100, 135))


def a_cost(world: World, r: random.Random) -> None:
    """What something costs becomes known."""
    world.cost(f"s{r.randrange(4)}", r.randrange(0, 100), r.randrange(100, 500))
    world.mark("products")


def a_product(world: World, r: random.Random) -> None:
    """A product changes its category."""
    from zhanggui.facts.models import Product

    one = r.choice(list(Product.objects.filter(shop=world.shop).order_by("product_id")))
    one.category, one.is_goods = r.choice(("茶", "点心", "")), r.random() < 0.8
    one.save()
    world.mark("products")


def a_spend(world: World, r: random.Random) -> None:
    """A channel cost something."""
    world.spend(r.randrange(0, 130), r.choice(("live", "group", "video")), 777)


def a_member(world: World, r: random.Random) -> None:
    """A group member turns out to be a customer, or leaves."""
    found = list(GroupMember.objects.filter(shop=world.shop).order_by("id"))
    if not found:
        return
    member = r.choice(found)
    member.customer, member.left_at = r.choice(_crowd(world)), member.joined_at + timedelta(hours=r.randrange(1, 90))
    member.save()
    world.mark("group_members")


def a_forgotten_log(world: World, r: random.Random) -> None:
    """A visit was none."""
    found = list(Event.objects.filter(shop=world.shop).order_by("event_key"))
    if found:
        event = r.choice(found)
        world.mark("events", event.at)
        event.delete()


CHANGES: tuple[Change, ...] = (
    a_visit, a_late_order, a_payment, a_refund, a_tier, a_removal, a_merge, a_parting, a_newcomer, a_cost, a_product, a_spend, a_member, a_forgotten_log,
)  # fmt: skip
