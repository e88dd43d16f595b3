"""The audit trail and the background work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Count
from django.http import HttpRequest, HttpResponseBase

from zhanggui.doors.desk import paging
from zhanggui.doors.desk.page import back, desk_page, show
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Cursor, Progress
from zhanggui.facts.sync.streams import STREAMS
from zhanggui.kernel import audit as trail
from zhanggui.kernel import clock
from zhanggui.kernel import jobs as work
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import Conflict, NotFound
from zhanggui.kernel.models import AuditEntry, Job

SUBJECTS = {
    "policy.": "经营标准", "member.": "成员", "shop.": "店铺", "customer.": "客户资料", "order.": "收件人", "import": "导入", "connection.": "平台连接", "orders.": "订单导出",
    "metric.": "指标导出", "sync.": "同步", "job.": "后台任务", "account.": "账号",
}  # fmt: skip
"""How a verb begins → what it is about."""
JOBS = {
    "import_file": "导入文件", "metrics.refresh": "重算指标", "facts.sync": "同步平台数据", "facts.inbound": "处理平台推送", "facts.reconcile": "每日对账", "outbox.react": "后续处理",
    "facts.sync_due": "安排同步", "house.tidy": "清理过期内容",
}  # fmt: skip
"""Job → its name on screen."""
TONES = {Job.State.READY: "none", Job.State.RUNNING: "busy", Job.State.DONE: "good", Job.State.DEAD: "bad"}


@dataclass(frozen=True)
class AuditPage:
    """Who did what in this shop, newest first."""

    template: ClassVar[str] = "desk/audit.html"
    rows: list[AuditEntry]
    cursor: Cursor
    subject: str
    actor: str
    subjects: list[tuple[str, str]]


@desk_page(Permission.AUDIT)
def audit(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The trail, narrowed by subject and person."""
    rows = AuditEntry.objects.filter(shop_id=desk.shop_id)
    subject, actor, after = (
        request.GET.get("subject", ""),
        request.GET.get("actor", "").strip()[:150],
        request.GET.get("after", ""),
    )
    if subject in SUBJECTS:
        rows = rows.filter(verb__startswith=subject)
    if actor:
        rows = rows.filter(actor=actor)
    found, following = paging.by_moment(rows, "at", after)
    return show(
        request, AuditPage(found, paging.cursor(rows, len(found), following, after), subject, actor, list(SUBJECTS.items()))
    )


def job_name(job: Job) -> str:
    """A job's name on screen, with what it is about where its arguments say so; one this version has no word for is shown as it is."""
    name = JOBS.get(job.name, job.name)
    stream = STREAMS.get(str(job.args.get("stream", ""))) if job.name == "facts.sync" else None
    return f"{name}：{stream.title}" if stream else name


@dataclass(frozen=True)
class JobRow:
    """A piece of background work."""

    job: Job
    name: str
    tone: str
    progress: Progress | None
    error: str
    later: bool
    """Whether its time has not come yet."""


@dataclass(frozen=True)
class JobsPage:
    """What is being done in the background, what failed."""

    template: ClassVar[str] = "desk/jobs.html"
    rows: list[JobRow]
    counts: dict[str, int]
    state: str
    states: list[tuple[str, str]]
    live: bool


def rows_of(found: list[Job]) -> list[JobRow]:
    """Jobs ready to be shown."""
    out = []
    for job in found:
        name = job_name(job)
        running = job.state == Job.State.RUNNING and (job.progress_total or job.progress_done)
        progress = Progress(job.progress_note or name, job.progress_done, job.progress_total) if running else None
        out.append(
            JobRow(
                job,
                name,
                TONES.get(Job.State(job.state), "none"),
                progress,
                job.error.strip().splitlines()[-1][:300] if job.error.strip() else "",
                job.run_at > clock.now(),
            )
        )
    return out


@desk_page(Permission.VIEW)
def jobs(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The newest 100 of the wanted state; failed ones can be tried again."""
    rows: Any = Job.objects.filter(shop_id=desk.shop_id)
    counts = dict(rows.values_list("state").annotate(n=Count("id")).order_by())
    state = request.GET.get("state", "")
    if state in Job.State.values:
        rows = rows.filter(state=state)
    found = list(rows.order_by("-id")[:100])
    live = bool(counts.get(Job.State.RUNNING) or counts.get(Job.State.READY))
    return show(request, JobsPage(rows_of(found), counts, state, [(str(s.value), str(s.label)) for s in Job.State], live))


@desk_page(Permission.SYNC, "POST")
def retry(request: HttpRequest, desk: Desk, job_id: int) -> HttpResponseBase:
    """Tries a failed job again."""
    job = Job.objects.filter(shop_id=desk.shop_id, pk=job_id).first()
    if job is None:
        raise NotFound("没有这个任务", remedy="请刷新任务列表")
    if not work.retry(job_id):
        raise Conflict("这个任务现在不需要重试", remedy="可能已经在重跑，请刷新列表看进度")
    trail.record(desk.shop_id, desk.actor, "job.retry", f"{desk.actor} 重试了后台任务“{job_name(job)}”", subject=f"job:{job_id}")
    return back(request, desk.url("jobs"), "已重新排队。")
