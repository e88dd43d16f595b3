"""Clock → jobs: what runs when, and the clock that keeps it.

A tick is a row (`kernel.models.Tick`) moved on in the transaction that makes the job, so it is struck once however many workers there
are, and one missed during an outage is struck once afterwards. Work of a shop starts at a moment of its own within the span: a hundred
shops do not knock at the same second.
"""

from __future__ import annotations

import time as machine
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from zhanggui.facts.models import Shop
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.models import Tick

_STRIDE = 977
"""A prime: neighbouring shop numbers get moments far apart."""
GLANCE = 5.0
"""Seconds between two looks at the clock."""


@dataclass(frozen=True)
class Entry:
    """One line of the schedule: a job, and when. `every` repeats; `at` is a time of the shop's own day, spread over `within`."""

    name: str
    """Name of the job."""
    when: str
    """Chinese: when it runs."""
    about: str
    """Chinese: what it does."""
    every: timedelta | None = None
    at: time | None = None
    within: timedelta = timedelta(0)
    per_shop: bool = False


SCHEDULE: tuple[Entry, ...] = (
    Entry(
        "facts.sync_due",
        "每分钟",
        "看每家店的每类数据该不该同步：到了间隔的排进队列，先到先做，长的轮流做",
        every=timedelta(minutes=1),
    ),
    Entry(
        "metrics.refresh",
        "每小时一次，各店错开",
        "把没有消息通知的变化（行为、花费、日期推移）算进指标",
        every=timedelta(hours=1),
        per_shop=True,
    ),
    Entry(
        "facts.reconcile",
        "店铺当地每天 2 点到 5 点之间",
        "对账：平台的单数和金额与账本逐日比较，差的补读",
        at=time(2),
        within=timedelta(hours=3),
        per_shop=True,
    ),
    Entry(
        "house.tidy",
        "每天 4 点 30 分",
        "清理：做完的任务、处理完的推送、没有导入的上传文件和过期的拒收文件",
        at=time(4, 30),
    ),
)


def offset(number: int, span: timedelta) -> timedelta:
    """The moment within `span` at which shop `number` has its turn; always the same one."""
    seconds = int(span.total_seconds())
    return timedelta(seconds=number * _STRIDE % seconds) if seconds else timedelta(0)


def last_stroke(entry: Entry, now: datetime, number: int = 0, zone: ZoneInfo = clock.SHANGHAI) -> datetime:
    """The latest moment not after `now` at which the entry is to run for shop `number` (0: for the whole house)."""
    if entry.every is not None:
        begin = datetime.fromtimestamp(0, now.tzinfo) + offset(number, entry.every)
        return begin + (now - begin) // entry.every * entry.every
    assert entry.at is not None
    day = clock.day_of(now, zone)
    while True:
        moment = (datetime.combine(day, entry.at, zone) + offset(number, entry.within)).astimezone(now.tzinfo)
        if moment <= now:
            return moment
        day -= timedelta(days=1)


def keep(now: datetime | None = None) -> int:
    """Strikes what is due; how many jobs that made. A daily entry met for the first time waits for its next stroke."""
    now = now or clock.now()
    ticks = dict(Tick.objects.values_list("name", "last_at"))
    shops = list(Shop.objects.filter(closed_at=None).only("id", "timezone").order_by("id"))
    struck = 0
    for entry in SCHEDULE:
        for shop in shops if entry.per_shop else [None]:
            name = f"{entry.name}:{shop.pk}" if shop else entry.name
            number, zone = (shop.pk, shop.zone) if shop else (0, clock.SHANGHAI)
            last = ticks.get(name)
            if last is None and entry.at is not None:
                _strike(name, None, now)
                continue
            # A tick in the future is a clock that was put right since: it must not silence the entry until then.
            if last is not None and last_stroke(entry, now, number, zone) <= last <= now + GRACE:
                continue
            struck += _strike(name, last, now, entry.name, shop.pk if shop else None)
    return struck


GRACE = timedelta(minutes=5)


def _strike(name: str, last: datetime | None, now: datetime, job: str = "", shop_id: int | None = None) -> bool:
    """Moves the tick from `last` to `now` and makes the job in one transaction; False if another worker was quicker."""
    try:
        with transaction.atomic():
            if last is None:
                Tick.objects.create(name=name, last_at=now)
            elif not Tick.objects.filter(name=name, last_at=last).update(last_at=now):
                return False
            return bool(job) and jobs.enqueue(job, shop_id=shop_id, unique_key=name) is not None
    except IntegrityError:
        return False


class Keeper:
    """The clock as a worker's beat calls it: cheap every second, a look every few."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self) -> int:
        """Looks at the clock if it is time to; how many jobs that made."""
        if machine.monotonic() < self._next:
            return 0
        self._next = machine.monotonic() + GLANCE
        return keep()
