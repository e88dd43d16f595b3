"""The switchboard as a Django app: the page that says what leads to what."""

from __future__ import annotations

from django.apps import AppConfig


class SwitchboardConfig(AppConfig):
    """Reactions, schedule and the worker. Importing the tables registers their job handlers."""

    name = "zhanggui.switchboard"
    label = "switchboard"
    verbose_name = "总机"

    def ready(self) -> None:
        """Make every job handler known to this process."""
        from zhanggui.switchboard import wiring

        wiring.connect()
