"""`python -m zhanggui`: the same as the `zhanggui` command."""

from __future__ import annotations

import sys

from zhanggui.doors.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
