"""One order out of its staged rows: totals, shares of the lines, state, and the money that went back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zhanggui.facts.files import cells
from zhanggui.facts.files.order_parts import STAGE, Assembled, Line, Return, return_key
from zhanggui.kernel.money import split

(_ROW, _ORDER, _RETURN, _CREATED, _PAID_AT, _SHIPPED, _DONE, _STATUS, _PLATFORM, _RETURNED, _LINE, _PRODUCT, _SKU, _TITLE, _ATTRIBUTES, _CATEGORY, _QUANTITY, _UNIT,
 _GROSS, _LINE_PAID, _PAID, _GOODS, _FREIGHT, _DISCOUNT, _REFUND, _REFUND_AT, _IDS, _REGION, _CHANNEL, _SCENE, _DEVICE, _CONTACT, _CONTACT_HASH, _PERSON) = range(len(STAGE) + 1)  # fmt: skip


def _total(rows: list[tuple[Any, ...]], place: int, level: str) -> int | None:
    """An amount of an order: the stated one, or the lines' added up; None when no row gives it."""
    values = [r[place] for r in rows if r[place] is not None]
    if not values:
        return None
    return int(max(values, key=abs)) if level == "order" else int(sum(values))


def _first(rows: list[tuple[Any, ...]], place: int) -> Any:
    for row in rows:
        if row[place] is not None:
            return row[place]
    return None


def assemble(rows: list[tuple[Any, ...]], levels: Mapping[str, str], mapped: frozenset[str]) -> Assembled:
    """One order out of its staged rows.

    Amounts: the order's own figure wins over the lines'; what is stated for the order is split over its lines by
    their gross value with nothing lost. An order that is unpaid or cancelled before payment has no `paid_at`.
    A paid order that was closed, and after-sales that are done, become returns of that order.
    """
    head = rows[0]
    sales = rows if not any(r[_RETURN] for r in rows) else [r for r in rows if not r[_RETURN]]
    single = len(rows) == 1
    order_id, created = head[_ORDER], head[_CREATED]
    person = head[_PERSON] if single else _first(rows, _PERSON)

    def get(place: int) -> Any:
        return head[place] if single else _first(rows, place)

    order = Assembled(
        order_id, bool(sales), created, None, get(_SHIPPED), get(_DONE), "done", (get(_PLATFORM) or "")[:20], 0, 0, 0, 0, person, get(_REGION) or "", get(_CHANNEL) or "",
        get(_SCENE) or "", get(_DEVICE) or "", get(_CONTACT), get(_CONTACT_HASH) or "", rows=len(rows),
    )  # fmt: skip
    seen: dict[str, int] = {}
    if sales:
        _amounts(order, sales, levels, mapped, seen)
        _state(order, sales, levels, mapped)
    if len(sales) != len(rows):
        for row in rows:
            if row[_RETURN]:
                sku = row[_SKU]
                seen[sku] = seen.get(sku, 0) + 1
                amount = (
                    row[_LINE_PAID] if row[_LINE_PAID] is not None else row[_GROSS] if row[_GROSS] is not None else row[_PAID]
                )
                order.returns.append(
                    Return(
                        return_key(order_id, sku, seen[sku]), order_id if sales else "", person, row[_PRODUCT], sku, row[_QUANTITY], amount or 0,
                        row[_REFUND_AT] or row[_CREATED], "退货",
                    )
                )  # fmt: skip
    return order


