"""Callback intake: signed, encrypted order pushes, all different, over 16 connections; each is verified, decrypted, sealed and stored
before it is answered. The limit is the same server with an application that does nothing."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import load, servers
from bench.house import enter

TITLE = "Callback intake, 16 connections"
SIZES = ("2k pushes", "20k pushes")
OURS = "zhanggui, SQLite"
REPEATS = 1
TOKEN, AES_KEY, APPID = "benchtoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxbench"


def _count(size: str) -> int:
    return int(size.split("k")[0]) * 1000


def pushes(url: str, count: int) -> list[bytes]:
    """So many different pushes, ready to be sent."""
    import orjson

    from zhanggui.wechat import crypto

    made, now = [], int(time.time())
    for i in range(count):
        event = {
            "ToUserName": "gh_bench", "FromUserName": "o", "CreateTime": now, "MsgType": "event", "Event": "channels_ec_order_pay",
            "order_info": {"order_id": f"37{i:017d}", "pay_time": now},
        }  # fmt: skip
        nonce = str(1_000_000 + i)
        sealed = crypto.encrypt(orjson.dumps(event), AES_KEY, APPID)
        signed = crypto.signature(TOKEN, str(now), nonce, sealed)
        query = f"signature={crypto.signature(TOKEN, str(now), nonce)}&timestamp={now}&nonce={nonce}&encrypt_type=aes&msg_signature={signed}"
        body = orjson.dumps({"ToUserName": "gh_bench", "Encrypt": sealed})
        made.append(load.request(f"{url}?{query}", "POST", body, {"Content-Type": "application/json"}))
    return made


def _result(done: load.Load, cpu: float, more: dict[str, Any]) -> dict[str, Any]:
    assert set(done.statuses) == {200}, done.statuses
    count = len(done.times)
    return {
        "seconds": done.seconds, "cpu": cpu, "per_second": round(count / done.seconds), "p50_ms": done.quantile(0.5), "p99_ms": done.quantile(0.99), **more,
    }  # fmt: skip


@contextmanager
def _database(url: str):  # type: ignore[no-untyped-def]
    """A fresh database for the run."""
    if not url:
        yield ""
        return
    import psycopg

    with psycopg.connect(f"{url}/postgres", autocommit=True) as link:
        link.execute("DROP DATABASE IF EXISTS zhanggui_bench WITH (FORCE)")
        link.execute("CREATE DATABASE zhanggui_bench")
    try:
        yield f"{url}/zhanggui_bench"
    finally:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as link:
            link.execute("DROP DATABASE IF EXISTS zhanggui_bench WITH (FORCE)")


def _ours(size: str, work: Path, url: str, workers: int) -> dict[str, Any]:
    home = work / f"home-callbacks-{'postgres' if url else 'sqlite'}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with _database(url) as database:
        enter(home, **({"database_url": database} if database else {}))
        from django.core.management import call_command
        from django.db import connection

        from zhanggui.facts import commands
        from zhanggui.facts.models import Inbound, Shop
        from zhanggui.facts.network import Secrets

        call_command("migrate", verbosity=0)
        shop = Shop.objects.create(name="bench")
        account = commands.connect(shop, "store", APPID, Secrets(secret="s"), callback_token=TOKEN, aes_key=AES_KEY, by="bench")
        path = commands.callback_path(account)
        connection.close()
        with servers.web(home / "web.log", workers) as (port, process):
            ready = pushes(f"http://127.0.0.1:{port}{path}", _count(size))
            load.run("127.0.0.1", port, [load.request(f"http://127.0.0.1:{port}/healthz")] * 200, 16)
            before = servers.tree_cpu(process)
            done = load.run("127.0.0.1", port, ready, 16)
            cpu = servers.tree_cpu(process) - before
        stored = Inbound.objects.filter(shop=shop).count()
        connection.close()
    return _result(done, cpu, {"answer": stored})


def sqlite(size: str, work: Path) -> dict[str, Any]:
    """One web process over SQLite, as the embedded profile runs."""
    return _ours(size, work, "", 1)


def postgresql(size: str, work: Path) -> dict[str, Any]:
    """Two web processes over PostgreSQL."""
    return _ours(size, work, servers.postgres(), 2)


def limit(size: str, work: Path) -> dict[str, Any]:
    """The server with an application that reads and answers."""
    enter(work / "home-limit")
    with servers.bare(work / "bare.log") as (port, process):
        ready = pushes(f"http://127.0.0.1:{port}/callbacks/x", _count(size))
        before = servers.tree_cpu(process)
        done = load.run("127.0.0.1", port, ready, 16)
        cpu = servers.tree_cpu(process) - before
    return _result(done, cpu, {"answer": len(done.times)})


CANDIDATES = {OURS: sqlite, "zhanggui, PostgreSQL, 2 processes": postgresql, "limit: granian that only answers": limit}
