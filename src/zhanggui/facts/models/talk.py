"""Contacts, groups, their members and statistics, reviews."""

from __future__ import annotations

from django.db import models

from zhanggui.facts.models.shelf import Shop
from zhanggui.facts.models.trade import Customer


class Contact(models.Model):
    """That a member of staff has a customer as WeCom contact."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    staff = models.CharField(max_length=64)
    external_userid = models.CharField(max_length=64)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    added_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    add_way = models.IntegerField(null=True)
    state = models.CharField(max_length=64, blank=True)
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "staff", "external_userid"], name="one_contact_per_staff_and_customer")
        ]

    def __str__(self) -> str:
        return f"{self.staff} – {self.external_userid}"


class Group(models.Model):
    """A WeCom customer group."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    chat_id = models.CharField(max_length=64)
    name = models.CharField(max_length=120, blank=True)
    owner = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)
    member_version = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "chat_id"], name="group_once_per_shop")]

    def __str__(self) -> str:
        return self.name or self.chat_id


class GroupMember(models.Model):
    """A stay in a group. The platform tells no leave time, so `left_at` is when the absence was first seen or pushed."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    member = models.CharField(max_length=64)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    join_scene = models.IntegerField(null=True)
    state = models.CharField(max_length=64, blank=True)
    invitor = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "member", "joined_at"], name="one_row_per_stay")]

    def __str__(self) -> str:
        return f"{self.member} in {self.group_id}"


class GroupDaily(models.Model):
    """A day's figures per group owner, as the platform gives them (or of one group where a file names it)."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    owner = models.CharField(max_length=64)
    chat_id = models.CharField(max_length=64, blank=True)
    groups = models.IntegerField(null=True)
    groups_with_messages = models.IntegerField(null=True)
    new_members = models.IntegerField(null=True)
    members = models.IntegerField(null=True)
    members_who_spoke = models.IntegerField(null=True)
    messages = models.IntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "day", "owner", "chat_id"], name="one_group_day")]

    def __str__(self) -> str:
        return f"{self.owner} {self.day}"


class Review(models.Model):
    """A buyer's words about a product. The text is sealed: it may hold anything a customer types."""

    ERASED_FIELDS = ("text_sealed",)

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, db_index=False)
    review_key = models.CharField(max_length=100)
    at = models.DateTimeField()
    product_id = models.CharField(max_length=64, blank=True)
    order_id = models.CharField(max_length=64, blank=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    rating = models.SmallIntegerField(null=True)
    text_sealed = models.BinaryField(null=True)
    has_pictures = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "review_key"], name="review_once_per_shop")]
        indexes = [models.Index(fields=["shop", "at"], name="review_by_day")]

    def __str__(self) -> str:
        return self.review_key
