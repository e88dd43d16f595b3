"""微信小店 orders as `order/get` gives them. Field meanings: shop fact sheet 4.3 and 4.6; amounts in 分, times `Epoch`."""

from __future__ import annotations

from typing import Annotated, Any

from zhanggui.wechat.schemas.base import (
    Flag,
    Id,
    Int,
    ListOf,
    MaybeFlag,
    MaybeId,
    MaybeInt,
    MaybeMoney,
    MaybeText,
    Money,
    Number,
    Obj,
    Payload,
    Reads,
    Text,
    When,
    to_id,
)


class TelNumberExt(Payload):
    """Masked real number, virtual number (extension after the dash) and its expiry."""

    real_tel_number: MaybeText = None  # 脱敏真实号码
    virtual_tel_number: MaybeText = None  # 虚拟号码
    virtual_tel_expire_time: When = None  # 虚拟号码过期
    get_virtual_tel_cnt: MaybeInt = None  # 已兑换次数


class Address(Payload):
    """A recipient or shop address; name, detail and phone are masked unless decoded. Source: 4.6."""

    user_name: Text = ""  # 收件人
    province_name: Text = ""
    city_name: Text = ""
    county_name: Text = ""
    detail_info: Text = ""
    house_number: MaybeText = None
    postal_code: MaybeText = None
    tel_number: Text = ""
    lng: Number = None
    lat: Number = None
    hash_code: MaybeId = None  # 同一收件地址同一值, 仅限本店
    virtual_order_tel_number: MaybeText = None
    use_tel_number: MaybeFlag = None
    tel_number_ext_info: Obj[TelNumberExt] = None


class IntraCityOrderInfo(Payload):
    """order.intra_city_order_info"""

    shop_id: MaybeId = None  # 门店ID
    predict_arrive_time_type: Int = 0  # 配送类型
    predict_arrive_start_time: When = None  # 预计送达开始
    predict_arrive_end_time: When = None  # 预计送达结束


class OrderPresentInfo(Payload):
    """order.order_present_info"""

    present_send_type: Int = 0  # 礼物订单类型
    present_order_id_str: MaybeId = None  # 礼物订单ID
    present_note: Text = ""  # 礼物订单留言
    present_giver_openid: MaybeId = None  # 礼物订单赠送者 OpenId
    present_giver_unionid: MaybeId = None  # 礼物订单赠送者 UnionId
    is_b2c_free_present: Flag = False  # 是否付款


class OrderAftersale(Payload):
    """order.aftersale_detail.aftersale_order_list[]"""

    aftersale_order_id: MaybeId = None  # 售后单ID
    status: Text = ""  # 售后单状态; a number in older texts, read the case itself for the truth


class OrderAftersales(Payload):
    """order.aftersale_detail"""

    aftersale_order_list: ListOf[OrderAftersale]
    on_aftersale_order_cnt: Int = 0  # 正在售后流程中的售后单数


class CustomInfo(Payload):
    """order.order_detail.custom_info"""

    custom_type: Int = 0  # 定制类型
    custom_img_url: MaybeText = None  # 定制图片 URL
    custom_preview_img_url: MaybeText = None  # 定制预览图片 URL
    custom_word: MaybeText = None  # 定制文字


class GreetingCardInfo(Payload):
    """order.order_detail.greeting_card_info"""

    giver_name: MaybeText = None  # 贺卡落款
    receiver_name: MaybeText = None  # 贺卡称谓
    greeting_message: MaybeText = None  # 贺卡内容


class OrderRefund(Payload):
    """order.order_detail.refund_info"""

    refund_freight: MaybeMoney = None  # 退还运费金额，分


class OrderSource(Payload):
    """order.order_detail.source_infos[]"""

    sku_id: MaybeId = None  # SKUID
    sale_channel: Int = 0  # 账号关联类型
    account_type: Int = 0  # 带货账号类型
    account_id: MaybeId = None  # 带货账号ID
    account_nickname: MaybeText = None  # 带货账号昵称
    content_type: Int = 0  # 带货内容类型
    content_id: MaybeId = None  # 带货内容ID
    promoter_head_supplier_id: MaybeId = None  # 自营推客推广的带货机构ID
    original_id: MaybeId = None  # 公众号ID


