"""Money, clock, access and the audit trail: the words every room uses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.kernel import access, audit, clock
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import NotAllowed, NotFound
from zhanggui.kernel.models import AuditEntry, Grant, Role, User
from zhanggui.kernel.money import fen_from_yuan, split, yuan

# -- money -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "fen"),
    [("1,234.50", 123450), ("￥12", 1200), ("12.345", 1235), ("(3.00)", -300), ("（3）", -300), ("-0.01", -1), (0.1, 10), ("1 元", 100), ("RMB 5", 500)],
)  # fmt: skip
def test_amounts_as_people_write_them(written: str | float, fen: int) -> None:
    assert fen_from_yuan(written) == fen


@pytest.mark.parametrize("written", ["", "abc", "1.2.3", "NaN", "Infinity", "十元"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        fen_from_yuan(written)


@given(st.integers(-(10**15), 10**15))
def test_yuan_and_back(fen: int) -> None:
    assert fen_from_yuan(yuan(fen)) == fen


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_the_parts_make_the_whole_and_none_has_the_other_sign(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    assert all(part * total >= 0 for part in parts)
    if sum(weights):
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


def test_splits_that_make_no_sense() -> None:
    assert split(0, []) == []
    assert split(10, [0, 0, 0]) == [4, 3, 3]
    with pytest.raises(ValueError, match="nothing"):
        split(1, [])
    with pytest.raises(ValueError, match="negative"):
        split(1, [1, -1])


# -- clock -----------------------------------------------------------------------------------------------------------------------


def test_a_shop_day_begins_at_its_own_midnight() -> None:
    assert clock.day_start(date(2026, 3, 1)) == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert clock.day_of(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC)) == date(2026, 2, 28)
    assert clock.day_of(datetime(2026, 2, 28, 16, tzinfo=UTC)) == date(2026, 3, 1)
    assert clock.day_of(datetime(2026, 2, 28, 16, tzinfo=UTC), ZoneInfo("Europe/London")) == date(2026, 2, 28)
    start, end = clock.day_span(date(2026, 3, 1), date(2026, 3, 2))
    assert end - start == timedelta(days=2)


def test_a_moment_without_a_zone_has_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.day_of(datetime(2026, 3, 1))
    with pytest.raises(ValueError, match="time zone"), clock.frozen(datetime(2026, 3, 1)):
        pass


def test_the_clock_can_be_held_and_shifted() -> None:
    with clock.frozen(datetime(2026, 3, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))):
        assert clock.now() == datetime(2026, 2, 28, 17, tzinfo=UTC)
        assert clock.today() == date(2026, 3, 1)
    try:
        clock.shift(timedelta(days=3))
        assert timedelta(days=2.9) < clock.now() - datetime.now(UTC) <= timedelta(days=3)
    finally:
        clock.shift(timedelta(0))


def test_weeks_begin_on_monday_and_days_include_both_ends() -> None:
    assert clock.week_of(date(2026, 3, 1)) == date(2026, 2, 23)
    assert list(clock.days(date(2026, 2, 28), date(2026, 3, 1))) == [date(2026, 2, 28), date(2026, 3, 1)]
    assert list(clock.days(date(2026, 3, 2), date(2026, 3, 1))) == []


# -- access ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user("wang", password="x")


def test_without_a_grant_a_shop_does_not_exist(person: User) -> None:
    Grant.objects.create(user=person, shop_id=1, role=Role.ANALYST)
    with pytest.raises(NotFound):
        access.access_for(person, 2)
    assert access.access_for(person, 1).role == "analyst"
    assert access.shops_of(person) == [(1, "analyst")]


def test_an_account_that_was_closed_gets_nowhere(person: User) -> None:
    Grant.objects.create(user=person, shop_id=1, role=Role.OWNER)
    person.is_active = False
    with pytest.raises(NotFound):
        access.access_for(person, 1)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.OWNER, {*Permission}, set()),
        (Role.OPERATOR, {Permission.IMPORT, Permission.POLICIES}, {Permission.REVEAL, Permission.MEMBERS, Permission.CONNECT, Permission.ERASE}),
        (Role.SERVICE, {Permission.REVEAL, Permission.CUSTOMERS}, {Permission.EXPORT, Permission.IMPORT, Permission.POLICIES}),
        (Role.ANALYST, {Permission.VIEW, Permission.EXPORT}, {Permission.CUSTOMERS, Permission.REVEAL, Permission.IMPORT}),
        (Role.AGENCY, {Permission.CONNECT, Permission.AUDIT}, {Permission.REVEAL, Permission.ERASE, Permission.MEMBERS}),
    ],
)  # fmt: skip
def test_roles(role: str, may: set[Permission], may_not: set[Permission]) -> None:
    held = access.Access(1, "wang", 1, role)
    assert may <= held.permissions
    assert not may_not & held.permissions


def test_a_refusal_says_who_could_do_it() -> None:
    held = access.Access(1, "wang", 1, Role.ANALYST)
    held.require(Permission.EXPORT)
    with pytest.raises(NotAllowed) as caught:
        held.require(Permission.REVEAL)
    assert "客服" in caught.value.remedy
    assert "店主" in caught.value.remedy


def test_a_role_of_another_version_may_nothing() -> None:
    assert access.Access(1, "wang", 1, "wizard").permissions == frozenset()


# -- audit -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_line_of_the_trail_is_kept_whole_and_fits() -> None:
    with clock.frozen(datetime(2026, 3, 1, tzinfo=UTC)):
        audit.record(3, "王" * 400, "policy.override", "长" * 900, subject="s" * 300, detail={"a": [1]})
    line = AuditEntry.objects.get()
    assert (line.shop_id, line.at, line.detail) == (3, datetime(2026, 3, 1, tzinfo=UTC), {"a": [1]})
    assert (len(line.actor), len(line.sentence), len(line.subject)) == (150, 500, 120)
    assert str(line) == "长" * 500
