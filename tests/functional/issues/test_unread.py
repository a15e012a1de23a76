from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ponytracker.issues import service, unread
from ponytracker.models import Event, EventKind, Issue, Label, Project, ProjectReadMark, User
from ponytracker.projects.watching import mark_project_read
from ponytracker.security.principals import identify
from tests.databases import count_queries

WHO, WHICH = st.integers(0, 2), st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("comment"), WHO, WHICH),
        st.tuples(st.just("label"), WHO, WHICH),
        st.tuples(st.just("refer"), WHO, WHICH),
        st.tuples(st.just("read"), WHO, WHICH),
        st.tuples(st.just("read all"), WHO, st.integers(0, 1)),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_unread_is_what_others_did_since_one_looked(database, steps):
    with database.session(write=True) as session:
        people = [User(username=f"user{n}") for n in range(3)]
        projects = [Project(name=f"p{n}", display_name=f"P{n}") for n in range(2)]
        session.add_all([*people, *projects])
        session.flush()
        labels = [Label(project_id=project.id, name="bug") for project in projects]
        session.add_all(labels)
        session.flush()
        issues = [
            service.open_issue(session, projects[n % 2], people[0], title=f"Issue {n}")
            for n in range(4)
        ]
        session.flush()
        new = {
            (person, issue): {find_last(session, issue)} if person is not people[0] else set()
            for person in people
            for issue in issues
        }
        for verb, who, which in steps:
            person = people[who]
            if verb == "read all":
                identity = identify(session, person)
                mark_project_read(session, identity, projects[which])
                for issue in issues[which::2]:
                    new[person, issue].clear()
                continue
            issue = issues[which]
            last = session.scalar(select(func.max(Event.id)))
            if verb == "read":
                unread.mark_read(session, person.id, issue.id, find_last(session, issue))
                new[person, issue].clear()
            elif verb == "comment":
                service.comment(session, issue, person, text="x")
            elif verb == "label":
                label = labels[which % 2]
                change = service.remove_label if label.id in issue.label_ids else service.add_label
                change(session, issue, person, label)
            else:
                other = issues[(which + 1) % 4]
                service.comment(session, other, person, text=f"{issue.project.name}#{issue.number}")
            session.flush()
            for changed in issues:
                events = select(Event.id).where(
                    Event.issue_id == changed.id,
                    Event.id > last,
                    Event.kind.not_in([EventKind.REFERENCED, EventKind.MENTIONED]),
                )
                for event_id in session.scalars(events):
                    for reader in people:
                        if reader is not person:
                            new[reader, changed].add(event_id)
        session.flush()
        ids = [issue.id for issue in issues]
        for person in people:
            counts = {i.id: len(new[person, i]) for i in issues if new[person, i]}
            assert unread.count_unread_events(session, person.id, ids) == counts
            found = session.scalars(select(Issue.id).where(unread.is_unread(person.id)))
            assert set(found) == set(counts)
            by_project = {
                project.id: sum(issue.id in counts for issue in issues[n::2])
                for n, project in enumerate(projects)
            }
            assert unread.count_unread_issues(session, person.id, by_project) == {
                id_: count for id_, count in by_project.items() if count
            }
            for issue in issues:
                mark = unread.find_mark(session, person.id, issue)
                events = session.scalars(select(Event).where(Event.issue_id == issue.id))
                assert {
                    event.id for event in events if unread.is_new(event, person.id, mark)
                } == new[person, issue]
        session.rollback()


def find_last(session, issue):
    return session.scalar(
        select(Event.id).where(Event.issue_id == issue.id).order_by(Event.id.desc())
    )


def test_counts_stop_at_a_hundred(world, session):
    alice, bob = world.user("alice"), world.user("bob")
    web = world.project("web")
    issues = [world.issue(web, bob, title=f"Issue {n}") for n in range(unread.MAX_COUNT + 3)]
    for _ in range(unread.MAX_COUNT + 3):
        service.comment(session, issues[0], bob, text="x")
    session.commit()
    counts = unread.count_unread_events(session, alice.id, [issues[0].id, issues[1].id])
    assert counts == {issues[0].id: unread.MAX_COUNT, issues[1].id: 1}
    assert unread.count_unread_issues(session, alice.id, [web.id]) == {web.id: unread.MAX_COUNT}


def test_of_two_marks_at_once_the_later_stays(world, session):
    alice, bob = world.user("alice"), world.user("bob")
    issue = world.issue(world.project("web"), bob)
    unread.mark_read(session, alice.id, issue.id, 20)
    unread.mark_read(session, alice.id, issue.id, 10)
    assert unread.find_mark(session, alice.id, issue) == 20
    session.add(ProjectReadMark(user_id=alice.id, project_id=issue.project_id, last_event_id=30))
    session.flush()
    assert unread.find_mark(session, alice.id, issue) == 30


@pytest.mark.parametrize("many", [1, 20])
def test_each_count_is_one_query(world, session, database, many):
    alice, bob = world.user("alice"), world.user("bob")
    web = world.project("web")
    ids = [world.issue(web, bob).id for _ in range(many)]
    reader, project = alice.id, web.id
    with count_queries(database) as queries:
        unread.count_unread_events(session, reader, ids)
        unread.count_unread_issues(session, reader, [project])
    assert len(queries) == 2


def test_the_project_list_says_how_much_is_unread(world, session, visitor, visitor_as):
    alice, bob = world.user("alice"), world.user("bob")
    web, ops = world.project("web"), world.project("ops")
    for number in range(3):
        world.issue(web, bob, title=f"Issue {number}")
    world.issue(ops, alice)
    page = visitor_as(alice).get("/")
    badges = {badge["href"]: badge.text.split()[-1] for badge in page.html.select(".unread")}
    assert badges == {"/web/issues/?q=is%3Aunread": "3"}
    assert not visitor.get("/").html.select(".unread")


def test_the_project_list_asks_the_same_for_many_projects(world, database, visitor_as):
    world.user("alice")
    bob = world.user("bob")
    browsing = visitor_as("alice")
    counts = []
    for name in ("one", "two", "three", "four"):
        world.issue(world.project(name), bob)
        with count_queries(database) as queries:
            assert browsing.get("/").html.select(".unread")
        counts.append(len(queries))
    assert len(set(counts)) == 1
