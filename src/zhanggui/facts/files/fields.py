"""What a shop's files can hold: kinds of table, their fields, and the names the world gives those fields (pure).

A field's names are header texts seen in exports of 微信小店, 有赞, 淘宝/天猫, 拼多多, 抖店, ERPs and English invoice
tables, compared after `normal`. Order matters: the first names are the plainest.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from zhanggui.facts.files import cells

Type = Literal["id", "text", "money", "int", "number", "moment", "day", "status", "bool", "stars", "span"]


@dataclass(frozen=True)
class Field:
    """One thing a table may tell: key in the code, name on screen, how its cells read, header names, example for the template."""

    key: str
    name: str
    type: Type
    names: tuple[str, ...]
    example: str = ""
    help: str = ""
    level: Literal["", "order", "line"] = ""
    """For orders: whether the value belongs to the whole order or to one line; "" is settled by looking at the values."""
    personal: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of table. `needs` lists alternatives: of each group at least one field must be mapped."""

    key: str
    name: str
    fields: tuple[Field, ...]
    needs: tuple[tuple[str, ...], ...]
    business_key: str
    """Chinese: by what a row is recognised when it comes again."""
    telling: tuple[str, ...] = ()
    """Fields whose presence speaks for this kind when the kind is guessed."""
    instead: tuple[str, ...] = ()
    """Fields any of which makes up for the first group of `needs`."""

    def field(self, key: str) -> Field:
        """The field of that key; KeyError when the kind has none."""
        for item in self.fields:
            if item.key == key:
                return item
        raise KeyError(key)

    @property
    def keys(self) -> frozenset[str]:
        """All field keys."""
        return frozenset(f.key for f in self.fields)


def _f(key: str, name: str, type_: Type, names: str, example: str = "", **more: object) -> Field:
    return Field(key, name, type_, tuple(n.strip() for n in names.split("|") if n.strip()), example, **more)  # type: ignore[arg-type]


_PRODUCT_ID = "商品编码(平台)|商品ID|商品编号|商品id|SPU|SPUID|SPU编码|商品spuid|宝贝ID|商品数字ID|平台商品ID|product_id|productid|product|item_id|itemid|StockCode|stock_code|goods_id|product_code|ASIN"
_SKU_ID = "SKU编码(平台)|规格编码(平台)|SKU|SKUID|SKU编号|SKU编码|规格ID|规格编码|规格编号|商品规格ID|平台SKUID|sku_id|skuid|variant_id|货品ID"
_CODE = "SKU编码(自定义)|规格编码(自定义)|商品编码(自定义)|商家SKU编码|商品编码|商家编码|商家规格编码|自定义编码|外部编码|外部商品编码|商家商品编码|货号|商品货号|款号|条码|商品条码|sku_code|outer_sku_id|seller_sku|merchant_code|barcode|upc"
_TITLE = "商品名称|商品标题|宝贝标题|商品|商品名|宝贝名称|货品名称|品名|产品名称|商品信息|标题|名称|Description|title|product_name|product_title|item_name|name"
_ATTRS = "规格|商品规格|规格名称|销售属性|商品属性|SKU名称|SKU规格|颜色尺码|型号|规格型号|variant|attributes|sku_name|options"
_CATEGORY = "类目|商品类目|分类|商品分类|品类|一级类目|三级类目|类目名称|category|product_category|department|goods_type"
_DAY = "日期|统计日期|数据日期|时间|统计时间|day|date|ds|dt|日"
_CHANNEL = "渠道|来源|流量来源|订单来源|成交渠道|推广渠道|下单渠道|来源渠道|交易来源|渠道名称|媒体|channel|source|utm_source|traffic_source|medium"
_OPENID = "openid|用户openid|买家openid|open_id|用户标识|买家标识|用户唯一标识"
_UNIONID = "unionid|union_id|用户unionid|买家unionid"
_CUSTOMER = "买家ID|买家编号|用户ID|用户编号|客户ID|客户编号|会员号|会员ID|会员编号|会员卡号|买家会员名|买家账号|买家旺旺|会员名|客户名称|customer_id|customerid|customer|cust|cust_id|user_id|userid|buyer_id|member_id|household_id|client_id|uid|visitor_id"
_NICK = "买家昵称|昵称|用户昵称|微信昵称|买家|买家名称|客户昵称|nickname|buyer_nick|buyer_name"
_BUYER_PHONE = "买家手机号|买家手机|买家电话|下单人手机号|下单人手机|下单人电话|下单手机号|会员手机号|会员手机|用户手机号|用户手机|buyer_phone|buyer_mobile|member_phone"
_PHONE = "手机号|手机|联系电话|电话|收件人电话|收货人电话|收件人手机|收货人手机|收件人手机号|收货人手机号|联系手机|收货电话|联系方式|收货人联系方式|tel|mobile|phone|telephone|receiver_mobile"
_DEVICE = "设备|终端|设备类型|下单终端|机型|device|platform|os"
_ORDER = "订单号|订单编号|订单ID|主订单编号|主订单号|交易单号|订单|单号|原订单号|关联订单号|订单编码|销售单号|order_id|orderid|order_no|order_sn|order_number|ordernumber|tid|InvoiceNo|invoice|invoice_no|invoice_id|basket_id|transaction_id|order"

