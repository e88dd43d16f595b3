"""What is known of each person, as numbers a learner can use: columns read, told apart from identifiers and leaks, expanded to a basis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zhanggui.stats.distributions import auc
from zhanggui.stats.tables import MISSING_NUMBER, Bools, Floats, Ints, Note, Table, TableError, parse_number

MAX_PAIRED = 9  # numeric columns up to which products of two are added
MAX_LEVELS = 20  # categories kept per column; the rest become one


@dataclass(frozen=True)
class Column:
    """One usable column: numbers (NaN missing) or codes of `levels` (-1 missing)."""

    name: str
    numbers: Floats | None
    codes: Ints | None = None
    levels: tuple[str, ...] = ()


def read_columns(table: Table, leave_out: Sequence[str]) -> tuple[list[Column], list[Note]]:
    """Every column that can say something about a person; identifiers, constants and empty columns are left out and named in the notes."""
    found: list[Column] = []
    identifiers, constants = [], []
    for name in table.names:
        if name in leave_out:
            continue
        labels, codes = table.codes(name)
        filled = int((codes >= 0).sum())
        if len(labels) < 2 or filled < 0.02 * table.rows:
            constants.append(name)
            continue
        parsed = [parse_number(x) for x in labels] if len(labels) <= 100_000 else None
        numeric = parsed is None or sum(
            v is not None or x.lower() in MISSING_NUMBER for v, x in zip(parsed, labels, strict=True)
        ) >= 0.98 * len(labels)
        if parsed is None:
            try:
                values = table.numbers(name, "--drop").values
            except TableError:
                identifiers.append(name)
                continue
        elif numeric:
            lookup = np.array([*(math.nan if v is None else v for v in parsed), math.nan])
            values = lookup[codes]
        else:
            values = None
        if values is None:
            if len(labels) > 0.5 * filled and filled > 20:
                identifiers.append(name)
                continue
            count = np.bincount(codes[codes >= 0], minlength=len(labels))
            keep = [i for i in np.argsort(-count, kind="stable")[:MAX_LEVELS] if count[i] >= max(10, 0.005 * filled)]
            if not keep or (len(keep) == 1 and count[keep[0]] == filled):
                identifiers.append(name) if len(labels) > MAX_LEVELS else constants.append(name)
                continue
            recode = np.full(len(labels) + 1, len(keep), dtype=np.int64)
            for new, old in enumerate(keep):
                recode[old] = new
            recode[-1] = -1
            found.append(
                Column(name, None, recode[codes], tuple(labels[i] for i in keep) + (("其他",) if len(keep) < len(labels) else ()))
            )
            continue
        good = values[np.isfinite(values)]
        distinct = len(np.unique(good))
        # Whole numbers that never repeat are row or customer numbers; measurements repeat or have decimals.
        if distinct > 0.95 * len(good) and len(good) > 50 and bool(np.all(good == np.rint(good))):
            identifiers.append(name)
            continue
        found.append(Column(name, values))
    notes = []
    if identifiers:
        notes.append(Note("identifiers_dropped", f"像编号的列没有用：{'、'.join(identifiers)}"))
    if constants:
        notes.append(Note("constants_dropped", f"几乎没有内容的列没有用：{'、'.join(constants)}"))
    return found, notes


def expand(columns: Sequence[Column]) -> tuple[Floats, Bools]:
    """Standardised basis, one row per person, and which of its columns are products of two.

    Numbers come as value and hinges at their quartiles, categories as indicators, missing as its own indicator; up to `MAX_PAIRED` numbers are also
    multiplied with each other.
    """
    parts: list[Floats] = []
    mains: list[Floats] = []
    for c in columns:
        if c.numbers is None:
            assert c.codes is not None
            for level in range(len(c.levels)):
                parts.append((c.codes == level).astype(np.float64))
            continue
        v = c.numbers
        lost = ~np.isfinite(v)
        good = v[~lost]
        values = np.unique(good)
        if lost.mean() > 0.002:
            parts.append(lost.astype(np.float64))
        if len(values) <= 2:
            parts.append(np.where(lost, values[0], v))
            mains.append(parts[-1])
            continue
        low, high = np.quantile(good, [0.005, 0.995])
        x = np.clip(np.where(lost, float(np.median(good)), v), low, high)
        if (good >= 0).all() and float(good.mean()) > 1.5 * float(np.median(good)):
            parts.append(np.log1p(np.maximum(x, 0)))  # long right tails: amounts, counts
        parts.append(x)
        mains.append(x)
        if len(values) > 4:
            knots = np.unique(np.quantile(good, [0.25, 0.5, 0.75]))
            parts.extend(np.maximum(x - k, 0) for k in knots if low < k < high)
        else:
            parts.extend((x == k).astype(np.float64) for k in values[1:-1])
    single = len(parts)
    if len(mains) <= MAX_PAIRED:
        scaled = [(m - m.mean()) / max(float(m.std()), 1e-9) for m in mains]
        parts.extend(np.clip(a * b, -6, 6) for i, a in enumerate(scaled) for b in scaled[i + 1 :])
    X = np.stack(parts, axis=1)
    sd = X.std(axis=0)
    keep = sd > 1e-9
    found: Floats = np.clip((X[:, keep] - X[:, keep].mean(axis=0)) / sd[keep], -6, 6)
    return found, (np.arange(len(parts)) >= single)[keep]


def bin_columns(columns: Sequence[Column], rows: int) -> Ints:
    """Up to 16 bins per column (for the trees), missing in a bin of its own."""
    parts = []
    for c in columns:
        if c.numbers is None:
            assert c.codes is not None
            parts.append(np.where(c.codes < 0, 15, np.minimum(c.codes, 14)))
            continue
        good = c.numbers[np.isfinite(c.numbers)]
        edges = np.unique(np.quantile(good, np.arange(1, 15) / 15))
        parts.append(np.where(np.isfinite(c.numbers), np.searchsorted(edges, c.numbers, side="right"), 15))
    found: Ints = np.stack(parts, axis=1).astype(np.int64) if parts else np.zeros((rows, 0), dtype=np.int64)
    return found


def column_auc(c: Column, positive: Bools) -> float:
    """How well one column alone tells `positive`: AUC of its levels' rates (numbers: of the value), at least one half."""
    if c.numbers is not None:
        score = np.where(np.isfinite(c.numbers), c.numbers, np.nanmin(c.numbers) - 1)
        a = auc(positive, score)
        lost = auc(positive, (~np.isfinite(c.numbers)).astype(np.float64))
        return max(a, 1 - a, lost, 1 - lost)
    assert c.codes is not None
    count = np.bincount(c.codes + 1)
    rate = np.bincount(c.codes + 1, positive) / np.maximum(count, 1)
    return auc(positive, rate[c.codes + 1])


