"""Payloads of our own making in the spellings the platform might use: ids as numbers and floats, nulls, missing and extra parts, odd wrappers."""

from __future__ import annotations

import copy
import html
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhanggui.wechat import crypto
from zhanggui.wechat.payloads import examine

ORDER: dict[str, Any] = {
    "errcode": 0,
    "errmsg": "ok",
    "order": {
        "order_id": "3711111111111111111",
        "status": 20,
        "openid": "oTESTaaaaaaaaaaaaaaaaaaaaaaa",
        "create_time": 1767225600,
        "update_time": 1767229200,
        "is_present": False,
        "order_detail": {
            "product_infos": [
                {
                    "product_id": "10000000000001",
                    "sku_id": "20000000000001",
                    "sku_cnt": 2,
                    "title": "明前龙井 50g",
                    "thumb_img": "https://example.com/a.jpg",
                    "sale_price": 12800,
                    "market_price": 15800,
                    "real_price": 24600,
                    "sku_attrs": [{"attr_key": "规格", "attr_value": "罐装"}],
                }
            ],
            "pay_info": {
                "prepay_id": "p1",
                "prepay_time": 1767225610,
                "transaction_id": "42000001",
                "pay_time": 1767225620,
                "payment_method": 1,
            },
            "price_info": {
                "product_price": 25600,
                "order_price": 24600,
                "freight": 0,
                "discounted_price": 1000,
                "is_discounted": True,
            },
            "delivery_info": {
                "deliver_method": 0,
                "address_info": {
                    "user_name": "王**",
                    "province_name": "浙江省",
                    "city_name": "杭州市",
                    "county_name": "西湖区",
                    "detail_info": "****",
                    "tel_number": "183****0000",
                    "use_tel_number": 1,
                    "tel_number_ext_info": {
                        "real_tel_number": "183****0000",
                        "virtual_tel_number": "13200000000-1234",
                        "virtual_tel_expire_time": 1769817600,
                    },
                    "hash_code": "A1B2",
                },
                "delivery_product_info": [],
            },
            "ext_info": {"customer_notes": "送礼", "order_scene": 2},
            "source_infos": [
                {"sku_id": "20000000000001", "sale_channel": 0, "account_type": 4, "account_id": "ww1", "content_type": 1}
            ],
        },
        "aftersale_detail": {"aftersale_order_list": [], "on_aftersale_order_cnt": 0},
    },
}


def dumped(value: Any) -> bytes:
    """A document as the platform writes it."""
    return json.dumps(value, ensure_ascii=False).encode()


def varied(change: Any) -> dict[str, Any]:
    """The order with a change made to it."""
    document = copy.deepcopy(ORDER)
    change(document["order"])
    return document


def order_of(body: bytes, **options: Any) -> dict[str, Any]:
    """The order as read, which must have been understood as one."""
    report = examine(body, **options)
    assert report.understood, report.as_dict()
    assert (report.kind, report.side) == ("order.get", "response")
    found: dict[str, Any] = report.values["order"]
    return found


def test_the_order_itself() -> None:
    report = examine(dumped(ORDER))
    assert (report.kind, report.side, report.sure, report.unknown, report.problems) == (
        "order.get",
        "response",
        "certain",
        [],
        [],
    )
    assert report.values["order"]["order_detail"]["delivery_info"]["address_info"]["use_tel_number"] is True


@pytest.mark.parametrize(
    "given", [b"3711111111111111111", b'"3711111111111111111"', b"3711111111111111111.0", b'" 3711111111111111111"']
)
def test_ids_in_every_spelling_keep_every_digit(given: bytes) -> None:
    body = dumped(ORDER).replace(b'"3711111111111111111"', given)
    assert order_of(body)["order_id"] == "3711111111111111111"


def test_ids_longer_than_64_bits() -> None:
    body = dumped(ORDER).replace(b'"3711111111111111111"', b"371111111111111111199999")
    assert order_of(body)["order_id"] == "371111111111111111199999"


