"""Typed, tolerant payloads of WeChat, shared by the clients, the callbacks and the emulator.

base            the tolerant value types, exact JSON, unknown_fields
shape           light models written as one line of text
reading         read(model, data): unreadable leaves set aside, not the whole
orders products aftersales shop    微信小店
wecom open_platform ads            企业微信, 公众号/小程序, 微信广告
events          every push
"""

from __future__ import annotations

from zhanggui.wechat.schemas.aftersales import Aftersale, Guarantee
from zhanggui.wechat.schemas.base import Epoch, Payload, dumps, loads, unknown_fields
from zhanggui.wechat.schemas.orders import Address, Order, OrderDetail, OrderProduct
from zhanggui.wechat.schemas.products import FlashTask, Product, ProductReply, Sku, SkuStock, SpuStock
from zhanggui.wechat.schemas.reading import read
from zhanggui.wechat.schemas.shop import Coupon, FundsFlow, Member, ShopDay, ShopInfo, UserCoupon

__all__ = [
    "Address",
    "Aftersale",
    "Coupon",
    "Epoch",
    "FlashTask",
    "FundsFlow",
    "Guarantee",
    "Member",
    "Order",
    "OrderDetail",
    "OrderProduct",
    "Payload",
    "Product",
    "ProductReply",
    "ShopDay",
    "ShopInfo",
    "Sku",
    "SkuStock",
    "SpuStock",
    "UserCoupon",
    "dumps",
    "loads",
    "read",
    "unknown_fields",
]
