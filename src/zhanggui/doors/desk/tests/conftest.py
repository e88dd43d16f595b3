"""Two shops, people in every role, and nothing that lasts from one test to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from zhanggui.doors import middleware
from zhanggui.doors.desk.tests import house
from zhanggui.doors.desk.tests.house import Stocked
from zhanggui.facts.commands import connections as accounts
from zhanggui.kernel.models import Role, User


@pytest.fixture(autouse=True)
def apart(settings, tmp_path, monkeypatch) -> Iterator[None]:
    """Folders of its own, quick password hashes, empty counters, and no platform to ask."""
    settings.HOME, settings.FILES, settings.LAKE = tmp_path / "home", tmp_path / "files", tmp_path / "lake"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(accounts, "check", lambda connection: ())
    for throttle in (middleware.general, middleware.sign_in_pair, middleware.sign_in_address):
        throttle.clear()
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def owner(db) -> User:
    """The owner of `mine`."""
    return house.person("laoban")


@pytest.fixture
def mine(owner) -> Stocked:
    """The shop this test works in."""
    return house.stocked("巷口茶铺", owner, "A")


@pytest.fixture
def other(db) -> Stocked:
    """Somebody else's shop."""
    return house.stocked("对门茶铺", house.person("stranger"), "B")


@pytest.fixture
def as_(mine, owner) -> Callable[[str], Client]:
    """The browser of somebody with a role in `mine`."""
    browsers: dict[str, Client] = {}

    def get(role: str) -> Client:
        if role not in browsers:
            user = owner if role == Role.OWNER else house.person(f"{role}-er", mine.shop, role)
            browsers[role] = house.signed_in(user)
        return browsers[role]

    return get


@pytest.fixture
def client(as_) -> Client:
    """The owner's browser."""
    return as_(Role.OWNER)


@pytest.fixture
def url(mine) -> Callable[..., str]:
    """The address of a page of `mine`."""
    from django.urls import reverse

    return lambda route, *args: reverse(f"desk:{route}", args=(mine.shop.pk, *args))
