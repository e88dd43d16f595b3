"""A house of its own for a benchmark: settings pointed at a work folder before Django reads them, and a stopwatch."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def enter(home: Path, **settings: str) -> None:
    """Sets Django up over `home`; `settings` are ZHANGGUI_ names in lower case. Once per process, first thing."""
    for name in [n for n in os.environ if n.startswith("ZHANGGUI_")]:
        del os.environ[name]
    os.environ.update(
        DJANGO_SETTINGS_MODULE="zhanggui.settings", ZHANGGUI_HOME=str(home), ZHANGGUI_CONFIG=str(home / "none.toml"), ZHANGGUI_LOG_LEVEL="WARNING"
    )  # fmt: skip
    os.environ.update({f"ZHANGGUI_{name.upper()}": value for name, value in settings.items()})
    import django

    django.setup()


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Fills `seconds` (wall) and `cpu` (this process) of the block."""
    spent: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent["seconds"], spent["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
