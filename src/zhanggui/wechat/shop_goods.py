"""微信小店: reading the shelf: products, stock, links, categories, brands, gifts, flash sales, warehouses, coupons."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import ground, shop
from zhanggui.wechat.schemas import products as shelf
from zhanggui.wechat.schemas.base import Payload
from zhanggui.wechat.walks import Page, seconds, walk_cursor, walk_numbers

ACTIVE_COUPON, EXPIRED_COUPON, VOID_COUPON = 2, 3, 4


class GoodsReads(Client):
    """Reads the products of one shop. Prices in 分, ids str."""

    # -- products ----------------------------------------------------------------------------------------------------------------

    async def product(self, product_id: str, *, draft: bool = False) -> shelf.ProductReply:
        """One product, online copy, or both copies with `draft`."""
        reply: shelf.ProductReply = await self.call("product.get", product_id=product_id, data_type=3 if draft else 1)
        return reply

    def product_pages(self, *, status: int | None = None, page_size: int = 30) -> AsyncIterator[Page[str]]:
        """Pages of product ids; stops when the cursor is empty or a page is short."""

        async def fetch(cursor: str) -> tuple[list[str], str]:
            reply: shelf.ProductListReply = await self.call(
                "product.list.get", status=status, page_size=page_size, next_key=cursor or None
            )
            return reply.product_ids, reply.next_key

        return walk_cursor(fetch, page_size=page_size)

    async def products(self, *, status: int | None = None) -> AsyncIterator[str]:
        """Ids of all products."""
        async for page in self.product_pages(status=status):
            for product_id in page.items:
                yield product_id

    async def stock(self, product_ids: Sequence[str]) -> list[shelf.SpuStock]:
        """Stock of all SKUs of the products, fifty a call."""
        found: list[shelf.SpuStock] = []
        for at in range(0, len(product_ids), 50):
            reply: shelf.StockBatchReply = await self.call("product.stock.batchget", product_id=list(product_ids[at : at + 50]))
            found += reply.data.spu_stock_list
        return found

    async def stock_flow(self, product_id: str, sku_id: str, start: datetime, end: datetime) -> AsyncIterator[shelf.StockFlow]:
        """Movements of a SKU's own stock, at most 180 days back."""

        async def fetch(cursor: str) -> tuple[list[shelf.StockFlow], str]:
            reply: shelf.StockFlowReply = await self.call(
                "product.stock.getflow",
                product_id=product_id,
                sku_id=sku_id,
                stock_type=0,
                begin_time=seconds(start),
                end_time=seconds(end),
                page_size=100,
                next_key=cursor or None,
            )
            return reply.data.stock_flow_info_list, reply.data.next_key

        async for page in walk_cursor(fetch):
            for row in page.items:
                yield row

    async def flash_tasks(self, *, status: int | None = None) -> AsyncIterator[shelf.FlashTask]:
        """限时抢购 tasks."""

        async def fetch(cursor: str) -> tuple[list[shelf.FlashTask], str]:
            reply: shelf.FlashTaskListReply = await self.call(
                "product.limiteddiscounttask.list.get", status=status, page_size=50, next_key=cursor or None
            )
            return reply.limited_discount_tasks, reply.next_key

        async for page in walk_cursor(fetch, page_size=50):
            for task in page.items:
                yield task

    async def sku_stock(self, product_id: str, sku_id: str) -> shelf.SkuStock:
        """Stock of one SKU."""
        reply: shelf.SkuStockReply = await self.call("product.stock.get", product_id=product_id, sku_id=sku_id)
        return reply.data

    async def audit_quota(self) -> ground.AuditQuota | None:
        """How many products may still be submitted for audit."""
        reply: ground.AuditQuotaReply = await self.call("product.getauditquota")
        return reply.audit_quota

    async def audit_strategy(self) -> Payload:
        """How the shop lets the audit deal with faults: 1 on, 2 off."""
        reply: Payload = await self.call("product.auditstrategy.get")
        return reply

    async def product_link(
        self, product_id: str, *, form: str = "h5url", wecom: tuple[str, str] | None = None, qrcode_type: int | None = None
    ) -> str:
        """A link to a product on sale: form h5url, taglink (口令) or qrcode. With `wecom` ids (`wecom_ids`) its orders are credited to that member."""
        if form not in ("h5url", "taglink", "qrcode"):
            raise KeyError(form)
        corp, user = wecom or (None, None)
        data = await self.call(
            f"product.{form}.get",
            parse=False,
            product_id=product_id,
            wecom_corp_id=corp,
            wecom_user_id=user,
            qrcode_type=qrcode_type if form == "qrcode" else None,
        )
        return str(data.get(f"product_{form}") or "")

    async def product_scheme(self, product_id: str, from_appid: str, seconds_valid: int, *, ext_info: str | None = None) -> str:
        """A link that opens a product from outside WeChat."""
        data = await self.call(
            "product.scheme.get",
            parse=False,
            product_id=product_id,
            from_appid=from_appid,
            expire=seconds_valid,
            ext_info=ext_info,
        )
        return str(data.get("openlink") or "")

    # -- categories, brands, gifts -----------------------------------------------------------------------------------------------

    async def all_categories(self) -> Payload:
        """The platform's whole category tree, old and new; big, keep it a day."""
        reply: Payload = await self.call("category.all")
        return reply

    async def league_categories(self) -> Payload:
        """Categories of the 优选联盟."""
        reply: Payload = await self.call("category.league.all")
        return reply

    async def categories_below(self, f_cat_id: str = "0") -> list[ground.Category]:
        """Categories below one that this shop may use, by the new tree where there is one."""
        reply: ground.SonCategoryReply = await self.call("category.availablesoncategories.get", f_cat_id=f_cat_id)
        return reply.cat_list_v2 or reply.cat_list

    async def granted_categories(self) -> list[ground.GrantedCategory]:
        """Categories the shop may sell in."""
        reply: ground.GrantedCategoryReply = await self.call("category.list.get")
        return reply.list

    async def category_rules(self, cat_id: str) -> Payload:
        """What a category demands: attributes, fee (1/10000), deposit, coupon limits, whether presale is allowed."""
        reply: Payload = await self.call("category.detail", cat_id=cat_id)
        return reply

    async def category_application(self, audit_id: str) -> Payload:
        """How far an application for a category is."""
        reply: Payload = await self.call("category.audit.get", audit_id=audit_id)
        return reply

    async def suggest_category(
        self, title: str, head_imgs: Sequence[str], *, kind: int = 1, cat_id: str | None = None
    ) -> Payload:
        """Categories that fit a title and pictures."""
        reply: Payload = await self.call(
            "product.category.classify", req_type=kind, title=title, head_imgs=list(head_imgs), cat_id=cat_id
        )
        return reply

    async def category_precheck(self, cat_id: str) -> Payload:
        """Whether the shop may list in a category, and why not."""
        reply: Payload = await self.call("product.categoryprecheck", cat_id=cat_id)
        return reply

    async def map_attribute(self, cat_id: str, name: str, value: str, *, category: str | None = None) -> Payload:
        """The platform's attribute for one of another market's."""
        reply: Payload = await self.call(
            "product.externalproductmapping",
            cat_id=cat_id,
            external_attribute_name=name,
            external_attribute_value=value,
            external_category_name=category,
        )
        return reply

    async def platform_brands(self) -> AsyncIterator[Payload]:
        """Every brand of the platform."""

        async def fetch(cursor: str) -> tuple[list[Payload], str]:
            reply = await self.call("brand.all", page_size=100, next_key=cursor or None)
            return list(reply.brands), str(reply.next_key or "") if reply.continue_flag is not False else ""

        async for page in walk_cursor(fetch):
            for row in page.items:
                yield row

    async def brands(self, *, valid: bool = True, status: int | None = None) -> AsyncIterator[ground.Brand]:
        """The shop's brands: those in force, or all applications (of a status)."""
        name = "brand.valid.list.get" if valid else "brand.list.get"
        filters: dict[str, Any] = {} if valid else {"status": status}

        async def fetch(cursor: str) -> tuple[list[ground.Brand], str]:
            reply: ground.BrandListReply = await self.call(name, page_size=50, next_key=cursor or None, **filters)
            return reply.brands, str(reply.next_key or "")

        async for page in walk_cursor(fetch, page_size=50):
            for row in page.items:
                yield row

    async def brand(self, brand_id: str) -> Payload:
        """One brand application with its audit."""
        reply: Payload = await self.call("brand.get", brand_id=brand_id)
        return reply

    async def gift(self, product_id: str) -> shelf.ProductReply:
        """One gift product."""
        reply: shelf.ProductReply = await self.call("product.gift.get", product_id=product_id, data_type=1)
        return reply

    async def gifts(self, *, status: int | None = None) -> AsyncIterator[str]:
        """Ids of gift products."""

        async def fetch(cursor: str) -> tuple[list[str], str]:
            reply: shelf.ProductListReply = await self.call(
                "product.gift.list.get", status=status, page_size=30, next_key=cursor or None
            )
            return reply.product_ids, reply.next_key

        async for page in walk_cursor(fetch, page_size=30):
            for product_id in page.items:
                yield product_id

    # -- warehouses --------------------------------------------------------------------------------------------------------------

    async def warehouses(self) -> AsyncIterator[str]:
        """The merchant's ids of regional warehouses."""

        async def fetch(cursor: str) -> tuple[list[str], str]:
            reply: ground.WarehouseListReply = await self.call("warehouse.list.get", page_size=50, next_key=cursor or None)
            return (reply.data.out_warehouse_ids, str(reply.data.next_key or "")) if reply.data is not None else ([], "")

        async for page in walk_cursor(fetch, page_size=50):
            for warehouse_id in page.items:
                yield warehouse_id

    async def warehouse(self, out_warehouse_id: str) -> ground.Warehouse | None:
        """One regional warehouse."""
        reply: ground.WarehouseReply = await self.call("warehouse.get", out_warehouse_id=out_warehouse_id)
        return reply.data

    async def warehouse_stock(self, product_id: str, sku_id: str, out_warehouse_id: str) -> int:
        """Pieces of a SKU in a regional warehouse."""
        data = await self.call("warehouse.stock.get", product_id=product_id, sku_id=sku_id, out_warehouse_id=out_warehouse_id)
        return int(data.data.num or 0) if data.data is not None else 0

    async def warehouse_order(self, *address_ids: str) -> list[str]:
        """Which warehouses serve a region first (province, city, county, street)."""
        ids: dict[str, Any] = {f"address_id{number}": one for number, one in enumerate(address_ids, 1)}
        reply = await self.call("warehouse.address.prioritysort.get", **ids)
        return [str(one) for one in reply.data.priority_sort] if reply.data is not None else []

    # -- coupons -----------------------------------------------------------------------------------------------------------------

    async def coupon(self, coupon_id: str) -> shop.Coupon:
        """One coupon."""
        reply: shop.CouponReply = await self.call("coupon.get", coupon_id=coupon_id)
        return reply.coupon

    async def coupons(self, *, status: int = ACTIVE_COUPON) -> AsyncIterator[str]:
        """Ids of coupons in a status; there is no "all"."""
        async for coupon_id in self._numbered(
            "coupon.get_list", lambda reply: [row.coupon_id for row in reply.coupons], status=status
        ):
            yield coupon_id

    async def user_coupons(self, openid: str, *, status: int | None = None) -> AsyncIterator[shop.UserCoupon]:
        """Coupons a person has claimed, ids only."""
        rows = self._numbered("coupon.get_user_coupon_list", lambda reply: reply.user_coupon_list, openid=openid, status=status)
        async for row in rows:
            yield row

    async def user_coupon(self, openid: str, user_coupon_id: str) -> shop.UserCoupon | None:
        """One claimed coupon."""
        reply: shop.UserCouponReply = await self.call("coupon.get_user_coupon", openid=openid, user_coupon_id=user_coupon_id)
        return reply.coupon

    async def _numbered(self, name: str, rows_of: Any, **fields: Any) -> AsyncIterator[Any]:
        """Coupon lists: numbered pages that want the context of the page before."""
        context = ""

        async def fetch(number: int) -> tuple[list[Any], int | None]:
            nonlocal context
            reply = await self.call(name, page=number, page_size=200, page_ctx=context or None, **fields)
            context = reply.page_ctx
            return rows_of(reply), reply.total_num

        async for page in walk_numbers(fetch, page_size=200):
            for row in page.items:
                yield row
