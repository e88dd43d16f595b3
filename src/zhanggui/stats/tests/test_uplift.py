"""Whom to treat: planted differences are found, absent ones are not invented, and what could not be known before is left out."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from zhanggui.stats import uplift
from zhanggui.stats.tables import read_table
from zhanggui.stats.uplift import Column, Uplift, auuc, judge, mean_estimate, qini, rank_share, read_columns

NAMES = ("age", "spend", "member")


def world(n: int, seed: int, kind: str, *, share: float = 0.5) -> tuple[list[Column], np.ndarray, np.ndarray, np.ndarray]:
    """People with three columns, a coin for the treatment, a binary outcome; returns also the true effect."""
    rng = np.random.default_rng(seed)
    age, spend, member = rng.uniform(18, 70, n), rng.lognormal(4, 1, n), (rng.random(n) < 0.4).astype(float)
    t = (rng.random(n) < share).astype(float)
    base = -1.6 + 0.3 * (np.log(spend) - 4)
    turn = {"strong": 0.9 * member - 0.02 * (age - 44), "none": np.full(n, 0.5), "zero": np.zeros(n)}[kind]
    p1, p0 = 1 / (1 + np.exp(-base - turn)), 1 / (1 + np.exp(-base))
    if kind == "none":  # the same effect on the probability scale for everybody, unrelated to who buys anyway
        p1 = np.clip(p0 + 0.05, 0, 1)
    y = (rng.random(n) < np.where(t == 1, p1, p0)).astype(float)
    return [Column(k, v) for k, v in zip(NAMES, (age, spend, member), strict=True)], t, y, p1 - p0


@pytest.fixture(scope="module")
def strong() -> tuple[Uplift, np.ndarray]:
    columns, t, y, truth = world(12_000, 1, "strong")
    return judge(columns, t, y, value=10.0, cost=0.6, seeds=2), truth


def test_planted_differences_are_found_and_named(strong: tuple[Uplift, np.ndarray]) -> None:
    found, truth = strong
    assert found.verdict == "usable" and found.chosen != "outcome"
    chosen = next(r for r in found.rankings if r.learner == found.chosen)
    assert chosen.gain_over_random.low > 0 and chosen.gain_over_outcome.low > 0 and len(chosen.by_seed) == 2
    assert float(np.corrcoef(found.scores, truth)[0, 1]) > 0.85
    assert {d.column for d in found.drivers[:2]} == {"age", "member"} and "效果最大" in found.drivers[0].words
    assert found.heterogeneity is not None and found.heterogeneity.low > 0
    assert found.honest_gain_over_outcome is not None and found.honest_gain_over_outcome.value > 0


def test_deciles_are_calibrated_within_their_intervals(strong: tuple[Uplift, np.ndarray]) -> None:
    found, _ = strong
    inside = [
        d.observed.value - 2.6 * d.observed.se <= d.predicted <= d.observed.value + 2.6 * d.observed.se for d in found.deciles
    ]
    assert sum(inside) >= 9 and sum(d.rows for d in found.deciles) == 12_000
    assert found.deciles[-1].observed.value > found.deciles[0].observed.value + 0.1


def test_recommended_policy_earns_more_than_everybody_and_nobody(strong: tuple[Uplift, np.ndarray]) -> None:
    found, truth = strong
    by_name = {p.name: p for p in found.policies}
    assert found.recommended_share == by_name["recommended"].share and 0.2 < by_name["recommended"].share < 0.9
    assert by_name["recommended"].profit.value > max(by_name["everybody"].profit.value, 0)
    chosen = found.scores * 10 > 0.6
    real = float(np.where(chosen, truth * 10 - 0.6, 0).mean())
    assert by_name["recommended"].profit.low <= real <= by_name["recommended"].profit.high


def test_no_differences_are_not_invented() -> None:
    found = [judge(*world(1_500, 100 + i, kind)[:3], seeds=1) for kind in ("zero", "none") for i in range(20)]
    assert sum(f.verdict == "usable" for f in found) <= 4  # 5 % of 40 expected
    flat = next(f for f in found if f.verdict == "no_heterogeneity")
    assert any(n.code == "no_usable_heterogeneity" for n in flat.notes) and float(np.ptp(flat.scores)) < 0.01


def test_without_a_shown_gain_nobody_is_told_to_pay_for_it() -> None:
    columns, t, y, _ = world(4_000, 9, "zero")
    found = judge(columns, t, y, value=1.0, cost=1.0, seeds=1)
    assert found.recommended_share == 0.0 or max(p.profit.value for p in found.policies) <= 0.01


@pytest.mark.parametrize(
    ("rows", "reason"),
    [(60, "too_few_rows"), (400, "too_few_events")],
)
def test_too_little_data_is_undecided(rows: int, reason: str) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(rows) % 2.0
    y = (np.arange(rows) < 4).astype(float)
    found = judge([Column("x", rng.normal(size=rows))], t, y)
    assert (found.verdict, found.reason) == ("undecided", reason) and np.isnan(found.scores).all()


def test_one_arm_no_columns_and_no_variation_are_undecided() -> None:
    rng = np.random.default_rng(0)
    x, t = [Column("x", rng.normal(size=500))], np.arange(500) % 2.0
    assert judge(x, np.ones(500), rng.integers(0, 2, 500).astype(float)).reason == "one_arm"
    assert judge([], t, rng.integers(0, 2, 500).astype(float)).reason == "no_columns"
    assert judge(x, t, np.full(500, 3.5)).reason == "zero_variance"


def test_columns_from_after_the_treatment_are_left_out() -> None:
    columns, t, y, _ = world(3_000, 11, "strong")
    rng = np.random.default_rng(1)
    late = [
        Column("spent_after", y * rng.lognormal(3, 1, 3_000)),
        Column("dose", t * rng.uniform(1, 3, 3_000)),
        Column("result_copy", y + rng.normal(0, 0.01, 3_000)),
    ]
    found = judge(columns + late, t, y, seeds=1)
    assert found.columns == NAMES
    assert [n.code for n in found.notes if n.code.endswith("_dropped")] == [
        "outcome_leak_dropped",
        "treatment_copy_dropped",
        "outcome_leak_dropped",
    ]


def test_treatment_chosen_by_the_person_is_warned_about_and_corrected() -> None:
    rng = np.random.default_rng(12)
    n = 8_000
    x = rng.normal(size=n)
    t = (rng.random(n) < 1 / (1 + np.exp(-1.2 * x))).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(2 - 1.0 * x))).astype(float)  # no effect at all, only selection
    found = judge([Column("x", x), Column("z", rng.normal(size=n))], t, y, seeds=1)
    assert (
        found.notes[0].code == "treatment_predictable"
        and "x" in found.notes[0].message
        and found.balance_auc is not None
        and found.balance_auc > 0.7
    )
    assert found.imbalanced[0][0] == "x" and found.effect.low < 0.01
    naive = y[t == 1].mean() - y[t == 0].mean()
    assert naive > 0.1 and abs(found.effect.value) < 0.4 * naive


def test_amounts_are_judged_too() -> None:
    rng = np.random.default_rng(13)
    n = 8_000
    x, t = rng.normal(size=n), (rng.random(n) < 0.5).astype(float)
    y = rng.lognormal(2, 0.5, n) + t * (2 + 3 * x)
    found = judge([Column("x", x), Column("noise", rng.normal(size=n))], t, y, seeds=1)
    assert found.kind == "continuous" and found.verdict != "no_heterogeneity" and float(np.corrcoef(found.scores, x)[0, 1]) > 0.9


def test_rows_without_a_result_are_scored_by_the_model() -> None:
    columns, t, y, truth = world(6_000, 14, "strong")
    y2 = y.copy()
    y2[4_000:] = np.nan
    found = judge(columns, t, y2, seeds=1)
    assert found.rows == 4_000 and float(np.corrcoef(found.scores[4_000:], truth[4_000:])[0, 1]) > 0.8


def test_scales_of_auuc_and_qini() -> None:
    """AUUC of a random ranking is half the average effect; Qini of random is 0 and of a perfect ranking 1."""
    rng = np.random.default_rng(15)
    n = 20_000
    t = rng.random(n) < 0.5
    helps = rng.random(n) < 0.3
    y = (helps & t).astype(float)
    random_, perfect = rng.random(n), helps.astype(float)
    assert auuc(random_, t, y, rng) == pytest.approx(0.15, abs=0.01) and auuc(perfect, t, y, rng) == pytest.approx(
        0.3 * (1 - 0.15), abs=0.01
    )
    assert qini(random_, t, y, rng) == pytest.approx(0, abs=0.05) and 0.5 < qini(perfect, t, y, rng) <= 1.0
    share = rank_share(np.array([3.0, 1.0, 2.0, 2.0]), rng)
    assert share[0] == 0.875 and share[1] == 0.125
    assert mean_estimate(np.array([1.0, 3.0])).value == 2.0


def run(path: Path, *options: str) -> tuple[int, str]:
    command = importlib.import_module("zhanggui.doors.cli.uplift").uplift_command
    result = CliRunner().invoke(command, ["--csv", str(path), *options])
    return result.exit_code, result.output


def write(path: Path, n: int = 3_000) -> Path:
    columns, t, y, _ = world(n, 16, "strong")
    age, spend, member = (c.numbers for c in columns)
    lines = ["会员号,城市,年龄,消费,会员,备注,发券,回购"]
    for i in range(n):
        city = ("上海", "北京", "")[i % 3]
        lines.append(
            f"U{i:06d},{city},{age[i]:.0f},{spend[i]:.2f},{'是' if member[i] else '否'},常,{'发' if t[i] else '不发'},{'是' if y[i] else '否'}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="gbk")
    return path


def test_identifiers_constants_and_words_are_understood(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv"))
    columns, notes = read_columns(table, ["发券", "回购"])
    assert [c.name for c in columns] == ["城市", "年龄", "消费", "会员"]
    assert (
        {n.code for n in notes} == {"identifiers_dropped", "constants_dropped"}
        and "会员号" in notes[0].message
        and "备注" in notes[1].message
    )
    assert columns[0].levels == ("上海", "北京")
    basis, paired = uplift.expand(columns)
    assert basis.shape[0] == 3_000 and np.isfinite(basis).all() and paired.sum() == 1  # 年龄 × 消费; 会员 is a word


def test_command_prints_json_and_writes_scores(tmp_path: Path) -> None:
    path, out = write(tmp_path / "a.csv"), tmp_path / "scores.csv"
    options = ("--treatment", "发券", "--outcome", "回购", "--cost", "0.5", "--value", "10", "--seeds", "1")
    code, output = run(path, *options, "--scores", str(out), "--json")
    found = json.loads(output)
    assert code == 0 and found["ok"] and found["treated"] == "发" and found["control"] == "不发" and found["verdict"] == "usable"
    assert len(found["scores"]) == 3_000 and out.read_text(encoding="utf-8-sig").count("\n") == 3_001
    code, output = run(path, *options)
    assert code == 0 and output.startswith("结论：可以按增量挑人") and "效果最大" in output


def test_command_refuses_with_status_two(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 300)
    for options, words in [
        (("--treatment", "没有", "--outcome", "回购"), "没有“没有”这一列"),
        (("--treatment", "年龄", "--outcome", "回购"), "不像分组"),
        (("--treatment", "备注", "--outcome", "回购"), "只有一种值"),
        (("--treatment", "城市", "--outcome", "回购"), "看不出“城市”列里哪个是没发"),
        (("--treatment", "发券", "--outcome", "城市"), "不是数字"),
        (("--treatment", "发券", "--outcome", "发券"), "同一列"),
    ]:
        code, output = run(path, *options, "--json")
        found = json.loads(output)
        assert code == 2 and not found["ok"] and words in found["error"] and found["remedy"], options
