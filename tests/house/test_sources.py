"""What must hold of the text of the house: queries leave no trace, public names are explained, nothing names a machine or an index."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "zhanggui"
SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts and "tests" not in p.parts)
QUERIES = [p for p in SOURCES if p.name == "queries.py" or p.parent.name == "queries"]
WRITES = {
    "save", "create", "bulk_create", "bulk_update", "update_or_create", "get_or_create", "delete", "select_for_update", "enqueue", "enqueue_many", "emit", "emit_many",
    "acreate", "adelete", "asave", "aupdate", "write_text", "write_bytes", "unlink", "override",
}  # fmt: skip
READS_CALLED_SO = {"hashlib", "digest"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def writes_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each call that could leave a trace."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        called = node.func.attr
        if called in WRITES or (called == "update" and node.keywords and not node.args and looks_like_rows(node.func.value)):
            yield node.lineno, called


def looks_like_rows(node: ast.AST) -> bool:
    """Whether `x.update(column=…)` is called on a queryset: something that begins with `.objects` or a filter."""
    return any(isinstance(n, ast.Attribute) and n.attr in ("objects", "filter", "all", "exclude") for n in ast.walk(node))


@pytest.mark.parametrize("path", QUERIES, ids=name_of)
def test_queries_leave_no_trace(path: Path) -> None:
    assert list(writes_in(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    [
        "Order.objects.filter(pk=1).update(status=2)",
        "row.save()",
        "jobs.enqueue('x')",
        "Order.objects.create(a=1)",
        "rows.delete()",
    ],
)
def test_a_write_in_a_query_would_be_seen(code: str) -> None:
    assert list(writes_in(ast.parse(code)))


@pytest.mark.parametrize("code", ["seen.update(a=1)", "hashlib.sha256().update(b'')", "rows = list(Order.objects.filter(pk=1))"])
def test_reading_is_not_taken_for_writing(code: str) -> None:
    assert not list(writes_in(ast.parse(code)))


def unexplained(tree: ast.Module) -> Iterator[str]:
    """Public functions, classes and methods without a docstring. An overload, a property's setter and Django's Meta need none."""
    if ast.get_docstring(tree) is None:
        yield "the module itself"
    for owner, node in _definitions(tree, ""):
        if node.name.startswith("_") or node.name in ("Meta", "Media"):
            continue
        if any(ast.unparse(d).endswith((".setter", "overload", "override")) for d in node.decorator_list):
            continue
        if ast.get_docstring(node) is None:
            yield f"{owner}{node.name} (line {node.lineno})"


def _definitions(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield owner, child
            if not child.name.startswith("_"):
                yield from _definitions(child, f"{owner}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield owner, child
        elif isinstance(child, ast.If | ast.Try):
            yield from _definitions(child, owner)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_public_names_are_explained(path: Path) -> None:
    assert list(unexplained(ast.parse(path.read_text("utf-8")))) == []


def kept_files() -> list[Path]:
    """Files of the repository: tracked, or new and not ignored."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    skipped = {
        ".venv",
        ".git",
        "var",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".import_linter_cache",
    }
    return [p for p in ROOT.rglob("*") if p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]


MACHINE = re.compile(r"(^|[^A-Za-z0-9_.])/(" + "work|farm" + r"|home/[a-z]+|root|Users/[A-Za-z]+)/[A-Za-z]")
INDEX = re.compile(r"--?(extra-)?" + r"index-url|\"resolved\": *\"http|https?://[^ \"]+/simp" + r"le\b|source = [{] registry")


def test_no_file_names_a_machine_or_an_index() -> None:
    found = []
    for path in kept_files():
        try:
            text = path.read_text("utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}"
            for n, line in enumerate(text.splitlines(), 1)
            if MACHINE.search(line) or INDEX.search(line)
        ]
    assert found == []


@pytest.mark.parametrize("name", ["bootstrap", "core", "dev"])
def test_locks_are_hashed_and_name_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) >= 1
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_dev_includes_core_at_the_same_versions() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / f"{name}.txt").read_text("utf-8"), re.M))

    assert pins("core") - pins("dev") == set()


def test_core_asks_for_what_the_package_asks_for() -> None:
    import tomllib

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert sorted(wanted) == sorted(line for line in (ROOT / "requirements" / "core.in").read_text("utf-8").split("\n") if line)


def test_what_the_house_imports_is_asked_for() -> None:
    """No room leans on a package that only happens to be installed."""
    import sys

    asked = {
        re.split(r"[~=<>\[]", line)[0].replace("-", "_").lower()
        for line in (ROOT / "requirements" / "core.in").read_text("utf-8").split()
    }
    brought = {"yarl": "aiohttp", "pydantic_core": "pydantic", "asgiref": "django"}
    names = {"vl_convert": "vl_convert_python"}
    foreign = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            heads = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for head in heads:
                top = head.split(".")[0]
                if top in sys.stdlib_module_names or top == "zhanggui":
                    continue
                top = names.get(top, top)
                if brought.get(top, top) not in asked:
                    foreign.add(f"{name_of(path)} imports {top}")
    assert sorted(foreign) == []
