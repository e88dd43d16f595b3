"""The ordered funnel: how far people come, where most are lost, what became worse, and which segment drags it down."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase

from zhanggui.doors.desk import paging
from zhanggui.doors.desk.metric import Choice
from zhanggui.doors.desk.page import desk_page, show
from zhanggui.doors.desk.policies import PolicyRow, rows_for
from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Tone, Verdict
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput
from zhanggui.metrics import catalogue, queries
from zhanggui.metrics.metric import DIMENSIONS, HOW
from zhanggui.stats.shares import compare_shares

METRIC = "conversion.funnel"
WINDOW, DROP, SMALLEST, CHANCE = "conversion.funnel_days", "conversion.stage_drop", "data.smallest_sample", "data.chance"
"""The policies that this page judges by."""
STEP_METRICS: Mapping[str, str] = {
    "add_to_cart": "conversion.view_to_cart",
    "order": "conversion.cart_to_order",
    "pay": "conversion.order_to_pay",
}
"""The step people arrive at → the number of its own."""
SHOWN_PARTS, LOOKED_AT = 15, 500
"""Segments that are listed, and that are looked at for what drags the funnel down."""
UNRIPE = 0.25
"""From this share of a period's days on, whose people are still inside the conversion window, it is not compared with the one before."""


@dataclass(frozen=True)
class Step:
    """The way from one stage to the next."""

    key: str
    name: str
    hits: int
    trials: int
    hits_before: int
    trials_before: int

    @property
    def rate(self) -> float | None:
        """The share of people who went on; None without anybody."""
        return self.hits / self.trials if self.trials else None

    @property
    def rate_before(self) -> float | None:
        """The same in the period before."""
        return self.hits_before / self.trials_before if self.trials_before else None

    @property
    def lost(self) -> int:
        """How many did not go on."""
        return self.trials - self.hits


@dataclass(frozen=True)
class Leak:
    """The step to look at first. `kind`: worse (than before, not by chance), most (most people are lost there), few (too few to say)."""

    kind: str
    step: Step | None = None
    relative: float = 0.0
    """How much worse, in proportion to before."""


def steps_of(now: Sequence[queries.FunnelStage], before: Sequence[queries.FunnelStage]) -> list[Step]:
    """The ways between the stages; the period before may be missing."""
    then = {s.key: s.people for s in before}
    out = []
    for a, b in itertools.pairwise(now):
        out.append(
            Step(b.key, catalogue.metric(STEP_METRICS[b.key]).name, b.people, a.people, then.get(b.key, 0), then.get(a.key, 0))
        )
    return out


def leak(steps: Sequence[Step], *, smallest: int, drop: float, chance: float, ripe: bool = True) -> Leak:
    """The step to look at first: one that became worse by at least `drop` and not by chance, else where the largest share is lost.

    Steps that fewer than `smallest` people came to say nothing. Where the period is not `ripe`, too many of its people still have
    time to go on, and nothing is called worse.
    """
    told = [s for s in steps if s.trials >= smallest]
    if not told:
        return Leak("few")
    worse: list[Leak] = []
    for s in told if ripe else ():
        change = compare_shares(s.hits, s.trials, s.hits_before, s.trials_before, chance=chance, smallest=smallest)
        if change.direction == "down" and s.rate_before:
            relative = (s.rate_before - (s.rate or 0.0)) / s.rate_before
            if relative >= drop:
                worse.append(Leak("worse", s, relative))
    if worse:
        return max(worse, key=lambda x: x.relative)
    return Leak("most", min(told, key=lambda s: s.rate or 0.0))


@dataclass(frozen=True)
class Drag:
    """Where a segment stands against everybody else at one step."""

    segment: str
    step: str
    rate: float
    others: float


