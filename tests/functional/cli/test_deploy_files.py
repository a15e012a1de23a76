"""``ponytracker deploy-files``: what is rendered for which ini file, and what is refused."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from ponytracker.cli.deploy_files import deploy_files
from tests.guide import read
from tests.servers import ROOT

KEY = "key-0123456789abcdef"
SECRET = "a secret of more than thirty-two characters"

ALWAYS = {
    "supervisor/ponytracker-web.conf",
    "logrotate.d/ponytracker",
    "systemd/ponytracker-web.service",
    "systemd/ponytracker-backup.service",
    "systemd/ponytracker-backup.timer",
    "cron.d/ponytracker",
    "nginx/ponytracker.conf",
    "apache2/ponytracker.conf",
}
MAIL = {f"systemd/ponytracker-deliver-mail.{kind}" for kind in ("service", "timer")}
WORKER = {
    "supervisor/ponytracker-worker.conf",
    "systemd/ponytracker-worker.service",
    "systemd/ponytracker-beat.service",
}
MAIL_IN = {
    "systemd/ponytracker-tidy-mail.service",
    "systemd/ponytracker-tidy-mail.timer",
    "dovecot/99-ponytracker.conf",
    "dovecot/ponytracker.sieve",
    "dovecot/ponytracker-retry.sieve",
    "dovecot/ponytracker.key",
    "cron.d/ponytracker-retry",
}
FILES = {f"systemd/ponytracker-tidy-attachments.{kind}" for kind in ("service", "timer")}
LDAP = {f"systemd/ponytracker-sync-ldap.{kind}" for kind in ("service", "timer")}

UNCONDITIONAL = {
    "Under supervisord",
    "Under systemd instead",
    "nginx",
    "Apache",
    "What runs at its times",
}
"""The sections of the guide that are for every site."""

FOLDERS = {"tmpfiles.d/ponytracker.conf"}

SENDER = {"mail.default_sender": "PonyTracker <tracker@example.org>"}
REPLY = {"ponytracker.reply_email": "reply@example.org", "ponytracker.email_key": KEY}
DIRECTORY = {"ldap.uri": "ldaps://ldap.example.org", "ldap.user_base": "dc=example,dc=org"}

SWITCHES = [
    ({}, set()),
    (SENDER, MAIL),
    (SENDER | {"celery.enabled": "true"}, MAIL | WORKER),
    (REPLY, MAIL_IN),
    ({"ponytracker.attachments_dir": "/srv/files"}, FILES),
    (DIRECTORY, LDAP),
    # Workers ask the directory themselves.
    (DIRECTORY | SENDER | {"celery.enabled": "true"}, MAIL | WORKER),
    # Never is never, whoever would do it; and without a user_base nobody can.
    (DIRECTORY | {"ldap.sync_minutes": "0"}, set()),
    (DIRECTORY | SENDER | {"celery.enabled": "true", "ldap.sync_minutes": "0"}, MAIL | WORKER),
    ({"ldap.uri": DIRECTORY["ldap.uri"], "ldap.bind_template": "uid={user},dc=example"}, set()),
    ({"ponytracker.metrics_dir": "/run/ponytracker/metrics"}, FOLDERS),
]


class Ini:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "tracker.ini"
        self.folder = folder / "out"

    def write(
        self,
        keys: dict[str, str],
        uwsgi: str = "http-socket = 127.0.0.1:6543",
        server: str = "port = 7001",
    ) -> None:
        given = {
            "sqlalchemy.url": "sqlite:///%(here)s/data/ponytracker.sqlite",
            "ponytracker.base_url": "https://tracker.example.org",
            "ponytracker.secret": SECRET,
            **keys,
        }
        app = "".join(f"{key} = {value}\n" for key, value in given.items())
        server = f"[server:main]\nuse = egg:ponytracker#waitress\n{server}\n"
        self.path.write_text(f"[app:main]\nuse = egg:ponytracker\n{app}{server}[uwsgi]\n{uwsgi}\n")

    def deploy(self, *options: str, code: int = 0) -> str:
        told = [str(self.folder), "--ini", str(self.path), "--user", "pony", *options]
        done = CliRunner().invoke(deploy_files, told)
        assert done.exit_code == code, done.output
        assert SECRET not in done.output
        assert KEY not in done.output
        return done.output

    def names(self) -> set[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)) for path in files}

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def ini(tmp_path: Path) -> Ini:
    return Ini(tmp_path)


@pytest.mark.parametrize(("keys", "more"), SWITCHES)
def test_what_is_switched_on_is_rendered(ini, keys, more):
    ini.write(keys)
    said = ini.deploy()
    assert ini.names() == ALWAYS | more
    for name in ini.names():
        assert f"{ini.folder / name}\n    " in said
    assert (" sync-ldap " in ini.text("cron.d/ponytracker")) == (more == LDAP)


def test_what_the_guide_does_for_every_site_is_there_for_every_site(ini):
    """systemctl enables none of several units where one is missing, and cp copies none."""
    ini.write({})
    ini.deploy()
    units = {Path(name).name for name in ini.names()}
    steps = [step for step in read(ROOT / "docs/install.rst") if step.who == "root"]
    steps = [step for step in steps if step.section in UNCONDITIONAL]
    assert {step.section for step in steps} == UNCONDITIONAL
    for step in steps:
        for pattern in re.findall(r"/srv/www/ponytracker/deploy/(\S+)", step.text):
            assert list(ini.folder.glob(pattern)), step
        if step.text.startswith("systemctl enable"):
            for unit in step.text.replace("--now", "").split()[2:]:
                assert (unit if "." in unit else f"{unit}.service") in units, step


def test_each_template_is_rendered_for_some_site(ini):
    known = ALWAYS.union(*(more for _keys, more in SWITCHES))
    there = {
        str(path.relative_to(ROOT / "deploy"))
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file()
    }
    assert there == known | {"systemd/_sandbox.jinja2"}


def test_what_the_ini_file_knows_is_taken_from_it(ini):
    keys = {
        "ponytracker.base_url": "https://tracker.example.org:8443/tracker",
        "ponytracker.attachments_dir": "/srv/the files/100%%",
        "ponytracker.attachments_issue_max_mb": "50",
        "ponytracker.metrics_dir": "/srv/metrics",
        "celery.enabled": "true",
        **SENDER,
        **REPLY,
    }
    ini.write(keys)
    ini.deploy()
    nginx, apache = ini.text("nginx/ponytracker.conf"), ini.text("apache2/ponytracker.conf")
    assert "server_name tracker.example.org;" in nginx
    assert "listen 8443 ssl" in nginx
    assert "return 301 https://tracker.example.org:8443$request_uri;" in nginx
    assert "location ^~ /tracker/static/ {" in nginx
    assert f"alias {ROOT}/ponytracker/static/;" in nginx
    assert "client_max_body_size 52m;" in nginx  # 50 MB and a form, in MiB
    assert "Listen 8443\n" in apache
    assert f"LimitRequestBody {52 * 2**20}\n" in apache
    assert 'ProxyPass /tracker/ "http://127.0.0.1:6543/tracker/"' in apache
    unit = ini.text("systemd/ponytracker-web.service")
    assert f"ReadWritePaths={ini.path.parent}/data\n" in unit
    assert 'ReadWritePaths="/srv/the files/100%%"\n' in unit
    assert "ReadWritePaths=/srv/metrics\n" in unit
    assert "User=pony\n" in unit
    assert "After=redis-server.service\n" in unit
    assert "postgresql" not in unit
    dovecot = ini.text("dovecot/99-ponytracker.conf")
    assert "args = uid=vmail gid=vmail home=/var/vmail/tracker " in dovecot
    sieve = ini.text("dovecot/ponytracker.sieve")
    assert '"to" "example.org"' in sieve
    assert '["reply+*", ' in sieve
    key = ini.folder / "dovecot/ponytracker.key"
    assert key.read_text() == f"{KEY}@https://tracker.example.org:8443/tracker/api/email/recv/\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for name in ini.names() - {"dovecot/ponytracker.key"}:
        assert KEY not in ini.text(name)
        assert SECRET not in ini.text(name)


def test_the_largest_body_is_the_largest_of_all_limits(ini):
    ini.write({})
    ini.deploy()
    assert "client_max_body_size 4m;" in ini.text("nginx/ponytracker.conf")
    ini.write(REPLY | {"ponytracker.mail_max_mb": "30"})
    ini.deploy("--force")
    assert "client_max_body_size 31m;" in ini.text("nginx/ponytracker.conf")


@pytest.mark.parametrize(
    ("uwsgi", "nginx", "apache"),
    [
        ("http-socket = :6543", "proxy_pass http://", '"http://127.0.0.1:6543/"'),
        ("http-socket = 0.0.0.0:80", "proxy_pass http://", '"http://127.0.0.1:80/"'),
        (
            "http-socket = /run/ponytracker/web.sock",
            "proxy_pass http://",
            '"unix:/run/ponytracker/web.sock|http://localhost/"',
        ),
        (
            "socket = /run/ponytracker/web.sock",
            "server unix:/run/ponytracker/web.sock;",
            '"unix:/run/ponytracker/web.sock|uwsgi://localhost/"',
        ),
    ],
)
def test_the_web_server_asks_where_uwsgi_listens(ini, uwsgi, nginx, apache):
    ini.write({}, uwsgi)
    ini.deploy()
    assert nginx in ini.text("nginx/ponytracker.conf")
    assert apache in ini.text("apache2/ponytracker.conf")
    is_file = "RuntimeDirectory=ponytracker\n" in ini.text("systemd/ponytracker-web.service")
    assert is_file == ("/run/" in uwsgi)
    if is_file:  # and under supervisord
        folder = ini.text("tmpfiles.d/ponytracker.conf").splitlines()[-1]
        assert folder == "d /run/ponytracker 0755 pony -"


@pytest.mark.parametrize(
    ("server", "command"),
    [("gunicorn", "gunicorn --bind 127.0.0.1:7001 --paste"), ("waitress", "pserve")],
)
def test_other_servers(ini, server, command):
    ini.write({}, "")
    ini.deploy("--server", server)
    for name in ("supervisor/ponytracker-web.conf", "systemd/ponytracker-web.service"):
        assert f"/{command} {ini.path}\n" in ini.text(name)
    assert "server 127.0.0.1:7001;" in ini.text("nginx/ponytracker.conf")


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "10.0.0.5"])
def test_gunicorn_listens_where_a_proxy_elsewhere_reaches_it(ini, host):
    ini.write({}, "", f"host = {host}\nport = 7001")
    ini.deploy("--server", "gunicorn")
    listens, asked = ("10.0.0.5", "10.0.0.5") if host == "10.0.0.5" else ("0.0.0.0", "127.0.0.1")
    for name in ("supervisor/ponytracker-web.conf", "systemd/ponytracker-web.service"):
        assert f"/gunicorn --bind {listens}:7001 --paste" in ini.text(name)
    assert f"server {asked}:7001;" in ini.text("nginx/ponytracker.conf")


def test_without_https(ini):
    ini.write({"ponytracker.base_url": "http://tracker.lan"})
    ini.deploy()
    for name in ("nginx/ponytracker.conf", "apache2/ponytracker.conf"):
        assert "301" not in ini.text(name)
        assert "ertificate" not in ini.text(name)


def test_secrets_in_files_become_credentials(ini, tmp_path):
    secret = tmp_path / "the secret"
    secret.write_text(SECRET)
    ini.write({"ponytracker.secret": "", "ponytracker.secret_file": str(secret)})
    ini.deploy()
    unit = ini.text("systemd/ponytracker-backup.service")
    assert f"LoadCredential=ponytracker.secret:{secret}\n" in unit
    assert "Environment=PONYTRACKER_SECRET_FILE=%d/ponytracker.secret\n" in unit


def test_files_that_differ_are_kept(ini):
    ini.write({})
    ini.deploy()
    ini.deploy()  # the same again is no loss
    changed = ini.folder / "nginx/ponytracker.conf"
    changed.write_text("# mine\n")
    ini.write({"ponytracker.base_url": "https://other.example.org"})
    said = ini.deploy(code=1)
    assert f"Nothing was written, since these are there and differ: {ini.folder}" in said
    assert str(changed) in said
    assert "--force" in said
    assert changed.read_text() == "# mine\n"
    assert "other.example.org" not in ini.text("apache2/ponytracker.conf")
    ini.deploy("--force")
    assert "server_name other.example.org;" in changed.read_text()


REFUSED = [
    ({"ponytracker.base_url": "https://tracker.example.org;x"}, "which a web server does not take"),
    ({"ponytracker.base_url": "https://trackér.example.org"}, "which a web server does not take"),
    ({"ponytracker.attachments_dir": "/srv/$x"}, "'/srv/$x' cannot be written into the files"),
    ({"ponytracker.attachments_dir": "/srv/a;b"}, "systemd/ponytracker-web.service: '/srv/a;b'"),
    ({"ponytracker.base_url": "tracker"}, "key 'ponytracker.base_url' has the value 'tracker'"),
]


@pytest.mark.parametrize(("keys", "why"), REFUSED)
def test_what_no_file_can_hold_is_refused(ini, keys, why):
    ini.write(keys)
    assert why in ini.deploy(code=1)
    assert not ini.folder.exists()


@pytest.mark.parametrize(
    ("uwsgi", "why"),
    [
        ("", "section [uwsgi] has neither 'http-socket' nor 'socket'"),
        ("http-socket = tracker;x:1", "'tracker;x:1' is no address for the tracker to listen at"),
        ("socket = 127.0.0.1:6543", "'socket = 127.0.0.1:6543', by which everybody who reaches it"),
        ("http-socket = :1\nuwsgi-socket = :2", "section [uwsgi] has 'uwsgi-socket = :2'"),
        ("socket = @abstract", "can run any file as the tracker: expected 'http-socket'"),
    ],
)
def test_an_address_that_is_none(ini, uwsgi, why):
    ini.write({}, uwsgi)
    assert why in ini.deploy(code=1)


@pytest.mark.parametrize("user", ["pony;x", "-pony", "pony pony", "0"])
def test_a_user_that_is_none(ini, user):
    ini.write({})
    for option in ("--user", "--mail-user"):
        assert f"'{user}' is no name of a user." in ini.deploy(f"{option}={user}", code=1)


def test_logs_that_supervisord_would_not_find(ini):
    ini.write({})
    assert "takes no percent sign in the path of its logs" in ini.deploy("--logs=/a%b", code=1)


def test_the_owner_of_the_ini_file_runs_the_tracker(ini):
    ini.write({})
    told = [str(ini.folder), "--ini", str(ini.path)]
    if os.geteuid() == 0:
        done = CliRunner().invoke(deploy_files, told)
        assert done.exit_code == 1
        assert "belongs to root, as whom the tracker should not run" in done.output
        os.chown(ini.path, 33, 33)
        owner = "www-data"
    else:
        owner = ini.path.owner()
    assert CliRunner().invoke(deploy_files, told).exit_code == 0
    assert f"User={owner}\n" in ini.text("systemd/ponytracker-web.service")


def test_a_folder_that_cannot_be_made(ini):
    ini.write({})
    ini.folder.write_text("a file\n")
    said = ini.deploy(code=2)
    assert "is a file" in said
