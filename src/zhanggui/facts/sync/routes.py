"""Which push leads to reading what again: every event of the catalogues, by name. Source: shop fact sheet 3.5, WeCom 16, 公众号 and 小程序.

A push says little and may be late, repeated or out of order; so it names only what to read, never what is true. The exceptions are moments
that no list tells: that a customer left a member of staff or a group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zhanggui.wechat.callbacks import Callback

ORDER, AFTERSALE, PRODUCT, STOCK, COUPON, MEMBER, SHOP, CONTACT, GROUP = (
    "order", "aftersale", "product", "stock", "coupon", "member", "shop", "contact", "group",
)  # fmt: skip
"""What is read again."""


@dataclass(frozen=True)
class Read:
    """What a push asks for: a thing of one sort by its id."""

    sort: str
    key: str


@dataclass(frozen=True)
class Ignore:
    """Why a push changes nothing here."""

    note: str


def _entity(push: Callback) -> str:
    return push.entity_id if push.entity_id != push.sender else ""


def _field(name: str) -> Callable[[Callback], str]:
    def of(push: Callback) -> str:
        value = getattr(push.payload, name, None)
        return str(value) if value else ""

    return of


def _openid(push: Callback) -> str:
    return push.entity_id or push.sender


def _whole(push: Callback) -> str:
    return "shop"


_READS: dict[str, tuple[str, Callable[[Callback], str]]] = {
    **dict.fromkeys(
        (
            "channels_ec_order_new", "channels_ec_order_cancel", "channels_ec_order_pay", "channels_ec_order_wait_shipping",
            "channels_ec_order_deliver", "channels_ec_order_confirm", "channels_ec_order_settle", "channels_ec_order_ext_info_update",
            "product_order_status_update", "channels_ec_voucher_send_succ",
        ),
        (ORDER, _entity),
    ),
    "channels_ec_aftersale_update": (AFTERSALE, _entity),
    "channels_ec_present_aftersale_update": (AFTERSALE, _entity),
    "channels_ec_complaint_update": (AFTERSALE, _field("after_sale_order_id")),
    "channels_ec_guarantee_update": (ORDER, _field("order_id")),
    "product_spu_audit": (PRODUCT, _entity),
    "product_spu_listing": (PRODUCT, _entity),
    "product_spu_update": (PRODUCT, _entity),
    "channels_ec_stock_no_enough": (STOCK, _field("product_id")),
    **dict.fromkeys(
        (
            "channels_ec_coupon_receive", "channels_ec_coupon_create", "channels_ec_coupon_delete", "channels_ec_coupon_expire",
            "channels_ec_coupon_info_change", "channels_ec_coupon_invalid", "channels_ec_user_coupon_expire",
            "channels_ec_user_coupon_use", "channels_ec_user_coupon_unuse",
        ),
        (COUPON, _field("coupon_id")),
    ),
    **dict.fromkeys(
        (
            "channels_ec_vip_join", "channels_ec_vip_close", "channels_ec_vip_grade_info_update", "channels_ec_vip_score_update",
        ),
        (MEMBER, _openid),
    ),
    **dict.fromkeys(
        ("channels_ec_change_status", "channels_ec_close_store", "set_shop_nickname", "set_shop_headimg"), (SHOP, _whole)
    ),
    "change_external_contact": (CONTACT, _entity),
    "customer_acquisition": (CONTACT, _field("external_user_id")),
    "change_external_chat": (GROUP, _entity),
}  # fmt: skip
"""Event name in lower case → what is read, and how its id is found."""

_NOTES: dict[str, str] = {
    "product_category_audit": "类目审核不影响经营数据",
    "channels_ec_brand": "品牌资质不影响经营数据",
    "channels_ec_acct_notify": "结算账户变更，请在小店后台核对",
    "channels_ec_withdraw_notify": "提现由管理员在后台办理，掌柜不参与",
    "qrcode_status": "提现扫码由管理员在后台办理，掌柜不参与",
    "channels_ec_vip_score_exchange": "积分兑换不影响经营数据",
    "channels_ec_sharer_change": "分享员功能平台正在下线",
    "ewaybill_push_path": "面单轨迹不影响经营数据；发货以订单为准",
    "commkf_send_msg_to_kf": "客服消息不在掌柜处理",
    "kf_msg_or_event": "客服消息不在掌柜处理",
    "change_external_tag": "标签随客户一起读取",
    "change_contact": "通讯录变更不影响经营数据",
    "user_authorization_revoke": "用户撤回授权，请在客户页按要求处理",
    "user_info_modified": "用户资料变更，掌柜不保存这些资料",
    "user_authorization_cancellation": "用户注销，请在客户页按要求处理",
    "subscribe": "关注与取关不影响经营数据",
    "unsubscribe": "关注与取关不影响经营数据",
    "api_diff": "平台接口变更通知，请转给技术支持",
}
_SOURCES = {
    "shop": "这类通知不影响经营数据",
    "open": "这类通知不影响经营数据",
    "wecom": "这类通知不影响经营数据",
    "message": "消息内容不在掌柜处理",
    "unknown": "还不认识这种通知，已原样留存",
}


def route(push: Callback) -> Read | Ignore:
    """What a push leads to."""
    name = push.kind.lower()
    known = _READS.get(name)
    if known is None:
        return Ignore(_NOTES.get(name) or _SOURCES.get(push.source, _SOURCES["unknown"]))
    sort, key_of = known
    key = key_of(push)
    return Read(sort, key) if key else Ignore("没有说是哪一个，等定时同步")


READS: Mapping[str, str] = {name: sort for name, (sort, _) in _READS.items()}
"""Every event that leads to a reading, and to what."""
