"""Pushes: genuine ones come out typed, everything else as the right refusal, and no bytes at all break the door."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhanggui.wechat import crypto
from zhanggui.wechat.callbacks import MAX_BYTES, Callback, is_stale, open_envelope, parse_xml
from zhanggui.wechat.errors import CallbackAnomalous, CallbackUnsupported, ConfigurationError, WechatError
from zhanggui.wechat.schemas.events import AftersalePush, GroupPush, OrderPush, ProductPush, StaffPush, SubscribePush

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
KEYS = crypto.CallbackKeys(token="tok", aes_key=KEY, receiver="wx01")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def push(name: str = "channels_ec_order_pay", **more: object) -> dict[str, object]:
    """A shop push."""
    return {"ToUserName": "gh_1", "FromUserName": "oABC", "CreateTime": 1767225600, "MsgType": "event", "Event": name, **more}


def sealed(
    content: object, *, form: str = "json", stamp: str = "1767225600", keys: crypto.CallbackKeys = KEYS
) -> tuple[bytes, dict[str, str]]:
    """An encrypted request of a push: body and query."""
    message = content if isinstance(content, bytes) else json.dumps(content).encode()
    box = crypto.seal(message, keys, timestamp=stamp, nonce="99")
    query = {
        "msg_signature": box["MsgSignature"],
        "timestamp": stamp,
        "nonce": "99",
        "encrypt_type": "aes",
        "signature": "whatever",
    }
    if form == "xml":
        return (
            f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{box['Encrypt']}]]></Encrypt></xml>".encode(),
            query,
        )
    return json.dumps({"ToUserName": "gh_1", "Encrypt": box["Encrypt"]}).encode(), query


def plain(content: object) -> Callback:
    """A push in plain mode."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    query = {"signature": crypto.signature("tok", "1", "2"), "timestamp": "1", "nonce": "2"}
    return open_envelope(body, query, KEYS, allow_plain=True)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_sealed_push_opens(form: str) -> None:
    body, query = sealed(push(order_info={"order_id": 3705115058471208928, "pay_time": "1767225500"}), form=form)
    found = open_envelope(body, query, KEYS, now=NOW)
    assert (found.kind, found.source, found.entity_id, found.mode) == (
        "channels_ec_order_pay",
        "shop",
        "3705115058471208928",
        "safe",
    )
    assert isinstance(found.payload, OrderPush)
    assert (found.payload.order_id, found.payload.pay_time) == ("3705115058471208928", 1767225500)
    assert found.created_at == NOW
    assert (found.sender, found.receiver, found.title, found.supported) == ("oABC", "gh_1", "订单已支付", True)


def test_the_same_push_has_the_same_key_and_another_state_another() -> None:
    def key(**more: object) -> str:
        body, query = sealed(push("channels_ec_order_deliver", **more))
        return open_envelope(body, query, KEYS).dedup_key

    first = key(order_info={"order_id": "1", "finish_delivery": 0})
    assert first == key(order_info={"order_id": 1, "finish_delivery": "0"})
    assert first != key(order_info={"order_id": "1", "finish_delivery": 1})
    assert first != key(order_info={"order_id": "2", "finish_delivery": 0})
    assert first != key(order_info={"order_id": "1", "finish_delivery": 0}, CreateTime=1767225601)


@pytest.mark.parametrize("change", ["msg_signature", "timestamp", "nonce"])
def test_forged_pushes_are_refused(change: str) -> None:
    body, query = sealed(push())
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(body, {**query, change: "0"}, KEYS)
    assert caught.value.why == "forged"


def test_a_claim_of_encryption_without_it_is_forged() -> None:
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(
            json.dumps(push()).encode(),
            {"encrypt_type": "aes", "signature": crypto.signature("tok", "", "")},
            KEYS,
            allow_plain=True,
        )
    assert caught.value.why == "forged"


def test_plain_only_when_allowed_and_signed() -> None:
    body = json.dumps(push()).encode()
    query = {"signature": crypto.signature("tok", "1", "2"), "timestamp": "1", "nonce": "2"}
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(body, query, KEYS)
    assert caught.value.why == "plain"
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(body, {**query, "signature": "0"}, KEYS, allow_plain=True)
    assert caught.value.why == "forged"
    assert open_envelope(body, query, KEYS, allow_plain=True).mode == "plain"


