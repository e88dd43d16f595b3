"""A file of orders: read and checked, and taken into the shop's books; beside peers that only load or only parse it.

Ours types every cell, maps columns, groups rows into orders, checks money and keeps refused rows; into the books adds identity,
sealing of personal data, the database's constraints and the lake's marks, in one transaction.
"""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench import worlds
from bench.house import enter, timed

TITLE = "Import of an order file"
SIZES = ("100k csv", "1M csv", "1M xlsx")
OURS = "zhanggui: into the books"
REPEATS = 1
ROWS = {"100k": 100_000, "1M": 1_000_000}


def file_of(size: str, work: Path) -> Path:
    """The file of a size."""
    rows, kind = size.split()
    return work / f"orders-{rows}.{kind}"


def prepare(size: str, work: Path) -> None:
    """Writes the file once."""
    path = file_of(size, work)
    if not path.exists():
        fresh = path.with_name("fresh-" + path.name)
        (worlds.write_csv if path.suffix == ".csv" else worlds.write_xlsx)(fresh, ROWS[size.split()[0]])
        fresh.rename(path)


def read_and_check(size: str, work: Path) -> dict[str, Any]:
    """Our reader: typed tables of orders, lines and refunds, no database."""
    enter(work / "home-read")
    import pyarrow.compute as pc

    from zhanggui.facts.files.tables import read_orders

    with timed() as spent:
        tables = read_orders(file_of(size, work))
    return {**spent, "answer": [tables["orders"].num_rows, pc.sum(tables["orders"]["paid_fen"]).as_py()]}


def into_the_books(size: str, work: Path) -> dict[str, Any]:
    """The whole import into an empty shop on SQLite."""
    home = work / "home-import"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    enter(home)
    from django.core.management import call_command
    from django.db.models import Sum

    from zhanggui.facts import files
    from zhanggui.facts.models import Order, Shop

    call_command("migrate", verbosity=0)
    shop = Shop.objects.create(name="bench")
    with timed() as spent:
        upload = files.open_upload(shop, file_of(size, work), "orders", "bench")
        files.run(upload, files.propose(upload).columns)
    return {**spent, "answer": [Order.objects.count(), Order.objects.aggregate(s=Sum("paid_fen"))["s"]]}


def _answer(rows: int, paid: Decimal) -> dict[str, Any]:
    return {"answer": [rows, int(paid * 100)]}


def python_csv(size: str, work: Path) -> dict[str, Any]:
    """The standard library's csv module, adding up one column."""
    if not size.endswith("csv"):
        raise ImportError("csv only", name="a csv file")
    total, rows = Decimal(0), 0
    with timed() as spent, file_of(size, work).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            total += Decimal(row["实付金额(元)"])
            rows += 1
    return {**spent, **_answer(rows, total)}


def pandas_read(size: str, work: Path) -> dict[str, Any]:
    """pandas, everything as text, adding up one column."""
    import pandas as pd

    if not size.endswith("csv"):
        raise ImportError("csv only", name="a csv file")
    with timed() as spent:
        table = pd.read_csv(file_of(size, work), dtype=str, encoding="utf-8-sig")
        paid = pd.to_numeric(table["实付金额(元)"])
        fen = int((paid * 100).round().astype("int64").sum())
    return {**spent, "answer": [len(table), fen]}


def polars_read(size: str, work: Path) -> dict[str, Any]:
    """polars, everything as text, adding up one column."""
    import polars as pl

    if not size.endswith("csv"):
        raise ImportError("csv only", name="a csv file")
    with timed() as spent:
        table = pl.read_csv(file_of(size, work), infer_schema=False)
        fen = int((table["实付金额(元)"].cast(pl.Float64) * 100).round().cast(pl.Int64).sum())
    return {**spent, "answer": [table.height, fen]}


def fastexcel_read(size: str, work: Path) -> dict[str, Any]:
    """fastexcel (calamine) into Arrow, adding up one column."""
    if not size.endswith("xlsx"):
        raise ImportError("xlsx only", name="an xlsx file")
    import fastexcel
    import pyarrow.compute as pc

    with timed() as spent:
        table = fastexcel.read_excel(str(file_of(size, work))).load_sheet(0).to_arrow()
        fen = sum(round(v * 100) for v in table["实付金额(元)"].to_pylist())
    return {**spent, "answer": [len(table["实付金额(元)"]) if pc else 0, fen]}


def openpyxl_read(size: str, work: Path) -> dict[str, Any]:
    """openpyxl, read-only, adding up one column."""
    if not size.endswith("xlsx"):
        raise ImportError("xlsx only", name="an xlsx file")
    import openpyxl

    with timed() as spent:
        rows = openpyxl.load_workbook(file_of(size, work), read_only=True).active.iter_rows(values_only=True)
        at = next(rows).index("实付金额(元)")
        fen = count = 0
        for row in rows:
            fen += round(row[at] * 100)
            count += 1
    return {**spent, "answer": [count, fen]}


CANDIDATES = {
    OURS: into_the_books, "zhanggui: read and check": read_and_check, "polars read_csv": polars_read, "pandas read_csv": pandas_read,
    "Python csv": python_csv, "fastexcel": fastexcel_read, "openpyxl read-only": openpyxl_read,
}  # fmt: skip