class AgentInfo(Payload):
    """order.order_detail.agent_info"""

    agent_finder_id: MaybeId = None  # 授权视频号ID
    agent_finder_nickname: Text = ""  # 授权视频号昵称


class SkuSharer(Payload):
    """order.order_detail.sku_sharer_infos[]"""

    sharer_openid: MaybeId = None  # 分享员的 OpenId
    sharer_unionid: MaybeId = None  # 分享员的 UnionId
    sharer_type: Int = 0  # 分享员类型
    share_scene: Int = 0  # 分享场景
    handling_progress: Int = 0  # 解析完成度
    sku_id: MaybeId = None  # SKUID
    from_wecom: Flag = False  # 是否来自企微分享


class SharerInfo(Payload):
    """order.order_detail.sharer_info"""

    sharer_openid: MaybeId = None  # 分享员的 OpenId
    sharer_unionid: MaybeId = None  # 分享员的 UnionId
    sharer_type: Int = 0  # 分享员类型
    share_scene: Int = 0  # 分享场景
    handling_progress: Int = 0  # 解析完成度


class OrderSettle(Payload):
    """order.order_detail.settle_info"""

    predict_commission_fee: Money = 0  # 预计技术服务费，分
    commission_fee: MaybeMoney = None  # 实际技术服务费，分
    predict_wecoin_commission: MaybeMoney = None  # 预计人气卡返佣金额，分
    wecoin_commission: MaybeMoney = None  # 实际人气卡返佣金额，分
    settle_time: When = None  # 结算


class Commission(Payload):
    """order.order_detail.commission_infos[]"""

    sku_id: MaybeId = None  # SKUID
    nickname: Text = ""  # 分账方昵称
    type: Int = 0  # 分账方类型
    status: Int = 0  # 分账状态
    amount: Money = 0  # 分账金额，分
    finder_id: MaybeId = None  # 达人视频号ID
    openfinderid: MaybeId = None  # 达人 OpenFinderId
    talent_id: MaybeId = None  # 带货达人 OpenTalentId
    agency_id: MaybeId = None  # 带货机构ID


class OrderExt(Payload):
    """order.order_detail.ext_info"""

    customer_notes: MaybeText = None  # 用户备注
    merchant_notes: MaybeText = None  # 商家备注
    confirm_receipt_time: When = None  # 确认收货
    finder_id: MaybeId = None  # 视频号ID
    live_id: MaybeId = None  # 直播ID
    order_scene: MaybeInt = None  # 订单场景
    vip_order_session_id: MaybeId = None  # 会员权益 SessionId
    commission_handling_progress: MaybeInt = None  # 分佣单生成进度


class OrderCoupon(Payload):
    """order.order_detail.coupon_info"""

    user_coupon_id: MaybeId = None  # 用户优惠券ID


class RechargeInfo(Payload):
    """order.order_detail.delivery_info.recharge_info"""

    account_type: MaybeText = None  # 账号充值类型
    account_no: MaybeText = None  # 虚拟商品充值账号
    wx_openid: MaybeId = None  # 用户的微信 OpenId


class QualityInspectInfo(Payload):
    """order.order_detail.delivery_info.quality_inspect_info"""

    inspect_status: Int = 0  # 质检状态


class ParcelProduct(Payload):
    """order.order_detail.delivery_info.delivery_product_info[].product_infos[]"""

    product_id: MaybeId = None  # 商品ID
    sku_id: MaybeId = None  # SKUID
    product_cnt: Int = 0  # 商品数量


class Parcel(Payload):
    """order.order_detail.delivery_info.delivery_product_info[]"""

    deliver_type: Int = 0  # 快递方式
    delivery_id: MaybeId = None  # 快递公司ID
    delivery_name: Text = ""  # 快递公司名称
    waybill_id: MaybeId = None  # 快递单号
    delivery_time: When = None  # 发货
    product_infos: ListOf[ParcelProduct]
    delivery_address: Obj[Address] = None


