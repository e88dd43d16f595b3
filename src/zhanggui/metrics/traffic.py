"""流量: who comes, how deep they look, what a new customer costs, and whether customers bring customers."""

from __future__ import annotations

from zhanggui.metrics.metric import PEOPLE, Metric

VISIT = "kind NOT IN ('order', 'pay')"
"""Everything in the behaviour log; orders and payments come from the order book."""

_SESSIONS = f"""
WITH visits AS (
  SELECT day, CASE WHEN session = '' THEN concat('c', customer) ELSE session END AS visit,
    count(*) FILTER (WHERE kind IN ('page_view', 'product_view', 'invite_open')) AS pages,
    min(channel) AS channel, min(channel_kind) AS channel_kind, min(device) AS device, min(region) AS region, min(tier) AS tier,
    bool_or(is_new) AS is_new
  FROM events WHERE {VISIT} AND day BETWEEN $first AND $last
  GROUP BY day, CASE WHEN session = '' THEN concat('c', customer) ELSE session END
), logged AS (SELECT DISTINCT day FROM visits), counted AS (
  SELECT day, 1 AS sessions, pages, CASE WHEN pages <= 1 THEN 1 ELSE 0 END AS bounced, 1 AS judged, channel, channel_kind, device, region, tier, is_new
  FROM visits
  UNION ALL
  SELECT d.day, d.sessions, d.page_views, d.one_page, d.depth_sessions, 'unknown', 'unknown', '', '', '', NULL
  FROM daily_visits d LEFT JOIN logged l ON l.day = d.day WHERE d.day BETWEEN $first AND $last AND l.day IS NULL
)"""

