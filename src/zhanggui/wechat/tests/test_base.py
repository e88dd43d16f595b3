"""Values in every spelling the platform uses become one Python value."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from zhanggui.wechat.errors import UnreadableReply
from zhanggui.wechat.schemas import Order, base, dumps, loads, read, unknown_fields
from zhanggui.wechat.schemas.aftersales import Aftersale
from zhanggui.wechat.schemas.base import Epoch, to_epoch, to_flag, to_id, to_int, to_list, to_object
from zhanggui.wechat.schemas.orders import OrderReply
from zhanggui.wechat.schemas.shape import Shape, fields_of, parse, paths


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3705115058471208928, "3705115058471208928"),
        (" 3705115058471208928 ", "3705115058471208928"),
        (12345.0, "12345"),
        ("abc", "abc"),
        (0, "0"),
    ],
)
def test_an_id_is_text(given: object, expected: str) -> None:
    assert to_id(given) == expected


@pytest.mark.parametrize("given", [True, 1.5])
def test_what_is_no_id_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="id"):
        to_id(given)


def test_long_numbers_keep_every_digit() -> None:
    raw = b'{"a":18446744073709551616,"b":123456789012345678901234567890,"c":3705115058471208929.0,"d":1.5,"e":18446744073709551615}'
    assert loads(raw) == {
        "a": 18446744073709551616,
        "b": 123456789012345678901234567890,
        "c": 3705115058471208929,
        "d": 1.5,
        "e": 18446744073709551615,
    }
    assert isinstance(loads(raw)["c"], int)


def test_long_digits_inside_text_are_text() -> None:
    assert loads(b'{"a":"123456789012345678901234567890","lat":23.1234567890123456}') == {
        "a": "123456789012345678901234567890",
        "lat": 23.1234567890123456,
    }


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"a":NaN}', b'{"a":12345678901234567890123,"b":NaN}', b"[" * 100_000, b"\xff", b"{'a':1}"]
)
def test_what_is_not_json_raises_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):
        loads(raw)


def test_written_json_has_no_escapes_and_takes_long_numbers() -> None:
    assert dumps({"a": "掌柜", "n": Epoch(5)}) == '{"a":"掌柜","n":5}'.encode()
    assert dumps({"n": 123456789012345678901234567890}) == b'{"n":123456789012345678901234567890}'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1658509200, 1658509200),
        ("1658509200", 1658509200),
        (1658509200123, 1658509200),
        ("2022-07-23 01:00:00", 1658509200),
        ("2022/07/23 01:00:00", 1658509200),
        ("2022-07-22T17:00:00+00:00", 1658509200),
        ("20220723", 1658505600),
        (0, None),
        ("0", None),
        ("", None),
        (None, None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_a_time_in_any_spelling(given: object, expected: int | None) -> None:
    assert to_epoch(given) == expected


def test_a_time_knows_its_moment() -> None:
    found = to_epoch("1658509200")
    assert found is not None
    assert found.at == datetime(2022, 7, 22, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize("given", ["gestern", True, -5, 10**20, [1], float("inf"), 10**400])
def test_what_is_no_time_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="time"):
        to_epoch(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, False),
        (1, True),
        ("1", True),
        ("false", False),
        ("TRUE", True),
        (True, True),
        (4294967295, None),
        ("4294967295", None),
        ("", None),
    ],
)
def test_a_flag_in_any_spelling(given: object, expected: bool | None) -> None:
    assert to_flag(given) is expected


def test_whole_numbers() -> None:
    assert [to_int(one) for one in ("12", 12.0, "12.0", "", None, True, " 7 ", "-3")] == [12, 12, 12, 0, 0, 1, 7, -3]
    for wrong in ("1.5", "abc", [1]):
        with pytest.raises(ValueError, match="whole"):
            to_int(wrong)


def test_lists_and_objects() -> None:
    assert [to_list(one) for one in (None, "", {"a": 1}, [1, None, 2], "x", "[1, 2]")] == [
        [],
        [],
        [{"a": 1}],
        [1, 2],
        ["x"],
        [1, 2],
    ]
    assert [to_object(one) for one in ("", [], None, [{"a": 1}], '{"a":1}')] == [None, None, None, {"a": 1}, {"a": 1}]


def test_unknown_fields_are_kept_and_listed() -> None:
    reply = read(
        OrderReply,
        {
            "errcode": 0,
            "order": {"order_id": 1, "brand_new": 5, "order_detail": {"product_infos": [{"product_id": 2, "odd": {"x": 1}}]}},
        },
    )
    assert unknown_fields(reply) == ["order.brand_new", "order.order_detail.product_infos[0].odd"]
    assert reply.order.model_dump()["brand_new"] == 5


def test_a_bad_leaf_is_set_aside_and_named() -> None:
    problems: list[str] = []
    raw = {
        "order": {"order_id": "7", "status": "paid!", "create_time": "soon", "order_detail": {"price_info": {"order_price": "x"}}}
    }
    reply = read(OrderReply, raw, problems)
    assert (reply.order.order_id, reply.order.status, reply.order.create_time) == ("7", 0, None)
    assert sorted(problems) == [
        "order.create_time: 不是时间",
        "order.order_detail.price_info.order_price: 不是整数",
        "order.status: 不是整数",
    ]
    assert raw["order"]["status"] == "paid!"


@pytest.mark.parametrize(
    "raw", [{}, {"order": None}, {"order": {}}, {"order": {"order_id": None}}, {"order": "x"}, [], "x", None, 5]
)
def test_what_cannot_be_done_without_raises(raw: object) -> None:
    with pytest.raises(UnreadableReply):
        read(OrderReply, raw)


def test_no_value_appears_in_the_error() -> None:
    with pytest.raises(UnreadableReply) as caught:
        read(Order, {"order_id": True, "openid": "oSECRETPERSON"})
    assert "oSECRETPERSON" not in f"{caught.value!s}{caught.value!r}"


def test_aftersale_deadline_reads_both_meanings() -> None:
    base = {"after_sale_order_id": 1, "update_time": 1_700_000_000}
    assert read(Aftersale, {**base, "deadline": 1_700_100_000}).deadline_at() == 1_700_100_000
    assert read(Aftersale, {**base, "deadline": 3600}).deadline_at() == 1_700_003_600
    assert read(Aftersale, base).deadline_at() is None


def test_shapes_compile_and_read() -> None:
    shape = Shape("a! b:m c[] d[]{e:i f{g:t}} copy:b _x h:j", "test")
    value = shape.model.model_validate(
        {"a": 1, "b": "x", "c": 5, "d": {"e": "7", "f": '{"g":5}'}, "copy": 1, "h": '{"k":[1]}', "new": 2}
    )
    assert value.model_dump(by_alias=True, exclude_unset=True) == {
        "a": "1",
        "b": "x",
        "c": ["5"],
        "d": [{"e": 7, "f": {"g": 5}}],
        "copy": True,
        "h": {"k": [1]},
        "new": 2,
    }
    assert unknown_fields(value) == ["new"]


@pytest.mark.parametrize("text", ["a{b", "a}b", "a{b}}"])
def test_wrong_shapes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"closed|brace"):
        parse(text)


def test_a_model_shows_its_fields_like_a_shape() -> None:
    found = set(paths(fields_of(OrderReply)))
    assert {
        "order",
        "order.order_id",
        "order.order_detail.product_infos.sku_attrs.attr_key",
        "order.order_detail.delivery_info.address_info.lat",
    } <= found


SPELLINGS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "0",
            " 7 ",
            "1.0",
            "1e3",
            "true",
            "FALSE",
            "是",
            "12.5%",
            "2026-01-02 03:04:05",
            "20260102",
            "0000-00-00 00:00:00",
        ]
    ),
    st.integers(0, 1 << 70).map(str),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.mark.parametrize(
    ("kind", "reader"),
    [
        (base.Id, to_id),
        (base.MaybeId, base.to_maybe_id),
        (base.Text, base.to_some_text),
        (base.Int, to_int),
        (base.MaybeInt, base.to_maybe_int),
        (base.Money, to_int),
        (base.Number, base.to_number),
        (base.Flag, base.to_sure_flag),
        (base.MaybeFlag, to_flag),
        (base.When, to_epoch),
    ],
    ids=["id", "id?", "text", "int", "int?", "money", "number", "flag", "flag?", "when"],
)
@example(value=float("inf"))
@example(value=10**400)
@example(value="nan")
@example(value="\x1f")
@given(value=SPELLINGS)
def test_the_quick_way_reads_what_the_slow_one_reads(kind: Any, reader: Any, value: object) -> None:
    try:
        expected = reader(value)
    except ValueError:
        with pytest.raises(ValidationError):
            adapter(kind).validate_python(value)
        return
    found = adapter(kind).validate_python(value)
    assert (found, type(found)) == (expected, type(expected))


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
