"""The lake: a shop's facts as typed Parquet, rebuilt part by part from what was marked stale.

    LakeDirty ──► which parts ──► raw rows (lake_source) ──► derived columns ──► temp file, fsync, rename ──► manifest ──► marks removed

A part is a month of a monthly table or a whole table. What a purchase recorded late changes in other months (which purchase it
was, whether the buyer was new) is found by comparing with the files that are there, and those months are rebuilt too. The manifest
lists the files with their sizes; a file that is missing or torn is rebuilt. Its journal says which days changed in which version,
so that whoever keeps sums over the lake can catch up after any interruption. One process writes at a time; readers only ever
open finished files. Units: money 分, times UTC microseconds, days of the shop's calendar.

    lake_schema  the tables        lake_source  facts of a shop        lake_file  facts of files without a shop
    lake_store   files, manifest   lake_build   derived columns, what changed        lake (here)  refresh, read, mend
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings

from zhanggui.facts.lake_build import Progress, build
from zhanggui.facts.lake_file import FileSource
from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.lake_source import DatabaseSource
from zhanggui.facts.lake_store import (
    EPOCH,
    OTHER_DAYS,
    TRACES,
    Changed,
    Store,
    blank,
    file_of,
    load,
    manifest_of,
    only_writer,
    put,
)
from zhanggui.facts.models import LakeDirty, Shop
from zhanggui.kernel import clock

__all__ = ["Changed", "Lake", "adopt", "from_file", "mend", "only_writer", "read", "refresh", "stale"]


@dataclass(frozen=True)
class Lake:
    """A shop's lake as it is now: which files, up to which day, which version."""

    folder: Path
    shop_id: int
    zone: ZoneInfo
    epoch: str
    version: int
    customers: int
    """Dense numbers run from 0 to `customers` - 1."""
    parts: dict[str, dict[str, Any]] = field(repr=False)
    journal: list[list[Any]] = field(repr=False)
    today: date | None = None
    """The shop's day that is still running, if it has one: not yet observed whole."""

    def paths(self, table: str) -> list[str]:
        """The files of a table in time order; empty where nothing is known."""
        return [
            str(file_of(self.folder, self.shop_id, table, key.split("/")[1]))
            for key in sorted(self.parts)
            if key.split("/")[0] == table
        ]

    def rows(self, table: str) -> int:
        """How many rows the table has."""
        return sum(int(part["rows"]) for key, part in self.parts.items() if key.split("/")[0] == table)

    @property
    def last(self) -> date | None:
        """The last day of which anything is known, the running one included."""
        return self._edge("last", max)

    @property
    def horizon(self) -> date | None:
        """The last day that was observed whole: nothing after it can be known to have not happened."""
        last, first = self.last, self.beginning
        if last is not None and first is not None and last == self.today:
            return max(last - timedelta(days=1), first)
        return last

    @property
    def beginning(self) -> date | None:
        """The first day something was observed."""
        return self._edge("first", min)

    def _edge(self, name: str, pick: Callable[[Iterable[str]], str]) -> date | None:
        for tables in (("orders", "events", "refunds"), ("daily_visits", "spend", "group_daily", "group_members", "reads")):
            days = [part[name] for key, part in self.parts.items() if key.split("/")[0] in tables and part[name]]
            if days:
                return date.fromisoformat(pick(days))
        return None

    def changes_since(self, epoch: str, version: int) -> dict[str, tuple[date | None, date | None]] | None:
        """Per table the days that changed after `version`; None if that is not known and everything must be taken as changed."""
        if epoch != self.epoch or version > self.version:
            return None
        if version < self.version and (not self.journal or self.journal[0][0] > version + 1):
            return None
        found: dict[str, tuple[date | None, date | None]] = {}
        for at, table, _, first, last in self.journal:
            if at <= version:
                continue
            span = (date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None)
            if table in found:
                old = found[table]
                span = (
                    None if None in (old[0], span[0]) else min(old[0], span[0]),  # type: ignore[type-var]
                    None if None in (old[1], span[1]) else max(old[1], span[1]),  # type: ignore[type-var]
                )
            found[table] = span
        return found


