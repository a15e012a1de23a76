"""Forms as every page uses them: clean text in, errors beside their fields, taken once."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import wtforms
from webob.multidict import MultiDict
from wtforms import validators

from ponytracker.i18n import _
from ponytracker.text import clean_line, clean_text

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)


class Form(wtforms.Form):
    """A form over a POST; anything else shows it as it is to begin with."""

    button = ""
    """The name of the button that sends this form, on a page that has several."""

    def __init__(self, request: Any, **initial: Any) -> None:
        self.request = request
        self.is_posted = request.method == "POST" and (
            not self.button or self.button in request.POST
        )
        posted = None
        if self.is_posted:
            # A file where a text belongs counts as nothing, instead of an error further down.
            texts = [(name, value) for name, value in request.POST.items() if type(value) is str]
            posted = MultiDict(texts)
        zone = ZoneInfo(request.identity.time_zone)
        super().__init__(posted, meta={"time_zone": zone, "request": request}, **initial)

    def accepts(self) -> bool:
        """Return whether this is a POST of valid values, and not only of a text to preview."""
        if not self.is_posted or "preview" in self.request.POST:
            return False
        valid = self.validate()
        if not valid:
            self.request.response.status_int = 422
        return valid


def posted_text(request: Any, name: str) -> str:
    """Return the text field *name* of a POST that is no `Form`, empty where it is none."""
    value = request.POST.get(name, "")
    return clean_text(value) if type(value) is str else ""


MAX_SEARCH = 200
"""Characters of a search that are looked for."""


def searched_text(request: Any, name: str = "q") -> str:
    """Return what the parameter *name* of the address asks to look for, empty for nothing."""
    return clean_line(request.GET.get(name, "")).strip()[:MAX_SEARCH]


class LineField(wtforms.StringField):
    """One line of text, without blanks at its ends. A form without it leaves it as it was."""

    data: str

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = clean_line(valuelist[0]).strip() if valuelist else self.object_data or ""


class TextField(wtforms.TextAreaField):
    """Text as it was typed. A form without it leaves it as it was."""

    data: str

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = clean_text(valuelist[0]) if valuelist else self.object_data or ""


class PasswordField(wtforms.PasswordField):
    """A password, exactly as it was typed; it is never shown again."""

    data: str

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0] if valuelist else ""


class WholeNumberField(wtforms.IntegerField):
    """A whole number from *low* to *high*; what was typed instead of one comes back."""

    typed: str | None = None

    def __init__(self, label: str, *, low: int, high: int, **kw: Any) -> None:
        self.low = low
        self.high = high
        super().__init__(label, **kw)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.typed = clean_line(valuelist[0]).strip() if valuelist else ""
        if not _DIGITS.fullmatch(self.typed) or not self.low <= int(self.typed) <= self.high:
            limits = {"low": self.low, "high": self.high}
            raise ValueError(_("Enter a number from ${low} to ${high}.", mapping=limits))
        self.data = int(self.typed)

    def _value(self) -> str:
        return str(self.data) if self.typed is None else self.typed


class SubmissionField(wtforms.HiddenField):
    """The id of this form as it was shown: sent twice, it is taken once.

    Once it is validated, `data` is the id of the form with what was typed into it. Whoever goes
    back in the browser finds the old form, writes something else, and would lose it.
    """

    data: str

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            self.data = str(uuid.UUID(valuelist[0]))
        except (ValueError, IndexError):
            self.data = str(uuid.uuid4())

    def process_data(self, value: Any) -> None:
        self.data = value or str(uuid.uuid4())

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        aside = (self.name, "csrf_token")
        items = form.request.POST.items()
        sent = [(name, _told(value)) for name, value in items if name not in aside]
        self.data = str(uuid.uuid5(uuid.UUID(self.data), repr(sent)))


def _told(value: Any) -> Any:
    """Return what tells a field of a form from another: of a file its name and its content."""
    if getattr(value, "file", None) is None:
        return value
    value.file.seek(0)
    digest = hashlib.file_digest(value.file, "blake2b").hexdigest()
    value.file.seek(0)
    return value.filename, digest


class VersionField(wtforms.HiddenField):
    """What the edited thing was when the form was shown, as `version_of` or `versions_of` says.

    Whoever would save over what another has changed meanwhile is told so first, and again if there
    is another change. With `versions_of` the fields are told apart: `changed` names those that
    another has changed. Those of them left as they were shown take what is saved now; where that
    is all of them, or the very same was typed, there is nothing to ask. A POST without the field
    is taken as it is.
    """

    began: Mapping[str, str] = {}
    changed: frozenset[str] = frozenset()

    def pre_validate(self, form: Any) -> None:
        if not self.data or not self.object_data:
            return
        self.began, saved = _parse_versions(self.data), _parse_versions(self.object_data)
        self.changed = frozenset(name for name in saved if saved[name] != self.began.get(name))
        fields = [form[name] for name in self.changed if name]
        for field in fields:
            if version_of(field.data) == self.began.get(field.name):
                field.process_data(field.object_data)
        self.data = self.object_data
        if not self.changed or (
            fields and all(version_of(field.data) == saved[field.name] for field in fields)
        ):
            return
        raise validators.StopValidation(
            _(
                "Someone else has changed this since you opened it. Here is what you typed:"
                " save it again to replace theirs, or cancel to see it."
            )
        )


def version_of(*values: object) -> str:
    """Return a short text that differs when one of *values* does."""
    return hashlib.blake2b(repr(values).encode(), digest_size=8).hexdigest()


def versions_of(**values: object) -> str:
    """Return a short text with the `version_of` each of the fields named."""
    return " ".join(f"{name}={version_of(value)}" for name, value in values.items())


def _parse_versions(text: str) -> dict[str, str]:
    """Return the version of each field in *text*; what `version_of` returned has no name."""
    found = (part.rpartition("=") for part in text.split())
    return {name: version for name, _, version in found}


class LocalTimeField(wtforms.Field):
    """A time in the zone of whoever types it; `data` is aware, in UTC, or nothing.

    A form without it leaves it as it was.
    """

    widget = wtforms.widgets.DateTimeLocalInput()
    FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    # Every zone can show them: the first and last days of what Python counts, some cannot.
    YEARS = range(1900, 9999)

    typed: str | None = None

    def process_data(self, value: dt.datetime | None) -> None:
        self.data, self.typed = value, None

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        self.typed = clean_line(valuelist[0]).strip()
        # Left as it was shown, the time stays what it is: with its seconds, and in the right one
        # of the two hours that have the same name when the clocks go back.
        if self.typed != self._shown(self.object_data):
            self.data = self._parse(self.typed) if self.typed else None

    def _value(self) -> str:
        return self._shown(self.data) if self.typed is None else self.typed

    def _shown(self, time: dt.datetime | None) -> str:
        return time.astimezone(self.meta.time_zone).strftime(self.FORMATS[0]) if time else ""

    def _parse(self, typed: str) -> dt.datetime:
        for pattern in self.FORMATS:
            try:
                local = dt.datetime.strptime(typed, pattern).replace(tzinfo=self.meta.time_zone)
            except ValueError:
                continue
            if local.year in self.YEARS:
                return local.astimezone(dt.UTC)
        raise ValueError(_("Write the time like 2026-12-31 18:00."))
