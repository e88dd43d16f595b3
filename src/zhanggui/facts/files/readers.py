"""Rows of text out of any file a shop has: csv in whatever encoding, xlsx, old xls; bounded memory, no trust.

`open_table(path)` recognises the file by its bytes, not its name, and gives a `Table` whose `rows()` streams
(row number, cells). Files that are not tables are refused with what to do instead.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from zhanggui.facts.files import xlsx
from zhanggui.kernel.errors import BadInput

MAX_BYTES = 4 << 30
MAX_TEXT = 16 << 30
MAX_XLS = 30 << 20
MAX_COLUMNS = 512
MAX_FIELD = 1 << 20
_HTML = re.compile(rb"^\s*(?:<!DOCTYPE html|<html|<table|<head|<meta|<body)", re.IGNORECASE)


@dataclass
class Table:
    """One table of one file, ready to be read as often as needed."""

    path: Path
    kind: str
    """csv, xlsx or xls."""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)
    size: int = 0
    """Bytes of the file, the total of progress."""
    since_1904: bool = False
    warnings: set[str] = field(default_factory=set)
    done: int = 0
    """Bytes of the file consumed so far by the newest `rows()`."""
    _rows: Callable[[], Iterator[tuple[int, list[str]]]] = lambda: iter(())

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(row number as a spreadsheet shows it, cells) from the top, blank rows left out. Raises BadInput on a broken file."""
        self.done = 0
        return self._rows()


