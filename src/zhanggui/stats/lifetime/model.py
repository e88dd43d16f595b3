"""Layer 1: purchases at a rate that differs between customers, until each silently leaves at a rate that also differs (Pareto/NBD)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zhanggui.stats.lifetime.purchases import WEEK, Summary
from zhanggui.stats.tables import Floats

_NODES, _WEIGHTS = (lambda pair: ((pair[0] + 1) / 2, pair[1] / 2))(np.polynomial.legendre.leggauss(8))


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


def log_rising(r: float, x: Floats) -> Floats:
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
    front = log_rising(r, x) + r * math.log(alpha) - (r + x) * np.log(alpha + recency)
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