def test_numbers_as_text_and_text_as_numbers() -> None:
    def change(order: dict[str, Any]) -> None:
        order["status"] = "20"
        order["create_time"] = "1767225600"
        order["is_present"] = "false"
        order["order_detail"]["price_info"] = {"order_price": "24600", "freight": "", "is_discounted": "1"}
        order["order_detail"]["pay_info"]["transaction_id"] = 42000001
        order["order_detail"]["product_infos"][0]["title"] = 12345

    found = order_of(dumped(varied(change)))
    assert (found["status"], found["create_time"], found["is_present"]) == (20, "2026-01-01T08:00:00+08:00", False)
    assert found["order_detail"]["price_info"] == {"order_price": 24600, "freight": 0, "is_discounted": True}
    assert found["order_detail"]["pay_info"]["transaction_id"] == "42000001"
    assert found["order_detail"]["product_infos"][0]["title"] == "12345"


def test_nulls_missing_and_empty_parts() -> None:
    def change(order: dict[str, Any]) -> None:
        order["unionid"] = None
        order["aftersale_detail"] = None
        order["order_detail"]["product_infos"] = None
        order["order_detail"]["ext_info"] = []
        order["order_detail"]["coupon_info"] = ""
        order["order_detail"]["source_infos"] = order["order_detail"]["source_infos"][0]
        del order["order_detail"]["pay_info"]

    found = order_of(dumped(varied(change)))
    assert "unionid" not in found
    assert len(found["order_detail"]["source_infos"]) == 1


def test_extra_fields_are_kept_and_named() -> None:
    report = examine(dumped(varied(lambda order: order.update(guide_info={"guide_id": 1}, risk_info=None, brand_new=7))))
    assert report.understood
    assert report.unknown == ["order.guide_info", "order.brand_new"]
    assert report.values["order"]["guide_info"] == {"guide_id": 1}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda o: {"errcode": 0, "data": {"order": o["order"]}},
        lambda o: {"order": o["order"]},
        lambda o: o["order"],
        lambda o: {"code": 0, "message": "", "data": o["order"]},
        lambda o: {"errcode": 0, "data": json.dumps({"order": o["order"]})},
        lambda o: {"errcode": 0, **o["order"]},
    ],
)
def test_wrappers_come_and_go(wrap: Any) -> None:
    assert order_of(dumped(wrap(ORDER)))["order_id"] == "3711111111111111111"


@pytest.mark.parametrize(
    "encode",
    [
        lambda b: b"\xef\xbb\xbf" + b,
        lambda b: b.decode().encode("gb18030"),
        lambda b: b.decode().encode("utf-16"),
        lambda b: html.escape(b.decode()).encode(),
        lambda b: json.dumps(b.decode()).encode(),
        lambda b: b"\r\n\t " + b + b"\n\n",
        lambda b: json.dumps(json.loads(b)).encode(),
    ],
)
def test_encodings(encode: Any) -> None:
    found = order_of(encode(dumped(ORDER)))
    assert found["order_detail"]["product_infos"][0]["title"] == "明前龙井 50g"


