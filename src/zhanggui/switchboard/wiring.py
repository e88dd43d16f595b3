"""Every module that registers job handlers, imported once per process."""

from __future__ import annotations


def connect() -> None:
    """Nothing to connect yet."""
