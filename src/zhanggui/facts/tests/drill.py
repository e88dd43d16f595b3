"""A worker as a process of its own, to be killed: `python -m zhanggui.facts.tests.drill STEP [argument]`, with the house's settings in the environment.

begin JSON   tables, a shop with a store connected ({"account": …, "secret": …}), its orders and after-sales asked for; prints the shop's id
work         works until it is killed
work-once    works until nothing is ready or running
dump SHOP    prints what is in the books as JSON
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time


def main() -> None:
    """Does one step."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    django.setup()
    import zhanggui.facts.sync  # noqa: F401 - registers the jobs

    step, *rest = sys.argv[1:]
    globals()[step.replace("-", "_")](*rest)


def begin(text: str) -> None:
    """Makes the tables, a shop with a store connected, and asks for its orders and after-sales; prints the shop's id."""
    from django.core.management import call_command

    from zhanggui.facts import commands, sync
    from zhanggui.facts.models import Shop
    from zhanggui.facts.network import Secrets

    call_command("migrate", verbosity=0, interactive=False)
    given = json.loads(text)
    shop = Shop.objects.create(name="演练店")
    commands.connect(shop, "store", given["account"], Secrets(secret=given["secret"]), by="演练")
    for stream in ("orders", "aftersales"):
        sync.ask(shop.pk, stream=stream)
    print(shop.pk)


def work() -> None:
    """Works until it is killed."""
    from zhanggui.kernel import jobs

    jobs.run_worker(threading.Event(), poll=0.05)


def work_once() -> None:
    """Works until no job is ready or running."""
    from zhanggui.kernel import jobs
    from zhanggui.kernel.models import Job

    stop = threading.Event()
    worker = threading.Thread(target=lambda: jobs.run_worker(stop, poll=0.05))
    worker.start()
    until = time.monotonic() + 120
    while Job.objects.filter(state__in=("ready", "running")).exists() and time.monotonic() < until:
        time.sleep(0.1)
    stop.set()
    worker.join()


def dump(shop_id: str) -> None:
    """Prints what is in the books."""
    from zhanggui.facts.models import AfterSale, Customer, Order, OrderLine, Refund, SyncState
    from zhanggui.kernel.models import Job, OutboxEvent

    shop = int(shop_id)
    lines: dict[str, int] = {}
    for order_id, fen in OrderLine.objects.filter(shop_id=shop).values_list("order__order_id", "paid_fen"):
        lines[order_id] = lines.get(order_id, 0) + fen
    numbers = sorted(Customer.objects.filter(shop_id=shop).values_list("number", flat=True))
    print(
        json.dumps(
            {
                "orders": dict(Order.objects.filter(shop_id=shop).values_list("order_id", "paid_fen")),
                "freight": dict(Order.objects.filter(shop_id=shop).values_list("order_id", "freight_fen")),
                "lines": lines,
                "aftersales": sorted(AfterSale.objects.filter(shop_id=shop).values_list("aftersale_id", flat=True)),
                "refunds": dict(Refund.objects.filter(shop_id=shop).values_list("refund_key", "amount_fen")),
                "dense": numbers == list(range(len(numbers))),
                "states": dict(SyncState.objects.filter(shop_id=shop).values_list("stream", "state")),
                "done": dict(SyncState.objects.filter(shop_id=shop).values_list("stream", "done")),
                "history": sum(
                    e["orders"] for e in OutboxEvent.objects.filter(name="HistoryRecorded").values_list("body", flat=True)
                ),
                "news": OutboxEvent.objects.filter(name="OrderPaid").count(),
                "attempts": dict(Job.objects.filter(name="facts.sync").values_list("args__stream", "attempts")),
                "jobs": sorted(set(Job.objects.values_list("state", flat=True))),
            }
        )
    )


if __name__ == "__main__":
    main()
