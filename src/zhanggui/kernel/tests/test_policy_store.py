"""Policies: the declared default, the shop's dated value over it, and no value out of its range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.errors import NotFound, PolicyError
from zhanggui.kernel.models import AuditEntry, OutboxEvent, PolicyOverride
from zhanggui.kernel.policy import benchmark, describe, limit, threshold, watches_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trial:
    """Policies of a room that exists only here."""

    room: ClassVar[str] = "trial"
    bounce_high: float = threshold(
        0.6, meaning="跳出率", unit="率", source="行业经验", guards="t.bounce", side="above", low=0, high=1
    )
    lapse: int = limit(30, meaning="沉默天数", unit="天", source="行业经验", low=1)
    steps: tuple[int, ...] = limit((1, 3, 5), meaning="邀请档位", unit="人", source="本店选择")
    gate: bool = limit(True, meaning="先审后发", unit="开关", source="法律")
    wanted: float = benchmark(0.47, meaning="复购目标", unit="率", source="行业经验")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_store, "_known", {})
    policy_store.register(Trial)


def test_a_declaration_can_be_read() -> None:
    assert [f.key for f in describe(Trial)] == ["trial.bounce_high", "trial.lapse", "trial.steps", "trial.gate", "trial.wanted"]
    assert [f.name for f in watches_of(Trial)] == ["bounce_high"]
    assert policy_store.known().keys() == {f.key for f in describe(Trial)}


@pytest.mark.django_db
def test_the_latest_value_that_has_begun_holds_for_its_shop_only() -> None:
    policy_store.override(1, "trial.lapse", 45, by="王", at=NOW)
    policy_store.override(1, "trial.lapse", "60", by="王", at=NOW + timedelta(days=10))
    assert policy_store.current(Trial, 1, NOW - timedelta(seconds=1)).lapse == 30
    assert policy_store.current(Trial, 1, NOW).lapse == 45
    assert policy_store.current(Trial, 1, NOW + timedelta(days=10)).lapse == 60
    assert policy_store.current(Trial, 2, NOW + timedelta(days=10)).lapse == 30
    policy_store.override(1, "trial.lapse", None, by="王", at=NOW + timedelta(days=20))
    assert policy_store.current(Trial, 1, NOW + timedelta(days=20)).lapse == 30
    assert [row.value for row in policy_store.history(1, "trial.lapse")] == [None, 60, 45]


@pytest.mark.django_db
def test_a_change_is_audited_and_announced() -> None:
    with clock.frozen(NOW):
        policy_store.override(1, "trial.lapse", 45, by="王", why="我们卖米")
    line, event = AuditEntry.objects.get(), OutboxEvent.objects.get()
    assert line.sentence == "王 把“沉默天数”改为 45 天"
    assert line.detail == {"value": 45, "why": "我们卖米"}
    assert (event.name, event.shop_id, event.body) == ("PolicyChanged", 1, {"key": "trial.lapse"})


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("trial.bounce_high", "0.5", 0.5), ("trial.bounce_high", 0, 0.0), ("trial.bounce_high", 1, 1.0), ("trial.lapse", "1", 1), ("trial.gate", "是", True),
        ("trial.gate", "no", False), ("trial.steps", ["2", 4], [2, 4]),
    ],
)  # fmt: skip
def test_values_take_the_type_of_the_default(key: str, given: Any, kept: Any) -> None:
    assert policy_store.check(policy_store.known()[key], given) == kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("trial.bounce_high", 1.01), ("trial.bounce_high", -0.01), ("trial.bounce_high", "nan"), ("trial.bounce_high", "许多"), ("trial.lapse", 0),
        ("trial.lapse", "3.5"), ("trial.steps", 3), ("trial.steps", ["x"]),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(key: str, given: Any) -> None:
    with pytest.raises(PolicyError):
        policy_store.override(1, key, given, by="王")
    assert not PolicyOverride.objects.exists()
    assert not AuditEntry.objects.exists()
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db
def test_a_key_nobody_declared_is_not_found() -> None:
    with pytest.raises(NotFound):
        policy_store.override(1, "trial.nothing", 1, by="王")
    assert not PolicyOverride.objects.exists()


@pytest.mark.django_db
def test_a_list_comes_back_as_declared() -> None:
    policy_store.override(1, "trial.steps", [2, 4], by="王", at=NOW)
    assert policy_store.current(Trial, 1, NOW).steps == (2, 4)
