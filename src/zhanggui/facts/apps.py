"""账本 as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class FactsConfig(AppConfig):
    """What the world told us, recorded once, by the platform's ids."""

    name = "zhanggui.facts"
    label = "facts"
    verbose_name = "账本"
