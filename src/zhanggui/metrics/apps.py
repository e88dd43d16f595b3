"""Numbers as a Django app: stored points and how far each metric has been computed."""

from __future__ import annotations

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    """Metrics: every number, declared once."""

    name = "zhanggui.metrics"
    label = "metrics"
    verbose_name = "指标"
