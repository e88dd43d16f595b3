"""The list of customers, one of them whole, merges taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from zhanggui.doors.desk.tests import house
from zhanggui.facts import identity
from zhanggui.facts.models import Customer, CustomerMerge, Order
from zhanggui.kernel import clock, policy_store, vault
from zhanggui.kernel.models import AuditEntry, Role

pytestmark = pytest.mark.django_db


def somebody(mine, number, *paid_days_ago, **fields) -> Customer:
    """A customer who paid so many days ago."""
    now = clock.now()
    row = Customer.objects.create(shop=mine.shop, number=number, first_seen_at=now - timedelta(days=200), **fields)
    for n, days in enumerate(paid_days_ago):
        at = now - timedelta(days=days)
        Order.objects.create(
            shop=mine.shop,
            order_id=f"c{number}-{n}",
            customer=row,
            status="done",
            created_at=at,
            paid_at=at,
            paid_fen=1000,
            goods_fen=1000,
        )
    return row


def numbers(page: str) -> list[int]:
    return [int(n) for n in re.findall(r">客户 (\d+)</a>", page.split("<tbody>")[1])] if "<tbody>" in page else []


@pytest.fixture
def people(mine) -> None:
    somebody(mine, 10)  # never paid
    somebody(mine, 11, 3)  # new
    somebody(mine, 12, 100, 3)  # came back
    somebody(mine, 13, 100)  # silent
    somebody(mine, 14, 30.01, 200)  # silent by a quarter of an hour, came back once
    somebody(mine, 15, 29.99)  # new
    Order.objects.filter(customer=mine.customer).update(customer=None)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("", [15, 14, 13, 12, 11, 10, 0]),
        ("new", [15, 11]),
        ("repeat", [14, 12]),
        ("silent", [14, 13]),
        ("never", [10, 0]),
        ("made-up", [15, 14, 13, 12, 11, 10, 0]),
    ],
)
def test_each_segment_holds_who_belongs_there(segment, expected, people, client, url):
    assert numbers(client.get(url("customers") + f"?segment={segment}").content.decode()) == expected


def test_when_a_customer_is_silent_is_the_shops_own_standard(people, client, url, mine):
    policy_store.override(mine.shop.pk, "customers.silent_days", 101, "laoban", "低频品")
    page = client.get(url("customers") + "?segment=silent").content.decode()
    assert numbers(page) == []
    assert "101 天" in page


@pytest.mark.parametrize("typed", [house.PHONE, "138 1234 5678", "+86 13812345678", "客户 0", "0", "oA-openid-of-somebody-real"])
def test_somebody_is_found_by_what_the_shopkeeper_has(typed, people, client, url):
    assert numbers(client.get(url("customers"), {"q": typed}).content.decode()) == [0]


@pytest.mark.parametrize("typed", ["13800000000", "1381234", "欧阳静文", "%", "' OR 1=1 --", "oB-openid-of-somebody-real"])
def test_nobody_is_found_by_anything_else(typed, people, other, client, url):
    page = client.get(url("customers"), {"q": typed}).content.decode()
    assert numbers(page) == [] and "没有符合条件的客户" in page


def test_the_list_pages_by_number_without_a_gap_or_a_repeat(mine, client, url):
    for n in range(20, 145):
        somebody(mine, n)
    seen, address = [], url("customers")
    while address:
        page = client.get(address).content.decode()
        seen += numbers(page)
        following = re.search(r'href="(\?[^"]*)"[^>]*rel="next"', page)
        address = url("customers") + following[1].replace("&amp;", "&") if following else ""
    assert seen == [*range(144, 19, -1), 0]
    assert client.get(url("customers") + "?after=garbage").status_code == 400
    assert client.get(url("customers") + "?after=WyJ4Il0").status_code == 400


def test_an_empty_shop_says_what_to_do_next(mine, client, url):
    CustomerMerge.objects.all().delete()
    Customer.objects.filter(shop=mine.shop).update(merged_into=mine.absorbed)
    page = client.get(url("customers")).content.decode()
    assert "还没有客户" in page and url("connections") in page


def test_one_customer_whole_and_masked(mine, client, url):
    page = client.get(url("customer", mine.customer.pk)).content.decode()
    assert "欧***" in page and "138****5678" in page and "广东省深圳市****" in page
    assert "¥79.80" in page and "¥9.90" in page  # paid, refunded
    assert mine.order.order_id in page and "老客群A" in page and "wang" in page
    assert "已散列保存" in page


def test_a_merged_customer_leads_to_the_one_that_stayed(mine, client, url):
    answer = client.get(url("customer", mine.absorbed.pk))
    assert answer["Location"] == url("customer", mine.customer.pk)


def test_a_field_that_does_not_exist_is_not_revealed(mine, client, url):
    before = AuditEntry.objects.count()
    for field in ("", "password", "name_sealed"):
        assert client.post(url("customer-reveal", mine.customer.pk), {"field": field}).status_code == 400
    assert AuditEntry.objects.count() == before


def test_nothing_on_record_is_said_in_words(mine, as_, url):
    Customer.objects.filter(pk=mine.customer.pk).update(phone_sealed=None)
    answer = as_(Role.SERVICE).post(url("customer-reveal", mine.customer.pk), {"field": "phone"}, headers={"HX-Request": "true"})
    assert "没有记录" in answer.content.decode()


def test_data_sealed_under_a_lost_key_says_so_and_writes_nothing(mine, client, url):
    blob = b"\x01\x00" + vault.seal("x", shop_id=mine.shop.pk)[2:]
    Customer.objects.filter(pk=mine.customer.pk).update(name_sealed=blob)
    assert "没有能解开这些资料的密钥" in client.get(url("customer", mine.customer.pk)).content.decode()
    assert "无法解密" in client.get(url("customers")).content.decode()
    before = AuditEntry.objects.count()
    answer = client.post(url("customer-reveal", mine.customer.pk), {"field": "name"})
    assert answer.status_code == 409
    assert AuditEntry.objects.count() == before


def test_a_merge_is_taken_back_once(mine, client, url):
    first = identity.resolve(mine.shop, {"openid": "o-first"}, clock.now())
    second = identity.resolve(mine.shop, {"unionid": "u-second"}, clock.now())
    merge = identity.merge(mine.shop, first.pk, second.pk, evidence="同一人的 unionid", by="系统")
    page = client.get(url("customer", first.pk)).content.decode()
    assert "撤销合并" in page and "同一人的 unionid" in page
    assert client.post(url("customer-unmerge", merge.pk)).status_code == 302
    second.refresh_from_db()
    assert second.merged_into is None and second.identities.count() == 1
    assert AuditEntry.objects.filter(verb="customer.unmerge", actor="laoban").count() == 1
    assert client.post(url("customer-unmerge", merge.pk)).status_code == 409
    assert "已撤销" in client.get(url("customer", first.pk)).content.decode()


def test_a_full_list_costs_a_fixed_number_of_queries(mine, client, url, django_assert_max_num_queries):
    for n in range(20, 90):
        somebody(mine, n, 5, 50)
    client.get(url("customers"))
    with django_assert_max_num_queries(12):
        client.get(url("customers"))
