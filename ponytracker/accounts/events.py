"""What signing in tells those above who want to know, such as the metrics."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class SignInFailed:
    """Someone has typed a name or a password that is wrong."""
