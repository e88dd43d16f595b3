"""企业微信 for one self-built app: contacts, tags, groups, statistics, broadcast results, acquisition links. Sending is in `wechat.writes.wecom`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from zhanggui.wechat.client import Client
from zhanggui.wechat.schemas import wecom
from zhanggui.wechat.walks import walk_cursor

T = TypeVar("T")


def _seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return int(moment.timestamp())


class WecomClient(Client):
    """Reads one corp through one app."""

    async def _all(self, name: str, rows_of: Callable[[Any], list[T]], **fields: Any) -> AsyncIterator[T]:
        """Every row of a list with `cursor` and `next_cursor`."""

        async def fetch(cursor: str) -> tuple[list[T], str]:
            reply = await self.call(name, cursor=cursor or None, **fields)
            return rows_of(reply), reply.next_cursor

        async for page in walk_cursor(fetch):
            for row in page.items:
                yield row

    # -- contacts --------------------------------------------------------------------------------------------------------------

    async def staff(self) -> list[str]:
        """Userids of staff with the customer-contact function."""
        reply: wecom.FollowUserListReply = await self.call("wecom.externalcontact.get_follow_user_list")
        return reply.follow_user

    async def contact_ids(self, userid: str) -> list[str]:
        """External userids of one member's customers."""
        reply: wecom.ExternalIdListReply = await self.call("wecom.externalcontact.list", userid=userid)
        return reply.external_userid

    async def contact(self, external_userid: str) -> wecom.ExternalContactReply:
        """A customer with every follow relation, all pages of them."""
        first: wecom.ExternalContactReply | None = None
        cursor: str | None = None
        while True:
            reply: wecom.ExternalContactReply = await self.call(
                "wecom.externalcontact.get", external_userid=external_userid, cursor=cursor
            )
            if first is None:
                first = reply
            else:
                first.follow_user.extend(reply.follow_user)
            if not reply.next_cursor or reply.next_cursor == cursor:
                return first
            cursor = reply.next_cursor

    async def contacts_of(self, userids: Sequence[str]) -> AsyncIterator[wecom.ContactFollow]:
        """Every follow relation of the members, a hundred members a call."""
        for at in range(0, len(userids), 100):
            rows = self._all(
                "wecom.externalcontact.batch.get_by_user",
                lambda reply: list(reply.external_contact_list),
                userid_list=list(userids[at : at + 100]),
                limit=100,
            )
            async for row in rows:
                yield row

    async def served_contacts(self) -> AsyncIterator[wecom.ServedContact]:
        """Everybody served, also people who are only in groups."""
        async for row in self._all("wecom.externalcontact.contact_list", lambda reply: list(reply.info_list), limit=1000):
            yield row

    async def corp_tags(self) -> list[wecom.CorpTagGroup]:
        """All corp tags by group."""
        reply: wecom.CorpTagListReply = await self.call("wecom.externalcontact.get_corp_tag_list")
        return reply.tag_group

    # -- groups ----------------------------------------------------------------------------------------------------------------

    async def groups(self, *, owners: Sequence[str] = (), status: int = 0) -> AsyncIterator[wecom.GroupRef]:
        """Customer groups, of the owners if any are named (a hundred a call; a wide visible range needs them)."""
        for at in range(0, max(len(owners), 1), 100):
            some = list(owners[at : at + 100])
            rows = self._all(
                "wecom.externalcontact.groupchat.list",
                lambda reply: list(reply.group_chat_list),
                status_filter=status,
                owner_filter={"userid_list": some} if some else None,
                limit=1000,
            )
            async for row in rows:
                yield row

    async def group(self, chat_id: str, *, names: bool = False) -> wecom.GroupChat:
        """A group with its present members."""
        reply: wecom.GroupReply = await self.call(
            "wecom.externalcontact.groupchat.get", chat_id=chat_id, need_name=1 if names else 0
        )
        return reply.group_chat

    async def group_days(self, start: datetime, end: datetime, owners: Sequence[str]) -> list[wecom.GroupDayRow]:
        """Statistics per day of the owners' groups, at most 30 days, yesterday at the latest."""
        reply: wecom.GroupDayReply = await self.call(
            "wecom.externalcontact.groupchat.statistic_group_by_day",
            day_begin_time=_seconds(start),
            day_end_time=_seconds(end),
            owner_filter={"userid_list": list(owners)},
        )
        return reply.items

    async def group_owners(self, start: datetime, end: datetime, owners: Sequence[str]) -> AsyncIterator[wecom.GroupOwnerRow]:
        """Statistics per owner over a span of at most 30 days."""
        offset = 0
        while True:
            reply: wecom.GroupStatisticReply = await self.call(
                "wecom.externalcontact.groupchat.statistic",
                day_begin_time=_seconds(start),
                day_end_time=_seconds(end),
                owner_filter={"userid_list": list(owners)},
                offset=offset,
                limit=1000,
            )
            for row in reply.items:
                yield row
            if not reply.items or not reply.next_offset or reply.next_offset <= offset or reply.next_offset >= (reply.total or 0):
                return
            offset = reply.next_offset

    async def behaviour(self, userid: str, start: datetime, end: datetime) -> list[wecom.Behaviour]:
        """One member's days (several members would come as one sum), at most 30 days."""
        reply: wecom.BehaviourReply = await self.call(
            "wecom.externalcontact.get_user_behavior_data", userid=[userid], start_time=_seconds(start), end_time=_seconds(end)
        )
        return reply.behavior_data

    # -- broadcasts, moments, links --------------------------------------------------------------------------------------------

    async def broadcasts(self, chat_type: str, start: datetime, end: datetime) -> AsyncIterator[wecom.Broadcast]:
        """Broadcast tasks of a month at most; chat_type single or group."""
        rows = self._all(
            "wecom.externalcontact.get_groupmsg_list_v2",
            lambda reply: list(reply.group_msg_list),
            chat_type=chat_type,
            start_time=_seconds(start),
            end_time=_seconds(end),
            limit=100,
        )
        async for row in rows:
            yield row

    async def broadcast_tasks(self, msgid: str) -> AsyncIterator[wecom.BroadcastTask]:
        """Who of the staff has confirmed a broadcast."""
        async for row in self._all(
            "wecom.externalcontact.get_groupmsg_task", lambda reply: list(reply.task_list), msgid=msgid, limit=1000
        ):
            yield row

    async def broadcast_results(self, msgid: str, userid: str) -> AsyncIterator[wecom.BroadcastResult]:
        """What became of a broadcast for each recipient of one member."""
        rows = self._all(
            "wecom.externalcontact.get_groupmsg_send_result",
            lambda reply: list(reply.send_list),
            msgid=msgid,
            userid=userid,
            limit=1000,
        )
        async for row in rows:
            yield row

    async def moments(self, start: datetime, end: datetime) -> AsyncIterator[wecom.MomentListItem]:
        """Posts in 客户朋友圈 of at most 30 days."""
        rows = self._all(
            "wecom.externalcontact.get_moment_list",
            lambda reply: list(reply.moment_list),
            start_time=_seconds(start),
            end_time=_seconds(end),
            limit=20,
        )
        async for row in rows:
            yield row

    async def moment_reactions(self, moment_id: str, userid: str) -> wecom.MomentCommentsReply:
        """Who liked and commented."""
        reply: wecom.MomentCommentsReply = await self.call(
            "wecom.externalcontact.get_moment_comments", moment_id=moment_id, userid=userid
        )
        return reply

    async def links(self) -> AsyncIterator[str]:
        """Ids of acquisition links."""
        async for row in self._all(
            "wecom.externalcontact.customer_acquisition.list_link", lambda reply: list(reply.link_id_list), limit=100
        ):
            yield row

    async def link(self, link_id: str) -> wecom.AcquisitionLinkReply:
        """One acquisition link."""
        reply: wecom.AcquisitionLinkReply = await self.call("wecom.externalcontact.customer_acquisition.get", link_id=link_id)
        return reply

    async def link_customers(self, link_id: str) -> AsyncIterator[wecom.AcquisitionCustomer]:
        """Customers a link brought."""
        rows = self._all(
            "wecom.externalcontact.customer_acquisition.customer",
            lambda reply: list(reply.customer_list),
            link_id=link_id,
            limit=1000,
        )
        async for row in rows:
            yield row

    async def link_statistic(self, link_id: str, start: datetime, end: datetime) -> wecom.AcquisitionStatisticReply:
        """Clicks and new customers of a link."""
        reply: wecom.AcquisitionStatisticReply = await self.call(
            "wecom.externalcontact.customer_acquisition.statistic",
            link_id=link_id,
            start_time=_seconds(start),
            end_time=_seconds(end),
        )
        return reply

    async def acquisition_quota(self) -> wecom.AcquisitionQuotaReply:
        """The paid quota of acquisition links."""
        reply: wecom.AcquisitionQuotaReply = await self.call("wecom.externalcontact.customer_acquisition_quota")
        return reply

    async def service_messages(self, open_kfid: str, *, cursor: str = "", token: str = "") -> AsyncIterator[wecom.KfSyncReply]:
        """Pages of 微信客服 messages after `cursor`; keep each page's next_cursor."""
        while True:
            reply: wecom.KfSyncReply = await self.call(
                "wecom.kf.sync_msg", open_kfid=open_kfid, cursor=cursor or None, token=token or None, limit=1000
            )
            yield reply
            if not reply.has_more or not reply.next_cursor or reply.next_cursor == cursor:
                return
            cursor = reply.next_cursor
