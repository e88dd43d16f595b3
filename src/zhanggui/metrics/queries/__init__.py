"""Answers for pages, the terminal and the API: from stored points where they are, from the lake where a stretch asks for it.

    value(shop, key, first, last) → Value           series(…, grain) → tuple[SeriesPoint]     breakdown(…, dimension) → tuple[Segment]
    funnel(shop, first, last, by) → Funnel          cohorts(shop) → Cohorts                   rfm(shop, day) → Rfm
    rows_behind(shop, key, first, last, …) → Rows   health(shop, day) → Health                watermark(shop) → when computed

Additive metrics add up their stored days. Distinct counts, medians and funnels are stored for days, weeks, months and the last 7 and
30 days; any other stretch is counted over the lake itself and kept in memory for that version of it. Where a number cannot be
given, `missing` says why in the shopkeeper's words; it is never zero instead. Nothing here writes.

    values   numbers, series, breakdowns      spreads   funnel, cohorts, RFM      rows   the rows behind a number
    health   cards and verdicts               whole     everything at once, of a shop or of files without one
"""

from __future__ import annotations

from zhanggui.metrics.queries.health import HEALTH, Card, Health, LayerHealth, Line, card, health, lines_of
from zhanggui.metrics.queries.rows import KIND_WORDS, ROWS, STATUS_WORDS, Column, Rows, RowSet, rows_behind
from zhanggui.metrics.queries.spreads import (
    Cohort,
    Cohorts,
    Funnel,
    FunnelPart,
    FunnelStage,
    Rfm,
    RfmSegment,
    cohorts,
    cohorts_of,
    fold_steps,
    funnel,
    rfm,
    rfm_of,
    stages_of,
)
from zhanggui.metrics.queries.values import (
    NEW_OLD,
    Segment,
    SeriesPoint,
    Sums,
    Value,
    breakdown,
    catalogue,
    segment_name,
    series,
    smallest_sample,
    stored_day,
    value,
    value_of,
    values,
    watermark,
)
from zhanggui.metrics.queries.whole import Answers, answers, answers_of

__all__ = [
    "HEALTH",
    "KIND_WORDS",
    "NEW_OLD",
    "ROWS",
    "STATUS_WORDS",
    "Answers",
    "Card",
    "Cohort",
    "Cohorts",
    "Column",
    "Funnel",
    "FunnelPart",
    "FunnelStage",
    "Health",
    "LayerHealth",
    "Line",
    "Rfm",
    "RfmSegment",
    "RowSet",
    "Rows",
    "Segment",
    "SeriesPoint",
    "Sums",
    "Value",
    "answers",
    "answers_of",
    "breakdown",
    "card",
    "catalogue",
    "cohorts",
    "cohorts_of",
    "fold_steps",
    "funnel",
    "health",
    "lines_of",
    "rfm",
    "rfm_of",
    "rows_behind",
    "segment_name",
    "series",
    "smallest_sample",
    "stages_of",
    "stored_day",
    "value",
    "value_of",
    "values",
    "watermark",
]
