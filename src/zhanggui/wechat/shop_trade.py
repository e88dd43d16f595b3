"""微信小店: reading what was sold, how it is sent, and what came back: orders, parcels, after-sales, disputes, guarantees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import aftersales, ground, orders
from zhanggui.wechat.schemas.base import Payload
from zhanggui.wechat.walks import Page, seconds, walk_cursor, walk_numbers, walk_windows

ORDER_WINDOW = 7 * 86400
AFTERSALE_WINDOW = 86400


class TradeReads(Client):
    """Reads the orders of one shop. Amounts in 分, moments aware, ids str."""

    # -- orders ------------------------------------------------------------------------------------------------------------------

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

    async def gift_orders(self, present_order_id: str) -> list[str]:
        """Ids of the orders that one gift became, one per recipient."""
        reply: ground.OrderIdsReply = await self.call("order.presentsuborder.get", present_order_id=present_order_id)
        return reply.order_ids

    async def sku_changes_waiting(self, *, page_size: int = 100) -> AsyncIterator[str]:
        """Ids of orders whose buyers asked for another SKU before shipping and wait for an answer."""

        async def fetch(number: int) -> tuple[list[str], int | None]:
            reply: ground.OrderIdsReply = await self.call("order.preshipmentchangesku.get", page=number, page_size=page_size)
            return reply.order_ids, None

        async for page in walk_numbers(fetch, page_size=page_size):
            for order_id in page.items:
                yield order_id

    async def delivery_negotiations(self, order_ids: Sequence[str]) -> list[ground.Negotiation]:
        """What buyers answered to later ship dates."""
        reply: ground.NegotiationReply = await self.call("order.deliverynegotiation.result.get", order_id_list=list(order_ids))
        return reply.negotiation_list

    async def bookings(self, start: datetime, end: datetime, *, kind: int | None = None) -> AsyncIterator[ground.Booking]:
        """Wishes for a ship date among the orders of at most seven days: kind 1 on a date, 2 hold."""

        async def fetch(offset: int) -> tuple[list[ground.Booking], int | None]:
            reply: ground.BookingReply = await self.call(
                "order.userbooking.list",
                time_range_order_create={"start_time": seconds(start), "end_time": seconds(end)},
                booking_type=kind,
                page_info={"offset": offset, "limit": 100},
            )
            return reply.booking_list, reply.total

        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            for row in page.items:
                yield row

    async def virtual_number(self, order_id: str) -> ground.VirtualTelReply:
        """A virtual number for a recipient (older orders); three exchanges, three days."""
        reply: ground.VirtualTelReply = await self.call("order.virtualtelnumber.get", order_id=order_id)
        return reply

    async def real_number_audit(self, order_id: str) -> ground.RealNumberReply:
        """How far a request for a real number is: 1 pending, 2 refused, 3 passed."""
        reply: ground.RealNumberReply = await self.call("order.realnumberviewaudit.get", order_id=order_id)
        return reply

    async def caller_phone(self, mobile: str) -> Payload:
        """Whether one's own phone is registered for calling virtual numbers: status 1 yes, 2 failed, 3 in review."""
        reply: Payload = await self.call("merchant.privatenumber.getphone", mobile=mobile)
        return reply

    async def dropship_orders(self, *, status: int | None = None, **condition: Any) -> AsyncIterator[str]:
        """Ids of orders given to suppliers; with a condition (order_id, supplier_appid, title …) those a search finds."""
        name = "order.dropship.search" if condition else "order.dropship.list"
        search: dict[str, Any] = {"search_condition": condition} if condition else {}

        async def fetch(offset: int) -> tuple[list[str], int | None]:
            reply: ground.DropshipListReply = await self.call(
                name, page_info={"offset": offset, "limit": 100}, status=status, **search
            )
            return reply.ds_order_id_list, reply.total

        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            for ds_order_id in page.items:
                yield ds_order_id

    async def dropship_order(self, ds_order_id: str) -> ground.DropshipOrder | None:
        """One order given to a supplier."""
        reply: ground.DropshipReply = await self.call("order.dropship.get", ds_order_id=ds_order_id)
        return reply.dropship_order

    # -- parcels -----------------------------------------------------------------------------------------------------------------

    async def carriers(self, *, ewaybill_only: bool | None = None) -> list[ground.DeliveryCompany]:
        """Carriers the platform knows; others ship as OTHER."""
        reply: ground.DeliveryCompanyReply = await self.call("order.deliverycompanylist.new.get", ewaybill_only=ewaybill_only)
        return reply.company_list

    async def old_carriers(self) -> list[ground.DeliveryCompany]:
        """The older list of carriers."""
        reply: ground.DeliveryCompanyReply = await self.call("order.deliverycompanylist.get")
        return reply.company_list

    async def addresses(self) -> AsyncIterator[str]:
        """Ids of the shop's own addresses."""

        async def fetch(offset: int) -> tuple[list[str], int | None]:
            reply: ground.AddressIdsReply = await self.call("merchant.address.list", offset=offset, limit=100)
            return reply.address_id_list, None

        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            for address_id in page.items:
                yield address_id

    async def address(self, address_id: str) -> ground.MerchantAddress | None:
        """One of the shop's own addresses."""
        reply: ground.MerchantAddressReply = await self.call("merchant.address.get", address_id=address_id)
        return reply.address_detail

    async def freight_templates(self) -> AsyncIterator[str]:
        """Ids of freight templates."""

        async def fetch(offset: int) -> tuple[list[str], int | None]:
            reply: ground.TemplateIdsReply = await self.call("merchant.getfreighttemplatelist", offset=offset, limit=100)
            return reply.template_id_list, None

        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            for template_id in page.items:
                yield template_id

    async def freight_template(self, template_id: str) -> ground.FreightTemplate | None:
        """One freight template."""
        reply: ground.FreightTemplateReply = await self.call("merchant.getfreighttemplatedetail", template_id=template_id)
        return reply.freight_template

    async def regions(self, addr_code: str | None = None) -> ground.AddressCodeReply:
        """A region and those below it; without a code the provinces."""
        reply: ground.AddressCodeReply = await self.call("basics.addresscode.get", addr_code=addr_code)
        return reply

    async def waybill_carriers(self, *, status: int | None = None) -> list[ground.DeliveryCompany]:
        """Carriers with a contract for electronic waybills."""
        reply: ground.EwaybillCompanyReply = await self.call("logistics.ewaybill.biz.delivery.get", status=status)
        return reply.list

    async def waybill_accounts(self, *, delivery_id: str | None = None) -> AsyncIterator[ground.EwaybillAccount]:
        """Accounts for electronic waybills with what is left on them."""

        async def fetch(offset: int) -> tuple[list[ground.EwaybillAccount], int | None]:
            reply: ground.EwaybillAccountReply = await self.call(
                "logistics.ewaybill.biz.account.get", delivery_id=delivery_id, need_balance=True, offset=offset, limit=100
            )
            return reply.account_list, reply.total_num

        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            for row in page.items:
                yield row

    async def waybill(self, ewaybill_order_id: str) -> ground.EwaybillOrder | None:
        """One electronic waybill with its way."""
        reply: ground.EwaybillOrderReply = await self.call(
            "logistics.ewaybill.biz.order.get", ewaybill_order_id=ewaybill_order_id
        )
        return reply.order_info

    async def waybill_print(self, ewaybill_order_id: str, *, template_id: str | None = None, newer: bool = True) -> str:
        """What the printing plugin wants for a waybill."""
        name = "logistics.ewaybill.biz.order.getprintinfo" if newer else "logistics.ewaybill.biz.print.get"
        data = await self.call(name, parse=False, ewaybill_order_id=ewaybill_order_id, template_id=template_id)
        return str(data.get("print_info") or "")

    async def waybill_templates(self, delivery_id: str | None = None, template_id: str | None = None) -> Payload:
        """Printing templates: one, those of a carrier, or what can be configured at all."""
        name = "getbyid" if template_id else "get" if delivery_id else "config"
        reply: Payload = await self.call(
            f"logistics.ewaybill.biz.template.{name}", delivery_id=delivery_id, template_id=template_id
        )
        return reply

    async def parcel_numbers(self, waybill_id: str) -> Payload:
        """The masked and virtual numbers behind a parcel, for carriers."""
        reply: Payload = await self.call("logistics.virtualnumber.get", waybill_id=waybill_id)
        return reply

    async def parcel_phone(self, waybill_id: str, private_phone: str) -> str:
        """The number behind a private number of a parcel, for carriers."""
        data = await self.call("logistics.phonenumber.get", parse=False, waybill_id=waybill_id, private_phone=private_phone)
        return str(data.get("phone") or "")

    async def number_pool(self) -> AsyncIterator[str]:
        """Numbers from which virtual calls come."""

        async def fetch(cursor: str) -> tuple[list[str], str]:
            data = await self.call("logistics.phonenumberpool.get", parse=False, page_size=100, next_key=cursor or None)
            return [str(number) for number in data.get("phonenumbers") or []], str(data.get("next_key") or "")

        async for page in walk_cursor(fetch):
            for number in page.items:
                yield number

    # -- after-sales -------------------------------------------------------------------------------------------------------------

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

    async def present_aftersale(self, after_sale_order_id: str) -> aftersales.PresentAftersale:
        """One after-sales case of a gift order."""
        reply: aftersales.PresentAftersaleReply = await self.call(
            "aftersale.getpresentaftersaleorder", after_sale_order_id=after_sale_order_id
        )
        return reply.after_sale_order

    async def aftersale_reasons(self) -> list[ground.Reason]:
        """Buyers' reasons with their texts; newer codes have no meaning of their own."""
        reply: ground.ReasonReply = await self.call("aftersale.reason.get")
        return reply.reason_list

    async def reject_reasons(self) -> list[ground.RejectReason]:
        """Reasons to refuse a case; every refusal needs one."""
        reply: ground.RejectReasonReply = await self.call("aftersale.rejectreason.get")
        return reply.reason_list

    async def exchangeable_skus(self, after_sale_order_id: str) -> list[ground.ExchangeableSku]:
        """SKUs a buyer may get in exchange."""
        reply: ground.ExchangeableSkuReply = await self.call(
            "aftersale.getexchangeableskulist", after_sale_order_id=after_sale_order_id
        )
        return reply.sku_list

    async def guarantees(
        self, start: datetime, end: datetime, *, kind: int | None = None, **filters: Any
    ) -> AsyncIterator[aftersales.Guarantee]:
        """Guarantee cases applied for between two moments: kind 1 fake-pays-three, 2 damage."""

        async def fetch(offset: int) -> tuple[list[aftersales.Guarantee], int | None]:
            reply: aftersales.GuaranteeListReply = await self.call(
                "aftersale.searchguaranteeorder",
                begin_time=seconds(start),
                end_time=seconds(end),
                type=kind,
                offset=offset,
                limit=100,
                **filters,
            )
            return reply.guarantee_order_list, reply.total_num

        async for page in walk_numbers(fetch, page_size=100, first=0, step=100):
            for row in page.items:
                yield row

    async def evidence(self, media_id: str) -> bytes:
        """A picture a buyer showed with a case."""
        data: bytes = await self.call("basics.media.get", media_id=media_id)
        return data
