from __future__ import annotations

import re

from ponytracker.grants.names import NAMES
from ponytracker.security.permissions import GLOBAL_ONLY, ON_PROJECT, Permission
from tests.conftest import ROOT


def test_every_right_has_a_name():
    assert set(NAMES) == set(Permission)
    assert len(set(NAMES.values())) == len(NAMES)


def test_the_guide_explains_every_right_that_can_be_given():
    guide = (ROOT / "docs" / "user" / "permissions.rst").read_text()
    explained = re.findall(r"^``(\w+)`` +\w", guide, re.MULTILINE)
    assert set(explained) == ON_PROJECT | GLOBAL_ONLY
    assert len(explained) == len(set(explained))
