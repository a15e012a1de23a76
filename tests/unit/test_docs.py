"""The documentation: it can be read as reStructuredText, and its links lead somewhere."""

from __future__ import annotations

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
