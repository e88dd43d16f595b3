"""Files in, columns out: how the stand-alone judges (`compare`, `lifetime`, `uplift`) read a CSV.

Understands csv / tsv / `;` / `|`, gzip, UTF-8 with or without BOM, UTF-16 with BOM and GBK/GB18030; numbers as Chinese exports write them
(￥1,234.50, 12%, 3元, full-width digits, 是/否) and dates in ISO, Chinese, slash, compact, epoch and Excel-serial form.
What cannot be understood raises `TableError`: a Chinese sentence that names the column and says what to do; nothing is guessed silently —
what was guessed or left out is in `Table.notes`.

    TableError    the file or a column cannot be read; `.message`, `.remedy`, `.column`
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "\\n", "#n/a", "nat"})
# Only for columns of numbers or dates: in a column of names "none", "无" or "-" may well be the name of a group.
MISSING_NUMBER = MISSING | {"none", "-", "--", "—", "/", "无", "空", "缺失", "未知"}
YES = frozenset(
    {
        "1",
        "true",
        "t",
        "yes",
        "y",
        "是",
        "有",
        "对",
        "真",
        "成交",
        "已成交",
        "购买",
        "已购买",
        "转化",
        "已转化",
        "成功",
        "到店",
        "复购",
    }
)
NO = frozenset(
    {
        "0",
        "false",
        "f",
        "no",
        "n",
        "否",
        "没有",
        "错",
        "假",
        "未成交",
        "未购买",
        "未转化",
        "失败",
        "未到店",
        "未复购",
        "无",
        "none",
    }
)
MAX_BYTES = 4 << 30
LARGEST = 1e15  # no shop counts or earns that much; sums of squares of what is below stay exact enough


class TableError(ValueError):
    """A file or column that cannot be read, with the column's name and what to do about it."""

    def __init__(self, message: str, remedy: str = "", column: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy, self.column = message, remedy, column

    def __str__(self) -> str:
        return f"{self.message}（{self.remedy}）" if self.remedy else self.message


@dataclass(frozen=True)
class Note:
    """Something the reader of a result must know; `code` is stable, `message` is Chinese."""

    code: str
    message: str


@dataclass
class Numbers:
    """One column of numbers: `values` with NaN where missing; `binary` when it holds nothing but 0 and 1 (words included)."""

    values: Floats
    missing: int
    unreadable: int
    binary: bool
    positive_word: str = ""


@dataclass
class Table:
    """Columns of text by name, in file order; `skipped` counts lines whose number of cells did not fit the header."""

    names: tuple[str, ...]
    columns: dict[str, Any]
    rows: int
    skipped: int = 0
    encoding: str = "utf-8"
    notes: list[Note] = field(default_factory=list)
    repeated: dict[str, int] = field(
        default_factory=dict
    )  # header cells that stand over several columns of different content, and how many

    def require(self, name: str, option: str) -> str:
        """The column as the header writes it; exact name first, then without case, blanks and width. Two columns of one name are refused."""
        if name in self.repeated:
            raise TableError(
                f"文件里有 {self.repeated[name]} 列都叫“{name}”，内容不一样，不知道用哪一列", "在文件里给它们改成不同的列名", name
            )
        if name in self.columns:
            return name
        wanted = plain(name)
        found = [n for n in self.names if plain(n) == wanted]
        if len(found) == 1:
            return self.require(found[0], option)
        if found:
            raise TableError(
                f"文件里有 {len(found)} 列都像“{name}”：{'、'.join(found)}", f"用 {option} 写出其中一列的准确名字", name
            )
        listed = "、".join(self.names[:30]) + (" ……" if len(self.names) > 30 else "")
        raise TableError(f"文件里没有“{name}”这一列", f"用 {option} 指定这些列名之一：{listed}", name)

    def guess(self, words: Sequence[str], taken: Iterable[str] = ()) -> str | None:
        """The first column whose plain name equals, or failing that contains, one of `words` (in the order of `words`)."""
        free = [n for n in self.names if n not in set(taken)]
        for word in words:
            for name in free:
                if plain(name) == word:
                    return name
        for word in words:
            if len(word) < 2 or (word.isascii() and len(word) < 4):
                continue
            for name in free:
                if word in plain(name):
                    return name
        return None

    def text(self, name: str) -> NDArray[np.object_]:
        """The cells as stripped text, None where missing."""
        found, codes = self.codes(name)
        words = np.array([*found, None], dtype=object)
        return words[codes]

    def codes(self, name: str) -> tuple[list[str], Ints]:
        """Distinct labels in order of first appearance and, per row, the label's number (-1 = missing). `3.0` is the label `3`."""

        encoded = self.columns[name].combine_chunks().dictionary_encode()
        raw = encoded.dictionary.to_pylist()
        labels: dict[str, int] = {}
        lookup = np.full(len(raw) + 1, -1, dtype=np.int64)
        whole = all(re.fullmatch(r"\s*[+-]?\d+(\.0*)?\s*", w) or w.strip().lower() in MISSING for w in raw if w is not None)
        for i, word in enumerate(raw):
            label = "" if word is None else word.strip()
            if label.lower() in MISSING:
                continue
            if whole:
                label = re.sub(r"\.0*$", "", label)
            lookup[i] = labels.setdefault(label, len(labels))
        indices = _plain_array(encoded.indices, np.int32, len(raw)).astype(np.int64)
        return list(labels), lookup[indices]

    def numbers(self, name: str, option: str, *, strict: float = 0.01) -> Numbers:
        """The column as numbers. TableError when more than `strict` of the filled cells cannot be read as numbers."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.columns[name].combine_chunks()
        try:
            array = _plain_array(pc.cast(column, pa.float64()), np.float64, np.nan)
            if not bool((np.abs(array) > LARGEST).any()):
                return self._numbers(array, 0, name)
        except pa.ArrowInvalid:
            pass
        encoded = column.dictionary_encode()
        words = [("" if w is None else w) for w in encoded.dictionary.to_pylist()]
        indices = _plain_array(encoded.indices, np.int32, len(words)).astype(np.int64)
        parsed, bad = np.full(len(words) + 1, np.nan), np.zeros(len(words) + 1, dtype=bool)
        for i, word in enumerate(words):
            number = parse_number(word)
            if number is None and unicodedata.normalize("NFKC", word).strip().lower() not in MISSING_NUMBER:
                bad[i] = True
            elif number is not None:
                parsed[i] = number
        filled = [w for i, w in enumerate(words) if bad[i] or np.isfinite(parsed[i])]
        low = {unicodedata.normalize("NFKC", w).strip().lower() for w in words} - MISSING
        if bad.any() and low and low <= (YES | NO) and low & YES:
            # Words of yes and no only ("是"/"否", "成交"/"无"): an outcome that happened or not.
            for i, word in enumerate(words):
                key = unicodedata.normalize("NFKC", word).strip().lower()
                if key in YES or key in NO:
                    parsed[i] = 1.0 if key in YES else 0.0
            positive = next(w for w in words if unicodedata.normalize("NFKC", w).strip().lower() in YES)
            return self._numbers(parsed[indices], 0, name, positive)
        values_, wrong = parsed[indices], bad[indices]
        count, readable = int(wrong.sum()), int(np.isfinite(values_).sum())
        huge = np.array([*(b and _too_large(w) for b, w in zip(bad[:-1], words, strict=True)), False])[indices]
        if huge.any():
            # One such cell outweighs a whole file: it is never just left out.
            row = int(np.flatnonzero(huge)[0])
            raise TableError(
                f"“{name}”列第 {row + 2} 行的“{words[indices[row]][:40]}”大得不像真的数",
                f"改正或清空这一格，或用 {option} 换一列",
                name,
            )
        if count and count > strict * (count + readable):
            row = int(np.flatnonzero(wrong)[0])
            example = words[indices[row]]
            hint = "两种文字请先换成 0 和 1" if len(filled) == 2 else "请改成数字，缺失留空"
            raise TableError(
                f"“{name}”列有 {count:,} 格不是数字，例如第 {row + 2} 行的“{example[:40]}”", f"{hint}，或用 {option} 换一列", name
            )
        if count:
            self.notes.append(Note("unreadable_numbers", f"“{name}”列有 {count:,} 格不是数字，按缺失处理"))
        return self._numbers(values_, count, name)

    def _numbers(self, values: Floats, unreadable: int, name: str, positive: str = "") -> Numbers:
        finite = values[np.isfinite(values)]
        binary = bool(len(finite)) and bool(np.all((finite == 0.0) | (finite == 1.0)))
        return Numbers(values, int(len(values) - len(finite)), unreadable, binary, positive)

    def days(self, name: str, option: str, *, strict: float = 0.01) -> tuple[Ints, int]:
        """Days since 1970-01-01 as written (offsets are turned to Asia/Shanghai), `NO_DAY` where missing; and how many were unreadable."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.columns[name].combine_chunks()
        first = next((w.strip() for w in column.slice(0, 50).to_pylist() if w and w.strip()), "")
        if re.match(r"\d{4}-\d\d-\d\d($|[ T]\d\d:\d\d)", first) and not re.search(r"(Z|[+-]\d\d:?\d\d)$", first):
            try:
                head = pc.utf8_slice_codeunits(column, 0, 10)
                dates = pc.cast(pc.cast(head, pa.date32()), pa.int32())
                array = _plain_array(pc.cast(dates, pa.int64()), np.int64, NO_DAY)
                zoned = pc.or_(pc.match_substring(column, "Z"), pc.match_substring(column, "+"))
                plausible = bool(((array == NO_DAY) | ((array >= 0) & (array < _DAY_2101))).all())
                if plausible and not pc.any(zoned).as_py() and (pc.max(pc.count_substring(column, "-")).as_py() or 0) <= 2:
                    return self._filled(array, name), 0
            except pa.ArrowInvalid:
                pass
        encoded = column.dictionary_encode()
        words = [("" if w is None else unicodedata.normalize("NFKC", w).strip()) for w in encoded.dictionary.to_pylist()]
        indices = _plain_array(encoded.indices, np.int32, len(words)).astype(np.int64)
        order, ambiguous = _date_order(words)
        parsed, bad = np.full(len(words) + 1, NO_DAY, dtype=np.int64), np.zeros(len(words) + 1, dtype=bool)
        for i, word in enumerate(words):
            if word.lower() in MISSING_NUMBER:
                continue
            day = parse_day(word, order=order)
            if day is None:
                bad[i] = True
            else:
                parsed[i] = day
        values, wrong = parsed[indices], bad[indices]
        count, readable = int(wrong.sum()), int((values != NO_DAY).sum())
        if count and count > strict * (count + readable):
            row = int(np.flatnonzero(wrong)[0])
            raise TableError(
                f"“{name}”列有 {count:,} 格不是日期，例如第 {row + 2} 行的“{words[indices[row]][:40]}”",
                f"请写成 2026-01-31 这样的日期，或用 {option} 换一列",
                name,
            )
        if count:
            self.notes.append(Note("unreadable_dates", f"“{name}”列有 {count:,} 格不是日期，这些行没有用"))
        values = self._filled(values, name)
        if ambiguous and readable:
            self.notes.append(
                Note(
                    "date_order_assumed",
                    f"“{name}”列的日期看不出年月日的先后，按“{_ORDER_WORDS[order]}”读；不对请改成 2026-01-31 这样的写法",
                )
            )
        return values, count

    def _filled(self, days: Ints, name: str) -> Ints:
        """The days with 1970-01-01, which systems write where nothing was, as missing."""
        nothing = days == 0
        if not nothing.any():
            return days
        self.notes.append(
            Note("zero_dates", f"“{name}”列有 {int(nothing.sum()):,} 格是 1970-01-01（没有时间时系统写的），按缺失处理")
        )
        return np.where(nothing, NO_DAY, days)


DateOrder = Literal["mdy", "dmy", "ymd"]
_ORDER_WORDS = {"mdy": "月/日/年", "dmy": "日/月/年", "ymd": "年/月/日"}
_SHORT_DATE = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{1,2})(\D|$)")
NO_DAY = -(1 << 40)
_CST = timezone(timedelta(hours=8))
_ORDINAL_1970 = date(1970, 1, 1).toordinal()
_DAY_2101 = date(2101, 1, 1).toordinal() - _ORDINAL_1970


