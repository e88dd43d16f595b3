"""The judge of experiments: known answers, error rates by simulation, and an honest "cannot say"."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from zhanggui.stats.compare import (
    Arm,
    Moments,
    Settings,
    anytime,
    beta_cdf,
    chi2_sf,
    expected_shares,
    fisher_exact,
    guess_control,
    judge,
    judge_pair,
    judge_rows,
    mover_ratio,
    newcombe,
    sample_ratio,
    t_quantile,
    t_two_sided,
    wilson,
)
from zhanggui.stats.tables import TableError

SHARED = Path(__file__).parents[4].parent / "shared" / "data"


def run(path: Path, *options: str) -> tuple[int, str]:
    command = importlib.import_module("zhanggui.doors.cli.compare").compare_command
    result = CliRunner().invoke(command, ["--csv", str(path), *options])
    return result.exit_code, result.output


def table(path: Path, groups: dict[str, list[float]], header: str = "组,结果") -> Path:
    path.write_text(header + "\n" + "".join(f"{g},{v}\n" for g, values in groups.items() for v in values), encoding="utf-8")
    return path


# Reference values: scipy 1.17 (stats.t, beta, chi2, fisher_exact).
def test_distributions_agree_with_scipy() -> None:
    assert t_two_sided(2.0, 5) == pytest.approx(0.10193947882985, rel=1e-9)
    assert t_quantile(0.975, 5) == pytest.approx(2.5705818366147395, rel=1e-9)
    assert t_quantile(0.975, 1.0) == pytest.approx(12.706204736432095, rel=1e-8)
    assert beta_cdf(0.3, 2.5, 0.7) == pytest.approx(0.029814024845250465, rel=1e-9)
    assert chi2_sf(12.0, 5) == pytest.approx(0.03478778050624185, rel=1e-9)
    assert chi2_sf(10.83, 1) == pytest.approx(0.000999, rel=1e-3)
    assert chi2_sf(5.0, 2) == pytest.approx(math.exp(-2.5))
    assert chi2_sf(5.0, 3) == pytest.approx(0.171797, rel=1e-5)
    assert fisher_exact(8, 10, 1, 10) == pytest.approx(0.005477, rel=1e-3)


def test_newcombe_gives_the_published_interval() -> None:
    """Newcombe 1998, table II (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    found = newcombe(56, 70, 48, 80, 0.05)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert wilson(0, 10, 0.05) == (0.0, pytest.approx(0.27753, abs=1e-5))


@pytest.mark.parametrize(("k1", "n1", "k0", "n0"), [(56, 70, 48, 80), (30, 300, 20, 300), (5, 50, 1, 60), (200, 1000, 240, 1000)])
def test_ratio_excludes_one_exactly_when_difference_excludes_zero(k1: int, n1: int, k0: int, n0: int) -> None:
    for alpha in np.linspace(0.001, 0.5, 60):
        difference, ratio = newcombe(k1, n1, k0, n0, float(alpha)), mover_ratio(k1, n1, k0, n0, float(alpha))
        assert (difference.low > 0) == ((ratio.low or 0) > 1)
        assert (difference.high < 0) == (ratio.high is not None and ratio.high < 1)


def test_moments_add_up() -> None:
    a, b = Moments.of([1.0, 2.0, 3.0]), Moments.of([4.0, 8.0])
    both = a + b
    assert both == Moments.of([1.0, 2.0, 3.0, 4.0, 8.0])
    assert both.mean == 3.6 and both.variance == pytest.approx(np.var([1, 2, 3, 4, 8], ddof=1))
    assert Moments.described(5, both.mean, both.variance).sumsq == pytest.approx(both.sumsq)
    assert math.isnan(Moments(0, 0, 0).mean) and math.isnan(Moments(1, 2, 4).variance)


def test_welch_agrees_with_scipy_from_moments_alone() -> None:
    """scipy.stats.ttest_ind([1..10], [3,5,..,21], equal_var=False): t = 3.0361, df = 13.2353, p = 0.0093849."""
    a, b = np.arange(1.0, 11.0), np.arange(3.0, 23.0, 2.0)
    found = judge({"对照": Moments.of(a), "新": Moments.of(b)}, "对照", "continuous")
    (d,) = found.differences
    assert d.effect == pytest.approx(6.5) and d.method == "welch_t"
    assert d.p == pytest.approx(0.009384904224990028, rel=1e-6) and d.verdict == "better"
    assert (
        judge({"对照": Moments.of(a), "新": Moments.of(b)}, "对照", "continuous", Settings(lower_is_better=True)).verdict
        == "worse"
    )


def test_the_four_answers() -> None:
    def answer(n: int, k0: int, k1: int) -> str:
        return judge({"A": Moments.binary(n, k0), "B": Moments.binary(n, k1)}, "A", "binary").verdict

    assert answer(20_000, 2_000, 2_300) == "better"
    assert answer(20_000, 2_300, 2_000) == "worse"
    assert answer(20_000, 2_000, 2_010) == "no_difference"
    assert answer(200, 20, 24) == "undecided"


def test_undecided_says_how_many_more_and_is_decided_by_that_many() -> None:
    d = judge({"A": Moments.binary(500, 50), "B": Moments.binary(500, 52)}, "A", "binary").differences[0]
    assert d.verdict == "undecided" and d.reason == "not_enough_data" and d.more_needed is not None
    n = 500 + math.ceil(d.more_needed / 2)
    again = judge({"A": Moments.binary(n, round(n * 0.1)), "B": Moments.binary(n, round(n * 0.1))}, "A", "binary").differences[0]
    assert again.verdict == "no_difference"
    assert str(f"{d.more_needed:,}") in d.sentence


@pytest.mark.parametrize(
    ("control", "treated", "kind", "reason"),
    [
        (Moments.binary(100, 0), Moments.binary(100, 0), "binary", "no_events"),
        (Moments.binary(100, 100), Moments.binary(100, 100), "binary", "no_events"),
        (Moments.of([3.0] * 10), Moments.of([5.0] * 10), "continuous", "zero_variance"),
        (Moments.of([3.0]), Moments.of([5.0, 6.0]), "continuous", "too_few_rows"),
        (Moments(0, 0, 0), Moments.binary(10, 1), "binary", "no_rows"),
    ],
)
def test_cannot_say_is_not_p_equal_one(control: Moments, treated: Moments, kind: str, reason: str) -> None:
    d = judge_pair(Arm("A", control), Arm("B", treated), kind)  # type: ignore[arg-type]
    assert (d.verdict, d.reason, d.p, d.anytime_p) == ("undecided", reason, None, None)


def test_tiny_counts_use_the_exact_test() -> None:
    d = judge({"A": Moments.binary(12, 0), "B": Moments.binary(12, 8)}, "A", "binary").differences[0]
    assert d.method == "fisher_newcombe" and d.verdict == "better" and d.p == pytest.approx(0.0013, abs=2e-4)
    assert d.relative is None and d.relative_interval.high is None


def test_sample_ratio_warns_below_one_in_a_thousand_and_withholds_the_verdict() -> None:
    arms = {"A": Moments.binary(10_000, 1_000), "B": Moments.binary(9_400, 1_200)}
    found = judge(arms, "A", "binary")
    assert found.sample_ratio.mismatch and found.verdict == "undecided" and found.reason == "sample_ratio_mismatch"
    assert found.warnings[0].code == "sample_ratio_mismatch"
    close = judge({"A": Moments.binary(10_000, 1_000), "B": Moments.binary(9_400, 945)}, "A", "binary").differences[0]
    assert (close.verdict, close.reason, close.more_needed) == ("undecided", "sample_ratio_mismatch", None)
    fine = judge({"A": Moments.binary(10_000, 1_000), "B": Moments.binary(9_800, 1_200)}, "A", "binary")
    assert not fine.sample_ratio.mismatch and fine.verdict == "better"


def test_unequal_shares_are_checked_only_against_what_was_planned() -> None:
    arms = {"A": Moments.binary(1_000, 100), "B": Moments.binary(9_000, 1_300)}
    unsaid = judge(arms, "A", "binary")
    assert unsaid.verdict == "better" and unsaid.warnings[0].code == "sample_ratio_not_equal"
    planned = judge(arms, "A", "binary", shares={"A": 0.1, "B": 0.9})
    assert planned.verdict == "better" and planned.warnings == ()
    swapped = sample_ratio({"A": 1_000, "B": 9_000}, {"A": 0.9, "B": 0.1})
    assert swapped.mismatch and "写反" in swapped.hint


def test_expected_share_in_its_spellings() -> None:
    assert expected_shares("0.9", ["A", "B"], "A")[0] == {"A": pytest.approx(0.1), "B": 0.9}
    assert expected_shares("90%", ["A", "B"], "B")[0] == {"A": 0.9, "B": pytest.approx(0.1)}
    assert expected_shares("A=0.5,B=0.25,C=0.25", ["A", "B", "C"], "A")[0] == {"A": 0.5, "B": 0.25, "C": 0.25}
    assert expected_shares("", ["A", "B"], "A") == (None, [])
    assert expected_shares("0.5", ["A", "B", "C"], "A")[1][0].code == "expected_share_ignored"
    for bad in ("1.5", "x", "A=0.5", "0"):
        with pytest.raises(TableError, match="--expected-share"):
            expected_shares(bad, ["A", "B"], "A")


def test_several_arms_share_the_error_rate() -> None:
    arms = {
        "A": Moments.binary(5_000, 500),
        "B": Moments.binary(5_000, 565),
        "C": Moments.binary(5_000, 500),
        "D": Moments.binary(5_000, 505),
    }
    found = judge(arms, "A", "binary", Settings(min_effect=0.3))
    b = found.differences[0]
    assert b.p is not None and b.p < 0.05 < 3 * b.p and b.p_adjusted == pytest.approx(3 * b.p)
    assert b.verdict == "no_difference" and b.interval.low is not None and b.interval.low < 0
    alone = judge({"A": arms["A"], "B": arms["B"]}, "A", "binary").differences[0]
    assert alone.verdict == "better"


def test_one_arm_is_undecided() -> None:
    found = judge({"A": Moments.binary(10, 1)}, "A", "binary")
    assert (found.verdict, found.reason, found.differences) == ("undecided", "one_arm", ())


def test_control_is_guessed_by_name_only_when_there_is_one() -> None:
    assert guess_control(["B", "A"]) == "A" and guess_control(["1", "0"]) == "0" and guess_control(["新版", "对照组"]) == "对照组"
    assert guess_control(["Womens E-Mail", "No E-Mail"]) == "No E-Mail" and guess_control(["红", "蓝"]) is None


@pytest.mark.parametrize("p", [0.02, 0.1, 0.5])
def test_false_positives_of_proportions_stay_near_alpha(p: float) -> None:
    rng = np.random.default_rng(1)
    shown = covered = 0
    for _ in range(800):
        a, b = rng.binomial(1_000, p), rng.binomial(1_000, p)
        d = judge_pair(Arm("A", Moments.binary(1_000, int(a))), Arm("B", Moments.binary(1_000, int(b))), "binary")
        shown += d.verdict in ("better", "worse")
        covered += d.interval.low <= 0 <= d.interval.high
    assert shown / 800 <= 0.07 and covered / 800 >= 0.93


def test_false_positives_of_heavy_tailed_unequal_arms_stay_near_alpha() -> None:
    rng = np.random.default_rng(2)
    shown = 0
    codes = np.repeat([0, 1], [1_500, 150])
    for _ in range(150):
        y = rng.lognormal(3, 1.5, 1_650) * (rng.random(1_650) < 0.3)
        shown += judge_rows(["A", "B"], codes, y, "A").verdict in ("better", "worse")
    assert shown / 150 <= 0.1  # Welch's t alone: about 0.11


def test_clusters_widen_the_interval_to_the_truth() -> None:
    rng = np.random.default_rng(3)
    naive = honest = 0
    for _ in range(120):
        sizes = rng.integers(5, 25, 60)
        groups = np.repeat(np.arange(60), sizes)
        y = rng.normal(0, 1, 60)[groups] + rng.normal(0, 1, len(groups))
        naive += judge_rows(["A", "B"], groups % 2, y, "A").verdict in ("better", "worse")
        honest += judge_rows(["A", "B"], groups % 2, y, "A", clusters=groups).verdict in ("better", "worse")
    assert naive / 120 > 0.4 and honest / 120 <= 0.1


def test_a_few_clusters_in_both_arms_do_not_widen_everything() -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(300), 4)
    y, codes = rng.normal(0, 1, 300)[groups] + rng.normal(0, 1, 1_200), groups % 2
    apart = judge_rows(["A", "B"], codes, y, "A", clusters=groups).differences[0]
    crossed = codes.copy()
    crossed[[0, 40, 80]] ^= 1
    mixed = judge_rows(["A", "B"], crossed, y, "A", clusters=groups).differences[0]
    widths = [d.interval.high - d.interval.low for d in (apart, mixed)]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)


