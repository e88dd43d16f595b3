"""The nightly comparison of the books with the platform: what is missing or older than the platform's is read again, and both sides are written down.

    by day of creation   ids the platform lists ↔ ids stored                  → missing, or stored and not listed
    by day of update     ids the platform lists ↔ the stored times of update  → stale
    by day of payment    the compass's count and amount ↔ ours                → all of a day that differs
    what pushes said     orders and payments named by pushes ↔ ours           → missing

Amounts of the platform are the compass's; its lists give ids only. The result lies in `SyncState.checks` of the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from zhanggui.facts import bulk, network
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.commands import connections
from zhanggui.facts.models import AfterSale, Connection, Inbound, Order, Refund, Shop, SyncState
from zhanggui.facts.sync import days
from zhanggui.facts.sync.fetching import get_all
from zhanggui.facts.sync.stream import Changes, Days
from zhanggui.facts.sync.streams import STREAMS
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.jobs import JobContext, Later
from zhanggui.wechat import errors
from zhanggui.wechat.schemas.shop import ShopDay

JOB = "facts.reconcile"
SPAN = 30
"""Days compared, the last of them yesterday."""
MOST = 5000
"""Things read again in one night because a day's sum differs; what is known to be missing is always read."""
_PIECE, _SHOWN, _ABREAST = 200, 20, 6
_DAY = timedelta(days=1)
_LAG = timedelta(minutes=20)
Sums = dict[date, tuple[int, int]]
"""Day → how many, and 分."""


@dataclass(frozen=True)
class _Book:
    """How one stream is compared."""

    stream: str
    created: Callable[[Shop, datetime, datetime], set[str]]
    """Ids stored that were created in [start, end)."""
    updated: Callable[[Shop, Iterable[str]], dict[str, datetime | None]]
    """Id → the platform's time of update as stored, for ids that are stored."""
    sums: Callable[[Shop, datetime, datetime], Sums]
    """Ours per day of payment."""
    compass: Callable[[ShopDay], tuple[int | None, int]]
    """The platform's for a day; None where it does not count."""
    of_days: Callable[[Shop, list[date]], list[str]]
    """Ids that make up the sums of some days."""


@dataclass(slots=True)
class _Side:
    """One side's figures over the span: things created, paid (refunded) ones, 分."""

    count: int = 0
    paid: int = 0
    fen: int = 0


@dataclass(slots=True)
class _Report:
    """What a comparison found."""

    first: date
    last: date
    platform: _Side = field(default_factory=_Side)
    ours: _Side = field(default_factory=_Side)
    missing: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)
    repaired: int = 0
    gone: dict[str, str] = field(default_factory=dict)
    days: list[dict[str, Any]] = field(default_factory=list)
    """Days whose sums still differ after the repair."""
    compared: int = 0
    """Days for which the platform gave sums."""
    pushes: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether both sides agree now."""
        return self.platform.count == self.ours.count and not self.days


@jobs.handler(JOB, lane="sync")
def reconcile(job: JobContext) -> None:
    """Compares the last days of a shop's stores with the platform and repairs what differs."""
    accounts = Connection.objects.select_related("shop").filter(shop_id=job.shop_id or 0, shop__closed_at=None, kind="store")
    for account in accounts.exclude(state="off"):
        try:
            client = network.client_of(account)
            for book in BOOKS:
                _Comparison(job, account, client, book).run()
        except errors.ConfigurationError as error:
            connections.note_failing(account, error)
        except (errors.QuotaExhausted, errors.Throttled) as error:
            raise Later(3600.0, str(error)) from error


