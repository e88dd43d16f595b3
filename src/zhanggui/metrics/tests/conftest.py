"""A lake of its own for every test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_lake(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lake of this test lies in its own folder."""
    settings.LAKE = tmp_path / "lake"
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # no test pulls the plug
    return Path(settings.LAKE)
