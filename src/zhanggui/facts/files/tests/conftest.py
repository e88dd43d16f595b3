"""A shop, and one way to take rows in as a file."""

from __future__ import annotations

import pytest

from zhanggui.facts.files.tests.make import Importer
from zhanggui.facts.models import Shop
from zhanggui.facts.tests.elsewhere import environment


@pytest.fixture
def shop(db):
    return Shop.objects.create(name="试验店")


@pytest.fixture
def take(shop, tmp_path, settings):
    """Imports rows (or a file) into the shop by the mapping that is proposed; see `make.Importer`."""
    settings.FILES = tmp_path / "ours"
    return Importer(shop, tmp_path)


@pytest.fixture
def elsewhere(tmp_path_factory, transactional_db):
    """Where other processes find a database; see `environment`."""
    return environment(tmp_path_factory)
