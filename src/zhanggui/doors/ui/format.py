"""How numbers and times read on a screen: the only place where 分 become 元, shares become percent and moments become "3 分钟前" (pure)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from zhanggui.kernel import clock
from zhanggui.kernel.money import yuan as _yuan

DASH = "—"
_WEEK = "一二三四五六日"


def yuan(fen: Any) -> str:
    """123456 → "¥1,234.56"; None → a dash."""
    return DASH if fen is None else ("-" if fen < 0 else "") + "¥" + _yuan(abs(round(fen)))


def yuan_short(fen: Any) -> str:
    """Large amounts in 万 and 亿, amounts under a hundred 元 with cents: 123456789 → "¥123.5万"."""
    if fen is None:
        return DASH
    value, sign = abs(float(fen)) / 100, "-" if fen < 0 else ""
    if value >= 1e8:
        return f"{sign}¥{value / 1e8:,.2f}亿"
    if value >= 1e5:
        return f"{sign}¥{value / 1e4:,.1f}万"
    if value >= 1000:
        return f"{sign}¥{value:,.0f}"
    return f"{sign}¥{value:,.2f}"


def percent(share: Any, places: int = 1) -> str:
    """0.1234 → "12.3%"; None → a dash."""
    return DASH if share is None else f"{float(share) * 100:.{places}f}%"


def count(number: Any) -> str:
    """12345 → "12,345"; None → a dash."""
    return DASH if number is None else f"{round(number):,}"


def count_short(number: Any) -> str:
    """123456 → "12.3万"."""
    if number is None:
        return DASH
    value = float(number)
    if abs(value) >= 1e8:
        return f"{value / 1e8:.2f}亿"
    if abs(value) >= 1e5:
        return f"{value / 1e4:.1f}万"
    return f"{round(value):,}"


def decimal(number: Any, places: int = 2) -> str:
    """A plain number with thousands separators and without useless zeros: 2.50 → "2.5"."""
    if number is None:
        return DASH
    text = f"{float(number):,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment(at: datetime | None, zone: ZoneInfo = clock.SHANGHAI, *, seconds: bool = False) -> str:
    """A moment in the shop's time; the year only where it is not this one."""
    if at is None:
        return DASH
    local = at.astimezone(zone)
    head = (
        f"{local.month}月{local.day}日"
        if local.year == clock.now().astimezone(zone).year
        else f"{local.year}年{local.month}月{local.day}日"
    )
    return f"{head} {local:%H:%M:%S}" if seconds else f"{head} {local:%H:%M}"


def stamp(at: datetime | None, zone: ZoneInfo = clock.SHANGHAI) -> str:
    """A moment as tables and files write it: 2026-11-24 09:03:00."""
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def day(value: date | None, *, week: bool = False) -> str:
    """A day: 11月24日, with the year where it is not this one."""
    if value is None:
        return DASH
    text = f"{value.month}月{value.day}日" if value.year == clock.today().year else f"{value.year}年{value.month}月{value.day}日"
    return f"{text} 周{_WEEK[value.weekday()]}" if week else text


def ago(at: datetime | None) -> str:
    """How long ago in words; a future moment reads "…后"."""
    if at is None:
        return "从未"
    seconds = (clock.now() - at).total_seconds()
    tail, seconds = ("前", seconds) if seconds >= 0 else ("后", -seconds)
    if seconds < 45:
        return "刚刚" if tail == "前" else "马上"
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} 分钟{tail}"
    if seconds < 86400:
        return f"{round(seconds / 3600)} 小时{tail}"
    if seconds < 86400 * 60:
        return f"{round(seconds / 86400)} 天{tail}"
    return f"{round(seconds / 86400 / 30)} 个月{tail}"


def lasting(span: timedelta | float | None) -> str:
    """A duration (timedelta or seconds) in its two largest units."""
    if span is None:
        return DASH
    seconds = int(span.total_seconds() if isinstance(span, timedelta) else span)
    parts = [(seconds // 86400, "天"), (seconds % 86400 // 3600, "小时"), (seconds % 3600 // 60, "分钟"), (seconds % 60, "秒")]
    filled = [f"{n} {name}" for n, name in parts if n]
    return " ".join(filled[:2]) or "0 秒"


def size(octets: Any) -> str:
    """A file size: 1536 → "1.5 KB"."""
    if octets is None:
        return DASH
    value = float(octets)
    for unit in ("B", "KB", "MB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.2f} GB"


UNITS = {
    "rate": "%",
    "fen": "元",
    "count": "",
    "people": "人",
    "orders": "单",
    "times": "次",
    "days": "天",
    "ratio": "倍",
    "seconds": "秒",
    "pages": "页",
    "score": "",
}
"""Unit key → its word on screen."""
_ALIASES = {
    "share": "rate", "percent": "rate", "%": "rate", "share of visits": "rate", "money": "fen", "分": "fen", "元": "fen", "yuan": "fen",
    "customers": "people", "persons": "people", "visitors": "people", "人": "people", "单": "orders", "次": "times", "sessions": "times",
    "day": "days", "天": "days", "倍": "ratio", "x": "ratio", "number": "ratio", "num": "ratio", "页": "pages", "秒": "seconds", "比例": "rate", "率": "rate",
    "比值": "score",
}  # fmt: skip


def unit_key(unit: str) -> str:
    """The screen's unit for a metric's unit word; unknown words are shown as they are behind a plain number."""
    text = unit.strip()
    if text in UNITS:
        return text
    if text in _ALIASES:
        return _ALIASES[text]
    if "比例" in text or "0..1" in text or "share" in text or text.endswith("率"):
        return "rate"
    return "fen" if text.startswith(("分", "fen")) else text


def value(number: Any, unit: str, *, short: bool = False) -> str:
    """A number with its unit, as one text: never a number without its unit."""
    if number is None:
        return DASH
    head, tail = value_parts(number, unit, short=short)
    return f"{head} {tail}".strip() if tail not in {"%"} else f"{head}{tail}"


def value_parts(number: Any, unit: str, *, short: bool = True) -> tuple[str, str]:
    """(figure, unit word) of a number: ("12.3", "%"), ("¥1,234", ""), ("35", "单")."""
    key = unit_key(unit)
    if number is None:
        return DASH, ""
    if key == "rate":
        return percent(number).rstrip("%"), "%"
    if key == "fen":
        return (yuan_short(number) if short else yuan(number)), ""
    word = UNITS.get(key, unit)
    whole = isinstance(number, int) or (
        isinstance(number, float | Decimal) and float(number).is_integer() and key not in {"ratio", "days", "pages", "seconds"}
    )
    if whole and not isinstance(number, bool):
        return (count_short(number) if short else count(number)), word
    size = abs(float(number))
    return decimal(number, 1 if size >= 100 else 2 if size >= 0.1 else 3), word


def change(now: Any, before: Any, unit: str) -> str:
    """The change against the period before in words: rates in points, everything else in percent; empty where it cannot be said."""
    if now is None or before is None:
        return ""
    if unit_key(unit) == "rate":
        points = round((float(now) - float(before)) * 100, 1)
        return "持平" if points == 0 else f"{'升' if points > 0 else '降'} {abs(points):.1f} 个百分点"
    if not before:
        return ""
    share = round((float(now) - float(before)) / abs(float(before)) * 100, 1)
    if share == 0:
        return "持平"
    return (
        f"{'增' if share > 0 else '减'} {abs(share):,.0f}%"
        if abs(share) >= 10
        else f"{'增' if share > 0 else '减'} {abs(share):.1f}%"
    )
