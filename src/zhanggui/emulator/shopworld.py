"""The simulated market: shoppers, visits, orders, groups and stock that behave, made slice by slice of time (演示数据).

A *slice* is a span of market time (a day in the history, an hour or less while running) whose visits and orders are drawn at once with the
generator seeded by (seed, number of the slice). What an order will go through is written into its own row as times; what it *is* at a moment
follows from the clock. So nothing has to be moved by hand, and the same seed, anchor and log of writes give the same shop.

Visits of known people come by a renewal process in *operational time* (calendar time warped by weekday, hour and festival), gamma-mixed between
people, with a chance to be lost after each visit (as in BG/NBD). New people arrive by channel; sharers and gifts bring more. How customers answer
to prices, coupons and messages is in `response.py` only.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator.catalogue import ITEMS, REGIONS, STAFF
from zhanggui.emulator.festivals import near, pull
from zhanggui.emulator.market.crowd import Crowd
from zhanggui.emulator.market.scene import Scene
from zhanggui.emulator.market.words import CH, CHANNELS, DAY, Broadcast, date_of, day_begin, day_number, number_of

__all__ = ["CH", "CHANNELS", "DAY", "World", "date_of", "day_begin", "day_number", "number_of"]


class World(Crowd):
    """The market behind the emulator, from `days` before the anchor on."""

    def __init__(
        self,
        seed: int,
        anchor: datetime,
        *,
        orders: int = 20_000,
        days: int = 548,
        auto_restock: bool = True,
        auto_aftersale: bool = True,
    ) -> None:
        super().__init__(seed, anchor, orders=orders, days=days, auto_restock=auto_restock, auto_aftersale=auto_aftersale)
        self._shelf()
        self._scripts()

    def run_history(self) -> None:
        """Makes everything from the first day to the anchor."""
        self._regulars()
        for d in range(self.days):
            self.make_slice(day_begin(self.first_day + d), day_begin(self.first_day + d + 1))
        self.make_slice(day_begin(self.first_day + self.days), self.end_history)
        self.settle(self.end_history)

    def make_slice(self, start: float, end: float, pulse: float = 0.0) -> None:
        """Draws all visits and orders that begin in [start, end). `pulse` > 0 adds about that many orders to keep a demo lively."""
        if end <= start:
            return
        rng = np.random.default_rng([self.seed, 101, self.slices])
        self.slices += 1
        self.slice_starts.append(start)
        self.slice_rows.append(len(self.visits))
        scene = Scene(self, start, end, rng)
        op0, op1 = float(self.op(start)), float(self.op(end))
        progress = (start - self._grid_t[0]) / (self.days * DAY)
        self._arrivals(rng, scene, start, end, op1 - op0, 0.62 + 0.76 * min(progress, 1.3), pulse)
        self._returns(rng, scene, op0, op1, start, end)
        self._friends(rng, scene, start, end)
        if day_number(end) != day_number(start):
            self._each_day(rng, end)
        self.simulated = end

    def place_orders(self, count: int) -> NDArray[np.int64]:
        """Lets `count` known people visit right now until each has ordered; gives the new order rows. For demonstrations and tests."""
        first = len(self.orders)
        rng = np.random.default_rng([self.seed, 303, self.slices])
        self.slices += 1
        scene = Scene(self, self.now, self.now + 1.0, rng)
        self.slice_starts.append(self.now)
        self.slice_rows.append(len(self.visits))
        for _ in range(200):
            missing = count - (len(self.orders) - first)
            if missing <= 0:
                break
            pool = np.flatnonzero(self.people["visits"] > 0)
            who = rng.choice(pool if len(pool) else np.arange(len(self.people)), missing * 3)
            channel = rng.choice([CH["group"], CH["chat"], CH["direct"], CH["search"]], len(who))
            self._visits(rng, scene, who, np.full(len(who), self.now), channel, np.full(len(who), -1), moved=False, limit=missing)
        return np.arange(first, len(self.orders))

    def _scripts(self) -> None:
        """The shop's own past doings: coupons, a flash sale every fortnight, groups, and a weekly broadcast while running through history."""
        begin, end = int(day_begin(self.first_day)), int(self.end_history)
        rng = np.random.default_rng([self.seed, 11])
        third = (end - begin) // 3
        far = end + 120 * 86400
        for name, kind, threshold, fee, num, start, stop, promote in (
            ("新客立减6元", 104, 0, 600, 0, begin, begin + third, 1), ("满99减12", 102, 9900, 1200, 0, begin, begin + 2 * third, 1),
            ("会员九五折", 103, 0, 0, 9500, begin + third, far, 9), ("满128减18", 102, 12800, 1800, 0, begin + 2 * third, far, 1),
            ("茶礼满200减30", 2, 20000, 3000, 0, begin + third, far, 1),
        ):  # fmt: skip
            products = frozenset(p.index for p in self.products if p.category in ("tea", "herbal")) if kind < 100 else frozenset()
            self.add_coupon({"type": kind, "name": name, "promote_info": {"promote_type": promote},
                             "discount_info": {"discount_condition": {"product_price": threshold, "product_ids": [self.product_id(p) for p in sorted(products)]},
                                               "discount_num": num, "discount_fee": fee},
                             "receive_info": {"start_time": start, "end_time": stop, "limit_num_one_person": 3, "total_num": 100_000},
                             "valid_info": {"valid_type": 2, "valid_day_num": 14}}, start, status=2)  # fmt: skip
        for d in range(10, self.days, 14):
            product = self.products[int(rng.integers(0, len(ITEMS)))]
            start = int(day_begin(self.first_day + d)) + 10 * 3600
            if start + 86400 > end:
                break
            rows = self.product_skus[product.index]
            prices = {r: int(self.skus["price"][r] * 0.8 // 10 * 10) for r in rows}
            self.add_flash(
                product.index,
                start,
                start + 14 * 3600,
                prices,
                dict.fromkeys(rows, 400),
                f"{product.title.split()[0]}限时",
                start - 86400,
            )
        count = max(4, min(60, round(12 * self.scale**0.7)))
        cities = [r[1].removesuffix("市") for r in REGIONS]
        for g in range(count):
            born = begin + int((end - begin) * 0.8 * g / count)
            self.groups.append({"chat_id": f"wrDemo{self.seed % 10_000:04d}{g:04d}AAAAAAAAAAAAAA", "name": f"知味小集{cities[g % len(cities)]}老友{g // len(cities) + 1}群（演示）",
                                "owner": g % len(STAFF), "created": born, "liveliness": float(rng.uniform(0.10, 0.30))})  # fmt: skip

    def _each_day(self, rng: np.random.Generator, at: float) -> None:
        """Staff's daily round: restock what runs short; on Tuesdays, while in history, write to the groups."""
        if self.auto_restock:
            daily = np.maximum(self.skus["sold"] / max(self.days * 0.6, 1), 0.05)
            season = np.array(
                [
                    0.4 + 3.0 * pull(p.season, date_of(day_number(at)))
                    if p.season and p.season not in ("summer", "winter")
                    else 1.0
                    for p in self.products
                ]
            )
            need = np.maximum(daily * season[self.skus["product"]] * 12, 12)
            for sku in np.flatnonzero((self.skus["stock"] < need) & (self.skus["status"] == 5)).tolist():
                self.move_stock(sku, int(max(30, need[sku] * 5)), 1, at)
        day = date_of(day_number(at))
        if day.weekday() == 1 and at < self.end_history - DAY and self.groups:
            self._weekly_message(at + 10 * 3600, day)

    def _weekly_message(self, at: float, day: date) -> None:
        chosen = [g for g, info in enumerate(self.groups) if info["created"] < at]
        if not chosen:
            return
        festival = near(day, 20)
        text = f"{festival.name}快到了，群友专享新品试吃" if festival else "周二上新啦，群友专享价今晚开始"
        rows = [(STAFF[self.groups[g]["owner"]][0], str(self.groups[g]["chat_id"]), g) for g in chosen]
        msg = Broadcast(f"msgDEMO{self.number('msg'):08d}", "group", int(at) - 3600, STAFF[0][0], text, [], rows, history=True)
        for staff, chat, g in rows:
            msg.staff_sent[staff] = int(at)
            msg.outcome[(staff, chat)] = (1, int(at))
            self.reach(self.group_people(g, at), at, "group")
        self.broadcasts[msg.msgid] = msg