def test_an_effect_made_by_one_row_is_called_so() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(10, 2, 4_000)
    codes = np.arange(4_000) % 2
    y[1:16:2] += 400
    found = judge_rows(["A", "B"], codes, y, "A")
    s = found.differences[0].sensitivity
    assert found.verdict == "better" and s is not None and not s.agrees
    assert any(n.code == "outliers_decide" for n in found.warnings)
    calm = judge_rows(["A", "B"], codes, rng.normal(10, 2, 4_000), "A")
    assert calm.differences[0].sensitivity is not None and calm.differences[0].sensitivity.agrees


def test_missing_outcomes_are_counted_and_uneven_ones_named() -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(4_000) < 0.2).astype(float)
    codes = np.arange(4_000) % 2
    y[(codes == 1) & (rng.random(4_000) < 0.2)] = np.nan
    found = judge_rows(["A", "B"], codes, y, "A")
    assert found.missing == int(np.isnan(y).sum()) and found.arms[0].missing == 0
    assert {n.code for n in found.warnings} == {"missing_outcomes", "differential_missing"}


def test_looking_every_day_does_not_break_the_anytime_interval() -> None:
    rng = np.random.default_rng(6)
    fixed = always = 0
    for _ in range(300):
        sums = np.cumsum(rng.normal(0, 1, (40, 50)).sum(axis=1))
        fixed_hit = always_hit = False
        for day in range(1, 40):
            se = 1 / math.sqrt((day + 1) * 50)
            mean = sums[day] / ((day + 1) * 50)
            fixed_hit |= abs(mean) > 1.96 * se
            always_hit |= anytime(float(mean), se, 0.05, 0.1)[0] < 0.05
        fixed, always = fixed + fixed_hit, always + always_hit
    assert fixed / 300 > 0.2 and always / 300 <= 0.05


