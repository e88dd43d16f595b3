"""Each compiled fold says what its plain twin says, whatever the log: ties, late events, periods that touch, people who share segments."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zhanggui.facts.lake_schema import EVENT_KINDS
from zhanggui.metrics import folds
from zhanggui.metrics.folds import Log

RUNS = settings(max_examples=300, deadline=None)
PEOPLE, SEGMENTS = 4, 3
CODES = {name: [[EVENT_KINDS.index(kind) for kind in step] for step in steps] for name, steps in folds.STEPS.items()}


def log_of(rows: list[tuple[int, int, int, int]], *, own: bool = False) -> Log:
    at, who, kind, segment = (
        np.array([r[i] for r in rows], dtype) for i, dtype in enumerate((np.int64, np.int32, np.int8, np.int32))
    )
    return Log(at, who, kind, who % SEGMENTS if own else segment, PEOPLE, SEGMENTS, own)


ROWS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, PEOPLE - 1), st.integers(0, 7), st.integers(0, SEGMENTS - 1)), max_size=40
)  # fmt: skip
EDGES = st.lists(st.integers(-5, 65), min_size=2, max_size=6, unique=True).map(sorted)


def periods_of(edges: list[int], touching: bool) -> list[tuple[int, int]]:
    pairs = list(itertools.pairwise(edges))
    return pairs if touching else pairs[::2]


@RUNS
@given(
    rows=ROWS,
    edges=EDGES,
    touching=st.booleans(),
    window=st.integers(0, 40),
    name=st.sampled_from(sorted(folds.STEPS)),
    own=st.booleans(),
)
@example(
    rows=[(5, 0, 1, 0), (5, 0, 2, 0), (5, 0, 3, 0), (5, 0, 4, 0)],
    edges=[0, 6],
    touching=True,
    window=0,
    name="purchase",
    own=False,
)
def test_steps(
    rows: list[tuple[int, int, int, int]], edges: list[int], touching: bool, window: int, name: str, own: bool
) -> None:
    log, periods = log_of(rows, own=own), periods_of(edges, touching)
    got = folds.steps(log, CODES[name], periods, window)
    assert got.tolist() == folds.oracle_steps(log, CODES[name], periods, window).tolist()
    assert (np.diff(got, axis=2) <= 0).all(), "nobody comes further than the step before"


@RUNS
@given(rows=ROWS, edges=EDGES, window=st.integers(0, 40), seed=st.randoms(use_true_random=False))
def test_steps_do_not_depend_on_the_order_in_which_events_arrive(rows, edges, window, seed) -> None:
    moments = {at: place for place, at in enumerate(sorted({r[0] for r in rows}))}
    rows = [(moments[at] * 10 + n, who, kind, segment) for n, (at, who, kind, segment) in enumerate(sorted(rows))][:10]  # no ties
    late = list(rows)
    seed.shuffle(late)
    periods = periods_of(edges, True)
    assert (
        folds.steps(log_of(rows), CODES["purchase"], periods, window).tolist()
        == folds.steps(log_of(late), CODES["purchase"], periods, window).tolist()
    )


DAYS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, PEOPLE - 1)), max_size=40).map(sorted)


@RUNS
@given(rows=DAYS, offset=st.sampled_from(sorted(folds.RETURNS.values())))
def test_returns(rows: list[tuple[int, int]], offset: int) -> None:
    day, who = np.array([r[0] for r in rows], np.int32), np.array([r[1] for r in rows], np.int32)
    days = int(day.max(initial=0)) + 1
    got = folds.returns(day, who, PEOPLE, days, offset)
    assert got.tolist() == folds.oracle_returns(day, who, PEOPLE, days, offset).tolist()
    assert (got[:, 1] <= got[:, 0]).all()


BUYS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1500)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(rows=BUYS, more=st.integers(1, 400))
@example(rows=[(0, 0), (0, 364), (0, 365), (0, 729), (0, 730)], more=400)
def test_annual(rows: list[tuple[int, int]], more: int) -> None:
    rows = sorted(set(rows))
    who, day = np.array([r[0] for r in rows], np.int32), np.array([r[1] for r in rows], np.int32)
    days = int(day.max(initial=0)) + more
    base, kept = folds.annual(who, day, days)
    slow_base, slow_kept = folds.oracle_annual(who, day, days)
    assert base.tolist() == slow_base.tolist()
    assert kept.tolist() == slow_kept.tolist()


def test_a_log_in_order_is_left_alone() -> None:
    log = log_of([(1, 0, 1, 0), (1, 1, 1, 0), (2, 0, 2, 0)])
    assert log.in_order() is log
    late = log_of([(2, 0, 2, 0), (1, 0, 1, 0), (1, 1, 1, 0)])
    assert late.in_order().at.tolist() == [1, 1, 2]
    assert late.in_order().who.tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", sorted(folds.STEPS))
def test_nothing_happened(name: str) -> None:
    assert folds.steps(log_of([]), CODES[name], [(0, 10)], 5).sum() == 0
    assert folds.steps(log_of([(1, 0, 1, 0)]), CODES[name], [], 5).shape[0] == 0
