"""Nobody crosses a wall: every address of the desk, tried by another shop's owner, by every role, by nobody, and without a form's token."""

from __future__ import annotations

import re

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from zhanggui.doors.desk import urls
from zhanggui.doors.desk.tests import house
from zhanggui.facts.models import Customer
from zhanggui.kernel.access import ROLES, Permission
from zhanggui.kernel.models import AuditEntry, Role

pytestmark = pytest.mark.django_db
OPEN = {"welcome", "sign-in", "sign-out", "invitation", "charts"}
"""Addresses that need no account: each guards itself by a token or gives nothing away."""
OF_A_PERSON = {"home", "shops", "account", "about", "gallery"}
"""Addresses of whoever is signed in."""
ROUTES = {p.name: p for p in urls.urlpatterns}
SHOP_ROUTES = sorted(name for name, p in ROUTES.items() if "shop" in p.pattern.converters)
ARGUMENTS = {
    "order_id": lambda s: s.order.order_id,
    "customer_id": lambda s: s.customer.pk,
    "merge_id": lambda s: s.merge.pk,
    "product_id": lambda s: s.product.product_id,
    "file_id": lambda s: s.file.pk,
    "mapping_id": lambda s: s.mapping.pk,
    "connection_id": lambda s: s.connection.pk,
    "job_id": lambda s: s.job.pk,
    "grant_id": lambda s: s.grant.pk,
}
"""What stands in an address for a thing of a shop. A new one must be told here, or its routes fail below."""
WORDS = {
    "import-template": {"kind": "orders"},
    "connection-new": {"kind": "official"},
    "policy": {"key": "customers.silent_days"},
    "metric": {"key": "conversion.orders"},
    "metric-rows": {"key": "conversion.orders"},
}
"""Arguments that are words of the house and no shop's."""


def address(route, shop, things):
    """The address of a route of `shop`, about things of `things`."""
    names = set(ROUTES[route].pattern.converters) - {"shop"}
    words = WORDS.get(route, {})
    assert names <= set(ARGUMENTS) | set(words), f"{route}: say in ARGUMENTS what {names} stands for"
    return reverse(f"desk:{route}", kwargs={"shop": shop.pk, **words, **{n: ARGUMENTS[n](things) for n in names - set(words)}})


def view(route):
    return ROUTES[route].callback


def about_things(route):
    return set(ROUTES[route].pattern.converters) & set(ARGUMENTS)


def test_every_address_says_who_may_open_it():
    for name, pattern in ROUTES.items():
        if "shop" in pattern.pattern.converters:
            assert isinstance(getattr(view(name), "permission", None), Permission), f"{name} is no desk_page"
        elif name in OF_A_PERSON:
            assert getattr(view(name), "signed_in", False), f"{name} needs nobody to be signed in"
        else:
            assert name in OPEN, f"{name}: is it meant to be open to everybody?"


@pytest.mark.parametrize("route", SHOP_ROUTES)
def test_another_shops_owner_finds_nothing(route, mine, other):
    stranger = house.signed_in(other.grant.user)
    before = house.everything()
    for target in (address(route, mine.shop, mine), address(route, mine.shop, other)):
        for method in ("get", "post"):
            answer = getattr(stranger, method)(target)
            assert answer.status_code == 404, (method, target)
            assert "巷口茶铺" not in answer.content.decode()
    assert house.everything() == before


@pytest.mark.parametrize("route", [r for r in SHOP_ROUTES if about_things(r)])
def test_another_shops_things_are_not_found_under_my_address(route, mine, other, client):
    target = address(route, mine.shop, other)
    before = house.everything()
    for method in ("get", "post"):
        if method.upper() in view(route).methods:
            answer = getattr(client, method)(target)
            assert answer.status_code == 404, (method, target)
            assert "对门茶铺" not in answer.content.decode()
    assert house.everything() == before


@pytest.mark.parametrize("number", [0, 2**31, 2**63 - 1, 2**63, 2**80])
def test_absurd_numbers_are_not_found(number, mine, client):
    for path in (f"/s/{number}/orders", f"/s/{mine.shop.pk}/customers/{number}", f"/s/{mine.shop.pk}/imports/{number}"):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("route", SHOP_ROUTES)
