"""Prints the measured tables of docs/algorithms/{compare,lifetime,uplift}.md: `python -m zhanggui.stats.tests.measure [PART …] [--shared DIR] [--quick] [--jobs N]`.

Seeds are fixed, so a table comes out the same on every machine (to the last digit where numpy's generators and sums are the same). Parts that need
the public data are left out without `--shared`. `--quick` takes a twentieth of the repetitions: it shows that everything runs, not the numbers.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from zhanggui.stats import compare, lifetime, uplift
from zhanggui.stats.compare import Arm, Moments, judge, judge_pair, judge_rows
from zhanggui.stats.tables import parse_day, read_table

Table = tuple[str, Sequence[str], list[Sequence[object]]]
PARTS: dict[str, Callable[[int, Path | None], Iterator[Table]]] = {}


def part(make: Callable[[int, Path | None], Iterator[Table]]) -> Callable[[int, Path | None], Iterator[Table]]:
    """Registers a part by its function's name."""
    PARTS[make.__name__.replace("_", "-")] = make
    return make


class Rows(list[Sequence[object]]):
    """Rows of a table, each told on standard error as it comes: a long run can be watched, and stopped without losing what it found."""

    def append(self, row: Sequence[object]) -> None:
        """Adds and tells the row."""
        super().append(row)
        print("| " + " | ".join(str(x) for x in row) + " |", file=sys.stderr, flush=True)


POOL: Executor | None = None


def _once(work: Callable[..., Any], seed: int, arguments: tuple[Any, ...], i: int) -> Any:
    """Repetition `i`, with random numbers of its own."""
    return work(np.random.default_rng([seed, i]), *arguments)


def repeat(work: Callable[..., Any], seed: int, times: int, *arguments: Any) -> list[Any]:
    """`work(rng, *arguments)` so many times, in parallel where asked for; the same numbers either way."""
    return list((POOL.map if POOL else map)(partial(_once, work, seed, arguments), range(times)))


def percent(hits: float, n: int) -> str:
    """A share with the half width of its 95 % interval: `5.1 ± 0.7 %`."""
    if not n:
        return "–"
    low, high = compare.wilson(hits, n, 0.05)
    return f"{hits / n:.1%} ± {(high - low) / 2:.1%}"


def shown(d: compare.Difference) -> bool:
    """Whether a difference was claimed."""
    return d.verdict in ("better", "worse")


def holds(interval: compare.Interval, truth: float) -> bool:
    """Whether the truth lies inside; an end that is unbounded holds everything."""
    return (interval.low is None or interval.low <= truth) and (interval.high is None or truth <= interval.high)


# ── compare ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@part
def compare_shares(scale: int, shared: Path | None) -> Iterator[Table]:
    """Two shares: false alarms and coverage."""
    reps, rng, rows = 4_000 // scale, np.random.default_rng(11), Rows()
    for p in (0.01, 0.05, 0.2, 0.5):
        for n in (200, 1_000, 10_000):
            alarms = covered = with_effect = relative = 0
            for _ in range(reps):
                a, b, c = (int(rng.binomial(n, q)) for q in (p, p, 1.3 * p))
                d = judge_pair(Arm("A", Moments.binary(n, a)), Arm("B", Moments.binary(n, b)), "binary")
                alarms, covered = alarms + shown(d), covered + holds(d.interval, 0.0)
                d = judge_pair(Arm("A", Moments.binary(n, a)), Arm("B", Moments.binary(n, c)), "binary")
                with_effect, relative = with_effect + holds(d.interval, 0.3 * p), relative + holds(d.relative_interval, 0.3)
            rows.append((f"{p:.0%}", f"{n:,}", *(percent(x, reps) for x in (alarms, covered, with_effect, relative))))
    head = (
        "true share",
        "people per arm",
        "false alarms",
        "interval holds 0",
        "holds the effect (+30 %)",
        "relative interval holds it",
    )
    yield f"Shares, {reps:,} simulated tests per row, seed 11", head, rows


