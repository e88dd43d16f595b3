"""How facts arrive: connections, callbacks as received, sync progress, imported files, and what of the lake is stale."""

from __future__ import annotations

from django.db import models

from zhanggui.facts.models.shelf import Shop


class Connection(models.Model):
    """A shop's access to one platform account. Secrets are sealed and never shown again."""

    class Kind(models.TextChoices):
        """Platform accounts that bring facts."""

        STORE = "store", "微信小店"
        WECOM = "wecom", "企业微信"
        OFFICIAL = "official", "公众号"
        MINI = "mini", "小程序"
        ADS = "ads", "微信广告"
        COLLECTOR = "collector", "行为采集"

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="connections")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    account_id = models.CharField(max_length=64)
    """appid, corpid or ad account id."""
    secret_sealed = models.BinaryField(null=True)
    callback_key = models.CharField(max_length=43, unique=True)
    """The unguessable part of this account's callback address."""
    callback_token_sealed = models.BinaryField(null=True)
    aes_key_sealed = models.BinaryField(null=True)
    previous_aes_key_sealed = models.BinaryField(null=True)
    state = models.CharField(max_length=12, default="new")
    """new, ok, failing, off."""
    message = models.CharField(max_length=300, blank=True)
    capabilities = models.JSONField(default=dict, blank=True)
    """Endpoint name → ok / off with the reason the platform gave."""
    checked_at = models.DateTimeField(null=True)
    last_push_at = models.DateTimeField(null=True)
    refused_pushes = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "kind", "account_id"], name="one_connection_per_account")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.account_id}"


class StoredToken(models.Model):
    """A platform access token shared by all processes, and the lease of whoever is fetching a new one."""

    key = models.CharField(max_length=120, primary_key=True)
    token_sealed = models.BinaryField(null=True)
    expires_at = models.DateTimeField(null=True)
    forced_at = models.DateTimeField(null=True)
    forced_today = models.PositiveSmallIntegerField(default=0)
    lock_owner = models.CharField(max_length=64, blank=True)
    lock_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class Inbound(models.Model):
    """One push as received (sealed), stored before it was answered. The key makes a repeated push one row."""

    ERASED_FIELDS = ("body_sealed",)

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE)
    dedup_key = models.CharField(max_length=64)
    kind = models.CharField(max_length=80)
    entity_id = models.CharField(max_length=128, blank=True)
    body_sealed = models.BinaryField(null=True)
    received_at = models.DateTimeField()
    platform_at = models.DateTimeField(null=True)
    repeats = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, default="new")
    """new, later (could not be read yet, asked again), done, ignored, failed."""
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "dedup_key"], name="push_once")]
        indexes = [models.Index(fields=["state", "id"], name="inbound_todo", condition=models.Q(state="new"))]

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class SyncState(models.Model):
    """Watermark and progress of one stream of one connection. `cursor` is where a killed run goes on."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True)
    stream = models.CharField(max_length=40)
    watermark = models.DateTimeField(null=True)
    cursor = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, default="idle")
    """idle, running, waiting (quota), failed, off."""
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    message = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    checks = models.JSONField(default=dict, blank=True)
    """Last reconciliation: counts and amounts of both sides."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "connection", "stream"], name="one_state_per_stream")]

    def __str__(self) -> str:
        return f"{self.stream} {self.state}"


class Record(models.Model):
    """A fact no metric needs a column of yet (coupon, member, compass day, fund flow), kept whole under the platform's key."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    stream = models.CharField(max_length=40)
    key = models.CharField(max_length=128)
    day = models.DateField(null=True)
    body = models.JSONField()
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "stream", "key"], name="record_once")]
        indexes = [models.Index(fields=["shop", "stream", "day"], name="record_by_day")]

    def __str__(self) -> str:
        return f"{self.stream} {self.key}"


class Mapping(models.Model):
    """How a shop's files of one shape map to our columns, remembered by the file's header."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    kind = models.CharField(max_length=20)
    header_hash = models.CharField(max_length=64)
    header = models.JSONField()
    columns = models.JSONField()
    """Our field → {"column": header text, "unit": …, "format": …}."""
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "kind", "header_hash"], name="one_mapping_per_header")]

    def __str__(self) -> str:
        return f"{self.kind} {self.header_hash[:8]}"


class ImportFile(models.Model):
    """A file somebody gave us, and what became of its rows."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    kind = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=400)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    columns = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=12, default="uploaded")
    """uploaded, waiting, importing, done, failed, discarded."""
    rows_total = models.BigIntegerField(null=True)
    rows_done = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    refused_path = models.CharField(max_length=400, blank=True)
    message = models.CharField(max_length=500, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class LakeDirty(models.Model):
    """A part of the lake that no longer agrees with the facts. Written in the transaction that changed them.

    `part` is "YYYY-MM" for tables split by month and "" for whole ones. `version` grows with each change, and the
    build removes the row only if the version is still the one it read, so nothing changed meanwhile is forgotten.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    table = models.CharField(max_length=40)
    part = models.CharField(max_length=7, blank=True)
    version = models.BigIntegerField(default=1)
    first_day = models.DateField(null=True)
    """Earliest shop day touched: metrics are refilled from here on."""
    last_day = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "table", "part"], name="one_dirty_row_per_part")]

    def __str__(self) -> str:
        return f"{self.shop_id} {self.table} {self.part}"
