"""Who is still a customer? Probability of buying again, expected purchases and value per customer, from nothing but (customer, day, amount).

Three layers, each corrected by what the shop's own past says:

1. `fit` — purchases at a rate that differs between customers (gamma), until a customer silently leaves at a rate that also differs (gamma): the
   Pareto/NBD model (Schmittlein, Morrison & Colombo 1987). Customers come down to (repeat purchases, recency, age), equal ones are counted once,
   the integral over the day of leaving is an 8-point Gauss-Legendre sum that is exact in its sharp factor. A weak prior on the four parameters
   makes every shop converge and pulls small ones towards an ordinary shop.
2. `forecast` — rolling origins in the shop's own past: at each, layer 1 is refitted on what was known then, and a ridge regression (logistic for
   "buys again", Poisson for how often) learns what it got wrong from regularity, recent pace, spend, basket and the same season last year.
   Only relative corrections are taken over as they are; the level is taken over in so far as the past windows were as long as the horizon.
3. Intervals — a zero-modified negative binomial around the two forecasts whose spread is chosen on the same past windows.

`judge` adds the backtest beside the fixed rule "30 days silent = lost" and says *undecided* where the history cannot carry an answer.
All days are integers, durations in days; the model's own unit is the week.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from zhanggui.stats.tables import Bools, Floats, Ints, Note

VerdictWord = Literal["better", "worse", "no_difference", "undecided"]

WEEK = 7.0
RULE_DAYS = 30  # field practice: 30 days without a purchase = lost
LEVEL = 0.8  # share of outcomes an interval is to hold
MIN_CUSTOMERS, MIN_REPEAT_BUYERS, MIN_HISTORY_DAYS = 20, 5, 28
MIN_BACKTEST_OUTCOMES = 20  # of either kind (bought again, did not), below which a backtest says nothing
MAX_PANEL_ROWS = 150_000
_NODES, _WEIGHTS = (lambda pair: ((pair[0] + 1) / 2, pair[1] / 2))(np.polynomial.legendre.leggauss(8))


# ── purchases ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Purchases:
    """One row per customer and day, sorted: `who` (place in `customers`), `day`, `amount` that day (NaN: unknown), `lines` (rows that day).

    `refunds[i]`: what customer i got back in all, deducted from the value per purchase.
    """

    customers: tuple[str, ...]
    who: Ints
    day: Ints
    amount: Floats
    lines: Ints
    refunds: Floats
    has_amounts: bool


def gather(customers: Sequence[str], who: Ints, day: Ints, amount: Floats | None = None) -> Purchases:
    """Rows to purchases: several rows of a customer on one day are one purchase; negative amounts are refunds, not purchases."""
    n = len(customers)
    values = np.full(len(who), np.nan) if amount is None else amount
    known = np.where(np.isfinite(values), values, 0.0)
    bought = ~(known < 0)
    refunds = np.bincount(who[~bought], -known[~bought], minlength=n) if n else np.zeros(0)
    w, d, v = who[bought], day[bought], known[bought]
    base = int(d.min()) if len(d) else 0
    span = int(d.max()) - base + 1 if len(d) else 1
    keys, inverse, lines = np.unique(w * span + (d - base), return_inverse=True, return_counts=True)
    return Purchases(
        tuple(customers),
        keys // span,
        keys % span + base,
        np.bincount(inverse, v, minlength=len(keys)).astype(np.float64),
        lines,
        refunds,
        amount is not None,
    )


@dataclass(frozen=True)
class Summary:
    """Per customer seen by the origin: `who`, repeat purchases `x`, weeks from first to last purchase `recency`, weeks since the first `age`."""

    who: Ints
    x: Floats
    recency: Floats
    age: Floats

    @property
    def silent_days(self) -> Floats:
        """Days since the last purchase."""
        return (self.age - self.recency) * WEEK


def summarise(purchases: Purchases, origin: int) -> Summary:
    """Sufficient statistics from purchases up to and including day `origin`."""
    seen = purchases.day <= origin
    who, day = purchases.who[seen], purchases.day[seen]
    if len(who) == 0:
        empty = np.zeros(0)
        return Summary(np.zeros(0, dtype=np.int64), empty, empty, empty)
    starts = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
    ends = np.r_[starts[1:], len(who)] - 1
    first, last = day[starts], day[ends]
    return Summary(who[starts], (ends - starts).astype(np.float64), (last - first) / WEEK, (origin - first) / WEEK)


# ── layer 1: the rate and the leaving ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Params:
    """Gamma(`r`, `alpha`) purchase rates and gamma(`s`, `beta`) leaving rates, per week; and how the fit went."""

    r: float
    alpha: float
    s: float
    beta: float
    iterations: int = 0
    distinct: int = 0
    log_likelihood: float = math.nan
    converged: bool = True


def _log_rising(r: float, x: Floats) -> Floats:
    """log Gamma(r + x) / Gamma(r) for whole x, from a running sum (no special functions needed)."""
    table = np.concatenate([[0.0], np.cumsum(np.log(r + np.arange(max(int(x.max(initial=0)), 1))))])
    found: Floats = table[x.astype(np.int64)]
    return found


def _ending(params: tuple[float, float, float, float], power: Floats, start: Floats, stop: Floats) -> Floats:
    """log of the integral over the leaving time t in [start, stop] of f(t) (alpha + t)^-power, relative to (alpha + start)^-power.

    f is the Lomax density s beta^s / (beta + t)^(s + 1). Substituting w = (alpha + t)^-(power + s) leaves a smooth integrand.
    """
    _, alpha, s, beta = params
    k = power + s
    log_ratio = np.log((alpha + start) / (alpha + stop))
    low = np.exp(k * log_ratio)
    w = low[:, None] + (1 - low)[:, None] * _NODES
    shifted = (alpha + start)[:, None] * np.exp(-np.log(np.maximum(w, 1e-300)) / k[:, None])
    smooth = np.exp(-(s + 1) * np.log1p((beta - alpha) / shifted)) @ _WEIGHTS
    found: Floats = math.log(s) + s * math.log(beta) - np.log(k) - s * np.log(alpha + start) + np.log(smooth * (1 - low) + 1e-300)
    return found


def _alive_and_gone(params: tuple[float, float, float, float], x: Floats, recency: Floats, age: Floats) -> tuple[Floats, Floats]:
    """log weights of "still a customer at `age`" and "left between the last purchase and now", up to a common factor."""
    r, alpha, s, beta = params
    power = r + x
    alive = power * np.log((alpha + recency) / (alpha + age)) + s * np.log(beta / (beta + age))
    return alive, _ending(params, power, recency, age)


def log_likelihood(params: tuple[float, float, float, float], x: Floats, recency: Floats, age: Floats, weight: Floats) -> float:
    """The weighted log-likelihood of (x, recency, age)."""
    r, alpha, _, _ = params
    alive, gone = _alive_and_gone(params, x, recency, age)
    front = _log_rising(r, x) + r * math.log(alpha) - (r + x) * np.log(alpha + recency)
    return float(weight @ (front + np.logaddexp(alive, gone)))


def _collapse(s: Summary, step: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Customers with equal x and nearly equal (within `step` weeks) recency and age, once, with their means and count."""
    tx, t = np.rint(s.recency / step).astype(np.int64), np.rint(s.age / step).astype(np.int64)
    width = int(t.max()) + 2
    _, inverse, count = np.unique((s.x.astype(np.int64) * width + tx) * width + t, return_inverse=True, return_counts=True)
    weight = count.astype(np.float64)
    x, recency, age = (np.bincount(inverse, v) / weight for v in (s.x, s.recency, s.age))
    return np.rint(x), recency, age, weight


