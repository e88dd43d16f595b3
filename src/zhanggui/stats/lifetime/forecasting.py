"""Layers 2 and 3: what the shop's own past windows correct in the model, and how wide the intervals must be to have held there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from zhanggui.stats.distributions import sigmoid
from zhanggui.stats.lifetime.model import Base, Params, fit, log_rising, predict
from zhanggui.stats.lifetime.purchases import WEEK, Purchases, Summary, outcome, summarise
from zhanggui.stats.tables import Floats

LEVEL = 0.8  # share of outcomes an interval is to hold
MIN_CUSTOMERS = 20
MAX_PANEL_ROWS = 150_000


def _features(purchases: Purchases, s: Summary, origin: int, horizon: int) -> dict[str, Floats]:
    """What is known about each customer on day `origin`, beyond (x, recency, age). Nothing after `origin` is looked at."""
    seen = purchases.day <= origin
    who, day, amount, lines = purchases.who[seen], purchases.day[seen], purchases.amount[seen], purchases.lines[seen]
    n = int(who.max()) + 1
    x, silent = s.x, s.age - s.recency
    gap = np.where(x > 0, s.recency / np.maximum(x, 1), 1.0)
    gaps = np.where(np.r_[False, who[1:] == who[:-1]], np.r_[0, np.diff(day)] / WEEK, 0.0)
    total, squares = np.bincount(who, gaps, minlength=n)[s.who], np.bincount(who, gaps * gaps, minlength=n)[s.who]
    mean = total / np.maximum(x, 1)
    spread = np.where(x >= 2, (squares / np.maximum(x, 1) - mean * mean) / np.maximum(mean * mean, 1e-9), 1.0)
    made = {
        "repeats": np.log1p(x),
        "one_timer": (x == 0).astype(np.float64),
        "silent": np.log1p(silent),
        "overdue": np.where(x > 0, np.log((silent + 0.5) / (gap + 0.5)), 0.0),
        "age": np.log1p(s.age),
        "regularity": np.where(x >= 2, np.log((np.maximum(spread, 0) * x + 1) / (x + 1)), 0.0),
    }
    for days in (28, 91, 182):
        made[f"last_{days}"] = np.log1p(np.bincount(who[day > origin - days], minlength=n)[s.who])
    if origin - int(day.min()) >= 365 + horizon // 3:
        same = (day > origin - 365) & (day <= origin - 365 + horizon)
        made["season"] = np.log1p(np.bincount(who[same], minlength=n)[s.who])
        made["knew_season"] = (s.age * WEEK >= 365 - horizon / 2).astype(np.float64)
    if purchases.has_amounts:
        spend = np.log(np.maximum(np.bincount(who, amount, minlength=n)[s.who] / (x + 1), 0.01))
        last = np.zeros(n)
        ends = np.r_[who[1:] != who[:-1], True]
        last[who[ends]] = amount[ends]
        made["spend"] = spend - float(np.median(spend))
        made["last_spend"] = np.log(np.maximum(last[s.who], 0.01)) - spend
    basket = np.log(np.bincount(who, lines, minlength=n)[s.who] / (x + 1))
    made["basket"] = basket - float(basket.mean())
    return made


def _logit(p: Floats) -> Floats:
    q = np.clip(p, 1e-6, 1 - 1e-6)
    found: Floats = np.clip(np.log(q / (1 - q)), -6, 6)
    return found


def _ridge(X: Floats, y: Floats, offset: Floats, weight: Floats, penalty: float, *, counts: bool) -> Floats:
    """Coefficients of a ridge Poisson (`counts`) or logistic regression with offset, by Newton's method; the first column is the intercept."""
    b = np.zeros(X.shape[1])
    ridge = np.full(X.shape[1], penalty)
    ridge[0] = 1.0
    for _ in range(30):
        eta = np.clip(offset + X @ b, -15, 8)
        mean = np.exp(eta) if counts else sigmoid(eta)
        spread = mean if counts else mean * (1 - mean)
        step = np.linalg.solve((X * (weight * spread)[:, None]).T @ X + np.diag(ridge), X.T @ (weight * (y - mean)) - ridge * b)
        largest = float(np.abs(step).max())
        b = b + step * min(1.0, 1.0 / max(largest, 1e-12))
        if largest < 1e-6:
            break
    found: Floats = b
    return found


