"""A streaming .xlsx reader with bounded memory: rows of text out of the sheet's XML, without a DOM and without entities.

The sheet is inflated in pieces and cut at row ends; shared strings lie as one block of bytes with offsets. Numbers
come out as the digits the file stores (a 19-digit id stored as text or number stays 19 digits), dates as
"2026-08-22 13:05:00" by the cell's number format, booleans as TRUE/FALSE, formulas by their last value.
"""

from __future__ import annotations

import re
import zipfile
from array import array
from collections.abc import Iterator
from pathlib import Path

from zhanggui.facts.files.text_rows import ZIP_FAULTS, packed_position
from zhanggui.facts.files.xlsx_rows import NAME, PHONETIC, ROW_END, TEXT, Sheet, attributes, column_of, plain, whole
from zhanggui.kernel.errors import BadInput

PIECE = 1 << 20
MERGES_WITHIN = 64 << 20
"""Merged cells stand at the end of a sheet, so finding them reads it once more: only for sheets up to this size."""
MAX_UNPACKED = 12 << 30
MAX_RATIO = 400
"""A sheet that unpacks to more than this many times its size (and over 256 MB) is a bomb: real ones reach about 100."""
MAX_ROW_BYTES = 8 << 20
_MERGED = re.compile(rb'mergeCell\b[^>]*?\bref="\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})"')
_BUILTIN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])


def _broken(detail: str) -> BadInput:
    return BadInput(
        f"这个 xlsx 文件打不开：{detail}", remedy="用 Excel 或 WPS 打开后另存为 xlsx 或 csv 再导入；下载中断的文件请重新下载"
    )