def drags(parts: Sequence[queries.FunnelPart], *, smallest: int, chance: float) -> list[Drag]:
    """Segments that are worse than all others together at a step, not by chance, with enough people on both sides; costliest first.

    The others are the sum of the other segments, not the whole shop: somebody who came by two channels is in both.
    """
    own = [(part.name, steps_of(part.stages, ())) for part in parts]
    found: list[tuple[float, Drag]] = []
    for name, steps in own:
        for n, mine in enumerate(steps):
            trials = sum(other[n].trials for _name, other in own) - mine.trials
            hits = sum(other[n].hits for _name, other in own) - mine.hits
            change = compare_shares(mine.hits, mine.trials, hits, trials, chance=chance, smallest=smallest)
            if change.direction == "down" and change.difference is not None:
                found.append((-change.difference * mine.trials, Drag(name, mine.name, mine.hits / mine.trials, hits / trials)))
    return [drag for _cost, drag in sorted(found, key=lambda x: -x[0])]


@dataclass(frozen=True)
class StageRow:
    """One bar of the funnel, with what is lost before it."""

    key: str
    name: str
    people: int
    share: float | None
    """Of the first stage."""
    rate: float | None
    """Of the stage before."""
    lost: int
    before: float | None
    """The rate of the period before."""
    change: str
    leak: bool
    few: bool
    url: str


@dataclass(frozen=True)
class PartRow:
    """One segment: people at the first stage, the rate of each step, the rate of the whole way."""

    name: str
    people: int
    rates: tuple[tuple[float | None, bool], ...]
    """(rate, whether it is worse than everybody else's, not by chance)."""
    overall: float | None
    few: bool


@dataclass(frozen=True)
class FunnelPage:
    """The funnel of a period."""

    template: ClassVar[str] = "desk/funnel.html"
    period: paging.Period | None
    periods: tuple[Choice, ...]
    window: PolicyRow
    verdict: Verdict | None = None
    stages: list[StageRow] = field(default_factory=list)
    dimensions: tuple[Choice, ...] = ()
    by: str = ""
    by_name: str = ""
    steps: tuple[str, ...] = ()
    parts: list[PartRow] = field(default_factory=list)
    drags: list[str] = field(default_factory=list)
    more: int = 0
    """Segments that are not shown."""
    missing: str = ""
    remedies: tuple[tuple[str, str], ...] = ()
    before: tuple[date, date] | None = None
    unripe: int = 0
    """So many of the last days are still inside the conversion window."""


def unripe_days(period: paging.Period, window: int) -> int:
    """How many days of the period are so late that people who came on them still have time to go on."""
    return max(0, min(period.days, window - (period.ends - period.last).days))


def _verdict(desk: Desk, found: Leak, smallest: int, overall: float | None) -> Verdict:
    if found.kind == "few" or found.step is None:
        return Verdict(
            "none",
            "待看",
            "人还太少，看不出哪一步有问题",
            f"每一步至少要有 {smallest} 个人走到，才值得下结论。可以把日期放长一点。",
        )
    step = found.step
    rate, before = fmt.percent(step.rate), fmt.percent(step.rate_before)
    own = desk.url("metric", STEP_METRICS[step.key])
    if found.kind == "worse":
        reason = f"{step.trials:,} 人里有 {step.lost:,} 人没有走下去；上期是 {before}，这样的差别不像偶然。先按渠道、商品、设备拆开，找是哪一块拖下来的。"
        return Verdict(
            "bad", "漏了", f"{step.name}变差了：只剩 {rate}，比上期低了 {found.relative:.0%}", reason, [(f"看{step.name}", own)]
        )
    of_hundred = round((step.rate or 0) * 100)
    whole = f"；走完全程的是 {fmt.percent(overall)}" if overall is not None else ""
    reason = f"{step.trials:,} 人走到这里，{step.lost:,} 人没有走下去{whole}。和上期比没有哪一步不像偶然地变差，可以从这一步慢慢往上提。"
    tone: Tone = "good"
    return Verdict(
        tone, "平稳", f"最大的流失在{step.name}：100 人里只有 {of_hundred} 人走下去", reason, [(f"看{step.name}", own)]
    )


