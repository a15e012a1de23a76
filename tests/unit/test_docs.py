"""The documentation: it can be read as reStructuredText, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from tests.conftest import ROOT

DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.rst"), *ROOT.glob("docs/**/*.rst")]
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_no_mistake_and_leads_to_what_is_there(name):
    path = ROOT / name
    document = publish_doctree(
        path.read_text(),
        source_path=str(path),
        settings_overrides={"report_level": 1, "warning_stream": False},
    )
    said = [message.astext() for message in document.findall(nodes.system_message)]
    assert said == []
    for link in document.findall(nodes.reference):
        target = urlsplit(link.get("refuri", ""))
        if not target.scheme and target.path:
            assert (path.parent / unquote(target.path)).exists(), target.path


GUIDE = ROOT / "docs/install.rst"
GUIDES = [name for name in DOCUMENTS if re.fullmatch(r"docs/(install/|user/)?[^/]+", name)]
COMMANDS = ("ponytracker", "alembic", "celery", "pserve", "uwsgi", "gunicorn", "pip", "uv")
"""What is in ``.venv/bin`` alone."""


def lines_of(name: str) -> Iterator[str]:
    """Yield the lines that are typed or copied: those of literal blocks."""
    document = publish_doctree(
        (ROOT / name).read_text(), settings_overrides={"warning_stream": False}
    )
    for block in document.findall(nodes.literal_block):
        yield from block.astext().splitlines()


@pytest.mark.parametrize("name", GUIDES)
def test_each_path_is_one_of_the_machine_that_the_guide_sets_up(name):
    guide = GUIDE.read_text()
    (home,) = re.findall(r"useradd -r -m -d (\S+) .*ponytracker$", guide, re.MULTILINE)
    (ini,) = re.findall(r"cp production\.ini (\S+)", guide)
    checkout = f"{home}/ponytracker/"
    for line in lines_of(name):
        for found in re.findall(r"/srv/[^\s'\"]+", line):
            rest = found.removeprefix(checkout)
            if rest == found:  # beside the checkout
                assert found in guide, line
            elif rest != ini and not rest.startswith(".venv/bin/"):
                assert (ROOT / rest).exists(), line
        for found in re.findall(r"--ini (\S+)", line):
            assert found.removeprefix(checkout).removeprefix("ponytracker/") == ini, line
        for found in re.findall(r"/var/backups/\w+", line):
            assert f"install -d -m 700 -o ponytracker {found}\n" in guide, line
        typed = line.removeprefix("$ ")
        assert typed == line or typed.split()[0] not in COMMANDS, line


def test_the_options_of_the_worker_are_those_of_its_script():
    script = (ROOT / "tools/worker.sh").read_text()
    options = re.findall(r"(?<= )--\S+", script.partition("exec ")[2].replace('"$ini"', ""))
    assert len(options) == 4
    (line,) = (
        line for line in lines_of("docs/install/sending-mail.rst") if ".venv/bin/celery" in line
    )
    assert set(options) <= set(line.split())
