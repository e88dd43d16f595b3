"""The shelf: products, SKUs, prices, stock, coupons and flash sales (演示数据)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from zhanggui.emulator.catalogue import ITEMS
from zhanggui.emulator.market.tables import Tables
from zhanggui.emulator.market.words import (
    Coupon,
    FlashTask,
    Product,
    day_begin,
)


class Shelf(Tables):
    """What the shop offers."""

    def _shelf(self) -> None:
        rng = np.random.default_rng([self.seed, 7])
        begin = int(day_begin(self.first_day))
        for item in ITEMS:
            born = begin - int(rng.integers(30, 400)) * 86400
            self.add_product(item.title, item.category, item.variants, item.weight, item.season, item.presale, item.gift, born)
        daily = 36 * self.scale
        weight = np.array([self.products[p].weight for p in self.skus["product"]])
        self.skus["stock"][:] = np.maximum(
            60, (weight / weight.sum() * daily * 90).astype(int) + rng.integers(0, 40, len(weight))
        )
        self.opening_stock = self.skus["stock"].copy()

    def add_product(self, title: str, category: str, variants: Iterable[tuple[str, int, int]], weight: float = 4.0, season: str = "",
                    presale: bool = False, gift: bool = False, at: int = 0) -> Product:  # fmt: skip
        """Puts a product with its variants (name, price 分, cost 分) on the shelf, on sale."""
        product = Product(len(self.products), title, category, weight, season, presale, gift, created=at, edited=at)
        self.products.append(product)
        self.product_skus.append([])
        for name, price, cost in variants:
            self.add_sku(product.index, name, price, cost, 0)
        return product

    def add_sku(self, product: int, name: str, price: int, cost: int, stock: int) -> int:
        """Adds one SKU and gives its row."""
        market = round(price * 1.28 / 100) * 100
        row = int(self.skus.add(1, product=product, price=price, list=price, market=market, cost=cost, stock=stock, status=5,
                                variant=len(self.product_skus[product]))[0])  # fmt: skip
        self.product_skus[product].append(row)
        self.sku_names.append(name)
        self.sku_codes.append(f"ZW{product + 1:03d}-{len(self.product_skus[product])}")
        return row

    def set_price(self, sku: int, price: int, at: float) -> None:
        """Changes a SKU's price; new orders pay it from the next slice on."""
        self.price_moves.append((int(at), sku, int(self.skus["price"][sku]), price))
        self.skus["price"][sku] = price

    def move_stock(self, sku: int, change: int, op_type: int, at: float) -> None:
        """Adds (or takes) stock with a line in the stock flow."""
        self.skus["stock"][sku] = max(0, int(self.skus["stock"][sku]) + change)
        self.stock_moves.append((int(at), sku, change, op_type))

    def add_coupon(self, body: dict[str, Any], at: int, status: int = 1) -> Coupon:
        """Creates a coupon from the body of the create call (already checked)."""
        receive, valid, discount = body["receive_info"], body.get("valid_info", {}), body.get("discount_info", {})
        condition = discount.get("discount_condition") or {}
        coupon = Coupon(
            coupon_id=str(1_800_500_000 + self.number("coupon")), type=int(body["type"]), name=str(body["name"]), status=status, created=at, updated=at,
            start=int(receive.get("start_time") or at), end=int(receive.get("end_time") or at + 30 * 86400), threshold=int(condition.get("product_price") or 0),
            fee=int(discount.get("discount_fee") or 0), num=int(discount.get("discount_num") or 0),
            products=frozenset(i for i in (self.product_row(p) for p in condition.get("product_ids") or ()) if i is not None),
            per_person=int(receive.get("limit_num_one_person") or 1), total=int(receive.get("total_num") or 0), valid_days=int(valid.get("valid_day_num") or 0),
            valid_from=int(valid.get("start_time") or 0), valid_until=int(valid.get("end_time") or 0), rule=body)  # fmt: skip
        self.coupons.append(coupon)
        return coupon

    def add_flash(
        self, product: int, start: int, end: int, prices: dict[int, int], stocks: dict[int, int], title: str, at: int
    ) -> FlashTask:
        """Creates a flash sale task."""
        task = FlashTask(7_700_000 + self.number("flash"), product, start, end, prices, stocks, title, at)
        self.flash.append(task)
        return task