def read(shop: Shop | int, folder: Path | None = None) -> Lake:
    """The shop's lake as it is now; an empty one where nothing was built yet."""
    shop_id = shop if isinstance(shop, int) else int(shop.pk)
    folder = folder or Path(settings.LAKE)
    state = load(folder, shop_id)
    zone = ZoneInfo(state["zone"]) if state else clock.SHANGHAI
    state = state or blank(str(zone))
    return Lake(
        folder, shop_id, zone, state["epoch"], state["version"], state["customers"], state["parts"], state["journal"], clock.today(zone)
    )  # fmt: skip


def refresh(shop: Shop | int, *, progress: Progress | None = None, full: bool = False) -> list[Changed]:
    """Brings the shop's lake up to date with its facts; the parts that changed. Raises Conflict if another process is at it."""
    shop = Shop.objects.get(pk=shop if isinstance(shop, int) else shop.pk)
    folder = Path(settings.LAKE)
    with only_writer(folder, shop.pk):
        marks = list(LakeDirty.objects.filter(shop=shop).values_list("pk", "table", "part", "version"))
        state = load(folder, shop.pk)
        anew = state is None or full or state["zone"] != shop.timezone
        store = Store(folder, shop.pk, blank(shop.timezone) if anew or state is None else state)
        todo = {(table, part) for _, table, part, _ in marks if table in TABLES} | store.broken()
        everything = not store.before or ("customers", "") in todo & set(
            store.lost
        )  # without the old customers nothing can be compared
        changed = build(DatabaseSource(shop), store, None if everything else todo, progress) if everything or todo else []
        for pk, _, _, version in marks:
            LakeDirty.objects.filter(pk=pk, version=version).delete()
    return changed


def stale(shop_id: int) -> bool:
    """Whether facts changed since the lake was built."""
    return LakeDirty.objects.filter(shop_id=shop_id).exists()


def mend(shop: Shop | int) -> list[Changed]:
    """Reads every file whole and rebuilds those that cannot be read. For when a query stumbled over one."""
    shop_id = shop if isinstance(shop, int) else int(shop.pk)
    folder = Path(settings.LAKE)
    state = load(folder, shop_id)
    for key in state["parts"] if state else ():
        place = file_of(folder, shop_id, *key.split("/"))
        try:
            with pq.ParquetFile(place, page_checksum_verification=True) as file:
                for _ in file.iter_batches():
                    pass
        except (OSError, pa.ArrowException):
            place.unlink(missing_ok=True)
    return refresh(shop)


def from_file(tables: dict[str, pa.Table], folder: Path, zone: ZoneInfo | None = None) -> Lake:
    """A lake of files alone (tables of `facts.files.tables`: orders, lines, refunds, maybe more) under `folder`, as shop 0."""
    zone = zone or clock.SHANGHAI
    build(FileSource(tables, zone), Store(folder, 0, blank(str(zone)), durable=False), None)
    return replace(read(0, folder), today=None)  # a file tells of whole days


def adopt(folder: Path, shop_id: int, zone: ZoneInfo | None = None) -> Lake:
    """A lake whose files somebody else wrote in place (a benchmark, a copy of another machine's): lists them in a manifest."""
    state = blank(str(zone or clock.SHANGHAI))
    people = 0
    for name, table in TABLES.items():
        place = folder / name / f"shop={shop_id}"
        for file in sorted(place.glob("month=*/data.parquet") if table.monthly else place.glob("data.parquet")):
            columns = [c for c in ("day", *OTHER_DAYS.get(name, ()), *TRACES, "customer") if c in table.columns]
            rows = pq.read_table(file, columns=columns, partitioning=None)
            if "customer" in columns and rows.num_rows:
                people = max(people, (pc.max(rows["customer"]).as_py() or 0) + 1)
            edges = [
                v
                for c in columns
                if c != "customer"
                for v in pc.min_max(rows[c].cast(pa.int32())).as_py().values()
                if v is not None
            ]
            part = file.parent.name.removeprefix("month=") if table.monthly else ""
            state["parts"][f"{name}/{part}"] = {
                "rows": rows.num_rows, "size": file.stat().st_size, "first": str(EPOCH + timedelta(days=min(edges))) if edges else None,
                "last": str(EPOCH + timedelta(days=max(edges))) if edges else None,
            }  # fmt: skip
    state |= {"version": 1, "customers": people}
    put(manifest_of(folder, shop_id), lambda place: place.write_text(json.dumps(state), "utf-8"))
    return read(shop_id, folder)