ORDERS = Kind("orders", "订单", (
    _f("order_id", "订单号", "id", _ORDER, "3712345678901234567", level="order"),
    _f("line_id", "子订单号", "id", "子订单号|子订单编号|商品单号|子单号|订单明细号|行号|line_id|oid|sub_order_id|item_no"),
    _f("created_at", "下单时间", "moment", "下单时间|订单创建时间|创建时间|订单提交时间|拍下时间|订单时间|交易时间|下单日期|订单日期|成交时间|销售日期|购买时间|InvoiceDate|invoice_date|order_date|order_time|created_at|create_time|created|transaction_timestamp|transaction_date|purchase_date|datetime|timestamp|date|日期|时间", "2026-08-22 13:05:00", level="order"),
    _f("paid_at", "支付时间", "moment", "支付时间|付款时间|订单付款时间|买家付款时间|支付完成时间|支付日期|付款日期|交易成功付款时间|支付成功时间|pay_time|paid_at|payment_time|payment_date", "2026-08-22 13:05:40", level="order"),
    _f("shipped_at", "发货时间", "moment", "发货时间|订单发货时间|商家发货时间|ship_time|shipped_at|delivery_time|consign_time", level="order"),
    _f("done_at", "完成时间", "moment", "完成时间|交易完成时间|订单完成时间|确认收货时间|交易成功时间|交易结束时间|签收时间|结束时间|finish_time|end_time|completed_at", level="order"),
    _f("status", "订单状态", "status", "订单状态|状态|交易状态|订单交易状态|order_status|status|state", "已完成", level="order"),
    _f("aftersale", "售后状态", "status", "售后状态|退款状态|售后|退款/售后状态|商品退款状态|退款退货状态|aftersale_status|refund_status"),
    _f("title", "商品名称", "text", _TITLE, "红糖姜茶礼盒", level="line"),
    _f("product_id", "商品ID", "id", _PRODUCT_ID, "10000123456789", level="line"),
    _f("sku_id", "SKU", "id", _SKU_ID, "2345678901", level="line"),
    _f("code", "商品编码", "id", _CODE, "TEA-01", level="line"),
    _f("attributes", "规格", "text", _ATTRS, "12 包/盒", level="line"),
    _f("category", "类目", "text", _CATEGORY, level="line"),
    _f("quantity", "数量", "int", "数量|商品数量|购买数量|件数|宝贝总数量|商品总件数|商品件数|成交数量|销售数量|购买件数|商品数量(件)|qty|quantity|num|count|units|item_quantity", "2", level="line"),
    _f("unit_price", "商品单价", "money", "单价|商品单价|销售单价|商品价格|价格|售价|成交单价|商品售价|宝贝单价|商品单价(元)|UnitPrice|unit_price|price|item_price", "39.90", level="line"),
    _f("line_amount", "商品小计", "money", "小计|商品小计|商品总价|商品金额|金额|行金额|商品总额|商品合计|销售额|销售金额|line_total|line_amount|subtotal|total_price|amount|sales|revenue", level="line"),
    _f("line_paid", "商品实付", "money", "商品实付|商品实付金额|商品实付款|商品实际支付金额|子订单实付金额|商品应付|商品成交金额|行实付|实付小计|sales_value|line_paid|item_paid|net_sales", level="line"),
    _f("paid", "实付金额", "money", "实付金额|实付款|订单实付金额|订单实际支付金额|订单实付款|买家实际支付金额|买家实付|实际支付金额|支付金额|订单实付|实收金额|商家实收金额(元)|商家实收|用户实付金额|用户实付|付款金额|订单金额|订单总额|总金额|应付金额|买家应付货款|订单应付金额|订单总价|成交金额|交易金额|实收|合计金额|order_amount|paid_amount|payment|pay_amount|order_total|total_amount|total|grand_total", "79.80"),
    _f("goods", "商品总额", "money", "商品总金额|订单商品总额|订单商品金额|商品原价总额|宝贝总价|货款|订单原价|原价合计|goods_amount|merchandise_total", level="order"),
    _f("freight", "运费", "money", "运费|邮费|快递费|配送费|买家应付邮费|订单运费|物流费|freight|shipping|shipping_fee|postage|post_fee|shipping_cost", "0"),
    _f("discount", "优惠", "money", "优惠|优惠金额|订单优惠|总优惠|优惠总额|优惠合计|店铺优惠|商家优惠|折扣|折扣金额|优惠减免|店铺优惠金额|商家优惠金额|discount|discount_amount|promotion_amount|retail_disc"),
    _f("refund_amount", "退款金额", "money", "退款金额|已退款金额|退款总额|商品已退款金额|退款|实退金额|成功退款金额|退款总金额|售后退款金额|refund_amount|refund|refunded", "0"),
    _f("refund_at", "退款时间", "moment", "退款时间|退款成功时间|退款完成时间|售后完成时间|refund_time|refunded_at"),
    _f("openid", "买家 openid", "id", _OPENID, "oABCdefGhIjKlMnOpQrStUvWxYz1", level="order"),
    _f("unionid", "买家 unionid", "id", _UNIONID, level="order"),
    _f("customer_id", "买家编号", "id", _CUSTOMER, level="order"),
    _f("nickname", "买家昵称", "text", _NICK, level="order", personal=True),
    _f("buyer_phone", "买家手机号", "text", _BUYER_PHONE, level="order", personal=True, help="下单人自己的手机号，用来认出同一个人"),
    _f("phone", "收件手机号", "text", _PHONE, level="order", personal=True, help="收件人的手机号；没有别的买家列时才用来认人"),
    _f("recipient", "收件人", "text", "收件人|收货人|收件人姓名|收货人姓名|收货人名称|联系人|receiver_name|receiver|consignee|recipient", level="order", personal=True),
    _f("address", "收货地址", "text", "收货地址|收件地址|详细地址|收件人地址|收货人地址|地址|街道地址|收货详细地址|receiver_address|address|shipping_address", level="order", personal=True),
    _f("region", "省份", "text", "省份|省|收货省份|收件人省份|收货人省份|地区|省市区|所在省|所属省份|区域|国家|收货人所在省|Country|province|state_province|region|receiver_state", "广东", level="order"),
    _f("city", "城市", "text", "市|城市|收货城市|收件人城市|所在市|city", level="order", personal=True),
    _f("district", "区县", "text", "区|区县|县区|收货区县|区/县|district|county", level="order", personal=True),
    _f("channel", "渠道", "text", _CHANNEL, "搜一搜", level="order"),
    _f("scene", "场景", "text", "场景|下单场景|场景值|scene", level="order"),
    _f("device", "设备", "text", _DEVICE, level="order"),
), (("order_id",), ("created_at", "paid_at"), ("paid", "line_paid", "line_amount", "unit_price"),), "订单号 + 商品（同一商品多行按出现次序）；没有订单号时按买家 + 时间",
    ("order_id", "quantity", "unit_price", "paid", "line_paid", "status", "paid_at", "customer_id", "openid", "title"),
    ("openid", "unionid", "customer_id"))  # fmt: skip

