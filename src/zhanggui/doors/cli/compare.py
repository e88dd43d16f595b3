"""`zhanggui compare`: two or more groups in a file, judged. Needs no database and no settings."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import numpy as np

from zhanggui.stats.tables import Note, Table, TableError, plain, read_table

MAX_ARMS = 20
_CLUSTER_NAMES = (
    "openid",
    "unionid",
    "userid",
    "customerid",
    "memberid",
    "customer",
    "user",
    "member",
    "客户",
    "客户编号",
    "用户",
    "用户编号",
    "会员",
    "会员号",
    "买家",
    "手机号",
)


def judged(work: Callable[..., None]) -> Callable[..., None]:
    """Turns a `TableError` into a Chinese sentence (or `{"ok": false, …}` with --json) and exit status 2."""

    @wraps(work)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            work(*args, **kwargs)
        except TableError as error:
            if kwargs.get("as_json"):
                show_json({"ok": False, "error": error.message, "remedy": error.remedy, "column": error.column or None})
            else:
                click.secho(error.message, fg="red", err=True)
            if error.remedy and not kwargs.get("as_json"):
                click.echo(f"怎么办：{error.remedy}", err=True)
            raise SystemExit(2) from error

    return run


def clean(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinities are null, numpy numbers plain ones."""
    if isinstance(value, dict):
        return {str(k): clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean(v) for v in value]
    if isinstance(value, np.ndarray):
        return clean(value.tolist())
    if isinstance(value, np.generic):
        return clean(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def show_json(value: dict[str, Any]) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(clean(value), ensure_ascii=False, allow_nan=False))


def show_notes(notes: list[Note] | tuple[Note, ...]) -> None:
    """The warnings, one per line."""
    for note in notes:
        click.secho(f"请看：{note.message}", fg="yellow")


