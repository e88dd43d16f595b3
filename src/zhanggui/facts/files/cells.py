"""What a cell of a shop's file says: numbers, moments and ids out of text (pure).

Every reader turns cells into text; everything here turns text into exact values. Nothing is guessed silently:
what cannot be read raises `CellError` with a reason and a remedy in Chinese that a shopkeeper can act on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

MICRO = 1_000_000
DateOrder = Literal["ymd", "dmy", "mdy"]
BLANKS = frozenset(
    {"", "-", "--", "—", "/", "\\N", "NULL", "null", "None", "nan", "NaN", "N/A", "#N/A", "n/a", "无", "空", "暂无"}
)
"""Texts that exports write where there is nothing."""
ERRORS = ("#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!")
LIMIT = 10**18
"""Largest amount (in millionths) that is believed: a million million 元 is a broken file, not a sale."""


class CellError(ValueError):
    """A cell that cannot be read: `reason` says why, `remedy` what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


# ------------------------------------------------------------------------------------------------ numbers

_CURRENCY = re.compile(r"[¥￥$€£元圆块]|RMB|CNY|USD|GBP|EUR|人民币", re.IGNORECASE)
_PLAIN = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?")
_GROUPED = re.compile(r"[+-]?\d{1,4}(?:,\d{3,4})+(?:\.\d*)?")
_UNITS = {"万": 4, "亿": 8, "千": 3, "k": 3, "K": 3, "w": 4, "W": 4}
_FREE = frozenset({"免费", "包邮", "免邮", "免运费", "免邮费", "全免"})
_NUMBER_REMEDY = "写成纯数字，例如 1234.50；千分位逗号与 ¥ 可以保留"


def micros(text: str, decimal_comma: bool = False) -> int:
    """The number a cell holds, in millionths, rounded half away from zero: "1,234.5" → 1_234_500_000.

    Understands thousands separators, currency signs, full-width digits, "(3.00)" and "3.00-" as negative, "12%" as
    0.12, "1.2万", 包邮 as 0. With `decimal_comma`, "1.234,56" is 1234.56. Raises CellError when it is no number.
    """
    whole, dot, fraction = text.partition(".")
    if (
        whole.isascii()
        and whole.isdigit()
        and len(whole) < 13
        and (not dot or (fraction.isascii() and fraction.isdigit() and len(fraction) < 7))
    ):
        return int(whole) * MICRO + (int(fraction.ljust(6, "0")) if fraction else 0)
    return _micros_slow(text, decimal_comma)