class _Comparison:
    """One stream of one store, compared and repaired."""

    def __init__(self, job: JobContext, account: Connection, client: Any, book: _Book) -> None:
        self.job, self.account, self.client, self.book, self.shop = job, account, client, book, account.shop
        work = STREAMS[book.stream].work
        assert isinstance(work, Changes)
        self.work = work
        self.said_paid: set[str] = set()
        self.state = SyncState.objects.filter(connection=account, stream=book.stream).first()

    def run(self) -> None:
        """Compares, repairs, writes down. Does nothing before the first run is through: it reads everything anyway."""
        if self.state is None or self.state.cursor.get("history") != "done" or self.state.state == "off":
            return
        last = clock.today(self.shop.zone) - _DAY
        self.report = _Report(last - _DAY * (SPAN - 1), last)
        listed = self.by_creation()
        self.by_update()
        self.by_pushes()
        wrong = self.report.missing | self.report.stale | self.report.extra
        self.read_again(sorted(wrong))
        self.by_sums()
        start, end = clock.day_span(self.report.first, last, self.shop.zone)
        self.report.platform.count = len(listed)
        self.report.ours.count = len(self.book.created(self.shop, start, end) - set(self.report.gone))
        with self.job.transaction():
            SyncState.objects.filter(pk=self.state.pk).update(checks=self.as_checks())

    # -- looking ---------------------------------------------------------------------------------------------------------------

    def by_creation(self) -> set[str]:
        """Ids the platform lists as created in the span; notes what either side lacks."""
        listed = {name for names in self.listed("create").values() for name in names}
        start, end = clock.day_span(self.report.first, self.report.last, self.shop.zone)
        stored = self.book.created(self.shop, start, end)
        self.report.missing |= set(listed - stored) - set(self.book.updated(self.shop, listed - stored))
        self.report.extra = stored - listed
        return listed

    def by_update(self) -> None:
        """Notes what the platform changed later than we know, up to a while ago: the regular sync has its minutes."""
        for day, names in self.listed("update", clock.now() - _LAG).items():
            start = clock.day_start(day, self.shop.zone)
            held = self.book.updated(self.shop, names)
            self.report.missing |= set(names) - set(held)
            self.report.stale |= {name for name, at in held.items() if at is not None and at < start}

    def listed(self, by: str, until: datetime | None = None) -> dict[date, list[str]]:
        """Ids per day, in windows of a day; up to the end of the span, or a moment after it."""
        span_end = clock.day_start(self.report.last + _DAY, self.shop.zone) - timedelta(seconds=1)
        final = until or span_end

        async def of(day: date) -> tuple[date, list[str]]:
            start, end = clock.day_span(day, day, self.shop.zone)
            pages = self.work.pages(self.client, start, min(end - timedelta(seconds=1), final), by)
            return day, [name async for page in pages for name in page.items]

        self.job.progress(0, None, f"对账：{STREAMS[self.book.stream].title}", force=True)
        every = list(clock.days(self.report.first, clock.day_of(final, self.shop.zone)))
        return dict(network.run(network.each_plain(every, of, parallel=_ABREAST)))

    def by_pushes(self) -> None:
        """What pushes said about orders against what we have."""
        if self.book.stream != "orders":
            return
        start, _ = clock.day_span(self.report.first, self.report.last, self.shop.zone)
        pushed = Inbound.objects.filter(connection=self.account, received_at__gte=start, kind__startswith="channels_ec_order_")
        said = dict.fromkeys(pushed.exclude(entity_id="").values_list("entity_id", flat=True))
        paid = set(pushed.filter(kind="channels_ec_order_pay").values_list("entity_id", flat=True))
        ours = _paid_orders(self.shop, said)
        self.report.missing |= set(said) - set(ours)
        self.report.stale |= {name for name in paid if name in ours and ours[name] is None}
        self.report.pushes = {"said": len(said), "said_paid": len(paid), "missing": len(set(said) - set(ours))}
        self.said_paid = paid

    def by_sums(self) -> None:
        """The platform's sums per day against ours; days that differ are read again whole and compared once more."""
        theirs = self.compass()
        differing = self.differing(theirs)
        again = self.book.of_days(self.shop, differing)[:MOST]
        if again:
            self.read_again(again)
            differing = self.differing(theirs)
        mine = self.own_sums()
        for day, (count, fen) in theirs.items():
            self.report.platform.paid += count if count is not None else mine.get(day, (0, 0))[0]
            self.report.platform.fen += fen
            self.report.ours.paid += mine.get(day, (0, 0))[0]
            self.report.ours.fen += mine.get(day, (0, 0))[1]
            if day in differing:
                own = mine.get(day, (0, 0))
                self.report.days.append(
                    {"day": day.isoformat(), "platform": count, "platform_fen": fen, "ours": own[0], "ours_fen": own[1]}
                )
        self.report.compared = len(theirs)

    def own_sums(self) -> Sums:
        """Our sums over the span."""
        return self.book.sums(self.shop, *clock.day_span(self.report.first, self.report.last, self.shop.zone))

    def differing(self, theirs: dict[date, tuple[int | None, int]]) -> list[date]:
        """Days on which the sums differ."""
        mine = self.own_sums()
        return [
            day
            for day, (count, fen) in theirs.items()
            if fen != mine.get(day, (0, 0))[1] or (count is not None and count != mine.get(day, (0, 0))[0])
        ]

    def compass(self) -> dict[date, tuple[int | None, int]]:
        """The platform's sums for the days it gives; none where it has no compass for this shop."""
        work = STREAMS["compass"].work
        assert isinstance(work, Days)
        until = min(self.report.last, days.newest_ready(work, clock.now()))

        async def of(day: date) -> tuple[date, ShopDay | None]:
            try:
                return day, await self.client.shop_day(day)
            except (errors.Refused, errors.NotReadyYet, errors.CapabilityOff):
                return day, None

        asked = network.run(network.each_plain(list(clock.days(self.report.first, until)), of, parallel=_ABREAST))
        return {day: self.book.compass(found) for day, found in asked if found is not None}

    # -- repairing -------------------------------------------------------------------------------------------------------------

    def read_again(self, ids: list[str]) -> None:
        """Reads these as they are now and records them."""
        assert self.state is not None
        since = datetime.fromtimestamp(self.state.cursor["since"], UTC)
        for at in range(0, len(ids), _PIECE):
            got = network.run(get_all(ids[at : at + _PIECE], lambda name: self.work.get(self.client, name)))
            with self.job.transaction():
                lock_shop(self.shop)
                self.work.record(self.shop, got.values, since)
            self.report.repaired += len(got.values)
            self.report.gone |= got.gone
            self.job.progress(at + len(got.ids), len(ids), f"对账：重读{STREAMS[self.book.stream].title}")

    # -- telling ---------------------------------------------------------------------------------------------------------------

    def as_checks(self) -> dict[str, Any]:
        """The report as it is kept and shown."""
        r = self.report
        pushes = self.heard() if r.pushes else {}
        return {
            "at": clock.now().isoformat(), "from": r.first.isoformat(), "to": r.last.isoformat(), "ok": r.ok,
            "platform": asdict(r.platform), "ours": asdict(r.ours), "compared_days": r.compared,
            "missing": len(r.missing), "stale": len(r.stale), "extra": len(r.extra), "repaired": r.repaired,
            "ids": sorted(r.missing | r.stale | r.extra)[:_SHOWN], "gone": dict(sorted(r.gone.items())[:_SHOWN]), "days": r.days,
            "pushes": pushes, "words": self.words(),
        }  # fmt: skip

    def heard(self) -> dict[str, Any]:
        """Orders paid since pushes began to come, and how many of them, and how much, a push had told."""
        first = Inbound.objects.filter(connection=self.account).order_by("id").values_list("received_at", flat=True).first()
        since = max(first or clock.now(), clock.day_start(self.report.first, self.shop.zone))
        paid = dict(
            Order.objects.filter(shop=self.shop, source="platform", paid_at__gte=since).values_list("order_id", "paid_fen")
        )
        told = {name: fen for name, fen in paid.items() if name in self.said_paid}
        return {
            **self.report.pushes, "since": since.isoformat(), "told": len(told), "told_fen": sum(told.values()),
            "paid": len(paid), "paid_fen": sum(paid.values()),
        }  # fmt: skip

    def words(self) -> str:
        """The comparison in a sentence."""
        r = self.report
        span = f"{r.first:%m-%d} 到 {r.last:%m-%d}：平台 {r.platform.count:,} 单，本地 {r.ours.count:,} 单"
        wrong = len(r.missing) + len(r.stale)
        mended = f"，补上 {len(r.missing)} 单、更新 {len(r.stale)} 单" if wrong else ""
        if r.ok:
            sums = "，金额一致" if r.compared else ""
            return f"{span}{mended}{sums}"
        return f"{span}{mended}；{len(r.days)} 天的金额与平台不同" if r.days else f"{span}{mended}，仍有差别"


