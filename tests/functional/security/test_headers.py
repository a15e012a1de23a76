from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.issues import query
from ponytracker.issues.recording import record
from ponytracker.issues.service import add_label
from ponytracker.models import EventKind, Label
from ponytracker.models.base import now
from ponytracker.security.headers import CONTENT_SECURITY_POLICY

TEXT = """
# Heading

| a | b |
|:-:|--:|
| 1 | 2 |

- [x] done
- [ ] to do

> [!NOTE]
> An alert, a footnote[^1] and ~~more~~

```python
def f(): return "<script>alert(1)</script>"
```

<b style="color: red" onclick="alert(1)">x</b> <script>alert(1)</script>
[x](javascript:alert(1)) ![x](https://evil.example/x.png) https://example.org

[^1]: here
"""


@pytest.fixture
def admin(world, session, visitor_as):
    admin = world.user("admin", is_superuser=True)
    project = world.project("web", admin, description="<script>alert(1)</script>")
    title = '"><script>alert(1)</script>'
    issue = world.issue(project, admin, title=title, text=TEXT, due_at=now())
    label = session.scalars(select(Label)).first()
    add_label(session, issue, admin, label)
    record(session, issue, EventKind.RENAMED, admin, args={"old_title": title, "new_title": title})
    session.commit()
    return visitor_as("admin")


@pytest.fixture
def answers(admin, visitor, world, visitor_as, monkeypatch):
    """One answer of each kind that the site can give, by its status and address."""
    world.user("stranger")
    stranger = visitor_as("stranger")
    css = admin.get("/").html.find("link", rel="stylesheet")["href"]
    found = [admin.get(address) for address in ("/", "/archived/", "/add/", "/web/edit/", css)]
    found += [admin.get(f"/web/issues/{rest}") for rest in ("", "?q=nonsense", "1/", "1/edit/")]
    found += [admin.get(f"/web/issues/{rest}") for rest in ("add/", "1/close/", "1/comment/")]
    found.append(admin.get("/web/"))
    found.append(visitor.get("/"))
    found.append(visitor.get("/login?next=/web/"))
    found.append(visitor.get("/add/"))
    found.append(admin.get("/nope", status=404))
    found.append(admin.get("/static/nope.css", status=404))
    found.append(admin.get("/?q=%ff", status=400))
    found.append(admin.put("/", status=405))
    found.append(admin.post("/web/issues/1/comment/", {"comment": TEXT}, status=400))
    found.append(admin.post_form("/web/issues/1/comment/", {"comment": TEXT, "preview": "1"}))
    found.append(admin.post_form("/web/issues/add/", {"title": "x" * 300}, status=422))
    found.append(admin.post_form("/web/issues/1/reopen/", status=409))
    found.append(admin.post_form("/markdown/", {"data": TEXT}))
    found.append(stranger.get("/web/edit/", status=403))
    monkeypatch.setattr(query, "list_issues", None)
    found.append(admin.get("/web/issues/", status=500))
    return found


def test_every_answer_has_the_security_headers(answers):
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers.getall("Cache-Control")
        assert "Strict-Transport-Security" not in answer.headers


def test_the_policy_lets_nothing_inline_or_foreign_run():
    directives = dict(rule.split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert {"base-uri", "form-action", "frame-ancestors"} <= set(directives)
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


def test_nothing_is_inline_in_any_page(answers):
    pages = [answer for answer in answers if answer.content_type == "text/html" and answer.text]
    assert len(pages) > 20
    for page in pages:
        for tag in page.html.find_all(True):
            assert tag.name not in ("style", "iframe", "object", "embed", "base", "meta-refresh")
            assert tag.name != "script" or (tag["src"].startswith("/static/") and not tag.text)
            for name, value in tag.attrs.items():
                assert name != "style"
                assert not name.startswith("on")
                if name in ("href", "src", "action", "formaction"):
                    assert (
                        not value.strip().lower().startswith(("javascript:", "data:", "vbscript:"))
                    )


def test_every_page_loads_from_this_site_alone(answers):
    for page in answers:
        if page.content_type != "text/html" or not page.text:
            continue
        for tag in page.html.select("script, link, img, use, source, audio, video"):
            source = tag.get("src") or tag.get("href")
            assert source.startswith("/static/"), tag


def test_pages_are_not_kept_by_shared_caches_and_static_files_are(admin):
    page = admin.get("/")
    assert page.headers["Cache-Control"] == "private, no-cache"
    css = page.html.find("link", rel="stylesheet")["href"]
    assert "max-age=31536000" in admin.get(css).headers["Cache-Control"]
    assert "Set-Cookie" not in admin.get(css).headers


def test_over_https_only_https_is_ever_used_again(admin):
    answer = admin.get("/login", extra_environ={"wsgi.url_scheme": "https"})
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