class DeliveryInfo(Payload):
    """order.order_detail.delivery_info"""

    deliver_method: Int = 0  # 发货方式
    address_info: Obj[Address] = None
    address_under_review: Obj[Address] = None
    delivery_product_info: ListOf[Parcel]
    ship_done_time: When = None  # 配送完成
    address_apply_time: When = None  # 修改地址申请
    ewaybill_order_code: MaybeId = None  # 电子面单代发订单密文
    quality_inspect_type: MaybeInt = None  # 订单质检类型
    quality_inspect_info: Obj[QualityInspectInfo] = None
    recharge_info: Obj[RechargeInfo] = None
    dropship_flag: MaybeInt = None  # 代发标记


class PriceInfo(Payload):
    """Amounts of an order in 分. `merchant_receieve_price` is the platform's spelling."""

    product_price: Money = 0  # 商品金额，分
    order_price: Money = 0  # 订单金额，分
    freight: Money = 0  # 运费，分
    discounted_price: Money = 0  # 优惠金额，分
    is_discounted: Flag = False  # 是否有优惠
    original_order_price: MaybeMoney = None  # 订单原始价格，分
    estimate_product_price: MaybeMoney = None  # 商品预估价格，分
    change_down_price: MaybeMoney = None  # 改价后降低金额，分
    change_freight: MaybeMoney = None  # 改价后运费，分
    is_change_freight: MaybeFlag = None  # 是否修改运费
    use_deduction: MaybeFlag = None  # 是否使用了会员积分抵扣
    deduction_price: MaybeMoney = None  # 会员积分抵扣金额，分
    merchant_receieve_price: Money = 0  # 商家实收金额，分
    merchant_discounted_price: Money = 0  # 商家优惠金额，分
    finder_discounted_price: Money = 0  # 达人优惠金额，分
    vip_discounted_price: MaybeMoney = None  # 订单内商品维度会员权益优惠金额，分
    cash_coupon_discounted_price: MaybeMoney = None  # 订单内平台券优惠金额，分
    platform_activity_merchant_discounted_price: MaybeMoney = None  # 活动商家补贴金额，分
    bulkbuy_discounted_price: MaybeMoney = None  # 订单内一起买优惠金额，分
    limited_discount_discounted_price: MaybeMoney = None  # 订单内限时抢购优惠金额，分
    national_subsidy_discounted_price: MaybeMoney = None  # 订单内国补优惠金额，分
    national_subsidy_merchant_discounted_price: MaybeMoney = None  # 订单内国补优惠商家出资金额，分


class PayInfo(Payload):
    """order.order_detail.pay_info"""

    prepay_id: MaybeId = None  # 预支付单号
    prepay_time: When = None  # 预支付
    transaction_id: MaybeId = None  # 微信支付交易单号
    pay_time: When = None  # 付款
    payment_method: MaybeInt = None  # 支付方式


class DropshipInfo(Payload):
    """order.order_detail.product_infos[].dropship_info"""

    ds_order_id: MaybeId = None  # 代发单ID


class ChangeSkuInfo(Payload):
    """order.order_detail.product_infos[].change_sku_info"""

    preshipment_change_sku_state: Int = 0  # 发货前更换 SKU 状态
    old_sku_id: MaybeId = None  # 原 SKUID
    new_sku_id: MaybeId = None  # 新 SKUID
    ddl_time_stamp: When = None  # 商家处理请求的最后


class FreeGiftMainProduct(Payload):
    """order.order_detail.product_infos[].free_gift_info.main_product_list[]"""

    product_id: MaybeId = None  # 商品ID
    sku_id: MaybeId = None  # SKUID
    task_id: MaybeId = None  # 活动ID
    gift_cnt: Int = 0  # 赠品数量


