"""The rows behind a number: what it was made of, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from zhanggui.facts import lake
from zhanggui.facts.channels import name_of
from zhanggui.metrics import catalogue as declared
from zhanggui.metrics.commands import policy_values
from zhanggui.metrics.community import DAYS
from zhanggui.metrics.content import DAILY
from zhanggui.metrics.engine import LakeUnreadable, engine_for
from zhanggui.metrics.metric import PAID, VISIT, Metric
from zhanggui.metrics.queries.values import check_days

Mark = tuple[str, str, str]
"""Chinese head, column, how it reads: fen, day, time, channel, kind or ""."""


@dataclass(frozen=True)
class Column:
    """A column of the rows behind a number."""

    name: str
    unit: str = ""
    """fen, day, time or "" for text and counts."""


@dataclass(frozen=True)
class Rows:
    """The rows behind a number: `total` of them, one page given."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    missing: str = ""


@dataclass(frozen=True)
class RowSet:
    """A kind of rows: from which table (or SELECT), which of them, in which order, showing what."""

    title: str
    source: str
    condition: str
    order: str
    marks: tuple[Mark, ...]


_ORDER: tuple[Mark, ...] = (
    ("订单号", "order_id", ""), ("下单时间", "created_at", "time"), ("支付时间", "paid_at", "time"), ("客户编号", "customer", ""), ("状态", "status", ""),
    ("实付", "paid_fen", "fen"), ("已退款", "refunded_fen", "fen"), ("件数", "units", ""), ("第几单", "nth", ""), ("渠道", "channel", "channel"),
    ("设备", "device", ""), ("地区", "region", ""),
)  # fmt: skip
_EVENT: tuple[Mark, ...] = (
    ("时间", "ts", "time"), ("客户编号", "customer", ""), ("行为", "kind", "kind"), ("页面", "page", ""), ("商品编号", "product_id", ""), ("渠道", "channel", "channel"),
    ("设备", "device", ""), ("地区", "region", ""),
)  # fmt: skip
_PERSON: tuple[Mark, ...] = (
    ("客户编号", "customer", ""), ("首次出现", "first_seen_at", "time"), ("首次支付", "first_paid_at", "time"), ("最近支付", "last_paid_at", "time"),
    ("支付次数", "orders", ""), ("支付金额", "paid_fen", "fen"), ("退款", "refunded_fen", "fen"), ("渠道", "channel", "channel"), ("邀请人编号", "inviter", ""),
    ("等级", "tier", ""),
)  # fmt: skip
_LINE: tuple[Mark, ...] = (
    ("订单号", "order_id", ""), ("支付日", "paid_day", "day"), ("商品编号", "product_id", ""), ("规格编号", "sku_id", ""), ("类目", "category", ""), ("件数", "quantity", ""),
    ("实付", "paid_fen", "fen"), ("成本", "cost_fen", "fen"), ("渠道", "channel", "channel"),
)  # fmt: skip
_MEMBER: tuple[Mark, ...] = (
    ("群编号", "chat_id", ""), ("成员", "member", ""), ("客户编号", "customer", ""), ("入群时间", "joined_at", "time"), ("退群时间", "left_at", "time"),
)  # fmt: skip
_SPAN, _PAID_DAY = "day BETWEEN $first AND $last", "paid_day BETWEEN $first AND $last"
_NEWEST_PAID, _NEWEST_LINE, _NEWEST_VISIT = (
    "paid_at DESC, order_id",
    "paid_day DESC, order_id, line_no",
    "ts DESC, customer, kind, product_id",
)
_MOVES = f"""(
  SELECT paid_day AS day, '支付' AS move, order_id, customer, paid_fen AS amount_fen, channel FROM orders WHERE {PAID}
  UNION ALL SELECT day, '退款', order_id, customer, -amount_fen, channel FROM refunds WHERE {_SPAN}
) AS moves"""
_BUYERS = f"(SELECT customer, count(*) AS bought, sum(paid_fen) AS spent, max(paid_at) AS latest FROM orders WHERE customer IS NOT NULL AND {PAID} GROUP BY customer) AS b"
_LAST_YEAR = """(
  SELECT customer, count(*) FILTER (WHERE paid_day <= CAST($last AS DATE) - 365) AS year_before, count(*) FILTER (WHERE paid_day > CAST($last AS DATE) - 365)
    AS last_year, max(paid_at) AS latest FROM orders WHERE nth IS NOT NULL AND paid_day BETWEEN CAST($last AS DATE) - 729 AND $last GROUP BY customer
) AS years"""
_SILENT_DAY = (
    "(SELECT customer, max(paid_day) AS gone FROM orders WHERE nth IS NOT NULL AND paid_day <= $last GROUP BY customer) AS g"
)
ROWS: Mapping[str, RowSet] = {
    "paid_orders": RowSet("支付的订单", "orders", PAID, _NEWEST_PAID, _ORDER),
    "known_orders": RowSet("支付的订单（知道是谁的）", "orders", f"customer IS NOT NULL AND {PAID}", _NEWEST_PAID, _ORDER),
    "placed_orders": RowSet("下的订单", "orders", f"paid_fen > 0 AND {_SPAN}", "created_at DESC, order_id", _ORDER),
    "first_orders": RowSet("客户的首单", "orders", f"nth = 1 AND {_PAID_DAY}", _NEWEST_PAID, _ORDER),
    "ripe_first_orders": RowSet(
        "已经观察满的首单", "orders", f"nth = 1 AND {_PAID_DAY} AND paid_day <= CAST($horizon AS DATE) - $days", _NEWEST_PAID, _ORDER,
    ),
    "repeat_orders": RowSet("复购的订单", "orders", f"nth > 1 AND {_PAID_DAY}", _NEWEST_PAID, _ORDER),
    "refunds": RowSet("退款", "refunds", _SPAN, '"at" DESC, refund_key', (
        ("退款单号", "refund_key", ""), ("订单号", "order_id", ""), ("退款时间", "at", "time"), ("客户编号", "customer", ""), ("商品编号", "product_id", ""),
        ("件数", "quantity", ""), ("金额", "amount_fen", "fen"), ("渠道", "channel", "channel"))),
    "money": RowSet("支付与退款", _MOVES, "true", "day DESC, order_id, move", (
        ("日期", "day", "day"), ("支付或退款", "move", ""), ("订单号", "order_id", ""), ("客户编号", "customer", ""), ("金额", "amount_fen", "fen"), ("渠道", "channel", "channel"))),
    "lines": RowSet("售出的商品", "order_lines", f"is_goods AND {_PAID_DAY}", _NEWEST_LINE, _LINE),
    "paid_lines": RowSet("付了钱的商品", "order_lines", f"is_goods AND {PAID}", _NEWEST_LINE, _LINE),
    "costed_lines": RowSet("知道成本的商品", "order_lines", f"is_goods AND cost_fen IS NOT NULL AND {_PAID_DAY}", _NEWEST_LINE, _LINE),
    "visits": RowSet("访问行为", "events", f"{VISIT} AND {_SPAN}", _NEWEST_VISIT, _EVENT),
    "views": RowSet("浏览商品", "events", f"kind = 'product_view' AND {_SPAN}", _NEWEST_VISIT, _EVENT),
    "carts": RowSet("加购", "events", f"kind = 'add_to_cart' AND {_SPAN}", _NEWEST_VISIT, _EVENT),
    "shares": RowSet("分享", "events", f"kind = 'share' AND {_SPAN}", _NEWEST_VISIT, _EVENT),
    "spend": RowSet("渠道花费", "spend", _SPAN, "day DESC, channel, campaign, source", (
        ("日期", "day", "day"), ("渠道", "channel", "channel"), ("计划", "campaign", ""), ("花费", "cost_fen", "fen"), ("曝光", "views", ""), ("点击", "clicks", ""))),
    "invited": RowSet("被邀请而来的新客", "customers", "inviter IS NOT NULL AND first_paid_day BETWEEN $first AND $last", "first_paid_at DESC, customer", _PERSON),
    "customers": RowSet("支付过的客户", "customers", "orders > 0 AND first_paid_day <= $last", "last_paid_at DESC, customer", _PERSON),
    "buyers": RowSet("这段时间支付的客户", _BUYERS, "true", "bought DESC, spent DESC, customer", (
        ("客户编号", "customer", ""), ("期内支付次数", "bought", ""), ("期内支付金额", "spent", "fen"), ("最近支付", "latest", "time"))),
    "annual": RowSet("前一年支付过的客户", _LAST_YEAR, "year_before > 0", "last_year DESC, latest DESC, customer", (
        ("客户编号", "customer", ""), ("前一年支付次数", "year_before", ""), ("最近一年支付次数", "last_year", ""), ("最近支付", "latest", "time"))),
    "silent": RowSet(
        "沉默的客户", f"customers NATURAL JOIN {_SILENT_DAY}", "gone < CAST($last AS DATE) - $silent_days", "paid_fen DESC, customer", _PERSON,
    ),
    "members": RowSet("入群成员", "group_members", "NOT is_staff AND joined_day BETWEEN $first AND $last", "joined_at DESC, chat_id, member", _MEMBER),
    "ripe_members": RowSet(
        "已满一天的入群成员", "group_members", "NOT is_staff AND joined_day BETWEEN $first AND $last AND joined_day <= CAST($horizon AS DATE) - 1",
        "joined_at DESC, chat_id, member", _MEMBER,
    ),
    "group_days": RowSet("群统计", DAYS, "true", "day DESC, owner, chat_id", (
        ("日期", "day", "day"), ("群主", "owner", ""), ("群数", "groups", ""), ("新增成员", "new_members", ""), ("成员", "members", ""),
        ("发言成员", "members_who_spoke", ""), ("消息数", "messages", ""))),
    "reads": RowSet("文章每天新增", DAILY, _SPAN, "day DESC, article_id", (
        ("日期", "day", "day"), ("文章", "title", ""), ("阅读人数", "readers", ""), ("分享人数", "sharers", ""), ("新增关注", "followers", ""))),
}  # fmt: skip
"""Name → the rows; every metric names one, except those summed over many sources."""
KIND_WORDS = {
    "page_view": "浏览页面",
    "product_view": "浏览商品",
    "add_to_cart": "加购",
    "order": "下单",
    "pay": "支付",
    "share": "分享",
    "invite_open": "打开邀请",
}
STATUS_WORDS = {
    "unpaid": "待付款",
    "paid": "待发货",
    "shipped": "已发货",
    "done": "已完成",
    "cancelled": "已取消",
    "refunded": "已全部退款",
    "pending": "待成团或待领取",
}


