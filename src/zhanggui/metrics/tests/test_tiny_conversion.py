"""转化: every number of the layer from a table small enough to count by hand."""

from __future__ import annotations

import pytest

from zhanggui.metrics.tests.tiny import Case, check

LOG = """
at                kind          who  product_id  channel  tier  new
2026-01-05 09:00  product_view  a    p1          search   金卡  yes
2026-01-05 09:10  add_to_cart   a    p1          group    金卡  yes
2026-01-05 09:20  order         a    p1          search   金卡  yes
2026-01-05 09:30  pay           a    p1          search   金卡  yes
2026-01-05 10:00  product_view  b    p1          search   ''    no
2026-01-05 11:00  product_view  c    p2          group    ''    no
2026-01-05 12:00  add_to_cart   d    p1          group    ''    no
2026-01-05 13:00  pay           d    p1          group    ''    no
2026-01-05 14:00  pay           e    p1          search   ''    no
2026-01-05 15:00  product_view  e    p1          search   ''    no
2026-01-06 09:00  product_view  f    p1          search   ''    no
2026-01-06 09:00  add_to_cart   f    p2          search   ''    no
2026-01-12 10:01  add_to_cart   b    p1          search   ''    no
2026-01-12 11:00  add_to_cart   c    p2          group    ''    no
"""
ORDERS = """
order_id  placed            paid              who  goods_fen  discount_fen  fen   refunded_fen  nth  channel  new
o1        2026-01-05 10:00  2026-01-05 10:01  a    1200       200           1000  0             1    ads      yes
o2        2026-01-05 23:58  2026-01-06 00:00  b    2000       0             2000  500           1    search   yes
o3        2026-01-06 10:00  2026-01-06 10:01  a    3300       300           3000  3000          2    search   no
o4        2026-01-06 11:00  2026-01-06 11:01  -    4000       0             4000  0             -    ads      -
o5        2026-01-06 12:00  2026-01-06 12:01  c    800        800           0     0             -    ads      yes
o6        2026-01-06 13:00  -                 d    500        0             500   0             -    ads      yes
o7        2026-01-06 14:00  -                 d    0          0             0     0             -    ads      yes
"""
REFUNDS = """
refund_key  order_id  at                paid_day    who  amount_fen  channel
r1          o2        2026-01-06 09:00  2026-01-06  b    500         search
r2          o3        2026-01-07 09:00  2026-01-06  a    3000        search
r3          -         2026-01-06 23:59  -           -    250         unknown
"""
LINES = """
order_id  line_no  paid_day    product_id  category  goods  quantity  fen   cost_fen  channel
o1        1        2026-01-05  p1          茶        yes    2         900   400       ads
o1        2        2026-01-05  post        ''        no     1         100   -         ads
o2        1        2026-01-06  p2          点心      yes    1         2000  -         search
o3        1        2026-01-06  p1          茶        yes    3         3000  1500      search
o3        2        2026-01-06  p3          茶        yes    1         0     60        search
"""
A, B = "2026-01-05", "2026-01-06"
BOOK = {"orders": ORDERS, "refunds": REFUNDS, "order_lines": LINES}


def stages(*people: int) -> dict[str, tuple[float, float]]:
    return {step: (n, people[0]) for step, n in zip(("product_view", "add_to_cart", "order", "pay"), people, strict=True)}


def stages_of(dimension: str, parts: dict[str, tuple[int, ...]]) -> dict[str, tuple[float, float]]:
    return {f"{step}|{dimension}|{part}": pair for part, people in parts.items() for step, pair in stages(*people).items()}


