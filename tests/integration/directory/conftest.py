"""An OpenLDAP server for the tests of each module; without python-ldap there are no tests here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from tests.slapd import Slapd, slapd

if importlib.util.find_spec("ldap") is None:
    collect_ignore = ["test_faults.py", "test_gssapi.py", "test_openldap.py"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as server:
        yield server