def _plain_array(array: Any, dtype: Any, missing: float) -> Any:
    """An arrow array's numbers with nulls replaced, read from its buffers: arrow's own conversions and scalars import pandas where it is
    installed, which costs a second of start-up."""
    count = len(array) + array.offset
    values = np.frombuffer(array.buffers()[1], dtype=dtype, count=count)[array.offset :].copy()
    if array.null_count:
        bits = np.unpackbits(np.frombuffer(array.buffers()[0], dtype=np.uint8), count=count, bitorder="little")[array.offset :]
        values[bits == 0] = missing
    return values


def plain(name: str) -> str:
    """A column name without case, width, blanks, underscores and brackets' content: how names are matched."""
    text = unicodedata.normalize("NFKC", name).lower().strip().lstrip("\ufeff")
    return re.sub(r"[\s_\-./]+", "", re.sub(r"[\(\[（【].*?[\)\]）】]", "", text)) or text


def parse_number(word: str) -> float | None:
    """`￥1,234.5`, `12%`, `(3)`, `3 元`, `１２` as a number; None when it is not one (missing included)."""
    text = unicodedata.normalize("NFKC", word).strip()
    if not text:
        return None
    negative = text.startswith("(") and text.endswith(")")
    text = text.strip("()").replace(",", "").replace(" ", "").replace("−", "-")
    text = re.sub(r"^([+-]?)(¥|￥|\$|€|£|RMB|CNY)", r"\1", text, flags=re.IGNORECASE)
    text = re.sub(r"(元|块|件|次|个|单|天|岁)$", "", text)
    scale = 1.0
    if text.endswith("%"):
        text, scale = text[:-1], 0.01
    elif text.endswith("万"):
        text, scale = text[:-1], 10_000.0
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, flags=re.IGNORECASE):
        return None
    number = float(text) * scale
    if abs(number) > LARGEST:
        return None
    return -number if negative else number


