"""Kaplan–Meier against a published table, by hand, and at its edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.stats.survival import kaplan_meier, share_by

# Freireich et al. 1963, weeks in remission under 6-MP, as printed in every textbook of survival analysis
RELAPSED = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
WATCHED = {6: 1, 9: 1, 10: 1, 11: 1, 17: 1, 19: 1, 20: 1, 25: 1, 32: 2, 34: 1, 35: 1}
STILL_WELL = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
AT_RISK = {6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6}
ERROR_AT_10 = 0.0963


def test_the_published_curve() -> None:
    curve = kaplan_meier(RELAPSED, WATCHED)
    assert {p.days: round(1 - p.share, 4) for p in curve} == STILL_WELL
    assert {p.days: p.at_risk for p in curve} == AT_RISK
    at_10 = next(p for p in curve if p.days == 10)
    well = 1 - at_10.share
    reach = 1.959963985 * ERROR_AT_10 / well / abs(math.log(well))
    assert at_10.low == pytest.approx(1 - well ** math.exp(-reach), abs=2e-4)
    assert at_10.high == pytest.approx(1 - well ** math.exp(reach), abs=2e-4)


def test_the_share_by_a_day_is_that_of_the_last_step_before_it() -> None:
    curve = kaplan_meier(RELAPSED, WATCHED)
    assert share_by(curve, 5) == 0
    assert share_by(curve, 6) == curve[0].share
    assert share_by(curve, 21) == curve[4].share
    assert share_by(curve, 999) == curve[-1].share


def test_with_everybody_watched_to_the_end_it_is_the_plain_share() -> None:
    curve = kaplan_meier({3: 2, 8: 1}, {90: 7})
    assert share_by(curve, 90) == pytest.approx(0.3)
    assert share_by(kaplan_meier({0: 4}, {}), 0) == 1


def test_nobody_and_nothing() -> None:
    assert kaplan_meier({}, {}) == []
    assert kaplan_meier({}, {5: 3}) == []
    assert share_by([], 30) == 0


@given(
    happened=st.dictionaries(st.integers(0, 40), st.integers(1, 5), max_size=8), ended=st.dictionaries(st.integers(0, 40), st.integers(1, 5), max_size=8)
)  # fmt: skip
def test_the_curve_only_rises_and_lies_within_its_interval(happened: dict[int, int], ended: dict[int, int]) -> None:
    curve = kaplan_meier(happened, ended)
    shares = [p.share for p in curve]
    assert shares == sorted(shares)
    assert all(0 <= p.low <= p.share + 1e-12 and p.share <= p.high + 1e-12 <= 1 + 2e-12 for p in curve)
    assert [p.days for p in curve] == sorted(happened)
