"""Each kind of answer that leaves the application has every header that protects its reader."""

from __future__ import annotations

import dataclasses

import pytest
import transaction
from sqlalchemy.exc import OperationalError

from ponytracker.attachments import service as attachments
from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.keeping import STORE
from ponytracker.issues import query
from ponytracker.issues import service as issues
from ponytracker.operations.readiness import READINESS, make_readiness
from ponytracker.security.headers import CONTENT_SECURITY_POLICY, HEADERS, ONE_YEAR
from ponytracker.settings.metrics import MetricsSettings
from ponytracker.web.bodies import MAX_BODY
from ponytracker.web.rate_limit import RATE_LIMIT, RateLimit
from tests.functional.attachments.conftest import new_file, picture
from tests.functional.conftest import make_test_app
from tests.functional.inbound.conftest import PATH as GATE
from tests.site import Visitor

KEY = "k" * 20
BEARER = {"Authorization": f"Bearer {KEY}"}
HOST = "tracker.example.org"
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

HTML, JSON, TEXT = "text/html", "application/json", "text/plain"


@pytest.fixture(scope="module")
def https_app(all_on):
    return make_test_app(
        dataclasses.replace(
            all_on,
            base_url=f"https://{HOST}",
            secret="a secret that is not the one of development",
            metrics=MetricsSettings(enabled=True, bearer_key=KEY),
        )
    )


@pytest.fixture
def app(https_app, database, store):
    https_app.registry["ponytracker.database"] = database
    https_app.registry["ponytracker.attachments"] = store
    settings = https_app.registry["ponytracker.settings"]
    https_app.registry[READINESS] = make_readiness(settings, lambda: database)
    return https_app


@pytest.fixture
def store(database, session, tmp_path):
    store = FolderStore(tmp_path / "attachments", max_mb=1, issue_max_mb=2)
    database.info[STORE] = session.info[STORE] = store
    return store


@pytest.fixture
def files(world, session, store):
    """The addresses of a text, a picture and a page that were attached to an issue."""
    alice = world.user("alice", is_superuser=True)
    issue = world.issue(world.project("web", alice), alice, text="It *fails*")
    given = [new_file(), new_file("a.png", picture()), new_file("a.html", b"<script>1</script>")]
    found = attachments.attach(
        session, store, issues.find_description(session, issue), alice, given
    )
    session.commit()
    return [f"/web/issues/1/attachments/{one.id}/{one.name}" for one in found]


class Browser(Visitor):
    def __init__(self, app):
        environ = {"HTTP_HOST": HOST, "wsgi.url_scheme": "https"}
        super().__init__(app, extra_environ={**environ, "HTTP_ORIGIN": f"https://{HOST}"})

    def ask(self, path, method="GET", *, body=b"", forged=None, **headers):
        environ = {**self.extra_environ, "HTTP_HOST": forged or HOST}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request(
            path, method=method, body=body, headers=named, environ=environ, expect_errors=True
        )


@pytest.fixture
def browsers(app, files, world):
    world.user("mallory")
    found = []
    for name in ("alice", "mallory"):
        found.append(Browser(app))
        found[-1].sign_in(name).follow()
    return *found, Browser(app)


