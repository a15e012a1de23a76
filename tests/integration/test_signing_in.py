"""Signing in at a site of two processes over one database, with a real mail server."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from ponytracker.accounts.service import create_user
from ponytracker.accounts.tokens import make_token
from ponytracker.db import Database, make_engine
from ponytracker.models import Attempt, AuditEntry, SignInSession, TokenPurpose
from ponytracker.security.passwords import Passwords
from tests.integration.client import PASSWORD, Client, Reply
from tests.mail import MailServer
from tests.servers import ROOT, free_port, site

TIMES = 24
ANOTHER = "another horse another staple"


class Twins:
    """Two processes that serve one site, and its database."""

    def __init__(self, urls: list[str], database: Database, outputs: Callable[[], str]) -> None:
        self.urls = urls
        self.database = database
        self.outputs = outputs

    def wait_for_output(self, text: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.outputs():
            assert time.monotonic() < deadline, self.outputs()
            time.sleep(0.05)

    def client(self, number: int) -> Client:
        """Return a new browser, at either of the two in turn."""
        return Client(self.urls[number % 2])


@pytest.fixture
def twins(migrated_url: str, mail_server: MailServer, tmp_path: Path) -> Iterator[Twins]:
    """production.ini with mail, served twice, with the account ``alice``."""
    text = (ROOT / "production.ini").read_text()
    for key, value in {
        "mail.default_sender": "PonyTracker <tracker@example.org>",
        "mail.host": "127.0.0.1",
        "mail.port": str(mail_server.port),
        "ponytracker.sign_up": "true",
        "ponytracker.argon2_memory_kib": "1024",
    }.items():
        text, count = re.subn(rf"(?m)^{re.escape(key)} =.*$", f"{key} = {value}", text)
        assert count == 1, key
    ini = tmp_path / "site.ini"
    ini.write_text(text)
    engine = make_engine(migrated_url)
    database = Database(engine)
    with database.session(write=True) as session, session.begin():
        create_user(
            session,
            username="alice",
            email="alice@example.org",
            password_hash=Passwords(32, 1).hash(PASSWORD),
        )
    variables = {
        "PONYTRACKER_DATABASE_URL": migrated_url,
        "PONYTRACKER_BASE_URL": "http://localhost",
        "PONYTRACKER_SECRET": secrets.token_urlsafe(48),
    }
    with ExitStack() as stack:
        running = []
        for _ in range(2):
            port = free_port()
            served = site(str(ini), f"http_port={port}", port=port, folder=tmp_path, **variables)
            running.append(stack.enter_context(served))
        urls = [one.url for one in running]
        yield Twins(urls, database, lambda: "".join(one.output for one in running))
    engine.dispose()


def post_all(requests: list[tuple[Client, str, dict[str, str]]]) -> list[Reply]:
    """Send all before any answer is read."""
    for client, path, fields in requests:
        client.send("POST", path, fields)
    return [client.receive() for client, _path, _fields in requests]


def test_those_who_guess_at_the_same_moment_do_not_all_pass(twins):
    requests = []
    for number in range(TIMES):
        client = twins.client(number)
        fields = client.get("/login").fields("login-form")
        fields |= {"username": "alice", "password": f"guess {number}"}
        requests.append((client, "/login", fields))

    replies = post_all(requests)

    statuses = [reply.status for reply in replies]
    assert set(statuses) <= {422, 429}
    checked = statuses.count(422)
    assert checked <= 5
    assert all(reply.headers["Retry-After"] for reply in replies if reply.status == 429)
    with twins.database.session(write=True) as session, session.begin():
        failed = select(func.count()).where(AuditEntry.action == "user.sign_in_failed")
        assert session.scalar(failed) == checked
        # What was refused has left nothing behind.
        assert session.scalar(select(func.count()).select_from(Attempt)) == checked
        session.execute(delete(Attempt))
    assert twins.client(0).sign_in("alice").status == 200
    assert "Traceback" not in twins.outputs()


def test_a_link_that_is_posted_twice_at_once_sets_one_password(twins):
    with twins.database.session(write=True) as session, session.begin():
        user = create_user(session, username="bob", email="bob@example.org")
        token = make_token(session, TokenPurpose.RESET, user=user)
    requests = []
    for number in range(6):
        client = twins.client(number)
        fields = client.get(f"/login/reset?token={token}").fields("password-form")
        password = f"{ANOTHER} {number}"
        requests.append((client, "/login/reset", {**fields, "new1": password, "new2": password}))

    replies = post_all(requests)

    assert sorted(reply.status for reply in replies) == [303] + [410] * 5
    (winner,) = [number for number, reply in enumerate(replies) if reply.status == 303]
    assert twins.client(1).sign_in("bob", f"{ANOTHER} {winner}").status == 200
    with twins.database.session(write=False) as session:
        count = select(func.count()).where(AuditEntry.action == "user.password_reset")
        assert session.scalar(count) == 1


def test_a_sign_up_that_is_posted_twice_at_once_makes_one_account(twins):
    asked = {"username": "carol", "first_name": "", "last_name": "", "email": "carol@example.org"}
    with twins.database.session(write=True) as session, session.begin():
        token = make_token(session, TokenPurpose.SIGN_UP, data=asked)
    requests = []
    for number in range(4):
        client = twins.client(number)
        fields = client.get(f"/login/sign-up?token={token}").fields("password-form")
        fields |= {"username": "carol", "new1": ANOTHER, "new2": ANOTHER}
        requests.append((client, "/login/sign-up", fields))

    replies = post_all(requests)

    assert sorted(reply.status for reply in replies) == [303] + [410] * 3
    assert twins.client(0).sign_in("carol", ANOTHER).status == 200


def test_a_mail_leads_from_one_process_to_the_other(twins, mail_server):
    client = twins.client(0)
    client.sign_in("alice")
    fields = client.get("/login/reset").fields("reset-form")
    assert client.post("/login/reset", {**fields, "email": "alice@example.org"}).status == 303

    (envelope,) = mail_server.wait_for(1)
    assert envelope.rcpt_tos == ["alice@example.org"]
    unfolded = envelope.content.decode().replace("=\r\n", "").replace("=3D", "=")
    (token,) = re.findall(r"http://localhost/login/reset\?token=([\w-]{43})", unfolded)

    other = twins.client(1)
    fields = other.get(f"/login/reset?token={token}").fields("password-form")
    assert other.post("/login/reset", {**fields, "new1": ANOTHER, "new2": ANOTHER}).status == 303
    assert "Sign out" not in client.get("/").text
    assert other.sign_in("alice", ANOTHER).status == 200
    with twins.database.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(SignInSession)) == 1
    assert token not in twins.outputs()


def test_the_answer_does_not_wait_for_the_mail_server(twins, mail_server):
    """Where nothing takes mail, the page is the same, and only the log knows."""
    mail_server.stop()
    client = twins.client(0)
    fields = client.get("/login/reset").fields("reset-form")
    reply = client.post("/login/reset", {**fields, "email": "alice@example.org"})
    assert reply.status == 303
    twins.wait_for_output("The mail 'reset' could not be sent: ConnectionRefusedError")
    assert "alice@" not in twins.outputs()
    assert "token" not in twins.outputs()