def _micros_slow(text: str, decimal_comma: bool) -> int:
    raw = unicodedata.normalize("NFKC", text)
    if raw.strip() in _FREE:
        return 0
    raw = _CURRENCY.sub("", raw).replace("−", "-").replace("_", "")
    raw = "".join(raw.split()).replace("'", "")
    negative = raw.startswith("(") and raw.endswith(")")
    if negative:
        raw = raw[1:-1]
    if raw.endswith("-") and not raw.startswith("-"):
        raw, negative = raw[:-1], not negative
    power = 0
    if raw.endswith("%"):
        raw, power = raw[:-1], -2
    elif raw.endswith("‰"):
        raw, power = raw[:-1], -3
    elif raw and raw[-1] in _UNITS:
        raw, power = raw[:-1], _UNITS[raw[-1]]
    if decimal_comma:
        raw = raw.replace(".", "").replace(",", ".")
    elif "," in raw:
        if not _GROUPED.fullmatch(raw):
            raise CellError(f"“{text[:40]}”不是数字：逗号的位置不像千分位", _NUMBER_REMEDY)
        raw = raw.replace(",", "")
    match = _PLAIN.fullmatch(raw)
    if match is None or not (match[2] or match[3]):
        raise CellError(f"“{text[:40]}”不是数字", _NUMBER_REMEDY)
    sign, whole, fraction, exponent = match[1], match[2] or "", match[3] or "", match[4]
    power += int(exponent or 0) - len(fraction) + 6
    if len(whole) + len(fraction) > 40 or power > 40:
        raise CellError(f"“{text[:40]}”大得不像真的", "核对这一格的数字")
    digits = int(whole + fraction)
    value: int
    if power >= 0:
        value = digits * 10**power
    else:
        scale: int = 10 ** min(-power, 400)
        value = (digits + scale // 2) // scale
    if value > LIMIT:
        raise CellError(f"“{text[:40]}”大得不像真的", "核对这一格的数字")
    return -value if (sign == "-") != negative else value


_COUNTED = re.compile(r"[xX×*]?\s*([+-]?\d[\d,]*(?:\.0+)?)\s*[件个盒瓶袋包套只箱份条双台本支罐桶张组对枚块片杯提]?")


def whole(text: str) -> int:
    """The whole number a cell holds ("3", "3.0", "1,200", "2件", "×2"); CellError on a fraction."""
    if text.isascii() and text.isdigit() and len(text) < 13:
        return int(text)
    counted = _COUNTED.fullmatch(unicodedata.normalize("NFKC", text).strip())
    value, rest = divmod(micros(counted[1] if counted else text), MICRO)
    if rest:
        raise CellError(f"“{text[:40]}”不是整数", "数量请填件数；称重商品按份数填写")
    return value


def half_up(value: int, divisor: int) -> int:
    """`value / divisor` rounded half away from zero."""
    return (value + divisor // 2) // divisor if value >= 0 else -((-value + divisor // 2) // divisor)


def fen(text: str, unit: str = "yuan", decimal_comma: bool = False) -> int:
    """The 分 of an amount written in 元 (or in 分 with unit "fen"), rounded half up to a whole 分."""
    value = micros(text, decimal_comma)
    return half_up(value, MICRO if unit == "fen" else MICRO // 100)


# ------------------------------------------------------------------------------------------------ moments

_DAY_ZERO = date(1970, 1, 1)
_SERIAL_ZERO = date(1899, 12, 30)
_SERIAL_ZERO_1904 = date(1904, 1, 1)
_YEARS = (1990, 2100)
_MONTHS = {
    m: i % 12 + 1 for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
_CLOCK = (
    r"(?:\s*[(]?(?:星期|周)[一二三四五六日天][)]?)?"
    r"(?:[T\s,]*(?P<early>上午|下午|中午|晚上|凌晨|AM|PM|am|pm)?\s*(?P<h>\d{1,2})(?:[:：时点]\s*(?P<mi>\d{1,2})?)(?:[:：分]\s*(?P<s>\d{1,2})?)?"
    r"(?:[.,](?P<f>\d{1,9}))?秒?\s*(?P<late>AM|PM|am|pm)?)?\s*(?P<z>Z|UTC|GMT|CST|北京时间|(?:UTC|GMT)?[+-]\d{2}:?\d{2})?(?:\s*[周星]期?[一二三四五六日天])?"
)
_YMD = re.compile(r"(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})(?:\s*[-/.月]\s*(?P<d>\d{1,2})\s*日?)" + _CLOCK)
_PACKED = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?=\D)" + _CLOCK)
_NUMERIC = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})" + _CLOCK)
_NAMED = re.compile(
    r"(?:(?P<d>\d{1,2})[-/ ](?P<n>[A-Za-z]{3})[a-z]*|(?P<n2>[A-Za-z]{3})[a-z]*[-/ ](?P<d2>\d{1,2}))[-/, ]+(?P<y>\d{4}|\d{2})"
    + _CLOCK
)
_DIGITS = re.compile(r"\d+")
_DECIMAL = re.compile(r"\d{4,6}(?:\.\d+)?")
_DATE_REMEDY = "写成 2026-08-22 或 2026-08-22 13:05:00"


class Moments:
    """Reads dates of one column: text in many shapes, Excel serials, epoch seconds or milliseconds.

    `order` says which of day and month comes first where a date is written with the year last; text without a zone
    is local time of `zone`. Results are UTC microseconds since 1970 (`micros_of`) or days since 1970 (`day_of`).
    """

    def __init__(self, zone: ZoneInfo, order: DateOrder = "mdy", *, since_1904: bool = False) -> None:
        self.zone, self.order = zone, order
        self.serial_zero = _SERIAL_ZERO_1904 if since_1904 else _SERIAL_ZERO
        self._hours: dict[str, int] = {}

    def micros_of(self, text: str) -> int:
        """UTC microseconds of the moment a cell names; CellError when it names none."""
        # The shape of nearly every export, "2026-08-22 13:05:00": the hour's UTC start is remembered.
        if len(text) == 19 and text[13] == ":" and text[16] == ":" and text[4] == "-":
            start = self._hours.get(text[:13])
            minute, second = text[14:16], text[17:]
            if start is not None and minute.isdigit() and second.isdigit() and minute < "60" and second < "60":
                return start + (int(minute) * 60 + int(second)) * MICRO
            value = self._parse(text)
            if minute.isdigit() and second.isdigit() and not value % MICRO:
                if len(self._hours) > 100_000:
                    self._hours.clear()
                self._hours[text[:13]] = value - (int(minute) * 60 + int(second)) * MICRO
            return value
        return self._parse(text)

    def day_of(self, text: str) -> int:
        """The shop day a cell names, in days since 1970-01-01."""
        moment = datetime.fromtimestamp(self.micros_of(text) / MICRO, UTC).astimezone(self.zone)
        return (moment.date() - _DAY_ZERO).days

    def _local(self, day: date, seconds: int, fraction: int = 0) -> int:
        if not _YEARS[0] <= day.year <= _YEARS[1]:
            raise CellError(f"年份 {day.year} 不合理", _DATE_REMEDY)
        naive = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(seconds=seconds)
        return int(naive.timestamp()) * MICRO + fraction

    def _parse(self, text: str) -> int:
        raw = unicodedata.normalize("NFKC", text).strip()
        if _DIGITS.fullmatch(raw):
            return self._digits(raw)
        match = _YMD.fullmatch(raw) or _PACKED.fullmatch(raw)
        if match:
            return self._fields(text, match, int(match["y"]), int(match["m"]), int(match["d"]))
        match = _NUMERIC.fullmatch(raw)
        if match:
            first, second, year = int(match["a"]), int(match["b"]), _full_year(match["y"])
            if self.order == "ymd" and len(match["y"]) == 2:  # "24/1/31": year first, short
                return self._fields(text, match, _full_year(match["a"]), second, int(match["y"]))
            day, month = (first, second) if self.order == "dmy" else (second, first)
            return self._fields(text, match, year, month, day)
        match = _NAMED.fullmatch(raw)
        if match:
            month = _MONTHS.get((match["n"] or match["n2"]).lower(), 0)
            return self._fields(text, match, _full_year(match["y"]), month, int(match["d"] or match["d2"]))
        if _DECIMAL.fullmatch(raw):
            return self._serial(float(raw), text)
        raise CellError(f"“{text[:40]}”不是日期", _DATE_REMEDY)

    def _fields(self, text: str, match: re.Match[str], year: int, month: int, day: int) -> int:
        hour, minute, second = int(match["h"] or 0), int(match["mi"] or 0), int(match["s"] or 0)
        half = (match["early"] or match["late"] or "").lower()
        if (half in {"下午", "晚上", "pm"} and hour < 12) or (half == "中午" and hour < 10):
            hour += 12
        elif half in {"上午", "凌晨", "am"} and hour == 12:
            hour = 0
        if hour > 23 or minute > 59 or second > 59:
            raise CellError(f"“{text[:40]}”的时刻不存在", _DATE_REMEDY)
        try:
            moment = date(year, month, day)
        except ValueError:
            raise CellError(f"“{text[:40]}”这一天不存在", _DATE_REMEDY) from None
        fraction = int((match["f"] or "").ljust(6, "0")[:6])
        seconds = (hour * 60 + minute) * 60 + second
        if match["z"]:
            if not _YEARS[0] <= year <= _YEARS[1]:
                raise CellError(f"年份 {year} 不合理", _DATE_REMEDY)
            zone = match["z"].removeprefix("UTC").removeprefix("GMT")
            if zone in {"CST", "北京时间"}:
                zone = "+08:00"
            shift = 0 if zone in {"Z", ""} else (int(zone[1:3]) * 60 + int(zone[-2:])) * 60 * (-1 if zone[0] == "-" else 1)
            return ((moment - _DAY_ZERO).days * 86400 + seconds - shift) * MICRO + fraction
        return self._local(moment, seconds, fraction)

    def _digits(self, raw: str) -> int:
        size = len(raw)
        try:
            if size == 8 and raw[:2] in {"19", "20"}:
                return self._local(date(int(raw[:4]), int(raw[4:6]), int(raw[6:])), 0)
            if size in {12, 14} and raw[:2] in {"19", "20"}:
                hour, minute, second = int(raw[8:10]), int(raw[10:12]), int(raw[12:] or 0)
                if hour < 24 and minute < 60 and second < 60:
                    return self._local(date(int(raw[:4]), int(raw[4:6]), int(raw[6:8])), (hour * 60 + minute) * 60 + second)
        except ValueError:
            raise CellError(f"“{raw}”这一天不存在", _DATE_REMEDY) from None
        if size in {9, 10}:
            return self._epoch(int(raw) * MICRO, raw)
        if size in {12, 13}:
            return self._epoch(int(raw) * 1000, raw)
        if size == 16:
            return self._epoch(int(raw), raw)
        if size == 5:
            return self._serial(float(raw), raw)
        raise CellError(f"“{raw[:40]}”不是日期", _DATE_REMEDY)

    def _epoch(self, value: int, raw: str) -> int:
        if not 631_152_000 * MICRO <= value <= 4_102_444_800 * MICRO:
            raise CellError(f"“{raw}”不是日期", _DATE_REMEDY)
        return value

    def _serial(self, value: float, text: str) -> int:
        if not 20_000 <= value <= 80_000:
            raise CellError(f"“{text[:40]}”不是日期", _DATE_REMEDY)
        seconds = round(value * 86400)
        return self._local(self.serial_zero + timedelta(days=seconds // 86400), seconds % 86400)


def _full_year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)


def date_order(samples: Sequence[str]) -> tuple[DateOrder, bool]:
    """Which of day and month comes first in a column whose years stand last, and whether the samples settle it.

    ("ymd", True) when no sample is written that way.
    """
    firsts, seconds = 0, 0
    seen = False
    for text in samples:
        match = _NUMERIC.fullmatch(unicodedata.normalize("NFKC", text).strip())
        if match:
            seen = True
            firsts, seconds = max(firsts, int(match["a"])), max(seconds, int(match["b"]))
    if not seen:
        return "ymd", True
    if firsts > 31:
        return "ymd", True
    if firsts > 12:
        return "dmy", True
    return "mdy", seconds > 12


def decimal_comma(samples: Sequence[str]) -> bool:
    """Whether the numbers of a column write the decimal sign as a comma ("12,5", "1.234,56")."""
    votes = 0
    for text in samples:
        raw = _CURRENCY.sub("", text).strip()
        if re.fullmatch(r"-?\d+,\d{1,2}|-?\d{1,3}(\.\d{3})+,\d{1,2}", raw):
            votes += 1
        elif re.fullmatch(r"-?\d+\.\d{1,2}|-?\d{1,3}(,\d{3})+(\.\d+)?", raw):
            votes -= 1
    return votes > 0


# ------------------------------------------------------------------------------------------------ ids and words

_WRAPPED = re.compile(r'=\s*"(.*)"', re.DOTALL)
_SCIENTIFIC = re.compile(r"(\d)(?:\.(\d+))?[eE]\+?(\d{1,3})")
_FLOATED = re.compile(r"\d+\.0+")
_WIDE = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20}
EXCEL_REMEDY = "从平台重新导出，不要先用 Excel 打开保存；或把该列设为“文本”后重新粘贴"


def identifier(text: str) -> str:
    """An id exactly as the platform gave it, freed of what exports wrap around it: ="123", '123, tabs, full width, ".0".

    Raises CellError when Excel has already turned it into 3.70E+18: its digits are gone.
    """
    if text.isascii() and text.isalnum():
        return text
    raw = text.translate(_WIDE).strip().strip("\ufeff\u200b\u200c\u200d`'").strip()
    match = _WRAPPED.fullmatch(raw)
    if match:
        raw = match[1].strip()
    raw = raw.strip('"').strip("\t ").strip()
    power = _SCIENTIFIC.fullmatch(raw)
    if power:
        return _exact(raw, power)
    if _FLOATED.fullmatch(raw):
        return raw.split(".", 1)[0]
    return raw


def _exact(raw: str, power: re.Match[str]) -> str:
    """An id in scientific notation where that has lost nothing: Excel writes up to 11 digits in full, so 4e+10 came from elsewhere."""
    if "+" not in raw:  # "1E18" may well be an article number
        return raw
    digits, places = power[1] + (power[2] or ""), int(power[3])
    if places <= 10 and len(digits) - 1 <= places and ("." not in raw or len(digits) - 1 < places):
        return digits.ljust(places + 1, "0")
    raise CellError(f"“{raw}”已被 Excel 改成科学计数法，编号后几位已丢失", EXCEL_REMEDY)


def cut_off(text: str) -> bool:
    """Whether an id of 16 and more digits has nothing but zeros after its 15th: what Excel leaves of a long number."""
    return len(text) > 15 and text.isdigit() and not text[15:].strip("0")


def were_cut(ids: Sequence[str]) -> bool:
    """Whether the long ids of a column were stored as numbers: many more end in zeros after their 15th digit than by chance."""
    long = [t for t in map(_bare, ids) if len(t) > 15 and t.isdigit()]
    hits = sum(map(cut_off, long))
    if not hits:
        return False
    expected = sum(10.0 ** (15 - len(t)) for t in long)
    if len(long) < 5:
        return hits == len(long) and expected <= 0.02
    return hits >= 2 and (hits > 20 * expected or (hits >= 0.8 * len(long) and hits >= 3 * expected))


def _bare(text: str) -> str:
    try:
        return identifier(text)
    except CellError:
        return ""


def check_cut(values: Sequence[Any], errors: dict[int, CellError]) -> list[Any]:
    """Ids of a column whose long numbers were cut: those are errors, the rest stays."""
    out = list(values)
    for index, value in enumerate(values):
        if value is not None and cut_off(value):
            errors.setdefault(index, CellError(f"“{value}”只剩前 15 位，后面已被 Excel 改成 0", EXCEL_REMEDY))
            out[index] = None
    return out


def words(text: str) -> str:
    """Text on one line without control characters and surrounding blanks."""
    if text.isalnum():
        return text
    return " ".join(text.replace("\x00", "").split())


def phone(text: str) -> str:
    """The 11 digits of a mainland mobile number, or "" when it is masked, foreign or none."""
    digits = re.sub(r"[\s\-()+]", "", unicodedata.normalize("NFKC", text))
    if digits.startswith("86") and len(digits) == 13:
        digits = digits[2:]
    return digits if re.fullmatch(r"1[3-9]\d{9}", digits) else ""


_PROVINCES = [
    "北京",
    "天津",
    "上海",
    "重庆",
    "河北",
    "山西",
    "辽宁",
    "吉林",
    "黑龙江",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "海南",
    "四川",
    "贵州",
    "云南",
    "陕西",
    "甘肃",
    "青海",
    "台湾",
    "内蒙古",
    "广西",
    "西藏",
    "宁夏",
    "新疆",
    "香港",
    "澳门",
]


def region(text: str) -> str:
    """The province an address or region text begins with ("广东省深圳市…" → "广东"), else the text itself if short."""
    raw = words(text)
    for name in _PROVINCES:
        if raw.startswith(name):
            return name
    return raw[:40] if len(raw) <= 40 else ""


def safe(text: Any) -> Any:
    """Text that a spreadsheet will not run as a formula: one that begins with = + - @ (or a control) gets a quote before it.

    Plain numbers such as "-12.50" stay as they are.
    """
    if not isinstance(text, str) or not text:
        return text
    if text[0] in "=+-@\t\r\n|＝＋－＠" and not re.fullmatch(r"[+-]?\d[\d,]*(?:\.\d+)?%?", text):
        return "'" + text
    return text


def cached(parse: Callable[[str], Any], limit: int = 50_000) -> Callable[[Sequence[str | None], dict[int, CellError]], list[Any]]:
    """A column reader around a cell reader: blank is None, repeated texts are read once, errors go into a dictionary by row."""
    memory: dict[str | None, Any] = {None: None}

    def column(values: Sequence[str | None], errors: dict[int, CellError]) -> list[Any]:
        try:
            return [memory[v] for v in values]
        except KeyError:
            pass
        if len(memory) > limit:
            memory.clear()
            memory[None] = None
        out: list[Any] = []
        for index, value in enumerate(values):
            if value in memory:
                out.append(memory[value])
                continue
            assert value is not None
            text = value.strip()
            if text in BLANKS:
                result = None
            else:
                try:
                    if text in ERRORS:
                        raise CellError(f"这一格是公式错误 {text}", "在原表里改好公式，或直接填数值")
                    result = parse(text)
                except CellError as error:
                    errors[index] = error
                    out.append(None)
                    continue
            memory[value] = result
            out.append(result)
        return out

    return column


def fields_blank(text: str) -> bool:
    """Whether an id cell holds running text (spaces between many words) rather than an id."""
    return text.count(" ") > 3
