"""PonyTracker: a small, easy to use issue tracker that teams host themselves."""

from __future__ import annotations

import sys
from typing import Any

from ponytracker.db import Database, make_database
from ponytracker.settings import SettingError, Settings
from ponytracker.web.bodies import BoundedBodies
from ponytracker.web.proxy import BehindProxy

UWSGI_FAILED, GUNICORN_FAILED = 22, 3
"""By which status each knows a worker that cannot start; after any other it would try for ever."""


def main(global_config: dict[str, str], **ini: Any) -> Any:
    """Return the WSGI application that the ``[app:main]`` section of an ini file describes.

    A wrong setting ends the program with a line that says which, whatever server runs it.
    """
    try:
        settings = Settings.from_ini(ini, global_config)
        return make_app(settings, make_database(settings, is_served=True), ini, is_served=True)
    except SettingError as error:
        sys.stderr.write(f"{global_config.get('__file__', 'The ini file')}: {error}\n")
        raise SystemExit(UWSGI_FAILED if "uwsgi" in sys.modules else GUNICORN_FAILED) from None


def make_app(
    settings: Settings,
    database: Database,
    ini: dict[str, Any] | None = None,
    *,
    is_served: bool = False,
) -> Any:
    """Return the WSGI application; where it *is_served*, it also works while nobody asks it."""
    # Here, since a command or a migration, which imports this package too, needs none of it.
    from pyramid.config import Configurator

    with Configurator(settings={**(ini or {}), **FRAMEWORK}) as config:
        config.registry["ponytracker.settings"] = settings
        config.registry["ponytracker.database"] = database
        config.include("pyramid_tm")
        config.include("pyramid_retry")
        config.include("pyramid_jinja2")
        config.include("ponytracker.settings")
        config.include("ponytracker.db")
        config.include("ponytracker.background")
        config.include("ponytracker.security")
        config.include("ponytracker.resources")
        config.include("ponytracker.web")
        config.include("ponytracker.mail")
        config.include("ponytracker.attachments")
        config.include("ponytracker.accounts")
        config.include("ponytracker.directory")
        config.include("ponytracker.projects")
        config.include("ponytracker.grants")
        config.include("ponytracker.issues")
        config.include("ponytracker.labels")
        config.include("ponytracker.milestones")
        config.include("ponytracker.notifications")
        config.include("ponytracker.search")
        config.include("ponytracker.inbound")
        config.include("ponytracker.admin")
        if settings.celery_enabled:
            config.include("ponytracker.celery")
        config.include("ponytracker.operations")
    app = config.make_wsgi_app()
    if is_served:
        app.registry["ponytracker.sweep"]()
    return BehindProxy(BoundedBodies(app), settings)


FRAMEWORK = {
    "tm.manager_hook": "ponytracker.db.explicit_manager",
    # Else each request, even one for a picture, would ask the database who it is from.
    "tm.annotate_user": "false",
    "retry.attempts": "3",
    "jinja2.directories": "ponytracker:templates",
    "jinja2.i18n.domain": "ponytracker",
    "jinja2.trim_blocks": "true",
    "jinja2.lstrip_blocks": "true",
    "jinja2.newstyle": "true",
    "jinja2.undefined": "strict",
}
"""What PonyTracker relies on in the libraries below it; an ini file cannot change it."""
