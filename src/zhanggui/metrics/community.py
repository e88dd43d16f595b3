"""社群: whether new members stay and whether the groups talk."""

from __future__ import annotations

from zhanggui.metrics.metric import Metric

DAYS = """(
  SELECT g.day, g.owner, g.chat_id, g.groups, g.new_members, g.members, g.members_who_spoke, g.messages FROM group_daily g
  LEFT JOIN (SELECT DISTINCT day, owner FROM group_daily WHERE chat_id = '') w ON w.day = g.day AND w.owner = g.owner
  WHERE g.day BETWEEN $first AND $last AND (g.chat_id = '' OR w.owner IS NULL)
) AS days"""
"""Days of group statistics, each owner's sum once: where an owner has a row for all groups, the rows of single groups repeat it."""

METRICS: tuple[Metric, ...] = (
    Metric(
        "community.new_members",
        "新入群人数",
        "期内加入客户群的外部成员人次",
        "人",
        "社群",
        "community",
        "sum",
        ("groups",),
        rows="members",
        sql="SELECT joined_day AS day, count(*) AS numerator, NULL AS denominator FROM group_members WHERE NOT is_staff "
        "AND joined_day BETWEEN $first AND $last GROUP BY joined_day",
    ),
    Metric(
        "community.first_day_retention",
        "入群次日留存",
        "新入群的外部成员里，满一天后仍在群的比例；只算已经满一天的",
        "率",
        "社群",
        "community",
        "ratio",
        ("groups",),
        rows="ripe_members",
        before=1,
        lag=1,
        policies=("community.first_day_low",),
        base="已满一天的新成员",
        sql="SELECT joined_day AS day, count(*) FILTER (WHERE left_at IS NULL OR left_at >= joined_at + INTERVAL '1' DAY) AS numerator, "
        "count(*) AS denominator FROM group_members WHERE NOT is_staff AND joined_day BETWEEN $first AND $last "
        "AND joined_day <= CAST($horizon AS DATE) - 1 GROUP BY joined_day",
    ),
    Metric(
        "community.members",
        "群成员数",
        "客户群的成员总数，截至期末（企业微信群统计）",
        "人",
        "社群",
        "community",
        "state",
        ("group_days",),
        rows="group_days",
        sql=f"SELECT day AS day, sum(members) AS numerator, NULL AS denominator FROM {DAYS} GROUP BY day",
    ),
    Metric(
        "community.interactions_per_100",
        "每百人互动",
        "群消息数 ÷ 群成员数 × 100，按天平均",
        "次",
        "社群",
        "community",
        "ratio",
        ("group_days",),
        rows="group_days",
        per=100.0,
        policies=("community.interactions_low",),
        base="群成员",
        sql=f"SELECT day AS day, sum(messages) AS numerator, sum(members) AS denominator FROM {DAYS} "
        "WHERE messages IS NOT NULL AND members IS NOT NULL GROUP BY day",
    ),
    Metric(
        "community.active_share",
        "群活跃率",
        "发过言的成员 ÷ 群成员，按天平均",
        "率",
        "社群",
        "community",
        "ratio",
        ("group_days",),
        rows="group_days",
        base="群成员",
        sql=f"SELECT day AS day, sum(members_who_spoke) AS numerator, sum(members) AS denominator FROM {DAYS} "
        "WHERE members_who_spoke IS NOT NULL AND members IS NOT NULL GROUP BY day",
    ),
)
