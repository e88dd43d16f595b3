"""Learns, checks on unseen rows, chooses, and says which ranking to use, if any."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from zhanggui.stats.distributions import auc, sigmoid
from zhanggui.stats.tables import Bools, Floats, Ints, Note
from zhanggui.stats.uplift.answer import Decile, Policy, Ranking, Reason, Uplift, VerdictWord
from zhanggui.stats.uplift.columns import Column, bin_columns, expand, only_rows, screen
from zhanggui.stats.uplift.curves import Estimate, auuc, mean_estimate, qini, rank_share
from zhanggui.stats.uplift.learners import OUTCOME, Arms, fit_arms, learn
from zhanggui.stats.uplift.words import drivers_of, sentence_of

PAIR_PENALTY = 4.0  # products are shrunk this much more than the columns themselves
MIN_ARM_ROWS, MIN_ARM_EVENTS = 100, 20
SELECTION_ROWS = 250_000  # cross-fitting above this many rows works on a random part
REPEATS = ((8_000, 10), (30_000, 5), (100_000, 3), (math.inf, 2))  # rows up to which so many cross-validations are made
NO_OVERLAP = 0.95  # above this AUC of "who is treated" there are no similar people to compare
GATE = 0.02  # one-sided p a ranking's gain over random must reach; measured false alarms: docs/algorithms/uplift.md


@dataclass(frozen=True)
class _Experiment:
    """The rows that can be learnt from: basis `X` (intercept first), bins for the trees, treated or not, outcome, penalty scale per column."""

    X: Floats
    bins: Ints
    t: Bools
    y: Floats
    scale: Floats
    binary: bool

    def part(self, rows: Ints | Bools) -> _Experiment:
        """The same of some rows."""
        return replace(self, X=self.X[rows], bins=self.bins[rows], t=self.t[rows], y=self.y[rows])

    def capped(self, cap: float) -> Floats:
        """The outcome to learn from: a few huge amounts must not decide."""
        return self.y if self.binary else np.clip(self.y, -cap, cap)


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
    rng = np.random.default_rng(seed)
    inside = np.isfinite(treated) & np.isfinite(outcome)
    t, y = treated[inside] == 1.0, outcome[inside]
    n = len(y)
    binary = bool(np.all((y == 0) | (y == 1)))
    said = list(notes)
    if n < len(treated):
        said.append(Note("rows_without_result", f"有 {len(treated) - n:,} 行缺分组或结果：不用来学习，只给出分数"))
    answer = Uplift(
        verdict="undecided", reason="one_arm", sentence="只有一组人（都发了，或都没发），学不出发与不发的差别",
        kind="binary" if binary else "continuous", rows=n, treated_share=float(t.mean()) if n else math.nan, effect=Estimate(math.nan, math.nan),
        scores=np.full(len(treated), np.nan), notes=tuple(said),
    )  # fmt: skip
    if n == 0 or not t.any() or t.all():
        return answer
    answer = replace(answer, effect=_difference(t, y))
    if (little := _too_little(t, y, binary)) is not None:
        return replace(answer, reason=little[0], sentence=little[1])
    kept, screened, uneven = screen([only_rows(c, inside) for c in columns], t, y, binary=binary)
    said += screened
    if not kept:
        return replace(
            answer, reason="no_columns", sentence="除了分组和结果，没有可用的客户特征列，无法区分谁更值得发", notes=tuple(said)
        )
    names = {c.name for c in kept}
    everybody = [c for c in columns if c.name in names]
    basis, paired = expand(everybody)
    X_all = np.concatenate([np.ones((len(treated), 1)), basis], axis=1)
    bins_all = bin_columns(everybody, len(treated))
    scale = np.concatenate([[1.0], np.where(paired, PAIR_PENALTY, 1.0)])
    whole = _Experiment(X_all[inside], bins_all[inside], t, y, scale, binary)

    balance, predictable = _balance(whole, rng)
    if predictable:
        said.insert(0, _predictable_note(balance, uneven))
    answer = replace(answer, imbalanced=tuple(uneven), balance_auc=balance)
    if predictable and balance > NO_OVERLAP:
        words = f"谁被发几乎完全由特征决定（AUC {balance:.2f}），没有相似的人可比，学不出效果"
        return replace(answer, reason="no_overlap", sentence=words, notes=tuple(said))
    rows = np.arange(n) if n <= SELECTION_ROWS else np.sort(rng.choice(n, SELECTION_ROWS, replace=False))
    if n > SELECTION_ROWS:
        said.append(Note("selection_sampled", f"选择方法时用了随机的 {SELECTION_ROWS:,} 行，最后的分数用全部 {n:,} 行学"))
    some = whole.part(rows)
    cap = float(np.quantile(np.abs(some.y[some.y != 0]), 0.995)) if not binary and (some.y != 0).any() else math.inf
    repeats = seeds if seeds is not None else next(k for limit, k in REPEATS if len(rows) <= limit)
    propensity = _propensity(whole, rows) if predictable else np.full(len(rows), float(some.t.mean()))
    crossed = _cross_fit(some, cap, propensity, repeats, folds, seed, rng)
    rankings = _rankings(crossed, some, rng)
    chosen, verdict, reason = _choose(rankings, crossed)

    raw = crossed.totals[chosen]
    centred = raw - raw.mean()
    slope = _slope(crossed.psi, centred)
    ate = mean_estimate(crossed.psi) if predictable else answer.effect
    believed = _believed(slope, chosen, verdict, ate, centred)
    predicted = ate.value + believed * centred
    worth = 1.0 if value is None else value
    policies, recommended = _policies(
        predicted, crossed.rank(chosen), crossed.rank(OUTCOME), crossed.psi, worth, cost, verdict, ate, rng
    )
    final = learn(
        X=whole.X,
        bins=whole.bins,
        t=t,
        y=whole.capped(cap),
        X_new=X_all,
        bins_new=bins_all,
        scale=scale,
        logistic=binary,
        only=chosen,
    )
    score = final.uplift[chosen]
    shown = ate.value + believed * (score - float(score[inside].mean()))
    shown[np.flatnonzero(inside)[rows]] = predicted
    by_name = {x.learner: x for x in rankings}
    said += _verdict_notes(verdict, chosen, by_name)
    return replace(
        answer, verdict=verdict, reason=reason, sentence=sentence_of(verdict, chosen, by_name, ate, binary, recommended, policies, value, cost),
        effect=ate, chosen=chosen, rankings=tuple(rankings), honest_gain_over_outcome=_honest_gain(crossed, seed) if repeats > 1 else None,
        heterogeneity=slope, deciles=_deciles(raw, predicted, crossed.psi), policies=policies, recommended_share=recommended,
        drivers=drivers_of(everybody, shown, binary) if verdict != "no_heterogeneity" and believed > 0 else (), scores=shown,
        notes=tuple(said), seeds=repeats, columns=tuple(c.name for c in kept),
    )  # fmt: skip


def _difference(t: Bools, y: Floats) -> Estimate:
    """The plain difference of the arms' means."""
    spread = float(y[t].var()) / max(int(t.sum()) - 1, 1) + float(y[~t].var()) / max(int((~t).sum()) - 1, 1)
    return Estimate(float(y[t].mean() - y[~t].mean()), math.sqrt(spread))


