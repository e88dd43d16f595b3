"""`zhanggui uplift`: whom a message is worth sending to, from an experiment's file. Needs no database and no settings."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import click
import numpy as np

from zhanggui.doors.cli.compare import judged, number_option, show_json, show_notes
from zhanggui.stats.tables import Note, Table, TableError, plain, read_table


@click.command("uplift", help="该发给谁：按“发了才会变”的程度排序，扣掉成本，并和“按谁本来就会买”“随机”对照。")
@click.option(
    "--csv", "path", required=True, type=click.Path(path_type=Path), help="CSV 文件（可 .gz；UTF-8 或 GBK），一行一人。"
)
@click.option("--treatment", required=True, help="分组列：发了（1/是）还是没发（0/否）。")
@click.option("--outcome", required=True, help="结果列：0/1（是/否）或数值。")
@click.option("--control", default=None, help="分组列里“没发”那组的名字；不写则按名字认。")
@click.option("--treated", default=None, help="分组列超过两种值时，指定“发了”是哪一种（其余的行不用）。")
@click.option(
    "--cost",
    default=0.0,
    show_default=True,
    type=float,
    callback=number_option(0, 1e9, low_itself=True),
    help="发给一个人的成本（元）。",
)
@click.option("--value", default=None, type=float, callback=number_option(0, 1e9), help="结果多一个单位值多少（元）；不写按 1。")
@click.option("--drop", multiple=True, help="不要用的列，可写多次（例如发送之后才有的列）。")
@click.option("--seeds", default=None, type=click.IntRange(1, 100), help="重复交叉检验多少遍；不写则按行数取 2 到 10。")
@click.option(
    "--scores",
    "scores_path",
    default=None,
    type=click.Path(path_type=Path, dir_okay=False),
    help="把每一行的预计效果写到这个 CSV。",
)
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
@judged
def uplift_command(
    path: Path,
    treatment: str,
    outcome: str,
    control: str | None,
    treated: str | None,
    cost: float,
    value: float | None,
    drop: tuple[str, ...],
    seeds: int | None,
    scores_path: Path | None,
    as_json: bool,
) -> None:
    """Reads, judges, prints. Exit status 0 when judged (undecided included), 2 when the file or the call cannot be understood."""
    from zhanggui.stats import uplift

    if scores_path is not None and scores_path.exists() and path.exists() and scores_path.samefile(path):
        raise TableError("--scores 和 --csv 是同一个文件，会盖掉原来的数据", "给 --scores 换一个文件名")
    table = read_table(path)
    treatment_column, outcome_column = table.require(treatment, "--treatment"), table.require(outcome, "--outcome")
    if treatment_column == outcome_column:
        raise TableError("--treatment 和 --outcome 是同一列", "分组列和结果列要分开", outcome_column)
    left_out = [table.require(d, "--drop") for d in drop]
    arms, base, given = _arms(table, treatment_column, control, treated)
    values = table.numbers(outcome_column, "--outcome")
    if values.missing == table.rows:
        raise TableError(f"“{outcome_column}”列全是空的", "用 --outcome 换一列", outcome_column)
    columns, notes = uplift.read_columns(table, [treatment_column, outcome_column, *left_out])
    found = uplift.judge(columns, arms, values.values, value=value, cost=cost, seeds=seeds, notes=notes)
    warnings = [*found.notes, *table.notes]
    if scores_path is not None:
        _write_scores(scores_path, found.scores)
    if as_json:
        head = {
            "ok": True,
            "command": "uplift",
            "file": path.name,
            "treatment_column": treatment_column,
            "outcome_column": outcome_column,
        }
        show_json({**head, "treated": given, "control": base, **as_dict(found, warnings, value, cost)})
        return
    _print(found, warnings, given, base, uplift.LEARNER_NAMES)


def _write_scores(path: Path, scores: Any) -> None:
    """Row number of the file (the header is row 1) and expected effect, empty where nothing can be said."""
    try:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file)
            writer.writerow(["行", "预计效果"])
            writer.writerows([i + 2, "" if not np.isfinite(s) else f"{s:.6g}"] for i, s in enumerate(scores))
    except OSError as error:
        raise TableError(f"写不了“{path}”：{error.strerror or error}", "检查 --scores 后面的文件夹在不在、能不能写") from None


def _arms(table: Table, column: str, control: str | None, treated: str | None) -> tuple[Any, str, str]:
    """1 for treated, 0 for control, NaN for everybody else; and the two labels."""
    from zhanggui.stats.compare import guess_control

    labels, codes = table.codes(column)

    def pick(name: str, option: str) -> str:
        same = [x for x in labels if x == name or plain(x) == plain(name)]
        if not same:
            raise TableError(f"“{column}”列里没有“{name}”", f"{option} 可选：{'、'.join(labels[:20])}", column)
        return same[0]

    if len(labels) < 2:
        only = labels[0] if labels else "空"
        raise TableError(f"“{column}”列只有一种值（{only}），没有发与不发的对比", "换一列，或加上没有发的人", column)
    if len(labels) > 20:
        raise TableError(f"“{column}”列有 {len(labels):,} 种不同的值，不像分组", "用 --treatment 换成 0/1 的列", column)
    base = pick(control, "--control") if control is not None else guess_control(labels)
    if treated is not None:
        given = pick(treated, "--treated")
        if base is None and len(labels) == 2:
            base = next(x for x in labels if x != given)
    elif len(labels) == 2 and base is not None:
        given = next(x for x in labels if x != base)
    elif len(labels) == 2:
        raise TableError(f"看不出“{column}”列里哪个是没发", f"用 --control 指定，可选：{'、'.join(labels)}", column)
    else:
        raise TableError(
            f"“{column}”列有 {len(labels)} 种值，不知道比哪两种",
            f"用 --treated 和 --control 指定，可选：{'、'.join(labels)}",
            column,
        )
    if base is None:
        raise TableError(f"看不出“{column}”列里哪个是没发", f"用 --control 指定，可选：{'、'.join(labels)}", column)
    if base == given:
        raise TableError("--treated 和 --control 是同一组", f"可选：{'、'.join(labels)}", column)
    lookup = np.full(len(labels) + 1, np.nan)
    lookup[labels.index(base)], lookup[labels.index(given)] = 0.0, 1.0
    return lookup[codes], base, given


def _estimate(e: Any) -> dict[str, Any] | None:
    return None if e is None else {"estimate": e.value, "se": e.se, "interval": [e.low, e.high]}


def as_dict(found: Any, warnings: list[Note], value: float | None, cost: float) -> dict[str, Any]:
    """The answer with its documented keys (docs/algorithms/uplift.md)."""
    chosen = next((r for r in found.rankings if r.learner == found.chosen), None)
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "sentence": found.sentence,
        "kind": found.kind,
        "rows": found.rows,
        "treated_share": found.treated_share,
        "effect": _estimate(found.effect),
        "chosen": found.chosen or None,
        "usable_heterogeneity": found.verdict in ("usable", "rank_by_outcome"),
        "auuc": _estimate(chosen.auuc) if chosen else None,
        "qini": chosen.qini if chosen else None,
        "gain_over_random": _estimate(chosen.gain_over_random) if chosen else None,
        "gain_over_outcome": _estimate(chosen.gain_over_outcome) if chosen else None,
        "honest_gain_over_outcome": _estimate(found.honest_gain_over_outcome),
        "heterogeneity_slope": _estimate(found.heterogeneity),
        "recommended_share": found.recommended_share,
        "learners": [
            {
                "learner": r.learner,
                "auuc": _estimate(r.auuc),
                "auuc_plain": r.auuc_plain,
                "qini": r.qini,
                "uplift_at": r.uplift_at,
                "gain_over_random": _estimate(r.gain_over_random),
                "gain_over_outcome": _estimate(r.gain_over_outcome),
                "gain_over_outcome_by_seed": list(r.by_seed),
            }
            for r in found.rankings
        ],
        "deciles": [{"rows": d.rows, "predicted": d.predicted, "observed": _estimate(d.observed)} for d in found.deciles],
        "policies": [{"policy": p.name, "share": p.share, "profit_per_head": _estimate(p.profit)} for p in found.policies],
        "drivers": [{"column": d.column, "explained": d.explained, "words": d.words} for d in found.drivers],
        "balance": {"auc": found.balance_auc, "imbalanced": [{"column": c, "auc": a} for c, a in found.imbalanced]},
        "columns_used": list(found.columns),
        "seeds": found.seeds,
        "value": 1.0 if value is None else value,
        "cost": cost,
        "warnings": [{"code": n.code, "message": n.message} for n in warnings],
        "scores": [float(f"{s:.6g}") if np.isfinite(s) else None for s in found.scores],
    }


_VERDICTS = {
    "usable": "可以按增量挑人",
    "rank_by_outcome": "按谁本来就会买挑人就够了",
    "no_heterogeneity": "不必挑人",
    "undecided": "还判断不了",
}
_POLICIES = {"nobody": "都不发", "everybody": "都发", "recommended": "建议", "same_share_by_outcome": "同样多人、按谁本来就会买"}


def _print(found: Any, warnings: list[Note], given: str, base: str, names: Any) -> None:
    colour = {"usable": "green", "rank_by_outcome": "blue", "no_heterogeneity": "blue", "undecided": "yellow"}[found.verdict]
    click.secho(f"结论：{_VERDICTS[found.verdict]}", fg=colour, bold=True)
    click.echo(found.sentence)
    if not found.rankings:
        show_notes(warnings)
        return
    click.echo(
        f"\n{found.rows:,} 人，“{given}”占 {found.treated_share:.1%}，对照“{base}”；交叉检验 {found.seeds} 遍，用到 {len(found.columns)} 列"
    )
    click.echo("  方法                          AUUC      比随机            比按结果排")
    for r in found.rankings:
        a, b = r.gain_over_random, r.gain_over_outcome
        mark = "→" if r.learner == found.chosen else " "
        click.echo(
            f" {mark}{r.learner:<18} {r.auuc.value:>10.5f}  {a.value:+.5f} ± {1.96 * a.se:.5f}  {b.value:+.5f} ± {1.96 * b.se:.5f}  {names[r.learner]}"
        )
    click.echo(
        "  十等分（预计 / 实测效果，从低到高）：" + "，".join(f"{d.predicted:.4g}/{d.observed.value:.4g}" for d in found.deciles)
    )
    for p in found.policies:
        if p.name in _POLICIES:
            click.echo(
                f"  {_POLICIES[p.name]}（{p.share:.0%}）：每人净值 {p.profit.value:.5g}（{p.profit.low:.5g} 到 {p.profit.high:.5g}）"
            )
    for d in found.drivers[:5]:
        click.echo(f"  {d.words}")
    show_notes(warnings)
