"""The crowd: who comes, when, by which channel, what they look at, whom they bring (演示数据).

Visits of known people come by a renewal process in *operational time* (calendar time warped by weekday, hour and festival), gamma-mixed between
people, with a chance to be lost after each visit (as in BG/NBD). New people arrive by channel; sharers and gifts bring more.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator import response
from zhanggui.emulator.catalogue import CATEGORY_KEYS, DEVICES, REGIONS
from zhanggui.emulator.market.scene import Scene
from zhanggui.emulator.market.trade import Trade
from zhanggui.emulator.market.words import (
    CH,
    CHANNELS,
    DAY,
    REFERENCE_ARRIVALS,
    date_of,
    day_begin,
    day_begin_array,
    day_number,
)

_ARRIVE = np.array([12, 22, 9, 10, 10, 6, 8, 5, 3, 6, 4, 5, 0, 0, 0], dtype=float)
_ARRIVE /= _ARRIVE.sum()
_CONVERT = np.array([0.25, -0.40, -0.10, -0.30, 0.15, 0.10, 0.05, 0.25, 0.55, 0.65, 0.15, 0.35, 0.45, 0.25, 0.40])
_BOUNCE = np.array([0.47, 0.66, 0.64, 0.66, 0.56, 0.6, 0.48, 0.52, 0.44, 0.4, 0.52, 0.42, 0.42, 0.52, 0.38])
_LAND_PRODUCT = np.array([0.45, 0.6, 0.7, 0.75, 0.75, 0.8, 0.35, 0.6, 0.7, 0.65, 0.3, 0.1, 0.0, 0.85, 0.3])
_RETURN_IN_GROUP = np.array([6, 1, 4, 3, 5, 1, 6, 9, 34, 14, 7, 20, 0, 0, 0], dtype=float)
_RETURN_LOOSE = np.array([20, 4, 9, 7, 8, 2, 11, 4, 0, 4, 13, 28, 0, 0, 0], dtype=float)


class Crowd(Trade):
    """People and their visits."""

    def _regulars(self) -> None:
        """People who knew the shop before its log begins; each comes for the first logged time at their own rhythm."""
        rng = np.random.default_rng([self.seed, 5])
        n = round(1500 * self.scale)
        begin = day_begin(self.first_day)
        channel = rng.choice([CH["direct"], CH["chat"], CH["official"], CH["search"]], n)
        rows = self._people(rng, np.full(n, begin), channel, np.full(n, -1))
        self.people["base"][rows] += 1.0
        self.people["next_op"][rows] = float(self.op(begin)) + rng.exponential(1.0, n) / self.people["rate"][rows]

    def _people(self, rng: np.random.Generator, t: NDArray[Any], channel: NDArray[Any], ref: NDArray[Any]) -> NDArray[np.int64]:
        n = len(t)
        region = np.array([r[3] for r in REGIONS])
        device = np.array([d[1] for d in DEVICES], dtype=float)
        return self.people.add(
            n, t_first=t, channel=channel, region=np.searchsorted(np.cumsum(region) / region.sum(), rng.random(n)),
            device=np.searchsorted(np.cumsum(device) / device.sum(), rng.random(n)), rate=rng.gamma(1.6, 1 / 24.0, n) + 0.004,
            elastic=rng.gamma(3.0, 0.6, n), shares=rng.beta(0.8, 14.0, n), drop=rng.beta(1.2, 9.5, n), like=rng.integers(0, len(CATEGORY_KEYS), n),
            base=rng.normal(-3.36, 0.75, n), answer=rng.gamma(0.9, 1 / 0.9, n), next_op=np.inf, t_paid=-np.inf, t_paid_first=np.inf, inviter=ref,
            t_member=np.inf, t_contact=np.inf, t_lost_contact=np.inf, reach_t=-np.inf, surname=rng.integers(0, 30, n), given=rng.integers(0, 900, n),
            half=rng.random(n))  # fmt: skip

    def _arrivals(
        self, rng: np.random.Generator, scene: Scene, start: float, end: float, span: float, growth: float, pulse: float
    ) -> None:
        daily = REFERENCE_ARRIVALS / 548 / 1.15 * self.scale
        weekday = date_of(day_number(start)).weekday()
        mod = np.ones(len(CHANNELS))
        mod[CH["live"]] = 2.1 if weekday in (1, 4, 6) else 0.35
        mod[CH["article"]] = 1.9 if weekday in (2, 5) else 0.7
        counts = rng.poisson(daily * span * growth * _ARRIVE * mod)
        n = int(counts.sum())
        channel = np.repeat(np.arange(len(CHANNELS)), counts)
        times = np.asarray(self.clock_of(float(self.op(start)) + rng.random(n) * span))
        ref = np.full(n, -1)
        person = self._people(rng, times, channel, ref)
        if pulse > 0 and len(self.people):
            extra = int(rng.poisson(pulse / 0.27))
            buyers = np.flatnonzero(self.people["orders"] > 0)
            pool = buyers if len(buyers) else np.arange(len(self.people))
            person = np.concatenate([person, rng.choice(pool, extra)])
            times = np.concatenate([times, rng.uniform(start, end, extra)])
            channel = np.concatenate([channel, rng.choice([CH["group"], CH["chat"], CH["direct"], CH["search"]], extra)])
            ref = np.concatenate([ref, np.full(extra, -1)])
        if len(person):
            self._visits(rng, scene, person, times, channel, ref)

    def _returns(self, rng: np.random.Generator, scene: Scene, op0: float, op1: float, start: float, end: float) -> None:
        people = self.people
        reached = np.flatnonzero((people["reach_s"] > 0) & (people["reach_t"] > start - 6 * response.REACH_FADES_AFTER))
        if len(reached):
            expected = response.reach_visits(people["reach_s"][reached], people["reach_t"][reached], start, end)
            comes = rng.random(len(reached)) < 1.0 - np.exp(-expected)
            who = reached[comes]
            if len(who):
                t = np.maximum(rng.uniform(start, end, len(who)), people["reach_t"][who])
                self._visits(
                    rng, scene, who, t, people["reach_ch"][who].astype(np.int64), np.full(len(who), -1), moved=False, reach=True
                )
        for _ in range(40):
            who = np.flatnonzero(people["next_op"] < op1)
            if not len(who):
                return
            op = np.maximum(people["next_op"][who], op0)
            in_group = people["group"][who] > 0
            pick = rng.random(len(who))
            loose = np.searchsorted(np.cumsum(_RETURN_LOOSE) / _RETURN_LOOSE.sum(), pick)
            inside = np.searchsorted(np.cumsum(_RETURN_IN_GROUP) / _RETURN_IN_GROUP.sum(), pick)
            channel = np.where(in_group, inside, loose)
            self._visits(rng, scene, who, np.asarray(self.clock_of(op)), channel, np.full(len(who), -1))

    def _friends(self, rng: np.random.Generator, scene: Scene, start: float, end: float) -> None:
        """Those whom sharers and gifts bring in this slice, and whom they bring in turn; every seventh is a known person."""
        for _ in range(40):
            friends: list[tuple[float, int, int]] = []
            while self.pending and self.pending[0][0] < end:
                friends.append(heapq.heappop(self.pending))
            if not friends:
                return
            times = np.maximum(np.array([f[0] for f in friends]), start)
            ref, channel = np.array([f[1] for f in friends]), np.array([f[2] for f in friends])
            person = rng.integers(0, len(self.people), len(friends))
            fresh = (rng.random(len(friends)) >= 0.15) | (person == ref) | (self.people["visits"][person] == 0)
            person[fresh] = self._people(rng, times[fresh], channel[fresh], ref[fresh])
            self._visits(rng, scene, person, times, channel, ref)

    def _visits(self, rng: np.random.Generator, scene: Scene, person: NDArray[Any], t: NDArray[Any], channel: NDArray[Any], ref: NDArray[Any],
                *, moved: bool = True, reach: bool = False, limit: int = 0) -> None:  # fmt: skip
        """One visit for each given person: what is looked at, bought, shared; then when they come again."""
        n, people = len(person), self.people
        t = np.clip(t, scene.start, scene.end - 0.01)
        first = (people["visits"][person] == 0).astype(np.uint8)
        room = day_begin_array(t) + DAY - 3.0 - t
        bought = people["orders"][person] > 0
        looked = scene.choose(rng, people["like"][person], n)
        elastic = people["elastic"][person]
        main = scene.product_price[looked]
        logit = (
            people["base"][person]
            + _CONVERT[channel]
            + 1.05 * bought
            + np.minimum(people["visits"][person], 4) * 0.08 * (~bought)
        )
        logit = logit + response.price_logit(elastic, main, scene.product_list[looked]) + scene.mood
        logit = (
            logit
            + response.FLASH_LOGIT * scene.on_flash[looked]
            + response.COUPON_LOGIT * scene.has_coupon * np.minimum(elastic / 1.8, 2.0)
        )
        if reach:
            logit = logit + response.REACH_CONVERSION_LOGIT
        buys = (rng.random(n) < 1.0 / (1.0 + np.exp(-logit))) & (room > 20) & scene.buyable[looked]
        if limit:
            buys &= np.cumsum(buys) <= limit
        bounce = (rng.random(n) < _BOUNCE[channel]) & ~buys
        land = np.where(
            rng.random(n) < _LAND_PRODUCT[channel], 1, np.where(channel == CH["invite"], 2, np.where(rng.random(n) < 0.06, 3, 0))
        )
        views = np.where(buys, 1 + rng.poisson(0.9, n), rng.poisson(1.25, n) + (land == 1))
        other = np.where(buys, 1 + rng.poisson(0.5, n), rng.poisson(0.8, n))
        views = np.where(bounce, (land == 1).astype(int), np.minimum(views, 6))
        other = np.where(bounce, 0, np.minimum(other, 4))
        thin = ~bounce & ((land != 1) + views + other < 2)
        other = other + thin
        via_cart = buys & (rng.random(n) < 0.86)
        carts = np.where(
            via_cart, 1 + (views > 1) * (rng.random(n) < 0.35), ((rng.random(n) < 0.115) & ~bounce & (views > 0)).astype(int)
        )
        scale = np.clip(
            room / 1500.0, 0.0, 1.0
        )  # the last seconds before midnight leave no room: a visit may be short, never negative
        dur = np.where(bounce, rng.gamma(1.2, 6.0, n), (other + views) * rng.gamma(2.0, 14.0, n) + 5.0) * scale
        dur = np.minimum(dur, np.minimum(1400.0, np.maximum(room, 0.02)))
        view_off = self.viewed.n + np.concatenate([[0], np.cumsum(views)[:-1]]).astype(np.int64)
        total = int(views.sum())
        flat = scene.choose(rng, np.repeat(people["like"][person], views), total)
        has = views > 0
        flat[(view_off - self.viewed.n)[has]] = looked[has]
        self.viewed.extend_flat("product", flat.astype(np.uint16))
        shared = rng.random(n) < people["shares"][person] * np.where(buys, 1.7, np.where(bounce, 0.15, 0.8))
        rows = self.visits.add(n, person=person, t=t, dur=dur, channel=channel, land=land, views=views, other=other, carts=carts, order=-1,
                               share=shared, ref=ref, first=first, view_off=view_off)  # fmt: skip
        people["visits"][person] += 1
        paid = np.zeros(n, dtype=bool)
        who = np.flatnonzero(buys)
        if len(who):
            paid[who] = self._orders(rng, scene, rows[who], who, person, t, channel, ref, views, dur, room, elastic)
        sharing = np.flatnonzero(shared)
        if len(sharing):
            opens = rng.poisson(1.25, len(sharing))
            for i, k in zip(sharing[opens > 0].tolist(), opens[opens > 0].tolist(), strict=True):
                way = CH["share"] if rng.random() < 0.62 else CH["invite"]
                for delay in rng.exponential(7 * 3600.0, k).tolist():
                    heapq.heappush(self.pending, (float(t[i]) + 60 + delay, int(person[i]), way))
        if moved:
            keen = bought | paid
            rate = np.where(keen, people["rate"][person] + 0.012, people["rate"][person] * 0.8)
            lost = rng.random(n) < np.where(keen, people["drop"][person], 0.56)
            following = np.where(lost, np.inf, self.op(t) + rng.exponential(1.0, n) / rate)
            people["next_op"][person] = following
