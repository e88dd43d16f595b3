"""A new password typed twice: both the same, and strong enough."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext as _

from zhanggui.kernel.models import User


def check_pair(form: forms.Form, data: dict[str, Any], user: User, first: str = "password", again: str = "again") -> None:
    """Puts what is wrong with the pair beside its boxes; `user` is whose name and data the password must not resemble."""
    if not data.get(first):
        return
    if data[first] != data.get(again):
        form.add_error(again, _("两次输入的密码不一样"))
        return
    try:
        validate_password(data[first], user)
    except forms.ValidationError as error:
        form.add_error(first, error)