def test_a_list_of_orders() -> None:
    report = examine(dumped([ORDER["order"], ORDER["order"]]))
    assert report.understood
    assert report.kind == "order.get"
    assert len(report.values) == 2


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (varied(lambda order: order.pop("order_id")), "order_id"),
        (varied(lambda order: order.update(order_id=None)), "order_id"),
        (varied(lambda order: order.update(order_id=True)), "order_id"),
        (varied(lambda order: order.update(create_time="someday")), "create_time: 不是时间"),
        (varied(lambda order: order["order_detail"]["price_info"].update(order_price="free")), "order_price: 不是整数"),
        (varied(lambda order: order["order_detail"].update(price_info="none")), "price_info"),
    ],
)
def test_what_cannot_be_read_is_a_problem(document: dict[str, Any], problem: str) -> None:
    report = examine(dumped(document), as_kind="order.get")
    assert not report.understood
    assert problem in " ".join(report.problems)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (40001, "凭证"),
        (45009, "次数"),
        (45011, "频繁"),
        (48001, "权限"),
        (61004, "白名单"),
        (100002, "订单不存在"),
        (31042, "太多"),
    ],
)
def test_error_answers_are_understood_by_their_meaning(code: int, meaning: str) -> None:
    for value in (code, str(code)):
        report = examine(dumped({"errcode": value, "errmsg": "x rid: 1-2"}))
        assert report.understood
        assert report.kind == "error"
        assert meaning in report.values["meaning"]
    report = examine(dumped({"errcode": code, "errmsg": "x"}), as_kind="order/get")
    assert (report.kind, report.understood, report.values["errcode"]) == ("order.get", True, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"null",
        b"5",
        b'"text"',
        b"[]",
        b"[1,2]",
        b"{}",
        b'{"hello":"world"}',
        b'{"foo":{"bar":[1,2,3]},"name":"x"}',
        dumped(ORDER)[:-20],
        b"<xml><a></xml>",
        b"<html><body>502</body></html>",
        b"\xff\xfe\x00",
        b"\x80\x81\xff\xff",
        b"order_id,amount\n1,2\n",
        b'{"Encrypt":"abcd","ToUserName":"gh"}',
        b'{"ToUserName":"g","FromUserName":"o","CreateTime":1,"MsgType":"event","Event":"channels_ec_not_yet_invented"}',
        b'{"ToUserName":"g","FromUserName":"o","CreateTime":1,"MsgType":"event","Event":"channels_ec_order_pay"}',
        b'{"ToUserName":"g","CreateTime":1,"MsgType":"event","Event":"channels_ec_order_pay","order_info":{"pay_time":5}}',
    ],
)
def test_what_is_nothing_is_not_understood(body: bytes) -> None:
    report = examine(body)
    assert not report.understood
    assert report.problems


