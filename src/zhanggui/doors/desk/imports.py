"""Files into facts: upload, a proposed mapping to correct, a preview, the run with its progress, what was refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from zhanggui.doors.desk import paging
from zhanggui.doors.desk.page import back, desk_page, show
from zhanggui.doors.errors import answer_to, attachment
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Cursor, Progress
from zhanggui.facts import files
from zhanggui.facts.files.fields import Kind
from zhanggui.facts.files.mapping import missing
from zhanggui.facts.models import ImportFile, Mapping
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput, Conflict, NotFound, ZhangguiError
from zhanggui.kernel.models import Job

JOB = "import_file"
STATES = {
    "uploaded": ("待核对", "warn"), "waiting": ("排队中", "busy"), "importing": ("导入中", "busy"), "done": ("已导入", "good"), "failed": ("失败", "bad"), "discarded": ("已放弃", "none"),
}  # fmt: skip
NAMES = {
    "orders": "订单", "refunds": "退款", "products": "商品", "skus": "SKU", "costs": "成本", "stock": "库存", "spend": "花费", "visits": "访问日", "events": "行为", "reviews": "评价",
}  # fmt: skip
"""What an import writes, in the shopkeeper's words."""
LIVE = {"waiting", "importing"}
PREVIEWED = 20
"""Rows shown as they would be taken in."""


def _key(file: ImportFile) -> str:
    return f"import:{file.pk}"


@dataclass(frozen=True)
class FileRow:
    """A file in the history."""

    file: ImportFile
    state: tuple[str, str]
    kind: str


@dataclass(frozen=True)
class Remembered:
    """A shape of file whose mapping is kept: the next file with this header needs no correcting."""

    id: int
    kind: str
    columns: list[str]
    """The file's columns that are used."""
    updated_at: datetime


@dataclass(frozen=True)
class ImportsPage:
    """Upload, templates, and what came in before."""

    template: ClassVar[str] = "desk/imports.html"
    rows: list[FileRow]
    cursor: Cursor
    kinds: list[tuple[str, str, str]]
    """(key, name, what a row is recognised by)."""
    remembered: list[Remembered]


def _row(file: ImportFile) -> FileRow:
    kind = files.KINDS.get(file.kind)
    return FileRow(file, STATES.get(file.state, (file.state, "none")), kind.name if kind else "")


