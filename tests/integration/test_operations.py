"""What real servers say of themselves: health, metrics, and the lines of their logs.

Each server starts once; what needs the database away comes last.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ponytracker import celery
from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import comment, open_issue
from ponytracker.projects.service import create_project
from ponytracker.settings import Settings
from tests.databases import migrate
from tests.integration.client import SECONDS, Client
from tests.integration.conftest import create_superusers
from tests.integration.test_servers import Proxied, copy_ini
from tests.servers import BIN, ROOT, Daemon, PostgreSQL, free_port, postgresql, redis, run, running

KEY = secrets.token_urlsafe(32)
HOSTILE = "/web%0D%0A2026-01-01T00:00:00.000Z%20INFO%20forged"
PROGRAMS = {
    "uwsgi": ("uwsgi", "--ini-paste-logged", "production.ini"),
    "gunicorn": ("gunicorn", "--paste", "production.ini"),
    "waitress": ("pserve", "production.ini"),
}


def prepare(stack: ExitStack, name: str, folder: Path, url: str, **keys: str) -> Daemon:
    """Return the server *name* with JSON logs and metrics over the database *url*."""
    with make_engine(url).execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        migrate(connection)
    create_superusers(Database(make_engine(url)), "admin")
    port = free_port()
    several = {} if name == "waitress" else {"ponytracker.metrics_dir": f"{folder}/metrics"}
    own = {"ponytracker.metrics": "true", "ponytracker.metrics_key": KEY, "formatter": "json"}
    copy_ini(folder, port, **own, **several, **keys)
    program, *arguments = PROGRAMS[name]
    variables = {"PONYTRACKER_DATABASE_URL": url, "PONYTRACKER_HTTP_PORT": str(port)}
    daemon = Daemon(BIN / program, *arguments, folder=folder, name=name, port=port, **variables)
    stack.callback(daemon.stop)
    return daemon


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Daemon]]:
    """A server of each kind, over a SQLite of its own."""
    with ExitStack() as stack:
        found = {}
        for name in PROGRAMS:
            folder = tmp_path_factory.mktemp(name)
            found[name] = prepare(stack, name, folder, f"sqlite:///{folder}/db.sqlite")
        with ThreadPoolExecutor() as threads:
            list(threads.map(Daemon.start, found.values()))
        yield found


@pytest.fixture(params=PROGRAMS)
def server(servers: dict[str, Daemon], request: pytest.FixtureRequest) -> Daemon:
    return servers[request.param]


def client(server: Daemon) -> Proxied:
    return Proxied(f"http://127.0.0.1:{server.port}", "https://tracker.example.org/tracker")


def ask(server: Daemon, path: str, **headers: str) -> tuple[int, Any, str]:
    """Ask by the address of the machine; return status, headers and body."""
    connection = Client(f"http://127.0.0.1:{server.port}").connection
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def lines(server: Daemon) -> list[dict[str, Any]]:
    """Return the lines of the log that are JSON: a server says some things in its own way."""
    whole = server.output.rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


def wait_for(condition: Callable[[], Any], server: Daemon) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, server.output
        time.sleep(0.05)
    return found


def the_line(server: Daemon, request_id: str) -> dict[str, Any]:
    """Return the one line about the request *request_id*."""

    def find() -> list[dict[str, Any]]:
        return [
            line
            for line in lines(server)
            if line["logger"] == "ponytracker.access" and line["request_id"] == request_id
        ]

    (line,) = wait_for(find, server)
    return line


def test_each_request_is_one_line_without_its_secrets(server):
    admin = client(server)
    admin.sign_in("admin")
    reply = admin.get("/admin/users/?q=hunter2")
    line = the_line(server, reply.headers["X-Request-ID"])
    assert (line["method"], line["path"]) == ("GET", "/admin/users/")
    assert (line["status"], line["view"], line["user"]) == (200, "UsersResource", 1)
    assert line["queries"] > 0
    assert 0 < line["query_ms"] < line["ms"]
    assert line["address"] == "127.0.0.1"

    _status, headers, _body = ask(server, "/login/reset?token=hunter2", Host="tracker.example.org")
    assert the_line(server, headers["X-Request-ID"])["path"] == "/login/reset"
    _status, headers, _body = ask(
        server, "/unsubscribe/issue-1.1.hunter2hunter2aa/", Host="tracker.example.org"
    )
    assert the_line(server, headers["X-Request-ID"])["path"] == "/unsubscribe/***"
    assert "hunter2" not in server.output


def test_nobody_forges_a_line_or_an_id(server):
    for given, is_taken in (("front-1234", True), ("a b", False), ("x" * 65, False)):
        headers = {"Host": "tracker.example.org", "X-Request-ID": given}
        agent = {"User-Agent": "x\tforged", "X-Forwarded-For": "1.2.3.4, forged"}
        _status, answered, _body = ask(server, HOSTILE, **headers, **agent)
        assert (answered["X-Request-ID"] == given) is is_taken
        line = the_line(server, answered["X-Request-ID"])
        assert line["path"].startswith("/web%0D%0A2026")
    assert not any(line.startswith("2026-01-01") for line in server.output.splitlines())


def test_health_and_metrics_are_for_machines(server):
    status, headers, body = ask(server, "/health")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert "Set-Cookie" not in headers
    status, _headers, body = ask(server, "/health/ready")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    assert json.loads(body)["checks"] == dict.fromkeys(
        ("database", "migrations", "disk_sqlite"), "ok"
    )
    assert ask(server, "/metrics")[0] == 401
    assert ask(server, "/metrics", Authorization="Bearer wrong")[0] == 401


def scrape(server: Daemon) -> dict[Any, float]:
    status, _headers, body = ask(server, "/metrics", Authorization=f"Bearer {KEY}")
    assert status == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_the_processes_of_a_server_count_together(server):
    searches = ("ponytracker_requests_total", "200", "GET", "Root:search")
    before = scrape(server).get(searches, 0)
    for _ in range(20):  # a connection each, so that every process gets some
        assert ask(server, "/search/", Host="tracker.example.org")[0] == 200
    for _ in range(5):  # whichever process answers
        found = scrape(server)
        assert found[searches] - before == 20
    assert found["ponytracker_check_ok", "database"] == 1
    assert found["ponytracker_mails", "owed"] == 0
    folder = server.folder / "metrics"
    if folder.exists():
        assert len(list(folder.glob("counter_*.db"))) == 2


def test_while_the_database_is_away(tmp_path):
    with ExitStack() as stack:
        database: PostgreSQL = stack.enter_context(postgresql())
        broker = redis(tmp_path)
        stack.enter_context(running(broker))
        mail = {"mail.default_sender": "t@example.org", "celery.enabled": "true"}
        url = f"redis://127.0.0.1:{broker.port}/0"
        own = {**mail, "celery.broker_url": url}
        server = prepare(stack, "gunicorn", tmp_path, database.url(), **own)
        server.start()
        assert wait_for(lambda: ask(server, "/health/ready")[0] == 200, server)

        def state() -> tuple[int, str]:
            status, _headers, body = ask(server, "/health/ready")
            return status, json.loads(body)["status"]

        def said(message: str) -> bool:
            return any(line["message"] == message for line in lines(server))

        broker.stop()
        wait_for(lambda: state() == (200, "degraded"), server)
        database.stop()
        wait_for(lambda: state() == (503, "failing"), server)
        assert ask(server, "/health")[0] == 200
        # The other process may have asked it a moment earlier.
        wait_for(lambda: scrape(server)["ponytracker_check_ok", "database"] == 0, server)
        assert ("ponytracker_mails", "owed") not in scrape(server)
        status, headers, body = ask(server, "/", Host="tracker.example.org")
        request_id = headers["X-Request-ID"]
        assert status == 503
        assert f"name this: {request_id}" in body
        failed = wait_for(
            lambda: [
                line
                for line in lines(server)
                if line["logger"] == "ponytracker.web.errors" and line["request_id"] == request_id
            ],
            server,
        )
        assert failed[-1]["level"] == "ERROR"
        assert the_line(server, request_id)["status"] == 503

        database.start()
        broker.start()
        wait_for(lambda: state() == (200, "ok") and said("ready again: database"), server)
        assert said("not ready: database: OperationalError")
        assert said("not ready: broker: OperationalError")

        _a_worker_and_a_command_log_likewise(database.url(), url, tmp_path)


def _a_worker_and_a_command_log_likewise(url: str, broker_url: str, folder: Path) -> None:
    """Both try to send a mail, and nobody is there to take it."""
    ini = folder / "production.ini"
    text = ini.read_text().replace("mail.port = 25", f"mail.port = {free_port()}")
    ini.write_text(text.replace("mail.host = localhost", "mail.host = 127.0.0.1"))
    session = Database(make_engine(url), "https://tracker.example.org").session(write=True)
    with session, session.begin():
        _owe_a_mail(session)
    done = run(
        "ponytracker", "deliver-mail", "--ini", ini, folder=folder, PONYTRACKER_DATABASE_URL=url
    )
    warned = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [line["command"] for line in warned if "no mail can be sent" in line["message"]] == [
        "deliver-mail"
    ]
    with session, session.begin():
        _owe_a_mail(session)
    worker = Daemon(
        ROOT / "tools/worker.sh", "production.ini", "--concurrency", "1",
        folder=folder, name="worker", PONYTRACKER_DATABASE_URL=url,
    )  # fmt: skip
    with running(worker):
        celery.bind(Settings(database_url=url, secret="", celery_broker_url=broker_url))
        celery.deliver_mail.apply_async()
        (line, *_rest) = wait_for(
            lambda: [line for line in lines(worker) if "no mail can be sent" in line["message"]],
            worker,
        )
    assert line["task"] == "ponytracker.deliver"
    assert line["task_id"]


def _owe_a_mail(session: Any) -> None:
    name = "x" + secrets.token_hex(4)
    user = create_user(session, username=name, email=f"{name}@example.org")
    project = create_project(session, user, name=name, display_name=name)
    issue = open_issue(session, project, user, title="It does not work")
    comment(session, issue, None, text="Since when?")
