"""The guides for administrators: each command is run, and the tracker that comes of it used.

One long story, since each chapter begins where the last one has ended.
"""

from __future__ import annotations

import fnmatch
import os
import pwd
import re
import secrets
import shlex
import shutil
import signal
import smtplib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from tests import first_release
from tests import slapd as directory
from tests.guide import Step, read
from tests.integration.client import PASSWORD, SECONDS, Client
from tests.machine import Machine
from tests.mail import serve_mail
from tests.relay import make_authority
from tests.s3 import serve_s3
from tests.servers import POSTGRESQL, ROOT, PostgreSQL, free_port, redis

BOB = "bob@example.org"

NEVER_INSTALLED = {"certbot"}
"""Packages that only commands need for which there is something else here."""

STANDING_STILL = r".*( ALTER DATABASE |alembic .* upgrade|ponytracker (backup (~|\.\.)|restore)).*"
"""Commands during which nothing of the tracker may run, nor be started by a timer."""

DOVECOT = """\
base_dir = {folder}/var/run/dovecot
state_dir = {folder}/var/run/dovecot
log_path = {folder}/var/log/dovecot.log
"""
"""Where Debian's dovecot writes to, by itself."""

POSTFIX = """\
queue_directory = {folder}/var/spool/postfix
data_directory = {folder}/var/lib/postfix
maillog_file = {folder}/var/log/mail.log
maillog_file_prefixes = {folder}
"""
"""Where Debian's Postfix writes to."""


