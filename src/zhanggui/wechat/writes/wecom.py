"""What leaves through 企业微信: broadcast and Moments tasks (a member of staff confirms them), welcome messages, tags, app messages, bots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.base import Writes


class WecomWrites(Writes):
    """Writes through one app of one corp."""

    async def broadcast(
        self,
        *,
        text: str = "",
        to: Sequence[str] = (),
        groups: Sequence[str] = (),
        sender: str | None = None,
        attachments: Sequence[dict[str, Any]] = (),
        tag_filter: dict[str, Any] | None = None,
    ) -> tuple[str, list[str]]:
        """Creates a broadcast task and gives its msgid and the recipients that cannot be reached. Nothing goes out before staff confirm.

        At most 10 000 customers or 2 000 groups a task; `groups` needs a `sender`.
        """
        reply = await self.call(
            "wecom.externalcontact.add_msg_template",
            parse=False,
            chat_type="group" if groups else "single",
            external_userid=list(to) or None,
            chat_id_list=list(groups) or None,
            sender=sender,
            tag_filter=tag_filter,
            text={"content": text} if text else None,
            attachments=list(attachments) or None,
        )
        return str(reply.get("msgid", "")), [str(one) for one in reply.get("fail_list") or []]

    async def remind_broadcast(self, msgid: str) -> None:
        """Reminds staff to confirm; at most three times in 24 hours."""
        await self.call("wecom.externalcontact.remind_groupmsg_send", msgid=msgid)

    async def cancel_broadcast(self, msgid: str) -> None:
        """Stops what has not gone out yet."""
        await self.call("wecom.externalcontact.cancel_groupmsg_send", msgid=msgid)

    async def moment(
        self, *, text: str, attachments: Sequence[dict[str, Any]] = (), visible_range: dict[str, Any] | None = None
    ) -> str:
        """Creates a Moments task and gives its job id (valid 24 hours)."""
        reply = await self.call(
            "wecom.externalcontact.add_moment_task",
            parse=False,
            text={"content": text} if text else None,
            attachments=list(attachments) or None,
            visible_range=visible_range,
        )
        return str(reply["jobid"])

    async def welcome(self, welcome_code: str, *, text: str = "", attachments: Sequence[dict[str, Any]] = ()) -> None:
        """Greets a new customer; the code lives 20 seconds and works once."""
        await self.call(
            "wecom.externalcontact.send_welcome_msg",
            welcome_code=welcome_code,
            text={"content": text} if text else None,
            attachments=list(attachments) or None,
        )

    async def tag(self, userid: str, external_userid: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Sets and removes corp tags on one member's relation to a customer."""
        await self.call(
            "wecom.externalcontact.mark_tag",
            userid=userid,
            external_userid=external_userid,
            add_tag=list(add) or None,
            remove_tag=list(remove) or None,
        )

    async def tell_staff(self, agent_id: str, userids: Sequence[str], **message: Any) -> str:
        """Sends an app message (msgtype and its body) to staff and gives its msgid."""
        reply = await self.call("wecom.message.send", parse=False, touser="|".join(userids), agentid=int(agent_id), **message)
        return str(reply.get("msgid", ""))

    async def post_to_bot(self, key: str, **message: Any) -> None:
        """Posts to an internal group through its bot; 20 a minute."""
        await self.call("wecom.webhook.send", key=key, **message)

    async def contact_way(
        self, *, users: Sequence[str], state: str, remark: str = "", skip_verify: bool = True
    ) -> tuple[str, str]:
        """Creates a channel QR and gives its config_id (keep it) and the picture's URL."""
        reply = await self.call(
            "wecom.externalcontact.add_contact_way",
            parse=False,
            type=1 if len(users) == 1 else 2,
            scene=2,
            state=state[:30],
            remark=remark[:30] or None,
            skip_verify=skip_verify,
            user=list(users),
        )
        return str(reply["config_id"]), str(reply.get("qr_code", ""))

    async def join_way(self, chat_ids: Sequence[str], *, state: str, remark: str = "") -> str:
        """Creates a group-joining QR for at most five groups and gives its config_id."""
        reply = await self.call(
            "wecom.externalcontact.groupchat.add_join_way",
            parse=False,
            scene=2,
            chat_id_list=list(chat_ids),
            state=state[:30],
            remark=remark[:30] or None,
        )
        return str(reply["config_id"])

    async def acquisition_link(self, name: str, users: Sequence[str], *, skip_verify: bool = True) -> tuple[str, str]:
        """Creates an acquisition link and gives its id and URL; append ?customer_channel= to the URL per channel."""
        reply = await self.call(
            "wecom.externalcontact.customer_acquisition.create_link",
            parse=False,
            link_name=name,
            range={"user_list": list(users)},
            skip_verify=skip_verify,
        )
        link = reply.get("link") or {}
        return str(link.get("link_id", "")), str(link.get("url", ""))
