"""The market's memory: tables of numpy columns, its clock warped by the shop year, ids, and what has happened by now (演示数据)."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from zhanggui.emulator.columns import Agenda, Columns
from zhanggui.emulator.festivals import HOURS, demand
from zhanggui.emulator.market.words import (
    AFTERSALE_BASE,
    AFTERSALE_STEP,
    AFTERSALE_TIMES,
    AS_END,
    AS_NEW,
    ORDER_BASE,
    ORDER_EXT,
    ORDER_STEP,
    ORDER_TIMES,
    PRODUCT_BASE,
    PRODUCT_STEP,
    SKU_BASE,
    SKU_STEP,
    Broadcast,
    Coupon,
    FlashTask,
    Moment,
    Product,
    date_of,
    day_begin,
    day_number,
    row_of,
)


class Tables:
    """Everything the market remembers; `now` is as far as it has been told."""

    def __init__(self, seed: int, anchor: datetime, *, orders: int, days: int, auto_restock: bool, auto_aftersale: bool) -> None:
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

    # --- ids --------------------------------------------------------------------------------------------------------

    def order_id(self, row: int) -> int:
        """The platform id of an order row."""
        return ORDER_BASE + int(row) * ORDER_STEP

    def order_row(self, order_id: Any) -> int | None:
        """The row of an order that exists at the present moment, else None."""
        row = row_of(order_id, ORDER_BASE, ORDER_STEP, len(self.orders))
        return row if row is not None and self.orders["t_create"][row] <= self.now else None

    def aftersale_id(self, row: int) -> int:
        """The platform id of an after-sale row."""
        return AFTERSALE_BASE + int(row) * AFTERSALE_STEP

    def aftersale_row(self, aftersale_id: Any) -> int | None:
        """The row of an after-sale that exists at the present moment, else None."""
        row = row_of(aftersale_id, AFTERSALE_BASE, AFTERSALE_STEP, len(self.aftersales))
        return row if row is not None and self.aftersales["t_create"][row] <= self.now else None

    def product_id(self, row: int) -> int:
        """The platform id of a product row."""
        return PRODUCT_BASE + int(row) * PRODUCT_STEP

    def product_row(self, product_id: Any) -> int | None:
        """The row of a product id, else None."""
        return row_of(product_id, PRODUCT_BASE, PRODUCT_STEP, len(self.products))

    def sku_id(self, row: int) -> int:
        """The platform id of a SKU row."""
        return SKU_BASE + int(row) * SKU_STEP

    def sku_row(self, sku_id: Any) -> int | None:
        """The row of a SKU id, else None."""
        return row_of(sku_id, SKU_BASE, SKU_STEP, len(self.skus))

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

    @property
    def nbytes(self) -> int:
        """Bytes held by the tables."""
        return sum(
            c.nbytes
            for c in (self.people, self.visits, self.viewed, self.orders, self.lines, self.aftersales, self.claims, self.members)
        )
