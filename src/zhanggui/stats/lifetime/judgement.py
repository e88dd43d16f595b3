"""Forecasts held against what happened, beside the rule "30 days silent = lost": the verdict on a shop's own past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zhanggui.stats.distributions import auc
from zhanggui.stats.lifetime.forecasting import MIN_CUSTOMERS, Forecast, forecast
from zhanggui.stats.lifetime.purchases import Purchases, outcome, summarise
from zhanggui.stats.tables import Bools, Floats, Note, day_text

VerdictWord = Literal["better", "worse", "no_difference", "undecided"]
Reason = Literal[
    "fewer_wrong", "more_wrong", "same_wrong", "too_few_customers", "history_too_short", "too_few_repeat_buyers", "nothing_to_check_against",
    "no_outcomes", "too_few_outcomes",
]  # fmt: skip

RULE_DAYS = 30  # field practice: 30 days without a purchase = lost
MIN_REPEAT_BUYERS, MIN_HISTORY_DAYS = 5, 28
MIN_BACKTEST_OUTCOMES = 20  # of either kind (bought again, did not), below which a backtest says nothing


def _wrong_at_recall(lost: Bools, score: Floats, recall: float) -> float:
    """Share of the active among those flagged first (by `score`) when `recall` of the lost are flagged; ties are shared out."""
    values, inverse = np.unique(-score, return_inverse=True)
    gone = np.cumsum(np.bincount(inverse, lost, minlength=len(values))) / max(int(lost.sum()), 1)
    active = np.cumsum(np.bincount(inverse, ~lost, minlength=len(values))) / max(int((~lost).sum()), 1)
    return float(np.interp(recall, np.r_[0.0, gone], np.r_[0.0, active]))


@dataclass(frozen=True)
class Flagging:
    """One way of calling customers lost, judged: `flagged` in all, of these `wrongly_woken` bought by themselves; `missed` were lost unflagged."""

    name: str
    flagged: int
    wrongly_woken: int
    missed: int
    precision: float
    recall: float
    wrong_share_of_active: float


@dataclass(frozen=True)
class Accuracy:
    """Forecasts against what happened in one window; `rule` and the model's three thresholds beside each other."""

    origin: int
    horizon: int
    customers: int
    bought_again: int
    auc_buys: float
    auc_expected: float
    auc_recency: float
    mae_expected: float
    mae_likely: float
    rmse: float
    bias: float
    brier: float
    calibration_error: float
    deciles: tuple[tuple[int, float, float, float, float], ...]
    interval_coverage: float
    interval_promised: float
    value_coverage: float
    flaggings: tuple[Flagging, ...]
    wrong_at_rule_recall: float
    rule_wrong: float
    difference: tuple[
        float, float, float
    ]  # model minus rule at equal misses: estimate, 95 % low, high (bootstrap over customers)


