"""What an order out of a file is made of: staged columns, lines, returns, people (values only)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

I64, TEXT = pa.int64(), pa.string()
STAGE = pa.schema(
    [("row_no", I64), ("order_id", TEXT), ("is_return", pa.bool_()), ("created", I64), ("paid_at", I64), ("shipped_at", I64), ("done_at", I64), ("status", TEXT),
     ("platform_status", TEXT), ("returned", pa.bool_()), ("line_id", TEXT), ("product_id", TEXT), ("sku_id", TEXT), ("title", TEXT), ("attributes", TEXT), ("category", TEXT),
     ("quantity", I64), ("unit_fen", I64), ("gross", I64), ("line_paid", I64), ("paid", I64), ("goods", I64), ("freight", I64), ("discount", I64), ("refund", I64),
     ("refund_at", I64), ("ids", TEXT), ("region", TEXT), ("channel", TEXT), ("scene", TEXT), ("device", TEXT), ("contact", pa.binary()), ("contact_hash", TEXT)]
)  # fmt: skip


@dataclass(slots=True)
class Line:
    """One line of an order as the shop keeps it; money in 分."""

    product_id: str
    sku_id: str
    title: str
    attributes: str
    category: str
    quantity: int
    unit_fen: int
    paid_fen: int
    line_no: int
    occurrence: int
    """Which time this SKU appears in the order, from 1."""


@dataclass(slots=True)
class Return:
    """Money that went back. `order_id` is "" where the file does not say which order it belongs to."""

    key: str
    order_id: str
    person: Any
    product_id: str
    sku_id: str
    quantity: int
    amount_fen: int
    at: int
    reason: str


@dataclass(slots=True)
class Assembled:
    """One order with its lines, and the money that went back in its rows."""

    order_id: str
    has_sale: bool
    created: int
    paid_at: int | None
    shipped_at: int | None
    done_at: int | None
    status: str
    platform_status: str
    goods_fen: int
    discount_fen: int
    freight_fen: int
    paid_fen: int
    person: Any
    region: str
    channel: str
    scene: str
    device: str
    contact: bytes | None
    contact_hash: str
    lines: list[Line] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    rows: int = 1
    from_lines: bool = True
    """Whether the totals were added up from the lines rather than stated for the order."""


def person_key(ids: Mapping[str, str]) -> str:
    """A person's ids as one text, the surest first: kind, value, kind, value … separated by \\x1f."""
    return "\x1f".join(part for kind in ("unionid", "openid", "file", "phone") if ids.get(kind) for part in (kind, ids[kind]))


def person_ids(key: str) -> dict[str, str]:
    """The ids in a `person_key`."""
    parts = key.split("\x1f")
    return dict(zip(parts[::2], parts[1::2], strict=True))


def return_key(order_id: str, sku: str = "", occurrence: int = 0) -> str:
    """The key by which a return of a file is known when it comes again (at most 100 characters)."""
    key = f"file:{order_id}" + (f"/{sku}/{occurrence}" if sku else "")
    return key if len(key) <= 100 else "file#" + hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class Sold:
    """A line that something may have been returned from."""

    order: Any
    at: int
    quantity: int
    paid_fen: int


def match_returns(returns: list[Return], sold: Mapping[tuple[Any, str], list[Sold]]) -> dict[str, Any]:
    """For each return without an order, the order it most likely undoes: the same customer's latest earlier purchase of the product
    that still has as many units and as much money to give back. Key of the return → order, or absent.
    """
    left: dict[tuple[Any, str], list[list[Any]]] = {
        k: [[s.at, s.order, s.quantity, s.paid_fen] for s in sorted(v, key=lambda s: s.at)] for k, v in sold.items()
    }
    out: dict[str, Any] = {}
    for item in sorted(returns, key=lambda r: (r.at, r.key)):
        for place in reversed(left.get((item.person, item.product_id), ())):
            if place[0] <= item.at and place[2] >= item.quantity and place[3] >= item.amount_fen:
                place[2] -= item.quantity
                place[3] -= item.amount_fen
                out[item.key] = place[1]
                break
    return out
