"""Shares and curves: published values, and what is said when there is too little."""

from __future__ import annotations

import pytest

from zhanggui.stats.shares import UNDECIDED, compare_days, compare_shares, newcombe, quantile, wilson
from zhanggui.stats.survival import kaplan_meier, share_by


def test_quantiles_and_intervals_are_the_published_ones() -> None:
    assert quantile(0.05) == pytest.approx(1.959963984540054) and quantile(1e-20) == pytest.approx(9.336, abs=1e-3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(1.0)
    assert wilson(81, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))  # Newcombe 1998, table I
    assert wilson(0, 20)[0] == 0.0 and wilson(20, 20)[1] == 1.0 and wilson(0, 0) == (0.0, 1.0)
    assert newcombe(56, 70, 48, 80) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_a_share_moved_only_when_chance_is_an_unlikely_explanation() -> None:
    up = compare_shares(60, 100, 40, 100)
    assert up.direction == "up" and up.p == pytest.approx(0.004678, abs=1e-6) and up.low is not None and up.low > 0
    assert compare_shares(40, 100, 60, 100).direction == "down"
    assert compare_shares(52, 100, 50, 100).direction == "flat"
    assert compare_shares(20, 29, 2, 100) == UNDECIDED


def test_days_are_compared_with_welch() -> None:
    """scipy.stats.ttest_ind([1..10], [3,5,..,21], equal_var=False): p = 0.0093849."""
    found = compare_days([3.0 + 2 * i for i in range(10)], [1.0 + i for i in range(10)])
    assert found.direction == "up" and found.p == pytest.approx(0.009384904224990028, rel=1e-6)
    assert compare_days([1, 2], [1, 2, 3]) == UNDECIDED
    assert compare_days([2, 2, 2], [1, 1, 1]).direction == "up" and compare_days([2, 2, 2], [2, 2, 2]).direction == "flat"


def test_those_not_watched_to_the_end_leave_the_risk_set() -> None:
    """6-MP arm of Freireich et al. 1963, remissions in weeks: survival at 6, 7, 10 is 0.857, 0.807, 0.753."""
    happened, ended = (
        {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1},
        {6: 1, 9: 1, 10: 1, 11: 1, 17: 1, 19: 1, 20: 1, 25: 1, 32: 2, 34: 1, 35: 1},
    )
    curve = kaplan_meier(happened, ended)
    assert [round(1 - share_by(curve, day), 3) for day in (5, 6, 7, 10, 23, 35)] == [1.0, 0.857, 0.807, 0.753, 0.448, 0.448]
    assert curve[0].at_risk == 21 and all(p.low <= p.share <= p.high for p in curve) and kaplan_meier({}, {}) == []
