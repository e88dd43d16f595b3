"""微信小店 payloads of everything an order and a product stand on: carriers, addresses, freight, waybills, warehouses, brands, categories,
talents, the shop page. Source: shop fact sheet 4.4-4.8, 5.6, 5.9, 8, 9, 10-15; amounts in 分.
"""

from __future__ import annotations

from zhanggui.wechat.schemas.base import (
    Id,
    Json,
    ListOf,
    MaybeFlag,
    MaybeId,
    MaybeInt,
    MaybeMoney,
    MaybeText,
    Number,
    Obj,
    Payload,
    Text,
    When,
)
from zhanggui.wechat.schemas.orders import Address
from zhanggui.wechat.schemas.shop import FinderDay


class Negotiation(Payload):
    """A later ship date agreed with a buyer, or not yet."""

    order_id: MaybeId = None
    status: MaybeInt = None
    predict_delivery_time: When = None
    reason: MaybeText = None
    remark: MaybeText = None
    create_time: When = None
    update_time: When = None


class NegotiationReply(Payload):
    """Answer of `order/deliverynegotiation/result/get`."""

    negotiation_list: ListOf[Negotiation]


class OrderIdsReply(Payload):
    """Answer of `order/preshipmentchangesku/get` and `order/presentsuborder/get`."""

    order_ids: ListOf[Id]


class Booking(Payload):
    """When a buyer wants an order shipped: 1 on a date, 2 hold."""

    order_id: MaybeId = None
    booking_type: MaybeInt = None
    predict_delivery_time: When = None


class BookingReply(Payload):
    """Answer of `order/userbooking/list`."""

    booking_list: ListOf[Booking]
    total: MaybeInt = None


class VirtualTelReply(Payload):
    """Answer of `order/virtualtelnumber/get`."""

    virtual_tel_number: MaybeText = None
    virtual_tel_expire_time: When = None
    get_virtual_tel_cnt: MaybeInt = None


class RealNumberReply(Payload):
    """Answer of `order/realnumberviewaudit/get`."""

    task_id: MaybeId = None
    audit_state: MaybeInt = None
    apply_reason: MaybeText = None
    apply_time: When = None


class DeliveryCompany(Payload):
    """A carrier by its code."""

    delivery_id: MaybeId = None
    delivery_name: MaybeText = None


class DeliveryCompanyReply(Payload):
    """Answer of `order/deliverycompanylist/new/get`."""

    company_list: ListOf[DeliveryCompany]


class OffsetPage(Payload):
    """Where the next page of a list begins."""

    offset: MaybeInt = None
    limit: MaybeInt = None


class DropshipListReply(Payload):
    """Answer of `order/dropship/list` and `order/dropship/search`."""

    ds_order_id_list: ListOf[Text]
    total: MaybeInt = None
    has_more: MaybeFlag = None
    next_page: Obj[OffsetPage] = None


class DropshipOrder(Payload):
    """An order that a supplier ships for the shop."""

    ds_order_id: MaybeId = None
    create_time: When = None
    update_time: When = None
    status: MaybeInt = None
    supplier_appid: MaybeId = None
    supplier_name: MaybeText = None
    order_id: MaybeId = None


class DropshipReply(Payload):
    """Answer of `order/dropship/get`."""

    dropship_order: Obj[DropshipOrder] = None


class Reason(Payload):
    """A buyer's reason for an after-sales case."""

    reason: MaybeText = None
    reason_text: MaybeText = None


class ReasonReply(Payload):
    """Answer of `aftersale/reason/get`."""

    reason_list: ListOf[Reason]


class RejectReason(Payload):
    """A reason to refuse a case; `reject_scene` tells which refusal it fits."""

    reject_reason_type: MaybeInt = None
    reject_reason_type_text: MaybeText = None
    reject_reason: MaybeText = None
    reject_scene: MaybeInt = None


class RejectReasonReply(Payload):
    """Answer of `aftersale/rejectreason/get`."""

    reason_list: ListOf[RejectReason]


