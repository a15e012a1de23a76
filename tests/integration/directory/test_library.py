from __future__ import annotations

import importlib.util

import pytest


def test_the_library_is_there():
    """Skipped where it is not, so that this is said for all tests beside it."""
    if importlib.util.find_spec("ldap") is None:
        pytest.skip(
            "python-ldap is missing: apt-get install gcc python3-dev libldap2-dev libsasl2-dev,"
            " then make install-dev"
        )
