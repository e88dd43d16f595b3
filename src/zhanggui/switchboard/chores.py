"""Jobs that belong to no single room: each calls the commands that do the work."""

from __future__ import annotations

from zhanggui.kernel import jobs

SYNC_DUE, TIDY, IMPORT = "facts.sync_due", "house.tidy", "import_file"


@jobs.handler(SYNC_DUE)
def sync_due(job: jobs.JobContext) -> None:
    """Asks for the streams of all shops whose turn it is."""
    from zhanggui.facts import sync

    sync.ask_due()


@jobs.handler(TIDY)
def tidy(job: jobs.JobContext) -> None:
    """Removes what has had its time. Each step is complete by itself and harmless twice."""
    from django.core.management import call_command
    from django.db import connection

    from zhanggui.facts.commands import inbound
    from zhanggui.facts.files import expire
    from zhanggui.kernel import outbox

    jobs.tidy()
    outbox.tidy()
    inbound.forget_old()
    expire.expire()
    call_command("clearsessions", verbosity=0)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")


@jobs.handler(IMPORT, lane="heavy", limit=6 * 3600.0)
def import_file(job: jobs.JobContext) -> None:
    """Takes a mapped upload in. A killed run leaves nothing and begins anew; what was refused as a whole is not tried again."""
    from zhanggui.facts import files
    from zhanggui.facts.models import ImportFile
    from zhanggui.kernel.errors import ZhangguiError

    file = ImportFile.objects.select_related("shop").filter(pk=job.args["file"]).first()
    if file is None or file.state in ("done", "discarded"):
        return  # taken in by a run that died before it could say so, or given up meanwhile

    def progress(rows: int, done: int, total: int) -> None:
        if job.stopping:
            raise jobs.Later(0.0, "停下前放回队列")
        job.progress(done, total, f"已读 {rows:,} 行")

    try:
        files.run(file, job.args["columns"], progress, kind=job.args.get("kind"), atomic=job.transaction)
    except jobs.Later:
        ImportFile.objects.filter(pk=file.pk).update(state="waiting", message="", finished_at=None)
        raise
    except ZhangguiError as error:
        raise jobs.GiveUp(str(error)) from error
