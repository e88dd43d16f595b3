"""Tolerant building blocks for payload models: what WeChat writes in many ways becomes one Python value.

    Id, Text      str, also when it arrives as a number; an id never passes through a float
    Int, Money    int, also when quoted; Money is 分
    Number        float, also when quoted
    Flag          bool from 0/1, true/false, "true", "1"
    When          Epoch (seconds) from seconds, milliseconds or "YYYY-MM-DD HH:MM:SS" (Asia/Shanghai); None for 0 and ""
    ListOf[T]     list, also when null, "" or a single object arrives
    Obj[T]        object or None, also when "", [] or JSON text arrives

`Maybe…` variants keep the difference between absent (None) and zero. A value that cannot be read raises inside pydantic; `read` (schemas.reading)
sets such a leaf aside and says so. Unknown fields are kept on the model and listed by `unknown_fields`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
EXACT = 1 << 53
"""Whole floats below this are exact; above it digits have been lost before we saw them."""
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had no summer time since 1991, so a fixed offset is the platform's clock."""
ENVELOPE = frozenset({"errcode", "errmsg"})
"""What every answer may carry beside its content."""
UNKNOWN_FLAG = 4294967295
"""What some flags hold when the platform does not know."""
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What is blank: Unicode's white space, as pydantic strips it (Python's `strip` alone takes four control characters more)."""
_TRUE = frozenset({"1", "true", "yes", "y", "t", "是"})
_FALSE = frozenset({"0", "false", "no", "n", "f", "否"})


class Epoch(int):
    """Seconds since 1970 UTC. `at` is the aware moment."""

    __slots__ = ()

    @property
    def at(self) -> datetime:
        """The moment in UTC."""
        return datetime.fromtimestamp(self, UTC)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            to_epoch_required, serialization=core_schema.plain_serializer_function_ser_schema(int)
        )


def exact_int(value: Any) -> int | None:
    """The whole number that `value` writes (number or text), or None if it writes none; never through a float."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        try:
            return int(text)
        except ValueError:
            pass
        try:
            number = Decimal(text)
        except InvalidOperation:
            return None
    elif isinstance(value, float):
        return int(value) if value.is_integer() else None
    elif isinstance(value, Decimal):
        number = value
    else:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 40 or number != number.to_integral_value():
        return None
    return int(number)


