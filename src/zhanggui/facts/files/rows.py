"""Rows of a file as typed columns, batch by batch, and the rows that had to be refused (no database)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.cells import CellError
from zhanggui.facts.files.mapping import Columns, Sniffed
from zhanggui.facts.files.readers import Table

BATCH = 8_192
REFUSED_HEADER = ("行号", "列", "原值", "原因", "怎么改")


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken in: where, what stood there, why not, and what to do."""

    row: int
    column: str
    value: str
    reason: str
    remedy: str

    def cells(self) -> tuple[str, str, str, str, str]:
        """The refusal as spreadsheet cells, harmless to open."""
        return (str(self.row), *(str(cells.safe(t)) for t in (self.column, self.value, self.reason, self.remedy)))  # type: ignore[return-value]


@dataclass
class Refusals:
    """Collects refusals: counts and the first few in memory, all of them in a csv file (utf-8 with BOM) if `path` is given."""

    path: Path | None = None
    keep: int = 200
    count: int = 0
    first: list[Refusal] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    _file: IO[str] | None = None
    _writer: Any = None

    def add(self, refusal: Refusal) -> None:
        """Notes one refused row."""
        self.count += 1
        self.reasons[
            refusal.reason if "“" not in refusal.reason else refusal.column + "：" + refusal.reason.split("”", 1)[-1]
        ] += 1
        if len(self.first) < self.keep:
            self.first.append(refusal)
        if self.path is not None:
            if self._writer is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = _private(self.path)
                self._file = open(descriptor, "w", encoding="utf-8-sig", newline="")  # noqa: SIM115 - closed by close()
                self._writer = csv.writer(self._file)
                self._writer.writerow(REFUSED_HEADER)
            self._writer.writerow(refusal.cells())

    def close(self) -> None:
        """Finishes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _private(path: Path) -> int:
    """A new file that only its owner may read: refused rows hold what customers wrote."""
    import os

    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


@dataclass
class Batch:
    """Some rows as columns: row numbers, the raw cells, and per mapped field its values (None where blank)."""

    numbers: list[int]
    raw: Sequence[Sequence[str]]
    columns: dict[str, list[Any]]
    refused: dict[int, Refusal]
    """By index in the batch."""

    def __len__(self) -> int:
        return len(self.numbers)


class RowReader:
    """Streams the rows below the header of a table as batches of typed columns for a kind and its mapping.

    `personal` names fields that are read as raw text. Progress is called with (rows read, bytes done, bytes total).
    """

    def __init__(
        self, table: Table, sniffed: Sniffed, kind: fields.Kind, columns: Columns, zone: ZoneInfo, *,
        progress: Callable[[int, int, int], None] | None = None, parsers: Mapping[str, Callable[[str], Any]] | None = None,
    ) -> None:  # fmt: skip
        self.table, self.sniffed, self.kind, self.columns, self.zone, self.progress = (
            table,
            sniffed,
            kind,
            columns,
            zone,
            progress,
        )
        self.width = len(sniffed.header)
        self.index = {key: sniffed.header.index(str(s["column"])) for key, s in columns.items()}
        self.parsers = {key: self._parser(kind.field(key), s, (parsers or {}).get(key)) for key, s in columns.items()}
        self.read = 0
        self.key = next((k for k in (*kind.needs[0], *kind.instead) if k in columns), next(iter(columns), ""))

    def _parser(
        self, item: fields.Field, setting: Mapping[str, Any], own: Callable[[str], Any] | None
    ) -> Callable[[Sequence[str | None], dict[int, CellError]], list[Any]]:
        comma = setting.get("decimal") == "comma"
        unit = str(setting.get("unit", "yuan"))
        if own is not None:
            return cells.cached(own)
        if item.type == "money":
            if item.key == "unit_price":  # unit prices keep millionths: 0.001 × 1,000 is one 元
                scale = 100 if unit == "fen" else 1
                return cells.cached(lambda t: cells.half_up(cells.micros(t, comma), scale))
            return cells.cached(lambda t: cells.fen(t, unit, comma))
        if item.type == "int":
            return cells.cached(cells.whole)
        if item.type == "number":
            return cells.cached(lambda t: cells.micros(t, comma) / cells.MICRO)
        if item.type in {"stars", "span"}:
            return cells.cached(fields.rating if item.type == "stars" else fields.seconds)
        if item.type in {"moment", "day"}:
            moments = cells.Moments(self.zone, setting.get("format", "mdy"), since_1904=self.table.since_1904)
            return cells.cached(moments.day_of if item.type == "day" else moments.micros_of, 50_000)
        if item.type == "id":
            return _whole_ids if cells.were_cut(self.sniffed.values(str(setting["column"]))) else _ids
        if item.type == "bool":
            return cells.cached(lambda t: t.strip().lower() not in {"0", "否", "无", "false", "no", "n", "f", "[]"})
        return cells.cached(cells.words, 50_000)

    def refuse(self, batch: Batch, index: int, key: str, reason: str, remedy: str) -> None:
        """Refuses one row of a batch for what stands in a field (keeps an earlier refusal)."""
        if index in batch.refused:
            return
        column = (
            str(self.columns[key]["column"])
            if key in self.columns
            else self.kind.field(key).name
            if key in self.kind.keys
            else ""
        )
        row = batch.raw[index]
        place = self.index.get(key, -1)
        value = row[place] if 0 <= place < len(row) else ""
        if key in self.kind.keys and self.kind.field(key).personal:
            value = value[:1] + "…" if value else ""
        batch.refused[index] = Refusal(batch.numbers[index], column, value[:200], reason, remedy)

    def batches(self, limit: int | None = None) -> Iterator[Batch]:
        """All batches below the header; with `limit`, only so many rows."""
        numbers: list[int] = []
        rows: list[list[str]] = []
        header = self.sniffed.header_row
        size = min(BATCH, limit) if limit else BATCH
        for number, row in self.table.rows():
            if number <= header:
                continue
            numbers.append(number)
            rows.append(row)
            if len(rows) >= size:
                yield self._batch(numbers, rows)
                numbers, rows = [], []
                if limit and self.read >= limit:
                    return
        if rows:
            yield self._batch(numbers, rows)

    def _batch(self, numbers: list[int], rows: list[list[str]]) -> Batch:
        width = self.width
        self.read += len(rows)
        batch = Batch(numbers, rows, {}, {})
        if set(map(len, rows)) != {width}:
            rows = self._even(batch, rows)
        columns = list(zip(*rows, strict=True))
        for key, place in self.index.items():
            errors: dict[int, CellError] = {}
            batch.columns[key] = self.parsers[key](columns[place], errors)
            for index, error in errors.items():
                if index not in batch.refused:
                    self.refuse(batch, index, key, error.reason, error.remedy)
        self._totals(batch)
        if self.progress is not None:
            self.progress(self.read, self.table.done, self.table.size)
        return batch

    def _even(self, batch: Batch, rows: list[list[str]]) -> list[list[str]]:
        """Rows brought to the header's width; rows with more filled cells than columns are refused."""
        width = self.width
        out = []
        for index, row in enumerate(rows):
            if len(row) < width:
                out.append([*row, *[""] * (width - len(row))])
            elif len(row) > width:
                extra = [c for c in row[width:] if c.strip()]
                if extra and self.table.kind == "csv":  # in a spreadsheet a remark beside the table moves nothing
                    batch.refused[index] = Refusal(
                        batch.numbers[index],
                        "",
                        extra[0][:200],
                        f"这一行有 {len(row)} 格，比表头的 {width} 列多",
                        "文字里的逗号请用双引号括起来，或改用 xlsx",
                    )
                out.append(row[:width])
            else:
                out.append(row)
        return out

    def _totals(self, batch: Batch) -> None:
        """Total rows and repeated headers among the data are told apart from broken rows."""
        suspects = set(batch.refused)
        keys = batch.columns.get(self.key)
        if keys is not None:
            suspects.update(
                i for i, v in enumerate(keys) if v is None or (isinstance(v, str) and not v[0].isdigit() and _total_word(v))
            )
        header = self.sniffed.header
        for index in suspects:
            row = list(batch.raw[index])
            if fields.is_total(row):
                batch.refused[index] = Refusal(
                    batch.numbers[index], header[0], row[0][:200], "合计行，不是一条记录", "不用处理：合计由系统自己算"
                )
            else:
                filled = [c.strip() for c in row if c.strip()]
                if len(filled) >= 2 and all(c in header for c in filled):
                    batch.refused[index] = Refusal(batch.numbers[index], header[0], row[0][:200], "重复的表头", "不用处理")

    def require(self, batch: Batch, *groups: tuple[str, ...]) -> None:
        """Refuses rows in which all fields of a group are blank."""
        for group in groups:
            present = [batch.columns[k] for k in group if k in batch.columns]
            if not present:
                continue
            if len(present) == 1:
                if None not in present[0]:
                    continue
                blank = [i for i, v in enumerate(present[0]) if v is None]
            else:
                blank = [i for i, values in enumerate(zip(*present, strict=True)) if all(v is None for v in values)]
            key = next(k for k in group if k in batch.columns)
            name = self.kind.field(key).name
            for index in blank:
                self.refuse(batch, index, key, f"缺{name}", f"补上{name}后再导入")


_PLAIN_ID = re.compile(r"[0-9A-Za-z_-]+").fullmatch


def _total_word(text: str) -> bool:
    return not text.isascii() or text.lower().startswith(("total", "subtotal", "sum", "grand", "average"))


def _ids(values: Sequence[str | None], errors: dict[int, CellError]) -> list[Any]:
    """Ids of a column, not remembered: they are mostly different."""
    out: list[Any] = []
    append = out.append
    for index, value in enumerate(values):
        if not value:
            append(None)
            continue
        if not _PLAIN_ID(value):
            try:
                value = cells.identifier(value)
            except CellError as error:
                errors[index] = error
                append(None)
                continue
        if not value or value in cells.BLANKS or value in cells.ERRORS:
            append(None)
        elif len(value) > 64:
            errors[index] = CellError("编号超过 64 个字", "核对是不是选错了列")
            append(None)
        else:
            append(value)
    return out


def _whole_ids(values: Sequence[str | None], errors: dict[int, CellError]) -> list[Any]:
    """Ids of a column in which Excel has cut long numbers: those are refused."""
    return cells.check_cut(_ids(values, errors), errors)
