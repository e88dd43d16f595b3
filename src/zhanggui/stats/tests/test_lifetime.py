"""Who is still a customer: a known truth is found again, the past is never mixed with the future, and short histories get no verdict."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from zhanggui.stats import lifetime
from zhanggui.stats.lifetime import (
    Params,
    Purchases,
    Summary,
    fit,
    forecast,
    gather,
    judge,
    log_likelihood,
    measure,
    outcome,
    predict,
    summarise,
)

SHARED = Path(__file__).parents[4].parent / "shared" / "data"


def shop(
    customers: int, days: int, seed: int, *, r: float = 0.6, alpha: float = 6.0, s: float = 0.6, beta: float = 12.0
) -> Purchases:
    """Customers who come in over the whole time, buy at gamma rates (per week) and leave silently: the model's own world."""
    rng = np.random.default_rng(seed)
    who, day = [], []
    for i in range(customers):
        start = rng.uniform(0, days * 0.6)
        rate, leaves = rng.gamma(r, 1 / alpha) / 7, start + rng.exponential(1 / max(rng.gamma(s, 1 / beta) / 7, 1e-9))
        at = start
        while at < min(days, leaves) or at == start:
            who.append(i)
            day.append(int(at))
            at += rng.exponential(1 / max(rate, 1e-9))
    amount = rng.gamma(4, 25, len(who))
    return gather([f"c{i}" for i in range(customers)], np.array(who), np.array(day) + 18_000, amount)


@pytest.fixture(scope="module")
def big() -> Purchases:
    return shop(2_500, 560, 1)


def test_rows_of_one_day_are_one_purchase_and_negative_amounts_are_refunds() -> None:
    found = gather(["a", "b"], np.array([0, 0, 0, 1, 1]), np.array([5, 5, 9, 5, 7]), np.array([1.0, 2.0, 4.0, 8.0, -3.0]))
    assert list(found.who) == [0, 0, 1] and list(found.day) == [5, 9, 5] and list(found.amount) == [3.0, 4.0, 8.0]
    assert list(found.lines) == [2, 1, 1] and list(found.refunds.by_customer(2)) == [0.0, 3.0]
    assert list(found.until(6).refunds.by_customer(2)) == [0.0, 0.0] and list(found.until(6).day) == [5, 5]
    s = summarise(found, 12)
    assert (
        list(s.x) == [1.0, 0.0]
        and list(s.recency * 7) == [4.0, 0.0]
        and list(s.age * 7) == [7.0, 7.0]
        and list(s.silent_days) == [3.0, 7.0]
    )
    assert list(summarise(found, 5).x) == [0.0, 0.0] and len(summarise(found, 4).x) == 0


def test_likelihood_matches_numerical_integration_of_the_model() -> None:
    """Pareto/NBD likelihood by brute force over a fine grid of (rate, leaving rate)."""
    r, alpha, s, beta = 0.7, 5.0, 0.8, 9.0
    rng = np.random.default_rng(0)
    rate, leave = rng.gamma(r, 1 / alpha, 2_000_000), rng.gamma(s, 1 / beta, 2_000_000)
    for x, recency, age in ((0.0, 0.0, 20.0), (3.0, 12.0, 30.0), (9.0, 6.0, 25.0)):
        both = rate + leave
        likelihood = rate**x / both * (leave * np.exp(-both * recency) + rate * np.exp(-both * age))
        ours = log_likelihood((r, alpha, s, beta), np.array([x]), np.array([recency]), np.array([age]), np.ones(1))
        assert ours == pytest.approx(float(np.log(likelihood.mean())), abs=0.02)