def test_each_role_opens_exactly_its_pages(route, role, mine, as_):
    target, may = address(route, mine.shop, mine), view(route).permission in ROLES[role]
    before = house.everything()
    browser = as_(role)
    made = house.everything() if role != Role.OWNER else before
    for method in view(route).methods:
        if method == "HEAD":
            continue
        answer = getattr(browser, method.lower())(target)
        if may:
            assert answer.status_code in {200, 302, 400, 403 if method == "POST" else 200, 404, 409}, (method, answer.status_code)
            assert method == "POST" or answer.status_code in {200, 404}, (method, answer.status_code)
        else:
            assert answer.status_code == 403, (method, answer.status_code)
            assert "你的角色不能" in answer.content.decode()
    if not may:
        assert house.everything() == made


@pytest.mark.parametrize("role", Role.values)
def test_the_menu_offers_what_the_role_may_open_and_nothing_else(role, mine, as_, url):
    browser = as_(role)
    page = browser.get(url("orders")).content.decode()
    for route in ("customers", "imports", "audit", "members"):
        assert (f'href="{url(route)}"' in page) == (view(route).permission in ROLES[role]), route


@pytest.mark.parametrize("role", Role.values)
def test_what_a_page_does_beyond_showing_needs_its_own_permission(role, mine, as_, url):
    browser = as_(role)
    before = house.everything()
    export = browser.get(url("orders") + "?export=csv")
    assert export.status_code == (200 if Permission.EXPORT in ROLES[role] else 403)
    change = browser.post(url("policy", "customers.silent_days"), {"value": "45", "why": "我店是低频品"})
    assert change.status_code == (302 if Permission.POLICIES in ROLES[role] else 403)
    if not {Permission.EXPORT, Permission.POLICIES} & ROLES[role]:
        assert house.everything() == before


@pytest.mark.parametrize("route", SHOP_ROUTES)
def test_nobody_is_sent_to_the_sign_in(route, mine):
    target, nobody = address(route, mine.shop, mine), Client()
    before = house.everything()
    answer = nobody.get(target)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("desk:sign-in") + "?next=/s/")
    assert nobody.post(target)["Location"] == reverse("desk:sign-in")
    fragment = nobody.get(target, headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment["HX-Redirect"], fragment.content) == (204, reverse("desk:sign-in"), b"")
    assert house.everything() == before


@pytest.mark.parametrize("name", sorted(OF_A_PERSON))
def test_pages_of_a_person_need_one(name, mine):
    assert Client().get(reverse(f"desk:{name}"))["Location"].startswith(reverse("desk:sign-in"))


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_a_form_without_its_token_is_refused(route, mine, owner):
    browser = house.signed_in(owner, enforce_csrf_checks=True)
    if route in SHOP_ROUTES:
        target = address(route, mine.shop, mine)
    elif route == "invitation":
        target = reverse("desk:invitation", args=(1, "x"))
    else:
        target = reverse(f"desk:{route}", args=("0",) if route == "charts" else ())
    before = house.everything()
    answer = browser.post(target, {"name": "x", "do": "remove", "username": "laoban", "password": house.PASSWORD})
    assert answer.status_code == 403
    assert "页面停留太久了" in answer.content.decode()
    assert house.everything() == before


def test_an_account_that_was_stopped_is_nobody(mine, owner, client, url):
    assert client.get(url("orders")).status_code == 200
    owner.is_active = False
    owner.save()
    assert client.get(url("orders"))["Location"].startswith(reverse("desk:sign-in"))


def test_a_removed_grant_closes_the_shop_at_once(mine, as_, url):
    browser = as_(Role.OPERATOR)
    assert browser.get(url("orders")).status_code == 200
    browser.get("/")
    mine.shop.refresh_from_db()
    from zhanggui.kernel.models import Grant

    Grant.objects.filter(shop_id=mine.shop.pk, role=Role.OPERATOR).delete()
    assert browser.get(url("orders")).status_code == 404
    assert browser.get("/")["Location"] == reverse("desk:shops")


# ── what must never be on a page ─────────────────────────────────────────


def pages(browser, mine):
    """(address, text) of every page that can be got, files included."""
    shown = []
    for route in SHOP_ROUTES:
        if "GET" in view(route).methods:
            target = address(route, mine.shop, mine)
            answer = browser.get(target)
            if answer.status_code == 200:
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content
                shown.append((target, body.decode("utf-8", "replace")))
    if (exported := browser.get(f"/s/{mine.shop.pk}/orders?export=csv")).status_code == 200:
        shown.append(("orders.csv", b"".join(exported.streaming_content).decode()))
    return shown


@pytest.mark.parametrize("role", Role.values)
def test_secrets_are_on_no_page(role, mine, as_):
    found = pages(as_(role), mine)
    assert len(found) > 10
    for target, text in found:
        for secret in (house.SECRET, house.TOKEN, house.AES_KEY, django_settings.SECRET_KEY, django_settings.VAULT_KEY):
            assert secret not in text, target
        if Permission.CONNECT not in ROLES[role]:
            assert mine.connection.callback_key not in text, target


