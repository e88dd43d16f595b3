"""The kinds of table whose rows are facts by themselves: returns, products, costs, stock, spend, visits, events, reviews.

Each kind has a reader (`read_<kind>`: batch → plain tuples, refusing what makes no sense, no database) and a writer
(`write_<kind>`: spooled tuples → the shop's tables, inside the transaction).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.order_parts import person_ids
from zhanggui.facts.files.plain_after import read_refunds, read_reviews, write_refunds, write_reviews
from zhanggui.facts.files.plain_goods import read_costs, read_products, read_stock, write_costs, write_products, write_stock
from zhanggui.facts.files.plain_job import Job, Row, sku_index
from zhanggui.facts.files.plain_traffic import read_events, read_spend, read_visits, write_events, write_spend, write_visits
from zhanggui.facts.files.rows import Batch, RowReader
from zhanggui.facts.files.sink import Spool

Reader = Callable[[RowReader, Batch, Job], list[Row]]
PLAIN: dict[str, tuple[Reader, Callable[[Job, Spool], None]]] = {
    "refunds": (read_refunds, write_refunds), "products": (read_products, write_products), "costs": (read_costs, write_costs), "stock": (read_stock, write_stock),
    "spend": (read_spend, write_spend), "visits": (read_visits, write_visits), "events": (read_events, write_events), "reviews": (read_reviews, write_reviews),
}  # fmt: skip
SHOWN: dict[str, Sequence[str]] = {
    "refunds": ("售后单号", "订单号", "退款时间", "退款金额", "商品", "SKU", "数量", "原因", "买家"),
    "products": ("商品", "SKU", "商品编码", "名称", "规格", "类目", "售价", "库存", "状态", "主图"),
    "costs": ("SKU", "生效日期", "成本"), "stock": ("SKU", "盘点时间", "数量"),
    "spend": ("日期", "渠道", "计划", "花费", "曝光", "点击", "平台记新客", "平台记订单数", "平台记成交额"),
    "visits": ("日期", "打开次数", "访问次数", "访问人数", "新访客", "分享人数", "分享次数", "累计用户", "次均停留秒数", "平均访问深度"),
    "events": ("事件编号", "时间", "行为", "访客", "会话", "页面", "商品", "SKU", "渠道", "场景", "设备", "地区"),
    "reviews": ("评价编号", "时间", "商品", "订单号", "买家", "评分", "内容", "有图"),
}  # fmt: skip


def plain_parsers(kind: str) -> dict[str, Callable[[str], Any]]:
    """Readers of fields that need more than their type."""
    if kind == "refunds":
        return {"status": fields.aftersale_done}
    return {"channel": fields.channel_key, "region": cells.region} if kind in {"spend", "events"} else {}


def person_shown(key: str | None) -> str:
    """A person's id in a preview, shortened: enough to recognise, too little to copy."""
    if not key:
        return ""
    value = next(iter(person_ids(key).values()))
    return value if len(value) <= 8 else value[:6] + "…"


__all__ = ["PLAIN", "SHOWN", "Job", "person_shown", "plain_parsers", "sku_index"]
