"""Files in a form: chosen in it, uploaded for it by a script, or there already and to be removed.

What was chosen is kept at once, also when the form is not taken: a browser does not choose a file
again, so the next form names what is kept instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import wtforms

from ponytracker.attachments import service
from ponytracker.attachments.query import list_of_event
from ponytracker.errors import DomainError
from ponytracker.models import Attachment, Event

_ID = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_MAX_IDS = 2 * service.MAX_FILES

CHOSEN = "files"
"""The field of files that a browser sends along."""

REMOVED = "remove_attachment"
"""The boxes of those attached already that are to be removed."""


class FilesField(wtforms.Field):
    """The files of a text; `data` are those that wait for the form. Its boxes have their ids.

    With the *event* that wrote the text, what is attached to it already may be removed.
    """

    data: list[Attachment]

    def __init__(self, label: str = "", **kw: Any) -> None:
        super().__init__(label, **kw)
        self.data = []
        self.event: Event | None = None

    @property
    def is_on(self) -> bool:
        """Whether this site keeps files."""
        return self._store is not None

    @property
    def max_size(self) -> int:
        return self._store.max_size if self._store else 0

    @property
    def existing(self) -> Sequence[Attachment]:
        """What is attached already."""
        if self.event is None or not self.is_on:
            return []
        return list_of_event(self.meta.request.dbsession, self.event)

    @property
    def removed(self) -> list[int]:
        """The ids of those that are to be removed."""
        request = self.meta.request
        return _ids(request.POST.getall(REMOVED)) if request.method == "POST" else []

    @property
    def is_any_left(self) -> bool:
        """Whether the text will have a file."""
        removed = self.removed
        return bool(self.data) or any(file.id not in removed for file in self.existing)

    def process_data(self, value: Event | None) -> None:
        self.event = value

    def process_formdata(self, valuelist: list[str]) -> None:
        if not self.is_on:
            return
        request, project = self.meta.request, self.meta.request.context.project
        self.data = service.find_pending(
            request.dbsession, project.id, request.user.id, _ids(valuelist)
        )
        try:
            with service.prepared(self._store, posted_files(request, CHOSEN)) as them:
                self.data += service.keep_pending(
                    request.dbsession, self._store, project.id, request.user.id, them
                )
        except DomainError as error:
            self.process_errors = [error.args[0]]
            self.errors = self.process_errors

    def pre_validate(self, form: Any) -> None:
        issue = getattr(self.meta.request.context, "issue", None)
        added = sum(attachment.size for attachment in self.data)
        if not added:
            return
        try:
            service.check_size(
                self.meta.request.dbsession, self._store, issue and issue.id, added=added
            )
        except DomainError as error:
            raise wtforms.validators.StopValidation(error.args[0]) from None

    def save(self, event: Event) -> bool:
        """Attach to *event* what was chosen, and remove what was asked for; return whether any."""
        request = self.meta.request
        removed = 0
        if self.removed:
            own = (Attachment.id.in_(self.removed), Attachment.event_id == event.id)
            removed = service.remove(request.dbsession, *own)
        ids = [attachment.id for attachment in self.data]
        return bool(ids and service.claim(request.dbsession, event, request.user, ids)) or bool(
            removed
        )

    @property
    def _store(self) -> Any:
        return self.meta.request.registry["ponytracker.attachments"]


def posted_files(request: Any, name: str) -> list[service.NewFile]:
    """Return the files that the fields *name* of a POST have; one left empty has none."""
    return [
        service.NewFile(value.filename, value.type, value.file)
        for value in request.POST.getall(name)
        if getattr(value, "file", None) is not None
    ]


def _ids(values: Sequence[Any]) -> list[int]:
    texts = [value for value in values if type(value) is str and _ID.fullmatch(value)]
    return [int(text) for text in texts[:_MAX_IDS]]
