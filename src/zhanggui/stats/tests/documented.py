"""What the algorithm pages promise, and what the commands really print, as two sets to compare."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[4]
ESTIMATE = {"estimate", "se", "interval"}


def listed(page: str, heading: str) -> set[str]:
    """The code words in the first cells of the tables under `## heading` of docs/algorithms/`page`.md."""
    text = (ROOT / "docs" / "algorithms" / f"{page}.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    assert found, f"{page}.md has no section “{heading}”"
    words: set[str] = set()
    for cell in re.findall(r"^\| (.*?) \|", found[1], re.M):
        words.update(re.findall(r"`([^`]+)`", cell))
    return words


def paths(value: Any, free: set[str], at: str = "") -> Iterator[str]:
    """Every key of a JSON document as `a.b[].c`. Keys below a path in `free` are data and come as `*`; an estimate is one value."""
    if isinstance(value, dict):
        if set(value) == ESTIMATE:
            return
        for key, inner in value.items():
            here = f"{at}.*" if at in free else f"{at}.{key}" if at else key
            yield here
            yield from paths(inner, free, here)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, free, f"{at}[]")


def codes(*places: str) -> set[str]:
    """The codes of all `Note`s that the sources in `places` (files or folders under src/zhanggui) can give."""
    found: set[str] = set()
    for place in places:
        path = ROOT / "src" / "zhanggui" / place
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note":
                    first = node.args[0]
                    assert isinstance(first, ast.Constant), f"{file.name}:{node.lineno} computes its code"
                    found.add(first.value)
    return found