def _amounts(
    order: Assembled, sales: list[tuple[Any, ...]], levels: Mapping[str, str], mapped: frozenset[str], seen: dict[str, int]
) -> None:
    grosses = [r[_GROSS] for r in sales]
    gross_known = None not in grosses
    line_place = _LINE_PAID if "line_paid" in mapped else _PAID if "paid" in mapped and levels["paid"] == "line" else -1
    line_paids = [r[line_place] for r in sales] if line_place >= 0 else []
    per_line = bool(line_paids) and None not in line_paids
    paid = _total(sales, _PAID, "order") if "paid" in mapped and levels["paid"] == "order" else None
    freight = abs(_total(sales, _FREIGHT, levels["freight"]) or 0) if "freight" in mapped else 0
    discount = abs(_total(sales, _DISCOUNT, levels["discount"]) or 0) if "discount" in mapped else None
    goods = _total(sales, _GOODS, "order") if "goods" in mapped else None
    if goods is None and gross_known:
        goods = sum(grosses)
    if paid is None:
        order.from_lines = True
        paid = sum(line_paids) + freight if per_line else max(0, (goods or 0) + freight - (discount or 0))
    else:
        order.from_lines = False
    if goods is None:
        goods = max(0, paid - freight + (discount or 0))
    if discount is None:
        discount = max(0, goods + freight - paid)
    order.paid_fen, order.goods_fen, order.freight_fen, order.discount_fen = paid, goods, freight, discount
    if per_line:
        shares: list[Any] = line_paids
    else:
        rest = max(0, paid - freight) if paid >= freight else paid
        if len(sales) == 1:
            shares = [rest]
        elif gross_known and rest == sum(grosses):
            shares = grosses
        else:
            shares = list(split(rest, [g or 0 for g in grosses] if any(grosses) else [r[_QUANTITY] for r in sales]))
    for number, (row, share, gross) in enumerate(zip(sales, shares, grosses, strict=True), 1):
        sku, quantity, unit = row[_SKU], row[_QUANTITY], row[_UNIT]
        seen[sku] = occurrence = seen.get(sku, 0) + 1
        if unit is None:
            unit = cells.half_up(gross if gross is not None else share, quantity or 1)
        order.lines.append(
            Line(
                row[_PRODUCT],
                sku,
                row[_TITLE] or "",
                row[_ATTRIBUTES] or "",
                row[_CATEGORY] or "",
                quantity,
                unit,
                share,
                number,
                occurrence,
            )
        )


def _state(order: Assembled, sales: list[tuple[Any, ...]], levels: Mapping[str, str], mapped: frozenset[str]) -> None:
    status, paid_at = _first(sales, _STATUS), _first(sales, _PAID_AT)
    if status is None:
        if "paid_at" in mapped and paid_at is None:
            status = "unpaid" if "status" not in mapped else "cancelled" if order.platform_status else "unpaid"
        else:
            status = "paid" if "status" in mapped else "done"
    refund = _total(sales, _REFUND, levels["refund"]) if "refund_amount" in mapped else None
    refund = abs(refund) if refund else refund
    at = _first(sales, _REFUND_AT) or order.done_at or paid_at or order.created
    if status in {"unpaid", "cancelled"} and paid_at is not None and "paid_at" in mapped:
        # Money came before the order was closed, so it went back; an unpaid order with a payment time is paid.
        status = "paid" if status == "unpaid" else "refunded"
    order.status = status
    if status in {"unpaid", "cancelled"}:
        order.paid_at = None
        return
    if status == "pending":
        order.paid_at = paid_at
    else:
        order.paid_at = paid_at if paid_at is not None else order.created
    if order.paid_at is None:
        return
    if status == "refunded" and not refund:
        refund = order.paid_fen
    elif "refund_amount" not in mapped and any(r[_RETURNED] for r in sales) and status != "refunded":
        for row, line in zip(sales, order.lines, strict=True):
            if row[_RETURNED] and line.paid_fen:
                order.returns.append(
                    Return(
                        return_key(order.order_id, line.sku_id, line.occurrence),
                        order.order_id,
                        order.person,
                        line.product_id,
                        line.sku_id,
                        line.quantity,
                        line.paid_fen,
                        at,
                        "退款",
                    )
                )
        return
    if refund:
        if "refund_amount" in mapped and levels["refund"] == "line" and any(r[_REFUND] for r in sales):
            for row, line in zip(sales, order.lines, strict=True):
                if row[_REFUND]:
                    order.returns.append(
                        Return(
                            return_key(order.order_id, line.sku_id, line.occurrence), order.order_id, order.person, line.product_id, line.sku_id,
                            line.quantity if abs(row[_REFUND]) >= line.paid_fen else 0, abs(row[_REFUND]), row[_REFUND_AT] or at, "退款",
                        )
                    )  # fmt: skip
        else:
            only = order.lines[0] if len(order.lines) == 1 else None
            order.returns.append(
                Return(
                    return_key(order.order_id), order.order_id, order.person, only.product_id if only else "", only.sku_id if only else "",
                    only.quantity if only and refund >= order.paid_fen else 0, refund, at, "退款",
                )
            )  # fmt: skip
        if refund >= order.paid_fen and order.paid_fen:
            order.status = "refunded"
