"""The simulated market: shoppers, visits, orders, groups and stock that behave, made slice by slice of time (演示数据).

A *slice* is a span of market time (a day in the history, an hour or less while running) whose visits and orders are drawn at once with the
generator seeded by (seed, number of the slice). What an order will go through is written into its own row as times; what it *is* at a moment
follows from the clock. So nothing has to be moved by hand, and the same seed, anchor and log of writes give the same shop.

Visits of known people come by a renewal process in *operational time* (calendar time warped by weekday, hour and festival), gamma-mixed between
people, with a chance to be lost after each visit (as in BG/NBD). New people arrive by channel; sharers and gifts bring more. How customers answer
to prices, coupons and messages is in `response.py` only.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator import response
from zhanggui.emulator.catalogue import CATEGORY_KEYS, DEVICES, ITEMS, REFUND_REASONS, REGIONS, STAFF, TALENTS
from zhanggui.emulator.columns import Agenda, Columns
from zhanggui.emulator.festivals import HOURS, demand, near, pull

DAY = 86400.0
EAST8 = 28800
INF = float("inf")
CHANNELS = (
    "search",
    "ads",
    "article",
    "video",
    "live",
    "league",
    "store",
    "moments",
    "group",
    "chat",
    "official",
    "direct",
    "invite",
    "share",
    "gift",
)
CH = {name: i for i, name in enumerate(CHANNELS)}
KIND_OF = {"search": "public", "ads": "public", "article": "public", "video": "public", "live": "public", "league": "public", "store": "public",
           "moments": "private", "group": "private", "chat": "private", "official": "private", "direct": "private",
           "invite": "fission", "share": "fission", "gift": "fission"}  # fmt: skip
SCENES = (1053, 1095, 1058, 1177, 1177, 1184, 1192, 1155, 1008, 1007, 1035, 1001, 1007, 1007, 1007)
"""Mini-program scene value per channel."""
_ARRIVE = np.array([12, 22, 9, 10, 10, 6, 8, 5, 3, 6, 4, 5, 0, 0, 0], dtype=float)
_ARRIVE /= _ARRIVE.sum()
_CONVERT = np.array([0.25, -0.40, -0.10, -0.30, 0.15, 0.10, 0.05, 0.25, 0.55, 0.65, 0.15, 0.35, 0.45, 0.25, 0.40])
_BOUNCE = np.array([0.47, 0.66, 0.64, 0.66, 0.56, 0.6, 0.48, 0.52, 0.44, 0.4, 0.52, 0.42, 0.42, 0.52, 0.38])
_LAND_PRODUCT = np.array([0.45, 0.6, 0.7, 0.75, 0.75, 0.8, 0.35, 0.6, 0.7, 0.65, 0.3, 0.1, 0.0, 0.85, 0.3])
_RETURN_IN_GROUP = np.array([6, 1, 4, 3, 5, 1, 6, 9, 34, 14, 7, 20, 0, 0, 0], dtype=float)
_RETURN_LOOSE = np.array([20, 4, 9, 7, 8, 2, 11, 4, 0, 4, 13, 28, 0, 0, 0], dtype=float)
ORDER_NEW, ORDER_PAY, ORDER_CANCEL, ORDER_SHIP, ORDER_SHIP2, ORDER_DONE, ORDER_SETTLE, ORDER_ACCEPT, ORDER_VOID, ORDER_EXT = (
    range(10)
)
AS_NEW, AS_DECIDED, AS_RETURN, AS_END = 20, 21, 22, 23
COUPON_CLAIM, COUPON_USE = 30, 31
CONTACT_ADD, CONTACT_DEL, GROUP_JOIN, GROUP_LEAVE = 40, 41, 42, 43
ORDER_TIMES = {ORDER_NEW: "t_create", ORDER_PAY: "t_pay", ORDER_CANCEL: "t_cancel", ORDER_SHIP: "t_ship", ORDER_SHIP2: "t_ship2",
               ORDER_DONE: "t_done", ORDER_SETTLE: "t_settle", ORDER_ACCEPT: "t_accept", ORDER_VOID: "t_void"}  # fmt: skip
AFTERSALE_TIMES = {AS_NEW: "t_create", AS_DECIDED: "t_decided", AS_RETURN: "t_return", AS_END: "t_end"}
F_GIFT, F_PRESALE, F_CUT, F_SPLIT, F_STAFF = 1, 2, 4, 8, 16
ORDER_BASE, ORDER_STEP = 3_720_000_000_000_000_017, 1009
AFTERSALE_BASE, AFTERSALE_STEP = 2_000_000_000_510_000_003, 101
PRODUCT_BASE, PRODUCT_STEP = 10_000_230_000_000_011, 37
SKU_BASE, SKU_STEP = 20_500_410_000_000_019, 13
REFERENCE_ARRIVALS = 46_500.0
"""First-time visitors without referral, over 548 days, that make about 20 000 orders; arrivals scale linearly with the size wished."""


def day_number(t: float) -> int:
    """The shop day (days since 1970 in China time) of an epoch second."""
    return int((t + EAST8) // 86400)


def day_begin(number: int) -> float:
    """The epoch second at which shop day `number` begins."""
    return number * 86400.0 - EAST8


def date_of(number: int) -> date:
    """The calendar date of a shop day number."""
    return date(1970, 1, 1) + timedelta(days=number)


def number_of(day: date) -> int:
    """The shop day number of a date."""
    return (day - date(1970, 1, 1)).days


@dataclass
class Product:
    """What the platform keeps of one product; prices and stock live in the SKU arrays."""

    index: int
    title: str
    category: str
    weight: float
    season: str
    presale: bool
    gift: bool
    status: int = 5
    edit_status: int = 4
    created: int = 0
    edited: int = 0
    draft: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Coupon:
    """A coupon of the shop; `rule` is the body it was created with."""

    coupon_id: str
    type: int
    name: str
    status: int
    created: int
    updated: int
    start: int
    end: int
    threshold: int
    fee: int
    num: int
    products: frozenset[int]
    per_person: int
    total: int
    valid_days: int
    valid_from: int
    valid_until: int
    rule: dict[str, Any]
    received: int = 0
    holders: dict[int, int] = field(default_factory=dict)


@dataclass
class FlashTask:
    """A 限时抢购 task: prices per SKU row while it runs."""

    task_id: int
    product: int
    start: int
    end: int
    prices: dict[int, int]
    stocks: dict[int, int]
    title: str
    created: int
    sold: dict[int, int] = field(default_factory=dict)
    stopped: int = 0
    deleted: bool = False
    limit: int = 0

    def status(self, now: float) -> int:
        """0 waiting, 1 running, 2 finished."""
        if self.stopped or now >= self.end:
            return 2
        return 1 if now >= self.start else 0


@dataclass
class Broadcast:
    """One 群发 task: who is to get it from whom, and what became of each."""

    msgid: str
    chat_type: str
    created: int
    creator: str
    text: str
    attachments: list[Any]
    rows: list[tuple[str, str, int]]
    """(staff userid, external_userid or chat_id, person or group row)."""
    staff_sent: dict[str, int] = field(default_factory=dict)
    outcome: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    cancelled: bool = False
    reminds: list[int] = field(default_factory=list)
    history: bool = False


@dataclass
class Moment:
    """One 朋友圈 task."""

    jobid: str
    moment_id: str
    created: int
    text: str
    staff: list[str]
    tags: list[str]
    published: dict[str, int] = field(default_factory=dict)
    visible: dict[str, list[int]] = field(default_factory=dict)
    liked: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    cancelled: bool = False


class World:
    """The market behind the emulator, from `days` before the anchor on; `now` is as far as it has been told."""

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
        self.seed, self.anchor = seed, anchor.astimezone(UTC)
        self.scale = orders / 20_000 * 548 / days
        self.end_history = float(int(self.anchor.timestamp()))
        self.first_day = day_number(self.end_history) - days
        self.days = days
        self.now = self.simulated = day_begin(self.first_day)
        self.auto_restock, self.auto_aftersale = auto_restock, auto_aftersale
        self.slices = 0
        self.people = Columns(
            t_first="f8", channel="u1", region="u1", device="u1", rate="f4", elastic="f4", shares="f4", drop="f4", like="u1", base="f4", answer="f4",
            next_op="f8", visits="u2", orders="u2", spent="i8", t_paid="f8", t_paid_first="f8", inviter="i4", t_member="f8", t_contact="f8", t_lost_contact="f8",
            staff="u1", group="i2", reach_t="f8", reach_s="f4", reach_n="f4", reach_ch="u1", surname="u1", given="u2", half="f4",
        )  # fmt: skip
        self.visits = Columns(person="i4", t="f8", dur="f4", channel="u1", land="u1", views="u1", other="u1", carts="u1", order="i4",
                              share="u1", ref="i4", first="u1", view_off="i8")  # fmt: skip
        self.viewed = Columns(product="u2")
        self.orders = Columns(
            person="i4", visit="i4", channel="u1", flags="u1", line_off="i8", lines="u1", goods="i8", discount="i8", coupon="i8", limited="i8", cut="i8",
            freight="i4", price="i8", user_coupon="i4", talent="i1", commission="i4", sharer="i4", carrier="u1", cancel_type="u1", confirm_type="u1",
            t_create="f8", t_pay="f8", t_cancel="f8", t_accept="f8", t_ship="f8", t_ship2="f8", t_done="f8", t_settle="f8", t_void="f8", upd="f8",
            cuts="u1",
        )  # fmt: skip
        self.lines = Columns(order="i4", sku="u2", count="u2", unit="i4", market="i4", limited="i4", coupon="i4", cut="i4", paid="i8", presale="u1",
                             promise="f8")  # fmt: skip
        self.aftersales = Columns(order="i4", line="i8", type="u1", reason="u1", count="u2", amount="i8", outcome="u1", by="u1", received="u1",
                                  t_create="f8", t_decided="f8", t_return="f8", t_end="f8", upd="f8")  # fmt: skip
        self.claims = Columns(coupon="u2", person="i4", t_claim="f8", t_end="f8", t_use="f8", order="i4", fee="i4")
        self.members = Columns(group="u1", person="i4", t_join="f8", t_leave="f8", scene="u1", inviter="i4")
        self.skus = Columns(
            product="u2", price="i4", list="i4", market="i4", cost="i4", stock="i4", status="u1", sold="i8", variant="u1"
        )
        self.agenda = Agenda()
        self.order_extra: dict[int, dict[str, Any]] = {}
        self.aftersale_extra: dict[int, dict[str, Any]] = {}
        self.order_aftersales: dict[int, list[int]] = {}
        self.products: list[Product] = []
        self.sku_names: list[str] = []
        self.sku_codes: list[str] = []
        self.product_skus: list[list[int]] = []
        self.coupons: list[Coupon] = []
        self.flash: list[FlashTask] = []
        self.broadcasts: dict[str, Broadcast] = {}
        self.moments: dict[str, Moment] = {}
        self.groups: list[dict[str, Any]] = []
        self.stock_moves: list[tuple[int, int, int, int]] = []
        """(time, SKU row, change, op_type) of restocking and of writes; sales follow from the orders."""
        self.price_moves: list[tuple[int, int, int, int]] = []
        """(time, SKU row, old price, new price)."""
        self.pending: list[tuple[float, int, int]] = []
        """Friends on their way: (time, who sent them, channel), a heap."""
        self.due: list[tuple[float, int, Callable[[], None]]] = []
        self._due_serial = 0
        self.slice_starts: list[float] = []
        self.slice_rows: list[int] = []
        self.counters: dict[str, int] = {}
        self._grid()
        self._shelf()
        self._scripts()

    # --- time -----------------------------------------------------------------------------------------------------

    def _grid(self) -> None:
        begin, hours = day_begin(self.first_day), (self.days + 365 * 3) * 24
        share = np.array(HOURS) / sum(HOURS)
        level = np.repeat([demand(date_of(self.first_day + d)) for d in range(hours // 24)], 24) * np.tile(share, hours // 24)
        self._grid_t = begin + np.arange(hours + 1) * 3600.0
        self._grid_op = np.concatenate([[0.0], np.cumsum(level)])

    def op(self, t: Any) -> Any:
        """Operational days passed at epoch seconds `t`: calendar days weighted by hour, weekday and festival."""
        return np.interp(t, self._grid_t, self._grid_op)

    def clock_of(self, op: Any) -> Any:
        """The epoch second of an operational day (inverse of `op`)."""
        return np.interp(op, self._grid_op, self._grid_t)

    def later(self, at: float, work: Callable[[], None]) -> None:
        """Lets `work` run when the market clock reaches `at`."""
        self._due_serial += 1
        heapq.heappush(self.due, (at, self._due_serial, work))

    def number(self, what: str, start: int = 1) -> int:
        """The next number of a series, the same in every replay."""
        self.counters[what] = self.counters.get(what, start - 1) + 1
        return self.counters[what]

    # --- shelf ----------------------------------------------------------------------------------------------------

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

    # --- scripted history -------------------------------------------------------------------------------------------

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

    # --- ids --------------------------------------------------------------------------------------------------------

    def order_id(self, row: int) -> int:
        """The platform id of an order row."""
        return ORDER_BASE + int(row) * ORDER_STEP

    def order_row(self, order_id: Any) -> int | None:
        """The row of an order that exists at the present moment, else None."""
        row = _row(order_id, ORDER_BASE, ORDER_STEP, len(self.orders))
        return row if row is not None and self.orders["t_create"][row] <= self.now else None

    def aftersale_id(self, row: int) -> int:
        """The platform id of an after-sale row."""
        return AFTERSALE_BASE + int(row) * AFTERSALE_STEP

    def aftersale_row(self, aftersale_id: Any) -> int | None:
        """The row of an after-sale that exists at the present moment, else None."""
        row = _row(aftersale_id, AFTERSALE_BASE, AFTERSALE_STEP, len(self.aftersales))
        return row if row is not None and self.aftersales["t_create"][row] <= self.now else None

    def product_id(self, row: int) -> int:
        """The platform id of a product row."""
        return PRODUCT_BASE + int(row) * PRODUCT_STEP

    def product_row(self, product_id: Any) -> int | None:
        """The row of a product id, else None."""
        return _row(product_id, PRODUCT_BASE, PRODUCT_STEP, len(self.products))

    def sku_id(self, row: int) -> int:
        """The platform id of a SKU row."""
        return SKU_BASE + int(row) * SKU_STEP

    def sku_row(self, sku_id: Any) -> int | None:
        """The row of a SKU id, else None."""
        return _row(sku_id, SKU_BASE, SKU_STEP, len(self.skus))

    def openid(self, person: int, prefix: str = "oDm") -> str:
        """The 28-character openid of a person; other prefixes give unionid and external_userid of the same person."""
        mixed = (int(person) * 2654435761 + self.seed * 97) & 0xFFFFFFFF
        return f"{prefix}{int(person):08x}{mixed:08x}{(mixed * 40503 + int(person)) & 0xFFFFFFFFF:09x}"

    def person_of(self, openid: Any, prefix: str = "oDm") -> int | None:
        """The person of an openid that was seen already, else None."""
        text = str(openid)
        if not text.startswith(prefix) or len(text) != len(prefix) + 25:
            return None
        try:
            person = int(text[len(prefix) : len(prefix) + 8], 16)
        except ValueError:
            return None
        ok = person < len(self.people) and self.openid(person, prefix) == text and self.people["t_first"][person] <= self.now
        return person if ok else None

    def unionid(self, person: int) -> str:
        """The unionid of a person."""
        return self.openid(person, "oUn")

    def external(self, person: int) -> str:
        """The external_userid of a person in WeCom."""
        return self.openid(person, "wmD")

    # --- running ----------------------------------------------------------------------------------------------------

    def run_history(self) -> None:
        """Makes everything from the first day to the anchor."""
        self._regulars()
        for d in range(self.days):
            self.make_slice(day_begin(self.first_day + d), day_begin(self.first_day + d + 1))
        self.make_slice(day_begin(self.first_day + self.days), self.end_history)
        self.settle(self.end_history)

    def _regulars(self) -> None:
        """People who knew the shop before its log begins; each comes for the first logged time at their own rhythm."""
        rng = np.random.default_rng([self.seed, 5])
        n = round(1500 * self.scale)
        begin = day_begin(self.first_day)
        channel = rng.choice([CH["direct"], CH["chat"], CH["official"], CH["search"]], n)
        rows = self._people(rng, np.full(n, begin), channel, np.full(n, -1))
        self.people["base"][rows] += 1.0
        self.people["next_op"][rows] = float(self.op(begin)) + rng.exponential(1.0, n) / self.people["rate"][rows]

    def settle(self, until: float) -> list[tuple[float, int, int]]:
        """Lets the clock pass to `until`: notes each order's last update and gives what happened as (time, kind, row), in order."""
        t, k, r = self.agenda.between(self.now, until)
        self.now = until
        if not len(t):
            return []
        keep = np.ones(len(t), dtype=bool)
        for kind, name in ORDER_TIMES.items():
            m = k == kind
            keep[m] = self.orders[name][r[m]] == t[m]
        for kind, name in AFTERSALE_TIMES.items():
            m = k == kind
            keep[m] = self.aftersales[name][r[m]] == t[m]
        t, k, r = t[keep], k[keep], r[keep]
        is_order = k <= ORDER_EXT
        self.orders["upd"][r[is_order]] = t[is_order]
        is_as = (k >= AS_NEW) & (k <= AS_END)
        if is_as.any():
            rows = r[is_as]
            self.aftersales["upd"][rows] = t[is_as]
            np.maximum.at(self.orders["upd"], self.aftersales["order"][rows], t[is_as])
            self.agenda.add(t[is_as], ORDER_EXT, self.aftersales["order"][rows])
        return list(zip(t.tolist(), k.tolist(), r.tolist(), strict=True))

    def touch_order(self, row: int) -> None:
        """Marks an order as changed now."""
        self.orders["upd"][row] = self.now
        self.agenda.add(self.now, ORDER_EXT, row)

    def touch_aftersale(self, row: int) -> None:
        """Marks an after-sale and its order as changed now."""
        self.aftersales["upd"][row] = self.now
        self.agenda.add(self.now, AS_NEW + 9, row)
        self.touch_order(int(self.aftersales["order"][row]))

    def make_slice(self, start: float, end: float, pulse: float = 0.0) -> None:
        """Draws all visits and orders that begin in [start, end). `pulse` > 0 adds about that many orders to keep a demo lively."""
        if end <= start:
            return
        rng = np.random.default_rng([self.seed, 101, self.slices])
        self.slices += 1
        self.slice_starts.append(start)
        self.slice_rows.append(len(self.visits))
        scene = _Scene(self, start, end, rng)
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
        scene = _Scene(self, self.now, self.now + 1.0, rng)
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

    def _arrivals(
        self, rng: np.random.Generator, scene: _Scene, start: float, end: float, span: float, growth: float, pulse: float
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

    def _friends(self, rng: np.random.Generator, scene: _Scene, start: float, end: float) -> None:
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

    def _returns(self, rng: np.random.Generator, scene: _Scene, op0: float, op1: float, start: float, end: float) -> None:
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

    def _visits(self, rng: np.random.Generator, scene: _Scene, person: NDArray[Any], t: NDArray[Any], channel: NDArray[Any], ref: NDArray[Any],
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
        scale = np.minimum(1.0, room / 1500.0)
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

    def _orders(self, rng: np.random.Generator, scene: _Scene, visit: NDArray[Any], who: NDArray[Any], person_all: NDArray[Any], t_all: NDArray[Any],
                channel_all: NDArray[Any], ref_all: NDArray[Any], views_all: NDArray[Any], dur_all: NDArray[Any], room_all: NDArray[Any],
                elastic_all: NDArray[Any]) -> NDArray[np.bool_]:  # fmt: skip
        """Orders of the visits `who`: lines, prices, discounts, payment and everything that will happen to them. Gives who paid."""
        n, people = len(who), self.people
        person, t, channel, views, dur, room = (
            person_all[who],
            t_all[who],
            channel_all[who],
            views_all[who],
            dur_all[who],
            room_all[who],
        )
        created = np.ceil(t + dur * 0.8 + rng.uniform(2, 40, n) * np.minimum(1.0, room / 1500.0))
        created = np.minimum(created, np.floor(t + room - 6.0))
        created = np.maximum(created, np.ceil(t))
        off = self.visits["view_off"][visit]
        want = 1 + ((views >= 2) & (rng.random(n) < 0.36)) + ((views >= 3) & (rng.random(n) < 0.2))
        product = np.stack([self.viewed["product"][np.minimum(off + j, self.viewed.n - 1)] for j in range(3)], axis=1).astype(
            np.int64
        )
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
        count = np.where(bulk, rng.integers(5, 16, (n, 3)), count)
        good = wanted.any(axis=1) & (room > 20)
        self.visits["carts"][visit] = np.where(good, self.visits["carts"][visit], 1)
        keep = np.flatnonzero(good)
        paid_flags = np.zeros(n, dtype=bool)
        if not len(keep):
            return paid_flags
        person, created, channel, visit = person[keep], created[keep], channel[keep], visit[keep]
        wanted, sku, count, product = wanted[keep], sku[keep], count[keep], product[keep]
        elastic, ref, room_k, t_k = elastic_all[who][keep], ref_all[who][keep], room[keep], t[keep]
        m = len(keep)
        np.cumsum(wanted, axis=1) - 1
        flat = np.flatnonzero(wanted.ravel())
        of = flat // 3
        l_sku, l_count = sku.ravel()[flat], count.ravel()[flat]
        unit = self.skus["price"][l_sku].astype(np.int64)
        market = self.skus["market"][l_sku]
        gross = unit * l_count
        limited = np.zeros(len(flat), dtype=np.int64)
        for task in scene.tasks:
            live = (created[of] >= task.start) & (created[of] < task.end)
            for row, price in task.prices.items():
                hit = np.flatnonzero(live & (l_sku == row))
                left = task.stocks.get(row, 0) - task.sold.get(row, 0)
                for h in hit.tolist():
                    if left >= l_count[h]:
                        limited[h] = max(0, unit[h] - price) * l_count[h]
                        left -= int(l_count[h])
                        task.sold[row] = task.sold.get(row, 0) + int(l_count[h])
        goods = np.bincount(of, gross, m).astype(np.int64)
        net = goods - np.bincount(of, limited, m).astype(np.int64)
        coupon_fee, coupon_no = self._coupon_for(rng, scene, person, elastic, net, of, l_sku, gross - limited, created)
        line_net = gross - limited
        cum_net = np.bincount(of, line_net, m).astype(np.int64)
        line_coupon = coupon_fee[of] * line_net // np.maximum(cum_net[of], 1)
        first_line = np.searchsorted(of, np.arange(m))
        line_coupon[first_line] += coupon_fee - np.bincount(of, line_coupon, m).astype(np.int64)
        cut_order = rng.random(m) < 0.012
        line_cut = np.zeros(len(flat), dtype=np.int64)
        line_cut[first_line] = np.where(cut_order, (line_net - line_coupon)[first_line] // 20, 0)
        line_paid = line_net - line_coupon - line_cut
        paid_goods = np.bincount(of, line_paid, m).astype(np.int64)
        far = people["region"][person] >= 22
        freight = np.where(paid_goods >= 5900, 0, np.where(far, 1200, 800))
        price = paid_goods + freight
        presale = scene.presale[product.ravel()[flat]]
        flags = np.where(cut_order, F_CUT, 0) | np.where(np.bincount(of, presale, m) > 0, F_PRESALE, 0)
        staffed = np.isin(channel, (CH["group"], CH["chat"], CH["moments"])) & (people["t_contact"][person] <= created)
        flags = flags | np.where(staffed, F_STAFF, 0)
        pays = rng.random(m) < np.where(np.isin(channel, (CH["live"], CH["ads"], CH["video"])), 0.84, 0.905)
        delay = np.ceil(rng.gamma(1.5, 9.0, m) + 2)
        pay = np.where(pays, np.minimum(created + delay, np.floor(t_k + room_k - 2.0)), np.inf)
        is_gift = pays & (rng.random(m) < scene.gift_share)
        flags = flags | np.where(is_gift, F_GIFT, 0)
        accept = np.where(is_gift, pay + np.ceil(rng.exponential(4 * 3600.0, m)) + 60, np.inf)
        by_user = rng.random(m) < 0.35
        cancel = np.where(pays, np.inf, created + np.where(by_user, np.ceil(rng.uniform(60, 1700, m)), 1800))
        ready = np.where(is_gift, accept, pay)
        ship = ready + np.ceil(rng.lognormal(np.log(15 * 3600.0), 0.55, m))
        promise = np.where(flags & F_PRESALE, ready + 8 * DAY, ready + 2 * DAY)
        ship = np.where(flags & F_PRESALE, ready + np.ceil(rng.uniform(4, 9, m) * DAY), ship)
        nlines = np.bincount(of, minlength=m)
        split = pays & (nlines >= 2) & (rng.random(m) < 0.3)
        flags = flags | np.where(split, F_SPLIT, 0)
        ship2 = np.where(split, ship + np.ceil(rng.uniform(0.4, 2.0, m) * DAY), np.inf)
        confirm_self = rng.random(m) < 0.55
        arrived = np.where(split, ship2, ship) + np.ceil(rng.gamma(9.0, 0.3 * DAY, m))
        done = np.where(confirm_self, arrived + np.ceil(rng.exponential(0.8 * DAY, m)), np.where(split, ship2, ship) + 10 * DAY)
        settle = done + 7 * DAY
        talent = np.where(
            np.isin(channel, (CH["league"],)) | (np.isin(channel, (CH["live"],)) & (rng.random(m) < 0.4)),
            rng.integers(0, len(TALENTS), m),
            -1,
        )
        commission = np.where(talent >= 0, paid_goods * 15 // 100, 0)
        sharer = np.where(np.isin(channel, (CH["share"], CH["invite"])), ref, -1)
        rows = self.orders.add(
            m, person=person, visit=visit, channel=channel, flags=flags, line_off=self.lines.n + first_line, lines=nlines, goods=goods,
            discount=np.bincount(of, limited, m).astype(np.int64) + coupon_fee, coupon=coupon_fee, limited=np.bincount(of, limited, m).astype(np.int64),
            cut=np.bincount(of, line_cut, m).astype(np.int64), freight=freight, price=price, user_coupon=-1, talent=talent, commission=commission, sharer=sharer,
            carrier=rng.integers(0, 4, m), cancel_type=np.where(pays, 0, np.where(by_user, 1, 2)), confirm_type=np.where(confirm_self, 1, 2), t_create=created,
            t_pay=pay, t_cancel=cancel, t_accept=accept, t_ship=ship, t_ship2=ship2, t_done=done, t_settle=settle, t_void=np.inf, upd=created, cuts=cut_order,
        )  # fmt: skip
        line_rows = self.lines.add(
            len(flat), order=rows[of], sku=l_sku, count=l_count, unit=unit, market=market, limited=limited, coupon=line_coupon, cut=line_cut, paid=line_paid,
            presale=presale, promise=promise[of])  # fmt: skip
        self.visits["order"][visit] = rows
        used = np.flatnonzero(coupon_no >= 0)
        if len(used):
            self._claim(rng, coupon_no[used], person[used], t_k[used], pay[used], rows[used], coupon_fee[used])
        np.subtract.at(self.skus["stock"], l_sku[pays[of]], l_count[pays[of]])
        np.add.at(self.skus["sold"], l_sku[pays[of]], l_count[pays[of]])
        np.maximum(self.skus["stock"], 0, out=self.skus["stock"])
        self._after_payment(rng, rows, np.flatnonzero(pays), person, pay, price, is_gift, accept)
        self._trouble(rng, rows, np.flatnonzero(pays), first_line, nlines, line_rows, l_count, line_paid, freight)
        for kind, name in ORDER_TIMES.items():
            self.agenda.add(self.orders[name][rows], kind, rows)
        paid_flags[keep] = pays
        return paid_flags

    def _coupon_for(self, rng: np.random.Generator, scene: _Scene, person: NDArray[Any], elastic: NDArray[Any], net: NDArray[Any], of: NDArray[Any],
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

    def _after_payment(self, rng: np.random.Generator, rows: NDArray[Any], paid: NDArray[Any], person: NDArray[Any], pay: NDArray[Any], price: NDArray[Any],
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

    def add_contacts(self, rng: np.random.Generator, who: NDArray[Any], at: NDArray[Any]) -> None:
        """People add the shop's staff in WeCom; half of them join a group soon after, and some leave again."""
        people = self.people
        people["t_contact"][who] = at
        people["staff"][who] = who % len(STAFF)
        leaves = rng.random(len(who)) < 0.17
        people["t_lost_contact"][who] = np.where(leaves, at + np.ceil(rng.exponential(70 * DAY, len(who))), np.inf)
        self.agenda.add(at, CONTACT_ADD, who)
        self.agenda.add(people["t_lost_contact"][who], CONTACT_DEL, who)
        born = np.array([g["created"] for g in self.groups])
        for i in np.flatnonzero(rng.random(len(who)) < 0.55).tolist():
            open_groups = np.flatnonzero(born <= at[i])
            if not len(open_groups) or people["group"][who[i]] > 0:
                continue
            group = int(open_groups[-1 - int(rng.integers(0, min(4, len(open_groups))))])
            join = float(at[i]) + float(np.ceil(rng.exponential(5 * 3600.0))) + 20
            quick = rng.random() < 0.27
            stay = rng.exponential(0.35 * DAY) if quick else rng.exponential(300 * DAY) + DAY
            row = self.members.add(1, group=group, person=who[i], t_join=join, t_leave=join + float(np.ceil(stay)), scene=int(rng.choice((1, 2, 3, 3))),
                                   inviter=int(self.groups[group]["owner"]))  # fmt: skip
            people["group"][who[i]] = group + 1
            self.agenda.add(join, GROUP_JOIN, row)
            self.agenda.add(self.members["t_leave"][row], GROUP_LEAVE, row)

    def _trouble(self, rng: np.random.Generator, rows: NDArray[Any], paid: NDArray[Any], first_line: NDArray[Any], nlines: NDArray[Any],
                 line_rows: NDArray[Any], l_count: NDArray[Any], l_paid: NDArray[Any], freight: NDArray[Any]) -> None:  # fmt: skip
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
                decided = (
                    begin + float(np.ceil(rng.uniform(0.05, 0.9) * DAY if self.auto_aftersale else INF))
                    if self.auto_aftersale
                    else INF
                )
                t_return = (
                    decided + float(np.ceil(rng.uniform(0.3, 2.5) * DAY)) if returns and outcome == 0 and decided < INF else INF
                )
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

    def close_if_refunded(self, order: int) -> None:
        """An order all of whose money for goods has been (or will be) given back ends as cancelled; an early refund also stops its parcel."""
        o = self.orders
        rows = [
            a
            for a in self.order_aftersales.get(order, ())
            if self.aftersales["outcome"][a] == 0 and np.isfinite(self.aftersales["t_end"][a])
        ]
        back = sum(int(self.aftersales["amount"][a]) for a in rows)
        if not rows or back < int(o["price"][order]) - int(o["freight"][order]):
            return
        at = max(float(self.aftersales["t_end"][a]) for a in rows)
        o["t_void"][order] = at
        for name in ("t_ship", "t_ship2", "t_done", "t_settle"):
            if o[name][order] > at or (
                name in ("t_ship", "t_ship2") and o["t_ship"][order] > min(float(self.aftersales["t_create"][a]) for a in rows)
            ):
                o[name][order] = INF
        self.agenda.add(at, ORDER_VOID, order)

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

    # --- reach --------------------------------------------------------------------------------------------------------

    def reach(self, who: NDArray[Any], at: float, channel: str) -> None:
        """A message was really delivered to these people: they will visit more for a while (see `response`)."""
        people = self.people
        week = np.exp(-np.maximum(at - people["reach_t"][who], 0) / (7 * DAY))
        tired = people["reach_n"][who] * week
        strength = response.reach_strength(people["answer"][who], tired, channel)
        left = people["reach_s"][who] * np.exp(-np.maximum(at - people["reach_t"][who], 0) / response.REACH_FADES_AFTER)
        people["reach_s"][who] = strength + left
        people["reach_t"][who], people["reach_n"][who], people["reach_ch"][who] = at, tired + 1, CH[channel]

    def group_people(self, group: int, at: float) -> NDArray[np.int64]:
        """The customers who are in a group at a moment."""
        m = self.members
        inside = (m["group"] == group) & (m["t_join"] <= at) & (m["t_leave"] > at)
        return np.unique(m["person"][inside]).astype(np.int64)

    # --- what an order is at the moment --------------------------------------------------------------------------------

    def order_status(self, row: int) -> int:
        """The platform's status of an order now."""
        o, now = self.orders, self.now
        if o["t_void"][row] <= now:
            return 200
        if o["t_cancel"][row] <= now:
            return 250
        if o["t_pay"][row] > now:
            return 10
        if o["flags"][row] & F_GIFT and o["t_accept"][row] > now:
            return 12
        if o["t_done"][row] <= now:
            return 100
        if o["t_ship"][row] <= now:
            return 21 if o["flags"][row] & F_SPLIT and o["t_ship2"][row] > now else 30
        return 20

    def order_statuses(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """`order_status` of many rows."""
        o, now = self.orders, self.now
        status = np.full(len(rows), 10)
        paid = o["t_pay"][rows] <= now
        status[paid] = 20
        status[paid & ((o["flags"][rows] & F_GIFT) > 0) & (o["t_accept"][rows] > now)] = 12
        shipped = paid & (o["t_ship"][rows] <= now)
        status[shipped] = 30
        status[shipped & ((o["flags"][rows] & F_SPLIT) > 0) & (o["t_ship2"][rows] > now)] = 21
        status[paid & (o["t_done"][rows] <= now)] = 100
        status[o["t_cancel"][rows] <= now] = 250
        status[o["t_void"][rows] <= now] = 200
        return status

    def aftersale_status(self, row: int) -> str:
        """The platform's text status of an after-sale now."""
        a, now = self.aftersales, self.now
        override = self.aftersale_extra.get(row, {}).get("status")
        outcome, is_return = int(a["outcome"][row]), bool(a["type"][row])
        if a["t_end"][row] <= now:
            if override in ("MERCHANT_EXCHANGE_SUCCESS",):
                return str(override)
            return {
                0: "MERCHANT_RETURN_SUCCESS" if is_return else "MERCHANT_REFUND_SUCCESS",
                1: "USER_CANCELD",
                2: "MERCHANT_FAIL",
            }[outcome]
        if a["t_decided"][row] <= now:
            if outcome == 2:
                return "MERCHANT_REJECT_RETURN" if is_return else "MERCHANT_REJECT_REFUND"
            if is_return:
                return "MERCHANT_WAIT_RECEIPT" if a["t_return"][row] <= now else "USER_WAIT_RETURN"
            return "PLATFORM_REFUNDING"
        return str(override or "MERCHANT_PROCESSING")

    @property
    def nbytes(self) -> int:
        """Bytes held by the tables."""
        return sum(
            c.nbytes
            for c in (self.people, self.visits, self.viewed, self.orders, self.lines, self.aftersales, self.claims, self.members)
        )


class _Scene:
    """What the shop looks like during one slice: what is on the shelf, at what price, under which coupons, in which season."""

    def __init__(self, world: World, start: float, end: float, rng: np.random.Generator) -> None:
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
        weight = np.array([p.weight * _season(p.season, day) for p in products]) * np.maximum(sellable, 0.02)
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
        return np.minimum(at - pool * self.width, self.width - 1).astype(np.int64)


def _season(season: str, day: date) -> float:
    if not season:
        return 1.0
    if season == "summer":
        return 1.7 if 5 <= day.month <= 9 else 0.45
    if season == "winter":
        return 1.7 if day.month in (10, 11, 12, 1, 2) else 0.5
    return 0.002 + 5.0 * pull(season, day)


def _aftersale_end(rng: np.random.Generator, outcome: int, begin: float, decided: float, returned: float, returns: bool) -> float:
    if outcome == 1:
        return begin + float(np.ceil(rng.uniform(600, 40_000)))
    if decided == INF:
        return INF
    if outcome == 2:
        return decided + 2 * DAY
    return returned + float(np.ceil(rng.uniform(0.5, 3) * DAY)) if returns else decided + 5


def _row(value: Any, base: int, step: int, count: int) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    row, rest = divmod(number - base, step)
    return row if rest == 0 and 0 <= row < count else None


def day_begin_array(t: NDArray[Any]) -> NDArray[Any]:
    """The begin (s) of the shop day of each epoch second."""
    return np.floor((t + EAST8) / 86400.0) * 86400.0 - EAST8
