"""The files that texts show, as whoever reads them finds them: images in place, links to the rest.

A text is stored with placeholders (``placeholders.py``), and shows only what is on its own issue:
it is this page's tree that says where a file is, and whether it is there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from markupsafe import Markup

from ponytracker.attachments.scaling import display_size
from ponytracker.models import Attachment
from ponytracker.placeholders import AttachmentTarget, replace_attachments


@dataclasses.dataclass(frozen=True, slots=True)
class Shelf:
    """Files that the texts of one page may show; `path` makes the address of names in the tree."""

    files: dict[int, Attachment]
    project: str
    issue_number: int | None
    path: Callable[..., str]

    def address(self, attachment: Attachment, *view: str) -> str:
        """Return the path of the file of *attachment*, or of a view of it."""
        number = self.issue_number if attachment.event_id is not None else None
        return self.path(*elements(self.project, number, attachment), *view)


def elements(project: str, issue_number: int | None, attachment: Attachment) -> tuple[str, ...]:
    """Return the names that lead through the tree to a file; without an issue it is pending."""
    issue = () if issue_number is None else (str(issue_number),)
    return (project, "issues", *issue, "attachments", str(attachment.id), attachment.name)


def link_files(shelf: Shelf, htmls: Iterable[Markup]) -> list[Markup]:
    """Return *htmls* with the files in them that are on *shelf*; what is not there stays words."""

    def show(target: AttachmentTarget) -> Markup | None:
        attachment = shelf.files.get(target.id)
        if attachment is None:
            return None
        if not target.is_image:
            return _OPEN_LINK.format(shelf.address(attachment))
        return _show_image(shelf, attachment, target)

    return [replace_attachments(html, show) for html in htmls]


_OPEN_LINK = Markup('<a class="attachment" href="{}"')
_LINK = Markup('<a class="attachment" href="{}">{}</a>')
_IMAGE = Markup('<img src="{}" alt="{}" width="{}" height="{}" loading="lazy">')


def _show_image(shelf: Shelf, attachment: Attachment, target: AttachmentTarget) -> Markup | None:
    shown = target.alt
    if attachment.width and attachment.height:
        size = display_size(attachment.width, attachment.height)
        shown = _IMAGE.format(shelf.address(attachment, "display"), target.alt, *size)
    return shown if target.in_link else _LINK.format(shelf.address(attachment), shown)