REFUNDS = Kind("refunds", "退款", (
    _f("refund_id", "售后单号", "id", "售后单号|退款编号|售后编号|退款单号|售后单编号|退货单号|refund_id|aftersale_id|return_id", "2000000123456789"),
    _f("order_id", "订单号", "id", _ORDER, "3712345678901234567"),
    _f("at", "退款时间", "moment", "退款时间|退款成功时间|退款完成时间|退款完结时间|售后完结时间|完结时间|售后完成时间|超时时间|申请时间|售后申请时间|退款申请时间|退款的申请时间|创建时间|refund_time|refunded_at|date|日期", "2026-08-25 10:00:00"),
    _f("amount", "退款金额", "money", "退款金额|买家退款金额|实退金额|退款总额|实际退款金额|退款总金额|退给买家金额|金额|refund_amount|amount|refund", "39.90"),
    _f("status", "售后状态", "status", "售后状态|退款状态|状态|status", "退款成功"),
    _f("product_id", "商品ID", "id", _PRODUCT_ID),
    _f("sku_id", "SKU", "id", _SKU_ID),
    _f("code", "商品编码", "id", _CODE),
    _f("quantity", "数量", "int", "数量|退货数量|商品数量|售后数量|退款数量|quantity|qty", "1"),
    _f("reason", "原因", "text", "退款原因|售后原因|申请原因|买家退款原因|原因|reason", "多拍/不想要"),
    _f("openid", "买家 openid", "id", _OPENID),
    _f("unionid", "买家 unionid", "id", _UNIONID),
    _f("customer_id", "买家编号", "id", _CUSTOMER),
), (("refund_id", "order_id"), ("at",), ("amount",)), "售后单号（没有时：订单号 + 商品 + 时间）", ("refund_id", "amount", "reason", "status"))  # fmt: skip

