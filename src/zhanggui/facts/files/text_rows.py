"""Rows out of text files: encoding by trial, separator by evenness, quotes checked; plain, gzip or in a zip; bounded memory."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from zhanggui.kernel.errors import BadInput

MAX_TEXT = 16 << 30
MAX_COLUMNS = 512
MAX_FIELD = 1 << 20
UNPACKED = 256 << 20
"""Unpacking less than this is never taken for a bomb."""
ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error)
"""What the standard library raises for a damaged or unusual zip."""
csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))


@dataclass
class Opened:
    """A byte stream from the start of a text, and how many bytes of the file itself it has used."""

    stream: IO[bytes]
    position: Callable[[], int]
    others: list[IO[bytes] | zipfile.ZipFile] = field(default_factory=list)
    """What must be closed after it."""

    def __enter__(self) -> IO[bytes]:
        return self.stream

    def __exit__(self, *_: object) -> None:
        for thing in (self.stream, *self.others):
            with contextlib.suppress(OSError, ValueError):
                thing.close()


Opener = Callable[[], Opened]


class _Guard(io.RawIOBase):
    """A readable stream that stops a decompression bomb and turns damage into BadInput."""

    def __init__(self, inner: IO[bytes], limit: int) -> None:
        self.inner, self.left = inner, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        try:
            data = self.inner.read(len(view))
        except ZIP_FAULTS as error:
            raise BadInput("压缩文件在中途损坏", remedy="重新下载或导出") from error
        self.left -= len(data)
        if self.left < 0:
            raise BadInput("文件解压后大得不正常，已拒绝打开", remedy="按月份分成几个文件导出")
        view[: len(data)] = data
        return len(data)


def _guarded(stream: IO[bytes], packed: int) -> IO[bytes]:
    """The unpacked stream, refused once it has grown out of proportion (a bomb)."""
    return io.BufferedReader(_Guard(stream, max(UNPACKED, min(MAX_TEXT, packed * 1200))), 1 << 18)


def plain_file(path: Path) -> Opener:
    """Opens a text file as it is."""

    def opened() -> Opened:
        file = path.open("rb")
        return Opened(file, file.tell)

    return opened


def gzip_file(path: Path, size: int) -> Opener:
    """Opens a gzip file's content."""

    def opened() -> Opened:
        file = path.open("rb")
        unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=file))
        return Opened(_guarded(unpacked, size), file.tell, [unpacked, file])

    return opened


def zip_member(path: Path, info: zipfile.ZipInfo) -> Opener:
    """Opens one member of a zip file. Raises BadInput for a way of packing that we do not know."""

    def opened() -> Opened:
        archive = zipfile.ZipFile(path)
        try:
            member = archive.open(info)
        except ZIP_FAULTS as error:
            archive.close()
            raise BadInput("压缩文件打不开：少见的压缩方式或已损坏", remedy="解压后导入里面的表格") from error
        return Opened(_guarded(member, info.compress_size), lambda: packed_position(member), [member, archive])

    return opened


def packed_position(stream: IO[bytes]) -> int:
    """How many bytes of a zip file a member's stream has consumed, for progress."""
    return int(getattr(stream, "_orig_compress_size", 0) or 0) - int(getattr(stream, "_compress_left", 0) or 0)


# ------------------------------------------------------------------------------------------------ encoding and separator

_LOSSY = "文件里有无法识别的字符，所在的字会显示为 �"


