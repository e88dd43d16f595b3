"""The pages of the three judges say exactly what the commands print: keys, answers, reasons and warnings, in both directions."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from click.testing import CliRunner

from zhanggui.stats.compare.values import Reason as CompareReason
from zhanggui.stats.compare.values import VerdictWord as CompareVerdict
from zhanggui.stats.lifetime.judgement import Reason as LifetimeReason
from zhanggui.stats.lifetime.judgement import VerdictWord as LifetimeVerdict
from zhanggui.stats.tests.documented import codes, listed, paths
from zhanggui.stats.uplift.answer import Reason as UpliftReason
from zhanggui.stats.uplift.answer import VerdictWord as UpliftVerdict
from zhanggui.stats.uplift.learners import LEARNER_NAMES

FREE = {
    "compare": {"sample_ratio.observed", "sample_ratio.expected"},
    "lifetime": {"model.drivers", "backtests[].flagging"},
    "uplift": {"learners[].uplift_at"},
}


def printed(name: str, path: Path, *options: str) -> dict[str, Any]:
    command = getattr(importlib.import_module(f"zhanggui.doors.cli.{name}"), f"{name}_command")
    result = CliRunner().invoke(command, ["--csv", str(path), *options, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def comparisons(folder: Path) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    path = folder / "a.csv"
    rows = (f"{'ABC'[i % 3]},{'AB'[i % 2]},{i % 150},{rng.lognormal(3, 1):.2f},{int(rng.random() < 0.3)}" for i in range(900))
    path.write_text("three,two,客户,spend,bought\n" + "\n".join(rows) + "\n", encoding="utf-8")
    one = folder / "one.csv"
    one.write_text("two,spend\nA,1\nA,0\n", encoding="utf-8")
    return [
        printed("compare", path, "--arm", "two", "--outcome", "spend"),
        printed("compare", path, "--arm", "three", "--outcome", "bought"),
        printed("compare", path, "--arm", "two", "--outcome", "spend", "--cluster", "客户"),
        printed("compare", one, "--arm", "two", "--outcome", "spend"),
    ]


def forecasts(folder: Path) -> list[dict[str, Any]]:
    rng = np.random.default_rng(2)
    lines = ["customer,date,amount"]
    for i in range(260):
        day = int(rng.integers(0, 200))
        while day < 400:
            lines.append(f"c{i},{np.datetime64('2024-01-01') + day},{rng.lognormal(3, 0.5):.2f}")
            day += int(rng.exponential(20 if i % 3 else 200)) + 1
    path, few = folder / "l.csv", folder / "few.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    few.write_text("\n".join(lines[:10]) + "\n", encoding="utf-8")
    return [
        printed("lifetime", path, "--as-of", "2024-12-01", "--horizon", "30"),
        printed("lifetime", path),
        printed("lifetime", few),
    ]


def rankings(folder: Path) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    n = 2_000
    age, city = rng.integers(18, 70, n), rng.integers(0, 3, n)
    found = []
    for name, sent in (
        ("fair", rng.random(n) < 0.5),
        ("unfair", rng.random(n) < 1 / (1 + np.exp(-(age - 44) / 10))),
        ("few", np.arange(n) < 50),
    ):
        bought = rng.random(n) < 0.2 + sent * np.where(age < 40, 0.3, -0.1)
        path = folder / f"{name}.csv"
        rows = (f"{int(t)},{int(y)},{a},{'xyz'[c]}" for t, y, a, c in zip(sent, bought, age, city, strict=True))
        path.write_text("sent,bought,age,city\n" + "\n".join(rows) + "\n", encoding="utf-8")
        found.append(printed("uplift", path, "--treatment", "sent", "--outcome", "bought", "--seeds", "2", "--cost", "0.01"))
    assert found[0]["verdict"] == "usable" and found[1]["balance"]["imbalanced"] and found[2]["verdict"] == "undecided"
    return found


@pytest.mark.parametrize(("page", "make"), [("compare", comparisons), ("lifetime", forecasts), ("uplift", rankings)])
def test_the_documented_keys_are_the_printed_keys(page: str, make: Any, tmp_path: Path) -> None:
    outputs = make(tmp_path)
    assert len({tuple(found) for found in outputs}) == 1, "every answer has the same keys at the top, known or not"
    for found in outputs:
        # What the days after --as-of showed is told in the words of the backtests, which are documented once.
        if found.get("holdout") and found["backtests"]:
            assert set(paths(found["holdout"], set())) == set(paths(found["backtests"][0], set()))
            found["holdout"] = None
            assert set(found["backtests"][0]["flagging"]) == listed(page, "Ways of calling customers lost")
    seen = {path for found in outputs for path in paths(found, FREE[page])}
    assert listed(page, "Keys of `--json`") == seen


@pytest.mark.parametrize("page", ["compare", "lifetime", "uplift"])
def test_a_refusal_prints_its_documented_keys(page: str, tmp_path: Path) -> None:
    command = getattr(importlib.import_module(f"zhanggui.doors.cli.{page}"), f"{page}_command")
    options = {
        "compare": ["--arm", "a", "--outcome", "b"],
        "lifetime": [],
        "uplift": ["--treatment", "a", "--outcome", "b"],
    }
    result = CliRunner().invoke(command, ["--csv", str(tmp_path / "none.csv"), *options[page], "--json"])
    found = json.loads(result.output)
    assert result.exit_code == 2 and found["ok"] is False and found["remedy"]
    assert listed("compare", "When the file or the call cannot be understood") == set(found)


@pytest.mark.parametrize(
    ("page", "verdict", "reason"),
    [
        ("compare", CompareVerdict, CompareReason),
        ("lifetime", LifetimeVerdict, LifetimeReason),
        ("uplift", UpliftVerdict, UpliftReason),
    ],
)
def test_every_answer_and_reason_is_documented(page: str, verdict: Any, reason: Any) -> None:
    assert listed(page, "The answer") == set(get_args(verdict))
    assert listed(page, "Reasons") == set(get_args(reason))


def test_every_warning_is_documented() -> None:
    assert listed("compare", "Warnings") == codes("stats/compare", "doors/cli/compare.py")
    assert listed("lifetime", "Warnings") == codes("stats/lifetime", "doors/cli/lifetime.py")
    assert listed("uplift", "Warnings") == codes("stats/uplift", "doors/cli/uplift.py")
    assert listed("compare", "What a file may be") == codes("stats/tables.py")


def test_every_learner_is_documented() -> None:
    assert listed("uplift", "Learners") == set(LEARNER_NAMES)
