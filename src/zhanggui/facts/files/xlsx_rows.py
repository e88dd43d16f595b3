"""Rows of text out of a sheet's XML, piece by piece.

A sheet repeats itself: nearly every row has the same cells of the same types. What has been seen becomes one pattern that reads a whole row at
once; a row that does not fit is read cell by cell, and its cells are added to the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from html import unescape

from zhanggui.facts.files.text_rows import MAX_COLUMNS

NAME = rb"(?:[A-Za-z_][\w.-]*:)?"
ROW_END = re.compile(rb"</" + NAME + rb"row>|<" + NAME + rb"row\b[^>]*/>")
TEXT = re.compile(rb"<" + NAME + rb"t(?:\s[^>]*)?>(.*?)</" + NAME + rb"t>", re.DOTALL)
PHONETIC = re.compile(rb"<" + NAME + rb"rPh\b.*?</" + NAME + rb"rPh>", re.DOTALL)
_ATTRIBUTE = re.compile(rb'([A-Za-z_:][\w:.-]*)\s*=\s*(?:"([^"]*)"|\'([^\']*)\')')
_VALUE = re.compile(rb"<" + NAME + rb"v(?:\s[^>]*)?>(.*?)</" + NAME + rb"v>", re.DOTALL)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TIMES = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86400)]
_ROW = re.compile(rb"<" + NAME + rb"row\b([^>]*?)(?:/>|>(.*?)</" + NAME + rb"row>)", re.DOTALL)
_CELL = re.compile(
    rb'<(?:[A-Za-z_][\w.-]*:)?c(?:\s+r="([A-Z]{1,3})[0-9]*")?((?:\s[^>]*?)?)(?:/>|>(.*?)</(?:[A-Za-z_][\w.-]*:)?c>)', re.DOTALL
)
_BARE_CELL = re.compile(rb'<c(?: r="([A-Z]{1,3})[0-9]*")?((?: [^>]*?)?)(?:/>|>(.*?)</c>)', re.DOTALL)
_NUMBER_OF_ROW = re.compile(rb'\br="(\d{1,7})"')
_LONG_IDS = "有超过 15 位的编号存成了数字，后几位可能已被 Excel 改成 0；请从平台重新导出，编号列用文本格式"
NUMBER, DATED, SHARED, STRING, INLINE, FLAG = range(6)


def attributes(raw: bytes) -> dict[str, str]:
    """The attributes of an element, without prefixes."""
    return {k.decode().rsplit(":", 1)[-1]: unescape((a or b).decode("utf-8", "replace")) for k, a, b in _ATTRIBUTE.findall(raw)}


def whole(text: str) -> int:
    """A whole number in an attribute, 0 where there is none."""
    return int(text) if text.isascii() and text.isdigit() else 0


def plain(raw: bytes) -> str:
    """Character data as text: entities and Excel's _x000D_ resolved, CDATA unwrapped, NUL left out."""
    if raw.startswith(b"<![CDATA["):
        return raw[9:].removesuffix(b"]]>").decode("utf-8", "replace").replace("\x00", "")
    return resolved(raw.decode("utf-8", "replace"))


def resolved(text: str) -> str:
    """Text without entities, Excel's escapes and NUL."""
    if "&" in text:
        text = unescape(text)
    if "_x" in text:
        text = _ESCAPED.sub(_character, text)
    return text.replace("\x00", "") if "\x00" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


def column_of(letters: bytes) -> int:
    """The index of a column by its letters: A is 0."""
    index = 0
    for letter in letters:
        index = index * 26 + (letter - 64)
    return index - 1