CASES = [
    Case("in order, within seven times 24 hours to the second, equal moments as they stand in the log", "conversion.funnel", {"events": LOG}, A, B, stages(5, 3, 1, 1)),
    Case("of the second day only those who began on it", "conversion.funnel", {"events": LOG}, B, B, stages(1, 1, 0, 0)),
    Case("a wider window lets b in", "conversion.funnel", {"events": LOG}, A, A, stages(4, 3, 1, 1), held={"conversion.funnel_days": 8}),
    Case("whoever begins again within the window is carried by the latest beginning", "conversion.funnel", {"events": """
        at                kind          who
        2026-01-05 09:00  product_view  a
        2026-01-12 09:00  product_view  a
        2026-01-13 09:00  add_to_cart   a
    """}, A, "2026-01-12", stages(1, 1, 0, 0)),
    Case("a beginning of another period does not carry it", "conversion.funnel", {"events": """
        at                kind          who
        2026-01-05 09:00  product_view  a
        2026-01-12 09:00  product_view  a
        2026-01-13 09:00  add_to_cart   a
    """}, A, A, stages(1, 0, 0, 0)),
    Case("view to cart", "conversion.view_to_cart", {"events": LOG}, A, B, (3, 5), value=0.6),
    Case("by the channel of the view, wherever the cart was", "conversion.view_to_cart", {"events": LOG}, A, B, {"search": (2, 4), "group": (1, 1)}, by="channel"),
    Case("by product the same product is looked at and taken", "conversion.view_to_cart", {"events": LOG}, A, B, {"p1": (1, 4), "p2": (1, 1)}, by="product_id"),
    Case("by new and old", "conversion.view_to_cart", {"events": LOG}, A, B, {"new": (1, 1), "old": (2, 4)}, by="is_new"),
    Case("by tier", "conversion.view_to_cart", {"events": LOG}, A, B, {"金卡": (1, 1), "": (2, 4)}, by="tier"),
    Case("cart to order, of those who looked first", "conversion.cart_to_order", {"events": LOG}, A, B, (1, 3)),
    Case("order to pay", "conversion.order_to_pay", {"events": LOG}, A, B, (1, 1), value=1.0),
    Case("nobody ordered, nothing to divide by", "conversion.order_to_pay", {"events": LOG}, B, B, None),
    Case("cart to pay asks for no view", "conversion.cart_to_pay", {"events": LOG}, A, B, (2, 3)),
    Case("any visit, then pay", "conversion.pay_rate", {"events": LOG}, A, B, (2, 6)),
    Case("a payment before the visit is none of it", "conversion.pay_rate", {"events": LOG}, B, B, (0, 1), value=0.0),
    Case("who took something into the cart among who came", "conversion.add_to_cart_rate", {"events": LOG}, A, B, (3, 6), value=0.5),
    Case("per product", "conversion.add_to_cart_rate", {"events": LOG}, A, B, {"p1": (2, 5), "p2": (1, 2)}, by="product_id"),
    Case("paid orders by the day of payment; free and unpaid ones are none", "conversion.orders", BOOK, A, B, (4, None)),
    Case("the payment at midnight belongs to the new day", "conversion.orders", BOOK, A, A, (1, None)),
    Case("by whether the buyer was new", "conversion.orders", BOOK, A, B, {"new": (2, None), "old": (1, None), "": (1, None)}, by="is_new"),
    Case("what was paid", "conversion.sales", BOOK, A, B, (10000, None)),
    Case("what was paid less what went back, each on its own day", "conversion.net_sales", BOOK, A, B, (9250, None)),
    Case("a day on which more went back than came", "conversion.net_sales", BOOK, "2026-01-07", "2026-01-07", (-3000, None)),
    Case("goods without postage", "conversion.product_sales", BOOK, A, B, (5900, None)),
    Case("by product", "conversion.product_sales", BOOK, A, B, {"p1": (3900, None), "p2": (2000, None), "p3": (0, None)}, by="product_id"),
    Case("units that were paid for", "conversion.units", BOOK, A, B, (6, None)),
    Case("sales per paid order", "conversion.average_order_value", BOOK, A, B, (10000, 4), value=2500.0),
    Case("no order, no value", "conversion.average_order_value", BOOK, "2026-01-07", "2026-01-07", None),
    Case("by channel", "conversion.average_order_value", BOOK, A, B, {"ads": (5000, 2), "search": (5000, 2)}, by="channel"),
    Case("of the orders placed, those ever paid; free ones aside", "conversion.order_pay_rate", BOOK, A, B, (4, 5), value=0.8),
    Case("what went back on these days", "conversion.refunds", BOOK, A, B, (750, None)),
    Case("what went back to what came in", "conversion.refund_rate", BOOK, A, B, (750, 10000), value=0.075),
    Case("nothing came in, no rate", "conversion.refund_rate", BOOK, "2026-01-07", "2026-01-07", None),
    Case("orders with a refund so far", "conversion.refund_order_rate", BOOK, A, B, (2, 4), value=0.5),
    Case("lines with a known cost; a free gift costs too", "conversion.gross_margin", BOOK, A, B, (1940, 3900)),
    Case("by product, a free one has no margin", "conversion.gross_margin", BOOK, A, B, {"p1": (2000, 3900), "p3": (-60, 0)}, by="product_id"),
    Case("discount to the price before it, of paid orders", "conversion.discount_rate", BOOK, A, B, (500, 10500)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tiny(case: Case) -> None:
    check(case)


def test_the_funnel_splits_by_every_dimension() -> None:
    from zhanggui.metrics.tests.tiny import found

    want = {
        "channel": {"search": (4, 2, 1, 1), "group": (1, 1, 0, 0)},
        "tier": {"金卡": (1, 1, 1, 1), "": (4, 2, 0, 0)},
        "is_new": {"new": (1, 1, 1, 1), "old": (4, 2, 0, 0)},
        "product_id": {"p1": (4, 1, 1, 1), "p2": (1, 1, 0, 0)},
        "device": {"": (5, 3, 1, 1)},
    }
    for dimension, parts in want.items():
        got = {
            p.segment: (p.numerator, p.denominator)
            for p in found(Case("", "conversion.funnel", {"events": LOG}, A, B, None, by=dimension))
        }
        assert got == {**stages(5, 3, 1, 1), **stages_of(dimension, parts)}, dimension
