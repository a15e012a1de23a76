"""Grants: who was given which rights, on one project or on all; giving and taking them."""

from typing import Any

from ponytracker.grants.names import NAMES


def includeme(config: Any) -> None:
    config.commit()  # the Jinja environment is there only once pyramid_jinja2 is set up
    # What a right lets one do, to be translated: it follows "may".
    config.get_jinja2_environment().filters["permission_name"] = NAMES.__getitem__
    config.scan("ponytracker.grants.views")
    config.scan("ponytracker.grants.why")