@pytest.mark.parametrize(
    ("name", "wrapper", "inner"),
    [
        ("channels_ec_order_cancel", "order_info", {"order_id": 3711111111111111111, "cancel_type": "1"}),
        ("channels_ec_order_wait_shipping", "order_info", {"order_id": "3711111111111111111"}),
        ("product_spu_listing", "ProductSpuListing", {"product_id": "1", "status": 5}),
        ("product_spu_update", "ProductSpuUpdate", {"product_id": 1, "status": "5", "reason": ""}),
        (
            "channels_ec_guarantee_update",
            "finder_shop_guarantee_status_update",
            {"guarantee_order_id": 5, "order_id": 6, "status": "PAYING"},
        ),
        ("channels_ec_coupon_create", "coupon_info", {"coupon_id": "1", "create_time": "1767225600"}),
        ("channels_ec_user_coupon_expire", "user_coupon_info", {"coupon_id": 1, "user_coupon_id": 2, "expire_time": 1767225600}),
        ("channels_ec_user_coupon_use", "use_info", {"coupon_id": 1, "user_coupon_id": 2, "use_time": "1767225600"}),
        ("channels_ec_user_coupon_unuse", "user_info", {"coupon_id": 1, "user_coupon_id": 2, "unuse_time": "1767225600"}),
        ("channels_ec_withdraw_notify", "withdraw_info", {"event": 1, "withdraw_id": 7}),
        ("channels_ec_vip_join", "user_info", {"join_time": 1767225600, "phone_number": "1", "grade": 1}),
    ],
)
def test_events_without_a_captured_sample(name: str, wrapper: str, inner: dict[str, Any]) -> None:
    content = {
        "ToUserName": "gh_1",
        "FromUserName": "o1",
        "CreateTime": "1767225600",
        "MsgType": "event",
        "Event": name,
        wrapper: inner,
    }
    report = examine(dumped(content))
    assert report.understood, report.as_dict()
    assert (report.kind, report.side, report.unknown) == (name, "event", [])
    for key, value in report.values[wrapper].items():
        if key.endswith("_id"):
            assert value == str(inner[key])


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (
            "coupon.get_list",
            {"errcode": 0, "coupons": [{"coupon_id": 12639900}, {"coupon_id": "12639901"}], "total_num": 2, "page_ctx": "abc"},
        ),
        ("product.list.get", {"errcode": 0, "product_ids": ["10000001", 10000002], "next_key": "k", "total_num": 2}),
        (
            "product.stock.batchget",
            {
                "errcode": 0,
                "data": {
                    "spu_stock_list": [
                        {"product_id": 1, "sku_stock": [{"sku_id": 2, "normal_stock_num": 5, "total_stock_num": 5}]}
                    ]
                },
            },
        ),
        (
            "coupon.get_user_coupon",
            {
                "errcode": 0,
                "openid": "o",
                "user_coupon": {"user_coupon_id": 5, "coupon_id": 6, "status": 102, "ext_info": {"use_time": 1767225600}},
            },
        ),
        (
            "order.sensitiveinfo.decode",
            {
                "errcode": 0,
                "address_info": {"user_name": "王", "tel_number": "18300000000", "province_name": "浙江"},
                "virtual_number_info": {"virtual_number": "132", "extension": "1234", "expiration": 1767225600},
            },
        ),
        (
            "aftersale.getguaranteeorder",
            {
                "errcode": 0,
                "guarantee_order": {
                    "guarantee_order_id": 1,
                    "order_id": 2,
                    "type": 1,
                    "status": "STATUS_PAYING",
                    "pay_amount": 500,
                },
            },
        ),
        ("product.getauditquota", {"errcode": 0, "audit_quota": {"block_status": 0, "avail_quota": 5, "total_quota": 10}}),
        (
            "compass.shop.overall.get",
            {
                "errcode": 0,
                "data": {"pay_gmv": "100", "pay_uv": "1", "pay_order_cnt": "1", "product_click_uv": "9", "live_pay_gmv": "0"},
            },
        ),
        (
            "wecom.externalcontact.groupchat.get_join_way",
            {"errcode": 0, "join_way": {"config_id": "c", "scene": 2, "chat_id_list": ["x"], "qr_code": "u"}},
        ),
        (
            "datacube.getweanalysisappidvisitpage",
            {
                "ref_date": "20251231",
                "list": [{"page_path": "pages/i", "page_visit_pv": 5, "page_visit_uv": 2, "entrypage_pv": 1, "exitpage_pv": 1}],
            },
        ),
        (
            "datacube.getweanalysisappidvisitdistribution",
            {"ref_date": "20251231", "list": [{"index": "access_depth_info", "item_list": [{"key": 1, "value": 5}]}]},
        ),
        (
            "ads.daily_reports.get",
            {
                "code": 0,
                "message": "",
                "data": {
                    "list": [{"date": "2025-12-20", "cost": "5", "valid_click_count": 3, "conversions_count": 1}],
                    "page_info": {"total_number": 1},
                },
            },
        ),
        (
            "order.price.update",
            {
                "order_id": "1",
                "change_order_infos": [{"product_id": "1", "sku_id": "2", "change_price": 900}],
                "change_express": False,
            },
        ),
        ("aftersale.rejectapply", {"after_sale_order_id": "1", "reject_reason_type": 2, "reject_reason": "已发货"}),
        (
            "product.limiteddiscounttask.update",
            {"task_id": "5", "status": 1, "start_time": 1, "limited_discount_skus": [{"product_id": 1, "sku_id": 2}]},
        ),
    ],
)
def test_payloads_without_a_captured_sample_are_recognised(kind: str, document: dict[str, Any]) -> None:
    report = examine(dumped(document))
    assert report.understood, report.as_dict()
    assert kind in (report.kind, *(one.rsplit(".", 1)[0] for one in report.others)), (report.kind, report.others)
    named = examine(dumped(document), as_kind=kind)
    assert named.understood
    assert (named.kind, named.sure) == (kind, "given")


