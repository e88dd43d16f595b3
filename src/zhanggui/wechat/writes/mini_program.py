"""What leaves through a 小程序: subscribe messages."""

from __future__ import annotations

from zhanggui.wechat.writes.base import Writes


class MiniProgramWrites(Writes):
    """Writes through one mini program."""

    async def send_subscribed(
        self, touser: str, template_id: str, data: dict[str, str], *, page: str = "", state: str = "formal"
    ) -> str:
        """Uses up one of the person's consents for a template and gives the msgid. Raises Refused (43101) when none is left."""
        reply = await self.call(
            "message.subscribe.send",
            parse=False,
            touser=touser,
            template_id=template_id,
            page=page or None,
            miniprogram_state=state,
            lang="zh_CN",
            data={key: {"value": value} for key, value in data.items()},
        )
        return str(reply.get("msgid", ""))