def _too_large(word: str) -> bool:
    """Whether a word that was refused is a number, only far too large (or infinite) for one."""
    try:
        value = float(unicodedata.normalize("NFKC", word).strip().replace(",", ""))
    except ValueError:
        return False
    return abs(value) > LARGEST


def _date_order(words: Sequence[str]) -> tuple[DateOrder, bool]:
    """(order, cannot be told for sure) of dates written 3/4/2011, 31.4.11 or 25-4-30.

    A number above 12 is no month, above 31 no day. With two-digit years the year is the place that takes the fewest values.
    """
    found = [m for m in (_SHORT_DATE.match(word) for word in words) if m]
    if not found:
        return "mdy", False
    places = [[int(m[i]) for m in found] for i in (1, 2, 3)]
    first, second, third = (max(p) for p in places)
    short = all(len(m[3]) <= 2 for m in found)
    if short and third <= 31 and second <= 12 and min(places[0]) > 0 and first > 12 and len(set(places[0])) < len(set(places[2])):
        return "ymd", third <= 12
    return ("dmy", False) if first > 12 and second <= 12 else ("mdy", first <= 12 and second <= 12)


def parse_day(word: str, *, order: DateOrder = "mdy") -> int | None:
    """Days since 1970-01-01 of one written date; None when it is not one. `order` is of dates that do not begin with a four-digit year.

    Years outside 1970..2100 are refused.
    """
    text = word.strip()
    found = re.match(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})", text)
    if found:
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    elif re.fullmatch(r"\d{10}|\d{13}", text):
        seconds = int(text) / (1000 if len(text) == 13 else 1)
        day = datetime.fromtimestamp(seconds, _CST).date().toordinal() - _ORDINAL_1970
        return day if day < _DAY_2101 else None
    elif compact := re.match(r"(\d{4})(\d\d)(\d\d)(\D|$|\d{4}$|\d{6}$)", text):
        year, month, day = int(compact[1]), int(compact[2]), int(compact[3])
    elif slash := _SHORT_DATE.match(text):
        places = (int(slash[1]), int(slash[2]), int(slash[3]))
        year, month, day = (places[order.index(x)] for x in "ymd")
        if len(slash[1] if order == "ymd" else slash[3]) == 1:
            return None  # a year of one digit
        year += 2000 if year < 100 else 0
    elif re.fullmatch(r"\d{5}(\.\d+)?", text):
        day = int(float(text)) - 25_569  # Excel's day 25569 is 1970-01-01
        return day if 0 <= day < _DAY_2101 else None
    else:
        return None
    try:
        when = date(year, month, day)
    except ValueError:
        return None
    if not 1970 <= year <= 2100:
        return None
    shift = 0
    zone = re.search(r"[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?\s*(Z|[+-]\d\d:?\d\d)$", text)
    if zone:
        offset = 0 if zone[4] == "Z" else (1 if zone[4][0] == "+" else -1) * (int(zone[4][1:3]) * 60 + int(zone[4][-2:]))
        minutes = int(zone[1]) * 60 + int(zone[2]) - offset + 480
        shift = minutes // 1440
    return when.toordinal() - _ORDINAL_1970 + shift


