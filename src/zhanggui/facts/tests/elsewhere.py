"""Other processes on a database that they share: a file of their own, or the test's PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys

from django.db import connection

SETUP = "import sys, django\ndjango.setup()\n"
MIGRATED = "from django.core.management import call_command\ncall_command('migrate', verbosity=0)\n"
"""What the first process does before anything else."""


def environment(tmp_path_factory):
    """The environment in which other processes find a database: an empty file, or the test's PostgreSQL (mark such tests transaction=True)."""
    home = tmp_path_factory.mktemp("home")
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}
    env |= {
        "ZHANGGUI_HOME": str(home), "ZHANGGUI_CONFIG": str(home / "none"), "DJANGO_SETTINGS_MODULE": "zhanggui.settings", "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1",
    }  # fmt: skip
    if connection.vendor == "postgresql":
        server = connection.settings_dict
        env["ZHANGGUI_DATABASE_URL"] = (
            f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
        )
    return env


def ask(env: dict[str, str], code: str, *arguments: str) -> str:
    """What a process prints that runs `code`."""
    done = subprocess.run([sys.executable, "-c", SETUP + code, *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def together(env: dict[str, str], code: str, *each: str) -> list[str]:
    """What several processes print that run `code` at the same time, one per argument; they start when all are ready.

    The code waits for the others with `sys.stdin.readline()` after it has said "ready".
    """
    children = [
        subprocess.Popen([sys.executable, "-c", SETUP + code, argument], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for argument in each
    ]  # fmt: skip
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready", child.stderr and child.stderr.read()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = []
    for child in children:
        out, error = child.communicate()
        assert child.returncode == 0, error
        answers.append(out.strip())
    return answers
