"""What leaves through a 公众号: drafts, publishing, mass sending, template and service messages, scene QR codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.base import Writes


class OfficialAccountWrites(Writes):
    """Writes through one 公众号."""

    async def add_draft(self, articles: Sequence[dict[str, Any]]) -> str:
        """Puts a draft into the box and gives its media_id."""
        reply = await self.call("draft.add", parse=False, articles=list(articles))
        return str(reply["media_id"])

    async def update_draft(self, media_id: str, index: int, article: dict[str, Any]) -> None:
        """Replaces one article of a draft."""
        await self.call("draft.update", media_id=media_id, index=index, articles=article)

    async def publish(self, media_id: str) -> str:
        """Submits a draft for publishing and gives the publish_id. Withdrawn from unverified accounts: expect CapabilityOff."""
        reply = await self.call("freepublish.submit", parse=False, media_id=media_id)
        return str(reply["publish_id"])

    async def mass_send(self, **body: Any) -> str:
        """Sends to all or a tag and gives msg_id; `clientmsgid` guards against a second sending."""
        reply = await self.call("message.mass.sendall", parse=False, **body)
        return str(reply.get("msg_id", ""))

    async def send_template(self, touser: str, template_id: str, data: dict[str, Any], **more: Any) -> str:
        """Sends a template message (service notices only) and gives its msgid."""
        reply = await self.call("message.template.send", parse=False, touser=touser, template_id=template_id, data=data, **more)
        return str(reply.get("msgid", ""))

    async def reply(self, touser: str, msgtype: str, **body: Any) -> None:
        """Answers a follower within the 48-hour window."""
        await self.call("message.custom.send", touser=touser, msgtype=msgtype, **body)

    async def scene_code(self, scene: str, *, seconds: int | None = None) -> tuple[str, str]:
        """A QR code with a scene: temporary for `seconds` (at most 2 592 000) or for ever; its ticket and URL."""
        reply = await self.call(
            "qrcode.create",
            parse=False,
            expire_seconds=seconds,
            action_name="QR_STR_SCENE" if seconds else "QR_LIMIT_STR_SCENE",
            action_info={"scene": {"scene_str": scene[:64]}},
        )
        return str(reply["ticket"]), str(reply.get("url", ""))