def screen(
    columns: Sequence[Column], t: Bools, y: Floats, *, binary: bool
) -> tuple[list[Column], list[Note], list[tuple[str, float]]]:
    """Leaves out columns that cannot have been known before: copies of the treatment, and results of the outcome.

    Returns the columns kept, the notes, and the kept columns whose distribution differs between the arms (name, AUC).
    """
    kept: list[Column] = []
    notes: list[Note] = []
    uneven: list[tuple[str, float]] = []
    n1, n0 = int(t.sum()), int((~t).sum())
    se = math.sqrt((n1 + n0 + 1) / (12.0 * n1 * n0))
    # An amount that is nil for many is an outcome that happened or not; one that never is, is compared by its median.
    happened = y == 1 if binary else y > 0 if float((y == 0).mean()) > 0.02 else y > float(np.median(y))
    nil = binary or float((y == 0).mean()) > 0.02
    for c in columns:
        told = column_auc(c, t)
        if told > 0.95:
            notes.append(Note("treatment_copy_dropped", f"“{c.name}”几乎就是分组本身，没有用"))
            continue
        if nil and c.numbers is not None and happened.any() and (~happened).any():
            quiet, loud = c.numbers[~happened], c.numbers[happened]
            constant = np.nanmin(quiet) == np.nanmax(quiet) if np.isfinite(quiet).any() else True
            if constant and len(quiet) > 50 and float(np.nanmean(loud != quiet[0])) > max(0.02, 20.0 / len(loud)):
                notes.append(Note("outcome_leak_dropped", f"“{c.name}”只在有结果的人身上有值，像是结果之后才有的，没有用"))
                continue
        if column_auc(c, happened) > (0.97 if nil else 0.995):
            notes.append(Note("outcome_leak_dropped", f"“{c.name}”几乎就是结果本身，没有用"))
            continue
        kept.append(c)
        if (told - 0.5) / se > 5.0 and told > 0.52:
            uneven.append((c.name, told))
    return kept, notes, uneven


def only_rows(c: Column, mask: Bools) -> Column:
    """The column of the rows in `mask`."""
    return Column(c.name, None if c.numbers is None else c.numbers[mask], None if c.codes is None else c.codes[mask], c.levels)
