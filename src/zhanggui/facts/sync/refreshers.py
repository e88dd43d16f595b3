"""How each sort of thing that a push names is read again and recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhanggui.facts import commands
from zhanggui.facts.commands.privacy import MEMBERS
from zhanggui.facts.models import Product, Record, Shop
from zhanggui.facts.sync import routes, store
from zhanggui.kernel import clock
from zhanggui.wechat import errors
from zhanggui.wechat.callbacks import Callback
from zhanggui.wechat.schemas import wecom
from zhanggui.wechat.schemas.base import to_text
from zhanggui.wechat.shop import ShopClient
from zhanggui.wechat.wecom import WecomClient

_LEFT = frozenset({"del_external_contact", "del_follow_user"})
"""Changes of a contact that end the relation."""


@dataclass(frozen=True)
class Heard:
    """A thing as it is now, and the pushes that named it, oldest first. `value` is None when the platform has it no more."""

    key: str
    value: Any
    pushes: tuple[Callback, ...]


@dataclass(frozen=True)
class Refresher:
    """One sort of thing: from which kind of account, read how, recorded how."""

    kind: str
    fetch: Callable[[Any, str], Awaitable[Any]]
    record: Callable[[Shop, Sequence[Heard], datetime], None]
    """(shop, things, since) inside a transaction; only what happened since is announced."""
    goods: Callable[[Any], Iterable[str]] | None = None
    """Products whose stock a thing moves."""


def _values(heard: Sequence[Heard]) -> list[Any]:
    return [one.value for one in heard if one.value is not None]


def _orders(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    store.record_orders_since(shop, _values(heard), since)


def _aftersales(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    store.record_aftersales_since(shop, _values(heard), since)


def _goods_of_order(order: dict[str, Any]) -> Iterable[str]:
    detail = order.get("order_detail")
    for line in (detail.get("product_infos") or []) if isinstance(detail, dict) else []:
        if isinstance(line, dict) and line.get("product_id"):
            yield str(to_text(line["product_id"]))


def _goods_of_aftersale(case: Any) -> Iterable[str]:
    if case.product_info is not None and case.product_info.product_id:
        yield case.product_info.product_id


def _products(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    commands.record_products(shop, _values(heard))
    gone = [one.key for one in heard if one.value is None]
    if gone:
        Product.objects.filter(shop=shop, product_id__in=gone).update(status=store.DELETED, recorded_at=clock.now())


async def _stock(client: ShopClient, product_id: str) -> Any:
    return await client.stock([product_id])


def _record_stock(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    commands.record_stock(shop, [row for rows in _values(heard) for row in rows])


def _coupons(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    store.record_coupons(shop, _values(heard))


async def _member(client: ShopClient, openid: str) -> Any:
    return (await client.call("vip.user.info.get", openid=openid)).info


def _members(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    store.record_members(shop, _values(heard))
    left = [one.key for one in heard if one.value is None or _last(one.pushes).kind.lower() == "channels_ec_vip_close"]
    if left:
        Record.objects.filter(shop=shop, stream=MEMBERS, key__in=left).delete()


async def _shop_info(client: ShopClient, _: str) -> Any:
    return await client.shop_info()


def _record_shop(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    for info in _values(heard):
        store.record_shop_info(shop, info)


# -- WeCom -----------------------------------------------------------------------------------------------------------------------


def _moment(push: Callback) -> datetime:
    return push.created_at or clock.now()


def _last(pushes: Sequence[Callback]) -> Callback:
    """The newest of some pushes by the platform's own time, in whatever order they came."""
    return max(enumerate(pushes), key=lambda pair: (_moment(pair[1]), pair[0]))[1]


def _contacts(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    """The relations that pushes named: ended when the newest word is an end and the platform shows no later beginning."""
    follows = []
    for one in heard:
        reply: wecom.ExternalContactReply | None = one.value
        present = {f.userid: f for f in reply.follow_user if f.userid} if reply is not None else {}
        ended: dict[str, datetime] = {}
        named: set[str] = set()
        for push in one.pushes:
            staff = str(push.content.get("UserID") or "")
            if not staff:
                continue
            named.add(staff)
            if push.change in _LEFT:
                ended[staff] = max(_moment(push), ended.get(staff, _moment(push)))
        for staff in sorted(named):
            follow = present.get(staff)
            began = follow.createtime.at if follow is not None and follow.createtime else None
            end = ended.get(staff)
            if reply is not None and follow is not None and (end is None or (began is not None and began > end)):
                follows.append(wecom.ContactFollow(external_contact=reply.external_contact, follow_info=follow))
            elif end is not None:
                commands.contact_gone(shop, staff, one.key, end)
    if follows:
        commands.record_contacts(shop, follows)


def _groups(shop: Shop, heard: Sequence[Heard], since: datetime) -> None:
    """A group's members as they are now; who left, left when the push said so."""
    for one in heard:
        if one.value is None:
            commands.group_gone(shop, one.key, _moment(_last(one.pushes)))
            continue
        chat: wecom.GroupChat = one.value
        joined = {m.userid: m.join_time.at if m.join_time else None for m in chat.member_list}
        for push in sorted(one.pushes, key=_moment):
            if push.content.get("UpdateDetail") != "del_member":
                continue
            at = _moment(push)
            gone = [str(m) for m in getattr(push.payload, "changed", []) if isinstance(m, str | int)]
            # Who is there since before the push has not left: the push is about an earlier stay.
            commands.members_left(shop, one.key, [m for m in gone if m not in joined or (joined[m] or at) > at], at)
        commands.record_group(shop, chat)


REFRESHERS: Mapping[str, Refresher] = {
    routes.ORDER: Refresher("store", store.fetch_order, _orders, _goods_of_order),
    routes.AFTERSALE: Refresher("store", store.fetch_aftersale, _aftersales, _goods_of_aftersale),
    routes.PRODUCT: Refresher("store", ShopClient.product, _products),
    routes.STOCK: Refresher("store", _stock, _record_stock),
    routes.COUPON: Refresher("store", ShopClient.coupon, _coupons),
    routes.MEMBER: Refresher("store", _member, _members),
    routes.SHOP: Refresher("store", _shop_info, _record_shop),
    routes.CONTACT: Refresher("wecom", WecomClient.contact, _contacts),
    routes.GROUP: Refresher("wecom", WecomClient.group, _groups),
}
"""By the sort of a `routes.Read`."""


async def fetch_one(refresher: Refresher, client: Any, key: str) -> Any:
    """The thing as it is now, None if the platform has it no more, or the error for which it did not come."""
    try:
        return await refresher.fetch(client, key)
    except errors.NoSuchThing:
        return None
    except errors.WechatError as error:
        return error


async def stock_of(client: ShopClient, product_ids: Sequence[str]) -> list[Any]:
    """The stock of some products; nothing where the platform does not give it now: the hourly round will."""
    try:
        return await client.stock(product_ids)
    except errors.WechatError:
        return []