class ExchangeableSku(Payload):
    """A SKU a buyer may get in exchange; price in 分."""

    sku_id: MaybeId = None
    sku_code: MaybeText = None
    sale_price: MaybeMoney = None
    stock_num: MaybeInt = None


class ExchangeableSkuReply(Payload):
    """Answer of `aftersale/getexchangeableskulist`."""

    sku_list: ListOf[ExchangeableSku]


class AddressIdsReply(Payload):
    """Answer of `merchant/address/list`."""

    address_id_list: ListOf[Text]


class AddressType(Payload):
    """Whether an address serves same-city delivery and pick-up."""

    same_city: MaybeInt = None
    pickup: MaybeInt = None


class MerchantAddress(Payload):
    """One of the shop's addresses: for sending, for returns."""

    address_id: MaybeId = None
    address_info: Obj[Address] = None
    landline: MaybeText = None
    remark: MaybeText = None
    send_addr: MaybeFlag = None
    default_send: MaybeFlag = None
    recv_addr: MaybeFlag = None
    default_recv: MaybeFlag = None
    create_time: When = None
    update_time: When = None
    address_type: Obj[AddressType] = None


class MerchantAddressReply(Payload):
    """Answer of `merchant/address/get`."""

    address_detail: Obj[MerchantAddress] = None


class TemplateIdsReply(Payload):
    """Answer of `merchant/getfreighttemplatelist`."""

    template_id_list: ListOf[Text]


class FreightArea(Payload):
    """Regions that are not served."""

    address_info: ListOf[Address]


class Region(Payload):
    """A region by name."""

    province_name: MaybeText = None
    city_name: MaybeText = None
    county_name: MaybeText = None


class FreeFreightRule(Payload):
    """When freight is free: from so many pieces, so much money (分) or weight."""

    address_infos: ListOf[Region]
    min_piece: MaybeInt = None
    min_amount: MaybeMoney = None
    min_weight: Number = None
    valuation_flag: MaybeInt = None
    amount_flag: MaybeInt = None


class FreeFreight(Payload):
    """All rules of free freight."""

    condition_free_detail_list: ListOf[FreeFreightRule]


class FreightRule(Payload):
    """What freight costs: the first units and every further ones, 分."""

    address_info: ListOf[Region]
    address_infos: ListOf[Region]
    is_default: MaybeFlag = None
    delivery_id: MaybeId = None
    first_val_amount: Number = None
    first_price: MaybeMoney = None
    second_val_amount: Number = None
    second_price: MaybeMoney = None


class FreightRules(Payload):
    """All rules of freight."""

    freight_calc_method_list: ListOf[FreightRule]


class FreightTemplate(Payload):
    """A freight template."""

    template_id: MaybeId = None
    name: MaybeText = None
    valuation_type: MaybeText = None
    send_time: MaybeText = None
    delivery_type: MaybeText = None
    delivery_id: ListOf[Id]
    shipping_method: MaybeText = None
    address_info: Obj[Address] = None
    is_default: MaybeFlag = None
    not_send_area: Obj[FreightArea] = None
    all_condition_free_detail: Obj[FreeFreight] = None
    all_freight_calc_method: Obj[FreightRules] = None
    create_time: When = None
    update_time: When = None


class FreightTemplateReply(Payload):
    """Answer of `merchant/getfreighttemplatedetail`."""

    freight_template: Obj[FreightTemplate] = None


class AddressCode(Payload):
    """A region with the platform's code."""

    name: MaybeText = None
    code: MaybeText = None
    level: MaybeInt = None


class AddressCodeReply(Payload):
    """Answer of `basics/addresscode/get`."""

    addrs_msg: Obj[AddressCode] = None
    next_level_addrs: ListOf[AddressCode]


class EwaybillCompanyReply(Payload):
    """Answer of `logistics/ewaybill/biz/delivery/get`."""

    shop_id: MaybeId = None
    list: ListOf[DeliveryCompany]