def test_compatible_mode_trusts_only_the_sealed_part() -> None:
    body, query = sealed(push(order_info={"order_id": "1"}))
    mixed = {**json.loads(body), **push(order_info={"order_id": "EVIL"})}
    found = open_envelope(json.dumps(mixed).encode(), query, KEYS)
    assert (found.entity_id, found.mode) == ("1", "compatible")


def test_oversized_stale_and_misdirected() -> None:
    body, query = sealed(push())
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(body + b" " * MAX_BYTES, query, KEYS)
    assert caught.value.why == "oversized"
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(body, query, KEYS, now=NOW + timedelta(hours=7))
    assert caught.value.why == "stale"
    assert open_envelope(body, query, KEYS, now=NOW + timedelta(hours=5)).kind == "channels_ec_order_pay"
    body, query = sealed(push(), keys=crypto.CallbackKeys(token="tok", aes_key=KEY, receiver="wxOTHER"))
    with pytest.raises(CallbackAnomalous) as caught:
        open_envelope(body, query, KEYS)
    assert caught.value.why == "wrong_receiver"


def test_stale_has_both_sides_and_bad_stamps() -> None:
    stamp = str(int(NOW.timestamp()))
    assert not is_stale(stamp, NOW + timedelta(hours=6))
    assert is_stale(stamp, NOW + timedelta(hours=6, seconds=1))
    assert is_stale(stamp, NOW - timedelta(hours=6, seconds=1))
    assert is_stale("soon", NOW)
    assert is_stale("9" * 30, NOW)


def test_without_keys_a_sealed_push_is_a_configuration_matter() -> None:
    body, query = sealed(push())
    with pytest.raises(ConfigurationError):
        open_envelope(body, query, crypto.CallbackKeys(token="tok"))


def test_unknown_kinds_are_kept_and_known_as_unknown() -> None:
    found = plain(push("channels_ec_something_new", thing_info={"thing_id": 5, "x": 1}))
    assert (found.supported, found.source, found.kind, found.entity_id, found.title) == (
        False,
        "unknown",
        "channels_ec_something_new",
        "5",
        "未知消息",
    )
    assert found.raw["thing_info"] == {"thing_id": 5, "x": 1}


def test_what_is_no_push_at_all_is_unsupported() -> None:
    with pytest.raises(CallbackUnsupported):
        plain({"hello": "world"})


def test_wrappers_of_user_coupon_events_vary() -> None:
    inner = {"coupon_id": 1, "user_coupon_id": 2, "use_time": "1767225600"}
    for content in ({"use_info": inner}, {"user_info": inner}, {"whatever": inner}, inner):
        found = plain(push("channels_ec_user_coupon_use", **content))
        assert found.entity_id == "2", content
        assert found.payload.use_time == 1767225600  # type: ignore[attr-defined]


def test_audit_info_is_json_inside_text() -> None:
    found = plain(
        push(
            "product_spu_audit",
            ProductSpuAudit={"product_id": 9, "status": "2", "audit_info": '{"busi_audit_info":{"item_list":[]}}'},
        )
    )
    assert isinstance(found.payload, ProductPush)
    assert found.payload.audit_info == {"busi_audit_info": {"item_list": []}}
    assert found.payload.status == 2


def test_aftersale_push() -> None:
    inner = {"status": "USER_WAIT_RETURN", "after_sale_order_id": 77, "order_id": 5}
    found = plain(push("channels_ec_aftersale_update", finder_shop_aftersale_status_update=inner))
    assert isinstance(found.payload, AftersalePush)
    assert (found.entity_id, found.payload.status, found.payload.order_id) == ("77", "USER_WAIT_RETURN", "5")


WECOM_ADD = b"""<xml><ToUserName><![CDATA[ww1]]></ToUserName><FromUserName>sys</FromUserName><CreateTime>1767230000</CreateTime>
<MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType><UserID>lina</UserID>
<ExternalUserID>wm1</ExternalUserID><State>ch1</State><WelcomeCode>W-CODE</WelcomeCode></xml>"""
WECOM_SUITE = b"""<xml><SuiteId>s1</SuiteId><AuthCorpId>ww1</AuthCorpId><InfoType>change_external_chat</InfoType><TimeStamp>1767230000</TimeStamp>
<ChatId>wr1</ChatId><ChangeType>update</ChangeType><UpdateDetail>add_member</UpdateDetail><JoinScene>3</JoinScene><MemChangeCnt>2</MemChangeCnt>
<MemChangeList><Item>a</Item><Item>b</Item></MemChangeList><CurMemVer>v2</CurMemVer></xml>"""