def test_predictions_match_simulated_customers() -> None:
    params = Params(0.7, 5.0, 0.8, 9.0)
    s = Summary(np.arange(3), np.array([0.0, 3.0, 9.0]), np.array([0.0, 12.0, 24.0]), np.array([20.0, 30.0, 25.0]))
    found = predict(params, s, 70)
    rng = np.random.default_rng(1)
    rate, leave = rng.gamma(0.7, 1 / 5.0, 1_000_000), rng.gamma(0.8, 1 / 9.0, 1_000_000)
    for i in range(3):
        x, recency, age = s.x[i], s.recency[i], s.age[i]
        both = rate + leave
        alive = rate**x * np.exp(-both * age)
        gone = rate**x * leave / both * (np.exp(-both * recency) - np.exp(-both * age))
        weight = float((alive + gone).sum())
        assert found.alive[i] == pytest.approx(float(alive.sum()) / weight, abs=0.01)
        assert found.expected[i] == pytest.approx(float((alive * rate * -np.expm1(-leave * 10) / leave).sum()) / weight, rel=0.02)
        buys = float((alive * rate / both * -np.expm1(-both * 10)).sum()) / weight
        assert found.buys[i] == pytest.approx(buys, abs=0.01)


def test_parameters_of_the_models_own_world_are_found_again(big: Purchases) -> None:
    params = fit(summarise(big, int(big.day.max())))
    assert params.converged and 0.45 < params.r < 0.8 and 4 < params.alpha < 9 and 0.3 < params.s < 1.2
    assert params.distinct < 2_500


def test_every_sub_shop_converges_with_sane_numbers(big: Purchases) -> None:
    s = summarise(big, int(big.day.max()))
    rng = np.random.default_rng(2)
    for size in (50, 80, 120, 200, 400, 1_000):
        for _ in range(8):
            pick = np.sort(rng.choice(len(s.x), size, replace=False))
            part = Summary(s.who[pick], s.x[pick], s.recency[pick], s.age[pick])
            params = fit(part)
            found = predict(params, part, 90)
            assert params.converged and 0.01 < params.r < 20 and 0.001 < params.s < 50
            assert np.isfinite(found.expected).all() and found.buys.min() >= 0 and (found.buys <= found.alive + 1e-9).all()


@pytest.mark.parametrize("x", [0.0, 6.0])
def test_shops_where_everybody_is_alike_still_converge(x: float) -> None:
    n = 60
    s = Summary(np.arange(n), np.full(n, x), np.full(n, 20.0 if x else 0.0), np.full(n, 26.0))
    params = fit(s)
    assert params.converged and np.isfinite(predict(params, s, 30).buys).all()


def test_forecast_is_calibrated_and_beats_the_rule_on_unseen_days(big: Purchases) -> None:
    as_of = int(big.day.min()) + 430
    f = forecast(big, as_of, 90)
    bought, worth = outcome(big, f.summary, as_of, 90)
    a = measure(f, bought, worth)
    assert abs(a.bias) < 0.12 and a.calibration_error < 0.04 and a.auc_buys > a.auc_recency
    assert a.wrong_at_rule_recall < a.rule_wrong and a.difference[0] == a.wrong_at_rule_recall - a.rule_wrong
    assert abs(a.interval_coverage - a.interval_promised) < 0.03 and a.interval_coverage > lifetime.LEVEL
    assert a.mae_likely <= a.mae_expected
    assert np.all(f.low <= f.likely) and np.all(f.likely <= f.high) and np.all(f.buys <= f.alive) and np.all(f.expected >= f.buys)
    rule, same_misses, same_volume, _ = a.flaggings
    assert (
        same_misses.missed <= rule.missed
        and same_misses.wrongly_woken < rule.wrongly_woken
        and same_volume.flagged == rule.flagged
    )


def test_rows_after_the_as_of_day_change_nothing_in_the_forecast(big: Purchases) -> None:
    as_of = int(big.day.min()) + 400
    seen = big.day <= as_of
    cut = replace(big, who=big.who[seen], day=big.day[seen], amount=big.amount[seen], lines=big.lines[seen])
    late = lifetime.Refunds(big.who[:500], np.full(500, as_of + 1), np.full(500, 1_000.0))
    cut = replace(cut, refunds=lifetime.Refunds(*(np.zeros(0, dtype=t) for t in (np.int64, np.int64, float))))
    big = replace(big, refunds=late)
    a, b = forecast(big, as_of, 60), forecast(cut, as_of, 60)
    assert np.array_equal(a.buys, b.buys) and np.array_equal(a.expected, b.expected) and np.array_equal(a.value, b.value)