PRODUCTS = Kind("products", "商品", (
    _f("product_id", "商品ID", "id", _PRODUCT_ID, "10000123456789"),
    _f("title", "商品名称", "text", _TITLE + "|product_type", "红糖姜茶礼盒"),
    _f("sku_id", "SKU", "id", _SKU_ID, "2345678901"),
    _f("code", "商品编码", "id", _CODE, "TEA-01"),
    _f("attributes", "规格", "text", _ATTRS + "|package_size", "12 包/盒"),
    _f("category", "类目", "text", _CATEGORY, "茶饮"),
    _f("price", "售价", "money", "售价|价格|销售价|现价|单价|商品价格|SKU价格|一口价|price|sale_price|unit_price", "39.90"),
    _f("stock", "库存", "int", "库存|可售库存|商品库存|库存数量|SKU库存|总库存|现货库存|stock|inventory|quantity", "120"),
    _f("status", "状态", "text", "状态|商品状态|上架状态|上下架状态|status", "上架"),
    _f("image", "主图", "text", "主图|商品图片|图片|主图链接|image|image_url"),
), (("product_id", "code", "sku_id"), ("title", "category")), "商品ID 与 SKU", ("title", "price", "stock", "category", "image", "attributes", "product_id"))  # fmt: skip

COSTS = Kind("costs", "成本", (
    _f("sku_id", "SKU", "id", _SKU_ID, "2345678901"),
    _f("code", "商品编码", "id", _CODE, "TEA-01"),
    _f("product_id", "商品ID", "id", _PRODUCT_ID),
    _f("cost", "成本价", "money", "成本|成本价|单位成本|采购价|进价|进货价|采购成本|含税成本|供货价|成本单价|采购单价|cost|unit_cost|cost_price|purchase_price|cogs", "18.50"),
    _f("since", "生效日期", "day", "生效日期|起始日期|开始日期|生效时间|启用日期|日期|since|from|effective_date|valid_from|date", "2026-08-01"),
), (("sku_id", "code", "product_id"), ("cost",)), "SKU + 生效日期", ("cost", "since"))  # fmt: skip

STOCK = Kind("stock", "库存", (
    _f("sku_id", "SKU", "id", _SKU_ID, "2345678901"),
    _f("code", "商品编码", "id", _CODE, "TEA-01"),
    _f("product_id", "商品ID", "id", _PRODUCT_ID),
    _f("quantity", "库存数量", "int", "库存|库存数量|可用库存|实际库存|盘点数量|现有库存|在库数量|可售库存|账面库存|结存|结存数量|实盘数量|stock|inventory|on_hand|quantity_on_hand|stock_on_hand|quantity|数量", "120"),
    _f("at", "盘点时间", "moment", "盘点时间|统计时间|盘点日期|库存日期|时间|日期|更新时间|快照时间|at|date|snapshot_date|counted_at|updated_at", "2026-08-22 20:00:00"),
), (("sku_id", "code", "product_id"), ("quantity",)), "SKU + 盘点时间", ("quantity", "at"))  # fmt: skip

SPEND = Kind("spend", "渠道花费", (
    _f("day", "日期", "day", _DAY, "2026-08-22"),
    _f("channel", "渠道", "text", _CHANNEL + "|投放渠道|广告位|平台|推广平台|版位|账户|达人|推广方式", "微信广告"),
    _f("campaign", "计划", "text", "计划|计划名称|推广计划|广告计划|活动|活动名称|推广计划名称|广告名称|项目名称|单元|campaign|campaign_name|ad_name|adgroup", "新品拉新"),
    _f("cost", "花费", "money", "花费|消耗|费用|广告花费|投放金额|消费|支出|推广费|广告费|消耗金额|总花费|现金消耗|推广花费|实际消耗|投放费用|佣金|cost|spend|expense|amount_spent|ad_spend", "512.30"),
    _f("views", "曝光", "int", "曝光|曝光量|曝光次数|展现|展现量|展示|展示次数|展示数|impressions|views|pv", "24000"),
    _f("clicks", "点击", "int", "点击|点击量|点击次数|点击数|clicks", "830"),
    _f("new_customers", "平台记新客", "int", "新客|新客数|新增客户|新客户数|新增客户数|新增用户|拉新人数|new_customers|new_users"),
    _f("orders", "平台记订单数", "int", "成交订单数|下单量|订单数|订单量|转化量|转化数|目标转化量|成交笔数|orders|conversions|purchases"),
    _f("order_amount", "平台记成交额", "money", "成交金额|下单金额|成交额|订单金额|转化金额|gmv|order_amount|purchase_value"),
), (("day",), ("cost",)), "日期 + 渠道 + 计划", ("cost", "clicks", "views", "campaign"))  # fmt: skip

