"""The lake's files of one shop and the manifest that lists them: written beside, made durable, put in place in one step.

    manifest   epoch, version, parts (rows, size, days, stamp of the contents), journal (version, table, part, first day, last day)
    part file  Parquet whose footer holds a digest and the span of days per day, so that a rebuilt part tells what changed in it

A file counts only if it is the one the manifest names: its size, rows and stamp must agree. Whatever a killed build left behind
(new files under an old manifest, temporary ones) is therefore found and built again. One process writes at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zhanggui.facts.lake_schema import TABLES
from zhanggui.facts.lake_source import ints
from zhanggui.kernel.errors import Conflict

JOURNAL = 1000
"""How many changes the journal remembers; whoever is further behind starts anew."""
ROW_GROUP = 131_072
EPOCH = date(1970, 1, 1)
OTHER_DAYS: dict[str, tuple[str, ...]] = {
    "orders": ("paid_day",),
    "order_lines": ("paid_day",),
    "refunds": ("paid_day",),
    "group_members": ("joined_day", "left_day"),
}
"""Days besides `day` that a row of the table counts on."""
TRACES = ("first_seen_day", "first_paid_day", "last_paid_day")
"""The days a row of the customers table counts on."""
COSTS = "_costs"
"""A part of our own beside the tables: the costs that the lines were finished with."""


@dataclass(frozen=True)
class Changed:
    """A part that was rebuilt and differs. Days are None where the table has none."""

    table: str
    part: str
    first_day: date | None
    last_day: date | None


def file_of(folder: Path, shop_id: int, table: str, part: str) -> Path:
    """Where a part lies."""
    place = folder / table / f"shop={shop_id}"
    return (place / f"month={part}" if part else place) / "data.parquet"


def manifest_of(folder: Path, shop_id: int) -> Path:
    """Where a shop's manifest lies."""
    return folder / "_manifest" / f"shop={shop_id}.json"


def blank(zone: str) -> dict[str, Any]:
    """The manifest of a lake with nothing in it; its epoch tells whoever kept sums over an earlier one to start anew."""
    return {
        "epoch": uuid.uuid4().hex, "version": 0, "customers": 0, "zone": zone, "schema": _shape(), "parts": {}, "journal": [],
    }  # fmt: skip


