"""Reading a payload into its model, setting unreadable leaves aside instead of losing the whole."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from pydantic import ValidationError

from zhanggui.wechat.errors import UnreadableReply
from zhanggui.wechat.schemas.base import Payload

P = TypeVar("P", bound=Payload)


def read(model: type[P], data: Any, problems: list[str] | None = None) -> P:
    """`data` as `model`. A leaf that cannot be read is left out and noted in `problems` ("order.status: …").

    Raises UnreadableReply if something the model cannot do without is missing or unreadable. Values never appear in messages.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error
    notes: list[str] = []
    rest = copy.deepcopy(data)
    for _ in range(4):
        for detail in first.errors(include_url=False, include_input=False, include_context=False):
            path = dotted(detail["loc"])
            if detail["type"] == "missing" or not _remove(rest, detail["loc"]):
                raise UnreadableReply(f"回复缺少或无法识别：{path or '全部内容'}", fields_missing=[path]) from None
            notes.append(f"{path}: {_reason(detail['msg'])}")
        try:
            value = model.model_validate(rest)
        except ValidationError as error:
            first = error
            continue
        if problems is not None:
            problems.extend(notes)
        return value
    raise UnreadableReply("回复的内容无法识别") from None


def dotted(location: tuple[int | str, ...]) -> str:
    """A pydantic location as a path: ("order", "items", 0, "id") → "order.items[0].id"."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _reason(message: str) -> str:
    words = {
        "not a whole number": "不是整数",
        "not a number": "不是数字",
        "not a yes or no": "不是是/否",
        "not a time": "不是时间",
    }
    text = message.removeprefix("Value error, ")
    if text in words:
        return words[text]
    if "valid string" in text:
        return "不是文字"
    if "valid dictionary" in text or "instance of" in text:
        return "不是对象"
    return "无法识别" if text.isascii() else text


def _remove(data: Any, location: tuple[int | str, ...]) -> bool:
    """Removes what lies at `location`; parts of the location that the data does not have (union tags) are skipped."""
    parent: Any = None
    key: Any = None
    here: Any = data
    for part in location:
        in_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if in_list or (isinstance(here, dict) and part in here):
            parent, key, here = here, part, here[part]
    if isinstance(parent, dict):
        del parent[key]
        return True
    if isinstance(parent, list):
        parent[key] = None
        return True
    return False
