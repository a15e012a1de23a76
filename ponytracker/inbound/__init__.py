"""Mail in: what arrives becomes comments and issues, through the one door."""

from typing import Any

from ponytracker.inbound.gate import Gate
from ponytracker.web.sanity import leave_body

PATHS = ("/api/email/recv", "/api/email/recv/")


def includeme(config: Any) -> None:
    config.registry["ponytracker.gate"] = Gate(config.registry)
    for path in PATHS:
        leave_body(config, path)
    config.scan("ponytracker.inbound.views")
    config.scan("ponytracker.inbound.admin_views")
    config.scan("ponytracker.inbound.profile_views")
