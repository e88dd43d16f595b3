"""用户: whether customers come back, how soon, how many fall silent, and what each kind is worth."""

from __future__ import annotations

from zhanggui.metrics.metric import PAID, PEOPLE, Metric


def _repurchase(days: int, policies: tuple[str, ...] = ()) -> tuple[Metric, Metric]:
    """The share of those watched long enough, and the estimate from everybody (Kaplan–Meier)."""
    plain = Metric(
        f"customers.repurchase_{days}", f"{days} 天复购率", f"首次支付后 {days} 天内（按自然日，第 {days} 天和当天第二单都算）再次支付的客户 ÷ 期内首次支付的客户；只算到数据最后一天已经观察满 {days} 天的客户，之后退款的也算支付", "率", "用户",
        "members", "ratio", ("orders",), rows="ripe_first_orders", dimensions=PEOPLE[:-1], policies=policies, constants={"days": days}, before=days, lag=days,
        base=f"首购已满 {days} 天的客户",
        sql="""SELECT day AS day, sum(again) AS numerator, count(*) AS denominator FROM (
  SELECT f.paid_day AS day, f.channel, f.channel_kind, f.device, f.region, f.tier, CASE WHEN s.paid_day <= f.paid_day + $days THEN 1 ELSE 0 END AS again
  FROM orders f LEFT JOIN orders s ON s.customer = f.customer AND s.nth = 2
  WHERE f.nth = 1 AND f.paid_day BETWEEN $first AND $last AND f.paid_day <= CAST($horizon AS DATE) - $days
) AS firsts GROUP BY day""",
    )  # fmt: skip
    estimate = Metric(
        f"customers.repurchase_km_{days}", f"{days} 天复购率（估计）", f"期内首次支付的客户在 {days} 天内再次支付的比例，用 Kaplan–Meier 估计，把还没观察满 {days} 天的客户也按已观察的天数算进来", "率", "用户",
        "members", "statistic", ("orders",), rows="first_orders", fold=f"km_{days}", additive=False, before=days, base=f"观察满 {days} 天的首购客户",
    )  # fmt: skip
    return plain, estimate


def _return(days: int, name: str) -> Metric:
    return Metric(
        f"customers.visit_retention_{days}", name, f"期内第一次来访的新访客里，第一次来访后正好第 {days} 天又来的比例；只算已经观察到那一天的新访客", "率", "用户", "members", "ratio",
        ("behaviour",), rows="visits", fold=f"return_{days}", pick=(1, 0), before=days, lag=days, after=None, base="新访客",
    )  # fmt: skip


_GAPS = """WITH gaps AS (
  SELECT paid_day, nth, lead(paid_day) OVER (PARTITION BY customer ORDER BY nth) AS next_day FROM orders WHERE nth IS NOT NULL
), moves AS (
  SELECT paid_day + $silent_days + 1 AS day, 1 AS silent, 0 AS known FROM gaps WHERE next_day IS NULL OR next_day > paid_day + $silent_days
  UNION ALL SELECT next_day, -1, 0 FROM gaps WHERE next_day > paid_day + $silent_days
  UNION ALL SELECT paid_day, 0, 1 FROM gaps WHERE nth = 1
  UNION ALL SELECT day, 0, 0 FROM calendar
), levels AS (
  SELECT day, sum(sum(silent)) OVER (ORDER BY day) AS silent, sum(sum(known)) OVER (ORDER BY day) AS known FROM moves GROUP BY day
)"""


def _silent(key: str, name: str, formula: str, unit: str, what: str) -> Metric:
    known = "max(known)" if what == "share" else "NULL"
    return Metric(
        key, name, formula, unit, "用户", "members", "state", ("orders",), rows="silent", better="down", params={"silent_days": "customers.silent_days"}, after=None,
        base="支付过的客户",
        sql=f"{_GAPS} SELECT day AS day, max(silent) AS numerator, {known} AS denominator FROM levels WHERE day BETWEEN $first AND $last "
        "AND day <= CAST($horizon AS DATE) GROUP BY day",
    )  # fmt: skip