class Sheet:
    """Turns pieces of a sheet's XML, cut at row ends, into rows of text."""

    def __init__(self, formats: Sequence[bool], shared: Callable[[int], str], *, since_1904: bool, warnings: set[str]) -> None:
        self.formats, self.shared, self.since_1904, self.warnings = formats, shared, since_1904, warnings
        self.zero = date(1904, 1, 1) if since_1904 else date(1899, 12, 30)
        self.days: dict[int, str] = {}
        self.kinds: dict[bytes, tuple[int, int]] = {}
        self.letters: dict[bytes, int] = {}
        self.number, self.first, self.prefixed, self.cell = 0, True, False, _BARE_CELL
        self.shape = _Shape()

    def rows(self, piece: bytes) -> Iterator[tuple[int, list[str]]]:
        """(row number, cells) of each row in the piece that holds anything."""
        if self.first:
            self.first = False
            self.prefixed = re.search(rb"<[A-Za-z_][\w.-]*:row\b", piece) is not None
            self.cell = _CELL if self.prefixed else _BARE_CELL
        for head, body in _ROW.findall(piece) if self.prefixed else _split(piece):
            match = _NUMBER_OF_ROW.search(head)
            self.number = int(match[1]) if match else self.number + 1
            if not body:
                continue
            text = body.decode("utf-8", "replace")
            found = self.shape.match(text)
            cells = (
                self._known(found.groups(""), "&" in text or "_x" in text or "\x00" in text)
                if found is not None
                else self._unknown(body)
            )
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield self.number, cells

    def _known(self, groups: tuple[str, ...], odd: bool) -> list[str]:
        """The cells of a row that fits the pattern; `odd` when something in it must be resolved."""
        shape = self.shape
        if shape.straight:
            cells = list(groups)
        else:
            cells = [""] * shape.width
            for place, (index, _) in enumerate(shape.places):
                if groups[place]:
                    cells[index] = groups[place]
        for place, index in shape.numbers:
            if len(groups[place]) > 15:
                cells[index] = self._long(groups[place])
        for place, index, kind in shape.special:
            raw = groups[place]
            if not raw:
                continue
            if kind == DATED:
                cells[index] = self._moment(raw)
            elif kind == SHARED:
                cells[index] = self.shared(int(raw)) if raw.isascii() and raw.isdigit() else ""
            else:
                cells[index] = "TRUE" if raw in ("1", "true") else "FALSE"
        if odd:
            for place, index in shape.texts:
                if groups[place]:
                    cells[index] = resolved(groups[place])
        return cells

    def _unknown(self, body: bytes) -> list[str]:
        """The cells of any row, one by one."""
        cells: list[str] = []
        seen: list[tuple[int, bytes, bytes, bytes, int]] | None = []
        for column, written, inner in self.cell.findall(body):
            kind, position = self._kind(written)
            if column:
                index = self.letters.get(column, -1)
                if index < 0:
                    index = self.letters[column] = column_of(column)
            else:
                index, seen = (position if position >= 0 else len(cells)), None
            if index >= MAX_COLUMNS:
                self.warnings.add(f"第 {MAX_COLUMNS} 列以后的内容没有读取")
                continue
            if seen is not None:
                seen.append((index, column, written, inner, kind))
            cells.extend([""] * (index + 1 - len(cells)))
            if inner:
                cells[index] = self._text(inner, kind)
        if seen:
            self.shape.learn(seen)
        return cells

    def _kind(self, written: bytes) -> tuple[int, int]:
        """What kind of value a cell's attributes announce, and its column where the reference is not the first attribute (else -1)."""
        known = self.kinds.get(written)
        if known is not None:
            return known
        found = attributes(written)
        kind = {"s": SHARED, "inlineStr": INLINE, "str": STRING, "b": FLAG, "e": STRING, "d": STRING}.get(
            found.get("t", "n"), NUMBER
        )
        style = whole(found.get("s", "0"))
        if kind == NUMBER and style < len(self.formats) and self.formats[style]:
            kind = DATED
        if "r" in found:
            return kind, column_of(re.sub(r"[^A-Z]", "", found["r"])[:3].encode())
        if len(self.kinds) > 10_000:
            self.kinds.clear()
        self.kinds[written] = kind, -1
        return kind, -1

    def _text(self, inner: bytes, kind: int) -> str:
        if kind == INLINE:
            return "".join(map(plain, TEXT.findall(PHONETIC.sub(b"", inner))))
        if inner.startswith(b"<v>") and inner.endswith(b"</v>") and b"<" not in inner[3:-4]:
            raw = inner[3:-4]
        else:
            value = _VALUE.search(inner)
            raw = value[1] if value else b""
        if kind == SHARED:
            return self.shared(int(raw)) if raw.strip().isdigit() else ""
        if kind == FLAG:
            return "TRUE" if raw.strip() in (b"1", b"true") else "FALSE"
        if kind == STRING:
            return plain(raw)
        text = raw.decode("ascii", "replace").strip()
        return self._moment(text) if kind == DATED else self._long(text) if len(text) > 15 else text

    def _moment(self, text: str) -> str:
        """A date-styled number as text; numbers that are no date stay as they are."""
        try:
            value = float(text)
        except ValueError:
            return text
        if not -1e9 < value < 1e9:
            return text
        seconds = round(value * 86400)
        day, rest = divmod(seconds, 86400)
        if day < 1:
            return _TIMES[rest] if 0 <= seconds < 86400 else text
        if day > 2_958_465:
            return text
        written = self.days.get(day)
        if written is None:
            if len(self.days) > 50_000:
                self.days.clear()
            # Excel's 1900 calendar counts a 29 February 1900 that never was; days before it are one later.
            shift = 1 if not self.since_1904 and day < 60 else 0
            written = self.days[day] = (self.zero + timedelta(days=day + shift)).isoformat()
        return f"{written} {_TIMES[rest]}" if rest else f"{written} 00:00:00"

    def _long(self, text: str) -> str:
        """A number of more than 15 characters: rounding noise is removed, and ids that a number cannot hold are reported."""
        if text.lstrip("-").isdigit():
            if abs(int(text)) > 2**53:
                self.warnings.add(_LONG_IDS)
            return text
        try:
            value = float(text)
        except ValueError:
            return text
        if abs(value) > 2**53:
            self.warnings.add(_LONG_IDS)
            return text
        return repr(value)


