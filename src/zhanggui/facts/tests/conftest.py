"""A platform to practise on for the tests of this room: the emulator on a free port, the house's clock turned with it, jobs run in place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zhanggui.facts import commands, network, sync
from zhanggui.facts.models import Connection, Order, Shop, SyncState
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.models import Job, OutboxEvent

if TYPE_CHECKING:
    from zhanggui.emulator.config import EmulatorConfig
    from zhanggui.emulator.testing import Running


class Platform:
    """The emulator, one shop of ours, and the clock of both."""

    def __init__(self, emu: Running, stack: ExitStack) -> None:
        self.emu, self.keys, self.world = emu, emu.keys, emu.emulator.world
        self.shop = Shop.objects.create(name="试验店")
        self._stack = stack
        self.tell_time()

    def tell_time(self) -> None:
        """Sets the house's clock to the platform's."""
        self._stack.close()
        self._stack.enter_context(clock.frozen(datetime.fromtimestamp(self.world.now, UTC)))

    def advance(self, **span: float) -> None:
        """Turns both clocks."""
        self.emu.advance(**span)
        self.tell_time()

    def connect(self, kind: str = "store", **changes: str) -> Connection:
        """An account of the demo shop, connected."""
        k = self.keys
        account, given = {
            "store": (k.shop_appid, {"secret": k.shop_secret}),
            "wecom": (k.corp_id, {"secret": k.corp_secret}),
            "mini": (k.mini_appid, {"secret": k.mini_secret}),
            "official": (k.official_appid, {"secret": k.official_secret}),
            "ads": (
                k.ads_account_id,
                {"client_id": k.ads_client_id, "client_secret": k.ads_client_secret, "refresh_token": k.ads_refresh_token},
            ),
        }[kind]
        return commands.connect(self.shop, kind, account, network.Secrets(**{**given, **changes}), by="测试")

    def work(self) -> int:
        """Runs every job that is due, in place."""
        return jobs.run_worker(threading.Event(), once=True)

    def sync(self, stream: str | None = None, **how: Any) -> int:
        """Asks for a sync and runs it."""
        asked = sync.ask(self.shop.pk, stream=stream, **how)
        self.work()
        return asked

    def state(self, stream: str) -> SyncState:
        """How a stream stands."""
        return SyncState.objects.get(shop=self.shop, stream=stream)

    def job(self, stream: str) -> Job:
        """The newest job of a stream."""
        return Job.objects.filter(name="facts.sync", args__stream=stream).latest("id")

    def asked(self, path: str) -> int:
        """How many requests the platform has had at a path."""
        return int(self.emu.emulator.requests["/api.weixin.qq.com" + path])

    # -- the platform's own truth ------------------------------------------------------------------------------------------------

    def orders(self) -> dict[str, int]:
        """Id → 分 of every order there is."""
        o, w = self.world.orders, self.world
        return {str(w.order_id(r)): int(o["price"][r]) for r in np.flatnonzero(o["t_create"] <= w.now).tolist()}

    def paid(self) -> set[str]:
        """Ids of orders that are paid."""
        return {str(self.world.order_id(r)) for r in np.flatnonzero(self.world.orders["t_pay"] <= self.world.now).tolist()}

    def refunds(self) -> dict[str, int]:
        """Refund key → 分 of every after-sale whose money went back."""
        a, w = self.world.aftersales, self.world
        done = np.flatnonzero((a["t_end"] <= w.now) & (a["outcome"] == 0) & (a["t_create"] <= w.now))
        return {f"as:{w.aftersale_id(r)}": int(a["amount"][r]) for r in done.tolist()}

    def aftersales(self) -> set[str]:
        """Ids of every after-sale there is."""
        rows = np.flatnonzero(self.world.aftersales["t_create"] <= self.world.now)
        return {str(self.world.aftersale_id(r)) for r in rows.tolist()}


def our_orders(shop: Shop) -> dict[str, int]:
    """Id → 分 of every order in the books."""
    return dict(Order.objects.filter(shop=shop).values_list("order_id", "paid_fen"))


def announced(name: str) -> Counter[str]:
    """Subject → how often an event of that name was announced."""
    return Counter(OutboxEvent.objects.filter(name=name).values_list("subject", flat=True))


@pytest.fixture
def platform_config() -> EmulatorConfig:
    """The platform a test starts with; a test module may override it."""
    from zhanggui.emulator.testing import small

    return small(orders=400, days=40)


@pytest.fixture
def platform(platform_config: EmulatorConfig, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A running platform, a shop, and both clocks at the same moment."""
    from zhanggui.emulator.testing import running

    monkeypatch.setattr(network, "store_for", lambda shop_id: network.MemoryTokenStore())
    with ExitStack() as stack, running(platform_config) as emu:
        settings.WECHAT_HOSTS = dict(emu.base_urls)
        try:
            yield Platform(emu, stack)
        finally:
            network.hang_up()
