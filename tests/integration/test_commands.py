"""The commands of ``ponytracker``, as an administrator types them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from ponytracker.models import User
from ponytracker.security.passwords import Passwords
from tests.integration.client import PASSWORD, SECONDS, Client
from tests.servers import BIN, ROOT, environment, free_port, run, site

DEVELOPMENT = ROOT / "development.ini"
CREATE = "create-superuser"


def users(engine: Engine) -> dict[str, User]:
    with Session(engine, expire_on_commit=False) as session:
        return {user.username: user for user in session.scalars(select(User))}


def one_error(output: str) -> str:
    """Return the one line that says what is wrong."""
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, output
    assert output.rstrip().endswith(lines[0]), output
    return lines[0]


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_create_superuser_where_there_is_none(migrated_url, empty_engine, tmp_path):
    port = free_port()
    told = (f"http_port={port}", f"database_url={migrated_url}")

    first = run("ponytracker", CREATE, DEVELOPMENT, *told, "--if-none", folder=tmp_path)
    line = rf"Sign in at http://localhost:{port}/login as admin / (\S+)\n"
    match = re.fullmatch(line, first.stdout)
    assert match, first
    assert (first.returncode, first.stderr) == (0, "")
    password = match[1]
    assert len(password) >= 12

    second = run("ponytracker", CREATE, DEVELOPMENT, *told, "--if-none", folder=tmp_path)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    assert users(empty_engine).keys() == {"admin"}
    with site("development.ini", *told, port=port, folder=tmp_path) as running:
        client = Client(running.url)
        assert "admin" in client.sign_in("admin", password).text
        assert client.get("/add/").status == 200


def test_create_superuser_asks_for_a_password(migrated_url, empty_engine, tmp_path):
    """At a terminal, which does not show what is typed."""
    ours, theirs = pty.openpty()
    told = [f"database_url={migrated_url}", "--username", "Zoë", "--email", "zoe@example.org"]
    process = subprocess.Popen(
        ["setsid", "--ctty", BIN / "ponytracker", CREATE, DEVELOPMENT, *told],
        cwd=tmp_path,
        env=environment({}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        for question in (b"Password: ", b"Repeat for confirmation: "):
            while not shown.endswith(question):
                shown += os.read(ours, 1024)
            os.write(ours, PASSWORD.encode() + b"\n")
        while b"created.\r\n" not in shown:
            shown += os.read(ours, 1024)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert PASSWORD.encode() not in shown
    assert shown.decode().endswith("Superuser Zoë created.\r\n")

    user = users(empty_engine)["Zoë"]
    assert (user.is_superuser, user.is_active, user.email) == (True, True, "zoe@example.org")
    assert Passwords(65536, 3).check(user.password_hash, PASSWORD)


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_create_superuser_reads_a_password_from_a_pipe(migrated_url, empty_engine, tmp_path):
    told = f"database_url={migrated_url}"
    typed = f"{PASSWORD}\n{PASSWORD}\n"

    done = run("ponytracker", CREATE, DEVELOPMENT, told, folder=tmp_path, stdin=typed)
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1] == "Superuser admin created."
    assert PASSWORD not in done.stdout + done.stderr
    assert Passwords(65536, 3).check(users(empty_engine)["admin"].password_hash, PASSWORD)

    # A name that is taken, in whatever case; and the account that has it stays as it is.
    done = run(
        "ponytracker", CREATE, DEVELOPMENT, told, "--username", "ADMIN",
        folder=tmp_path, stdin="another one\nanother one\n",
    )  # fmt: skip
    assert done.returncode == 1
    assert one_error(done.stderr) == "Error: There is already a user with this name."
    for name, password, why in (
        (" ", PASSWORD, "A username has 1 to 150 characters, and no blanks at its ends."),
        ("b" * 151, PASSWORD, "A username has 1 to 150 characters, and no blanks at its ends."),
        ("bob", "too short", "A password has at least 10 characters."),
    ):
        done = run(
            "ponytracker", CREATE, DEVELOPMENT, told, "--username", name,
            folder=tmp_path, stdin=f"{password}\n{password}\n",
        )  # fmt: skip
        assert (done.returncode, one_error(done.stderr)) == (1, f"Error: {why}")
    assert users(empty_engine).keys() == {"admin"}
    assert Passwords(65536, 3).check(users(empty_engine)["admin"].password_hash, PASSWORD)


def test_a_database_without_tables(empty_url, tmp_path):
    told = f"database_url={empty_url}"
    done = run("ponytracker", CREATE, DEVELOPMENT, told, "--if-none", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "site_settings" in one_error(done.stderr)
    assert f"`alembic -c {DEVELOPMENT} upgrade head`" in one_error(done.stderr)


def test_what_is_wrong_is_said_in_one_line(tmp_path):
    nowhere = f"database_url=postgresql://tracker:hunter2@127.0.0.1:{free_port()}/tracker"
    done = run("ponytracker", CREATE, DEVELOPMENT, nowhere, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "The database cannot be read" in one_error(done.stderr)
    assert "Connection refused" in one_error(done.stderr)
    assert "hunter2" not in done.stderr

    no_folder = f"database_url=sqlite:///{tmp_path}/none/ponytracker.sqlite"
    done = run("ponytracker", CREATE, DEVELOPMENT, no_folder, folder=tmp_path)
    assert done.returncode == 1
    assert "unable to open database file" in one_error(done.stderr)

    done = run("ponytracker", CREATE, "nothing.ini", folder=tmp_path)
    assert done.returncode == 2
    assert "'nothing.ini' does not exist" in one_error(done.stderr)

    done = run("ponytracker", CREATE, ROOT / "production.ini", folder=tmp_path)
    assert done.returncode == 1
    assert "production.ini: key 'ponytracker.base_url' has the value" in one_error(done.stderr)

    (tmp_path / "torn.ini").write_text("use = egg:ponytracker\n")
    done = run("ponytracker", CREATE, "torn.ini", folder=tmp_path)
    assert done.returncode == 1
    assert "torn.ini: File contains no section headers." in one_error(done.stderr)

    done = run("ponytracker", CREATE, DEVELOPMENT, "http_port", folder=tmp_path)
    assert done.returncode == 2
    assert "'http_port': expected KEY=VALUE" in one_error(done.stderr)


def test_generate_secret(tmp_path: Path):
    told = [run("ponytracker", "generate-secret", folder=tmp_path) for _ in range(2)]
    for done in told:
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"[-\w]{43,}\n", done.stdout, re.ASCII)
    assert told[0].stdout != told[1].stdout
