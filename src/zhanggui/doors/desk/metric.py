"""One number whole: over time, split, in cohorts; how it is made, by what it is judged, and the rows behind it.

metric   the number of a period beside the period before, its series, its segments, its formula
rows     the rows it was made of, a page at a time or as a file
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from zhanggui.doors.desk import export, judged, paging
from zhanggui.doors.desk.explain import FOLDS, RFM_ADVICE, Explained, explained
from zhanggui.doors.desk.page import desk_page, show, whole
from zhanggui.doors.desk.policies import ROOMS, PolicyRow, rows_for
from zhanggui.doors.ui import charts
from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Metric, Tone
from zhanggui.kernel import audit, clock
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput
from zhanggui.metrics import catalogue, queries
from zhanggui.metrics.metric import DIMENSIONS, HOW, SHARED, SOURCES
from zhanggui.metrics.metric import Metric as Declared

GRAINS = {"day": "按天", "week": "按周", "month": "按月"}
ROWS_PAGE = 50
PREVIEW = 10
EXPORT_CHUNK = 50_000
"""Rows of a file fetched at once: the lake is asked anew for each chunk."""
SHOWN_SEGMENTS = 20
WITH_COHORTS = ("customers.cohort_retention", "customers.repurchase_", "customers.annual_retention")
"""Pages that show how each month's first-time buyers came back."""
FUNNEL = "conversion.funnel"
IMPORTABLE = frozenset({"orders", "costs", "spend", "refunds", "visits", "behaviour"})
"""Sources that a file can bring as well as a connection."""


@dataclass(frozen=True)
class Choice:
    """One of several ways to look at the page."""

    key: str
    name: str
    here: bool


@dataclass(frozen=True)
class PointRow:
    """One period of the series in words."""

    name: str
    value: str
    before: str
    numerator: str
    denominator: str


@dataclass(frozen=True)
class SegmentRow:
    """One part of a breakdown."""

    name: str
    value: str
    weight: str
    """What the number rests on, or its share of the whole."""
    bar: float
    """0..1, beside the largest."""
    few: bool
    """Whether too little lies behind it to conclude anything."""


@dataclass(frozen=True)
class CohortRow:
    """First-time buyers of a month: (share in words, count, heat class) for each month after."""

    month: str
    size: int
    cells: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class RfmRow:
    """One group of customers, with what to do with it."""

    name: str
    customers: int
    share: float
    orders: int
    money_fen: int
    advice: str


@dataclass(frozen=True)
class Made:
    """How the number is made."""

    formula: str
    sql: str
    tables: tuple[tuple[str, str], ...]
    """(name, meaning) of the tables in the statement that are made beforehand."""
    fold: str
    steps: str
    sources: str
    base: str
    policies: tuple[PolicyRow, ...]
    room: str
    better: str
    lag: int


@dataclass(frozen=True)
class MetricPage:
    """One number."""

    template: ClassVar[str] = "desk/metric.html"
    key: str
    name: str
    layer: str
    words: Explained
    made: Made
    period: paging.Period | None
    periods: tuple[Choice, ...] = ()
    card: Metric | None = None
    tone: Tone = "none"
    word: str = ""
    said: str = ""
    """What the number comes to in one sentence, with the period before."""
    sure: str = ""
    """How sure a share is."""
    missing: str = ""
    remedies: tuple[tuple[str, str], ...] = ()
    grains: tuple[Choice, ...] = ()
    drawing: dict[str, Any] | None = None
    points: list[PointRow] = field(default_factory=list)
    has_before: bool = False
    dimensions: tuple[Choice, ...] = ()
    by: str = ""
    segments: list[SegmentRow] = field(default_factory=list)
    weight_head: str = ""
    cohorts: tuple[CohortRow, ...] = ()
    cohort_average: CohortRow | None = None
    curve: dict[str, Any] | None = None
    rfm: tuple[RfmRow, ...] = ()
    rfm_day: date | None = None
    rfm_cells: tuple[tuple[str, tuple[tuple[int, str], ...]], ...] = ()
    rows: bool = False
    """Whether there are rows behind it."""


# ── how it is made ───────────────────────────────────────────────────────


@lru_cache(maxsize=256)
def _pretty(sql: str) -> str:
    import sqlglot

    return str(sqlglot.transpile(sql, read="duckdb", write="duckdb", pretty=True)[0])


