"""What the shop looks like during one slice of time (演示数据)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator.catalogue import CATEGORY_KEYS
from zhanggui.emulator.festivals import pull
from zhanggui.emulator.market.words import date_of, day_number

if TYPE_CHECKING:
    from zhanggui.emulator.market.shelf import Shelf


class Scene:
    """What the shop looks like during one slice: what is on the shelf, at what price, under which coupons, in which season."""

    def __init__(self, world: Shelf, start: float, end: float, rng: np.random.Generator) -> None:
        self.start, self.end = start, end
        day = date_of(day_number((start + end) / 2))
        skus, products = world.skus, world.products
        self.sku_ok = np.concatenate([(skus["stock"] > 0) & (skus["status"] == 5), [False]])
        width = max(len(r) for r in world.product_skus)
        self.sku_table = np.full((len(products), width), len(skus), dtype=np.int64)
        for p, rows in enumerate(world.product_skus):
            self.sku_table[p, : len(rows)] = rows
        self.sku_count = np.array([len(r) for r in world.product_skus])
        price = np.concatenate([skus["price"], [0]]).astype(float)
        listed = np.concatenate([skus["list"], [0]]).astype(float)
        shown = price.copy()
        self.tasks = [f for f in world.flash if not f.stopped and f.start < end and f.end > start]
        self.on_flash = np.zeros(len(products))
        overlap = {id(f): (min(f.end, end) - max(f.start, start)) / (end - start) for f in self.tasks}
        for f in self.tasks:
            self.on_flash[f.product] = overlap[id(f)]
            for row, p in f.prices.items():
                shown[row] = price[row] + (p - price[row]) * overlap[id(f)]
        first = self.sku_table[:, 0]
        self.product_price, self.product_list = shown[first], listed[first]
        sellable = self.sku_ok[self.sku_table].any(axis=1) & np.array([p.status == 5 for p in products])
        weight = np.array([p.weight * season_weight(p.season, day) for p in products]) * np.maximum(sellable, 0.02)
        self.buyable = sellable
        self._cdf(weight, np.array([CATEGORY_KEYS.index(p.category) for p in products]))
        self.is_gift = np.array([p.gift for p in products])
        self.presale = np.array([p.presale and pull(p.season, day) > 0 and pull(p.season, day) < 0.55 for p in products]).astype(
            np.uint8
        )
        self.coupons = [
            i for i, c in enumerate(world.coupons) if c.status == 2 and c.start < end and c.end > start and c.received < c.total
        ]
        self.has_coupon = 1.0 if self.coupons else 0.0
        self.mood = 0.18 * max(pull("double11", day), pull("june18", day), pull("moon", day), pull("spring", day))
        self.gift_share = 0.035 + 0.08 * max(pull("moon", day), pull("spring", day), pull("qixi", day), pull("mothers", day))

    def _cdf(self, weight: NDArray[Any], category: NDArray[Any]) -> None:
        n = len(weight)
        table = np.zeros((len(CATEGORY_KEYS) + 1, n))
        for c in range(len(CATEGORY_KEYS)):
            table[c] = np.where(category == c, weight, 0.0)
        table[-1] = weight
        total = table.sum(axis=1, keepdims=True)
        total[total == 0] = 1.0
        cdf = np.cumsum(table / total, axis=1)
        cdf[:, -1] = 1.0
        self.flat = (np.arange(len(table))[:, None] + cdf).ravel()
        self.width = n

    def choose(self, rng: np.random.Generator, like: NDArray[Any], n: int) -> NDArray[np.int64]:
        """A product for each of `n` looks: from the favourite category in four of ten cases, else by popularity and season."""
        pool = np.where(rng.random(n) < 0.4, like, len(CATEGORY_KEYS)).astype(np.int64)
        at = np.searchsorted(self.flat, pool + rng.random(n) * 0.9999999, side="right")
        chosen: NDArray[np.int64] = np.minimum(at - pool * self.width, self.width - 1).astype(np.int64)
        return chosen


def season_weight(season: str, day: date) -> float:
    """How much a product of this season is looked for on a day, against an ordinary one."""
    if not season:
        return 1.0
    if season == "summer":
        return 1.7 if 5 <= day.month <= 9 else 0.45
    if season == "winter":
        return 1.7 if day.month in (10, 11, 12, 1, 2) else 0.5
    return 0.002 + 5.0 * pull(season, day)
