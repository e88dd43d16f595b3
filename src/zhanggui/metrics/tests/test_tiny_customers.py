"""用户: every number of the layer from a table small enough to count by hand."""

from __future__ import annotations

import pytest

from zhanggui.metrics.tests.tiny import Case, check

# a buys on day 0, again on the same day and on day 30; b on day 1 and on day 32 (31 days later); c on day 2 only; d on day 31, the
# last day but one; e is unknown; f got something free; the last thing observed is g's unpaid order on day 32.
ORDERS = """
order_id  placed            paid              who  fen   nth  before            channel  new
o1        2026-01-01 10:00  2026-01-01 10:00  a    1000  1    -                 chat     yes
o2        2026-01-01 20:00  2026-01-01 20:00  a    500   2    2026-01-01 10:00  ads      yes
o3        2026-01-02 10:00  2026-01-02 10:00  b    2000  1    -                 ads      yes
o4        2026-01-03 10:00  2026-01-03 10:00  c    3000  1    -                 chat     yes
o5        2026-01-04 10:00  2026-01-04 10:00  -    4000  -    -                 ads      -
o6        2026-01-05 10:00  2026-01-05 10:00  f    0     -    -                 ads      yes
o7        2026-01-31 00:00  2026-01-31 00:00  a    1500  3    2026-01-01 20:00  chat     no
o8        2026-02-01 10:00  2026-02-01 10:00  d    700   1    -                 invite   yes
o9        2026-02-02 09:00  2026-02-02 09:00  b    100   2    2026-01-02 10:00  ads      no
o10       2026-02-02 10:00  -                 g    900   -    -                 ads      yes
"""
REFUNDS = """
refund_key  at                who  amount_fen
r1          2026-01-10 10:00  b    1900
r2          2026-01-11 10:00  -    4000
r3          2026-02-02 10:00  a    10
"""
VISITS = """
at                kind       who  channel
2026-01-05 09:00  page_view  a    search
2026-01-05 10:00  page_view  b    search
2026-01-05 11:00  share      b    search
2026-01-05 12:00  share      b    search
2026-01-06 00:00  page_view  a    group
2026-01-06 10:00  page_view  c    group
2026-01-12 09:00  page_view  b    search
2026-01-13 09:00  page_view  b    search
2026-02-04 09:00  page_view  a    search
2026-02-05 09:00  page_view  c    search
"""
YEARS = """
order_id  placed            paid              who  fen  nth
y1        2024-01-05 10:00  2024-01-05 10:00  a    100  1
y2        2024-01-07 10:00  2024-01-07 10:00  b    100  1
y3        2025-01-05 10:00  2025-01-05 10:00  c    100  1
y4        2025-01-06 10:00  2025-01-06 10:00  b    100  2
y5        2026-01-04 10:00  2026-01-04 10:00  c    100  2
"""
J, F = "2026-01-01", "2026-02-02"
BOOK = {"orders": ORDERS, "refunds": REFUNDS}
CASES = [
    Case("each buyer once; unnamed and free orders are nobody", "customers.buyers", BOOK, J, F, (4, None)),
    Case("by channel, a buyer of two in both", "customers.buyers", BOOK, J, F, {"chat": (2, None), "ads": (2, None), "invite": (1, None)}, by="channel"),
    Case("who bought on a later day than the first", "customers.returning_share", BOOK, J, F, (2, 4), value=0.5),
    Case("on one day", "customers.returning_share", BOOK, "2026-01-31", "2026-01-31", (1, 1)),
    Case("two orders within the days, both on one day too", "customers.repeat_rate", BOOK, J, F, (2, 4), value=0.5),
    Case("one order in these days is no repeat, whatever came before", "customers.repeat_rate", BOOK, "2026-01-15", F, (0, 3), value=0.0),
    Case("by month", "customers.repeat_rate", BOOK, J, "2026-02-28", {"2026-01-01": (1, 3), "2026-02-01": (0, 2)}, grain="month"),
    Case("a again on the same day; b after 31 days; d not watched long enough", "customers.repurchase_30", BOOK, J, F, (1, 3)),
    Case("the 30th day still counts, the last watched day too", "customers.repurchase_30", {"orders": """
        order_id  placed            paid              who  fen  nth  before
        o1        2026-01-01 23:59  2026-01-01 23:59  a    100  1    -
        o2        2026-01-31 00:00  2026-01-31 00:00  a    100  2    2026-01-01 23:59
        o3        2026-01-02 00:00  2026-01-02 00:00  b    100  1    -
    """}, J, F, (1, 1), value=1.0),
    Case("by the channel of the first order", "customers.repurchase_30", BOOK, J, F, {"chat": (1, 2), "ads": (0, 1)}, by="channel"),
    Case("watched 60 days: nobody yet", "customers.repurchase_60", BOOK, J, F, None),
    Case("b's 31 days are within 60 of whoever was watched so long", "customers.repurchase_60", {"orders": ORDERS + "oz  2026-03-04 10:00  -  h  5  -  -  ads  yes\n"}, J, F, (2, 3)),
    Case("90 days", "customers.repurchase_90", {"orders": ORDERS + "oz  2026-04-03 10:00  -  h  5  -  -  ads  yes\n"}, J, F, (2, 3)),
    Case("365 days", "customers.repurchase_365", {"orders": ORDERS + "oz  2027-01-03 10:00  -  h  5  -  -  ads  yes\n"}, J, F, (2, 3)),
    # a at 0 days among 4, b at 31 days among 1 (c was watched 30 days, d 1): 1 - 3/4 by day 30, all by day 31
    Case("everybody counts for as long as watched", "customers.repurchase_km_30", BOOK, J, F, (0.25, 4)),
    Case("the curve ends where nobody was watched", "customers.repurchase_km_60", BOOK, J, F, None),
    Case("60 days", "customers.repurchase_km_60", {"orders": ORDERS + "oz  2026-03-04 10:00  -  h  5  -  -  ads  yes\n"}, J, F, (0.5, 4)),
    Case("90 days", "customers.repurchase_km_90", {"orders": ORDERS + "oz  2026-04-03 10:00  -  h  5  -  -  ads  yes\n"}, J, F, (0.5, 4)),
    Case("365 days", "customers.repurchase_km_365", {"orders": ORDERS + "oz  2027-01-03 10:00  -  h  5  -  -  ads  yes\n"}, J, F, (0.5, 4)),
    Case("calendar days between neighbours: 0, 30 and 31", "customers.repurchase_interval", BOOK, J, F, (61, 3)),
    Case("on the day of the later one", "customers.repurchase_interval", BOOK, F, F, (31, 1), value=31.0),
    Case("nobody came again, no interval", "customers.repurchase_interval", BOOK, "2026-01-02", "2026-01-30", None),
    Case("the middle one", "customers.repurchase_interval_median", BOOK, J, F, (30, 3)),
    Case("half way between two", "customers.repurchase_interval_median", BOOK, "2026-01-31", F, (30.5, 2)),
    Case("one of three shared, twice", "customers.share_rate", {"events": VISITS}, "2026-01-05", "2026-01-06", (1, 3)),
    Case("no visit, no rate", "customers.share_rate", {"events": VISITS}, "2026-01-07", "2026-01-08", None),
    Case("30 days ago is not silent yet", "customers.silent", BOOK, J, F, (0, None)),
    Case("31 days ago is; what is not observed yet is left out", "customers.silent",
         {"orders": ORDERS + "oz  2026-02-03 10:00  -  h  5  -  -  ads  yes\n"}, J, "2026-02-20", (1, None)),
    Case("as of the last day asked for", "customers.silent", BOOK, J, "2026-01-31", (0, None)),
    Case("a shorter patience", "customers.silent", BOOK, J, F, (1, None), held={"customers.silent_days": 2}),
    Case("silent among all who ever paid", "customers.silent_rate", BOOK, J, "2026-01-31", (0, 3), value=0.0),
    Case("before anybody paid", "customers.silent_rate", BOOK, "2025-12-01", "2025-12-31", None),
    Case("a's is 730 days ago, c's first 364: neither is of the year before", "customers.annual_retention", {"orders": YEARS}, J, "2026-01-04", (1, 1)),
    Case("729 days ago and 364 are in", "customers.annual_retention", {"orders": YEARS}, "2024-01-01", "2025-01-06", (1, 2)),
    Case("nobody bought so long ago", "customers.annual_retention", BOOK, J, F, None),
    Case("who came again on the very next day", "customers.visit_retention_1", {"events": VISITS}, "2026-01-05", "2026-01-06", (1, 3)),
    Case("on the seventh day", "customers.visit_retention_7", {"events": VISITS}, "2026-01-05", "2026-01-06", (1, 3)),
    Case("on the thirtieth day; c's comes on the last observed day", "customers.visit_retention_30", {"events": VISITS}, "2026-01-05", "2026-01-06", (2, 3)),
    Case("c cannot be known yet", "customers.visit_retention_30", {"events": VISITS.replace("2026-02-05 09:00  page_view  c    search\n", "")}, "2026-01-05", "2026-01-06", (1, 2)),
    Case("money per paying customer, named ones only", "customers.arpu", BOOK, J, F, (8800, 4), value=2200.0),
    Case("by kind of channel", "customers.arpu", BOOK, J, F, {"private": (5500, 2), "public": (2600, 2), "fission": (700, 1)}, by="channel_kind"),
    Case("nobody bought", "customers.arpu", BOOK, "2026-01-20", "2026-01-20", None),
    # private: a and c paid 5500 / 2; public: a and b paid 2600 / 2
    Case("private over public, less one", "customers.private_uplift", BOOK, J, F, (2750 / 1300 - 1, 3)),
    Case("only one kind, nothing to compare", "customers.private_uplift", BOOK, "2026-01-03", "2026-01-03", None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tiny(case: Case) -> None:
    check(case)
