"""账本: what the world told us. Every row carries its shop; rooms above keep what the shop decided."""

from zhanggui.facts.models.attention import DailyVisit, Event, PageDaily, Read, Spend
from zhanggui.facts.models.inbound import Connection, ImportFile, Inbound, LakeDirty, Mapping, Record, StoredToken, SyncState
from zhanggui.facts.models.shelf import Product, Shop, Sku, SkuCost, StockCount
from zhanggui.facts.models.talk import Contact, Group, GroupDaily, GroupMember, Review
from zhanggui.facts.models.trade import AfterSale, Customer, CustomerMerge, Identity, Order, OrderLine, Refund

__all__ = [
    "AfterSale", "Connection", "Contact", "Customer", "CustomerMerge", "DailyVisit", "Event", "Group", "GroupDaily", "GroupMember",
    "Identity", "ImportFile", "Inbound", "LakeDirty", "Mapping", "Order", "OrderLine", "PageDaily", "Product", "Read", "Record",
    "Refund", "Review", "Shop", "Sku", "SkuCost", "Spend", "StockCount", "StoredToken", "SyncState",
]  # fmt: skip
