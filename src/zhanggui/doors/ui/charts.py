"""Vega-Lite drawings declared with Altair, served offline: skeletons are made once, rows are added per page.

The browser gets the specification, the rows and one bundle (Vega, Vega-Lite and vega-embed from vl-convert), which the shop's
own server keeps as a file. The bundle runs under a CSP without `unsafe-eval`: expressions are interpreted from their AST.
Web processes never import Altair once `build_bundle()` has run; it takes about two seconds and is done at set-up or first use.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from zhanggui.doors.ui import format as fmt

_lock = threading.Lock()
_AXIS = {
    "rate": "format(datum.value, datum.value && abs(datum.value) < 0.1 ? '.1%' : '.0%')",
    "fen": "abs(datum.value) >= 10000 ? format(datum.value / 10000, '~g') + '万' : format(datum.value, ',~g')",
}
_AXIS["count"] = _AXIS["fen"]


def _folder() -> Path:
    return Path(settings.STATIC_ROOT) / "ui"


@lru_cache(maxsize=1)
def version() -> str:
    """What the drawings depend on, as a short hash: library versions and this file."""
    from importlib.metadata import version as of

    seed = of("vl-convert-python") + of("altair") + hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return hashlib.sha256(seed.encode()).hexdigest()[:12]


def bundle_file() -> Path:
    """The bundle's file, gzip-compressed; made if it is missing."""
    path = _folder() / f"vega-{version()}.js.gz"
    if not path.exists():
        build_bundle()
    return path


def build_bundle() -> Path:
    """Writes the browser's bundle and the skeletons beside it. Idempotent; safe from several processes at once."""
    path = _folder() / f"vega-{version()}.js.gz"
    with _lock:
        if path.exists():
            return path
        import vl_convert

        _folder().mkdir(parents=True, exist_ok=True)
        _write(_folder() / f"drawings-{version()}.json", json.dumps(_make_skeletons(), ensure_ascii=False).encode())
        _write(path, gzip.compress(vl_convert.javascript_bundle().encode(), 9, mtime=0))
    return path


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    os.replace(fresh, path)


@lru_cache(maxsize=1)
def _skeletons() -> dict[str, Any]:
    path = _folder() / f"drawings-{version()}.json"
    if not path.exists():
        build_bundle()
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def _make_skeletons() -> dict[str, Any]:
    """Every drawing the desk knows, by name, declared with Altair and without rows."""
    import altair as alt

    out: dict[str, Any] = {}
    for unit, label in _AXIS.items():
        x = alt.X("day:T").title(None).axis(format="%-m/%-d", labelOverlap=True, grid=False, tickCount=6)
        y = (
            alt.Y("value:Q")
            .title(None)
            .axis(labelExpr=label, tickCount=4, domain=False, ticks=False)
            .scale(zero=unit != "rate", nice=True)
        )
        base = alt.Chart(alt.NamedData("rows")).encode(x=x)
        tips = [
            alt.Tooltip("label:N", title="日期"),
            alt.Tooltip("text:N", title="数值"),
            alt.Tooltip("before:N", title="上一期"),
        ]
        near = alt.selection_point(name="near", fields=["day"], nearest=True, on="pointerover", clear="pointerout", empty=False)
        area = base.mark_area().encode(y=y)
        if unit == "rate":
            area = base.mark_area(opacity=0).encode(y=y)
        line = base.mark_line(interpolate="monotone").encode(y=y)
        previous = base.mark_line(style="previous", strokeDash=[4, 4], strokeWidth=1.5, interpolate="monotone").encode(
            y=alt.Y("previous:Q")
        )
        hover = (
            base.mark_point(style="hover", filled=True, size=70)
            .encode(y=y, opacity=alt.condition(near, alt.value(1), alt.value(0)), tooltip=tips)
            .add_params(near)
        )
        policy = (
            alt.Chart(alt.NamedData("lines"))
            .mark_rule(style="policy", strokeDash=[2, 3], strokeWidth=1.5)
            .encode(y=alt.Y("value:Q"))
        )
        words = (
            alt.Chart(alt.NamedData("lines"))
            .mark_text(style="policyText", align="left", dx=4, dy=-7)
            .encode(y=alt.Y("value:Q"), x=alt.value(0), text="text:N")
        )
        layered = alt.layer(area, previous, policy, words, line, hover).properties(
            width="container", height=250, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
        )
        spec = layered.to_dict()
        spec.pop("config", None)
        out[f"series.{unit}"] = spec
    curve = (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(interpolate="monotone", point=True)
        .encode(
            x=alt.X("age:Q").title(None).axis(grid=False, tickMinStep=1, format="d"),
            y=alt.Y("value:Q").title(None).axis(labelExpr=_AXIS["rate"], tickCount=4, domain=False, ticks=False),
            tooltip=[alt.Tooltip("label:N", title="时间"), alt.Tooltip("text:N", title="比例")],
        )
        .properties(width="container", height=220)
    )
    spec = curve.to_dict()
    spec.pop("config", None)
    out["curve"] = spec
    return out


def _screen(value: float | None, unit: str) -> float | None:
    return None if value is None else float(value) / 100 if unit == "fen" else float(value)


def series(
    days: Sequence[date],
    values: Sequence[float | None],
    unit: str,
    *,
    previous: Sequence[float | None] = (),
    line: float | None = None,
    line_words: str = "",
) -> dict[str, Any]:
    """A number over time, with the period before (dashed) and its policy line: {"spec": …, "data": {"rows", "lines"}}."""
    key = fmt.unit_key(unit)
    kind = key if key in _AXIS else "count"
    before = list(previous) + [None] * (len(days) - len(previous))
    rows = [
        {
            "day": f"{d.isoformat()}T00:00:00", "value": _screen(v, key), "previous": _screen(p, key), "label": fmt.day(d, week=True),
            "text": fmt.value(v, unit), "before": fmt.value(p, unit),
        }
        for d, v, p in zip(days, values, before, strict=False)
    ]  # fmt: skip
    lines = [] if line is None else [{"value": _screen(line, key), "text": line_words}]
    return {"spec": _skeletons()[f"series.{kind}"], "data": {"rows": rows, "lines": lines}}


def curve(points: Sequence[tuple[int, float]], label: str) -> dict[str, Any]:
    """A share by age (for example repurchase by days since the first order). `label` holds {n} for the age."""
    rows = [
        {"age": age, "value": share, "label": label.replace("{n}", str(age)), "text": fmt.percent(share)} for age, share in points
    ]
    return {"spec": _skeletons()["curve"], "data": {"rows": rows}}
