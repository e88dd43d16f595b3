"""A whole house beside a running platform: pushes come over HTTP to the real door, the worker is run in place, both clocks are turned together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from zhanggui.facts import sync
from zhanggui.facts.commands import connections
from zhanggui.facts.models import Connection
from zhanggui.facts.tests.conftest import Platform, platform, platform_config
from zhanggui.kernel import clock, vault
from zhanggui.switchboard import run

__all__ = ["platform", "platform_config"]


class House:
    """One shop with its store connected, its pushes registered at the platform and its history read."""

    def __init__(self, platform: Platform, address: str) -> None:
        self.platform, self.emu, self.shop, self.address = platform, platform.emu, platform.shop, address
        self.store = platform.connect()
        self.listen(self.store, "shop")
        sync.ask(self.shop.pk)
        self.settle()

    def listen(self, account: Connection, kind: str) -> None:
        """Gives the platform an account's push address; it checks the address as the real one does."""
        target = {
            "kind": kind,
            "url": self.address + connections.callback_path(account),
            "token": vault.unseal_text(account.callback_token_sealed, shop_id=self.shop.pk),
            "aes_key": vault.unseal_text(account.aes_key_sealed, shop_id=self.shop.pk),
            "receiver": account.account_id,
            "verify": True,
        }
        assert self.emu.control("callbacks/targets", target)["check"]["ok"]

    def advance(self, **span: float) -> None:
        """Turns both clocks; whatever is due on the way has been pushed when this returns."""
        seconds = timedelta(**span).total_seconds()
        while seconds > 0:  # in steps, because a push is signed with the platform's time and read with ours
            step = min(seconds, 3600.0)
            self.platform.advance(seconds=step)
            seconds -= step

    def work(self) -> int:
        """The worker with its real beat but no schedule, until nothing is due."""

        def around(beat: Any) -> Any:
            def deliver() -> None:
                run.inbound.take_in_spooled()
                while run.outbox.deliver():
                    pass

            return deliver

        return run.work(threading.Event(), once=True, around=around)

    def settle(self) -> int:
        """As `work`, when what waits a little for more of its kind has waited."""
        done = self.work()
        with clock.frozen(clock.now() + timedelta(minutes=10)):
            return done + self.work()

    def order_some(self, count: int) -> list[str]:
        """Ids of orders that people place now; turn the clock to see them placed and paid."""
        return list(self.emu.control("market/orders", {"count": count})["order_ids"])

    def pushes(self) -> list[dict[str, Any]]:
        """The platform's own log of what it pushed."""
        return list(self.emu.control("callbacks/log?limit=2000")["pushes"])


@pytest.fixture
def house(platform: Platform, live_server: Any, tmp_path: Path, settings: Any) -> Iterator[House]:
    """A house that is open for pushes."""
    settings.HOME, settings.LAKE, settings.FILES = tmp_path, tmp_path / "lake", tmp_path / "files"
    yield House(platform, live_server.url)
