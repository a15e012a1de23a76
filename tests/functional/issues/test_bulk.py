from __future__ import annotations

import datetime as dt
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from ponytracker.issues import service
from ponytracker.models import Event, Issue, Label, Milestone, Project
from ponytracker.models.base import now
from tests.databases import count_queries
from tests.hostile import withstands

MEMBER = ("manage_issue", "manage_tags")


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def alice(world, web):
    alice = world.user("alice")
    world.grant(*MEMBER, project=web, user_id=alice.id)
    return alice


@pytest.fixture
def issues(world, web, alice):
    return [world.issue(web, alice, title=f"Issue {n}") for n in range(1, 5)]


@pytest.fixture
def triager(visitor_as, alice, issues):
    return visitor_as(alice)


def change(triager, numbers, change, **fields):
    return triager.post_form(
        "/web/issues/change/",
        {"issue": [str(number) for number in numbers], "change": change, **fields},
    ).follow()


def undo(page):
    return next(form for form in page.forms.values() if "/undo/" in form.action).submit().follow()


def said(page):
    return page.html.select_one("main .alert").span.text


def first_label(session):
    return session.scalars(select(Label).order_by(Label.id)).first()


@pytest.fixture
def milestones(session, web):
    rows = [Milestone(project_id=web.id, name=name, slug=name) for name in ("one", "two")]
    session.add_all(rows)
    session.commit()
    return rows


def states(session):
    session.expire_all()
    return [
        (
            issue.state,
            sorted(label.name for label in issue.labels),
            issue.milestone_id,
            issue.assignee_id,
        )
        for issue in session.scalars(select(Issue).order_by(Issue.number))
    ]


def test_closing_many_and_undoing_it(triager, session, web, alice, issues):
    service.close_issue(session, issues[0], alice)
    session.commit()
    page = change(triager, [1, 2, 3], "close")
    assert said(page).startswith("2 issues changed. 1 stays as it is")
    session.expire_all()
    assert [issue.is_open for issue in issues] == [False, False, False, True]
    assert (web.open_count, web.closed_count) == (1, 3)
    page = undo(page)
    assert said(page) == "Undone for 2 issues."
    session.expire_all()
    assert [issue.is_open for issue in issues] == [False, True, True, True]
    assert (web.open_count, web.closed_count) == (3, 1)
    # What undid it can be undone.
    assert said(undo(page)) == "Undone for 2 issues."


@pytest.mark.parametrize(
    "verb", ["label", "unlabel", "milestone", "no-milestone", "assign", "to nobody"]
)
def test_each_change_and_back(verb, triager, session, alice, issues, milestones, world):
    world.user("bob")
    label = first_label(session)
    service.add_label(session, issues[0], alice, label)
    service.set_milestone(session, issues[1], alice, milestones[1])
    service.assign(session, issues[2], alice, alice)
    session.commit()
    fields = {}
    if verb in ("label", "unlabel"):
        verb = f"{verb}-{label.id}"
    elif verb == "milestone":
        verb = f"milestone-{milestones[0].id}"
    elif verb == "assign":
        fields = {"assignee": "@BOB"}
    elif verb == "to nobody":
        verb, fields = "assign", {"assignee": ""}
    before = states(session)
    page = change(triager, [1, 2, 3, 4], verb, **fields)
    after = states(session)
    assert before != after
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    assert said(page).startswith(f"{changed} issue")
    undo(page)
    assert states(session) == before


def test_what_was_changed_meanwhile_stays(triager, session, alice, issues, milestones):
    page = change(triager, [1, 2], f"milestone-{milestones[0].id}")
    service.set_milestone(session, issues[0], alice, milestones[1])
    session.commit()
    assert said(undo(page)).startswith("Undone for 1 issue. 1 stays as it is")
    assert [state[2] for state in states(session)][:2] == [milestones[1].id, None]


def test_a_label_deleted_meanwhile_is_not_put_back(triager, session, alice, issues):
    label = first_label(session)
    service.add_label(session, issues[0], alice, label)
    session.commit()
    page = change(triager, [1], f"unlabel-{label.id}")
    label.deleted = True
    session.commit()
    assert said(undo(page)).startswith("Undone for 0 issues. 1 stays")


