"""Contacts and groups: who came, who left and when, told once and right in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.facts.commands import (
    contact_gone,
    contacts_of_staff,
    group_gone,
    members_left,
    record_contacts,
    record_group,
    record_group_days,
)
from zhanggui.facts.models import Contact, Customer, Group, GroupDaily, GroupMember, Identity, LakeDirty, Shop
from zhanggui.kernel import clock, vault
from zhanggui.kernel.models import OutboxEvent
from zhanggui.wechat.schemas.wecom import ContactFollow, GroupChat, GroupDayRow

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 20, 4, tzinfo=UTC)
H = timedelta(hours=1)


@pytest.fixture
def shop():
    with clock.frozen(NOW):
        yield Shop.objects.create(name="试验店")


def follow(external: str = "wm1", staff: str = "li", added: datetime = NOW - H, **more) -> ContactFollow:
    contact = {"external_userid": external, "name": "张三", "unionid": more.pop("unionid", "")}
    return ContactFollow.model_validate(
        {"external_contact": contact, "follow_info": {"userid": staff, "createtime": int(added.timestamp()), **more}}
    )


def chat(*members: tuple[str, datetime], number: str = "wr1", **more) -> GroupChat:
    rows = [{"userid": name, "type": 2, "join_time": int(at.timestamp()), "join_scene": 3} for name, at in members]
    staff = {"userid": "li", "type": 1, "join_time": int((NOW - 99 * H).timestamp())}
    return GroupChat.model_validate({"chat_id": number, "name": "老客群", "owner": "li", "member_list": [staff, *rows], **more})


def told(name: str) -> list[str]:
    return list(OutboxEvent.objects.filter(name=name).order_by("id").values_list("subject", flat=True))


def stays() -> set[tuple[str, datetime, datetime | None]]:
    return set(GroupMember.objects.filter(is_staff=False).values_list("member", "joined_at", "left_at"))


def test_a_contact_is_one_row_per_member_of_staff_and_news_once(shop):
    rows = [follow(state="live", add_way=1), follow(staff="wang")]
    assert record_contacts(shop, rows) == 2 and record_contacts(shop, rows) == 2
    assert set(Contact.objects.values_list("staff", "external_userid", "added_at", "deleted_at")) == {
        ("li", "wm1", NOW - H, None), ("wang", "wm1", NOW - H, None),
    }  # fmt: skip
    assert Customer.objects.count() == 1 and told("ContactAdded") == ["wm1", "wm1"]
    buyer = Customer.objects.get()
    assert vault.unseal_text(buyer.name_sealed, shop_id=shop.pk) == "张三" and buyer.channel in ("live", "chat")


def test_long_ago_is_no_news_and_a_first_sync_tells_nobody(shop):
    record_contacts(shop, [follow(added=NOW - 49 * H)])
    record_contacts(shop, [follow("wm2")], announce=False)
    assert told("ContactAdded") == [] and Contact.objects.count() == 2


def test_a_noted_phone_joins_and_is_only_kept_as_a_hash(shop):
    record_contacts(shop, [follow(remark_mobiles=["138 0013 8000"])])
    values = dict(Identity.objects.values_list("kind", "value"))
    assert values["external"] == "wm1" and "13800138000" not in str(values) and len(values["phone"]) == 64


def test_an_ended_relation_stays_ended_until_they_meet_anew(shop):
    record_contacts(shop, [follow(added=NOW - 9 * H)])
    assert contact_gone(shop, "li", "wm1", NOW - 2 * H) is True and contact_gone(shop, "li", "wm1", NOW - H) is False
    record_contacts(shop, [follow(added=NOW - 9 * H)])
    assert Contact.objects.get().deleted_at == NOW - 2 * H
    record_contacts(shop, [follow(added=NOW - H)])
    assert (Contact.objects.get().deleted_at, Contact.objects.get().added_at) == (None, NOW - H)
    assert contact_gone(shop, "li", "wm1", NOW - 3 * H) is False, "a late word is about the earlier relation"
    assert Contact.objects.get().deleted_at is None and told("ContactAdded") == ["wm1", "wm1"]


def test_who_is_no_longer_listed_has_gone(shop):
    record_contacts(shop, [follow("wm1", added=NOW - 9 * H), follow("wm2", added=NOW - 9 * H), follow("wm3", added=NOW)])
    assert contacts_of_staff(shop, "li", {"wm1"}, NOW) == 1
    assert dict(Contact.objects.values_list("external_userid", "deleted_at")) == {"wm1": None, "wm2": NOW, "wm3": None}, (
        "whoever came while the list was read is not gone"
    )
    assert contacts_of_staff(shop, "wang", set(), NOW) == 0


def test_joining_leaving_and_coming_back_are_two_stays(shop):
    assert record_group(shop, chat(("wm1", NOW - 9 * H), ("wm2", NOW - 8 * H)), NOW - 7 * H) == {"joined": 3, "left": 0}
    assert record_group(shop, chat(("wm1", NOW - 9 * H), ("wm2", NOW - 8 * H)), NOW - 6 * H) == {"joined": 0, "left": 0}
    assert record_group(shop, chat(("wm2", NOW - 8 * H)), NOW - 5 * H) == {"joined": 0, "left": 1}
    assert record_group(shop, chat(("wm1", NOW - 2 * H), ("wm2", NOW - 8 * H)), NOW) == {"joined": 1, "left": 0}
    assert stays() == {("wm1", NOW - 9 * H, NOW - 5 * H), ("wm1", NOW - 2 * H, None), ("wm2", NOW - 8 * H, None)}
    assert Group.objects.get().owner == "li" and LakeDirty.objects.filter(table="group_members").exists()


def test_coming_back_between_two_readings_ends_the_first_stay(shop):
    record_group(shop, chat(("wm1", NOW - 9 * H)), NOW - 7 * H)
    record_group(shop, chat(("wm1", NOW - 2 * H)), NOW)
    assert stays() == {("wm1", NOW - 9 * H, NOW - 2 * H), ("wm1", NOW - 2 * H, None)}


def test_new_members_are_told_once(shop):
    record_group(shop, chat(("wm1", NOW - H), ("wm2", NOW - 72 * H)))
    record_group(shop, chat(("wm1", NOW - H), ("wm2", NOW - 72 * H)))
    assert told("MemberJoinedGroup") == ["wr1"]
    assert OutboxEvent.objects.get(name="MemberJoinedGroup").body["member"] == "wm1"


def test_a_push_names_who_left(shop):
    record_group(shop, chat(("wm1", NOW - 9 * H), ("wm2", NOW - H)), NOW)
    LakeDirty.objects.all().delete()
    assert members_left(shop, "wr1", ["wm1", "wm2", "stranger"], NOW - 2 * H) == 1
    assert stays() == {("wm1", NOW - 9 * H, NOW - 2 * H), ("wm2", NOW - H, None)}, "wm2 came after that"
    assert LakeDirty.objects.filter(table="group_members").exists()
    assert members_left(shop, "wr1", ["wm1"], NOW) == 0


def test_a_dissolved_group(shop):
    record_group(shop, chat(("wm1", NOW - 9 * H)), NOW)
    assert (
        group_gone(shop, "wr1", NOW) is True and group_gone(shop, "wr1", NOW) is False and group_gone(shop, "wr9", NOW) is False
    )
    assert Group.objects.get().dismissed_at == NOW and stays() == {("wm1", NOW - 9 * H, NOW)}


def test_statistics_per_owner_and_day_are_overwritten(shop):
    at = int(clock.day_start(clock.today() - timedelta(days=1)).timestamp())

    def rows(messages: int) -> list[GroupDayRow]:
        return [
            GroupDayRow.model_validate({"stat_time": at, "data": {"chat_total": 2, "member_total": 9, "msg_total": messages}}),
            GroupDayRow.model_validate({"stat_time": 0, "data": {"chat_total": 1}}),
        ]

    assert record_group_days(shop, "li", rows(5)) == 1 and record_group_days(shop, "li", rows(6)) == 1
    assert record_group_days(shop, "wang", rows(7)) == 1
    assert set(GroupDaily.objects.values_list("owner", "messages")) == {("li", 6), ("wang", 7)}
    assert LakeDirty.objects.filter(table="group_daily").exists()
