"""What the writers of plain tables share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from zhanggui.facts import models as m
from zhanggui.facts.files import cells
from zhanggui.facts.files.rows import Batch
from zhanggui.facts.files.sink import Counts, Progress
from zhanggui.kernel import clock

_EPOCH = date(1970, 1, 1)
Row = tuple[Any, ...]


@dataclass
class Job:
    """What the writers share: the shop, which fields the file gives, the moment of the import."""

    shop: m.Shop
    mapped: frozenset[str]
    now: int
    """UTC microseconds."""
    counts: Counts = field(default_factory=Counts)
    progress: Progress | None = None
    done: int = 0
    skus: dict[str, tuple[str, str]] = field(default_factory=dict)
    products: dict[str, list[str]] | None = None
    """Product id → its SKU ids, built when first needed."""

    @property
    def today(self) -> int:
        """The shop's day of the import, in days since 1970."""
        return (clock.day_of(clock.now(), self.shop.zone) - _EPOCH).days

    def start_of(self, day: int) -> int:
        """When a shop day (days since 1970) begins, in UTC microseconds."""
        return int(clock.day_start(_EPOCH + timedelta(days=day), self.shop.zone).timestamp()) * cells.MICRO

    def step(self, rows: int) -> None:
        """Notes progress."""
        self.done += rows
        if self.progress is not None:
            self.progress(self.done)


def columns(batch: Batch, *keys: str) -> list[Row]:
    """The values of several fields row by row; None where the file has no such column."""
    none: list[Any] = [None] * len(batch)
    return list(zip(*(batch.columns.get(k, none) for k in keys), strict=True))


def sku_index(shop: m.Shop) -> dict[str, tuple[str, str]]:
    """Merchant code and SKU id → (product id, SKU id) of everything the shop sells; a code shared by several SKUs says nothing."""
    out: dict[str, tuple[str, str]] = {}
    twice: set[str] = set()
    for sku, product, code in (
        m.Sku.objects.filter(shop=shop).values_list("sku_id", "product_id", "code").iterator(chunk_size=10_000)
    ):
        if code:
            if code in out and out[code] != (product, sku):
                twice.add(code)
            out[code] = (product, sku)
    for code in twice:
        del out[code]
    for sku, product in m.Sku.objects.filter(shop=shop).values_list("sku_id", "product_id").iterator(chunk_size=10_000):
        out[sku] = (product, sku)
    return out


def digest(*parts: Any) -> str:
    """A key of 40 hex digits for a row that has none of its own: equal parts give equal keys."""
    return hashlib.sha256("\x1f".join("" if p is None else str(p) for p in parts).encode()).hexdigest()[:40]
