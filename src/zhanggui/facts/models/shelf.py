"""Shop, products, SKUs, their costs and stock counts."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.db import models


class Shop(models.Model):
    """One store. `next_customer_number` hands out the dense customer numbers that folds index arrays with."""

    name = models.CharField("店名", max_length=80)
    timezone = models.CharField(max_length=40, default="Asia/Shanghai")
    is_demo = models.BooleanField(default=False)
    next_customer_number = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the shop's business day."""
        return ZoneInfo(self.timezone)


class Product(models.Model):
    """The platform's latest state of a product (SPU)."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    product_id = models.CharField(max_length=64)
    title = models.CharField(max_length=300)
    category = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=20, blank=True)
    """Platform status as text: 5 on sale, 11 taken down by the shop, …; empty for imported goods."""
    image = models.CharField(max_length=500, blank=True)
    price_low_fen = models.BigIntegerField(null=True)
    price_high_fen = models.BigIntegerField(null=True)
    is_goods = models.BooleanField(default=True)
    """False for postage, fees and adjustments that a file lists among the goods."""
    platform_updated_at = models.DateTimeField(null=True)
    extra = models.JSONField(default=dict, blank=True)
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "product_id"], name="product_once_per_shop")]

    def __str__(self) -> str:
        return self.title


class Sku(models.Model):
    """The platform's latest state of a SKU."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    sku_id = models.CharField(max_length=64)
    product_id = models.CharField(max_length=64)
    code = models.CharField(max_length=100, blank=True)
    """Merchant's own code: what cost and stock files usually name."""
    attributes = models.CharField(max_length=300, blank=True)
    price_fen = models.BigIntegerField(null=True)
    stock = models.IntegerField(null=True)
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "sku_id"], name="sku_once_per_shop")]
        indexes = [
            models.Index(fields=["shop", "product_id"], name="sku_of_product"),
            models.Index(fields=["shop", "code"], name="sku_by_code"),
        ]

    def __str__(self) -> str:
        return f"{self.sku_id} {self.attributes}"


class SkuCost(models.Model):
    """What a SKU costs the shop from a day on; a later row takes over from its day."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    sku_id = models.CharField(max_length=64)
    since = models.DateField()
    cost_fen = models.BigIntegerField()
    source = models.CharField(max_length=40, default="import")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "sku_id", "since"], name="one_cost_per_sku_and_day"),
            models.CheckConstraint(condition=models.Q(cost_fen__gte=0), name="cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.sku_id} {self.cost_fen} since {self.since}"


class StockCount(models.Model):
    """How many of a SKU there were at a moment, by platform or by count."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    sku_id = models.CharField(max_length=64)
    at = models.DateTimeField()
    quantity = models.IntegerField()
    source = models.CharField(max_length=40, default="platform")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "sku_id", "at", "source"], name="one_count_per_moment")]

    def __str__(self) -> str:
        return f"{self.sku_id} {self.quantity}"
