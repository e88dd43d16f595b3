"""微信小店 after-sales cases, disputes and guarantees. Field meanings: shop fact sheet 8; amounts in 分."""

from __future__ import annotations

from zhanggui.wechat.schemas.base import (
    Epoch,
    Id,
    Int,
    ListOf,
    MaybeFlag,
    MaybeId,
    MaybeInt,
    MaybeMoney,
    MaybeText,
    Money,
    Obj,
    Payload,
    Text,
    When,
)
from zhanggui.wechat.schemas.orders import Address


class VirtualTel(Payload):
    """after_sale_order.virtual_tel_num_info"""

    virtual_tel_number: MaybeText = None  # 虚拟号码
    virtual_tel_expire_time: When = None  # 主动兑换的虚拟号码过期


class ExchangeParcel(Payload):
    """after_sale_order.exchange_delivery_info"""

    delivery_id: MaybeId = None  # 快递公司ID
    delivery_name: Text = ""  # 快递公司名称
    waybill_id: MaybeId = None  # 快递单号
    address_info: Obj[Address] = None


class ExchangeProduct(Payload):
    """after_sale_order.exchange_product_info"""

    product_id: MaybeId = None  # 商品ID
    old_sku_id: MaybeId = None  # 旧 SKUID
    new_sku_id: MaybeId = None  # 新 SKUID
    old_sku_price: Money = 0  # 旧 SKU 价格，分
    new_sku_price: Money = 0  # 新 SKU 价格，分
    old_sku_code: MaybeId = None  # 旧商品编码
    new_sku_code: MaybeId = None  # 新商品编码
    product_cnt: Int = 0  # 商品数量


class RefundResult(Payload):
    """after_sale_order.refund_resp"""

    ret: Int = 0  # 退款结果
    code: MaybeId = None  # 错误代码
    message: MaybeText = None  # 错误描述


class MerchantUpdate(Payload):
    """after_sale_order.merchant_update_detail"""

    merchant_update_type: Int = 0  # 协商类型
    merchant_update_desc: Text = ""  # 协商描述
    update_reason_type: MaybeText = None  # 协商原因类型
    old_after_sale_type: Int = 0  # 协商前售后类型
    new_after_sale_type: Int = 0  # 协商后售后类型
    old_after_sale_amount: Money = 0  # 协商前售后金额，分
    new_after_sale_amount: Money = 0  # 协商后售后金额，分
    media_ids: ListOf[Text]  # 协商图片 MediaId 列表


class MerchantUpload(Payload):
    """after_sale_order.merchant_upload_info"""

    reject_reason: MaybeText = None  # 拒绝原因
    refund_certificates: ListOf[Text]  # 退款凭证 URL 列表


class ReturnParcel(Payload):
    """after_sale_order.return_info"""

    delivery_id: MaybeId = None  # 快递公司ID
    delivery_name: Text = ""  # 快递公司名字
    waybill_id: MaybeId = None  # 快递单号


class AftersaleRefund(Payload):
    """after_sale_order.refund_info"""

    amount: Money = 0  # 退款金额，分
    refund_reason: MaybeInt = None  # 退款直接原因类型
    platform_discount_return_amount: MaybeMoney = None  # 平台优惠退款金额，分
    is_low_price_insurance_refund: MaybeFlag = None  # 是否使用运费险小额保障退款
    is_final_refund_by_insurance: MaybeFlag = None  # 是否最终由运费险出资


class AftersaleDetails(Payload):
    """after_sale_order.details"""

    desc: MaybeText = None  # 售后描述
    receive_product: MaybeFlag = None  # 是否已经收到货
    cancel_time: When = None  # 取消售后
    media_id_list: ListOf[Text]  # 举证图片 MediaId 列表
    tel_number: MaybeText = None  # 联系电话
    wxa_vip_discounted_price: MaybeMoney = None  # 小程序会员已经优惠金额，分


class AftersaleGift(Payload):
    """after_sale_order.product_info.gift_product_list[]"""

    product_id: MaybeId = None  # 商品ID
    sku_id: MaybeId = None  # SKUID
    sku_code: MaybeId = None  # 商品编码
    count: Int = 0  # 商品数量
    task_id: MaybeId = None  # 活动ID


class AftersaleVoucher(Payload):
    """after_sale_order.product_info.voucher_list[]"""

    vourcher_code: MaybeId = None  # 团购优惠券码


