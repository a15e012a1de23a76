"""Mail in: what arrives becomes comments and issues, through the one door."""

from typing import Any

from ponytracker.inbound.gate import Gate
from ponytracker.web.bodies import leave_body

PATHS = ("/api/email/recv", "/api/email/recv/")

LARGEST = 4
"""How many times as large as what is taken a mail may be, for its sender to be told so."""


def includeme(config: Any) -> None:
    config.registry["ponytracker.gate"] = Gate(config.registry)
    octets = LARGEST * config.registry["ponytracker.settings"].mail_max_mb * 1024 * 1024
    for path in PATHS:
        leave_body(config, path, octets)
    config.include("ponytracker.inbound.views")
    config.scan("ponytracker.inbound.admin_views")
    config.scan("ponytracker.inbound.profile_views")