def measure(f: Forecast, bought: Floats, worth: Floats, *, seed: int = 7, draws: int = 400) -> Accuracy:
    """The forecast held against what the customers did."""
    active = bought > 0
    lost = ~active
    silent = f.summary.silent_days
    rule = silent >= RULE_DAYS
    score = -f.buys

    def flagging(name: str, flagged: Bools) -> Flagging:
        right, n = int((flagged & lost).sum()), int(flagged.sum())
        wrong = n - right
        return Flagging(
            name,
            n,
            wrong,
            int(lost.sum()) - right,
            right / n if n else math.nan,
            right / lost.sum() if lost.any() else math.nan,
            wrong / active.sum() if active.any() else math.nan,
        )

    order = np.argsort(-score, kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    found_lost = np.cumsum(lost[order])
    need = int((rule & lost).sum())
    same_misses = int(np.searchsorted(found_lost, need)) + 1 if need else 0
    flaggings = (
        flagging("rule_30_days", rule),
        flagging("model_same_misses", ranks < same_misses),
        flagging("model_same_volume", ranks < int(rule.sum())),
        flagging("model_half", f.buys < 0.5),
    )
    recall = float((rule & lost).sum() / max(int(lost.sum()), 1))
    model_wrong, rule_wrong = _wrong_at_recall(lost, score, recall), float(rule[active].mean()) if active.any() else math.nan
    rng = np.random.default_rng(seed)
    gaps = []
    n = len(bought)
    if active.any() and lost.any():
        for _ in range(draws if n <= 20_000 else draws // 4):
            pick = rng.integers(0, n, n)
            a, gone = active[pick], lost[pick]
            if not a.any() or not gone.any():
                continue
            flagged = rule[pick]
            gaps.append(_wrong_at_recall(gone, score[pick], float(flagged[gone].mean())) - float(flagged[a].mean()))
    low, high = (float(v) for v in np.quantile(gaps, [0.025, 0.975])) if gaps else (math.nan, math.nan)
    place = np.argsort(np.argsort(f.buys, kind="stable"), kind="stable") * 10 // max(n, 1)
    deciles = []
    for i in range(10):
        inside = place == i
        if inside.any():
            deciles.append(
                (
                    int(inside.sum()),
                    float(f.buys[inside].mean()),
                    float(active[inside].mean()),
                    float(f.expected[inside].mean()),
                    float(bought[inside].mean()),
                )
            )
    error = float(np.average([abs(d[1] - d[2]) for d in deciles], weights=[d[0] for d in deciles])) if deciles else math.nan
    total = float(bought.sum())
    return Accuracy(
        f.as_of, f.horizon, n, int(active.sum()), auc(active, f.buys), auc(active, f.expected), auc(active, -silent),
        float(np.abs(f.expected - bought).mean()), float(np.abs(f.likely - bought).mean()), float(np.sqrt(((f.expected - bought) ** 2).mean())),
        float(f.expected.sum() / total - 1) if total else math.nan, float(((f.buys - active) ** 2).mean()), error, tuple(deciles),
        float(((bought >= f.low) & (bought <= f.high)).mean()), float(f.holds.mean()),
        float(((worth >= f.value_low) & (worth <= f.value_high)).mean()) if np.isfinite(f.value_high).all() else math.nan,
        flaggings, model_wrong, rule_wrong, (model_wrong - rule_wrong, low, high),
    )  # fmt: skip


@dataclass(frozen=True)
class Lifetime:
    """The answer: `verdict` compares the model with the 30-day rule on the shop's own past (better = wakes fewer wrongly at equal misses)."""

    verdict: VerdictWord
    reason: Reason
    sentence: str
    as_of: int
    horizon: int
    forecast: Forecast | None
    backtests: tuple[Accuracy, ...]
    holdout: Accuracy | None
    notes: tuple[Note, ...]


def default_horizon(history_days: int) -> int:
    """90 days, or less where the history is short (a third of it, at least 14)."""
    return int(max(14, min(90, history_days // 3)))


def judge(purchases: Purchases, as_of: int | None = None, horizon: int | None = None) -> Lifetime:
    """Forecast, backtest and verdict. Rows after `as_of` are never learnt from; where they cover the horizon they are used to check the forecast."""
    last_day = int(purchases.day.max()) if len(purchases.day) else 0
    origin = last_day if as_of is None else as_of
    known = purchases.day <= origin
    first = int(purchases.day[known].min()) if known.any() else origin
    history = origin - first
    span = horizon if horizon is not None else default_horizon(history)

    def stop(
        reason: Reason, sentence: str, f: Forecast | None = None, tests: tuple[Accuracy, ...] = (), held: Accuracy | None = None
    ) -> Lifetime:
        return Lifetime("undecided", reason, sentence, origin, span, f, tests, held, tuple(notes))

    notes: list[Note] = []
    s = summarise(purchases, origin)
    if len(s.x) < MIN_CUSTOMERS:
        return stop("too_few_customers", f"到截止日只有 {len(s.x)} 位客户，不够判断（至少 {MIN_CUSTOMERS} 位）")
    if history < MIN_HISTORY_DAYS:
        return stop("history_too_short", f"历史只有 {history} 天，不够判断（至少 {MIN_HISTORY_DAYS} 天）")
    if int((s.x > 0).sum()) < MIN_REPEAT_BUYERS:
        return stop(
            "too_few_repeat_buyers",
            f"只有 {int((s.x > 0).sum())} 位客户买过第二次，看不出复购的节奏（至少 {MIN_REPEAT_BUYERS} 位）",
        )
    f = forecast(purchases, origin, span)
    notes += _date_notes(purchases, origin, last_day)
    if len(s.x) < 500:
        notes.append(Note("small_shop", f"客户不到 500 位（{len(s.x)} 位），估计向一般店铺的规律收缩，区间较宽"))
    if span > history:
        notes.append(Note("horizon_beyond_history", f"要看 {span} 天以后，但历史只有 {history} 天，属于外推"))
    held = None
    if last_day - origin >= span:
        bought, worth = outcome(purchases, s, origin, span)
        held = measure(f, bought, worth)
    tests = _backtests(purchases, origin, span, first)
    if not tests:
        why = f"历史 {history} 天，倒不出一段结果足够多的过去来检验预测（再买的、没再买的都至少 {MIN_BACKTEST_OUTCOMES} 位）"
        return stop("nothing_to_check_against", f"{why}；下面的数字没有被验证过", f, (), held)
    main = tests[0]
    if main.horizon < span:
        notes.append(Note("shorter_backtest", f"历史只够用 {main.horizon} 天的窗口检验，不是 {span} 天"))
    gap, low, high = (float(np.average([t.difference[i] for t in tests], weights=[t.customers for t in tests])) for i in range(3))
    rule, model = main.flaggings[0], main.flaggings[1]
    story = f"用自己的历史倒推（{len(tests)} 段，每段 {main.horizon} 天）：30 天规则会白白打扰 {rule.wrongly_woken:,} 位本来就会回来的客户、漏掉 {rule.missed:,} 位；漏掉一样多时，预测只白打扰 {model.wrongly_woken:,} 位"
    if not math.isfinite(gap):
        return stop("no_outcomes", "过去的窗口里没有人回来，或没有人流失，无法比较", f, tests, held)
    if high < 0:
        return Lifetime("better", "fewer_wrong", story, origin, span, f, tests, held, tuple(notes))
    if low > 0:
        return Lifetime("worse", "more_wrong", story + "；这家店用 30 天规则更好", origin, span, f, tests, held, tuple(notes))
    if min(t.bought_again for t in tests) < 50 or main.customers < 200:
        return stop("too_few_outcomes", story + "；人数太少，差别可能是偶然", f, tests, held)
    return Lifetime("no_difference", "same_wrong", story + "；两者差不多", origin, span, f, tests, held, tuple(notes))


def _date_notes(purchases: Purchases, origin: int, last_day: int) -> list[Note]:
    """Whether the day looked from lies after all purchases, or the last purchase so far after the others that its date may be wrong."""
    if origin > last_day:
        text = f"文件只到 {day_text(last_day)}，之后到 {day_text(origin)} 按没有人买算；如果只是还没导出，请把 --as-of 提前"
        return [Note("looking_from_after_the_file", text)]
    seen = np.unique(purchases.day[purchases.day <= origin])
    gap = int(seen[-1] - seen[-2])
    if gap > max(60, 0.25 * float(seen[-2] - seen[0])):
        text = f"最后一天（{day_text(int(seen[-1]))}）比前一个有人买的日子晚 {gap:,} 天，日期可能写错了；可用 --as-of 指定站在哪一天看"
        return [Note("lonely_last_day", text)]
    return []


def _backtests(purchases: Purchases, as_of: int, horizon: int, first: int) -> tuple[Accuracy, ...]:
    """Up to three past origins, newest first, each forecast from its own past only; empty when the outcomes are too few to judge anything."""
    history = as_of - first
    length = horizon if history >= 2 * horizon else int(history * 0.35)
    if length < 7:
        return ()
    tests = []
    for i in range(3):
        origin = as_of - length - i * max(length // 2, 7)
        if origin - first < max(0.7 * length, 21) and i > 0:
            break
        s = summarise(purchases, origin)
        if len(s.x) < MIN_CUSTOMERS or int((s.x > 0).sum()) < MIN_REPEAT_BUYERS:
            break
        bought, worth = outcome(purchases, s, origin, length)
        again = int((bought > 0).sum())
        if min(again, len(bought) - again) < MIN_BACKTEST_OUTCOMES:
            break
        tests.append(measure(forecast(purchases, origin, length), bought, worth))
    return tuple(tests)