def test_only_ones_own_change_of_today_can_be_undone(
    triager, visitor_as, world, session, web, issues
):
    bob = world.user("bob")
    world.grant(*MEMBER, project=web, user_id=bob.id)
    page = change(triager, [1], "close")
    address = next(form for form in page.forms.values() if "/undo/" in form.action).action
    assert said(visitor_as(bob).post_form(address).follow()) == "Undone for 0 issues."
    session.execute(update(Event).values(created_at=now() - dt.timedelta(days=2)))
    session.commit()
    assert said(undo(page)) == "Undone for 0 issues."


def test_each_right_is_asked_for(world, session, web, visitor_as, issues):
    eve, tagger = world.user("eve"), world.user("tagger")
    world.grant("manage_tags", project=web, user_id=tagger.id)
    label = first_label(session)
    for who, verb, allowed in (
        (eve, "close", False),
        (eve, f"label-{label.id}", False),
        (tagger, "close", False),
        (tagger, "assign", False),
        (tagger, f"label-{label.id}", True),
    ):
        fields = {"issue": "1", "change": verb}
        visitor_as(who).post_form("/web/issues/change/", fields, status=303 if allowed else 403)
    assert [event.kind for event in session.scalars(select(Event)) if event.batch] == ["labeled"]


def test_undoing_asks_for_the_right_again(triager, session, web, issues):
    page = change(triager, [1], "close")
    session.execute(update(Project).values(archived=True))
    session.commit()
    form = next(form for form in page.forms.values() if "/undo/" in form.action)
    assert form.submit(status=403)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"change": "close"}, "Select some issues first."),
        ({"change": "close", "issue": ["x", "1²", "99999999999"]}, "Select some issues first."),
        ({"change": "close", "issue": [str(n) for n in range(501)]}, "At most 500 issues"),
        ({"issue": "1"}, "Choose what to do with the issues."),
        ({"issue": "1", "change": "explode"}, "Choose what to do with the issues."),
        (
            {"issue": "1", "change": "label-999999"},
            "That label or milestone is not there any more.",
        ),
        ({"issue": "1", "change": "milestone-x"}, "That label or milestone is not there any more."),
        ({"issue": "1", "change": "assign", "assignee": "nobody"}, "User 'nobody' does not exist."),
    ],
)
def test_what_cannot_be_done_is_said(triager, session, fields, message):
    page = triager.post_form("/web/issues/change/", fields).follow()
    assert page.html.select_one("main .alert-danger").text.strip().startswith(message)
    assert not [event for event in session.scalars(select(Event)) if event.batch]


def test_labels_of_another_project_and_deleted_ones_are_not_there(triager, session, world, issues):
    other = world.project("other")
    foreign = session.scalars(select(Label).where(Label.project_id == other.id)).first()
    deleted = first_label(session)
    deleted.deleted = True
    session.commit()
    for label in (foreign, deleted):
        page = change(triager, [1], f"label-{label.id}")
        assert "That label or milestone is not there any more." in page


def test_nobody_is_assigned_who_may_not_see_the_project(world, session, visitor_as):
    secret = world.project("secret", access="private")
    alice, mallory = world.user("alice"), world.user("mallory")
    world.grant(*MEMBER, project=secret, user_id=alice.id)
    world.issue(secret, alice)
    fields = {"issue": "1", "change": "assign", "assignee": mallory.username}
    page = visitor_as(alice).post_form("/secret/issues/change/", fields).follow()
    assert "User 'mallory' does not exist." in page.text.replace("&#39;", "'")


@pytest.mark.parametrize("many", [2, 4])
def test_each_issue_costs_the_same(many, triager, session, database, issues):
    with count_queries(database) as queries:
        change(triager, range(1, many + 1), f"label-{first_label(session).id}")
    assert len(queries) < 45 + 6 * many


def test_hostile_fields(triager, database, session, issues):
    good = {"issue": "1", "change": "assign", "assignee": "alice", "next": "/web/issues/"}
    assert withstands(triager, database, "/web/issues/change/", good, "bulk-form") == 0
    service.comment(session, issues[0], issues[0].author, text="x")
    for batch in ("", "x" * 5000, "\ufdfa"):
        assert said(triager.post_form(f"/web/issues/undo/?batch={quote(batch)}").follow())
