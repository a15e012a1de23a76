"""What ``deploy-files`` writes, read by the programs it is for where paths have blanks and more."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from ponytracker.deployment.facts import Facts, Options
from ponytracker.deployment.files import render
from ponytracker.settings import DEVELOPMENT_SECRET, Settings
from tests.servers import BIN, ROOT, Daemon, free_port, running

ODD = "100% odd: ä@b=c,d"

PROGRAM = """\
#!/bin/sh
printf '%s\\n' "$PWD" "$0" "$@" >> "$(dirname "$0")/called"
exec sleep 600
"""


@pytest.fixture
def tracker(tmp_path: Path) -> Path:
    """The folder of a tracker, with an odd name and programs that say how they were called."""
    folder = tmp_path / ODD
    for name in (
        "bin/uwsgi",
        "bin/celery",
        "bin/ponytracker",
        "tools/backup.sh",
        "tools/worker.sh",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PROGRAM)
        (folder / name).chmod(0o755)
    (folder / "ponytracker/static").mkdir(parents=True)
    (folder / "ponytracker/static/style-abc.css").write_text("body {}\n")
    ini = "[app:main]\nuse = egg:ponytracker\n[uwsgi]\nhttp-socket = 127.0.0.1:6543\n"
    # PasteDeploy itself takes no percent sign in the path of an ini file.
    ini_of(folder).parent.mkdir()
    ini_of(folder).write_text(ini)
    return folder


def ini_of(tracker: Path) -> Path:
    return tracker.parent / "an ini: file" / "tracker.ini"


def rendered(tracker: Path, port: int = 80) -> dict[str, str]:
    settings = Settings(
        database_url=f"sqlite:///{tracker}/data/tracker.sqlite",
        base_url=f"http://localhost:{port}",
        secret=DEVELOPMENT_SECRET,
        mail_default_sender="a@example.org",
        celery_enabled=True,
        attachments_dir=tracker / "files",
    )
    options = Options(
        checkout=tracker,
        programs=tracker / "bin",
        user="games",
        server="uwsgi",
        http_port=port,
        certificate=None,
        certificate_key=None,
        webroot=str(tracker),
        logs=str(ini_of(tracker).parent),
        backups=str(tracker / "backups"),
        mail_user="games",
    )
    files = render(Facts.read(ini_of(tracker), settings, options))
    return {file.name: file.content for file in files}


def find(program: str, package: str) -> str:
    path = shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if path is None:
        pytest.skip(f"{program} is missing: apt-get install {package}")
    return path


def test_supervisord(tracker, tmp_path):
    supervisord = find("supervisord", "supervisor")
    program = rendered(tracker)["supervisor/ponytracker-web.conf"].replace("user=games\n", "")
    head = f"[supervisord]\npidfile={tmp_path}/pid\nlogfile={tmp_path}/log\n"
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(f"{head}{program}")
    command = (supervisord, "-n", "-c", configuration)
    with running(Daemon(*command, folder=tmp_path, name="supervisord")):
        called = tracker / "bin/called"
        deadline = time.monotonic() + 60
        while not called.exists() or called.read_text().count("\n") < 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    said = [f"{tracker}/bin/uwsgi", "--ini-paste-logged", str(ini_of(tracker))]
    assert called.read_text().splitlines() == [str(tracker), *said]
    assert (ini_of(tracker).parent / "web.log").exists()


def test_systemd(tracker, tmp_path):
    analyze = find("systemd-analyze", "systemd")
    units = [
        tmp_path / Path(name).name for name in rendered(tracker) if name.startswith("systemd/")
    ]
    for unit in units:
        unit.write_text(rendered(tracker)[f"systemd/{unit.name}"])
        is_service = unit.suffix == ".service"
        assert ("\nEnvironmentFile=-/etc/default/ponytracker\n" in unit.read_text()) == is_service
    # It looks whether each program is there, and can be run.
    done = subprocess.run(
        [analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "ponytracker" in line] == []
    (tracker / "bin/uwsgi").unlink()
    done = subprocess.run(
        [analyze, "verify", "--man=no", units[0]], capture_output=True, text=True, check=False
    )
    assert f"{tracker}/bin/uwsgi" in done.stderr


def test_nginx(tracker, tmp_path):
    nginx, port = find("nginx", "nginx-light"), free_port()
    # Its workers read what is in a folder of pytest's, which is this user's alone.
    configure_nginx(tmp_path, rendered(tracker, port)["nginx/ponytracker.conf"], "root")
    command = (nginx, "-c", tmp_path / "nginx.conf")
    with running(Daemon(*command, folder=tmp_path, name="nginx", port=port)):
        check_static(port)


def configure_nginx(folder: Path, site: str, user: str) -> None:
    """Write the nginx.conf of a server in *folder* whose workers are *user*'s."""
    site = re.sub(r"(?m)^\s*listen \[::\].*$", "", site).replace("/var/log/nginx", str(folder))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    as_user = f"user {user};\n" if os.geteuid() == 0 else ""
    shutil.copy("/etc/nginx/uwsgi_params", folder)
    (folder / "nginx.conf").write_text(
        f"{as_user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\ninclude /etc/nginx/mime.types;\n{scratch}{site}}}\n"
    )


