"""流量: who comes, how deep they look, what a new customer costs, and whether customers bring customers."""

from __future__ import annotations

from zhanggui.metrics.metric import PEOPLE, VISIT, Metric

_COUNTED = """
WITH logged AS (SELECT DISTINCT day FROM visits), counted AS (
  SELECT day, 1 AS sessions, pages, CASE WHEN pages <= 1 THEN 1 ELSE 0 END AS bounced, 1 AS judged, channel, channel_kind, device, region, tier, is_new
  FROM visits
  UNION ALL
  SELECT d.day, d.sessions, d.page_views, d.one_page, d.depth_sessions, 'unknown', 'unknown', '', '', '', NULL
  FROM daily_visits d LEFT JOIN logged l ON l.day = d.day WHERE l.day IS NULL
)"""
_DAYS = "day BETWEEN $first AND $last"

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
        sql="SELECT day AS day, count(DISTINCT customer) AS numerator, NULL AS denominator FROM visitor_days "
        "WHERE day BETWEEN $first AND $last GROUP BY day",
    ),
    Metric(
        "traffic.new_visitors",
        "新访客数",
        "在行为日志里第一次出现的人数（按第一次出现的日子归期）",
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
        "期内第一次支付的客户数（实付大于 0；不知道是谁的订单不算）",
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
        "打开小程序或页面的次数（同一人同一会话算一次，跨零点的按两天各算一次）；没有行为日志的日子取小程序官方数据",
        "次",
        "流量",
        "traffic",
        "sum",
        ("behaviour", "visits"),
        rows="visits",
        dimensions=PEOPLE,
        sql=f"{_COUNTED} SELECT day AS day, sum(sessions) AS numerator, NULL AS denominator FROM counted WHERE {_DAYS} GROUP BY day",
    ),
    Metric(
        "traffic.depth",
        "访问深度",
        "页面浏览数（打开的页面、商品页、邀请页）÷ 访问次数；没有行为日志的日子取小程序官方数据",
        "页",
        "流量",
        "traffic",
        "ratio",
        ("behaviour", "visits"),
        rows="visits",
        dimensions=PEOPLE,
        base="访问",
        sql=f"{_COUNTED} SELECT day AS day, sum(pages) AS numerator, sum(sessions) AS denominator FROM counted "
        f"WHERE {_DAYS} AND pages IS NOT NULL AND sessions IS NOT NULL GROUP BY day",
    ),
    Metric(
        "traffic.bounce_rate",
        "跳出率",
        "只看了一页就离开的访问 ÷ 全部访问。平台不直接给跳出率，这是替代口径：行为日志里页面浏览数不超过 1 的访问；没有行为日志的日子，用官方访问深度分布里“1 页”的占比",
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
        sql=f"{_COUNTED} SELECT day AS day, sum(bounced) AS numerator, sum(judged) AS denominator FROM counted "
        f"WHERE {_DAYS} AND bounced IS NOT NULL AND judged IS NOT NULL GROUP BY day",
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
        "期内渠道花费 ÷ 期内首次支付的新客数，只算花过钱的渠道（分渠道看时就是各渠道的花费 ÷ 各渠道的新客）",
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
        "首次支付之前打开过别人分享或邀请的客户里，期内首次支付的人数（归给最早的那位分享人）",
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
        "裂变新客数 ÷ 期内带来新客的邀请人数（1 位邀请人带来几位新客）",
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
        "裂变新客数 ÷ 期内来访的人数（每位来访者平均带来的新客，等于人均邀请 × 邀请转化）；大于 1 时能自己增长",
        "比值",
        "流量",
        "traffic",
        "ratio",
        ("behaviour",),
        rows="invited",
        additive=False,
        base="来访者",
        sql="""SELECT day AS day, count(DISTINCT invited) AS numerator, count(DISTINCT active) AS denominator FROM (
  SELECT first_paid_day AS day, customer AS invited, NULL AS active FROM customers WHERE inviter IS NOT NULL AND first_paid_day BETWEEN $first AND $last
  UNION ALL
  SELECT day, NULL, customer FROM visitor_days WHERE day BETWEEN $first AND $last
) AS both_sides GROUP BY day""",
    ),
)
