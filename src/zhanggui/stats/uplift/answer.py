"""The answer's shape: rankings, tenths, policies and drivers beside the verdict. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zhanggui.stats.tables import Floats, Note
from zhanggui.stats.uplift.curves import Estimate

VerdictWord = Literal["usable", "rank_by_outcome", "no_heterogeneity", "undecided"]
Reason = Literal[
    "beats_random", "no_gain_over_outcome", "nothing_beats_random", "one_arm", "too_few_rows", "too_few_events", "zero_variance", "no_columns",
    "no_overlap",
]  # fmt: skip


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


@dataclass(frozen=True, kw_only=True)
class Uplift:
    """The answer. `scores` is the expected effect per row of the file (out of sample for rows of the experiment), NaN where nothing can be said."""

    verdict: VerdictWord
    reason: Reason
    sentence: str
    kind: Literal["binary", "continuous"]
    rows: int
    treated_share: float
    effect: Estimate
    scores: Floats
    notes: tuple[Note, ...]
    chosen: str = ""
    rankings: tuple[Ranking, ...] = ()
    honest_gain_over_outcome: Estimate | None = None  # the chosen learner picked without the rows it is judged on
    heterogeneity: Estimate | None = None  # slope of the effect on the prediction; 1 = perfectly calibrated, 0 = none
    deciles: tuple[Decile, ...] = ()
    policies: tuple[Policy, ...] = ()
    recommended_share: float | None = None
    drivers: tuple[Driver, ...] = ()
    balance_auc: float | None = None
    imbalanced: tuple[tuple[str, float], ...] = ()
    seeds: int = 0
    columns: tuple[str, ...] = ()