def test_verdict_beside_the_rule_and_undecided_where_history_is_short(big: Purchases) -> None:
    found = judge(big, int(big.day.min()) + 450, 60)
    assert found.verdict == "better" and len(found.backtests) == 3 and found.holdout is not None
    assert all(t.origin + t.horizon <= found.as_of for t in found.backtests)
    assert judge(big, int(big.day.min()) + 20, 30).reason == "history_too_short"
    few = gather([f"c{i}" for i in range(10)], np.repeat(np.arange(10), 20), np.tile(np.arange(20) * 10, 10))
    assert judge(few).reason == "too_few_customers"
    once = gather([f"c{i}" for i in range(50)], np.arange(50), np.arange(50) * 5)
    assert judge(once).reason == "too_few_repeat_buyers"
    assert judge(few).forecast is None and judge(few).verdict == "undecided"


def test_small_shops_get_numbers_and_a_warning() -> None:
    small = shop(120, 400, 7)
    found = judge(small, None, 60)
    assert found.forecast is not None and any(n.code == "small_shop" for n in found.notes)
    assert np.isfinite(found.forecast.buys).all() and np.isfinite(found.forecast.value_high).all()


def test_without_amounts_there_is_no_value_instead_of_zero() -> None:
    p = shop(300, 300, 8)
    found = forecast(gather(p.customers, p.who, p.day), int(p.day.max()), 30)
    assert np.isnan(found.value).all() and np.isfinite(found.expected).all()


def test_a_purchase_without_amount_is_worth_what_purchases_are_worth() -> None:
    who, day = np.array([0, 0, 1, 1, 1]), np.array([1, 2, 1, 1, 3])
    found = gather(["a", "b"], who, day, np.array([10.0, np.nan, 20.0, np.nan, 30.0]))
    assert list(found.amount) == [10.0, 20.0, 20.0, 30.0] and found.has_amounts
    assert not gather(["a", "b"], who, day, np.full(5, np.nan)).has_amounts


def test_looking_from_after_the_file_and_a_lonely_last_day_are_told() -> None:
    p = shop(300, 300, 8)
    last = int(p.day.max())
    assert judge(p, last + 40, 30).notes[0].code == "looking_from_after_the_file"
    assert {n.code for n in judge(p, last, 30).notes} == {"small_shop"}
    late = replace(p, who=np.r_[p.who, 299], day=np.r_[p.day, last + 400], amount=np.r_[p.amount, 5.0], lines=np.r_[p.lines, 1])
    found = judge(late)
    assert "lonely_last_day" in {n.code for n in found.notes} and "--as-of" in found.notes[0].message
    assert "lonely_last_day" not in {n.code for n in judge(p).notes}


def test_refunds_are_deducted_from_the_value_and_only_when_they_were_known() -> None:
    p = shop(400, 400, 9)
    as_of = int(p.day.min()) + 300
    half = lifetime.Refunds(p.who, p.day, p.amount / 2)
    plain, returned = forecast(p, as_of, 60), forecast(replace(p, refunds=half), as_of, 60)
    assert returned.value.sum() == pytest.approx(0.5 * plain.value.sum()) and np.array_equal(returned.buys, plain.buys)
    late = replace(p, refunds=half.between(as_of, np.inf))
    assert np.array_equal(forecast(late, as_of, 60).value, plain.value)
    assert outcome(late, plain.summary, as_of, 60)[1].sum() == pytest.approx(0.5 * outcome(p, plain.summary, as_of, 60)[1].sum())


def run(path: Path, *options: str) -> tuple[int, str]:
    command = importlib.import_module("zhanggui.doors.cli.lifetime").lifetime_command
    result = CliRunner().invoke(command, ["--csv", str(path), *options])
    return result.exit_code, result.output