class AftersaleProduct(Payload):
    """after_sale_order.product_info"""

    product_id: MaybeId = None  # 商品ID
    sku_id: MaybeId = None  # SKUID
    sku_code: MaybeId = None  # 商品编码
    count: Int = 0  # 商品数量
    fast_refund: MaybeFlag = None  # 是否极速退款
    voucher_list: ListOf[AftersaleVoucher]
    gift_product_list: ListOf[AftersaleGift]


class Aftersale(Payload):
    """One after-sales case. Source: shop fact sheet 8.1."""

    after_sale_order_id: Id  # 售后单ID
    order_id: MaybeId = None  # 订单ID
    type: Text = ""  # 售后单类型
    sub_type: MaybeText = None  # 售后单子类型
    status: Text = ""  # 售后单状态
    openid: MaybeId = None  # 买家用户 OpenId
    unionid: MaybeId = None  # 买家用户 UnionId
    present_giver_openid: MaybeId = None  # 礼物订单赠送者 OpenId
    present_giver_unionid: MaybeId = None  # 礼物订单赠送者 UnionId
    reason: Text = ""  # 售后原因
    product_info: Obj[AftersaleProduct] = None
    details: Obj[AftersaleDetails] = None
    refund_info: Obj[AftersaleRefund] = None
    return_info: Obj[ReturnParcel] = None
    merchant_upload_info: Obj[MerchantUpload] = None
    merchant_update_detail: Obj[MerchantUpdate] = None
    refund_resp: Obj[RefundResult] = None
    gen_scene: MaybeInt = None  # 生成售后单场景值
    deadline: MaybeInt = None  # 操作期限: 时刻或剩余秒数, 见 deadline_at
    exchange_product_info: Obj[ExchangeProduct] = None
    exchange_delivery_info: Obj[ExchangeParcel] = None
    virtual_tel_num_info: Obj[VirtualTel] = None
    compensation_liability_amount: MaybeMoney = None  # 商责额外赔付金额，分
    update_time: When = None  # 更新
    create_time: When = None  # 创建
    complete_time: When = None  # 售后完结
    reason_text: MaybeText = None  # 售后原因文字
    need_offline_refund: MaybeFlag = None  # 需线下退款
    return_type: MaybeInt = None  # 退货方式 0 无物流 1 买家寄回 2 上门取件

    def deadline_at(self) -> Epoch | None:
        """When the merchant's time ends: a large value is a moment, a small one seconds left after the last update."""
        if not self.deadline:
            return None
        if self.deadline > 1_000_000_000:
            return Epoch(self.deadline)
        return Epoch(self.update_time + self.deadline) if self.update_time else None


class BadPay(Payload):
    """guarantee_order.bad_pay_info"""

    bad_level: Int = 0  # 损坏程度
    content: Text = ""  # 损坏凭证文字
    pic_list: ListOf[Text]  # 损坏凭证图片 MediaId 列表
    pay_fee: Money = 0  # 赔付金额，分
    merchant_modify_level: MaybeInt = None  # 商家协商损坏程度
    merchant_remark: MaybeText = None  # 商家备注
    platform_modify_level: MaybeInt = None  # 平台调整损坏程度
    refund_type: Int = 0  # 退款类型
    receive_product: MaybeInt = None  # 收货类型
    refund_reason: MaybeInt = None  # 退款原因类型
    refund_reason_text: MaybeText = None  # 退款原因
    title_pic_list: ListOf[Text]  # 凭证图片 MediaId 列表


class FakeOnePayFour(Payload):
    """guarantee_order.fake_one_pay_four_info"""

    identify_fee: MaybeMoney = None  # 鉴定费用，分
    product_fee: Money = 0  # 商品费用，分
    total_pay_fee: MaybeMoney = None  # 预计赔付金额，分
    acctual_pay: MaybeMoney = None  # 最终赔付金额，分
    identify_proof_pic_list: ListOf[Text]  # 鉴定凭证 MediaId 列表
    fee_proof_pic_list: ListOf[Text]  # 费用凭证 MediaId 列表
    apply_reason: MaybeInt = None  # 申请原因类型


class GuaranteePresent(Payload):
    """guarantee_order.order_present_info"""

    present_order_id: MaybeId = None  # 礼物单号
    giver_nickname: Text = ""  # 送礼微信昵称
    accept_present_time: When = None  # 收礼


