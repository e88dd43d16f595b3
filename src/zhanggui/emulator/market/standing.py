"""What an order or an after-sale *is* at the moment: it follows from the times in its row and the clock (演示数据)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator.market.shelf import Shelf
from zhanggui.emulator.market.words import (
    F_GIFT,
    F_SPLIT,
    INF,
    ORDER_VOID,
)


class Standing(Shelf):
    """States by the clock."""

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
