"""Signing in to a directory as PonyTracker itself by Kerberos."""

from __future__ import annotations

import dataclasses

import pytest

from ponytracker.directory.asking import find_entry
from ponytracker.directory.connection import connect
from ponytracker.directory.errors import Unreachable
from tests.kdc import REALM, kdc
from tests.slapd import READER, person, slapd

pytestmark = pytest.mark.integration

KNOWN = f"""\
sasl-host localhost
sasl-realm {REALM}
authz-regexp "^uid=tracker,(cn=[^,]+,)?cn=gssapi,cn=auth$" "{READER}"
"""


def test_a_keytab_proves_who_ponytracker_is(tmp_path, monkeypatch):
    with kdc(tmp_path) as realm:
        service = {**realm.variables, "KRB5_KTNAME": str(realm.keytab("ldap/localhost"))}
        own = {
            **realm.variables,
            "KRB5_CLIENT_KTNAME": str(realm.keytab("tracker")),
            "KRB5CCNAME": f"FILE:{tmp_path / 'tickets'}",
        }
        folder = tmp_path / "slapd"
        folder.mkdir()
        with slapd(folder, KNOWN, **service) as directory:
            directory.reset(person("alice"))
            uri = f"ldap://localhost:{directory.port}"
            settings = directory.settings(
                uris=(uri,), sasl_mechanism="GSSAPI", bind_dn="", bind_password="", timeout=10
            )
            # The certificate is for the number of this machine, and Kerberos is by its name.
            encrypted = dataclasses.replace(settings, start_tls=True, check_certificate=False)
            with monkeypatch.context() as patch:
                for name, value in own.items():
                    patch.setenv(name, value)
                for each in (settings, encrypted):
                    with connect(each, uri) as connection:
                        assert connection.whoami() == f"dn:{READER}"
                        assert find_entry(connection, "alice")
                patch.setenv("KRB5_CLIENT_KTNAME", str(tmp_path / "missing"))
                patch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'none'}")
                with pytest.raises(Unreachable), connect(settings, uri):
                    pass
