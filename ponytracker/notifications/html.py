"""The HTML of a text as it can stand in a mail: every address whole, no control of a form."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

from markupsafe import Markup, escape

# The HTML is our own renderer's: a "<" in a text or an attribute's quote is never written as such.
_TAG = re.compile(r'<[a-z][a-z0-9]*(?: [a-z-]+(?:="[^"]*")?)*>')
_ADDRESS = re.compile(r' (href|src)="([^"]*)"')
_BOX = re.compile(r"<input [^>]*>")


def for_mail(html: Markup, page: str) -> Markup:
    """Return *html*, as it is shown on *page*, for a reader who is not there."""
    whole = _TAG.sub(lambda tag: _ADDRESS.sub(lambda found: _join(page, found), tag[0]), str(html))
    return Markup(_BOX.sub(_show_box, whole))  # noqa: S704 - as it was cleaned, but for addresses


def _join(page: str, found: re.Match[str]) -> str:
    address = unescape(found[2])
    try:
        address = urljoin(page, address)
    except ValueError:  # what only looks like one, such as "http://["
        address = ""
    return f' {found[1]}="{escape(address)}"'


def _show_box(box: re.Match[str]) -> str:
    return "☑" if " checked" in box[0] else "☐"
