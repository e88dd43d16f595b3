"""Customers and their identities, orders, refunds, after-sales.

Personal data (names, phones, addresses, notes) exists only in `*_sealed` columns: ciphertext of `kernel.vault`,
whose key lives outside the database. `ERASED_FIELDS` lists what an erasure request empties.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from zhanggui.facts.models.shelf import Shop


class Customer(models.Model):
    """One person of one shop, whatever ids they are known by. `number` is dense per shop (0, 1, 2 …)."""

    ERASED_FIELDS = ("name_sealed", "phone_sealed", "address_sealed")

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    number = models.PositiveIntegerField()
    name_sealed = models.BinaryField(null=True)
    phone_sealed = models.BinaryField(null=True)
    address_sealed = models.BinaryField(null=True)
    region = models.CharField(max_length=40, blank=True)
    """Province or country, never finer."""
    tier = models.CharField(max_length=40, blank=True)
    device = models.CharField(max_length=20, blank=True)
    channel = models.CharField(max_length=40, blank=True)
    """Channel key of the first contact, once known."""
    first_seen_at = models.DateTimeField()
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="absorbed")
    erased_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "number"], name="customer_number_once_per_shop")]

    def __str__(self) -> str:
        return f"客户 {self.number}"


class Identity(models.Model):
    """An id by which a customer is known: openid, unionid, external_userid, phone (keyed hash), visitor, or a file's own id."""

    class Kind(models.TextChoices):
        """Kinds of identity; unionid and phone join people across the others."""

        OPENID = "openid", "小店 openid"
        UNIONID = "unionid", "unionid"
        EXTERNAL = "external", "企业微信客户"
        PHONE = "phone", "手机号（散列）"
        MINI = "mini", "小程序 openid"
        VISITOR = "visitor", "访客"
        FILE = "file", "文件客户编号"

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.CharField(max_length=128)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="identities")
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "kind", "value"], name="identity_once_per_shop")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value[:6]}…"


class CustomerMerge(models.Model):
    """That two customers turned out to be one person, with what moved, so that it can be taken back."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    kept = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    absorbed = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    evidence = models.CharField(max_length=200)
    moved = models.JSONField(default=dict)
    """{"identities": [ids], "orders": [ids], …}: rows that pointed at `absorbed` before."""
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    reversed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.absorbed_id} → {self.kept_id}"


class Order(models.Model):
    """The platform's latest state of an order; money in 分."""

    ERASED_FIELDS = ("recipient_sealed", "raw_sealed")

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    order_id = models.CharField(max_length=64)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    """None only where a file names no customer."""
    status = models.CharField(max_length=12)
    """One of: unpaid, paid, shipped, done, cancelled, refunded (all goods), pending (gift or group not formed)."""
    platform_status = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    platform_updated_at = models.DateTimeField(null=True)
    goods_fen = models.BigIntegerField(default=0)
    """Goods before any discount."""
    discount_fen = models.BigIntegerField(default=0)
    freight_fen = models.BigIntegerField(default=0)
    paid_fen = models.BigIntegerField(default=0)
    """What the buyer pays or paid, freight included; a number of an unpaid order is a promise, see `paid_at`."""
    components = models.JSONField(default=dict, blank=True)
    """Every amount of the platform's price_info under its own name."""
    channel = models.CharField(max_length=40, blank=True)
    scene = models.CharField(max_length=40, blank=True)
    device = models.CharField(max_length=20, blank=True)
    region = models.CharField(max_length=40, blank=True)
    is_gift = models.BooleanField(default=False)
    recipient_hash = models.CharField(max_length=128, blank=True)
    recipient_sealed = models.BinaryField(null=True)
    raw_sealed = models.BinaryField(null=True)
    """The platform's JSON as received, compressed and sealed: unknown fields are kept."""
    source = models.CharField(max_length=20, default="platform")
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "order_id"], name="order_once_per_shop"),
            models.CheckConstraint(condition=Q(paid_fen__gte=0), name="paid_not_negative"),
        ]
        indexes = [
            # The channel at the end lets a list narrowed to one be walked within the index.
            models.Index(fields=["shop", "-created_at", "-id", "channel"], name="order_by_creation"),
            models.Index(fields=["shop", "customer", "paid_at"], name="order_of_customer"),
            models.Index(fields=["shop", "status", "-created_at", "-id", "channel"], name="order_by_status"),
            models.Index(fields=["shop", "paid_at"], name="order_by_payment"),
            # Only files give phones in clear; the platform's hash of an address is not searched for.
            models.Index(
                fields=["shop", "recipient_hash"], name="order_by_recipient", condition=Q(source="file") & ~Q(recipient_hash="")
            ),
        ]

    def __str__(self) -> str:
        return self.order_id


class OrderLine(models.Model):
    """One SKU of an order. `paid_fen` is the line's total after discounts."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    line_no = models.PositiveSmallIntegerField()
    product_id = models.CharField(max_length=64)
    sku_id = models.CharField(max_length=64)
    title = models.CharField(max_length=300, blank=True)
    attributes = models.CharField(max_length=300, blank=True)
    quantity = models.IntegerField()
    unit_fen = models.BigIntegerField(default=0)
    paid_fen = models.BigIntegerField(default=0)
    is_gift = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "line_no"], name="line_once_per_order")]
        indexes = [models.Index(fields=["shop", "product_id"], name="line_of_product")]

    def __str__(self) -> str:
        return f"{self.sku_id} × {self.quantity}"


class Refund(models.Model):
    """Money that went back to a buyer, once per platform after-sale or file row."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    refund_key = models.CharField(max_length=100)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, related_name="refunds")
    """None where a file lists a return without its order."""
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    product_id = models.CharField(max_length=64, blank=True)
    sku_id = models.CharField(max_length=64, blank=True)
    quantity = models.IntegerField(default=0)
    amount_fen = models.BigIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=20, default="platform")
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "refund_key"], name="refund_once_per_shop"),
            models.CheckConstraint(condition=Q(amount_fen__gte=0), name="refund_not_negative"),
        ]
        indexes = [models.Index(fields=["shop", "at"], name="refund_by_day")]

    def __str__(self) -> str:
        return f"{self.refund_key} {self.amount_fen}"


class AfterSale(models.Model):
    """The platform's latest state of an after-sale."""

    ERASED_FIELDS = ("raw_sealed",)

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    aftersale_id = models.CharField(max_length=64)
    order_id = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=60)
    reason = models.CharField(max_length=200, blank=True)
    product_id = models.CharField(max_length=64, blank=True)
    sku_id = models.CharField(max_length=64, blank=True)
    quantity = models.IntegerField(default=0)
    amount_fen = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    platform_updated_at = models.DateTimeField(null=True)
    raw_sealed = models.BinaryField(null=True)
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "aftersale_id"], name="aftersale_once_per_shop")]
        indexes = [models.Index(fields=["shop", "-created_at"], name="aftersale_by_creation")]

    def __str__(self) -> str:
        return f"{self.aftersale_id} {self.status}"
