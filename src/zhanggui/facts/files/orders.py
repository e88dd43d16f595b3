"""Orders out of a file: staging, grouping rows into orders, amounts, returns (no shop database).

order_parts   values: lines, returns, whole orders, who bought
order_rows    each row judged and typed
order_stage   rows on disk, grouped (DuckDB in a temporary folder; spills, bounded memory)
order_sums    one order out of its rows
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.order_parts import Assembled, Line, Return, Sold, match_returns, person_ids, person_key
from zhanggui.facts.files.order_rows import Context, OrderRows
from zhanggui.facts.files.order_stage import Stage
from zhanggui.facts.files.rows import Refusal, Refusals, RowReader

_AMOUNTS = ("unit_price", "line_amount", "line_paid", "paid")


def stage_file(reader: RowReader, context: Context, refusals: Refusals, stage: Stage) -> OrderRows:
    """Reads a file of orders into the stage; refused rows go to `refusals`."""
    rows = OrderRows(reader, context)
    for batch in reader.batches():
        stage.add(rows.take(batch))
        for index in sorted(batch.refused):
            refusals.add(batch.refused[index])
    stage.index()
    column = next((str(reader.columns[k]["column"]) for k in _AMOUNTS if k in rows.mapped), "")
    for number in stage.drop_without_amount():
        refusals.add(Refusal(number, column, "", "缺金额", "补上金额或单价后再导入"))
    if not rows.mapped & {"status", "paid_at"}:
        for number in stage.drop_worthless():
            refusals.add(Refusal(number, column, "0", "整单金额为 0：是库存调整、样品、赠送或测试，不是销售", "不用处理"))
    return rows


def levels(stage: Stage, reader: RowReader) -> dict[str, str]:
    """Per amount, whether it is the order's or the line's: as the mapping says, else as the values show."""
    found = stage.levels()
    for name, key in (("paid", "paid"), ("freight", "freight"), ("discount", "discount"), ("refund", "refund_amount")):
        said = reader.columns.get(key, {}).get("level")
        if said in {"order", "line"}:
            found[name] = str(said)
    return found


def parsers() -> dict[str, Callable[[str], Any]]:
    """Readers of the fields of orders that need more than their type."""
    return {"aftersale": fields.aftersale_done, "region": cells.region, "channel": fields.channel_key}


__all__ = [
    "Assembled", "Context", "Line", "OrderRows", "Return", "Sold", "Stage", "levels", "match_returns", "parsers", "person_ids", "person_key", "stage_file",
]  # fmt: skip
