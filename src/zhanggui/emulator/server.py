"""The emulator as a process: `create_app(config)` for any ASGI server, `run(...)` with granian."""

from __future__ import annotations

import os
from typing import Any

from zhanggui.emulator.config import EmulatorConfig
from zhanggui.emulator.control import Control
from zhanggui.emulator.engine import Emulator, Receive, Send

ENVIRONMENT = "ZHANGGUI_EMULATOR_CONFIG"


class App:
    """`/emulator/…` is the control surface, everything else a platform host by its name."""

    def __init__(self, config: EmulatorConfig) -> None:
        self.emulator = Emulator(config)
        self.control = Control(self.emulator).app()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            if scope["path"].startswith("/emulator"):
                await self.control(scope, receive, send)  # type: ignore[arg-type]
            else:
                await self.emulator(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.emulator.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.emulator.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_app(config: EmulatorConfig | None = None) -> App:
    """The emulator as an ASGI application, its market made."""
    return App(config or EmulatorConfig())


def app_from_environment() -> App:
    """The application in a server's worker process, configured by `run` through the environment."""
    return create_app(EmulatorConfig.from_json(os.environ[ENVIRONMENT]))


def run(host: str = "127.0.0.1", port: int = 8788, data_dir: str | None = None, seed: int = 20260101, orders: int = 20_000, *,
        speed: float = 1.0, pulse_seconds: float = 30.0, pulse_budget: int = 120, config: EmulatorConfig | None = None) -> None:  # fmt: skip
    """Serves the emulator until it is interrupted. `config` overrides all single values.

    `speed` is market seconds per real second; `pulse_seconds` > 0 brings about one order per that many seconds while the day's
    `pulse_budget` lasts, so that a demonstration is alive; afterwards orders come at the shop's natural rate.
    """
    from granian import Granian
    from granian.constants import Interfaces

    config = config or EmulatorConfig(
        seed=seed,
        orders=orders,
        data_dir=data_dir,
        speed=speed,
        pulse_seconds=pulse_seconds,
        pulse_budget=pulse_budget,
        callback_concurrency=8,
    )
    os.environ[ENVIRONMENT] = config.to_json()
    Granian("zhanggui.emulator.server:app_from_environment", address=host, port=port, interface=Interfaces.ASGI, factory=True, workers=1, log_access=False,
            websockets=False).serve()  # fmt: skip