VISITS = Kind("visits", "每日访问", (
    _f("day", "日期", "day", _DAY, "2026-08-22"),
    _f("sessions", "打开次数", "int", "打开次数|访问会话|会话数|访问打开次数|sessions|visit_sessions|session_cnt", "1830"),
    _f("page_views", "访问次数", "int", "访问次数|浏览量|pv|页面浏览量|访问量|浏览次数|page_views|pageviews|visit_pv|views", "7320"),
    _f("visitors", "访问人数", "int", "访问人数|访客数|uv|访客|访客人数|独立访客|活跃用户|visitors|visit_uv|users|unique_visitors", "1210"),
    _f("new_visitors", "新访客", "int", "新用户数|新访客|新访客数|新增用户|新用户|访问新用户|新增用户数|new_visitors|visit_uv_new|new_users", "320"),
    _f("share_visitors", "分享人数", "int", "分享人数|转发人数|分享用户数|share_visitors|share_uv", "42"),
    _f("share_views", "分享次数", "int", "分享次数|转发次数|转发次数(pv)|share_views|share_pv", "77"),
    _f("total_visitors", "累计用户", "int", "累计用户数|累计用户|累计访问人数|total_visitors|visit_total"),
    _f("stay", "次均停留秒数", "span", "次均停留时长|平均停留时长|停留时长|次均停留时长(秒)|平均停留时间|stay_seconds|stay_time_session|avg_session_duration", "65.4"),
    _f("depth", "平均访问深度", "number", "平均访问深度|访问深度|人均浏览量|次均访问深度|visit_depth|depth|pages_per_session", "3.2"),
), (("day",), ("sessions", "page_views", "visitors")), "日期", ("sessions", "page_views", "visitors", "new_visitors", "share_visitors", "stay", "depth"))  # fmt: skip

EVENTS = Kind("events", "行为明细", (
    _f("event_id", "事件编号", "id", "事件编号|事件ID|日志ID|event_id|log_id|id|uuid", "e-0001"),
    _f("at", "发生时间", "moment", "时间|发生时间|事件时间|访问时间|行为时间|时间戳|event_time|timestamp|time|at|datetime|ts|date", "2026-08-22 13:05:00"),
    _f("kind", "行为", "status", "行为|事件|行为类型|事件名称|事件类型|动作|event|event_type|event_name|action|behavior|behaviour|behavior_type|type", "浏览商品"),
    _f("openid", "openid", "id", _OPENID),
    _f("unionid", "unionid", "id", _UNIONID),
    _f("visitor", "访客编号", "id", "访客编号|访客ID|访客|设备ID|visitorid|visitor|device_id|client_id|cookie_id|anonymous_id|" + _CUSTOMER, "v10086"),
    _f("session", "会话", "id", "会话|会话ID|session|session_id|sessionid|user_session"),
    _f("page", "页面", "text", "页面|页面路径|路径|页面名称|page|page_path|url|path"),
    _f("product_id", "商品ID", "id", _PRODUCT_ID, "10000123456789"),
    _f("sku_id", "SKU", "id", _SKU_ID),
    _f("channel", "渠道", "text", _CHANNEL, "搜一搜"),
    _f("scene", "场景值", "id", "场景值|场景|scene"),
    _f("device", "设备", "text", _DEVICE, "ios"),
    _f("region", "地区", "text", "省份|地区|省|province|region|country", "广东"),
), (("at",), ("kind",), ("openid", "unionid", "visitor")), "事件编号（没有时：整行内容）", ("kind", "session", "visitor", "page", "event_id"))  # fmt: skip

REVIEWS = Kind("reviews", "评价", (
    _f("review_id", "评价编号", "id", "评价编号|评价ID|评论ID|评论编号|review_id|comment_id|id|index", "r-0001"),
    _f("at", "评价时间", "moment", "评价时间|评论时间|评价日期|时间|日期|创建时间|review_time|created_at|date|time", "2026-08-28 20:11:00"),
    _f("text", "评价内容", "text", "评价内容|评论内容|评价|评论|内容|买家评价|评价文字|初评内容|review|comment|text|content|reviewbody|review_text|body|text_a", "味道很好，包装也用心", personal=True),
    _f("rating", "评分", "stars", "评分|星级|打分|评价星级|分数|评价等级|商品评分|rating|star|stars|score|overall", "5"),
    _f("product_id", "商品ID", "id", _PRODUCT_ID, "10000123456789"),
    _f("order_id", "订单号", "id", _ORDER, "3712345678901234567"),
    _f("openid", "openid", "id", _OPENID),
    _f("customer_id", "买家编号", "id", _CUSTOMER + "|" + _NICK),
    _f("pictures", "有图", "bool", "有图|图片|晒图|评价图片|是否有图|has_pictures|images|pictures"),
), (("text", "rating"),), "评价编号（没有时：订单号 + 商品 + 时间 + 内容）", ("text", "rating", "review_id"))  # fmt: skip

