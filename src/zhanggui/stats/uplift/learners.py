"""The learners: what a message changes, predicted from models fitted on other people. All numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zhanggui.stats.distributions import sigmoid
from zhanggui.stats.tables import Bools, Floats, Ints

OUTCOME = "outcome"
LEARNER_NAMES: Mapping[str, str] = {
    "interaction_25": "带交互的岭回归（弱收缩）",
    "interaction_100": "带交互的岭回归（中收缩）",
    "interaction_400": "带交互的岭回归（强收缩）",
    "interaction_1600": "带交互的岭回归（很强收缩）",
    "sparse": "自动选交互的岭回归",
    "t_learner": "T 学习器",
    "x_learner": "X 学习器",
    "dr_learner": "DR 学习器",
    "trees": "小提升树",
    "blend": "几种方法的平均",
    OUTCOME: "按谁本来就会买排序",
}


@dataclass
class Arms:
    """A fitted pair of response curves: link(b + shift * d) per arm, `d` the interaction coefficients."""

    b: Floats
    d: Floats
    share: float
    logistic: bool

    def means(self, X: Floats) -> tuple[Floats, Floats]:
        """Expected outcome when treated, when not."""
        base, turn = X @ self.b, X @ self.d
        on, off = base + (1 - self.share) * turn, base - self.share * turn
        return (sigmoid(on), sigmoid(off)) if self.logistic else (on, off)


def fit_arms(
    X: Floats,
    t: Bools,
    y: Floats,
    *,
    logistic: bool,
    main: float,
    turn: float,
    scale: Floats,
    start: Arms | None = None,
    relevance: bool = False,
    steps: int = 12,
) -> Arms:
    """Ridge regression with treatment interactions, penalties `main` on the base and `turn` on the interactions, both times `scale` per column
    (columns of X: intercept first).

    The Hessian is put together from the two arms' Gram matrices, so an iteration costs one pass over the rows. With `relevance`, each
    interaction's penalty is re-estimated from its size (evidence maximisation), which switches useless ones off.
    """
    p = X.shape[1]
    share = float(t.mean())
    A, B = X[t], X[~t]
    ya, yb = y[t], y[~t]
    b = np.zeros(p) if start is None else start.b.copy()
    d = np.zeros(p) if start is None else start.d.copy()
    main_penalty, turn_penalty = main * scale, turn * scale
    main_penalty[0], turn_penalty[0] = 1e-3, 1e-3
    if start is None and logistic:
        rate = float(np.clip(y.mean(), 1e-4, 1 - 1e-4))
        b[0] = math.log(rate / (1 - rate))
    noise = 1.0 if logistic else max(float(np.var(y)), 1e-12)
    GA: Floats = np.zeros((0, 0))
    GB: Floats = GA
    on, off = 1 - share, -share
    for step in range(steps):
        za, zb = A @ (b + on * d), B @ (b + off * d)
        if logistic:
            ma, mb = sigmoid(za), sigmoid(zb)
            wa, wb = np.maximum(ma * (1 - ma), 1e-5), np.maximum(mb * (1 - mb), 1e-5)
            HA, HB = (A * wa[:, None]).T @ A, (B * wb[:, None]).T @ B
            ga, gb = A.T @ (ya - ma), B.T @ (yb - mb)
        else:
            if step == 0:
                GA, GB = np.divide(A.T @ A, noise, dtype=np.float64), np.divide(B.T @ B, noise, dtype=np.float64)
            HA, HB = GA, GB
            ga, gb = A.T @ (ya - za) / noise, B.T @ (yb - zb) / noise
        H = np.block([[HA + HB, on * HA + off * HB], [on * HA + off * HB, on * on * HA + off * off * HB]])
        penalty = np.concatenate([main_penalty, turn_penalty])
        g = np.concatenate([ga + gb, on * ga + off * gb]) - penalty * np.concatenate([b, d])
        H[np.diag_indices_from(H)] += penalty
        if relevance and step >= 2:
            spread = np.linalg.inv(H)
            move = spread @ g
            own = np.diag(spread)[p:]
            turn_penalty = np.clip(1.0 / np.maximum(d * d + own, 1e-8), 10.0, 1e6)
            turn_penalty[0] = 1e-3
        else:
            move = np.linalg.solve(H, g)
        largest = float(np.abs(move).max())
        move *= min(1.0, 2.0 / max(largest, 1e-12))
        b, d = b + move[:p], d + move[p:]
        if (largest < 1e-4 and not relevance) or (not logistic and not relevance):
            break
    return Arms(b, d, share, logistic)


def _ridge_line(X: Floats, target: Floats, penalty: Floats) -> Floats:
    """Ridge regression of a noisy target; the penalty is on the scale of a logistic one (relative to the target's variance)."""
    noise = max(float(np.var(target)), 1e-12)
    H: Floats = np.divide(X.T @ X, noise, dtype=np.float64)
    ridge = penalty.copy()
    ridge[0] = 1e-6
    H[np.diag_indices_from(H)] += ridge
    found: Floats = np.asarray(np.linalg.solve(H, X.T @ target / noise), dtype=np.float64)
    return found


def _grow(
    bins: Ints, target: Floats, rounds: int, rate: float, least: int
) -> list[tuple[int, int, list[tuple[int, int, float, float]]]]:
    """Depth-two boosted trees on binned columns, least squares: per round (column, cut) and for each side a second (column, cut, left, right)."""
    _n, p = bins.shape
    flat = bins + np.arange(p) * 16
    residual = target - target.mean()
    trees = []

    whole = np.bincount(flat.ravel(), minlength=16 * p).reshape(p, 16)

    def best(rows: Ints | None) -> tuple[int, int, float, float, float]:
        f = flat.ravel() if rows is None else flat[rows].ravel()
        r = residual if rows is None else residual[rows]
        count = whole if rows is None else np.bincount(f, minlength=16 * p).reshape(p, 16)
        total = np.bincount(f, np.repeat(r, p), minlength=16 * p).reshape(p, 16)
        left_n, left_s = np.cumsum(count, axis=1)[:, :-1], np.cumsum(total, axis=1)[:, :-1]
        right_n, right_s = len(r) - left_n, float(r.sum()) - left_s
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.where((left_n >= least) & (right_n >= least), left_s**2 / left_n + right_s**2 / right_n, -1.0)
        at = int(np.argmax(gain))
        i, k = divmod(at, 15)
        if gain[i, k] < 0:
            mean = float(r.sum()) / (len(r) + least)
            return -1, 0, mean, mean, 0.0
        # Leaf means shrunk by `least` rows of nothing.
        return (
            i,
            k,
            float(left_s[i, k] / (left_n[i, k] + least)),
            float(right_s[i, k] / (right_n[i, k] + least)),
            float(gain[i, k]),
        )

    for _ in range(rounds):
        i, k, _, _, gain = best(None)
        if i < 0 or gain <= 0:
            break
        goes_left = bins[:, i] <= k
        sides = []
        for side in (goes_left, ~goes_left):
            rows = np.flatnonzero(side)
            j, m, lo, hi, _ = best(rows)
            sides.append((j, m, rate * lo, rate * hi))
            residual[rows] -= np.where(bins[rows, j] <= m, rate * lo, rate * hi) if j >= 0 else rate * lo
        trees.append((i, k, sides))
    return trees


def _climb(trees: list[tuple[int, int, list[tuple[int, int, float, float]]]], bins: Ints) -> Floats:
    """Sum of the trees: each depends on at most three columns, so it is looked up per side."""
    out = np.zeros(len(bins))
    by_column = np.ascontiguousarray(bins.T)
    for i, k, ((j, m, a, b), (u, v, c, d)) in trees:
        left = np.where(by_column[j] <= m, a, b) if j >= 0 else a
        right = np.where(by_column[u] <= v, c, d) if u >= 0 else c
        out += np.where(by_column[i] <= k, left, right)
    return out


@dataclass
class Scores:
    """What the learners say about some rows: predicted uplift by learner, and the two expected outcomes for the doubly robust score."""

    uplift: dict[str, Floats]
    on: Floats
    off: Floats


def learn(
    X: Floats,
    bins: Ints,
    t: Bools,
    y: Floats,
    X_new: Floats,
    bins_new: Ints,
    *,
    scale: Floats,
    logistic: bool,
    only: str | None = None,
) -> Scores:
    """Fits every learner (or `only` one) on (X, t, y) and scores the new rows. X has an intercept as its first column."""
    made: dict[str, Floats] = {}
    outcome_model = fit_arms(X, t, y, logistic=logistic, scale=scale, main=20.0, turn=1e7)
    on0, off0 = outcome_model.means(X_new)
    if only in (None, OUTCOME):
        # One treatment coefficient for everybody: with the logistic link this is ranking by outcome, on the scale of uplift.
        made[OUTCOME] = on0 * outcome_model.share + off0 * (1 - outcome_model.share)
    t_model = fit_arms(X, t, y, logistic=logistic, scale=scale, main=10.0, turn=10.0, start=outcome_model)
    on, off = t_model.means(X_new)
    nuisance = fit_arms(X, t, y, logistic=logistic, scale=scale, main=20.0, turn=100.0, start=outcome_model)
    on_n, off_n = nuisance.means(X_new)

    def wants(*names: str) -> bool:
        return only is None or only in names or only == "blend"

    if wants("t_learner"):
        made["t_learner"] = on - off
    for strength in (25.0, 100.0, 400.0, 1600.0):
        name = f"interaction_{strength:.0f}"
        if wants(name):
            a, b = (
                (on_n, off_n)
                if strength == 100.0
                else fit_arms(X, t, y, logistic=logistic, scale=scale, main=20.0, turn=strength, start=nuisance).means(X_new)
            )
            made[name] = a - b
    if wants("sparse"):
        a, b = fit_arms(
            X, t, y, logistic=logistic, scale=scale, main=20.0, turn=100.0, start=nuisance, relevance=True, steps=14
        ).means(X_new)
        made["sparse"] = a - b
    m1, m0 = nuisance.means(X)
    share = float(t.mean())
    psi = m1 - m0 + np.where(t, (y - m1) / share, -(y - m0) / (1 - share))
    if wants("dr_learner"):
        made["dr_learner"] = X_new @ _ridge_line(X, psi, 100.0 * scale)
    if wants("x_learner"):
        one, zero = _ridge_line(X[t], y[t] - m0[t], 50.0 * scale), _ridge_line(X[~t], m1[~t] - y[~t], 50.0 * scale)
        made["x_learner"] = X_new @ ((1 - share) * one + share * zero)
    if wants("trees"):
        trees = _grow(bins, psi, 60, 0.1, max(50, len(y) // 50))
        made["trees"] = psi.mean() + _climb(trees, bins_new)
    if only in (None, "blend"):
        names = ("interaction_400", "interaction_1600", "sparse", "dr_learner", "trees")
        made["blend"] = np.mean([made[k] for k in names], axis=0)
    return Scores(made if only is None else {only: made[only]}, on_n, off_n)
