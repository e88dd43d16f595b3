"""社群, 内容, 数据: every number from a table small enough to count by hand."""

from __future__ import annotations

import pytest

from zhanggui.metrics.tests.tiny import Case, check

MEMBERS = """
chat_id  member  staff  joined            left
g1       boss    yes    2026-01-05 09:00  -
g1       m1      no     2026-01-05 09:00  -
g1       m2      no     2026-01-05 10:00  2026-01-06 09:59
g1       m3      no     2026-01-05 23:59  2026-01-06 23:59
g2       m1      no     2026-01-06 00:00  2026-01-08 00:00
g2       m4      no     2026-01-07 12:00  -
g2       m5      no     2026-01-08 12:00  -
"""
DAYS = """
day         owner  chat_id  members  messages  members_who_spoke
2026-01-05  boss   ''       80       10        4
2026-01-05  boss   g1       50       9         3
2026-01-05  lee    g2       20       5         1
2026-01-06  boss   ''       100      20        6
2026-01-06  lee    g2       -        3         -
2026-01-07  boss   ''       0        0         0
"""
READS = """
day         article_id  title  readers  sharers  followers_gained  is_running_sum
2026-01-05  a           A      100      10       5                 yes
2026-01-06  a           A      130      12       5                 yes
2026-01-07  a           A      120      12       6                 yes
2026-01-06  b           B      40       0        1                 no
2026-01-07  b           B      30       2        0                 no
2026-01-08  c           C      0        0        0                 no
"""
ORDERS = """
order_id  placed            paid              who  fen   nth  channel
o1        2026-01-05 10:00  2026-01-05 10:01  a    1000  1    ads
o2        2026-01-06 23:58  2026-01-07 00:00  -    2000  -    unknown
o3        2026-01-06 10:00  2026-01-06 10:01  b    0     -    unknown
o4        2026-01-06 11:00  -                 c    700   -    unknown
"""
LINES = """
order_id  line_no  paid_day    product_id  category  goods  quantity  fen   cost_fen
o1        1        2026-01-05  p1          茶        yes    2         900   400
o1        2        2026-01-05  post        ''        no     1         100   50
o2        1        2026-01-07  p2          点心      yes    1         2000  -
"""
GROUPS, STATS, ARTICLES = {"group_members": MEMBERS}, {"group_daily": DAYS}, {"reads": READS}
A, B = "2026-01-05", "2026-01-06"
CASES = [
    Case("joins of outsiders; one person in two groups joined twice", "community.new_members", GROUPS, A, B, (4, None)),
    Case("24 hours later still there: m2 was not, m3 to the minute was; the last joiner is not yet a day in", "community.first_day_retention", GROUPS, A, "2026-01-08", (4, 5)),
    Case("on one day", "community.first_day_retention", GROUPS, A, A, (2, 3)),
    Case("nobody joined", "community.first_day_retention", GROUPS, "2026-01-09", "2026-01-10", None),
    Case("all owners on the last day that has figures", "community.members", STATS, A, B, (100, None)),
    Case("an owner's own sum wins over single groups", "community.members", STATS, A, A, (100, None)),
    Case("messages per member and day, times a hundred", "community.interactions_per_100", STATS, A, B, (35, 200), value=17.5),
    Case("nobody in the groups", "community.interactions_per_100", STATS, "2026-01-07", "2026-01-07", None),
    Case("speakers per member and day", "community.active_share", STATS, A, B, (11, 200), value=0.055),
    Case("running sums are taken apart, and never fall", "content.readers", ARTICLES, A, "2026-01-07", (200, None)),
    Case("the second day alone", "content.readers", ARTICLES, B, B, (70, None)),
    Case("sharers to readers", "content.share_rate", ARTICLES, A, "2026-01-07", (14, 200), value=0.07),
    Case("nobody read", "content.share_rate", ARTICLES, "2026-01-08", "2026-01-08", None),
    Case("followers", "content.followers", ARTICLES, A, "2026-01-07", (7, None)),
    Case("rows of every source", "data.rows", {"orders": ORDERS, "order_lines": LINES, **GROUPS, **STATS, **ARTICLES}, A, "2026-01-08",
         {"orders": (4, None), "costs": (2, None), "groups": (7, None), "group_days": (6, None), "reads": (6, None)}, by="source"),
    Case("paid orders whose channel is known", "data.channel_known", {"orders": ORDERS}, A, "2026-01-07", (1, 2), value=0.5),
    Case("nothing sold", "data.channel_known", {"orders": ORDERS}, B, B, None),
    Case("paid orders whose buyer is known", "data.customer_known", {"orders": ORDERS}, A, "2026-01-07", (1, 2), value=0.5),
    Case("goods whose cost is known, by money", "data.cost_known", {"order_lines": LINES}, A, "2026-01-07", (900, 2900)),
    Case("none known is zero, not nothing", "data.cost_known", {"order_lines": LINES}, "2026-01-07", "2026-01-07", (0, 2000), value=0.0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tiny(case: Case) -> None:
    check(case)
