"""One number whole: its value beside the period before, its series, segments, cohorts, how it is made, the rows behind it, as files too."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from zhanggui.doors.desk import explain, metric
from zhanggui.doors.desk.tests import house, numbers
from zhanggui.facts.tests.world import World, at, random_world
from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.models import AuditEntry, Grant, Role
from zhanggui.metrics import catalogue, commands
from zhanggui.metrics.compute import RFM_NAMES
from zhanggui.metrics.folds import READS

pytestmark = pytest.mark.django_db


def words(text: str) -> str:
    """HTML as a person reads it: no tags, single spaces."""
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.S)
    return " ".join(html.unescape(plain).split())


def panel(answer, title: str) -> str:
    """The words of the panel with this title."""
    found = re.search(
        rf'<section class="panel"[^>]*><header><h2>{title}</h2></header>(.*?)</section>', answer.content.decode(), re.S
    )
    assert found, title
    return words(found[1])


def table(answer, kind: str) -> list[list[str]]:
    """The body of the first table of a class: cells in words."""
    found = re.search(rf'<table class="[^"]*\b{kind}\b.*?</table>', answer.content.decode(), re.S)
    assert found, kind
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[0].split("<tbody>")[1], re.S)
    return [[words(c) for c in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)] for row in rows]


def drawn(answer) -> list[dict]:
    """The drawings of the page, as the browser reads them."""
    return [
        json.loads(html.unescape(x))
        for x in re.findall(r'<script id="chart-\d+" type="application/json">(.*?)</script>', answer.content.decode(), re.S)
    ]


@pytest.fixture
def shop(mine):
    """A shop that sold 4 orders a day for a week and 3 a day before, mostly by search."""
    numbers.observed(mine.shop, "orders", "behaviour")
    numbers.steady(mine.shop, "conversion.orders", (4, None), (3, None))
    for n in range(7):
        numbers.point(mine.shop, "conversion.orders", numbers.ago(n), 3, dimension="channel", segment="search")
        numbers.point(mine.shop, "conversion.orders", numbers.ago(n), 1, dimension="channel", segment="group")
    return mine.shop


@pytest.fixture
def lively(owner):
    """A made-up shop with a lake of its own, whose numbers were computed."""
    world = random_world(3, people=30, days=100)
    Grant.objects.create(user=owner, shop_id=world.shop.pk, role=Role.OWNER)
    commands.refresh(world.shop.pk)
    return world


# ── the number and its series ────────────────────────────────────────────


def test_the_number_stands_beside_the_period_before(shop, client, url):
    page = client.get(url("metric", "conversion.orders"), {"days": "7"})
    text = words(page.content.decode())
    assert re.search(r'<span class="figure">28 单</span>', page.content.decode())
    assert "比上一期增 33%（" in text and " 是 21 单），不像偶然。" in text
    assert "✗" not in text and "健康" in text


def test_without_days_it_says_what_the_home_page_says(shop, client, url):
    assert '<span class="figure">28 单</span>' in client.get(url("metric", "conversion.orders")).content.decode()


def test_the_series_is_drawn_with_the_period_before_and_told_in_a_table(shop, client, url):
    page = client.get(url("metric", "conversion.orders"), {"days": "7"})
    [drawing] = drawn(page)
    rows = drawing["data"]["rows"]
    assert [r["value"] for r in rows] == [4.0] * 7 and [r["previous"] for r in rows] == [3.0] * 7
    assert rows[-1]["day"] == f"{numbers.yesterday()}T00:00:00" and rows[-1]["text"] == "4 单" and rows[-1]["before"] == "3 单"
    assert drawing["data"]["lines"] == []
    told = table(page, "tight")
    assert len(told) == 7 and told[0][1:3] == ["4 单", "3 单"]


def test_the_policy_line_is_drawn_named_and_can_be_changed(mine, client, url):
    numbers.observed(mine.shop, "spend")
    numbers.steady(mine.shop, "traffic.cost_per_new_customer", (40_000, 10), (20_000, 10), days=30)
    page = client.get(url("metric", "traffic.cost_per_new_customer"))
    [drawing] = drawn(page)
    assert drawing["data"]["lines"] == [{"value": 30.0, "text": "警戒线 ¥30.00"}]
    assert [r["value"] for r in drawing["data"]["rows"]] == [40.0] * 30
    text = words(page.content.decode())
    assert "¥40.00 异常" in text and "高于 ¥30.00 算偏病 改这条标准" in text
    assert f'href="{url("policy", "traffic.cost_high")}"' in page.content.decode()
    policy_store.override(mine.shop.pk, "traffic.cost_high", 5000, "laoban", "客单价高")
    assert "高于 ¥50.00 算偏病" in words(client.get(url("metric", "traffic.cost_per_new_customer")).content.decode())


@pytest.mark.parametrize(("grain", "values"), [("day", [4.0] * 7), ("week", None), ("month", None)])
def test_the_grain_can_be_switched(grain, values, shop, client, url):
    page = client.get(url("metric", "conversion.orders"), {"days": "7", "grain": grain})
    [drawing] = drawn(page)
    rows = drawing["data"]["rows"]
    if values:
        assert [r["value"] for r in rows] == values
    else:
        # a week or a month that touches the days is shown whole
        first = clock.week_of(numbers.ago(6)) if grain == "week" else numbers.ago(6).replace(day=1)
        assert rows[0]["day"] == f"{first}T00:00:00" and sum(r["value"] for r in rows) >= 28
    assert re.search(rf'<a href="[^"]*grain={grain}[^"]*" aria-current="true">', page.content.decode())


def test_own_days_can_be_chosen(shop, client, url):
    first, last = numbers.ago(9), numbers.ago(5)
    page = client.get(url("metric", "conversion.orders"), {"from": str(first), "to": str(last)})
    assert '<span class="figure">17 单</span>' in page.content.decode()  # 3, 3, 3, 4, 4
    assert f'value="{first}"' in page.content.decode() and f'value="{last}"' in page.content.decode()


@pytest.mark.parametrize(
    "query",
    [{"days": "0"}, {"days": "1101"}, {"days": "七"}, {"days": "²"}, {"days": "-7"}, {"from": "2026-02-30"}, {"from": "2026-03-02", "to": "2026-03-01"},
     {"from": "2020-01-01", "to": "2026-01-01"}, {"grain": "hour"}, {"by": "phase"}],
)  # fmt: skip
def test_a_period_nobody_can_mean_is_refused(query, shop, client, url):
    answer = client.get(url("metric", "conversion.orders"), query)
    assert answer.status_code == 400 and "请" in words(answer.content.decode())


def test_an_unknown_number_is_not_found(shop, client, url):
    assert client.get(url("metric", "conversion.luck")).status_code == 404
    assert client.get(url("metric-rows", "conversion.luck")).status_code == 404


def test_a_share_says_how_sure_it_is(mine, client, url):
    numbers.observed(mine.shop, "behaviour")
    for back, sums in ((0, (40, 100)), (7, (60, 100))):
        numbers.point(mine.shop, "conversion.cart_to_pay", numbers.ago(back + 6), *sums, grain="last7")
    text = words(client.get(url("metric", "conversion.cart_to_pay"), {"days": "7"}).content.decode())
    assert "40% 注意" in text or "40.0% 注意" in text or "40.0% 异常" in text
    assert "由 100 个加购的人算出；95% 的把握，真实的比例在 30.9% 到 49.8% 之间。" in text
    assert "比上一期降 20.0 个百分点（" in text and "不像偶然" in text


def test_what_cannot_be_said_says_what_is_missing_and_what_to_do(mine, client, url):
    numbers.observed(mine.shop, "orders")
    page = client.get(url("metric", "conversion.gross_margin"))
    text = words(page.content.decode())
    assert "暂无数值 没有商品成本，无法计算毛利率；请导入商品成本。" in text
    assert re.search(rf'<a class="btn" href="{url("imports")}">导入表格</a>', page.content.decode())
    analyst = house.signed_in(house.person("shuju", mine.shop, Role.ANALYST)).get(url("metric", "conversion.gross_margin"))
    assert "请导入商品成本" in words(analyst.content.decode()) and f'href="{url("imports")}"' not in analyst.content.decode()


def test_before_anything_is_known_the_page_says_so(mine, client, url):
    for key in ("conversion.orders", "customers.cohort_retention", "customers.rfm"):
        page = client.get(url("metric", key))
        assert page.status_code == 200 and "还没有任何数据" in words(page.content.decode())
    assert client.get(url("metric-rows", "data.rows")).status_code == 200


# ── split, in cohorts, by RFM ────────────────────────────────────────────


def test_stored_segments_are_shown_at_once_with_their_share(shop, client, url):
    page = client.get(url("metric", "conversion.orders"), {"days": "7"})
    assert table(page, "bars") == [["搜一搜", "21 单", "", "75.0%"], ["企微社群", "7 单", "", "25.0%"]]
    widths = re.findall(r'<rect class="b" width="([\d.]+)%"', page.content.decode())
    assert widths == ["100.0", "33.3"]


def test_other_segments_are_counted_when_asked_for(lively, client):
    address = f"/s/{lively.shop.pk}/metrics/conversion.average_order_value"
    without = client.get(address, {"days": "90"})
    assert 'class="bars"' not in without.content.decode() and "选一种拆法" in words(without.content.decode())
    page = client.get(address, {"by": "device", "days": "90"})
    rows = table(page, "bars")
    assert rows and all(re.fullmatch(r"¥[\d,.]+", r[1]) for r in rows)
    assert "支付订单" in panel(page, "拆开看")


def test_cohorts_are_a_heat_map_darkest_where_most_came_back(mine, client, url):
    numbers.observed(mine.shop, "orders")
    months = [date(2026, 1, 1), date(2026, 2, 1)]
    for month, counts in zip(months, ((50, 20, 10), (40, 4)), strict=True):
        for age, people in enumerate(counts):
            numbers.point(
                mine.shop,
                "customers.cohort_retention",
                month,
                people,
                counts[0],
                grain="month",
                dimension="age",
                segment=str(age),
            )
    page = client.get(url("metric", "customers.cohort_retention"))
    assert table(page, "heat") == [
        ["2026年1月", "50", "40.0%", "20.0%"],
        ["2026年2月", "40", "10.0%"],
        ["合计", "90", "26.7%", "20.0%"],
    ]
    assert re.findall(r'<td class="(h\d)" title="(\d+) 人">', page.content.decode()) == [("h9", "20"), ("h4", "10"), ("h2", "4")]
    assert [r["value"] for r in drawn(page)[0]["data"]["rows"]] == pytest.approx([24 / 90, 0.2])
    assert "2026年1月" in words(client.get(url("metric", "customers.repurchase_30")).content.decode())


def test_rfm_names_the_groups_and_says_what_to_do_with_each(mine, client, url):
    numbers.observed(mine.shop, "orders")
    day = numbers.yesterday()
    for name, people, orders, fen in (("重要价值", 30, 150, 900_000), ("一般挽留", 70, 80, 300_000)):
        numbers.point(mine.shop, "customers.rfm", day, people, fen, dimension="rfm", segment=name)
        numbers.point(mine.shop, "customers.rfm", day, orders, people, dimension="rfm_orders", segment=name)
    for cell, people in (("555", 30), ("111", 40), ("112", 30)):
        numbers.point(mine.shop, "customers.rfm", day, people, 1, dimension="rfm_cell", segment=cell)
    page = client.get(url("metric", "customers.rfm"))
    first = table(page, "bars")[0]
    assert first == ["重要价值客户", "30 人", "30.0%", "150", "¥9,000", explain.RFM_ADVICE["重要价值"]]
    grid = table(page, "heat")
    assert grid[0] == ["最近", "0", "0", "0", "0", "30"] and grid[4] == ["最久", "70", "0", "0", "0", "0"]


def test_the_funnel_has_its_own_page(shop, client, url):
    answer = client.get(url("metric", "conversion.funnel"))
    assert answer.status_code == 302 and answer.headers["Location"] == url("funnel")


# ── how it is made ───────────────────────────────────────────────────────


def test_the_page_shows_formula_statement_sources_and_standards(shop, client, url):
    made = panel(client.get(url("metric", "traffic.bounce_rate")), "这个数怎么来的")
    declared = catalogue.metric("traffic.bounce_rate")
    assert declared.formula in made and "行为日志、小程序日数据" in made and "越低越好" in made
    assert "SELECT" in made and "daily_visits" in made
    assert "跳出率超过多少算偏高：要检查落地页和页面路径" in made and "60%" in made


def test_a_fold_is_told_in_words_with_its_steps_and_window(shop, client, url):
    made = panel(client.get(url("metric", "conversion.cart_to_pay")), "这个数怎么来的")
    assert explain.FOLDS["cart_pay"] in made and "加购 → 支付" in made
    assert "转化窗口：从第一步起几天之内完成才算转化" in made and "7 天" in made


def test_everything_that_is_declared_is_explained():
    assert set(explain.TEXTS) == {m.key for m in catalogue.ALL}
    assert set(explain.FOLDS) == set(READS) and set(explain.RFM_ADVICE) == set(RFM_NAMES.values())
    for key, said in explain.TEXTS.items():
        assert said.tells and said.act, key


def test_every_number_has_a_page_that_can_be_opened(lively, client):
    for declared in catalogue.ALL:
        address = f"/s/{lively.shop.pk}/metrics/{declared.key}"
        page = client.get(address, {"by": declared.dimensions[0]} if declared.dimensions else {})
        assert page.status_code == (302 if declared.key == metric.FUNNEL else 200), declared.key
        if page.status_code == 200:
            assert declared.name in words(page.content.decode()), declared.key
            assert "None" not in words(page.content.decode()), declared.key
        rows = client.get(address + "/rows", {"days": "90"})
        assert rows.status_code == 200, declared.key


# ── the rows behind it, and files ────────────────────────────────────────


@pytest.fixture
def books(owner):
    """A shop of 60 paid orders over three days and one that was never paid."""
    world = World("账房")
    Grant.objects.create(user=owner, shop_id=world.shop.pk, role=Role.OWNER)
    buyer = world.customer(channel="search", region="广东")
    for n in range(60):
        world.order(buyer, at(n % 3, 9 + n / 60), at(n % 3, 10 + n / 60), 1234, order_id=f"37{n:03d}", channel="search")
    world.order(buyer, at(1), None, 9999, order_id="37unpaid")
    commands.refresh(world.shop.pk)
    return world


def test_the_rows_are_the_ones_the_number_was_made_of(books, client):
    address = f"/s/{books.shop.pk}/metrics/conversion.orders/rows"
    page = client.get(address, {"days": "7"})
    text = words(page.content.decode())
    assert "支付的订单" in text and "共 60 行，第 1 / 2 页" in text and "37unpaid" not in text
    rows = table(page, "tight")
    assert len(rows) == 50 and rows[0][0] == "37059"
    assert f'href="/s/{books.shop.pk}/orders/37059"' in page.content.decode()
    assert f'href="/s/{books.shop.pk}/customers?q=0"' in page.content.decode()
    second = table(client.get(address, {"days": "7", "page": "2"}), "tight")
    assert len(second) == 10 and {r[0] for r in rows} | {r[0] for r in second} == {f"37{n:03d}" for n in range(60)}
    assert len(table(client.get(address, {"days": "7", "preview": "1"}), "tight")) == metric.PREVIEW


def test_rows_do_not_lead_to_customers_for_who_may_not_see_them(books):
    analyst = house.signed_in(house.person("shuju", books.shop, Role.ANALYST))
    page = analyst.get(f"/s/{books.shop.pk}/metrics/conversion.orders/rows", {"days": "7"})
    assert page.status_code == 200 and "customers?q=" not in page.content.decode() and "客户 0" in page.content.decode()


def read_csv(answer) -> list[list[str]]:
    """The rows of a csv answer."""
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_all_rows_come_as_a_file_and_it_is_written_down(books, client, monkeypatch):
    monkeypatch.setattr(metric, "EXPORT_CHUNK", 25)
    answer = client.get(f"/s/{books.shop.pk}/metrics/conversion.orders/rows", {"days": "7", "export": "csv"})
    rows = read_csv(answer)
    assert rows[0][:6] == ["订单号", "下单时间", "支付时间", "客户编号", "状态", "实付(元)"] and len(rows) == 61
    assert [r[0] for r in rows[1:]] == sorted((r[0] for r in rows[1:]), key=lambda o: (int(o[2:]) % 3, int(o[2:])), reverse=True)
    assert rows[1][5] == "12.34"
    entry = AuditEntry.objects.get(shop_id=books.shop.pk, verb="metric.export")
    assert entry.sentence == "laoban 导出了“支付订单数”的明细（60 行）"
    sheet = client.get(f"/s/{books.shop.pk}/metrics/conversion.orders/rows", {"days": "7", "export": "xlsx"})
    assert b"".join(sheet.streaming_content)[:2] == b"PK"


def test_the_series_comes_as_a_file(shop, client, url):
    rows = read_csv(client.get(url("metric", "conversion.orders"), {"days": "7", "export": "csv"}))
    assert rows[0] == ["开始", "结束", "支付订单数(单)", "分子（原始）", "分母（原始）"]
    assert rows[1:] == [[str(numbers.ago(n)), str(numbers.ago(n)), "4.0", "4.0", ""] for n in range(6, -1, -1)]


@pytest.mark.parametrize("route", ["metric", "metric-rows"])
def test_a_file_needs_the_permission_and_a_refusal_writes_nothing(route, shop, as_, url):
    browser = as_(Role.SERVICE)
    address = url(route, "conversion.orders")
    assert browser.get(address, {"days": "7"}).status_code == 200
    before = house.everything()
    assert browser.get(address, {"days": "7", "export": "csv"}).status_code == 403
    assert house.everything() == before
    assert 'export=csv"' not in browser.get(address, {"days": "7"}).content.decode()


def test_another_form_of_file_is_refused(shop, client, url):
    assert client.get(url("metric", "conversion.orders"), {"export": "pdf"}).status_code == 400


def test_the_page_asks_little(shop, client, url):
    address = url("metric", "conversion.orders")
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        client.get(address)
    assert len(seen) <= 34


def test_a_number_that_needs_time_looks_at_days_that_are_ripe(mine, client, url):
    numbers.observed(mine.shop, "orders")
    last = numbers.ago(30)
    numbers.point(mine.shop, "customers.repurchase_30", last, 3, 10)
    page = client.get(url("metric", "customers.repurchase_30"), {"days": "7"})
    [drawing] = [d for d in drawn(page) if "lines" in d["data"]]
    assert drawing["data"]["rows"][-1]["day"] == f"{last}T00:00:00" and drawing["data"]["rows"][-1]["value"] == 0.3
    assert "30 天之后才算得准" in panel(page, "这个数怎么来的")
    assert last + timedelta(days=30) == numbers.yesterday()
