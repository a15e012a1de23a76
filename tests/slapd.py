"""A private OpenLDAP server with people, groups of each kind, and certificates of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ponytracker.settings.ldap import Ldap
from tests.servers import Daemon, free_port, running

SLAPD = Path("/usr/sbin/slapd")
SCHEMA = Path("/etc/ldap/schema")

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
ADMIN = f"cn=admin,{BASE}"
ADMIN_PASSWORD = "the-admin-of-the-directory"
READER = f"cn=tracker,{BASE}"
READER_PASSWORD = "the-reader-of-the-directory"
PEER = f"cn=peer,{BASE}"
"""Who a process on this machine is, by its user; it may act for the reader."""

CONFIGURATION = """\
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/nis.schema
include {schema}/inetorgperson.schema
pidfile {folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit size.soft=1000 size.hard=1000 size.prtotal=unlimited
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
TLSVerifyClient try
authz-policy to
authz-regexp "^gidnumber=[0-9]+.uidnumber=[0-9]+,cn=peercred,cn=external,cn=auth$" "{peer}"
authz-regexp "^cn=127.0.0.1$" "{reader}"
{more}
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {folder}/db
access to dn.exact="{peer}" by * read
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=hidden,{base}" by * none
access to * by users read by * none
"""

TREE = f"""\
dn: {BASE}
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: tracker
userPassword: {READER_PASSWORD}

dn: {PEER}
objectClass: applicationProcess
cn: peer
authzTo: dn.exact:{READER}
"""


def person(uid: str, number: int = 1000, gid: int = 500, base: str = PEOPLE, **more: str) -> str:
    """Return the entry of *uid*, whose password is ``secret of`` and the uid."""
    facts = {"givenName": uid.title(), "sn": "Example", "mail": f"{uid}@example.org", **more}
    lines = "\n".join(f"{name}: {value}" for name, value in facts.items() if value)
    return f"""\
dn: uid={uid},{base}
objectClass: inetOrgPerson
objectClass: posixAccount
uid: {uid}
cn: {uid.title()} Example
uidNumber: {number}
gidNumber: {gid}
homeDirectory: /home/{uid}
userPassword: {password_of(uid)}
{lines}
"""


def password_of(uid: str) -> str:
    return f"secret of {uid}"


def group(name: str, *members: str, kind: str = "groupOfNames") -> str:
    """Return a group of DNs."""
    attribute = {"groupOfNames": "member", "groupOfUniqueNames": "uniqueMember"}[kind]
    lines = "\n".join(f"{attribute}: {dn}" for dn in members)
    return f"dn: cn={name},{GROUPS}\nobjectClass: {kind}\ncn: {name}\n{lines}\n"


def posix_group(name: str, gid: int, *uids: str) -> str:
    lines = "".join(f"memberUid: {uid}\n" for uid in uids)
    return f"dn: cn={name},{GROUPS}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {gid}\n{lines}"


def dn_of(uid: str) -> str:
    return f"uid={uid},{PEOPLE}"


class Slapd:
    """The server; `load` puts entries in, `change` says something in LDIF."""

    def __init__(self, folder: Path, more: str = "", **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.tls_port = free_port()
        (folder / "db").mkdir()
        make_certificates(folder)
        (folder / "slapd.conf").write_text(
            CONFIGURATION.format(
                schema=SCHEMA,
                folder=folder,
                base=BASE,
                admin=ADMIN,
                password=ADMIN_PASSWORD,
                peer=PEER,
                reader=READER,
                more=more,
            )
        )
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.tls_uri = f"ldaps://127.0.0.1:{self.tls_port}"
        # Its path must be short.
        self.socket_folder = tempfile.TemporaryDirectory()
        self.socket_uri = f"ldapi://{quote(self.socket_folder.name, safe='')}%2Fldapi"
        uris = f"{self.uri}/ {self.tls_uri}/ {self.socket_uri}/"
        self.daemon = Daemon(
            SLAPD,
            *("-f", folder / "slapd.conf", "-h", uris, "-d", "0"),
            folder=folder,
            name="slapd",
            port=self.port,
            **variables,
        )

    def change(self, ldif: str, *, add: bool = False) -> None:
        """Do what *ldif* says, or *add* its entries."""
        program = ["ldapmodify", *(["-a"] if add else [])]
        login = ["-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ADMIN, "-w", ADMIN_PASSWORD]
        done = subprocess.run(
            [*program, *login], input=ldif, text=True, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr

    def reset(self, *entries: str) -> None:
        """Have *entries* below people and groups, and nothing else."""
        for base in (PEOPLE, GROUPS):
            self.run("ldapdelete", "-r", base)
        self.change(
            "\n".join([*TREE.split("\n\n")[1:3], *entries]).replace("\ndn:", "\n\ndn:"), add=True
        )

    def run(self, program: str, *arguments: str) -> None:
        login = ["-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ADMIN, "-w", ADMIN_PASSWORD]
        subprocess.run([program, *login, *arguments], capture_output=True, check=True, timeout=60)

    def settings(self, **fields: Any) -> Ldap:
        """Return settings to ask it by, without encryption unless *fields* say so."""
        return Ldap(
            **{
                "uris": (self.uri,),
                "start_tls": False,
                "bind_dn": READER,
                "bind_password": READER_PASSWORD,
                "user_base": PEOPLE,
                "group_base": GROUPS,
                "network_timeout": 2,
                "timeout": 2,
                **fields,
            }
        )


@contextmanager
def slapd(folder: Path, more: str = "", **variables: str) -> Iterator[Slapd]:
    """Run a server of the tests' own, with *more* settings; without OpenLDAP, skip the test."""
    if not SLAPD.exists() or shutil.which("ldapmodify") is None:
        pytest.skip("OpenLDAP is missing: apt-get install slapd ldap-utils")
    server = Slapd(folder, more, **variables)
    with server.socket_folder, running(server.daemon):
        server.change(TREE, add=True)
        yield server


def make_certificates(folder: Path) -> None:
    """Make an authority, a certificate for 127.0.0.1 that it signs, and an authority of others."""
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
        openssl("req", "-x509", *curve, *files, "-subj", f"/CN=Test authority {name}")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", *subject)
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30")
    openssl(
        "x509",
        "-req",
        "-in",
        "server.csr",
        *signed,
        "-copy_extensions",
        "copy",
        "-out",
        "server.pem",
    )
