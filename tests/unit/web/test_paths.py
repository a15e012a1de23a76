from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.request import Request

from ponytracker.web.paths import site_path


def asked(raw):
    return site_path(Request.blank("/", POST={"next": raw}), "next")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/web/issues/1/",
        "/web/issues/?q=is:open&sort=newest#event-3",
        "/web/%E2%82%AC/",
        "/a//b",
    ],
)
def test_paths_of_this_site(path):
    assert asked(path) == path


HOSTILE = [
    "",
    "evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "\x00//evil.example",
    "/\x00/evil.example",
    "/\x7f/evil.example",
    "/a\\b",
    "/a\nSet-Cookie: a=b",
    "https://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "HTTPS://evil.example/",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "?next=/",
    "#top",
    "../",
    "/é",
    "/日本",
    "/\u2028/evil.example",
    "/\u3000/evil.example",
]


@pytest.mark.parametrize("raw", HOSTILE)
def test_what_may_lead_elsewhere_is_not_followed(raw):
    assert asked(raw) is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_followed_is_a_plain_path(raw):
    path = asked(raw)
    if path is not None:
        assert path == raw
        assert path.isascii()
        assert path.isprintable()
        assert path.startswith("/")
        assert path[1:2] not in ("/", "\\")
        assert "\\" not in path
        assert " " not in path


def test_a_missing_parameter_is_no_path():
    assert site_path(Request.blank("/"), "next") is None


@pytest.mark.parametrize(
    "raw", ["/tracker/", "/tracker", "/tracker/web/?q=/../x#a", "/tracker/a..b/"]
)
def test_below_a_prefix_are_the_paths_of_this_site(raw):
    request = Request.blank("/", POST={"next": raw}, environ={"SCRIPT_NAME": "/tracker"})
    assert site_path(request, "next") == raw


@pytest.mark.parametrize(
    "raw", ["/", "/other/", "/trackers/", "/tracker/../x", "/tracker/.%2E", "/tracker/%2e%2e/x?a"]
)
def test_what_leads_out_of_the_prefix_is_not_followed(raw):
    request = Request.blank("/", POST={"next": raw}, environ={"SCRIPT_NAME": "/tracker"})
    assert site_path(request, "next") is None
