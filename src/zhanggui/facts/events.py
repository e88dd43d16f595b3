"""What the facts announce: ids and plain values only. Names are the class names; bodies are the fields."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from zhanggui.kernel import outbox


@dataclass(frozen=True, slots=True)
class _Event:
    def emit(self, shop_id: int, subject: str) -> None:
        """Announces it inside the running transaction."""
        outbox.emit(type(self).__name__, shop_id, subject, asdict(self))


@dataclass(frozen=True, slots=True)
class OrderPaid(_Event):
    """An order was paid that was not before. Money in 分, times ISO 8601 UTC."""

    order_id: str
    customer: int | None
    """Dense number of the buyer at that moment."""
    paid_fen: int
    paid_at: str
    channel: str


@dataclass(frozen=True, slots=True)
class OrderRefunded(_Event):
    """Money went back to a buyer."""

    order_id: str
    refund_key: str
    amount_fen: int
    at: str


@dataclass(frozen=True, slots=True)
class HistoryRecorded(_Event):
    """A stretch of past orders came in at once (first sync): not announced one by one."""

    orders: int
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True)
class FileImported(_Event):
    """A file was taken in and changed the books."""

    file: int
    kind: str
    rows: int
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True)
class ContactAdded(_Event):
    """A member of staff and a customer became WeCom contacts."""

    customer: int
    staff: str
    state: str


@dataclass(frozen=True, slots=True)
class MemberJoinedGroup(_Event):
    """An outside member joined a customer group."""

    chat_id: str
    member: str
    customer: int | None


@dataclass(frozen=True, slots=True)
class CustomerErased(_Event):
    """A customer's personal data were erased on request."""

    customer: int


ALL: tuple[type[Any], ...] = (
    OrderPaid,
    OrderRefunded,
    HistoryRecorded,
    FileImported,
    ContactAdded,
    MemberJoinedGroup,
    CustomerErased,
)
"""Every event of this room."""
