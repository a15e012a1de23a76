from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from ponytracker.errors import Conflict
from ponytracker.issues import each
from ponytracker.issues.recording import lock_issue
from ponytracker.issues.service import add_label
from ponytracker.labels import service
from ponytracker.models import Event, EventKind, Issue, IssueLabel, Label
from tests.databases import count_queries


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def make(world, session, web, alice):
    """Return a function that makes a label which is on so many issues."""

    def make(name, count):
        label = service.create_label(session, web, name=name, color="#000000")
        for number in range(count):
            add_label(session, world.issue(web, alice, title=f"{number}"), alice, label)
        session.commit()
        return label

    return make


def test_a_deletion_costs_so_much_for_each_issue(session, database, web, alice, make, monkeypatch):
    monkeypatch.setattr(each, "AT_ONCE", 10)
    costs = []
    for count in (20, 60):
        label = make(f"on {count}", count)
        session.expire_all()
        with count_queries(database) as queries:
            service.delete_label(session, alice, label)
            session.commit()
        costs.append(len(queries))
        assert not session.scalars(select(IssueLabel).where(IssueLabel.label_id == label.id)).all()
    for_each = (costs[1] - costs[0]) / 40
    assert for_each < 6


def test_events_come_in_the_order_of_the_issues(session, alice, make):
    label = make("bug 2", 5)
    service.delete_label(session, alice, label)
    session.commit()
    events = session.scalars(select(Event).filter_by(kind=EventKind.UNLABELED).order_by(Event.id))
    issue_ids = [event.issue_id for event in events]
    assert len(issue_ids) == 5
    assert issue_ids == sorted(issue_ids)


def test_whoever_took_it_off_before_the_lock_has_done_it(session, alice, make, monkeypatch):
    """Between reading which issues have the label and locking them, one loses it."""
    label = make("bug 2", 3)
    first = session.scalar(select(Issue.id).order_by(Issue.id))
    chunks = each._chunks

    def meanwhile(ids):
        session.execute(delete(IssueLabel).where(IssueLabel.issue_id == first))
        return chunks(ids)

    monkeypatch.setattr(each, "_chunks", meanwhile)
    service.delete_label(session, alice, label)
    session.commit()
    assert session.query(Event).filter_by(kind=EventKind.UNLABELED).count() == 2


def test_whoever_puts_it_on_meanwhile_is_waited_for(world, session, web, alice, make, monkeypatch):
    """What has got the label while the other issues lost theirs loses it too."""
    label = make("bug 2", 2)
    late = world.issue(web, alice)
    remove = service.remove_label

    def meanwhile(session, issue, *rest, **kw):
        if not late.label_ids:
            lock_issue(session, late)
            session.add(IssueLabel(issue_id=late.id, label_id=label.id))
            session.flush()
            session.expire(late)
        return remove(session, issue, *rest, **kw)

    monkeypatch.setattr(service, "remove_label", meanwhile)
    service.delete_label(session, alice, label)
    session.commit()
    assert not set(late.label_ids)
    assert session.query(Event).filter_by(kind=EventKind.UNLABELED).count() == 3


def test_a_label_that_was_deleted_meanwhile(session, web, alice):
    label = session.scalars(select(Label)).first()
    label.deleted = True
    session.flush()
    with pytest.raises(Conflict):
        service.edit_label(session, label, name="x", color="#000000", inverted=False)
    with pytest.raises(Conflict):
        service.delete_label(session, alice, label)
