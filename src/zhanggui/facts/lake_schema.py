"""The lake's tables: what a metric may select from. One dictionary, read by the writer, by sqlglot's check and by the docs.

All times are UTC microseconds; `day` is the shop's business day; money is integer 分; `customer` is the dense number
of the person after merges (0 ≤ customer < number of customers of the shop), null only where a file names nobody.
Files lie at `<lake>/<table>/shop=<id>/[month=YYYY-MM/]data.parquet`; tables with `month` are split by the month of `day`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TS = pa.timestamp("us", tz="UTC")
I32, I64, DAY, TEXT, BOOL, F64 = pa.int32(), pa.int64(), pa.date32(), pa.string(), pa.bool_(), pa.float64()


@dataclass(frozen=True)
class Table:
    """One table of the lake."""

    name: str
    meaning: str
    columns: dict[str, pa.DataType]
    monthly: bool = True

    @property
    def schema(self) -> pa.Schema:
        """The Parquet schema, columns in declared order."""
        return pa.schema(list(self.columns.items()))


_ALL = (
    Table("events", "行为日志，按时间排列：浏览、加购、下单、支付、分享、打开邀请；下单与支付取自订单，每个商品行一条", {
        "ts": TS, "day": DAY, "customer": I32, "kind": TEXT, "session": TEXT, "page": TEXT, "product_id": TEXT, "sku_id": TEXT,
        "channel": TEXT, "channel_kind": TEXT, "device": TEXT, "region": TEXT, "tier": TEXT, "is_new": BOOL,
        "order_id": TEXT, "amount_fen": I64, "referrer": I32,
    }),
    Table("orders", "订单，每单一行（含未付款与取消）；day 为下单日，paid_day 为支付日", {
        "order_id": TEXT, "day": DAY, "created_at": TS, "paid_at": TS, "paid_day": DAY, "customer": I32, "status": TEXT,
        "goods_fen": I64, "discount_fen": I64, "freight_fen": I64, "paid_fen": I64, "refunded_fen": I64, "units": I64,
        "nth": I32, "previous_paid_at": TS, "channel": TEXT, "channel_kind": TEXT, "device": TEXT, "region": TEXT, "tier": TEXT,
        "is_new": BOOL, "is_gift": BOOL,
    }),
    Table("order_lines", "订单商品行（已支付订单），cost_fen 为该行成本，未知为空", {
        "order_id": TEXT, "line_no": I32, "day": DAY, "paid_day": DAY, "customer": I32, "product_id": TEXT, "sku_id": TEXT, "category": TEXT,
        "is_goods": BOOL, "quantity": I64, "paid_fen": I64, "cost_fen": I64, "channel": TEXT, "channel_kind": TEXT, "device": TEXT,
        "region": TEXT, "tier": TEXT, "is_new": BOOL,
    }),
    Table("refunds", "退款（已退回买家的钱）；day 为退款日，paid_day 为原订单支付日", {
        "refund_key": TEXT, "order_id": TEXT, "day": DAY, "at": TS, "paid_day": DAY, "customer": I32, "product_id": TEXT, "quantity": I64,
        "amount_fen": I64, "channel": TEXT, "channel_kind": TEXT, "device": TEXT, "region": TEXT, "tier": TEXT, "is_new": BOOL,
    }),
    Table("customers", "客户，每人一行", {
        "customer": I32, "first_seen_at": TS, "first_seen_day": DAY, "first_paid_at": TS, "first_paid_day": DAY, "last_paid_at": TS, "last_paid_day": DAY,
        "orders": I64, "paid_fen": I64, "refunded_fen": I64, "channel": TEXT, "channel_kind": TEXT, "device": TEXT, "region": TEXT, "tier": TEXT,
        "inviter": I32,
    }, monthly=False),
    Table("products", "商品，每个 SPU 一行", {
        "product_id": TEXT, "title": TEXT, "category": TEXT, "status": TEXT, "is_goods": BOOL, "price_low_fen": I64, "price_high_fen": I64,
        "stock": I64,
    }, monthly=False),
    Table("spend", "渠道花费，每日每渠道每计划一行", {
        "day": DAY, "channel": TEXT, "channel_kind": TEXT, "campaign": TEXT, "source": TEXT, "cost_fen": I64, "views": I64, "clicks": I64,
        "platform_new_customers": I64,
    }, monthly=False),
    Table("daily_visits", "小程序官方日数据（全店，T+1）；one_page 与 depth_sessions 为访问深度分布的一页数与合计", {
        "day": DAY, "sessions": I64, "page_views": I64, "visitors": I64, "new_visitors": I64, "share_visitors": I64, "share_views": I64,
        "stay_seconds_per_session": F64, "visit_depth": F64, "one_page": I64, "depth_sessions": I64, "retained_day1": I64, "retained_base": I64,
    }, monthly=False),
    Table("reads", "公众号文章日数据", {
        "article_id": TEXT, "day": DAY, "title": TEXT, "readers": I64, "sharers": I64, "followers_gained": I64, "is_running_sum": BOOL,
    }, monthly=False),
    Table("group_members", "社群成员的一次在群", {
        "chat_id": TEXT, "member": TEXT, "customer": I32, "is_staff": BOOL, "joined_at": TS, "joined_day": DAY, "left_at": TS, "left_day": DAY,
        "state": TEXT,
    }, monthly=False),
    Table("group_daily", "社群日数据（按群主或按群）", {
        "day": DAY, "owner": TEXT, "chat_id": TEXT, "groups": I64, "new_members": I64, "members": I64, "members_who_spoke": I64, "messages": I64,
    }, monthly=False),
)  # fmt: skip
TABLES: dict[str, Table] = {t.name: t for t in _ALL}

EVENT_KINDS = ("page_view", "product_view", "add_to_cart", "order", "pay", "share", "invite_open")
"""Kinds of the event log, in the order in which a purchase goes through the first five."""