@dataclass(frozen=True)
class Window:
    """One origin of the past with its outcome."""

    origin: int
    summary: Summary
    base: Base
    features: dict[str, Floats]
    bought: Floats
    worth: Floats


def _windows(purchases: Purchases, as_of: int, horizon: int) -> tuple[list[Window], int]:
    """Past origins whose outcomes were all known by `as_of`, and the length of their outcome windows (the horizon, or what the history allows)."""
    first = int(purchases.day.min())
    history = as_of - first
    length = horizon if history >= 2.2 * horizon else max(int(history * 0.35), 7)
    length = min(length, horizon)
    origins: list[int] = []
    origin = as_of - length
    while origin - first >= max(0.8 * length, 21) and len(origins) < 6:
        origins.append(origin)
        origin -= max(length // 2, 7)
    last_year = as_of - 365
    if (
        length == horizon
        and last_year - first >= 90
        and last_year + length <= as_of
        and all(abs(last_year - o) > 7 for o in origins)
    ):
        origins.append(last_year)
    windows = []
    for o in origins:
        s = summarise(purchases, o)
        if len(s.x) < MIN_CUSTOMERS:
            continue
        base = predict(fit(s), s, length)
        bought, worth = outcome(purchases, s, o, length)
        windows.append(Window(o, s, base, _features(purchases, s, o, length), bought, worth))
    return windows, length


@dataclass(frozen=True)
class Forecast:
    """One row per customer seen by `as_of`; arrays in the order of `summary.who`.

    `expected` is a mean (it adds up over customers), `likely` the median (the best single guess, and what a mean absolute error rewards).
    `low`..`high` is the smallest interval of whole purchases that promises at least `LEVEL`; `holds` is what it promises (a customer who will most
    likely not come back has the interval 0..0, and that holds far more than `LEVEL`).
    """

    as_of: int
    horizon: int
    params: Params
    summary: Summary
    alive: Floats
    buys: Floats
    expected: Floats
    likely: Floats
    low: Floats
    high: Floats
    value: Floats
    value_low: Floats
    value_high: Floats
    holds: Floats
    windows: int
    window_days: int
    drivers: dict[str, float] = field(default_factory=dict)


def _order_values(purchases: Purchases, s: Summary, as_of: int) -> tuple[Floats, float]:
    """Per customer the expected amount of a purchase, shrunk towards the shop's mean by how much amounts vary within customers; and the
    coefficient of variation of one purchase."""
    seen = purchases.day <= as_of
    who, amount = purchases.who[seen], purchases.amount[seen]
    n = len(purchases.customers)
    count = np.bincount(who, minlength=n)[s.who].astype(np.float64)
    gross = np.bincount(who, amount, minlength=n)[s.who]
    paid_back = float(purchases.refunds.between(-math.inf, as_of).by_customer(n)[s.who].sum())
    kept = 1.0 - min(paid_back / max(float(gross.sum()), 1e-9), 0.9)
    # One huge order must not set the shop's mean: amounts are capped at their 99.5th percentile for the shared part.
    cap = float(np.quantile(amount, 0.995)) if len(amount) else 0.0
    capped = np.minimum(amount, cap)
    total, squares = np.bincount(who, capped, minlength=n)[s.who], np.bincount(who, capped * capped, minlength=n)[s.who]
    mean = total / count
    repeat = count >= 2
    shop = float(total.sum() / max(count.sum(), 1.0))
    if repeat.sum() >= 5 and shop > 0:
        within = float((squares[repeat] - count[repeat] * mean[repeat] ** 2).sum() / max((count[repeat] - 1).sum(), 1.0))
        between = float(mean[repeat].var()) - within * float((1 / count[repeat]).mean())
        strength = within / max(between, 0.02 * within, 1e-9)
    else:
        within, strength = float(capped.var()) if len(capped) else 0.0, 3.0
    value = (strength * shop + total) / (strength + count) * kept
    return value, math.sqrt(max(within, 0.0)) / max(shop, 1e-9)


def _tail(buys: Floats, expected: Floats, shape: Floats, level: float) -> tuple[Floats, Floats, Floats]:
    """The smallest whole number k with P(N <= k) >= `level`, and P(N <= k), P(N < k).

    N is 0 with probability 1 - buys and otherwise 1 + a negative binomial of this `shape` whose mean makes the whole mean `expected`.
    """
    more = np.maximum(expected / np.maximum(buys, 1e-9) - 1.0, 0.0)  # beyond the first purchase
    k_found, upto, below = np.zeros(len(buys)), 1.0 - buys, np.zeros(len(buys))
    open_ = upto < level
    q = shape / (shape + more)
    term = q**shape
    k = 0
    while open_.any() and k < 400:
        below = np.where(open_, upto, below)
        upto = np.where(open_, upto + buys * term, upto)
        k_found[open_] = k + 1
        open_ = open_ & (upto < level - 1e-12)
        k += 1
        term = term * (shape + k - 1) / k * (1 - q)
    return k_found, upto, below


def _spread(windows: Sequence[Window], fits: Sequence[tuple[Floats, Floats]], r: float) -> float:
    """The factor on the negative binomial's shape under which the past's purchases (given any) are most likely."""
    best, best_score = 1.0, -math.inf
    for factor in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
        score, count = 0.0, 0
        for window, (buys, expected) in zip(windows, fits, strict=True):
            bought = window.bought > 0
            if not bought.any():
                continue
            k = window.bought[bought] - 1
            more = np.maximum(expected[bought] / np.maximum(buys[bought], 1e-9) - 1.0, 1e-6)
            shape = factor * (r + window.summary.x[bought])
            table = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, max(int(k.max()), 1) + 1)))])
            rising = np.array(
                [float(log_rising(float(a), np.array([b]))[0]) for a, b in zip(shape[:2000], k[:2000], strict=True)]
            )
            k, more, shape = k[:2000], more[:2000], shape[:2000]
            score += float(
                (
                    rising
                    - table[k.astype(np.int64)]
                    + shape * np.log(shape / (shape + more))
                    + k * np.log(more / (shape + more))
                ).sum()
            )
            count += len(k)
        if count and score > best_score:
            best, best_score = factor, score
    return best


