"""Every module that registers job handlers, imported once per process; and the table of reactions, connected."""

from __future__ import annotations


def connect() -> None:
    """Makes every job and every reaction known to this process. May be called again."""
    # Here and not at the top: the table is read while Django's apps are still being loaded, their models are not there yet.
    import zhanggui.facts.sync
    import zhanggui.metrics.work
    import zhanggui.switchboard.chores  # noqa: F401 - imported, as the two above, for the handlers it registers
    from zhanggui.kernel import outbox
    from zhanggui.switchboard.reactions import REACTIONS

    outbox.connect(REACTIONS)
