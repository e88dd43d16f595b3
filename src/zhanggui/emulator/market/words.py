"""Words of the simulated market: its channels, what can happen, how ids are made, days of China time, and what is kept of single things."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def day_begin_array(t: NDArray[Any]) -> NDArray[Any]:
    """The begin (s) of the shop day of each epoch second."""
    return np.floor((t + EAST8) / 86400.0) * 86400.0 - EAST8


def row_of(value: Any, base: int, step: int, count: int) -> int | None:
    """The row whose id is `value`, ids being `base` plus multiples of `step`; None if there is none."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    row, rest = divmod(number - base, step)
    return row if rest == 0 and 0 <= row < count else None


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