def encoding_of(opener: Opener) -> tuple[str, set[str]]:
    """The encoding of a text, by trial on all its bytes, and warnings. Raises BadInput when it is no text."""
    with opener() as file:
        head = file.read(1 << 16)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", set()
    if len(head) > 3 and head[1::2].count(0) > len(head) * 0.3:
        return "utf-16-le", set()
    if len(head) > 3 and head[0::2].count(0) > len(head) * 0.3:
        return "utf-16-be", set()
    unicode = "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    if _decodes(opener, unicode):
        return unicode, set()
    if _mostly_unicode(head):
        return unicode, {_LOSSY}
    if _western(head):
        return "cp1252", set()
    if _decodes(opener, "gb18030"):
        return "gb18030", set()
    losses = {name: head.decode(name, "replace").count("\ufffd") for name in (unicode, "gb18030")}
    best = min(losses, key=lambda k: losses[k])
    if losses[best] > max(20, len(head) // 50):
        raise BadInput("这个文件不是文本表格，或编码无法识别", remedy="用 Excel 打开后另存为“CSV UTF-8”或 xlsx 再导入")
    return best, {_LOSSY}


def _decodes(opener: Opener, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        with opener() as file:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_unicode(head: bytes) -> bool:
    """Whether the text is UTF-8 with a few broken bytes: Chinese in another encoding hardly ever makes whole UTF-8 characters."""
    text = head.decode("utf-8", "replace")
    whole, broken = sum("\x80" <= c != "\ufffd" for c in text), text.count("\ufffd")
    return whole > 4 * broken


def _western(head: bytes) -> bool:
    """Whether bytes above 127 stand alone between ASCII letters (é, £) rather than in pairs (汉字)."""
    alone = len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", head))
    all_ = sum(b > 127 for b in head)
    return all_ > 0 and alone >= 0.7 * all_ and all_ < 0.05 * len(head)


def delimiter_of(sample: str) -> str:
    """The column separator: the one that appears most evenly over the first lines, outside quotes."""
    lines = [re.sub(r'"(?:[^"]|"")*"', "", line) for line in sample.splitlines()[:60] if line.strip()]
    named = re.fullmatch(r"\ufeff?sep=(.)", lines[0].strip("\r\n")) if lines else None
    if named:
        return named[1]
    best, score = ",", 0.0
    for candidate in (",", "\t", ";", "|", "，"):
        counts = [line.count(candidate) for line in lines]
        usual, times = Counter(c for c in counts if c).most_common(1)[0] if any(counts) else (0, 0)
        rating = usual**0.5 * times
        if rating > score:
            best, score = candidate, rating
    return best


# ------------------------------------------------------------------------------------------------ rows


@dataclass
class TextTable:
    """A text that has been recognised as a table: how it is written, and its rows as often as wanted."""

    opener: Opener
    encoding: str
    delimiter: str
    warnings: set[str]

    def rows(self, moved: Callable[[int], None]) -> Iterator[tuple[int, list[str]]]:
        """(row number as a spreadsheet shows it, cells), blank rows left out; `moved` is told the bytes used. Raises BadInput."""
        opened = self.opener()
        with opened as file:
            text = io.TextIOWrapper(file, self.encoding, errors="replace" if self.warnings else "strict", newline="")
            reader = csv.reader(_without_nul(text), delimiter=self.delimiter)
            number = lines = width = 0
            try:
                for cells in reader:
                    number += 1
                    if number % 4096 == 0:
                        with contextlib.suppress(OSError, ValueError):
                            moved(opened.position())
                    if reader.line_num - lines > 1:
                        _check_quotes(cells, self.delimiter, width, number)
                    lines = reader.line_num
                    if len(cells) > MAX_COLUMNS:
                        raise BadInput(
                            f"第 {number} 行有 {len(cells)} 列，超过 {MAX_COLUMNS} 列", remedy="确认分隔符，或删去用不到的列"
                        )
                    if cells and (cells[0] or any(cells)):
                        width = len(cells)
                        yield number, cells
            except csv.Error as error:
                raise _unbalanced(f"第 {number + 1} 行") from error
            except UnicodeDecodeError as error:
                raise BadInput(
                    f"第 {number + 1} 行附近的文字编码坏了", remedy="用 Excel 打开后另存为“CSV UTF-8”再导入"
                ) from error
            finally:
                with contextlib.suppress(ValueError):
                    text.detach()


def _unbalanced(where: str) -> BadInput:
    return BadInput(
        f"{where}附近的引号没有成对，后面的内容无法分开", remedy="打开原表，补上或去掉多余的双引号；或另存为 xlsx 再导入"
    )


def _check_quotes(cells: list[str], delimiter: str, width: int, number: int) -> None:
    """Refuses a cell that has swallowed whole rows after a lone quote: they would be lost without a word."""
    if width < 2:
        return
    for place, cell in enumerate(cells):
        inside = cell.splitlines()
        if len(inside) < 2:
            continue
        if any(line.count(delimiter) >= width - 1 for line in inside[1:-1]):
            raise _unbalanced(f"第 {number} 行")
        if place and inside[0].count(delimiter) == width - 1 - place and inside[-1].count(delimiter) == place:
            raise _unbalanced(f"第 {number} 行")


def _without_nul(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines without NUL characters, as some exports are padded with."""
    for line in text:
        yield line.replace("\x00", "") if "\x00" in line else line


def text_table(opener: Opener) -> TextTable:
    """How a text is written. Raises BadInput when it is none."""
    encoding, warnings = encoding_of(opener)
    with opener() as file:
        raw = file.read(1 << 17)
    sample = raw.decode(encoding, "replace").replace("\x00", "")
    control = sum(1 for c in sample if ord(c) < 32 and c not in "\r\n\t\x0b\x0c\x1c\x1d\x1e")
    if control > max(20, len(sample) // 100):
        raise BadInput("这个文件不是文本表格", remedy="从平台导出 xlsx 或 csv；图片、压缩包和网页不能导入")
    return TextTable(opener, encoding, delimiter_of(sample), warnings)
