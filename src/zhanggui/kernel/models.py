"""Accounts, grants, policy overrides, the audit trail, and the leased job table that all background work rests on."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class User(AbstractUser):
    """A person who signs in. What they may do is in their grants, not here."""

    display_name = models.CharField("姓名", max_length=40, blank=True)

    class Meta:
        db_table = "kernel_user"
        verbose_name = "账号"

    def __str__(self) -> str:
        return self.display_name or self.username


class Role(models.TextChoices):
    """What somebody is to a shop."""

    OWNER = "owner", "店主"
    OPERATOR = "operator", "运营"
    SERVICE = "service", "客服"
    ANALYST = "analyst", "数据分析"
    AGENCY = "agency", "代运营"


class Grant(models.Model):
    """That a person may work in a shop in a role. Without a row there is no access."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    shop_id = models.BigIntegerField(db_index=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "shop_id"], name="one_role_per_user_and_shop")]

    def __str__(self) -> str:
        return f"{self.user_id}@{self.shop_id}: {self.role}"


class PolicyOverride(models.Model):
    """A shop's own value for a policy, from a moment on. Never changed; a newer row takes over."""

    shop_id = models.BigIntegerField()
    key = models.CharField(max_length=80)
    value = models.JSONField()
    since = models.DateTimeField()
    by = models.CharField(max_length=150)
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["shop_id", "key", "since"], name="override_lookup")]

    def __str__(self) -> str:
        return f"{self.shop_id} {self.key} = {self.value}"


class AuditEntry(models.Model):
    """Who did what, as a sentence a shopkeeper can read. Append-only."""

    shop_id = models.BigIntegerField(null=True, db_index=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True)
    sentence = models.CharField(max_length=500)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return self.sentence


class Job(models.Model):
    """A piece of background work: claimed under a lease, run again when the worker that held it died."""

    class State(models.TextChoices):
        """Where a job stands."""

        READY = "ready", "等待"
        RUNNING = "running", "进行中"
        DONE = "done", "完成"
        DEAD = "dead", "失败"

    name = models.CharField(max_length=80)
    args = models.JSONField(default=dict)
    shop_id = models.BigIntegerField(null=True, db_index=True)
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.READY)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=8)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=64, blank=True)
    unique_key = models.CharField(max_length=200, null=True)
    error = models.TextField(blank=True)
    progress_done = models.BigIntegerField(default=0)
    progress_total = models.BigIntegerField(null=True)
    progress_note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["-priority", "run_at", "id"], name="job_ready", condition=Q(state="ready")),
            models.Index(fields=["lease_until"], name="job_leases", condition=Q(state="running")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=Q(state__in=["ready", "running"]) & Q(unique_key__isnull=False),
                name="one_live_job_per_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}#{self.pk} {self.state}"


class Tick(models.Model):
    """When a scheduled piece of work last ran, so that a tick missed during an outage runs once afterwards."""

    name = models.CharField(max_length=120, primary_key=True)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.last_at:%F %T}"


class OutboxEvent(models.Model):
    """An announced event, written in the transaction that made it true."""

    shop_id = models.BigIntegerField(db_index=True)
    name = models.CharField(max_length=80, db_index=True)
    subject = models.CharField(max_length=120, blank=True)
    body = models.JSONField()
    at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    """When its reactions became jobs; null while it waits for the worker."""

    class Meta:
        indexes = [models.Index(fields=["id"], name="outbox_waiting", condition=Q(delivered_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.name} {self.subject}"
