"""uwsgi, gunicorn and waitress, each with production.ini as it is in the checkout.

All of them start together and run side by side, since what takes long is to start.
"""

from __future__ import annotations

import dataclasses
import http.client
import re
import secrets
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import comment, open_issue
from ponytracker.projects.service import create_project
from tests.databases import migrate
from tests.integration.client import SECONDS, Client, Reply
from tests.integration.conftest import create_superusers
from tests.mail import MailServer, serve_mail
from tests.servers import BIN, ROOT, Daemon, free_port, fresh_postgresql, run

ADDRESS = "https://tracker.example.org/tracker"
OWED_TO = "alice@example.org"
"""Who is owed a mail before the server starts."""

SERVERS = {
    "uwsgi": ("uwsgi", "--ini-paste-logged", "production.ini"),
    "gunicorn": ("gunicorn", "--paste", "production.ini"),
    "gunicorn, loaded before it forks": ("gunicorn", "--preload", "--paste", "production.ini"),
    "waitress": ("pserve", "production.ini"),
}

THREADS = 16
"""The requests that uwsgi or gunicorn answers at once."""

SERVED = [
    ("uwsgi", "sqlite"),
    ("uwsgi", "postgresql"),
    ("gunicorn", "sqlite"),
    ("gunicorn", "postgresql"),
    ("gunicorn, loaded before it forks", "postgresql"),
    ("waitress", "sqlite"),
]


def copy_ini(folder: Path, port: int, **keys: str) -> None:
    """Copy what an administrator has beside each other; of it, only what must be is replaced."""
    text = (ROOT / "production.ini").read_text()
    replaced = {
        "ponytracker.base_url": ADDRESS,
        "ponytracker.secret": secrets.token_urlsafe(48),
        "http-socket": f"127.0.0.1:{port}",
        **keys,
    }
    for key, value in replaced.items():
        text, count = re.subn(rf"(?m)^{re.escape(key)} =.*$", f"{key} = {value}", text, count=1)
        assert count, key
    (folder / "production.ini").write_text(text)
    shutil.copy(ROOT / "gunicorn.conf.py", folder)


class Proxied(Client):
    """A browser at 203.0.113.9, for which a proxy on this machine asks, which cuts the path off."""

    def send(self, method: str, path: str, fields: dict[str, Any] | None = None) -> None:
        super().send(method, path.removeprefix("/tracker"), fields)

    def send_raw(self, path: str, body: Any, headers: dict[str, str], **kw: Any) -> Reply:
        headers = {
            "Host": "tracker.example.org",
            "Origin": "https://tracker.example.org",
            **headers,
        }
        cookies = "; ".join(f"{c.key}={c.coded_value}" for c in self.cookies.values())
        self.connection.request("POST", path, body, {**headers, "Cookie": cookies}, **kw)
        return self.receive()


@dataclasses.dataclass
class Server:
    """A server that runs, the database it is for, and who gets its mail."""

    name: str
    daemon: Daemon
    mails: MailServer
    engine: Any

    def client(self) -> Proxied:
        return Proxied(f"http://127.0.0.1:{self.daemon.port}", ADDRESS)


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[tuple[str, str], Server]]:
    with ExitStack() as stack:
        found = {
            (name, kind): _prepare(stack, name, kind, tmp_path_factory, request)
            for name, kind in SERVED
        }
        for server in found.values():
            stack.callback(server.daemon.stop)
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda server: server.daemon.start(), found.values()))
        yield found


