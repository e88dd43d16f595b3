"""What changes the league, the shop page and the account of a 微信小店."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.base import Writes, told


class BusinessWrites(Writes):
    """Writes to the settings of one shop."""

    # -- league ------------------------------------------------------------------------------------------------------------------

    async def offer_to_league(self, kind: int, rows: Sequence[dict[str, Any]], **more: Any) -> None:
        """Offers products to talents at a commission (percent): kind 1 ordinary, 2 directed, 3 exclusive; at most 20 a call."""
        await self.call("league.item.batchadd", type=kind, list=list(rows), **more)

    async def change_league_item(self, kind: int, operate_type: int, **more: Any) -> None:
        """Changes a commission plan."""
        await self.call("league.item.upd", type=kind, operate_type=operate_type, **more)

    async def delete_league_item(self, kind: int, info_id: str) -> None:
        """Deletes a commission plan (gone from the newest documents)."""
        await self.call("league.item.delete", type=kind, info_id=info_id)

    async def offer_to_agency(self, headsupplier_appid: str, rows: Sequence[dict[str, Any]], **more: Any) -> None:
        """Offers products to an agency."""
        await self.call("league.item.headsupplier.batchadd", headsupplier_appid=headsupplier_appid, list=list(rows), **more)

    async def add_promoter(self, finder_id: str) -> None:
        """Invites a talent."""
        await self.call("league.promoter.add", finder_id=finder_id)

    async def change_promoter(self, finder_id: str, kind: str) -> None:
        """Changes the cooperation with a talent."""
        await self.call("league.promoter.upd", finder_id=finder_id, type=kind)

    async def drop_promoter(self, finder_id: str) -> None:
        """Ends the cooperation with a talent."""
        await self.call("league.promoter.delete", finder_id=finder_id)

    async def change_talent(self, talent_id: str, status: int) -> None:
        """Changes the state of a talent (newer pages)."""
        await self.call("league.talent.update", talent_id=talent_id, status=status)

    async def invite_cooperation(self, sharer_id: str, sharer_type: int) -> str:
        """Makes the QR code by which an account is asked to cooperate."""
        return told(
            await self.call("cooperation.invitation.qrcode.generate", parse=False, sharer_id=sharer_id, sharer_type=sharer_type),
            "qrcode_img",
        )

    async def cancel_cooperation(self, sharer_id: str, sharer_type: int) -> None:
        """Takes an invitation to cooperate back."""
        await self.call("cooperation.invitation.qrcode.cancel", sharer_id=sharer_id, sharer_type=sharer_type)

    async def end_cooperation(self, sharer_id: str, sharer_type: int) -> None:
        """Ends a cooperation."""
        await self.call("cooperation.invitation.qrcode.unbind", sharer_id=sharer_id, sharer_type=sharer_type)

    async def invite_sharer(self, *, username: str | None = None) -> str:
        """Makes the QR code by which somebody becomes a sharer (being retired)."""
        return told(await self.call("sharer.bind", parse=False, username=username), "qrcode_img")

    async def drop_sharers(self, openids: Sequence[str]) -> None:
        """Ends sharers' cooperation (being retired)."""
        await self.call("sharer.unbind", openid_list=list(openids))

    # -- customer service --------------------------------------------------------------------------------------------------------

    async def answer_buyer(self, open_id: str, msg_type: str, *, request_id: str | None = None, **more: Any) -> str:
        """Answers a buyer in the exclusive customer-service mode and gives the message id; `request_id` guards against a second one."""
        return told(
            await self.call("commkf.sendmsg", parse=False, open_id=open_id, msg_type=msg_type, request_id=request_id, **more),
            "msg_id",
        )

    # -- shop page ---------------------------------------------------------------------------------------------------------------

    async def set_classification(self, tree: dict[str, Any]) -> None:
        """Replaces the shop's own classification; `tree` names the version it was read at."""
        await self.call("store.classification.tree.set", req=tree)

    async def classify_products(self, products: dict[str, Any]) -> None:
        """Puts products into a class (level_1_id, level_2_id, product_ids)."""
        await self.call("store.classification.tree.product.add", req=products)

    async def unclassify_products(self, products: dict[str, Any]) -> None:
        """Takes products out of a class."""
        await self.call("store.classification.tree.product.del", req=products)

    async def move_in_window(self, product_id: str, index_num: int) -> None:
        """Moves a product in the shop window."""
        await self.call("store.window.product.reorder", product_id=product_id, index_num=index_num)

    async def hide_in_window(self, product_id: str, hide: bool) -> None:
        """Hides a product in the shop window, or shows it again."""
        await self.call("store.window.product.hide", product_id=product_id, is_set_hide=hide)

    async def put_on_top(self, product_id: str, top: bool) -> None:
        """Puts a product on top of the shop window, or takes it down."""
        await self.call("store.window.product.settop", product_id=product_id, is_set_top=top)

    async def submit_background(self, img_url: str) -> str:
        """Submits a background for the shop page and gives the application's id."""
        return told(await self.call("basics.homepage.background.apply.submit", parse=False, img_url=img_url), "apply_id")

    async def cancel_background(self, apply_id: str) -> None:
        """Takes a background back from audit."""
        await self.call("basics.homepage.background.apply.cancel", apply_id=apply_id)

    async def remove_background(self) -> None:
        """Removes the background of the shop page."""
        await self.call("basics.homepage.background.remove")

    async def submit_banner(self, banner: dict[str, Any]) -> str:
        """Submits a banner for the shop page and gives the application's id."""
        return told(await self.call("basics.homepage.banner.apply.submit", parse=False, banner=banner), "apply_id")

    async def cancel_banner(self, apply_id: str) -> None:
        """Takes a banner back from audit."""
        await self.call("basics.homepage.banner.apply.cancel", apply_id=apply_id)

    async def remove_banner(self) -> None:
        """Removes the banner of the shop page."""
        await self.call("basics.homepage.banner.remove")

    # -- account -----------------------------------------------------------------------------------------------------------------

    async def send_phone_code(self, mobile: str) -> None:
        """Sends a code to one's own phone, to register it for calling virtual numbers."""
        await self.call("merchant.privatenumber.sendverifycode", mobile=mobile)

    async def register_phone(self, mobile: str, verify_code: str, *, wxusername: str | None = None) -> str:
        """Registers one's own phone for calling virtual numbers and gives the QR code to scan."""
        return told(
            await self.call(
                "merchant.privatenumber.addphone", parse=False, mobile=mobile, verify_code=verify_code, wxusername=wxusername
            ),
            "qrcode_url",
        )

    async def reset_quota(self, cgi_path: str) -> None:
        """Gives one endpoint its day's quota back; a few times a month."""
        await self.call("openapi.quota.clear", cgi_path=cgi_path)

    async def reset_all_quotas(self, appid: str) -> None:
        """Gives all endpoints their day's quota back; a few times a month."""
        await self.call("clear_quota", appid=appid)

    async def upload_for_buyer(self, content: bytes, filename: str, *, content_type: str = "image/jpeg") -> str:
        """Uploads a file for a message to a buyer and gives its address."""
        reply = await self.upload("commkf.cosupload", content, filename, content_type=content_type)
        return str(reply.cos_url or "")