def open_table(path: Path | str, *, sheet: str = "") -> Table:
    """The table in a file. `sheet` picks a worksheet by name; without it the one that looks most like a table.

    Raises BadInput for what cannot be read as a table, with the remedy.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8192)
    except OSError as error:
        raise BadInput(f"打不开文件 {path.name}：{error.strerror or '读取失败'}", remedy="确认文件存在并且可读") from error
    if size == 0 or not head.strip(b"\x00\xff\xfe\xef\xbb\xbf \r\n\t"):
        raise BadInput("文件是空的", remedy="重新导出一份有内容的表格")
    if size > MAX_BYTES:
        raise BadInput("文件超过 4 GB", remedy="按月份分成几个文件导出")
    if head[:4] == b"PK\x03\x04":
        return _zipped(path, size, sheet)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _old_xls(path, size, sheet)
    if head[:2] == b"\x1f\x8b":
        return _csv(path, size, lambda: _counted(gzip.open(path, "rb"), size))
    if head[:2] == b"PK":
        raise BadInput("压缩文件是空的或不完整", remedy="重新下载或导出")
    if _HTML.match(head.lstrip(b"\xef\xbb\xbf")):
        raise BadInput(
            "这是网页，不是表格（有些平台把网页存成了 .xls）", remedy="用 Excel 或 WPS 打开它，另存为 xlsx 或 csv 再导入"
        )
    if head.lstrip(b"\xef\xbb\xbf").lstrip()[:5] == b"<?xml":
        raise BadInput("这是 XML 文件，不是表格", remedy="用 Excel 或 WPS 打开它，另存为 xlsx 或 csv 再导入")
    if head[:4] == b"%PDF":
        raise BadInput("这是 PDF，不是表格", remedy="从平台导出 xlsx 或 csv")
    return _csv(path, size, lambda: path.open("rb"))


# ------------------------------------------------------------------------------------------------ csv


def _counted(stream: IO[bytes], packed: int) -> IO[bytes]:
    """The unpacked stream, refused once it has grown out of proportion (a bomb)."""
    return io.BufferedReader(_Guard(stream, max(256 << 20, min(MAX_TEXT, packed * 1200))), 1 << 18)


class _Guard(io.RawIOBase):
    """A readable stream that stops a decompression bomb and turns damage into BadInput."""

    def __init__(self, inner: IO[bytes], limit: int) -> None:
        self.inner, self.left = inner, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self.inner.read(len(view))
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
            raise BadInput("压缩文件在中途损坏", remedy="重新下载或导出") from error
        self.left -= len(data)
        if self.left < 0:
            raise BadInput("文件解压后大得不正常，已拒绝打开", remedy="按月份分成几个文件导出")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.inner.close()
        super().close()


def _encoding(opener: Callable[[], IO[bytes]]) -> tuple[str, set[str]]:
    """The encoding of a text file by trial on all its bytes, and warnings."""
    with opener() as file:
        head = file.read(1 << 16)
    if head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", set()
    elif len(head) > 3 and head[1::2].count(0) > len(head) * 0.3:
        return "utf-16-le", set()
    elif len(head) > 3 and head[0::2].count(0) > len(head) * 0.3:
        return "utf-16-be", set()
    else:
        candidates = ["utf-8", "gb18030"]
    for name in candidates:
        decoder = codecs.getincrementaldecoder(name)()
        try:
            with opener() as file:
                while chunk := file.read(1 << 20):
                    decoder.decode(chunk)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            continue
        return name, set()
    # Neither fits without loss: take the one that loses less, and say so.
    losses = {name: head.decode(name, "replace").count("\ufffd") for name in ("utf-8", "gb18030")}
    best = min(losses, key=lambda k: losses[k])
    if losses[best] > max(20, len(head) // 50):
        raise BadInput("这个文件不是文本表格，或编码无法识别", remedy="用 Excel 打开后另存为“CSV UTF-8”或 xlsx 再导入")
    return best if not head.startswith(codecs.BOM_UTF8) else "utf-8-sig", {"文件里有无法识别的字符，所在的字会显示为 �"}


def _delimiter(sample: str) -> str:
    """The column separator: the one that appears most evenly over the first lines, outside quotes."""
    lines = [re.sub(r'"(?:[^"]|"")*"', "", line) for line in sample.splitlines()[:40] if line.strip()]
    best, score = ",", 0.0
    for candidate in (",", "\t", ";", "|", "，"):
        counts = [line.count(candidate) for line in lines]
        usual, times = Counter(c for c in counts if c).most_common(1)[0] if any(counts) else (0, 0)
        rating = usual**0.5 * times
        if rating > score:
            best, score = candidate, rating
    return best


def _csv(path: Path, size: int, opener: Callable[[], IO[bytes]]) -> Table:
    encoding, warnings = _encoding(opener)
    errors = "replace" if warnings else "strict"
    with opener() as file:
        raw = file.read(1 << 17)
    sample = raw.decode(encoding, "replace").replace("\x00", "")
    control = sum(1 for c in sample if ord(c) < 32 and c not in "\r\n\t\x0b\x0c\x1c\x1d\x1e")
    if control > max(20, len(sample) // 100):
        raise BadInput("这个文件不是文本表格", remedy="从平台导出 xlsx 或 csv；图片、压缩包和网页不能导入")
    delimiter = _delimiter(sample)
    table = Table(path, "csv", encoding=encoding, delimiter=delimiter, size=size, warnings=warnings)

    def rows() -> Iterator[tuple[int, list[str]]]:
        with path.open("rb") as tell, opener() as file:
            raw_file = getattr(getattr(file, "raw", None), "inner", None)
            position = raw_file.fileobj.tell if isinstance(raw_file, gzip.GzipFile) and raw_file.fileobj else file.tell
            del tell
            text = io.TextIOWrapper(file, encoding, errors=errors, newline="")
            old = csv.field_size_limit(MAX_FIELD)
            reader = csv.reader(_lines(text), delimiter=delimiter)
            number = 0
            try:
                for cells in reader:
                    number += 1
                    if number % 4096 == 0:
                        with contextlib.suppress(OSError, ValueError):
                            table.done = min(size, position())
                    if len(cells) > MAX_COLUMNS:
                        raise BadInput(
                            f"第 {number} 行有 {len(cells)} 列，超过 {MAX_COLUMNS} 列", remedy="确认分隔符，或删去用不到的列"
                        )
                    if cells and (cells[0] or any(cells)):
                        yield number, cells
            except csv.Error as error:
                raise BadInput(
                    f"第 {reader.line_num} 行附近的引号没有成对，后面的内容无法分开", remedy="打开原表，补上或去掉多余的双引号"
                ) from error
            except UnicodeDecodeError as error:
                raise BadInput(
                    f"第 {number + 1} 行附近的文字编码坏了", remedy="用 Excel 打开后另存为“CSV UTF-8”再导入"
                ) from error
            finally:
                csv.field_size_limit(old)
            table.done = size

    table._rows = rows
    return table


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines without NUL characters, as some exports are padded with."""
    for line in text:
        yield line.replace("\x00", "") if "\x00" in line else line


# ------------------------------------------------------------------------------------------------ zip and spreadsheets


