"""Files have personal data in them: what nobody imported, and what was refused, is not kept for ever."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from zhanggui.facts.files.commands import discard
from zhanggui.facts.models import ImportFile
from zhanggui.kernel import clock

UNDECIDED = timedelta(days=7)
"""An upload that nobody has imported by then is given up; uploading it again takes a minute."""
REFUSED = timedelta(days=90)
"""So long the refused rows of an import can be downloaded."""


def expire() -> int:
    """Removes expired uploads, refused rows and strays; how many files. Files outside our folder are never touched."""
    now = clock.now()
    gone = 0
    for file in ImportFile.objects.filter(created_at__lt=now - UNDECIDED, state__in=("uploaded", "failed")).exclude(path=""):
        state, message = file.state, file.message
        discard(file)
        if state == "failed":  # why it failed stays to be read
            ImportFile.objects.filter(pk=file.pk).update(state=state, message=message)
        gone += 1
    root = Path(settings.FILES).resolve()
    for file in ImportFile.objects.filter(finished_at__lt=now - REFUSED).exclude(refused_path=""):
        path = Path(file.refused_path)
        if path.resolve().is_relative_to(root):
            path.unlink(missing_ok=True)
            gone += 1
        ImportFile.objects.filter(pk=file.pk).update(refused_path="")
    return gone + _strays(root)


def _strays(root: Path) -> int:
    """Uploads that no row knows: the process died between keeping the file and noting it."""
    known = {Path(path).name for path in ImportFile.objects.exclude(path="").values_list("path", flat=True)}
    gone = 0
    for path in root.glob("*/uploads/*"):
        if path.name not in known and path.is_file() and time.time() - path.stat().st_mtime > UNDECIDED.total_seconds():
            path.unlink(missing_ok=True)
            gone += 1
    return gone
