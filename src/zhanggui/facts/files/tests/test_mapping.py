"""Which column means what, in which unit, and what a person is told to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhanggui.facts.files import fields, mapping, readers
from zhanggui.facts.files.tests.make import csv_file
from zhanggui.facts.models import Mapping, Order
from zhanggui.kernel.errors import BadInput


def propose(tmp_path: Path, rows, kind=None) -> mapping.Proposal:
    table = readers.open_table(csv_file(tmp_path / "a.csv", rows))
    return mapping.propose(table, mapping.sniff(table), kind)


def chosen(proposal: mapping.Proposal) -> dict[str, str]:
    return {key: setting["column"] for key, setting in proposal.columns.items()}


HEADERS = {
    "orders": [
        ("订单号,订单下单时间,支付时间,订单状态,商品名称,商品编码(平台),商品编码(自定义),SKU编码(平台),SKU编码(自定义),商品数量,商品单价(元),商品总价(元),商品已退款金额(元),运费(元),订单实际支付金额(元),收件人姓名,收件人手机,省,市,区,收件人地址,买家备注",
         "3712345678901234567,2026-08-01 10:00,2026-08-01 10:01,已完成,茶,1001,T,2001,T-1,1,39.9,39.9,0,0,39.9,李雷,13800138000,广东,深圳,南山,科技园,快点",
         {"order_id": "订单号", "product_id": "商品编码(平台)", "sku_id": "SKU编码(平台)", "code": "SKU编码(自定义)", "paid": "订单实际支付金额(元)", "refund_amount": "商品已退款金额(元)", "phone": "收件人手机", "line_amount": "商品总价(元)", "address": "收件人地址"}),
        ("订单编号,买家会员名,买家实际支付金额,订单状态,收货人姓名,收货地址,联系手机,订单创建时间,订单付款时间,宝贝标题,宝贝总数量", "1,小明,10.00,交易成功,李雷,深圳,13800138000,2026-08-01 10:00:00,2026-08-01 10:01:00,茶,1",
         {"customer_id": "买家会员名", "paid": "买家实际支付金额", "created_at": "订单创建时间", "paid_at": "订单付款时间", "quantity": "宝贝总数量", "phone": "联系手机"}),
        ("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country", "1,A,CUP,2,2010-12-01 08:26:00,2.55,17850,UK",
         {"order_id": "InvoiceNo", "product_id": "StockCode", "unit_price": "UnitPrice", "customer_id": "CustomerID", "region": "Country"}),
        ("household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,week,transaction_timestamp", "1,2,3,4,1,3.86,0.43,5,2017-01-28 19:06:53",
         {"customer_id": "household_id", "order_id": "basket_id", "line_paid": "sales_value", "created_at": "transaction_timestamp"}),
    ],
    "refunds": [("售后编号,订单编号,退款金额,退款原因,售后状态,申请时间", "9,1,3.00,多拍,退款成功,2026-08-01 10:00", {"refund_id": "售后编号", "at": "申请时间"})],
    "products": [("商品ID,商品标题,类目,售价,库存", "1,茶,饮料,9.9,3", {"product_id": "商品ID", "title": "商品标题", "price": "售价"})],
    "costs": [("货号,采购价", "A,3.3", {"code": "货号", "cost": "采购价"})],
    "stock": [("商家编码,可用库存,更新时间", "A,3,2026-08-01 10:00", {"code": "商家编码", "quantity": "可用库存", "at": "更新时间"})],
    "spend": [("日期,推广计划,消耗,曝光量,点击量", "2026-08-01,拉新,12.3,100,3", {"day": "日期", "cost": "消耗", "campaign": "推广计划"})],
    "visits": [("日期,打开次数,访问次数,访问人数,新用户数,分享人数,分享次数", "2026-08-01,1,2,3,4,5,6", {"sessions": "打开次数", "page_views": "访问次数", "visitors": "访问人数", "share_views": "分享次数"})],
    "events": [("event_time,event_type,product_id,user_id,user_session", "2026-08-01 10:00:00 UTC,cart,1,2,a", {"at": "event_time", "kind": "event_type", "visitor": "user_id", "session": "user_session"})],
    "reviews": [("评价时间,商品ID,星级,评论内容,买家昵称", "2026-08-01,1,5,好吃,小明", {"rating": "星级", "text": "评论内容", "customer_id": "买家昵称"})],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "header", "row", "expected"), [(k, *case) for k, cases in HEADERS.items() for case in cases])
def test_headers_of_the_world_are_recognised(tmp_path, kind, header, row, expected):
    proposal = propose(tmp_path, [header.split(","), *[row.split(",")] * 3])
    assert proposal.kind == kind and proposal.ready, proposal.problems
    assert expected.items() <= chosen(proposal).items()
    assert proposal.confidence > 0.6


def test_a_note_about_something_is_not_the_thing():
    assert fields.candidates(fields.ORDERS, "买家备注") == [] and fields.candidates(fields.EVENTS, "VisitorType") == []
    assert fields.candidates(fields.ORDERS, "收货人手机号码")[0][0] == "phone", "but a longer word for the thing is"


@pytest.mark.parametrize(
    ("header", "values", "unit", "sure"),
    [
        ("实付金额(元)", ["3990"], "yuan", True), ("实付金额（单位：分）", ["3990"], "fen", True), ("实付金额_分", ["3990"], "fen", True), ("amount_cents", ["3990"], "fen", True),
        ("实付金额", ["39.90"], "yuan", True), ("实付金额", ["¥39"], "yuan", True), ("实付金额", ["9", "19", "29", "39", "49"], "yuan", True),
        ("实付金额", ["3990", "12900", "5990", "880", "2590", "1990"], "fen", False), ("实付金额", ["699", "1299", "899", "2688", "1588"], "yuan", False),
        ("实付金额", ["1", "2"], "yuan", False),
    ],
)  # fmt: skip
def test_yuan_or_fen_by_header_and_by_values(header, values, unit, sure):
    assert mapping.unit_of(header, values) == (unit, sure)


def test_an_unsure_unit_is_shown_and_can_be_said(take):
    rows = [
        ["订单号", "下单时间", "实付金额"],
        *[[str(i), "2026-08-01", amount] for i, amount in enumerate(["3990", "12900", "5990", "880", "2590", "1990"])],
    ]
    proposal = take.open(rows)
    assert proposal.unit == "fen" and any("暂按分计" in p for p in proposal.problems)
    assert take(rows, changes={"paid": {"column": "实付金额", "unit": "yuan"}}).gross_fen == 28340 * 100
    assert take.open(rows).columns["paid"]["unit"] == "yuan", "what was said is remembered"


def test_a_column_a_hundred_times_the_others_is_in_fen(take):
    rows = [
        ["订单号", "下单时间", "商品名称", "数量", "单价", "实付金额"],
        *[[str(i), "2026-08-01", "甲", 2, "39.99", 7998] for i in range(5)],
    ]
    proposal = take.open(rows)
    assert (proposal.columns["unit_price"]["unit"], proposal.columns["paid"]["unit"]) == ("yuan", "fen")
    assert any("100 倍" in p for p in proposal.problems)
    assert take(rows).gross_fen == 5 * 7998
    assert take(rows, changes={"paid": {"column": "实付金额", "unit": "yuan"}}).gross_fen == 5 * 799800, (
        "unless somebody says otherwise"
    )


def test_day_and_month_are_told_apart_or_asked_for(take):
    head = ["订单号", "下单时间", "实付金额"]
    assert take.open([head, ["1", "13/8/2026", "1"], ["2", "1/9/2026", "1"]]).columns["created_at"]["format"] == "dmy"
    unsure = take.open([[*head, "x"], ["1", "3/8/2026", "1", ""], ["2", "1/9/2026", "1", ""]])
    assert unsure.columns["created_at"]["format"] == "mdy" and any("日和月谁在前" in p for p in unsure.problems)
    take([[*head, "x"], ["1", "3/8/2026", "1", ""]])
    later = take.open([[*head, "x"], ["3", "25/8/2026", "1", ""]])
    assert later.remembered and later.columns["created_at"]["format"] == "dmy", (
        "dates that settle the order win over what is remembered"
    )


def test_a_mapping_is_remembered_per_header_and_shop(take, shop):
    rows = [["甲列", "乙列", "丙列"], ["1", "2026-08-01", "5"]]
    assert not take.open(rows, "orders").ready
    changes = {"order_id": {"column": "甲列"}, "created_at": {"column": "乙列"}, "paid": {"column": "丙列"}}
    assert take(rows, "orders", changes=changes).created["orders"] == 1
    again = take.open(rows)
    assert (
        again.remembered
        and again.kind == "orders"
        and chosen(again) == {"order_id": "甲列", "created_at": "乙列", "paid": "丙列"}
    )
    assert Mapping.objects.get().shop_id == shop.pk
    assert not take.open([["甲列", "乙列", "丁列"], ["1", "2026-08-01", "5"]], "orders").remembered


def test_a_failed_import_remembers_nothing(take):
    with pytest.raises(BadInput, match="还缺"):
        take([["订单号", "下单时间", "备注"], ["1", "2026-08-01", "x"]], "orders")
    assert not Mapping.objects.exists() and not Order.objects.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"paid": {"column": "没有这列"}}, "没有“没有这列”"), ({"weight": {"column": "实付金额"}}, "没有“weight”这个字段")],
)
def test_a_wrong_mapping_says_what_there_is(take, changes, says):
    with pytest.raises(BadInput, match=says) as caught:
        take([["订单号", "下单时间", "实付金额"], ["1", "2026-08-01", "5"]], changes=changes)
    assert caught.value.remedy and not Order.objects.exists()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["part_id", *[f"2025-{m:02d}" for m in range(1, 13)]], ["A", *["1"] * 12]], "横排表"), ([["Product_Code", *[f"W{i}" for i in range(9)]], ["A", *["1"] * 9]], "横排表"),
        ([["cust", "date"], ["1", "2006-01-01"]], "还缺"), ([["age", "treatment", "voted"], ["65", "1", "0"]], "认不出"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_says_why_in_words(tmp_path, rows, says):
    proposal = propose(tmp_path, rows * 3)
    assert not proposal.ready and says in proposal.problems[0]


def test_headers_on_two_rows(tmp_path):
    rows = [
        ["订单号", "下单时间", "商品信息", "", "实付金额"],
        ["", "", "名称", "数量", ""],
        ["1", "2026-08-01", "茶", "2", "9.9"],
    ]
    assert chosen(propose(tmp_path, rows)) == {
        "order_id": "订单号",
        "created_at": "下单时间",
        "title": "名称",
        "quantity": "数量",
        "paid": "实付金额",
    }
    upside = [["订单号", "", "", "实付金额"], ["", "下单时间", "商品名称", ""], ["1", "2026-08-01", "茶", "9.9"]]
    assert chosen(propose(tmp_path, upside)) == {
        "order_id": "订单号",
        "created_at": "下单时间",
        "title": "商品名称",
        "paid": "实付金额",
    }


def test_a_first_row_of_data_is_not_taken_for_more_header(tmp_path):
    rows = [
        ["订单号", "下单时间", "商品名称", "状态", "实付金额"],
        ["1", "2026-08-01", "茶", "已完成", "9.9"],
        ["2", "2026-08-01", "茶", "已完成", "9.9"],
    ]
    table = readers.open_table(csv_file(tmp_path / "a.csv", rows))
    assert mapping.sniff(table).header_row == 1
