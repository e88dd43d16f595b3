"""Vega-Lite drawings declared with Altair, served offline: skeletons are made once, rows are added per page.

The browser gets the specification, the rows and one bundle (Vega, Vega-Lite and vega-embed from vl-convert), which the shop's
own server keeps as a file and gives out itself (`bundle`). The bundle runs under a CSP without `unsafe-eval`: expressions are interpreted from their AST.
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
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from zhanggui.doors.ui import format as fmt
from zhanggui.kernel.errors import NotFound

_lock = threading.Lock()
SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What the bundle gives to the page: one function that draws."""
_AXIS = {
    "rate": "format(datum.value, datum.value && abs(datum.value) < 0.1 ? '.1%' : '.0%')",
    "fen": "abs(datum.value) >= 10000 ? format(datum.value / 10000, '~g') + '万' : format(datum.value, ',~g')",
}
_AXIS["count"] = _AXIS["fen"]
LONG_DAYS = 200
"""A longer stretch names months on its axis instead of days."""
_DAYS = {"": "%-m/%-d", ".long": "%Y/%-m"}


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
        _write(path, gzip.compress(vl_convert.javascript_bundle(SNIPPET).encode(), 9, mtime=0))
    return path


def bundle(request: HttpRequest, build: str) -> HttpResponseBase:
    """The bundle for a browser, under an address that changes whenever it does; any other build's address is not found."""
    if build != version():
        raise NotFound("没有这个图表程序", remedy="请刷新页面")
    packed = bundle_file().read_bytes()
    plain = "gzip" not in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(gzip.decompress(packed) if plain else packed, content_type="text/javascript; charset=utf-8")
    if not plain:
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


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
    for name, label, days in [(f"{u}{n}", words, days) for u, words in _AXIS.items() for n, days in _DAYS.items()]:
        unit = name.split(".")[0]
        x = alt.X("day:T").title(None).axis(format=days, labelOverlap=True, grid=False, tickCount=6)
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
        near = alt.selection_point(name="near", fields=["day"], on="pointerover", clear="pointerout", empty=False)
        area = (
            [base.mark_area().encode(y=y.stack(None))] if unit != "rate" else []
        )  # an area would pull a share's axis down to zero
        line = base.mark_line(interpolate="monotone").encode(y=y)
        previous = base.mark_line(style="previous", strokeDash=[4, 4], strokeWidth=1.5, interpolate="monotone").encode(
            y=alt.Y("previous:Q")
        )
        lone = base.mark_point(style="lone", filled=True, size=22).encode(y=alt.Y("lone:Q"))
        point = base.mark_point(style="hover", filled=True, size=70)
        hover = point.encode(y=y, opacity=alt.condition(near, alt.value(1), alt.value(0)))
        # A band per day from top to bottom, unseen, which a finger hits; `nearest` would do it too, but its tooltip finds no fields.
        band = base.mark_rule(style="band", opacity=0).encode(tooltip=tips).add_params(near)
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
        layered = alt.layer(*area, previous, policy, words, line, lone, hover, band).properties(
            width="container", height=250, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
        )
        spec = layered.to_dict()
        spec.pop("config", None)
        out[f"series.{name}"] = spec
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


def _alone(values: Sequence[float | None], at: int) -> bool:
    """Whether a value has none beside it, so that no line would show it."""
    return values[at] is not None and (at == 0 or values[at - 1] is None) and (at + 1 >= len(values) or values[at + 1] is None)


def series(
    days: Sequence[date],
    values: Sequence[float | None],
    unit: str,
    *,
    previous: Sequence[float | None] = (),
    line: float | None = None,
    line_words: str = "",
    labels: Sequence[str] = (),
) -> dict[str, Any]:
    """A number over time, with the period before (dashed) and its policy line: {"spec": …, "data": {"rows", "lines"}}.

    `labels` name the points where they are weeks or months rather than days.
    """
    key = fmt.unit_key(unit)
    kind = key if key in _AXIS else "count"
    before = list(previous) + [None] * (len(days) - len(previous))
    names = labels or [fmt.day(d, week=True) for d in days]
    alone = [_alone(values, n) for n in range(len(values))]
    rows = [
        {
            "day": f"{d.isoformat()}T00:00:00", "value": _screen(v, key), "previous": _screen(p, key), "lone": _screen(v, key) if one else None, "label": name,
            "text": fmt.value(v, unit), "before": fmt.value(p, unit),
        }
        for d, v, p, one, name in zip(days, values, before, alone, names, strict=False)
    ]  # fmt: skip
    lines = [] if line is None else [{"value": _screen(line, key), "text": line_words}]
    long = bool(days) and (days[-1] - days[0]).days > LONG_DAYS
    spec = _skeletons()[f"series.{kind}{'.long' if long else ''}"]
    shown = {None, "hover", "band"}
    shown |= {"policy", "policyText"} if lines else set()
    shown |= {"lone"} if any(alone) else set()
    shown |= {"previous"} if any(p is not None for p in before) else set()
    layers = [layer for layer in spec["layer"] if layer["mark"].get("style") in shown]
    layers[-1] = {
        **layers[-1],
        "mark": {**layers[-1]["mark"], "strokeWidth": {"expr": f"width / {max(1, len(rows))}"}},
    }  # the band of a day
    return {"spec": {**spec, "layer": layers}, "data": {"rows": rows, "lines": lines}}


def curve(points: Sequence[tuple[int, float]], label: str) -> dict[str, Any]:
    """A share by age (for example repurchase by days since the first order). `label` holds {n} for the age."""
    rows = [
        {"age": age, "value": share, "label": label.replace("{n}", str(age)), "text": fmt.percent(share)} for age, share in points
    ]
    return {"spec": _skeletons()["curve"], "data": {"rows": rows}}
