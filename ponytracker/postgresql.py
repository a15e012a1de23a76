"""A connection to PostgreSQL that gives up waiting for a server that has fallen silent.

The limit on statements is the server's own, and no word comes from one that hangs: a stopped
virtual machine, a disk that does not answer, a pooler that takes what it is sent and says nothing.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.pq import TransactionStatus


class PatientConnection(psycopg.Connection[Any]):
    """Waits `patience` seconds for an answer, or for ever; then it is closed."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Run *gen*; raise `psycopg.OperationalError` where the server says nothing for so long."""
        timeout = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            # Errors that the server tells are its answer: then it does nothing any more.
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # what comes later would be taken for the answer to something else
            raise