# -- the books -------------------------------------------------------------------------------------------------------------------


def _created_orders(shop: Shop, start: datetime, end: datetime) -> set[str]:
    rows = Order.objects.filter(shop=shop, source="platform", created_at__gte=start, created_at__lt=end)
    return set(rows.values_list("order_id", flat=True))


def _updated_orders(shop: Shop, ids: Iterable[str]) -> dict[str, datetime | None]:
    found: dict[str, datetime | None] = {}
    for batch in bulk.chunks(ids, 900):
        rows = Order.objects.filter(shop=shop, order_id__in=batch, source="platform")
        found.update(rows.values_list("order_id", "platform_updated_at"))
    return found


def _paid_orders(shop: Shop, ids: Iterable[str]) -> dict[str, datetime | None]:
    found: dict[str, datetime | None] = {}
    for batch in bulk.chunks(ids, 900):
        found.update(Order.objects.filter(shop=shop, order_id__in=batch).values_list("order_id", "paid_at"))
    return found


def _order_sums(shop: Shop, start: datetime, end: datetime) -> Sums:
    rows = Order.objects.filter(shop=shop, source="platform", paid_at__gte=start, paid_at__lt=end)
    return _by_day(shop, rows.values_list("paid_at", "paid_fen"))


def _by_day(shop: Shop, rows: Iterable[tuple[datetime | None, int]]) -> Sums:
    sums: Sums = {}
    for moment, fen in rows:
        if moment is not None:
            day = clock.day_of(moment, shop.zone)
            count, total = sums.get(day, (0, 0))
            sums[day] = (count + 1, total + fen)
    return sums


