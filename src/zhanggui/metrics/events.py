"""What the numbers announce."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from zhanggui.kernel import outbox


@dataclass(frozen=True, slots=True)
class MetricsRefreshed:
    """A shop's metrics agree with its facts again. Days are ISO texts, empty where nothing was observed yet."""

    version: int
    """Version of the lake they were computed from."""
    first_day: str
    last_day: str
    """The stretch whose points were computed anew."""
    horizon: str
    """The last observed day."""
    metrics: int
    """How many metrics changed."""

    def emit(self, shop_id: int) -> None:
        """Announces it inside the running transaction."""
        outbox.emit("MetricsRefreshed", shop_id, f"metrics:{self.version}", asdict(self))


ALL: tuple[type[MetricsRefreshed], ...] = (MetricsRefreshed,)
