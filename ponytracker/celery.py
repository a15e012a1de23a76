"""The Celery application: delivers owed mail away from the processes that serve pages.

    celery -A ponytracker.celery worker --beat --ini production.ini

The broker only tells the workers to look: what is owed is in the database. So nothing is lost with
a message, and what no message told of is found by the sweep that beat asks for each minute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import click
import plaster
from celery import Celery, Task, signals
from kombu.exceptions import OperationalError

from ponytracker import logs
from ponytracker.db import UNAVAILABLE, make_database
from ponytracker.notifications import deliver_by, make_registry
from ponytracker.notifications.delivery import SWEEP_SECONDS, deliver, sweep
from ponytracker.settings import SettingError, Settings

log = logging.getLogger(__name__)

BROKER_SECONDS = 3
"""How long the broker may take to answer whoever serves pages, before it counts as away."""


class LoggedTask(Task):  # type: ignore[type-arg]
    """A task: what it logs carries its name and id."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with logs.context(task=self.name, task_id=self.request.id):
            return super().__call__(*arguments, **options)


class TrackerCelery(Celery):
    """Celery's application, and the settings of the tracker that it is of once it is bound."""

    settings: Settings
    ini: str


SCHEDULE: dict[str, Any] = {
    "sweep": {
        "task": "ponytracker.sweep",
        "schedule": SWEEP_SECONDS,
        # While no worker is there, one request to sweep is as good as a thousand.
        "options": {"expires": SWEEP_SECONDS},
    }
}
"""What beat asks the workers for."""

app = TrackerCelery("ponytracker", set_as_current=False, task_cls=LoggedTask)
app.conf.update(
    task_default_queue="ponytracker",
    # Done again where a worker dies: the rows it had taken are due again by themselves.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    # A broker that is away is waited for, however long, at the start as later.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    enable_utc=True,
    # In memory: when it last asked is nothing to be kept in a file.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule=SCHEDULE,
)


FAILURES = (OperationalError, OSError)
"""What a broker that is away comes to."""


def bind(settings: Settings, *, hastily: bool = False) -> None:
    """Let the application be that of *settings*.

    Workers wait for the broker however long it is away, others *hastily*.
    """
    app.settings = settings
    app.conf.beat_schedule = {**SCHEDULE, **_directory_schedule(settings)}
    timeouts = dict.fromkeys(("socket_connect_timeout", "socket_timeout"), BROKER_SECONDS)
    app.conf.update(
        broker_url=settings.celery_broker_url,
        broker_transport_options={**timeouts, "max_retries": 1} if hastily else {},
    )


def _directory_schedule(settings: Settings) -> dict[str, Any]:
    if not settings.ldap.can_list or not settings.ldap.sync_minutes:
        return {}
    seconds = settings.ldap.sync_minutes * 60
    task = {"task": "ponytracker.sync_directory", "schedule": seconds}
    return {"sync-directory": {**task, "options": {"expires": seconds}}}


def _bind_to_ini(_context: Any, _parameter: Any, ini: str) -> str:
    try:
        settings = Settings.from_ini(plaster.get_settings(ini, "app:main"))
    except (SettingError, plaster.PlasterError) as error:
        raise click.ClickException(f"{ini}: {error}") from None
    if not settings.celery_enabled:
        raise click.ClickException(
            f"{ini}: by this file the tracker delivers mail itself. For a worker to do it, expected"
            " celery.enabled = true."
        )
    bind(settings)
    app.ini = ini
    return ini


app.user_options["preload"].add(
    click.Option(
        ("--ini",),
        required=True,
        envvar="PONYTRACKER_INI",
        type=click.Path(exists=True, dir_okay=False),
        callback=_bind_to_ini,
        help="The ini file of the tracker.",
    )
)


@signals.setup_logging.connect
def _log_as_the_ini_says(**_options: Any) -> None:
    """Log as the web processes do, by the ini file, and not as Celery would."""
    plaster.setup_logging(app.ini)


@cache
def _registry() -> Any:
    """Return the registry of this process, made by its first task: connections are not forked."""
    return make_registry(app.settings, make_database(app.settings))


@app.task(name="ponytracker.deliver")
def deliver_mail() -> None:
    _work(deliver)


@app.task(name="ponytracker.sweep")
def sweep_mail() -> None:
    _work(sweep)


def _work(function: Callable[[Any], object]) -> None:
    """Do it now; where the database is away, what is owed is swept later."""
    try:
        function(_registry())
    except UNAVAILABLE as error:
        log.error("the database is away (%s): mail is delivered later", type(error).__name__)


@app.task(name="ponytracker.sync_directory")
def sync_directory() -> None:
    # Here, since it imports python-ldap.
    from ponytracker.directory.sync import sync_and_log

    sync_and_log(app.settings.ldap, make_database(app.settings))


def _tell_workers(_registry: Any) -> None:
    """Ask for what is owed to be delivered now; where nobody can be asked, it is swept later."""
    try:
        deliver_mail.apply_async(retry=False, expires=SWEEP_SECONDS)
    except FAILURES as error:
        # Its text may have the broker's address, with the password.
        log.warning("the broker is not there (%s): mail is delivered later", type(error).__name__)


def reach_broker(settings: Settings) -> None:
    """Return once the broker answers; raise one of `FAILURES` where it does not."""
    bind(settings, hastily=True)
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)


def count_workers(settings: Settings) -> int:
    """Return how many workers answer; raise one of `FAILURES` where the broker does not."""
    bind(settings, hastily=True)
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
        answers = app.control.ping(timeout=BROKER_SECONDS, connection=broker)
    return len(answers or ())


def includeme(config: Any) -> None:
    bind(config.registry["ponytracker.settings"], hastily=True)
    deliver_by(config, _tell_workers)