def _stage_rows(
    desk: Desk, stages: Sequence[queries.FunnelStage], steps: Sequence[Step], found: Leak, smallest: int
) -> list[StageRow]:
    by_key = {s.key: s for s in steps}
    rows = []
    for stage in stages:
        step = by_key.get(stage.key)
        marked = step is not None and found.step is not None and found.step.key == stage.key
        rows.append(
            StageRow(
                stage.key, stage.name, stage.people, 1.0 if step is None else stage.from_first, stage.from_previous, step.lost if step else 0,
                step.rate_before if step else None, fmt.change(step.rate, step.rate_before, "率") if step else "", marked,
                step is not None and step.trials < smallest, desk.url("metric", STEP_METRICS[stage.key]) if step else "",
            )
        )  # fmt: skip
    return rows


def _part_rows(parts: Sequence[queries.FunnelPart], found: Sequence[Drag], smallest: int) -> list[PartRow]:
    worse = {(d.segment, d.step) for d in found}
    rows = []
    for part in parts:
        steps = steps_of(part.stages, ())
        people = part.stages[0].people if part.stages else 0
        rows.append(
            PartRow(
                part.name,
                people,
                tuple((s.rate, (part.name, s.name) in worse) for s in steps),
                part.stages[-1].from_first,
                people < smallest,
            )
        )
    return rows


@desk_page(Permission.VIEW)
def funnel(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The funnel of a period beside the one before it; `?by=` splits it."""
    policies = rows_for(desk.shop_id)
    _at, ends = queries.watermark(desk.shop_id)
    declared = catalogue.metric(METRIC)
    remedies = ((HOW["behaviour"], desk.url("connections")),) if desk.may["CONNECT"] else ()
    if ends is None:
        return show(request, FunnelPage(None, (), policies[WINDOW], missing="还没有任何数据", remedies=remedies))
    by = request.GET.get("by", "")
    if by and by not in declared.dimensions:
        raise BadInput("漏斗不能这样拆", remedy="请从页面上选")
    period = paging.period_from(request.GET, ends, 30)
    periods = tuple(Choice(k, n, k == period.key) for k, n in paging.SPANS)
    now = queries.funnel(desk.shop_id, period.first, period.last, by or None, limit=LOOKED_AT)
    common: dict[str, Any] = {"period": period, "periods": periods, "window": policies[WINDOW]}
    if now.missing:
        return show(request, FunnelPage(**common, missing=now.missing, remedies=remedies))
    before = queries.funnel(desk.shop_id, *period.before)
    smallest, chance = int(policies[SMALLEST].value), float(policies[CHANCE].value)
    steps = steps_of(now.stages, before.stages)
    unripe = unripe_days(period, now.window_days)
    found = leak(steps, smallest=smallest, drop=float(policies[DROP].value), chance=chance, ripe=unripe < period.days * UNRIPE)
    dragging = drags(now.parts, smallest=smallest, chance=chance) if by else []
    page = FunnelPage(
        **common, verdict=_verdict(desk, found, smallest, now.stages[-1].from_first), stages=_stage_rows(desk, now.stages, steps, found, smallest),
        dimensions=tuple(Choice(d, DIMENSIONS[d], d == by) for d in declared.dimensions), by=by, by_name=DIMENSIONS.get(by, ""),
        steps=tuple(s.name for s in steps), parts=_part_rows(now.parts[:SHOWN_PARTS], dragging, smallest),
        drags=[f"{d.segment}：{d.step} {fmt.percent(d.rate)}，其余是 {fmt.percent(d.others)}" for d in dragging[:3]],
        more=max(0, len(now.parts) - SHOWN_PARTS), before=period.before if before.stages else None,
        unripe=unripe,
    )  # fmt: skip
    return show(request, page)