METRICS: tuple[Metric, ...] = (
    Metric(
        "customers.buyers",
        "支付客户数",
        "期内支付过的客户数（同一人只算一次；不知道是谁的订单不算）",
        "人",
        "用户",
        "members",
        "sum",
        ("orders",),
        rows="known_orders",
        additive=False,
        dimensions=PEOPLE,
        sql=f"SELECT paid_day AS day, count(DISTINCT customer) AS numerator, NULL AS denominator FROM orders WHERE {PAID} GROUP BY paid_day",
    ),
    Metric(
        "customers.returning_share",
        "老客占比",
        "期内支付的客户里，至少有一单付在其首次支付日之后的比例（以前买过，或期内隔天又买）",
        "率",
        "用户",
        "members",
        "ratio",
        ("orders",),
        rows="known_orders",
        additive=False,
        dimensions=PEOPLE[:-1],
        base="支付客户",
        sql="SELECT paid_day AS day, count(DISTINCT customer) FILTER (WHERE NOT is_new) AS numerator, count(DISTINCT customer) AS denominator FROM orders "
        f"WHERE {PAID} GROUP BY paid_day",
    ),
    Metric(
        "customers.repeat_rate",
        "期内复购率",
        "期内支付 2 单及以上的客户 ÷ 期内支付的客户（只看这段时间，时段越长越高；要可比请看首购后 N 天复购率）",
        "率",
        "用户",
        "members",
        "ratio",
        ("orders",),
        rows="buyers",
        additive=False,
        base="支付客户",
        sql=f"""SELECT day AS day, count(*) FILTER (WHERE bought > 1) AS numerator, count(*) AS denominator FROM (
  SELECT period(paid_day) AS day, customer, count(*) AS bought FROM orders WHERE customer IS NOT NULL AND {PAID} GROUP BY period(paid_day), customer
) AS buyers GROUP BY day""",
    ),
    *_repurchase(30),
    *_repurchase(60),
    *_repurchase(90, ("customers.staple_repurchase",)),
    *_repurchase(365, ("customers.repurchase_wanted",)),
    Metric(
        "customers.repurchase_interval",
        "平均复购间隔",
        "同一客户相邻两次支付平均隔多少个自然日（按后一次支付的日子归期，当天再买算 0 天）",
        "天",
        "用户",
        "members",
        "ratio",
        ("orders",),
        rows="repeat_orders",
        better="down",
        dimensions=PEOPLE[:-1],
        base="复购订单",
        sql="SELECT paid_day AS day, sum(date_diff('day', CAST(previous_paid_at AS DATE), paid_day)) AS numerator, count(*) AS denominator FROM orders "
        "WHERE nth > 1 AND paid_day BETWEEN $first AND $last GROUP BY paid_day",
    ),
    Metric(
        "customers.repurchase_interval_median",
        "复购间隔中位数",
        "同一客户相邻两次支付隔多少个自然日的中位数（按后一次支付的日子归期）",
        "天",
        "用户",
        "members",
        "statistic",
        ("orders",),
        rows="repeat_orders",
        better="down",
        additive=False,
        dimensions=PEOPLE[:-1],
        base="复购订单",
        sql="SELECT paid_day AS day, median(date_diff('day', CAST(previous_paid_at AS DATE), paid_day)) AS numerator, count(*) AS denominator FROM orders "
        "WHERE nth > 1 AND paid_day BETWEEN $first AND $last GROUP BY paid_day",
    ),
    Metric(
        "customers.share_rate",
        "分享率",
        "期内分享过的人数 ÷ 期内访客数（同一人只算一次）",
        "率",
        "用户",
        "traffic",
        "ratio",
        ("behaviour",),
        rows="shares",
        additive=False,
        dimensions=PEOPLE,
        base="访客",
        sql="SELECT day AS day, count(DISTINCT customer) FILTER (WHERE shared) AS numerator, count(DISTINCT customer) AS denominator "
        "FROM visitor_days WHERE day BETWEEN $first AND $last GROUP BY day",
    ),
    _silent(
        "customers.silent", "沉默客户数", "支付过、但最近一次支付已经超过沉默期（默认 30 天）的客户数，截至期末", "人", "sum"
    ),
    _silent("customers.silent_rate", "沉默客户占比", "沉默客户数 ÷ 支付过的全部客户，截至期末", "率", "share"),
    Metric(
        "customers.annual_retention",
        "年度留存率",
        "前一年（期末往前第 729 天到第 365 天）支付过的客户里，最近 365 天（期末往前第 364 天到期末）又支付过的比例，截至期末",
        "率",
        "用户",
        "members",
        "state",
        ("orders",),
        rows="annual",
        fold="annual",
        after=None,
        policies=("customers.annual_retention_wanted",),
        base="前一年支付过的客户",
    ),
    _return(1, "新访客次日留存"),
    _return(7, "新访客 7 日留存"),
    _return(30, "新访客 30 日留存"),
    Metric(
        "customers.cohort_retention",
        "同期群留存",
        "按首次支付的自然月分组，第 0、1、2……个月里支付过的客户比例；只列观察完整的月份",
        "率",
        "用户",
        "members",
        "spread",
        ("orders",),
        rows="first_orders",
        fold="cohort",
        additive=False,
        before=None,
        after=None,
        everything=("orders",),
        base="首次支付的客户",
    ),
    Metric(
        "customers.rfm",
        "RFM 分层",
        "按最近一次支付的日子、支付次数、净支付金额（支付减退款）各打 1–5 分：得分 = 1 + 低于他的客户占全部客户的几个五分之一（向下取整，同值同分），4 分及以上为高，截至期末",
        "人",
        "用户",
        "members",
        "spread",
        ("orders",),
        rows="customers",
        fold="rfm",
        better="",
        additive=False,
        before=None,
        after=None,
        everything=("orders", "refunds"),
        base="支付过的客户",
    ),
    Metric(
        "customers.arpu",
        "ARPU",
        "期内支付金额 ÷ 期内支付客户数（只算知道是谁的订单，未扣退款）",
        "分",
        "用户",
        "traffic",
        "ratio",
        ("orders",),
        rows="known_orders",
        additive=False,
        dimensions=PEOPLE,
        stored=("channel_kind",),
        base="支付客户",
        sql="SELECT paid_day AS day, sum(paid_fen) AS numerator, count(DISTINCT customer) AS denominator FROM orders WHERE customer IS NOT NULL "
        f"AND {PAID} GROUP BY paid_day",
    ),
    Metric(
        "customers.private_uplift",
        "私域 ARPU 高出",
        "私域渠道的 ARPU ÷ 公域渠道的 ARPU − 1（按订单的来源渠道分，裂变与未知渠道不算）",
        "率",
        "用户",
        "traffic",
        "statistic",
        ("orders",),
        rows="known_orders",
        additive=False,
        policies=("traffic.private_uplift",),
        base="私域和公域渠道都有的支付客户",
        sql=f"""SELECT paid_day AS day,
  CAST(sum(paid_fen) FILTER (WHERE channel_kind = 'private') AS DOUBLE) / nullif(count(DISTINCT customer) FILTER (WHERE channel_kind = 'private'), 0)
    / nullif(CAST(sum(paid_fen) FILTER (WHERE channel_kind = 'public') AS DOUBLE)
    / nullif(count(DISTINCT customer) FILTER (WHERE channel_kind = 'public'), 0), 0) - 1 AS numerator,
  count(DISTINCT customer) AS denominator
FROM orders WHERE customer IS NOT NULL AND channel_kind IN ('private', 'public') AND {PAID} GROUP BY paid_day""",
    ),
)