def _to_mean(z: Floats, wanted: float) -> Floats:
    """sigmoid(z + c) with the constant c that makes its mean `wanted`."""
    low, high = -12.0, 12.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(sigmoid(z + middle).mean()) < wanted:
            low = middle
        else:
            high = middle
    return sigmoid(z + 0.5 * (low + high))


def forecast(purchases: Purchases, as_of: int, horizon: int) -> Forecast:
    """What each customer will do in the `horizon` days after `as_of`, using nothing later than `as_of`."""
    s = summarise(purchases, as_of)
    params = fit(s)
    base = predict(params, s, horizon)
    past = purchases.until(as_of)
    windows, length = _windows(past, as_of, horizon)
    bought = sum(float((w.bought > 0).sum()) for w in windows) / max(len(windows), 1)
    expected, buys = base.expected, base.buys
    fits: list[tuple[Floats, Floats]] = [(w.base.buys, w.base.expected) for w in windows]
    drivers: dict[str, float] = {}
    if windows and bought >= 5:
        mine = _features(past, s, as_of, horizon)
        keys = [k for k in mine if all(k in w.features for w in windows)]

        def stack(made: dict[str, Floats], b: Base) -> Floats:
            return np.stack(
                [*(made[k] for k in keys), np.clip(np.log(np.maximum(b.expected, 1e-6)), -7, 5), _logit(b.buys)], axis=1
            )

        rows = sum(len(w.bought) for w in windows)
        stride = max(1, math.ceil(rows / MAX_PANEL_ROWS))
        panels = [stack(w.features, w.base)[::stride] for w in windows]
        together = np.concatenate(panels)
        mean, sd = together.mean(axis=0), together.std(axis=0) + 1e-9

        def design(raw: Floats) -> Floats:
            return np.concatenate([np.ones((len(raw), 1)), np.clip((raw - mean) / sd, -4, 4)], axis=1)

        X, y = design(together), np.concatenate([w.bought[::stride] for w in windows])
        # The same customers recur in overlapping windows; the nearest season counts most.
        weights = []
        for w, panel in zip(windows, panels, strict=True):
            apart = abs((as_of - w.origin + 182) % 365 - 182)
            near = 1.0 + 2.0 * math.exp(-((apart / 45.0) ** 2)) * (as_of - w.origin > 250)
            weights.append(np.full(len(panel), near / math.sqrt(len(windows)) * stride))
        weight = np.concatenate(weights)
        log_e = np.concatenate([np.clip(np.log(np.maximum(w.base.expected[::stride], 1e-6)), -7, 5) for w in windows])
        logit_p = np.concatenate([_logit(w.base.buys[::stride]) for w in windows])
        by_count = _ridge(X, y, log_e, weight, 100.0, counts=True)
        by_chance = _ridge(X, (y > 0).astype(np.float64), logit_p, weight, 40.0, counts=False)
        # Level: how far the past came out above or below layer 1, believed in so far as those windows were long enough and held enough outcomes.
        trust = (length / horizon) * bought / (bought + 25.0)
        spent, guessed = float(weight @ y), float(weight @ np.exp(log_e))
        level = trust * math.log(max(spent, 1e-9) / max(guessed, 1e-9))
        chance = float(weight @ (y > 0)) / float(weight.sum())
        chance_level = trust * float(
            _logit(np.array([chance]))[0] - _logit(np.array([float(weight @ sigmoid(logit_p)) / float(weight.sum())]))[0]
        )
        Z = design(stack(mine, base))
        # Counts over a longer horizon than ever observed: the corrections are learnt on shorter windows and taken over in proportion.
        raw = np.exp(np.clip(np.log(np.maximum(base.expected, 1e-6)) + (length / horizon) * (Z[:, 1:] @ by_count[1:]), -12, 6))
        expected = raw * (float(base.expected.sum()) * math.exp(level) / max(float(raw.sum()), 1e-12))
        wanted = float(sigmoid(np.array([float(_logit(np.array([float(base.buys.mean())]))[0]) + chance_level]))[0])
        buys = _to_mean(_logit(base.buys) + Z[:, 1:] @ by_chance[1:], wanted)
        fits = []
        for w in windows:
            U = design(stack(w.features, w.base))
            fits.append(
                (
                    sigmoid(_logit(w.base.buys) + U @ by_chance),
                    np.exp(np.clip(np.log(np.maximum(w.base.expected, 1e-6)) + U @ by_count, -12, 6)),
                )
            )
        drivers = {k: float(v) for k, v in zip(keys, by_chance[1:], strict=False)}
    expected = np.maximum(expected, buys)  # whoever buys at all buys at least once
    shape = _spread(windows, fits, params.r) * (params.r + s.x)
    likely = _tail(buys, expected, shape, 0.5)[0]
    high, upto, _ = _tail(buys, expected, shape, 0.5 + LEVEL / 2)
    low, _, below = _tail(buys, expected, shape, 0.5 - LEVEL / 2)
    holds = np.minimum(upto, 1.0) - below
    nan = np.full(len(buys), np.nan)
    value, value_low, value_high = nan, nan, nan
    if purchases.has_amounts:
        each, cv = _order_values(past, s, as_of)
        value = expected * each
        margin = 1.2816 * cv  # normal 90 % point of one order, less per order the more there are
        value_high = high * each * (1 + margin / np.sqrt(np.maximum(high, 1)))
        value_low = low * each * np.maximum(1 - margin / np.sqrt(np.maximum(low, 1)), 0.1)
    alive = np.maximum(base.alive, buys)
    return Forecast(
        as_of,
        horizon,
        params,
        s,
        alive,
        buys,
        expected,
        likely,
        low,
        high,
        value,
        value_low,
        value_high,
        holds,
        len(windows),
        length if windows else 0,
        drivers,
    )
