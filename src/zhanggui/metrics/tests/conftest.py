"""A lake of its own for every test."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_lake(tmp_path, settings):  # type: ignore[no-untyped-def]
    """The lake of this test lies in its own folder."""
    settings.LAKE = tmp_path / "lake"
