"""Growing columnar tables and a time-ordered agenda: the emulator's memory, small and fast (numpy)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Columns:
    """A table of equally long numpy columns that grows by doubling. `table["name"]` is a live view of the filled part."""

    def __init__(self, **kinds: str) -> None:
        self._data: dict[str, NDArray[Any]] = {name: np.zeros(256, dtype=kind) for name, kind in kinds.items()}
        self.n = 0

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._data[name][: self.n]

    def add(self, rows: int, /, **values: Any) -> NDArray[np.int64]:
        """Appends `rows` rows (scalars are repeated, columns not named stay 0) and gives their row numbers."""
        first, last = self.n, self.n + rows
        for name, column in self._data.items():
            if last > len(column):
                grown = np.zeros(max(last, 2 * len(column)), dtype=column.dtype)
                grown[:first] = column[:first]
                self._data[name] = column = grown
            if name in values:
                column[first:last] = values[name]
        self.n = last
        return np.arange(first, last)

    def extend_flat(self, name: str, values: NDArray[Any]) -> int:
        """Appends to a one-column table and gives the number of its first new row."""
        first = self.n
        self.add(len(values), **{name: values})
        return first

    @property
    def raw(self) -> dict[str, NDArray[Any]]:
        """The columns with their spare room: for single values by `.item(row)`, which is several times faster than a view."""
        return self._data

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(c.nbytes for c in self._data.values())


class Agenda:
    """What happens when: (time, kind, row) kept sorted. Later additions go to a small part that is merged when it grows."""

    def __init__(self) -> None:
        empty = (np.zeros(0), np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int32))
        self._big: tuple[NDArray[Any], ...] = empty
        self._small: tuple[NDArray[Any], ...] = empty
        self._new: list[tuple[NDArray[Any], int, NDArray[Any]]] = []

    def add(self, times: Any, kind: int, rows: Any) -> None:
        """Notes that `kind` happens to `rows` at `times` (s); infinite times are left out."""
        t = np.atleast_1d(np.asarray(times, dtype=np.float64))
        r = np.atleast_1d(np.asarray(rows, dtype=np.int32))
        keep = np.isfinite(t)
        if keep.any():
            self._new.append((t[keep], kind, r[keep]))

    def _merge(self) -> None:
        if not self._new:
            return
        t = np.concatenate([self._small[0], *(n[0] for n in self._new)])
        k = np.concatenate([self._small[1], *(np.full(len(n[0]), n[1], dtype=np.uint8) for n in self._new)])
        r = np.concatenate([self._small[2], *(n[2] for n in self._new)])
        self._new.clear()
        if len(t) * 8 > len(self._big[0]):
            t, k, r = np.concatenate([self._big[0], t]), np.concatenate([self._big[1], k]), np.concatenate([self._big[2], r])
            order = np.lexsort((k, t))
            self._big, self._small = (t[order], k[order], r[order]), (t[:0], k[:0], r[:0])
        else:
            order = np.lexsort((k, t))
            self._small = (t[order], k[order], r[order])

    def between(self, after: float, until: float) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int32]]:
        """Everything with after < time ≤ until, in order of time."""
        self._merge()
        parts = []
        for t, k, r in (self._big, self._small):
            a, b = np.searchsorted(t, after, "right"), np.searchsorted(t, until, "right")
            parts.append((t[a:b], k[a:b], r[a:b]))
        if not len(parts[1][0]):
            return parts[0]
        t, k, r = (np.concatenate([parts[0][i], parts[1][i]]) for i in range(3))
        order = np.lexsort((k, t))
        return t[order], k[order], r[order]
