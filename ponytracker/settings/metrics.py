"""The keys of the metrics that Prometheus reads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ponytracker.settings import parsing
from ponytracker.settings.keys import key


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """Whether ``/metrics`` is there, for whom, and where several processes count together."""

    enabled: bool = key("ponytracker.metrics", parsing.switch, "true or false", default=False)
    bearer_key: str = key(
        "ponytracker.metrics_key",
        parsing.shared_key,
        "at least 16 random characters, which `ponytracker generate-secret` prints",
        default="",
        env="PONYTRACKER_METRICS_KEY",
        secret=True,
    )
    folder: Path | None = key(
        "ponytracker.metrics_dir",
        parsing.folder,
        "the full path of a folder that is empty at each start, such as /run/ponytracker/metrics",
        default=None,
    )
