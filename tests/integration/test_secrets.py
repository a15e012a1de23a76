"""A tracker in whose settings every secret can be told: none is in its log, pages or commands.

All that it needs beside its database is away, so that there is much to complain about; in the end
the database is, too. The log is that of every library, at its most talkative.
"""

from __future__ import annotations

import dataclasses
import http.client
import importlib.util
import time

import pytest

from ponytracker.settings import Settings
from tests.integration.client import SECONDS, Client
from tests.servers import ROOT, free_port, postgresql, run, site

SECRETS = {
    "sqlalchemy.url": "canary-of-the-database",
    "ponytracker.secret": "canary-of-all-cookies-and-the-like",
    "mail.password": "canary-of-the-relay",
    "ponytracker.email_key": "canary-of-the-mail-gate",
    "ponytracker.reply_keys": "canary-of-the-addresses-to-answer-to",
    "celery.broker_url": "canary-of-the-broker",
    "ponytracker.metrics_key": "canary-of-the-metrics",
    "ldap.bind_password": "canary-of-the-directory",
    "ponytracker.s3_secret_key": "canary-of-the-storage",
}
ADMIN = "canary-of-the-administrator"
TYPED = "canary-that-somebody-typed"


def find_secrets(fields):
    for field in dataclasses.fields(fields):
        if "section" in field.metadata:
            yield from find_secrets(field.metadata["section"])
        elif field.metadata["key"].secret:
            yield field.metadata["key"].name


def settings_of(port, database_port, away):
    bare = f"postgresql://postgres:{SECRETS['sqlalchemy.url']}@127.0.0.1:{database_port}/postgres"
    keys = {
        **SECRETS,
        "sqlalchemy.url": bare,
        "ponytracker.base_url": f"http://localhost:{port}",
        "mail.default_sender": "tracker@example.org",
        "mail.host": "127.0.0.1",
        "mail.port": away,
        "mail.username": "tracker",
        "ponytracker.reply_email": "reply@example.org",
        "celery.enabled": "true",
        "celery.broker_url": f"redis://:{SECRETS['celery.broker_url']}@127.0.0.1:{away}/0",
        "ponytracker.metrics": "true",
        "ponytracker.argon2_memory_kib": "32",
    }
    del keys["ldap.bind_password"], keys["ponytracker.s3_secret_key"]
    if importlib.util.find_spec("ldap"):
        keys |= {
            "ldap.uri": f"ldap://127.0.0.1:{away}",
            "ldap.start_tls": "false",
            "ldap.bind_dn": "cn=tracker,dc=example,dc=org",
            "ldap.bind_password": SECRETS["ldap.bind_password"],
            "ldap.user_base": "dc=example,dc=org",
        }
    if importlib.util.find_spec("boto3"):
        keys |= {
            "ponytracker.attachments_url": "s3://bucket/files",
            "ponytracker.s3_endpoint": f"http://127.0.0.1:{away}",
            "ponytracker.s3_access_key": "tracker",
            "ponytracker.s3_secret_key": SECRETS["ponytracker.s3_secret_key"],
        }
    return keys


def write_ini(folder, keys):
    text = (ROOT / "development.ini").read_text()
    begin, end = text.index("sqlalchemy.url"), text.index("[server:main]")
    lines = "\n".join(f"{name} = {value}" for name, value in keys.items())
    text = f"{text[:begin]}{lines}\n\n{text[end:]}".replace("%(here)s/alembic", f"{ROOT}/alembic")
    text = text.replace("level = WARNING", "level = DEBUG").replace("level = INFO", "level = DEBUG")
    ini = folder / "canary.ini"
    ini.write_text(text)
    return ini


@pytest.fixture
def server():
    with postgresql() as server:
        yield server


def test_no_secret_is_told_whatever_is_away(tmp_path, server):
    assert set(SECRETS) == set(find_secrets(Settings))
    port = free_port()
    ini = write_ini(tmp_path, settings_of(port, server.port, free_port()))
    told = {}

    def tell(name, *command, code=0, stdin=""):
        done = run(*command, folder=tmp_path, stdin=stdin)
        assert done.returncode == code, (name, done.stdout, done.stderr)
        told[name] = done.stdout + done.stderr

    tell("migrations", "alembic", "-c", ini, "upgrade", "head")
    tell(
        "superuser",
        *("ponytracker", "create-superuser", ini, "--username", "admin"),
        stdin=f"{ADMIN}\n{ADMIN}\n",
    )
    tell("doctor", "ponytracker", "doctor", "--ini", ini, code=1)
    arguments = (f"http_port={port}",)
    with site(str(ini), *arguments, port=port, folder=tmp_path) as running:
        client = Client(running.url)
        told["pages"] = "".join(
            reply.text for reply in (*visit(client, TYPED, 503), *visit(client, ADMIN, 303))
        )
        told["other answers"] = ask_otherwise(port)
        server.stop()
        _wait_until_not_ready(client)
        replies = [client.get(path) for path in ("/", "/profile/", "/health/ready")]
        assert [reply.status for reply in replies] == [503] * 3
        told["pages without a database"] = "".join(reply.text for reply in replies)
        tell("doctor without a database", "ponytracker", "doctor", "--ini", ini, code=1)
    told["log"] = running.log.read_text()
    server.start()
    wrong = write_ini(tmp_path, settings_of(port, server.port, 1) | {"ponytracker.zzz": "x"})
    tell("wrong settings", "ponytracker", "doctor", "--ini", wrong, code=1)
    assert "DEBUG" in told["log"]
    for canary in (*SECRETS.values(), ADMIN, TYPED):
        assert [name for name, text in told.items() if canary in text] == [], canary


def _wait_until_not_ready(client):
    """Wait until the tracker notices: what it has found out counts for some seconds."""
    deadline = time.monotonic() + SECONDS
    while client.get("/health/ready").status != 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def visit(client, password, status):
    """Sign in, and go where errors are; yield the pages."""
    fields = client.get("/login").fields("login-form")
    name = "admin" if password == ADMIN else "somebody"
    reply = client.post("/login", {**fields, "username": name, "password": password})
    assert reply.status in (status, 422), reply.text
    yield reply
    fields = client.get("/login").fields("login-form")
    yield client.post("/login", {"username": "admin", "password": password})
    for path in ("/", "/profile/", "/nope", "/health/ready", "/metrics", "/?q=%ff", "/admin/"):
        yield client.get(path)


def ask_otherwise(port):
    """Use the keys that programs have, right and wrong; return what is answered."""
    boundary = "b0undary"
    text = ""
    for name, gate_key in (("right", SECRETS["ponytracker.email_key"]), ("wrong", TYPED)):
        key = SECRETS["ponytracker.metrics_key"] if name == "right" else TYPED
        body = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in (("key", gate_key), ("email", "From: a@b.example\r\n\r\nx"))
        )
        for method, path, sent, headers in (
            ("GET", "/metrics", None, {"Authorization": f"Bearer {key}"}),
            ("GET", "/health/ready", None, {"Authorization": f"Bearer {key}"}),
            (
                "POST",
                "/api/email/recv/",
                f"{body}--{boundary}--\r\n",
                {"Content-Type": f"multipart/form-data; boundary={boundary}"},
            ),
        ):
            connection = http.client.HTTPConnection("localhost", port, timeout=60)
            connection.request(method, path, sent, headers)
            text += connection.getresponse().read().decode()
            connection.close()
    return text
