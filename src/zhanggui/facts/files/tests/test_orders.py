"""Orders out of files: amounts, lines, refunds, states, repeats, and what the platform has already told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from zhanggui.facts import commands, identity
from zhanggui.facts.models import Customer, CustomerMerge, Identity, LakeDirty, Order, OrderLine, Product, Refund, Sku
from zhanggui.facts.tests import make as platform
from zhanggui.kernel.outbox import OutboxEvent

WECHAT = ["订单号", "订单下单时间", "支付时间", "订单状态", "商品名称", "商品编码(平台)", "SKU编码(自定义)", "商品数量", "商品单价(元)", "商品总价(元)", "商品已退款金额(元)", "运费(元)", "订单实际支付金额(元)", "收件人姓名", "收件人手机", "省", "市", "收件人地址"]  # fmt: skip
BUYER = ["李雷", "13800138000", "广东省", "深圳市", "科技园 1 号"]


def row(order_id, product, count, price, total, refund, freight, paid, *, at="2026-08-01 10:00:00", paid_at="2026-08-01 10:01:00", status="已完成", buyer=BUYER):  # fmt: skip
    return [
        order_id,
        at,
        paid_at,
        status,
        f"商品{product}",
        f"1000{product}",
        f"C-{product}",
        count,
        price,
        total,
        refund,
        freight,
        paid,
        *buyer,
    ]


def orders() -> list[tuple]:
    return list(
        Order.objects.order_by("order_id").values_list(
            "order_id", "status", "goods_fen", "discount_fen", "freight_fen", "paid_fen"
        )
    )


def lines(order_id: str) -> list[tuple]:
    found = OrderLine.objects.filter(order__order_id=order_id).order_by("line_no")
    return list(found.values_list("product_id", "quantity", "unit_fen", "paid_fen"))


def refunds() -> list[tuple]:
    return list(Refund.objects.order_by("refund_key").values_list("order__order_id", "product_id", "quantity", "amount_fen"))


def test_a_wechat_store_export_with_several_lines_per_order(take):
    summary = take([
        WECHAT,
        row("3712345678901234567", "A", 2, "39.90", "79.80", "0", "6", "80.80"),
        row("3712345678901234567", "B", 1, "10.00", "10.00", "0", "6", "80.80"),
        row("3712345678901234568", "A", 1, "39.90", "39.90", "0", "0", "39.90"),
    ])  # fmt: skip
    assert (summary.kind, summary.rows, summary.accepted, summary.refused) == ("orders", 3, 3, 0)
    assert summary.created["orders"] == 2 and summary.gross_fen == 8080 + 3990
    # 79.80 + 10.00 + 6.00 postage - 80.80 paid = 15.00 off, shared by value and to the 分.
    assert orders() == [("3712345678901234567", "done", 8980, 1500, 600, 8080), ("3712345678901234568", "done", 3990, 0, 0, 3990)]
    assert lines("3712345678901234567") == [("1000A", 2, 3990, 6647), ("1000B", 1, 1000, 833)]
    assert (
        Sku.objects.filter(sku_id="C-A", product_id="1000A").exists() and Product.objects.get(product_id="1000A").title == "商品A"
    )
    order = Order.objects.get(order_id="3712345678901234567")
    assert order.region == "广东" and order.paid_at == datetime(2026, 8, 1, 2, 1, tzinfo=UTC) and order.source == "file"


def test_the_same_file_again_changes_nothing_and_a_newer_one_updates(take, shop):
    rows = [WECHAT, row("1", "A", 1, "10", "10", "0", "0", "10"), row("2", "A", 1, "10", "10", "0", "0", "10", status="待发货")]
    take(rows)
    before = list(Order.objects.order_by("pk").values("pk", "recorded_at")), list(OrderLine.objects.order_by("pk").values())
    LakeDirty.objects.all().delete()
    events = OutboxEvent.objects.count()
    again = take(rows)
    assert (again.accepted, again.unchanged, again.refused) == (2, 2, 0)
    assert not any(again.created.values()) and not any(again.updated.values())
    assert (
        list(Order.objects.order_by("pk").values("pk", "recorded_at")),
        list(OrderLine.objects.order_by("pk").values()),
    ) == before
    assert not LakeDirty.objects.exists() and OutboxEvent.objects.count() == events
    rows[2] = row("2", "A", 1, "10", "10", "10", "0", "10", status="已退款")
    newer = take(rows)
    assert (newer.unchanged, newer.updated["orders"], newer.created["refunds"]) == (1, 1, 1)
    assert Order.objects.get(order_id="2").status == "refunded" and refunds() == [("2", "1000A", 1, 1000)]
    assert LakeDirty.objects.filter(table="refunds").exists()
    assert take(rows).unchanged == 2 and len(refunds()) == 1


def test_amounts_of_the_order_are_told_from_amounts_of_the_line(take):
    head = ["订单号", "下单时间", "商品名称", "数量", "单价", "实付金额"]
    repeated = [["1", "2026-08-01", "甲", 1, 30, 50], ["1", "2026-08-01", "乙", 1, 20, 50]]
    first_only = [["2", "2026-08-01", "甲", 1, 30, 50], ["2", "2026-08-01", "乙", 1, 20, ""]]
    take([head, *repeated, *first_only])
    assert [o[5] for o in orders()] == [5000, 5000]
    Order.objects.all().delete()
    take([head, ["3", "2026-08-01", "甲", 1, 30, 30], ["3", "2026-08-01", "乙", 1, 20, 20], ["4", "2026-08-01", "甲", 2, 10, 20], ["4", "2026-08-01", "丙", 2, 10, 20]])  # fmt: skip
    assert [o[5] for o in orders()] == [5000, 4000]


def test_the_level_of_an_amount_can_be_said(take):
    head = ["订单号", "下单时间", "商品名称", "数量", "实付金额"]
    rows = [head, ["1", "2026-08-01", "甲", 1, 30], ["1", "2026-08-01", "乙", 1, 30]]
    take(rows)
    assert orders()[0][5] == 3000
    take(rows, changes={"paid": {"column": "实付金额", "level": "line"}})
    assert orders()[0][5] == 6000


def test_rows_of_an_order_need_not_lie_together(take):
    head = ["订单号", "下单时间", "商品名称", "数量", "单价"]
    take([head, ["1", "2026-08-01", "甲", 1, 10], ["2", "2026-08-01", "甲", 1, 10], ["1", "2026-08-01", "乙", 1, 5]])
    assert [(o[0], o[5]) for o in orders()] == [("1", 1500), ("2", 1000)]
    assert len(lines("1")) == 2


def test_merged_cells_leave_order_details_on_the_first_row_only(take):
    head = ["订单号", "下单时间", "买家ID", "商品名称", "数量", "单价", "实付金额"]
    take([head, ["1", "2026-08-01", "b1", "甲", 1, 10, 14], ["", "", "", "乙", 1, 5, ""], ["2", "2026-08-02", "b2", "甲", 1, 10, 10], ["", "", "", "", 3, "", ""]])  # fmt: skip
    assert [(o[0], o[5]) for o in orders()] == [("1", 1400), ("2", 1000)]
    assert [(q, p) for _, q, _, p in lines("1")] == [(1, 933), (1, 467)]
    assert len(lines("2")) == 1, "a nameless row of numbers is a total, not a line"


def test_the_same_goods_twice_in_an_order_are_two_lines_and_stay_two(take):
    head = ["订单号", "下单时间", "商品编码", "数量", "单价"]
    rows = [head, ["1", "2026-08-01", "A", 1, 10], ["1", "2026-08-01", "A", 2, 10]]
    take(rows)
    assert [q for _, q, _, _ in lines("1")] == [1, 2]
    assert take(rows).unchanged == 2 and len(lines("1")) == 2


@pytest.mark.parametrize(
    ("word", "paid_at", "status", "is_paid"),
    [
        ("待付款", "", "unpaid", False), ("待发货", "2026-08-01 10:01", "paid", True), ("已发货", "2026-08-01 10:01", "shipped", True), ("交易成功", "2026-08-01 10:01", "done", True),
        ("已取消", "", "cancelled", False), ("未付款用户主动取消或超时未付款订单自动取消", "", "cancelled", False), ("交易关闭", "2026-08-01 10:01", "refunded", True),
        ("全部商品售后之后，订单取消", "2026-08-01 10:01", "refunded", True), ("已取消（退款成功）", "2026-08-01 10:01", "refunded", True), ("退款中", "2026-08-01 10:01", "paid", True),
        ("部分退款", "2026-08-01 10:01", "paid", True), ("待成团", "", "pending", False),
    ],
)  # fmt: skip
def test_status_words(take, word, paid_at, status, is_paid):
    take([["订单号", "下单时间", "支付时间", "订单状态", "商品名称", "实付金额"], ["1", "2026-08-01 10:00", paid_at, word, "甲", "10"], ["2", "2026-08-01 10:00", "2026-08-01 10:01", "已完成", "甲", "5"]])  # fmt: skip
    order = Order.objects.get(order_id="1")
    assert (order.status, order.paid_at is not None) == (status, is_paid)
    assert Refund.objects.filter(order=order).exists() == (status == "refunded")


def test_an_unknown_status_is_refused_unless_money_came(take):
    head = ["订单号", "下单时间", "支付时间", "订单状态", "商品名称", "实付金额"]
    summary = take([head, ["1", "2026-08-01", "", "天知道", "甲", "10"], ["2", "2026-08-01", "2026-08-01", "天知道", "甲", "10"]])
    assert summary.refused == 1 and [o[0] for o in orders()] == ["2"]
    assert any("天知道" in p for p in summary.problems)


def test_closed_after_payment_means_the_money_went_back(take):
    summary = take([WECHAT, row("1", "A", 2, "39.90", "79.80", "0", "0", "79.80", status="交易关闭")])
    assert Order.objects.get().status == "refunded"
    assert refunds() == [("1", "1000A", 2, 7980)] and (summary.gross_fen, summary.refund_fen) == (7980, 7980)


def test_refunds_in_the_rows_of_an_order(take):
    take([
        WECHAT, row("1", "A", 1, "30", "30", "30", "0", "50"), row("1", "B", 1, "20", "20", "0", "0", "50"), row("2", "A", 1, "30", "30", "5", "0", "30"),
    ])  # fmt: skip
    assert refunds() == [("1", "1000A", 1, 3000), ("2", "1000A", 0, 500)]
    assert {o[0]: o[1] for o in orders()} == {"1": "done", "2": "done"}


def test_an_aftersale_column_alone_says_which_lines_went_back(take):
    head = ["订单号", "下单时间", "商品编码", "数量", "单价", "售后状态"]
    take(
        [
            head,
            ["1", "2026-08-01", "A", 1, 30, "退款成功"],
            ["1", "2026-08-01", "B", 1, 20, "售后关闭"],
            ["2", "2026-08-01", "A", 1, 30, "无售后"],
        ]
    )
    assert refunds() == [("1", "A", 1, 3000)]


def test_cancelled_invoices_are_refunds_and_find_their_order(take):
    head = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    summary = take([
        head,
        ["100", "A", "CUP", 10, "2011-01-01 10:00:00", "2.55", "c1"], ["101", "A", "CUP", 4, "2011-02-01 10:00:00", "2.55", "c1"],
        ["C102", "A", "CUP", -6, "2011-02-03 10:00:00", "2.55", "c1"], ["C103", "A", "CUP", -1, "2011-02-03 10:00:00", "2.55", ""],
        ["A104", "B", "Adjust bad debt", 1, "2011-02-04 10:00:00", "-110.00", ""], ["105", "A", "found", 5, "2011-02-04 10:00:00", "0", ""],
        *([str(n), "A", "CUP", 1, "2011-03-01 10:00:00", "1", "c2"] for n in range(200, 220)), ["106", "A", "damaged", -5, "2011-02-04 10:00:00", "0", ""], ["C107", "M", "Manual", 1, "2011-02-04 10:00:00", "3", ""],
    ])  # fmt: skip
    assert (summary.gross_fen, summary.refund_fen) == (2550 + 1020 + 20 * 100, 1530 + 255)
    assert sorted(refunds(), key=str) == [("100", "A", 6, 1530), (None, "A", 1, 255)], (
        "six came from the older order: the newer one sold four"
    )
    assert summary.refused == 4 and sorted(summary.reasons) == [
        "取消单里的正数行，看不出是退还是卖", "数量为负、金额为 0：是盘亏或报损，不是退款", "整单金额为 0：是库存调整、样品、赠送或测试，不是销售",
        "账务调整（坏账等），不是销售也不是退款",
    ]  # fmt: skip
    assert [o[0] for o in orders()][:3] == ["100", "101", "200"]


def test_letters_mean_nothing_where_all_ids_have_letters(take):
    head = ["订单号", "下单时间", "商品名称", "数量", "单价"]
    take(
        [
            head,
            ["C-1001", "2026-08-01", "甲", 1, 10],
            ["A-1002", "2026-08-01", "甲", 1, 10],
            ["B-1003", "2026-08-01", "甲", 1, 10],
        ]
    )
    assert [o[1] for o in orders()] == ["done"] * 3 and not Refund.objects.exists()


def test_without_order_numbers_a_buyers_moment_is_an_order(take):
    rows = [["客户编号", "日期", "商品名称", "数量", "金额"], ["u1", "2026-08-01", "甲", 1, 10], ["u1", "2026-08-01", "乙", 1, 5], ["u1", "2026-08-02", "甲", 1, 10], ["u2", "2026-08-01", "甲", 1, 10], ["", "2026-08-01", "甲", 1, 10]]  # fmt: skip
    summary = take(rows)
    assert summary.kind == "orders" and [(o[0], o[5]) for o in orders()] == [
        ("u1@20260801", 1500),
        ("u1@20260802", 1000),
        ("u2@20260801", 1000),
    ]
    assert summary.refused == 1 and any("没有订单号列" in p for p in take.proposal.problems)
    assert take(rows).unchanged == 4


def test_people_by_openid_phone_and_number(take):
    head = ["订单号", "下单时间", "买家ID", "买家手机号", "收件人手机", "商品名称", "实付金额"]
    openid = "o" + "Ab1-_" * 5 + "xy"
    take([
        head, ["1", "2026-08-01", openid, "13800138000", "13900000001", "甲", 1], ["2", "2026-08-02", "", "138-0013-8000", "13900000002", "甲", 1],
        ["3", "2026-08-03", "", "", "13900000001", "甲", 1], ["4", "2026-08-03", "", "", "139****0001", "甲", 1],
    ])  # fmt: skip
    who = dict(Order.objects.values_list("order_id", "customer_id"))
    assert who["1"] == who["2"], "the buyer's own phone joins; the first is an openid by its shape"
    assert who["3"] not in (None, who["1"]), "a recipient's phone is not the buyer's"
    assert who["4"] is None
    assert sorted(Identity.objects.values_list("kind", flat=True)) == ["openid", "phone", "phone"]
    assert not CustomerMerge.objects.exists()


def platform_order(shop, order_id, openid, paid_fen=9900):
    """An order as the platform has told it."""
    customer = identity.resolve(shop, {"openid": openid}, datetime(2026, 8, 1, tzinfo=UTC))
    return Order.objects.create(
        shop=shop, order_id=order_id, customer=customer, status="done", created_at=datetime(2026, 8, 1, tzinfo=UTC), paid_at=datetime(2026, 8, 1, tzinfo=UTC), paid_fen=paid_fen,
        source="platform",
    )  # fmt: skip


def test_the_platforms_word_stands_and_its_buyers_are_recognised(take, shop):
    held = platform_order(shop, "1", "o-anna")
    head = ["订单号", "下单时间", "买家编号", "商品名称", "数量", "单价", "退款金额"]
    summary = take([head, ["1", "2026-08-01", "vip-7", "甲", 1, 50, 50], ["2", "2026-07-01", "vip-7", "甲", 1, 30, 0], ["3", "2026-07-02", "vip-8", "甲", 1, 30, 0]])  # fmt: skip
    held.refresh_from_db()
    assert (
        (held.paid_fen, held.status, held.source) == (9900, "done", "platform")
        and not held.lines.exists()
        and not Refund.objects.exists()
    )
    assert (summary.accepted, summary.unchanged, summary.gross_fen) == (3, 1, 6000)
    assert any("以平台为准" in p for p in summary.problems)
    assert Order.objects.get(order_id="2").customer_id == held.customer_id, "vip-7 is the platform's o-anna: order 1 says so"
    assert Customer.objects.count() == 2


def test_a_number_that_bought_for_two_platform_buyers_joins_nobody(take, shop):
    first, second = platform_order(shop, "1", "o-anna"), platform_order(shop, "2", "o-bert")
    head = ["订单号", "下单时间", "买家编号", "商品名称", "数量", "单价"]
    take(
        [
            head,
            ["1", "2026-08-01", "desk", "甲", 1, 50],
            ["2", "2026-08-01", "desk", "甲", 1, 50],
            ["3", "2026-08-02", "desk", "甲", 1, 5],
        ]
    )
    assert Order.objects.get(order_id="3").customer_id not in (first.customer_id, second.customer_id)
    assert not CustomerMerge.objects.exists()


def test_the_platform_takes_over_orders_of_a_file_and_names_their_buyer(take, shop):
    head = ["订单号", "下单时间", "买家编号", "商品编码", "商品名称", "数量", "单价"]
    rows = [
        head,
        ["1", "2026-02-01", "vip-7", "A", "甲", 2, 30],
        ["1", "2026-02-01", "vip-7", "B", "乙", 1, 5],
        ["2", "2026-01-05", "vip-7", "A", "甲", 1, 30],
    ]
    take(rows)
    commands.record_orders(shop, [platform.order("1", openid="o-anna", fen=9000, lines=(("s1", 3, 9000),))])
    order = Order.objects.get(order_id="1")
    assert (order.source, order.paid_fen, list(order.lines.values_list("sku_id", "quantity"))) == ("platform", 9000, [("s1", 3)])
    assert (
        Customer.objects.filter(merged_into=None).count() == 1
        and Order.objects.get(order_id="2").customer_id == order.customer_id
    )
    assert {(i.kind, i.value) for i in order.customer.identities.all()} == {("file", "vip-7"), ("openid", "o-anna")}
    before = Order.objects.get(order_id="1").recorded_at
    again = take(rows)
    assert again.unchanged == 3 and Order.objects.get(order_id="1").recorded_at == before


def test_the_platforms_after_sales_replace_what_a_file_said(take, shop):
    rows = [WECHAT, row("1", "A", 1, "30", "30", "30", "0", "30"), row("2", "A", 1, "30", "30", "10", "0", "30")]
    take(rows)
    assert len(refunds()) == 2
    commands.record_aftersales(shop, [platform.aftersale("777", "1", fen=2500)])
    assert [(o, a) for o, _, _, a in refunds()] == [("1", 2500), ("2", 1000)]
    again = take(rows)
    assert again.unchanged == 2 and [(o, a) for o, _, _, a in refunds()] == [("1", 2500), ("2", 1000)]


def test_a_file_of_after_sales_replaces_what_the_order_rows_said(take):
    rows = [WECHAT, row("1", "A", 1, "30", "30", "30", "0", "30")]
    take(rows)
    take([["售后单号", "订单号", "退款时间", "退款金额", "售后状态"], ["777", "1", "2026-08-05 10:00", "30", "退款成功"]])
    assert list(Refund.objects.values_list("refund_key", "amount_fen")) == [("as:777", 3000)]
    assert take(rows).unchanged == 1 and Refund.objects.count() == 1


def test_gifts_and_zero_lines(take):
    head = ["订单号", "下单时间", "订单状态", "商品名称", "数量", "单价", "实付金额"]
    take(
        [
            head,
            ["1", "2026-08-01", "已完成", "甲", 1, 10, 10],
            ["1", "2026-08-01", "已完成", "赠品", 1, 0, 10],
            ["2", "2026-08-01", "已完成", "赠品", 1, 0, 0],
        ]
    )
    assert lines("1")[1][3] == 0 and OrderLine.objects.get(title="赠品", order__order_id="1").is_gift
    assert Order.objects.get(order_id="2").paid_fen == 0, "where states are given, a free order that was fulfilled is an order"


def test_impossible_amounts_are_refused_one_by_one(take):
    head = ["订单号", "下单时间", "商品名称", "数量", "单价"]
    summary = take([
        head, ["1", "2026-08-01", "甲", "3000000000", "0.01"], ["2", "2026-08-01", "甲", "999999999999", "999999999999"], ["3", "2026-08-01", "甲", 1, -5],
        ["4", "2026-08-01", "甲", 0, 0], ["5", "2026-08-01", "甲", 1, ""], ["6", "2026-08-01", "甲", "1.5", 3], ["7", "2026-08-01", "甲", 1, 7],
    ])  # fmt: skip
    assert [o[0] for o in orders()] == ["7"] and summary.refused == 6 and summary.gross_fen == 700


def test_nothing_of_a_dry_run_stays(take, shop):
    summary = take([WECHAT, row("1", "A", 1, "30", "30", "0", "0", "30")], dry_run=True)
    assert summary.created["orders"] == 1 and summary.dry_run
    assert (
        not Order.objects.exists()
        and not Customer.objects.exists()
        and not LakeDirty.objects.exists()
        and not OutboxEvent.objects.exists()
    )
    take.file.refresh_from_db()
    assert take.file.state == "uploaded"


def test_wide_rows_in_any_order_take_more_room_rather_than_fail():
    import pyarrow as pa

    from zhanggui.facts.files.order_parts import STAGE
    from zhanggui.facts.files.order_stage import Stage

    count = 24_000
    with Stage(memory_mb=12) as stage:
        for start in range(0, count, 4_000):
            numbers = range(start, start + 4_000)
            given = {
                "row_no": list(numbers),
                "order_id": [f"o{n % (count // 2):06d}" for n in numbers],
                "title": [f"{n}" * 200 for n in numbers],
                "gross": [1] * 4_000,
            }
            stage.add(
                pa.table(
                    [pa.array(given[f.name], f.type) if f.name in given else pa.nulls(4_000, f.type) for f in STAGE], schema=STAGE
                )
            )
        stage.index()
        assert stage.memory_mb > 12
        seen = [(row[1], row[0]) for row in stage._stream()]
    assert seen == sorted(seen) and len(seen) == count, "both rows of every order lie together, in file order"
