"""微信小店 for one shop: reading calls, and walks over lists. Everything that changes the shop is in `wechat.writes.shop`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import aftersales, orders, shop
from zhanggui.wechat.schemas import products as shelf
from zhanggui.wechat.walks import Page, walk_cursor, walk_numbers, walk_windows

ORDER_WINDOW = 7 * 86400
AFTERSALE_WINDOW = 86400
ACTIVE_COUPON, EXPIRED_COUPON, VOID_COUPON = 2, 3, 4


def seconds(moment: datetime) -> int:
    """The epoch second of an aware moment."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return int(moment.timestamp())


def ds(day: date) -> str:
    """A day as the compass writes it: 20251220."""
    return day.strftime("%Y%m%d")


class ShopClient(Client):
    """Reads one shop. Amounts in 分, moments aware, ids str."""

    # -- shop ------------------------------------------------------------------------------------------------------------------

    async def shop_info(self) -> shop.ShopInfo:
        """The shop's name and state."""
        reply: shop.ShopInfoReply = await self.call("basics.info.get")
        return reply.info

    async def favorites(self) -> shop.FavoritesReply:
        """People who saved the shop, cumulative."""
        reply: shop.FavoritesReply = await self.call("favorites.count.get")
        return reply

    # -- orders ----------------------------------------------------------------------------------------------------------------

    async def order(self, order_id: str) -> orders.Order:
        """One order. Raises NoSuchThing if there is none."""
        reply: orders.OrderReply = await self.call("order.get", order_id=order_id)
        return reply.order

    async def order_raw(self, order_id: str) -> dict[str, Any]:
        """One order as plain data, without building models: the quick road for bulk sync."""
        data: dict[str, Any] = await self.call("order.get", parse=False, order_id=order_id)
        inner = data.get("order")
        return inner if isinstance(inner, dict) else data

    def order_pages(
        self,
        start: datetime,
        end: datetime,
        *,
        by: str = "update",
        window: int = ORDER_WINDOW,
        page_size: int = 100,
        **filters: Any,
    ) -> AsyncIterator[Page[str]]:
        """Pages of order ids updated (or created, with by="create") between two moments, window by window, both ends included.

        `filters` are status and openid. Windows over seven days are cut; too full ones are halved; a lost cursor starts its window again.
        """
        name = {"update": "update_time_range", "create": "create_time_range"}[by]

        async def fetch(first: int, last: int, cursor: str) -> tuple[list[str], str, bool]:
            span: dict[str, Any] = {name: {"start_time": first, "end_time": last}}
            data = await self.call("order.list.get", parse=False, page_size=page_size, next_key=cursor, **span, **filters)
            reply = orders.OrderListReply.model_validate(data)
            return reply.ids, reply.next_key, reply.has_more if reply.has_more is not None else bool(reply.next_key)

        return walk_windows(seconds(start), seconds(end), min(window, ORDER_WINDOW), fetch)

    async def orders_updated(self, start: datetime, end: datetime, **filters: Any) -> AsyncIterator[str]:
        """Ids of orders updated between two moments."""
        async for page in self.order_pages(start, end, **filters):
            for order_id in page.items:
                yield order_id

    async def orders_created(self, start: datetime, end: datetime, **filters: Any) -> AsyncIterator[str]:
        """Ids of orders created between two moments."""
        async for page in self.order_pages(start, end, by="create", **filters):
            for order_id in page.items:
                yield order_id

    async def orders_found(self, *, page_size: int = 100, status: int | None = None, **condition: Any) -> AsyncIterator[str]:
        """Ids of orders a search finds (title, user_name, tel_number_last4, merchant_notes …)."""

        async def fetch(cursor: str) -> tuple[list[str], str]:
            reply: orders.OrderListReply = await self.call(
                "order.search", search_condition=condition, status=status, page_size=page_size, next_key=cursor
            )
            return reply.ids, reply.next_key if reply.has_more is not False else ""

        async for page in walk_cursor(fetch):
            for order_id in page.items:
                yield order_id

    async def decode_recipient(self, order_id: str) -> orders.DecodedAddressReply:
        """The recipient in clear. Costs one of about 30 orders a day; personal data."""
        reply: orders.DecodedAddressReply = await self.call("order.sensitiveinfo.decode", order_id=order_id)
        return reply

    # -- after-sales -----------------------------------------------------------------------------------------------------------

    async def aftersale(self, after_sale_order_id: str) -> aftersales.Aftersale:
        """One after-sales case."""
        reply: aftersales.AftersaleReply = await self.call("aftersale.getaftersaleorder", after_sale_order_id=after_sale_order_id)
        return reply.after_sale_order

    def aftersale_pages(
        self, start: datetime, end: datetime, *, by: str = "update", window: int = AFTERSALE_WINDOW, present: bool = False
    ) -> AsyncIterator[Page[str]]:
        """Pages of after-sales ids between two moments, day by day at most; `present` for gift orders."""
        name = "aftersale.getpresentaftersalelist" if present else "aftersale.getaftersalelist"
        if by not in ("update", "create"):
            raise KeyError(by)

        async def fetch(first: int, last: int, cursor: str) -> tuple[list[str], str, bool]:
            span: dict[str, Any] = {f"begin_{by}_time": first, f"end_{by}_time": last}
            reply: aftersales.AftersaleListReply = await self.call(name, next_key=cursor, **span)
            more = reply.has_more if reply.has_more is not None else bool(reply.next_key)
            return reply.after_sale_order_id_list, reply.next_key, more

        return walk_windows(seconds(start), seconds(end), min(window, AFTERSALE_WINDOW), fetch)

    async def aftersales_updated(self, start: datetime, end: datetime) -> AsyncIterator[str]:
        """Ids of after-sales cases updated between two moments."""
        async for page in self.aftersale_pages(start, end):
            for case_id in page.items:
                yield case_id

    async def complaint(self, complaint_id: str) -> aftersales.ComplaintReply:
        """One dispute; its id is only told by events."""
        reply: aftersales.ComplaintReply = await self.call("aftersale.getcomplaintorder", complaint_id=complaint_id)
        return reply

    async def guarantee(self, guarantee_order_id: str) -> aftersales.Guarantee:
        """One guarantee case."""
        reply: aftersales.GuaranteeReply = await self.call("aftersale.getguaranteeorder", guarantee_order_id=guarantee_order_id)
        return reply.guarantee_order

    # -- products --------------------------------------------------------------------------------------------------------------

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

    # -- coupons and members ---------------------------------------------------------------------------------------------------

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

    async def members(self) -> AsyncIterator[shop.Member]:
        """All members, 200 a page. Raises CapabilityOff if the shop has no member function."""

        async def fetch(number: int) -> tuple[list[shop.Member], int | None]:
            reply: shop.MemberListReply = await self.call("vip.user.list.get", page_num=number, page_size=200)
            return reply.list, reply.total_num

        async for page in walk_numbers(fetch, page_size=200):
            for member in page.items:
                yield member

    async def member_score(self, openid: str) -> int:
        """A member's points."""
        reply: shop.MemberScoreReply = await self.call("vip.user.score.get", openid=openid)
        return reply.info.score

    async def member_score_flow(self, openid: str) -> AsyncIterator[shop.ScoreFlow]:
        """Movements of a member's points."""

        async def fetch(number: int) -> tuple[list[shop.ScoreFlow], int | None]:
            reply: shop.ScoreFlowReply = await self.call(
                "vip.user.score.flowrecord.get", openid=openid, page_num=number, page_size=200
            )
            return reply.list, reply.total_num

        async for page in walk_numbers(fetch, page_size=200):
            for row in page.items:
                yield row

    # -- compass, funds, league ------------------------------------------------------------------------------------------------

    async def shop_day(self, day: date) -> shop.ShopDay:
        """The shop's day in the compass; yesterday at the latest."""
        reply: shop.ShopDayReply = await self.call("compass.shop.overall.get", ds=ds(day))
        return reply.data

    async def product_days(self, day: date) -> AsyncIterator[shop.CompassProduct]:
        """Every product's day in the compass."""

        async def fetch(offset: int) -> tuple[list[shop.CompassProduct], int | None]:
            reply: shop.CompassProductListReply = await self.call(
                "compass.shop.product.list.get", ds=ds(day), offset=offset, limit=100
            )
            return reply.product_list, None

        seen: set[str] = set()
        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            fresh = [row for row in page.items if row.product_id not in seen]
            seen.update(row.product_id for row in fresh)
            for row in fresh:
                yield row
            if not fresh:
                return

    async def finder_days(self, day: date) -> list[shop.CompassFinder]:
        """Every talent's day for this shop."""
        reply: shop.CompassFinderListReply = await self.call("compass.shop.finder.list.get", ds=ds(day))
        return reply.finder_list

    async def live_sessions(self, day: date, finder_id: str) -> list[shop.CompassLive]:
        """Live sessions of a talent that sold for this shop."""
        reply: shop.CompassLiveListReply = await self.call("compass.shop.live.list.get", ds=ds(day), finder_id=finder_id)
        return reply.live_list

    async def sale_profile(self, day: date, kind: int) -> list[shop.ProfileField]:
        """The audience of a day: 1 exposed, 2 clicked, 3 buyers, 4 first-time, 5 repeat, 6 live viewers."""
        reply: shop.SaleProfileReply = await self.call("compass.shop.sale.profile.data.get", ds=ds(day), type=kind)
        return reply.data.field_list

    async def balance(self) -> shop.BalanceReply:
        """Money available and pending."""
        reply: shop.BalanceReply = await self.call("funds.getbalance")
        return reply

    async def fund_flows(self, start: datetime, end: datetime, *, page_size: int = 100) -> AsyncIterator[str]:
        """Ids of flows of money between two moments; yesterday's are complete after 16:00."""
        key, number = "", 1
        while True:
            reply: shop.FundsFlowListReply = await self.call(
                "funds.getfundsflowlist",
                start_time=seconds(start),
                end_time=seconds(end),
                page=number,
                page_size=page_size,
                next_key=key or None,
            )
            for flow_id in reply.flow_ids:
                yield flow_id
            if not reply.has_more or not reply.flow_ids:
                return
            key, number = reply.next_key, number + 1

    async def fund_flow(self, flow_id: str) -> shop.FundsFlow:
        """One flow of money."""
        reply: shop.FundsFlowReply = await self.call("funds.getfundsflowdetail", flow_id=flow_id)
        return reply.funds_flow

    async def league_items(self, *, kind: int | None = None) -> AsyncIterator[shop.LeagueItemRef]:
        """Commission plans. Raises CapabilityOff if the shop has not joined the league."""
        buffer = ""

        async def fetch(number: int) -> tuple[list[shop.LeagueItemRef], int | None]:
            nonlocal buffer
            reply: shop.LeagueItemListReply = await self.call(
                "league.item.list.get", type=kind, page_index=number, page_size=50, last_buffer=buffer or None
            )
            buffer = reply.last_buffer
            return (reply.items, reply.total_num) if reply.has_more is not False else (reply.items, len(reply.items) or None)

        async for page in walk_numbers(fetch, page_size=50):
            for row in page.items:
                yield row

    async def league_item(self, **key: Any) -> shop.LeagueItem:
        """One commission plan by type and product_id or info_id."""
        reply: shop.LeagueItemReply = await self.call("league.item.get", **key)
        return reply.item

    async def sharer_orders(self, start: datetime, end: datetime) -> AsyncIterator[shop.SharerOrder]:
        """Orders brought by sharers (being retired: expect CapabilityOff)."""

        async def fetch(number: int) -> tuple[list[shop.SharerOrder], int | None]:
            reply: shop.SharerOrderListReply = await self.call(
                "sharer.get_sharer_order_list", page=number, page_size=100, start_time=seconds(start), end_time=seconds(end)
            )
            return reply.order_list, None

        async for page in walk_numbers(fetch, page_size=100):
            for row in page.items:
                yield row
