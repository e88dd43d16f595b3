"""The first start: whoever reads the terminal makes the owner's account and the first shop, once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.doors.desk import welcome
from zhanggui.doors.desk.tests import house
from zhanggui.facts.models import Shop
from zhanggui.kernel.models import AuditEntry, Grant, Role, User

pytestmark = pytest.mark.django_db
FILLED = {
    "shop_name": "巷口茶铺",
    "display_name": "老板",
    "username": "laoban",
    "password": "hong-tang-9527",
    "again": "hong-tang-9527",
}


def kept() -> Path:
    from django.conf import settings

    return Path(settings.HOME) / "keys" / "welcome"


def test_the_token_opens_the_shop_and_signs_in_once():
    token = welcome.issue_token()
    browser = Client()
    page = browser.get(welcome.welcome_path(token))
    assert page.status_code == 200 and "开张" in page.content.decode()
    answer = browser.post(reverse("desk:welcome"), {**FILLED, "token": token})
    shop, user = Shop.objects.get(), User.objects.get()
    assert answer["Location"] == reverse("desk:shop-home", args=(shop.pk,))
    assert (shop.name, user.username, user.check_password("hong-tang-9527")) == ("巷口茶铺", "laoban", True)
    grant = Grant.objects.get()
    assert (grant.user_id, grant.shop_id, grant.role) == (user.pk, shop.pk, Role.OWNER)
    assert AuditEntry.objects.get().verb == "shop.open"
    assert browser.get(reverse("desk:orders", args=(shop.pk,))).status_code == 200
    assert not kept().exists()
    before = house.everything()
    again = Client().post(reverse("desk:welcome"), {**FILLED, "username": "thief", "token": token})
    assert again["Location"] == reverse("desk:sign-in")
    assert house.everything() == before


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_without_the_token_nothing_opens(token):
    welcome.issue_token()
    before = house.everything()
    assert Client().get(reverse("desk:welcome"), {"token": token}).status_code == 403
    assert Client().post(reverse("desk:welcome"), {**FILLED, "token": token}).status_code == 403
    assert house.everything() == before


def test_a_newer_link_replaces_the_older():
    first, second = welcome.issue_token(), welcome.issue_token()
    assert Client().get(welcome.welcome_path(first)).status_code == 403
    assert Client().get(welcome.welcome_path(second)).status_code == 200


def test_only_the_hash_is_kept_and_only_its_owner_reads_it():
    token = welcome.issue_token()
    assert token not in kept().read_text()
    assert stat.S_IMODE(kept().stat().st_mode) == 0o600


def test_once_there_is_somebody_no_token_is_issued_and_none_works():
    token = welcome.issue_token()
    house.person("somebody")
    assert welcome.issue_token() is None
    assert Client().get(welcome.welcome_path(token))["Location"] == reverse("desk:sign-in")
    assert not Shop.objects.exists()


@pytest.mark.parametrize(
    "bad",
    [
        {"shop_name": ""},
        {"username": "x"},
        {"password": "12345678", "again": "12345678"},
        {"again": "other"},
        {"password": "short", "again": "short"},
    ],
)
def test_what_is_filled_in_badly_is_told_and_may_be_tried_again(bad):
    token = welcome.issue_token()
    before = house.everything()
    answer = Client().post(reverse("desk:welcome"), {**FILLED, **bad, "token": token})
    page = answer.content.decode()
    assert answer.status_code == 400 and "errorlist" in page and token in page
    assert FILLED["password"] not in page
    assert house.everything() == before
    assert Client().post(reverse("desk:welcome"), {**FILLED, "token": token}).status_code == 302
