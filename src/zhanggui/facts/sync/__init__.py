"""Reading the platforms: every stream of every account, what pushes ask for, and the nightly comparison.

    streams     what is read, how often, what for (`store`, `wecom`, `mini`, `official`, `ads`)
    ask         asks for a sync; `ask_due` asks for all that is due; `overview` tells how it stands
    runner      one run of one stream (`changes`, `days`, `whole` walk) and its reaction to every refusal
    pushes      stored pushes → things read again
    reconcile   books ↔ platform, every night

Importing this registers the jobs facts.sync, facts.inbound and facts.reconcile.
"""

from zhanggui.facts.sync.asking import Due, ask, ask_due, ask_reconcile, due
from zhanggui.facts.sync.pushes import try_again
from zhanggui.facts.sync.queries import StreamState, SyncOverview, overview
from zhanggui.facts.sync.stream import Stream
from zhanggui.facts.sync.streams import STREAMS, of_kind

__all__ = [
    "STREAMS",
    "Due",
    "Stream",
    "StreamState",
    "SyncOverview",
    "ask",
    "ask_due",
    "ask_reconcile",
    "due",
    "of_kind",
    "overview",
    "try_again",
]