def _made(desk: Desk, metric: Declared) -> Made:
    keys = dict.fromkeys((*metric.policies, *metric.params.values()))
    known = rows_for(desk.shop_id) if keys else {}
    steps = ""
    if metric.fold in queries.fold_steps():
        steps = " → ".join(
            "/".join(queries.KIND_WORDS.get(kind, kind) for kind in step) for step in queries.fold_steps()[metric.fold]
        )
    better = {"up": "越高越好", "down": "越低越好", "": "没有绝对的好坏"}[metric.better]
    return Made(
        metric.formula, _pretty(metric.sql) if metric.sql else "",
        tuple((name, SHARED[name].meaning) for name in sorted(metric.shared)), FOLDS.get(metric.fold, ""), steps, "、".join(SOURCES[n] for n in metric.needs), metric.base,
        tuple(known[k] for k in keys if k in known), ROOMS.get(metric.room, metric.room), better, metric.lag,
    )  # fmt: skip


# ── the series ───────────────────────────────────────────────────────────


def grain_choices(metric: Declared) -> tuple[str, ...]:
    """The grains a series of the metric can be shown in; the numbers that exist per month alone have no other."""
    return ("month",) if metric.grains == ("month",) else tuple(GRAINS)


def _grain(metric: Declared, asked: str, days: int) -> str:
    able = grain_choices(metric)
    if asked and asked not in GRAINS:
        raise BadInput("只能按天、周或月看", remedy="请从页面上选")
    wanted = asked or ("day" if days <= 92 else "week" if days <= 400 else "month")
    if wanted == "day" and days > 400:
        wanted = "week"  # more points than a screen has room for
    return wanted if wanted in able else able[-1]


def point_name(point: queries.SeriesPoint, grain: str) -> str:
    """A period of a series in words."""
    if grain == "day":
        return fmt.day(point.start, week=True)
    if grain == "week":
        return f"{fmt.day(point.start)}–{fmt.day(point.last)}"
    return f"{point.start.year}年{point.start.month}月"


def _plain(number: float | None) -> str:
    return "" if number is None else fmt.decimal(number, 0 if float(number).is_integer() else 2)


def _series(
    desk: Desk, metric: Declared, period: paging.Period, grain: str
) -> tuple[list[queries.SeriesPoint], list[queries.SeriesPoint]]:
    """The series of the period and, where grains are days, of the one before it; nothing after the last observed day."""
    now = [p for p in queries.series(desk.shop_id, metric.key, period.first, period.last, grain) if p.start <= period.ends]
    before = list(queries.series(desk.shop_id, metric.key, *period.before, grain)) if grain == "day" else []
    return now, before


def _money(metric: Declared, number: float | None, part: str) -> str:
    """A sum behind the number; 分 are shown as 元 where the number is money or a share of money."""
    money = metric.unit == "分" if part == "numerator" else False
    if metric.unit == "率" and not metric.counted:
        money = True
    if number is None:
        return fmt.DASH
    return fmt.yuan(number) if money else _plain(number)


def _point_rows(
    metric: Declared, now: Sequence[queries.SeriesPoint], before: Sequence[queries.SeriesPoint], grain: str
) -> list[PointRow]:
    rows = []
    for at, p in enumerate(now):
        then = before[at].value if at < len(before) else None
        rows.append(
            PointRow(
                point_name(p, grain), fmt.value(p.value, metric.unit), fmt.value(then, metric.unit),
                _money(metric, p.numerator, "numerator"), _money(metric, p.denominator, "denominator"),
            )
        )  # fmt: skip
    return rows[::-1]


def _drawing(
    metric: Declared, now: Sequence[queries.SeriesPoint], before: Sequence[queries.SeriesPoint], grain: str, card: Metric
) -> dict[str, Any] | None:
    if not any(p.value is not None for p in now):
        return None
    line = card.line
    return charts.series(
        [p.start for p in now], [p.value for p in now], metric.unit, previous=[p.value for p in before], line=line.value if line else None,
        line_words=("警戒线 " if line.kind == "threshold" else "行业参考 ") + fmt.value(line.value, metric.unit) if line else "",
        labels=[point_name(p, grain) for p in now],
    )  # fmt: skip


# ── segments, cohorts, RFM ───────────────────────────────────────────────