class Story:
    """Follows the guides on a machine, with what is around a tracker beside it."""

    def __init__(self, machine: Machine, stack: ExitStack) -> None:
        self.machine = machine
        self.stack = stack
        self.done: list[Step] = []
        self.started: set[str] = set()
        self.web, self.http, self.https, self.smtp = (free_port() for _ in range(4))
        self.mail_user = f"{machine.user}m"
        self.address = f"https://localhost:{self.https}"
        self.mails = stack.enter_context(serve_mail())
        self.storage = stack.enter_context(serve_s3(_folder(machine, "s3")))
        self.storage.client().create_bucket(Bucket="our-bucket")
        self.authority, _context = make_authority(machine.folder, "localhost")
        self.redis = redis(machine.folder)
        self.postgresql = PostgreSQL(_folder(machine, "postgresql"))
        self.slapd = stack.enter_context(directory.slapd(_folder(machine, "slapd")))
        self.slapd.reset(directory.person("alice"))
        (self.slapd.folder / "ca.pem").chmod(0o644)

        self.sqlite_url = machine.translate(
            "sqlite:////srv/www/ponytracker/data/ponytracker.sqlite"
        )
        self.postgresql_url = (
            f"postgresql://{machine.user}@127.0.0.1:{self.postgresql.port}/tracker"
        )

        # A command is run with these words for those of the guide; the machine translates paths.
        self.words = [
            (
                r"https://github\.com/ponytracker/ponytracker",
                f"file://{machine.folder}/origin/ponytracker",
            ),
            (
                r"\bsu - postgres -c \"",
                f'su - postgres -c "PGHOST=127.0.0.1 PGPORT={self.postgresql.port} ',
            ),
            (r"(useradd .*|createuser|su -|-[oO]) ponytracker\b", rf"\1 {machine.user}"),
            (r"(?<!/)\bvmail\b", self.mail_user),
            (
                r"(deploy-files \S+)",
                rf"\1 --http-port {self.http} --mail-user {self.mail_user}",
            ),
            (r"^(apachectl|a2ensite|a2enmod)\b", r"APACHE_CONFDIR=/etc/apache2 \1"),
            (r"^supervisorctl", "supervisorctl -c /etc/supervisor/supervisord.conf"),
            (r"^nginx -t", "nginx -t -c /etc/nginx/nginx.conf"),
            # An authority of the tests' own, as the machine's are those of all the world.
            (r"^(\S+/ponytracker doctor)", rf"SSL_CERT_FILE={self.authority} \1"),
            (r"^sievec", "sievec -c /etc/dovecot/dovecot.conf"),
            (r"^postconf", "postconf -c /etc/postfix"),
            (r"\[relay\.example\.org\]", f"[127.0.0.1]:{self.mails.port}"),
            (r"(virtual_mailbox_domains =) tracker\.example\.org", r"\1 localhost"),
        ]
        # Keys that name what is elsewhere here.
        self.keys = {
            "ponytracker.base_url = https://tracker.example.org": self.address,
            "ponytracker.reply_email = reply@tracker.example.org": "reply@localhost",
            "sqlalchemy.url = postgresql:///tracker": self.postgresql_url,
            "mail.port = 25": str(self.smtp),
            "ponytracker.s3_endpoint = https://s3.example.org:9000": self.storage.url,
            "celery.broker_url = redis://localhost:6379/0": f"redis://localhost:{self.redis.port}/0",
            "ldap.uri = ldap://ldap.example.org": self.slapd.uri,
            "ldap.ca_file = /etc/ssl/certs/example-ca.pem": f"{self.slapd.folder}/ca.pem",
            "ldap.bind_password = its-password": directory.READER_PASSWORD,
        }
        # What is done instead of a command that cannot be run here.
        self.instead: list[tuple[str, Callable[[str], None]]] = [
            # The packages are there, and start nothing; the guide relies on what they start.
            (r"apt-get install .+", self.install),
            # Each command of the user's is run by su.
            (r"su - ponytracker", lambda _command: self.user("true")),
            # Nobody outside can reach this machine to see whose it is.
            (r"certbot certonly .+", self.certify),
            # There is no systemd.
            (r"systemctl daemon-reload", lambda _command: self.verify_units()),
            (r"systemctl .+", self.systemctl),
            # They ask for a password.
            (r".+ create-superuser .+", lambda it: self.user(it, f"{PASSWORD}\n{PASSWORD}\n")),
            (r".+ ldap-test .+", lambda it: self.user(it, directory.password_of("alice") + "\n")),
        ]
        # What follows a command, since paths and ports are others.
        self.afterwards: list[tuple[str, Callable[[], None]]] = [
            # git takes no repository of another user's.
            (r"useradd .* ponytracker", self.give_origin),
            # dovecot lets no variable through that names an authority.
            (r"install .*/sieve-filter/ponytracker", self.trust_authority),
            (r"cp production\.ini tracker\.ini", self.move_ports),
            (r".+ deploy-files .+", self.move_files),
            (r"supervisorctl update", self.wait_until_served),
            (r"a2ensite ponytracker", self.leave_port),
        ]

    # Following

    def follow(self, steps: list[Step], *sections: str) -> None:
        """Do what *sections* of a guide say."""
        assert {step.section for step in steps}.issuperset(sections)
        for section in sections:
            for step in (step for step in steps if step.section == section):
                self.do(step)

    def do(self, step: Step) -> None:
        self.done.append(step)
        if re.fullmatch(STANDING_STILL, step.text):
            assert self.machine.units() == []
        if step.who == "ini":
            name = step.text.partition("=")[0].strip()
            elsewhere = self.keys.get(step.text)
            line = f"{name} = {elsewhere}" if elsewhere else self.machine.translate(step.text)
            return self.machine.set_key(line)
        for pattern, instead in self.instead:
            if re.fullmatch(pattern, step.text):
                return instead(step.text)
        (self.root if step.who == "root" else self.user)(step.text)
        for pattern, then in self.afterwards:
            if re.fullmatch(pattern, step.text):
                then()
        return None

    def root(self, command: str) -> str:
        return self.machine.root(self.say(command))

    def user(self, command: str, stdin: str = "") -> str:
        return self.machine.as_user(self.say(command), stdin)

    def say(self, command: str) -> str:
        for pattern, word in self.words:
            command = re.sub(pattern, word, command)
        return self.machine.translate(command)

    # What is done instead

    def install(self, command: str) -> None:
        packages = set(command.split()[2:]) - NEVER_INSTALLED
        status = ["dpkg-query", "-W", "-f", "${db:Status-Status}\n", *packages]
        done = subprocess.run(status, capture_output=True, text=True, check=False)
        if done.returncode or set(done.stdout.split()) != {"installed"}:
            pytest.skip(f"what the guide begins with is missing: apt-get install {command[16:]}")
        for package, start in {
            "supervisor": self.start_supervisor,
            "nginx-light": self.start_nginx,
            "apache2": self.start_apache,
            "postgresql": self.start_postgresql,
            "redis-server": self.start_redis,
            "postfix": self.start_postfix,
            "dovecot-core": self.start_dovecot,
        }.items():
            if package in packages and package not in self.started:
                self.started.add(package)
                start()

    def copy(self, tree: str, **other: str) -> None:
        """Copy Debian's own configuration, with what else is in another place here."""
        folder = self.machine.path(tree)
        shutil.copytree(tree, folder, symlinks=True, dirs_exist_ok=True)
        for path in folder.rglob("*"):
            if path.is_symlink() and path.readlink().is_absolute():
                target = self.machine.translate(str(path.readlink()))
                path.unlink()
                path.symlink_to(target)
            elif path.is_file() and not path.is_symlink() and path.suffix != ".key":
                text = self.machine.translate(path.read_text(errors="surrogateescape"))
                text = re.sub(r"(?<=[ =])/run/", f"{self.machine.folder}/var/run/", text)
                text = re.sub(r"(?m)^\s*listen \[::\].*$", "", text)
                for old, new in other.items():
                    text = text.replace(old, new)
                path.write_text(text, errors="surrogateescape")

    def start_supervisor(self) -> None:
        self.copy("/etc/supervisor")
        self.machine.path("/var/log/supervisor").mkdir(parents=True)
        configuration = self.machine.path("/etc/supervisor/supervisord.conf")
        self.machine.start("supervisord", "supervisord", "-n", "-c", configuration)
        socket = self.machine.path("/var/run/supervisor.sock")
        _wait(socket.exists, "supervisord")

    def start_nginx(self) -> None:
        self.copy("/etc/nginx", **{"listen 80 ": f"listen {self.http} "})
        self.machine.path("/var/log/nginx").mkdir(parents=True)
        self.machine.path("/var/www/html").mkdir(parents=True)
        scratch = self.machine.path("/var/lib/nginx")
        scratch.mkdir(parents=True)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        lines = "".join(f"{kind}_temp_path {scratch}/{kind};\n" for kind in kinds)
        self.machine.path("/etc/nginx/conf.d/scratch.conf").write_text(lines)
        configuration = self.machine.path("/etc/nginx/nginx.conf")
        nginx = ("nginx", "-c", configuration, "-g", "daemon off;")
        self.machine.start("nginx", *nginx, port=self.http)

    def start_apache(self) -> None:
        ports = {"Listen 80\n": f"Listen {self.http}\n", "Listen 443\n": "\n"}
        self.copy("/etc/apache2", **ports, **{"<VirtualHost *:80>": f"<VirtualHost *:{self.http}>"})
        shutil.copy("/etc/mime.types", self.machine.path("/etc"))
        for name in ("/var/log/apache2", "/var/run/apache2", "/var/lock/apache2"):
            self.machine.path(name).mkdir(parents=True, exist_ok=True)
        self.run_apache(self.http)

    def leave_port(self) -> None:
        """Let the tracker's site be the one that listens, as it does where that is not at 80."""
        folder = self.machine.path("/etc/apache2")
        for name in ("ports.conf", "sites-available/000-default.conf"):
            text = (folder / name).read_text().replace(f"Listen {self.http}\n", "\n")
            (folder / name).write_text(text.replace(f"*:{self.http}>", "*:80>"))

    def run_apache(self, port: int) -> None:
        folder = self.machine.path("/etc/apache2")
        start = f". {folder}/envvars; exec apache2 -d {folder} -D FOREGROUND"
        self.machine.stop("apache2")
        apache = ("bash", "-ac", start)
        self.machine.start("apache2", *apache, port=port, APACHE_CONFDIR=str(folder))

    def start_postfix(self) -> None:
        self.copy("/etc/postfix")
        folder = self.machine.path("/etc/postfix")
        for name in ("/var/spool/postfix", "/var/lib/postfix"):
            self.machine.path(name).mkdir(parents=True)
        shutil.chown(self.machine.path("/var/lib/postfix"), "postfix")
        with (folder / "main.cf").open("a") as main:
            main.write(POSTFIX.format(folder=self.machine.folder))
        master = (folder / "master.cf").read_text()
        master = re.sub(r"(?m)^smtp( +inet)", rf"127.0.0.1:{self.smtp}\1", master)
        (folder / "master.cf").write_text(master)
        self.run_postfix()

    def run_postfix(self) -> None:
        self.machine.stop("postfix")
        folder = self.machine.path("/etc/postfix")
        self.machine.root(f"postfix -c {folder} check")  # which makes the folders of the queue
        master = ("/usr/lib/postfix/sbin/master", "-c", folder, "-d")
        self.machine.start("postfix", *master, port=self.smtp)

    def start_dovecot(self) -> None:
        self.copy("/etc/dovecot")
        folder = self.machine.path("/etc/dovecot")
        self.machine.path("/var/run/dovecot").mkdir(parents=True)
        with (folder / "dovecot.conf").open("a") as configuration:
            configuration.write(DOVECOT.format(folder=self.machine.folder))
        # Debian makes them when it is installed.
        for name, made in (("dovecot.pem", "relay.pem"), ("dovecot.key", "relay.key")):
            (folder / "private" / name).unlink(missing_ok=True)
            shutil.copy(self.machine.folder / made, folder / "private" / name)
        (folder / "private").chmod(0o700)
        self.run_dovecot()

    def run_dovecot(self) -> None:
        self.machine.stop("dovecot")
        configuration = self.machine.path("/etc/dovecot/dovecot.conf")
        self.machine.start("dovecot", "dovecot", "-F", "-c", configuration)
        _wait(self.machine.path("/var/run/dovecot/lmtp").exists, "dovecot")

    def start_postgresql(self) -> None:
        self.postgresql.start()
        self.stack.callback(self.postgresql.stop)

    def start_redis(self) -> None:
        self.redis.start()
        self.stack.callback(self.redis.stop)

    def certify(self, command: str) -> None:
        """Let the web server show what would be looked for, then make a certificate."""
        (webroot,) = re.findall(r"-w (\S+)", command)
        self.show_challenge(self.machine.path(webroot))
        folder = self.machine.path("/etc/letsencrypt/live/localhost")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.machine.folder / "relay.pem", folder / "fullchain.pem")
        shutil.copy(self.machine.folder / "relay.key", folder / "privkey.pem")

    def show_challenge(self, webroot: Path) -> None:
        token = secrets.token_hex(8)
        path = f"/.well-known/acme-challenge/{token}"
        (webroot / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (webroot / path[1:]).write_text(token)
        assert _ask(self.http, path) == (200, "", token)

    def verify_units(self) -> None:
        if shutil.which("systemd-analyze") is None:
            assert not os.environ.get("CI"), "missing: apt-get install systemd"
            return
        units = sorted(self.machine.path("/etc/systemd/system").glob("ponytracker-*"))
        verify = ["systemd-analyze", "verify", "--man=no", *units]
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        mine = [line for line in done.stderr.splitlines() if "ponytracker" in line]
        assert mine == [], done.stderr
        services = [unit for unit in units if unit.suffix == ".service"]
        security = ["systemd-analyze", "security", "--offline=true", "--threshold=25", *services]
        done = subprocess.run(security, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]

    def systemctl(self, command: str) -> None:
        _systemctl, verb, *names = shlex.split(command.replace("--now ", ""))
        for name in names:
            if "*" in name:
                for running in fnmatch.filter(self.machine.units(), name):
                    self.machine.control(verb, running)
            elif name == "timers.target":
                self.machine.start_timers()
            elif name.startswith("ponytracker-"):
                port = self.web if name == "ponytracker-web" else 0
                self.machine.control(verb, name, port)
            elif verb == "disable":
                self.machine.stop(name)
            elif (verb, name) == ("reload", "nginx"):
                configuration = self.machine.path("/etc/nginx/nginx.conf")
                self.root(f"nginx -s reload -c {configuration}")
                _wait(lambda: _listens(self.https), "nginx")
            elif (verb, name) == ("restart", "apache2"):
                self.run_apache(self.https)
            elif (verb, name) == ("restart", "postfix"):
                self.run_postfix()
            elif (verb, name) == ("restart", "dovecot"):
                self.run_dovecot()
            else:
                raise AssertionError(f"nothing is known instead of: {command}")

    def give_origin(self) -> None:
        self.give(self.machine.folder / "origin")

    def give(self, path: Path) -> None:
        self.machine.root(f"chown -R {self.machine.user}: {path}")

    def trust_authority(self) -> None:
        path = self.machine.path("/usr/lib/dovecot/sieve-filter/ponytracker")
        first, rest = path.read_text().split("\n", 1)
        line = f'import os; os.environ["SSL_CERT_FILE"] = "{self.authority}"'
        path.write_text(f"{first}\n{line}\n{rest}")

    def move_ports(self) -> None:
        text = self.machine.ini.read_text()
        assert text.count("6543") > 1
        self.machine.ini.write_text(text.replace("6543", str(self.web)))
        # Time is dear here: one process loads the tracker sooner than two.
        for line in ("argon2_memory_kib = 32", "argon2_rounds = 1"):
            self.machine.set_key(f"ponytracker.{line}")
        self.machine.set_key("processes = 1")

    def move_files(self) -> None:
        """Let what was rendered for /etc and /var be for where those are here."""
        for path in self.machine.path("/srv/www/ponytracker").glob("deploy*/*/*"):
            text = self.machine.translate(path.read_text())
            path.write_text(re.sub(r"(?m)^\s*listen \[::\].*\n", "", text))

    def wait_until_served(self) -> None:
        configured = self.machine.path("/etc/supervisor/conf.d/ponytracker-web.conf")
        if configured.exists():
            _wait(lambda: _listens(self.web), "the tracker")

    # Using what came of it

    def browser(self) -> Client:
        context = ssl.create_default_context(cafile=self.authority)
        client = Client(self.address)
        client.connection = HTTPSConnection(
            f"localhost:{self.https}", timeout=SECONDS, context=context
        )
        return client

    def direct(self) -> Client:
        """Return a browser that asks without the web server in front, as that does."""
        return Client(f"http://localhost:{self.web}", self.address)

    def check_front_end(self, name: str) -> None:
        client = self.browser()
        client.sign_in("admin")
        assert client.get("/add/").status == 200
        assert all(cookie["secure"] for cookie in client.cookies.values())
        style = re.findall(r"/static/ponytracker-\w+\.css", client.get("/add/").text)[0]
        asset = client.get(style)
        assert asset.status == 200
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert asset.headers["Content-Type"].startswith("text/css")
        assert name in asset.headers["Server"].lower()
        where = f"{self.address}/web/issues/?q=a%20b"
        assert _ask(self.http, "/web/issues/?q=a%20b")[:2] == (301, where)
        self.show_challenge(self.machine.path("/var/www/html"))

    def publish_newer_version(self) -> None:
        origin = self.machine.folder / "origin/ponytracker"
        with (origin / "CHANGES.rst").open("a") as changes:
            changes.write("\nAnd more.\n")
        commit = f"cd {origin}; {COMMIT}"
        self.machine.root(f"su - {self.machine.user} -c {shlex.quote(commit)}")

    def upgrade(self, guide: list[Step], url: str) -> None:
        """Upgrade the first release, whose database is at *url*, and go back."""
        self.systemctl("systemctl stop 'ponytracker-*.service'")
        others = r"su - postgres .*" if url.startswith("sqlite") else r".* \.\./data/newer/?"
        mine = [step for step in guide if not re.fullmatch(others, step.text)]
        self.machine.set_key(f"sqlalchemy.url = {url}")
        self.clear(url)
        first_release.make(url)
        self.give(self.machine.path("/srv/www/ponytracker/data"))
        self.follow(mine, "Before", "The upgrade")
        assert first_release.find_lost(url) == []
        self.follow(mine, "After")
        self.check_pages()
        self.write_issue("After the upgrade", "", "root")
        timers = set(self.machine.timers)
        assert timers
        self.follow(mine, "Going back")
        assert self.machine.timers == timers
        assert first_release.find_lost(url) == []
        client = self.browser()
        client.sign_in("root")
        assert "Überschrift" in client.get("/web/issues/1/").text
        assert client.get("/web/issues/3/").status == 404

    def clear(self, url: str) -> None:
        """Let there be an empty database at *url*."""
        if url.startswith("sqlite"):
            for path in self.machine.path("/srv/www/ponytracker/data").glob("*.sqlite*"):
                path.unlink()
        else:
            create = f"createdb -O {self.machine.user} -E UTF8 -T template0 tracker"
            for command in ("dropdb --force tracker", create):
                self.root(f'su - postgres -c "{command}"')

    def check_pages(self) -> None:
        """Open each page that a superuser comes to by links."""
        client = self.browser()
        client.sign_in("root")
        waiting, seen = ["/"], {"/"}
        while waiting:
            reply = client.get(waiting.pop())
            assert reply.status in (200, 303), (reply.status, reply.text)
            for link in re.findall(r'<a [^>]*href="([^"#?]+)', reply.text):
                path = link.removeprefix(self.address)
                if path.startswith("/") and path not in seen:
                    seen.add(path)
                    waiting.append(path)
        assert len(seen) > 30, seen

    def write_issue(self, title: str, text: str, username: str = "admin") -> str:
        client = self.browser()
        client.sign_in(username)
        if client.get("/web/").status == 404:
            client.add_project("web")
        fields = client.get("/web/issues/add/").fields("issue-form")
        reply = client.post("/web/issues/add/", {**fields, "title": title, "description": text})
        assert reply.status == 303, reply.text
        return reply.headers["Location"].removeprefix(self.address)

    def use_storage(self, guide: list[Step]) -> None:
        """Let attached files be elsewhere, see that they are, and come back."""
        self.follow(guide, "Attachments")
        said = self.user(".venv/bin/ponytracker doctor --ini tracker.ini")
        assert "our-bucket" in said, said
        self.do(next(step for step in guide if step.text.startswith("ponytracker.attachments_dir")))
        self.machine.set_key("ponytracker.attachments_url =")
        self.systemctl("systemctl restart ponytracker-web")

    def deliver(self, to: str, text: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = BOB, to, "Re: By mail"
        mail["Message-ID"] = f"<{secrets.token_hex(8)}@example.org>"
        mail.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.smtp) as smtp:
            assert smtp.sendmail(BOB, [to], mail.as_bytes(policy=SMTP)) == {}

    def wait_for_retry(self) -> None:
        folder = self.machine.path("/var/vmail/tracker/Maildir/.Retry")
        _wait(lambda: any(folder.glob("[cn]*/*")), "a mail in Retry")

    def retry(self) -> None:
        """Run what is in the crontab for mail that could not be handed over."""
        (line,) = self.cron_lines("ponytracker-retry")
        user, command = line
        assert user == self.mail_user
        command = command.replace("sieve-filter", "sieve-filter -c /etc/dovecot/dovecot.conf")
        self.root(f"setpriv --reuid {user} --regid {user} --init-groups {self.say(command)}")

    def cron_lines(self, name: str) -> list[tuple[str, str]]:
        """Return the user and the command of each line of a crontab."""
        lines = self.machine.path(f"/etc/cron.d/{name}").read_text().splitlines()
        found = [re.fullmatch(r"[*\d](?:\S* +){5}(\S+) +(.*)", line) for line in lines]
        return [(line[1], line[2].replace(r"\%", "%")) for line in found if line]

    def check_cron_and_logrotate(self) -> None:
        lines = self.cron_lines("ponytracker")
        assert len(lines) == 4, lines
        for user, command in lines:
            assert user == self.machine.user
            if "backup.sh" not in command:  # which a timer has just run
                self.user(command)
        rotated = self.machine.path("/etc/logrotate.d/ponytracker")
        state = self.machine.folder / "logrotate.state"
        self.root(f"logrotate --force --state {state} {rotated}")
        assert self.machine.path("/var/log/ponytracker/web.log.1").stat().st_size

    def wait_for_page(self, path: str, text: str) -> None:
        client = self.browser()
        client.sign_in("admin")
        _wait(lambda: text in client.get(path).text, f"'{text}' at {path}")


def _folder(machine: Machine, name: str) -> Path:
    folder = machine.folder / name
    folder.mkdir(parents=True)
    return folder


def _wait(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        _ask(port, "/health")
    except ConnectionError:
        return False
    return True


def _ask(port: int, path: str) -> tuple[int, str, str]:
    """Return the status, where it leads, and the text of an answer over plain http."""
    connection = HTTPConnection("localhost", port, timeout=SECONDS)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("Location", ""), answer.read().decode()


def make_origin(folder: Path) -> None:
    """Make a repository of what is in the checkout, committed or not."""
    names = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(names, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    subprocess.run(["sh", "-euc", COMMIT], cwd=folder, check=True)


COMMIT = """\
git add -A
git -c user.name=Test -c user.email=test@example.org commit -q -m "What is here"
"""


@pytest.fixture
def story() -> Iterator[Story]:
    if os.geteuid() != 0:
        pytest.skip("only root can make the users that the guides speak of")
    if not POSTGRESQL:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    user = f"pony{secrets.token_hex(3)}"
    folder = Path(tempfile.mkdtemp(prefix="guide-"))
    machine = Machine(folder, user)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(remove_users, user, f"{user}m")
        stack.callback(machine.stop_all)
        make_origin(_folder(machine, "origin/ponytracker"))
        yield Story(machine, stack)


def remove_users(*names: str) -> None:
    """Delete the users of the story, and end what still runs as them."""
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    for name in known.keys() & set(names):
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if process.stat().st_uid == known[name]:
                    os.kill(int(process.name), signal.SIGKILL)
        subprocess.run(["userdel", "-f", name], check=True, capture_output=True)


def test_from_a_bare_machine_to_an_upgraded_tracker(story: Story) -> None:
    guide = read(ROOT / "docs/install.rst")
    story.follow(guide, "The tracker", "Its settings", "The database", "Serving it")
    story.follow(guide, "uwsgi", "Under supervisord")
    story.direct().sign_in("admin")
    story.follow(guide, "gunicorn instead", "Under supervisord")
    story.direct().sign_in("admin")
    story.user(".venv/bin/ponytracker deploy-files ~/deploy --ini tracker.ini --force")
    story.move_files()
    story.follow(guide, "Under systemd instead")
    story.direct().sign_in("admin")

    story.follow(guide, "nginx")
    story.check_front_end("nginx")
    issue = story.write_issue("Before the move", "On SQLite.")
    story.follow(guide, "Apache")
    story.check_front_end("apache")

    story.follow(guide, "PostgreSQL")
    story.wait_for_page(issue, "On SQLite.")

    create = ".venv/bin/ponytracker create-superuser tracker.ini --username bob --email"
    story.user(f"{create} {BOB}", f"{PASSWORD}\n{PASSWORD}\n")
    story.follow(guide, "Mail out")
    issue = story.write_issue("By the tracker", "Look, @bob.")
    (mail,) = story.mails.wait_for(1)
    assert mail.rcpt_tos == [BOB]
    story.follow(guide, "A worker")
    story.write_issue("By a worker", "Look again, @bob.")
    story.mails.wait_for(2)
    # One of the two ways is enough from here on.
    story.root("supervisorctl stop ponytracker-worker")

    story.follow(guide, "Answers by mail")
    issue = story.write_issue("By mail", "What do you say, @bob?")
    *_, mail = story.mails.wait_for(3)
    reply_to = str(message_from_bytes(mail.content)["Reply-To"])
    address = parseaddr(reply_to)[1]
    story.deliver(address, "I say yes.")
    story.wait_for_page(issue, "I say yes.")
    # What comes while the tracker is away is kept, until cron hands it over again.
    story.systemctl("systemctl stop ponytracker-web")
    story.deliver(address, "And I say no.")
    story.wait_for_retry()
    story.systemctl("systemctl start ponytracker-web")
    story.retry()
    story.wait_for_page(issue, "And I say no.")

    story.follow(guide, "LDAP")
    client = story.browser()
    assert "alice" in client.sign_in("alice", directory.password_of("alice")).text

    story.use_storage(guide)

    story.follow(guide, "What runs at its times", "Other timers", "Backup", "Does it work?")
    assert len(list(story.machine.path("/var/backups/ponytracker").iterdir())) == 2
    story.check_cron_and_logrotate()
    assert [step for step in guide if step not in story.done] == []

    upgrading = read(ROOT / "docs/upgrade.rst")
    story.publish_newer_version()
    story.upgrade(upgrading, story.sqlite_url)
    story.upgrade(upgrading, story.postgresql_url)
    assert [step for step in upgrading if step not in story.done] == []
