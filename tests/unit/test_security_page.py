"""docs/security.rst: each promise names tests, and those exist."""

from __future__ import annotations

import re

from tests.servers import ROOT

PAGE = (ROOT / "docs" / "security.rst").read_text()
FILES = re.compile(r"``(tests/[^`]+)``")


def promises():
    text = PAGE.partition("What is promised\n")[2].partition("What is not promised\n")[0]
    return [item.partition("\n\n")[0] for item in text.split("\n* ")[1:]]


def test_every_promise_names_a_test():
    assert len(promises()) > 20
    assert [promise for promise in promises() if not FILES.search(promise)] == []


def test_every_file_and_page_that_is_named_exists():
    named = FILES.findall(PAGE) + [
        f"docs/{page}" for page in re.findall(r"<([a-z/-]+\.rst)>", PAGE)
    ]
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_file_that_is_named_has_tests():
    without = [
        name for name in FILES.findall(PAGE) if "\ndef test_" not in (ROOT / name).read_text()
    ]
    assert without == []
