"""The first page: the verdict and the numbers as they were stored, what came in, what is being done, what to do when there is nothing."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from zhanggui.doors.desk import home
from zhanggui.doors.desk.tests import house, numbers
from zhanggui.facts.models import Connection, ImportFile, Order, Refund, Shop
from zhanggui.facts.sync import StreamState, SyncOverview
from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.models import Grant, Job, Role
from zhanggui.metrics import work
from zhanggui.metrics.models import MetricPoint, Watermark

pytestmark = pytest.mark.django_db


def words(answer) -> str:
    """The page as a person reads it: no tags, single spaces."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.S)
    return " ".join(html.unescape(text).split())


def cards(answer) -> dict[str, str]:
    """The cards of the page: name → words."""
    found = re.findall(r'<a class="card.*?</a>', answer.content.decode(), re.S)
    texts = [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", c)).split()) for c in found]
    return {t.split()[0]: t for t in texts}


@pytest.fixture
def empty(owner) -> Shop:
    """A shop in which nothing has happened."""
    shop = Shop.objects.create(name="空店")
    Grant.objects.create(user=owner, shop_id=shop.pk, role=Role.OWNER)
    return shop


@pytest.fixture
def judged(mine) -> Shop:
    """A shop with a dear new customer, falling orders and steady sales."""
    numbers.observed(mine.shop, "orders", "spend", "behaviour")
    numbers.steady(mine.shop, "traffic.cost_per_new_customer", (40_000, 10), (38_000, 10), days=30)
    numbers.steady(mine.shop, "traffic.new_customers", (10, None), (10, None))
    numbers.steady(mine.shop, "conversion.sales", (500_000, None), (500_000, None))
    numbers.steady(mine.shop, "conversion.average_order_value", (500_000, 50), (500_000, 50))
    return mine.shop


# ── nothing yet ──────────────────────────────────────────────────────────


def test_an_empty_shop_is_told_the_two_ways_to_begin(empty, client):
    page = client.get(f"/s/{empty.pk}/")
    assert page.status_code == 200
    text = words(page)
    assert "先让数据进来" in text and "连接微信小店" in text and "导入订单表" in text
    assert f'href="/s/{empty.pk}/connections"' in page.content.decode()
    assert f'href="/s/{empty.pk}/imports"' in page.content.decode()
    assert "异常" not in text and "¥" not in text and 'class="card' not in page.content.decode()


def test_who_may_not_connect_or_import_is_told_who_does(empty):
    page = house.signed_in(house.person("lookers", empty, Role.ANALYST)).get(f"/s/{empty.pk}/")
    main = page.content.decode().split("<main", 1)[1].split("<footer", 1)[0]
    assert "连接平台要店主或代运营来做" in main and "导入文件要店主、运营或代运营来做" in main
    assert f"/s/{empty.pk}/imports" not in main


def test_a_connected_shop_without_numbers_is_not_called_healthy(mine, client, url):
    page = client.get(url("shop-home"))
    assert "已经连上，还没有数据" in words(page) and "店铺整体健康" not in words(page)


# ── the verdict ──────────────────────────────────────────────────────────


def test_the_verdict_stands_on_top_with_the_ill_number_and_the_way_to_it(judged, client, url):
    page = client.get(url("shop-home"))
    text = words(page)
    assert "流量有异常，要先处理" in text
    assert "获客成本 ¥40.00，高于警戒线（¥30.00）。" in text
    steps = re.search(r'<section class="verdict bad">.*?</section>', page.content.decode(), re.S)
    assert steps and f'href="{url("metric", "traffic.cost_per_new_customer")}"' in steps[0]
    assert page.content.decode().index('class="verdict') < page.content.decode().index('class="card')


def test_each_number_has_value_change_line_and_a_word(judged, client, url):
    found = cards(client.get(url("shop-home")))
    assert found["获客成本"].startswith("获客成本 异常 ¥40.00 近 30 天 · 比上期 增 5.3% 高于警戒线")
    assert found["获客成本"].endswith("高于 ¥30.00 算偏病")
    assert found["新客数"] == "新客数 健康 70 人 近 7 天 · 比上期 持平"
    assert found["销售额"] == "销售额 健康 ¥35,000 近 7 天 · 比上期 持平"
    assert found["客单价"] == "客单价 健康 ¥100.00 近 7 天 · 比上期 持平"


def test_a_healthy_shop_is_said_to_be_healthy(mine, client, url):
    numbers.observed(mine.shop, "orders")
    numbers.steady(mine.shop, "conversion.sales", (500_000, None), (500_000, None))
    text = words(client.get(url("shop-home")))
    assert "店铺整体健康" in text and "各项都在正常范围" in text and "偏病" not in text.split("最近进来的")[0].split("转化")[0]


def test_numbers_without_data_are_named_with_what_they_lack(judged, client, url):
    text = words(client.get(url("shop-home")))
    assert "项要等数据" in text
    assert "毛利率 没有商品成本，无法计算毛利率；请导入商品成本" in text
    assert "毛利率" not in cards(client.get(url("shop-home")))


def test_layers_a_shop_does_not_have_are_left_out_and_named(judged, client, url):
    page = client.get(url("shop-home"))
    bands = re.findall(r'<h2 id="layer-\d+">([^<]+)</h2>', page.content.decode())
    assert bands == ["流量", "转化", "用户", "数据"]
    assert "社群、内容还没有数据" in words(page)


def test_a_community_that_has_numbers_is_shown(judged, client, url):
    numbers.observed(judged, "groups")
    numbers.steady(judged, "community.new_members", (3, None), (3, None))
    page = client.get(url("shop-home"))
    assert cards(page)["新入群人数"] == "新入群人数 健康 21 人 近 7 天 · 比上期 持平"
    assert "内容还没有数据" in words(page)


def test_a_changed_policy_changes_the_verdict_at_once(judged, client, url):
    assert cards(client.get(url("shop-home")))["获客成本"].startswith("获客成本 异常")
    policy_store.override(judged.pk, "traffic.cost_high", 6000, "laoban", "本店客单价高")
    assert cards(client.get(url("shop-home")))["获客成本"].startswith("获客成本 健康 ¥40.00")


def test_fresh_points_are_shown_and_old_ones_kept_until_then(judged, client, url):
    assert cards(client.get(url("shop-home")))["新客数"].startswith("新客数 健康 70 人")
    numbers.point(judged, "traffic.new_customers", numbers.ago(20), 1)  # a refresh under way writes points before it says so
    assert cards(client.get(url("shop-home")))["新客数"].startswith("新客数 健康 70 人")
    MetricPoint.objects.filter(shop_id=judged.pk, metric="traffic.new_customers").update(numerator=20)
    numbers.computed(judged, at=clock.now() + timedelta(seconds=1), version=2)
    assert cards(client.get(url("shop-home")))["新客数"].startswith("新客数 健康 140 人")


def test_a_connected_shop_whose_data_stopped_is_told_so(mine, client, url):
    numbers.observed(mine.shop, "orders")
    Watermark.objects.filter(shop_id=mine.shop.pk).update(horizon=numbers.ago(9))
    assert "已经连上平台，但最近的数据停在" in words(client.get(url("shop-home")))
    Watermark.objects.filter(shop_id=mine.shop.pk).update(horizon=numbers.yesterday(), version=2)
    assert "但最近的数据停在" not in words(client.get(url("shop-home")))


# ── what came in ─────────────────────────────────────────────────────────


def test_the_running_day_counts_what_came_today(judged, mine, client, url):
    now = clock.now()
    Order.objects.filter(shop=judged).update(created_at=now - timedelta(days=3), paid_at=now - timedelta(days=3))
    Refund.objects.filter(shop=judged).update(at=now)
    for n, status in enumerate(("paid", "paid", "unpaid")):
        paid = None if status == "unpaid" else now
        Order.objects.create(shop=judged, order_id=f"T{n}", status=status, created_at=now, paid_at=paid, paid_fen=12_345)
    numbers.point(judged, "conversion.orders", clock.today() - timedelta(days=7), 41)
    page = client.get(url("shop-home"))
    strip = re.search(r'<dl class="today four">.*?</dl>', page.content.decode(), re.S)
    assert strip
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", strip[0])).split())
    assert text.startswith("今天付款 2 单 上周同一天全天 41 单 收款 ¥246.90")
    assert "退款 ¥9.90 1 笔" in text and "等发货 2 单" in text


def test_what_came_in_lately_is_listed_newest_first_with_the_way_to_it(judged, mine, client, url):
    Connection.objects.filter(pk=mine.connection.pk).update(last_push_at=clock.now() - timedelta(hours=30))
    ImportFile.objects.filter(pk=mine.file.pk).update(accepted=1234, finished_at=clock.now() - timedelta(minutes=5))
    page = client.get(url("shop-home")).content.decode()
    found = re.search(r"最近进来的.*?<ul class=\"lately\">(.*?)</ul>", page, re.S)
    assert found
    rows = [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", r)).split()) for r in re.findall(r"<li>.*?</li>", found[1], re.S)]
    assert rows == [
        "退款 已退回买家 刚刚 ¥9.90", "文件 订单A.csv 5 分钟前 收下 1,234 行", "推送 微信小店有新消息 1 天前", "订单 已完成 2 天前 ¥79.80",
    ]  # fmt: skip
    for address in (url("order", mine.order.order_id), url("import", mine.file.pk), url("connection", mine.connection.pk)):
        assert f'href="{address}"' in found[1]


def test_nothing_of_another_shop_is_listed(judged, other, client, url):
    page = client.get(url("shop-home")).content.decode()
    assert other.order.order_id not in page and "订单B.csv" not in page


def test_where_data_come_from_says_how_each_account_stands(judged, mine, client, url):
    Connection.objects.filter(pk=mine.connection.pk).update(state="failing", message="AppSecret 不对")
    text = words(client.get(url("shop-home")))
    assert "微信小店 AppSecret 不对 连不上" in text


# ── what is being done ───────────────────────────────────────────────────


def stream(live: bool, finished: bool, state: str = "running") -> StreamState:
    """The orders of an account, read as far as a test wants."""
    return StreamState("orders", "订单", "store", 1, state, 6230, 20000, "", None, clock.now() if finished else None, {}, live)


@pytest.fixture
def syncing(monkeypatch):
    """Lets a test say how the sync stands."""

    def say(*streams: StreamState, failed: tuple[str, ...] = ()) -> None:
        overview = SyncOverview(6230, 20000, "订单 6,230 / 20,000", not any(s.live for s in streams), failed, streams)
        monkeypatch.setattr(home.sync, "overview", lambda shop_id: overview)

    return say


def test_the_first_sync_shows_its_progress_and_asks_again_until_it_is_over(mine, client, url, syncing):
    syncing(stream(live=True, finished=False))
    page = client.get(url("shop-home"))
    text = words(page)
    assert "第一次同步 31%" in text and "6,230 / 20,000" in text and "数据正在进来" in text
    assert f'hx-get="{url("shop-now")}" hx-trigger="every 2s"' in page.content.decode()
    part = client.get(url("shop-now"), headers={"HX-Request": "true"})
    assert "HX-Refresh" not in part.headers and "every 2s" in part.content.decode() and "<html" not in part.content.decode()

    syncing(stream(live=False, finished=True, state="idle"))
    numbers.observed(mine.shop, "orders")
    over = client.get(url("shop-now"), headers={"HX-Request": "true"})
    assert over.headers["HX-Refresh"] == "true" and "hx-trigger" not in over.content.decode()
    after = client.get(url("shop-home")).content.decode()
    assert "第一次同步" not in after and "every 2s" not in after


def test_a_sync_that_runs_every_few_minutes_is_not_worth_a_bar(judged, client, url, syncing):
    syncing(stream(live=True, finished=True))
    page = client.get(url("shop-home")).content.decode()
    assert "第一次同步" not in page and "every 2s" not in page


def test_what_did_not_sync_is_named_with_the_way_to_mend_it(judged, client, url, syncing):
    syncing(stream(live=False, finished=True, state="failed"), failed=("订单", "售后"))
    page = client.get(url("shop-home"))
    assert "有几样没有同步成功：订单、售后" in words(page) and f'href="{url("connections")}"' in page.content.decode()


def test_numbers_being_computed_for_an_imported_file_are_waited_for(judged, mine, client, url):
    Job.objects.create(
        name=work.JOB, shop_id=judged.pk, run_at=clock.now(), state=Job.State.RUNNING, progress_done=3, progress_total=12, progress_note="计算：跳出率"
    )  # fmt: skip
    ImportFile.objects.filter(pk=mine.file.pk).update(finished_at=clock.now() - timedelta(hours=1))
    assert "every 2s" not in client.get(url("shop-home")).content.decode()  # nobody waits for a routine refresh
    ImportFile.objects.filter(pk=mine.file.pk).update(finished_at=clock.now() + timedelta(seconds=5))
    page = client.get(url("shop-home"))
    assert "every 2s" in page.content.decode() and "25%" in words(page) and "计算：跳出率" in words(page)


# ── what it costs ────────────────────────────────────────────────────────


def asked(client, address: str) -> int:
    """How many queries a page asks."""
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_the_page_asks_little_and_no_more_with_more_in_the_shop(judged, client, url):
    address = url("shop-home")
    client.get(address)
    few = asked(client, address)
    assert few <= 22
    now = clock.now()
    Order.objects.bulk_create(
        Order(shop=judged, order_id=f"M{n}", status="paid", created_at=now - timedelta(minutes=n), paid_at=now, paid_fen=100) for n in range(300)
    )  # fmt: skip
    assert asked(client, address) == few
    assert asked(client, url("shop-now")) <= 12


def test_orders_to_be_shipped_are_counted_only_so_far(judged, client, url, monkeypatch):
    monkeypatch.setattr(home, "WAITING_UP_TO", 3)
    now = clock.now()
    Order.objects.bulk_create(Order(shop=judged, order_id=f"W{n}", status="paid", created_at=now, paid_at=now) for n in range(5))
    with CaptureQueriesContext(connection) as seen:
        assert ">3+</a>" in client.get(url("shop-home")).content.decode()
    assert [q for q in seen.captured_queries if "COUNT" in q["sql"] and "LIMIT 3" in q["sql"]]