def _segments(desk: Desk, metric: Declared, by: str, period: paging.Period, smallest: int) -> tuple[list[SegmentRow], str]:
    found = queries.breakdown(desk.shop_id, metric.key, by, period.first, period.last, limit=200)
    found = tuple(s for s in found if s.value is not None)
    counted = metric.shape in ("ratio", "statistic")
    top = max((abs(s.value or 0) for s in found), default=0) or 1
    rows = []
    for s in found[:SHOWN_SEGMENTS]:
        weight = _money(metric, s.denominator, "denominator") if counted else fmt.percent(s.share) if s.share is not None else ""
        few = metric.binomial and (s.denominator or 0) < smallest
        rows.append(SegmentRow(s.name, fmt.value(s.value, metric.unit), weight, abs(s.value or 0) / top, few))
    head = (metric.base or "样本") if counted else "占比" if any(s.share is not None for s in found) else ""
    return rows, head


def _cohorts(desk: Desk) -> tuple[tuple[CohortRow, ...], CohortRow | None, dict[str, Any] | None]:
    """The retention matrix without its first column, which is always everybody; darkest where most came back."""
    found = queries.cohorts(desk.shop_id)
    later = [share for c in found.rows for share in c.shares[1:]]
    if not later:
        return (), None, None
    top = max(later) or 1.0

    def cell(share: float, count: int) -> tuple[str, int, str]:
        return fmt.percent(share), count, f"h{max(0, min(9, int(share / top * 9.99)))}"

    rows = tuple(
        CohortRow(
            f"{c.start.year}年{c.start.month}月",
            c.size,
            tuple(cell(s, n) for s, n in zip(c.shares[1:], c.counts[1:], strict=True)),
        )
        for c in found.rows
    )
    average = CohortRow("合计", sum(c.size for c in found.rows), tuple(cell(s, 0) for s in found.average[1:]))
    curve = charts.curve([(n, s) for n, s in enumerate(found.average) if n], "首购后第 {n} 个月")
    return rows, average, curve


def _rfm(desk: Desk) -> dict[str, Any]:
    found = queries.rfm(desk.shop_id)
    rows = tuple(RfmRow(s.name, s.customers, s.share, s.orders, s.money_fen, RFM_ADVICE.get(s.key, "")) for s in found.segments)
    grid: dict[tuple[int, int], int] = {}
    for (r, f, _m), n in found.cells.items():
        grid[(r, f)] = grid.get((r, f), 0) + n
    top = max(grid.values(), default=0) or 1
    names = {5: "最近", 4: "较近", 3: "中等", 2: "较久", 1: "最久"}
    cells = tuple(
        (names[r], tuple((grid.get((r, f), 0), f"h{int(grid.get((r, f), 0) / top * 9.99)}") for f in range(1, 6)))
        for r in (5, 4, 3, 2, 1)
    )
    return {"rfm": rows, "rfm_day": found.day, "rfm_cells": cells if rows else (), "missing": found.missing}


# ── the page ─────────────────────────────────────────────────────────────


def _remedies(desk: Desk, metric: Declared) -> tuple[tuple[str, str], ...]:
    """(what to do, where) when the number lacks its data; only what the caller may do."""
    steps = []
    if desk.may["CONNECT"]:
        steps.append((HOW[metric.needs[0]] if metric.needs else "连接平台", desk.url("connections")))
    if desk.may["IMPORT"] and IMPORTABLE & set(metric.needs):
        steps.append(("导入表格", desk.url("imports")))
    return tuple(steps)


def _said(card: queries.Card) -> str:
    """The number against the period before, in one sentence."""
    unit = card.metric.unit
    if card.value.value is None:
        return ""
    moved = fmt.change(card.value.value, card.previous.value, unit)
    if not moved:
        return "上一期没有可比的数。"
    before = f"{fmt.day(card.previous.first)}–{fmt.day(card.previous.last)} 是 {fmt.value(card.previous.value, unit)}"
    meant = {"up": "，不像偶然", "down": "，不像偶然", "flat": "，在平常的波动范围内", "undecided": "，样本太少，说不准"}[
        card.change.direction
    ]
    if moved == "持平":
        return f"和上一期持平（{before}）。"
    return f"比上一期{moved}（{before}）{meant}。"


def _sure(card: queries.Card) -> str:
    value = card.value
    if value.low is None or value.high is None or not value.denominator:
        return ""
    return f"由 {value.denominator:,.0f} 个{card.metric.base or '样本'}算出；95% 的把握，真实的比例在 {fmt.percent(value.low)} 到 {fmt.percent(value.high)} 之间。"


def _ends(desk: Desk, metric: Declared) -> date | None:
    """The last day whose number is complete: the last observed one, earlier for numbers that need time to ripen."""
    _at, day = queries.watermark(desk.shop_id)
    return None if day is None else date.fromordinal(day.toordinal() - metric.lag)