class GuaranteePay(Payload):
    """guarantee_order.order_pay_info"""

    transaction_id: MaybeId = None  # 微信交易单号


class GuaranteeProduct(Payload):
    """guarantee_order.product_info"""

    product_id: MaybeId = None  # 商品ID
    sku_id: MaybeId = None  # SKUID
    title: Text = ""  # 商品名称
    thumb_img: Text = ""  # 商品缩略图 URL
    detail: MaybeText = None  # 商品详情
    real_price: Money = 0  # 商品价格，分
    product_cnt: Int = 0  # 商品数量


class Guarantee(Payload):
    """One guarantee case (假一赔三, 坏损包退). Source: shop fact sheet 8.5."""

    guarantee_order_id: Id  # 保障单ID
    order_id: MaybeId = None  # 订单ID
    type: MaybeId = None  # 保障单类型
    order_type: Int = 0  # 订单类型
    status: Text = ""  # 售后单状态
    openid: MaybeId = None  # 买家用户 OpenId
    unionid: MaybeId = None  # 买家用户 UnionId
    apply_reason_type: Int = 0  # 申请原因类型
    apply_reason: Text = ""  # 申请原因
    expire_time: When = None  # 保障单过期
    complete_time: When = None  # 保障单完成
    product_info: ListOf[GuaranteeProduct]
    pay_amount: Money = 0  # 退款金额，分
    order_pay_info: Obj[GuaranteePay] = None
    wxa_vip_discounted_price: MaybeMoney = None  # 小程序会员已经优惠金额，分
    merchant_refuse_reason: MaybeText = None  # 商家拒绝原因
    order_present_info: Obj[GuaranteePresent] = None
    fake_one_pay_four_info: Obj[FakeOnePayFour] = None
    bad_pay_info: Obj[BadPay] = None
    update_time: When = None  # 更新
    create_time: When = None  # 创建


class AftersaleReply(Payload):
    """Answer of `aftersale/getaftersaleorder`."""

    after_sale_order: Aftersale


class AftersaleListReply(Payload):
    """Answer of `aftersale/getaftersalelist`."""

    after_sale_order_id_list: ListOf[Id]
    next_key: Text = ""
    has_more: MaybeFlag = None


class ComplaintItem(Payload):
    """One step in a dispute."""

    item_type: Int = 0
    time: When = None
    content: MaybeText = None
    media_id_list: ListOf[Text]
    phone_number: MaybeText = None
    complaint_type: MaybeInt = None
    after_sale_type: MaybeInt = None
    after_sale_reason: MaybeInt = None


class ComplaintReply(Payload):
    """Answer of `aftersale/getcomplaintorder`."""

    after_sale_order_id: MaybeId = None
    order_id: MaybeId = None
    status: MaybeInt = None
    history: ListOf[ComplaintItem]
    virtual_tel_num_info: Obj[VirtualTel] = None


class GuaranteeReply(Payload):
    """Answer of `aftersale/getguaranteeorder`."""

    guarantee_order: Guarantee


class GuaranteeListReply(Payload):
    """Answer of `aftersale/searchguaranteeorder`."""

    guarantee_order_list: ListOf[Guarantee]
    total_num: MaybeInt = None


class PresentAftersaleLine(Payload):
    """One product of a gift order's after-sales case."""

    product_id: MaybeId = None
    sku_id: MaybeId = None
    count: Int = 0
    refund_info: Obj[AftersaleRefund] = None


class PresentAftersaleOrder(Payload):
    """One sub-order of a gift order's after-sales case."""

    order_id: MaybeId = None
    refund_info: Obj[AftersaleRefund] = None
    product_info_list: ListOf[PresentAftersaleLine]


class PresentAftersale(Payload):
    """One after-sales case of a gift order. Source: 8.6."""

    after_sale_order_id: Id
    present_order_id: MaybeId = None
    status: Text = ""
    openid: MaybeId = None
    unionid: MaybeId = None
    order_info_list: ListOf[PresentAftersaleOrder]
    refund_info: Obj[AftersaleRefund] = None
    create_time: When = None
    update_time: When = None


class PresentAftersaleReply(Payload):
    """Answer of `aftersale/getpresentaftersaleorder`."""

    after_sale_order: PresentAftersale