class Workbook:
    """An opened workbook: its sheets' names, and rows of one of them. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        try:
            self.zip = zipfile.ZipFile(path)
        except ZIP_FAULTS as error:
            raise _broken("文件不完整或不是 xlsx") from error
        self.warnings: set[str] = set()
        try:
            self._check()
            self.sheets = self._sheets()
            self.formats, self.since_1904 = self._formats(), self._epoch()
        except BaseException:
            self.zip.close()
            raise
        self._strings: tuple[bytes, array[int]] | None = None
        self._recent: dict[int, str] = {}
        self.read_bytes = 0

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    def _check(self) -> None:
        total = sum(i.file_size for i in self.zip.infolist())
        packed = sum(i.compress_size for i in self.zip.infolist()) or 1
        if total > MAX_UNPACKED or (total > 256 << 20 and total / packed > MAX_RATIO):
            raise BadInput("文件解压后大得不正常，已拒绝打开", remedy="按月份分成几个文件导出，或改用 csv")
        if any(i.flag_bits & 1 for i in self.zip.infolist()):
            raise BadInput("文件设了密码", remedy="去掉密码后另存，再导入")
        if "xl/workbook.xml" not in self.zip.namelist() and not any(n.endswith("workbook.xml") for n in self.zip.namelist()):
            raise _broken("里面没有工作簿")

    def _small(self, name: str, limit: int = 64 << 20) -> bytes:
        """A small part of the package, whole; empty when absent."""
        try:
            info = self.zip.getinfo(name)
        except KeyError:
            return b""
        if info.file_size > limit:
            raise _broken("内部结构过大")
        try:
            data = self.zip.read(info)
        except ZIP_FAULTS as error:
            raise _broken("内部结构损坏") from error
        if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data[:4096]:
            raise BadInput("文件里有外部引用声明，已拒绝打开", remedy="用 Excel 另存为 xlsx 后再导入")
        return data

    def _sheets(self) -> list[tuple[str, str]]:
        book = next(n for n in self.zip.namelist() if n.endswith("workbook.xml"))
        base = book.rsplit("/", 1)[0] if "/" in book else ""
        targets: dict[str, str] = {}
        rels = f"{base}/_rels/workbook.xml.rels".lstrip("/")
        for raw in re.findall(rb"<" + NAME + rb"Relationship\b([^>]*)>", self._small(rels)):
            found = attributes(raw)
            target = found.get("Target", "")
            targets[found.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"{base}/{target}".lstrip("/")
        names = set(self.zip.namelist())
        out = []
        for raw in re.findall(rb"<" + NAME + rb"sheet\b([^>]*)>", self._small(book)):
            found = attributes(raw)
            part = targets.get(found.get("id", ""), "")
            if part in names and "worksheets" in part:
                out.append((found.get("name", part), part, found.get("state", "visible")))
        visible = [(n, p) for n, p, state in out if state == "visible"] or [(n, p) for n, p, _ in out]
        if not visible:
            visible = [(n.rsplit("/", 1)[-1], n) for n in sorted(names) if re.search(r"worksheets/[^/]+\.xml$", n)]
        if not visible:
            raise _broken("里面没有工作表")
        return visible

    def _formats(self) -> list[bool]:
        """Per cell style, whether it shows a date."""
        data = self._small("xl/styles.xml")
        custom: dict[int, str] = {}
        for raw in re.findall(rb"<" + NAME + rb"numFmt\b([^>]*)>", data):
            found = attributes(raw)
            custom[whole(found.get("numFmtId", "0"))] = found.get("formatCode", "")
        block = re.search(rb"<" + NAME + rb"cellXfs\b.*?</" + NAME + rb"cellXfs>", data, re.DOTALL)
        if not block:
            return []
        out = []
        for raw in re.findall(rb"<" + NAME + rb"xf\b([^>]*)>", block[0]):
            number = whole(attributes(raw).get("numFmtId", "0"))
            out.append(shows_date(custom[number]) if number in custom else number in _BUILTIN_DATES)
        return out

    def _epoch(self) -> bool:
        book = next(n for n in self.zip.namelist() if n.endswith("workbook.xml"))
        match = re.search(rb"<" + NAME + rb"workbookPr\b([^>]*)>", self._small(book))
        return bool(match) and attributes(match[1]).get("date1904", "0").lower() in {"1", "true", "on"} if match else False

    # ---------------------------------------------------------------------------------------- shared strings

    def _load_strings(self) -> tuple[bytes, array[int]]:
        """All shared strings as one block of UTF-8 bytes and the offset of each: far smaller than objects."""
        block, offsets = bytearray(), array("Q", [0])
        name = next((n for n in self.zip.namelist() if n.lower().endswith("sharedstrings.xml")), "")
        if name:
            item = re.compile(rb"<" + NAME + rb"si\b[^>]*?(?:/>|>(.*?)</" + NAME + rb"si>)", re.DOTALL)
            end = re.compile(rb"</" + NAME + rb"si>|<" + NAME + rb"si\s*/>")
            for piece in self._pieces(name, end, b"si>"):
                for inner in item.findall(piece):
                    # The usual item is one <t>; rich text is several, with phonetic readings left out.
                    if inner.startswith(b"<t>") and inner.endswith(b"</t>") and inner.find(b"<", 3) == len(inner) - 4:
                        text = inner[3:-4]
                        block += text if b"&" not in text and b"_x" not in text else plain(text).encode("utf-8", "replace")
                    else:
                        block += "".join(map(plain, TEXT.findall(PHONETIC.sub(b"", inner)))).encode("utf-8", "replace")
                    offsets.append(len(block))
        return bytes(block), offsets

    def shared(self, index: int) -> str:
        """The shared string `index`, "" when there is none."""
        text = self._recent.get(index)
        if text is None:
            if self._strings is None:
                self._strings = self._load_strings()
            block, offsets = self._strings
            if not 0 <= index < len(offsets) - 1:
                return ""
            text = block[offsets[index] : offsets[index + 1]].decode("utf-8", "replace")
            if len(self._recent) >= 60_000:
                self._recent.clear()
            self._recent[index] = text
        return text

    # ---------------------------------------------------------------------------------------- rows

    def _pieces(self, name: str, end: re.Pattern[bytes], quick: bytes) -> Iterator[bytes]:
        """A part of the package in pieces that end where `end` matches."""
        carry = b""
        try:
            with self.zip.open(name) as stream:
                checked = False
                while True:
                    data = stream.read(PIECE)
                    if not data:
                        break
                    self.read_bytes = packed_position(stream)
                    if not checked:
                        checked = True
                        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                            raise _broken("工作表用了少见的编码")
                        if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data[:4096]:
                            raise BadInput("文件里有外部引用声明，已拒绝打开", remedy="用 Excel 另存为 xlsx 后再导入")
                    data = carry + data
                    cut = data.rfind(quick)
                    last = None
                    if cut >= 0:
                        for match in end.finditer(data, max(0, cut - 64)):
                            last = match
                        if last is None:
                            for match in end.finditer(data):
                                last = match
                    if last is None:
                        if len(data) > MAX_ROW_BYTES:
                            raise _broken("有一行长得不正常")
                        carry = data
                        continue
                    yield data[: last.end()]
                    carry = data[last.end() :]
        except ZIP_FAULTS as error:
            raise _broken("文件在中途损坏") from error
        if carry.strip():
            yield carry

    def merged(self, part: str) -> dict[int, list[tuple[int, int]]]:
        """Cells of one column merged over several rows: first row → (column, last row). Empty for very large sheets."""
        out: dict[int, list[tuple[int, int]]] = {}
        if self.zip.getinfo(part).file_size > MERGES_WITHIN:
            return out
        for piece in self._pieces(part, re.compile(rb"</" + NAME + rb"row>|<" + NAME + rb"mergeCell\b[^>]*>"), b">"):
            for column, first, other, last in _MERGED.findall(piece):
                if column == other and int(last) > int(first):
                    out.setdefault(int(first), []).append((column_of(column), int(last)))
        return out

    def rows(self, part: str) -> Iterator[tuple[int, list[str]]]:
        """(row number as Excel shows it, cells as text from column A) of every row of a sheet that holds anything."""
        sheet = Sheet(self.formats, self.shared, since_1904=self.since_1904, warnings=self.warnings)
        for piece in self._pieces(part, ROW_END, b"row>"):
            yield from sheet.rows(piece)


def shows_date(code: str) -> bool:
    """Whether a number format code shows a date or time: d, m, y, h or s outside quotes, brackets and escapes."""
    code = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code.split(";")[0])
    code = re.sub(r"\[(?!h+\]|m+\]|s+\])[^\]]*\]", "", code, flags=re.IGNORECASE)
    if "General" in code or "0" in code or "#" in code:
        return bool(re.search(r"[yYdD]", code)) or bool(re.search(r"ss\.0", code))
    return bool(re.search(r"[ymdhsYMDHS年月日时分秒]", code))
