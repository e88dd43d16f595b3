"""Where attention went: the behaviour log, daily whole-app figures, articles, ad spend."""

from __future__ import annotations

from django.db import models

from zhanggui.facts.models.shelf import Shop
from zhanggui.facts.models.trade import Customer


class Event(models.Model):
    """One thing a visitor did in the shop's own mini-program or H5 pages. Append-only.

    Kinds: page_view, product_view, add_to_cart, share, invite_open. Orders and payments are not kept here: the
    order is their only truth, and the lake's event log takes them from it.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    event_key = models.CharField(max_length=64)
    at = models.DateTimeField()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    kind = models.CharField(max_length=16)
    session = models.CharField(max_length=64, blank=True)
    page = models.CharField(max_length=200, blank=True)
    product_id = models.CharField(max_length=64, blank=True)
    sku_id = models.CharField(max_length=64, blank=True)
    channel = models.CharField(max_length=40, blank=True)
    scene = models.CharField(max_length=20, blank=True)
    device = models.CharField(max_length=20, blank=True)
    region = models.CharField(max_length=40, blank=True)
    referrer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """Who shared the link that was opened, where known."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "event_key"], name="event_once_per_shop")]
        indexes = [
            models.Index(fields=["shop", "at"], name="event_by_time"),
            models.Index(fields=["referrer"], name="event_by_referrer", condition=models.Q(referrer__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%F %T}"


class DailyVisit(models.Model):
    """The mini-program's own daily figures (T+1, whole app). `depth` maps 1,2,3,4,5,6(6–10),7(>10) pages to sessions."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    sessions = models.BigIntegerField(null=True)
    page_views = models.BigIntegerField(null=True)
    visitors = models.BigIntegerField(null=True)
    new_visitors = models.BigIntegerField(null=True)
    share_visitors = models.BigIntegerField(null=True)
    share_views = models.BigIntegerField(null=True)
    total_visitors = models.BigIntegerField(null=True)
    stay_seconds_per_session = models.FloatField(null=True)
    visit_depth = models.FloatField(null=True)
    depth = models.JSONField(default=dict, blank=True)
    sources = models.JSONField(default=dict, blank=True)
    retention = models.JSONField(default=dict, blank=True)
    """{"new": {"0": n, "1": n …}, "all": {…}} by day offset; filled in on later days."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "day"], name="one_daily_visit_per_day")]

    def __str__(self) -> str:
        return f"{self.day}"


class PageDaily(models.Model):
    """Daily figures of one mini-program page."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    page = models.CharField(max_length=200)
    views = models.BigIntegerField(default=0)
    visitors = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    exits = models.BigIntegerField(default=0)
    shares = models.BigIntegerField(default=0)
    stay_seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "day", "page"], name="one_row_per_page_and_day")]

    def __str__(self) -> str:
        return f"{self.page} {self.day}"


class Read(models.Model):
    """Readers of one 公众号 article on one day (sums from publication to that day where the platform gives sums)."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    article_id = models.CharField(max_length=64)
    day = models.DateField()
    title = models.CharField(max_length=200, blank=True)
    published_on = models.DateField(null=True)
    readers = models.BigIntegerField(default=0)
    sharers = models.BigIntegerField(default=0)
    likes = models.BigIntegerField(default=0)
    followers_gained = models.BigIntegerField(default=0)
    is_running_sum = models.BooleanField(default=True)
    extra = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "article_id", "day"], name="one_row_per_article_and_day")]

    def __str__(self) -> str:
        return f"{self.title} {self.day}"


class Spend(models.Model):
    """What a channel cost on a day, per campaign, with what the platform itself counted for it."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    channel = models.CharField(max_length=40)
    campaign = models.CharField(max_length=80, blank=True)
    source = models.CharField(max_length=20, default="import")
    cost_fen = models.BigIntegerField()
    views = models.BigIntegerField(null=True)
    clicks = models.BigIntegerField(null=True)
    platform_new_customers = models.BigIntegerField(null=True)
    platform_orders = models.BigIntegerField(null=True)
    platform_order_fen = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "day", "channel", "campaign", "source"], name="spend_counted_once"),
            models.CheckConstraint(condition=models.Q(cost_fen__gte=0), name="spend_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.day} {self.cost_fen}"