def _shape() -> str:
    """A fingerprint of the schema: a lake of another shape is built anew."""
    text = "\n".join(f"{n}:{t.schema}" for n, t in TABLES.items()) + "|derive 2"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(folder: Path, shop_id: int) -> dict[str, Any] | None:
    """The shop's manifest; None where there is none, it cannot be read, or it speaks of another schema."""
    try:
        state = json.loads(manifest_of(folder, shop_id).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return state if isinstance(state, dict) and state.get("schema") == _shape() else None


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def put(target: Path, write: Callable[[Path], object], durable: bool = True) -> None:
    """`write`s a temporary file beside `target`, makes it durable (unless it need not be) and puts it in its place in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        if durable:
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(target.parent)


@contextlib.contextmanager
def only_writer(folder: Path, shop_id: int, what: str = "lake") -> Iterator[None]:
    """Holds the shop's lake (or its metrics) for writing. Raises Conflict if another process has it: that one will do the work."""
    place = folder / "_manifest"
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"shop={shop_id}.{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict("另一个进程正在整理这家店的数据", remedy="稍后会自动完成") from None
        yield


class Store:
    """The files of one shop and the manifest that lists them."""

    def __init__(self, folder: Path, shop_id: int, state: dict[str, Any], *, durable: bool = True) -> None:
        self.folder, self.shop_id, self.state, self.durable = folder, shop_id, state, durable
        self.before: dict[str, dict[str, Any]] = dict(state["parts"])
        self.parts = dict(self.before)
        self.lost: dict[tuple[str, str], dict[str, Any]] = {}
        """Parts of the manifest whose file is not the one it names: what they held counts as changed."""

    def place(self, table: str, part: str) -> Path:
        """Where a part lies."""
        return file_of(self.folder, self.shop_id, table, part)

    def has(self, table: str, part: str) -> bool:
        """Whether the part was there, whole, before this build."""
        return f"{table}/{part}" in self.before

    def months(self, table: str) -> list[str]:
        """The months of a table before this build."""
        return sorted(key.split("/")[1] for key in self.before if key.split("/")[0] == table)

    def read(self, table: str, part: str, columns: list[str]) -> pa.Table:
        """Columns of a part as it was before this build."""
        if not self.has(table, part):
            schema = TABLES[table].schema if table in TABLES else pa.schema([])
            return pa.schema([schema.field(name) for name in columns]).empty_table()
        with pq.ParquetFile(self.place(table, part)) as file:
            return file.read(columns)

    def broken(self) -> set[tuple[str, str]]:
        """Parts whose file is missing, torn, or not the one the manifest names (a build was killed after putting it in place)."""
        for key, part in list(self.before.items()):
            table, month = key.split("/")
            if not self._good(self.place(table, month), part):
                self.lost[(table, month)] = self.before.pop(key)
                self.parts.pop(key, None)
        return set(self.lost)

    def _good(self, place: Path, part: dict[str, Any]) -> bool:
        try:
            if place.stat().st_size != part["size"]:
                return False
            footer = pq.read_metadata(place)
            stamp = json.loads(footer.metadata[b"zhanggui"])["stamp"] if part.get("stamp") else None
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
            return False
        return bool(footer.num_rows == part["rows"] and stamp == part.get("stamp"))

    def write(self, table: str, part: str, groups: Iterable[pa.Table], schema: pa.Schema) -> Changed | None:
        """Writes a part whole; what changed in it against the file that was there, by day. Row groups arrive in time order."""
        target = self.place(table, part)
        old = self._digests(table, part)
        digests: dict[str, str] = {}
        spans: dict[str, tuple[int, int]] = {}
        rows = 0
        days = ("day",) if "day" in schema.names else ()
        others = tuple(name for name in OTHER_DAYS.get(table, ()) if name in schema.names)

        def whole(place: Path) -> None:
            nonlocal rows
            with pq.ParquetWriter(
                place, schema, compression="zstd", compression_level=1, write_page_checksum=True, store_schema=True
            ) as writer:
                for group in groups:
                    for day, piece in _by_day(group, bool(days)):
                        digests[day] = _digest(piece, digests.get(day, ""))
                        _widen(spans, day, piece, [*days, *others])
                    if group.num_rows:
                        writer.write_table(group, row_group_size=ROW_GROUP)
                    rows += group.num_rows
                meta = {"days": digests, "spans": spans, "stamp": _stamp(digests)}
                writer.add_key_value_metadata({"zhanggui": json.dumps(meta)})

        put(target, whole, self.durable)
        key = f"{table}/{part}"
        if part and not rows:
            target.unlink()
            self.parts.pop(key, None)
        else:
            edges = [edge for span in spans.values() for edge in span]
            first, last = (str(EPOCH + timedelta(days=int(pick(edges)))) if edges else None for pick in (min, max))
            self.parts[key] = {
                "rows": rows,
                "size": target.stat().st_size,
                "first": first,
                "last": last,
                "stamp": _stamp(digests),
            }
        return self._difference(table, part, digests, spans, old)

    def _difference(
        self, table: str, part: str, digests: dict[str, str], spans: dict[str, tuple[int, int]], old: dict[str, Any]
    ) -> Changed | None:
        """What is not as before: the days that differ, and all days of a file that was lost."""
        differing = [day for day in digests.keys() | old["days"].keys() if digests.get(day) != old["days"].get(day)]
        lost = self.lost.get((table, part))
        if not differing and not lost:
            return None
        touched = [int(edge) for source in (spans, old["spans"]) for day in differing if day in source for edge in source[day]]
        if lost:
            touched += [(date.fromisoformat(lost[name]) - EPOCH).days for name in ("first", "last") if lost[name]]
        if not touched:
            return Changed(table, part, None, None)
        return Changed(table, part, EPOCH + timedelta(days=min(touched)), EPOCH + timedelta(days=max(touched)))

    def _digests(self, table: str, part: str) -> dict[str, Any]:
        if self.has(table, part):
            with contextlib.suppress(OSError, pa.ArrowException, KeyError, TypeError, ValueError):
                meta = pq.read_metadata(self.place(table, part)).metadata
                return dict(json.loads(meta[b"zhanggui"]))
        return {"days": {}, "spans": {}}

    def finish(self, changed: list[Changed], customers: int) -> None:
        """Puts the manifest in place: from now on readers see the new files as one version."""
        version = self.state["version"] + 1
        journal = self.state["journal"] + [
            [version, c.table, c.part, str(c.first_day) if c.first_day else None, str(c.last_day) if c.last_day else None] for c in changed
        ]  # fmt: skip
        if len(journal) > JOURNAL:
            cut = journal[-JOURNAL][0]
            journal = [entry for entry in journal if entry[0] > cut]
        state = {**self.state, "version": version, "customers": customers, "parts": self.parts, "journal": journal}
        text = json.dumps(state, separators=(",", ":"))
        put(manifest_of(self.folder, self.shop_id), lambda place: place.write_text(text, "utf-8"), self.durable)
        self.state = state
        self._sweep()

    def _sweep(self) -> None:
        """Removes files of the shop that the manifest does not list: months without rows, leftovers of builds that were killed."""
        for table in (*TABLES, COSTS):
            place = self.folder / table / f"shop={self.shop_id}"
            for found in (
                *place.glob("*.parquet*"),
                *place.glob(".*.tmp"),
                *place.glob("month=*/*.parquet*"),
                *place.glob("month=*/.*.tmp"),
            ):
                month = found.parent.name.removeprefix("month=") if found.parent != place else ""
                if found.name != "data.parquet" or f"{table}/{month}" not in self.parts:
                    found.unlink(missing_ok=True)


def _stamp(digests: dict[str, str]) -> str:
    """One mark of a part's contents."""
    return hashlib.blake2b(json.dumps(digests, sort_keys=True).encode(), digest_size=8).hexdigest()


def _by_day(table: pa.Table, dated: bool) -> Iterator[tuple[str, pa.Table]]:
    if not dated:
        yield "", table
        return
    days = ints(table["day"].cast(pa.int32()))
    edges = np.flatnonzero(np.r_[True, days[1:] != days[:-1], True]) if len(days) else np.array([0])
    for start, end in itertools.pairwise(edges):
        yield str(int(days[start])), table.slice(start, end - start)


def _digest(piece: pa.Table, before: str) -> str:
    """One mark of the values of some rows, whatever rows lay around them in memory."""
    mark = hashlib.blake2b(digest_size=8, key=before.encode())
    for column in piece.columns:
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if array.null_count:
            mark.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).data)
            array = pc.fill_null(
                array,
                "" if pa.types.is_string(array.type) else pa.scalar(0, pa.int64()).cast(_plain(array.type)).cast(array.type),
            )
        mark.update(b"|")
        if pa.types.is_string(array.type):
            _, places, text = array.buffers()
            offsets = (
                np.frombuffer(places, np.int32)[array.offset : array.offset + len(array) + 1]
                if len(array)
                else np.zeros(1, np.int32)
            )
            mark.update(np.diff(offsets).data)
            mark.update(memoryview(text)[offsets[0] : offsets[-1]] if text is not None else b"")
        else:
            mark.update(np.ascontiguousarray(array.cast(_plain(array.type)).to_numpy(zero_copy_only=False)).data)
    return mark.hexdigest()


def _plain(kind: pa.DataType) -> pa.DataType:
    """The number type that a value of this type is kept as."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    return pa.int32() if kind == pa.date32() else pa.int8() if pa.types.is_boolean(kind) else kind


def _widen(spans: dict[str, tuple[int, int]], day: str, piece: pa.Table, columns: list[str]) -> None:
    for name in columns:
        edge = pc.min_max(piece[name].cast(pa.int32())).as_py()
        if edge["min"] is None:
            continue
        low, high = spans.get(day, (edge["min"], edge["max"]))
        spans[day] = (min(low, edge["min"]), max(high, edge["max"]))