def _too_little(t: Bools, y: Floats, binary: bool) -> tuple[Reason, str] | None:
    """Why nothing can be learnt from so little, if so."""
    smaller = min(int(t.sum()), int((~t).sum()))
    if smaller < MIN_ARM_ROWS:
        return "too_few_rows", f"人数较少的一组只有 {smaller} 人，不够学（每组至少 {MIN_ARM_ROWS} 人）"
    if binary:
        events = min(int((y[arm] == k).sum()) for arm in (t, ~t) for k in (0, 1))
        if events < MIN_ARM_EVENTS:
            return "too_few_events", f"有一组发生（或没发生）结果的只有 {events} 人，不够学（至少 {MIN_ARM_EVENTS} 人）"
    elif float(y.var()) <= 0:
        return "zero_variance", "结果列没有波动，学不出差别"
    return None


def _balance(e: _Experiment, rng: np.random.Generator) -> tuple[float, bool]:
    """How well the columns tell who was treated (AUC on rows not learnt from), and whether that is more than chance: then the groups differ."""
    part = rng.permutation(len(e.y))
    fitted, held = np.split(part, [len(part) // 2])
    told = e.X[held] @ _treatment_model(e.part(fitted), fitted % 2 == 0).b
    balance = auc(e.t[held], told)
    n1, n0 = int(e.t[held].sum()), int((~e.t[held]).sum())
    z = (balance - 0.5) / math.sqrt((n1 + n0 + 1) / (12.0 * max(n1 * n0, 1)))
    return balance, z > 4.0 and balance > 0.53


def _treatment_model(e: _Experiment, sides: Bools) -> Arms:
    """Who is treated, from the columns. `sides` is an arbitrary split: the learner wants two arms, and with interactions switched off they say nothing."""
    return fit_arms(e.X, sides, e.t.astype(np.float64), logistic=True, main=20.0, turn=1e7, scale=e.scale)


def _propensity(e: _Experiment, rows: Ints) -> Floats:
    """Each row's probability of being treated, kept away from 0 and 1."""
    model = _treatment_model(e, np.arange(len(e.y)) % 2 == 0)
    return np.clip(sigmoid(e.X[rows] @ model.b), 0.02, 0.98)


def _predictable_note(balance: float, uneven: Sequence[tuple[str, float]]) -> Note:
    named = f"，最明显的是 {'、'.join(u[0] for u in sorted(uneven, key=lambda u: -u[1])[:3])}" if uneven else ""
    return Note(
        "treatment_predictable",
        f"谁被发是能从特征猜出来的（AUC {balance:.2f}{named}），不像随机分组；效果可能混进了人本来的差别，结论只作参考",
    )


@dataclass(frozen=True)
class _Crossed:
    """What models that never saw a row say about it: per learner the rank shares of each repeat and the mean score, and the doubly robust scores."""

    ranks: Mapping[str, Sequence[Floats]]
    totals: Mapping[str, Floats]
    psis: Sequence[Floats]

    @cached_property
    def psi(self) -> Floats:
        """The doubly robust score, averaged over the repeats."""
        found: Floats = np.mean(self.psis, axis=0)
        return found

    def rank(self, name: str) -> Floats:
        """A learner's rank share, averaged over the repeats."""
        found: Floats = np.mean(self.ranks[name], axis=0)
        return found

    def gain(self, name: str, over: str) -> Estimate:
        """How much more AUUC one ranking has than another, paired over the rows."""
        return mean_estimate((self.psi - self.psi.mean()) * (self.rank(name) - self.rank(over)))


def _cross_fit(
    e: _Experiment, cap: float, propensity: Floats, repeats: int, folds: int, seed: int, rng: np.random.Generator
) -> _Crossed:
    """Every learner on every row, `repeats` times over, never fitted on the row itself."""
    m, learn_y = len(e.y), e.capped(cap)
    ranks: dict[str, list[Floats]] = {}
    totals: dict[str, Floats] = {}
    psis: list[Floats] = []
    for r in range(repeats):
        fold = np.random.default_rng(seed + 1 + r).permutation(m) % folds
        scores: dict[str, Floats] = {}
        shares: dict[str, Floats] = {}
        psi = np.empty(m)
        for k in range(folds):
            test, train = fold == k, fold != k
            found = learn(
                e.X[train], e.bins[train], e.t[train], learn_y[train], e.X[test], e.bins[test], scale=e.scale, logistic=e.binary
            )
            p, on, off = propensity[test], found.on, found.off
            psi[test] = on - off + np.where(e.t[test], (e.y[test] - on) / p, -(e.y[test] - off) / (1 - p))
            for name, s in found.uplift.items():
                scores.setdefault(name, np.empty(m))[test] = s
                shares.setdefault(name, np.empty(m))[test] = rank_share(s, rng)
        psis.append(psi)
        for name, s in scores.items():
            ranks.setdefault(name, []).append(shares[name])
            totals[name] = totals.get(name, 0.0) + s / repeats
    return _Crossed(ranks, totals, psis)


def _rankings(c: _Crossed, e: _Experiment, rng: np.random.Generator) -> list[Ranking]:
    """Every learner judged on rows it had not seen, the highest AUUC first."""
    found = []
    for name in c.ranks:
        mean_rank = c.rank(name)
        averaged = rank_share(mean_rank, rng)
        found.append(
            Ranking(
                name,
                mean_estimate(c.psi * mean_rank),
                auuc(mean_rank, e.t, e.y, rng),
                qini(mean_rank, e.t, e.y, rng),
                {f"{q}%": float(c.psi[averaged >= 1 - q / 100].mean()) for q in (10, 20, 30, 50)},
                mean_estimate((c.psi - c.psi.mean()) * (mean_rank - 0.5)),
                c.gain(name, OUTCOME),
                tuple(
                    float((psi * (mine - outcome)).mean())
                    for psi, mine, outcome in zip(c.psis, c.ranks[name], c.ranks[OUTCOME], strict=True)
                ),
            )
        )
    return sorted(found, key=lambda x: -x.auuc.value)


def _choose(rankings: Sequence[Ranking], crossed: _Crossed) -> tuple[str, VerdictWord, Reason]:
    """The ranking to use. A candidate must beat random (with a correction for having tried several); an uplift learner must not lie below outcome.

    The blend is the default among the learners; another one must beat it clearly, and only after the blend, fixed beforehand, has beaten random.
    """
    by_name = {x.learner: x for x in rankings}
    outcome = by_name[OUTCOME]
    top = next(x for x in rankings if x.learner != OUTCOME)
    over_blend = crossed.gain(top.learner, "blend")
    if over_blend.value <= 1.64 * over_blend.se:
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


def _slope(psi: Floats, centred: Floats) -> Estimate | None:
    """Slope of the effect on the prediction, robust to unequal spread; None where the prediction is the same for everybody."""
    if float(centred.std()) <= 1e-12:
        return None
    bottom = float((centred * centred).sum())
    beta = float((psi * centred).sum()) / bottom
    rest = psi - psi.mean() - beta * centred
    return Estimate(beta, math.sqrt(float((centred * centred * rest * rest).sum())) / bottom)


def _believed(slope: Estimate | None, chosen: str, verdict: VerdictWord, ate: Estimate, centred: Floats) -> float:
    """The factor that puts the predicted differences on the scale the rows confirm."""
    spread = max(float(centred.std()), 1e-12)
    if verdict == "no_heterogeneity":
        # The differences are kept only as an order: far too small to act on.
        return 1e-3 * max(abs(ate.value), ate.se) / spread
    believed = 0.0
    if slope is not None and slope.value > 0 and slope.se > 0:
        sure = (slope.value / slope.se) ** 2
        believed = min(slope.value, 3.0 if chosen == OUTCOME else 1.5) * sure / (1.0 + sure)
    return max(believed, 1e-3 * abs(ate.value) / spread)


def _deciles(raw: Floats, predicted: Floats, psi: Floats) -> tuple[Decile, ...]:
    """Tenths of the predicted uplift, lowest first, with what the rows say."""
    place = np.argsort(np.argsort(raw, kind="stable"), kind="stable") * 10 // len(raw)
    found = []
    for i in range(10):
        here = place == i
        if here.any():
            found.append(Decile(int(here.sum()), float(predicted[here].mean()), mean_estimate(psi[here])))
    return tuple(found)


def _verdict_notes(verdict: VerdictWord, chosen: str, by_name: Mapping[str, Ranking]) -> list[Note]:
    """What a reader of the verdict must know beside it."""
    if verdict == "rank_by_outcome":
        return [Note("rank_by_outcome", "没有一种增量模型显示出比“按谁本来就会买”更好，分数按后者排")]
    gain = by_name[chosen].gain_over_outcome
    if verdict == "usable" and gain.low <= 0:
        words = f"比“按谁本来就会买”排序高 {gain.value:+.5f}（区间 {gain.low:+.5f} 到 {gain.high:+.5f}），优势还没有得到证实"
        return [Note("not_shown_above_outcome", words)]
    if verdict == "no_heterogeneity":
        order = "谁本来就会买" if chosen == OUTCOME else "几种增量模型的平均"
        words = f"看不出谁比谁更受影响；分数的先后按{order}，差别没有得到证实，只在名额不够时用"
        return [Note("no_usable_heterogeneity", words)]
    return []


def _honest_gain(c: _Crossed, seed: int) -> Estimate:
    """Gain over ranking by outcome when the learner is chosen on one half of the rows and judged on the other (no winner's curse)."""
    psi = c.psi
    means = {k: c.rank(k) for k in c.ranks}
    values = np.empty(len(psi))
    half = np.random.default_rng(seed + 99).random(len(psi)) < 0.5
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