def day_text(day: int) -> str:
    """ISO text of a day number."""
    return date.fromordinal(int(day) + _ORDINAL_1970).isoformat()


def _load(path: Path) -> tuple[bytes, str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TableError(f"“{path.name}”超过 4 GB", "只导出需要的列")
        data = path.read_bytes()
    except IsADirectoryError:
        raise TableError(f"“{path}”是文件夹，不是文件", "用 --csv 指定一个 CSV 文件") from None
    except FileNotFoundError:
        raise TableError(f"找不到文件“{path}”", "检查 --csv 后面的路径") from None
    except PermissionError:
        raise TableError(f"没有权限读“{path}”", "检查文件权限") from None
    except OSError as error:
        raise TableError(f"读不了“{path}”：{error.strerror or error}", "检查 --csv 后面的路径") from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise TableError(f"“{path.name}”的 gzip 压缩坏了", "重新导出或重新压缩") from None
    if data[:4] == b"PK\x03\x04" or data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise TableError(f"“{path.name}”是 Excel 或 zip 文件，不是 CSV", "在 Excel 里另存为“CSV UTF-8”后再试")
    if len(data) > MAX_BYTES:
        raise TableError(f"“{path.name}”超过 4 GB", "只导出需要的列")
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    elif data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode(), "utf-16"
        except UnicodeDecodeError:
            raise TableError(f"“{path.name}”的编码认不出来", "另存为 UTF-8 编码的 CSV") from None
    try:
        data.decode("utf-8")
        return data, "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030").encode(), "gb18030"
    except UnicodeDecodeError:
        raise TableError(f"“{path.name}”既不是 UTF-8 也不是 GBK 编码", "另存为 UTF-8 编码的 CSV") from None


