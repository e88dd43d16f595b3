"""Products, SKUs and stock as the platform has them, overwritten by its ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.facts.commands import record_product, record_products, record_stock
from zhanggui.facts.models import LakeDirty, Product, Shop, Sku, StockCount
from zhanggui.facts.tests.make import product
from zhanggui.kernel import clock
from zhanggui.wechat.schemas.products import SpuStock

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 4, tzinfo=UTC)


@pytest.fixture
def shop():
    with clock.frozen(T0):
        yield Shop.objects.create(name="试验店")


def stock(**counts: int) -> list[SpuStock]:
    rows = [{"sku_id": sku.removeprefix("s"), "total_stock_num": count} for sku, count in counts.items()]
    return [SpuStock.model_validate({"product_id": "p1", "sku_stock": rows})]


def test_a_product_with_its_skus(shop):
    assert record_product(shop, product(skus=(("1", 5000, 9), ("2", 7000, 3))), category="茶") is True
    one = Product.objects.get()
    assert (one.product_id, one.status, one.category, one.price_low_fen, one.price_high_fen) == ("p1", "5", "茶", 5000, 7000)
    assert set(Sku.objects.values_list("sku_id", "product_id", "code", "price_fen", "stock")) == {
        ("1", "p1", "c1", 5000, 9), ("2", "p1", "c2", 7000, 3),
    }  # fmt: skip
    assert LakeDirty.objects.filter(table="products").exists()


def test_a_second_reading_overwrites_and_makes_no_second_row(shop):
    record_products(shop, [product(), product("p2", skus=(("2", 100, 1),))])
    record_products(shop, [product(title="新名", status=11, skus=(("1", 4000, 8),))])
    assert set(Product.objects.values_list("product_id", "title", "status")) == {("p1", "新名", "11"), ("p2", "货p2", "5")}
    assert Sku.objects.get(sku_id="1").price_fen == 4000


def test_the_draft_stands_in_where_nothing_is_online(shop):
    assert record_product(shop, {"edit_product": product("p3")}) is True
    assert record_product(shop, {"product": None, "edit_product": None}) is False
    assert Product.objects.get().product_id == "p3"


def test_stock_is_counted_when_it_changes(shop):
    record_product(shop, product(skus=(("1", 5000, 9), ("2", 7000, 3))))
    assert record_stock(shop, stock(s1=9, s2=3)) == 2, "the first count is kept"
    assert record_stock(shop, stock(s1=9, s2=3), T0 + timedelta(hours=1)) == 0
    assert record_stock(shop, stock(s1=4, s2=3), T0 + timedelta(hours=2)) == 1
    assert list(StockCount.objects.order_by("at", "sku_id").values_list("sku_id", "at", "quantity")) == [
        ("1", T0, 9), ("2", T0, 3), ("1", T0 + timedelta(hours=2), 4),
    ]  # fmt: skip
    assert dict(Sku.objects.values_list("sku_id", "stock")) == {"1": 4, "2": 3}


def test_stock_without_a_total_is_the_sum_of_its_parts(shop):
    record_product(shop, product())
    part = {"sku_id": "1", "normal_stock_num": 5, "limited_discount_stock_num": 2}
    record_stock(shop, [SpuStock.model_validate({"product_id": "p1", "sku_stock": [part]})])
    assert Sku.objects.get().stock == 7
