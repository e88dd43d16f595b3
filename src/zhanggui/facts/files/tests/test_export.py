"""Files we hand out: templates that can be handed back, and refused rows; nothing in them runs when opened."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from zhanggui.facts.files import KINDS, cells, export_template, readers, refused_file
from zhanggui.facts.files.rows import REFUSED_HEADER, Refusal, Refusals
from zhanggui.kernel.errors import BadInput, NotFound

EVIL = ["=cmd|' /C calc'!A0", "+1+1", "-2+3+cmd|'x'", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "|calc"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_filled_with_its_example_comes_back_in(take, tmp_path, kind):
    path = tmp_path / "a.xlsx"
    path.write_bytes(export_template(kind))
    proposal = take.open(path)
    assert (proposal.kind, proposal.sheet, proposal.sheets) == (kind, KINDS[kind].name, [KINDS[kind].name, "说明", "导入规则"])
    assert proposal.ready and not any("也有数据" in p for p in proposal.problems), proposal.problems
    summary = take(path)
    assert (summary.accepted, summary.refused) == (1, 0), summary.first_refusals


def test_a_template_explains_every_column(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(export_template("orders"))
    rows = [c for _, c in readers.open_table(path, sheet="说明").rows()]
    first = [c for _, c in readers.open_table(path, sheet="订单").rows()]
    assert [r[0] for r in rows[1:]] == first[0] and all(r[1] and r[2] for r in rows[1:])


def test_there_is_no_template_of_what_cannot_be_imported():
    with pytest.raises(BadInput, match="没有"):
        export_template("wishes")


@pytest.mark.parametrize("text", EVIL)
def test_text_that_would_run_is_defused(text):
    assert cells.safe(text) == "'" + text


@pytest.mark.parametrize("value", ["-12.50", "+3", "-1,234.00", "普通", "", 5, None, "a=b", "100%"])
def test_harmless_cells_stay_as_they_are(value):
    assert cells.safe(value) == value


def test_refused_rows_are_harmless_as_csv_and_as_spreadsheet(tmp_path):
    path = tmp_path / "r.csv"
    refusals = Refusals(path)
    for number, text in enumerate(EVIL, 2):
        refusals.add(Refusal(number, "=列", text, "原因", "怎么改"))
    refusals.close()
    content, media = refused_file(path)
    assert media.startswith("text/csv") and content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == REFUSED_HEADER and len(rows) == len(EVIL) + 1
    assert all(cell[:1] not in "=+-@\t\r|＝" for row in rows[1:] for cell in row if cell)
    book, media = refused_file(path, "xlsx")
    assert "spreadsheetml" in media
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        assert b"<f>" not in packed.read("xl/worksheets/sheet1.xml")
    again = tmp_path / "r.xlsx"
    again.write_bytes(book)
    assert [c[2] for _, c in readers.open_table(again).rows()][1:] == [r[2] for r in rows[1:]]


def test_without_refused_rows_there_is_no_file(tmp_path):
    with pytest.raises(NotFound, match="没有拒收的行"):
        refused_file(tmp_path / "none.csv")
    with pytest.raises(NotFound):
        refused_file(Path(""))


def test_only_two_formats(tmp_path):
    (tmp_path / "r.csv").write_text("a")
    with pytest.raises(BadInput, match="csv 和 xlsx"):
        refused_file(tmp_path / "r.csv", "pdf")
