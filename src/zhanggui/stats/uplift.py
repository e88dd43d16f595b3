"""Whom is a message worth sending to? Ranking by what the treatment *changes*, learnt from an experiment, and checked against ranking by outcome.

The answer is one of
    usable               an uplift ranking beats random and is not below ranking by outcome: use it
    rank_by_outcome      no uplift model beats simply ranking by who buys anyway, but that ranking beats random: use that, and know it
    no_heterogeneity     nothing beats random: treat everybody or nobody, by the average effect
    undecided            too little data, or the groups are not comparable

How it is judged. Every learner scores every row from models that never saw the row (K folds, several seeds). Each row also gets a doubly robust
score psi (Robins, Rotnitzky & Zhao 1994) whose mean is the average effect. The area under the uplift curve (mean height, per head) of a ranking is
then the mean of psi times the row's rank share, so an AUUC, the difference between two rankings and a policy's profit all are plain means with plain
standard errors, paired over the same rows. Learners: ridge (logistic, or linear for amounts) with treatment interactions at four strengths, the same
with automatic relevance (MacKay 1992), T-, X- (Künzel 2019) and DR-learner (Kennedy 2023), small boosted trees on the DR score, and their mean.
All numpy; columns are expanded to piecewise-linear bases.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zhanggui.stats.compare import normal_sf
from zhanggui.stats.tables import MISSING_NUMBER, Bools, Floats, Ints, Note, Table, TableError, parse_number

VerdictWord = Literal["usable", "rank_by_outcome", "no_heterogeneity", "undecided"]

MAX_PAIRED = 9  # numeric columns up to which products of two are added
PAIR_PENALTY = 4.0  # products are shrunk this much more than the columns themselves
MAX_LEVELS = 20  # categories kept per column; the rest become one
MIN_ARM_ROWS, MIN_ARM_EVENTS = 100, 20
SELECTION_ROWS = 250_000  # cross-fitting above this many rows works on a random part
GATE = 0.02  # one-sided p a ranking's gain over random must reach; measured false alarms: docs/algorithms/uplift.md
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


# ── columns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Column:
    """One usable column: numbers (NaN missing) or codes of `levels` (-1 missing)."""

    name: str
    numbers: Floats | None
    codes: Ints | None = None
    levels: tuple[str, ...] = ()


def read_columns(table: Table, leave_out: Sequence[str]) -> tuple[list[Column], list[Note]]:
    """Every column that can say something about a person; identifiers, constants and empty columns are left out and named in the notes."""
    found: list[Column] = []
    identifiers, constants = [], []
    for name in table.names:
        if name in leave_out:
            continue
        labels, codes = table.codes(name)
        filled = int((codes >= 0).sum())
        if len(labels) < 2 or filled < 0.02 * table.rows:
            constants.append(name)
            continue
        parsed = [parse_number(x) for x in labels] if len(labels) <= 100_000 else None
        numeric = parsed is None or sum(
            v is not None or x.lower() in MISSING_NUMBER for v, x in zip(parsed, labels, strict=True)
        ) >= 0.98 * len(labels)
        if parsed is None:
            try:
                values = table.numbers(name, "--drop").values
            except TableError:
                identifiers.append(name)
                continue
        elif numeric:
            lookup = np.array([*(math.nan if v is None else v for v in parsed), math.nan])
            values = lookup[codes]
        else:
            values = None
        if values is None:
            if len(labels) > 0.5 * filled and filled > 20:
                identifiers.append(name)
                continue
            count = np.bincount(codes[codes >= 0], minlength=len(labels))
            keep = [i for i in np.argsort(-count, kind="stable")[:MAX_LEVELS] if count[i] >= max(10, 0.005 * filled)]
            if not keep or (len(keep) == 1 and count[keep[0]] == filled):
                identifiers.append(name) if len(labels) > MAX_LEVELS else constants.append(name)
                continue
            recode = np.full(len(labels) + 1, len(keep), dtype=np.int64)
            for new, old in enumerate(keep):
                recode[old] = new
            recode[-1] = -1
            found.append(
                Column(name, None, recode[codes], tuple(labels[i] for i in keep) + (("其他",) if len(keep) < len(labels) else ()))
            )
            continue
        good = values[np.isfinite(values)]
        distinct = len(np.unique(good))
        # Whole numbers that never repeat are row or customer numbers; measurements repeat or have decimals.
        if distinct > 0.95 * len(good) and len(good) > 50 and bool(np.all(good == np.rint(good))):
            identifiers.append(name)
            continue
        found.append(Column(name, values))
    notes = []
    if identifiers:
        notes.append(Note("identifiers_dropped", f"像编号的列没有用：{'、'.join(identifiers)}"))
    if constants:
        notes.append(Note("constants_dropped", f"几乎没有内容的列没有用：{'、'.join(constants)}"))
    return found, notes


def expand(columns: Sequence[Column]) -> tuple[Floats, Bools]:
    """Standardised basis, one row per person, and which of its columns are products of two.

    Numbers come as value and hinges at their quartiles, categories as indicators, missing as its own indicator; up to `MAX_PAIRED` numbers are also
    multiplied with each other.
    """
    parts: list[Floats] = []
    mains: list[Floats] = []
    for c in columns:
        if c.numbers is None:
            assert c.codes is not None
            for level in range(len(c.levels)):
                parts.append((c.codes == level).astype(np.float64))
            continue
        v = c.numbers
        lost = ~np.isfinite(v)
        good = v[~lost]
        values = np.unique(good)
        if lost.mean() > 0.002:
            parts.append(lost.astype(np.float64))
        if len(values) <= 2:
            parts.append(np.where(lost, values[0], v))
            mains.append(parts[-1])
            continue
        low, high = np.quantile(good, [0.005, 0.995])
        x = np.clip(np.where(lost, float(np.median(good)), v), low, high)
        if (good >= 0).all() and float(good.mean()) > 1.5 * float(np.median(good)):
            parts.append(np.log1p(np.maximum(x, 0)))  # long right tails: amounts, counts
        parts.append(x)
        mains.append(x)
        if len(values) > 4:
            knots = np.unique(np.quantile(good, [0.25, 0.5, 0.75]))
            parts.extend(np.maximum(x - k, 0) for k in knots if low < k < high)
        else:
            parts.extend((x == k).astype(np.float64) for k in values[1:-1])
    single = len(parts)
    if len(mains) <= MAX_PAIRED:
        scaled = [(m - m.mean()) / max(float(m.std()), 1e-9) for m in mains]
        parts.extend(np.clip(a * b, -6, 6) for i, a in enumerate(scaled) for b in scaled[i + 1 :])
    X = np.stack(parts, axis=1)
    sd = X.std(axis=0)
    keep = sd > 1e-9
    found: Floats = np.clip((X[:, keep] - X[:, keep].mean(axis=0)) / sd[keep], -6, 6)
    return found, (np.arange(len(parts)) >= single)[keep]


def bin_columns(columns: Sequence[Column], rows: int) -> Ints:
    """Up to 16 bins per column (for the trees), missing in a bin of its own."""
    parts = []
    for c in columns:
        if c.numbers is None:
            assert c.codes is not None
            parts.append(np.where(c.codes < 0, 15, np.minimum(c.codes, 14)))
            continue
        good = c.numbers[np.isfinite(c.numbers)]
        edges = np.unique(np.quantile(good, np.arange(1, 15) / 15))
        parts.append(np.where(np.isfinite(c.numbers), np.searchsorted(edges, c.numbers, side="right"), 15))
    found: Ints = np.stack(parts, axis=1).astype(np.int64) if parts else np.zeros((rows, 0), dtype=np.int64)
    return found


# ── learners ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sigmoid(z: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(z, -30, 30)))
    return found


@dataclass
class _Arms:
    """A fitted pair of response curves: link(b + shift * d) per arm, `d` the interaction coefficients."""

    b: Floats
    d: Floats
    share: float
    logistic: bool

    def means(self, X: Floats) -> tuple[Floats, Floats]:
        """Expected outcome when treated, when not."""
        base, turn = X @ self.b, X @ self.d
        on, off = base + (1 - self.share) * turn, base - self.share * turn
        return (_sigmoid(on), _sigmoid(off)) if self.logistic else (on, off)


def _fit_arms(
    X: Floats,
    t: Bools,
    y: Floats,
    *,
    logistic: bool,
    main: float,
    turn: float,
    scale: Floats,
    start: _Arms | None = None,
    relevance: bool = False,
    steps: int = 12,
) -> _Arms:
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
            ma, mb = _sigmoid(za), _sigmoid(zb)
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
    return _Arms(b, d, share, logistic)


def _ridge_line(X: Floats, target: Floats, penalty: Floats) -> Floats:
    """Ridge regression of a noisy target; the penalty is on the scale of a logistic one (relative to the target's variance)."""
    noise = max(float(np.var(target)), 1e-12)
    H = X.T @ X / noise
    ridge = penalty.copy()
    ridge[0] = 1e-6
    H[np.diag_indices_from(H)] += ridge
    found: Floats = np.linalg.solve(H, X.T @ target / noise)
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
    outcome_model = _fit_arms(X, t, y, logistic=logistic, scale=scale, main=20.0, turn=1e7)
    on0, off0 = outcome_model.means(X_new)
    if only in (None, OUTCOME):
        # One treatment coefficient for everybody: with the logistic link this is ranking by outcome, on the scale of uplift.
        made[OUTCOME] = on0 * outcome_model.share + off0 * (1 - outcome_model.share)
    t_model = _fit_arms(X, t, y, logistic=logistic, scale=scale, main=10.0, turn=10.0, start=outcome_model)
    on, off = t_model.means(X_new)
    nuisance = _fit_arms(X, t, y, logistic=logistic, scale=scale, main=20.0, turn=100.0, start=outcome_model)
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
                else _fit_arms(X, t, y, logistic=logistic, scale=scale, main=20.0, turn=strength, start=nuisance).means(X_new)
            )
            made[name] = a - b
    if wants("sparse"):
        a, b = _fit_arms(
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


# ── judging rankings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def rank_share(score: Floats, rng: np.random.Generator) -> Floats:
    """1 for the first of the ranking down to 0 for the last; ties in random order."""
    order = np.lexsort((rng.random(len(score)), -score))
    share = np.empty(len(score))
    share[order] = 1.0 - (np.arange(len(score)) + 0.5) / len(score)
    return share


def uplift_curve(score: Floats, t: Bools, y: Floats, rng: np.random.Generator) -> Floats:
    """Height after each further person: difference of the arms' means among those ranked so far, times their share of everybody."""
    order = np.lexsort((rng.random(len(score)), -score))
    tt, yy = t[order].astype(np.float64), y[order]
    k = np.arange(1, len(tt) + 1)
    n1, n0 = np.cumsum(tt), np.cumsum(1 - tt)
    found: Floats = (np.cumsum(yy * tt) / np.maximum(n1, 1) - np.cumsum(yy * (1 - tt)) / np.maximum(n0, 1)) * k / len(tt)
    return found


def auuc(score: Floats, t: Bools, y: Floats, rng: np.random.Generator) -> float:
    """Mean height of the uplift curve (per-head scale; half the average effect for a random ranking)."""
    return float(uplift_curve(score, t, y, rng).mean())


def qini(score: Floats, t: Bools, y: Floats, rng: np.random.Generator) -> float:
    """Area between the Qini curve (extra outcomes among the treated so far) and the straight line, as a share of a perfect ranking's area for a
    binary outcome (Radcliffe 2007, the normalisation of scikit-uplift); for amounts, per head and not normalised."""
    order = np.lexsort((rng.random(len(score)), -score))
    tt, yy = t[order].astype(np.float64), y[order]
    n = len(tt)

    def area(tt: Floats, yy: Floats) -> float:
        n1, n0 = np.cumsum(tt), np.cumsum(1 - tt)
        curve = np.concatenate([[0.0], np.cumsum(yy * tt) - np.cumsum(yy * (1 - tt)) * n1 / np.maximum(n0, 1)])
        return float(np.sum((curve[1:] + curve[:-1]) / 2) - curve[-1] * n / 2)

    mine = area(tt, yy)
    if not bool(np.all((y == 0) | (y == 1))):
        return mine / (n * n)
    best = np.lexsort(
        (rng.random(n), -np.where(t, y, -y).astype(np.float64) * np.where(y > 0, 1, 0) - np.where(t & (y == 0), -1e-3, 0.0))
    )
    top = area(t[best].astype(np.float64), y[best])
    return mine / top if top > 0 else math.nan


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error and 95 % interval."""

    value: float
    se: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - 1.96 * self.se

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + 1.96 * self.se

    @property
    def p_positive(self) -> float:
        """One-sided p of "not above zero"."""
        return normal_sf(self.value / self.se) if self.se > 0 else (0.0 if self.value > 0 else 1.0)


def mean_estimate(values: Floats) -> Estimate:
    """The mean of independent values."""
    return Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.inf)


@dataclass(frozen=True)
class Ranking:
    """One learner judged out of sample. `gain_*` are paired differences of AUUC; `by_seed` their values per seed against ranking by outcome."""

    learner: str
    auuc: Estimate
    auuc_plain: float
    qini: float
    uplift_at: dict[str, float]  # mean effect among the first 10, 20, 30, 50 %
    gain_over_random: Estimate
    gain_over_outcome: Estimate
    by_seed: tuple[float, ...]


@dataclass(frozen=True)
class Decile:
    """People of one tenth of the predicted uplift: prediction and doubly robust estimate."""

    rows: int
    predicted: float
    observed: Estimate


@dataclass(frozen=True)
class Policy:
    """Treating the first `share`: profit per head of everybody, net of cost."""

    name: str
    share: float
    profit: Estimate


@dataclass(frozen=True)
class Driver:
    """A column along which the predicted effect differs; `explained` is the share of the prediction's variance between its groups."""

    column: str
    explained: float
    words: str


@dataclass(frozen=True)
class Uplift:
    """The answer. `scores` is the expected effect per row of the file (out of sample for rows of the experiment), NaN where nothing can be said."""

    verdict: VerdictWord
    reason: str
    sentence: str
    kind: Literal["binary", "continuous"]
    rows: int
    treated_share: float
    effect: Estimate
    chosen: str
    rankings: tuple[Ranking, ...]
    honest_gain_over_outcome: Estimate | None  # the chosen learner picked without the rows it is judged on
    heterogeneity: Estimate | None  # slope of the effect on the prediction; 1 = perfectly calibrated, 0 = none
    deciles: tuple[Decile, ...]
    policies: tuple[Policy, ...]
    recommended_share: float | None
    drivers: tuple[Driver, ...]
    balance_auc: float | None
    imbalanced: tuple[tuple[str, float], ...]
    scores: Floats
    notes: tuple[Note, ...]
    seeds: int
    columns: tuple[str, ...]


def _auc(positive: Bools, score: Floats) -> float:
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    n1, n0 = int(positive.sum()), int((~positive).sum())
    return float((rank[positive].sum() - n1 * (n1 + 1) / 2) / max(n1 * n0, 1))


def _single_auc(c: Column, positive: Bools) -> float:
    """How well one column alone tells `positive`: AUC of its levels' rates (numbers: of the value), at least one half."""
    if c.numbers is not None:
        score = np.where(np.isfinite(c.numbers), c.numbers, np.nanmin(c.numbers) - 1)
        a = _auc(positive, score)
        lost = _auc(positive, (~np.isfinite(c.numbers)).astype(np.float64))
        return max(a, 1 - a, lost, 1 - lost)
    assert c.codes is not None
    count = np.bincount(c.codes + 1)
    rate = np.bincount(c.codes + 1, positive) / np.maximum(count, 1)
    return _auc(positive, rate[c.codes + 1])


def screen(
    columns: Sequence[Column], t: Bools, y: Floats, *, binary: bool
) -> tuple[list[Column], list[Note], list[tuple[str, float]]]:
    """Leaves out columns that cannot have been known before: copies of the treatment, and results of the outcome.

    Returns the columns kept, the notes, and the kept columns whose distribution differs between the arms (name, AUC).
    """
    kept: list[Column] = []
    notes: list[Note] = []
    uneven: list[tuple[str, float]] = []
    n1, n0 = int(t.sum()), int((~t).sum())
    se = math.sqrt((n1 + n0 + 1) / (12.0 * n1 * n0))
    # An amount that is nil for many is an outcome that happened or not; one that never is, is compared by its median.
    happened = y == 1 if binary else y > 0 if float((y == 0).mean()) > 0.02 else y > float(np.median(y))
    nil = binary or float((y == 0).mean()) > 0.02
    for c in columns:
        told = _single_auc(c, t)
        if told > 0.95:
            notes.append(Note("treatment_copy_dropped", f"“{c.name}”几乎就是分组本身，没有用"))
            continue
        if nil and c.numbers is not None and happened.any() and (~happened).any():
            quiet, loud = c.numbers[~happened], c.numbers[happened]
            constant = np.nanmin(quiet) == np.nanmax(quiet) if np.isfinite(quiet).any() else True
            if constant and len(quiet) > 50 and float(np.nanmean(loud != quiet[0])) > max(0.02, 20.0 / len(loud)):
                notes.append(Note("outcome_leak_dropped", f"“{c.name}”只在有结果的人身上有值，像是结果之后才有的，没有用"))
                continue
        if _single_auc(c, happened) > (0.97 if nil else 0.995):
            notes.append(Note("outcome_leak_dropped", f"“{c.name}”几乎就是结果本身，没有用"))
            continue
        kept.append(c)
        if (told - 0.5) / se > 5.0 and told > 0.52:
            uneven.append((c.name, told))
    return kept, notes, uneven


def judge(
    columns: Sequence[Column],
    treated: Floats,
    outcome: Floats,
    *,
    value: float | None = None,
    cost: float = 0.0,
    seeds: int | None = None,
    folds: int = 5,
    notes: Sequence[Note] = (),
    seed: int = 20_260_102,
) -> Uplift:
    """Learns, selects, checks. `treated` is 0/1 and `outcome` a number, NaN where unknown (such rows are scored, not learnt from).

    `value` of one unit of outcome (default 1) and `cost` of one treatment are in the same unit (元); profit is per head of everybody.
    """
    worth = 1.0 if value is None else value
    rng = np.random.default_rng(seed)
    inside = np.isfinite(treated) & np.isfinite(outcome)
    t, y = treated[inside] == 1.0, outcome[inside]
    said = list(notes)
    n, n1 = len(y), int(t.sum())
    binary = bool(np.all((y == 0) | (y == 1)))
    kind: Literal["binary", "continuous"] = "binary" if binary else "continuous"
    nothing = np.full(len(treated), np.nan)
    lost = int((~inside).sum())
    if lost:
        said.append(Note("rows_without_result", f"有 {lost:,} 行缺分组或结果：不用来学习，只给出分数"))

    def stop(reason: str, sentence: str, effect: Estimate, uneven: Sequence[tuple[str, float]] = ()) -> Uplift:
        return Uplift(
            "undecided",
            reason,
            sentence,
            kind,
            n,
            n1 / n if n else math.nan,
            effect,
            "",
            (),
            None,
            None,
            (),
            (),
            None,
            (),
            None,
            tuple(uneven),
            nothing,
            tuple(said),
            0,
            (),
        )

    nan = Estimate(math.nan, math.nan)
    if n == 0 or n1 == 0 or n1 == n:
        return stop("one_arm", "只有一组人（都发了，或都没发），学不出发与不发的差别", nan)
    effect = Estimate(
        float(y[t].mean() - y[~t].mean()), math.sqrt(float(y[t].var()) / max(n1 - 1, 1) + float(y[~t].var()) / max(n - n1 - 1, 1))
    )
    if min(n1, n - n1) < MIN_ARM_ROWS:
        return stop("too_few_rows", f"人数较少的一组只有 {min(n1, n - n1)} 人，不够学（每组至少 {MIN_ARM_ROWS} 人）", effect)
    if binary:
        events = min(int(y[t].sum()), int(y[~t].sum()), int((1 - y[t]).sum()), int((1 - y[~t]).sum()))
        if events < MIN_ARM_EVENTS:
            return stop(
                "too_few_events", f"有一组发生（或没发生）结果的只有 {events} 人，不够学（至少 {MIN_ARM_EVENTS} 人）", effect
            )
    elif float(y.var()) <= 0:
        return stop("zero_variance", "结果列没有波动，学不出差别", effect)
    mine = [_rows(c, inside) for c in columns]
    kept, screened, uneven = screen(mine, t, y, binary=binary)
    said += screened
    if not kept:
        return stop("no_columns", "除了分组和结果，没有可用的客户特征列，无法区分谁更值得发", effect)
    names = {c.name for c in kept}
    everything = [c for c in columns if c.name in names]
    basis, paired = expand(everything)
    X_all = np.concatenate([np.ones((len(treated), 1)), basis], axis=1)
    scale = np.concatenate([[1.0], np.where(paired, PAIR_PENALTY, 1.0)])
    bins_all = bin_columns(everything, len(treated))
    X, bins = X_all[inside], bins_all[inside]

    # Is the treatment predictable? Then the groups are not comparable, and the doubly robust score must correct for it.
    part = rng.permutation(n)
    half = n // 2
    fit_t = _fit_arms(
        X[part[:half]], part[:half] % 2 == 0, t[part[:half]].astype(np.float64), logistic=True, main=20.0, turn=1e7, scale=scale
    )
    told = X[part[half:]] @ fit_t.b
    balance = _auc(t[part[half:]], told)
    held1, held0 = int(t[part[half:]].sum()), int((~t[part[half:]]).sum())
    balance_z = (balance - 0.5) / math.sqrt((held1 + held0 + 1) / (12.0 * max(held1 * held0, 1)))
    predictable = balance_z > 4.0 and balance > 0.53
    if predictable:
        named = f"，最明显的是 {'、'.join(u[0] for u in sorted(uneven, key=lambda u: -u[1])[:3])}" if uneven else ""
        said.insert(
            0,
            Note(
                "treatment_predictable",
                f"谁被发是能从特征猜出来的（AUC {balance:.2f}{named}），不像随机分组；效果可能混进了人本来的差别，结论只作参考",
            ),
        )
    if predictable and balance > 0.95:
        return stop("no_overlap", f"谁被发几乎完全由特征决定（AUC {balance:.2f}），没有相似的人可比，学不出效果", effect, uneven)
    chosen_rows = np.arange(n) if n <= SELECTION_ROWS else np.sort(rng.choice(n, SELECTION_ROWS, replace=False))
    if n > SELECTION_ROWS:
        said.append(Note("selection_sampled", f"选择方法时用了随机的 {SELECTION_ROWS:,} 行，最后的分数用全部 {n:,} 行学"))
    Xs, bs, ts, ys = X[chosen_rows], bins[chosen_rows], t[chosen_rows], y[chosen_rows]
    cap = float(np.quantile(np.abs(ys[ys != 0]), 0.995)) if not binary and (ys != 0).any() else math.inf
    learn_y = ys if binary else np.clip(ys, -cap, cap)
    m = len(ys)
    repeats = seeds if seeds is not None else (10 if m <= 8_000 else 5 if m <= 30_000 else 3 if m <= 100_000 else 2)
    share = float(ts.mean())
    propensity = np.full(m, share)
    if predictable:
        model = _fit_arms(X, np.arange(n) % 2 == 0, t.astype(np.float64), logistic=True, main=20.0, turn=1e7, scale=scale)
        propensity = np.clip(_sigmoid(Xs @ model.b), 0.02, 0.98)
    ranks: dict[str, list[Floats]] = {}
    totals: dict[str, Floats] = {}
    psis: list[Floats] = []
    for r in range(repeats):
        fold = np.random.default_rng(seed + 1 + r).permutation(m) % folds
        scores: dict[str, Floats] = {}
        shares: dict[str, Floats] = {}
        psi = np.empty(m)
        for k in range(folds):
            test = fold == k
            train = ~test
            found = learn(Xs[train], bs[train], ts[train], learn_y[train], Xs[test], bs[test], scale=scale, logistic=binary)
            e, on, off = propensity[test], found.on, found.off
            psi[test] = on - off + np.where(ts[test], (ys[test] - on) / e, -(ys[test] - off) / (1 - e))
            for name, s in found.uplift.items():
                scores.setdefault(name, np.empty(m))[test] = s
                shares.setdefault(name, np.empty(m))[test] = rank_share(s, rng)
        psis.append(psi)
        for name, s in scores.items():
            ranks.setdefault(name, []).append(shares[name])
            totals[name] = totals.get(name, 0.0) + s / repeats
    psi = np.mean(psis, axis=0)
    rankings = []
    for name in ranks:
        mean_rank = np.mean(ranks[name], axis=0)
        outcome_rank = np.mean(ranks[OUTCOME], axis=0)
        averaged = rank_share(mean_rank, rng)
        by_seed = tuple(float((psis[r] * (ranks[name][r] - ranks[OUTCOME][r])).mean()) for r in range(repeats))
        first = {f"{q}%": float(psi[averaged >= 1 - q / 100].mean()) for q in (10, 20, 30, 50)}
        gain_random, gain_outcome = (
            mean_estimate((psi - psi.mean()) * (mean_rank - 0.5)),
            mean_estimate((psi - psi.mean()) * (mean_rank - outcome_rank)),
        )
        rankings.append(
            Ranking(
                name,
                mean_estimate(psi * mean_rank),
                auuc(mean_rank, ts, ys, rng),
                qini(mean_rank, ts, ys, rng),
                first,
                gain_random,
                gain_outcome,
                by_seed,
            )
        )
    rankings.sort(key=lambda x: -x.auuc.value)
    by_name = {x.learner: x for x in rankings}
    blend_rank = np.mean(ranks["blend"], axis=0)
    over_blend = {k: mean_estimate((psi - psi.mean()) * (np.mean(v, axis=0) - blend_rank)) for k, v in ranks.items()}
    chosen, verdict, reason = _choose(rankings, by_name, over_blend)
    honest = _honest_gain(ranks, psis, repeats, seed) if repeats > 1 else None

    raw = totals[chosen]
    centred = raw - raw.mean()
    slope: Estimate | None = None
    if float(centred.std()) > 1e-12:
        bottom = float((centred * centred).sum())
        beta = float((psi * centred).sum()) / bottom
        rest = psi - psi.mean() - beta * centred
        slope = Estimate(beta, math.sqrt(float((centred * centred * rest * rest).sum())) / bottom)
    ate = mean_estimate(psi)
    ate = ate if predictable else effect
    # The prediction is put on the scale the rows confirm; without usable differences everybody gets the average effect (and the rank is a tie-break).
    believed = 0.0
    if slope is not None and slope.value > 0 and slope.se > 0:
        sure = (slope.value / slope.se) ** 2
        believed = min(slope.value, 3.0 if chosen == OUTCOME else 1.5) * sure / (1.0 + sure)
    # Where nothing is shown the differences are kept only as an order: far too small to act on.
    believed = max(believed, 1e-3 * abs(ate.value) / max(float(centred.std()), 1e-12)) if verdict != "no_heterogeneity" else 0.0
    hint = 1e-3 * max(abs(ate.value), ate.se) / max(float(centred.std()), 1e-12) if verdict == "no_heterogeneity" else believed
    predicted = ate.value + hint * centred
    deciles = []
    place = np.argsort(np.argsort(raw, kind="stable"), kind="stable") * 10 // m
    for i in range(10):
        inside_decile = place == i
        if inside_decile.any():
            deciles.append(
                Decile(int(inside_decile.sum()), float(predicted[inside_decile].mean()), mean_estimate(psi[inside_decile]))
            )
    policies, recommended = _policies(
        predicted, np.mean(ranks[chosen], axis=0), np.mean(ranks[OUTCOME], axis=0), psi, worth, cost, verdict, ate, rng
    )
    final = learn(
        X, bins, t, y if binary else np.clip(y, -cap, cap), X_all, bins_all, scale=scale, logistic=binary, only=chosen
    ).uplift[chosen]
    shown = ate.value + hint * (final - float(final[inside].mean()))
    own = np.flatnonzero(inside)[chosen_rows]
    shown[own] = predicted
    drivers = _drivers(everything, shown, binary) if believed > 0 else ()
    sentence = _sentence(verdict, chosen, by_name, ate, binary, recommended, policies, value, cost)
    if verdict == "rank_by_outcome":
        said.append(Note("rank_by_outcome", "没有一种增量模型显示出比“按谁本来就会买”更好，分数按后者排"))
    elif verdict == "usable" and by_name[chosen].gain_over_outcome.low <= 0:
        g = by_name[chosen].gain_over_outcome
        said.append(
            Note(
                "not_shown_above_outcome",
                f"比“按谁本来就会买”排序高 {g.value:+.5f}（区间 {g.low:+.5f} 到 {g.high:+.5f}），优势还没有得到证实",
            )
        )
    elif verdict == "no_heterogeneity":
        order = "谁本来就会买" if chosen == OUTCOME else "几种增量模型的平均"
        said.append(
            Note("no_usable_heterogeneity", f"看不出谁比谁更受影响；分数的先后按{order}，差别没有得到证实，只在名额不够时用")
        )
    return Uplift(
        verdict, reason, sentence, kind, n, n1 / n, ate, chosen, tuple(rankings), honest, slope, tuple(deciles), policies, recommended, drivers, balance,
        tuple(uneven), shown, tuple(said), repeats, tuple(c.name for c in kept),
    )  # fmt: skip


def _rows(c: Column, mask: Bools) -> Column:
    return Column(c.name, None if c.numbers is None else c.numbers[mask], None if c.codes is None else c.codes[mask], c.levels)


def _choose(
    rankings: Sequence[Ranking], by_name: Mapping[str, Ranking], over_blend: Mapping[str, Estimate]
) -> tuple[str, VerdictWord, str]:
    """The ranking to use. A candidate must beat random (with a correction for having tried several); an uplift learner must not lie below outcome.

    The blend is the default among the learners; another one must beat it clearly (`over_blend`, paired), and only after the blend, fixed beforehand, has beaten random.
    """
    outcome = by_name[OUTCOME]
    top = next(x for x in rankings if x.learner != OUTCOME)
    if over_blend[top.learner].value <= 1.64 * over_blend[top.learner].se:
        top = by_name["blend"]
    tried = 3.0  # the learners agree so closely that ten of them count as about three independent tries
    outcome_works = outcome.gain_over_random.p_positive < GATE
    differs = by_name["blend"].gain_over_random.p_positive < GATE

    def beats_random(x: Ranking) -> bool:
        return differs and x.gain_over_random.p_positive < GATE / (1.0 if x.learner == "blend" else tried)

    ahead = top.gain_over_outcome.value > (top.gain_over_outcome.se if outcome_works else 0.0)
    if beats_random(top) and ahead:
        return top.learner, "usable", "beats_random"
    # Too close to call between the two: the strongly shrunk interactions lie between them and lose little to either.
    between = by_name["interaction_1600"]
    if beats_random(between) and between.gain_over_outcome.value > 0:
        return between.learner, "usable", "beats_random"
    if outcome_works:
        return OUTCOME, "rank_by_outcome", "no_gain_over_outcome"
    # Only an order for when there is not room for everybody: whichever of the two stable rankings came out higher.
    order = "blend" if by_name["blend"].auuc.value > outcome.auuc.value else OUTCOME
    return order, "no_heterogeneity", "nothing_beats_random"


def _honest_gain(ranks: Mapping[str, Sequence[Floats]], psis: Sequence[Floats], repeats: int, seed: int) -> Estimate:
    """Gain over ranking by outcome when the learner is chosen on one half of the rows and judged on the other (no winner's curse)."""
    m = len(psis[0])
    psi = np.mean(psis, axis=0)
    means = {k: np.mean(v, axis=0) for k, v in ranks.items()}
    values = np.empty(m)
    half = np.random.default_rng(seed + 99).random(m) < 0.5
    for judged in (half, ~half):
        pick = ~judged
        best = max(means, key=lambda k: float((psi[pick] * means[k][pick]).mean()))
        values[judged] = (psi[judged] - psi[judged].mean()) * (means[best][judged] - means[OUTCOME][judged])
    return mean_estimate(values)


def _policies(
    predicted: Floats,
    rank: Floats,
    outcome_rank: Floats,
    psi: Floats,
    worth: float,
    cost: float,
    verdict: VerdictWord,
    ate: Estimate,
    rng: np.random.Generator,
) -> tuple[tuple[Policy, ...], float | None]:
    """Doubly robust profit per head of treating nobody, everybody, the recommended share, and the same share by outcome; and that share."""
    gains = psi * worth - cost
    everybody = Policy("everybody", 1.0, Estimate(ate.value * worth - cost, ate.se * abs(worth)))
    listed = [Policy("nobody", 0.0, Estimate(0.0, 0.0)), everybody]
    if verdict == "no_heterogeneity":
        share = 1.0 if everybody.profit.low > 0 else 0.0 if everybody.profit.high < 0 else None
        return tuple(listed), share
    share = float((predicted * worth > cost).mean())
    order, by_outcome = rank_share(rank, rng), rank_share(outcome_rank, rng)
    listed.append(Policy("recommended", share, mean_estimate(gains * (order >= 1 - share))))
    listed.append(Policy("same_share_by_outcome", share, mean_estimate(gains * (by_outcome >= 1 - share))))
    for q in (0.1, 0.2, 0.3, 0.5, 0.7):
        listed.append(Policy(f"first_{q:.0%}", q, mean_estimate(gains * (order >= 1 - q))))
    return tuple(listed), share


def _show(value: float, binary: bool) -> str:
    return f"{value * 100:+.2f} 个百分点" if binary else f"{value:+,.4g}"


def _drivers(columns: Sequence[Column], score: Floats, binary: bool) -> tuple[Driver, ...]:
    """The columns that separate high from low predicted effects, in words."""
    known = np.isfinite(score)
    total = float(score[known].var())
    if total <= 0:
        return ()
    found = []
    for c in columns:
        if c.numbers is not None:
            good = known & np.isfinite(c.numbers)
            values = np.unique(c.numbers[good])
            if len(values) < 2:
                continue
            if len(values) <= 3:
                groups = np.searchsorted(values, c.numbers)
                labels = [f"{v:g}" for v in values]
            else:
                edges = np.unique(np.quantile(c.numbers[good], [1 / 3, 2 / 3]))
                groups = np.searchsorted(edges, c.numbers, side="right")
                bounds = [f"{e:g}" for e in edges]
                labels = [
                    f"小于 {bounds[0]}",
                    *(f"{a} 到 {b}" for a, b in itertools.pairwise(bounds)),
                    f"{bounds[-1]} 及以上",
                ]
        else:
            assert c.codes is not None
            good, groups, labels = known & (c.codes >= 0), c.codes, list(c.levels)
        g = groups[good]
        count = np.bincount(g, minlength=len(labels))[: len(labels)]
        mean = np.bincount(g, score[good], minlength=len(labels))[: len(labels)] / np.maximum(count, 1)
        centre = float(score[good].mean())
        explained = float((count * (mean - centre) ** 2).sum() / max(count.sum(), 1) / total)
        usable = [i for i in range(len(labels)) if count[i] >= 20]
        if explained < 0.01 or len(usable) < 2:
            continue
        high, low = max(usable, key=lambda i: mean[i]), min(usable, key=lambda i: mean[i])
        words = f"“{c.name}”为 {labels[high]} 的人效果最大（{_show(float(mean[high]), binary)}），{labels[low]} 的最小（{_show(float(mean[low]), binary)}）"
        found.append(Driver(c.name, explained, words))
    return tuple(sorted(found, key=lambda d: -d.explained)[:8])


def _sentence(
    verdict: VerdictWord,
    chosen: str,
    by_name: Mapping[str, Ranking],
    ate: Estimate,
    binary: bool,
    share: float | None,
    policies: Sequence[Policy],
    value: float | None,
    cost: float,
) -> str:
    average = f"平均效果 {_show(ate.value, binary)}（95% 区间 {_show(ate.low, binary)} 到 {_show(ate.high, binary)}）"
    if share is None:
        advice = "；平均效果减去成本说不准是赚是亏，先不要扩大"
    elif value is None and cost == 0:
        advice = f"；预计对 {share:.0%} 的人有正效果"
    else:
        best = next((p for p in policies if p.name == "recommended"), policies[1] if share == 1.0 else policies[0])
        advice = f"；扣除成本后建议发给前 {share:.0%}，每人（按全体算）净赚约 {best.profit.value:.4g}（区间 {best.profit.low:.4g} 到 {best.profit.high:.4g}）"
    if verdict == "usable":
        r = by_name[chosen]
        return f"可以按增量排序（{LEARNER_NAMES[chosen]}）：{average}，前 30% 的人 {_show(r.uplift_at['30%'], binary)}{advice}"
    if verdict == "rank_by_outcome":
        return f"增量模型没有比“按谁本来就会买”更好，用后者：{average}{advice}"
    return f"看不出谁比谁更受影响，不必挑人：{average}{advice}"
