"""What changes a 微信小店: notes, shipping, prices, stock, flash sales, coupons, after-sales decisions. Money moves here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.shop_business import BusinessWrites
from zhanggui.wechat.writes.shop_goods import GoodsWrites
from zhanggui.wechat.writes.shop_trade import TradeWrites

ADD, SUBTRACT = 1, 2
"""How a stock write counts. Setting (3) races with sales and is not offered."""


class ShopWrites(TradeWrites, GoodsWrites, BusinessWrites):
    """Writes to one shop; the everyday ones stand here, the others in the classes above. Amounts in 分."""

    # -- orders ----------------------------------------------------------------------------------------------------------------

    async def note_order(self, order_id: str, notes: str) -> None:
        """Overwrites the merchant's note of an order."""
        await self.call("order.merchantnotes.update", order_id=order_id, merchant_notes=notes)

    async def lower_price(self, order_id: str, lines: Sequence[dict[str, Any]], *, freight: int | None = None) -> None:
        """Lowers an unpaid order's price; `lines` hold product_id, sku_id and change_price (the line's total, 分). At most 50 times an order."""
        await self.call(
            "order.price.update",
            order_id=order_id,
            change_order_infos=list(lines),
            change_express=freight is not None,
            express_fee=freight,
        )

    async def ship(self, order_id: str, parcels: Sequence[dict[str, Any]]) -> None:
        """Ships parcels of an order: delivery_id, waybill_id, deliver_type, product_infos. Several calls make a split shipment."""
        await self.call("order.delivery.send", order_id=order_id, delivery_list=list(parcels))

    async def accept_address_change(self, order_id: str) -> None:
        """Accepts a buyer's wish for another address."""
        await self.call("order.addressmodify.accept", order_id=order_id)

    async def reject_address_change(self, order_id: str) -> None:
        """Rejects it."""
        await self.call("order.addressmodify.reject", order_id=order_id)

    # -- products --------------------------------------------------------------------------------------------------------------

    async def change_stock(self, product_id: str, sku_id: str, by: int) -> None:
        """Adds (or takes away, when negative) pieces of a SKU's stock; effective at once."""
        if by == 0:
            return
        await self.call(
            "product.stock.update", product_id=product_id, sku_id=sku_id, diff_type=ADD if by > 0 else SUBTRACT, num=abs(by)
        )

    async def change_prices(self, product_id: str, prices: dict[str, int]) -> None:
        """Sets the sale price (分) of SKUs without audit; refused while a flash sale holds them."""
        skus = [{"sku_id": sku_id, "sale_price": price} for sku_id, price in prices.items()]
        await self.call("product.auditfree", product_id=product_id, skus=skus)

    async def list_product(self, product_id: str) -> None:
        """Submits a draft for audit and listing."""
        await self.call("product.listing", product_id=product_id)

    async def delist_product(self, product_id: str) -> None:
        """Takes a product off sale."""
        await self.call("product.delisting", product_id=product_id)

    async def start_flash_sale(
        self,
        product_id: str,
        start: int,
        end: int,
        skus: Sequence[dict[str, Any]],
        *,
        title: str | None = None,
        limit: int | None = None,
    ) -> str:
        """Creates a 限时抢购 task (one unfinished task per product) and gives its id. `skus` hold sku_id, sale_price 分, sale_stock."""
        reply = await self.call(
            "product.limiteddiscounttask.add",
            parse=False,
            product_id=product_id,
            start_time=start,
            end_time=end,
            limited_discount_skus=list(skus),
            title=title,
            is_limit_purchase=None if limit is None else True,
            limit_purchase_num=limit,
        )
        return str(reply["task_id"])

    async def stop_flash_sale(self, task_id: str) -> None:
        """Stops a task; cannot be undone."""
        await self.call("product.limiteddiscounttask.stop", task_id=task_id)

    # -- coupons ---------------------------------------------------------------------------------------------------------------

    async def create_coupon(self, **body: Any) -> str:
        """Creates a coupon (editing state) and gives its id; customers must claim it themselves."""
        reply = await self.call("coupon.create", parse=False, **body)
        inner = reply.get("data") or reply
        return str(inner["coupon_id"])

    async def activate_coupon(self, coupon_id: str) -> None:
        """Makes a coupon claimable."""
        await self.call("coupon.update_status", coupon_id=coupon_id, status=2)

    async def void_coupon(self, coupon_id: str) -> None:
        """Voids a coupon: no more claims."""
        await self.call("coupon.update_status", coupon_id=coupon_id, status=4)

    # -- after-sales -----------------------------------------------------------------------------------------------------------

    async def accept_aftersale(self, case_id: str, *, address_id: str | None = None, accept_type: int | None = None) -> None:
        """Accepts a case. **Money leaves** when it is a refund or a receipt; cannot be undone."""
        await self.call("aftersale.acceptapply", after_sale_order_id=case_id, address_id=address_id, accept_type=accept_type)

    async def reject_aftersale(self, case_id: str, reason_type: int, reason: str | None = None) -> None:
        """Rejects a case for a reason from `aftersale.rejectreason.get`."""
        await self.call(
            "aftersale.rejectapply", after_sale_order_id=case_id, reject_reason_type=reason_type, reject_reason=reason
        )

    async def refund_difference(
        self, request_id: str, order_id: str, product_id: str, sku_id: str, amount: int, reason: str
    ) -> str:
        """Refunds part of a price (分) and gives the case id. **Money leaves.**"""
        reply = await self.call(
            "aftersale.refundpricediff",
            parse=False,
            request_id=request_id,
            order_id=order_id,
            product_id=product_id,
            sku_id=sku_id,
            amount=amount,
            reason=reason,
        )
        return str(reply.get("after_sale_order_id") or reply.get("aftersale_id") or "")

    async def upload_image(self, content: bytes, filename: str) -> str:
        """Uploads a picture for products and gives its URL."""
        reply = await self.upload("basics.img.upload", content, filename, resp_type=1, upload_type=0)
        return str(reply.pic_file.img_url or "")