def read_table(path: str | Path) -> Table:
    """The file's columns as text. Raises TableError when it is no readable table with a header and at least one row."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    data, encoding = _load(Path(path))
    name = Path(path).name
    if b"\x00" in data[:4096]:
        raise TableError(f"“{name}”不是文本文件", "用 --csv 指定一个 CSV 文件")
    start = len(data) - len(data.lstrip(b"\r\n"))
    data = data[start:]
    head = data[: max(262_144, data.find(b"\n") + 1)].decode("utf-8", errors="ignore")
    if not head.strip():
        raise TableError(f"“{name}”是空文件", "重新导出带表头的 CSV")
    line = head.splitlines()[0]
    delimiter = max(",\t;|", key=lambda mark: (_outside_quotes(line, mark), mark == ","))
    header = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
    names, twins = _column_names(header)
    skipped = 0

    def skip(row: Any) -> str:
        nonlocal skipped
        skipped += 1
        return "skip"

    keys = [str(i) for i in range(len(names))]
    try:
        read = arrow_csv.read_csv(
            pa.py_buffer(data),
            read_options=arrow_csv.ReadOptions(column_names=keys, block_size=max(1 << 20, min(len(data), 1 << 24))),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise TableError(f"“{name}”不是完整的 CSV：{str(error)[:120]}", "检查引号是否成对，或重新导出") from None
    table = read.slice(1)
    if skipped > 0.05 * (skipped + table.num_rows):
        raise TableError(f"“{name}”有 {skipped:,} 行的列数和表头对不上（表头 {len(names)} 列）", "检查分隔符和引号，或重新导出")
    if table.num_rows == 0:
        raise TableError(f"“{name}”只有表头，没有数据行", "重新导出带数据的 CSV")
    columns = {n: table.column(k) for n, k in zip(names, keys, strict=True)}
    result = Table(tuple(names), columns, table.num_rows, skipped, encoding)
    if skipped:
        result.notes.append(Note("broken_rows", f"有 {skipped:,} 行的列数和表头对不上，没有用"))
    for base, same in twins.items():
        if any(not columns[n].equals(columns[base]) for n in same):
            result.repeated[base] = 1 + len(same)
    return result


def _column_names(header: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """A name of its own for every column (empty cells get one, repeated ones a number), and the further names of a repeated one."""
    names: list[str] = []
    twins: dict[str, list[str]] = {}
    taken: set[str] = set()
    for i, cell in enumerate(header):
        base = unicodedata.normalize("NFC", cell).strip() or f"第{i + 1}列"
        unique, k = base, 2
        while unique in taken:
            unique, k = f"{base}_{k}", k + 1
        if unique != base:
            twins.setdefault(base, []).append(unique)
        names.append(unique)
        taken.add(unique)
    return names, twins


def _outside_quotes(line: str, mark: str) -> int:
    return sum(part.count(mark) for part in line.split('"')[::2])
