"""The Celery application, as far as it can be seen without a broker: integration tests have one."""

from __future__ import annotations

import dataclasses
import logging
import socket

import pytest

from ponytracker import celery
from ponytracker.issues import service
from ponytracker.models import IssueSubscription, MailState, OwedMail, SubscriptionReason
from ponytracker.settings.ldap import Ldap
from tests.functional.conftest import make_test_app
from tests.servers import ROOT, free_port, run


@pytest.fixture
def silent_port():
    """A port where somebody takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


@pytest.mark.parametrize("is_there", [True, False])
def test_without_a_broker_mail_stays_owed_and_nothing_is_told_of_it(
    is_there, silent_port, all_on, database, world, session, caplog
):
    port = silent_port if is_there else free_port()
    url = f"redis://:hunter2@127.0.0.1:{port}/0"
    settings = dataclasses.replace(all_on, celery_enabled=True, celery_broker_url=url)
    with_celery = make_test_app(settings)
    with_celery.registry["ponytracker.database"] = database
    issue = world.issue(world.project("web"))
    bob = world.user("bob", email="bob@example.org")
    issue.subscriptions[bob.id] = IssueSubscription(
        user_id=bob.id, reason=SubscriptionReason.MANUAL
    )
    service.comment(session, issue, None, text="Me too")
    session.commit()
    with caplog.at_level(logging.DEBUG):
        with_celery.registry["ponytracker.deliver"]()
    assert "the broker is not there" in caplog.text
    assert "hunter2" not in caplog.text
    assert session.query(OwedMail).one().state is MailState.OWED
    with pytest.raises(celery.FAILURES):
        celery.count_workers(settings)


def test_no_secret_is_in_what_celery_shows(all_on):
    settings = dataclasses.replace(
        all_on, celery_broker_url="redis://:hunter2@localhost/0", mail_password="swordfish"
    )
    celery.bind(settings)
    shown = celery.app.conf.humanize(with_defaults=False, censored=True)
    assert "hunter2" not in shown
    assert "swordfish" not in shown
    assert settings.secret not in shown


def worker(*arguments, folder):
    return run("celery", "-A", "ponytracker.celery", "worker", *arguments, folder=folder)


def test_a_worker_names_its_ini_file(tmp_path):
    done = worker(folder=tmp_path)
    assert done.returncode == 2
    assert "Missing option '--ini'" in done.stderr
    done = worker("--ini", "none.ini", folder=tmp_path)
    assert done.returncode == 2
    assert "'none.ini' does not exist" in done.stderr


def test_a_worker_says_what_is_wrong_with_its_ini_file(tmp_path):
    done = worker("--ini", str(ROOT / "production.ini"), folder=tmp_path)
    assert done.returncode == 1
    assert "production.ini: key 'ponytracker.base_url' has the value" in done.stderr
    done = worker("--ini", str(ROOT / "development.ini"), folder=tmp_path)
    assert done.returncode == 1
    assert "expected celery.enabled = true" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_script_says_what_it_expects(tmp_path):
    done = run(str(ROOT / "tools/worker.sh"), folder=tmp_path)
    assert done.returncode == 2
    assert "INI" in done.stderr


def test_beat_asks_for_the_directory_where_there_is_one(all_on):
    celery.bind(all_on)
    assert "sync-directory" not in celery.app.conf.beat_schedule
    ldap = Ldap(uris=("ldap://127.0.0.1:1",), user_base="dc=x", sync_minutes=7)
    celery.bind(dataclasses.replace(all_on, ldap=ldap))
    entry = celery.app.conf.beat_schedule["sync-directory"]
    assert (entry["task"], entry["schedule"]) == ("ponytracker.sync_directory", 420)
    assert entry["task"] in celery.app.tasks
    celery.bind(dataclasses.replace(all_on, ldap=dataclasses.replace(ldap, sync_minutes=0)))
    assert set(celery.app.conf.beat_schedule) == {"sweep"}
