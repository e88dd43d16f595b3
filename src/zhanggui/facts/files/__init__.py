"""Files a shop has: recognised, mapped, previewed and taken in as facts; see `commands` for the four steps.

Names are loaded on first use, because `tables` (reading a file without any database) must not need Django's models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zhanggui.facts.files.commands import Summary, run
    from zhanggui.facts.files.export import export_template, refused_file
    from zhanggui.facts.files.fields import KINDS
    from zhanggui.facts.files.intake import discard, open_upload, propose, store_upload
    from zhanggui.facts.files.mapping import Proposal
    from zhanggui.facts.files.rows import Refusal
    from zhanggui.facts.files.shown import Preview, preview
    from zhanggui.facts.files.tables import iter_orders, read_orders

_WHERE = {
    "KINDS": "fields", "Preview": "shown", "Proposal": "mapping", "Refusal": "rows", "Summary": "commands", "discard": "intake", "export_template": "export",
    "iter_orders": "tables", "open_upload": "intake", "preview": "shown", "propose": "intake", "read_orders": "tables", "refused_file": "export",
    "run": "commands", "store_upload": "intake",
}  # fmt: skip
__all__ = [
    "KINDS", "Preview", "Proposal", "Refusal", "Summary", "discard", "export_template", "iter_orders", "open_upload", "preview", "propose", "read_orders",
    "refused_file", "run", "store_upload",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(name)