def write(path: Path, p: Purchases, header: str = "客户,下单时间,实付金额") -> Path:
    from zhanggui.stats.tables import day_text

    rows = (f"{p.customers[w]},{day_text(int(d))} 12:00:00,{a:.2f}" for w, d, a in zip(p.who, p.day, p.amount, strict=True))
    path.write_text(header + "\n" + "\n".join(rows) + "\n", encoding="gbk")
    return path


def test_command_reads_chinese_headers_and_prints_json_and_words(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", shop(400, 400, 9))
    code, output = run(path, "--horizon", "60", "--json")
    found = json.loads(output)
    assert code == 0 and found["ok"] and found["columns"] == {"customer": "客户", "date": "下单时间", "amount": "实付金额"}
    assert len(found["customers"]) == 400 and found["horizon_days"] == 60 and found["totals"]["customers"] == 400
    one = found["customers"][0]
    assert one["customer"] == "c0" and 0 <= one["probability_buys"] <= one["probability_alive"] <= 1
    code, output = run(path, "--horizon", "60")
    assert code == 0 and "30 天规则" in output and "最值得唤醒" in output


def test_command_reads_online_retail_headers(tmp_path: Path) -> None:
    p = shop(200, 300, 10)
    path = tmp_path / "a.csv"
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    from zhanggui.stats.tables import day_text

    lines += [
        f"5{i},X,thing,2,{day_text(int(d))} 08:00:00,{a / 2:.4f},{w}.0,UK"
        for i, (w, d, a) in enumerate(zip(p.who, p.day, p.amount, strict=True))
    ]
    lines += [f"C1,X,back,-2,{day_text(int(p.day[0]))} 09:00:00,5,{p.who[0]}.0,UK", "5,X,anonymous,1,2020-01-01 08:00:00,1,,UK"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, output = run(path, "--json")
    found = json.loads(output)
    assert code == 0 and found["columns"] == {"customer": "CustomerID", "date": "InvoiceDate", "amount": "Quantity × UnitPrice"}
    assert sum(c["purchases"] for c in found["customers"]) == len(p.day) and any(
        w["code"] == "incomplete_rows" for w in found["warnings"]
    )


def test_command_refuses_with_status_two(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("who,when\na,2020-01-01\n", encoding="utf-8")
    for options, words in [
        ((), "认不出哪一列是客户"),
        (("--customer", "who"), "认不出哪一列是日期"),
        (("--customer", "who", "--date", "nope"), "没有“nope”这一列"),
        (("--customer", "who", "--date", "who"), "不是日期"),
        (("--customer", "who", "--date", "when", "--as-of", "昨天"), "不是日期"),
        (("--customer", "who", "--date", "when", "--as-of", "2019-01-01"), "早于第一笔购买"),
    ]:
        code, output = run(path, *options, "--json")
        found = json.loads(output)
        assert code == 2 and not found["ok"] and words in found["error"] and found["remedy"], options
    code, output = run(path, "--customer", "who", "--date", "when", "--json")
    assert code == 0 and json.loads(output)["verdict"] == "undecided"


@pytest.mark.shared
def test_online_retail_keeps_its_printed_accuracy() -> None:
    if not SHARED.exists():
        pytest.skip("no shared data beside the checkout")
    from zhanggui.stats.tables import parse_day, read_table

    t = read_table(SHARED / "online_retail_uci" / "transactions.csv.gz")
    labels, who = t.codes("CustomerID")
    days, _ = t.days("InvoiceDate", "--date")
    amount = t.numbers("Quantity", "q").values * t.numbers("UnitPrice", "p").values
    good = (who >= 0) & (t.numbers("Quantity", "q").values > 0)
    purchases = gather(labels, who[good], days[good], amount[good])
    as_of = parse_day("2011-06-30")
    assert as_of is not None
    f = forecast(purchases, as_of, 62)
    a = measure(f, *outcome(purchases, f.summary, as_of, 62))
    assert (
        a.auc_buys > 0.825
        and a.wrong_at_rule_recall <= 0.43
        and a.rule_wrong > 0.57
        and a.calibration_error < 0.04
        and a.mae_expected < 0.41
    )
