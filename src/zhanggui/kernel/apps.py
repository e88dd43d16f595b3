"""The kernel as a Django app: accounts, grants, policies, audit, jobs, outbox."""

from __future__ import annotations

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Tables every room shares."""

    name = "zhanggui.kernel"
    label = "kernel"
    verbose_name = "基础"
