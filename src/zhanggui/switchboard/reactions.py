"""Event → what follows: one command each, with plain arguments. No condition and no query stands here.

A reaction runs in the transaction that ends its job, so it happens exactly once for each event.
"""

from __future__ import annotations

from collections.abc import Mapping

from zhanggui.kernel.outbox import Announced, Reaction
from zhanggui.metrics import work


def refresh_numbers(event: Announced) -> None:
    """The facts changed: the shop's numbers follow shortly, together with whatever else comes in meanwhile."""
    work.ask(event.shop_id)


def refresh_numbers_now(event: Announced) -> None:
    """Somebody waits for it: the shop's numbers follow at once."""
    work.ask(event.shop_id, soon=True)


REACTIONS: Mapping[str, Mapping[str, Reaction]] = {
    "OrderPaid": {"metrics.refresh": refresh_numbers},
    "OrderRefunded": {"metrics.refresh": refresh_numbers},
    "HistoryRecorded": {"metrics.refresh": refresh_numbers},
    "ContactAdded": {"metrics.refresh": refresh_numbers},
    "MemberJoinedGroup": {"metrics.refresh": refresh_numbers},
    "CustomerErased": {"metrics.refresh": refresh_numbers},
    "FileImported": {"metrics.refresh": refresh_numbers_now},
    "PolicyChanged": {"metrics.refresh": refresh_numbers_now},
}
"""Event name → reaction name → call. The names are kept in jobs: renaming one drops what is still waiting under the old name."""
