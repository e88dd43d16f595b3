"""WeCom contacts, groups, their members and statistics, as read from the platform."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from zhanggui.facts import bulk, dirty, identity
from zhanggui.facts.channels import CHANNELS
from zhanggui.facts.events import ContactAdded, MemberJoinedGroup
from zhanggui.facts.identity import Person
from zhanggui.facts.models import Contact, Customer, Group, GroupDaily, GroupMember, Shop
from zhanggui.kernel import clock, vault
from zhanggui.wechat.schemas import wecom

_NEWS = timedelta(days=2)
"""What happened longer ago is history, not news: a first sync announces nobody."""
_WAYS = {4: "group", 10: "video", 16: "ads"}


def channel_of(state: str, add_way: int | None) -> str:
    """The channel a contact came by: the shop's own channel value if it is one of ours, else what the way of adding tells."""
    if state in CHANNELS:
        return state
    return _WAYS.get(add_way or 0, "chat")


@transaction.atomic
def record_contacts(shop: Shop, follows: Iterable[wecom.ContactFollow], *, announce: bool = True) -> int:
    """Follow relations, one row per member of staff and customer; how many. Names and noted phone numbers are sealed."""
    rows: dict[tuple[str, str], tuple[wecom.ExternalContact, wecom.FollowUser]] = {}
    for one in follows:
        if one.follow_info is not None and one.follow_info.userid:
            rows[(one.follow_info.userid, one.external_contact.external_userid)] = (one.external_contact, one.follow_info)
    if not rows:
        return 0
    now = clock.now()
    people = []
    for contact, follow in rows.values():
        phone = next((p for p in (identity.phone_key(shop, number) for number in follow.remark_mobiles) if p), "")
        people.append(
            Person(
                {"external": contact.external_userid, "unionid": contact.unionid or "", "phone": phone},
                follow.createtime.at if follow.createtime else now,
                channel=channel_of(follow.state or "", follow.add_way),
            )
        )
    ids = identity.resolve_many(shop, people)
    _seal_names(shop, [(customer_id, contact, follow) for customer_id, (contact, follow) in zip(ids, rows.values(), strict=True)])
    ended: dict[tuple[str, str], datetime | None] = {}
    for batch in bulk.chunks({external for _, external in rows}, 900):
        for staff, external, at in Contact.objects.filter(shop=shop, external_userid__in=batch).values_list(
            "staff", "external_userid", "deleted_at"
        ):
            ended[(staff, external)] = at
    known = {pair for pair, at in ended.items() if at is None}

    def still_ended(pair: tuple[str, str], since: datetime) -> datetime | None:
        """When the relation ended: a customer who deleted the member stays in the member's list until they meet anew."""
        at = ended.get(pair)
        return at if at is not None and since <= at else None

    fields = ("shop_id", "staff", "external_userid", "customer_id", "added_at", "deleted_at", "add_way", "state", "tags")
    bulk.insert(
        Contact, fields,
        (
            (
                shop.pk, staff[:64], external[:64], customer_id, person.at, still_ended((staff, external), person.at), follow.add_way,
                bulk.cut(follow.state or "", 64),
                [tag.tag_id or tag.tag_name for tag in follow.tags] or list(follow.tag_id),
            )
            for (staff, external), (_, follow), customer_id, person in zip(rows, rows.values(), ids, people, strict=True)
        ),
        conflict=("shop_id", "staff", "external_userid"), update=fields[3:],
    )  # fmt: skip
    if announce:
        numbers = dict(Customer.objects.filter(pk__in=[c for c in ids if c]).values_list("pk", "number"))
        for (staff, external), (_, follow), customer_id, person in zip(rows, rows.values(), ids, people, strict=True):
            new = (staff, external) not in known and still_ended((staff, external), person.at) is None
            if new and now - person.at < _NEWS and customer_id is not None:
                ContactAdded(numbers[customer_id], staff, follow.state or "").emit(shop.pk, external)
    return len(rows)


def _seal_names(shop: Shop, rows: list[tuple[int | None, wecom.ExternalContact, wecom.FollowUser]]) -> None:
    lacking: dict[int, Any] = {}
    for batch in bulk.chunks([customer_id for customer_id, _, _ in rows if customer_id], 900):
        lacking.update(
            Customer.objects.filter(pk__in=batch, erased_at__isnull=True)
            .values_list("pk", "name_sealed")
            .filter(name_sealed__isnull=True)
        )
    changed = [
        (vault.seal(contact.name, shop_id=shop.pk), customer_id)
        for customer_id, contact, _ in rows
        if customer_id in lacking and contact.name
    ]
    bulk.update(Customer, "id", ("name_sealed",), changed)


@transaction.atomic
def contact_gone(shop: Shop, staff: str, external_userid: str, at: datetime) -> bool:
    """The relation ended (deleted by either side); False if it was not known as open, or began after `at`: a late push ends nothing newer."""
    open_rows = Contact.objects.filter(shop=shop, staff=staff, external_userid=external_userid, deleted_at__isnull=True)
    return bool(open_rows.filter(added_at__lte=at).update(deleted_at=at))


@transaction.atomic
def contacts_of_staff(shop: Shop, staff: str, present: set[str], at: datetime) -> int:
    """Closes relations of a member of staff that a full list no longer holds; how many."""
    gone = [
        row.pk
        for row in Contact.objects.filter(shop=shop, staff=staff, deleted_at__isnull=True, added_at__lt=at)
        if row.external_userid not in present
    ]
    for batch in bulk.chunks(gone, 900):
        Contact.objects.filter(pk__in=batch).update(deleted_at=at)
    return len(gone)


