"""What the gate tells those above who want to know, such as the metrics."""

from __future__ import annotations

import dataclasses

from ponytracker.inbound.verdict import Outcome


@dataclasses.dataclass(frozen=True, slots=True)
class MailReceived:
    """A mail was posted to the gate, and its sender was answered *outcome*."""

    outcome: Outcome
