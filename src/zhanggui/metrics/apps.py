"""Numbers as a Django app: stored points and how far each metric has been computed."""

from __future__ import annotations

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    """Metrics: every number, declared once."""

    name = "zhanggui.metrics"
    label = "metrics"
    verbose_name = "指标"

    def ready(self) -> None:
        """Make every policy known to this process, so that a page can show and change it before any number was computed."""
        from zhanggui.kernel import policy_store
        from zhanggui.metrics import policy

        policy_store.register(*policy.ALL)