@pytest.mark.parametrize(
    "as_kind",
    ["order.get", "order/get", "/channels/ec/order/get", "POST /channels/ec/order/get", "https://api.weixin.qq.com/channels/ec/order/get?access_token=x",
     "order.get.response", "order.get.response.json", "ChannelsECOrderGetResponse"],
)  # fmt: skip
def test_kinds_can_be_named_in_many_ways(as_kind: str) -> None:
    assert order_of(dumped(ORDER), as_kind=as_kind)["status"] == 20


def test_a_wrong_name_is_not_believed() -> None:
    assert not examine(dumped(ORDER), as_kind="coupon.get").understood
    assert not examine(dumped(ORDER), as_kind="channels_ec_order_pay").understood
    report = examine(dumped(ORDER), as_kind="no/such/call")
    assert not report.understood
    assert "no/such/call" in report.problems[0]


def test_requests_count_too() -> None:
    body = {"update_time_range": {"start_time": 1767225600, "end_time": "1767229200"}, "page_size": 100, "next_key": ""}
    report = examine(dumped(body))
    assert (report.kind, report.side, report.understood) == ("order.list.get", "request", True)
    assert report.values["update_time_range"]["end_time"] == "2026-01-01T09:00:00+08:00"
    report = examine(dumped({"status": 1}), as_kind="order.get.request")
    assert not report.understood or "缺少必填参数：order_id" in report.notes


KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PUSH = {
    "ToUserName": "gh",
    "FromUserName": "o",
    "CreateTime": 1767225600,
    "MsgType": "event",
    "Event": "channels_ec_order_pay",
    "order_info": {"order_id": 5},
}


def test_envelopes_are_opened_with_keys() -> None:
    keys = crypto.CallbackKeys(token="t", aes_key=KEY, receiver="wx1")
    box = crypto.seal(dumped(PUSH), keys, timestamp="1", nonce="2")
    query = {"msg_signature": box["MsgSignature"], "signature": box["MsgSignature"], "timestamp": "1", "nonce": "2"}
    forms = (
        dumped({"ToUserName": "gh", "Encrypt": box["Encrypt"]}),
        f"<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[{box['Encrypt']}]]></Encrypt></xml>".encode(),
    )
    for body in forms:
        report = examine(body, keys=keys, query=query)
        assert report.understood, report.as_dict()
        assert (report.kind, report.values["order_info"]["order_id"]) == ("channels_ec_order_pay", "5")
        for wrong_keys, wrong_query in (
            (keys, {**query, "msg_signature": "0", "signature": "0"}),
            (keys, {}),
            (crypto.CallbackKeys(token="t", aes_key=KEY, receiver="wxOTHER"), query),
            (crypto.CallbackKeys(token="t", aes_key="Z" * 43, receiver="wx1"), query),
            (crypto.CallbackKeys(token="t", aes_key="short", receiver="wx1"), query),
            (None, query),
        ):
            report = examine(body, keys=wrong_keys, query=wrong_query)
            assert not report.understood
            assert report.values is None


def test_a_plain_push_with_keys_must_be_signed() -> None:
    keys = crypto.CallbackKeys(token="t", aes_key=KEY)
    assert not examine(dumped(PUSH), keys=keys, query={}).understood
    good = {"signature": crypto.signature("t", "1", "2"), "timestamp": "1", "nonce": "2"}
    assert examine(dumped(PUSH), keys=keys, query=good).understood


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_examination(body: bytes) -> None:
    assert examine(body).understood in (True, False)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "order",
                    "order_id",
                    "list",
                    "data",
                    "Event",
                    "errcode",
                    "order_detail",
                    "product_infos",
                    "MsgType",
                    "product",
                    "code",
                    "message",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(_json, st.sampled_from(["", "order.get", "product/get", "channels_ec_order_pay", "coupon.create"]))
def test_no_document_breaks_the_examination(document: Any, as_kind: str) -> None:
    report = examine(json.dumps(document).encode(), as_kind=as_kind)
    assert report.understood in (True, False)
    assert report.understood or report.problems
