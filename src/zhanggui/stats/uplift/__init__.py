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

from zhanggui.stats.uplift.answer import Decile, Driver, Policy, Ranking, Uplift, VerdictWord
from zhanggui.stats.uplift.columns import Column, bin_columns, expand, read_columns, screen
from zhanggui.stats.uplift.curves import Estimate, auuc, mean_estimate, qini, rank_share, uplift_curve
from zhanggui.stats.uplift.judgement import GATE, MIN_ARM_EVENTS, MIN_ARM_ROWS, judge
from zhanggui.stats.uplift.learners import LEARNER_NAMES, OUTCOME, Scores, learn

__all__ = [
    "GATE", "LEARNER_NAMES", "MIN_ARM_EVENTS", "MIN_ARM_ROWS", "OUTCOME", "Column", "Decile", "Driver", "Estimate", "Policy", "Ranking", "Scores", "Uplift",
    "VerdictWord", "auuc", "bin_columns", "expand", "judge", "learn", "mean_estimate", "qini", "rank_share", "read_columns", "screen", "uplift_curve",
]  # fmt: skip