def amounts(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Outcomes as shops have them."""
    if kind == "normal":
        return rng.normal(10, 3, n)
    if kind == "orders (Poisson 0.3)":
        return rng.poisson(0.3, n).astype(float)
    return rng.lognormal(3, 1.5, n) * (rng.random(n) < 0.3)


TRUE_MEAN = {"normal": 10.0, "orders (Poisson 0.3)": 0.3, "spend (30 % buy, lognormal σ 1.5)": 0.3 * math.exp(3 + 1.5**2 / 2)}


@part
def compare_means(scale: int, shared: Path | None) -> Iterator[Table]:
    """Two means from rows: permutation or Welch as the command chooses, beside Welch's t alone."""
    rng, rows = np.random.default_rng(12), Rows()
    for kind, mean in TRUE_MEAN.items():
        for n0, n1 in ((50, 50), (200, 200), (1_500, 150), (4_000, 4_000)):
            reps = (1_000 if n0 + n1 < 4_000 else 400) // scale
            codes = np.repeat([0, 1], [n0, n1])
            alarms = welch = covered = relative = 0
            for _ in range(reps):
                y = amounts(kind, n0 + n1, rng)
                alarms += shown(judge_rows(["A", "B"], codes, y, "A").differences[0])
                welch += shown(judge_pair(Arm("A", Moments.of(y[:n0])), Arm("B", Moments.of(y[n0:])), "continuous"))
                y[n0:] *= 1.2
                d = judge_rows(["A", "B"], codes, y, "A").differences[0]
                covered, relative = covered + holds(d.interval, 0.2 * mean), relative + holds(d.relative_interval, 0.2)
            rows.append((kind, f"{n0:,} / {n1:,}", f"{reps:,}", *(percent(x, reps) for x in (alarms, welch, covered, relative))))
    head = (
        "outcome",
        "control / treated",
        "tests",
        "false alarms",
        "Welch's t alone",
        "interval holds the effect (× 1.2)",
        "relative interval holds it",
    )
    yield "Amounts and counts, seed 12", head, rows


@part
def compare_clusters(scale: int, shared: Path | None) -> Iterator[Table]:
    """Rows of one customer: with and without --cluster."""
    reps, rng, rows = 1_000 // scale, np.random.default_rng(13), Rows()
    for clusters in (12, 30, 100, 400):
        for split in ("whole clusters", "within clusters"):
            naive = honest = covered = 0
            for _ in range(reps):
                groups = np.repeat(np.arange(clusters), rng.integers(2, 12, clusters))
                y = rng.normal(0, 1, clusters)[groups] + rng.normal(0, 1, len(groups))
                codes = rng.permutation(clusters)[groups] % 2 if split == "whole clusters" else rng.integers(0, 2, len(groups))
                by_rows = (Arm("A", Moments.of(y[codes == 0])), Arm("B", Moments.of(y[codes == 1])))
                naive += shown(judge_pair(*by_rows, "continuous"))
                d = judge_rows(["A", "B"], codes, y, "A", clusters=groups).differences[0]
                honest, covered = honest + shown(d), covered + holds(d.interval, 0.0)
            rows.append((clusters, split, *(percent(x, reps) for x in (naive, honest, covered))))
    head = ("clusters", "assigned", "false alarms by rows", "with `--cluster`", "interval holds 0")
    yield (
        f"Several rows of a customer (2 to 11 each, half the variance between customers), {reps:,} tests per row, seed 13",
        head,
        rows,
    )


@part
def compare_arms(scale: int, shared: Path | None) -> Iterator[Table]:
    """Several arms share one error rate."""
    reps, rng, rows = 2_000 // scale, np.random.default_rng(14), Rows()
    for arms in (2, 3, 5, 10):
        corrected = single = 0
        for _ in range(reps):
            found = judge({f"g{i}": Moments.binary(2_000, int(rng.binomial(2_000, 0.1))) for i in range(arms)}, "g0", "binary")
            corrected += any(shown(d) for d in found.differences)
            single += any(d.p is not None and d.p < 0.05 for d in found.differences)
        rows.append((arms, percent(corrected, reps), percent(single, reps)))
    head = ("arms", "any arm falsely better or worse", "any single p < 0.05")
    yield f"Several arms without any difference (10 % of 2,000 each), {reps:,} experiments per row, seed 14", head, rows


@part
def compare_peeking(scale: int, shared: Path | None) -> Iterator[Table]:
    """Looking every day."""
    reps, rng, rows = 2_000 // scale, np.random.default_rng(15), Rows()
    for looks, daily in ((14, 200), (40, 200), (100, 1_000)):
        fixed = always = 0
        for _ in range(reps):
            a, b = (np.cumsum(rng.binomial(daily, 0.1, looks)) for _ in range(2))
            fixed_hit = always_hit = False
            for day in range(looks):
                n = (day + 1) * daily
                d = judge_pair(Arm("A", Moments.binary(n, int(a[day]))), Arm("B", Moments.binary(n, int(b[day]))), "binary")
                fixed_hit |= shown(d)
                always_hit |= d.anytime_p is not None and d.anytime_p < 0.05
            fixed, always = fixed + fixed_hit, always + always_hit
        rows.append((looks, f"{daily:,}", percent(fixed, reps), percent(always, reps)))
    head = ("looks", "people per arm and day", "ever called by `verdict`", "ever below 0.05 by `anytime`")
    yield f"Looking every day at 10 % against 10 %, {reps:,} experiments per row, seed 15", head, rows


@part
def compare_answers(scale: int, shared: Path | None) -> Iterator[Table]:
    """Which of the four answers comes how often at the planned size."""
    reps, rng, rows = 2_000 // scale, np.random.default_rng(16), Rows()
    needed = judge_pair(Arm("A", Moments.binary(10_000, 1_000)), Arm("B", Moments.binary(10_000, 1_000)), "binary").n_needed
    assert needed is not None
    for times in (0.25, 1.0, 2.0):
        n = round(needed * times)
        for effect in (0.0, 0.05, 0.10, 0.20):
            seen = Counter(
                judge_pair(
                    Arm("A", Moments.binary(n, int(rng.binomial(n, 0.1)))),
                    Arm("B", Moments.binary(n, int(rng.binomial(n, 0.1 * (1 + effect))))),
                    "binary",
                ).verdict
                for _ in range(reps)
            )
            answers = ("better", "worse", "no_difference", "undecided")
            rows.append((f"{n:,}", f"{effect:+.0%}", *(f"{seen[word] / reps:.1%}" for word in answers)))
    head = ("people per arm", "true effect", "better", "worse", "no_difference", "undecided")
    yield (
        f"The answers at 10 % (`min_effect` 10 %, so {needed:,} per arm are needed), {reps:,} experiments per row, seed 16",
        head,
        rows,
    )


@part
def compare_sample_ratio(scale: int, shared: Path | None) -> Iterator[Table]:
    """The sample ratio check."""
    reps, rng, rows = 20_000 // scale, np.random.default_rng(17), Rows()
    for n in (1_000, 20_000, 200_000):
        for share in (0.5, 0.49):
            hits = 0
            for k in rng.binomial(n, share, reps):
                hits += compare.sample_ratio({"A": n - int(k), "B": int(k)}, {"A": 1.0, "B": 1.0}).mismatch
            rows.append((f"{n:,}", f"{share:.0%}", f"{hits / reps:.2%}"))
    yield f"Sample ratio, planned 50 : 50, {reps:,} splits per row, seed 17", ("people", "true share of B", "called broken"), rows


def placebo(
    y: np.ndarray, share: float, reps: int, rng: np.random.Generator, groups: np.ndarray | None = None
) -> tuple[int, int, int]:
    """False alarms of the command, of Welch's t, and intervals that hold 0, when arms are drawn at random on real outcomes."""
    alarms = welch = covered = 0
    units = len(y) if groups is None else int(groups.max()) + 1
    for _ in range(reps):
        drawn = (rng.random(units) < share).astype(np.int64)
        codes = drawn if groups is None else drawn[groups]
        d = judge_rows(["A", "B"], codes, y, "A", clusters=groups).differences[0]
        kind = "binary" if bool(np.all((y == 0) | (y == 1))) else "continuous"
        plain = judge_pair(Arm("A", Moments.of(y[codes == 0])), Arm("B", Moments.of(y[codes == 1])), kind)
        alarms, welch, covered = alarms + shown(d), welch + shown(plain), covered + holds(d.interval, 0.0)
    return alarms, welch, covered


def retail(shared: Path) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Customers, who, day, amount and invoice of `online_retail_uci`, sales only."""
    t = read_table(shared / "data" / "online_retail_uci" / "transactions.csv.gz")
    labels, who = t.codes("CustomerID")
    days, _ = t.days("InvoiceDate", "--date")
    quantity = t.numbers("Quantity", "q").values
    amount = quantity * t.numbers("UnitPrice", "p").values
    _, invoice = t.codes("InvoiceNo")
    good = (who >= 0) & (quantity > 0)
    return labels, who[good], days[good], amount[good], invoice[good]


@part
def compare_placebo(scale: int, shared: Path | None) -> Iterator[Table]:
    """Random arms on real outcomes: every claim is a false alarm."""
    if shared is None:
        return
    reps, rng, rows = 400 // scale, np.random.default_rng(18), Rows()

    def row(name: str, y: np.ndarray, share: float, times: int, groups: np.ndarray | None = None) -> None:
        alarms, welch, covered = placebo(y, share, times, rng, groups)
        rows.append((name, f"{len(y):,}", f"{share:.0%}", f"{times:,}", *(percent(x, times) for x in (alarms, welch, covered))))

    t = read_table(shared / "data" / "thornton_incentive" / "thornton_hiv.csv.gz")
    got = t.numbers("got", "got").values
    row("thornton_incentive: came", got[np.isfinite(got)], 0.78, reps)
    g = read_table(shared / "data" / "gotv_uplift" / "gotv.csv.gz").numbers("voted", "voted").values
    row("gotv_uplift: voted", g, 1 / 6, reps // 2)
    _, who, day, amount, invoice = retail(shared)
    since = day > (parse_day("2011-05-31") or 0)
    spend = np.bincount(who[since], amount[since])
    seen = np.bincount(who[since]) > 0
    row("online_retail_uci: spend per customer, Jun to Aug 2011", spend[seen], 0.5, reps)
    row("… one in ten treated", spend[seen], 0.1, reps)
    _, order = np.unique(invoice[since], return_inverse=True)
    order_value = np.bincount(order, amount[since])
    first = np.unique(order, return_index=True)[1]
    _, owner = np.unique(who[since][first], return_inverse=True)
    row("… value per order, customers assigned, `--cluster`", order_value, 0.5, reps, owner)
    head = ("outcome", "rows", "treated", "tests", "false alarms", "z or Welch by rows alone", "interval holds 0")
    yield "Random arms on real outcomes, seed 18", head, rows


@part
def compare_asos(scale: int, shared: Path | None) -> Iterator[Table]:
    """The 46 public ASOS experiments: what is said at the last look, and what looking all the time would have claimed."""
    if shared is None:
        return
    with gzip.open(shared / "data" / "asos_ab" / "metrics.csv.gz", "rt") as file:
        series: dict[tuple[str, str, str], list[dict[str, str]]] = {}
        for r in csv.DictReader(file):
            if r["variance_c"] and r["variance_t"] and r["mean_c"] and r["mean_t"]:
                series.setdefault((r["experiment_id"], r["variant_id"], r["metric_id"]), []).append(r)
    rows = Rows()
    for metric, name in (("1", "1 (yes or no)"), ("2", "2 (count)"), ("3", "3 (amount)"), ("4", "4 (amount)")):
        counts: Counter[str] = Counter()
        for key, looks in series.items():
            if key[2] != metric:
                continue
            looks.sort(key=lambda r: float(r["time_since_start"]))
            ever_fixed = ever_always = False
            last = None
            for r in looks:
                n0, n1 = int(float(r["count_c"])), int(float(r["count_t"]))
                if min(n0, n1) < 2:
                    continue
                m0, m1, v0, v1 = (float(r[k]) for k in ("mean_c", "mean_t", "variance_c", "variance_t"))
                last = judge({"c": Moments.described(n0, m0, v0), "t": Moments.described(n1, m1, v1)}, "c", "continuous")
                d = last.differences[0]
                ever_fixed |= d.p is not None and d.p < 0.05
                ever_always |= d.anytime_p is not None and d.anytime_p < 0.05
            if last is None:
                continue
            counts["tests"] += 1
            counts[last.verdict] += 1
            counts["ratio"] += last.sample_ratio.mismatch
            counts["p"] += last.differences[0].p is not None and last.differences[0].p < 0.05
            counts["fixed"] += ever_fixed
            counts["always"] += ever_always
        keys = ("tests", "better", "worse", "no_difference", "undecided", "ratio", "p", "fixed", "always")
        rows.append((name, *(counts[k] for k in keys)))
    head = (
        "metric",
        "tests",
        "better",
        "worse",
        "no_difference",
        "undecided",
        "of these sample ratio broken",
        "p < 0.05 at the end",
        "p < 0.05 at any look",
        "`anytime` p < 0.05 at any look",
    )
    yield "asos_ab, 46 experiments, last look (settings as shipped)", head, rows


# ── lifetime ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def shop(world: str, customers: int, days: int, rng: np.random.Generator) -> lifetime.Purchases:
    """A simulated shop. `model`: Pareto/NBD as assumed; `regular`: gaps of shape 3; `seasonal`: December sells 3 times as much; `alike`: everybody the same."""
    who, day, amount = [], [], []
    for i in range(customers):
        start = rng.uniform(0, days * 0.7)
        rate = 0.1 / 7 if world == "alike" else rng.gamma(0.6, 1 / 6.0) / 7
        leave = 0.03 / 7 if world == "alike" else rng.gamma(0.6, 1 / 12.0) / 7
        end = min(days, start + rng.exponential(1 / max(leave, 1e-9)))
        shape = 3.0 if world == "regular" else 1.0
        mean_spend = rng.gamma(4, 25)
        at = start
        while True:
            busy = 3.0 if world == "seasonal" and at % 365 >= 335 else 1.0
            if at == start or rng.random() < busy / 3.0 or world != "seasonal":
                who.append(i)
                day.append(int(at))
                amount.append(rng.lognormal(math.log(mean_spend), 0.6))
            pace = rate * 3.0 if world == "seasonal" else rate
            at += rng.gamma(shape, 1 / max(pace * shape, 1e-9))
            if at >= end:
                break
    return lifetime.gather([f"c{i}" for i in range(customers)], np.array(who), np.array(day) + 18_000, np.array(amount))


WORLDS = ("model", "regular", "seasonal", "alike")


@part
def lifetime_coverage(scale: int, shared: Path | None) -> Iterator[Table]:
    """Intervals and probabilities held against days that were not seen."""
    rows = Rows()
    for world in WORLDS:
        for customers, horizon in ((100, 90), (500, 90), (3_000, 90), (500, 365)):
            rng = np.random.default_rng(21)
            reps = max({100: 100, 500: 30, 3_000: 8}[customers] // scale, 2)
            held = promised = value = people = bought = expected = buys = again = 0.0
            errors = []
            for _ in range(reps):
                p = shop(world, customers, 540 + horizon, rng)
                as_of = 18_000 + 540
                f = lifetime.forecast(p, as_of, horizon)
                a = lifetime.measure(f, *lifetime.outcome(p, f.summary, as_of, horizon), draws=1)
                n = a.customers
                people += n
                held, promised, value = (
                    held + n * a.interval_coverage,
                    promised + n * a.interval_promised,
                    value + n * a.value_coverage,
                )
                b, _ = lifetime.outcome(p, f.summary, as_of, horizon)
                bought, expected, buys, again = (
                    bought + b.sum(),
                    expected + f.expected.sum(),
                    buys + f.buys.sum(),
                    again + (b > 0).sum(),
                )
                errors.append(a.calibration_error)
            rows.append((world, f"{customers:,}", horizon, reps, f"{held / people:.1%}", f"{promised / people:.1%}", f"{value / people:.1%}",
                         f"{expected / bought - 1:+.1%}", f"{buys / again - 1:+.1%}", f"{float(np.mean(errors)):.3f}"))  # fmt: skip
    head = (
        "world",
        "customers",
        "days ahead",
        "shops",
        "purchases inside",
        "promised",
        "value inside",
        "total purchases",
        "total buying again",
        "calibration error",
    )
    yield "Simulated shops with 540 days of history, seed 21", head, rows


def verdict_of(rng: np.random.Generator, world: str, customers: int) -> tuple[str, bool]:
    """The verdict on a shop, and whether the next 90 days bear out a *better*."""
    found = lifetime.judge(shop(world, customers, 632, rng), 18_000 + 540, 90)
    return found.verdict, found.verdict == "better" and found.holdout is not None and found.holdout.difference[0] < 0


@part
def lifetime_verdicts(scale: int, shared: Path | None) -> Iterator[Table]:
    """How often each answer comes, and whether the next window bears it out."""
    rows = Rows()
    for world in WORLDS:
        for customers, times in ((150, 40), (600, 30), (2_000, 10)):
            found = repeat(verdict_of, 22, max(times // scale, 2), world, customers)
            seen = Counter(word for word, _ in found)
            counts = [seen[w] for w in ("better", "worse", "no_difference", "undecided")]
            rows.append((world, f"{customers:,}", len(found), *counts, f"{sum(right for _, right in found)} of {seen['better']}"))
    head = (
        "world",
        "customers",
        "shops",
        "better",
        "worse",
        "no_difference",
        "undecided",
        "better, and better again in the 90 days after",
    )
    yield "The verdict against the 30-day rule, 540 days of history, 90 days ahead, seed 22", head, rows


@part
def lifetime_real(scale: int, shared: Path | None) -> Iterator[Table]:
    """Real shops: the day of looking back is fixed, the days after it are judged."""
    if shared is None:
        return
    from zhanggui.stats.tables import day_text

    shops = {}
    labels, who, day, amount, _ = retail(shared)
    shops["online_retail_uci"] = (
        lifetime.gather(labels, who, day, amount),
        (("2010-09-30", 90), ("2011-03-31", 90), ("2011-06-02", 90), ("2011-06-30", 62)),
    )
    t = read_table(shared / "data" / "grocery_elog" / "elog.csv.gz")
    labels, who = t.codes("cust")
    day, _ = t.days("date", "--date")
    shops["grocery_elog"] = (lifetime.gather(labels, who, day), (("2006-12-31", 182), ("2006-12-31", 364), ("2007-07-01", 182)))
    t = read_table(shared / "data" / "completejourney" / "transactions_sample.csv.gz")
    labels, who = t.codes("household_id")
    day, _ = t.days("transaction_timestamp", "--date")
    shops["completejourney"] = (
        lifetime.gather(labels, who, day, t.numbers("sales_value", "v").values),
        (("2017-07-31", 90), ("2017-09-30", 31)),
    )
    rows = Rows()
    for name, (p, points) in shops.items():
        for origin, horizon in points:
            as_of = parse_day(origin) or 0
            f = lifetime.forecast(p, as_of, horizon)
            a = lifetime.measure(f, *lifetime.outcome(p, f.summary, as_of, horizon))
            gap, low, high = a.difference
            rows.append((name, f"{day_text(as_of)} + {horizon}", f"{a.customers:,}", f"{a.mae_expected:.3f} / {a.mae_likely:.3f}", f"{a.rmse:.3f}", f"{a.auc_buys:.3f}", f"{a.auc_recency:.3f}",
                         f"{a.bias:+.1%}", f"{a.calibration_error:.3f}", f"{a.rule_wrong:.3f}", f"{a.wrong_at_rule_recall:.3f}", f"{gap:+.3f} ({low:+.3f} to {high:+.3f})",
                         f"{a.interval_coverage:.1%} / {a.interval_promised:.1%}", "–" if math.isnan(a.value_coverage) else f"{a.value_coverage:.1%}"))  # fmt: skip
    head = ("data", "looking from + days", "customers", "MAE of mean / of likely", "RMSE", "AUC", "AUC of recency", "total bias", "calibration error",
            "rule: active wrongly called lost", "ours at the same misses", "difference (95 %)", "purchases inside / promised", "value inside")  # fmt: skip
    yield "Real shops, nothing after the day looked at", head, rows


# ── uplift ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def people(n: int, rng: np.random.Generator) -> tuple[list[uplift.Column], np.ndarray]:
    """Five columns a shop knows, and who would buy anyway (probability)."""
    age, spend, orders, days = (
        rng.uniform(18, 70, n),
        rng.lognormal(4, 1, n),
        rng.poisson(2, n).astype(float),
        rng.exponential(60, n),
    )
    city = rng.integers(0, 4, n)
    base = 1 / (1 + np.exp(1.6 - 0.4 * (np.log(spend) - 4) - 0.15 * orders + 0.004 * days))
    named = [uplift.Column(k, v) for k, v in zip(("age", "spend", "orders", "days"), (age, spend, orders, days), strict=True)]
    return [*named, uplift.Column("city", None, city, ("a", "b", "c", "d"))], base


def effect_of(kind: str, columns: Sequence[uplift.Column], base: np.ndarray) -> np.ndarray:
    """The true effect on everybody's probability."""
    age, orders = columns[0].numbers, columns[2].numbers
    assert age is not None and orders is not None
    made = {
        "no effect": np.zeros(len(base)),
        "the same +5 points for everybody": np.full(len(base), 0.05),
        "10 points more for the young, less for the old": 0.05 - 0.1 * (age - 44) / 26,
        "half of that": 0.05 - 0.05 * (age - 44) / 26,
        "in proportion to who buys anyway (× 1.3)": 0.3 * base,
    }[kind]
    return np.clip(base + made, 0.001, 0.999) - base


NULLS = ("no effect", "the same +5 points for everybody")
EFFECTS = ("10 points more for the young, less for the old", "half of that", "in proportion to who buys anyway (× 1.3)")


def answers(verdicts: Sequence[str]) -> tuple[str, ...]:
    """How often each answer came."""
    seen = Counter(verdicts)
    return tuple(percent(seen[w], len(verdicts)) for w in ("usable", "rank_by_outcome", "no_heterogeneity", "undecided"))


def experiment(
    kind: str, n: int, share: float, rng: np.random.Generator
) -> tuple[list[uplift.Column], np.ndarray, np.ndarray, np.ndarray]:
    """Columns, treatment, outcome, true effect."""
    columns, base = people(n, rng)
    true = effect_of(kind, columns, base)
    t = (rng.random(n) < share).astype(float)
    y = (rng.random(n) < base + t * true).astype(float)
    return columns, t, y, true


def answer_to(rng: np.random.Generator, kind: str, n: int, share: float) -> str:
    """The verdict on a simulated experiment."""
    return uplift.judge(*experiment(kind, n, share, rng)[:3], seeds=2).verdict


@part
def uplift_simulated(scale: int, shared: Path | None) -> Iterator[Table]:
    """False alarms and finds on simulated experiments."""
    rows = Rows()
    sizes = ((1_000, 0.5, 150), (4_000, 0.5, 60), (4_000, 0.2, 60), (20_000, 0.5, 10))
    for kind in (*NULLS, *EFFECTS):
        for n, share, times in sizes if kind in NULLS else ((4_000, 0.5, 30), (20_000, 0.5, 8)):
            found = repeat(answer_to, 31, max(times // scale, 2), kind, n, share)
            rows.append((kind, f"{n:,}", f"{share:.0%}", len(found), *answers(found)))
    head = ("true effect", "people", "treated", "experiments", "usable", "rank_by_outcome", "no_heterogeneity", "undecided")
    yield "Simulated experiments (5 columns, about 20 % buy), 2 cross-validations, seed 31", head, rows


def answer_to_shuffled(rng: np.random.Generator, shared: Path, name: str, n: int, share: float) -> str:
    """The verdict on `n` of the real people (0: all), treated at random."""
    columns, y = real_people(shared, name)
    pick = rng.choice(len(y), n or len(y), replace=False)
    t = (rng.random(len(pick)) < share).astype(float)
    return uplift.judge([only(c, pick) for c in columns], t, y[pick], seeds=2).verdict


@part
def uplift_shuffled(scale: int, shared: Path | None) -> Iterator[Table]:
    """Real people and outcomes, treatment shuffled: there is nothing to find."""
    if shared is None:
        return
    rows = Rows()
    for name, n, share, times in (
        ("thornton_incentive", 0, 0.78, 80),
        ("gotv_uplift", 2_000, 0.5, 80),
        ("gotv_uplift", 20_000, 1 / 6, 10),
    ):
        found = repeat(answer_to_shuffled, 32, max(times // scale, 2), shared, name, n, share)
        rows.append((name, f"{n or len(real_people(shared, name)[1]):,}", f"{share:.0%}", len(found), *answers(found)))
    head = (
        "people and outcomes of",
        "people",
        "treated",
        "experiments",
        "usable",
        "rank_by_outcome",
        "no_heterogeneity",
        "undecided",
    )
    yield "Shuffled treatment on real people, 2 cross-validations, seed 32", head, rows


def only(c: uplift.Column, pick: np.ndarray) -> uplift.Column:
    """The column of the picked rows."""
    return uplift.Column(
        c.name, None if c.numbers is None else c.numbers[pick], None if c.codes is None else c.codes[pick], c.levels
    )


@lru_cache
def real_people(shared: Path, name: str) -> tuple[list[uplift.Column], np.ndarray]:
    """Columns and known outcomes of a public experiment."""
    file, outcome, left_out = {
        "thornton_incentive": ("thornton_hiv", "got", ["any", "tinc"]),
        "gotv_uplift": ("gotv", "voted", ["treatment"]),
    }[name]
    t = read_table(shared / "data" / name / f"{file}.csv.gz")
    columns, _ = uplift.read_columns(t, [outcome, *left_out])
    y = t.numbers(outcome, outcome).values
    known = np.flatnonzero(np.isfinite(y))
    return [only(c, known) for c in columns], y[known]


def intervals_of(rng: np.random.Generator, kind: str, n: int) -> Counter[str]:
    """Which intervals of one answer hold the truth."""
    columns, t, y, true = experiment(kind, n, 0.5, rng)
    f = uplift.judge(columns, t, y, value=1.0, cost=0.03, seeds=2)
    hits: Counter[str] = Counter(effect=f.effect.low <= float(true.mean()) <= f.effect.high)
    order = np.argsort(np.argsort(f.scores, kind="stable"), kind="stable") * 10 // n
    for p in f.policies:
        if p.name == "recommended":
            real = float(np.where(f.scores > 0.03, true - 0.03, 0.0).mean())
            hits.update(policies=1, policy=p.profit.low <= real <= p.profit.high)
    for i, d in enumerate(f.deciles):
        hits.update(tenths=1, tenth=d.observed.low <= float(true[order == i].mean()) <= d.observed.high)
    return hits


@part
def uplift_intervals(scale: int, shared: Path | None) -> Iterator[Table]:
    """Whether the printed intervals hold the truth, which a simulation knows."""
    rows = Rows()
    for kind in ("10 points more for the young, less for the old", "half of that", "no effect"):
        for n, times in ((2_000, 60), (8_000, 20)):
            found = repeat(intervals_of, 33, max(times // scale, 2), kind, n)
            hits = sum(found, Counter())
            pairs = (("effect", len(found)), ("tenth", hits["tenths"]), ("policy", hits["policies"]))
            rows.append((kind, f"{n:,}", len(found), *(percent(hits[key], of) for key, of in pairs)))
    head = (
        "true effect",
        "people",
        "experiments",
        "average effect inside",
        "effect of a tenth inside",
        "profit of the recommended policy inside",
    )
    yield "Do the 95 % intervals hold? Cost 0.03 per person, worth 1, seed 33", head, rows


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Prints the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; or the beginning of names; default: all"
    )
    parser.add_argument("--shared", type=Path, help="folder that holds data/ with the public data sets")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="processes for the long parts")
    asked = parser.parse_args()
    global POOL
    POOL = ProcessPoolExecutor(asked.jobs) if asked.jobs > 1 else None
    for name, make in PARTS.items():
        if asked.parts and not any(name.startswith(p) for p in asked.parts):
            continue
        for title, head, rows in make(20 if asked.quick else 1, asked.shared):
            print(f"\n**{title}** (`{name}`)\n")
            print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
            for row in rows:
                print("| " + " | ".join(str(x) for x in row) + " |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
