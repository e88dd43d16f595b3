"""The first rows of a file as they would be taken in, for a person to look at; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from zhanggui.facts import models as m
from zhanggui.facts.files import fields, intake, orders, plain
from zhanggui.facts.files.orders import Assembled, Stage
from zhanggui.facts.files.rows import Refusal, Refusals
from zhanggui.kernel import vault
from zhanggui.kernel.money import yuan


@dataclass
class Preview:
    """The first rows of a file as they would be taken in."""

    header: list[str]
    rows: list[list[str]]
    refusals: list[Refusal]
    read: int
    """How many rows were looked at."""
    problems: list[str]


def preview(file: m.ImportFile, columns: Mapping[str, Any], limit: int = 50, *, kind: str | None = None) -> Preview:
    """The first `limit` rows as they would be taken in, and those that would be refused. Nothing is written."""
    chosen = intake.kind_of(file, kind)
    reader, _, problems = intake.reader_of(file, chosen, columns)
    refusals = Refusals()
    if chosen is fields.ORDERS:
        with Stage() as stage:
            rows = orders.OrderRows(reader, intake.context_of(file.shop, reader.columns))
            for batch in reader.batches(limit):
                stage.add(rows.take(batch))
                for index in sorted(batch.refused):
                    refusals.add(batch.refused[index])
            stage.index()
            levels = orders.levels(stage, reader)
            shown = [_shown_order(file.shop, o) for o in stage.assembled(levels, rows.mapped)]
        header = [
            "订单号",
            "状态",
            "下单时间",
            "支付时间",
            "买家",
            "商品行",
            "件数",
            "商品总额",
            "优惠",
            "运费",
            "实付",
            "退款",
            "渠道",
            "地区",
        ]
        return Preview(header, shown, refusals.first, reader.read, problems)
    job = intake.job_of(file.shop, reader)
    read = plain.PLAIN[chosen.key][0]
    out: list[list[str]] = []
    for batch in reader.batches(limit):
        out.extend(_shown_plain(file.shop, chosen.key, row) for row in read(reader, batch, job))
        for index in sorted(batch.refused):
            refusals.add(batch.refused[index])
    return Preview(list(plain.SHOWN[chosen.key]), out, refusals.first, reader.read, problems)


def _local(shop: m.Shop, micros: int | None) -> str:
    return "" if micros is None else f"{datetime.fromtimestamp(micros / 1_000_000, UTC).astimezone(shop.zone):%Y-%m-%d %H:%M}"


_STATUS_NAMES = {
    "unpaid": "待付款",
    "paid": "已付款",
    "shipped": "已发货",
    "done": "已完成",
    "cancelled": "已取消",
    "refunded": "已退款",
    "pending": "待成团或待领取",
}


def _shown_order(shop: m.Shop, order: Assembled) -> list[str]:
    refund = sum(r.amount_fen for r in order.returns)
    if not order.has_sale:
        item = order.returns[0]
        return [
            order.order_id,
            "退货单",
            _local(shop, item.at),
            "",
            plain.person_shown(order.person),
            str(len(order.returns)),
            str(sum(r.quantity for r in order.returns)),
            "",
            "",
            "",
            "",
            yuan(refund),
            order.channel,
            order.region,
        ]
    return [
        order.order_id, _STATUS_NAMES[order.status], _local(shop, order.created), _local(shop, order.paid_at), plain.person_shown(order.person), str(len(order.lines)),
        str(sum(x.quantity for x in order.lines)), yuan(order.goods_fen), yuan(order.discount_fen), yuan(order.freight_fen), yuan(order.paid_fen),
        yuan(refund) if refund else "", order.channel, order.region,
    ]  # fmt: skip


_MONEY_AT = {"refunds": {3}, "products": {6}, "costs": {2}, "spend": {3, 8}}
_MOMENT_AT = {"refunds": {2}, "stock": {1}, "events": {1}, "reviews": {1}}
_DAY_AT = {"costs": {1}, "spend": {0}, "visits": {0}}
_PERSON_AT = {"refunds": {8}, "events": {3}, "reviews": {4}}


def _shown_plain(shop: m.Shop, kind: str, row: tuple[Any, ...]) -> list[str]:
    out = []
    for place, value in enumerate(row):
        if value is None:
            out.append("")
        elif place in _MONEY_AT.get(kind, ()):
            out.append(yuan(value))
        elif place in _MOMENT_AT.get(kind, ()):
            out.append(_local(shop, value))
        elif place in _DAY_AT.get(kind, ()):
            out.append(date.fromordinal(date(1970, 1, 1).toordinal() + value).isoformat())
        elif place in _PERSON_AT.get(kind, ()):
            out.append(plain.person_shown(value))
        elif isinstance(value, bytes):
            text = vault.unseal(value, shop_id=shop.pk).decode()
            out.append(text if len(text) <= 30 else text[:30] + "…")
        elif isinstance(value, bool):
            out.append("是" if value else "否")
        else:
            out.append(str(value))
    return out
