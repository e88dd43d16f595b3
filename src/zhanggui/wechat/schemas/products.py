"""微信小店 products, SKUs, stock, flash-sale tasks. Field meanings: shop fact sheet 5 and 6; prices in 分."""

from __future__ import annotations

from zhanggui.wechat.schemas.base import (
    Flag,
    Id,
    Int,
    ListOf,
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


class ProductAuditInfo(Payload):
    """audit_info"""

    user_strategy_flag_list: ListOf[Int]  # 提审的商品上架策略开关列表


class ComparePriceSku(Payload):
    """cmp_price_info.sku_result_list[]"""

    sku_id: MaybeId = None  # SKUID
    is_expensive_warning: Flag = False  # 是否被检测为高价


class ComparePrice(Payload):
    """cmp_price_info"""

    status: Int = 0  # 检测状态
    sku_result_list: ListOf[ComparePriceSku]


class InfoSubScore(Payload):
    """info_score.sub_score_list[]"""

    busi_data_field_api: Text = ""  # 字段名
    field_name: Text = ""  # 字段描述
    audit_remark: MaybeText = None  # 审核备注


class InfoScore(Payload):
    """info_score"""

    release_mode: Int = 0  # 商品信息质量总分等级
    sub_score_list: ListOf[InfoSubScore]


class SaleLimit(Payload):
    """sale_limit_info"""

    is_limited: Flag = False  # 是否受到管控
    title: MaybeText = None  # 售卖限制标题
    sub_title: MaybeText = None  # 售卖限制描述


class SkuDeliver(Payload):
    """product.spu_deliver_info.sku_deliver_info"""

    stock_type: Int = 0  # SKU 库存情况
    full_payment_presale_delivery_type: Int = 0  # SKU 发货节点
    presale_begin_time: When = None  # SKU 预售周期开始时间
    presale_end_time: When = None  # SKU 预售周期结束时间
    full_payment_presale_delivery_time: Int = 0  # SKU 发货时效
    spot_after_presale_end: Flag = False  # 是否在预售结束后自动转为现货


class SpuDeliver(Payload):
    """product.spu_deliver_info"""

    is_spu_range: Flag = False  # 是否生效
    sku_deliver_info: Obj[SkuDeliver] = None


class TimedListing(Payload):
    """product.timing_onsale_info"""

    status: Int = 0  # 状态
    onsale_time: When = None  # 开售
    is_hide_price: Flag = False  # 是否隐藏价格
    task_id: MaybeId = None  # 待开售任务ID


class SizeValue(Payload):
    """product.size_chart.specification_list[].value_list[]"""

    key: Text = ""  # 尺码值
    value: MaybeText = None  # 属性值
    left: MaybeText = None  # 属性值的左边界
    right: MaybeText = None  # 属性值的右边界


class SizeSpecification(Payload):
    """product.size_chart.specification_list[]"""

    name: Text = ""  # 名称
    unit: Text = ""  # 单位
    is_range: Flag = False  # 属性值是否为区间
    value_list: ListOf[SizeValue]


class SizeChart(Payload):
    """product.size_chart"""

    enable: Flag = False  # 是否启用
    specification_list: ListOf[SizeSpecification]


class ProductQualification(Payload):
    """product.product_qua_infos[]"""

    qua_id: MaybeId = None  # 资质ID
    qua_url: ListOf[Text]  # 资质图片 URL 列表


class ProductAftersale(Payload):
    """product.after_sale_info"""

    after_sale_address_id: MaybeId = None  # 地址ID


class ProductServices(Payload):
    """product.extra_service"""

    seven_day_return: Int = 0  # 是否支持七天无理由退货
    pay_after_use: Int = 0  # 先用后付类型
    freight_insurance: Int = 0  # 是否支持运费险
    fake_one_pay_three: MaybeInt = None  # 是否支持假一赔三
    damage_guarantee: MaybeInt = None  # 是否支持坏损包退
    exchange_support: MaybeInt = None  # 是否支持换货


class PurchaseLimit(Payload):
    """product.limited_info"""

    period_type: Int = 0  # 限购周期类型
    limited_buy_num: MaybeInt = None  # 限购数量


class SkuAttr(Payload):
    """product.skus[].sku_attrs[]"""

    attr_key: Text = ""  # 属性的 Key
    attr_value: Text = ""  # 属性的值


class Sku(Payload):
    """One SKU; prices in 分."""

    sku_id: Id  # SKUID
    out_sku_id: MaybeId = None  # 商家自定义 SKUID
    thumb_img: Text = ""  # 缩略图 URL
    sale_price: Money = 0  # 售价，分
    market_price: Money = 0  # 市场价，分
    stock_num: Int = 0  # 库存
    sku_code: MaybeId = None  # 商品编码
    bar_code: MaybeId = None  # 商品条形码
    sku_attrs: ListOf[SkuAttr]
    status: Int = 0  # SKU 状态
    sku_deliver_info: Obj[SkuDeliver] = None


class ProductExpress(Payload):
    """product.express_info"""

    template_id: MaybeId = None  # 运费模板ID
    weight: MaybeInt = None  # 商品重量（单位：克）


class ProductAttr(Payload):
    """product.attrs[]"""

    attr_key: Text = ""  # 属性的 Key
    attr_value: Text = ""  # 属性的值


class ProductCategory(Payload):
    """product.cats_v2[]"""

    cat_id: MaybeId = None  # 商品类目ID


class ProductDescription(Payload):
    """product.desc_info"""

    imgs: ListOf[Text]  # 商品详情图片 URL 列表
    desc: MaybeText = None  # 商品文字描述


class Product(Payload):
    """One product, online or draft. Source: shop fact sheet 5.4."""

    product_id: Id  # 商品ID
    out_product_id: MaybeId = None  # 商家自定义商品ID
    title: Text = ""  # 商品标题
    short_title: MaybeText = None  # 商品短标题
    head_imgs: ListOf[Text]  # 主图 URL 列表
    desc_info: Obj[ProductDescription] = None
    cats: ListOf[ProductCategory]
    cats_v2: ListOf[ProductCategory]
    attrs: ListOf[ProductAttr]
    spu_code: MaybeId = None  # 商品编码
    brand_id: MaybeId = None  # 品牌ID
    deliver_method: MaybeInt = None  # 发货方式
    express_info: Obj[ProductExpress] = None
    aftersale_desc: MaybeText = None  # 售后说明
    status: Int = 0  # 商品状态
    edit_status: Int = 0  # 商品草稿状态
    min_price: Money = 0  # SKU 最低价格，分
    skus: ListOf[Sku]
    limited_info: Obj[PurchaseLimit] = None
    extra_service: Obj[ProductServices] = None
    product_type: MaybeInt = None  # 商品类型
    edit_time: When = None  # 商品草稿最近一次修改时间
    src_product_id: MaybeId = None  # 导入的来源商品ID
    total_sold_num: MaybeInt = None  # 总销量
    after_sale_info: Obj[ProductAftersale] = None
    product_qua_infos: ListOf[ProductQualification]
    size_chart: Obj[SizeChart] = None
    timing_onsale_info: Obj[TimedListing] = None
    spu_deliver_info: Obj[SpuDeliver] = None
    release_mode: MaybeInt = None  # 发布模式


class ProductReply(Payload):
    """Answer of `product/get`: the online and the draft copy."""

    product: Obj[Product] = None
    edit_product: Obj[Product] = None
    sale_limit_info: Obj[SaleLimit] = None
    info_score: Obj[InfoScore] = None
    cmp_price_info: Obj[ComparePrice] = None
    audit_info: Obj[ProductAuditInfo] = None


class ProductListReply(Payload):
    """Answer of `product/list/get`; there is no has_more: stop on an empty next_key or a short page."""

    product_ids: ListOf[Id]
    next_key: Text = ""
    total_num: MaybeInt = None


class WarehouseStock(Payload):
    """Stock of one SKU in one regional warehouse."""

    out_warehouse_id: MaybeId = None
    num: Int = 0
    lock_stock: MaybeInt = None


class SkuStock(Payload):
    """Stock of one SKU: normal, held by a flash sale, with talents, in regional warehouses."""

    sku_id: MaybeId = None
    normal_stock_num: Int = 0
    limited_discount_stock_num: Int = 0
    finder_total_num: MaybeInt = None
    total_stock_num: Int = 0
    warehouse_stocks: ListOf[WarehouseStock]


class SkuStockReply(Payload):
    """Answer of `product/stock/get`."""

    data: SkuStock


class SpuStock(Payload):
    """Stock of all SKUs of one product."""

    product_id: Id
    sku_stock: ListOf[SkuStock]


class SpuStockList(Payload):
    """The list inside `product/stock/batchget`."""

    spu_stock_list: ListOf[SpuStock]


class StockBatchReply(Payload):
    """Answer of `product/stock/batchget`."""

    data: SpuStockList


class StockFlowExt(Payload):
    """What a stock movement belongs to."""

    unmove_from_stock_sub_type: MaybeInt = None
    move_to_stock_sub_type: MaybeInt = None
    upload_source: MaybeInt = None
    order_id: MaybeId = None
    out_warehouse_id: MaybeId = None
    limited_discount_id: MaybeId = None
    finder_id: MaybeId = None


class StockFlow(Payload):
    """One movement of a SKU's stock, in pieces."""

    amount: Int = 0
    beginning_amount: Int = 0
    ending_amount: Int = 0
    stock_sub_type: MaybeInt = None
    op_type: MaybeInt = None
    update_time: When = None
    ext_info: Obj[StockFlowExt] = None


class StockFlowPage(Payload):
    """One page of stock movements."""

    stock_flow_info_list: ListOf[StockFlow]
    next_key: Text = ""


class StockFlowReply(Payload):
    """Answer of `product/stock/getflow`."""

    data: StockFlowPage


class FlashSku(Payload):
    """One SKU of a flash-sale task; price in 分."""

    product_id: MaybeId = None
    sku_id: Id
    sale_price: Money = 0
    sale_stock: Int = 0
    remaining_stock: MaybeInt = None


class FlashTask(Payload):
    """One 限时抢购 task with its ready-made effect numbers. Status 0 waiting, 1 running, 2 finished."""

    task_id: Id
    product_id: MaybeId = None
    status: Int = 0
    title: MaybeText = None
    create_time: When = None
    start_time: When = None
    end_time: When = None
    limit_purchase_num: MaybeInt = None
    limited_discount_skus: ListOf[FlashSku]
    discount_pay_gmv: MaybeMoney = None
    discount_pay_uv: MaybeInt = None
    discount_pay_order_cnt: MaybeInt = None


class FlashTaskListReply(Payload):
    """Answer of `product/limiteddiscounttask/list/get`."""

    limited_discount_tasks: ListOf[FlashTask]
    next_key: Text = ""
    total_num: MaybeInt = None
