"""What every answer of the house carries, and what no view gets to see."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.doors import errors, middleware
from zhanggui.doors.desk.tests import house
from zhanggui.doors.middleware import Throttle
from zhanggui.kernel import vault
from zhanggui.kernel.errors import BadInput, Conflict, NotAllowed, NotFound, PolicyError, Unconfigured
from zhanggui.wechat.errors import TransportError

pytestmark = pytest.mark.django_db
FAR = {"REMOTE_ADDR": "203.0.113.9"}


def answers(client, url, mine):
    """One answer of every kind."""
    strict = house.signed_in(mine.grant.user, enforce_csrf_checks=True)
    return {
        "a page": client.get(url("orders")),
        "a fragment": client.get(url("orders"), headers={"HX-Request": "true"}),
        "a redirect": Client().get(url("orders")),
        "a redirect for a slash": client.get("/shops/"),
        "a file": client.get(url("import-template", "orders")),
        "a streamed file": client.get(url("orders") + "?export=csv"),
        "a person's data": client.post(url("customer-export", mine.customer.pk)),
        "a style sheet": client.get("/static/ui/desk.css"),
        "not there": client.get("/nothing/here"),
        "not mine": client.get("/s/99999/orders"),
        "the wrong way": client.get(url("job-retry", mine.job.pk)),
        "a stale form": strict.post(url("members"), {"name": "x"}),
        "a bad request": client.get(url("orders") + "?q=%00"),
        "the pulse": client.get("/healthz"),
    }


def test_every_answer_carries_the_headers(client, url, mine):
    for name, answer in answers(client, url, mine).items():
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "object-src 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert answer["X-Content-Type-Options"] == "nosniff", name
        assert answer["X-Frame-Options"] == "DENY", name
        assert answer["Referrer-Policy"] == "same-origin", name
        if answer.get("Content-Type", "").startswith(("text/html", "application/json", "text/csv")):
            assert "no-store" in answer["Cache-Control"] or answer.status_code == 302, name
        if answer.streaming:
            b"".join(answer.streaming_content)  # to the end, which closes it


def test_the_nonce_is_the_pages_own_and_no_script_lacks_it(client, url):
    seen = set()
    for _ in range(2):
        answer = client.get(url("orders"))
        nonce = re.search(r"'nonce-([^']+)'", answer["Content-Security-Policy"])[1]
        seen.add(nonce)
        scripts = re.findall(r"<script[^>]*>", answer.content.decode())
        assert scripts
        assert all(f'nonce="{nonce}"' in s or 'type="application/json"' in s for s in scripts), scripts
    assert len(seen) == 2


def test_no_page_leans_on_what_the_policy_forbids(client, url, mine):
    for route in ("orders", "customers", "products", "imports", "connections", "policies", "jobs", "audit", "members"):
        page = client.get(url(route)).content.decode()
        assert not re.search(r"\son[a-z]+=[\"']", page), route
        assert not re.search(r"\sstyle=[\"']", page), route
        assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", page), route


def test_too_many_requests_from_one_address_are_told_when_to_come_back(monkeypatch, mine):
    monkeypatch.setattr(middleware, "general", Throttle(3, 60))
    browser = Client()
    assert [browser.get("/sign-in", **FAR).status_code for _ in range(3)] == [200, 200, 200]
    answer = browser.get("/sign-in", **FAR)
    assert answer.status_code == 429 and int(answer["Retry-After"]) >= 1
    assert "Content-Security-Policy" in answer
    style = browser.get("/static/ui/desk.css", **FAR)
    assert (style.status_code, b"".join(style.streaming_content) != b"") == (200, True)
    assert browser.get("/sign-in", REMOTE_ADDR="198.51.100.7").status_code == 200
    assert browser.get("/sign-in").status_code == 200  # the machine itself


def test_behind_a_proxy_the_caller_is_whom_the_proxy_names(settings, rf):
    request = rf.get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9")
    assert middleware.client_ip(request) == "127.0.0.1"  # without a proxy of ours anybody may write that header
    settings.BEHIND_HTTPS = True
    assert middleware.client_ip(request) == "203.0.113.9"


def test_https_is_kept_once_it_is_there(settings, client, url):
    assert "Strict-Transport-Security" not in client.get(url("orders"))
    settings.BEHIND_HTTPS = True
    assert "max-age=31536000" in client.get(url("orders"))["Strict-Transport-Security"]


@pytest.mark.parametrize("path", ["/s/1/orders?q=a%00b", "/s/1/orders/x%00y", "/sign-in?next=%00"])
def test_a_nul_in_an_address_reaches_no_view(path, mine, client):
    answer = client.get(path)
    assert answer.status_code == 400 and "请求看不懂" in answer.content.decode()


def test_a_nul_in_a_form_reaches_no_table(mine, client, url):
    before = house.everything()
    for target, sent in (
        (url("members"), {"name": "a\0b", "role": "service"}),
        ("/shops", {"name": "a\0"}),
        ("/account", {"display_name": "\0"}),
        (url("policy", "customers.silent_days"), {"value": "4\0", "why": "x"}),
    ):
        assert client.post(target, sent).status_code == 400, target
    assert house.everything() == before


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotAllowed("不行", remedy="找店主"), 403),
        (NotFound("没有", remedy="看看网址"), 404),
        (BadInput("看不懂", remedy="再填"), 400),
        (Conflict("被改了", remedy="刷新"), 409),
        (Unconfigured("缺设置", remedy="去设置"), 409),
        (PolicyError("超范围", remedy="换一个"), 400),
        (vault.Unopenable("打不开", remedy="查密钥"), 409),
        (TransportError("平台没有回应"), 502),
    ],
)
def test_an_error_of_the_house_is_told_with_its_remedy(error, status, rf):
    request = rf.get("/")
    page = errors.from_zhanggui(request, error)
    assert page.status_code == status
    assert error.message in page.content.decode() and error.remedy in page.content.decode()
    toast = errors.from_zhanggui(rf.get("/", HTTP_HX_REQUEST="true"), error)
    assert (toast.status_code, toast["HX-Retarget"], toast["HX-Reswap"]) == (status, "#toasts", "beforeend")
    assert "<html" not in toast.content.decode() and error.message in toast.content.decode()


def test_our_own_fault_says_so_without_details(rf):
    page = errors.server_error(rf.get("/")).content.decode()
    assert "这是程序的问题" in page and "Traceback" not in page


def test_a_button_pressed_after_the_session_ended_leads_to_the_sign_in_and_not_back_to_itself(mine, url):
    answer = Client().post(url("job-retry", mine.job.pk))
    assert answer["Location"] == reverse("desk:sign-in")


# ── the counter ──────────────────────────────────────────────────────────


class Hand:
    """A clock to turn."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_the_window_slides():
    hand = Hand()
    count = Throttle(2, 10, clock=hand)
    assert (count.hit("a"), count.hit("a")) == (0, 0)
    assert count.hit("a") > 0 and count.wait("a") > 0
    assert count.hit("b") == 0
    hand.at = 9.9
    assert count.hit("a") > 0
    hand.at = 10.1
    assert count.hit("a") == 0  # refused ones were not counted, so waiting ended


def test_waiting_as_told_is_long_enough():
    hand = Hand()
    count = Throttle(1, 10, clock=hand)
    count.hit("a")
    hand.at = 3.0
    hand.at += count.wait("a")
    assert count.hit("a") == 0


def test_looking_counts_nothing_and_forgetting_begins_anew():
    count = Throttle(1, 10, clock=Hand())
    assert [count.wait("a") for _ in range(5)] == [0] * 5
    count.hit("a")
    count.forget("a")
    assert count.hit("a") == 0


def test_memory_is_bounded():
    count = Throttle(1, 1000, keep=100, clock=Hand())
    for n in range(1000):
        count.hit(str(n))
    assert len(count._hits) == 100
