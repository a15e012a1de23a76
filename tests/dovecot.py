"""A private dovecot with LMTP and Pigeonhole, which hands mail to us by our sieve filter."""

from __future__ import annotations

import grp
import mailbox
import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port, stop, wait_for_port

MAILBOX = "reply"
"""The local part that mail for PonyTracker is delivered to, whatever stands behind its plus."""

CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
mail_location = maildir:{folder}/mail/%n
recipient_delimiter = +
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@localhost
}}
plugin {{
  sieve_plugins = sieve_extprograms
  sieve_global_extensions = +vnd.dovecot.filter
  sieve_filter_bin_dir = {folder}/bin
  sieve_filter_exec_timeout = 10s
  sieve_before = {folder}/sieve/ponytracker.sieve
}}
"""

SCRIPT = """\
require ["vnd.dovecot.filter", "envelope", "fileinto", "imap4flags", "mailbox"];
if envelope :localpart :matches "to" ["reply+*", "new+*", "bounce+*", "leave-*+*"] {{
  if filter "ponytracker" ["{argument}"] {{ addflag "\\\\Seen"; fileinto :create "Done"; }}
  else {{ fileinto :create "Retry"; }}
  stop;
}}
"""

RETRY = """\
require ["vnd.dovecot.filter", "fileinto", "imap4flags", "mailbox"];
if filter "ponytracker" ["{argument}"] {{ addflag "\\\\Seen"; fileinto :create "Done"; }}
"""


class Dovecot:
    """What was delivered lies in the folders of `MAILBOX`."""

    def __init__(self, folder: Path, key: str, url: str) -> None:
        self.folder = folder
        self.port = free_port()
        is_root = os.geteuid() == 0
        self.user = "nobody" if is_root else pwd.getpwuid(os.geteuid()).pw_name
        self.group = "nogroup" if is_root else grp.getgrgid(os.getegid()).gr_name
        # Sieve runs no programs of root's, and dovecot as root would change to other users.
        drop = ["--reuid", self.user, "--regid", self.group, "--clear-groups"]
        self._as = ["setpriv", *drop] if is_root else []
        for name in ("run", "mail", "bin", "sieve"):
            (folder / name).mkdir()
        shutil.copy(ROOT / "tools/ponytracker-sieve-filter", folder / "bin/ponytracker")
        (folder / "key").write_text(f"{key}@{url}\n")
        argument = f"@{folder}/key"
        (folder / "sieve/ponytracker.sieve").write_text(SCRIPT.format(argument=argument))
        (folder / "retry.sieve").write_text(RETRY.format(argument=argument))
        facts = {"folder": folder, "user": self.user, "group": self.group, "port": self.port}
        self.configuration = folder / "dovecot.conf"
        self.configuration.write_text(CONFIGURATION.format(**facts))
        if is_root:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, self.user, self.group)

    def start(self) -> None:
        for script in ("sieve/ponytracker.sieve", "retry.sieve"):
            self.run("sievec", "-c", self.configuration, self.folder / script)
        self.process = subprocess.Popen(
            [*self._as, "dovecot", "-F", "-c", self.configuration],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        stop(self.process)

    def run(self, *command: str | Path) -> str:
        """Run one of dovecot's programs as its user."""
        done = subprocess.run(
            [*self._as, *command], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}\n{self.log}"
        return done.stdout

    def deliver(self, mail: bytes, to: str, sender: str) -> None:
        """Deliver *mail* as a mail server does that has taken it."""
        with smtplib.LMTP("127.0.0.1", self.port) as lmtp:
            refused = lmtp.sendmail(sender, [to], mail)
        assert refused == {}

    def retry(self) -> None:
        """Filter again what is in Retry, as an administrator's cron job does."""
        script = self.folder / "retry.sieve"
        self.run(
            *("sieve-filter", "-c", self.configuration, "-u", MAILBOX, "-e", "-W", script, "Retry")
        )

    def mails(self, name: str) -> list[Message]:
        """Return the mails in the folder *name*."""
        path = self.folder / "mail" / MAILBOX / (f".{name}" if name else "")
        return list(mailbox.Maildir(path, create=False)) if path.is_dir() else []

    def flags(self, name: str) -> set[str]:
        """Return the flags of the mails in the folder *name*."""
        return {mail.get_flags() for mail in self.mails(name)}  # type: ignore[attr-defined]

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def dovecot(key: str, url: str) -> Iterator[Dovecot]:
    """Run a dovecot that posts mail to *url* with *key*, until the block ends; else skip."""
    needed = {"dovecot": "dovecot-core dovecot-lmtpd", "sievec": "dovecot-sieve"}
    for program, packages in needed.items():
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            pytest.skip(f"{program} is missing: apt-get install {packages}")
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True)
    if not version.stdout.startswith("2.3."):
        pytest.skip(f"this configuration is for dovecot 2.3, and here is {version.stdout.strip()}")
    # Not in pytest's own folders, which are closed to other users.
    with tempfile.TemporaryDirectory(prefix="dovecot-") as folder:
        server = Dovecot(Path(folder), key, url)
        server.start()
        try:
            yield server
        finally:
            server.stop()
