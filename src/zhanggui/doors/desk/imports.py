"""Files into facts: upload, a proposed mapping to correct, a preview, the run with its progress, what was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from zhanggui.doors.desk.page import back, desk_page, show
from zhanggui.doors.errors import answer_to, attachment
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Progress
from zhanggui.facts import files
from zhanggui.facts.models import ImportFile
from zhanggui.kernel import jobs
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput, Conflict, NotFound, ZhangguiError
from zhanggui.kernel.models import Job

JOB = "import_file"
STATES = {
    "uploaded": ("待核对", "warn"), "waiting": ("排队中", "busy"), "importing": ("导入中", "busy"), "done": ("已导入", "good"), "failed": ("失败", "bad"), "discarded": ("已放弃", "none"),
}  # fmt: skip
LIVE = {"waiting", "importing"}


def _key(file: ImportFile) -> str:
    return f"import:{file.pk}"


@dataclass(frozen=True)
class FileRow:
    """A file in the history."""

    file: ImportFile
    state: tuple[str, str]
    kind: str


@dataclass(frozen=True)
class ImportsPage:
    """Upload, templates, and what came in before."""

    template: ClassVar[str] = "desk/imports.html"
    rows: list[FileRow]
    kinds: list[tuple[str, str, str]]
    """(key, name, what a row is recognised by)."""


def _row(file: ImportFile) -> FileRow:
    kind = files.KINDS.get(file.kind)
    return FileRow(file, STATES.get(file.state, (file.state, "none")), kind.name if kind else "")


@desk_page(Permission.IMPORT, "GET", "POST")
def imports(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """GET: upload form and history. POST: takes a file and goes on to its mapping."""
    if request.method == "POST":
        return _upload(request, desk)
    rows = [_row(f) for f in ImportFile.objects.filter(shop_id=desk.shop_id).order_by("-id")[:50]]
    return show(request, ImportsPage(rows, [(k.key, k.name, k.business_key) for k in files.KINDS.values()]))


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


@dataclass(frozen=True)
class MappingRow:
    """One of our fields and the file's column it takes."""

    key: str
    name: str
    help: str
    needed: bool
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
    rows: list[MappingRow]
    header: list[str]
    samples: list[list[str]]
    problems: list[str]
    missing: list[str]
    unused: list[str]
    remembered: bool
    sheets: list[str]
    sheet: str
    preview: Any = None
    error: str = ""


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
    created: list[tuple[str, int]] = field(default_factory=list)


_NAMES = {
    "orders": "订单",
    "refunds": "退款",
    "products": "商品",
    "skus": "SKU",
    "costs": "成本",
    "stock": "库存",
    "spend": "花费",
    "visits": "访问日",
    "events": "行为",
    "reviews": "评价",
}


def _mapping_page(
    file: ImportFile, proposal: Any, columns: dict[str, Any], *, preview: Any = None, error: str = ""
) -> MappingPage:
    kind = files.KINDS[proposal.kind]
    needed = {k for group in kind.needs for k in group}
    rows = []
    for f in kind.fields:
        setting = columns.get(f.key) or {}
        setting = {"column": setting} if isinstance(setting, str) else setting
        column = str(setting.get("column", ""))
        sample = ""
        if column in proposal.header:
            at = proposal.header.index(column)
            sample = next((r[at] for r in proposal.sample_rows if at < len(r) and r[at].strip()), "")
        rows.append(
            MappingRow(f.key, f.name, f.help, f.key in needed, column, str(setting.get("unit", "")), str(setting.get("format", "")), f.type == "money", f.type in {"moment", "day"}, sample[:40])
        )  # fmt: skip
    rows.sort(key=lambda r: (not r.column, not r.needed))
    sheets = list(getattr(proposal, "sheets", None) or [])
    return MappingPage(
        file, kind.key, kind.name, [(k.key, k.name) for k in files.KINDS.values()], proposal.confidence, rows, proposal.header, proposal.sample_rows[:5], proposal.problems,
        list(getattr(proposal, "missing", []) or []), list(getattr(proposal, "unused", []) or []), bool(getattr(proposal, "remembered", False)), sheets, str(getattr(proposal, "sheet", "") or ""), preview, error,
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
    file = _own(desk, file_id)
    if request.method == "POST":
        return _decide(request, desk, file)
    if file.state == "uploaded" or (file.state == "failed" and "again" in request.GET and file.path):
        kind = request.GET.get("kind") or None
        try:
            proposal = files.propose(file, kind, sheet=request.GET.get("sheet", ""))
        except ZhangguiError as error:
            return show(request, _result(file, str(error)))
        return show(request, _mapping_page(file, proposal, proposal.columns))
    return show(request, _result(file))


def _decide(request: HttpRequest, desk: Desk, file: ImportFile) -> HttpResponseBase:
    what = request.POST.get("do", "")
    if what == "discard":
        files.discard(file)
        return back(request, desk.url("imports"), f"已放弃“{file.name}”。")
    if file.state in LIVE or file.state == "done":
        raise Conflict("这个文件已经在导入或导入完了", remedy="要再导入请重新上传")
    kind = request.POST.get("kind", file.kind)
    columns = _columns(request, kind)
    proposal = files.propose(file, kind)
    try:
        if what == "run":
            # The preview's checks first: what cannot start is said here, not in the background.
            files.preview(file, columns, 20, kind=kind)
            ImportFile.objects.filter(pk=file.pk, state__in=("uploaded", "failed")).update(
                state="waiting", kind=kind, columns=columns, message=""
            )
            queued = jobs.enqueue(
                JOB,
                {"file": file.pk, "kind": kind, "columns": columns},
                shop_id=desk.shop_id,
                unique_key=_key(file),
                max_attempts=3,
            )
            return back(
                request, desk.url("import", file.pk), "开始导入。可以离开这一页，导入会在后台继续。" if queued else "已经在排队。"
            )
        shown = files.preview(file, columns, 50, kind=kind)
    except ZhangguiError as error:
        return show(request, _mapping_page(file, proposal, columns, error=str(error)), status=answer_to(error).status)
    return show(request, _mapping_page(file, proposal, columns, preview=shown))


def _result(file: ImportFile, error: str = "") -> ImportPage:
    row, progress = _row(file), None
    job = Job.objects.filter(unique_key=_key(file)).order_by("-id").first()
    live = file.state in LIVE
    if live:
        if job is not None and job.state == Job.State.DEAD:
            live, error = False, error or job.error.strip().splitlines()[-1] if job.error.strip() else "后台任务失败"
        else:
            done, total = (job.progress_done, job.progress_total) if job else (0, None)
            note = (job.progress_note if job else "") or (
                "排队中，等前面的任务做完" if file.state == "waiting" and not done else ""
            )
            progress = Progress(
                f"导入 {file.name}",
                done or file.rows_done,
                total or file.rows_total,
                note,
                "running" if done or file.state == "importing" else "waiting",
            )
    summary = file.summary if file.state == "done" else {}
    created = [
        (_NAMES.get(k, k) + word, n)
        for group, word in (("created", "新增"), ("updated", "更新"))
        for k, n in (summary.get(group) or {}).items()
        if n
    ]
    return ImportPage(
        file, row.state, row.kind, progress, summary, sorted((summary.get("reasons") or {}).items(), key=lambda r: -r[1]), list(summary.get("first_refusals") or [])[:20], live,
        error or (file.message if file.state == "failed" else ""), created,
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