def rows_behind(shop_id: int, key: str, first: date, last: date, limit: int = 50, offset: int = 0) -> Rows:
    """The rows of the lake from which a number was made, newest first, under Chinese heads; money in 分, times aware."""
    check_days(first, last)
    metric = declared.metric(key)
    if not metric.rows:
        return Rows("", (), (), 0, "这个数字由多个来源汇总，没有单独的明细")
    for attempt in (1, 2):
        try:
            return _rows(shop_id, metric, first, last, limit, offset)
        except LakeUnreadable:  # a part was replaced between reading the manifest and opening the file
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


def _rows(shop_id: int, metric: Metric, first: date, last: date, limit: int, offset: int) -> Rows:
    kind, now = ROWS[metric.rows], lake.read(shop_id)
    if metric.shape in ("state", "spread") and now.horizon is not None:
        last = min(last, now.horizon)
    params: dict[str, Any] = {
        "days": 0, **metric.constants, "first": first, "last": last, "horizon": now.horizon or last, "silent_days": policy_values(shop_id)["customers.silent_days"],
    }  # fmt: skip
    named = ", ".join(f'"{column}"' for _, column, _ in kind.marks)
    page = f"LIMIT {max(0, int(limit))} OFFSET {max(0, int(offset))}"
    with engine_for(now) as engine:
        total = engine.query(f"SELECT count(*) AS n FROM {kind.source} WHERE {kind.condition}", None, params)["n"][0].as_py()
        found = engine.query(
            f"SELECT {named} FROM {kind.source} WHERE {kind.condition} ORDER BY {kind.order} {page}", None, params
        )
    lists = [found[column].to_pylist() for _, column, _ in kind.marks]
    for at, (_, column, unit) in enumerate(kind.marks):
        if unit == "channel":
            lists[at] = [name_of(v or "") for v in lists[at]]
        elif unit == "kind":
            lists[at] = [KIND_WORDS.get(v, v) for v in lists[at]]
        elif column == "status":
            lists[at] = [STATUS_WORDS.get(v, v) for v in lists[at]]
    heads = tuple(Column(head, unit if unit in ("fen", "day", "time") else "") for head, _, unit in kind.marks)
    return Rows(kind.title, heads, tuple(zip(*lists, strict=True)), int(total))
