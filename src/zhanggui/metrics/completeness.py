"""数据: whether the numbers can be trusted: how much is known of what they are made from."""

from __future__ import annotations

from zhanggui.metrics.metric import PAID, PEOPLE, Metric

METRICS: tuple[Metric, ...] = (
    Metric(
        "data.rows",
        "数据条数",
        "每天收到多少条数据，按来源",
        "条",
        "数据",
        "monitoring",
        "sum",
        (),
        better="",
        dimensions=("source",),
        stored=("source",),
        sql="""SELECT day AS day, count(*) AS numerator, NULL AS denominator FROM (
  SELECT day, 'behaviour' AS source FROM events WHERE kind NOT IN ('order', 'pay') AND day BETWEEN $first AND $last
  UNION ALL SELECT paid_day, 'orders' FROM orders WHERE paid_day BETWEEN $first AND $last
  UNION ALL SELECT day, 'orders' FROM orders WHERE paid_day IS NULL AND day BETWEEN $first AND $last
  UNION ALL SELECT paid_day, 'costs' FROM order_lines WHERE cost_fen IS NOT NULL AND paid_day BETWEEN $first AND $last
  UNION ALL SELECT day, 'refunds' FROM refunds WHERE day BETWEEN $first AND $last
  UNION ALL SELECT day, 'spend' FROM spend WHERE day BETWEEN $first AND $last
  UNION ALL SELECT day, 'visits' FROM daily_visits WHERE day BETWEEN $first AND $last
  UNION ALL SELECT day, 'reads' FROM reads WHERE day BETWEEN $first AND $last
  UNION ALL SELECT joined_day, 'groups' FROM group_members WHERE joined_day BETWEEN $first AND $last
  UNION ALL SELECT day, 'group_days' FROM group_daily WHERE day BETWEEN $first AND $last
) AS kept GROUP BY day""",
    ),
    Metric(
        "data.channel_known",
        "订单来源已知",
        "知道来源渠道的支付订单 ÷ 全部支付订单",
        "率",
        "数据",
        "monitoring",
        "ratio",
        ("orders",),
        rows="paid_orders",
        dimensions=PEOPLE[2:],
        policies=("data.channel_known_low",),
        base="支付订单",
        sql="SELECT paid_day AS day, count(*) FILTER (WHERE channel <> 'unknown') AS numerator, count(*) AS denominator FROM orders "
        f"WHERE {PAID} GROUP BY paid_day",
    ),
    Metric(
        "data.customer_known",
        "订单客户已知",
        "知道是哪位客户的支付订单 ÷ 全部支付订单",
        "率",
        "数据",
        "monitoring",
        "ratio",
        ("orders",),
        rows="paid_orders",
        base="支付订单",
        sql=f"SELECT paid_day AS day, count(customer) AS numerator, count(*) AS denominator FROM orders WHERE {PAID} GROUP BY paid_day",
    ),
    Metric(
        "data.cost_known",
        "成本已知",
        "知道成本的商品销售额 ÷ 全部商品销售额",
        "率",
        "数据",
        "monitoring",
        "ratio",
        ("orders",),
        rows="lines",
        dimensions=("product_id", "category"),
        policies=("data.cost_known_low",),
        counted=False,
        base="商品销售额",
        sql="SELECT paid_day AS day, coalesce(sum(paid_fen) FILTER (WHERE cost_fen IS NOT NULL), 0) AS numerator, sum(paid_fen) AS denominator "
        "FROM order_lines WHERE is_goods AND paid_day BETWEEN $first AND $last GROUP BY paid_day",
    ),
)
