"""The clock: each stroke once, a missed one once afterwards, shops spread, and each shop's day its own."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from zhanggui.facts.models import Shop
from zhanggui.kernel import jobs
from zhanggui.kernel.models import Job, Tick
from zhanggui.switchboard import schedule
from zhanggui.switchboard.schedule import Entry, Keeper, keep, last_stroke

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)  # noon in China
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOURLY = Entry("test.hourly", "每小时", "试", every=HOUR)
PER_SHOP = Entry("test.shop", "每小时", "试", every=HOUR, per_shop=True)
NIGHTLY = Entry("test.nightly", "每夜", "试", at=time(2), within=HOUR, per_shop=True)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small schedule whose jobs do nothing."""
    monkeypatch.setattr(jobs, "_handlers", {})
    monkeypatch.setattr(schedule, "SCHEDULE", (HOURLY, PER_SHOP, NIGHTLY))
    for entry in schedule.SCHEDULE:
        jobs.handler(entry.name)(lambda job: None)


def asked(name: str) -> list[int | None]:
    """Shops for which jobs of this name exist."""
    return sorted(Job.objects.filter(name=name).values_list("shop_id", flat=True), key=lambda n: n or 0)


def finish() -> None:
    Job.objects.update(state=Job.State.DONE)


# -- when ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "stroke"), [(NOW, NOW), (NOW + timedelta(minutes=59, seconds=59), NOW), (NOW + HOUR, NOW + HOUR), (NOW - timedelta(seconds=1), NOW - HOUR)]
)  # fmt: skip
def test_a_repeated_entry_strikes_at_its_full_hours(now: datetime, stroke: datetime) -> None:
    assert last_stroke(HOURLY, now) == stroke


def test_shops_have_moments_of_their_own_within_the_span() -> None:
    moments = {last_stroke(PER_SHOP, NOW, number) for number in range(1, 101)}
    assert len(moments) == 100
    assert all(NOW - HOUR < moment <= NOW for moment in moments)
    assert last_stroke(PER_SHOP, NOW, 7) + HOUR == last_stroke(PER_SHOP, NOW + HOUR, 7)


def test_a_daily_entry_strikes_in_the_shops_own_night() -> None:
    china, london = last_stroke(NIGHTLY, NOW, 1), last_stroke(NIGHTLY, NOW, 1, ZoneInfo("Europe/London"))
    late = schedule.offset(1, HOUR)
    assert china == datetime(2026, 2, 28, 18, tzinfo=UTC) + late
    assert london == datetime(2026, 3, 1, 2, tzinfo=UTC) + late
    assert last_stroke(NIGHTLY, china - timedelta(seconds=1), 1) == china - DAY


def test_each_shop_has_every_night_one_stroke() -> None:
    for number in range(50):
        strokes = {last_stroke(NIGHTLY, NOW + n * timedelta(minutes=7), number) for n in range(7 * 24 * 60 // 7)}
        assert 7 <= len(strokes) <= 8


# -- what is made of it -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_stroke_makes_one_job_however_often_one_looks() -> None:
    shop = Shop.objects.create(name="小店")
    assert keep(NOW) == 2
    assert keep(NOW) == 0
    finish()
    assert keep(NOW + timedelta(seconds=30)) == 0
    assert asked("test.hourly") == [None]
    assert asked("test.shop") == [shop.pk]
    assert asked("test.nightly") == [], "met for the first time: nothing of last night is owed"
    assert set(Tick.objects.values_list("name", flat=True)) == {"test.hourly", f"test.shop:{shop.pk}", f"test.nightly:{shop.pk}"}


@pytest.mark.django_db
def test_strokes_missed_during_an_outage_are_made_good_once() -> None:
    shop = Shop.objects.create(name="小店")
    keep(NOW)
    finish()
    back = NOW + 3 * DAY
    assert keep(back) == 3
    assert keep(back) == 0
    assert asked("test.nightly") == [shop.pk]
    assert Job.objects.filter(name="test.hourly").exclude(state="done").count() == 1


@pytest.mark.django_db
def test_work_that_still_runs_is_not_asked_for_twice() -> None:
    keep(NOW)
    assert keep(NOW + HOUR) == 0
    assert asked("test.hourly") == [None]
    finish()
    assert keep(NOW + 2 * HOUR) == 1


@pytest.mark.django_db
def test_a_closed_shop_costs_nothing() -> None:
    Shop.objects.create(name="关了", closed_at=NOW)
    keep(NOW)
    keep(NOW + 2 * DAY)
    assert asked("test.shop") == asked("test.nightly") == []


@pytest.mark.django_db
def test_a_clock_that_ran_ahead_does_not_silence_the_schedule() -> None:
    Tick.objects.create(name="test.hourly", last_at=NOW + 400 * DAY)
    assert keep(NOW) == 1
    assert Tick.objects.get(name="test.hourly").last_at == NOW


@pytest.mark.django_db
def test_two_workers_strike_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one read the same ticks and comes too late."""
    keep(NOW)
    finish()
    real = schedule._strike

    def late(name: str, last: datetime | None, now: datetime, *rest: object) -> bool:
        assert real(name, last, now, *rest)  # type: ignore[arg-type] # the other worker, a moment before
        Job.objects.update(state=Job.State.DONE)
        return real(name, last, now, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(schedule, "_strike", late)
    assert keep(NOW + HOUR) == 0
    assert Job.objects.filter(name="test.hourly").count() == 2


@pytest.mark.django_db
def test_a_first_tick_that_another_worker_made_meanwhile_is_no_error() -> None:
    Tick.objects.create(name="test.hourly", last_at=NOW)
    assert schedule._strike("test.hourly", None, NOW, "test.hourly") is False
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_the_keeper_looks_only_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(schedule.machine, "monotonic", lambda: now[0])
    looks: list[float] = []
    monkeypatch.setattr(schedule, "keep", lambda: looks.append(now[0]) or 0)
    keeper = Keeper()
    for second in range(12):
        now[0] = 100.0 + second
        keeper()
    assert looks == [100.0, 105.0, 110.0]


@pytest.mark.django_db
def test_three_hundred_shops_are_looked_at_with_two_questions(django_assert_num_queries: object) -> None:
    Shop.objects.bulk_create(Shop(name=f"店{n}") for n in range(300))
    keep(NOW)
    with django_assert_num_queries(2):  # type: ignore[operator]
        keep(NOW)