class EwaybillSiteAddress(Payload):
    """Where a carrier's branch lies."""

    city_code: MaybeText = None
    city_name: MaybeText = None
    detail_address: MaybeText = None
    district_code: MaybeText = None
    district_name: MaybeText = None
    province_code: MaybeText = None
    province_name: MaybeText = None
    street_code: MaybeText = None
    street_name: MaybeText = None


class EwaybillContact(Payload):
    """Who answers at a carrier's branch."""

    mobile: MaybeText = None
    name: MaybeText = None
    phone: MaybeText = None


class EwaybillSite(Payload):
    """A carrier's branch."""

    delivery_id: MaybeId = None
    site_status: MaybeInt = None
    site_code: MaybeText = None
    site_name: MaybeText = None
    address: Obj[EwaybillSiteAddress] = None
    contact: Obj[EwaybillContact] = None
    site_fullname: MaybeText = None


class EwaybillAccount(Payload):
    """A contract with a carrier for electronic waybills and how many are left."""

    acct_type: MaybeInt = None
    monthly_card: MaybeText = None
    share: Json = None
    sender_address: Json = None
    delivery_id: MaybeId = None
    shop_id: MaybeId = None
    acct_id: MaybeId = None
    status: MaybeInt = None
    available: MaybeInt = None
    allocated: MaybeInt = None
    recycled: MaybeInt = None
    cancel: MaybeInt = None
    site_info: Obj[EwaybillSite] = None


class EwaybillAccountReply(Payload):
    """Answer of `logistics/ewaybill/biz/account/get`."""

    account_list: ListOf[EwaybillAccount]
    total_num: MaybeInt = None


class EwaybillPerson(Payload):
    """A sender or receiver on a waybill."""

    name: MaybeText = None
    mobile: MaybeText = None
    province: MaybeText = None
    city: MaybeText = None
    county: MaybeText = None
    street: MaybeText = None
    address: MaybeText = None


class EwaybillGoods(Payload):
    """Goods on a waybill."""

    good_name: MaybeText = None
    good_count: MaybeInt = None
    product_id: MaybeId = None
    sku_id: MaybeId = None


class EwaybillShopOrder(Payload):
    """The shop order a waybill ships."""

    ec_order_id: MaybeId = None
    goods_list: ListOf[EwaybillGoods]


class EwaybillStep(Payload):
    """One step on the way of a parcel."""

    update_time: When = None
    status: MaybeInt = None
    desc: MaybeText = None


class EwaybillOrder(Payload):
    """A waybill with its way: the only tracking the platform offers."""

    ewaybill_order_id: MaybeId = None
    delivery_id: MaybeId = None
    site_code: MaybeText = None
    ewaybill_acct_id: MaybeId = None
    sender: Obj[EwaybillPerson] = None
    receiver: Obj[EwaybillPerson] = None
    ec_order_list: ListOf[EwaybillShopOrder]
    remark: MaybeText = None
    shop_id: MaybeId = None
    waybill_id: MaybeId = None
    status: MaybeInt = None
    path_info: ListOf[EwaybillStep]


class EwaybillOrderReply(Payload):
    """Answer of `logistics/ewaybill/biz/order/get`."""

    order_info: Obj[EwaybillOrder] = None


class WarehousePage(Payload):
    """One page of regional warehouses."""

    out_warehouse_ids: ListOf[Id]
    next_key: MaybeText = None


class WarehouseListReply(Payload):
    """Answer of `warehouse/list/get`."""

    data: Obj[WarehousePage] = None


class WarehouseArea(Payload):
    """A region a warehouse serves."""

    address_id1: MaybeText = None
    address_id2: MaybeText = None
    address_id3: MaybeText = None
    address_id4: MaybeText = None


class Warehouse(Payload):
    """A regional warehouse."""

    out_warehouse_id: MaybeId = None
    name: MaybeText = None
    intro: MaybeText = None
    cover_locations: ListOf[WarehouseArea]


class WarehouseReply(Payload):
    """Answer of `warehouse/get`."""

    data: Obj[Warehouse] = None


