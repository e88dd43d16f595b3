"""Components with meaning, for every template (built in, no {% load %} needed). Colour never comes without a word or a mark."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.forms import BoundField
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString, mark_safe

from zhanggui.doors.ui import charts
from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.values import WORDS, Cursor, Metric, PolicyLine, Progress, Verdict, tone_of

register = template.Library()

register.filter("yuan", fmt.yuan)
register.filter("yuan_short", fmt.yuan_short)
register.filter("percent", fmt.percent)
register.filter("count", fmt.count)
register.filter("count_short", fmt.count_short)
register.filter("decimal", fmt.decimal)
register.filter("moment", fmt.moment)
register.filter("stamp", fmt.stamp)
register.filter("day", fmt.day)
register.filter("ago", fmt.ago)
register.filter("lasting", fmt.lasting)
register.filter("size", fmt.size)
register.filter("with_unit", fmt.value)


@register.filter
def first_character(text: Any) -> str:
    """The first letter or character of a name, for its tile."""
    return next((c for c in str(text) if c.isalnum()), "·")


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """`mapping[key]`, or empty."""
    return mapping.get(key, "") if mapping else ""


@lru_cache(maxsize=256)
def _version(path: str, at: float) -> str:
    found = finders.find(path)
    return hashlib.sha256(Path(str(found)).read_bytes()).hexdigest()[:10] if found else "0"


@lru_cache(maxsize=256)
def _fixed_asset(path: str) -> str:
    return f"{static(path)}?v={_version(path, 0.0)}"


@register.simple_tag
def asset(path: str) -> str:
    """The address of a static file, with its content's hash so that browsers never keep an old one."""
    if settings.DEBUG:
        found = finders.find(path)
        return f"{static(path)}?v={_version(path, Path(str(found)).stat().st_mtime if found else 0.0)}"
    return _fixed_asset(path)


@register.simple_tag
def vega_url() -> str:
    """The address of the drawing library, made on this server and kept by the browser."""
    return reverse("desk:charts", args=(charts.version(),))


@register.simple_tag(takes_context=True)
def to(context: template.Context, route: str, *args: Any) -> str:
    """The address of a page of the shop now open: {% to 'order' order.order_id %}."""
    return str(context["desk"].url(route, *args))


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """This page's query string with some parts changed; an empty value removes one. Paging restarts."""
    query = {k: v for k, v in context["request"].GET.items() if k != "after"}
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + urlencode(query)


@register.simple_tag
def icon(name: str, kind: str = "") -> SafeString:
    """A line icon of the house's sprite. It is decoration: a word stands beside it."""
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', kind, asset("ui/icons.svg"), name)


@register.simple_tag
def badge(tone: str, word: Any) -> SafeString:
    """A short state in a word with a mark: good ✓, warn △, bad !, busy ↻, none –, plain without mark."""
    return format_html('<span class="badge {}">{}</span>', tone, word)


@register.simple_tag
def sparkline(values: Sequence[float | None], label: str = "", line: PolicyLine | None = None) -> SafeString:
    """A trend as a tiny picture; gaps stay gaps. The policy line is dashed where it lies within the picture."""
    known = [v for v in values if v is not None]
    if len(known) < 2:
        return SafeString("")
    low, high = min(known), max(known)
    if line is not None and low - (high - low) <= line.value <= high + (high - low):
        low, high = min(low, line.value), max(high, line.value)
    span = (high - low) or 1.0
    step = 100 / max(1, len(values) - 1)

    def y(v: float) -> float:
        return 27 - (v - low) / span * 24 if high > low else 15.0

    parts: list[str] = []
    pen_up = True
    for i, v in enumerate(values):
        if v is None:
            pen_up = True
            continue
        parts.append(f"{'M' if pen_up else 'L'}{i * step:.1f} {y(v):.1f}")
        pen_up = False
    path = "".join(parts)
    area = f"{path}L100 30L0 30Z" if None not in values else ""
    rule = ""
    if line is not None and low <= line.value <= high and high > low:
        rule = f'<path class="policy" d="M0 {y(line.value):.1f}H100"/>'
    fill = f'<path class="area" d="{area}"/>' if area else ""
    return format_html(
        '<svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="{}">{}{}</svg>',
        label or "走势", mark_safe(fill + rule), mark_safe(f'<path d="{path}"/>'),  # noqa: S308 - numbers formatted by us
    )  # fmt: skip


