"""A machine within this one, for what the guides tell root and the tracker's user to do.

Users are real; folders of root's are in a scratch folder; what systemd would start is started by
the units that were installed there.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.servers import Daemon, environment

TREES = ("srv", "etc", "var", "usr/lib/dovecot")
"""What is in another folder here."""

FOLDERS = ("etc/systemd/system", "etc/cron.d", "etc/logrotate.d", "var/log", "var/run")
"""What is there before anything is installed."""

_PATH = re.compile(rf"(?:(?<![\w./~-])|(?<=sqlite:///)|(?<=unix://))/({'|'.join(TREES)})(?=/|\b)")

_PASSED_ON = (
    "PIP_",
    "UV_",
    "NODE_EXTRA_",
    "npm_config_",
    "SSL_CERT_",
    "http",
    "HTTP",
    "no_proxy",
    "NO_PROXY",
)
"""How the variables begin by which this machine knows where packages come from."""


class Machine:
    """Runs commands in *folder*, as root or as *user*; *ini* is the tracker's ini file."""

    def __init__(self, folder: Path, user: str) -> None:
        self.folder = folder
        self.user = user
        self.daemons: dict[str, Daemon] = {}
        self.timers: set[str] = set()
        self._enabled: set[str] = set()
        self._cwd = ""
        folder.chmod(0o755)  # web servers, mailboxes and PostgreSQL are other users
        for tree in (*TREES, *FOLDERS):
            (folder / tree).mkdir(parents=True, exist_ok=True)

    def translate(self, text: str) -> str:
        """Return *text* with the paths that are in the scratch folder."""
        return _PATH.sub(rf"{self.folder}/\1", text)

    def path(self, name: str) -> Path:
        return Path(self.translate(name))

    @property
    def ini(self) -> Path:
        return self.path("/srv/www/ponytracker/ponytracker/tracker.ini")

    def root(self, command: str, stdin: str = "") -> str:
        """Run *command* in a shell of root's; return what it says."""
        return self._run(["bash", "-euc", command], stdin)

    def as_user(self, command: str, stdin: str = "") -> str:
        """Run *command* in a shell of the tracker's user, which is where the last one ended."""
        names = [name for name in os.environ if name.startswith(_PASSED_ON)]
        ended = self.folder / "cwd"
        ended.touch()
        shutil.chown(ended, self.user)
        script = f"set -eu; cd {self._cwd}; {command}\npwd > {ended}"
        su = ["su", *(["-w", ",".join(names)] if names else []), "-", self.user]
        said = self._run([*su, "-c", script], stdin)
        self._cwd = ended.read_text().strip()
        return said

    def _run(self, command: list[str], stdin: str = "") -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment({}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            start_new_session=True,  # without a terminal, passwords come from standard input
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command[-1]}\n{said}\n{self.logs()}"
        return said

    def set_key(self, line: str) -> None:
        """Put ``key = value`` in the place of the key in the ini file."""
        name = re.escape(line.partition("=")[0].strip())
        text, count = re.subn(rf"(?m)^{name} *=.*$", lambda _: line, self.ini.read_text(), count=1)
        if not count:
            text = text.replace("[app:main]\n", f"[app:main]\n{line}\n", 1)
        self.ini.write_text(text)

    def start(self, name: str, *command: str | Path, port: int = 0, **variables: str) -> None:
        """Start a daemon; with a port, wait until it listens there."""
        daemon = Daemon(*command, folder=self.folder, name=name, port=port, **variables)
        self.daemons[name] = daemon
        daemon.start()

    def stop(self, name: str) -> None:
        if name in self.daemons:
            self.daemons.pop(name).stop()

    def stop_all(self) -> None:
        for name in reversed(list(self.daemons)):
            self.stop(name)

    def control(self, verb: str, unit: str, port: int = 0) -> None:
        """Do with a unit that is installed what ``systemctl`` does.

        A service runs until it is stopped; what a timer starts is run once, to its end, when the
        timer is enabled.
        """
        unit = unit.removesuffix(".service")
        service = self.path(f"/etc/systemd/system/{unit.removesuffix('.timer')}.service")
        if unit.endswith(".timer"):
            assert service.with_suffix(".timer").exists()
            if verb == "stop":
                self.timers.discard(unit)
            else:
                self._run(_command(service))
                self._enabled.add(unit)
                self.timers.add(unit)
            return
        self.stop(unit)
        if verb != "stop":
            self.start(unit, *_command(service), port=port)

    def units(self) -> list[str]:
        """Return the units of the tracker that run, and the timers that wait."""
        services = [f"{name}.service" for name in self.daemons if name.startswith("ponytracker-")]
        return sorted([*services, *self.timers])

    def start_timers(self) -> None:
        """Let the timers that are enabled wait again."""
        self.timers |= self._enabled

    def logs(self) -> str:
        """Return the ends of all that daemons have written down."""
        files = [*self.folder.glob("*.log"), *self.path("/var/log").rglob("*.log")]
        return "".join(f"== {path}\n{path.read_text(errors='replace')[-3000:]}\n" for path in files)


def _command(service: Path) -> list[str]:
    """Return what starts the *service* as its user, in its folder."""
    text = service.read_text()

    def value(name: str) -> str:
        (found,) = re.findall(rf"(?m)^{name}=(.*)$", text)
        return str(found).replace("%%", "%")

    user = value("User")
    drop = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
    clean = ["env", "-i", "-C", value("WorkingDirectory"), "PATH=/usr/bin:/bin"]
    home = f"HOME={pwd.getpwnam(user).pw_dir}"
    return [*drop, *clean, home, *shlex.split(value("ExecStart"))]
