"""Tables whose rows are facts by themselves: recognised, read, taken in once, and updated by their key."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from zhanggui.facts.commands import erase_customer
from zhanggui.facts.models import (
    Customer,
    DailyVisit,
    Event,
    LakeDirty,
    Order,
    Product,
    Refund,
    Review,
    Sku,
    SkuCost,
    Spend,
    StockCount,
)
from zhanggui.kernel import clock, vault

NOW = datetime(2026, 8, 22, 4, tzinfo=UTC)
"""Noon in Shanghai."""


@pytest.fixture(autouse=True)
def at_noon():
    with clock.frozen(NOW):
        yield


def test_every_kind_is_recognised_taken_in_and_changes_nothing_again(take):
    tables = {
        "products": [["商品ID", "商品名称", "SKU编号", "商品编码", "售价(元)", "库存", "类目"], ["p1", "红糖姜茶", "s1", "TEA-01", "39.90", "120", "茶饮"], ["p1", "红糖姜茶", "s2", "TEA-02", "69.90", "30", "茶饮"]],
        "costs": [["商品编码", "成本价", "生效日期"], ["TEA-01", "18.50", "2026-08-01"], ["TEA-02", "30", "2026/8/1"]],
        "stock": [["SKU", "盘点时间", "盘点数量"], ["s1", "2026-08-20 20:00", "100"], ["s1", "2026-08-21 20:00", "90"]],
        "spend": [["日期", "投放渠道", "计划名称", "消耗(元)", "展现量", "点击量"], ["2026-08-01", "微信广告", "拉新", "512.30", "24,000", "830"], ["2026-08-02", "搜一搜", "", "100", "1000", "20"]],
        "visits": [["日期", "打开次数", "访问次数", "访问人数", "新用户数", "次均停留时长(秒)", "平均访问深度"], ["20260801", "1,830", "7320", "1210", "320", "00:01:05", "3.2"]],
        "events": [["时间", "用户ID", "行为类型", "商品ID", "会话ID"], ["2026-08-01 10:00:00", "u1", "浏览商品", "p1", "a"], ["2026-08-01 10:01:00", "u1", "加购", "p1", "a"]],
        "reviews": [["评价编号", "评价时间", "评价内容", "评分", "商品ID"], ["r1", "2026-08-05 10:00", "味道很好，包装也用心", "5星", "p1"], ["r2", "2026-08-06", "一般", "中评", "p1"]],
        "refunds": [["售后单号", "订单号", "退款时间", "退款金额", "售后状态", "退款原因"], ["as1", "1", "2026-08-07 09:00", "39.90", "退款成功", "多拍"]],
    }  # fmt: skip
    for kind, rows in tables.items():
        summary = take(rows)
        assert summary.kind == kind, take.proposal.problems
        assert (summary.accepted, summary.refused, summary.unchanged) == (len(rows) - 1, 0, 0), kind
        LakeDirty.objects.all().delete()
        again = take(rows)
        assert take.proposal.remembered
        assert (again.accepted, again.unchanged) == (len(rows) - 1, len(rows) - 1), kind
        assert not any(again.created.values()) and not any(again.updated.values()), kind
        assert not LakeDirty.objects.exists(), kind
    assert Product.objects.get().price_high_fen == 6990 and dict(Sku.objects.values_list("sku_id", "code")) == {
        "s1": "TEA-01",
        "s2": "TEA-02",
    }
    assert dict(SkuCost.objects.values_list("sku_id", "cost_fen")) == {"s1": 1850, "s2": 3000}, (
        "costs found their SKU by the merchant's code"
    )
    assert Sku.objects.get(sku_id="s1").stock == 90
    assert list(Spend.objects.order_by("day").values_list("channel", "campaign", "cost_fen", "views", "clicks")) == [
        ("ads", "拉新", 51230, 24000, 830),
        ("search", "", 10000, 1000, 20),
    ]
    visit = DailyVisit.objects.get()
    assert (visit.day, visit.sessions, visit.page_views, visit.visitors, visit.stay_seconds_per_session, visit.visit_depth) == (
        date(2026, 8, 1),
        1830,
        7320,
        1210,
        65.0,
        3.2,
    )
    assert list(Event.objects.order_by("at").values_list("kind", "product_id", "session")) == [
        ("product_view", "p1", "a"),
        ("add_to_cart", "p1", "a"),
    ]
    assert list(Review.objects.order_by("review_key").values_list("review_key", "rating")) == [("r1", 5), ("r2", 3)]
    refund = Refund.objects.get()
    assert (refund.refund_key, refund.amount_fen, refund.reason, refund.order_id) == ("as:as1", 3990, "多拍", None)


def test_newer_rows_of_the_same_key_update(take):
    take([["商品编码", "成本价", "生效日期"], ["A", "10", "2026-08-01"]])
    summary = take([["商品编码", "成本价", "生效日期"], ["A", "11", "2026-08-01"], ["A", "12", "2026-09-01"]])
    assert (summary.updated["costs"], summary.created["costs"]) == (1, 1)
    assert sorted(SkuCost.objects.values_list("since", "cost_fen")) == [(date(2026, 8, 1), 1100), (date(2026, 9, 1), 1200)]


def test_a_cost_without_a_day_holds_from_the_beginning_and_a_change_from_today(take):
    head = ["商品编码", "成本价"]
    take([head, ["A", "10"]])
    assert any("从头算起" in p for p in take.proposal.problems)
    with clock.frozen(datetime(2026, 9, 1, tzinfo=UTC)):
        assert take([head, ["A", "10"]]).unchanged == 1
        take([head, ["A", "12"]])
        assert take([head, ["A", "12"]]).unchanged == 1
    assert sorted(SkuCost.objects.values_list("since", "cost_fen")) == [(date(2000, 1, 1), 1000), (date(2026, 9, 1), 1200)]


def test_a_product_means_all_its_skus_for_costs_and_is_refused_for_stock(take):
    take([["商品ID", "商品名称", "SKU编号"], ["p1", "茶", "s1"], ["p1", "茶", "s2"]])
    take([["商品ID", "成本价"], ["p1", "7"]], "costs")
    assert sorted(SkuCost.objects.values_list("sku_id", "cost_fen")) == [("s1", 700), ("s2", 700)]
    summary = take([["商品ID", "盘点数量"], ["p1", "7"]], "stock")
    assert summary.refused == 1 and "2 个 SKU" in next(iter(summary.reasons)) and not StockCount.objects.exists()


def test_the_newest_count_is_the_stock_whatever_the_order_of_files(take):
    take([["商品ID", "商品名称", "SKU编号"], ["p1", "茶", "s1"]])
    take([["SKU", "盘点时间", "盘点数量"], ["s1", "2026-08-21 20:00", "90"]])
    take([["SKU", "盘点时间", "盘点数量"], ["s1", "2026-07-21 20:00", "500"]])
    assert Sku.objects.get().stock == 90
    take([["SKU", "盘点数量"], ["s1", "77"]])
    assert Sku.objects.get().stock == 77 and StockCount.objects.get(quantity=77).at == datetime(2026, 8, 21, 16, tzinfo=UTC), (
        "today begins at 16:00 UTC"
    )


def test_what_the_platform_says_about_goods_stays(take, shop):
    Product.objects.create(shop=shop, product_id="p1", title="平台的名字", platform_updated_at=NOW)
    Sku.objects.create(shop=shop, sku_id="s1", product_id="p1", price_fen=100, stock=5)
    take([["商品ID", "商品名称", "SKU编号", "商品编码", "售价", "库存"], ["p1", "文件的名字", "s1", "CODE", "9", "50"]])
    sku = Sku.objects.get()
    assert (Product.objects.get().title, sku.price_fen, sku.stock, sku.code) == ("平台的名字", 100, 5, "CODE")
    take([["商品编码", "盘点数量"], ["CODE", "60"]])
    assert Sku.objects.get().stock == 5 and StockCount.objects.get().sku_id == "s1"


def test_rows_that_make_no_sense_are_refused_with_row_column_and_remedy(take):
    cases = [
        ([["商品编码", "成本价"], ["A", "-1"], ["", "3"], ["B", "abc"], ["C", "4"]], "costs", 3),
        ([["日期", "渠道", "花费"], ["2026-08-01", "ads", "-1"], ["8月1日", "ads", "1"], ["2026-08-02", "ads", "2"], ["合计", "", "3"]], "spend", 3),
        ([["日期", "打开次数", "访问人数"], ["2026-08-01", "-3", "1"], ["2026-08-02", "3", "1"]], "visits", 1),
        ([["时间", "访客ID", "行为"], ["2026-08-01 10:00", "v", "下单"], ["2026-08-01 10:00", "v", "跳舞"], ["2026-08-01 10:00", "", "浏览"], ["2026-08-01 10:00", "v", "分享"]], "events", 3),
        ([["评价内容", "评分", "评价时间"], ["好", "999", "2026-08-01"], ["", "", "2026-08-01"], ["好", "4", "2026-08-01"]], "reviews", 2),
        ([["售后单号", "退款金额", "退款时间", "售后状态"], ["1", "5", "2026-08-01", "待商家处理"], ["2", "0", "2026-08-01", "退款成功"], ["3", "5", "", "退款成功"], ["4", "5", "2026-08-01", "退款成功"]], "refunds", 3),
        ([["商品ID", "商品名称", "售价"], ["p", "茶", "-1"], ["", "茶", "1"], ["q", "茶", "1"]], "products", 2),
        ([["SKU", "库存数量"], ["s", "九"], ["s", "99999999999"], ["s", "9"]], "stock", 2),
    ]  # fmt: skip
    for rows, kind, refused in cases:
        summary = take(rows, kind)
        assert (summary.kind, summary.refused, summary.accepted) == (kind, refused, len(rows) - 1 - refused), summary.reasons
        for found in summary.first_refusals:
            assert found["row"] > 1 and found["reason"] and found["remedy"], found


def test_spend_of_one_key_adds_up_within_a_file(take):
    take([["日期", "渠道", "花费", "点击"], ["2026-08-01", "ads", "10", "1"], ["2026-08-01", "广告", "5", "2"]])
    assert list(Spend.objects.values_list("channel", "cost_fen", "clicks")) == [("ads", 1500, 3)]


def test_spend_without_a_channel_says_what_that_costs(take):
    assert any("未知来源" in p for p in take([["日期", "花费"], ["2026-08-01", "10"]]).problems)


def test_reviews_without_times_are_dated_today_and_stay_there(take):
    rows = [["reviewbody", "star"], ["好吃", "5"], ["难吃", "1"]]
    take(rows)
    assert any("没有评价时间列" in p for p in take.proposal.problems)
    with clock.frozen(datetime(2026, 9, 30, tzinfo=UTC)):
        assert take(rows).unchanged == 2
    assert set(Review.objects.values_list("at", flat=True)) == {datetime(2026, 8, 21, 16, tzinfo=UTC)}


def test_a_changed_text_of_a_review_is_taken_and_an_erased_persons_is_not(take, shop):
    head = ["评价编号", "评价时间", "评价内容", "评分", "用户ID"]
    take([head, ["r1", "2026-08-05", "好", "5", "u1"], ["r2", "2026-08-05", "好", "5", "u2"]])
    erase_customer(shop, Customer.objects.get(identities__value="u2"), "老王")
    summary = take([head, ["r1", "2026-08-05", "追评：更好了", "5", "u1"], ["r2", "2026-08-05", "好", "5", "u2"]])
    assert (summary.updated["reviews"], summary.unchanged) == (1, 1)
    texts = dict(Review.objects.values_list("review_key", "text_sealed"))
    assert vault.unseal_text(texts["r1"], shop_id=shop.pk) == "追评：更好了" and texts["r2"] is None


def test_events_join_the_customer_and_never_melt_two_buyers_of_one_device(take):
    head = ["时间", "openid", "访客ID", "行为"]
    take(
        [
            head,
            ["2026-08-01 10:00", "", "tablet", "浏览"],
            ["2026-08-01 10:05", "o-anna", "tablet", "浏览"],
            ["2026-08-01 10:09", "o-bert", "tablet", "浏览"],
        ]
    )
    assert Customer.objects.filter(merged_into=None).count() == 2
    assert Event.objects.values("customer").distinct().count() == 2


def test_refunds_of_known_orders_belong_to_their_buyer(take):
    take([["订单号", "下单时间", "买家ID", "商品名称", "实付金额"], ["1", "2026-08-01", "u1", "甲", "10"]])
    summary = take(
        [["售后单号", "订单号", "退款完成时间", "退款金额"], ["a", "1", "2026-08-03", "4"], ["b", "404", "2026-08-03", "4"]]
    )
    order = Order.objects.get()
    assert (
        Refund.objects.get(refund_key="as:a").customer_id == order.customer_id
        and Refund.objects.get(refund_key="as:a").order_id == order.pk
    )
    assert Refund.objects.get(refund_key="as:b").order_id is None and any("不在账本里" in p for p in summary.problems)


def test_after_sales_without_a_number_are_the_platforms_to_tell_for_its_orders(take, shop):
    Order.objects.create(shop=shop, order_id="1", status="done", created_at=NOW, paid_at=NOW, paid_fen=1000, source="platform")
    summary = take([["订单号", "退款完成时间", "退款金额"], ["1", "2026-08-03", "4"], ["2", "2026-08-03", "5"]], "refunds")
    assert list(Refund.objects.values_list("amount_fen", flat=True)) == [500] and summary.unchanged == 1
    assert any("以平台的售后为准" in p for p in summary.problems)
