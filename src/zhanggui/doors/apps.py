"""The doors as a Django app: the desk, WeChat's callbacks, the collector, the command line."""

from __future__ import annotations

from django.apps import AppConfig


class DoorsConfig(AppConfig):
    """Everything people and platforms reach the house by. It has no tables of its own."""

    name = "zhanggui.doors"
    label = "doors"
    verbose_name = "门面"
