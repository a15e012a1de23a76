"""The files of a mail: kept with what it wrote, shown where its text shows them (RFC 2392)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.attachments.service import (
    MAX_FILES,
    NewFile,
    Prepared,
    TooLarge,
    TooMany,
    check_size,
    claim,
    keep_pending,
    prepared,
)
from ponytracker.attachments.store import MB, Store
from ponytracker.i18n import _
from ponytracker.inbound.reading.message import ReceivedFile
from ponytracker.models import Attachment, Event, Issue, Project, User

TINY = 64
"""Pixels: an image in a text that is smaller both ways is an ornament of a signature."""

THIN = 8
"""Pixels: one that is no higher, or no wider, is a line, or there to see who reads."""

# No part of it may begin within another: else each beginning is looked for to the end of the text.
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\]\(cid:([^()\[\]\s]+)\)|\[cid:([^\[\]\s]+)\]")


@dataclasses.dataclass
class Kept:
    """The files that were kept of a mail, and in *notices* why others were not."""

    attachments: list[Attachment] = dataclasses.field(default_factory=list)
    shown: dict[str, Attachment] = dataclasses.field(default_factory=dict)
    notices: list[str] = dataclasses.field(default_factory=list)

    def show_in(self, text: str) -> str:
        """Return *text* with its images, instead of the ids that they had in the mail."""

        def image(found: re.Match[str]) -> str:
            alternative = found[1] or ""
            file = self.shown.get(unquote(found[2] or found[3]))
            if file is None:
                return alternative
            name = re.sub(r"[\[\]\\`]", "", alternative or file.name)
            return f"![{name}](attachment:{file.id})"

        return _IMAGE.sub(image, text)

    def attach_to(self, session: Session, event: Event, uploader: User) -> None:
        if self.attachments:
            claim(session, event, uploader, [file.id for file in self.attachments])


@contextmanager
def keep_files(
    session: Session,
    store: Store | None,
    project: Project,
    issue: Issue | None,
    uploader: User,
    files: Sequence[ReceivedFile],
) -> Iterator[Kept]:
    """Keep *files* in *store* until they are attached to what the mail writes in *project*.

    Raise `NotStored` where the store takes nothing at the moment: the mail may come again then.
    """
    kept = Kept()
    if store is None:
        if any(not file.is_inline for file in files):
            kept.notices.append(_("Files are not kept on this tracker, so yours were left out."))
        yield kept
        return
    fitting = list(_fitting(store, files, kept))
    new = [NewFile(file.name, file.content_type, file.data) for file in fitting]
    with prepared(store, new) as them:
        _keep(session, store, project, issue, uploader, list(zip(fitting, them, strict=True)), kept)
        yield kept


def _fitting(store: Store, files: Sequence[ReceivedFile], kept: Kept) -> Iterator[ReceivedFile]:
    for file in files[:MAX_FILES]:
        if len(file.data) <= store.max_size:
            yield file
            continue
        limit = {"name": file.name, "max": store.max_size // MB}
        kept.notices.append(_("'${name}' is larger than ${max} MB.", mapping=limit))
    if len(files) > MAX_FILES:
        kept.notices.append(_("At most ${max} files.", mapping={"max": MAX_FILES}))


def _keep(
    session: Session,
    store: Store,
    project: Project,
    issue: Issue | None,
    uploader: User,
    files: Sequence[tuple[ReceivedFile, Prepared]],
    kept: Kept,
) -> None:
    there = _find_there(session, issue)
    new = []
    for file, prepared_file in files:
        same = there.get(prepared_file.staged.digest)
        if file.is_inline and _is_tiny(prepared_file):
            continue
        if same and same.is_image:
            if file.content_id:
                kept.shown[file.content_id] = same
            continue
        new.append((file, prepared_file))
    if not new:
        return
    try:
        added = sum(prepared_file.staged.size for _file, prepared_file in new)
        check_size(session, store, issue.id if issue else None, added=added)
        kept.attachments = keep_pending(
            session, store, project.id, uploader.id, [prepared_file for _file, prepared_file in new]
        )
    except (TooLarge, TooMany) as error:
        kept.notices.append(error.args[0])
        return
    for (file, _prepared), attachment in zip(new, kept.attachments, strict=True):
        if file.content_id and attachment.is_image:
            kept.shown[file.content_id] = attachment


def _find_there(session: Session, issue: Issue | None) -> dict[str, Attachment]:
    """Return what *issue* has already, by its hash: clients send again what they quote."""
    if issue is None:
        return {}
    rows = session.scalars(
        select(Attachment).where(Attachment.issue_id == issue.id).order_by(Attachment.id)
    )
    return {row.digest: row for row in rows}


def _is_tiny(file: Prepared) -> bool:
    width, height = file.content.width, file.content.height
    if width is None or height is None:
        return False
    return max(width, height) < TINY or min(width, height) <= THIN
