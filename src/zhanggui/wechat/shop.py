"""微信小店 for one shop: every reading call a merchant's own credentials are offered, and walks over lists.

Everything that changes the shop is in `wechat.writes.shop`.
"""

from __future__ import annotations

from zhanggui.wechat.shop_business import BusinessReads
from zhanggui.wechat.shop_goods import ACTIVE_COUPON, EXPIRED_COUPON, VOID_COUPON, GoodsReads
from zhanggui.wechat.shop_trade import AFTERSALE_WINDOW, ORDER_WINDOW, TradeReads
from zhanggui.wechat.walks import ds, seconds


class ShopClient(TradeReads, GoodsReads, BusinessReads):
    """Reads one shop. Amounts in 分, moments aware, ids str."""


__all__ = [
    "ACTIVE_COUPON",
    "AFTERSALE_WINDOW",
    "EXPIRED_COUPON",
    "ORDER_WINDOW",
    "VOID_COUPON",
    "ShopClient",
    "ds",
    "seconds",
]