@transaction.atomic
def record_group(shop: Shop, chat: wecom.GroupChat, at: datetime | None = None, *, announce: bool = True) -> dict[str, int]:
    """A group with its present members: new stays are opened, missing members are taken to have left at `at` (now).

    The answer counts joined and left. Somebody who left and came back has two stays.
    """
    moment = at or clock.now()
    group, _ = Group.objects.update_or_create(
        shop=shop,
        chat_id=chat.chat_id[:64],
        defaults={
            "name": bulk.cut(chat.name, 120),
            "owner": (chat.owner or "")[:64],
            "created_at": chat.create_time.at if chat.create_time else None,
            "member_version": (chat.member_version or "")[:64],
            "dismissed_at": None,
        },
    )
    open_stays = {row.member: row for row in GroupMember.objects.select_for_update().filter(group=group, left_at__isnull=True)}
    outside = [m for m in chat.member_list if m.type != 1]
    people = [
        Person(
            {"external": m.userid, "unionid": m.unionid or ""},
            m.join_time.at if m.join_time else moment,
            channel=m.state if (m.state or "") in CHANNELS else "group",  # type: ignore[arg-type]
        )
        for m in outside
    ]
    customers = dict(zip((m.userid for m in outside), identity.resolve_many(shop, people), strict=True))
    rows, left, joined = [], [], []
    for member in chat.member_list:
        joined_at = member.join_time.at if member.join_time else moment
        stay = open_stays.pop(member.userid, None)
        if stay is not None and (member.join_time is None or stay.joined_at == joined_at):
            continue
        if stay is not None:
            left.append((min(joined_at, moment), stay.pk))
        joined.append(member)
        rows.append(
            (
                shop.pk, group.pk, member.userid[:64], customers.get(member.userid), member.type == 1, joined_at, None, member.join_scene,
                bulk.cut(member.state or "", 64), (member.invitor.userid or "")[:64] if member.invitor else "",
            )
        )  # fmt: skip
    left += [(moment, stay.pk) for stay in open_stays.values()]
    bulk.update(GroupMember, "id", ("left_at",), left)
    fields = (
        "shop_id",
        "group_id",
        "member",
        "customer_id",
        "is_staff",
        "joined_at",
        "left_at",
        "join_scene",
        "state",
        "invitor",
    )
    bulk.insert(GroupMember, fields, rows, conflict=("group_id", "member", "joined_at"), update=("left_at", "customer_id"))
    if rows or left:
        days = [clock.day_of(row[5], shop.zone) for row in rows] + [clock.day_of(at_, shop.zone) for at_, _ in left]
        dirty.mark_dirty(shop, "group_members", min(days), max(days))
    if announce:
        numbers = dict(Customer.objects.filter(pk__in=[c for c in customers.values() if c]).values_list("pk", "number"))
        for member in joined:
            fresh = member.join_time is None or moment - member.join_time.at < _NEWS
            if member.type != 1 and fresh:
                MemberJoinedGroup(chat.chat_id, member.userid, numbers.get(customers.get(member.userid) or 0)).emit(
                    shop.pk, chat.chat_id
                )
    return {"joined": len(rows), "left": len(left)}


@transaction.atomic
def group_gone(shop: Shop, chat_id: str, at: datetime) -> bool:
    """The group was dissolved: every stay ends; False if we do not know the group or it was gone already."""
    group = Group.objects.select_for_update().filter(shop=shop, chat_id=chat_id, dismissed_at__isnull=True).first()
    if group is None:
        return False
    group.dismissed_at = at
    group.save(update_fields=["dismissed_at"])
    if GroupMember.objects.filter(group=group, left_at__isnull=True).update(left_at=at):
        dirty.mark_dirty(shop, "group_members", clock.day_of(at, shop.zone))
    return True


@transaction.atomic
def members_left(shop: Shop, chat_id: str, members: Iterable[str], at: datetime) -> int:
    """Members whom a push names as gone; how many open stays ended. A stay that began after `at` is another one."""
    stays = GroupMember.objects.filter(shop=shop, group__chat_id=chat_id, member__in=list(members), left_at__isnull=True)
    count = stays.filter(joined_at__lte=at).update(left_at=at)
    if count:
        dirty.mark_dirty(shop, "group_members", clock.day_of(at, shop.zone))
    return count


_DAY_FIELDS = (
    "shop_id", "day", "owner", "chat_id", "groups", "groups_with_messages", "new_members", "members", "members_who_spoke", "messages",
)  # fmt: skip


@transaction.atomic
def record_group_days(shop: Shop, owner: str, rows: Iterable[wecom.GroupDayRow]) -> int:
    """Statistics per day of one owner's groups, overwritten; how many days."""
    values: dict[date, tuple[Any, ...]] = {}
    for row in rows:
        if row.stat_time is None or row.data is None:
            continue
        data = row.data
        values[clock.day_of(row.stat_time.at, shop.zone)] = (
            data.chat_total, data.chat_has_msg, data.new_member_cnt, data.member_total, data.member_has_msg, data.msg_total,
        )  # fmt: skip
    bulk.insert(
        GroupDaily, _DAY_FIELDS, ((shop.pk, day, owner[:64], "", *figures) for day, figures in values.items()),
        conflict=("shop_id", "day", "owner", "chat_id"), update=_DAY_FIELDS[4:],
    )  # fmt: skip
    if values:
        dirty.mark_dirty(shop, "group_daily", min(values), max(values))
    return len(values)