METRICS: tuple[Metric, ...] = (
    Metric(
        "traffic.visitors",
        "访客数",
        "期内来访过的人数（同一人只算一次）",
        "人",
        "流量",
        "traffic",
        "sum",
        ("behaviour",),
        rows="visits",
        additive=False,
        dimensions=(*PEOPLE, "product_id"),
        sql=f"SELECT day AS day, count(DISTINCT customer) AS numerator, NULL AS denominator FROM events WHERE {VISIT} "
        "AND day BETWEEN $first AND $last GROUP BY day",
    ),
    Metric(
        "traffic.new_visitors",
        "新访客数",
        "在行为日志里第一次出现的人数",
        "人",
        "流量",
        "traffic",
        "sum",
        ("behaviour",),
        rows="visits",
        after=None,
        dimensions=("channel", "channel_kind", "device", "region"),
        sql=f"""SELECT day AS day, count(*) AS numerator, NULL AS denominator FROM (
  SELECT customer, min(day) AS day, arg_min(channel, ts) AS channel, arg_min(channel_kind, ts) AS channel_kind, arg_min(device, ts) AS device,
    arg_min(region, ts) AS region FROM events WHERE {VISIT} AND customer IS NOT NULL GROUP BY customer
) AS firsts WHERE day BETWEEN $first AND $last GROUP BY day""",
    ),
    Metric(
        "traffic.new_customers",
        "新客数",
        "期内第一次支付的客户数",
        "人",
        "流量",
        "traffic",
        "sum",
        ("orders",),
        rows="first_orders",
        dimensions=PEOPLE[:-1],
        stored=("channel",),
        sql="SELECT paid_day AS day, count(*) AS numerator, NULL AS denominator FROM orders WHERE nth = 1 AND paid_day BETWEEN $first AND $last "
        "GROUP BY paid_day",
    ),
    Metric(
        "traffic.sessions",
        "访问次数",
        "打开小程序或页面的次数；没有行为日志的日子取小程序官方数据",
        "次",
        "流量",
        "traffic",
        "sum",
        ("behaviour", "visits"),
        rows="visits",
        dimensions=PEOPLE,
        sql=_SESSIONS + " SELECT day AS day, sum(sessions) AS numerator, NULL AS denominator FROM counted GROUP BY day",
    ),
    Metric(
        "traffic.depth",
        "访问深度",
        "页面浏览数 ÷ 访问次数；没有行为日志的日子取小程序官方数据",
        "页",
        "流量",
        "traffic",
        "ratio",
        ("behaviour", "visits"),
        rows="visits",
        dimensions=PEOPLE,
        base="访问",
        sql=_SESSIONS + " SELECT day AS day, sum(pages) AS numerator, sum(sessions) AS denominator FROM counted "
        "WHERE pages IS NOT NULL AND sessions IS NOT NULL GROUP BY day",
    ),
    Metric(
        "traffic.bounce_rate",
        "跳出率",
        "只看了一页就离开的访问 ÷ 全部访问。这是近似：没有行为日志的日子，用官方访问深度分布里“1 页”的占比代替",
        "率",
        "流量",
        "traffic",
        "ratio",
        ("behaviour", "visits"),
        rows="visits",
        better="down",
        dimensions=PEOPLE,
        policies=("traffic.bounce_high",),
        base="访问",
        sql=_SESSIONS + " SELECT day AS day, sum(bounced) AS numerator, sum(judged) AS denominator FROM counted "
        "WHERE bounced IS NOT NULL AND judged IS NOT NULL GROUP BY day",
    ),
    Metric(
        "traffic.spend",
        "渠道花费",
        "期内各渠道的花费合计",
        "分",
        "流量",
        "traffic",
        "sum",
        ("spend",),
        rows="spend",
        better="",
        dimensions=("channel", "channel_kind"),
        stored=("channel",),
        sql="SELECT day AS day, sum(cost_fen) AS numerator, NULL AS denominator FROM spend WHERE day BETWEEN $first AND $last GROUP BY day",
    ),
    Metric(
        "traffic.cost_per_new_customer",
        "获客成本",
        "渠道花费 ÷ 这些花过钱的渠道带来的新客数（首次支付）",
        "分",
        "流量",
        "traffic",
        "ratio",
        ("spend",),
        rows="spend",
        better="down",
        dimensions=("channel", "channel_kind"),
        stored=("channel",),
        policies=("traffic.cost_high", "traffic.cost_low"),
        base="新客",
        everything=("spend",),
        sql="""SELECT day AS day, sum(cost) AS numerator, sum(gained) AS denominator FROM (
  SELECT day, cost_fen AS cost, 0 AS gained, channel, channel_kind FROM spend WHERE day BETWEEN $first AND $last
  UNION ALL
  SELECT paid_day, 0, 1, channel, channel_kind FROM orders
  WHERE nth = 1 AND paid_day BETWEEN $first AND $last AND channel IN (SELECT channel FROM spend)
) AS both_sides GROUP BY day""",
    ),
    Metric(
        "traffic.invited_customers",
        "裂变新客数",
        "由老客的分享或邀请带来、期内首次支付的客户数",
        "人",
        "流量",
        "traffic",
        "sum",
        ("behaviour",),
        rows="invited",
        dimensions=("region", "tier"),
        sql="SELECT first_paid_day AS day, count(*) AS numerator, NULL AS denominator FROM customers WHERE inviter IS NOT NULL "
        "AND first_paid_day BETWEEN $first AND $last GROUP BY first_paid_day",
    ),
    Metric(
        "traffic.fission_coefficient",
        "裂变系数",
        "裂变新客数 ÷ 带来新客的邀请人数（1 位邀请人带来几位新客）",
        "人",
        "流量",
        "traffic",
        "ratio",
        ("behaviour",),
        rows="invited",
        additive=False,
        dimensions=("region",),
        policies=("traffic.fission_wanted",),
        base="成功的邀请人",
        sql="SELECT first_paid_day AS day, count(*) AS numerator, count(DISTINCT inviter) AS denominator FROM customers WHERE inviter IS NOT NULL "
        "AND first_paid_day BETWEEN $first AND $last GROUP BY first_paid_day",
    ),
    Metric(
        "traffic.k_factor",
        "K 值",
        "裂变新客数 ÷ 期内来访的人数（每位来访者平均带来的新客）；大于 1 时能自己增长",
        "比值",
        "流量",
        "traffic",
        "ratio",
        ("behaviour",),
        rows="invited",
        additive=False,
        base="来访者",
        sql=f"""SELECT day AS day, count(DISTINCT invited) AS numerator, count(DISTINCT active) AS denominator FROM (
  SELECT first_paid_day AS day, customer AS invited, NULL AS active FROM customers WHERE inviter IS NOT NULL AND first_paid_day BETWEEN $first AND $last
  UNION ALL
  SELECT DISTINCT day, NULL, customer FROM events WHERE {VISIT} AND day BETWEEN $first AND $last
) AS both_sides GROUP BY day""",
    ),
)
