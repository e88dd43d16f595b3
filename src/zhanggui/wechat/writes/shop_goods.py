"""What changes products, brands, gifts, warehouses and coupons of a 微信小店 beyond the everyday calls in `writes.shop`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.base import Writes, told


class GoodsWrites(Writes):
    """Writes to the products of one shop. Prices in 分."""

    # -- products ----------------------------------------------------------------------------------------------------------------

    async def add_product(self, **more: Any) -> str:
        """Creates a product as a draft and gives its id (title, head_imgs, desc_info, cats_v2, skus …; listing=1 submits it)."""
        return told(await self.call("product.add", parse=False, **more), "product_id")

    async def replace_product(self, product_id: str, **more: Any) -> None:
        """Replaces the whole draft: SKUs that are not named with their sku_id are deleted. Read, change, write."""
        await self.call("product.update", product_id=product_id, **more)

    async def cancel_audit(self, product_id: str) -> None:
        """Takes a draft back from audit."""
        await self.call("product.audit.cancel", product_id=product_id)

    async def delete_product(self, product_id: str) -> None:
        """Puts a product into the recycle bin."""
        await self.call("product.delete", product_id=product_id)

    async def change_without_audit(self, product_id: str, **more: Any) -> None:
        """Changes what needs no audit: codes, prices, presale, purchase limits, delivery."""
        await self.call("product.auditfree", product_id=product_id, **more)

    async def set_audit_strategy(self, strategy: dict[str, Any]) -> None:
        """Sets how the audit deals with faults: 0 keep, 1 on, 2 off."""
        await self.call("product.auditstrategy.set", audit_strategy=strategy)

    async def start_timed_sale(self, product_id: str, **more: Any) -> None:
        """Starts a timed listing."""
        await self.call("product.begintimingsale", product_id=product_id, **more)

    async def cancel_timed_sale(self, product_id: str, **more: Any) -> None:
        """Cancels a timed listing."""
        await self.call("product.canceltimingsale", product_id=product_id, **more)

    async def change_flash_sale(
        self, task_id: str, status: int, start: int, end: int, skus: Sequence[dict[str, Any]], *, title: str | None = None
    ) -> None:
        """Changes a 限时抢购 task that is not over; `status` is its present one."""
        await self.call(
            "product.limiteddiscounttask.update",
            task_id=task_id,
            status=status,
            start_time=start,
            end_time=end,
            limited_discount_skus=list(skus),
            title=title,
        )

    async def delete_flash_sale(self, task_id: str) -> None:
        """Deletes a 限时抢购 task that is over."""
        await self.call("product.limiteddiscounttask.delete", task_id=task_id)

    # -- categories and brands ---------------------------------------------------------------------------------------------------

    async def apply_category(self, category: dict[str, Any]) -> str:
        """Applies for a category and gives the audit id."""
        return told(await self.call("category.add", parse=False, category_info=category), "audit_id")

    async def cancel_category(self, audit_id: str) -> None:
        """Takes an application for a category back."""
        await self.call("category.audit.cancel", audit_id=audit_id)

    async def add_brand(self, brand: dict[str, Any]) -> str:
        """Applies for a brand and gives the audit id."""
        return told(await self.call("brand.add", parse=False, brand=brand), "audit_id")

    async def change_brand(self, brand: dict[str, Any]) -> str:
        """Changes a brand and gives the audit id."""
        return told(await self.call("brand.update", parse=False, brand=brand), "audit_id")

    async def delete_brand(self, brand_id: str) -> None:
        """Deletes a brand."""
        await self.call("brand.delete", brand_id=brand_id)

    async def cancel_brand(self, brand_id: str, audit_id: str) -> None:
        """Takes an application for a brand back."""
        await self.call("brand.audit.cancel", brand_id=brand_id, audit_id=audit_id)

    # -- gifts -------------------------------------------------------------------------------------------------------------------

    async def add_gift(self, **more: Any) -> str:
        """Creates a gift product and gives its id."""
        return told(await self.call("product.gift.add", parse=False, **more), "product_id")

    async def change_gift(self, product_id: str, **more: Any) -> None:
        """Changes a gift product."""
        await self.call("product.gift.update", product_id=product_id, **more)

    async def make_gift(self, product_id: str, skus: Sequence[dict[str, Any]]) -> str:
        """Turns a product on sale into a gift and gives the gift's id."""
        return told(
            await self.call("product.gift.onsale.set", parse=False, product_id=product_id, skus=list(skus)), "gift_product_id"
        )

    async def change_gift_stock(self, product_id: str, sku_id: str, diff_type: int, num: int) -> None:
        """Changes the stock of a gift: diff_type 1 add, 2 subtract."""
        await self.call("product.gift.stock.update", product_id=product_id, sku_id=sku_id, diff_type=diff_type, num=num)

    async def start_buy_gift(self, **more: Any) -> str:
        """Creates a 买赠 activity and gives its id."""
        return told(await self.call("product.activity.add", parse=False, **more), "activity_id")

    async def stop_buy_gift(self, activity_id: str) -> None:
        """Stops a 买赠 activity."""
        await self.call("product.activity.stop", activity_id=activity_id)

    async def delete_buy_gift(self, activity_id: str) -> None:
        """Deletes a 买赠 activity."""
        await self.call("product.activity.del", activity_id=activity_id)

    # -- warehouses --------------------------------------------------------------------------------------------------------------

    async def add_warehouse(
        self, out_warehouse_id: str, name: str, intro: str, *, areas: Sequence[dict[str, Any]] | None = None
    ) -> None:
        """Creates a regional warehouse."""
        await self.call(
            "warehouse.create",
            out_warehouse_id=out_warehouse_id,
            name=name,
            intro=intro,
            cover_locations=None if areas is None else list(areas),
        )

    async def change_warehouse(self, out_warehouse_id: str, name: str, intro: str) -> None:
        """Renames a regional warehouse."""
        await self.call("warehouse.detail.update", out_warehouse_id=out_warehouse_id, name=name, intro=intro)

    async def add_areas(self, out_warehouse_id: str, areas: Sequence[dict[str, Any]]) -> None:
        """Lets a regional warehouse serve more regions."""
        await self.call("warehouse.coverlocations.add", out_warehouse_id=out_warehouse_id, cover_locations=list(areas))

    async def drop_areas(self, out_warehouse_id: str, areas: Sequence[dict[str, Any]]) -> None:
        """Lets a regional warehouse serve fewer regions."""
        await self.call("warehouse.coverlocations.del", out_warehouse_id=out_warehouse_id, cover_locations=list(areas))

    async def set_warehouse_order(self, warehouses: Sequence[str], **more: Any) -> None:
        """Sets which warehouses serve a region (address_id1 …) first."""
        await self.call("warehouse.address.prioritysort.set", priority_sort=list(warehouses), **more)

    async def change_warehouse_stock(self, product_id: str, sku_id: str, out_warehouse_id: str, diff_type: int, num: int) -> None:
        """Changes the stock of a SKU in a regional warehouse: diff_type 1 add, 2 subtract."""
        await self.call(
            "warehouse.stock.update",
            product_id=product_id,
            sku_id=sku_id,
            out_warehouse_id=out_warehouse_id,
            diff_type=diff_type,
            num=num,
        )

    # -- coupons -----------------------------------------------------------------------------------------------------------------

    async def change_coupon(self, coupon_id: str, **more: Any) -> None:
        """Replaces a coupon's body."""
        await self.call("coupon.update", coupon_id=coupon_id, **more)

    async def delete_coupon(self, coupon_id: str) -> None:
        """Deletes a coupon."""
        await self.call("coupon.update_status", coupon_id=coupon_id, status=5)

    async def upload_licence(self, content: bytes, filename: str) -> str:
        """Uploads a licence for a category or brand and gives its file id."""
        reply = await self.upload("basics.qualification.upload", content, filename)
        return str(reply.data.file_id or "") if reply.data is not None else ""