@pytest.mark.parametrize("role", Role.values)
def test_personal_data_is_masked_on_every_page(role, mine, as_):
    masked = 0
    for target, text in pages(as_(role), mine):
        for plain in (house.NAME, house.PHONE, house.ADDRESS, "openid-of-somebody-real"):
            assert plain not in text, target
        masked += "欧***" in text
    assert (masked > 0) == (Permission.CUSTOMERS in ROLES[role])


def test_one_look_is_one_line_of_the_audit_trail(mine, as_, url):
    browser = as_(Role.SERVICE)
    before = AuditEntry.objects.count()
    for field, text in (("name", house.NAME), ("phone", house.PHONE), ("address", house.ADDRESS)):
        answer = browser.post(url("customer-reveal", mine.customer.pk), {"field": field}, headers={"HX-Request": "true"})
        assert text in answer.content.decode()
        assert answer["Cache-Control"] == "no-store"
    lines = list(AuditEntry.objects.order_by("id").values_list("actor", "verb", "sentence"))[before:]
    assert [(actor, verb) for actor, verb, _ in lines] == [("service-er", "customer.reveal")] * 3
    assert "手机号" in lines[1][2]
    assert house.PHONE not in "".join(sentence for _, _, sentence in lines)


def test_the_recipient_of_an_order_is_shown_to_whoever_may_and_written_down(mine, as_, url):
    target = url("order-recipient", mine.order.order_id)
    assert as_(Role.OPERATOR).post(target).status_code == 403
    assert not AuditEntry.objects.filter(verb="order.reveal").exists()
    answer = as_(Role.SERVICE).post(target, headers={"HX-Request": "true"}).content.decode()
    assert house.NAME in answer and house.PHONE in answer and house.ADDRESS in answer
    assert AuditEntry.objects.get(verb="order.reveal").actor == "service-er"


def test_erasing_needs_the_owner_and_the_number(mine, as_, url):
    target = url("customer-erase", mine.customer.pk)
    before = house.everything()
    client = as_(Role.OWNER)
    assert client.post(target, {"number": "7"}).status_code == 400
    assert client.post(target).status_code == 400
    assert house.everything() == before
    others = {role: as_(role) for role in (Role.OPERATOR, Role.SERVICE, Role.ANALYST, Role.AGENCY)}
    before = house.everything()
    for role, browser in others.items():
        assert browser.post(target, {"number": "0"}).status_code == 403, role
    assert house.everything() == before


def test_an_erased_person_is_nowhere_in_the_database(mine, other, client, url):
    grandchild = Customer.objects.create(
        shop=mine.shop, number=2, name_sealed=mine.customer.name_sealed, phone_sealed=mine.customer.phone_sealed,
        first_seen_at=mine.customer.first_seen_at, merged_into=mine.absorbed,
    )  # fmt: skip
    traces = (house.NAME, house.PHONE, house.ADDRESS, "13987654321", "oA-openid-of-somebody-real", "wmA", "st-A")
    held = house.stored_text(mine.shop.pk)
    assert [t for t in traces if t not in held] == []
    paid = mine.order.paid_fen
    assert client.post(url("customer-erase", mine.customer.pk), {"number": "0"}).status_code == 302
    held = house.stored_text(mine.shop.pk)
    # Session and audit tables hold ids only; the other shop's people are sealed for the other shop and do not open here.
    assert [t for t in traces if t in held] == []
    mine.order.refresh_from_db()
    grandchild.refresh_from_db()
    assert (mine.order.paid_fen, mine.order.customer_id) == (paid, mine.customer.pk)
    assert grandchild.erased_at is not None
    assert AuditEntry.objects.filter(verb="customer.erase", actor="laoban").count() == 1
    assert house.NAME in house.stored_text(other.shop.pk)
    page = client.get(url("customer", mine.customer.pk)).content.decode()
    assert "已删除个人信息" in page
    assert not re.search(r"hx-post=[^>]*reveal", page)


def test_everything_about_a_person_can_be_taken_out_by_the_owner_only(mine, as_, url):
    target = url("customer-export", mine.customer.pk)
    assert as_(Role.AGENCY).post(target).status_code == 403
    answer = as_(Role.OWNER).post(target)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"] and answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["name"], body["phone"], body["address"]) == (house.NAME, house.PHONE, house.ADDRESS)
    assert body["orders"][0]["order_id"] == mine.order.order_id
    assert AuditEntry.objects.filter(verb="customer.export").count() == 1
