"""`make messages`: the catalogue of what a shopkeeper reads, collected from the code, and the check that it is complete and Chinese.

    python -m zhanggui.doors.cli.messages [--check]

Our texts are written in Chinese, so the catalogue's answers are empty and Django falls back to the text itself; its use is that whoever
reviews or translates the words finds all of them in one file. A marked text in another language needs a Chinese answer there.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
CATALOGUE = PACKAGE / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
MARKS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
TAG = re.compile(r"""\{%\s*(?:translate|trans)\s+("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
BLOCK = re.compile(
    r"\{%\s*(?:blocktranslate|blocktrans)(?P<options>[^%]*)%\}(?P<text>.*?)\{%\s*(?:plural|endblocktranslate|endblocktrans)\s*%\}",
    re.S,
)
CJK = re.compile(r"[\u4e00-\u9fff]")
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n"Language: zh_Hans\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n'


def in_code(path: Path) -> set[str]:
    """The marked texts of a Python file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            found.update(
                texts[1:]
                if node.func.id.startswith("pgettext")
                else texts[:2]
                if node.func.id.startswith("ngettext")
                else texts[:1]
            )
    return found


def in_template(path: Path) -> set[str]:
    """The marked texts of a template."""
    text = path.read_text("utf-8")
    found = {ast.literal_eval(m.group(1)) for m in TAG.finditer(text)}
    for m in BLOCK.finditer(text):
        body = re.sub(r"\{\{\s*([^}|\s]+)[^}]*\}\}", r"%(\1)s", m.group("text"))
        found.add(" ".join(body.split()) if "trimmed" in m.group("options") else body)
    return found


def collect() -> dict[str, list[str]]:
    """Every marked text → the files it stands in, both sorted."""
    places: dict[str, list[str]] = {}
    files = [(p, in_code) for p in PACKAGE.rglob("*.py") if "tests" not in p.parts] + [
        (p, in_template) for p in PACKAGE.rglob("*.html")
    ]
    for path, read in files:
        for text in read(path):
            if text:
                places.setdefault(text, []).append(path.relative_to(PACKAGE).as_posix())
    return {text: sorted(places[text]) for text in sorted(places)}


def quoted(text: str) -> str:
    """A text as gettext writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def answers() -> dict[str, str]:
    """The catalogue's own answers, where it has any."""
    if not CATALOGUE.exists():
        return {}
    pairs = re.findall(r'^msgid (".*")\nmsgstr (".*")$', CATALOGUE.read_text("utf-8"), re.M)
    return {ast.literal_eval(text): ast.literal_eval(answer) for text, answer in pairs if answer != '""'}


def render() -> str:
    """The catalogue as it should be, keeping answers that somebody wrote."""
    kept = answers()
    blocks = [HEAD]
    for text, places in collect().items():
        blocks.append("".join(f"#: {p}\n" for p in places) + f"msgid {quoted(text)}\nmsgstr {quoted(kept.get(text, ''))}\n")
    return "\n".join(blocks)


def not_chinese() -> list[str]:
    """Marked texts that a shopkeeper would read in another language: letters, no Chinese, and no Chinese answer."""
    kept = answers()
    plain = re.compile(r"%\(\w+\)s|\{\w*\}|[A-Z]{2,}")
    return [
        t
        for t in collect()
        if not CJK.search(t) and re.search(r"[A-Za-z]{3,}", plain.sub("", t)) and not CJK.search(kept.get(t, ""))
    ]


def main() -> int:
    """Writes the catalogue, or with --check says what is wrong with it and returns 1."""
    if "--check" not in sys.argv[1:]:
        CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
        CATALOGUE.write_text(render(), "utf-8")
        print(f"文案目录：{len(collect())} 条，{CATALOGUE.relative_to(PACKAGE)}")
    foreign = not_chinese()
    for text in foreign:
        print(f"不是中文：{text!r}（{'、'.join(collect()[text])}）")
    old = not CATALOGUE.exists() or CATALOGUE.read_text("utf-8") != render()
    if old:
        print("文案目录与代码不一致，运行 make messages。")
    return 1 if old or foreign else 0


if __name__ == "__main__":
    sys.exit(main())
