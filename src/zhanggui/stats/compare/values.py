"""What the judge of experiments takes and gives: moments in, differences with intervals out. Pure values; nothing is decided here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zhanggui.stats.tables import Floats, Note

VerdictWord = Literal["better", "worse", "no_difference", "undecided"]
Reason = Literal[
    "difference_shown", "enough_data_none_shown", "not_enough_data", "sample_ratio_mismatch", "one_arm", "no_rows", "too_few_rows", "too_few_clusters",
    "no_events", "zero_variance",
]  # fmt: skip
Kind = Literal["binary", "continuous"]
VERDICTS: Mapping[str, str] = {"better": "更好", "worse": "更差", "no_difference": "没有显出差别", "undecided": "还判断不了"}


@dataclass(frozen=True)
class Moments:
    """What an arm's rows come down to: `n` rows, their `sum` and sum of squares. Add two to pool them."""

    n: int
    sum: float
    sumsq: float

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Moments:
        """From the values themselves."""
        array = np.asarray(values, dtype=np.float64)
        return cls(len(array), float(array.sum()), float(np.dot(array, array)))

    @classmethod
    def binary(cls, n: int, successes: int) -> Moments:
        """From a count of successes."""
        return cls(n, float(successes), float(successes))

    @classmethod
    def described(cls, n: int, mean: float, variance: float) -> Moments:
        """From a mean and a sample variance (divisor n - 1)."""
        return cls(n, n * mean, variance * (n - 1) + n * mean * mean)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.sum + other.sum, self.sumsq + other.sumsq)

    @property
    def mean(self) -> float:
        """sum / n; NaN for nobody."""
        return self.sum / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Sample variance (divisor n - 1); NaN below two rows. Rounding noise around a constant counts as zero."""
        if self.n < 2:
            return math.nan
        raw = (self.sumsq - self.sum * self.sum / self.n) / (self.n - 1)
        return raw if raw > 1e-12 * max(self.sumsq / self.n, 1e-300) else 0.0


@dataclass(frozen=True)
class Interval:
    """Low and high end; None where that side is unbounded."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Settings:
    """What counts as shown.

    `alpha` error rate over all comparisons together; `power` with which `min_effect` should be found; `min_effect` smallest relative difference
    that matters (share of the control's mean; where that mean is nil, share of the standard deviation); `lower_is_better` for refunds and the like.
    """

    alpha: float = 0.05
    power: float = 0.8
    min_effect: float = 0.10
    lower_is_better: bool = False


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms' sizes fit the shares they were meant to have. `p` None when there is nothing to test."""

    observed: dict[str, int]
    expected: dict[str, float]
    p: float | None
    mismatch: bool
    hint: str = ""
    assumed_equal: bool = False  # nobody said what the shares should be
    withholds: bool = False  # the mismatch makes the verdicts undecided


@dataclass(frozen=True)
class Sensitivity:
    """The same comparison with the largest values tamed. `agrees` False: the answer hangs on a few rows."""

    cap: float
    winsorised_effect: float
    winsorised_interval: Interval
    removed_rows: int
    removed_effect: float
    removed_interval: Interval
    agrees: bool


@dataclass(frozen=True)
class Difference:
    """One arm against the control. Unknown numbers are None, never 0 or 1.

    effect, interval: treated minus control on the outcome's own scale; relative, relative_interval: as share of the control's mean;
    p, p_adjusted: two-sided, before and after the correction for several arms; n_needed: rows per arm to find `min_effect`;
    more_needed: rows still missing in the two arms together (None when that cannot be told); anytime_*: valid however often one looked.
    """

    arm: str
    control: str
    verdict: VerdictWord
    reason: Reason
    sentence: str
    effect: float | None = None
    interval: Interval = Interval(None, None)
    relative: float | None = None
    relative_interval: Interval = Interval(None, None)
    p: float | None = None
    p_adjusted: float | None = None
    standard_error: float | None = None
    method: str = ""
    enough_data: bool = False
    smallest_effect_that_matters: float | None = None
    n_needed: int | None = None
    more_needed: int | None = None
    anytime_p: float | None = None
    anytime_interval: Interval = Interval(None, None)
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True)
class Arm:
    """One arm's summary; `clusters` None when rows are the units."""

    name: str
    moments: Moments
    missing: int = 0
    clusters: int | None = None
    interval: Interval = Interval(None, None)


@dataclass(frozen=True)
class Comparison:
    """Every arm against the control, with the warnings a reader must see before the numbers."""

    kind: Kind
    control: str
    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    sample_ratio: SampleRatio
    verdict: VerdictWord
    reason: Reason
    sentence: str
    warnings: tuple[Note, ...]
    settings: Settings
    rows: int = 0
    missing: int = 0