def _prepare(
    stack: ExitStack,
    name: str,
    kind: str,
    folders: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Server:
    folder = folders.mktemp("server")
    url = f"sqlite:///{folder}/ponytracker.sqlite"
    if kind == "postgresql":
        server = request.getfixturevalue("postgresql_url")
        url = stack.enter_context(fresh_postgresql(server, f"served_{secrets.token_hex(6)}"))
    engine = make_engine(url)
    stack.callback(engine.dispose)
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        migrate(connection)
    database = Database(engine, ADDRESS)
    create_superusers(database, "admin")
    with database.session(write=True) as session, session.begin():
        alice = create_user(session, username="alice", email=OWED_TO)
        project = create_project(session, alice, name="web", display_name="Web")
        issue = open_issue(session, project, alice, title="It does not work")
        comment(session, issue, None, text="Since when?")
    mails = stack.enter_context(serve_mail())
    port = free_port()
    sender = {"mail.default_sender": "PonyTracker <tracker@example.org>"}
    copy_ini(folder, port, **sender, **{"mail.host": "127.0.0.1", "mail.port": str(mails.port)})
    program, *arguments = SERVERS[name]
    variables = {
        "PONYTRACKER_DATABASE_URL": url,
        "PONYTRACKER_HTTP_PORT": str(port),
        "PONYTRACKER_ATTACHMENTS_DIR": f"{folder}/attachments",
    }
    daemon = Daemon(BIN / program, *arguments, folder=folder, name="server", port=port, **variables)
    return Server(name, daemon, mails, engine)


@pytest.fixture(params=SERVED, ids=" ".join)
def server(request: pytest.FixtureRequest, servers: dict[tuple[str, str], Server]) -> Server:
    return servers[request.param]


def test_it_delivers_what_was_owed_before_anybody_asks(server):
    (mail,) = server.mails.wait_for(1)
    assert mail.rcpt_tos == [OWED_TO]
    assert f"{ADDRESS}/web/issues/1/".encode() in mail.content.replace(b"=\r\n", b"")


def test_people_sign_in_write_attach_and_read(server):
    client = server.client()
    client.connection.request(
        "GET", "/login", headers={"Host": "127.0.0.1", "X-Forwarded-For": "203.0.113.9"}
    )
    assert client.receive().status == 200

    page = client.sign_in("admin")
    assert "admin" in page.text
    assert page.headers["Strict-Transport-Security"]
    for cookie in client.cookies.values():
        assert (cookie["secure"], cookie["httponly"], cookie["path"]) == (True, True, "/tracker")
        assert cookie["samesite"].lower() == "lax"
    form = client.get("/web/issues/add/").fields("issue-form")
    picture = b"a file\x00\xff" * 30_000
    body, content_type = multipart({**form, "title": "Written", "description": "x"}, picture)
    written = client.send_raw("/web/issues/add/", body, {"Content-Type": content_type})
    assert (written.status, written.headers["Location"]) == (303, f"{ADDRESS}/web/issues/2/")
    issue = client.get("/web/issues/2/")
    (path,) = set(re.findall(r'href="/tracker(/web/issues/2/attachments/\d+/a\.bin)"', issue.text))
    assert client.get(path).body == picture
    stylesheet = re.findall(r'href="/tracker(/static/[^"]+\.css)"', issue.text)[0]
    assert "max-age=31536000" in client.get(stylesheet).headers["Cache-Control"]
    assert client.get("/nothing/of/the/kind").status == 404
    (mail,) = [mail for mail in server.mails.wait_for(2) if b"Written" in mail.content]
    assert mail.rcpt_tos == [OWED_TO]


def multipart(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def test_what_is_too_large_is_said_so_with_and_without_a_length(server):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    large = server.client().send_raw("/login", b"x" * 5_000_000, kind)
    assert large.status == 413
    assert "larger than 4 MiB" in large.text
    if server.name == "uwsgi":
        # It takes no chunks, and hangs up; the proxy in front of it sends a length.
        once, status = b"1\r\nx\r\n0\r\n\r\n", 411
        chunked = server.client().send_raw("/login", once, {**kind, "Transfer-Encoding": "chunked"})
    else:
        chunks, status = (b"x" * 100_000 for _ in range(50)), 413
        chunked = server.client().send_raw("/login", chunks, kind, encode_chunked=True)
    assert chunked.status == status
    assert "What you sent" in chunked.text
    query = http.client.HTTPConnection("127.0.0.1", server.daemon.port, timeout=SECONDS)
    query.request("GET", "/?q=" + "x" * 7_900, headers={"Host": "tracker.example.org"})
    assert query.getresponse().status == 200


def test_only_who_asks_for_this_site_is_answered(server):
    for host, path, status in (
        ("tracker.example.org", "/", 200),
        ("127.0.0.1:6543", "/", 200),
        ("evil.example", "/", 400),
        ("evil.example", "/health", 200),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", server.daemon.port, timeout=SECONDS)
        connection.request("GET", path, headers={"Host": host})
        assert connection.getresponse().status == status, (host, path)


def test_where_people_come_from_is_believed_of_the_proxy_alone(server):
    """It is what the list of one's sessions shows; 127.0.0.2 is no proxy that is trusted."""
    for source, seen in (("127.0.0.1", "203.0.113.9"), ("127.0.0.2", "127.0.0.2")):
        client = server.client()
        address = ("127.0.0.1", server.daemon.port)
        client.connection = http.client.HTTPConnection(
            *address, timeout=SECONDS, source_address=(source, 0)
        )
        forwarding(client, "203.0.113.7, 203.0.113.9")
        client.sign_in("admin")
        page = client.get("/profile/").text
        assert seen in page
        assert "203.0.113.7" not in page


def forwarding(client: Client, forwarded_for: str) -> None:
    """Let *client* send the header with each request."""
    ask: Callable[..., None] = client.connection.request

    def request(method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        ask(method, path, body, {**headers, "X-Forwarded-For": forwarded_for})

    client.connection.request = request  # type: ignore[method-assign]


class Dripping:
    """Somebody who posts a body of 10,000 octets, two of them each second."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        head = "POST /login HTTP/1.1\r\nHost: tracker.example.org\r\nContent-Length: 10000\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        self.socket.sendall(f"{head}{kind}x".encode())
        self.socket.settimeout(0.5)

    def drip(self) -> bytes:
        """Send octets until there is an answer; return its first line."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                return self.socket.recv(1000).partition(b"\r\n")[0]
            self.socket.sendall(b"x")
        raise AssertionError("there was no answer")


def test_who_sends_slowly_does_not_stop_others(tmp_path_factory):
    """As many as there are threads; with less patience than is usual, to wait less."""
    with ExitStack() as stack:
        daemons = [_impatient(tmp_path_factory, name) for name in ("uwsgi", "gunicorn")]
        for daemon in daemons:
            stack.callback(daemon.stop)
        with ThreadPoolExecutor(len(daemons) * THREADS) as threads:
            list(threads.map(Daemon.start, daemons))
            clients = [Dripping(daemon.port) for daemon in daemons for _thread in range(THREADS)]
            lines = threads.map(Dripping.drip, clients)
            for daemon in daemons:
                client = Client(f"http://127.0.0.1:{daemon.port}", ADDRESS)
                assert client.get("/health").status == 200
            assert {line.split(b" ")[1] for line in lines} == {b"408"}


def _impatient(folders: pytest.TempPathFactory, name: str) -> Daemon:
    folder = folders.mktemp("impatient")
    port = free_port()
    copy_ini(folder, port, use="call:tests.integration.impatient:make_app")
    program, *arguments = SERVERS[name]
    variables = {
        "PONYTRACKER_DATABASE_URL": f"sqlite:///{folder}/ponytracker.sqlite",
        "PONYTRACKER_HTTP_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    return Daemon(BIN / program, *arguments, folder=folder, name=name, port=port, **variables)


TOKEN = secrets.token_hex(8)


def _hang_up(port: int) -> None:
    """Ask for what has a token in its address, and be gone before the answer."""
    for _time in range(10):
        with socket.create_connection(("127.0.0.1", port), SECONDS) as asking:
            head = f"GET /login/reset?token={TOKEN} HTTP/1.1\r\nHost: tracker.example.org\r\n\r\n"
            asking.sendall(head.encode())
            # To be closed by a reset: what is written to it then fails.
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_they_end_when_told_to_and_have_said_nothing_secret(servers):
    """The last of them, since it ends the servers: all at once, as a machine does."""
    for server in servers.values():
        _hang_up(server.daemon.port)
    slow = [Dripping(server.daemon.port) for server in servers.values()]
    for server in servers.values():
        server.daemon.process.terminate()
    for server in servers.values():
        assert server.daemon.process.wait(15) in (0, -15)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.daemon.port)) != 0
        ini = (server.daemon.folder / "production.ini").read_text()
        (secret,) = re.findall(r"(?m)^ponytracker.secret = (.+)$", ini)
        for unspeakable in (secret, TOKEN, "Traceback", "postgres@"):
            assert unspeakable not in server.daemon.output, server.name
    for client in slow:
        client.socket.close()


@pytest.fixture(scope="module")
def refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, subprocess.CompletedProcess[str]]:
    """What each server does with a wrong setting; side by side, as they start."""

    def start(name: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path_factory.mktemp("refused")
        port = free_port()
        copy_ini(folder, port)
        program, *arguments = SERVERS[name]
        wrong = {"PONYTRACKER_SECRET": "hunter2", "PONYTRACKER_HTTP_PORT": str(port)}
        return run(program, *arguments, folder=folder, **wrong)

    with ThreadPoolExecutor() as threads:
        return dict(zip(SERVERS, threads.map(start, SERVERS), strict=True))


@pytest.mark.parametrize("name", SERVERS)
def test_a_wrong_setting_ends_it_with_a_line_that_says_which(name, refused):
    done = refused[name]
    assert done.returncode not in (0, None)
    said = done.stdout + done.stderr
    assert "variable PONYTRACKER_SECRET has a value of 7 characters: expected at least 32" in said
    assert "hunter2" not in said
    assert "Traceback" not in said