def _looked_back(key: str) -> int:
    """The days the home page looks back for this number, so that both pages say the same."""
    return next((days for cards in queries.HEALTH.values() for k, days in cards if k == key), 30)


def _by(metric: Declared, asked: str) -> str:
    """The dimension to split by: the asked one, else a stored one, which costs nothing."""
    if asked and asked not in metric.dimensions and asked not in metric.stored:
        raise BadInput(f"{metric.name}不能这样分组", remedy="请从页面上选")
    return asked or next((d for d in metric.stored if metric.additive), "")


@desk_page(Permission.VIEW)
def metric(request: HttpRequest, desk: Desk, key: str) -> HttpResponseBase:
    """The page; `?export=csv|xlsx` gives the series as a file."""
    declared = catalogue.metric(key)
    if key == FUNNEL:
        return HttpResponseRedirect(desk.url("funnel"))
    common: dict[str, Any] = {
        "key": key, "name": declared.name, "layer": declared.layer, "words": explained(key), "made": _made(desk, declared), "rows": bool(declared.rows),
    }  # fmt: skip
    if key.startswith(WITH_COHORTS):
        common["cohorts"], common["cohort_average"], common["curve"] = _cohorts(desk)
    ends = _ends(desk, declared)
    if ends is None:
        return show(request, MetricPage(**common, period=None, missing="还没有任何数据", remedies=_remedies(desk, declared)))
    period = paging.period_from(request.GET, ends, _looked_back(key))
    if declared.shape == "spread":
        if key == "customers.rfm":
            common |= _rfm(desk)
        elif not common.get("cohorts"):
            common["missing"] = queries.cohorts(desk.shop_id).missing or "还没有满一个月的同期群，过了这个月再看"
        remedies = _remedies(desk, declared) if common.get("missing") else ()
        return show(request, MetricPage(**common, period=period, remedies=remedies))
    return _numbered(request, desk, declared, period, common)


def _numbered(
    request: HttpRequest, desk: Desk, declared: Declared, period: paging.Period, common: dict[str, Any]
) -> HttpResponseBase:
    """The page of a number that has a series."""
    grain = _grain(declared, request.GET.get("grain", ""), period.days)
    now, before = _series(desk, declared, period, grain)
    if request.GET.get("export"):
        return _series_file(desk, declared, period, now, grain, request.GET["export"])
    by = _by(declared, request.GET.get("by", ""))
    card = queries.card(desk.shop_id, declared.key, period.first, period.last)
    drawn = judged.drawn(card, period.ends)
    segments, head = (
        _segments(desk, declared, by, period, queries.smallest_sample(desk.shop_id))
        if by and not card.value.missing
        else ([], "")
    )
    able = grain_choices(declared)
    page = MetricPage(
        **common, period=period, periods=tuple(Choice(k, n, k == period.key) for k, n in paging.SPANS), card=drawn, tone=drawn.tone, word=card.verdict,
        said=_said(card), sure=_sure(card), missing=card.value.missing, remedies=_remedies(desk, declared) if card.value.missing else (),
        grains=tuple(Choice(g, GRAINS[g], g == grain) for g in able) if len(able) > 1 else (), drawing=_drawing(declared, now, before, grain, drawn),
        points=_point_rows(declared, now, before, grain), has_before=any(p.value is not None for p in before),
        dimensions=tuple(Choice(d, DIMENSIONS[d], d == by) for d in dict.fromkeys((*declared.dimensions, *declared.stored))), by=by, segments=segments, weight_head=head,
    )  # fmt: skip
    return show(request, page)


def _series_file(
    desk: Desk, declared: Declared, period: paging.Period, now: Sequence[queries.SeriesPoint], grain: str, form: str
) -> HttpResponseBase:
    desk.access.require(Permission.EXPORT)
    audit.record(
        desk.shop_id,
        desk.actor,
        "metric.export",
        f"{desk.actor} 导出了“{declared.name}”的走势",
        detail={"metric": declared.key, "form": form},
    )
    unit = fmt.UNITS.get(fmt.unit_key(declared.unit), declared.unit)
    divisor = 100 if declared.unit == "分" else 1
    rows = ((str(p.start), str(p.last), None if p.value is None else p.value / divisor, p.numerator, p.denominator) for p in now)
    header = ("开始", "结束", declared.name + (f"({unit})" if unit and unit != "%" else ""), "分子（原始）", "分母（原始）")
    return export.answer(form, f"{declared.name}-{period.first}-{period.last}-{GRAINS[grain]}", header, rows)