def _zipped(path: Path, size: int, sheet: str) -> Table:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            infos = [
                i
                for i in archive.infolist()
                if not i.is_dir() and not i.filename.startswith("__MACOSX") and "/." not in i.filename
            ]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadInput("文件不完整：压缩内容打不开", remedy="重新下载或导出") from error
    if any(n.endswith("workbook.xml") for n in names):
        return _xlsx(path, size, sheet)
    if any(n.endswith("workbook.bin") for n in names):
        raise BadInput("xlsb 格式不能直接导入", remedy="用 Excel 另存为 xlsx 或 csv")
    tables = [i for i in infos if i.filename.lower().endswith((".csv", ".tsv", ".txt"))]
    if len(tables) == 1:
        info = tables[0]
        if info.flag_bits & 1:
            raise BadInput("压缩包设了密码", remedy="解压后导入里面的表格")
        if info.file_size > MAX_TEXT or (info.file_size > 256 << 20 and info.file_size > info.compress_size * 400):
            raise BadInput("文件解压后大得不正常，已拒绝打开", remedy="按月份分成几个文件导出")
        return _csv(path, size, lambda: _counted(zipfile.ZipFile(path).open(info), max(size, info.compress_size)))
    if len(infos) == 1 and infos[0].filename.lower().endswith((".xlsx", ".xls")):
        raise BadInput("压缩包里是一个 Excel 文件", remedy="解压后直接导入里面的文件")
    raise BadInput(f"压缩包里有 {len(infos)} 个文件，不知道导入哪一个", remedy="解压后逐个导入")


def _looks_like_table(rows: list[list[str]]) -> float:
    """How much the first rows of a sheet look like a table: wide rows of equal width."""
    widths = [sum(1 for c in row if c.strip()) for row in rows]
    return float(sum(w for w in widths if w >= 2))


def _pick(names: list[str], sheet: str, first_rows: Callable[[str], list[list[str]]]) -> str:
    if sheet:
        if sheet not in names:
            raise BadInput(f"没有名为“{sheet}”的工作表", remedy=f"可选：{'、'.join(names)}")
        return sheet
    if len(names) == 1:
        return names[0]
    return max(names, key=lambda n: (_looks_like_table(first_rows(n)), -names.index(n)))


def _xlsx(path: Path, size: int, sheet: str) -> Table:
    with xlsx.Workbook(path) as book:
        parts = dict(book.sheets)
        names = [n for n, _ in book.sheets]

        def first_rows(name: str) -> list[list[str]]:
            return [cells for (_, cells), _ in zip(book.rows(parts[name]), range(30), strict=False)]

        chosen = _pick(names, sheet, first_rows)
        table = Table(path, "xlsx", sheet=chosen, sheets=names, size=size, since_1904=book.since_1904)

    def rows() -> Iterator[tuple[int, list[str]]]:
        with xlsx.Workbook(path) as book:
            for count, (number, cells) in enumerate(book.rows(parts[chosen])):
                if count % 4096 == 0:
                    table.done = min(size, book.read_bytes)
                if cells[0] or any(cells):
                    yield number, cells
            table.warnings |= book.warnings
            table.done = size

    table._rows = rows
    return table


def _old_xls(path: Path, size: int, sheet: str) -> Table:
    if size > MAX_XLS:
        raise BadInput("旧版 xls 文件太大", remedy="用 Excel 或 WPS 另存为 xlsx 或 csv 再导入")
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = list(book.sheet_names)
        if not names:
            raise BadInput("里面没有工作表", remedy="另存为 xlsx 或 csv 再导入")
        chosen = _pick(names, sheet, lambda n: [[str(c) for c in r] for r in book.get_sheet_by_name(n).to_python(nrows=30)])
        grid = book.get_sheet_by_name(chosen).to_python(skip_empty_area=False)
    except BadInput:
        raise
    except Exception as error:  # calamine's own errors, one per format fault
        raise BadInput(
            "这个 xls 文件打不开：损坏、设了密码或版本太旧", remedy="去掉密码，用 Excel 或 WPS 另存为 xlsx 或 csv 再导入"
        ) from error
    table = Table(path, "xls", sheet=chosen, sheets=names, size=size)

    def rows() -> Iterator[tuple[int, list[str]]]:
        for number, row in enumerate(grid, 1):
            cells = [_cell(v) for v in row]
            if any(cells):
                yield number, cells
        table.done = size

    table._rows = rows
    return table


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    if value is None:
        return ""
    return value.isoformat(sep=" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)  # type: ignore[union-attr]
