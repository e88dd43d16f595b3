"""内容: whether articles are read and passed on."""

from __future__ import annotations

from zhanggui.metrics.metric import Metric

DAILY = """(
  SELECT day, article_id, title,
    CASE WHEN is_running_sum THEN greatest(readers - coalesce(lag(readers) OVER (PARTITION BY article_id ORDER BY day), 0), 0) ELSE readers END AS readers,
    CASE WHEN is_running_sum THEN greatest(sharers - coalesce(lag(sharers) OVER (PARTITION BY article_id ORDER BY day), 0), 0) ELSE sharers END AS sharers,
    CASE WHEN is_running_sum THEN greatest(followers_gained - coalesce(lag(followers_gained) OVER (PARTITION BY article_id ORDER BY day), 0), 0)
      ELSE followers_gained END AS followers
  FROM reads
) AS daily"""
"""What each article gained on each day: sums since publication taken apart."""

METRICS: tuple[Metric, ...] = (
    Metric(
        "content.readers",
        "文章阅读人数",
        "各篇公众号文章每天新增的阅读人数之和",
        "人",
        "内容",
        "content",
        "sum",
        ("reads",),
        rows="reads",
        after=None,
        sql=f"SELECT day AS day, sum(readers) AS numerator, NULL AS denominator FROM {DAILY} WHERE day BETWEEN $first AND $last GROUP BY day",
    ),
    Metric(
        "content.share_rate",
        "文章分享率",
        "新增分享人数 ÷ 新增阅读人数",
        "率",
        "内容",
        "content",
        "ratio",
        ("reads",),
        rows="reads",
        after=None,
        base="文章阅读",
        sql=f"SELECT day AS day, sum(sharers) AS numerator, sum(readers) AS denominator FROM {DAILY} WHERE day BETWEEN $first AND $last GROUP BY day",
    ),
    Metric(
        "content.followers",
        "文章带来的关注",
        "各篇文章带来的新关注人数之和",
        "人",
        "内容",
        "content",
        "sum",
        ("reads",),
        rows="reads",
        after=None,
        sql=f"SELECT day AS day, sum(followers) AS numerator, NULL AS denominator FROM {DAILY} WHERE day BETWEEN $first AND $last GROUP BY day",
    ),
)