def fit(s: Summary) -> Params:
    """The four parameters that make the customers most likely, under a weak prior; always converges (BFGS on the logarithms)."""
    scale = max(float(s.age.mean()) if len(s.age) else 1.0, 1.0)
    centre = np.log([0.5, scale / 3, 0.6, scale / 2])
    if len(s.x) == 0:
        e = np.exp(centre)
        return Params(float(e[0]), float(e[1]), float(e[2]), float(e[3]), converged=False)
    x, recency, age, weight = _collapse(s, max(scale / 25, 1 / WEEK))

    def loss(p: Floats) -> float:
        e = np.exp(p)
        return -log_likelihood((float(e[0]), float(e[1]), float(e[2]), float(e[3])), x, recency, age, weight) + 0.5 * float(
            (((p - centre) / 1.5) ** 2).sum()
        )

    def slope(p: Floats, value: float) -> Floats:
        h = 1e-5
        return np.array([(loss(p + h * unit) - value) / h for unit in np.eye(4)])

    p, inverse = centre.copy(), np.eye(4) * 4 / max(len(s.x), 1)
    value = loss(p)
    g = slope(p, value)
    converged, iterations = False, 0
    while not converged and iterations < 80:
        iterations += 1
        move = -inverse @ g
        largest = float(np.abs(move).max())
        if largest > 1.0:
            move /= largest
        t, new = 1.0, math.inf
        while t > 1e-7:
            new = loss(np.clip(p + t * move, centre - 9, centre + 9))
            if new < value + 1e-4 * t * float(g @ move):
                break
            t /= 2
        if t <= 1e-7:
            converged = True
            break
        step = np.clip(p + t * move, centre - 9, centre + 9) - p
        p = p + step
        g_new = slope(p, new)
        y = g_new - g
        if float(y @ step) > 1e-12:
            rho, eye = 1.0 / float(y @ step), np.eye(4)
            inverse = (eye - rho * np.outer(step, y)) @ inverse @ (eye - rho * np.outer(y, step)) + rho * np.outer(step, step)
        gain, value, g = value - new, new, g_new
        converged = gain < 1e-4 + 1e-8 * abs(value)
    r, alpha, leave, beta = (float(v) for v in np.exp(p))
    return Params(r, alpha, leave, beta, iterations, len(x), -value, converged)


@dataclass(frozen=True)
class Base:
    """Layer 1 per customer: probability alive, expected purchases and probability of at least one within the horizon."""

    alive: Floats
    expected: Floats
    buys: Floats