@register.simple_tag
def threshold_bar(value: float | None, line: PolicyLine | None, unit: str = "rate") -> SafeString:
    """An abacus rod: the bead is the shop's value, the upright its policy line, the thick part of the wire is where it is ill."""
    if value is None or line is None:
        return SafeString("")
    top = (
        1.0
        if fmt.unit_key(unit) == "rate" and max(value, line.value) <= 1 and max(value, line.value) > 0.5
        else max(value, line.value) * 1.35 or 1.0
    )
    bead, tick = 3 + 94 * max(0.0, min(1.0, value / top)), 3 + 94 * max(0.0, min(1.0, line.value / top))
    ill = ""
    if line.kind == "threshold" and line.side:
        a, b = (tick, 100.0) if line.side == "above" else (0.0, tick)
        ill = f'<line class="ill" x1="{a:.1f}%" x2="{b:.1f}%" y1="9" y2="9"/>'
    tone = tone_of(value, line)
    words = f"当前 {fmt.value(value, unit)}，{line_words(line, unit)}"
    return format_html(
        '<svg class="rod {}" height="18" role="img" aria-label="{}"><line class="wire" x1="0" x2="100%" y1="9" y2="9"/>{}{}{}</svg>',
        tone, words, mark_safe(ill), mark_safe(f'<line class="tick" x1="{tick:.1f}%" x2="{tick:.1f}%" y1="2" y2="16"/>'),  # noqa: S308
        mark_safe(f'<svg x="{bead:.1f}%" y="9" overflow="visible"><path class="bead" d="M-9 0-4-6.500H4L9 0 4 6.500H-4Z"/></svg>'),  # noqa: S308
    )  # fmt: skip


@register.filter
def judged(line: PolicyLine | None, unit: str) -> str:
    """The policy line in words, for filters: {{ m.line|judged:m.unit }}."""
    return line_words(line, unit) if line else ""


def line_words(line: PolicyLine, unit: str) -> str:
    """The policy line in words: "低于 50.0% 算偏病" or "行业参考 72.0%"."""
    shown = fmt.value(line.value, unit)
    if line.kind == "threshold" and line.side:
        return f"{'高于' if line.side == 'above' else '低于'} {shown} 算偏病"
    return f"行业参考 {shown}" if line.kind == "benchmark" else f"参照 {shown}"


@register.inclusion_tag("ui/metric_card.html")
def metric_card(metric: Metric, url: str = "") -> dict[str, Any]:
    """A number with its change, trend, policy line and a word for how it stands."""
    figure, unit = fmt.value_parts(metric.value, metric.unit)
    shown = metric.tone != "none" and (metric.judged is not None or (metric.line is not None and metric.line.kind == "threshold"))
    said = metric.reason.startswith("比上期")  # the reason already tells the change
    return {
        "m": metric, "url": url, "figure": figure, "unit": unit, "delta": "" if said else fmt.change(metric.value, metric.previous, metric.unit), "said": said,
        "tone": metric.tone, "word": (metric.word or WORDS.get(metric.tone, "")) if shown else "",
        "line_words": line_words(metric.line, metric.unit) if metric.line else "",
    }  # fmt: skip


@register.inclusion_tag("ui/verdict_card.html")
def verdict_card(verdict: Verdict) -> dict[str, Any]:
    """A judgement: stamp, what to do next, why."""
    return {"v": verdict}


@register.inclusion_tag("ui/progress.html", name="progress")
def progress_bar(progress: Progress) -> dict[str, Any]:
    """How far a long piece of work is, in a bar and in words."""
    return {"p": progress}


@register.inclusion_tag("ui/empty_state.html")
def empty_state(
    title: str, text: str = "", icon: str = "info", url: str = "", label: str = "", url2: str = "", label2: str = ""
) -> dict[str, Any]:
    """Nothing here yet: why, and what to do next."""
    return {"title": title, "text": text, "icon": icon, "steps": [(u, w) for u, w in ((url, label), (url2, label2)) if u]}