class FreeGift(Payload):
    """order.order_detail.product_infos[].free_gift_info"""

    main_product_list: ListOf[FreeGiftMainProduct]


class OrderVoucher(Payload):
    """order.order_detail.product_infos[].voucher_list[]"""

    voucher_code: MaybeId = None  # 团购优惠券码
    voucher_type: Int = 0  # 团购优惠券类型
    voucher_buy_amount: Money = 0  # 团购优惠券价格，分
    time_index: MaybeInt = None  # 次卡序号标识


class OrderProductCoupon(Payload):
    """order.order_detail.product_infos[].order_product_coupon_info_list[]"""

    coupon_type: Int = 0  # 优惠券类型
    user_coupon_id: MaybeId = None  # 用户优惠券ID
    coupon_id: MaybeId = None  # 优惠券ID
    discounted_price: MaybeMoney = None  # 优惠金额，分


class OrderExtraService(Payload):
    """order.order_detail.product_infos[].extra_service"""

    seven_day_return: Int = 0  # 是否支持七天无理由退货
    freight_insurance: Int = 0  # 是否支持运费险


class OrderSkuDeliver(Payload):
    """order.order_detail.product_infos[].sku_deliver_info"""

    stock_type: Int = 0  # 商品发货类型
    predict_delivery_time: When = None  # 预计发货
    full_payment_presale_delivery_type: MaybeInt = None  # 预售类型


class SkuAttr(Payload):
    """order.order_detail.product_infos[].sku_attrs[]"""

    attr_key: Text = ""  # 属性的 Key
    attr_value: Text = ""  # 属性的值


class OrderProduct(Payload):
    """One line of an order. `real_price` is what the buyer pays for the whole line; `sale_price`, `market_price` are per piece."""

    product_id: Id = ""  # 商品ID
    sku_id: Id = ""  # SKUID
    sku_cnt: Int = 0  # 商品数量
    sku_code: MaybeId = None  # 商品编码
    on_aftersale_sku_cnt: Int = 0  # 正在售后流程中的商品数量
    finish_aftersale_sku_cnt: Int = 0  # 已完成售后流程的商品数量
    title: Text = ""  # 商品标题
    thumb_img: Text = ""  # 商品缩略图 URL
    product_unique_id: MaybeId = None  # 商品常量编号
    market_price: Money = 0  # 商品原价，分
    sale_price: Money = 0  # 商品售价，分
    real_price: MaybeMoney = None  # 商品实付价，分
    estimate_price: MaybeMoney = None  # 优惠后 SKU 总价，分
    merchant_discounted_price: MaybeMoney = None  # 商家优惠金额，分
    finder_discounted_price: MaybeMoney = None  # 达人优惠金额，分
    bulkbuy_discounted_price: MaybeMoney = None  # 一起买优惠金额，分
    cash_coupon_discounted_price: MaybeMoney = None  # 平台券优惠金额，分
    limited_discount_discounted_price: MaybeMoney = None  # 限时抢购优惠金额，分
    platform_activity_merchant_discounted_price: MaybeMoney = None  # 活动商家补贴金额，分
    national_subsidy_discounted_price: MaybeMoney = None  # 国补优惠金额，分
    national_subsidy_merchant_discounted_price: MaybeMoney = None  # 国补优惠商家出资金额，分
    is_change_price: MaybeFlag = None  # 是否修改过价格
    change_price: MaybeMoney = None  # 改价后 SKU 总价，分
    use_deduction: MaybeFlag = None  # 是否使用了会员积分抵扣
    deduction_price: MaybeMoney = None  # 会员积分抵扣金额，分
    vip_discounted_price: MaybeMoney = None  # 订单内商品维度会员权益优惠金额，分
    out_product_id: MaybeId = None  # 商家自定义商品ID
    out_sku_id: MaybeId = None  # 商家自定义 SKUID
    out_warehouse_id: MaybeId = None  # 外部仓库ID
    sku_attrs: ListOf[SkuAttr]
    sku_deliver_info: Obj[OrderSkuDeliver] = None
    extra_service: Obj[OrderExtraService] = None
    order_product_coupon_info_list: ListOf[OrderProductCoupon]
    delivery_deadline: When = None  # 商品发货截止日期
    voucher_list: ListOf[OrderVoucher]
    is_free_gift: MaybeFlag = None  # 是否为赠品
    free_gift_info: Obj[FreeGift] = None
    change_sku_info: Obj[ChangeSkuInfo] = None
    dropship_info: Obj[DropshipInfo] = None
    is_flash_sale: MaybeFlag = None  # 是否为闪购商品
    normal_friends_like_discounted_price: MaybeMoney = None  # 朋友喜欢优惠金额，分 (newer pages only)
    point_discounted_price: MaybeMoney = None  # 积分优惠金额，分 (newer pages only)
    sku_merchant_receive_amount: MaybeMoney = None  # 本行商家实收，分 (newer pages only)


