"""What changes orders, parcels and after-sales of a 微信小店 beyond the everyday calls in `writes.shop`. Money moves here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.base import Writes, told


class TradeWrites(Writes):
    """Writes to the orders of one shop. Amounts in 分."""

    # -- order -------------------------------------------------------------------------------------------------------------------

    async def change_address(self, order_id: str, address: dict[str, Any]) -> None:
        """Asks the buyer to accept another address; today this opens a negotiation."""
        await self.call("order.address.update", order_id=order_id, user_address=address)

    async def change_waybills(
        self, order_id: str, *, parcels: Sequence[dict[str, Any]] | None = None, changes: Sequence[dict[str, Any]] | None = None
    ) -> None:
        """Changes waybills: of a whole order once (`parcels`), or of parts of a split one (`changes`: old and new)."""
        await self.call(
            "order.deliveryinfo.update",
            order_id=order_id,
            delivery_list=None if parcels is None else list(parcels),
            change_infos=None if changes is None else list(changes),
        )

    async def ship_again(self, order_id: str, reason: int, parcels: Sequence[dict[str, Any]]) -> None:
        """Notes a re-shipment: reason 1 missed, 2 split parcel, 3 damaged, 4 gift."""
        await self.call("order.delivery.compensation", order_id=order_id, reason=reason, delivery_list=list(parcels))

    async def ask_later_delivery(
        self, order_id: str, predict_delivery_time: int, reason: str, *, remark: str | None = None
    ) -> None:
        """Asks the buyer to accept a later ship date (epoch seconds)."""
        await self.call(
            "order.deliverynegotiation.submit",
            order_id=order_id,
            predict_delivery_time=predict_delivery_time,
            reason=reason,
            remark=remark,
        )

    async def approve_sku_change(self, order_id: str) -> None:
        """Agrees to another SKU before shipping."""
        await self.call("order.preshipmentchangesku.approve", order_id=order_id)

    async def reject_sku_change(self, order_id: str) -> None:
        """Refuses another SKU."""
        await self.call("order.preshipmentchangesku.reject", order_id=order_id)

    async def submit_fresh_inspection(self, order_id: str, items: Sequence[dict[str, Any]]) -> None:
        """Hands in pictures and videos of fresh food."""
        await self.call("order.freshinspect.submit", order_id=order_id, audit_items=list(items))

    async def renew_virtual_number(self, order_id: str) -> str:
        """Asks for a new virtual number and gives it; the answer tells how many are left."""
        return told(await self.call("order.virtualnumber.applyagain", parse=False, order_id=order_id), "virtual_number")

    async def extend_virtual_number(self, order_id: str, *, has_delay_times: int | None = None) -> str:
        """Extends a virtual number within seven days of its end and gives the new end (epoch seconds)."""
        return told(
            await self.call("order.virtualnumber.delay", parse=False, order_id=order_id, has_delay_times=has_delay_times),
            "expiration",
        )

    async def ask_real_number(self, order_id: str, apply_type: int, apply_reason: str, pictures: Sequence[str]) -> str:
        """Asks for the real number, which people at the platform decide; gives the task id."""
        return told(
            await self.call(
                "order.realnumber.apply",
                parse=False,
                order_id=order_id,
                apply_type=apply_type,
                apply_reason=apply_reason,
                pic_media_ids=list(pictures),
            ),
            "task_id",
        )

    async def note_gift(self, present_order_id: str, notes: str) -> None:
        """Writes a note on a gift order."""
        await self.call("order.presentnote.add", present_order_id=present_order_id, notes=notes)

    async def assign_supplier(self, order_id: str, supplier_appid: str, products: Sequence[dict[str, Any]]) -> str:
        """Gives an order to a supplier and gives its id there."""
        return told(
            await self.call(
                "order.dropship.assign",
                parse=False,
                order_id=order_id,
                supplier_appid=supplier_appid,
                dropship_product_list=list(products),
            ),
            "ds_order_id",
        )

    async def recall_supplier(self, order_id: str, ds_order_id: str, *, products: Sequence[dict[str, Any]] | None = None) -> None:
        """Takes an order back from a supplier."""
        await self.call(
            "order.dropship.cancel",
            order_id=order_id,
            ds_order_id=ds_order_id,
            dropship_product_list=None if products is None else list(products),
        )

    # -- after-sales -------------------------------------------------------------------------------------------------------------

    async def ship_exchange(self, case_id: str, waybill_id: str, delivery_id: str) -> None:
        """Sends the new goods of an exchange."""
        await self.call(
            "aftersale.acceptexchangereship", after_sale_order_id=case_id, waybill_id=waybill_id, delivery_id=delivery_id
        )

    async def reject_exchange(
        self, case_id: str, reason_type: int, *, reason: str | None = None, certificates: Sequence[str] | None = None
    ) -> None:
        """Refuses to send the new goods of an exchange."""
        await self.call(
            "aftersale.rejectexchangereship",
            after_sale_order_id=case_id,
            reject_reason_type=reason_type,
            reject_reason=reason,
            reject_certificates=None if certificates is None else list(certificates),
        )

    async def ship_missing(self, case_id: str, waybill_id: str, delivery_id: str) -> None:
        """Sends what was missing (补寄)."""
        await self.call("aftersale.merchantreship", after_sale_order_id=case_id, waybill_id=waybill_id, delivery_id=delivery_id)

    async def change_missing_waybill(self, case_id: str, waybill_id: str, delivery_id: str) -> None:
        """Changes the waybill of what was missing."""
        await self.call(
            "aftersale.merchantupdatereshipexpress", after_sale_order_id=case_id, waybill_id=waybill_id, delivery_id=delivery_id
        )

    async def negotiate_aftersale(self, case_id: str, **more: Any) -> None:
        """Proposes another solution (type, amount 分, merchant_update_type, merchant_update_desc …) that the buyer must confirm."""
        await self.call("aftersale.merchantupdateaftersale", after_sale_order_id=case_id, **more)

    async def start_aftersale(
        self,
        request_id: str,
        order_id: str,
        product_id: str,
        sku_id: str,
        count: int,
        amount: int,
        reason: str,
        kind: str,
        **more: Any,
    ) -> str:
        """Opens a case for the buyer (amount in 分) and gives its id; `request_id` guards against a second one. **Money leaves.**"""
        return told(
            await self.call(
                "aftersale.genaftersaleorder",
                parse=False,
                request_id=request_id,
                order_id=order_id,
                product_id=product_id,
                sku_id=sku_id,
                count=count,
                amount=amount,
                reason=reason,
                type=kind,
                **more,
            ),
            "after_sale_order_id",
            "aftersale_id",
        )

    async def prove_refund(self, case_id: str, certificates: Sequence[str], desc: str) -> None:
        """Shows that a refund was paid outside."""
        await self.call(
            "aftersale.uploadrefundcertificate", after_sale_order_id=case_id, refund_certificates=list(certificates), desc=desc
        )

    async def aftersale_number(self, case_id: str) -> str:
        """Asks for a virtual number to reach the buyer of a case and gives it."""
        return told(
            await self.call("aftersale.applyvirtualtelnum", parse=False, after_sale_order_id=case_id), "virtual_tel_number"
        )

    async def answer_fast_exchange(self, case_id: str, act: int) -> None:
        """Answers a fast exchange on receipt: 1 or 2 as the platform says."""
        await self.call("aftersale.handlefastexchangereceipt", after_sale_order_id=case_id, act=act)

    async def write_complaint(self, complaint_id: str, content: str, *, pictures: Sequence[str] | None = None) -> None:
        """Leaves a message in a dispute."""
        await self.call(
            "aftersale.addcomplaintmaterial",
            complaint_id=complaint_id,
            content=content,
            media_id_list=None if pictures is None else list(pictures),
        )

    async def prove_complaint(self, complaint_id: str, content: str, *, pictures: Sequence[str] | None = None) -> None:
        """Hands in evidence in a dispute."""
        await self.call(
            "aftersale.addcomplaintproof",
            complaint_id=complaint_id,
            content=content,
            media_id_list=None if pictures is None else list(pictures),
        )

    async def sync_work_order(self, complaint_id: str, work_order: dict[str, Any]) -> None:
        """Brings a work order of a dispute up to date."""
        await self.call("aftersale.syncworkorder", complaint_id=complaint_id, work_order_info=work_order)

    async def accept_guarantee(self, guarantee_order_id: str) -> None:
        """Accepts a guarantee case. **Money leaves.**"""
        await self.call("aftersale.merchantacceptguarantee", guarantee_order_id=guarantee_order_id)

    async def refuse_guarantee(self, guarantee_order_id: str, reason: str, pictures: Sequence[str]) -> None:
        """Refuses a guarantee case."""
        await self.call(
            "aftersale.merchantrefuseguarantee", guarantee_order_id=guarantee_order_id, reason=reason, pic_list=list(pictures)
        )

    async def modify_guarantee(self, guarantee_order_id: str, bad_level: int, remark: str) -> None:
        """Proposes another degree of damage."""
        await self.call(
            "aftersale.merchantmodifyguarantee",
            guarantee_order_id=guarantee_order_id,
            bad_level=bad_level,
            merchant_remark=remark,
        )

    async def prove_guarantee(self, guarantee_order_id: str, content: str, pictures: Sequence[str]) -> None:
        """Hands in evidence in a guarantee case."""
        await self.call(
            "aftersale.merchantproofguarantee", guarantee_order_id=guarantee_order_id, content=content, pic_list=list(pictures)
        )

    # -- parcels -----------------------------------------------------------------------------------------------------------------

    async def add_address(self, address: dict[str, Any]) -> str:
        """Adds one of the shop's own addresses and gives its id."""
        return told(await self.call("merchant.address.add", parse=False, address_detail=address), "address_id")

    async def change_address_of_shop(self, address: dict[str, Any]) -> None:
        """Changes one of the shop's own addresses."""
        await self.call("merchant.address.update", address_detail=address)

    async def delete_address(self, address_id: str) -> None:
        """Deletes one of the shop's own addresses."""
        await self.call("merchant.address.delete", address_id=address_id)

    async def add_freight_template(self, template: dict[str, Any]) -> str:
        """Adds a freight template and gives its id."""
        return told(await self.call("merchant.addfreighttemplate", parse=False, freight_template=template), "template_id")

    async def change_freight_template(self, template: dict[str, Any]) -> None:
        """Changes a freight template."""
        await self.call("merchant.updatefreighttemplate", freight_template=template)

    async def reserve_waybill(self, **more: Any) -> str:
        """Reserves an electronic waybill and gives its id (delivery_id, shop_id, ewaybill_acct_id, sender, receiver, ec_order_list)."""
        return told(await self.call("logistics.ewaybill.biz.order.precreate", parse=False, **more), "ewaybill_order_id")

    async def create_waybill(self, **more: Any) -> str:
        """Creates an electronic waybill and gives its number; shipping the order is another call."""
        return told(await self.call("logistics.ewaybill.biz.order.create", parse=False, **more), "waybill_id")

    async def cancel_waybill(self, ewaybill_order_id: str, delivery_id: str, waybill_id: str) -> None:
        """Cancels an electronic waybill."""
        await self.call(
            "logistics.ewaybill.biz.order.cancel",
            ewaybill_order_id=ewaybill_order_id,
            delivery_id=delivery_id,
            waybill_id=waybill_id,
        )

    async def add_parcels(self, ewaybill_order_id: str, delivery_id: str, waybill_id: str, **more: Any) -> None:
        """Adds parcels to an electronic waybill."""
        await self.call(
            "logistics.ewaybill.biz.order.addsuborder",
            ewaybill_order_id=ewaybill_order_id,
            delivery_id=delivery_id,
            waybill_id=waybill_id,
            **more,
        )

    async def mark_printed(
        self, ewaybill_order_id: str, delivery_id: str, waybill_id: str, *, re_print: int | None = None
    ) -> None:
        """Notes that a waybill was printed."""
        await self.call(
            "logistics.ewaybill.biz.order.print",
            ewaybill_order_id=ewaybill_order_id,
            delivery_id=delivery_id,
            waybill_id=waybill_id,
            re_print=re_print,
        )

    async def mark_many_printed(self, rows: Sequence[dict[str, Any]]) -> None:
        """Notes that waybills were printed."""
        await self.call("logistics.ewaybill.biz.order.batchprint", req_list=list(rows))

    async def create_print_template(self, delivery_id: str, info: dict[str, Any]) -> str:
        """Creates a printing template and gives its id."""
        return told(
            await self.call("logistics.ewaybill.biz.template.create", parse=False, delivery_id=delivery_id, info=info),
            "template_id",
        )

    async def change_print_template(self, delivery_id: str, info: dict[str, Any]) -> None:
        """Changes a printing template."""
        await self.call("logistics.ewaybill.biz.template.update", delivery_id=delivery_id, info=info)

    async def delete_print_template(self, delivery_id: str, template_id: str) -> None:
        """Deletes a printing template."""
        await self.call("logistics.ewaybill.biz.template.delete", delivery_id=delivery_id, template_id=template_id)
