"""A real shop's public file, through the proposed mapping: the totals that plain pandas finds, to the 分."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from zhanggui.facts import files
from zhanggui.facts.files.rows import Refusals
from zhanggui.facts.models import Customer, Order, OrderLine, Product, Refund

SHARED = Path(__file__).resolve().parents[6] / "shared" / "data"
FILE = SHARED / "online_retail_uci" / "transactions.csv.gz"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FILE.exists(), reason="no shared data beside the checkout")]
SLICE = 30_000
"""Rows that also go through the books: the first weeks."""


class Truth:
    """What the file says, found with pandas alone. Money in 分, each line rounded half up."""

    def __init__(self, rows: int | None = None) -> None:
        d = pd.read_csv(FILE, dtype=str, keep_default_na=False, nrows=rows)
        quantity, thousandths = d.Quantity.astype("int64"), (d.UnitPrice.astype(float) * 1000).round().astype("int64")
        assert ((thousandths / 1000).astype(float) == d.UnitPrice.astype(float)).all(), "three decimals are all there are"
        worth = (quantity.abs() * thousandths.abs() + 5) // 10
        d["fen"], d["quantity"], d["month"] = worth.where(thousandths >= 0, -worth), quantity, d.InvoiceDate.str[:7]
        letter = d.InvoiceNo.str[0].where(~d.InvoiceNo.str[0].str.isdigit(), "")
        sold = d[(letter == "") & (quantity > 0)]
        self.sales = sold[sold.groupby("InvoiceNo").fen.transform("sum") > 0]
        self.refunds = d[(letter == "C") & (quantity < 0)]
        self.rows, self.letters = d, letter
        self.orders = self.sales.groupby("InvoiceNo").agg(
            fen=("fen", "sum"), bought=("InvoiceDate", "min"), customer=("CustomerID", "first"), month=("month", "first")
        )

    def refused(self) -> dict[str, int]:
        """Why rows are no sale and no refund, and how many."""
        d, letter = self.rows, self.letters
        return {
            "账务调整（坏账等），不是销售也不是退款": int((letter == "A").sum()), "数量为负、金额为 0：是盘亏或报损，不是退款": int(((letter == "") & (d.quantity < 0)).sum()),
            "取消单里的正数行，看不出是退还是卖": int(((letter == "C") & (d.quantity > 0)).sum()),
            "整单金额为 0：是库存调整、样品、赠送或测试，不是销售": int(((letter == "") & (d.quantity > 0)).sum() - len(self.sales)),
        }  # fmt: skip


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth()


@pytest.fixture(scope="module")
def told() -> tuple[dict[str, pa.Table], Refusals]:
    """The whole file as our reader understands it."""
    refusals = Refusals()
    return files.read_orders(FILE, refusals=refusals), refusals


def by_month(table: pa.Table, at: str, amount: str) -> dict[str, int]:
    months = pc.strftime(pc.local_timestamp(table[at].cast(pa.timestamp("us", tz="Asia/Shanghai"))), format="%Y-%m")
    sums = pa.table({"m": months, "a": table[amount]}).group_by("m").aggregate([("a", "sum")])
    return dict(zip(sums["m"].to_pylist(), sums["a_sum"].to_pylist(), strict=True))


def test_orders_customers_and_gross_are_exactly_those_of_the_file(truth, told):
    orders, expected = told[0]["orders"], truth.orders
    assert orders.num_rows == len(expected) == 32_611
    assert pc.sum(orders["paid_fen"]).as_py() == int(expected.fen.sum()) == 1_616_080_336
    assert dict(zip(orders["order_id"].to_pylist(), orders["paid_fen"].to_pylist(), strict=True)) == expected.fen.to_dict()
    assert dict(zip(orders["order_id"].to_pylist(), orders["customer_key"].to_pylist(), strict=True)) == {
        k: v or None for k, v in expected.customer.items()
    }
    assert pc.count_distinct(orders["customer_key"]).as_py() == expected.customer[expected.customer != ""].nunique() == 5_249
    assert by_month(orders, "created_at", "paid_fen") == truth.sales.groupby("month").fen.sum().to_dict()


def test_cancellations_are_refunds_and_not_sales(truth, told):
    refunds = told[0]["refunds"]
    assert refunds.num_rows == len(truth.refunds) == 15_723
    assert pc.sum(refunds["amount_fen"]).as_py() == int(truth.refunds.fen.sum()) == 108_963_530
    assert by_month(refunds, "at", "amount_fen") == truth.refunds.groupby("month").fen.sum().to_dict()
    assert not any(o.startswith(("C", "A")) for o in told[0]["orders"]["order_id"].to_pylist())
    assert pc.sum(refunds["quantity"]).as_py() == int(truth.refunds.quantity.abs().sum())


def test_a_refund_is_matched_only_to_an_earlier_purchase_of_the_same_by_the_same(truth, told):
    refunds = told[0]["refunds"].to_pandas()
    matched = refunds[refunds.order_id.notna()].merge(truth.orders, left_on="order_id", right_index=True)
    assert len(matched) == refunds.order_id.notna().sum() > 12_000
    assert (matched.customer_key == matched.customer).all()
    assert (matched["at"].dt.tz_convert("Asia/Shanghai").dt.strftime("%Y-%m-%d %H:%M:%S") >= matched.bought).all()
    sold = truth.sales.groupby(["InvoiceNo", "StockCode"]).agg(fen_sold=("fen", "sum"), units_sold=("quantity", "sum"))
    back = (
        matched.rename(columns={"order_id": "InvoiceNo", "product_id": "StockCode"})
        .groupby(["InvoiceNo", "StockCode"])
        .agg(fen=("amount_fen", "sum"), units=("quantity", "sum"))
    )
    joined = back.join(sold)
    assert (joined.fen <= joined.fen_sold).all() and (joined.units <= joined.units_sold).all(), "nothing goes back twice"


def test_every_row_is_taken_or_refused_with_its_reason(truth, told):
    tables, refusals = told
    assert dict(refusals.reasons) == truth.refused()
    assert tables["lines"].num_rows + tables["refunds"].num_rows + refusals.count == len(truth.rows) == 823_643
    assert pc.sum(tables["lines"]["quantity"]).as_py() == int(truth.sales.quantity.sum())


def test_postage_fees_and_samples_are_no_goods(told):
    lines = told[0]["lines"]
    other = set(lines.filter(pc.invert(lines["is_goods"]))["product_id"].to_pylist())
    assert {"POST", "DOT", "M", "AMAZONFEE", "BANK CHARGES", "C2", "ADJUST"} & other >= {"POST", "DOT", "M", "C2"}
    assert not {p for p in other if p[:5].isdigit()}


def test_the_books_say_the_same_and_a_second_import_changes_nothing(shop, tmp_path, settings):
    settings.FILES = tmp_path / "ours"
    part = tmp_path / "part.csv"
    with gzip.open(FILE, "rt", encoding="utf-8") as source, part.open("w", encoding="utf-8") as target:
        target.writelines(line for _, line in zip(range(SLICE + 1), source, strict=False))
    truth = Truth(SLICE)
    file = files.open_upload(shop, part, "online_retail.csv", "老王")
    proposal = files.propose(file)
    assert (proposal.kind, proposal.missing) == ("orders", [])
    summary = files.run(file, proposal.columns)
    assert (summary.gross_fen, summary.refund_fen) == (int(truth.orders.fen.sum()), int(truth.refunds.fen.sum()))
    assert dict(Order.objects.values_list("order_id", "paid_fen")) == truth.orders.fen.to_dict()
    assert sorted(Refund.objects.values_list("amount_fen", flat=True)) == sorted(truth.refunds.fen)
    people = set(truth.sales.CustomerID) | set(truth.refunds.CustomerID)
    assert Customer.objects.count() == len(people - {""}) == summary.customers
    assert OrderLine.objects.count() == len(truth.sales)
    assert summary.refused == sum(truth.refused().values()) and summary.accepted + summary.refused == SLICE
    assert not Product.objects.get(product_id="POST").is_goods and Product.objects.get(product_id="85048").is_goods
    again = files.open_upload(shop, part, "online_retail.csv", "老王")
    twice = files.run(again, files.propose(again).columns)
    assert (
        twice.unchanged == twice.accepted == summary.accepted
        and not any(twice.created.values())
        and not any(twice.updated.values())
    )
    assert Order.objects.count() == len(truth.orders) and Refund.objects.count() == len(truth.refunds)