def _split(piece: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(attributes, content) of each row of a piece without prefixes. Rows that hold nothing may be left out, unless they carry no number."""
    for part in piece.split(b"</row>"):
        start = part.rfind(b"<row")
        if start < 0:
            continue
        if b"<row" in part[:start]:  # rows without content come before it
            yield from ((head, b"") for head, _ in _ROW.findall(part[:start]))
        end = part.find(b">", start)
        if part[end - 1 : end] == b"/":
            yield part[start + 4 : end], b""
        elif end > 0:
            yield part[start + 4 : end], part[end + 1 :]


class _Shape:
    """The cells that rows of a sheet have shown so far, as one pattern: every column may be left out, and may come in several forms."""

    MOST = 40
    """So often the pattern is widened; a sheet that still surprises is read cell by cell."""

    def __init__(self) -> None:
        self.forms: dict[int, dict[str, int | None]] = {}
        self.places: list[tuple[int, int]] = []
        """Column and kind of each group of the pattern."""
        self.numbers: list[tuple[int, int]] = []
        self.texts: list[tuple[int, int]] = []
        self.special: list[tuple[int, int, int]] = []
        """Groups (and their columns) that are numbers, texts, and whatever else must be looked at."""
        self.width = self.widened = 0
        self.straight = False
        """Whether the groups are the columns, one by one."""
        self.match: Callable[[str], re.Match[str] | None] = lambda text: None

    def learn(self, row: list[tuple[int, bytes, bytes, bytes, int]]) -> None:
        """Adds the cells of a row: (index, column letters, attributes, content, kind) from left to right."""
        if self.widened >= self.MOST or [c[0] for c in row] != sorted({c[0] for c in row}):
            return
        found = []
        for index, column, written, inner, kind in row:
            form = _form(column.decode(), written.decode("utf-8", "replace"), inner, kind)
            if form is None:
                return
            found.append((index, form, kind if inner else None))
        for index, form, held in found:
            self.forms.setdefault(index, {})[form] = held
        self.widened += 1
        self.places = [(index, kind) for index in sorted(self.forms) for kind in self.forms[index].values() if kind is not None]
        self.width = max(self.forms) + 1
        self.straight = [index for index, _ in self.places] == list(range(self.width))
        numbered = list(enumerate(self.places))
        self.numbers = [(place, index) for place, (index, kind) in numbered if kind == NUMBER]
        self.texts = [(place, index) for place, (index, kind) in numbered if kind in (STRING, INLINE)]
        self.special = [(place, index, kind) for place, (index, kind) in numbered if kind in (DATED, SHARED, FLAG)]
        self.match = re.compile("".join("(?:" + "|".join(self.forms[index]) + ")?" for index in sorted(self.forms))).fullmatch


def _form(column: str, written: str, inner: bytes, kind: int) -> str | None:
    """The pattern of one plain cell, its value a group; None for what has to be looked at (formulas, rich text)."""
    start = f'<c r="{column}[0-9]+"' + re.escape(written)
    if not inner:
        return start + "(?:/>|></c>)"
    if kind == INLINE:
        simple = re.fullmatch(rb'<is><t(?: xml:space="preserve")?>[^<]*</t></is>', inner)
        return start + '><is><t(?: xml:space="preserve")?>([^<]*)</t></is></c>' if simple else None
    return start + "><v>([^<]*)</v></c>" if re.fullmatch(rb"<v>[^<]*</v>", inner) else None
