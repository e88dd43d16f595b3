"""Every nasty file gets a Chinese sentence with what to do and status 2, or an honest answer with status 0; never a trace, never a warning of numpy."""

from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

N = 400
HEADER = "customer,date,amount,arm,y,x\n"
COMMANDS = {
    "compare": ("--arm", "arm", "--outcome", "y"),
    "lifetime": (),
    "uplift": ("--treatment", "arm", "--outcome", "y", "--seeds", "1"),
}


def rows(**fixed: Callable[[int], object]) -> str:
    """A sound file of 400 rows in which some columns are made differently."""
    made: dict[str, Callable[[int], object]] = {
        "customer": lambda i: f"c{i % 97}",
        "date": lambda i: f"2025-{1 + i * 7 // 31 % 12:02d}-{1 + i % 28:02d}",
        "amount": lambda i: f"{10 + i % 13}.5",
        "arm": lambda i: "AB"[i % 2],
        "y": lambda i: int(i * 7919 % 10 < 3),
        "x": lambda i: i * 31 % 50,
    }
    made.update(fixed)
    return HEADER + "".join(",".join(str(make(i)) for make in made.values()) + "\n" for i in range(N))


def ask(name: str, path: Path, *options: str) -> dict[str, Any]:
    """What the command says; a refusal must look the same in words."""
    command = getattr(importlib.import_module(f"zhanggui.doors.cli.{name}"), f"{name}_command")
    arguments = ["--csv", str(path), *(options or COMMANDS[name])]
    result = CliRunner().invoke(command, [*arguments, "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (0 if found["ok"] else 2)
    spoken = CliRunner().invoke(command, arguments)
    assert spoken.exit_code == result.exit_code
    if found["ok"]:
        assert spoken.output.startswith("结论：")
    else:
        assert found["error"] in spoken.output and f"怎么办：{found['remedy']}" in spoken.output and found["remedy"]
    return found


REFUSED_BY_ALL: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "空文件"),
    "blank lines": (b"\n\n  \n", "空文件"),
    "only a byte order mark": (b"\xef\xbb\xbf", "空文件"),
    "only a header": (HEADER.encode(), "只有表头"),
    "only a header without end of line": (HEADER.strip().encode(), "只有表头"),
    "Excel": (b"PK\x03\x04rest", "Excel"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "Excel"),
    "broken gzip": (gzip.compress(rows().encode())[:200], "gzip"),
    "binary": (b"a,b\x00\n1,2\n", "不是文本"),
    "another encoding": (HEADER.encode() + b"caf\xe9\xff\xff,2025-01-01,1,A,1,1\n", "UTF-8"),
    "half a UTF-16": (rows().encode("utf-16")[:-1], "编码"),
    "rows of another width": ((HEADER + "a,b\n" * 50 + rows()[len(HEADER) :]).encode(), "列数和表头对不上"),
    "JSON": (b'{"a": [1,2,3], "b": 2}\n{"a": [1], "b": 2}\n', "列数和表头对不上"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", REFUSED_BY_ALL)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    data, words = REFUSED_BY_ALL[kind]
    (tmp_path / "a.csv").write_bytes(data)
    assert words in ask(name, tmp_path / "a.csv")["error"]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    assert "找不到" in ask(name, tmp_path / "none.csv")["error"]
    assert "文件夹" in ask(name, tmp_path)["error"]
    (tmp_path / "a.csv").write_text(rows())
    assert "读不了" in ask(name, tmp_path / "a.csv" / "b.csv")["error"]


# command, what the file is like, the file, what the refusal says
REFUSALS = [
    ("compare", "an outcome in words", rows(y=lambda i: ["好", "坏", "中"][i % 3]), "不是数字"),
    ("compare", "an outcome in two unknown words", rows(y=lambda i: ["好", "坏"][i % 2]), "不是数字"),
    ("compare", "an outcome that is partly words", rows(y=lambda i: "abc" if i % 5 == 0 else 1), "不是数字"),
    ("compare", "no outcome at all", rows(y=lambda i: ""), "全是空的"),
    ("compare", "infinite outcomes", rows(y=lambda i: "inf" if i % 2 else 1), "大得不像真的数"),
    ("compare", "one absurd outcome", rows(y=lambda i: "1e308" if i == 5 else i % 7), "大得不像真的数"),
    ("compare", "no group at all", rows(arm=lambda i: ""), "全是空的"),
    ("compare", "a group per row", rows(arm=lambda i: f"g{i}"), "不像分组"),
    ("compare", "groups without a name for the control", rows(arm=lambda i: ["红", "蓝"][i % 2]), "看不出"),
    ("lifetime", "no dates", rows(date=lambda i: ""), "没有一行同时写了"),
    ("lifetime", "no customers", rows(customer=lambda i: ""), "没有一行同时写了"),
    ("lifetime", "days that do not exist", rows(date=lambda i: "2025-02-30"), "不是日期"),
    ("lifetime", "dates in words", rows(date=lambda i: "昨天"), "不是日期"),
    ("lifetime", "months only", rows(date=lambda i: f"2025-{1 + i % 12:02d}"), "不是日期"),
    ("lifetime", "dates never written", rows(date=lambda i: "1970-01-01 08:00:00"), "没有一行同时写了"),
    ("lifetime", "refunds only", rows(amount=lambda i: -5), "都是负数"),
    ("lifetime", "amounts in words", rows(amount=lambda i: "很多"), "不是数字"),
    ("lifetime", "absurd amounts", rows(amount=lambda i: f"{i + 1}e300"), "大得不像真的数"),
    ("uplift", "one group", rows(arm=lambda i: "A"), "只有一种值"),
    ("uplift", "no group", rows(arm=lambda i: ""), "只有一种值"),
    ("uplift", "a group per row", rows(arm=lambda i: f"g{i}"), "不像分组"),
    ("uplift", "three groups", rows(arm=lambda i: "ABC"[i % 3]), "不知道比哪两种"),
    ("uplift", "no outcome at all", rows(y=lambda i: ""), "全是空的"),
    ("uplift", "an outcome in words", rows(y=lambda i: ["好", "坏", "中"][i % 3]), "不是数字"),
    ("uplift", "one absurd outcome", rows(y=lambda i: "-1e200" if i == 5 else i % 7), "大得不像真的数"),
]


@pytest.mark.parametrize(
    ("name", "text", "words"), [(n, t, w) for n, _, t, w in REFUSALS], ids=[f"{r[0]}: {r[1]}" for r in REFUSALS]
)
def test_a_column_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert words in ask(name, tmp_path / "a.csv")["error"]


# command, what the file is like, the file, the reason of "undecided"
CANNOT_SAY = [
    ("compare", "one row", HEADER + "c,2025-01-01,1,A,1,1\n", "one_arm"),
    ("compare", "one arm", rows(arm=lambda i: "A"), "one_arm"),
    ("compare", "nobody", rows(y=lambda i: 0), "no_events"),
    ("compare", "everybody", rows(y=lambda i: 1), "no_events"),
    ("compare", "a constant amount", rows(y=lambda i: 5), "zero_variance"),
    ("compare", "a constant per arm", rows(y=lambda i: 5 + i % 2), "zero_variance"),
    ("compare", "amounts in one arm only", rows(y=lambda i: "" if i % 2 else 1.5), "no_rows"),
    ("compare", "one amount in an arm", rows(arm=lambda i: "AB"[i == 0], y=lambda i: i), "too_few_rows"),
    ("lifetime", "one row", HEADER + "c,2025-01-01,1,A,1,1\n", "too_few_customers"),
    ("lifetime", "one customer", rows(customer=lambda i: "c"), "too_few_customers"),
    ("lifetime", "one day", rows(date=lambda i: "2025-01-01"), "history_too_short"),
    ("lifetime", "everybody once", rows(customer=lambda i: f"c{i}"), "too_few_repeat_buyers"),
    ("lifetime", "a last day far off", rows(date=lambda i: "2099-12-31" if i == 0 else f"2025-{1 + i % 12:02d}-01"), "nothing_to_check_against"),
    ("uplift", "two rows", HEADER + "c,2025-01-01,1,A,1,1\nd,2025-01-01,1,B,1,1\n", "too_few_rows"),
    ("uplift", "outcomes in one arm only", rows(y=lambda i: "" if i % 2 else 1), "one_arm"),
    ("uplift", "nobody", rows(y=lambda i: 0), "too_few_events"),
    ("uplift", "a constant amount", rows(y=lambda i: 5), "zero_variance"),
    ("uplift", "nothing known", "arm,y\n" + "".join(f"{'AB'[i % 2]},{i * 7919 % 10 // 5}\n" for i in range(N)), "no_columns"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reason"), [(n, t, r) for n, _, t, r in CANNOT_SAY], ids=[f"{r[0]}: {r[1]}" for r in CANNOT_SAY]
)
def test_too_little_is_undecided_with_its_reason(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    found = ask(name, tmp_path / "a.csv")
    assert (found["verdict"], found["reason"]) == ("undecided", reason)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_column_that_stands_twice_is_refused_unless_both_say_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    lines = rows().splitlines()
    column, place = ("customer", 0) if name == "lifetime" else ("y", 4)
    path.write_text("\n".join(f"{line},{column if i == 0 else i % 3}" for i, line in enumerate(lines)) + "\n")
    found = ask(name, path)
    assert f"有 2 列都叫“{column}”" in found["error"] and found["column"] == column
    path.write_text("\n".join(f"{line},{line.split(',')[place]}" for line in lines) + "\n")
    assert ask(name, path)["ok"]
    path.write_text("\n".join(f"{line},{'Y ' if i == 0 else 1},{'ｙ' if i == 0 else 2}" for i, line in enumerate(lines)) + "\n")
    assert ask(name, path)["ok"]


def test_a_name_that_fits_several_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Arm,ARM,y\n" + "A,B,1\nB,A,0\n" * 20)
    assert "有 2 列都像“arm”" in ask("compare", path, "--arm", "arm", "--outcome", "y")["error"]
    assert ask("compare", path, "--arm", "ARM", "--outcome", "y")["ok"]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig", "utf-16"])
def test_chinese_files_of_every_encoding_are_judged(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    text = rows(arm=lambda i: ["对照", "发券"][i % 2], customer=lambda i: f"张三{i % 97}").replace("customer,date", "客户,日期")
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    for name in COMMANDS:
        assert ask(name, path)["ok"]


@pytest.mark.parametrize(
    "text",
    [
        rows(y=lambda i: f"{(-1) ** i * (i + 1)}e-200", amount=lambda i: f"{i + 1}e-200"),
        rows(y=lambda i: f"{1e14 + i}", amount=lambda i: f"{1e14 + i}", x=lambda i: f"{i % 9}e200"),
        rows(y=lambda i: 1e9 + i % 2 * 1e-3),
        rows(amount=lambda i: "nan" if i % 2 else "", x=lambda i: "" if i % 50 else i),
        rows(customer=lambda i: "x" * 100_000 if i == 0 else f"c{i % 97}"),
    ],
    ids=["tiny values", "the largest values", "hardly any variation", "missing everywhere", "a very long cell"],
)
def test_extreme_but_readable_files_are_judged(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    for name in COMMANDS:
        assert ask(name, tmp_path / "a.csv")["ok"]


def test_rounding_noise_of_constants_is_no_difference_by_clusters(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(rows(y=lambda i: 1e9 + i % 2 * 1e-3))
    found = ask("compare", tmp_path / "a.csv", "--arm", "arm", "--outcome", "y", "--cluster", "customer")
    assert (found["verdict"], found["reason"]) == ("undecided", "zero_variance")


def test_clusters_that_all_say_the_same_count_once_each(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("arm,y,who\n" + "".join(f"{'AB'[i % 2]},{i % 2},{i % 20}\n" for i in range(N)))
    found = ask("compare", path, "--arm", "arm", "--outcome", "y", "--cluster", "who")
    assert found["verdict"] == "better" and found["comparisons"][0]["method"] == "fisher_newcombe"
    assert found["p"] == pytest.approx(2 / 184_756)  # two of the 20 over 10 ways


def test_the_scores_are_never_written_over_the_file_or_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(rows())
    before = path.read_bytes()
    assert "同一个文件" in ask("uplift", path, *COMMANDS["uplift"], "--scores", str(path))["error"]
    assert "写不了" in ask("uplift", path, *COMMANDS["uplift"], "--scores", str(tmp_path / "no" / "s.csv"))["error"]
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("option", [("--cost", "-1"), ("--cost", "nan"), ("--value", "0"), ("--value", "inf"), ("--seeds", "0")])
def test_costs_and_values_that_are_none_are_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    command = importlib.import_module("zhanggui.doors.cli.uplift").uplift_command
    (tmp_path / "a.csv").write_text(rows())
    result = CliRunner().invoke(command, ["--csv", str(tmp_path / "a.csv"), *COMMANDS["uplift"], *option])
    assert result.exit_code == 2 and option[0] in result.output
