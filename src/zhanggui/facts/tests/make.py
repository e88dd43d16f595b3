"""Platform payloads of our own making, as small as the platform lets them be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

T0 = datetime(2026, 3, 1, 4, tzinfo=UTC)


def second(moment: datetime | None) -> int:
    """The epoch second of a moment; 0 for none."""
    return int(moment.timestamp()) if moment else 0


def order(
    number: str = "3700000000000000001",
    *,
    status: int = 20,
    created: datetime = T0,
    paid: datetime | None = T0,
    updated: datetime | None = None,
    fen: int = 5000,
    freight: int = 0,
    openid: str = "oBUYER",
    lines: tuple[tuple[str, int, int], ...] = (("1", 1, 5000),),
    **more: Any,
) -> dict[str, Any]:
    """The `order` object of order/get: `lines` are (sku, count, 分 for the line)."""
    products = [
        {
            "product_id": f"p{sku}",
            "sku_id": sku,
            "sku_cnt": count,
            "title": f"货{sku}",
            "sale_price": line // count,
            "real_price": line,
        }
        for sku, count, line in lines
    ]
    pay = {"pay_time": second(paid)} if paid else {}
    detail = {
        "product_infos": products,
        "price_info": {"product_price": fen - freight, "order_price": fen, "freight": freight, "original_order_price": fen},
        "pay_info": pay,
        "delivery_info": {"address_info": {"province_name": "浙江省", "user_name": "张**", "tel_number": "138****8000"}},
    }
    return {
        "order_id": number, "status": status, "openid": openid, "create_time": second(created),
        "update_time": second(updated or paid or created), "order_detail": {**detail, **more.pop("detail", {})}, **more,
    }  # fmt: skip


def aftersale(
    number: str = "2000000000000000001",
    order_id: str = "3700000000000000001",
    *,
    status: str = "MERCHANT_REFUND_SUCCESS",
    fen: int = 5000,
    created: datetime = T0,
    updated: datetime | None = None,
    done: datetime | None = T0,
    **more: Any,
) -> dict[str, Any]:
    """The `after_sale_order` object."""
    return {
        "after_sale_order_id": number, "order_id": order_id, "status": status, "type": "REFUND", "openid": "oBUYER", "reason": "NOT_WANTED",
        "reason_text": "不想要了", "product_info": {"product_id": "p1", "sku_id": "1", "count": 1}, "refund_info": {"amount": fen},
        "create_time": second(created), "update_time": second(updated or done or created), "complete_time": second(done), **more,
    }  # fmt: skip


def product(number: str = "p1", *, skus: tuple[tuple[str, int, int], ...] = (("1", 5000, 9),), **more: Any) -> dict[str, Any]:
    """The `product` object: `skus` are (id, 分, stock)."""
    return {
        "product_id": number, "title": f"货{number}", "status": 5, "head_imgs": ["https://mmecimage.cn/p/1"], "cats": [{"cat_id": "7"}],
        "skus": [{"sku_id": sku, "sale_price": fen, "stock_num": stock, "sku_code": f"c{sku}"} for sku, fen, stock in skus], **more,
    }  # fmt: skip
