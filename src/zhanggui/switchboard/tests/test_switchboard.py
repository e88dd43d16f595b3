"""What leads to what: news asks for one refresh, a file is taken in whatever happens to its worker, and old things go."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction

from zhanggui.facts import events, files, lake
from zhanggui.facts.files import expire
from zhanggui.facts.models import ImportFile, Order, Shop
from zhanggui.kernel import clock, jobs, outbox
from zhanggui.kernel.models import Job, OutboxEvent
from zhanggui.metrics import commands as numbers
from zhanggui.metrics import work
from zhanggui.metrics.models import MetricPoint
from zhanggui.switchboard import chores, run
from zhanggui.switchboard.reactions import REACTIONS

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
ORDERS = "订单号,下单时间,支付时间,实付金额,商品名称,数量,openid\n" + "".join(
    f"A{n},2026-02-{n:02d} 10:00:00,2026-02-{n:02d} 10:05:00,{n}.50,大米,1,o{n % 3}\n" for n in range(1, 21)
)


@pytest.fixture(autouse=True)
def own_house(tmp_path: Path, settings: Any) -> Any:
    """The house of this test: its own folders, its clock at noon."""
    settings.HOME, settings.LAKE, settings.FILES = tmp_path, tmp_path / "lake", tmp_path / "files"
    with clock.frozen(NOW):
        yield


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="小店")


def refreshes() -> list[tuple[int | None, datetime, int]]:
    return list(Job.objects.filter(name=work.JOB).values_list("shop_id", "run_at", "priority"))


def upload(shop: Shop, text: str = ORDERS, name: str = "订单.csv") -> ImportFile:
    """An upload whose mapping a person has confirmed."""
    path = files.store_upload(shop, name, [text.encode()])
    file = files.open_upload(shop, path, name, "王")
    proposal = files.propose(file)
    ImportFile.objects.filter(pk=file.pk).update(state="waiting")
    jobs.enqueue(
        chores.IMPORT,
        {"file": file.pk, "kind": proposal.kind, "columns": proposal.columns},
        shop_id=shop.pk,
        unique_key=f"import:{file.pk}",
    )
    file.refresh_from_db()
    return file


def go(stop: threading.Event | None = None) -> None:
    """The worker, until nothing is due, with its real beat but no clock."""
    run.work(stop or threading.Event(), once=True, around=lambda beat: lambda: outbox.deliver() and None)


# -- news → numbers --------------------------------------------------------------------------------------------------------------


def test_every_event_of_the_facts_is_in_the_table() -> None:
    assert {kind.__name__ for kind in events.ALL} <= REACTIONS.keys()


def test_a_flock_of_news_asks_for_one_refresh_a_little_later(shop: Shop) -> None:
    with transaction.atomic():
        for n in range(5):
            events.OrderPaid(f"o{n}", n, 100, NOW.isoformat(), "").emit(shop.pk, f"o{n}")
        events.OrderRefunded("o1", "r1", 50, NOW.isoformat()).emit(shop.pk, "o1")
    go()
    assert refreshes() == [(shop.pk, NOW + work.SETTLE, 0)]


def test_somebody_who_waits_does_not_wait_for_the_flock(shop: Shop) -> None:
    work.ask(shop.pk)
    with transaction.atomic():
        events.FileImported(1, "orders", 3, "", "").emit(shop.pk, "import:1")
    outbox.deliver()
    (react,) = jobs.claim("w", [outbox.JOB])
    assert jobs.execute(react) == "done"
    assert refreshes() == [(shop.pk, NOW, 1)]
    assert not work.ask(shop.pk), "asked already"


def test_a_refresh_computes_the_numbers_and_rests_only_when_the_facts_do(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(shop)
    go()
    assert Order.objects.count() == 20
    assert not list(Job.objects.exclude(state="done").values_list("name", "state", "error"))
    assert MetricPoint.objects.filter(shop_id=shop.pk, metric="conversion.sales").exists()
    assert not lake.stale(shop.pk)
    assert not Job.objects.exclude(state="done").exists()
    monkeypatch.setattr(lake, "stale", lambda shop_id: True)  # something came in while it computed
    work.ask(shop.pk, soon=True)
    go()
    again = Job.objects.exclude(state="done").get()
    assert (again.name, again.run_at >= NOW + work.SETTLE) == (work.JOB, True)


def test_a_refresh_gives_way_to_another_process_and_to_a_stop(shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    work.ask(shop.pk, soon=True)
    with lake.only_writer(Path(settings.LAKE), shop.pk, "metrics"):
        (row,) = jobs.claim("w", [work.JOB])
        assert jobs.execute(row) == "later"
    assert refreshes() == [(shop.pk, NOW + timedelta(seconds=5), 1)]
    Job.objects.update(run_at=NOW)
    stop = threading.Event()

    def stopped(shop_id: int, progress: Any) -> None:
        stop.set()
        progress(1, 10, "整理")
        raise AssertionError("not reached")

    monkeypatch.setattr(numbers, "refresh", stopped)
    (row,) = jobs.claim("w", [work.JOB])
    assert jobs.execute(row, stop) == "later"
    assert Job.objects.get(name=work.JOB).attempts == 0


def test_a_shop_that_closed_meanwhile_is_left_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "refresh", lambda *a, **k: pytest.fail("not asked for"))
    work.ask(shop.pk, soon=True)
    Shop.objects.update(closed_at=NOW)
    go()
    assert Job.objects.get().state == "done"


# -- files -----------------------------------------------------------------------------------------------------------------------


def test_an_upload_is_taken_in_announced_and_its_copy_removed(shop: Shop) -> None:
    file = upload(shop)
    path = Path(file.path)
    assert path.exists()
    go()
    file.refresh_from_db()
    assert (file.state, file.accepted, file.path) == ("done", 20, "")
    assert not path.exists()
    event = OutboxEvent.objects.get(name="FileImported")
    assert event.body == {"file": file.pk, "kind": "orders", "rows": 20, "first_day": "2026-02-01", "last_day": "2026-02-20"}


def test_a_file_that_is_refused_as_a_whole_is_not_tried_again(shop: Shop) -> None:
    file = upload(shop)
    Path(file.path).write_bytes(b"\x00\x01 no table any more")
    go()
    job = Job.objects.get(name=chores.IMPORT)
    assert (job.state, job.attempts) == ("dead", 1)
    assert "BadInput" not in job.error
    file.refresh_from_db()
    assert file.state == "failed"
    assert not Order.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_a_stop_in_the_middle_puts_the_file_back_in_the_queue(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    file = upload(shop)
    stop = threading.Event()
    stop.set()
    (row,) = jobs.claim("w", [chores.IMPORT])
    assert jobs.execute(row, stop) == "later"
    file.refresh_from_db()
    assert (file.state, file.message) == ("waiting", "")
    assert not Order.objects.exists()
    go()
    assert Order.objects.count() == 20


def test_a_worker_that_lost_the_job_writes_no_row(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(shop)
    (row,) = jobs.claim("w", [chores.IMPORT])
    Job.objects.filter(pk=row.pk).update(worker="another")
    assert jobs.execute(row) == "lost"
    assert not Order.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_a_run_that_died_after_its_commit_is_not_a_failure(shop: Shop) -> None:
    file = upload(shop)
    go()
    jobs.enqueue(chores.IMPORT, {"file": file.pk, "kind": "orders", "columns": {}}, shop_id=shop.pk)
    go()
    assert set(Job.objects.filter(name=chores.IMPORT).values_list("state", flat=True)) == {"done"}
    assert Order.objects.count() == 20


# -- what has had its time ----------------------------------------------------------------------------------------------------------


def test_tidying_removes_what_has_had_its_time_and_nothing_else(shop: Shop, settings: Any) -> None:
    old = upload(shop, name="旧.csv")
    failed = upload(shop, name="坏.csv")
    fresh = upload(shop, name="新.csv")
    Job.objects.all().delete()
    ImportFile.objects.filter(pk__in=[old.pk, fresh.pk]).update(state="uploaded")
    ImportFile.objects.filter(pk=failed.pk).update(state="failed", message="缺列")
    ImportFile.objects.filter(pk__in=[old.pk, failed.pk]).update(created_at=NOW - expire.UNDECIDED - timedelta(hours=1))
    stray = Path(settings.FILES) / str(shop.pk) / "uploads" / "stray.csv"
    young = stray.with_name("young.csv")
    for path in (stray, young):
        path.write_text("a")
    import os

    os.utime(stray, (1, 1))
    refused = files.commands.refused_folder(shop.pk) / "1.csv"
    refused.parent.mkdir(parents=True)
    refused.write_text("row")
    elsewhere = Path(settings.HOME) / "mine.csv"
    elsewhere.write_text("not ours")
    for path in (refused, elsewhere):
        ImportFile.objects.create(
            shop=shop,
            name="r",
            path="",
            size=1,
            sha256="",
            state="done",
            refused_path=str(path),
            finished_at=NOW - timedelta(days=91),
        )
    Session.objects.create(session_key="gone", session_data="", expire_date=NOW - timedelta(days=1))
    Session.objects.create(session_key="held", session_data="", expire_date=datetime.now(UTC) + timedelta(days=1))
    jobs.enqueue(chores.TIDY)
    go()
    states = dict(ImportFile.objects.exclude(name="r").values_list("name", "state"))
    assert states == {"旧.csv": "discarded", "坏.csv": "failed", "新.csv": "uploaded"}
    assert ImportFile.objects.get(pk=failed.pk).message == "缺列"
    assert [Path(p).exists() for p in (old.path, failed.path, fresh.path, stray, young, refused, elsewhere)] == [
        False,
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert not ImportFile.objects.exclude(refused_path="").exists()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["held"]
    assert Job.objects.get(name=chores.TIDY).state == "done"


# -- the worker ------------------------------------------------------------------------------------------------------------------


def test_the_beat_takes_in_what_waited_delivers_and_keeps_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    batches = [3, 1, 0]
    monkeypatch.setattr(run.inbound, "take_in_spooled", lambda: done.append("spool"))
    monkeypatch.setattr(run.outbox, "deliver", lambda: done.append("deliver") or batches.pop(0))
    monkeypatch.setattr(run, "Keeper", lambda: lambda: done.append("clock"))
    run.make_beat()()
    assert done == ["spool", "deliver", "deliver", "deliver", "clock"]


def test_sync_that_is_due_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from zhanggui.facts import sync

    asked: list[int] = []
    monkeypatch.setattr(sync, "ask_due", lambda: asked.append(1))
    jobs.enqueue(chores.SYNC_DUE)
    go()
    assert asked == [1]