@pytest.fixture
def answers(app, browsers, files, monkeypatch):
    """Every kind of answer, with the status and type that it should have."""
    alice, mallory, nobody = browsers
    text, image, page = files
    css = alice.get("/").html.find("link", rel="stylesheet")["href"]
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    comment = "/web/issues/1/comment/"
    etag = alice.ask(text).headers.get("ETag", "")
    found = {
        "page": (alice.ask("/web/issues/1/"), 200, HTML),
        "page, head": (alice.ask("/web/issues/1/", "HEAD"), 200, HTML),
        "page, options": (alice.ask("/web/issues/1/", "OPTIONS"), 405, HTML),
        "sign-in": (nobody.ask("/login"), 200, HTML),
        "redirect": (alice.ask("/web/"), 303, TEXT),
        "redirect to sign in": (nobody.ask("/add/"), 303, TEXT),
        "suggestions": (alice.ask("/web/issues/suggest?type=user&query=a"), 200, JSON),
        "preview": (alice.post_form("/markdown/", {"data": "*x*"}), 200, HTML),
        "upload": (
            alice.post(
                "/web/issues/1/upload",
                {"csrf_token": alice.csrf_token()},
                upload_files=[("file", "a.txt", b"x")],
            ),
            200,
            JSON,
        ),
        "upload without a file": (
            alice.post_form("/web/issues/1/upload", status=422),
            422,
            JSON,
        ),
        "a form that is wrong": (alice.post_form("/web/issues/add/", status=422), 422, HTML),
        "not there": (alice.ask("/nope"), 404, HTML),
        "not allowed": (mallory.ask("/web/edit/"), 403, HTML),
        "wrong method": (alice.ask("/", "PUT"), 405, HTML),
        "without a token": (alice.ask(comment, "POST", **form), 400, HTML),
        "signed out": (nobody.ask(comment, "POST", **form), 403, HTML),
        "no longer possible": (alice.post_form("/web/issues/1/reopen/", status=409), 409, HTML),
        "no UTF-8": (alice.ask("/?q=%ff"), 400, HTML),
        "too large": (alice.ask(comment, "POST", body=b"x" * (MAX_BODY + 1), **form), 413, HTML),
        "another host": (alice.ask("/", forged="evil.example"), 400, TEXT),
        "stylesheet": (alice.ask(css), 200, "text/css"),
        "no stylesheet": (alice.ask("/static/nope.css"), 404, HTML),
        "download": (alice.ask(text), 200, TEXT),
        "part of a download": (alice.ask(text, Range="bytes=0-1"), 206, TEXT),
        "known download": (alice.ask(text, If_None_Match=etag), 304, None),
        "picture": (alice.ask(image), 200, "image/png"),
        "page to save": (alice.ask(page), 200, "application/octet-stream"),
        "no download": (alice.ask("/web/issues/1/attachments/99/x"), 404, HTML),
        "health": (nobody.ask("/health"), 200, JSON),
        "health by address": (nobody.ask("/health", forged="127.0.0.1:8080"), 200, JSON),
        "readiness": (nobody.ask("/health/ready"), 200, JSON),
        "metrics": (nobody.ask("/metrics", **BEARER), 200, TEXT),
        "no metrics": (nobody.ask("/metrics"), 401, None),
        "wrong key of mail": (nobody.ask(GATE, "POST", body=b"x"), 400, JSON),
        "no such subscription": (nobody.ask("/unsubscribe/x"), 404, HTML),
    }
    with monkeypatch.context() as patch:
        patch.setitem(app.registry, RATE_LIMIT, RateLimit(1))
        mallory.ask(comment, "POST", **form)
        found["too much"] = (mallory.ask(comment, "POST", **form), 429, HTML)
        asked = mallory.ask(comment, "POST", Accept=JSON, **form)
        found["too much of a script"] = (asked, 429, JSON)
    with monkeypatch.context() as patch:
        patch.setattr(query, "list_issues", None)
        found["a fault of ours"] = (alice.ask("/web/issues/"), 500, HTML)
    with monkeypatch.context() as patch:
        patch.setattr(transaction.TransactionManager, "commit", fail_to_commit)
        found["no commit"] = (alice.ask("/web/issues/1/"), 503, HTML)
    return found


def fail_to_commit(_manager):
    raise OperationalError("COMMIT", {}, Exception("the disk is full"))


def test_every_kind_of_answer(answers):
    got = {name: (answer.status_int, answer.content_type) for name, (answer, *_) in answers.items()}
    wanted = {
        name: (status, kind or got[name][1]) for name, (_answer, status, kind) in answers.items()
    }
    assert got == wanted
    for name, (answer, *_) in answers.items():
        check_headers(name, answer.headers)
        check_keeping(name, answer.headers["Cache-Control"])
        check_destination(name, answer.headers.get("Location", "/"))
        assert b"evil.example" not in answer.body, name
        for cookie in answer.headers.getall("Set-Cookie"):
            check_cookie(name, cookie)
    assert answers["sign-in"][0].headers.getall("Set-Cookie")


def check_headers(name, headers):
    missing = [header for header in HEADERS if header not in headers]
    assert not missing, name
    policy = headers["Content-Security-Policy"]
    assert policy == CONTENT_SECURITY_POLICY or policy.startswith("default-src 'none'"), name
    assert headers["X-Content-Type-Options"] == "nosniff", name
    assert headers["Strict-Transport-Security"] == f"max-age={ONE_YEAR}", name
    assert "Server" not in headers, name


def check_keeping(name, keeping):
    """Files that everybody may see are kept by shared caches, and nothing else is."""
    if name == "stylesheet":
        assert "max-age=31536000" in keeping
    else:
        assert "no-store" in keeping or "private" in keeping, (name, keeping)


def check_cookie(name, cookie):
    """A cookie is for https, for this site, and for no script."""
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags, (name, cookie)
    assert not any(flag.startswith("domain") for flag in flags), (name, cookie)


def check_destination(name, place):
    assert place.startswith(("/", f"https://{HOST}/")), name
    assert not place.startswith("//"), name
