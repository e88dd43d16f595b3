"""The first sync of a shop's order history over HTTP from the emulator: ids by list, then every order by get.

Ours keeps everything (identity, sealing, constraints, lake marks, checkpoints); the peers only fetch and add up. All must come to the
same number of orders and the same paid amount.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import servers
from bench.house import enter, timed

TITLE = "First sync of the order history"
SIZES = ("2k orders", "20k orders")
OURS = "zhanggui: fetched and kept"
REPEATS = 1
WEEK = 7 * 86400


@contextmanager
def emulator(size: str, work: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The emulator as a process with so many orders; its address and the demo accounts."""
    data = work / f"emulator-{size.split()[0]}"
    port = servers.free_port()
    orders = int(size.split("k")[0]) * 1000
    command = [
        sys.executable,
        "-m",
        "zhanggui",
        "emulator",
        "--port",
        str(port),
        "--data-dir",
        str(data),
        "--orders",
        str(orders),
        "--speed",
        "0",
    ]
    base = f"http://127.0.0.1:{port}"
    with servers.process(command, f"{base}/emulator/status", work / "emulator.log", 300):
        yield base, _asked(f"{base}/emulator/shop")


def _asked(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer


def hosts(base: str) -> dict[str, str]:
    """The settings that point the client at the emulator."""
    return {
        "wechat_api": f"{base}/api.weixin.qq.com",
        "wecom_api": f"{base}/qyapi.weixin.qq.com",
        "ads_api": f"{base}/api.e.qq.com",
    }


def ours(size: str, work: Path) -> dict[str, Any]:
    """The order stream through the worker's own job, into SQLite."""
    home = work / "home-sync"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with emulator(size, work) as (base, _shop):
        enter(home, **hosts(base))
        import threading

        from django.core.management import call_command
        from django.db.models import Sum

        from zhanggui.emulator.config import Credentials
        from zhanggui.facts import commands, sync
        from zhanggui.facts.models import Order, Shop
        from zhanggui.facts.network import Secrets, hang_up
        from zhanggui.kernel import jobs

        call_command("migrate", verbosity=0)
        shop, keys = Shop.objects.create(name="bench"), Credentials()
        account = commands.connect(shop, "store", keys.shop_appid, Secrets(secret=keys.shop_secret), by="bench")
        with timed() as spent:
            sync.ask(shop.pk, connection_id=account.pk, stream="orders", full=True)
            jobs.run_worker(threading.Event(), once=True)
        answer = [Order.objects.count(), Order.objects.filter(paid_at__isnull=False).aggregate(s=Sum("paid_fen"))["s"]]
        hang_up()
    return {**spent, "answer": answer, "orders_per_second": round(answer[0] / spent["seconds"])}


def _span(base: str) -> tuple[int, int]:
    status = _asked(f"{base}/emulator/status")
    now = (
        int(time.mktime(time.strptime(status["now"][:19], "%Y-%m-%dT%H:%M:%S")))
        if isinstance(status.get("now"), str)
        else int(status["now"])
    )
    return now - 600 * 86400, now + 86400


def _paid(order: dict[str, Any]) -> tuple[int, int]:
    detail = order["order_detail"]
    return 1, int(detail["price_info"]["order_price"]) if detail.get("pay_info", {}).get("pay_time") else 0


def aiohttp_plain(size: str, work: Path) -> dict[str, Any]:
    """aiohttp and orjson, 24 gets at once, nothing kept."""
    import asyncio

    import aiohttp
    import orjson

    async def walk(base: str, shop: dict[str, Any]) -> list[int]:
        api, count, paid = f"{base}/api.weixin.qq.com", 0, 0
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=24)) as session:

            async def ask(path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
                async with session.post(
                    f"{api}{path}" + (f"?access_token={token}" if token else ""), data=orjson.dumps(body)
                ) as reply:
                    return orjson.loads(await reply.read())

            from zhanggui.emulator.config import Credentials

            keys = Credentials()
            said = await ask(
                "/cgi-bin/stable_token", {"grant_type": "client_credential", "appid": keys.shop_appid, "secret": keys.shop_secret}
            )
            token = said["access_token"]
            ids: list[str] = []
            start, end = _span(base)
            while start < end:
                key = ""
                while True:
                    page = await ask(
                        "/channels/ec/order/list/get",
                        {
                            "create_time_range": {"start_time": start, "end_time": min(start + WEEK, end) - 1},
                            "page_size": 100,
                            "next_key": key,
                        },
                        token,
                    )
                    ids += page.get("order_id_list", [])
                    key = page.get("next_key", "")
                    if not page.get("has_more"):
                        break
                start += WEEK
            waiting = iter(ids)

            async def one() -> None:
                nonlocal count, paid
                for order_id in waiting:
                    n, fen = _paid((await ask("/channels/ec/order/get", {"order_id": order_id}, token))["order"])
                    count, paid = count + n, paid + fen

            await asyncio.gather(*(one() for _ in range(24)))
        return [count, paid]

    with emulator(size, work) as (base, shop), timed() as spent:
        answer = asyncio.run(walk(base, shop))
    return {**spent, "answer": answer, "orders_per_second": round(answer[0] / spent["seconds"])}


CANDIDATES = {OURS: ours, "aiohttp by hand: fetched only": aiohttp_plain}
