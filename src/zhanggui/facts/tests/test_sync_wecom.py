"""Reading WeCom: contacts, groups, members and statistics as the platform has them; who left is seen to have left."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from zhanggui.emulator.catalogue import STAFF
from zhanggui.emulator.hosts.wecom import group_day
from zhanggui.emulator.shopworld import number_of
from zhanggui.facts import sync
from zhanggui.facts.models import Contact, Customer, Group, GroupDaily, GroupMember, LakeDirty
from zhanggui.facts.sync.wecom import TOO_WIDE
from zhanggui.facts.tests.conftest import announced
from zhanggui.kernel import clock
from zhanggui.wechat import errors
from zhanggui.wechat.wecom import WecomClient

pytestmark = pytest.mark.django_db


def contacts(platform) -> set[tuple[str, str]]:
    """(staff, external id) of every relation there is."""
    p, w = platform.world.people, platform.world
    rows = np.flatnonzero((p["t_contact"] <= w.now) & (p["t_lost_contact"] > w.now))
    return {(STAFF[int(p["staff"][r])][0], w.external(int(r))) for r in rows.tolist()}


def members(platform) -> set[tuple[str, str]]:
    """(group, external id) of everybody from outside who is in a group now."""
    m, w = platform.world.members, platform.world
    rows = np.flatnonzero((m["t_join"] <= w.now) & (m["t_leave"] > w.now))
    return {(w.groups[int(m["group"][r])]["chat_id"], w.external(int(m["person"][r]))) for r in rows.tolist()}


def our_contacts() -> set[tuple[str, str]]:
    return set(Contact.objects.filter(deleted_at=None).values_list("staff", "external_userid"))


def our_members() -> set[tuple[str, str]]:
    rows = GroupMember.objects.filter(left_at=None, is_staff=False)
    return set(rows.values_list("group__chat_id", "member"))


def test_the_first_sync_is_as_the_platform_says_and_announces_nobody(platform):
    platform.connect("wecom")
    platform.sync()
    assert our_contacts() == contacts(platform) and len(our_contacts()) > 20
    assert our_members() == members(platform) and len(our_members()) > 20
    assert announced("ContactAdded") == announced("MemberJoinedGroup") == {}
    assert platform.state("contacts").checks["ok"] and platform.state("groups").checks["ok"]
    assert Customer.objects.filter(name_sealed__isnull=False).exists()
    assert LakeDirty.objects.filter(table="group_members").exists()


def test_statistics_are_per_day_and_owner(platform):
    platform.connect("wecom")
    platform.sync("group_days")
    day = clock.today() - timedelta(days=1)
    for owner in {STAFF[g["owner"]][0] for g in platform.world.groups}:
        mine = [g for g, info in enumerate(platform.world.groups) if STAFF[info["owner"]][0] == owner]
        truth = [group_day(platform.world, g, number_of(day)) for g in mine]
        row = GroupDaily.objects.get(owner=owner, day=day)
        for ours, theirs in (
            ("groups", "chat_total"), ("groups_with_messages", "chat_has_msg"), ("new_members", "new_member_cnt"),
            ("members", "member_total"), ("members_who_spoke", "member_has_msg"), ("messages", "msg_total"),
        ):  # fmt: skip
            assert getattr(row, ours) == sum(t[theirs] for t in truth), ours
    assert GroupDaily.objects.values("day").distinct().count() == 178
    assert platform.state("group_days").state == "idle"
    platform.advance(hours=15)
    sync.ask_due()
    platform.work()
    assert GroupDaily.objects.filter(day=day + timedelta(days=1)).exists()


def test_who_left_is_seen_at_the_next_reading_and_who_came_is_news(platform):
    platform.connect("wecom")
    platform.sync()
    had, were = our_contacts(), our_members()
    platform.advance(days=30)
    platform.sync()
    assert our_contacts() == contacts(platform) and our_contacts() - had and had - our_contacts()
    assert our_members() == members(platform) and were - our_members()
    gone = Contact.objects.exclude(deleted_at=None)
    assert set(gone.values_list("staff", "external_userid")) >= had - our_contacts()
    news = set(announced("ContactAdded"))
    fresh = Contact.objects.filter(deleted_at=None, added_at__gte=clock.now() - timedelta(days=2))
    assert news == set(fresh.values_list("external_userid", flat=True)), "what is older than two days is history"
    before = (Contact.objects.count(), GroupMember.objects.count())
    platform.sync()
    assert (Contact.objects.count(), GroupMember.objects.count()) == before
    assert set(announced("ContactAdded")) == news


def test_a_wide_view_is_asked_owner_by_owner(platform, monkeypatch):
    groups = WecomClient.groups

    def refusing(self, *, owners=(), status=0):
        if not owners:
            raise errors.Refused("可见范围太大，须按群主分批查询", errcode=TOO_WIDE)
        return groups(self, owners=owners, status=status)

    monkeypatch.setattr(WecomClient, "groups", refusing)
    platform.connect("wecom")
    platform.sync("groups")
    assert our_members() == members(platform) and platform.state("groups").state == "idle"


def test_a_dissolved_group_ends_its_stays(platform):
    platform.connect("wecom")
    platform.sync("groups")
    ghost = Group.objects.create(shop=platform.shop, chat_id="wrOLDGROUP", name="旧群", owner=STAFF[0][0])
    GroupMember.objects.create(shop=platform.shop, group=ghost, member="wm1", joined_at=clock.now() - timedelta(days=9))
    platform.sync("groups")
    ghost.refresh_from_db()
    assert ghost.dismissed_at == clock.now() and ghost.members.get().left_at == clock.now()
    assert Group.objects.filter(dismissed_at=None).count() == sum(
        g["created"] <= platform.world.now for g in platform.world.groups
    )
