"""The home page of a shop with a million orders: p50 and p95 over one connection and over eight, beside the sign-in page and a bare answer.

The shop is real to the code: a million rows imported through the file import, the whole catalogue refreshed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench import load, servers, worlds
from bench.house import enter

TITLE = "Home page"
SIZES = ("100k orders", "1M orders")
OURS = "zhanggui: home"
REPEATS = 1


def home_of(size: str, work: Path) -> Path:
    """The data folder of a size."""
    return work / f"home-page-{size.split()[0]}"


def prepare(size: str, work: Path) -> None:
    """Imports and refreshes once, in a process of its own."""
    if (home_of(size, work) / "ready").exists():
        return
    import subprocess
    import sys

    code = f"from pathlib import Path; from bench.cases.home import make; make({size!r}, Path({str(work)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=servers.ROOT)


def make(size: str, work: Path) -> None:
    """A shop with so many orders, its owner, and every number stored."""
    home = home_of(size, work)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    enter(home)
    from django.core.management import call_command

    from zhanggui.facts import files
    from zhanggui.facts.models import Shop
    from zhanggui.kernel.models import Grant, Role, User
    from zhanggui.metrics.commands import refresh

    rows = {"100k": 100_000, "1M": 1_000_000}[size.split()[0]]
    path = work / f"orders-{size.split()[0]}.csv"
    if not path.exists():
        worlds.write_csv(path, rows)
    call_command("migrate", verbosity=0)
    shop = Shop.objects.create(name="百万单小店")
    user = User.objects.create_user("owner", password="bench-owner-1")
    Grant.objects.create(user=user, shop_id=shop.pk, role=Role.OWNER)
    upload = files.open_upload(shop, path, path.name, "bench")
    files.run(upload, files.propose(upload).columns)
    refresh(shop.pk)
    (home / "ready").touch()


def _page(size: str, work: Path, path: str, connections: int, count: int) -> dict[str, Any]:
    enter(home_of(size, work))
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connection

    from zhanggui.facts.models import Order, Shop
    from zhanggui.kernel.models import User

    shop, user = Shop.objects.get(), User.objects.get()
    session = SessionStore()
    session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend", HASH_SESSION_KEY: user.get_session_auth_hash()})  # fmt: skip
    session.save()
    orders = Order.objects.count()
    connection.close()
    with servers.web(home_of(size, work) / "web.log") as (port, process):
        ready = load.request(
            f"http://127.0.0.1:{port}{path.format(shop=shop.pk)}", headers={"Cookie": f"sessionid={session.session_key}"}
        )
        load.run("127.0.0.1", port, [ready] * 30, connections)
        before = servers.tree_cpu(process)
        done = load.run("127.0.0.1", port, [ready] * count, connections)
        cpu = servers.tree_cpu(process) - before
    assert set(done.statuses) == {200}, done.statuses
    return {
        "seconds": done.seconds / count, "cpu": cpu / count, "p50_ms": done.quantile(0.5), "p95_ms": done.quantile(0.95), "p99_ms": done.quantile(0.99),
        "orders": orders, "connections": connections,
    }  # fmt: skip


def home(size: str, work: Path) -> dict[str, Any]:
    """One visitor after another."""
    return _page(size, work, "/s/{shop}/", 1, 300)


def home_eight(size: str, work: Path) -> dict[str, Any]:
    """Eight at once on one web process."""
    return _page(size, work, "/s/{shop}/", 8, 400)


def order_list(size: str, work: Path) -> dict[str, Any]:
    """The first page of the order list."""
    return _page(size, work, "/s/{shop}/orders", 1, 200)


def healthz(size: str, work: Path) -> dict[str, Any]:
    """The least this stack answers with."""
    return _page(size, work, "/healthz", 1, 300)


CANDIDATES = {
    OURS: home,
    "zhanggui: home, 8 at once": home_eight,
    "zhanggui: order list": order_list,
    "limit: an empty answer": healthz,
}
