"""The house's errors.

    ZhangguiError            code, Chinese message, fields, what to do instead
    ├── NotAllowed           the caller's role or shop does not permit it
    ├── NotFound             no such thing in this shop
    ├── BadInput             the input cannot be understood; fields say where
    ├── Conflict             somebody or something else changed it first
    ├── Unconfigured         a setting or credential is missing
    └── PolicyError          a policy value is out of its declared range

A refusal by business is a verdict, not an error; an error means the request could not be honoured at all.
"""

from __future__ import annotations

from typing import Any


class ZhangguiError(Exception):
    """A request that could not be honoured, with a message a shopkeeper can act on."""

    code = "error"

    def __init__(self, message: str, *, remedy: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message, self.remedy, self.fields = message, remedy, fields

    def __str__(self) -> str:
        return f"{self.message}（{self.remedy}）" if self.remedy else self.message


class NotAllowed(ZhangguiError):
    """The caller's role or shop does not permit it."""

    code = "not_allowed"


class NotFound(ZhangguiError):
    """No such thing in this shop."""

    code = "not_found"


class BadInput(ZhangguiError):
    """The input cannot be understood; `fields` say where."""

    code = "bad_input"


class Conflict(ZhangguiError):
    """Somebody or something else changed it first."""

    code = "conflict"


class Unconfigured(ZhangguiError):
    """A setting or credential is missing."""

    code = "unconfigured"


class PolicyError(ZhangguiError):
    """A policy value is out of its declared range."""

    code = "policy"
