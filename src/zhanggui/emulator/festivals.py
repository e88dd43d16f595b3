"""The Chinese shop year: festival dates 2024–2028 and how strongly each pulls demand, as a table written by hand.

Lunar dates are the published calendar days of each year; `年货节` is set here as twenty days before 春节.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Festival:
    """One festival of one year: `lift` is the extra share of demand at its peak, reached `lead` days before the day."""

    key: str
    name: str
    day: date
    lead: int
    lift: float


_LUNAR = {
    "spring": ("春节", ("2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26"), 24, 1.3),
    "lantern": ("元宵节", ("2024-02-24", "2025-02-12", "2026-03-03", "2027-02-20", "2028-02-09"), 6, 0.2),
    "qingming": ("清明", ("2024-04-04", "2025-04-04", "2026-04-05", "2027-04-05", "2028-04-04"), 14, 0.3),
    "dragon": ("端午节", ("2024-06-10", "2025-05-31", "2026-06-19", "2027-06-09", "2028-05-28"), 20, 0.8),
    "qixi": ("七夕", ("2024-08-10", "2025-08-29", "2026-08-19", "2027-08-08", "2028-08-26"), 10, 0.4),
    "moon": ("中秋节", ("2024-09-17", "2025-10-06", "2026-09-25", "2027-09-15", "2028-10-03"), 28, 1.7),
    "chongyang": ("重阳节", ("2024-10-11", "2025-10-29", "2026-10-18", "2027-10-08", "2028-10-26"), 7, 0.15),
}
_SOLAR = {
    "valentine": ("情人节", (2, 14), 8, 0.3),
    "teachers": ("教师节", (9, 10), 7, 0.25),
    "double11": ("双11", (11, 11), 8, 0.9),
    "june18": ("618", (6, 18), 8, 0.6),
    "newyear": ("元旦", (1, 1), 8, 0.25),
}


def _table() -> tuple[Festival, ...]:
    rows: list[Festival] = []
    for key, (name, days, lead, lift) in _LUNAR.items():
        rows += [Festival(key, name, date.fromisoformat(d), lead, lift) for d in days]
    for key, (name, (month, day), lead, lift) in _SOLAR.items():
        rows += [Festival(key, name, date(year, month, day), lead, lift) for year in range(2024, 2029)]
    for year in range(2024, 2029):
        second_sunday = date(year, 5, 8) + timedelta(days=(6 - date(year, 5, 8).weekday()) % 7)
        rows.append(Festival("mothers", "母亲节", second_sunday, 9, 0.35))
    rows += [Festival("nianhuo", "年货节", f.day - timedelta(days=20), 6, 0.5) for f in rows if f.key == "spring"]
    return tuple(sorted(rows, key=lambda f: f.day))


FESTIVALS = _table()
WEEKDAY = (0.94, 0.97, 0.96, 0.98, 1.05, 1.08, 1.02)
"""Demand by weekday, Monday first."""
HOURS = (2, 1, 0.5, 0.3, 0.3, 0.6, 1.8, 3.2, 4.3, 5.2, 5.8, 5.6, 5.9, 5.0, 4.4, 4.5, 4.6, 4.6, 4.9, 6.0, 7.8, 8.4, 7.0, 4.2)
"""Share of a day's visits per hour (any scale): lunch and evening peaks."""


def pull(key: str, day: date) -> float:
    """How far into its buying season festival `key` is on `day`: 0 outside, 1 at the peak two days before it.

    Demand climbs over the lead time and falls away at once on the day: a gift must arrive before.
    """
    best = 0.0
    for f in FESTIVALS:
        if f.key != key:
            continue
        left = (f.day - day).days
        if 2 <= left <= f.lead:
            best = max(best, 1.0 - (left - 2) / max(f.lead - 1, 1))
        elif left in (0, 1):
            best = max(best, 0.35 if f.lead > 10 else 0.8)
    return best


def demand(day: date) -> float:
    """Demand on `day` against an ordinary day: weekday pattern times every festival's pull (the days of 春节 itself are quiet)."""
    level = WEEKDAY[day.weekday()]
    for f in FESTIVALS:
        left = (f.day - day).days
        if -7 <= left <= f.lead:
            if f.key == "spring" and -5 <= left <= 2:
                level *= 0.45
            elif left >= 0:
                level *= 1.0 + f.lift * pull(f.key, day)
    return level


def near(day: date, within: int = 12) -> Festival | None:
    """The next festival that falls within `within` days of `day`, if any."""
    return next((f for f in FESTIVALS if 0 <= (f.day - day).days <= within), None)
