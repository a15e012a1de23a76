"""Files on their way out: as what they are where that is safe, else to be saved."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther, HTTPServiceUnavailable
from pyramid.response import FileResponse
from pyramid.view import view_config

from ponytracker.attachments.scaling import DISPLAY_TYPE, Busy, NotScaled, display_size, scale
from ponytracker.i18n import _
from ponytracker.models import Attachment
from ponytracker.resources import AttachmentFileResource, AttachmentResource

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = "default-src 'none'; sandbox"
"""Nothing that a file brings along loads or runs, whatever a browser takes it for."""


@view_config(context=AttachmentResource, request_method="GET")
def show_attachment(context: AttachmentResource, request: Any) -> HTTPSeeOther:
    """Lead to the file: a link that lasts."""
    return HTTPSeeOther(request.resource_path(context, context.attachment.name))


@view_config(context=AttachmentFileResource, request_method="GET")
def send_file(context: AttachmentFileResource, request: Any) -> FileResponse:
    return _send(request, context.attachment, context.attachment.content_type)


@view_config(context=AttachmentFileResource, name="display", request_method="GET")
def send_image_for_display(context: AttachmentFileResource, request: Any) -> FileResponse:
    """Answer an image as pages show it; it is made when it is first asked for."""
    attachment = context.attachment
    store = request.registry["ponytracker.attachments"]
    if store is None or not attachment.is_image:
        raise HTTPNotFound
    if _is_shown_as_it_is(attachment):
        return _send(request, attachment, attachment.content_type)
    path = store.display_path(attachment.digest)
    if not path.exists():
        request.release_database()
        _make(store.path(attachment.digest), path)
    if not path.exists() or not path.stat().st_size:  # it could not be made
        raise HTTPNotFound
    return _send(request, attachment, DISPLAY_TYPE, path)


def _is_shown_as_it_is(attachment: Attachment) -> bool:
    """Return whether it is a small GIF: scaled, it would no longer move, and it says no place."""
    size = (attachment.width or 0, attachment.height or 0)
    return attachment.content_type == "image/gif" and display_size(*size) == size


def _make(source: Path, target: Path) -> None:
    try:
        scale(source, target)
    except NotScaled as error:
        log.warning("%s cannot be shown: %s", source, error)
    except Busy:
        raise HTTPServiceUnavailable(_("Many images are being made. Please try again.")) from None


def _send(
    request: Any, attachment: Attachment, content_type: str, path: Path | None = None
) -> FileResponse:
    store = request.registry["ponytracker.attachments"]
    source = path or (store and store.path(attachment.digest))
    if source is None or not source.exists():
        log.error("the file of attachment %d is missing: %s", attachment.id, source)
        raise HTTPNotFound
    response = FileResponse(source, request, content_type=content_type)
    if content_type.startswith("text/"):
        response.charset = "utf-8"
    response.etag = attachment.digest + ("-display" if path else "")
    way = "inline" if attachment.is_inline else "attachment"
    response.headers["Content-Disposition"] = _disposition(way, attachment.name)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # Whoever may not see the issue any more gets it from no cache: each use asks again.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _disposition(way: str, name: str) -> str:
    """Return the header that gives *name* to what is saved, for old clients in ASCII (RFC 6266)."""
    ascii_name = "".join(
        character if character.isascii() and character not in '"\\%;' else "_" for character in name
    )
    return f"{way}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
