"""Mail out: composed from what happened to an issue, and delivered to whoever is owed it.

Who is owed what is decided below, in ``issues/owing.py``, in the transaction of the event. Here the
rows that it leaves become mails: outbox.py has the rows, messages.py the mails, delivery.py sends.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pyramid.config import Configurator
from pyramid.tweens import EXCVIEW

from ponytracker.db import Database
from ponytracker.issues.owing import OWES
from ponytracker.mail import TEMPLATES
from ponytracker.notifications.delivery import SWEEP_SECONDS, Coalesced, deliver, sweep
from ponytracker.settings import Settings


def deliver_by(config: Any, function: Callable[[Any], object]) -> None:
    """Let *function*, called with the registry, see to it that what is owed is delivered.

    It runs in the background after each request that has left something owed.
    """
    config.registry["ponytracker.deliver"] = Coalesced(config.registry, function).ask


def owed_mail_tween_factory(handler: Callable[..., Any], registry: Any) -> Any:
    """Have mail delivered once the request that owes it is committed."""

    def owed_mail_tween(request: Any) -> Any:
        response = handler(request)
        # Many requests ask the database nothing.
        session = request.__dict__.get("dbsession")
        if session is not None and session.info.pop(OWES, False):
            request.tm.get().addAfterCommitHook(_deliver, (registry,))
            # Where a server has forked after its start, the thread that swept was left behind.
            registry["ponytracker.sweep"]()
        return response

    return owed_mail_tween


def _sweep_regularly(registry: Any) -> None:
    """See to it that this process sweeps, unless workers do."""
    settings = registry["ponytracker.settings"]
    if settings.mail_default_sender and not settings.celery_enabled:
        registry["ponytracker.background"].run_every(SWEEP_SECONDS, sweep, registry)


def _deliver(committed: bool, registry: Any) -> None:
    if committed:
        registry["ponytracker.deliver"]()


def make_registry(settings: Settings, database: Database) -> Any:
    """Return what composing and sending need of the application, for what serves no pages."""
    with Configurator(settings={**TEMPLATES, "jinja2.autoescape": "true"}) as config:
        config.registry["ponytracker.settings"] = settings
        config.registry["ponytracker.database"] = database
        config.include("pyramid_jinja2")
        config.include("ponytracker.mail")
    return config.registry


def includeme(config: Any) -> None:
    deliver_by(config, deliver)
    config.registry["ponytracker.sweep"] = partial(_sweep_regularly, config.registry)
    config.add_tween("ponytracker.notifications.owed_mail_tween_factory", under=EXCVIEW)
    config.scan("ponytracker.notifications.unsubscribe_views")
    config.scan("ponytracker.notifications.preview_views")