KINDS: dict[str, Kind] = {k.key: k for k in (ORDERS, REFUNDS, PRODUCTS, COSTS, STOCK, SPEND, VISITS, EVENTS, REVIEWS)}

_BRACKETS = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]")
_NOISE = re.compile(r"[\s_\-:：*#/.、·\"'“”]+")
_UNIT_ONLY = re.compile(r"[(（\[【](?:单位[:：]?)?(?:元|分|件|个|秒|次|人|%|pv|uv|rmb|cny|yuan|fen|¥|￥)[)）\]】]", re.IGNORECASE)
_KIND_OF = ("type", "kind", "status", "name", "count", "rate", "flag", "level")
"""English words that change what a name is about when they follow it: a visitor type is no visitor."""


def _whole(header: str) -> str:
    """A header with width and case folded, blanks and marks gone, brackets kept."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", header).strip().lower())


def normal(header: str) -> str:
    """A header reduced to what names it: as `_whole`, and bracketed units and remarks gone."""
    text = unicodedata.normalize("NFKC", header).strip().lower()
    bare = _BRACKETS.sub("", text)
    return _NOISE.sub("", bare) or _NOISE.sub("", text)


Names = dict[str, list[tuple[str, float]]]
_EXACT: dict[str, tuple[Names, Names]] = {}
_KNOWN: set[str] = set()


def _names_of(kind: Kind) -> tuple[Names, Names]:
    """(names whose brackets tell, all other names) of a kind, each with the fields it may mean and how surely."""
    if kind.key not in _EXACT:
        whole: Names = {}
        plain: Names = {}
        for item in kind.fields:
            for rank, name in enumerate(item.names):
                entry = (item.key, 1.0 - 0.1 * rank / max(1, len(item.names)))
                if _BRACKETS.search(name) and not _UNIT_ONLY.search(name):
                    whole.setdefault(_whole(name), []).append(entry)
                else:
                    plain.setdefault(normal(name), []).append(entry)
        _EXACT[kind.key] = whole, plain
    return _EXACT[kind.key]


def candidates(kind: Kind, header: str) -> list[tuple[str, float]]:
    """(field key, how sure 0..1) of the fields a header may name, by its text alone, surest first."""
    whole, names = _names_of(kind)
    plain = normal(header)
    if not plain:
        return []
    exact = whole.get(_whole(header)) or names.get(plain, [])
    if exact:
        return sorted(exact, key=lambda c: -c[1])
    found: dict[str, float] = {}
    tokens = [t.lower() for t in _TOKEN.findall(header)]
    for name, entries in names.items():
        score = _likeness(plain, name, tokens)
        if score:
            for key, _ in entries:
                found[key] = max(found.get(key, 0.0), score)
    return sorted(found.items(), key=lambda c: -c[1])


_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def _likeness(plain: str, name: str, tokens: list[str]) -> float:
    """How much a header (as one word, and as its English words) looks like a name it is not equal to; 0.0 when not at all."""
    if not name.isascii():
        # The head of a Chinese noun stands last: 买家备注 is a note, not a buyer.
        if len(name) >= 2 and (plain.endswith(name) or (plain.startswith(name) and len(name) * 2 > len(plain))):
            return min(0.35 + 0.5 * len(name) / len(plain), 0.85)
        return 0.0
    if len(name) < 4 or len(name) * 2 <= len(plain):
        return 0.0
    last = any("".join(tokens[cut:]) == name for cut in range(1, len(tokens)))
    first = any("".join(tokens[:cut]) == name and tokens[cut] not in _KIND_OF for cut in range(1, len(tokens)))
    return min(0.35 + 0.4 * len(name) / len(plain), 0.85) if last or first else 0.0


def is_known(header: str) -> bool:
    """Whether some kind of table has a column of this very name."""
    if not _KNOWN:
        _KNOWN.update(normal(name) for kind in KINDS.values() for item in kind.fields for name in item.names)
    return normal(header) in _KNOWN


# ------------------------------------------------------------------------------------------------ words of states

_STATUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("unpaid", ("待付款", "未付款", "等待买家付款", "待支付", "未支付", "等待付款", "unpaid", "waitbuyerpay", "pendingpayment", "awaitingpayment", "10")),
    ("pending", ("待成团", "待礼物", "礼物待收下", "待领取", "待接单", "拼团中", "凑单", "待分享", "12", "13")),
    ("refunded", ("已退款", "退款成功", "全额退款", "退款完成", "已全额退款", "售后完成", "全部商品售后", "全部商品售后之后订单取消", "全部退款", "退款关闭交易", "refunded", "returned", "200")),
    ("cancelled", ("已取消", "取消", "交易关闭", "订单关闭", "已关闭", "关闭", "订单取消", "交易取消", "作废", "cancelled", "canceled", "closed", "void", "tradeclosed", "250", "190")),
    ("shipped", ("已发货", "待收货", "卖家已发货", "等待买家确认", "等待买家确认收货", "运输中", "已出库", "部分发货", "配送中", "派送中", "待签收", "已揽收", "shipped", "intransit", "delivering", "21", "30")),
    ("done", ("已完成", "交易成功", "完成", "已收货", "已签收", "交易完成", "订单完成", "确认收货", "已评价", "待评价", "completed", "complete", "done", "finished", "delivered", "success", "tradefinished", "100")),
    ("paid", ("待发货", "已付款", "未发货", "部分退款", "已接单", "已确认", "已审核", "待揽收", "待配货", "配货中", "买家已付款", "已支付", "待出库", "等待卖家发货", "等待发货", "备货中", "待自提", "待核销", "待使用", "处理中", "售后中", "退款中", "paid", "processing", "waitsellersend", "confirmed", "17", "20")),
)  # fmt: skip
_STATUS_EXACT = {normal(word): ours for ours, texts in _STATUS for word in texts}
_LONG = sorted(
    ((normal(w), ours) for ours, texts in _STATUS for w in texts if len(w) > 2 and not w.isdigit()), key=lambda p: -len(p[0])
)


def order_status(text: str) -> str:
    """Our status for a platform's word or code ("待发货" → "paid"); "" when it is none we know."""
    plain = normal(text)
    exact = _STATUS_EXACT.get(plain)
    if exact:
        return exact
    if "取消" in plain or "关闭" in plain:
        return "refunded" if "退款" in plain or "售后" in plain else "cancelled"
    for name, ours in _LONG:
        if name in plain:
            return ours
    return ""


