"""Signing in and out, the shop switcher, a new shop, one's own password."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.doors import middleware
from zhanggui.doors.desk.tests import house
from zhanggui.facts.models import Shop
from zhanggui.kernel.models import AuditEntry, Grant, Role, User

pytestmark = pytest.mark.django_db
SIGN_IN = "/sign-in"


def try_in(browser=None, username="laoban", password=house.PASSWORD, ip="203.0.113.9", **more):
    return (browser or Client()).post(SIGN_IN, {"username": username, "password": password, **more}, REMOTE_ADDR=ip)


def test_the_right_password_opens_the_desk_and_is_written_down(mine):
    browser = Client()
    assert try_in(browser)["Location"] == reverse("desk:home")
    assert browser.get("/")["Location"] == reverse("desk:shop-home", args=(mine.shop.pk,))
    entry = AuditEntry.objects.get(verb="account.sign_in")
    assert (entry.actor, entry.shop_id) == ("laoban", None)


@pytest.mark.parametrize(
    "sent",
    [{"password": "wrong"}, {"username": "nobody"}, {"username": ""}, {"password": ""}, {"password": house.PASSWORD + " "}],
)
def test_anything_else_does_not(sent, mine):
    browser = Client()
    before = house.everything()
    answer = try_in(browser, **sent)
    assert answer.status_code == 400
    assert browser.get("/")["Location"].startswith(SIGN_IN)
    assert house.everything() == before
    if all(sent.values()):
        assert "登录名或密码不对" in answer.content.decode()  # the same words whether the name exists or not


def test_a_stopped_account_does_not_get_in(mine, owner):
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert try_in().status_code == 400


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        ("/s/1/orders?q=红糖&status=paid", "/s/1/orders?q=%E7%BA%A2%E7%B3%96&status=paid"),
        ("https://evil.example/", "/"),
        ("//evil.example/x", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("http:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("https://testserver@evil.example/", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_stays_in_the_house(wanted, where, mine):
    browser = Client()
    page = browser.get(SIGN_IN, {"next": wanted}).content.decode()
    assert ("evil" in page or "javascript:" in page) is False
    assert try_in(browser, next=wanted)["Location"] == where
    already = browser.get(SIGN_IN, {"next": wanted})
    assert already["Location"] == where


def test_guessing_is_slowed_per_account_and_address(mine):
    for _ in range(middleware.SIGN_IN_TRIES):
        assert try_in(password="wrong").status_code == 400
    answer = try_in()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 60
    assert "暂时不能登录" in answer.content.decode()
    assert AuditEntry.objects.filter(verb="account.sign_in").count() == 0
    assert try_in(username="LAOBAN", password="wrong").status_code == 429  # another spelling is the same account
    assert try_in(ip="198.51.100.7").status_code == 302  # the owner elsewhere is not locked out


def test_guessing_names_from_one_address_is_slowed_too(mine):
    for n in range(middleware.SIGN_IN_TRIES * 6):
        assert try_in(username=f"guess{n}", password="x").status_code == 400
    assert try_in(username="one-more", password="x").status_code == 429


def test_a_success_begins_anew(mine):
    for _ in range(middleware.SIGN_IN_TRIES - 1):
        try_in(password="wrong")
    assert try_in().status_code == 302
    assert try_in(password="wrong").status_code == 400


def test_signing_in_changes_the_session(mine):
    browser = Client()
    browser.get(SIGN_IN)
    browser.cookies["sessionid"] = "fixed-by-somebody"
    try_in(browser)
    assert browser.cookies["sessionid"].value != "fixed-by-somebody"
    assert browser.cookies["sessionid"]["httponly"] and browser.cookies["sessionid"]["samesite"] == "Lax"


def test_only_a_button_signs_out(mine, client):
    answer = client.get("/sign-out")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert client.get("/shops").status_code == 200
    assert client.post("/sign-out")["Location"] == SIGN_IN
    assert client.get("/shops")["Location"].startswith(SIGN_IN)


def test_a_house_without_people_points_to_the_terminal(db):
    assert "开店链接" in Client().get(SIGN_IN).content.decode()


def test_the_switcher_shows_my_shops_and_no_others(mine, other, client):
    page = client.get("/shops").content.decode()
    assert "巷口茶铺" in page and "对门茶铺" not in page and "店主" in page
    Grant.objects.create(user=mine.grant.user, shop_id=other.shop.pk, role=Role.AGENCY)
    page = client.get("/shops").content.decode()
    assert "对门茶铺" in page and "代运营" in page


def test_home_leads_to_where_one_last_worked(mine, other, client, url):
    Grant.objects.create(user=mine.grant.user, shop_id=other.shop.pk, role=Role.ANALYST)
    assert client.get("/")["Location"] == "/shops"
    client.get(reverse("desk:orders", args=(other.shop.pk,)))
    assert client.get("/")["Location"] == reverse("desk:shop-home", args=(other.shop.pk,))


def test_an_owner_opens_another_shop(mine, client):
    answer = client.post("/shops", {"name": "  二店  "})
    shop = Shop.objects.get(name="二店")
    assert answer["Location"] == reverse("desk:shop-home", args=(shop.pk,))
    assert Grant.objects.get(shop_id=shop.pk).role == Role.OWNER
    assert client.get(reverse("desk:orders", args=(shop.pk,))).status_code == 200


def test_nobody_else_does(mine, as_):
    browser = as_(Role.AGENCY)
    assert "新开一家店" not in browser.get("/shops").content.decode()
    before = house.everything()
    assert browser.post("/shops", {"name": "我的店"}).status_code == 400
    assert as_(Role.OWNER).post("/shops", {"name": "  "}).status_code == 400
    assert house.everything() == before


def test_a_new_password_needs_the_old_one_and_ends_other_sessions(mine, owner, client):
    elsewhere = house.signed_in(owner)
    before = house.everything()
    for sent in (
        {"old": "wrong", "new": "yan-jing-cha-88", "again": "yan-jing-cha-88"},
        {"old": house.PASSWORD, "new": "yan-jing-cha-88", "again": "another"},
        {"old": house.PASSWORD, "new": "12345678", "again": "12345678"},
    ):
        assert client.post("/account", sent).status_code == 400
    assert house.everything() == before
    assert (
        client.post("/account", {"old": house.PASSWORD, "new": "yan-jing-cha-88", "again": "yan-jing-cha-88"}).status_code == 302
    )
    owner.refresh_from_db()
    assert owner.check_password("yan-jing-cha-88")
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account")["Location"].startswith(SIGN_IN)
    assert AuditEntry.objects.filter(verb="account.password").count() == 1


def test_ones_name_is_changed_alone(mine, owner, other, client):
    assert client.post("/account", {"display_name": "<b>阿强</b>"}).status_code == 302
    owner.refresh_from_db()
    assert owner.display_name == "<b>阿强</b>"
    page = client.get("/account").content.decode()
    assert "&lt;b&gt;阿强" in page and "<b>阿强" not in page
