"""Small payloads written as one line of text, compiled into tolerant pydantic models on first use.

    Shape("order_id! notes amount:m; list[]{openid unionid} ids[] total_num:i has_more:b")

`name` is text (ids, too), `name:k` another kind, `!` required, `name[]` a list of scalars, `name{…}` an object, `name[]{…}` a list of objects.
Kinds: s text · i whole number · m money in 分 · f number · b flag · t time · j JSON text · a anything.
Such models are loose: a scalar that does not fit its kind stays as it came, because the documentation gives these types by example only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, create_model

from zhanggui.wechat.schemas import base
from zhanggui.wechat.schemas.base import Payload

_TOKEN = re.compile(
    r"(?P<name>[^\s{}\[\]!:;]+)(?P<many>\[\])?(?P<need>!)?(?::(?P<kind>[a-z]))?(?P<need2>!)?(?P<open>\{)?|(?P<close>\})|;"
)
_READERS: dict[str, Any] = {
    "s": base.to_text,
    "i": base.to_maybe_int,
    "m": base.to_maybe_int,
    "f": base.to_number,
    "b": base.to_flag,
    "t": base.to_epoch,
    "j": base.to_json,
    "a": lambda value: value,
}
_TAKEN = frozenset(dir(BaseModel))


@dataclass(frozen=True)
class Leaf:
    """One field of a payload: its name, kind, whether it repeats or is required, and its own fields if it is an object."""

    name: str
    kind: str = "s"
    many: bool = False
    required: bool = False
    fields: tuple[Leaf, ...] = ()

    @property
    def is_object(self) -> bool:
        """Whether the field holds an object (or a list of them)."""
        return self.kind == "o"


class Shape:
    """A light payload model, written as text; `model` is its pydantic class."""

    def __init__(self, text: str = "", name: str = "Shape") -> None:
        self.text, self.name = text, name

    def __repr__(self) -> str:
        return f"Shape({self.name}: {self.text[:60]!r})"

    @cached_property
    def fields(self) -> tuple[Leaf, ...]:
        """The parsed fields. Raises ValueError on text that is no shape."""
        return parse(self.text)

    @cached_property
    def model(self) -> type[Payload]:
        """The pydantic class, compiled on first use."""
        return compile_model(self.name, self.fields)


def parse(text: str) -> tuple[Leaf, ...]:
    """The fields of a shape text. Raises ValueError when braces do not match or text is left over."""
    stack: list[list[Leaf]] = [[]]
    heads: list[tuple[str, bool, bool]] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"unreadable shape at {text[position : position + 20]!r}")
        position = match.end()
        if match["close"]:
            if not heads:
                raise ValueError("a closing brace too many")
            name, many, need = heads.pop()
            inner = tuple(stack.pop())
            stack[-1].append(Leaf(name, "o", many, need, inner))
        elif match["name"]:
            need = bool(match["need"] or match["need2"])
            if match["open"]:
                heads.append((match["name"], bool(match["many"]), need))
                stack.append([])
            else:
                stack[-1].append(Leaf(match["name"], match["kind"] or "s", bool(match["many"]), need))
    if heads:
        raise ValueError(f"{heads[-1][0]} is not closed")
    return tuple(stack[0])


def compile_model(name: str, fields: tuple[Leaf, ...]) -> type[Payload]:
    """A pydantic class with these fields, all optional unless required."""
    definitions: dict[str, Any] = {}
    for leaf in fields:
        attribute = (
            leaf.name
            if leaf.name.isidentifier() and leaf.name not in _TAKEN and leaf.name[0] != "_"
            else f"f_{leaf.name.strip('_')}"
        )
        attribute = re.sub(r"\W", "_", attribute)
        if leaf.is_object:
            inner: Any = compile_model(f"{name}_{leaf.name}", leaf.fields)
            if leaf.many:
                kind: Any = Annotated[list[inner | Any], BeforeValidator(base.to_list)]
            else:
                kind = Annotated[inner | Any, BeforeValidator(base.to_object)]
        elif leaf.many:
            kind = Annotated[
                list[Annotated[Any, BeforeValidator(base.loosely(_READERS[leaf.kind]))]], BeforeValidator(base.to_list)
            ]
        else:
            kind = Annotated[Any, BeforeValidator(base.loosely(_READERS[leaf.kind]))]
        extra: dict[str, Any] = {"alias": leaf.name} if attribute != leaf.name else {}
        if leaf.required:
            definitions[attribute] = (kind, Field(**extra))
        elif leaf.many:
            definitions[attribute] = (kind, Field(default_factory=list, **extra))
        else:
            definitions[attribute] = (kind, Field(default=None, **extra))
    made: type[Payload] = create_model(re.sub(r"\W", "_", name), __base__=Payload, **definitions)
    return made


@cache
def fields_of(model: type[BaseModel]) -> tuple[Leaf, ...]:
    """The fields of a hand-written model in the same form as those of a shape; a model inside itself is cut at the third level."""
    return _fields_of(model, ())


def _fields_of(model: type[BaseModel], above: tuple[type[BaseModel], ...]) -> tuple[Leaf, ...]:
    found: list[Leaf] = []
    for name, info in model.model_fields.items():
        kind, many, inner = _describe(info.annotation, info.metadata)
        shown = info.alias or name
        if inner is not None:
            nested = () if above.count(inner) >= 2 else _fields_of(inner, (*above, inner))
            found.append(Leaf(shown, "o", many, info.is_required(), nested))
        else:
            found.append(Leaf(shown, kind, many, info.is_required()))
    return tuple(found)


def _kind_of(mark: Any) -> str:
    if isinstance(mark, base.Reads):
        return "s" if mark.kind == "id" else mark.kind
    return "j" if isinstance(mark, BeforeValidator) and mark.func is base.to_json else ""


def _describe(annotation: Any, metadata: list[Any]) -> tuple[str, bool, type[BaseModel] | None]:
    kind = next((_kind_of(mark) for mark in metadata if _kind_of(mark)), "")
    origin = get_origin(annotation)
    if origin is Annotated:
        inner_annotation, *inner_metadata = get_args(annotation)
        deeper, many, inner = _describe(inner_annotation, list(inner_metadata))
        return (kind or deeper), many, inner
    if origin is list:
        (item,) = get_args(annotation)
        deeper, _, inner = _describe(item, [])
        return deeper, True, inner
    if origin in (Union, UnionType):
        for option in get_args(annotation):
            if option is type(None):
                continue
            deeper, many, inner = _describe(option, [])
            return (kind or deeper), many, inner
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "o", False, annotation
    if annotation is bool:
        return (kind or "b"), False, None
    if annotation is base.Epoch:
        return "t", False, None
    if annotation is int:
        return (kind or "i"), False, None
    if annotation is str:
        return "s", False, None
    return (kind or "a"), False, None


def paths(fields: tuple[Leaf, ...], prefix: str = "") -> Iterator[str]:
    """Every field path, lists without indices: "order.order_detail.product_infos.sku_id"."""
    for leaf in fields:
        path = f"{prefix}{leaf.name}"
        yield path
        yield from paths(leaf.fields, f"{path}.")
