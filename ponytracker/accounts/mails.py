"""The mails about accounts; each is sent in the background, and may fail there."""

from __future__ import annotations

import logging
from typing import Any

from ponytracker.mail import NotSent, send

log = logging.getLogger(__name__)

TEMPLATES = "ponytracker.accounts:templates/mail/"


def send_mail(registry: Any, recipient: str, name: str, **values: Any) -> None:
    """Send the mail *name* of our templates; where that fails, the log says so, but no secret."""
    try:
        send(registry, recipient, f"{TEMPLATES}{name}.txt", **values)
    except NotSent as error:
        log.error("The mail '%s' could not be sent: %s", name, error)
