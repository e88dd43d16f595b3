"""Who is asked when: every stream in its turn, none twice, the refused ones rarely."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.facts import commands, sync
from zhanggui.facts.models import Connection, Shop, SyncState
from zhanggui.facts.network import Secrets
from zhanggui.facts.sync.stream import Days
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.models import AuditEntry, Job

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 20, 4, tzinfo=UTC)


@pytest.fixture
def shop():
    with clock.frozen(NOW):
        yield Shop.objects.create(name="试验店")


@pytest.fixture
def store(shop) -> Connection:
    return commands.connect(shop, "store", "wx0123456789abcdef", Secrets(secret="s" * 32), by="店主")


def names(found) -> set[str]:
    return {one.stream for one in found}


def stand(store, stream: str, **values) -> SyncState:
    return SyncState.objects.create(shop=store.shop, connection=store, stream=stream, **values)


def test_every_kind_of_account_has_streams_with_words_and_a_turn():
    kinds = {s.kind for s in sync.STREAMS.values()}
    assert kinds == {"store", "wecom", "mini", "official", "ads"}
    for name, one in sync.STREAMS.items():
        assert one.name == name and one.title and one.purpose
        assert timedelta(minutes=5) <= one.every <= timedelta(days=1)
        if isinstance(one.work, Days):
            assert 0 <= one.work.ready < 24 and one.work.again == tuple(sorted(one.work.again))
    assert set(jobs.handlers()) >= {"facts.sync", "facts.inbound", "facts.reconcile"}


def test_a_new_account_is_asked_for_everything_the_urgent_first(store):
    assert sync.ask(store.shop_id, by="店主") == 9 and sync.ask(store.shop_id) == 9
    assert Job.objects.count() == 9, "asking again calls the waiting ones, it makes no second"
    order = list(Job.objects.order_by("-priority", "run_at", "id").values_list("args__stream", flat=True))
    assert order[:3] == ["shop", "orders", "products"] and order[-1] == "fund_flows"
    assert AuditEntry.objects.filter(verb="sync.ask").count() == 1
    overview = sync.overview(store.shop_id)
    assert not overview.over and {s.state for s in overview.streams} == {"new"} and overview.note == "店铺信息等 9 项在排队"


def test_one_stream_of_one_account(store):
    assert sync.ask(store.shop_id, connection_id=store.pk, stream="orders", full=True) == 1
    assert Job.objects.get().args == {"connection": store.pk, "stream": "orders", "full": True}
    assert sync.ask(store.shop_id, stream="contacts") == 0, "no account has it"
    assert sync.ask(store.shop_id + 1) == 0 and sync.ask(store.shop_id, connection_id=store.pk + 1) == 0


def test_a_waiting_job_is_called_at_once_and_a_running_one_is_left(store):
    sync.ask(store.shop_id, stream="orders")
    Job.objects.update(run_at=NOW + timedelta(hours=9))
    assert sync.ask(store.shop_id, stream="orders", full=True) == 1
    job = Job.objects.get()
    assert job.run_at == NOW and job.args["full"] is True
    jobs.claim("w", ["facts.sync"])
    assert sync.ask(store.shop_id, stream="orders") == 0


def test_streams_come_round_in_their_time(store):
    assert names(sync.due()) == {s.name for s in sync.of_kind("store")}
    for one in sync.of_kind("store"):
        stand(store, one.name, state="idle", finished_at=NOW, watermark=NOW, cursor={"history": "done"})
    assert names(sync.due(NOW + timedelta(minutes=9, seconds=59))) == set()
    assert names(sync.due(NOW + timedelta(minutes=10))) == {"orders", "aftersales"}
    assert names(sync.due(NOW + timedelta(hours=1))) == {"orders", "aftersales", "stock"}
    daily = {"shop", "products", "coupons", "members", "compass"}
    assert names(sync.due(NOW + timedelta(days=1))) == {"orders", "aftersales", "stock"} | daily


def test_figures_are_asked_for_once_their_day_is_over(store):
    today = clock.day_start(clock.today())
    stand(store, "compass", state="idle", finished_at=NOW - timedelta(hours=2), watermark=today, cursor={"history": "done"})
    assert "compass" not in names(sync.due()), "yesterday is known"
    noon_tomorrow = today + timedelta(days=1, hours=12)
    assert "compass" not in names(sync.due(noon_tomorrow - timedelta(seconds=1)))
    assert "compass" in names(sync.due(noon_tomorrow))
    SyncState.objects.update(cursor={"history": "running"})
    assert "compass" in names(sync.due()), "its past is not read yet"


def test_refused_streams_and_failing_accounts_are_asked_rarely(store):
    stand(store, "orders", state="failed", finished_at=NOW)
    stand(store, "members", state="off", finished_at=NOW)
    assert "orders" not in names(sync.due(NOW + timedelta(minutes=59))) and "orders" in names(sync.due(NOW + timedelta(hours=1)))
    assert "members" not in names(sync.due(NOW + timedelta(days=6))) and "members" in names(sync.due(NOW + timedelta(days=7)))
    Connection.objects.update(state="failing")
    assert names(sync.due(NOW + timedelta(minutes=59))) == set()
    assert names(sync.due(NOW + timedelta(hours=1))) == {"orders"}, "one stream tries the door"


def test_ask_due_is_safe_to_call_from_everywhere(store):
    assert sync.ask_due() == 9 and sync.ask_due() == 0
    assert Job.objects.count() == 9
    commands.disconnect(store, "店主")
    Job.objects.all().delete()
    assert sync.ask_due() == 0


def test_reconciliation_is_for_shops_with_a_store(store):
    other = Shop.objects.create(name="别家")
    commands.connect(other, "wecom", "ww0123456789abcdef", Secrets(secret="s" * 32), by="店主")
    assert sync.ask_reconcile() == 1
    assert Job.objects.get().shop_id == store.shop_id
    assert sync.ask_reconcile([other.pk]) == 1


def test_the_overview_tells_what_failed_and_what_waits(store):
    stand(store, "orders", state="idle", done=5, total=5, message="读了 5 单", finished_at=NOW)
    stand(store, "members", state="off", done=0, total=None, message="没有权限")
    stand(store, "products", state="running", done=2, total=9)  # its worker was killed for good
    stand(store, "stock", state="waiting", message="当日调用次数用完")
    overview = sync.overview(store.shop_id)
    assert overview.over and overview.failed == ("商品",) and overview.note == "商品没有成功；库存等额度"
    assert {s.name: s.state for s in overview.streams if s.state != "new"} == {
        "orders": "idle", "members": "off", "products": "failed", "stock": "waiting",
    }  # fmt: skip
    assert overview.done == 7 and overview.total == 5 + 9 + 6
    empty = sync.overview(Shop.objects.create(name="空店").pk)
    assert empty.over and empty.streams == () and empty.total is None and "还没有连接" in empty.note