class OrderDetail(Payload):
    """order.order_detail"""

    product_infos: ListOf[OrderProduct]
    pay_info: Obj[PayInfo] = None
    price_info: Obj[PriceInfo] = None
    delivery_info: Obj[DeliveryInfo] = None
    coupon_info: Obj[OrderCoupon] = None
    ext_info: Obj[OrderExt] = None
    commission_infos: ListOf[Commission]
    settle_info: Obj[OrderSettle] = None
    sharer_info: Obj[SharerInfo] = None
    sku_sharer_infos: ListOf[SkuSharer]
    agent_info: Obj[AgentInfo] = None
    source_infos: ListOf[OrderSource]
    refund_info: Obj[OrderRefund] = None
    greeting_card_info: Obj[GreetingCardInfo] = None
    custom_info: Obj[CustomInfo] = None


class Order(Payload):
    """One order as `order/get` gives it. Source: shop fact sheet 4.3."""

    order_id: Id  # 订单ID
    status: Int = 0  # 订单状态
    order_detail: Obj[OrderDetail] = None
    aftersale_detail: Obj[OrderAftersales] = None
    openid: MaybeId = None  # 下单用户 OpenId
    unionid: MaybeId = None  # 下单用户 UnionId
    update_time: When = None  # 更新
    create_time: When = None  # 创建
    is_present: Flag = False  # 是否礼物订单
    present_send_type: MaybeInt = None  # 礼物订单类型
    present_order_id_str: MaybeId = None  # 礼物订单ID
    present_note: MaybeText = None  # 礼物订单留言
    present_giver_openid: MaybeId = None  # 礼物订单赠送者 OpenId
    present_giver_unionid: MaybeId = None  # 礼物订单赠送者 UnionId
    order_present_info: Obj[OrderPresentInfo] = None
    is_flash_sale_order: Flag = False  # 是否为闪购订单
    intra_city_order_info: Obj[IntraCityOrderInfo] = None


class OrderReply(Payload):
    """Answer of `order/get`."""

    order: Order


class VirtualNumber(Payload):
    """A virtual number to call a recipient by."""

    virtual_number: Text = ""
    extension: MaybeText = None
    expiration: When = None


class DecodedAddressReply(Payload):
    """Answer of `order/sensitiveinfo/decode`: the recipient in clear. Personal data: seal at once."""

    address_info: Obj[Address] = None
    virtual_number_info: Obj[VirtualNumber] = None


def to_order_ref(value: Any) -> Any:
    """An order id, also when a whole order came in its place."""
    return to_id(value["order_id"]) if isinstance(value, dict) and "order_id" in value else to_id(value)


OrderRef = Annotated[str, Reads("id", to_order_ref, "text", filled=True)]


class OrderListReply(Payload):
    """Answer of `order/list/get` and `order/search`; the search answers `orders` in some versions."""

    order_id_list: ListOf[OrderRef]
    orders: ListOf[OrderRef]
    next_key: Text = ""
    has_more: MaybeFlag = None

    @property
    def ids(self) -> list[str]:
        """The order ids, whichever name they came under."""
        return self.order_id_list or self.orders