# ── the rows behind it ───────────────────────────────────────────────────


@dataclass(frozen=True)
class Cell:
    """One value of a row, with where it leads."""

    text: str
    url: str = ""
    number: bool = False


@dataclass(frozen=True)
class RowsPage:
    """The rows behind a number, a page of them."""

    template: ClassVar[str] = "desk/metric_rows.html"
    key: str
    name: str
    title: str
    period: paging.Period
    periods: tuple[Choice, ...]
    heads: tuple[tuple[str, bool], ...]
    """(name, whether its values are numbers)."""
    rows: list[list[Cell]]
    total: int
    page: int
    pages: int
    missing: str = ""


def _cell(desk: Desk, head: str, unit: str, value: Any) -> Cell:
    if value is None or value == "":
        return Cell("—")
    if unit == "fen":
        return Cell(fmt.yuan(value), number=True)
    if isinstance(value, datetime):
        return Cell(fmt.stamp(value, desk.shop.zone)[:16])
    if isinstance(value, date):
        return Cell(str(value))
    if head == "订单号":
        return Cell(str(value), desk.url("order", value))
    if head in ("客户编号", "邀请人编号"):
        return Cell(f"客户 {value}", f"{desk.url('customers')}?q={value}" if desk.may["CUSTOMERS"] else "")
    if head == "商品编号":
        return Cell(str(value), desk.url("product", value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(fmt.decimal(value), number=True)
    return Cell(str(value))


@desk_page(Permission.VIEW)
def rows(request: HttpRequest, desk: Desk, key: str) -> HttpResponseBase:
    """The rows of a period, newest first; `?export=csv|xlsx` gives all of them as a file."""
    declared = catalogue.metric(key)
    ends = _ends(desk, declared) or clock.today(desk.shop.zone)
    period = paging.period_from(request.GET, ends, _looked_back(key))
    if request.GET.get("export"):
        return _rows_file(desk, declared, period, request.GET["export"])
    preview = bool(request.GET.get("preview"))
    at = whole(request.GET.get("page", "1"), least=1, most=10**7)
    size = PREVIEW if preview else ROWS_PAGE
    found = queries.rows_behind(desk.shop_id, key, period.first, period.last, size, (at - 1) * size)
    listed = [[_cell(desk, c.name, c.unit, v) for c, v in zip(found.columns, row, strict=True)] for row in found.rows]
    heads = tuple((c.name, any(r[n].number for r in listed)) for n, c in enumerate(found.columns))
    page = RowsPage(
        key, declared.name, found.title, period, tuple(Choice(k, n, k == period.key) for k, n in paging.SPANS), heads, listed, found.total, at,
        max(1, -(-found.total // size)), found.missing,
    )  # fmt: skip
    return show(request, page)


def _rows_file(desk: Desk, declared: Declared, period: paging.Period, form: str) -> HttpResponseBase:
    desk.access.require(Permission.EXPORT)
    first = queries.rows_behind(
        desk.shop_id, declared.key, period.first, period.last, EXPORT_CHUNK if form == "csv" else export.XLSX_ROWS + 1
    )
    if first.missing:
        raise BadInput(first.missing, remedy="请看它的来源各自的页面")
    audit.record(
        desk.shop_id, desk.actor, "metric.export", f"{desk.actor} 导出了“{declared.name}”的明细（{first.total:,} 行）",
        detail={"metric": declared.key, "form": form, "from": str(period.first), "to": str(period.last)},
    )  # fmt: skip
    header = [c.name + ("(元)" if c.unit == "fen" else "") for c in first.columns]
    return export.answer(
        form, f"{declared.name}-明细-{period.first}-{period.last}", header, _all_rows(desk, declared, period, first)
    )


def _all_rows(desk: Desk, declared: Declared, period: paging.Period, first: queries.Rows) -> Iterator[Sequence[Any]]:
    """Every row as a file writes it: 元, the shop's own time."""
    found, seen = first, 0
    while found.rows:
        for row in found.rows:
            yield [_filed(desk, c.unit, v) for c, v in zip(found.columns, row, strict=True)]
        seen += len(found.rows)
        if seen >= first.total:
            return
        found = queries.rows_behind(desk.shop_id, declared.key, period.first, period.last, EXPORT_CHUNK, seen)


def _filed(desk: Desk, unit: str, value: Any) -> Any:
    if unit == "fen" and value is not None:
        return value / 100
    if isinstance(value, datetime):
        return fmt.stamp(value, desk.shop.zone)
    return str(value) if isinstance(value, date) else value
