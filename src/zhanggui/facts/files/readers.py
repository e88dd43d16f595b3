"""Rows of text out of any file a shop has: csv in whatever encoding, xlsx, old xls; bounded memory, no trust.

`open_table(path)` recognises the file by its bytes, not its name, and gives a `Table` whose `rows()` streams
(row number, cells). Files that are not tables are refused with what to do instead.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zhanggui.facts.files import fields, text_rows, xlsx
from zhanggui.kernel.errors import BadInput

MAX_BYTES = 4 << 30
MAX_XLS = 30 << 20
_SAVE_AS = "用 Excel 或 WPS 另存为 xlsx 或 csv 再导入"
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
_ARCHIVES = (b"Rar!", b"7z\xbc\xaf")
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
    others: list[str] = field(default_factory=list)
    """Other worksheets that hold a table of ours as well."""
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
        return _text(path, size, text_rows.gzip_file(path, size))
    _refuse_others(head)
    return _text(path, size, text_rows.plain_file(path))


def _refuse_others(head: bytes) -> None:
    """Says what a file is that begins like something other than a table."""
    text = head.lstrip(b"\xef\xbb\xbf").lstrip()
    if head[:4] in (b"PK\x05\x06", b"PK\x07\x08"):
        raise BadInput("压缩文件是空的或不完整", remedy="重新下载或导出")
    if _HTML.match(text):
        raise BadInput(
            "这是网页，不是表格（有些平台把网页存成了 .xls）", remedy="用 Excel 或 WPS 打开它，另存为 xlsx 或 csv 再导入"
        )
    if text[:5] == b"<?xml":
        raise BadInput("这是 XML 文件，不是表格", remedy="用 Excel 或 WPS 打开它，另存为 xlsx 或 csv 再导入")
    if text[:2] in (b'{"', b"[{") or (text[:1] == b"{" and b'":' in text[:200]):
        raise BadInput("这是 JSON 文件，不是表格", remedy="从平台导出 xlsx 或 csv；平台接口的数据请用“连接”同步")
    if head.startswith(_PICTURES):
        raise BadInput("这是图片，不是表格", remedy="从平台导出 xlsx 或 csv；只有截图时，下载模板照着填")
    if head[:4] == b"%PDF":
        raise BadInput("这是 PDF，不是表格", remedy="从平台导出 xlsx 或 csv")
    if head.startswith(_ARCHIVES):
        raise BadInput("这是压缩包（rar 或 7z），不能直接打开", remedy="解压后导入里面的 xlsx 或 csv")


def _text(path: Path, size: int, opener: text_rows.Opener) -> Table:
    found = text_rows.text_table(opener)
    table = Table(path, "csv", encoding=found.encoding, delimiter=found.delimiter, size=size, warnings=set(found.warnings))

    def moved(done: int) -> None:
        table.done = min(size, done)

    def rows() -> Iterator[tuple[int, list[str]]]:
        yield from found.rows(moved)
        table.done = size

    table._rows = rows
    return table


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
    except text_rows.ZIP_FAULTS as error:
        raise BadInput("文件不完整：压缩内容打不开", remedy="重新下载或导出") from error
    if any(n.endswith("workbook.xml") for n in names):
        return _xlsx(path, size, sheet)
    if any(n.endswith("workbook.bin") for n in names):
        raise BadInput("xlsb 格式不能直接导入", remedy="用 Excel 另存为 xlsx 或 csv")
    if "content.xml" in names:
        raise BadInput("这是 ods 表格（OpenDocument），不能直接导入", remedy=_SAVE_AS)
    if any(n.endswith(".iwa") for n in names):
        raise BadInput("这是苹果 Numbers 表格，不能直接导入", remedy="在 Numbers 里“导出为”Excel 或 CSV 再导入")
    tables = [i for i in infos if i.filename.lower().endswith((".csv", ".tsv", ".txt"))]
    if len(tables) == 1:
        info = tables[0]
        if info.flag_bits & 1:
            raise BadInput("压缩包设了密码", remedy="解压后导入里面的表格")
        if info.file_size > text_rows.MAX_TEXT or (info.file_size > 256 << 20 and info.file_size > info.compress_size * 400):
            raise BadInput("文件解压后大得不正常，已拒绝打开", remedy="按月份分成几个文件导出")
        return _text(path, size, text_rows.zip_member(path, info))
    if len(infos) == 1 and infos[0].filename.lower().endswith((".xlsx", ".xls")):
        raise BadInput("压缩包里是一个 Excel 文件", remedy="解压后直接导入里面的文件")
    raise BadInput(f"压缩包里有 {len(infos)} 个文件，不知道导入哪一个", remedy="解压后逐个导入")


def _looks_like_table(rows: list[list[str]]) -> tuple[bool, int, int]:
    """How much the first rows of a sheet look like a table of ours: a row of column names we know, then wide rows (cells, rows)."""
    filled = [[c for c in row if c.strip()] for row in rows]
    known = any(len(row) >= 2 and sum(map(fields.is_known, row)) * 2 >= len(row) for row in filled[:10])
    wide = [len(row) for row in filled if len(row) >= 2]
    return known, sum(wide), len(wide)


def _pick(names: list[str], sheet: str, first_rows: Callable[[str], list[list[str]]]) -> tuple[str, list[str]]:
    """The worksheet to read, and which others hold a table of ours as well. Raises BadInput for a name that is not there."""
    if sheet and sheet not in names:
        raise BadInput(f"没有名为“{sheet}”的工作表", remedy=f"可选：{'、'.join(names)}")
    if len(names) == 1:
        return names[0], []
    looks = {name: _looks_like_table(first_rows(name)) for name in names}
    chosen = sheet or max(names, key=lambda n: (*looks[n], -names.index(n)))
    return chosen, [n for n in names if n != chosen and looks[n][0] and looks[n][2] > 1]


def _xlsx(path: Path, size: int, sheet: str) -> Table:
    with xlsx.Workbook(path) as book:
        parts = dict(book.sheets)
        names = [n for n, _ in book.sheets]

        def first_rows(name: str) -> list[list[str]]:
            return [cells for (_, cells), _ in zip(book.rows(parts[name]), range(30), strict=False)]

        chosen, others = _pick(names, sheet, first_rows)
        table = Table(path, "xlsx", sheet=chosen, sheets=names, others=others, size=size, since_1904=book.since_1904)

    def rows() -> Iterator[tuple[int, list[str]]]:
        with xlsx.Workbook(path) as book:
            for count, (number, cells) in enumerate(_filled(book.rows(parts[chosen]), book.merged(parts[chosen]))):
                if count % 4096 == 0:
                    table.done = min(size, book.read_bytes)
                if cells[0] or any(cells):
                    yield number, cells
            table.warnings |= book.warnings
            table.done = size

    table._rows = rows
    return table


def _filled(rows: Iterable[tuple[int, list[str]]], merged: dict[int, list[tuple[int, int]]]) -> Iterable[tuple[int, list[str]]]:
    """Rows in which a cell merged over several rows says on each of them what it says on its first: row → (column, last row)."""
    return _fill(rows, merged) if merged else rows


def _fill(rows: Iterable[tuple[int, list[str]]], merged: dict[int, list[tuple[int, int]]]) -> Iterator[tuple[int, list[str]]]:
    held: dict[int, tuple[int, str]] = {}
    for number, cells in rows:
        for column, (last, text) in list(held.items()):
            if number > last:
                del held[column]
            else:
                cells.extend([""] * (column + 1 - len(cells)))
                cells[column] = cells[column] or text
        for column, last in merged.get(number, ()):
            if column < len(cells) and cells[column]:
                held[column] = (last, cells[column])
        yield number, cells


_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def _old_xls(path: Path, size: int, sheet: str) -> Table:
    """An OLE file: an old xls, or an xlsx behind a password."""
    if _holds(path, _ENCRYPTED):
        raise BadInput("文件设了密码，打不开", remedy="用 Excel 或 WPS 打开，去掉密码另存，再导入")
    if size > MAX_XLS:
        raise BadInput("旧版 xls 文件太大", remedy=_SAVE_AS)
    grid, chosen, names, others = _calamine(path, sheet)
    table = Table(path, "xls", sheet=chosen, sheets=names, others=others, size=size)

    def rows() -> Iterator[tuple[int, list[str]]]:
        for number, row in enumerate(grid, 1):
            cells = [_cell(v) for v in row]
            if any(cells):
                yield number, cells
        table.done = size

    table._rows = rows
    return table


def _holds(path: Path, wanted: bytes) -> bool:
    """Whether the bytes occur in the file."""
    carry = b""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            if wanted in carry + piece:
                return True
            carry = piece[-len(wanted) :]
    return False


def _calamine(path: Path, sheet: str) -> tuple[list[list[object]], str, list[str], list[str]]:
    """All cells of the chosen sheet, its name, the names of all, and of those that could be meant as well. Raises BadInput."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = list(book.sheet_names)
        if not names:
            raise BadInput("里面没有工作表", remedy="另存为 xlsx 或 csv 再导入")
        chosen, others = _pick(
            names, sheet, lambda n: [[_cell(c) for c in r] for r in book.get_sheet_by_name(n).to_python(nrows=30)]
        )
        grid: list[list[object]] = [list(r) for r in book.get_sheet_by_name(chosen).to_python(skip_empty_area=False)]
    except (BadInput, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # calamine's own errors, one per format fault; a panic of its is no Exception
        raise BadInput(
            "这个 xls 文件打不开：损坏、设了密码或版本太旧", remedy="去掉密码，用 Excel 或 WPS 另存为 xlsx 或 csv 再导入"
        ) from error
    return grid, chosen, names, others


def _cell(value: object) -> str:
    """A cell of an old xls as text. Numbers there hold 15 digits: a longer one is shown as what it is, a damaged id."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return (
            str(int(value))
            if value.is_integer() and abs(value) < 1e15
            else f"{value!r}"
            if abs(value) < 1e15
            else f"{value:.14E}"
        )
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)