@register.inclusion_tag("ui/pager.html", takes_context=True)
def pager(context: template.Context, cursor: Cursor, noun: str = "条") -> dict[str, Any]:
    """Where the list stands, and the way on. Lists page by key, so page 20,000 is as fast as page 2."""
    query = {k: v for k, v in context["request"].GET.items() if k != "after"}
    return {
        "c": cursor, "noun": noun, "first_url": "?" + urlencode(query),
        "next_url": "?" + urlencode({**query, "after": cursor.next}) if cursor.next else "",
    }  # fmt: skip


@register.inclusion_tag("ui/field.html", name="field")
def form_field(field: BoundField, help: str = "") -> dict[str, Any]:
    """A form field with label, help and errors joined to it for screen readers."""
    attrs: dict[str, str | bool] = {"aria-describedby": f"{field.id_for_label}-help"} if help or field.help_text else {}
    if field.errors:
        attrs["aria-invalid"] = "true"
    return {"field": field, "widget": field.as_widget(attrs=attrs), "help": help or field.help_text}


@register.inclusion_tag("ui/toast.html")
def toast(text: str, tone: str = "good", more: str = "") -> dict[str, Any]:
    """A short answer to what was just done."""
    return {
        "text": text,
        "tone": {"success": "good", "info": "good", "warning": "warn", "error": "bad"}.get(tone, tone),
        "more": more,
    }


@register.simple_block_tag
def panel(content: str, title: str = "", kind: str = "", id: str = "") -> SafeString:
    """A sheet of the ledger with a title; `kind="flush"` for tables that reach the edges."""
    head = format_html("<header><h2>{}</h2></header>", title) if title else ""
    return format_html(
        '<section class="panel"{}>{}<div class="body {}">{}</div></section>',
        format_html(' id="{}"', id) if id else "",
        head,
        kind,
        content,
    )


@register.simple_block_tag
def dialog(content: str, id: str, title: str) -> SafeString:
    """A question in front of the page, opened by a button with data-act="dialog" data-open="id"."""
    return format_html(
        '<dialog id="{0}" aria-labelledby="{0}-t"><div class="body"><h2 id="{0}-t">{1}</h2>{2}</div></dialog>', id, title, content
    )


@register.simple_block_tag
def note(content: str, tone: str = "") -> SafeString:
    """A remark set apart: plain, good, warn or bad."""
    return format_html('<div class="note {}">{}</div>', tone, content)


_chart_ids = itertools.count(1)


@register.simple_tag
def chart(drawing: Mapping[str, Any], label: str, kind: str = "") -> SafeString:
    """A Vega-Lite drawing (spec and rows) as data; the script draws it, and the table beside it says the same."""
    name = f"chart-{next(_chart_ids)}"
    return format_html(
        '<div class="chart {}" data-chart="{}" role="img" aria-label="{}"></div>{}',
        kind,
        name,
        label,
        json_script(dict(drawing), name),
    )


@register.simple_tag
def bar(share: float | None, words: str = "") -> SafeString:
    """A share of the whole width as a bar, 0..1."""
    width = max(0.0, min(1.0, share or 0.0)) * 100
    return format_html(
        '<svg role="img" aria-label="{}" height="14"><rect class="b" width="{}%" height="14" rx="2"/></svg>',
        words,
        f"{width:.1f}",
    )


@register.simple_tag
def funnel_bar(share: float | None, words: str = "") -> SafeString:
    """A stage of the funnel: its share of the first stage."""
    width = max(0.002, min(1.0, share or 0.0)) * 100
    return format_html(
        '<svg role="img" aria-label="{}" height="34"><rect class="bar0" width="100%" height="34" rx="4"/><rect class="barr" width="{}%" height="34" rx="4"/></svg>', words, f"{width:.2f}",
    )  # fmt: skip


@register.filter
def heat(share: float | None) -> str:
    """The heat map's class for a share 0..1: ten steps, darker is more."""
    return "" if share is None else f"h{max(0, min(9, int(share * 10)))}"
