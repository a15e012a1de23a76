"""A form that is taken only so often: what it answers to whoever comes too early."""

from __future__ import annotations

import datetime as dt
import math

from babel.dates import format_timedelta

from ponytracker.i18n import _
from ponytracker.models import User
from ponytracker.security.throttling import Purpose
from ponytracker.web.forms import Form, PasswordField


def may_try(form: Form, purpose: Purpose, name: str) -> bool:
    """Count a try of what *form* asks for *name*, and return whether it may go on.

    If not, the answer is 429, and the form says how long to wait. What the request has written
    before is committed.
    """
    request = form.request
    seconds = request.count_try(purpose, name)
    if not seconds:
        return True
    request.response.status_int = 429
    request.response.headers["Retry-After"] = str(seconds)
    form.form_errors.append(
        _(
            "That was tried too often. Wait ${time}, then try again.",
            mapping={"time": _in_words(seconds, request.locale_name)},
        )
    )
    return False


def knows_password(form: Form, field: PasswordField, user: User) -> bool:
    """Count a try of *user*'s own password, and return whether *field* holds it; or *form* says no.

    What the request has written before is committed.
    """
    if not may_try(form, Purpose.CHANGE, user.username):
        return False
    # Checking a password is meant to be slow; on SQLite nobody could write meanwhile.
    form.request.release_database()
    if form.request.passwords.check(user.password_hash, field.data):
        return True
    form.request.response.status_int = 422
    field.errors = [_("This is not your password.")]
    return False


def _in_words(seconds: int, locale: str) -> str:
    if seconds >= 120:
        seconds = math.ceil(seconds / 60) * 60  # never less than it is
    return format_timedelta(dt.timedelta(seconds=seconds), threshold=2, locale=locale)
