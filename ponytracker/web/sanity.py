"""A request that cannot be read is refused before anything looks at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from pyramid.httpexceptions import HTTPBadRequest, HTTPException, HTTPRequestEntityTooLarge
from pyramid.tweens import EXCVIEW

from ponytracker.i18n import _
from ponytracker.web.bodies import MAX_BODY, MULTIPART, REFUSED, is_left, too_large

MAX_FIELDS = 1000
"""Fields of a form, and parameters of an address: parsing and showing them takes time each."""

_BOUNDARY = re.compile(r"""; *boundary=("?)([!#-:<-~]{1,200})\1 *(?:;|$)""", re.IGNORECASE)
_LINE = 1 << 16

MAX_HEAD = 16 * 1024
"""Octets of what stands before a part of a form: its name, its kind and that of its file.

Reading one takes as long as its square, here and in WebOb.
"""

MAX_HEADS = 8 * MAX_HEAD
"""Octets of all of them together: a field's is about 60."""

# A form within the form: its parts would be read, but not counted.
_NESTED = re.compile(rb"multipart/|x-www-form-urlencoded", re.IGNORECASE)


def sanity_tween_factory(handler: Callable[..., Any], registry: Any) -> Any:
    """Answer 400 to what cannot be read, and 413 to what has too much in it."""

    def sanity_tween(request: Any) -> Any:
        if is_left(request.environ, registry):
            return handler(request)
        if refusal := request.environ.get(REFUSED):
            raise refusal
        try:
            if _count_fields(request) > MAX_FIELDS:
                raise HTTPRequestEntityTooLarge(_("What you sent has more than 1000 fields."))
        except HTTPException as error:
            request.environ[REFUSED] = error  # so that nobody reads it after all
            raise
        try:
            for part in ("path_info", "GET", "POST"):
                getattr(request, part)
        # Bad UTF-8 and bad multipart; and what WebOb raises for another charset of a form.
        except (ValueError, DeprecationWarning) as error:
            raise HTTPBadRequest(_("The address or form is not valid UTF-8.")) from error
        if "\x00" in request.path_info:  # PostgreSQL takes none, not even to look for it
            raise HTTPBadRequest(_("The address has a NUL character in it."))
        _check_origin(request)
        return handler(request)

    return sanity_tween


def _check_origin(request: Any) -> None:
    """Refuse an ``Origin`` or ``Referer`` that is no address, which Pyramid takes apart."""
    try:
        # Of several origins, one may be what only together with others is an address.
        for origin in (*request.headers.get("Origin", "").split(" "), request.referer or ""):
            urlsplit(origin)
    except ValueError as error:
        raise HTTPBadRequest(_("The page that this was sent from has no valid address.")) from error


def _count_fields(request: Any) -> int:
    """Return how many fields there are, or somewhat more, without parsing them."""
    fields: int = request.query_string.count("&")
    if request.content_type == MULTIPART:
        return fields + _count_parts(request)
    return fields + request.body.count(b"&")


def _count_parts(request: Any) -> int:
    """Return how many parts a form has, or more than `MAX_FIELDS`.

    Raise 413 where its texts alone are too large, and 400 where a part's head is.

    Its files may be large: they are read line by line, and no more than a line is in memory. What
    ends a part is told as WebOb's parser tells it, so that the two find the same parts.
    """
    header = request.headers.get("Content-Type", "")
    found = _BOUNDARY.search(header)
    if not found or len(re.findall(r"boundary\s*=", header, re.IGNORECASE)) > 1:
        raise HTTPBadRequest(_("The address or form is not valid UTF-8."))
    boundary = b"--" + found[2].encode()
    request.make_body_seekable()
    body = request.body_file_raw
    parts = typed = heads = 0
    head: bytes | None = None  # of the part whose head is being read
    is_file, begins_line = False, True
    while parts <= MAX_FIELDS and (line := body.readline(_LINE)):
        # Only the first may have blanks before it.
        if begins_line and (line.rstrip() if parts else line.strip()) == boundary:
            parts, head, is_file = parts + 1, b"", False
        elif head is None:
            typed += 0 if is_file else len(line)
        elif line.strip():
            head += line
            heads += len(line)
            if len(head) > MAX_HEAD or heads > MAX_HEADS or _NESTED.search(line):
                raise HTTPBadRequest(_("The form has a field with too long a name, or of no kind."))
        else:
            is_file, head = _is_file(head), None
        if typed > MAX_BODY:
            raise too_large(MAX_BODY)
        begins_line = line.endswith(b"\n")
    body.seek(0)
    return parts


def _is_file(head: bytes) -> bool:
    """Return whether *head*, of a part of a form, names a file."""
    disposition = Message()
    for line in head.decode("utf-8", "replace").splitlines():
        name, _colon, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            disposition["Content-Disposition"] = value.strip()
    return isinstance(disposition.get_param("filename", header="Content-Disposition"), str)


def includeme(config: Any) -> None:
    config.add_tween("ponytracker.web.sanity.sanity_tween_factory", under=EXCVIEW)
