"""A private Kerberos realm: its server, and keytabs of those it knows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import Daemon, environment, free_port, running

REALM = "EXAMPLE.ORG"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local")
PLUGINS = "usr/lib/*/sasl2/libgssapiv2.so.2"

CLIENT = """\
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
{realm} = {{
    kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
"""

SERVER = """\
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/acl
}}
"""


class Kdc:
    """The server; *variables* let any program ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        facts = {"realm": REALM, "port": self.port, "folder": folder}
        (folder / "krb5.conf").write_text(CLIENT.format(**facts))
        (folder / "kdc.conf").write_text(SERVER.format(**facts))
        self.variables = {"KRB5_CONFIG": str(folder / "krb5.conf")}
        own = {**self.variables, "KRB5_KDC_PROFILE": str(folder / "kdc.conf")}
        self._environment = environment(own)
        self._run("kdb5_util", "create", "-s", "-P", "the key of all keys")
        program = shutil.which("krb5kdc", path=_PATH) or ""
        self.daemon = Daemon(program, "-n", folder=folder, name="kdc", port=self.port, **own)

    def keytab(self, principal: str) -> Path:
        """Make *principal*, and a file by which it is proved."""
        path = self.folder / f"{principal.partition('/')[0]}.keytab"
        self._run("kadmin.local", "-q", f"addprinc -randkey {principal}")
        self._run("kadmin.local", "-q", f"ktadd -k {path} {principal}")
        return path

    def _run(self, program: str, *arguments: str) -> None:
        found = shutil.which(program, path=_PATH) or ""
        command = [found, *arguments]
        subprocess.run(command, env=self._environment, capture_output=True, check=True, timeout=60)


_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


@contextmanager
def kdc(folder: Path) -> Iterator[Kdc]:
    """Run a server of the tests' own; without MIT Kerberos, skip the test."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing or not list(Path("/").glob(PLUGINS)):
        pytest.skip(
            "Kerberos is missing: apt-get install krb5-kdc krb5-admin-server"
            " libsasl2-modules-gssapi-mit"
        )
    server = Kdc(folder)
    with running(server.daemon):
        yield server
