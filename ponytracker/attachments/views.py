"""Files on their way out: as what they are where that is safe, else to be saved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther, HTTPServiceUnavailable
from pyramid.response import FileIter, Response
from pyramid.view import view_config

from ponytracker.attachments.scaling import DISPLAY_TYPE, Busy, NotScaled, display_size, scale
from ponytracker.attachments.store import Store, Stored
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
def send_file(context: AttachmentFileResource, request: Any) -> Response:
    attachment, store = context.attachment, _store(request)
    return _send(request, attachment, attachment.content_type, store.open)


@view_config(context=AttachmentFileResource, name="display", request_method="GET")
def send_image_for_display(context: AttachmentFileResource, request: Any) -> Response:
    """Answer an image as pages show it; it is made when it is first asked for."""
    attachment, store = context.attachment, _store(request)
    if not attachment.is_image:
        raise HTTPNotFound
    if _is_shown_as_it_is(attachment):
        return _send(request, attachment, attachment.content_type, store.open)
    return _send(request, attachment, DISPLAY_TYPE, partial(_open_display, store))


def _store(request: Any) -> Store:
    store: Store | None = request.registry["ponytracker.attachments"]
    if store is None:
        raise HTTPNotFound
    return store


def _is_shown_as_it_is(attachment: Attachment) -> bool:
    """Return whether it is a small GIF: scaled, it would no longer move, and it says no place."""
    size = (attachment.width or 0, attachment.height or 0)
    return attachment.content_type == "image/gif" and display_size(*size) == size


def _open_display(store: Store, digest: str) -> Stored | None:
    stored = store.open_display(digest) or _make_display(store, digest)
    if stored is not None and not stored.size:  # it could not be made
        stored.file.close()
        raise HTTPNotFound
    return stored


def _make_display(store: Store, digest: str) -> Stored | None:
    try:
        store.make_display(digest, scale)
    except NotScaled as error:
        log.warning("the image %s cannot be shown: %s", digest, error)
    except Busy:
        raise HTTPServiceUnavailable(_("Many images are being made. Please try again.")) from None
    return store.open_display(digest)


def _send(
    request: Any, attachment: Attachment, content_type: str, get: Callable[[str], Stored | None]
) -> Response:
    """Answer what *get* returns for the hash of *attachment*, unless the client has it already."""
    response = Response(content_type=content_type, conditional_response=True)
    if content_type.startswith("text/"):
        response.charset = "utf-8"
    response.etag = attachment.digest + ("-display" if request.view_name else "")
    way = "inline" if attachment.is_inline else "attachment"
    response.headers["Content-Disposition"] = _disposition(way, attachment.name)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # Whoever may not see the issue any more gets it from no cache: each use asks again.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Accept-Ranges"] = "bytes"
    if request.if_none_match and response.etag in request.if_none_match:
        return response  # WebOb makes a 304 of it: the store need not be asked
    request.release_database()  # a store may be slow to answer
    stored = _get(get, attachment)
    response.app_iter = FileIter(stored.file)
    response.content_length = stored.size
    return response


def _get(get: Callable[[str], Stored | None], attachment: Attachment) -> Stored:
    try:
        stored = get(attachment.digest)
    except OSError as error:
        log.error("the file of attachment %d cannot be read: %s", attachment.id, error)
        text = _("The files of this site cannot be read at the moment. Please try again later.")
        raise HTTPServiceUnavailable(text, headers={"Retry-After": "10"}) from None
    if stored is None:
        log.error("the file of attachment %d is missing: %s", attachment.id, attachment.digest)
        raise HTTPNotFound
    return stored


def _disposition(way: str, name: str) -> str:
    """Return the header that gives *name* to what is saved, for old clients in ASCII (RFC 6266)."""
    ascii_name = "".join(
        character if character.isascii() and character not in '"\\%;' else "_" for character in name
    )
    return f"{way}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