def number_option(low: float, high: float, *, low_itself: bool = False) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A click callback that refuses numbers outside (low, high), NaN among them; `low_itself`: low is allowed."""

    def check(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is not None and not (low < value < high or (low_itself and value == low)):
            raise click.BadParameter(f"要在 {low:,.10g} 和 {high:,.10g} 之间")
        return value

    return check


@click.command("compare", help="比较两组或多组：差多少、区间、是否可信、分流有没有坏、数据够不够。")
@click.option("--csv", "path", required=True, type=click.Path(path_type=Path), help="CSV 文件（可 .gz；UTF-8 或 GBK）。")
@click.option("--arm", required=True, help="分组列。")
@click.option("--outcome", required=True, help="结果列：0/1（是/否）或数值。")
@click.option("--control", default=None, help="对照组的名字；不写则按名字认（control、对照、A、0 ……）。")
@click.option(
    "--expected-share", "share", default="", help="计划的比例：两组时是处理组占比，如 0.5；多组可写 A=0.5,B=0.25,C=0.25。"
)
@click.option("--cluster", default=None, help="一个客户（店、群）有多行时，指明是哪一列，按群计算误差。")
@click.option("--alpha", default=0.05, show_default=True, callback=number_option(0, 0.5), type=float, help="允许的误判率。")
@click.option("--power", default=0.8, show_default=True, callback=number_option(0.5, 1), type=float, help="希望发现差别的把握。")
@click.option(
    "--min-effect", default=0.10, show_default=True, callback=number_option(0, 100), type=float, help="值得在意的最小相对差别。"
)
@click.option("--lower-is-better", is_flag=True, help="结果越低越好（退款率、投诉率）。")
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
@judged
def compare_command(
    path: Path,
    arm: str,
    outcome: str,
    control: str | None,
    share: str,
    cluster: str | None,
    alpha: float,
    power: float,
    min_effect: float,
    lower_is_better: bool,
    as_json: bool,
) -> None:
    """Reads, judges, prints. Exit status 0 when judged (undecided included), 2 when the file or the call cannot be understood."""
    from zhanggui.stats import compare

    table = read_table(path)
    arm_column, outcome_column = table.require(arm, "--arm"), table.require(outcome, "--outcome")
    if arm_column == outcome_column:
        raise TableError("--arm 和 --outcome 是同一列", "分组列和结果列要分开", arm_column)
    labels, codes = table.codes(arm_column)
    notes: list[Note] = []
    if not labels:
        raise TableError(f"“{arm_column}”列全是空的", "分组列里要写每行属于哪一组", arm_column)
    if len(labels) > MAX_ARMS:
        raise TableError(f"“{arm_column}”列有 {len(labels):,} 种不同的值，不像分组", "用 --arm 换成只有几种值的列", arm_column)
    without_arm = int((codes < 0).sum())
    if without_arm:
        notes.append(Note("missing_arm", f"有 {without_arm:,} 行没有写分组，没有计入"))
    values = table.numbers(outcome_column, "--outcome")
    if values.missing == table.rows:
        raise TableError(f"“{outcome_column}”列全是空的", "用 --outcome 换一列", outcome_column)
    base = _control(labels, control, arm_column, as_json)
    shares, share_notes = compare.expected_shares(share, labels, base)
    groups = None
    if cluster:
        names, groups = table.codes(table.require(cluster, "--cluster"))
        if len(names) < 2:
            raise TableError(f"“{cluster}”列只有一种值，不能当作群", "--cluster 写客户、店或群的编号列", cluster)
    else:
        notes += _repeated_units(table, codes, {arm_column, outcome_column})
    settings = compare.Settings(alpha, power, min_effect, lower_is_better)
    found = compare.judge_rows(
        labels, codes, values.values, base, settings, clusters=groups, shares=shares, warnings=notes + share_notes
    )
    warnings = [*found.warnings, *table.notes]
    if as_json:
        show_json(
            {
                "ok": True,
                "command": "compare",
                "file": path.name,
                "arm_column": arm_column,
                "outcome_column": outcome_column,
                **as_dict(found, warnings),
            }
        )
        return
    _print(found, warnings, outcome_column, compare.VERDICTS)


def _control(labels: list[str], named: str | None, column: str, as_json: bool) -> str:
    from zhanggui.stats.compare import guess_control

    if named is not None:
        if named in labels:
            return named
        same = [x for x in labels if plain(x) == plain(named) or x.removesuffix(".0") == named.removesuffix(".0")]
        if len(same) == 1:
            return same[0]
        raise TableError(f"“{column}”列里没有“{named}”这一组", f"--control 可选：{'、'.join(labels)}", column)
    guessed = guess_control(labels)
    if guessed is not None or len(labels) == 1:
        return guessed if guessed is not None else labels[0]
    if not as_json and sys.stdin.isatty() and sys.stdout.isatty():
        return str(click.prompt("哪一组是对照组", type=click.Choice(labels)))
    raise TableError(f"看不出“{column}”列里哪一组是对照组", f"用 --control 指定，可选：{'、'.join(labels)}", column)


def _repeated_units(table: Table, codes: Any, used: set[str]) -> list[Note]:
    """Says so when a customer-like column repeats: then rows are not independent and --cluster is wanted."""
    for name in table.names:
        if name in used or plain(name) not in _CLUSTER_NAMES:
            continue
        labels, units = table.codes(name)
        good = (units >= 0) & (codes >= 0)
        if not good.any() or len(labels) >= int(good.sum()):
            continue
        pairs = np.unique(units[good] * (int(codes.max()) + 1) + codes[good])
        crossed = len(pairs) - len(np.unique(units[good]))
        message = f"“{name}”列有重复（{int(good.sum()):,} 行只有 {len(np.unique(units[good])):,} 个），同一个人的几行不独立，误差会被低估；请加 --cluster {name}"
        notes = [Note("rows_repeat_units", message)]
        if crossed:
            notes.append(Note("units_in_several_arms", f"“{name}”列有 {crossed:,} 个同时出现在几组里，分流可能混了"))
        return notes
    return []


def _ends(interval: Any) -> list[float | None]:
    return [interval.low, interval.high]


def as_dict(found: Any, warnings: list[Note]) -> dict[str, Any]:
    """The comparison with its documented keys (docs/algorithms/compare.md)."""

    def difference(d: Any) -> dict[str, Any]:
        s = d.sensitivity
        return {
            "arm": d.arm,
            "control": d.control,
            "verdict": d.verdict,
            "reason": d.reason,
            "sentence": d.sentence,
            "effect": d.effect,
            "interval": _ends(d.interval),
            "relative_effect": d.relative,
            "relative_interval": _ends(d.relative_interval),
            "p": d.p,
            "p_adjusted": d.p_adjusted,
            "standard_error": d.standard_error,
            "method": d.method,
            "enough_data": d.enough_data,
            "smallest_effect_that_matters": d.smallest_effect_that_matters,
            "n_needed_per_arm": d.n_needed,
            "more_needed": d.more_needed,
            "anytime": {"p": d.anytime_p, "interval": _ends(d.anytime_interval)},
            "sensitivity": None
            if s is None
            else {
                "agrees": s.agrees,
                "cap": s.cap,
                "winsorised_effect": s.winsorised_effect,
                "winsorised_interval": _ends(s.winsorised_interval),
                "removed_rows": s.removed_rows,
                "without_top_effect": s.removed_effect,
                "without_top_interval": _ends(s.removed_interval),
            },
        }

    pairs = [difference(d) for d in found.differences]
    only = pairs[0] if len(pairs) == 1 else {}
    ratio = found.sample_ratio
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "sentence": found.sentence,
        "kind": found.kind,
        "control": found.control,
        "rows": found.rows,
        "missing": found.missing,
        # The one comparison's numbers once more at the top; null with several arms, where `comparisons` has them.
        **{
            k: only.get(k)
            for k in ("effect", "interval", "relative_effect", "relative_interval", "p", "enough_data", "more_needed")
        },
        "arms": [
            {
                "arm": a.name,
                "n": a.moments.n,
                "sum": a.moments.sum,
                "sum_of_squares": a.moments.sumsq,
                "mean": a.moments.mean,
                "variance": a.moments.variance,
                "interval": _ends(a.interval),
                "missing": a.missing,
                "clusters": a.clusters,
            }
            for a in found.arms
        ],
        "comparisons": pairs,
        "sample_ratio": {
            "observed": ratio.observed,
            "expected": ratio.expected,
            "p": ratio.p,
            "mismatch": ratio.mismatch,
            "assumed_equal": ratio.assumed_equal,
            "withholds_verdict": ratio.withholds,
        },
        "warnings": [{"code": n.code, "message": n.message} for n in warnings],
        "settings": {
            "alpha": found.settings.alpha,
            "power": found.settings.power,
            "min_effect": found.settings.min_effect,
            "lower_is_better": found.settings.lower_is_better,
        },
    }


def _print(found: Any, warnings: list[Note], outcome: str, words: Any) -> None:
    colour = {"better": "green", "worse": "red", "no_difference": "blue", "undecided": "yellow"}[found.verdict]
    click.secho(f"结论：{words[found.verdict]}", fg=colour, bold=True)
    click.echo(found.sentence)
    click.echo(
        f"\n结果列“{outcome}”（{'比例' if found.kind == 'binary' else '数值'}），{found.rows:,} 行，缺失 {found.missing:,} 行"
    )
    for a in found.arms:
        mean = "无" if not a.moments.n else f"{a.moments.mean:.2%}" if found.kind == "binary" else f"{a.moments.mean:,.4g}"
        clusters = "" if a.clusters is None else f"，{a.clusters:,} 个群"
        click.echo(f"  {a.name}{'（对照）' if a.name == found.control else ''}：{a.moments.n:,} 行{clusters}，平均 {mean}")
    for d in found.differences:
        if len(found.differences) > 1:
            click.echo(f"  {words[d.verdict]}：{d.sentence}")
        if d.p is not None:
            share = (
                ""
                if d.relative_interval.low is None or d.relative_interval.high is None
                else f"，相对区间 {d.relative_interval.low:+.1%} 到 {d.relative_interval.high:+.1%}"
            )
            click.echo(f"  p = {d.p_adjusted:.3g}{share}；随时看都算数的 p = {d.anytime_p:.3g}")
    ratio = found.sample_ratio
    if ratio.p is not None:
        click.echo(f"  分流核对：p = {ratio.p:.3g}{'，对不上' if ratio.mismatch else '，正常'}")
    show_notes(warnings)