def aftersale_done(text: str) -> bool:
    """Whether an after-sale word says that money went back."""
    plain = normal(text)
    if (
        any(w in plain for w in ("未", "关闭", "拒绝", "取消", "撤销", "待", "中", "无", "reject", "cancel"))
        and "退款成功" not in plain
    ):
        return False
    words = (
        "退款成功",
        "已退款",
        "退款完成",
        "售后完成",
        "售后成功",
        "已完成",
        "完成退款",
        "退货退款成功",
        "success",
        "refunded",
        "complete",
    )
    return any(w in plain for w in words)


_STARS = {
    "好评": 5,
    "中评": 3,
    "差评": 1,
    "非常满意": 5,
    "满意": 4,
    "一般": 3,
    "不满意": 2,
    "非常不满意": 1,
    "good": 5,
    "neutral": 3,
    "bad": 1,
}
_CHINESE_DIGITS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5}


def rating(text: str) -> int:
    """The stars a rating cell gives: "5", "4.5", "五星", "5星", 好评 as 5, 中评 as 3, 差评 as 1. Raises CellError."""
    plain = normal(text)
    if plain in _STARS:
        return _STARS[plain]
    bare = re.sub(r"[星分★☆颗级]+$", "", plain)
    if not bare and "★" in text:
        return text.count("★")
    if bare in _CHINESE_DIGITS:
        return _CHINESE_DIGITS[bare]
    value = cells.micros(re.sub(r"[星分颗级]+$", "", text.strip()).split("/")[0])
    return cells.half_up(value, cells.MICRO)


_SPAN = re.compile(r"(?:(\d+)\s*[:：时]\s*)?(\d+)\s*[:：分]\s*(\d+(?:\.\d+)?)\s*秒?")


def seconds(text: str) -> float:
    """A stay in seconds: "65.4", "00:01:05", "1分5秒", "65秒". Raises CellError."""
    raw = unicodedata.normalize("NFKC", text).strip()
    span = _SPAN.fullmatch(raw)
    if span:
        return int(span[1] or 0) * 3600 + int(span[2]) * 60 + float(span[3])
    return cells.micros(re.sub(r"(?:秒|s|sec)$", "", raw, flags=re.IGNORECASE)) / cells.MICRO


