"""Stored points of metrics, and how far each metric has been computed."""

from __future__ import annotations

from django.db import models


class MetricPoint(models.Model):
    """One number of one period, kept as numerator and denominator so that ratios add up. Deleted and refilled, never changed.

    `grain` is day, week, month (period starting at `start`), or last7 / last30 (the 7 or 30 days from `start`, counted back from
    the last observed day). `dimension` is "" for the whole shop, else e.g. channel, and `segment` its value. Both sums are doubles:
    counts and 分 stay exact up to 2^53.
    """

    shop_id = models.BigIntegerField()
    metric = models.CharField(max_length=60)
    grain = models.CharField(max_length=6)
    start = models.DateField()
    dimension = models.CharField(max_length=20, blank=True)
    segment = models.CharField(max_length=60, blank=True)
    numerator = models.FloatField(null=True)
    denominator = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop_id", "metric", "grain", "dimension", "start", "segment"], name="one_point_per_period"
            )
        ]
        indexes = [models.Index(fields=["shop_id", "grain", "dimension", "start"], name="points_of_a_page")]

    def __str__(self) -> str:
        return f"{self.metric} {self.grain} {self.start} {self.segment}"


class Watermark(models.Model):
    """Which version of the lake a shop's metric was last computed from, and with which policy values."""

    shop_id = models.BigIntegerField()
    metric = models.CharField(max_length=60)
    epoch = models.CharField(max_length=32)
    version = models.BigIntegerField()
    horizon = models.DateField(null=True)
    declaration = models.CharField(max_length=16)
    """Fingerprint of the declaration and the policy values: another one means everything is computed anew."""
    refreshed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop_id", "metric"], name="one_watermark_per_metric")]

    def __str__(self) -> str:
        return f"{self.metric} @ {self.version}"
