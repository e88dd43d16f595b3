"""Every call a merchant is offered has a method of its own, and each method sends what its table allows and nothing else."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from zhanggui.wechat.calls import shop as table
from zhanggui.wechat.endpoints import SHOP_HOST, by_path, read_table
from zhanggui.wechat.errors import WechatError
from zhanggui.wechat.shop import ShopClient
from zhanggui.wechat.tests.fakes import Clock, FakeCarrier, Sent, caller
from zhanggui.wechat.writes.shop import ShopWrites

HERE = {"stable_token", "openapi.quota.get", "clear_quota.v2"}
"""What the caller itself asks, and the reset that wants the secret in the body."""
OFFERED = [one for one in read_table(SHOP_HOST, table.TABLE) if one.offered and one.name not in HERE]
CHOICES: dict[str, tuple[Any, ...]] = {
    "form": ("h5url", "taglink", "qrcode"),
    "part": ("banner", "background"),
    "what": ("plan", "talent", "product"),
    "newer": (True, False),
    "valid": (True, False),
    "present": (True, False),
    "delivery_id": ("SF", None),
    "template_id": ("7", None),
    "pushes": (True, False),
}
MADE_UP: dict[str, Any] = {
    "str": "1",
    "int": 1,
    "bool": True,
    "bytes": b"x",
    "date": date(2026, 1, 2),
    "datetime": datetime(2026, 1, 2, tzinfo=UTC),
    "dict[str, Any]": {"a": 1},
    "dict[str, int]": {"1": 100},
    "Sequence[str]": ["1"],
    "Sequence[dict[str, Any]]": [{"product_id": "1"}],
}
MORE: dict[str, dict[str, Any]] = {
    "add_product": {"title": "茶", "head_imgs": ["x"]},
    "dropship_orders": {"order_id": "1"},
    "league_item": {"type": 1, "product_id": "1"},
}
"""Bodies that a method takes as they are."""
OWN = {"call", "upload", "load_quota", "caller"}


def ways(name: str, method: Any) -> Iterator[dict[str, Any]]:
    """Arguments for every way a method can be called."""
    options: dict[str, tuple[Any, ...]] = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name in CHOICES:
            options[parameter.name] = CHOICES[parameter.name]
        elif parameter.default is parameter.empty:
            options[parameter.name] = (MADE_UP[str(parameter.annotation)],)
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True)) | MORE.get(name, {})
    if name == "dropship_orders":
        yield {}


async def drive(owner: Any, name: str) -> None:
    """Calls a method in every way; what the empty answers lead to does not matter here."""
    method = getattr(owner, name)
    for given in ways(name, method):
        try:
            made = method(**given)
            if inspect.isasyncgen(made) or hasattr(made, "__aiter__"):
                async for _ in made:
                    break
            else:
                await made
        except (WechatError, KeyError, AttributeError):
            pass


def methods(kind: type) -> list[str]:
    """The public methods of a client."""
    return [name for name in dir(kind) if not name.startswith("_") and name not in OWN and callable(getattr(kind, name))]


def sent_to(carrier: FakeCarrier) -> list[Sent]:
    """What was sent but token calls."""
    return [one for one in carrier.sent if one.path != "/cgi-bin/stable_token"]


@pytest.mark.parametrize(("kind", "writes"), [(ShopClient, False), (ShopWrites, True)])
async def test_every_offered_call_of_a_shop_has_a_method(kind: Any, writes: bool) -> None:
    carrier = FakeCarrier()
    owner = kind(caller(carrier, Clock()))
    for name in methods(kind):
        before = len(sent_to(carrier))
        await drive(owner, name)
        assert len(sent_to(carrier)) > before, f"{name} sent nothing"
    asked = {found.name for one in sent_to(carrier) if (found := by_path(one.path, SHOP_HOST)) is not None}
    assert asked == {one.name for one in OFFERED if one.writes is writes}


@pytest.mark.parametrize("kind", [ShopClient, ShopWrites])
async def test_no_method_sends_a_field_its_table_does_not_know(kind: Any) -> None:
    carrier = FakeCarrier()
    owner = kind(caller(carrier, Clock()))
    for name in methods(kind):
        await drive(owner, name)
    for one in sent_to(carrier):
        found = by_path(one.path, SHOP_HOST)
        assert found is not None, one.path
        assert (one.method, one.path) == (found.method, found.path)
        fields = {leaf.name for leaf in found.request_fields} | {"access_token", "resp_type", "upload_type"}
        body = one.body if isinstance(one.body, dict) else {}
        assert set(body) | set(one.query) <= fields, found.name
