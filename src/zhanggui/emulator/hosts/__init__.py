"""The platform's hosts: one module per host or subject. `load()` fills the route table."""

from __future__ import annotations

import importlib

MODULES = ("basics", "orders", "goods", "aftersales", "promotions", "insight", "shop_more", "wecom", "mini", "official", "ads")


def load() -> None:
    """Imports every host module once; their decorators declare the routes."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