def _orders_of_days(shop: Shop, some: list[date]) -> list[str]:
    return [
        name
        for day in some
        for name in Order.objects.filter(
            shop=shop,
            source="platform",
            paid_at__gte=clock.day_start(day, shop.zone),
            paid_at__lt=clock.day_start(day + _DAY, shop.zone),
        ).values_list("order_id", flat=True)
    ]


def _created_aftersales(shop: Shop, start: datetime, end: datetime) -> set[str]:
    rows = AfterSale.objects.filter(shop=shop, created_at__gte=start, created_at__lt=end)
    return set(rows.values_list("aftersale_id", flat=True))


def _updated_aftersales(shop: Shop, ids: Iterable[str]) -> dict[str, datetime | None]:
    found: dict[str, datetime | None] = {}
    for batch in bulk.chunks(ids, 900):
        found.update(
            AfterSale.objects.filter(shop=shop, aftersale_id__in=batch).values_list("aftersale_id", "platform_updated_at")
        )
    return found


def _refund_sums(shop: Shop, start: datetime, end: datetime) -> Sums:
    """Money given back for the orders paid on each day, as the compass counts it."""
    rows = Refund.objects.filter(shop=shop, source="platform", order__paid_at__gte=start, order__paid_at__lt=end)
    return _by_day(shop, rows.values_list("order__paid_at", "amount_fen"))


def _aftersales_of_days(shop: Shop, some: list[date]) -> list[str]:
    orders = _orders_of_days(shop, some)
    return [
        name
        for batch in bulk.chunks(orders, 900)
        for name in AfterSale.objects.filter(shop=shop, order_id__in=batch).values_list("aftersale_id", flat=True)
    ]


BOOKS: tuple[_Book, ...] = (
    _Book(
        "orders", _created_orders, _updated_orders, _order_sums, lambda day: (day.pay_order_cnt, day.pay_gmv), _orders_of_days
    ),
    _Book(
        "aftersales", _created_aftersales, _updated_aftersales, _refund_sums, lambda day: (None, day.pay_refund_gmv),
        _aftersales_of_days,
    ),
)  # fmt: skip