_EVENT_KINDS = {
    "page_view": ("浏览页面", "浏览", "访问", "页面浏览", "pageview", "view", "visit", "pv", "打开", "进入"),
    "product_view": (
        "浏览商品",
        "商品浏览",
        "查看商品",
        "商品访问",
        "productview",
        "viewitem",
        "itemview",
        "detail",
        "productdetail",
        "点击商品",
    ),
    "add_to_cart": ("加购", "加入购物车", "加购物车", "addtocart", "cart", "addcart"),
    "share": ("分享", "转发", "share", "shareclick"),
    "invite_open": ("打开邀请", "邀请打开", "inviteopen", "invite"),
}
_EVENT_EXACT = {normal(w): kind for kind, texts in _EVENT_KINDS.items() for w in (kind, *texts)}
ORDER_EVENTS = {
    normal(w)
    for w in ("下单", "支付", "购买", "成交", "order", "pay", "purchase", "buy", "checkout", "transaction", "提交订单", "付款")
}


def event_kind(text: str) -> str:
    """Our event kind for a log's word, "order" for orders and payments (which come from orders, not logs), "" when unknown."""
    plain = normal(text)
    return "order" if plain in ORDER_EVENTS else _EVENT_EXACT.get(plain, "")


_CHANNEL_WORDS = (
    ("search", ("搜一搜", "搜索", "search")), ("ads", ("微信广告", "广告", "投放", "腾讯广告", "ads", "adq", "cpc", "paid")), ("article", ("公众号文章", "图文", "文章", "article")),
    ("video", ("短视频", "视频号", "video")), ("live", ("直播", "live")), ("league", ("联盟", "带货", "达人", "league", "affiliate")),
    ("store", ("橱窗", "店铺", "小店")), ("moments", ("朋友圈", "moments")), ("group", ("社群", "群聊", "微信群", "群", "group")), ("chat", ("一对一", "私聊", "客服", "chat")),
    ("official", ("公众号", "服务号", "official")), ("direct", ("直接访问", "直接", "direct", "none")), ("invite", ("老带新", "邀请", "invite", "referral")),
    ("share", ("好友分享", "分享", "转发", "share")), ("gift", ("送礼", "礼物", "gift")),
)  # fmt: skip


def channel_key(text: str) -> str:
    """Our channel key for a file's word ("微信广告" → "ads"); a shop's own names stay as they are, "" stays ""."""
    plain = normal(text)
    if not plain:
        return ""
    for key, texts in _CHANNEL_WORDS:
        if plain == key or plain in texts:
            return key
    for key, texts in _CHANNEL_WORDS:
        if any(len(w) >= 2 and not w.isascii() and w in plain for w in texts):
            return key
    return text.strip()[:40]


_NOT_GOODS = frozenset(
    {"post", "dot", "c2", "c3", "m", "d", "s", "b", "bank charges", "amazonfee", "cruk", "adjust", "adjust2", "postage", "manual", "discount",
     "shipping", "freight", "fee", "test001", "test002", "yf", "运费", "邮费", "补差", "差价"}
)  # fmt: skip
_NOT_GOODS_TITLES = re.compile(
    r"^(?:运费|邮费|补运费|补邮费|补差价?|差价|补拍|包装费|服务费|手续费|定金尾款补差)|专拍链接|补差专用|邮费专用|运费专用|^(?:dotcom )?postage$|^carriage$|^bank charges$|^discount$|^manual$|amazon fee|^adjustment by",
    re.IGNORECASE,
)


@lru_cache(maxsize=65_536)
def is_goods(code: str, title: str) -> bool:
    """False for postage, fees, discounts and adjustments that a file lists among the goods."""
    if code.strip().lower() in _NOT_GOODS:
        return False
    return not (title and _NOT_GOODS_TITLES.search(title.strip()))


_BAD_DEBT = re.compile(r"bad debt|坏账|坏帐|账务调整|调账", re.IGNORECASE)


def is_adjustment(title: str) -> bool:
    """Whether a line is a bookkeeping correction, neither sale nor refund."""
    return bool(title) and bool(_BAD_DEBT.search(title))


_TOTALS = re.compile(
    r"^(?:合计|总计|小计|汇总|共计|总合计|本页合计|统计|累计|平均|均值|total|subtotal|sum|grand total|average)\s*(?:[:：(（].*)?$|^总$|^(?:合计|总计|小计|汇总).{0,12}$|^共\s*\d+\s*[条笔单行].*",
    re.IGNORECASE,
)


def is_total(row: list[str]) -> bool:
    """Whether a row is a total under a table: its first filled cell says so and the row holds little text besides."""
    filled = [c.strip() for c in row if c.strip()]
    if not filled:
        return False
    return any(bool(_TOTALS.match(c)) and len(c) <= 20 for c in filled[:2])
