"""What a mail must not make public: the addresses in it that let their finder act for someone.

People quote our mails, with the link by which they hear no more of an issue, and now and then the
address to answer to. Both stay in the mail as it came, and are left out of what others read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "…"

_TOKEN = re.compile(r"(?<=[0-9]\.)[a-z2-7]{16}(?![a-z2-7])", re.IGNORECASE)
_BETWEEN = r"(?:=?\r?\n[>|\s]*)?"


def hide_tokens(text: str, tokens: Iterable[str] = ()) -> str:
    """Return *text* without what looks like a token, and without *tokens*, even in two lines."""
    for token in tokens:
        text = re.sub(_BETWEEN.join(token), HIDDEN, text, flags=re.IGNORECASE)
    return _TOKEN.sub(HIDDEN, text)
