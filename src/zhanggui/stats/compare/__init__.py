"""Did it work? Two or more arms judged from their sufficient statistics: effect, interval, and one of four answers.

    better         the arm's outcome is shown to differ in the wanted direction
    worse          … in the unwanted direction
    no_difference  enough was observed to have shown a difference of the size that matters, and none was shown
    undecided      not enough (or not sound enough) to say; `reason` says why, `more_needed` how many more rows per arm

Everything judges `Moments` (n, sum, sum of squares), which add up over days, shops and SQL groups, so the database aggregates and this file only
judges. The file-reading `judge_rows` adds what needs rows: outliers, clusters, missing outcomes, permutation for small samples.

Methods: proportions — Newcombe's hybrid score interval (Newcombe 1998, method 10), MOVER ratio (Donner & Zou 2012), pooled z, Fisher's exact test
where an expected count is below 10. Means — Welch's t, Fieller's interval for the ratio; studentised permutation (Janssen 1997) up to 2,000 rows.
Clusters — linearised ratio of cluster totals. Several arms — Bonferroni over the comparisons with the control, for p and intervals alike.
Sample ratio — chi-square, warning below p = 0.001. Peeking — normal-mixture confidence sequence (Robbins 1970; Howard et al. 2021).
"""

from __future__ import annotations

from zhanggui.stats.compare.intervals import anytime, fieller, mover_ratio, newcombe
from zhanggui.stats.compare.judgement import judge, judge_pair, sample_ratio, undecided
from zhanggui.stats.compare.rows import expected_shares, guess_control, judge_rows
from zhanggui.stats.compare.values import (
    VERDICTS,
    Arm,
    Comparison,
    Difference,
    Interval,
    Kind,
    Moments,
    SampleRatio,
    Sensitivity,
    Settings,
    VerdictWord,
)
from zhanggui.stats.distributions import beta_cdf, chi2_sf, fisher_exact, normal_quantile, normal_sf, t_quantile, t_two_sided
from zhanggui.stats.shares import wilson

__all__ = [
    "VERDICTS", "Arm", "Comparison", "Difference", "Interval", "Kind", "Moments", "SampleRatio", "Sensitivity", "Settings", "VerdictWord",
    "anytime", "beta_cdf", "chi2_sf", "expected_shares", "fieller", "fisher_exact", "guess_control", "judge", "judge_pair", "judge_rows", "mover_ratio",
    "newcombe", "normal_quantile", "normal_sf", "sample_ratio", "t_quantile", "t_two_sided", "undecided", "wilson",
]  # fmt: skip
