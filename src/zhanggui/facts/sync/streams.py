"""Every stream of every kind of account."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from zhanggui.facts.sync import ads, mini, official, store, wecom
from zhanggui.facts.sync.stream import Stream

STREAMS: Mapping[str, Stream] = MappingProxyType(
    {one.name: one for room in (store, wecom, mini, official, ads) for one in room.STREAMS}
)
"""By name, which is unique over all kinds."""


def of_kind(kind: str) -> list[Stream]:
    """The streams of a kind of account, the most urgent first."""
    return sorted((one for one in STREAMS.values() if one.kind == kind), key=lambda one: -one.priority)
