"""The worker: leased jobs in their lanes, the outbox delivered and the clock kept once a second. Installs no signal handler."""

from __future__ import annotations

import threading
from collections.abc import Callable

from zhanggui.facts import network
from zhanggui.facts.commands import inbound
from zhanggui.kernel import jobs, outbox
from zhanggui.switchboard import wiring
from zhanggui.switchboard.schedule import Keeper

Beat = Callable[[], None]
_AT_ONCE = 20
"""Batches of events delivered in one beat: leases must be renewed in between."""


def make_beat() -> Beat:
    """What the worker does once a second besides its jobs."""
    keeper = Keeper()

    def beat() -> None:
        inbound.take_in_spooled()
        for _ in range(_AT_ONCE):
            if not outbox.deliver():
                break
        keeper()

    return beat


def work(stop: threading.Event, *, once: bool = False, around: Callable[[Beat | None], Beat] | None = None) -> int:
    """Works until `stop` is set, or with `once` until nothing is due; the number of jobs run. `around` wraps the beat."""
    wiring.connect()
    beat = make_beat()
    try:
        return jobs.run_worker(stop, once=once, beat=around(beat) if around else beat)
    finally:
        network.hang_up()
