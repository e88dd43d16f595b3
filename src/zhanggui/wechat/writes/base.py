"""What all writing clients share."""

from __future__ import annotations

from typing import Any

import aiohttp

from zhanggui.wechat.client import Caller, read_answer
from zhanggui.wechat.endpoints import Endpoint, endpoint
from zhanggui.wechat.errors import CallError


class Writes:
    """Writing calls of one account. A call whose answer was lost is repeated only if repeating is harmless; otherwise TransportError
    with `sent` says that it may have been carried out: read the state before trying again."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.caller.account!r})"

    async def call(self, name: str | Endpoint, /, *, parse: bool = True, **fields: Any) -> Any:
        """The answer of a writing call: its model, or plain data with parse=False. Fields given as None are left out."""
        one = name if isinstance(name, Endpoint) else endpoint(name)
        if not one.writes:
            raise CallError(f"{one.name} 不是写操作", endpoint=one.name)
        if not one.offered:
            raise CallError(f"{one.name} 不能用本账号调用", endpoint=one.name)
        data = await self.caller.call(one, {key: value for key, value in fields.items() if value is not None})
        return read_answer(one, data) if parse and not isinstance(data, bytes) else data

    async def upload(self, name: str, content: bytes, filename: str, *, content_type: str = "image/jpeg", **query: Any) -> Any:
        """The answer of a multipart upload; the file goes in the field `media`."""
        one = endpoint(name)
        if not one.form:
            raise CallError(f"{one.name} 不是上传接口", endpoint=one.name)

        def form() -> aiohttp.FormData:
            data = aiohttp.FormData()
            data.add_field("media", content, filename=filename, content_type=content_type)
            return data

        return read_answer(one, await self.caller.call(one, {}, form=form, query=query))


def told(reply: Any, *names: str) -> str:
    """The first of `names` that an answer tells, at its top or inside its `data`; "" if it tells none."""
    inner = reply.get("data")
    for place in (reply, inner if isinstance(inner, dict) else {}):
        for name in names:
            if place.get(name) not in (None, ""):
                return str(place[name])
    return ""