@desk_page(Permission.IMPORT, "GET", "POST")
def imports(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """GET: upload form and history. POST: takes a file and goes on to its mapping."""
    if request.method == "POST":
        return _upload(request, desk)
    after = request.GET.get("after", "")
    rows = ImportFile.objects.filter(shop_id=desk.shop_id)
    found, following = paging.by_number(rows, "id", after)
    kept = [
        Remembered(m.pk, files.KINDS[m.kind].name, [str(_setting(c).get("column", "")) for c in m.columns.values()], m.updated_at)
        for m in Mapping.objects.filter(shop_id=desk.shop_id, kind__in=files.KINDS).order_by("-updated_at")[:50]
    ]
    page = ImportsPage(
        [_row(f) for f in found],
        paging.cursor(rows, len(found), following, after),
        [(k.key, k.name, k.business_key) for k in files.KINDS.values()],
        kept,
    )
    return show(request, page)


@desk_page(Permission.IMPORT, "POST")
def forget(request: HttpRequest, desk: Desk, mapping_id: int) -> HttpResponseBase:
    """Forgets how files of one shape are read; the next one is guessed anew."""
    gone, _kinds = Mapping.objects.filter(shop_id=desk.shop_id, pk=mapping_id).delete()
    if not gone:
        raise NotFound("没有这条列对应", remedy="请刷新导入页")
    return back(request, desk.url("imports"), "已忘掉，下次遇到这种文件会重新识别。")


def _upload(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    scripted = request.headers.get("X-Requested-With") == "upload"
    try:
        given = request.FILES.get("file")
        if given is None or not given.name:
            raise BadInput("没有收到文件", remedy="请选择一个 xlsx 或 csv 文件")
        path = files.store_upload(desk.shop, given.name, given.chunks())
        try:
            file = files.open_upload(desk.shop, path, given.name, desk.actor)
        except Exception:
            path.unlink(missing_ok=True)
            raise
    except ZhangguiError as error:
        if scripted:
            return JsonResponse({"message": str(error)}, status=answer_to(error).status)
        raise
    url = desk.url("import", file.pk)
    if scripted:
        response = HttpResponse(status=201)
        response["X-Next"] = url
        return response
    return back(request, url)


def _own(desk: Desk, file_id: int) -> ImportFile:
    file = ImportFile.objects.filter(shop_id=desk.shop_id, pk=file_id).select_related("shop").first()
    if file is None:
        raise NotFound("没有这个文件", remedy="请从导入页进入")
    return file


def _settled(file: ImportFile) -> ImportFile:
    """The file with its row put right where it cannot know better: a worker died too often to say that the import failed, or it broke
    off and will be tried again."""
    if file.state == "failed" and jobs.holds(_key(file)) is not None:
        file.state = "waiting"
    elif file.state in LIVE:
        job = Job.objects.filter(unique_key=_key(file)).order_by("-id").first()
        if job is not None and job.state == Job.State.DEAD:
            lines = job.error.strip().splitlines()
            message = lines[-1][:500] if lines else "后台任务失败"
            ImportFile.objects.filter(pk=file.pk, state__in=LIVE).update(state="failed", message=message, finished_at=clock.now())
            file.refresh_from_db()
    return file


@dataclass(frozen=True)
class MappingRow:
    """One of our fields and the file's column it takes."""

    key: str
    name: str
    help: str
    needed: str
    """What is still wanted of it in words; empty where it may be left out."""
    column: str
    unit: str
    format: str
    is_money: bool
    is_time: bool
    sample: str


@dataclass(frozen=True)
class MappingPage:
    """How a file would be understood, to be corrected and previewed."""

    template: ClassVar[str] = "desk/import_mapping.html"
    file: ImportFile
    kind: str
    kind_name: str
    kinds: list[tuple[str, str]]
    confidence: float
    """0..1: how sure the recognition is."""
    rows: list[MappingRow]
    header: list[str]
    samples: list[list[str]]
    problems: list[str]
    """What to look at before importing."""
    missing: list[str]
    """What this kind of table still needs."""
    unused: list[str]
    """The file's columns that nothing takes."""
    remembered: bool
    sheets: list[str]
    sheet: str
    preview: files.Preview | None = None
    error: str = ""

    @property
    def rest(self) -> int:
        """How many fields no column was found for and none is needed."""
        return sum(not row.column and not row.needed for row in self.rows)


@dataclass(frozen=True)
class ImportPage:
    """A file on its way or taken in: progress, result, refusals."""

    template: ClassVar[str] = "desk/import.html"
    file: ImportFile
    state: tuple[str, str]
    kind: str
    progress: Progress | None
    summary: dict[str, Any]
    reasons: list[tuple[str, int]]
    refusals: list[dict[str, Any]]
    live: bool
    error: str = ""
    counted: list[tuple[str, int]] = field(default_factory=list)
    """(what, how many) of the rows written."""
    may_again: bool = False
    """Whether the file is still here to be mapped anew."""


def _setting(raw: Any) -> dict[str, Any]:
    """A field's setting as a mapping may hold it: whole, or a bare column name."""
    return {"column": raw} if isinstance(raw, str) else dict(raw or {})


def _wanted(kind: Kind, mapped: set[str]) -> dict[str, str]:
    """What each field of a group that nothing serves yet is wanted for."""
    lacking = [group for group in kind.needs if not mapped & set(group)]
    return {key: "必需" if len(group) == 1 else "几项里至少一项" for group in lacking for key in group}


def _still_so(proposal: files.Proposal, columns: dict[str, Any]) -> list[str]:
    """What the proposal wants looked at, without what the person has meanwhile settled: a remark on a column goes with its setting,
    a remark on the table as a whole with any change."""
    now = {str(s.get("column")): s for s in map(_setting, columns.values())}
    kept = {c for s in map(_setting, proposal.columns.values()) if (c := str(s.get("column"))) and _same(now.get(c), s)}
    whole = len(kept) == len(proposal.columns) == len(now)
    about = [(re.match("“(.+?)”", problem), problem) for problem in proposal.problems]
    return [problem for column, problem in about if (column[1] in kept if column and column[1] in proposal.header else whole)]


def _same(one: dict[str, Any] | None, other: dict[str, Any]) -> bool:
    return one is not None and all(one.get(k) == other.get(k) for k in ("unit", "format"))


def _mapping_page(
    desk: Desk,
    file: ImportFile,
    proposal: files.Proposal,
    columns: dict[str, Any],
    *,
    preview: files.Preview | None = None,
    error: str = "",
) -> MappingPage:
    kind = files.KINDS[proposal.kind]
    wanted = _wanted(kind, {key for key, raw in columns.items() if _setting(raw).get("column")})
    # Whoever may not look at personal data sees it only in what they brought themselves.
    open_to_them = file.by == desk.actor or desk.access.may(Permission.REVEAL)
    rows = []
    for f in kind.fields:
        setting = _setting(columns.get(f.key))
        column = str(setting.get("column", ""))
        sample = ""
        if column in proposal.header:
            at = proposal.header.index(column)
            sample = next((r[at] for r in proposal.sample_rows if at < len(r) and r[at].strip()), "")
            sample = sample if open_to_them or not f.personal else "（已隐藏）"
        rows.append(
            MappingRow(f.key, f.name, f.help, wanted.get(f.key, ""), column, str(setting.get("unit", "")), str(setting.get("format", "")), f.type == "money", f.type in {"moment", "day"}, sample[:40])
        )  # fmt: skip
    used = {row.column for row in rows}
    rows.sort(key=lambda r: not r.column)
    seen = preview.problems if preview is not None else []
    problems = [*(p for p in _still_so(proposal, columns) if p not in seen), *seen]
    return MappingPage(
        file, kind.key, kind.name, [(k.key, k.name) for k in files.KINDS.values()], proposal.confidence, rows, proposal.header, proposal.sample_rows[:5] if open_to_them else [],
        problems, missing(kind, {r.key: r for r in rows if r.column}), [h for h in proposal.header if h not in used], proposal.remembered, proposal.sheets, proposal.sheet, preview, error,
    )  # fmt: skip


def _columns(request: HttpRequest, kind: str) -> dict[str, Any]:
    """The mapping as the form holds it."""
    if kind not in files.KINDS:
        raise BadInput("没有这种表", remedy="请从列表里选")
    out: dict[str, Any] = {}
    for f in files.KINDS[kind].fields:
        column = request.POST.get(f"c-{f.key}", "")
        if not column:
            continue
        setting: dict[str, Any] = {"column": column}
        if request.POST.get(f"u-{f.key}") in {"yuan", "fen"}:
            setting["unit"] = request.POST[f"u-{f.key}"]
        if request.POST.get(f"f-{f.key}") in {"ymd", "dmy", "mdy"}:
            setting["format"] = request.POST[f"f-{f.key}"]
        out[f.key] = setting
    return out


@desk_page(Permission.IMPORT, "GET", "POST")
def import_file(request: HttpRequest, desk: Desk, file_id: int) -> HttpResponseBase:
    """A file: its mapping while it waits for a person, then its progress and result."""
    file = _settled(_own(desk, file_id))
    if request.method == "POST":
        return _decide(request, desk, file)
    if file.state == "uploaded" or (file.state == "failed" and "again" in request.GET and file.path):
        kind = request.GET.get("kind") or None
        try:
            proposal = files.propose(file, kind, sheet=request.GET.get("sheet", ""))
        except ZhangguiError as error:
            return show(request, _result(file, str(error)))
        return show(request, _shown(desk, file, proposal, proposal.columns))
    return show(request, _result(file))


def _shown(desk: Desk, file: ImportFile, proposal: files.Proposal, columns: dict[str, Any]) -> MappingPage:
    """The mapping with the first rows as it would take them in, or with why it cannot."""
    if missing(files.KINDS[proposal.kind], {k: v for k, v in columns.items() if _setting(v).get("column")}):
        return _mapping_page(desk, file, proposal, columns)
    try:
        preview = files.preview(file, columns, PREVIEWED, kind=proposal.kind)
    except ZhangguiError as error:
        return _mapping_page(desk, file, proposal, columns, error=str(error))
    return _mapping_page(desk, file, proposal, columns, preview=preview)


def _decide(request: HttpRequest, desk: Desk, file: ImportFile) -> HttpResponseBase:
    what = request.POST.get("do", "")
    if what == "discard":
        if file.state in LIVE | {"done"}:
            raise Conflict("这个文件已经在导入或导入完了", remedy="要撤掉这批数据请联系维护者")
        files.discard(file)
        return back(request, desk.url("imports"), f"已放弃“{file.name}”。")
    if file.state not in {"uploaded", "failed"}:
        raise Conflict("这个文件已经在导入、导入完或放弃了", remedy="要再导入请重新上传")
    kind = request.POST.get("kind", file.kind)
    columns = _columns(request, kind)
    proposal = files.propose(file, kind)
    if what != "run":
        return show(request, _shown(desk, file, proposal, columns))
    try:
        # The preview's checks first: what cannot start is said here, not in the background.
        files.preview(file, columns, PREVIEWED, kind=kind)
    except ZhangguiError as error:
        return show(request, _mapping_page(desk, file, proposal, columns, error=str(error)), status=answer_to(error).status)
    with transaction.atomic():
        claimed = ImportFile.objects.filter(pk=file.pk, state__in=("uploaded", "failed")).update(
            state="waiting", kind=kind, columns=columns, message="", finished_at=None
        )
        args = {"file": file.pk, "kind": kind, "columns": columns}
        if claimed:
            jobs.enqueue(JOB, args, shop_id=desk.shop_id, unique_key=_key(file), max_attempts=3)
    words = "开始导入。可以离开这一页，导入会在后台继续。" if claimed else "已经在排队。"
    return back(request, desk.url("import", file.pk), words)


def _progress(file: ImportFile) -> Progress:
    job = Job.objects.filter(unique_key=_key(file)).order_by("-id").first()
    done, total, note = (job.progress_done, job.progress_total, job.progress_note) if job else (0, None, "")
    waiting = file.state == "waiting" and not done
    return Progress(
        f"导入 {file.name}",
        done or file.rows_done,
        total or file.rows_total,
        note or ("排队中，等前面的任务做完" if waiting else ""),
        "waiting" if waiting else "running",
    )


def _result(file: ImportFile, error: str = "") -> ImportPage:
    row, live = _row(file), file.state in LIVE
    summary: dict[str, Any] = file.summary if file.state == "done" else {}
    counted = [
        (word + NAMES.get(k, k), n)
        for group, word in (("created", "新增"), ("updated", "更新"))
        for k, n in (summary.get(group) or {}).items()
        if n
    ]
    reasons = sorted((summary.get("reasons") or {}).items(), key=lambda r: -r[1])
    return ImportPage(
        file, row.state, row.kind, _progress(file) if live else None, summary, reasons, list(summary.get("first_refusals") or [])[:20], live,
        error or (file.message if file.state == "failed" else ""), counted, bool(file.path) and file.state == "failed",
    )  # fmt: skip


@desk_page(Permission.IMPORT)
def refused(request: HttpRequest, desk: Desk, file_id: int) -> HttpResponseBase:
    """The refused rows as a file: row, column, reason, remedy."""
    file = _own(desk, file_id)
    if not file.refused_path:
        raise NotFound("这次导入没有拒收的行", remedy="全部都收下了")
    form = request.GET.get("form", "xlsx")
    content, media = files.refused_file(Path(file.refused_path), form)
    response = HttpResponse(content, content_type=media)
    response["Content-Disposition"] = attachment(f"{Path(file.name).stem}-拒收的行.{form}")
    response["Cache-Control"] = "no-store"
    return response


@desk_page(Permission.IMPORT)
def template(request: HttpRequest, desk: Desk, kind: str) -> HttpResponseBase:
    """An xlsx to fill in."""
    if kind not in files.KINDS:
        raise NotFound("没有这种模板", remedy="请从导入页下载")
    response = HttpResponse(
        files.export_template(kind), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response["Content-Disposition"] = attachment(f"模板-{files.KINDS[kind].name}.xlsx")
    return response
