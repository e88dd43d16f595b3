"""微信小店: reading the business around the goods: shop, members, compass, funds, live, league, shop page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import ground, shop
from zhanggui.wechat.schemas.base import Payload
from zhanggui.wechat.walks import ds, seconds, walk_cursor, walk_numbers


class BusinessReads(Client):
    """Reads the figures and settings of one shop. Amounts in 分."""

    # -- shop --------------------------------------------------------------------------------------------------------------------

    async def shop_info(self) -> shop.ShopInfo:
        """The shop's name and state."""
        reply: shop.ShopInfoReply = await self.call("basics.info.get")
        return reply.info

    async def favorites(self) -> shop.FavoritesReply:
        """People who saved the shop, cumulative."""
        reply: shop.FavoritesReply = await self.call("favorites.count.get")
        return reply

    async def shop_link(
        self, *, form: str = "h5url", wecom: tuple[str, str] | None = None, qrcode_type: int | None = None
    ) -> str:
        """A link to the shop: form h5url, taglink (口令) or qrcode; with `wecom` ids its orders are credited to that member."""
        if form not in ("h5url", "taglink", "qrcode"):
            raise KeyError(form)
        corp, user = wecom or (None, None)
        data = await self.call(
            f"basics.shop.{form}.get",
            parse=False,
            wecom_corp_id=corp,
            wecom_user_id=user,
            qrcode_type=qrcode_type if form == "qrcode" else None,
        )
        return str(data.get(f"shop_{form}") or "")

    async def wecom_ids(self, corp_id: str, user_id: str | None = None) -> tuple[str, str]:
        """The ids under which links credit a member of staff in 企业微信; the corp must be a related account of the shop."""
        reply: ground.WecomIdReply = await self.call("wecom.get_wecom_id", corp_id=corp_id, user_id=user_id)
        found = reply.data
        return (found.wecom_corp_id or "", found.wecom_user_id or "") if found is not None else ("", "")

    async def classification(self) -> ground.ClassificationTree | None:
        """The shop's own classification."""
        reply: ground.ClassificationReply = await self.call("store.classification.tree.get")
        return reply.resp

    async def classified_products(self, level_1_id: str, level_2_id: str = "0") -> AsyncIterator[str]:
        """Ids of the products in one class of the shop's own classification."""

        async def fetch(cursor: str) -> tuple[list[str], str]:
            reply = await self.call(
                "store.classification.tree.product.get",
                req={"level_1_id": level_1_id, "level_2_id": level_2_id, "page_size": 50, "page_context": cursor},
            )
            found = reply.resp
            return ([str(one) for one in found.product_ids], str(found.page_context or "")) if found is not None else ([], "")

        async for page in walk_cursor(fetch, page_size=50):
            for product_id in page.items:
                yield product_id

    async def window_products(self) -> AsyncIterator[ground.WindowProduct]:
        """Products in the shop window with what is hidden and what stands on top."""

        async def fetch(cursor: str) -> tuple[list[ground.WindowProduct], str]:
            reply: ground.WindowProductReply = await self.call(
                "store.window.product.list.get", page_size=100, next_key=cursor or None
            )
            return reply.products, str(reply.next_key or "")

        async for page in walk_cursor(fetch, page_size=100):
            for row in page.items:
                yield row

    async def homepage(self, part: str = "banner") -> Payload:
        """The shop page's banner or background, and what waits for audit."""
        if part not in ("banner", "background"):
            raise KeyError(part)
        reply: Payload = await self.call(f"basics.homepage.{part}.get")
        return reply

    async def call_of(self, rid: str) -> Payload:
        """What was asked and answered under a request id, for support."""
        reply: Payload = await self.call("openapi.rid.get", rid=rid)
        return reply

    async def check_push_address(self) -> Payload:
        """Whether the platform reaches the push address: DNS and ping."""
        reply: Payload = await self.call("callback.check", action="all", check_operator="DEFAULT")
        return reply

    async def platform_addresses(self, *, pushes: bool = True) -> list[str]:
        """IP addresses that pushes come from, or of the API host."""
        data = await self.call("getcallbackip" if pushes else "get_api_domain_ip", parse=False)
        return [str(one) for one in data.get("ip_list") or []]

    # -- members -----------------------------------------------------------------------------------------------------------------

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

    async def member(self, openid: str) -> shop.Member:
        """One member."""
        reply: shop.MemberReply = await self.call("vip.user.info.get", openid=openid)
        return reply.info

    async def member_mini_program(self) -> ground.MemberMiniProgramReply:
        """The linked mini program that serves members."""
        reply: ground.MemberMiniProgramReply = await self.call("vip.v3.wxa.info.get")
        return reply

    # -- compass and live --------------------------------------------------------------------------------------------------------

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

    async def product_day(self, day: date, product_id: str) -> shop.CompassProduct:
        """One product's day in the compass."""
        reply: shop.CompassProductReply = await self.call("compass.shop.product.data.get", ds=ds(day), product_id=product_id)
        return reply.product_info

    async def authorized_finders(self) -> ground.AuthorizedFindersReply:
        """The shop's own 视频号 and those authorised."""
        reply: ground.AuthorizedFindersReply = await self.call("compass.shop.finder.authorization.list.get")
        return reply

    async def finder_total(self, day: date) -> ground.FinderOverall | None:
        """What all talents sold on a day."""
        reply: ground.FinderOverallReply = await self.call("compass.shop.finder.overall.get", ds=ds(day))
        return reply.data

    async def finder_products(self, day: date, **talent: Any) -> list[shop.CompassProduct]:
        """What one talent (finder_id, talent_id or mp_id) sold of each product."""
        reply: shop.CompassProductListReply = await self.call("compass.shop.finder.product.list.get", ds=ds(day), **talent)
        return reply.product_list

    async def finder_product_total(self, day: date, **talent: Any) -> shop.FinderDay | None:
        """What one talent (finder_id, talent_id or mp_id) sold in all."""
        reply: ground.FinderProductOverallReply = await self.call("compass.shop.finder.product.overall.get", ds=ds(day), **talent)
        return reply.data

    async def lives_running(self) -> list[ground.LiveRecord]:
        """Live sessions that are running on bound 视频号."""
        reply: ground.LiveRecordReply = await self.call("finderlive.getfinderliverecordlist")
        return reply.live_list

    async def lives_announced(self) -> list[ground.LiveNotice]:
        """Live sessions that are announced."""
        reply: ground.LiveNoticeReply = await self.call("finderlive.getfinderlivenoticerecordlist")
        return reply.live_notice_list

    # -- funds and league --------------------------------------------------------------------------------------------------------

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

    async def order_flows(self, order_id: str) -> AsyncIterator[ground.OrderFlow]:
        """Flows of money of one order."""

        async def fetch(cursor: str) -> tuple[list[ground.OrderFlow], str]:
            reply: ground.OrderFlowReply = await self.call(
                "funds.listorderflow", order_id=order_id, page_size=100, next_key=cursor or None
            )
            return reply.flow_list, str(reply.next_key or "") if reply.has_more is not False else ""

        async for page in walk_cursor(fetch):
            for row in page.items:
                yield row

    async def withdrawals(self, start: datetime, end: datetime) -> AsyncIterator[str]:
        """Ids of withdrawals."""

        async def fetch(number: int) -> tuple[list[str], int | None]:
            data = await self.call(
                "funds.getwithdrawlist",
                parse=False,
                page_num=number,
                page_size=100,
                start_time=seconds(start),
                end_time=seconds(end),
            )
            total = data.get("total_num")
            return [str(one) for one in data.get("withdraw_ids") or []], int(total) if total is not None else None

        async for page in walk_numbers(fetch, page_size=100):
            for withdraw_id in page.items:
                yield withdraw_id

    async def withdrawal(self, withdraw_id: str) -> Payload:
        """One withdrawal: INIT, CREATE_SUCCESS, SUCCESS, FAIL, REFUND or CLOSE."""
        reply: Payload = await self.call("funds.getwithdrawdetail", withdraw_id=withdraw_id)
        return reply

    async def bank_account(self) -> Payload:
        """The account that withdrawals go to."""
        reply: Payload = await self.call("funds.getbankacct")
        return reply

    async def promoters(self, *, status: int | None = None) -> AsyncIterator[str]:
        """Ids of talents in cooperation with the shop."""

        async def fetch(number: int) -> tuple[list[str], int | None]:
            reply: ground.PromoterListReply = await self.call(
                "league.promoter.list.get", status=status, page_index=number, page_size=50
            )
            return reply.finder_ids, reply.total_num

        async for page in walk_numbers(fetch, page_size=50):
            for finder_id in page.items:
                yield finder_id

    async def promoter(self, finder_id: str) -> ground.Promoter | None:
        """One talent in cooperation with the shop."""
        reply: ground.PromoterReply = await self.call("league.promoter.get", finder_id=finder_id)
        return reply.promoter

    async def promotion(self, what: str = "plan", *, page: int = 1, page_size: int = 50) -> Payload:
        """A page of the newer league lists: plan, talent, or product figures of talents; their fields are not documented."""
        name = {"plan": "promotion.plan.list", "talent": "promotion.talent.list", "product": "talent.getproductdatalist"}[what]
        reply: Payload = await self.call(f"league.{name}", page_index=page, page_size=page_size)
        return reply

    async def cooperations(self, sharer_type: int | None = None) -> list[ground.Cooperation]:
        """Cooperating accounts: type 2 公众号, 3 小程序, 4 企业微信."""
        reply: ground.CooperationReply = await self.call("cooperation.list", sharer_type=sharer_type)
        return reply.data_list

    async def cooperation_invitation(self, sharer_id: str, sharer_type: int) -> Payload:
        """The QR code by which an account is asked to cooperate."""
        reply: Payload = await self.call("cooperation.invitation.qrcode.get", sharer_id=sharer_id, sharer_type=sharer_type)
        return reply

    async def sharers(self, sharer_type: int | None = None) -> AsyncIterator[shop.Sharer]:
        """Sharers (being retired: expect CapabilityOff)."""

        async def fetch(number: int) -> tuple[list[shop.Sharer], int | None]:
            reply: shop.SharerListReply = await self.call(
                "sharer.get_sharer_list", page=number, page_size=100, sharer_type=sharer_type
            )
            return reply.sharer_info_list, None

        async for page in walk_numbers(fetch, page_size=100):
            for row in page.items:
                yield row

    async def sharer(self, *, openid: str | None = None, username: str | None = None) -> Payload:
        """One sharer by openid or WeChat name (being retired)."""
        reply: Payload = await self.call("sharer.search_sharer", openid=openid, username=username)
        return reply

    async def sharer_link(self, openid: str, product_id: str, *, form: str = "h5url") -> str:
        """A sharer's link to a product: form h5url, taglink or qrcode (being retired)."""
        if form not in ("h5url", "taglink", "qrcode"):
            raise KeyError(form)
        data = await self.call(f"sharer.get_sharer_product_{form}", parse=False, openid=openid, product_id=product_id)
        return str(data.get(f"product_{form}") or "")