APP = """\
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"pony"]
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have two users")
@pytest.mark.parametrize("protocol", ["socket", "http-socket"])
def test_nginx_of_another_user_before_a_unix_socket(tracker, tmp_path, protocol):
    nginx, port = find("nginx", "nginx-light"), free_port()
    with tempfile.TemporaryDirectory(prefix="socket-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "app.py").write_text(APP)
        # As the sample says, where it listens apart; and with the umask of systemd's unit.
        section = (
            (ROOT / "production.ini").read_text().partition("[uwsgi]\n")[2].partition("\n[")[0]
        )
        listen = f"{protocol} = {folder}/web.sock\nchown-socket = :www-data"
        section = re.sub(r"(?m)^http-socket =.*", listen, section)
        (folder / "uwsgi.ini").write_text(f"[uwsgi]\n{section}\nwsgi-file = {folder}/app.py\n")
        ini_of(tracker).write_text(f"[app:main]\nuse = egg:ponytracker\n[uwsgi]\n{section}\n")
        site = rendered(tracker, port)["nginx/ponytracker.conf"]
        configure_nginx(folder, site, "www-data")
        start = f"umask 027; exec {BIN}/uwsgi --ini {folder}/uwsgi.ini"
        uwsgi = Daemon("sh", "-c", start, folder=folder, name="uwsgi")
        server = Daemon(nginx, "-c", folder / "nginx.conf", folder=folder, name="nginx", port=port)
        with running(uwsgi, server):
            deadline = time.monotonic() + 60
            while not (folder / "web.sock").exists():
                assert time.monotonic() < deadline, uwsgi.output
                time.sleep(0.05)
            connection = HTTPConnection("localhost", port, timeout=60)
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"pony")
            evil = folder / "evil.py"
            evil.write_text(f"open('{folder}/ran', 'w')\n{APP}")
            with pytest.raises(PermissionError):
                speak_uwsgi(folder / "web.sock", evil, "nobody")
            if protocol == "socket":  # nor may who is allowed to ask have it run something else
                assert b"pony" in speak_uwsgi(folder / "web.sock", evil, "www-data")
            assert not (folder / "ran").exists()


def speak_uwsgi(path: Path, file: Path, user: str) -> bytes:
    """Ask uwsgi as *user* to run *file*; return the answer, or raise `PermissionError`."""
    fields = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "UWSGI_FILE": str(file),
        "UWSGI_APPID": "x",
    }
    words = [word.encode() for field in fields.items() for word in field]
    packet = b"".join(struct.pack("<H", len(word)) + word for word in words)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        with acting_as(user):
            connection.connect(str(path))
        connection.sendall(struct.pack("<BHB", 0, len(packet), 0) + packet)
        return connection.makefile("rb").read()


@contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Let root have the rights of *user* for a while."""
    account = pwd.getpwnam(user)
    os.setegid(account.pw_gid)
    os.seteuid(account.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_apache(tracker, tmp_path):
    apache, port = find("apache2", "apache2"), free_port()
    site = rendered(tracker, port)["apache2/ponytracker.conf"]
    modules = "mpm_event authz_core alias headers mime setenvif proxy proxy_http".split()
    load = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in modules)
    configuration = tmp_path / "apache.conf"
    configuration.write_text(
        f"{load}ServerName localhost\nPidFile {tmp_path}/pid\nMutex file:{tmp_path} default\n"
        f"ErrorLog {tmp_path}/error.log\nTypesConfig /etc/mime.types\n"
        + site.replace("/var/log/apache2", str(tmp_path))
    )
    command = (apache, "-d", tmp_path, "-f", configuration, "-D", "FOREGROUND")
    with running(Daemon(*command, folder=tmp_path, name="apache", port=port)):
        check_static(port)


MODULES = "/usr/lib/apache2/modules"


def check_static(port: int) -> None:
    connection = HTTPConnection("localhost", port, timeout=60)
    connection.request("GET", "/static/" + quote("style-abc.css"))
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"body {}\n")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_logrotate(tracker, tmp_path):
    logrotate = find("logrotate", "logrotate")
    (ini_of(tracker).parent / "web.log").write_text("line\n")
    configuration = tmp_path / "rotate"
    configuration.write_text(rendered(tracker)["logrotate.d/ponytracker"])
    configuration.chmod(0o644)
    command = [logrotate, "--force", "--state", tmp_path / "state", configuration]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (ini_of(tracker).parent / "web.log.1").read_text() == "line\n"


def test_cron(tracker):
    """By the shell, after what cron does to a line: crontab(5)."""
    lines = rendered(tracker)["cron.d/ponytracker"].splitlines()
    commands = [re.split(r"games\s+", line)[1] for line in lines if "games" in line]
    assert len(commands) == 3
    for command in commands:
        assert "%" not in command.replace(r"\%", "")
        subprocess.run(["timeout", "0.5", "sh", "-c", command.replace(r"\%", "%")], check=False)
    called = (tracker / "bin/called").read_text().splitlines()
    assert [str(ini_of(tracker)), f"{tracker}/bin/ponytracker"] == [called[4], called[1]]