def test_command_prints_json_and_words(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", {"对照": [0] * 900 + [1] * 100, "新": [0] * 800 + [1] * 200})
    code, output = run(path, "--arm", "组", "--outcome", "结果", "--json")
    found = json.loads(output)
    assert code == 0 and found["ok"] and found["verdict"] == "better" and found["control"] == "对照" and found["kind"] == "binary"
    assert found["effect"] == pytest.approx(0.1) and found["relative_effect"] == pytest.approx(1.0) and found["interval"][0] > 0
    code, output = run(path, "--arm", "组", "--outcome", "结果")
    assert code == 0 and output.startswith("结论：更好")


def test_command_refuses_with_status_two_and_a_remedy(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", {"红": [1.5, 2], "蓝": [3, 4]})
    for options, words in [
        (("--arm", "组", "--outcome", "没有"), "没有“没有”这一列"),
        (("--arm", "组", "--outcome", "结果"), "看不出“组”列里哪一组是对照组"),
        (("--arm", "组", "--outcome", "结果", "--control", "绿"), "没有“绿”这一组"),
        (("--arm", "组", "--outcome", "组"), "同一列"),
    ]:
        code, output = run(path, *options, "--json")
        found = json.loads(output)
        assert code == 2 and found["ok"] is False and words in found["error"] and found["remedy"]
    code, output = run(path, "--arm", "组", "--outcome", "没有")
    assert code == 2 and "怎么办" in output


def test_command_exits_zero_when_undecided_and_warns_of_repeated_customers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("customer_id,arm,y\n" + "".join(f"{i // 2},{'AB'[i % 2]},{i % 7}\n" for i in range(60)), encoding="utf-8")
    code, output = run(path, "--arm", "arm", "--outcome", "y", "--json")
    found = json.loads(output)
    assert code == 0 and found["verdict"] == "undecided" and found["more_needed"] > 0
    assert {"rows_repeat_units", "units_in_several_arms"} <= {w["code"] for w in found["warnings"]}
    one = tmp_path / "b.csv"
    one.write_text("arm,y\nA,1\nA,0\n", encoding="utf-8")
    code, output = run(one, "--arm", "arm", "--outcome", "y", "--json")
    assert code == 0 and json.loads(output)["reason"] == "one_arm"


@pytest.mark.shared
def test_asos_tests_are_reproduced_from_means_and_variances() -> None:
    """Each last row of `asos_ab`: Welch's z from the published means and variances against ours from moments."""
    if not SHARED.exists():
        pytest.skip("no shared data beside the checkout")
    import csv
    import gzip

    with gzip.open(SHARED / "asos_ab" / "metrics.csv.gz", "rt") as file:
        last = {(r["experiment_id"], r["variant_id"], r["metric_id"]): r for r in csv.DictReader(file)}
    checked = 0
    for (_, _, metric), r in last.items():
        if not (r["variance_c"] and r["variance_t"] and r["mean_c"] and r["mean_t"]):
            continue
        n0, n1 = int(float(r["count_c"])), int(float(r["count_t"]))
        m0, m1, v0, v1 = (float(r[k]) for k in ("mean_c", "mean_t", "variance_c", "variance_t"))
        if v0 + v1 <= 0:
            continue
        d = judge_pair(Arm("c", Moments.described(n0, m0, v0)), Arm("t", Moments.described(n1, m1, v1)), "continuous")
        z = (m1 - m0) / math.sqrt(v0 / n0 + v1 / n1)
        assert d.effect == pytest.approx(m1 - m0, abs=1e-9 * max(1, abs(m0))) and d.p == pytest.approx(
            math.erfc(abs(z) / math.sqrt(2)), rel=2e-3, abs=1e-9
        )
        if metric == "1" and min(m0, m1) > 0:
            b = judge_pair(Arm("c", Moments.binary(n0, round(n0 * m0))), Arm("t", Moments.binary(n1, round(n1 * m1))), "binary")
            assert b.p == pytest.approx(d.p, abs=0.01)
        checked += 1
    assert checked > 150
