from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from webob import Request

from ponytracker.web.bodies import MAX_BODY


@pytest.fixture
def admin(world, visitor_as):
    world.project("web", world.user("admin", is_superuser=True))
    return visitor_as("admin")


@pytest.mark.parametrize(
    "path", ["/\xff", "/web/\xff/", "/web/issues/\xc3", "/static/\xed\xa0\x80"]
)
def test_a_path_that_is_not_utf8(app, path):
    answer = Request.blank("/", environ={"PATH_INFO": path}).get_response(app)
    assert answer.status_int == 400
    assert "not valid UTF-8" in answer.text


@pytest.mark.parametrize("address", ["/?q=%ff", "/web/issues/?page=%c3", "/login?%ff=1"])
def test_a_query_that_is_not_utf8(admin, address):
    assert "not valid UTF-8" in admin.get(address, status=400)


def test_a_nul_in_the_path(admin):
    for address in ("/%00", "/we%00b/", "/web/issues/1%00/", "/static/%00"):
        assert "NUL" in admin.get(address, status=400)


def test_a_nul_in_the_query_is_no_harm(admin):
    assert admin.get("/web/issues/?q=%00&sort=%00&page=%00").status_int == 200
    assert admin.get("/login?next=%00&prev=%00").status_int == 200


FORM = "application/x-www-form-urlencoded"
PART = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n%b\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"title=%ff"),
        (FORM, b"title=\xff"),
        (FORM, b"%ff=title"),
        (FORM, b"title=%ed%a0%80"),
        (f"{FORM}; charset=latin-1", b"title=%e9"),
        (f"{FORM}; charset=klingon", b"title=x"),
        ("multipart/form-data", b"title=x"),
        ("multipart/form-data; boundary=", PART % b"x"),
        ("multipart/form-data; boundary=\xe9", PART % b"x"),
        ("multipart/form-data; boundary=x; charset=klingon", PART % b"x"),
        ("multipart/form-data; boundary=x", PART % b"\xff"),
        ("multipart/form-data; boundary=x", PART[:30]),
        ("multipart/form-data; boundary=x", b""),
        ("application/json", b'{"title": "x"}'),
        ("text/plain", b"title=x"),
        ("nonsense", b"\xff\x00"),
        ("", b""),
    ],
)
def test_a_body_that_is_no_form_of_ours(admin, content_type, body):
    answer = admin.post(
        "/web/issues/add/", body, headers={"Content-Type": content_type}, expect_errors=True
    )
    assert answer.status_int == 400
    assert answer.html.h1


def test_what_is_too_large(admin):
    body = "title=" + "x" * MAX_BODY
    assert "larger than 4 MiB" in admin.post("/web/issues/add/", body, status=413)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(FORM, b"a&" * 1100), ("multipart/form-data; boundary=x", PART.replace(b"--x--", b"") * 1100)],
)
def test_a_form_of_very_many_fields_is_not_even_parsed(admin, monkeypatch, content_type, body):
    parsed = []
    monkeypatch.setattr("webob.request.cgi_FieldStorage", lambda **kw: parsed.append(kw))
    headers = {"Content-Type": content_type}
    answer = admin.post("/web/issues/add/", body, headers=headers, status=413)
    assert "more than 1000 fields" in answer
    assert parsed == []


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=x; BOUNDARY =y",
        'multipart/form-data; boundary="x',
        "multipart/form-data",
    ],
)
def test_a_boundary_that_two_programs_may_read_differently(admin, content_type):
    headers = {"Content-Type": content_type}
    admin.post("/web/issues/add/", PART % b"x", headers=headers, status=400)


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="comment"',
        b'Content-Disposition: form-data; name="comment; filename=x"',
        b'X: filename=x\r\nContent-Disposition: form-data; name="comment"',
        b'Content-Type: x; filename=y\r\nContent-Disposition: form-data; name="comment"',
    ],
)
def test_a_text_that_pretends_to_be_a_file_is_too_large_all_the_same(admin, head, monkeypatch):
    parsed = []
    monkeypatch.setattr("webob.request.cgi_FieldStorage", lambda **kw: parsed.append(kw))
    body = b"--x\r\n" + head + b"\r\n\r\n" + b"x\n" * (MAX_BODY // 2 + 1) + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert "larger than 4 MiB" in admin.post("/web/issues/add/", body, headers=headers, status=413)
    assert parsed == []


DISPOSITION = b'Content-Disposition: form-data; name="files"; filename="a"'


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\n" + b"a\r\n" * 1_300_000,
        b"".join([b"--x\r\n", DISPOSITION, b";" * 16_000, b"\r\n\r\n\r\n"]) * 200,
        b"\r\n".join([b"--x", DISPOSITION, b"Content-Type: multipart/mixed; boundary=y", b""])
        + b"\r\n--y\r\n"
        + b"a\r\n" * 1_300_000,
        b" --x\r\nContent-Type: multipart/mixed; boundary=y\r\n--x\r\n\r\n--y\r\n"
        + b"a\r\n" * 1_300_000,
        b"--x\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n" + b"a=1&" * 1_000_000,
    ],
    ids=["a long head", "many heads", "a form in a file", "a hidden one", "fields in a field"],
)
def test_a_form_that_would_take_long_to_read_is_not_even_parsed(admin, monkeypatch, body):
    parsed = []
    monkeypatch.setattr("webob.request.cgi_FieldStorage", lambda **kw: parsed.append(kw))
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    before = time.process_time()
    answer = admin.post("/web/issues/add/", body, headers=headers, status=400)
    assert "too long a name" in answer
    assert parsed == []
    assert time.process_time() - before < 10  # it was minutes


@pytest.mark.parametrize("name", ["Origin", "Referer"])
@pytest.mark.parametrize("value", ["http://[", "https://[x]y/"])
def test_an_origin_that_is_no_address(app, name, value):
    """Also over https, where Pyramid looks at it."""
    key = f"HTTP_{name.upper()}"
    for method in ("GET", "POST"):
        told = {key: value.encode().decode("latin-1"), "wsgi.url_scheme": "https"}
        request = Request.blank("/login", method=method, environ=told)
        answer = request.get_response(app)
        assert answer.status_int == 400
        assert answer.text.count("Traceback") == 0


def test_a_query_of_very_many_parameters(admin):
    admin.get("/web/issues/?" + "a&" * 1100, status=413)


def test_the_longest_text_is_not_too_large(admin):
    page = admin.get("/web/issues/add/")
    form = page.forms["issue-form"]
    form["title"] = "Long"
    form["description"] = "\U0001f434" * 262_144
    assert len(urlencode(form.submit_fields()).encode()) < MAX_BODY
    assert "Issue created successfully." in form.submit().follow()


@pytest.mark.parametrize(
    "cookie",
    ["ponytracker=", "ponytracker=x", "ponytracker=\xe9\xff", "=;;=", "ponytracker=bnVsbA"],
)
def test_a_cookie_that_is_not_ours(app, admin, cookie):
    request = Request.blank("/web/issues/", environ={"HTTP_COOKIE": cookie})
    answer = request.get_response(app)
    assert answer.status_int == 200
    assert "Sign in" in answer.text