def to_text(value: Any) -> Any:
    """Text as it is; numbers and flags written out. Whole floats lose their ".0"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float | Decimal):
        whole = exact_int(value)
        return str(value) if whole is None else str(whole)
    return value


def to_some_text(value: Any) -> str:
    """Text, "" when nothing came. Objects and lists raise ValueError."""
    return "" if value is None else _text(value)


def _text(value: Any) -> str:
    found = to_text(value)
    if not isinstance(found, str):
        raise ValueError("not a text")
    return found


def to_id(value: Any) -> str:
    """An id as text without blanks; a flag is no id, and neither is nothing."""
    if isinstance(value, str):
        return value.strip(WHITE)
    if isinstance(value, bool):
        raise ValueError("an id cannot be true or false")
    if isinstance(value, float | Decimal) and exact_int(value) is None:
        raise ValueError("an id cannot be a fraction")
    return _text(value)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(WHITE))


def to_int(value: Any) -> int:
    """A whole number; blank is 0. Fractions and words raise ValueError."""
    if type(value) is int:
        return value
    if _blank(value):
        return 0
    if isinstance(value, bool):
        return int(value)
    number = exact_int(value)
    if number is None:
        raise ValueError("not a whole number")
    return number


def to_maybe_int(value: Any) -> int | None:
    """A whole number, or None when blank."""
    if type(value) is int:
        return value
    return None if _blank(value) else to_int(value)


def to_maybe_id(value: Any) -> str | None:
    """An id, or None when blank."""
    return None if _blank(value) else to_id(value)


def to_sure_flag(value: Any) -> bool:
    """True or False; what is blank or unknown counts as False."""
    return bool(to_flag(value))


def to_number(value: Any) -> float | None:
    """A float (also from "12.5%" = 12.5), or None when blank. What is not finite is no number."""
    if _blank(value):
        return None
    if not isinstance(value, int | float | Decimal):
        value = str(value).strip().rstrip("%").replace(",", "")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("not a number") from None
    if not isfinite(number):
        raise ValueError("not a number")
    return number


def to_flag(value: Any) -> bool | None:
    """True or False from 0/1, true/false and their texts; None when blank or when the platform says it does not know."""
    if value is True or value is False:
        return bool(value)
    if _blank(value):
        return None
    if isinstance(value, int | float | Decimal):
        return None if value == UNKNOWN_FLAG else bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        if word.isdigit():
            return to_flag(int(word))
    raise ValueError("not a yes or no")


def to_epoch(value: Any) -> Epoch | None:
    """Seconds since 1970 from seconds, milliseconds, or text in China time; None for 0 and blank."""
    if type(value) is int and 0 < value < 100_000_000_000:
        return Epoch(value)
    if _blank(value):
        return None
    if isinstance(value, bool):
        raise ValueError("not a time")
    number = exact_int(value)
    if number is None and isinstance(value, float | Decimal) and isfinite(value):
        number = int(value)
    if number is not None:
        if isinstance(value, str) and len(value.strip()) == 8 and value.strip()[:2] in ("19", "20"):
            return _from_text(value.strip())
        if number == 0:
            return None
        if number > 100_000_000_000:
            number //= 1000
        if not 0 < number < 100_000_000_000:
            raise ValueError("not a time")
        return Epoch(number)
    if isinstance(value, str):
        return _from_text(value.strip())
    raise ValueError("not a time")


def to_epoch_required(value: Any) -> Epoch:
    """As to_epoch, but a missing time raises ValueError."""
    found = to_epoch(value)
    if found is None:
        raise ValueError("a time is needed")
    return found


def _from_text(text: str) -> Epoch | None:
    if text.startswith("0000-00-00"):
        return None
    try:
        if len(text) == 8 and text.isdigit():
            moment = datetime.strptime(text, "%Y%m%d").replace(tzinfo=CHINA)
        else:
            moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise ValueError("not a time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=CHINA)
    return Epoch(int(moment.timestamp()))


def to_list(value: Any) -> Any:
    """A list; null and "" are empty, anything single is a list of one; JSON text of a list is read."""
    if isinstance(value, list):
        return [item for item in value if item is not None] if None in value else value
    if _blank(value):
        return []
    if isinstance(value, tuple | set):
        return list(value)
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        inner = _inner_json(value)
        if isinstance(inner, list):
            return inner
    return [value]


def to_object(value: Any) -> Any:
    """An object or None; "" and [] are None, a list of one is its item, JSON text of an object is read."""
    if type(value) is dict:
        return value
    if isinstance(value, Mapping | BaseModel):
        return value
    if _blank(value) or value == []:
        return None
    if isinstance(value, str):
        inner = _inner_json(value)
        return inner if isinstance(inner, dict) else value
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _inner_json(text: str) -> Any:
    try:
        return loads(text.encode())
    except ValueError:
        return None


def to_json(value: Any) -> Any:
    """What JSON text holds; text that is not JSON stays text."""
    if isinstance(value, str):
        inner = _inner_json(value)
        return value if inner is None else inner
    return value


_SHAPE_OF_NUMBERS = bytes(
    48 if 48 <= byte <= 57 else byte if byte in b'.+"' else 101 if byte in b"eE" else 32 for byte in range(256)
)
_LONG = b"0" * 20
_LONG_FRACTION = (b"0" * 16 + b".", b"0e+")


def loads(data: bytes) -> Any:
    """JSON with every number exact: 64-bit and longer whole numbers are int, long fractions Decimal.

    orjson turns whole numbers beyond 64 bits into floats, so text that could hold one (cheap byte test) takes the exact road.
    Raises ValueError on anything that is not JSON.
    """
    shape = data.translate(_SHAPE_OF_NUMBERS)
    if (_LONG in shape and _bare_long(shape)) or any(risk in shape for risk in _LONG_FRACTION):
        return _exact_loads(data)
    return orjson.loads(data)


def _bare_long(shape: bytes) -> bool:
    """Whether a run of twenty digits stands outside quotes; a quoted one (a payment's transaction id) is in most orders."""
    at = shape.find(_LONG)
    while at >= 0:
        if at == 0 or shape[at - 1] != 34:
            return True
        end = shape.find(b'"', at)
        at = shape.find(_LONG, end) if end >= 0 else -1
    return False


def _exact_loads(data: bytes) -> Any:
    import json

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    try:
        return json.loads(data.decode(), parse_float=_exact_float, parse_int=_exact_int_text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _exact_int_text(text: str) -> Any:
    return int(text) if len(text) <= 40 else text


def _exact_float(text: str) -> Any:
    if len(text) < 16 and "e" not in text.lower():
        return float(text)
    number = Decimal(text)
    whole = exact_int(number)
    return float(number) if whole is None else whole


def default_json(value: Any) -> Any:
    """What orjson cannot write by itself."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError


def dumps(value: Any) -> bytes:
    """JSON in UTF-8 without escapes; models are written with the platform's names."""
    try:
        return orjson.dumps(value, default=default_json, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:
        import json

        # A whole number beyond 64 bits: rare, and orjson refuses it.
        return json.dumps(value, default=default_json, ensure_ascii=False, separators=(",", ":")).encode()


class Payload(BaseModel):
    """Base of every payload: tolerant, unknown fields kept, nulls read as absent."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=(), serialize_by_alias=True)


@dataclass(frozen=True)
class Reads:
    """Reads a value in whatever way it is written, by `read`; one that is written as it should be never leaves pydantic's core.

    `plain` is the type of a value that needs no reading (for text: not blank, if `filled`).
    """

    kind: str
    """As in `schemas.shape`."""
    read: Callable[[Any], Any]
    plain: str = ""
    filled: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        slowly = core_schema.no_info_plain_validator_function(self.read)
        if self.plain == "text":
            least = 1 if self.filled else None
            quickly: CoreSchema = core_schema.str_schema(strict=True, strip_whitespace=self.kind == "id", min_length=least)
        elif self.plain == "whole":
            quickly = core_schema.int_schema(strict=True)
        elif self.plain == "flag":
            quickly = core_schema.bool_schema(strict=True)
        else:
            return slowly
        return core_schema.union_schema(
            [quickly, slowly],
            mode="left_to_right",
            custom_error_type="unreadable",
            custom_error_message=_COMPLAINTS[self.kind],
        )


_COMPLAINTS = {
    "id": "not an id",
    "s": "not a text",
    "i": "not a whole number",
    "f": "not a number",
    "b": "not a yes or no",
    "t": "not a time",
}

Id = Annotated[str, Reads("id", to_id, "text", filled=True)]
MaybeId = Annotated[str | None, Reads("id", to_maybe_id, "text", filled=True)]
Text = Annotated[str, Reads("s", to_some_text, "text")]
MaybeText = Annotated[str | None, Reads("s", to_text, "text")]
Int = Annotated[int, Reads("i", to_int, "whole")]
MaybeInt = Annotated[int | None, Reads("i", to_maybe_int, "whole")]
Money = Annotated[int, Reads("i", to_int, "whole")]
"""Integer 分; absent is 0."""
MaybeMoney = Annotated[int | None, Reads("i", to_maybe_int, "whole")]
"""Integer 分; None when the platform did not say."""
Number = Annotated[float | None, Reads("f", to_number)]
Flag = Annotated[bool, Reads("b", to_sure_flag, "flag")]
MaybeFlag = Annotated[bool | None, Reads("b", to_flag, "flag")]
When = Annotated[Epoch | None, Reads("t", to_epoch)]
Json = Annotated[Any, BeforeValidator(to_json)]
ListOf = Annotated[list[T], BeforeValidator(to_list), Field(default_factory=list)]
Obj = Annotated[T | None, BeforeValidator(to_object)]


def loosely(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`read`, but a value it cannot read stays as it came: for payloads the documentation types only by example."""

    def reader(value: Any) -> Any:
        try:
            return read(value)
        except ValueError:
            return value

    return reader


def unknown_fields(model: BaseModel) -> list[str]:
    """Paths of the fields that arrived and that no model knows, e.g. "order.order_detail.product_infos[0].new_thing"."""
    return list(_unknown(model, ""))


def _unknown(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        dot = f"{path}." if path else ""
        for name in value.__pydantic_extra__ or {}:
            if path or name not in ENVELOPE:
                yield f"{dot}{name}"
        for name, info in type(value).model_fields.items():
            yield from _unknown(getattr(value, name), f"{dot}{info.alias or name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, f"{path}[{index}]")
