"""流量: every number of the layer from a table small enough to count by hand."""

from __future__ import annotations

import pytest

from zhanggui.metrics.tests.tiny import Case, check

VISITS = """
at                kind           who  session  product_id  channel  device   new
2026-01-05 09:00  page_view      a    s1       ''          search   iOS      yes
2026-01-05 09:01  product_view   a    s1       p1          search   iOS      yes
2026-01-05 09:02  add_to_cart    a    s1       p1          search   iOS      yes
2026-01-05 23:59  page_view      a    s2       ''          group    iOS      yes
2026-01-06 00:00  page_view      b    s3       ''          search   Android  no
2026-01-06 00:01  share          b    s3       ''          search   Android  no
2026-01-06 10:00  order          b    ''       p1          search   Android  no
2026-01-06 11:00  invite_open    a    ''       ''          invite   iOS      yes
2026-01-06 12:00  page_view      a    ''       ''          invite   iOS      yes
2026-01-07 08:00  pay            c    ''       p1          unknown  iOS      yes
"""
FIRST_ORDERS = """
order_id  placed            paid              who  fen   nth  channel  new
o1        2026-01-05 10:00  2026-01-05 10:01  a    1000  1    ads      yes
o2        2026-01-05 23:58  2026-01-06 00:00  b    2000  1    search   yes
o3        2026-01-06 10:00  2026-01-06 10:01  a    3000  2    search   no
o4        2026-01-06 11:00  2026-01-06 11:01  -    4000  -    ads      -
o5        2026-01-06 12:00  2026-01-06 12:01  c    0     -    ads      yes
o6        2026-01-06 13:00  -                 d    500   -    ads      yes
"""
SPEND = """
day         channel  campaign  source  cost_fen
2026-01-05  ads      c1        import  3000
2026-01-05  ads      c2        import  1000
2026-01-06  article  c3        import  500
"""
INVITED = """
who  first_paid_at     first_paid_day  inviter  region
a    2026-01-01 10:00  2026-01-01      -        广东
b    2026-01-05 10:00  2026-01-05      a        广东
c    2026-01-06 10:00  2026-01-06      a        浙江
d    2026-01-06 11:00  2026-01-06      b        浙江
e    -                 -               a        广东
"""
OFFICIAL = """
day         sessions  page_views  visitors  one_page  depth_sessions
2026-01-05  900       1800        700       90        900
2026-01-08  100       350         80        40        100
"""
LOG = {"events": VISITS}
CASES = [
    Case("orders and payments are no visits; nobody counts twice", "traffic.visitors", LOG, "2026-01-05", "2026-01-07", (2, None)),
    Case("midnight in Shanghai parts the days", "traffic.visitors", LOG, "2026-01-05", "2026-01-07", {"2026-01-05": (1, None), "2026-01-06": (2, None)}, grain="day"),
    Case(
        "whoever came by two channels shows in both", "traffic.visitors", LOG, "2026-01-05", "2026-01-06", {"search": (2, None), "group": (1, None), "invite": (1, None)},
        by="channel",
    ),
    Case("pages without a product are no product", "traffic.visitors", LOG, "2026-01-05", "2026-01-06", {"p1": (1, None)}, by="product_id"),
    Case("the first visit of all counts", "traffic.new_visitors", LOG, "2026-01-05", "2026-01-07", (2, None)),
    Case("whoever came before is not new", "traffic.new_visitors", LOG, "2026-01-06", "2026-01-07", (1, None)),
    Case("a new visitor belongs to the channel of the first visit", "traffic.new_visitors", LOG, "2026-01-05", "2026-01-06", {"search": (2, None)}, by="channel"),
    Case("one per first payment; unnamed, free and unpaid orders are none", "traffic.new_customers", {"orders": FIRST_ORDERS}, "2026-01-05", "2026-01-06", (2, None)),
    Case("the day of the payment counts, not of the order", "traffic.new_customers", {"orders": FIRST_ORDERS}, "2026-01-06", "2026-01-06", (1, None)),
    Case("by the channel of the first order", "traffic.new_customers", {"orders": FIRST_ORDERS}, "2026-01-05", "2026-01-06", {"ads": (1, None), "search": (1, None)}, by="channel"),
    Case("a session is one visit, and without one a person's day is", "traffic.sessions", LOG, "2026-01-05", "2026-01-07", (4, None)),
    Case(
        "days without a log take the mini program's own figure, others do not", "traffic.sessions", {**LOG, "daily_visits": OFFICIAL}, "2026-01-05", "2026-01-08",
        (104, None),
    ),
    Case("a visit belongs to the channel it began with", "traffic.sessions", LOG, "2026-01-05", "2026-01-06", {"search": (2, None), "group": (1, None), "invite": (1, None)}, by="channel"),
    Case(
        "a session over midnight counts on both days", "traffic.sessions",
        {"events": "at                kind       who  session\n2026-01-05 23:59  page_view  a    s1\n2026-01-06 00:01  page_view  a    s1"},
        "2026-01-05", "2026-01-06", (2, None),
    ),
    Case("pages per visit; carts and shares are no pages", "traffic.depth", LOG, "2026-01-05", "2026-01-07", (6, 4), value=1.5),
    Case("official pages and sessions where there is no log", "traffic.depth", {"daily_visits": OFFICIAL}, "2026-01-05", "2026-01-08", (2150, 1000), value=2.15),
    Case("no visit, no depth", "traffic.depth", LOG, "2026-01-07", "2026-01-07", None),
    Case("visits of at most one page", "traffic.bounce_rate", LOG, "2026-01-05", "2026-01-07", (2, 4), value=0.5),
    Case("the official share of one-page visits stands in", "traffic.bounce_rate", {"daily_visits": OFFICIAL}, "2026-01-05", "2026-01-08", (130, 1000), value=0.13),
    Case("by device", "traffic.bounce_rate", LOG, "2026-01-05", "2026-01-06", {"iOS": (1, 3), "Android": (1, 1)}, by="device"),
    Case("all channels and campaigns together", "traffic.spend", {"spend": SPEND}, "2026-01-05", "2026-01-06", (4500, None)),
    Case("by channel", "traffic.spend", {"spend": SPEND}, "2026-01-05", "2026-01-06", {"ads": (4000, None), "article": (500, None)}, by="channel"),
    Case(
        "what channels cost per first-time buyer of channels that cost", "traffic.cost_per_new_customer", {"spend": SPEND, "orders": FIRST_ORDERS}, "2026-01-05", "2026-01-06",
        (4500, 1), value=4500.0,
    ),
    Case(
        "per channel; one that brought nobody has a cost and no number", "traffic.cost_per_new_customer", {"spend": SPEND, "orders": FIRST_ORDERS}, "2026-01-05", "2026-01-06",
        {"ads": (4000, 1), "article": (500, 0)}, by="channel",
    ),
    Case("spend that brought nobody has no cost per customer", "traffic.cost_per_new_customer", {"spend": SPEND, "orders": FIRST_ORDERS}, "2026-01-06", "2026-01-06", None),
    Case("first-time buyers whom somebody brought", "traffic.invited_customers", {"customers": INVITED}, "2026-01-05", "2026-01-06", (3, None)),
    Case("three brought by two", "traffic.fission_coefficient", {"customers": INVITED}, "2026-01-05", "2026-01-06", (3, 2), value=1.5),
    Case("an inviter of two days counts once over both, once on each", "traffic.fission_coefficient", {"customers": INVITED}, "2026-01-05", "2026-01-06",
         {"2026-01-05": (1, 1), "2026-01-06": (2, 2)}, grain="day"),
    Case("nobody brought, no coefficient", "traffic.fission_coefficient", {"customers": INVITED}, "2026-01-02", "2026-01-04", None),
    Case("brought customers per visitor", "traffic.k_factor", {"customers": INVITED, **LOG}, "2026-01-05", "2026-01-07", (3, 2), value=1.5),
    Case("without visitors there is no K", "traffic.k_factor", {"customers": INVITED}, "2026-01-05", "2026-01-07", None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tiny(case: Case) -> None:
    check(case)
