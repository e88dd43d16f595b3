"""The shop's first page: is it healthy, what came in lately, where the data stand, and what to do when there are none.

Only stored points and indexed looks: nothing here counts a table, so the page is as quick with a million orders as with ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Literal

from django.db.models import Count, Max, Sum
from django.http import HttpRequest, HttpResponseBase

from zhanggui.doors.desk import imports, judged
from zhanggui.doors.desk.orders import status_of
from zhanggui.doors.desk.page import desk_page, show
from zhanggui.doors.desk.records import job_name
from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Metric, Progress, Tone, Verdict
from zhanggui.facts import sync
from zhanggui.facts.models import Connection, ImportFile, Order, Refund
from zhanggui.kernel import clock
from zhanggui.kernel.access import Permission
from zhanggui.kernel.models import Job, PolicyOverride
from zhanggui.metrics import queries, work
from zhanggui.metrics.models import Watermark

LATELY = 5
"""How many of each kind "lately" looks at; the newest eight of all are shown."""
SHOWN = 8
WAITING_UP_TO = 1000
"""Orders to be shipped are counted up to here."""
STALE_DAYS = 2
"""So many days without anything new, and a connected shop is told so."""
STATES: dict[str, tuple[Tone, str]] = {
    "ok": ("good", "正常"),
    "failing": ("bad", "连不上"),
    "new": ("none", "还没检测"),
    "off": ("none", "已停用"),
}
IMPORT, REFRESH = imports.JOB, work.JOB
"""Background work that people wait for, besides the first sync."""
OPTIONAL = ("社群", "内容")
"""Layers that many shops do not have: shown once there is a number in them."""


@dataclass(frozen=True)
class Layer:
    """One layer of the shop: its numbers, and those that lack their data."""

    name: str
    tone: Tone
    word: str
    reason: str
    cards: tuple[Metric, ...]
    lacking: tuple[Metric, ...]


@dataclass(frozen=True)
class Lately:
    """Something that came in."""

    at: datetime
    what: str
    tone: Tone
    text: str
    amount: str
    url: str


@dataclass(frozen=True)
class Source:
    """Where data come from and how that stands."""

    name: str
    tone: Tone
    word: str
    note: str
    url: str


@dataclass(frozen=True)
class Day:
    """What the last day brought so far; the same weekday before it, whole, beside it."""

    day: date
    is_today: bool
    orders: int = 0
    sales_fen: int = 0
    refunds: int = 0
    refunds_fen: int = 0
    waiting: int = 0
    """Paid and not shipped, at most WAITING_UP_TO."""
    before_orders: float | None = None
    before_sales_fen: float | None = None

    @property
    def waiting_words(self) -> str:
        """The number of orders to be shipped; beyond the limit only that it is beyond."""
        return f"{WAITING_UP_TO:,}+" if self.waiting >= WAITING_UP_TO else f"{self.waiting:,}"


@dataclass(frozen=True)
class NowPage:
    """What is being done right now; the part of the page that asks again until it is over."""

    template: ClassVar[str] = "desk/home_now.html"
    work: list[Progress]
    failed: tuple[str, ...]
    live: bool


@dataclass(frozen=True)
class HomePage:
    """The whole page."""

    template: ClassVar[str] = "desk/home.html"
    now: NowPage
    verdict: Verdict
    day: date | None
    refreshed_at: datetime | None
    layers: list[Layer] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """Layers without any number."""
    today: Day | None = None
    lately: list[Lately] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    connected: bool = False
    empty: bool = False
    """Nothing is connected, nothing was imported, nothing is known."""
    stale: str = ""
    """Since when nothing new has come, in words."""


# ── what is being done ───────────────────────────────────────────────────


def _now(desk: Desk) -> NowPage:
    """The first sync, files being imported, and numbers that somebody waits for; what runs every few minutes is not worth a bar."""
    seen = sync.overview(desk.shop_id)
    doing: list[Progress] = []
    if any(s.live and s.finished_at is None for s in seen.streams):
        doing.append(
            Progress("第一次同步", seen.done, seen.total or None, seen.note, "running" if seen.done or seen.total else "waiting")
        )
    names = [IMPORT, REFRESH] if doing or _numbers_awaited(desk.shop_id) else [IMPORT]
    jobs = Job.objects.filter(shop_id=desk.shop_id, name__in=names, state__in=(Job.State.RUNNING, Job.State.READY))
    for job in jobs.order_by("id")[:5]:
        running = job.state == Job.State.RUNNING
        state: Literal["running", "waiting"] = "running" if running else "waiting"
        doing.append(Progress(job_name(job), job.progress_done, job.progress_total, job.progress_note, state))
    return NowPage(doing, tuple(seen.failed), bool(doing))


def _numbers_awaited(shop_id: int) -> bool:
    """Whether something came that the numbers do not know yet: nothing was computed so far, or a file was imported after it was."""
    refreshed, _day = queries.watermark(shop_id)
    if refreshed is None:
        return True
    return ImportFile.objects.filter(shop_id=shop_id, state="done", finished_at__gt=refreshed).exists()


@desk_page(Permission.VIEW)
def now(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """How far the work is, asked every two seconds by the open page; once it is over the whole page is read anew."""
    page = _now(desk)
    response = show(request, page)
    if not page.live and getattr(request, "htmx", False):
        response["HX-Refresh"] = "true"
    return response


# ── the verdict and the layers ───────────────────────────────────────────


def _health(desk: Desk) -> queries.Health:
    """The verdict on the shop, kept in this process for as long as neither the points, nor a policy value, nor the day changes."""
    shop, now = desk.shop_id, clock.now()
    marks = Watermark.objects.filter(shop_id=shop).aggregate(at=Max("refreshed_at"), version=Max("version"), epoch=Max("epoch"))
    if marks["at"] is None:
        return queries.health(shop)
    held = PolicyOverride.objects.filter(shop_id=shop, since__lte=now).aggregate(last=Max("id"))["last"]
    return _kept_health(shop, marks["epoch"], marks["version"], marks["at"], held, clock.today(desk.shop.zone))


@lru_cache(maxsize=256)
def _kept_health(shop_id: int, epoch: str, version: int, at: datetime, held: int | None, today: date) -> queries.Health:
    return queries.health(shop_id)


def _layers(health: queries.Health) -> tuple[list[Layer], list[str]]:
    """The layers with something to show, and the names of optional ones without."""
    shown, absent = [], []
    for layer in health.layers:
        cards = [judged.drawn(card, health.day) for card in layer.cards]
        known = tuple(c for c in cards if c.value is not None)
        if layer.name in OPTIONAL and not known:
            absent.append(layer.name)
            continue
        lacking = tuple(c for c in cards if c.value is None)
        shown.append(Layer(layer.name, judged.TONES[layer.verdict], layer.verdict, layer.reason if known else "", known, lacking))
    return shown, absent


def _ill(health: queries.Health) -> list[queries.Card]:
    """The numbers that are ill, worst first; how the data themselves stand does not make a shop ill."""
    cards = [c for layer in health.layers if layer.name != "数据" for c in layer.cards]
    return [c for verdict in ("异常", "注意") for c in cards if c.verdict == verdict]


def _verdict(desk: Desk, health: queries.Health, busy: bool, connected: bool) -> Verdict:
    if health.day is None:
        if busy:
            return Verdict(
                "none", "在来", "数据正在进来", "第一次同步和计算结束后，这里会说店铺是不是健康。可以先离开，回来再看。"
            )
        if connected:
            return Verdict(
                "none",
                "待看",
                "已经连上，还没有数据",
                "平台那边可能还没有订单，或同步没有成功。",
                [("看同步情况", desk.url("connections"))],
            )
        return Verdict("none", "待看", "还没有数据，看不出好坏", "")
    ill = _ill(health)
    worst = [c for c in ill if c.verdict == health.verdict][:3]
    reason = "；".join(judged.spoken(c) for c in worst) + "。" if worst else "各项都在正常范围，没有看到不像偶然的变差。"
    if health.verdict == "数据不足":
        reason = "数据再多一些才说得准：多数指标的样本还不够。"
    steps = [(f"看{c.metric.name}", desk.url("metric", c.metric.key)) for c in worst[:2]]
    if health.verdict != "数据不足":
        steps.append(("看转化漏斗", desk.url("funnel")))
    return Verdict(judged.TONES[health.verdict], judged.STAMPS[health.verdict], health.headline, reason, steps)


# ── what came in ─────────────────────────────────────────────────────────


def _day(desk: Desk, last: date) -> Day:
    """The last day with data, counted from the books rather than from the points: an order that came a minute ago is in it."""
    zone, shop = desk.shop.zone, desk.shop_id
    start, end = clock.day_span(last, last, zone)
    paid = Order.objects.filter(shop_id=shop, paid_at__gte=start, paid_at__lt=end).aggregate(n=Count("id"), fen=Sum("paid_fen"))
    back = Refund.objects.filter(shop_id=shop, at__gte=start, at__lt=end).aggregate(n=Count("id"), fen=Sum("amount_fen"))
    waiting = Order.objects.filter(shop_id=shop, status="paid").values("pk")[:WAITING_UP_TO].count()
    before = queries.stored_day(shop, ("conversion.orders", "conversion.sales"), last - timedelta(days=7))
    return Day(
        last, last == clock.today(zone), paid["n"], paid["fen"] or 0, back["n"], back["fen"] or 0, waiting,
        before.get("conversion.orders"), before.get("conversion.sales"),
    )  # fmt: skip


def _lately(desk: Desk, connections: Iterable[Connection]) -> list[Lately]:
    shop = desk.shop_id
    found: list[Lately] = []
    for o in Order.objects.filter(shop_id=shop).order_by("-created_at", "-id")[:LATELY]:
        word, _tone = status_of(o.status)
        found.append(
            Lately(
                o.created_at, "订单", "good" if o.paid_at else "none", word, fmt.yuan(o.paid_fen), desk.url("order", o.order_id)
            )
        )
    for r in (
        Refund.objects.filter(shop_id=shop)
        .select_related("order")
        .only("at", "amount_fen", "reason", "order__order_id")
        .order_by("-at")[:LATELY]
    ):
        url = desk.url("order", r.order.order_id) if r.order else desk.url("metric", "conversion.refund_rate")
        found.append(Lately(r.at, "退款", "warn", r.reason or "已退回买家", fmt.yuan(r.amount_fen), url))
    for f in ImportFile.objects.filter(shop_id=shop).exclude(state="discarded").order_by("-id")[:LATELY]:
        tone: Tone = "good" if f.state == "done" else "bad" if f.state == "failed" else "busy"
        count = f"收下 {f.accepted:,} 行" if f.state == "done" else ""
        url = desk.url("import", f.pk) if desk.may["IMPORT"] else ""
        found.append(Lately(f.finished_at or f.created_at, "文件", tone, f.name, count, url))
    found += [
        Lately(c.last_push_at, "推送", "busy", f"{c.get_kind_display()}有新消息", "", desk.url("connection", c.pk)) for c in connections if c.last_push_at
    ]  # fmt: skip
    return sorted(found, key=lambda x: x.at, reverse=True)[:SHOWN]


def _sources(desk: Desk, connections: Sequence[Connection], imported: bool) -> list[Source]:
    rows = []
    for c in connections:
        tone, word = STATES.get(c.state, ("none", c.state))
        note = (
            c.message
            if c.state == "failing" and c.message
            else f"最近推送 {fmt.ago(c.last_push_at)}"
            if c.last_push_at
            else "定时同步"
        )
        rows.append(Source(c.get_kind_display(), tone, word, note, desk.url("connection", c.pk)))
    if imported and desk.may["IMPORT"]:
        rows.append(Source("导入的文件", "good", "有", "新的表随时可以再导", desk.url("imports")))
    return rows


def _stale(desk: Desk, day: date | None, connected: bool) -> str:
    if day is None or not connected or (clock.today(desk.shop.zone) - day).days <= STALE_DAYS:
        return ""
    return fmt.day(day)


@desk_page(Permission.VIEW)
def home(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """Is the shop healthy, and what to do first."""
    working = _now(desk)
    connections = list(Connection.objects.filter(shop_id=desk.shop_id).order_by("id"))
    health = _health(desk)
    lately = _lately(desk, connections)
    files = any(x.what == "文件" for x in lately) or ImportFile.objects.filter(shop_id=desk.shop_id).exists()
    verdict = _verdict(desk, health, working.live, bool(connections))
    if health.day is None:
        empty = not (connections or files or working.live)
        return show(request, HomePage(working, verdict, None, health.refreshed_at, lately=lately, sources=_sources(desk, connections, files), connected=bool(connections), empty=empty))  # fmt: skip
    layers, absent = _layers(health)
    # the numbers judge whole days; the shop's day that is still running has only what came in so far
    last = max([health.day, *(clock.day_of(x.at, desk.shop.zone) for x in lately if x.what in ("订单", "退款"))])
    page = HomePage(
        working, verdict, health.day, health.refreshed_at, layers, absent, _day(desk, last), lately, _sources(desk, connections, files),
        bool(connections), False, _stale(desk, health.day, bool(connections)),
    )  # fmt: skip
    return show(request, page)
