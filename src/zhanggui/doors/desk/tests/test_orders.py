"""Orders: found by what is at hand, narrowed, paged by key however deep, handed out as a file; one order whole."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import connection

from zhanggui.doors.desk import orders as desk_orders
from zhanggui.doors.desk import paging
from zhanggui.doors.desk.tests import house
from zhanggui.facts.models import Order, OrderLine, Product
from zhanggui.kernel import clock, vault
from zhanggui.kernel.models import AuditEntry, Role

pytestmark = pytest.mark.django_db


def sold(mine, order_id, days_ago=1.0, *, title="红糖姜茶A", product="pA", **fields) -> Order:
    """An order of one line."""
    at = clock.now() - timedelta(days=days_ago)
    row = Order.objects.create(
        shop=mine.shop,
        order_id=order_id,
        created_at=at,
        **{"status": "paid", "paid_at": at, "paid_fen": 3990, "goods_fen": 3990, **fields},
    )
    OrderLine.objects.create(
        shop=mine.shop,
        order=row,
        line_no=1,
        product_id=product,
        sku_id="s",
        title=title,
        quantity=1,
        unit_fen=3990,
        paid_fen=3990,
    )
    return row


def listed(answer) -> list[str]:
    page = answer.content.decode()
    return re.findall(r'class="mono" href="[^"]*/orders/([^"]+)"', page)


def test_the_newest_stand_first_with_what_was_bought(mine, client, url):
    sold(mine, "20001", 0.5)
    page = client.get(url("orders"))
    assert listed(page) == ["20001", mine.order.order_id]
    assert "客户 0" in page.content.decode() and "搜一搜" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "37A0001"}, ["37A0001"]),
        ({"q": "37A"}, ["37A0001"]),
        ({"q": "7A0001"}, []),
        ({"q": house.PHONE}, ["gift", "37A0001"]),
        ({"q": "138-1234-5678"}, ["gift", "37A0001"]),
        ({"q": "13800000000"}, []),
        ({"q": "红糖"}, ["gift", "37A0001"]),
        ({"q": "坚果"}, ["nuts"]),
        ({"q": "pN"}, ["nuts"]),
        ({"q": "没有这个"}, []),
        ({"q": "%"}, []),
        ({"status": "done"}, ["37A0001"]),
        ({"status": "made-up"}, ["gift", "nuts", "37A0001"]),
        ({"channel": "live"}, ["nuts"]),
        ({"channel": "live", "status": "done"}, []),
        ({"q": "坚果", "channel": "live"}, ["nuts"]),
        ({"q": "坚果", "channel": "search"}, []),
        ({"customer": "mine"}, ["37A0001"]),
        ({"customer": "mine", "status": "paid"}, []),
        ({"customer": "mine", "q": "坚果"}, []),
    ],
)
def test_an_order_is_found_by_what_is_at_hand(query, expected, mine, other, client, url):
    Product.objects.create(shop=mine.shop, product_id="pN", title="每日坚果礼盒")
    sold(mine, "gift", 0.1, source="file", recipient_hash=vault.fingerprint(house.PHONE, shop_id=mine.shop.pk))
    sold(mine, "nuts", 0.2, title="每日坚果礼盒", product="pN", channel="live")
    query = {k: mine.customer.pk if v == "mine" else v for k, v in query.items()}
    assert listed(client.get(url("orders"), query)) == expected


def test_days_are_the_shops_own(mine, client, url):
    Order.objects.all().delete()
    day = clock.today() - timedelta(days=10)
    start, end = clock.day_span(day, day)
    for name, at in (
        ("before", start - timedelta(seconds=1)),
        ("first", start),
        ("last", end - timedelta(seconds=1)),
        ("after", end),
    ):
        Order.objects.create(shop=mine.shop, order_id=name, status="paid", created_at=at)
    assert listed(client.get(url("orders"), {"from": day, "to": day})) == ["last", "first"]
    assert client.get(url("orders"), {"from": "yesterday"}).status_code == 400


def test_many_orders_of_one_moment_page_without_a_gap_or_a_repeat(mine, client, url):
    at = clock.now() - timedelta(days=3)
    Order.objects.bulk_create(Order(shop=mine.shop, order_id=f"same{n:04d}", status="paid", created_at=at) for n in range(170))
    seen, address, pages = [], url("orders"), 0
    while address:
        page = client.get(address)
        seen += listed(page)
        pages += 1
        following = re.search(r'href="(\?[^"]*)"[^>]*rel="next"', page.content.decode())
        address = url("orders") + following[1].replace("&amp;", "&") if following else ""
    assert pages == 4
    assert seen == ["37A0001", *[f"same{n:04d}" for n in range(169, -1, -1)]]


@pytest.mark.parametrize("after", ["x", "e30", "WzFd", paging.token("not a moment", 1), paging.token("2026-01-01T00:00:00", "x")])
def test_a_page_nobody_offered_is_refused(after, client, url):
    assert client.get(url("orders"), {"after": after}).status_code == 400


def test_a_list_too_long_to_be_few_is_still_whole(mine, client, url, monkeypatch):
    monkeypatch.setattr(desk_orders, "FEW", 3)
    for n in range(8):
        sold(mine, f"many{n}", n + 5, customer=mine.customer)
    assert len(listed(client.get(url("orders"), {"q": "many"}))) == 8
    assert len(listed(client.get(url("orders"), {"q": "红糖姜茶"}))) == 9
    assert len(listed(client.get(url("orders"), {"customer": mine.customer.pk}))) == 9


def test_the_recipients_phone_is_looked_up_in_its_index(mine, client):
    if connection.vendor != "sqlite":
        pytest.skip("a planner with statistics may rightly read a table of two rows instead")
    rows = Order.objects.filter(desk_orders._FILED, shop_id=mine.shop.pk, recipient_hash__in=["a", "b"]).values_list(
        "pk", flat=True
    )
    assert "order_by_recipient" in rows.explain()


@pytest.mark.parametrize("query", [{"channel": "gift"}, {"status": "paid"}, {}])
def test_the_list_never_sorts_the_shop(query, mine, client):
    if connection.vendor != "sqlite":
        pytest.skip("the plan of a table of two rows says nothing on PostgreSQL")
    rows = Order.objects.filter(shop_id=mine.shop.pk, **query).order_by("-created_at", "-id")
    plan = rows.explain()
    assert "TEMP B-TREE" not in plan and "order_by_" in plan


def test_the_same_rows_as_a_file(mine, as_, url):
    sold(mine, "=1+1", 0.5, title="@SUM(A1)", customer=mine.customer)
    answer = as_(Role.OPERATOR).get(url("orders"), {"export": "csv", "channel": ""})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][0] == "订单号" and len(rows) == 3
    assert rows[1][0] == "'=1+1" and rows[1][5] == "'@SUM(A1)"  # nothing runs when it is opened
    assert rows[2][10] == "79.8" and rows[2][4] == "0"
    assert house.NAME not in text and house.PHONE not in text
    assert AuditEntry.objects.get(verb="orders.export").actor == "operator-er"
    book = as_(Role.OPERATOR).get(url("orders"), {"export": "xlsx"})
    assert b"".join(book.streaming_content)[:2] == b"PK"
    lines = AuditEntry.objects.count()
    assert as_(Role.OPERATOR).get(url("orders"), {"export": "pdf"}).status_code == 400
    assert as_(Role.SERVICE).get(url("orders"), {"export": "csv"}).status_code == 403
    assert AuditEntry.objects.count() == lines


def test_one_order_whole(mine, client, url):
    page = client.get(url("order", mine.order.order_id)).content.decode()
    for text in ("红糖姜茶A", "¥79.80", "× 2", "退款 ¥9.90", "已完成", "文件导入", "客户 0", "查看收件人"):
        assert text in page, text
    assert house.NAME not in page


@pytest.mark.parametrize("order_id", ["2026/08/0001", "a b", "中文单号", "x?y#z", "a%b"])
def test_an_order_number_may_be_anything_a_file_had(order_id, mine, client, url):
    sold(mine, order_id, 0.1, product="货/号", title="怪货")
    Product.objects.create(shop=mine.shop, product_id="货/号", title="怪货")
    assert client.get(url("orders")).status_code == 200
    page = client.get(url("order", order_id))
    assert page.status_code == 200 and "怪货" in page.content.decode()
    assert client.get(url("products")).status_code == 200
    assert client.get(url("product", "货/号")).status_code == 200


def test_an_order_of_nobody_and_nothing_is_shown_too(mine, client, url):
    Order.objects.create(shop=mine.shop, order_id="bare", status="weird", created_at=clock.now())
    page = client.get(url("order", "bare")).content.decode()
    assert "来源文件没有写明客户" in page and "没有商品明细" in page and "weird" in page


def test_a_full_page_costs_a_fixed_number_of_queries(mine, client, url, django_assert_max_num_queries):
    for n in range(70):
        sold(mine, f"q{n}", n / 10, customer=mine.customer)
    client.get(url("orders"))
    with django_assert_max_num_queries(10):
        client.get(url("orders"))
