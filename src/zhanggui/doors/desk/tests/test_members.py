"""Who works in a shop: invited by a link that works once, given a role, removed; a shop always keeps an owner."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.doors.desk.account import INVITED
from zhanggui.doors.desk.tests import house
from zhanggui.kernel import clock
from zhanggui.kernel.access import Permission
from zhanggui.kernel.models import AuditEntry, Grant, Role, User

pytestmark = pytest.mark.django_db
STRONG = "yan-jing-cha-88"


def invited(client, url, role=Role.SERVICE, name="小陈") -> str:
    """The path of a fresh invitation."""
    assert client.post(url("members"), {"name": name, "role": role}).status_code == 302
    return re.search(r'value="http://testserver(/invitation/[^"]+)"', client.get(url("members")).content.decode())[1]


def joining(path, username="xiaochen", password=STRONG, again=STRONG, browser=None):
    return (browser or Client()).post(path, {"username": username, "password": password, "again": again})


def test_the_page_says_what_each_role_may(mine, client, url):
    page = client.get(url("members")).content.decode()
    assert "laoban师傅" in page and "（你）" in page
    for permission in Permission:
        assert permission.value in page
    for role in Role:
        assert str(role.label) in page


def test_an_invitation_makes_an_account_once(mine, client, url):
    path = invited(client, url)
    waiting = User.objects.get(username__startswith=INVITED)
    assert (waiting.is_active, waiting.has_usable_password()) == (False, False)
    browser = Client()
    shown = browser.get(path).content.decode()
    assert "小陈" in shown and "巷口茶铺（客服）" in shown
    assert joining(path, browser=browser)["Location"] == reverse("desk:home")
    assert browser.get(url("customers")).status_code == 200
    assert browser.get(url("members")).status_code == 403
    joined = User.objects.get(username="xiaochen")
    assert (joined.pk, joined.is_active, joined.check_password(STRONG)) == (waiting.pk, True, True)
    assert AuditEntry.objects.filter(verb="member.join", shop_id=mine.shop.pk, actor="xiaochen").count() == 1
    before = house.everything()
    assert Client().get(path).status_code == 404
    assert joining(path, "somebody-else").status_code == 404
    assert house.everything() == before
    assert path not in client.get(url("members")).content.decode()


def test_a_link_dies_after_three_days(mine, client, url, monkeypatch):
    path = invited(client, url)
    from datetime import datetime, timedelta

    from django.contrib.auth.tokens import PasswordResetTokenGenerator

    later = datetime.now() + timedelta(days=4)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: later)
    assert joining(path).status_code == 404
    assert not User.objects.filter(username="xiaochen").exists()


@pytest.mark.parametrize("path", ["/invitation/1/x", "/invitation/999999/abc-def"])
def test_a_link_nobody_made_opens_nothing(path, mine):
    before = house.everything()
    assert Client().get(path).status_code == 404
    assert joining(path).status_code == 404
    assert house.everything() == before


def test_a_real_account_cannot_be_taken_over_by_a_token(mine, owner, client):
    from django.contrib.auth.tokens import default_token_generator

    path = reverse("desk:invitation", args=(owner.pk, default_token_generator.make_token(owner)))
    assert joining(path).status_code == 404
    owner.refresh_from_db()
    assert owner.check_password(house.PASSWORD)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"username": "laoban"}, "已有人用"),
        ({"username": "LAOBAN"}, "已有人用"),
        ({"username": "invited-me"}, "已有人用"),
        ({"username": "x"}, ""),
        ({"password": "short1", "again": "short1"}, ""),
        ({"password": "1234567890", "again": "1234567890"}, ""),
        ({"again": "another-one-9"}, "不一样"),
    ],
)
def test_a_bad_name_or_password_is_refused_in_words(sent, words, mine, client, url):
    path = invited(client, url)
    before = house.everything()
    answer = joining(path, **sent)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert words in page and re.search(r"errorlist[^>]*>.*[\u4e00-\u9fff]", page)
    assert house.everything() == before


def test_somebody_with_an_account_is_added_by_name(mine, other, client, url):
    assert client.post(url("members"), {"username": "stranger", "role": Role.AGENCY}).status_code == 302
    stranger = house.signed_in(other.grant.user)
    assert stranger.get(url("orders")).status_code == 200
    assert Grant.objects.get(user=other.grant.user, shop_id=mine.shop.pk).role == Role.AGENCY
    assert client.post(url("members"), {"username": "stranger", "role": Role.OWNER}).status_code == 409
    assert Grant.objects.get(user=other.grant.user, shop_id=mine.shop.pk).role == Role.AGENCY


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"role": "king", "name": "x"}, 400),
        ({"role": "service"}, 400),
        ({"role": "service", "username": "nobody"}, 404),
        ({}, 400),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(sent, status, mine, client, url):
    before = house.everything()
    assert client.post(url("members"), sent).status_code == status
    assert house.everything() == before


def test_a_role_changes_at_once_and_is_written_down(mine, as_, url):
    client, browser = as_(Role.OWNER), as_(Role.ANALYST)
    assert browser.get(url("customers")).status_code == 403
    grant = Grant.objects.get(shop_id=mine.shop.pk, role=Role.ANALYST)
    assert client.post(url("member", grant.pk), {"role": Role.SERVICE}).status_code == 302
    assert browser.get(url("customers")).status_code == 200
    entry = AuditEntry.objects.get(verb="member.role")
    assert (entry.actor, entry.detail) == ("laoban", {"role": "service"})
    assert client.post(url("member", grant.pk), {"role": "king"}).status_code == 400


def test_the_last_owner_stays(mine, as_, url):
    client = as_(Role.OWNER)
    as_(Role.OPERATOR)
    before = house.everything()
    assert client.post(url("member", mine.grant.pk), {"do": "remove"}).status_code == 409
    assert client.post(url("member", mine.grant.pk), {"role": Role.ANALYST}).status_code == 409
    assert house.everything() == before
    waiting = invited(client, url, Role.OWNER, "新店主")  # an owner who has not come yet is none
    assert client.post(url("member", mine.grant.pk), {"do": "remove"}).status_code == 409
    joining(waiting, "second")
    assert client.post(url("member", mine.grant.pk), {"do": "remove"}).status_code == 302
    assert client.get(url("members")).status_code == 404


def test_removing_an_invitation_removes_the_empty_account(mine, client, url):
    path = invited(client, url)
    grant = Grant.objects.get(user__username__startswith=INVITED)
    assert client.post(url("member", grant.pk), {"do": "remove"}).status_code == 302
    assert not User.objects.filter(username__startswith=INVITED).exists()
    assert Client().get(path).status_code == 404


def test_removing_somebody_keeps_their_account_and_other_shops(mine, other, client, url):
    grant = Grant.objects.create(user=other.grant.user, shop_id=mine.shop.pk, role=Role.AGENCY)
    assert client.post(url("member", grant.pk), {"do": "remove"}).status_code == 302
    stranger = house.signed_in(other.grant.user)
    assert stranger.get(url("orders")).status_code == 404
    assert stranger.get(reverse("desk:orders", args=(other.shop.pk,))).status_code == 200


def test_the_audit_trail_reads_as_sentences_and_narrows(mine, other, client, url):
    invited(client, url)
    clock.now()
    page = client.get(url("audit")).content.decode()
    assert "laoban 邀请 小陈 担任客服" in page and "对门茶铺" not in page
    narrowed = client.get(url("audit") + "?subject=member.").content.decode()
    assert "邀请 小陈" in narrowed and "开设了店铺" not in narrowed
    assert "没有记录" in client.get(url("audit") + "?actor=nobody").content.decode()
    for n in range(60):
        AuditEntry.objects.create(shop_id=mine.shop.pk, at=clock.now(), actor="laoban", verb="import", sentence=f"第 {n} 次导入")
    first = client.get(url("audit") + "?subject=import").content.decode()
    following = re.search(r'href="(\?[^"]*)"[^>]*rel="next"', first)[1].replace("&amp;", "&")
    assert "subject=import" in following
    assert "第 9 次导入" in client.get(url("audit") + following).content.decode()
