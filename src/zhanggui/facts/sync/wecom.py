"""企业微信: contacts, groups with their members, statistics per day and owner. Limits: WeCom fact sheet 2, 9.

Pushes may be lost, so whole lists are read once a day; statistics end yesterday and reach 180 days back, 30 days a call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

from zhanggui.facts import network
from zhanggui.facts.commands import contacts_of_staff, group_gone, record_contacts, record_group, record_group_days
from zhanggui.facts.models import Contact, Group, Shop
from zhanggui.facts.sync.fetching import get_all, pieces
from zhanggui.facts.sync.stream import Batch, Days, Stream, Whole
from zhanggui.kernel import clock
from zhanggui.wechat import errors
from zhanggui.wechat.schemas import wecom as schemas
from zhanggui.wechat.wecom import WecomClient

_STAFF_A_CALL = 100
TOO_WIDE = 81017
"""The platform's word for "ask owner by owner"."""


async def _contacts(client: WecomClient, _: Any) -> AsyncIterator[Batch]:
    """Every follow relation, member of staff by member of staff; a key with an empty customer says that somebody was asked about."""
    staff = await client.staff()
    yield Batch([], [(name, "") for name in staff])
    for at in range(0, len(staff), _STAFF_A_CALL):
        try:
            async for rows in pieces(client.contacts_of(staff[at : at + _STAFF_A_CALL]), 500):
                keys = [
                    (r.follow_info.userid or "", r.external_contact.external_userid) for r in rows if r.follow_info is not None
                ]
                yield Batch(rows, keys)
        except errors.NoSuchThing:
            continue  # nobody of these has a customer


def _record_contacts(shop: Shop, rows: list[schemas.ContactFollow], announce: bool) -> None:
    record_contacts(shop, rows, announce=announce)


def _close_contacts(shop: Shop, began: datetime, keys: list[tuple[str, str]]) -> dict[str, Any]:
    present: dict[str, set[str]] = {}
    for staff, external in keys:
        present.setdefault(staff, set())
        if external:
            present[staff].add(external)
    for staff, externals in present.items():
        contacts_of_staff(shop, staff, externals, began)
    ours = Contact.objects.filter(shop=shop, deleted_at__isnull=True, staff__in=list(present)).count()
    return {"platform": {"count": sum(map(len, present.values()))}, "ours": {"count": ours}}


def _open_groups(shop: Shop) -> list[str]:
    return list(Group.objects.filter(shop=shop, dismissed_at__isnull=True).values_list("chat_id", flat=True))


async def _group_refs(client: WecomClient) -> AsyncIterator[schemas.GroupRef]:
    """Every group; where more people than the platform lists at once can see the app, owner by owner."""
    try:
        async for ref in client.groups():
            yield ref
        return
    except errors.Refused as refusal:
        if refusal.errcode != TOO_WIDE:
            raise
    async for ref in client.groups(owners=await client.staff()):
        yield ref


async def _groups(client: WecomClient, known: list[str]) -> AsyncIterator[Batch]:
    """Every group with its members; of those the list no longer holds, the bare id when they are no more."""

    async def get(ids: list[str]) -> Batch:
        got = await get_all(ids, client.group)
        return Batch([*got.values, *got.gone], [*ids])

    listed: set[str] = set()

    async def ids() -> AsyncIterator[list[str]]:
        async for refs in pieces(_group_refs(client), 20):
            some = [ref.chat_id for ref in refs]
            listed.update(some)
            yield some

    async for batch in network.ahead(ids(), get, depth=2):
        yield batch
    absent = [chat_id for chat_id in known if chat_id not in listed]
    if absent:
        yield Batch((await get(absent)).items)


def _record_groups(shop: Shop, items: list[Any], announce: bool) -> None:
    now = clock.now()
    for item in items:
        if isinstance(item, str):
            group_gone(shop, item, now)
        else:
            record_group(shop, item, now, announce=announce)


def _count_groups(shop: Shop, began: datetime, keys: list[Any]) -> dict[str, Any]:
    ours = Group.objects.filter(shop=shop, dismissed_at__isnull=True).count()
    return {"platform": {"count": len(set(keys))}, "ours": {"count": ours}}


async def _owners(client: WecomClient) -> list[str]:
    return await client.staff()


async def _group_days(client: WecomClient, first: date, last: date, owners: list[str]) -> dict[str, list[schemas.GroupDayRow]]:
    """The days of each owner by themselves: several owners in one call would come as one sum."""
    start, _ = clock.day_span(first, last)
    end = clock.day_start(last)

    async def one(owner: str) -> tuple[str, list[schemas.GroupDayRow]]:
        try:
            return owner, await client.group_days(start, end, [owner])
        except errors.NoSuchThing:
            return owner, []

    return dict(await network.each_plain(owners, one))


def _record_group_days(shop: Shop, first: date, last: date, rows: dict[str, list[schemas.GroupDayRow]]) -> bool:
    for owner, days in rows.items():
        record_group_days(shop, owner, days)
    return any(row.data is not None and row.data.chat_total for days in rows.values() for row in days)


STREAMS: tuple[Stream, ...] = (
    Stream("contacts", Whole(_contacts, _record_contacts, finish=_close_contacts, unit="人"), timedelta(days=1), priority=6),
    Stream("groups", Whole(_groups, _record_groups, _open_groups, _count_groups, unit="个群"), timedelta(hours=6), priority=6),
    Stream(
        "group_days",
        Days(_group_days, _record_group_days, ready=2, history=178, span=30, again=(1, 2), quiet=400, prepare=_owners),
        timedelta(hours=1), priority=4,
    ),
)  # fmt: skip