class AuditQuota(Payload):
    """How many products may still be submitted for audit."""

    block_status: MaybeInt = None
    avail_quota: MaybeInt = None
    total_quota: MaybeInt = None
    unlimited_type: MaybeInt = None
    audit_total_quota: MaybeInt = None
    audit_total_remaining: MaybeInt = None
    new_product_total_quota: MaybeInt = None
    new_product_remaining: MaybeInt = None


class AuditQuotaReply(Payload):
    """Answer of `product/getauditquota`."""

    audit_quota: Obj[AuditQuota] = None


class BrandRegistration(Payload):
    """The registration of a trade mark."""

    registrant: MaybeText = None
    register_no: MaybeText = None
    start_time: When = None
    end_time: When = None
    is_permanent: MaybeFlag = None
    register_certifications: ListOf[Text]
    renew_certifications: ListOf[Text]


class BrandGrant(Payload):
    """What the shop may do with a brand."""

    grant_certifications: ListOf[Text]
    brand_owner_id_photos: ListOf[Text]


class BrandApplication(Payload):
    """A trade mark that is applied for."""

    acceptance_certification: ListOf[Text]


class Brand(Payload):
    """A brand of the shop: 1 reviewing, 2 rejected, 3 effective, 4 withdrawn, 5 expiring, 6 expired."""

    brand_id: MaybeId = None
    ch_name: MaybeText = None
    en_name: MaybeText = None
    classification_no: MaybeText = None
    trade_mark_symbol: MaybeInt = None
    register_details: Obj[BrandRegistration] = None
    grant_type: MaybeInt = None
    grant_details: Obj[BrandGrant] = None
    application_details: Obj[BrandApplication] = None
    status: MaybeInt = None
    create_time: When = None
    update_time: When = None


class BrandListReply(Payload):
    """Answer of `brand/valid/list/get` and `brand/list/get`."""

    brands: ListOf[Brand]
    total_num: MaybeInt = None
    next_key: MaybeText = None


class GrantedCategory(Payload):
    """A category the shop may sell in."""

    cat_id: MaybeId = None
    qua_id: MaybeId = None


class GrantedCategoryReply(Payload):
    """Answer of `category/list/get`."""

    list: ListOf[GrantedCategory]


class Category(Payload):
    """A category by its id and parent."""

    cat_id: MaybeId = None
    name: MaybeText = None
    f_cat_id: MaybeId = None
    leaf: MaybeFlag = None


class SonCategoryReply(Payload):
    """Answer of `category/availablesoncategories/get`."""

    cat_list: ListOf[Category]
    cat_list_v2: ListOf[Category]


class MemberPaths(Payload):
    """Pages of the member mini program."""

    register_path: MaybeText = None
    rights_path: MaybeText = None


class MemberDisplay(Payload):
    """Where the member service shows."""

    order_page_display: MaybeInt = None


class MemberMiniProgram(Payload):
    """The linked mini program that serves members."""

    paths: Obj[MemberPaths] = None
    whitelist_openids: ListOf[Text]
    display_info: Obj[MemberDisplay] = None


class MemberMiniProgramReply(Payload):
    """Answer of `vip/v3/wxa/info/get`."""

    wxa_appid: MaybeId = None
    info: Obj[MemberMiniProgram] = None
    state: MaybeText = None


class AuthorizedFindersReply(Payload):
    """Answer of `compass/shop/finder/authorization/list/get`."""

    main_finder_id: MaybeId = None
    authorized_finder_id_list: ListOf[Text]


class FinderOverall(Payload):
    """What all talents sold on a day."""

    pay_gmv: MaybeMoney = None
    pay_sales_finder_cnt: MaybeInt = None
    pay_product_id_cnt: MaybeInt = None
    click_to_pay_uv_ratio: Number = None


class FinderOverallReply(Payload):
    """Answer of `compass/shop/finder/overall/get`."""

    data: Obj[FinderOverall] = None