def test_wecom_contact_push() -> None:
    found = plain(WECOM_ADD)
    assert isinstance(found.payload, StaffPush)
    assert (found.kind, found.change, found.entity_id, found.payload.state) == (
        "change_external_contact",
        "add_external_contact",
        "wm1",
        "ch1",
    )
    assert "W-CODE" not in repr(found.payload)


def test_wecom_suite_form_and_member_lists() -> None:
    found = plain(WECOM_SUITE)
    assert isinstance(found.payload, GroupPush)
    assert (found.kind, found.entity_id, found.payload.changed, found.payload.count) == (
        "change_external_chat",
        "wr1",
        ["a", "b"],
        2,
    )
    assert found.created_at == datetime.fromtimestamp(1767230000, UTC)
    one = plain(WECOM_SUITE.replace(b"<Item>b</Item>", b""))
    assert one.payload.changed == ["a"]  # type: ignore[attr-defined]
    none = plain(WECOM_SUITE.replace(b"<MemChangeList><Item>a</Item><Item>b</Item></MemChangeList>", b""))
    assert none.payload.changed == []  # type: ignore[attr-defined]


def test_subscribe_results_as_list_object_and_xml() -> None:
    row = {"TemplateId": "t1", "SubscribeStatusString": "accept", "PopupScene": "0"}
    for rows in ([row], row):
        found = plain(push("subscribe_msg_popup_event", List=rows))
        assert isinstance(found.payload, SubscribePush)
        assert [(one.template_id, one.status) for one in found.payload.results] == [("t1", "accept")]
    xml = b"""<xml><ToUserName>g</ToUserName><FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>
    <Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List><TemplateId>a</TemplateId></List><List><TemplateId>b</TemplateId></List>
    </SubscribeMsgPopupEvent></xml>"""
    assert [one.template_id for one in plain(xml).payload.results] == ["a", "b"]  # type: ignore[attr-defined]


def test_messages_are_deduplicated_by_their_id() -> None:
    message = {
        "ToUserName": "g",
        "FromUserName": "o",
        "CreateTime": 1,
        "MsgType": "text",
        "Content": "hi",
        "MsgId": 1234567890123456,
    }
    assert plain(message).dedup_key == plain({**message, "CreateTime": 2}).dedup_key
    assert plain(message).kind == "message:text"
    assert plain(message).dedup_key != plain({**message, "MsgId": 5}).dedup_key


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><xml><MsgType>&x;</MsgType></xml>',
        b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><xml/>',
        b"<xml><a></xml>",
        b"<xml>" + b"<a>" * 100 + b"</a>" * 100 + b"</xml>",
        b"<" + b"a" * 10,
        b'<?xml version="1.0" encoding="nonsense"?><xml/>',
    ],
)
def test_hostile_xml_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackAnomalous) as caught:
        parse_xml(body)
    assert caught.value.why == "unreadable"


@settings(max_examples=300)
@given(body=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_any_bytes_give_only_our_errors(body: bytes) -> None:
    query = {"signature": crypto.signature("tok", "1", "2"), "timestamp": "1", "nonce": "2"}
    try:
        open_envelope(body, query, KEYS, allow_plain=True, now=NOW)
    except WechatError:
        return


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
_names = st.sampled_from(
    [
        "Event",
        "MsgType",
        "InfoType",
        "CreateTime",
        "order_info",
        "List",
        "ToUserName",
        "FromUserName",
        "MsgId",
        "Encrypt",
        "MemChangeList",
        "ChatId",
    ]
)


@settings(max_examples=300)
@given(
    content=st.dictionaries(_names, _values),
    event=st.sampled_from(["channels_ec_order_pay", "change_external_chat", "subscribe", "x", ""]),
)
def test_any_content_that_is_sealed_gives_a_callback_or_our_errors(content: dict[str, object], event: str) -> None:
    try:
        body, query = sealed({**content, "Event": event})
        found = open_envelope(body, query, KEYS)
    except WechatError:
        return
    assert isinstance(found, Callback)
    assert len(found.dedup_key) == 40
    assert found.payload is not None


@settings(max_examples=100)
@given(
    query=st.dictionaries(
        st.sampled_from(["msg_signature", "signature", "timestamp", "nonce", "encrypt_type"]), st.text(max_size=20)
    )
)
def test_any_query_gives_only_our_errors(query: dict[str, str]) -> None:
    body, _ = sealed(push())
    with pytest.raises(WechatError):
        open_envelope(body, query, KEYS, now=NOW)