def predict(params: Params, s: Summary, horizon_days: float) -> Base:
    """What the fitted model expects of each customer in the `horizon_days` after the summary's origin."""
    p = (params.r, params.alpha, params.s, params.beta)
    h = horizon_days / WEEK
    alive_log, gone_log = _alive_and_gone(p, s.x, s.recency, s.age)
    alive = 1.0 / (1.0 + np.exp(np.clip(gone_log - alive_log, -700, 700)))
    power, later = params.r + s.x, s.age + h
    shrink = np.log((params.beta + s.age) / (params.beta + later))
    stays = (
        -(params.beta + s.age) * shrink
        if abs(params.s - 1) < 1e-6
        else (params.beta + s.age) * -np.expm1((params.s - 1) * shrink) / (params.s - 1)
    )
    expected = alive * power / (params.alpha + s.age) * stays
    waits = np.exp(power * np.log((params.alpha + s.age) / (params.alpha + later)) + params.s * shrink)
    # `_ending` counts leaving from birth; given alive at `age` it is divided by the survival to `age`.
    leaves = np.exp(np.minimum(_ending(p, power, s.age, later) - params.s * np.log(params.beta / (params.beta + s.age)), 0.0))
    return Base(alive, expected, alive * (1.0 - np.clip(waits + leaves, 0.0, 1.0)))


# ── layer 2: what the shop's own past corrects ──────────────────────────────────────────────────────────────────────────────


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


def _sigmoid(z: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(z, -30, 30)))
    return found


def _ridge(X: Floats, y: Floats, offset: Floats, weight: Floats, penalty: float, *, counts: bool) -> Floats:
    """Coefficients of a ridge Poisson (`counts`) or logistic regression with offset, by Newton's method; the first column is the intercept."""
    b = np.zeros(X.shape[1])
    ridge = np.full(X.shape[1], penalty)
    ridge[0] = 1.0
    for _ in range(30):
        eta = np.clip(offset + X @ b, -15, 8)
        mean = np.exp(eta) if counts else _sigmoid(eta)
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


def outcome(purchases: Purchases, s: Summary, origin: int, horizon: int) -> tuple[Floats, Floats]:
    """Purchases and amount of each customer in the `horizon` days after `origin`."""
    after = (purchases.day > origin) & (purchases.day <= origin + horizon)
    n = len(purchases.customers)
    who = purchases.who[after]
    return np.bincount(who, minlength=n)[s.who].astype(np.float64), np.bincount(who, purchases.amount[after], minlength=n)[
        s.who
    ].astype(np.float64)


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
    kept = 1.0 - min(float(purchases.refunds[s.who].sum()) / max(float(gross.sum()), 1e-9), 0.9)
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
                [float(_log_rising(float(a), np.array([b]))[0]) for a, b in zip(shape[:2000], k[:2000], strict=True)]
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
        if float(_sigmoid(z + middle).mean()) < wanted:
            low = middle
        else:
            high = middle
    return _sigmoid(z + 0.5 * (low + high))


def forecast(purchases: Purchases, as_of: int, horizon: int) -> Forecast:
    """What each customer will do in the `horizon` days after `as_of`, using nothing later than `as_of`."""
    s = summarise(purchases, as_of)
    params = fit(s)
    base = predict(params, s, horizon)
    past = replace(purchases, **{k: getattr(purchases, k)[purchases.day <= as_of] for k in ("who", "day", "amount", "lines")})
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
            _logit(np.array([chance]))[0] - _logit(np.array([float(weight @ _sigmoid(logit_p)) / float(weight.sum())]))[0]
        )
        Z = design(stack(mine, base))
        # Counts over a longer horizon than ever observed: the corrections are learnt on shorter windows and taken over in proportion.
        raw = np.exp(np.clip(np.log(np.maximum(base.expected, 1e-6)) + (length / horizon) * (Z[:, 1:] @ by_count[1:]), -12, 6))
        expected = raw * (float(base.expected.sum()) * math.exp(level) / max(float(raw.sum()), 1e-12))
        wanted = float(_sigmoid(np.array([float(_logit(np.array([float(base.buys.mean())]))[0]) + chance_level]))[0])
        buys = _to_mean(_logit(base.buys) + Z[:, 1:] @ by_chance[1:], wanted)
        fits = []
        for w in windows:
            U = design(stack(w.features, w.base))
            fits.append(
                (
                    _sigmoid(_logit(w.base.buys) + U @ by_chance),
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


# ── judging against the past ────────────────────────────────────────────────────────────────────────────────────────────────


def auc(positive: Bools, score: Floats) -> float:
    """Probability that a positive scores above a negative, ties half; NaN when one kind is absent."""
    n1 = int(positive.sum())
    if n1 == 0 or n1 == len(positive):
        return math.nan
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    return float((rank[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(positive) - n1)))


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
    reason: str
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
        reason: str, sentence: str, f: Forecast | None = None, tests: tuple[Accuracy, ...] = (), held: Accuracy | None = None
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
        return stop(
            "history_too_short",
            f"历史 {history} 天，倒不出一段足够长、结果足够多的过去来检验预测；下面的数字没有被验证过",
            f,
            (),
            held,
        )
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