class FinderProductOverallReply(Payload):
    """Answer of `compass/shop/finder/product/overall/get`."""

    data: Obj[FinderDay] = None


class LiveRecord(Payload):
    """A live session that is running."""

    export_id: MaybeId = None
    description: MaybeText = None
    cover_url: MaybeText = None
    nickname: MaybeText = None
    head_url: MaybeText = None


class LiveRecordReply(Payload):
    """Answer of `finderlive/getfinderliverecordlist`."""

    live_list: ListOf[LiveRecord]


class LiveNotice(Payload):
    """A live session that is announced."""

    notice_id: MaybeId = None
    status: MaybeInt = None
    status_wording: MaybeText = None
    start_time: When = None
    description: MaybeText = None
    nickname: MaybeText = None
    head_url: MaybeText = None


class LiveNoticeReply(Payload):
    """Answer of `finderlive/getfinderlivenoticerecordlist`."""

    live_notice_list: ListOf[LiveNotice]


class Promoter(Payload):
    """A talent in cooperation with the shop; amounts in 分."""

    finder_id: MaybeId = None
    status: MaybeInt = None
    invite_time: When = None
    sale_product_number: MaybeText = None
    sale_gmv: MaybeMoney = None


class PromoterReply(Payload):
    """Answer of `league/promoter/get`."""

    promoter: Obj[Promoter] = None


class PromoterListReply(Payload):
    """Answer of `league/promoter/list/get`."""

    finder_ids: ListOf[Id]
    total_num: MaybeInt = None


class Cooperation(Payload):
    """A cooperating account: 1 bound, 2 unbound, 3 refused, 4 accepting, 5 timed out, 6 failed, 7 cancelled."""

    sharer_id: MaybeId = None
    sharer_name: MaybeText = None
    sharer_type: MaybeInt = None
    status: MaybeInt = None
    bind_time: When = None
    unbind_time: When = None
    reject_time: When = None
    cancel_time: When = None


class CooperationReply(Payload):
    """Answer of `cooperation/list`."""

    data_list: ListOf[Cooperation]


class WecomId(Payload):
    """The ids under which links credit a member of staff in 企业微信."""

    wecom_corp_id: MaybeId = None
    wecom_user_id: MaybeId = None


class WecomIdReply(Payload):
    """Answer of `wecom/get_wecom_id`."""

    data: Obj[WecomId] = None


class WindowProduct(Payload):
    """A product in the shop window."""

    product_id: MaybeId = None
    is_set_hide: MaybeFlag = None
    is_set_top: MaybeFlag = None


class WindowProductReply(Payload):
    """Answer of `store/window/product/list/get`."""

    products: ListOf[WindowProduct]
    next_key: MaybeText = None
    total_num: MaybeInt = None


class ClassificationLeaf(Payload):
    """A second level of the shop's own classification."""

    id: MaybeText = None
    name: MaybeText = None
    is_displayed: MaybeFlag = None


class ClassificationNode(Payload):
    """A first level of the shop's own classification."""

    id: MaybeText = None
    name: MaybeText = None
    level_2: ListOf[ClassificationLeaf]
    is_displayed: MaybeFlag = None


class ClassificationLevels(Payload):
    """The levels of the shop's own classification."""

    level_1: ListOf[ClassificationNode]


class ClassificationTree(Payload):
    """The shop's own classification with its version, which a change must name."""

    tree: Obj[ClassificationLevels] = None
    version: MaybeText = None


class ClassificationReply(Payload):
    """Answer of `store/classification/tree/get`."""

    resp: Obj[ClassificationTree] = None


class OrderFlow(Payload):
    """A flow of money of one order, 分."""

    flow_id: MaybeId = None
    funds_type: MaybeInt = None
    amount: MaybeMoney = None
    order_id: MaybeId = None


class OrderFlowReply(Payload):
    """Answer of `funds/listorderflow`."""

    flow_list: ListOf[OrderFlow]
    has_more: MaybeFlag = None
    next_key: MaybeText = None
