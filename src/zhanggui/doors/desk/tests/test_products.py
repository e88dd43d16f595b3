"""Products: what sells, what it earns, how long the stock lasts."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from zhanggui.doors.desk import paging, products
from zhanggui.doors.desk.tests import house
from zhanggui.facts.models import Order, OrderLine, Product, Sku, SkuCost
from zhanggui.kernel import clock
from zhanggui.kernel.models import Role

pytestmark = pytest.mark.django_db


def good(mine, name, *, units=0, price=1000, cost=None, stock=None, days_ago=3) -> Product:
    """A product with one SKU that sold `units` in one paid order."""
    row = Product.objects.create(shop=mine.shop, product_id=f"p-{name}", title=name, category="零食", price_low_fen=price)
    Sku.objects.create(
        shop=mine.shop, sku_id=f"s-{name}", product_id=row.product_id, code=f"CODE-{name}", price_fen=price, stock=stock
    )
    if cost is not None:
        SkuCost.objects.create(shop=mine.shop, sku_id=f"s-{name}", since=clock.today() - timedelta(days=60), cost_fen=cost)
    if units:
        at = clock.now() - timedelta(days=days_ago)
        order = Order.objects.create(
            shop=mine.shop, order_id=f"o-{name}", status="paid", created_at=at, paid_at=at, paid_fen=units * price
        )
        OrderLine.objects.create(
            shop=mine.shop, order=order, line_no=1, product_id=row.product_id, sku_id=f"s-{name}", title=name, quantity=units, unit_fen=price, paid_fen=units * price
        )  # fmt: skip
    return row


@pytest.fixture
def shelf(mine) -> None:
    Product.objects.filter(shop=mine.shop).delete()
    good(mine, "甲", units=10, price=1000, cost=200, stock=100)  # 100 元, margin 80 %, 300 days
    good(mine, "乙", units=30, price=500, cost=450, stock=10)  # 150 元, margin 10 %, 10 days
    good(mine, "丙", units=5, price=100, stock=0)  # 5 元, cost unknown, 0 days
    good(mine, "丁", units=99, price=100, cost=50, stock=9, days_ago=31)  # sold before the 30 days
    Product.objects.create(shop=mine.shop, product_id="post", title="运费", is_goods=False)


def names(answer) -> str:
    return "".join(re.findall(r'<a class="clip"[^>]*>(.)</a>', answer.content.decode()))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("sales", "乙甲丙丁"), ("units", "乙甲丙丁"), ("margin", "乙甲"), ("cover", "丙乙甲丁"), ("made-up", "乙甲丙丁")],
)
def test_the_list_stands_in_the_wanted_order(sort, expected, shelf, client, url):
    assert names(client.get(url("products"), {"sort": sort})).startswith(expected)


def test_figures_are_of_the_last_thirty_days_and_gaps_are_dashes(shelf, client, url):
    page = client.get(url("products")).content.decode()
    rows = {re.search(r'<a class="clip"[^>]*>(.)</a>', r)[1]: re.sub(r"<[^>]+>", " ", r) for r in page.split("<tr>")[2:]}
    assert "10.0%" in rows["乙"] and "¥150.00" in rows["乙"] and re.search(r"10\s+天", rows["乙"])
    assert rows["丙"].count("—") == 1  # no cost, no margin
    assert " 0 " in " ".join(rows["丁"].split()) and "运费" not in page


@pytest.mark.parametrize(
    ("q", "found"), [("甲", "甲"), ("p-乙", "乙"), ("CODE-丙", "丙"), ("零食", "乙甲丙丁"), ("没有", ""), ("%", "")]
)
def test_a_product_is_found_by_name_number_code_or_category(q, found, shelf, client, url):
    assert names(client.get(url("products"), {"q": q})) == found


def test_the_list_pages_and_refuses_a_page_nobody_offered(mine, client, url):
    for n in range(120):
        good(mine, f"第{n:03d}")
    first = client.get(url("products"), {"sort": "name"})
    following = re.search(r'href="(\?[^"]*)"[^>]*rel="next"', first.content.decode())[1].replace("&amp;", "&")
    second = client.get(url("products") + following).content.decode()
    assert "第050" in second and "第000" not in second and "sort=name" in following
    for bad in ("x", paging.token("x"), paging.token(-1), paging.token(True), paging.token(1, 2)):
        assert client.get(url("products"), {"after": bad}).status_code == 400, bad
    assert client.get(url("products"), {"after": paging.token(10**6)}).status_code == 200


def test_a_shop_with_too_many_is_told(mine, client, url, monkeypatch):
    monkeypatch.setattr(products, "MOST", 5)
    for n in range(8):
        good(mine, f"多{n}")
    assert "超过 5 个商品" in client.get(url("products")).content.decode()


def test_one_product_whole(shelf, mine, client, url):
    page = client.get(url("product", "p-乙")).content.decode()
    for text in ("CODE-乙", "¥5.00", "¥4.50", "10.0%", "近 90 天每日销量", "30"):
        assert text in page, text
    assert "没有成本，算不出毛利" not in page
    assert "没有成本，算不出毛利" in client.get(url("product", "p-丙")).content.decode()
    assert "近 90 天没有卖出" not in client.get(url("product", "p-丁")).content.decode()
    assert client.get(url("product", "nothing")).status_code == 404


def test_what_customers_wrote_is_for_those_who_may_see_customers(mine, as_, url):
    words = house.REVIEW
    assert words in as_(Role.OPERATOR).get(url("product", mine.product.product_id)).content.decode()
    assert words not in as_(Role.ANALYST).get(url("product", mine.product.product_id)).content.decode()


def test_a_full_page_costs_a_fixed_number_of_queries(mine, client, url, django_assert_max_num_queries):
    for n in range(70):
        good(mine, f"q{n}", units=1)
    client.get(url("products"))
    with django_assert_max_num_queries(10):
        client.get(url("products"))
