from __future__ import annotations

import dataclasses
import datetime as dt
import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ponytracker.inbound.verdict import Outcome
from ponytracker.issues import service
from ponytracker.models import IssueSubscription, SubscriptionReason
from ponytracker.models.base import now
from ponytracker.operations.metrics import Metrics
from ponytracker.operations.readiness import READINESS, make_readiness
from ponytracker.settings import SettingError
from ponytracker.settings.metrics import MetricsSettings
from tests.functional.conftest import make_test_app
from tests.site import Visitor

KEY = "k" * 20
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def app(all_on, database):
    """The application with metrics, over the database of this test."""
    settings = dataclasses.replace(
        all_on, metrics=MetricsSettings(enabled=True, bearer_key=KEY), bounce_limit=5
    )
    app = make_test_app(settings)
    app.registry["ponytracker.database"] = database
    app.registry[READINESS] = make_readiness(settings, lambda: app.registry["ponytracker.database"])
    return app


@pytest.fixture
def scrape(app):
    """Return a function that reads the metrics; each sample by its name and labels."""

    def scrape():
        answer = Visitor(app).get("/metrics", headers=BEARER)
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "Set-Cookie" not in answer.headers
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return scrape


def requests(view, method, status):
    labels = (("method", method), ("status", status), ("view", view))
    return ("ponytracker_requests_total", *labels)


def test_they_are_for_whoever_has_the_key(visitor):
    for wrong in ({}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Basic {KEY}"}):
        answer = visitor.get("/metrics", headers=wrong, status=401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "ponytracker_" not in answer.text
    assert visitor.get("/metrics", headers=BEARER).status_int == 200


def test_a_folder_that_cannot_be_used_is_named_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"file/metrics, which cannot be used: Not a directory"):
        Metrics(tmp_path / "file/metrics")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(SettingError, match=r"cannot write to it\. Make it for .* install -d"):
        Metrics(tmp_path)
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_where_they_are_off_nothing_is_there(one_app, database):
    one_app.registry["ponytracker.database"] = database
    answer = Visitor(one_app).get("/metrics", headers=BEARER, status=404)
    assert "not the web page" in answer.text


def test_requests_are_counted_by_view_and_never_by_what_was_asked(world, visitor, scrape):
    world.issue(world.project("web"))
    visitor.get("/web/issues/1/")
    visitor.get("/secret-name/", status=303)
    visitor.get("/web/issues/99/", status=404)
    visitor.get("/web/issues/1/secret-name", status=404)
    visitor.request("/web/", method="SECRET", status=405)
    found = scrape()
    assert found[requests("IssueResource", "GET", "200")] == 1
    assert found[requests("none", "GET", "303")] == 1
    assert found[requests("none", "GET", "404")] == 2
    assert found[requests("ProjectResource", "other", "405")] == 1
    assert not any("secret" in str(name).lower() for name in found)
    view = ("view", "IssueResource")
    assert found["ponytracker_request_seconds_count", view] == 1
    assert found["ponytracker_request_queries_count", view] == 1
    assert found["ponytracker_request_queries_sum", view] > 1
    assert found["ponytracker_query_seconds_total", view] > 0


def test_mails(world, session, scrape, visitor):
    issue = world.issue(world.project("web"))
    bob = world.user("bob", email="bob@example.org")
    issue.subscriptions[bob.id] = IssueSubscription(
        user_id=bob.id, reason=SubscriptionReason.MANUAL
    )
    service.comment(session, issue, None, text="Me too", at=now() - dt.timedelta(hours=2))
    session.commit()
    files = [("email", "m", b"x")]
    visitor.post("/api/email/recv/", {"key": "wrong"}, upload_files=files, status=403)
    found = scrape()
    assert found["ponytracker_mails", ("state", "owed")] == 1
    assert found["ponytracker_mails", ("state", "failed")] == 0
    assert found["ponytracker_oldest_owed_mail_seconds",] >= 0
    assert found["ponytracker_mails_received_total", ("outcome", Outcome.WRONG_KEY)] == 1


def test_signing_in(world, visitor, scrape):
    world.user("alice")
    visitor.sign_in("alice", "wrong", status=422)
    visitor.sign_in("alice")
    found = scrape()
    assert found["ponytracker_sign_in_failures_total",] == 1
    assert found["ponytracker_sessions",] == 1


def test_what_runs_and_how_it_is(scrape):
    found = scrape()
    assert found["ponytracker_check_ok", ("check", "database")] == 1
    assert any(name[0] == "ponytracker_build_info" for name in found)
    assert found["process_resident_memory_bytes",] > 0
