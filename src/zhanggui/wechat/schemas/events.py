"""Every push we understand: who sends it, what it means, what it carries, and which of its fields name the entity and its state.

Shop events carry little (an id, a state): de-duplicate on a composed key and read the entity again. Source: shop fact sheet 3.5, WeCom 16,
公众号/小程序 1, 2, 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from zhanggui.wechat.schemas.base import (
    Json,
    ListOf,
    MaybeFlag,
    MaybeId,
    MaybeInt,
    MaybeMoney,
    MaybeText,
    Payload,
    Text,
    When,
    to_list,
)
from zhanggui.wechat.schemas.shape import Leaf, Shape, fields_of


def to_items(value: Any) -> Any:
    """The items of a list that XML wraps once more: {"Item": ["a", "b"]} and ["a", "b"] are the same."""
    if isinstance(value, dict) and len(value) == 1:
        return to_list(next(iter(value.values())))
    return to_list(value)


Items = Annotated[list[Any], BeforeValidator(to_items), Field(default_factory=list)]


class OrderPush(Payload):
    """What order events say. cancel_type 1 user, 2 timeout, 3 all refunded, 4 oversold; confirm_type 1 user, 2 automatic."""

    order_id: MaybeId = None
    cancel_type: MaybeInt = None
    pay_time: When = None
    finish_delivery: MaybeFlag = None
    confirm_type: MaybeInt = None
    settle_time: When = None
    type: MaybeInt = None
    status: MaybeInt = None


class AftersalePush(Payload):
    """What after-sales events say; `status` is the text of the state."""

    after_sale_order_id: MaybeId = None
    order_id: MaybeId = None
    status: MaybeText = None
    wxa_vip_discounted_price: MaybeMoney = None


class ComplaintPush(Payload):
    """What dispute events say."""

    complaint_id: MaybeId = None
    after_sale_order_id: MaybeId = None
    order_id: MaybeId = None
    complaint_status: MaybeInt = None


class GuaranteePush(Payload):
    """What guarantee events say."""

    guarantee_order_id: MaybeId = None
    order_id: MaybeId = None
    status: MaybeText = None


class ProductPush(Payload):
    """What product events say; `audit_info` is JSON inside text, unpacked."""

    product_id: MaybeId = None
    status: MaybeInt = None
    reason: MaybeText = None
    audit_info: Json = None
    product_type: MaybeInt = None


class CouponPush(Payload):
    """What coupon events say."""

    coupon_id: MaybeId = None
    user_coupon_id: MaybeId = None
    create_time: When = None
    delete_time: When = None
    expire_time: When = None
    change_time: When = None
    invalid_time: When = None
    receive_time: When = None
    use_time: When = None
    unuse_time: When = None


class StaffPush(Payload):
    """What WeCom contact events say: `state` is the channel, `welcome_code` lives 20 seconds."""

    change_type: MaybeText = Field(default=None, alias="ChangeType")
    user_id: MaybeId = Field(default=None, alias="UserID")
    external_user_id: MaybeId = Field(default=None, alias="ExternalUserID")
    state: MaybeText = Field(default=None, alias="State")
    welcome_code: MaybeText = Field(default=None, alias="WelcomeCode", repr=False)
    source: MaybeText = Field(default=None, alias="Source")
    fail_reason: MaybeText = Field(default=None, alias="FailReason")
    link_id: MaybeId = Field(default=None, alias="LinkId")


class GroupPush(Payload):
    """What WeCom group events say; `changed` are the members who came or went, empty in older pushes."""

    change_type: MaybeText = Field(default=None, alias="ChangeType")
    chat_id: MaybeId = Field(default=None, alias="ChatId")
    update_detail: MaybeText = Field(default=None, alias="UpdateDetail")
    join_scene: MaybeInt = Field(default=None, alias="JoinScene")
    quit_scene: MaybeInt = Field(default=None, alias="QuitScene")
    count: MaybeInt = Field(default=None, alias="MemChangeCnt")
    changed: Items = Field(alias="MemChangeList", default_factory=list)
    last_version: MaybeText = Field(default=None, alias="LastMemVer")
    version: MaybeText = Field(default=None, alias="CurMemVer")


class AcquisitionPush(Payload):
    """What acquisition-link events say."""

    change_type: MaybeText = Field(default=None, alias="ChangeType")
    link_id: MaybeId = Field(default=None, alias="LinkId")
    state: MaybeText = Field(default=None, alias="State")
    user_id: MaybeId = Field(default=None, alias="UserID")
    external_user_id: MaybeId = Field(default=None, alias="ExternalUserID")
    expire_time: When = Field(default=None, alias="ExpireTime")
    expire_quota: MaybeInt = Field(default=None, alias="ExpireQuotaNum")


class SubscribeResult(Payload):
    """One template in a subscribe-message event."""

    template_id: MaybeId = Field(default=None, alias="TemplateId")
    status: MaybeText = Field(default=None, alias="SubscribeStatusString")
    scene: MaybeInt = Field(default=None, alias="PopupScene")
    message_id: MaybeId = Field(default=None, alias="MsgID")
    error_code: MaybeInt = Field(default=None, alias="ErrorCode")
    error_status: MaybeText = Field(default=None, alias="ErrorStatus")


class SubscribePush(Payload):
    """What subscribe-message events say, one row per template."""

    results: ListOf[SubscribeResult] = Field(alias="List", default_factory=list)


class Envelope(Payload):
    """What every push carries around its content."""

    to_user: Text = Field(default="", alias="ToUserName")
    from_user: Text = Field(default="", alias="FromUserName")
    create_time: When = Field(default=None, alias="CreateTime")
    msg_type: Text = Field(default="", alias="MsgType")
    event: Text = Field(default="", alias="Event")
    message_id: MaybeId = Field(default=None, alias="MsgId")
    agent_id: MaybeId = Field(default=None, alias="AgentID")
    info_type: Text = Field(default="", alias="InfoType")
    suite_id: MaybeId = Field(default=None, alias="SuiteId")
    service_corp_id: MaybeId = Field(default=None, alias="ServiceCorpId")
    auth_corp_id: MaybeId = Field(default=None, alias="AuthCorpId")
    time_stamp: When = Field(default=None, alias="TimeStamp")


ENVELOPE_NAMES = frozenset(info.alias or name for name, info in Envelope.model_fields.items())


@dataclass(frozen=True)
class EventSpec:
    """One kind of push. `wrappers` are the objects its content may lie in; none means beside the envelope."""

    name: str
    source: str
    """shop, open (公众号/小程序), wecom or message."""
    title: str
    wrappers: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    """Fields that may name the entity, the first present counts."""
    mark: tuple[str, ...] = ()
    """Fields that tell one state from another; all that are present go into the de-duplication key."""
    typed: type[Payload] | None = None
    shape: str = ""

    @cached_property
    def payload_model(self) -> type[Payload]:
        """The model of the content."""
        return self.typed or Shape(self.shape, f"{self.name}.event").model

    @cached_property
    def payload_fields(self) -> tuple[Leaf, ...]:
        """The fields of the content."""
        return fields_of(self.typed) if self.typed else Shape(self.shape).fields

    @cached_property
    def all_fields(self) -> tuple[Leaf, ...]:
        """The fields of a whole push of this kind, envelope included."""
        inner = self.payload_fields
        content = tuple(Leaf(wrapper, "o", False, False, inner) for wrapper in self.wrappers) if self.wrappers else inner
        return fields_of(Envelope) + content

    def __hash__(self) -> int:
        return hash(self.name)


_SHOP_TYPED = (
    ("channels_ec_order_new", "新订单", "order_info", OrderPush, ("order_id",), ()),
    ("channels_ec_order_cancel", "订单取消", "order_info", OrderPush, ("order_id",), ("cancel_type",)),
    ("channels_ec_order_pay", "订单已支付", "order_info", OrderPush, ("order_id",), ("pay_time",)),
    ("channels_ec_order_wait_shipping", "订单待发货", "order_info", OrderPush, ("order_id",), ()),
    ("channels_ec_order_deliver", "订单已发货", "order_info", OrderPush, ("order_id",), ("finish_delivery",)),
    ("channels_ec_order_confirm", "确认收货", "order_info", OrderPush, ("order_id",), ("confirm_type",)),
    ("channels_ec_order_settle", "订单已结算", "order_info", OrderPush, ("order_id",), ("settle_time",)),
    ("channels_ec_order_ext_info_update", "订单其他变更", "order_info", OrderPush, ("order_id",), ("type",)),
    ("product_order_status_update", "订单状态变更（旧）", "ProductOrderStatusUpdate", OrderPush, ("order_id",), ("status",)),
    (
        "channels_ec_aftersale_update",
        "售后单更新",
        "finder_shop_aftersale_status_update",
        AftersalePush,
        ("after_sale_order_id",),
        ("status",),
    ),
    (
        "channels_ec_present_aftersale_update",
        "礼物单售后更新",
        "finder_shop_present_aftersale_status_update",
        AftersalePush,
        ("after_sale_order_id",),
        ("status",),
    ),
    (
        "channels_ec_complaint_update",
        "纠纷单更新",
        "finder_shop_complaint",
        ComplaintPush,
        ("complaint_id",),
        ("complaint_status",),
    ),
    (
        "channels_ec_guarantee_update",
        "保障单更新",
        "finder_shop_guarantee_status_update",
        GuaranteePush,
        ("guarantee_order_id",),
        ("status",),
    ),
    ("product_spu_audit", "商品审核结果", "ProductSpuAudit", ProductPush, ("product_id",), ("status",)),
    ("product_spu_listing", "商品上下架", "ProductSpuListing", ProductPush, ("product_id",), ("status",)),
    ("product_spu_update", "商品更新", "ProductSpuUpdate", ProductPush, ("product_id",), ("status",)),
    ("channels_ec_coupon_receive", "用户领券", "receive_info", CouponPush, ("user_coupon_id", "coupon_id"), ("receive_time",)),
    ("channels_ec_coupon_create", "优惠券新建", "coupon_info", CouponPush, ("coupon_id",), ("create_time",)),
    ("channels_ec_coupon_delete", "优惠券删除", "coupon_info", CouponPush, ("coupon_id",), ("delete_time",)),
    ("channels_ec_coupon_expire", "优惠券过期", "coupon_info", CouponPush, ("coupon_id",), ("expire_time",)),
    ("channels_ec_coupon_info_change", "优惠券变更", "coupon_info", CouponPush, ("coupon_id",), ("change_time",)),
    ("channels_ec_coupon_invalid", "优惠券作废", "coupon_info", CouponPush, ("coupon_id",), ("invalid_time",)),
    ("channels_ec_user_coupon_expire", "用户券过期", "user_coupon_info", CouponPush, ("user_coupon_id",), ("expire_time",)),
)

_TABLE = """
shop product_category_audit|类目审核结果|ProductCategoryAudit|audit_id|status|audit_id status:i reason
shop channels_ec_brand|品牌状态|BrandEvent|brand_id,audit_id|status|brand_id audit_id status:i reason
shop channels_ec_stock_no_enough|库存不足|channels_ec_stock_no_enough|sku_id,product_id||product_id sku_id remaining_stock_amount:i remaining_code_amount:i
shop channels_ec_change_status|店铺状态变更|shop_info,status_info|appid|new_status|appid change_timestamp:t old_status new_status
shop channels_ec_close_store|店铺关闭|shop_info,close_info|appid|close_timestamp|appid close_timestamp:t
shop set_shop_nickname|店铺改名|shop_info|appid|new_nickname|appid old_nickname new_nickname
shop set_shop_headimg|店铺换头像|shop_info|appid|new_headimg_url,new_headimg,new_avatar|appid old_headimg_url new_headimg_url old_headimg new_headimg new_avatar
shop channels_ec_acct_notify|结算账户变更|account_info||event|event:i
shop channels_ec_withdraw_notify|提现|withdraw_info|withdraw_id|event|event:i withdraw_id
shop qrcode_status|提现扫码|qrcode_info|ticket|status|ticket status:i scan_user_type:i
shop channels_ec_vip_join|会员入会|user_info|openid|join_time|openid join_time:t phone_number grade:i experience_value:i
shop channels_ec_vip_close|会员退会|user_info|openid|close_time|openid close_time:t
shop channels_ec_vip_grade_info_update|会员等级变更|user_info|openid|grade,experience_value|openid grade:i experience_value:i
shop channels_ec_vip_score_update|会员积分变更|user_info|openid|score,delta_score|openid score:i delta_score:i
shop channels_ec_vip_score_exchange|积分兑换|exchange_info||pay_score|pay_score:i score_item_type:i coupon_info{related_coupon_id} product_info{related_product_id}
shop channels_ec_vip_user_info_get|会员资料读取|info|outer_userid,identity,shop_appid||shop_appid identity outer_userid add_time:t
shop channels_ec_vip_user_auto_add|会员自动加入|info|outer_userid,identity,shop_appid|add_time|shop_appid identity outer_userid add_time:t
shop channels_ec_sharer_change|分享员变更|sharer_info|openid|bind_status|openid sharer_type:i bind_status:i
shop ewaybill_push_path|面单轨迹|waybill_info|waybill_id,ewaybill_order_id|status,update_time|ewaybill_order_id waybill_id status:i desc update_time:t
shop channels_ec_voucher_send_succ|团购券发放||order_id||voucher_list[]{code status:i product_id order_id sku_id openid send_time:t start_time:t end_time:t voucher_type:i} order_id openid
shop dropship_order_new|新代发单||ds_order_id||ds_order_id
shop dropship_order_update|代发单更新||ds_order_id|update_time|ds_order_id update_time:t
shop dropship_order_cancel|代发单取消||ds_order_id||ds_order_id
shop head_supplier_item_update|机构商品变更|item_info|product_id|event_type,version|event_type:i appid product_id version update_fields[]
shop head_supplier_commission_order_update|机构佣金单变更|order_info,item_info|order_id|status|order_id sku_id product_id status:i event_type:i appid version update_fields[]
shop cooperation_shop_order|关联小店订单|EventData|order_id||shop_appid order_id
shop api_diff|接口变更通知||||content:a
shop commkf_send_msg_to_kf|客服消息||msg_id||msg_id msg_type msg_event:a open_id create_time:t text:a image:a video:a file:a product_share:a order_share:a
open subscribe|关注|||EventKey|EventKey Ticket
open unsubscribe|取消关注||||EventKey
open SCAN|扫码|||EventKey|EventKey Ticket
open LOCATION|上报位置||||Latitude:f Longitude:f Precision:f AppType
open CLICK|点击菜单|||EventKey|EventKey
open VIEW|点击菜单链接|||EventKey|EventKey MenuId
open view_miniprogram|点击菜单小程序|||EventKey|EventKey MenuId
open scancode_push|菜单扫码|||EventKey|EventKey ScanCodeInfo{ScanType ScanResult} AppType
open scancode_waitmsg|菜单扫码等待|||EventKey|EventKey ScanCodeInfo{ScanType ScanResult} AppType
open pic_sysphoto|菜单拍照|||EventKey|EventKey SendPicsInfo:a AppType
open pic_photo_or_album|菜单传图|||EventKey|EventKey SendPicsInfo:a AppType
open pic_weixin|菜单选图|||EventKey|EventKey SendPicsInfo:a AppType
open location_select|菜单选位置|||EventKey|EventKey SendLocationInfo:a AppType
open MASSSENDJOBFINISH|群发完成||MsgID|Status|MsgID Status TotalCount:i FilterCount:i SentCount:i ErrorCount:i CopyrightCheckResult:a ArticleUrlResult:a
open TEMPLATESENDJOBFINISH|模板消息送达||MsgID|Status|MsgID Status
open PUBLISHJOBFINISH|发布完成|PublishEventInfo|publish_id|publish_status|publish_id publish_status:i article_id article_detail{count:i item[]{idx:i article_url}} fail_idx[]:i
open FREEPUBLISHJOBFINISH|发布完成|PublishEventInfo|publish_id|publish_status|publish_id publish_status:i article_id article_detail{count:i item[]{idx:i article_url}} fail_idx[]:i
open user_enter_tempsession|进入客服会话|||SessionFrom|SessionFrom
open user_authorization_revoke|撤回授权||OpenID|RevokeInfo|OpenID AppID PluginID OpenPID RevokeInfo
open user_info_modified|资料变更||OpenID|RevokeInfo|OpenID AppID RevokeInfo
open user_authorization_cancellation|注销||OpenID|RevokeInfo|OpenID AppID PluginID OpenPID RevokeInfo
open wxa_media_check|图片音频审核||trace_id||appid trace_id version result{suggest label:i} detail[]{strategy errcode:i suggest label:i prob:i level:i} isrisky:i extra_info_json:j status_code:i
open weapp_audit_success|小程序审核通过|||SuccTime|SuccTime:t
open weapp_audit_fail|小程序审核不通过|||FailTime|Reason FailTime:t ScreenShot
open kf_create_session|客服接入||||KfAccount
open kf_close_session|客服关闭||||KfAccount CloseType
open kf_switch_session|客服转接||||FromKfAccount ToKfAccount
wecom change_external_tag|企业标签变更||Id|ChangeType,TagType|ChangeType Id TagType StrategyId
wecom kf_msg_or_event|微信客服消息||OpenKfId|Token|Token OpenKfId
wecom kf_account_auth_change|客服账号授权变更||||AuthAddOpenKfId[] AuthDelOpenKfId[]
wecom msgaudit_notify|会话存档通知||||
wecom conversation_new_message|会话存档新消息|||Token|Token ChangeType
wecom chat_archive_audit_approved_single|会话存档同意||ExternalUserID|ChatId|OpenUserID ExternalUserID ChatId UserID
wecom chat_archive_audit_approved_room|群会话存档同意||ChatId|ExternalUserID|OpenUserID ExternalUserID ChatId UserID
wecom advanced_api_expired|高级接口到期|||AdvanceApiType|AdvanceApiType ChatArchiveApi{Edition}
wecom advanced_api_trial_expired|高级接口试用到期|||AdvanceApiType|AdvanceApiType ChatArchiveApi{Edition}
wecom enter_agent|进入应用|||EventKey|EventKey
wecom close_inactive_agent|停用应用||||
wecom reopen_inactive_agent|恢复应用||||
wecom taskcard_click|任务卡片点击||TaskId|EventKey|EventKey TaskId
wecom template_card_event|卡片点击||TaskId|EventKey,ResponseCode|EventKey TaskId CardType ResponseCode SelectedItems:a
wecom template_card_menu_event|卡片菜单点击||TaskId|EventKey,ResponseCode|EventKey TaskId CardType ResponseCode
wecom change_contact|通讯录变更||UserID,Id|ChangeType|ChangeType UserID NewUserID Name Department MainDepartment IsLeaderInDept Position Mobile Gender Email Status:i Avatar Alias Telephone Address ExtAttr:a Id ParentId Order TagId AddUserItems DelUserItems AddPartyItems DelPartyItems
wecom batch_job_result|异步任务完成|BatchJob|JobId||JobId JobType ErrCode:i ErrMsg
wecom sys_approval_change|审批变更|ApprovalInfo|SpNo|SpStatus|SpNo SpName SpStatus:i TemplateId ApplyTime:t Applyer:a SpRecord:a StatuChangeEvent:i
wecom suite_ticket|服务商凭据|||SuiteTicket|SuiteTicket
wecom create_auth|授权|||AuthCode|AuthCode State
wecom change_auth|授权变更||||State
wecom cancel_auth|取消授权||||
message text|文字消息||||Content BusinessId bizmsgmenuid
message image|图片消息||||PicUrl MediaId
message voice|语音消息||||MediaId Format Recognition MediaId16K
message video|视频消息||||MediaId ThumbMediaId
message shortvideo|小视频消息||||MediaId ThumbMediaId
message location|位置消息||||Location_X:f Location_Y:f Scale:i Label AppType
message link|链接消息||||Title Description Url PicUrl
message miniprogrampage|小程序卡片消息||||Title AppId PagePath ThumbUrl ThumbMediaId
message transfer_customer_service|转客服||||TransInfo{KfAccount}
message update_button|更新卡片按钮||||Button{ReplaceName}
message news|图文回复||||ArticleCount:i Articles:a
message music|音乐回复||||Music:a
"""


def _build() -> dict[str, EventSpec]:
    found: dict[str, EventSpec] = {}

    def put(spec: EventSpec) -> None:
        found[f"message:{spec.name}" if spec.source == "message" else spec.name.lower()] = spec

    for name, title, wrapper, typed, entity, mark in _SHOP_TYPED:
        put(EventSpec(name, "shop", title, (wrapper,), entity, mark, typed))
    for name, title, when in (
        ("channels_ec_user_coupon_use", "用户用券", "use_time"),
        ("channels_ec_user_coupon_unuse", "用户券退回", "unuse_time"),
    ):
        wrappers = ("use_info", "unuse_info", "user_info", "user_coupon_info", "coupon_info")
        put(EventSpec(name, "shop", title, wrappers, ("user_coupon_id",), (when,), CouponPush))
    put(
        EventSpec(
            "change_external_contact", "wecom", "客户变更", (), ("ExternalUserID",), ("ChangeType", "UserID", "State"), StaffPush
        )
    )
    put(
        EventSpec(
            "change_external_chat", "wecom", "客户群变更", (), ("ChatId",), ("ChangeType", "UpdateDetail", "CurMemVer"), GroupPush
        )
    )
    put(
        EventSpec(
            "customer_acquisition",
            "wecom",
            "获客链接",
            (),
            ("LinkId",),
            ("ChangeType", "ExternalUserID", "State"),
            AcquisitionPush,
        )
    )
    for name, title, wrapper in (
        ("subscribe_msg_popup_event", "订阅消息弹窗", "SubscribeMsgPopupEvent"),
        ("subscribe_msg_change_event", "订阅消息变更", "SubscribeMsgChangeEvent"),
        ("subscribe_msg_sent_event", "订阅消息送达", "SubscribeMsgSentEvent"),
    ):
        put(EventSpec(name, "open", title, (wrapper,), (), (), SubscribePush))
    for line in _TABLE.strip().splitlines():
        source, _, rest = line.partition(" ")
        name, title, wrapper, ids, marks, shape = rest.split("|")
        put(EventSpec(name, source, title, _names(wrapper), _names(ids), _names(marks), None, shape))
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


EVENTS: dict[str, EventSpec] = _build()
"""By lower-case event name; plain messages by "message:" + MsgType."""


def event_spec(event: str, msg_type: str = "event") -> EventSpec | None:
    """What is known about a push, or None. Event names differ in case between 公众号 and WeCom, so case does not matter."""
    if event:
        return EVENTS.get(event.strip().lower())
    return EVENTS.get(f"message:{msg_type.strip().lower()}")
