"""Trade: from the basket to payment, coupons, membership, gifts and trouble; all of an order's future is drawn when it is made (演示数据)."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator import response
from zhanggui.emulator.catalogue import REFUND_REASONS, TALENTS
from zhanggui.emulator.market.circles import Circles
from zhanggui.emulator.market.scene import Scene
from zhanggui.emulator.market.words import (
    AFTERSALE_TIMES,
    CH,
    COUPON_CLAIM,
    COUPON_USE,
    DAY,
    F_CUT,
    F_GIFT,
    F_PRESALE,
    F_SPLIT,
    F_STAFF,
    INF,
    ORDER_TIMES,
    Coupon,
    FlashTask,
)

Numbers = NDArray[Any]


@dataclass
class Buyers:
    """The visits that end in an order, a value per order; what is not given follows from `_price` and `_future`."""

    visit: Numbers
    person: Numbers
    t: Numbers
    channel: Numbers
    ref: Numbers
    room: Numbers
    elastic: Numbers
    created: Numbers
    goods: Numbers = field(init=False)
    limited: Numbers = field(init=False)
    coupon: Numbers = field(init=False)
    coupon_fee: Numbers = field(init=False)
    is_cut: Numbers = field(init=False)
    paid_goods: Numbers = field(init=False)
    freight: Numbers = field(init=False)
    price: Numbers = field(init=False)
    flags: Numbers = field(init=False)
    pays: Numbers = field(init=False)
    pay: Numbers = field(init=False)
    gift: Numbers = field(init=False)
    accept: Numbers = field(init=False)
    by_user: Numbers = field(init=False)
    cancel: Numbers = field(init=False)
    promise: Numbers = field(init=False)
    ship: Numbers = field(init=False)
    ship2: Numbers = field(init=False)
    by_hand: Numbers = field(init=False)
    done: Numbers = field(init=False)
    talent: Numbers = field(init=False)
    commission: Numbers = field(init=False)
    sharer: Numbers = field(init=False)


@dataclass
class Lines:
    """The lines of those orders; `of` is the number of the order each belongs to, `first` and `per_order` the way back."""

    of: Numbers
    product: Numbers
    sku: Numbers
    count: Numbers
    first: Numbers = field(init=False)
    per_order: Numbers = field(init=False)
    unit: Numbers = field(init=False)
    market: Numbers = field(init=False)
    limited: Numbers = field(init=False)
    coupon: Numbers = field(init=False)
    cut: Numbers = field(init=False)
    paid: Numbers = field(init=False)
    presale: Numbers = field(init=False)


class Trade(Circles):
    """Orders and what comes of them."""

    def _orders(self, rng: np.random.Generator, scene: Scene, visit: NDArray[Any], who: NDArray[Any], person: NDArray[Any], t: NDArray[Any],
                channel: NDArray[Any], ref: NDArray[Any], views: NDArray[Any], dur: NDArray[Any], room: NDArray[Any],
                elastic: NDArray[Any]) -> NDArray[np.bool_]:  # fmt: skip
        """Orders of the visits `who`: lines, prices, discounts, payment and everything that will happen to them. Gives who paid."""
        n = len(who)
        span = room[who]
        created = np.ceil(t[who] + dur[who] * 0.8 + rng.uniform(2, 40, n) * np.minimum(1.0, span / 1500.0))
        created = np.maximum(np.minimum(created, np.floor(t[who] + span - 6.0)), np.ceil(t[who]))
        wanted, product, sku, count = self._basket(rng, scene, self.visits["view_off"][visit], views[who])
        good = wanted.any(axis=1) & (span > 20)
        self.visits["carts"][visit] = np.where(good, self.visits["carts"][visit], 1)
        keep = np.flatnonzero(good)
        paid = np.zeros(n, dtype=bool)
        if not len(keep):
            return paid
        mine = who[keep]
        b = Buyers(visit[keep], person[mine], t[mine], channel[mine], ref[mine], room[mine], elastic[mine], created[keep])
        flat = np.flatnonzero(wanted[keep].ravel())
        lines = Lines(flat // 3, *(x[keep].ravel()[flat] for x in (product, sku, count)))
        self._price(rng, scene, b, lines)
        self._future(rng, scene, b, lines)
        rows, line_rows = self._write_orders(rng, b, lines)
        buying = np.flatnonzero(b.pays)
        used = np.flatnonzero(b.coupon >= 0)
        if len(used):
            self._claim(rng, b.coupon[used], b.person[used], b.t[used], b.pay[used], rows[used], b.coupon_fee[used])
        sold = b.pays[lines.of]
        np.subtract.at(self.skus["stock"], lines.sku[sold], lines.count[sold])
        np.add.at(self.skus["sold"], lines.sku[sold], lines.count[sold])
        np.maximum(self.skus["stock"], 0, out=self.skus["stock"])
        self._after_payment(rng, buying, b.person, b.pay, b.price, b.gift, b.accept)
        self._trouble(rng, rows, buying, lines.first, lines.per_order, line_rows, lines.count, lines.paid)
        for kind, name in ORDER_TIMES.items():
            self.agenda.add(self.orders[name][rows], kind, rows)
        paid[keep] = b.pays
        return paid

    def _basket(
        self, rng: np.random.Generator, scene: Scene, view_off: NDArray[Any], views: NDArray[Any]
    ) -> tuple[NDArray[Any], ...]:
        """Up to three of the products looked at, as rows of (taken or not, product, SKU, how many)."""
        n = len(views)
        want = 1 + ((views >= 2) & (rng.random(n) < 0.36)) + ((views >= 3) & (rng.random(n) < 0.2))
        seen = [self.viewed["product"][np.minimum(view_off + j, self.viewed.n - 1)] for j in range(3)]
        product = np.stack(seen, axis=1).astype(np.int64)
        wanted = np.arange(3)[None, :] < want[:, None]
        wanted[:, 1] &= product[:, 1] != product[:, 0]
        wanted[:, 2] &= (product[:, 2] != product[:, 0]) & (product[:, 2] != product[:, 1])
        variety = scene.sku_count[product]
        pick = np.where(rng.random((n, 3)) < 0.6, 0, rng.integers(0, 1 << 30, (n, 3)) % np.maximum(variety, 1))
        sku = scene.sku_table[product, pick]
        spare = scene.sku_table[product, (pick + 1) % np.maximum(variety, 1)]
        sku = np.where(scene.sku_ok[sku], sku, spare)
        wanted &= scene.sku_ok[sku]
        draw = rng.random((n, 3))
        count = 1 + (draw > 0.79) + (draw > 0.94) + (draw > 0.985) * 2
        bulk = scene.is_gift[product] & (rng.random((n, 3)) < 0.03)
        return wanted, product, sku, np.where(bulk, rng.integers(5, 16, (n, 3)), count)

    def _price(self, rng: np.random.Generator, scene: Scene, b: Buyers, lines: Lines) -> None:
        """Flash prices, coupons, cuts by the shop and freight, down to what each line costs (分)."""
        m, of = len(b.person), lines.of
        lines.unit = self.skus["price"][lines.sku].astype(np.int64)
        lines.market = self.skus["market"][lines.sku]
        gross = lines.unit * lines.count
        lines.limited = np.zeros(len(of), dtype=np.int64)
        for task in scene.tasks:
            self._flash_lines(task, b.created[of], lines)
        b.goods = np.bincount(of, gross, m).astype(np.int64)
        b.limited = np.bincount(of, lines.limited, m).astype(np.int64)
        net = gross - lines.limited
        b.coupon_fee, b.coupon = self._coupon_for(
            rng, scene, b.person, b.elastic, b.goods - b.limited, of, lines.sku, net, b.created
        )
        whole = np.bincount(of, net, m).astype(np.int64)
        lines.coupon = b.coupon_fee[of] * net // np.maximum(whole[of], 1)
        lines.first = np.searchsorted(of, np.arange(m))
        lines.per_order = np.bincount(of, minlength=m)
        lines.coupon[lines.first] += b.coupon_fee - np.bincount(of, lines.coupon, m).astype(np.int64)
        b.is_cut = rng.random(m) < 0.012
        lines.cut = np.zeros(len(of), dtype=np.int64)
        lines.cut[lines.first] = np.where(b.is_cut, (net - lines.coupon)[lines.first] // 20, 0)
        lines.paid = net - lines.coupon - lines.cut
        b.paid_goods = np.bincount(of, lines.paid, m).astype(np.int64)
        far = self.people["region"][b.person] >= 22
        b.freight = np.where(b.paid_goods >= 5900, 0, np.where(far, 1200, 800))
        b.price = b.paid_goods + b.freight

    @staticmethod
    def _flash_lines(task: FlashTask, created: NDArray[Any], lines: Lines) -> None:
        """Gives the lines of a flash sale its price while its stock lasts."""
        live = (created >= task.start) & (created < task.end)
        for row, price in task.prices.items():
            left = task.stocks.get(row, 0) - task.sold.get(row, 0)
            for h in np.flatnonzero(live & (lines.sku == row)).tolist():
                if left >= lines.count[h]:
                    lines.limited[h] = max(0, lines.unit[h] - price) * lines.count[h]
                    left -= int(lines.count[h])
                    task.sold[row] = task.sold.get(row, 0) + int(lines.count[h])

    def _future(self, rng: np.random.Generator, scene: Scene, b: Buyers, lines: Lines) -> None:
        """Draws everything that will happen to the orders: payment or cancelling, gift, parcels, confirmation, settlement, who earns on them."""
        m, of, channel, created = len(b.person), lines.of, b.channel, b.created
        lines.presale = scene.presale[lines.product]
        flags = np.where(b.is_cut, F_CUT, 0) | np.where(np.bincount(of, lines.presale, m) > 0, F_PRESALE, 0)
        staffed = np.isin(channel, (CH["group"], CH["chat"], CH["moments"])) & (self.people["t_contact"][b.person] <= created)
        flags = flags | np.where(staffed, F_STAFF, 0)
        b.pays = rng.random(m) < np.where(np.isin(channel, (CH["live"], CH["ads"], CH["video"])), 0.84, 0.905)
        delay = np.ceil(rng.gamma(1.5, 9.0, m) + 2)
        b.pay = np.where(b.pays, np.minimum(created + delay, np.floor(b.t + b.room - 2.0)), np.inf)
        b.gift = b.pays & (rng.random(m) < scene.gift_share)
        flags = flags | np.where(b.gift, F_GIFT, 0)
        b.accept = np.where(b.gift, b.pay + np.ceil(rng.exponential(4 * 3600.0, m)) + 60, np.inf)
        b.by_user = rng.random(m) < 0.35
        b.cancel = np.where(b.pays, np.inf, created + np.where(b.by_user, np.ceil(rng.uniform(60, 1700, m)), 1800))
        ready = np.where(b.gift, b.accept, b.pay)
        ship = ready + np.ceil(rng.lognormal(np.log(15 * 3600.0), 0.55, m))
        b.promise = np.where(flags & F_PRESALE, ready + 8 * DAY, ready + 2 * DAY)
        b.ship = np.where(flags & F_PRESALE, ready + np.ceil(rng.uniform(4, 9, m) * DAY), ship)
        split = b.pays & (lines.per_order >= 2) & (rng.random(m) < 0.3)
        b.flags = flags | np.where(split, F_SPLIT, 0)
        b.ship2 = np.where(split, b.ship + np.ceil(rng.uniform(0.4, 2.0, m) * DAY), np.inf)
        b.by_hand = rng.random(m) < 0.55
        sent = np.where(split, b.ship2, b.ship)
        arrived = sent + np.ceil(rng.gamma(9.0, 0.3 * DAY, m))
        b.done = np.where(b.by_hand, arrived + np.ceil(rng.exponential(0.8 * DAY, m)), sent + 10 * DAY)
        led = (channel == CH["league"]) | ((channel == CH["live"]) & (rng.random(m) < 0.4))
        b.talent = np.where(led, rng.integers(0, len(TALENTS), m), -1)
        b.commission = np.where(b.talent >= 0, b.paid_goods * 15 // 100, 0)
        b.sharer = np.where(np.isin(channel, (CH["share"], CH["invite"])), b.ref, -1)

    def _write_orders(self, rng: np.random.Generator, b: Buyers, lines: Lines) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Books the orders and their lines; gives both sets of rows."""
        m, of = len(b.person), lines.of
        rows = self.orders.add(
            m, person=b.person, visit=b.visit, channel=b.channel, flags=b.flags, line_off=self.lines.n + lines.first, lines=lines.per_order, goods=b.goods,
            discount=b.limited + b.coupon_fee, coupon=b.coupon_fee, limited=b.limited, cut=np.bincount(of, lines.cut, m).astype(np.int64), freight=b.freight,
            price=b.price, user_coupon=-1, talent=b.talent, commission=b.commission, sharer=b.sharer, carrier=rng.integers(0, 4, m),
            cancel_type=np.where(b.pays, 0, np.where(b.by_user, 1, 2)), confirm_type=np.where(b.by_hand, 1, 2), t_create=b.created, t_pay=b.pay,
            t_cancel=b.cancel, t_accept=b.accept, t_ship=b.ship, t_ship2=b.ship2, t_done=b.done, t_settle=b.done + 7 * DAY, t_void=np.inf, upd=b.created,
            cuts=b.is_cut,
        )  # fmt: skip
        line_rows = self.lines.add(
            len(of), order=rows[of], sku=lines.sku, count=lines.count, unit=lines.unit, market=lines.market, limited=lines.limited, coupon=lines.coupon,
            cut=lines.cut, paid=lines.paid, presale=lines.presale, promise=b.promise[of])  # fmt: skip
        self.visits["order"][b.visit] = rows
        return rows, line_rows

    def _coupon_for(self, rng: np.random.Generator, scene: Scene, person: NDArray[Any], elastic: NDArray[Any], net: NDArray[Any], of: NDArray[Any],
                    sku: NDArray[Any], line_net: NDArray[Any], created: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
        m = len(person)
        fee, number = np.zeros(m, dtype=np.int64), np.full(m, -1)
        takes = rng.random(m) < response.coupon_take(elastic)
        for c in scene.coupons:
            coupon = self.coupons[c]
            base = net
            if coupon.products:
                inside = np.isin(self.skus["product"][sku], list(coupon.products))
                base = np.bincount(of, np.where(inside, line_net, 0), m).astype(np.int64)
            off = np.minimum(coupon.fee, base * 4 // 5) if coupon.fee else base * (10000 - coupon.num) // 10000
            ok = (
                takes & (base > 0) & (base >= coupon.threshold) & (created >= coupon.start) & (created < coupon.end) & (off > fee)
            )
            if coupon.rule.get("promote_info", {}).get("promote_type") in (9, 10):
                ok &= self.people["t_member"][person] <= created
            if coupon.name.startswith("新客"):
                ok &= self.people["orders"][person] == 0
            fee, number = np.where(ok, off, fee), np.where(ok, c, number)
        for i in np.flatnonzero(number >= 0).tolist():
            coupon = self.coupons[int(number[i])]
            if coupon.holders.get(int(person[i]), 0) >= coupon.per_person or coupon.received >= coupon.total:
                fee[i], number[i] = 0, -1
            else:
                coupon.holders[int(person[i])] = coupon.holders.get(int(person[i]), 0) + 1
                coupon.received += 1
        return fee, number

    def _claim(
        self,
        rng: np.random.Generator,
        coupon: NDArray[Any],
        person: NDArray[Any],
        t: NDArray[Any],
        pay: NDArray[Any],
        order: NDArray[Any],
        fee: NDArray[Any],
    ) -> None:
        begin = np.floor(t)
        ends = [self._coupon_end(self.coupons[int(c)], float(b)) for c, b in zip(coupon, begin, strict=True)]
        rows = self.claims.add(
            len(coupon), coupon=coupon, person=person, t_claim=begin, t_end=ends, t_use=pay, order=order, fee=fee
        )
        self.orders["user_coupon"][order] = rows
        self.agenda.add(begin, COUPON_CLAIM, rows)
        self.agenda.add(pay, COUPON_USE, rows)

    @staticmethod
    def _coupon_end(coupon: Coupon, at: float) -> float:
        return at + coupon.valid_days * DAY if coupon.valid_days else float(coupon.valid_until or coupon.end)

    def _after_payment(self, rng: np.random.Generator, paid: NDArray[Any], person: NDArray[Any], pay: NDArray[Any], price: NDArray[Any],
                       gift: NDArray[Any], accept: NDArray[Any]) -> None:  # fmt: skip
        """Membership, the staff's WeCom contact, groups, and the friend who opens a gift."""
        if not len(paid):
            return
        people, who, t = self.people, person[paid], pay[paid]
        np.add.at(people["orders"], who, 1)
        np.add.at(people["spent"], who, price[paid])
        people["t_paid"][who] = t
        people["t_paid_first"][who] = np.minimum(people["t_paid_first"][who], t)
        joins = np.isinf(people["t_member"][who]) & (rng.random(len(who)) < 0.42)
        people["t_member"][who[joins]] = t[joins]
        adds = np.unique(who[np.isinf(people["t_contact"][who]) & (rng.random(len(who)) < 0.4)])
        if len(adds):
            self.add_contacts(rng, adds, people["t_paid"][adds] + np.ceil(rng.exponential(0.6 * DAY, len(adds))) + 30)
        for i in paid[gift[paid]].tolist():
            heapq.heappush(self.pending, (float(accept[i]), int(person[i]), CH["gift"]))

    def _trouble(self, rng: np.random.Generator, rows: NDArray[Any], paid: NDArray[Any], first_line: NDArray[Any], nlines: NDArray[Any],
                 line_rows: NDArray[Any], l_count: NDArray[Any], l_paid: NDArray[Any]) -> None:  # fmt: skip
        """After-sales: a twentieth of paid orders, whole or in part, before or after the goods arrive."""
        chance = np.where(self.orders["talent"][rows[paid]] >= 0, 0.09, 0.048)
        weights = np.array([r[2] for r in REFUND_REASONS])
        for i in paid[rng.random(len(paid)) < chance].tolist():
            order = int(rows[i])
            o = self.orders
            early = rng.random() < 0.4
            wait = float(o["t_ship"][order] - o["t_pay"][order])
            begin = float(np.ceil(o["t_pay"][order] + max(60.0, rng.uniform(0.02, 0.8) * wait))) if early else float(
                np.ceil(o["t_done"][order] - rng.uniform(0.05, 0.9) * 0.5 * DAY))  # fmt: skip
            if o["flags"][order] & F_GIFT:
                begin = max(begin, float(o["t_accept"][order]) + 120)
                early = False
                begin = max(begin, float(o["t_ship"][order]) + DAY)
            whole = rng.random() < (0.85 if early else 0.55) or int(nlines[i]) == 1
            reason = int(np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random()))
            returns = (not early) and rng.random() < 0.45
            outcome = int(rng.choice((0, 0, 0, 0, 0, 0, 0, 1, 2))) if not early else 0
            lines = range(int(first_line[i]), int(first_line[i]) + (int(nlines[i]) if whole else 1))
            ends = 0.0
            for line in lines:
                units = int(l_count[line])
                amount = int(l_paid[line])
                if not whole and units > 1:
                    units, amount = 1, amount // units
                if not early and reason in (2, 4) and not returns and rng.random() < 0.5:
                    amount = max(1, amount * int(rng.integers(2, 7)) // 10)
                decided = begin + float(np.ceil(rng.uniform(0.05, 0.9) * DAY)) if self.auto_aftersale else INF
                sent_back = returns and outcome == 0 and decided < INF
                t_return = decided + float(np.ceil(rng.uniform(0.3, 2.5) * DAY)) if sent_back else INF
                t_end = _aftersale_end(rng, outcome, begin, decided, t_return, returns)
                if outcome == 1:
                    decided, t_return = INF, INF
                row = int(self.aftersales.add(1, order=order, line=line_rows[line], type=int(returns), reason=reason, count=units, amount=amount, outcome=outcome,
                                              by=9 if not early else 4, received=int(not early), t_create=begin, t_decided=decided, t_return=t_return, t_end=t_end,
                                              upd=begin)[0])  # fmt: skip
                self.order_aftersales.setdefault(order, []).append(row)
                for kind, name in AFTERSALE_TIMES.items():
                    self.agenda.add(self.aftersales[name][row], kind, row)
                ends = max(ends, t_end)
            if early and ends == INF:
                o["t_ship"][order] = o["t_ship2"][order] = o["t_done"][order] = o["t_settle"][order] = INF
            self.close_if_refunded(order)


def _aftersale_end(rng: np.random.Generator, outcome: int, begin: float, decided: float, returned: float, returns: bool) -> float:
    if outcome == 1:
        return begin + float(np.ceil(rng.uniform(600, 40_000)))
    if decided == INF:
        return INF
    if outcome == 2:
        return decided + 2 * DAY
    return returned + float(np.ceil(rng.uniform(0.5, 3) * DAY)) if returns else decided + 5
