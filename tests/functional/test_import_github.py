"""Archives of GitHub in the database: exact, once, and as their events say."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.accounts.service import create_user, find_user
from ponytracker.db import Database
from ponytracker.importers import load as loading
from ponytracker.importers.github import open_archive
from ponytracker.importers.load import Outcome, load
from ponytracker.importers.prepare import UnfitProject
from ponytracker.importers.records import ArchiveError
from ponytracker.importers.survey import Survey
from ponytracker.issues.replay import apply
from ponytracker.issues.service import open_issue
from ponytracker.models import (
    Access,
    AuditEntry,
    Event,
    EventKind,
    Issue,
    IssueSubscription,
    Label,
    Milestone,
    Project,
    State,
    StateReason,
    SubscriptionReason,
    User,
)
from ponytracker.projects.service import create_project, find_project
from tests.unit.importers.archives import (
    backup,
    draft,
    draft_comment,
    draft_issue,
    moment,
    rest_comment,
    rest_event,
    rest_issue,
    write_json,
    write_tar,
)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(loading, "PAUSE", 0)


def at(second: int) -> dt.datetime:
    return dt.datetime.fromisoformat(moment(second))


def import_archive(
    database: Database,
    path: Path,
    *,
    project: str = "spec",
    pull_requests: bool = False,
    access: Access = Access.PRIVATE,
    **kw: Any,
) -> Outcome:
    survey = Survey(open_archive(path), pull_requests=pull_requests)
    for _ in survey.take():
        pass
    return load(database, survey, project_name=project, access=access, **kw)


def import_draft(database: Database, tmp_path: Path, **kw: Any) -> Outcome:
    keys = {key: kw.pop(key) for key in ("issues", "pulls", "labels") if key in kw}
    return import_archive(database, write_json(tmp_path / "archive.json", draft(**keys)), **kw)


def import_backup(database: Database, tmp_path: Path, *issues: Any, **kw: Any) -> Outcome:
    kinds = {key: kw.pop(key) for key in ("pulls", "milestones", "labels") if key in kw}
    return import_archive(database, write_tar(tmp_path / "b.tar.xz", backup(issues, **kinds)), **kw)


def get_issue(session: Session, number: int, project: str = "spec") -> Issue:
    session.expire_all()
    found = find_project(session, project)
    assert found
    return session.scalars(select(Issue).filter_by(project_id=found.id, number=number)).one()


def timeline(session: Session, issue: Issue) -> list[tuple[EventKind, str | None, int, Any]]:
    """Kind, actor, second and what it is about of each event but the first."""
    events = session.scalars(select(Event).where(Event.issue_id == issue.id).order_by(Event.id))
    return [
        (
            event.kind,
            event.actor and event.actor.username,
            (event.created_at - at(0)).seconds,
            event.text
            or {key: value for key, value in event.args.items() if not key.endswith("_id")},
        )
        for event in events
    ][1:]


def check_replay(session: Session, project_name: str) -> None:
    """Assert that every issue is what its events make of it, and the counters what they count."""
    project = find_project(session, project_name)
    assert project
    states: Counter[State] = Counter()
    events: dict[int, list[Event]] = {}
    for event in session.scalars(select(Event).filter_by(project_id=project.id).order_by(Event.id)):
        events.setdefault(event.issue_id, []).append(event)
    for issue in session.scalars(select(Issue).filter_by(project_id=project.id)):
        replayed = SimpleNamespace(
            state_reason=None,
            closed_at=None,
            due_at=None,
            milestone_id=None,
            assignee_id=None,
            label_ids=set(),
        )
        timeline = events.pop(issue.id)
        assert timeline[0].kind is EventKind.OPENED
        for event in timeline:
            apply(event, replayed)  # type: ignore[arg-type]
        row = {name: getattr(issue, name) for name in vars(replayed) if name != "label_ids"}
        assert {**row, "label_ids": set(issue.label_ids)} == vars(replayed)
        assert issue.last_event_id == timeline[-1].id
        states[issue.state] += 1
    assert not events
    assert (project.open_count, project.closed_count) == (states[State.OPEN], states[State.CLOSED])


def snapshot(session: Session, project_name: str) -> list[Any]:
    """Return all that an import makes, without ids."""
    session.expire_all()
    project = find_project(session, project_name)
    assert project
    issues = session.scalars(
        select(Issue).filter_by(project_id=project.id).order_by(Issue.number)
    ).all()
    return [
        (project.last_issue_number, project.open_count, project.closed_count),
        sorted((x.name, x.color, x.deleted) for x in session.scalars(select(Label))),
        sorted((x.name, x.slug, x.deleted) for x in session.scalars(select(Milestone))),
        sorted(user.username for user in session.scalars(select(User))),
        [(i.number, i.title, i.state, i.imported_from, timeline(session, i)) for i in issues],
    ]


# Exactly


def test_issue_of_a_draft_archive(database, session, tmp_path):
    issue = draft_issue(
        7,
        state="CLOSED",
        body="**b**\r\nnext",
        closedAt=moment(9),
        labels=["bug"],
        assignees=["eve"],
        comments=[draft_comment(6, "Later"), draft_comment(5, "Sooner", None)],
    )
    labels = [{"name": "bug", "color": "fc2929"}, {"name": "pale", "color": "ffffaa"}]
    outcome = import_draft(database, tmp_path, issues=[issue], labels=labels)
    assert outcome == Outcome(
        project_created=True, accounts_created=3, issues=1, comments=2, events=3
    )

    found = get_issue(session, 7)
    assert (found.title, found.state, found.state_reason) == ("Issue 7", State.CLOSED, None)
    assert (found.created_at, found.updated_at, found.closed_at) == (at(0), at(9), at(9))
    assert (found.author.username, found.assignee.username) == ("ada", "eve")
    assert found.comment_count == 2
    assert found.imported_from == "github:wg/spec#7"
    opening = session.get(Event, found.last_event_id - 5)
    assert (opening.text, opening.html) == (
        "**b**\nnext",
        "<p><strong>b</strong><br>\nnext</p>\n",
    )
    someone = {"unknown_actor": True}
    assert timeline(session, found) == [
        (
            EventKind.LABELED,
            None,
            0,
            {**someone, "name": "bug", "color": "#FC2929"},
        ),
        (EventKind.ASSIGNED, None, 0, {**someone, "username": "eve"}),
        (EventKind.COMMENTED, None, 5, "Sooner"),
        (EventKind.COMMENTED, "bob", 6, "Later"),
        (EventKind.CLOSED, None, 9, someone),
    ]
    check_replay(session, "spec")

    rows = session.execute(select(Label.name, Label.color, Label.inverted).order_by(Label.name))
    assert [tuple(row) for row in rows] == [("bug", "#FC2929", False), ("pale", "#FFFFAA", False)]
    project = find_project(session, "spec")
    assert (project.access, project.last_issue_number) == (Access.PRIVATE, 7)
    assert (project.open_count, project.closed_count) == (0, 1)


def test_events_of_a_backup(database, session, tmp_path):
    issue = rest_issue(
        3,
        state="closed",
        state_reason="not_planned",
        closed_at=moment(50),
        title="Now",
        labels=[{"name": "bug", "color": "d73a4a"}],
        milestone={"title": "Go 1.5 (beta)", "state": "open"},
        assignee={"login": "zoe"},
        event_data=[
            rest_event(1, "labeled", label={"name": "bug", "color": "d73a4a"}),
            rest_event(2, "labeled", label={"name": "gone", "color": "000000"}),
            rest_event(3, "unlabeled", label={"name": "gone", "color": "000000"}),
            rest_event(4, "milestoned", milestone={"title": "old"}),
            rest_event(5, "milestoned", milestone={"title": "Go 1.5 (beta)"}),
            rest_event(5, "demilestoned", milestone={"title": "old"}),
            rest_event(6, "renamed", rename={"from": "Then", "to": "Now"}),
            rest_event(7, "assigned", assignee={"login": "zoe"}),
            rest_event(40, "closed", None),
            rest_event(41, "reopened"),
            rest_event(51, "closed", "Ada"),
        ],
    )
    import_backup(database, tmp_path, issue)
    found = get_issue(session, 3)
    assert (found.title, found.state_reason) == ("Now", StateReason.NOT_PLANNED)
    assert found.closed_at == at(50)
    assert (found.milestone.slug, found.milestone.deleted) == ("go-1.5-beta", False)
    bug = {"name": "bug", "color": "#D73A4A"}
    gone = {"name": "gone", "color": "#000000"}
    assert timeline(session, found) == [
        (EventKind.LABELED, "bob", 1, bug),
        (EventKind.LABELED, "bob", 2, gone),
        (EventKind.UNLABELED, "bob", 3, gone),
        (EventKind.MILESTONED, "bob", 4, {"name": "old"}),
        (EventKind.MILESTONED, "bob", 5, {"name": "Go 1.5 (beta)"}),
        (EventKind.RENAMED, "bob", 6, {"old_title": "Then", "new_title": "Now"}),
        (EventKind.ASSIGNED, "bob", 7, {"username": "zoe"}),
        (EventKind.CLOSED, None, 40, {}),
        (EventKind.REOPENED, "bob", 41, {}),
        (EventKind.CLOSED, "ada", 50, {"reason": "not_planned"}),
    ]
    check_replay(session, "spec")
    deleted = (
        select(Label.name).where(Label.deleted),
        select(Milestone.name).where(Milestone.deleted),
    )
    assert [session.scalars(query).all() for query in deleted] == [["gone"], ["old"]]


def test_texts_with_what_a_database_refuses(database, session, tmp_path):
    text = "nul\0, lone \ud800 surrogate, \U0001f40e pony, \x1b control"
    issue = draft_issue(1, title=text, body=text, comments=[draft_comment(1, text)])
    import_draft(database, tmp_path, issues=[issue])
    clean = "nul, lone \ufffd surrogate, \U0001f40e pony, \x1b control"
    found = get_issue(session, 1)
    assert found.title == clean.replace("\x1b", " ")
    assert timeline(session, found)[0][3] == clean


def test_milestones_get_addresses_of_their_own(database, session, tmp_path):
    titles = ["1.0", "v1 / v2", "v1 - v2", "add", "Übung", "…", "..", "第一"]
    milestones = [
        {"number": n, "title": title, "state": "closed", "closed_at": moment(n)}
        for n, title in enumerate(titles, 1)
    ]
    import_backup(database, tmp_path, rest_issue(1), milestones=milestones)
    rows = session.execute(select(Milestone.slug).order_by(Milestone.id)).scalars().all()
    assert rows == [
        "1.0",
        "v1-v2",
        "v1-v2-2",
        "add-2",
        "ubung",
        "milestone",
        "milestone-2",
        "milestone-3",
    ]


def test_labels_keep_their_colors(database, session, tmp_path):
    labels = [{"name": name, "color": name} for name in ("ffffff", "0052cc")]
    import_draft(database, tmp_path, labels=[*labels, {"name": "none", "color": ""}])
    rows = session.execute(select(Label.color, Label.inverted).order_by(Label.id)).all()
    # Which text can be read on a color, the page decides.
    assert [tuple(row) for row in rows] == [
        ("#FFFFFF", False),
        ("#0052CC", False),
        ("#EDEDED", False),
    ]


# Accounts


def test_unknown_authors_become_accounts_nobody_signs_in_to(database, session, tmp_path):
    issues = [
        draft_issue(1, author="Ada"),
        draft_issue(2, author="ada", comments=[draft_comment(1, "x", "dependabot[bot]")]),
        draft_issue(3, author=None, comments=[draft_comment(1, "x", "ghost")]),
    ]
    assert import_draft(database, tmp_path, issues=issues).accounts_created == 2
    users = session.scalars(select(User).order_by(User.id)).all()
    assert [(u.username, u.is_active, u.password_hash) for u in users] == [
        ("Ada", False, None),
        ("dependabot[bot]", False, None),
    ]
    assert get_issue(session, 2).author.username == "Ada"
    assert get_issue(session, 3).author is None


def test_an_account_of_that_name_gets_the_texts_and_stays_as_it_is(database, session, tmp_path):
    ada = create_user(session, username="ADA", password_hash="x", email="ada@example.org")
    session.commit()
    comments = [draft_comment(1, "x", "ada"), draft_comment(2, "y", "bob")]
    outcome = import_draft(database, tmp_path, issues=[draft_issue(1, comments=comments)])
    session.refresh(ada)
    assert outcome.accounts_created == 1
    assert (ada.is_active, ada.password_hash, ada.email) == (True, "x", "ada@example.org")
    found = get_issue(session, 1)
    assert found.author_id == ada.id
    bob = find_user(session, "bob")
    entry = session.scalars(select(AuditEntry).filter_by(action="user.import")).one()
    assert (entry.target, entry.after) == ("1 accounts", {"usernames": ["bob"]})
    rows = session.scalars(select(IssueSubscription).filter_by(issue_id=found.id))
    assert {row.user_id: row.reason for row in rows} == {
        ada.id: SubscriptionReason.AUTHOR,
        bob.id: SubscriptionReason.COMMENTED,
    }


# Pull requests


def test_pull_requests_are_left_out_but_their_numbers_stay_free(database, session, tmp_path):
    pulls = [draft_issue(9, state="MERGED", closedAt=moment(5), author="zoe")]
    outcome = import_draft(database, tmp_path, issues=[draft_issue(1)], pulls=pulls)
    assert outcome.issues == 1
    assert find_user(session, "zoe") is None
    project = find_project(session, "spec")
    assert open_issue(session, project, None, title="Next").number == 10


def test_pull_requests_come_as_issues_with_a_label(database, session, tmp_path):
    pull = draft_issue(
        2,
        state="MERGED",
        closedAt=moment(5),
        labels=["bug"],
        reviews=[{**draft_comment(3, "Fine.", "zoe"), "comments": []}],
    )
    outcome = import_draft(
        database, tmp_path, issues=[draft_issue(1)], pulls=[pull], pull_requests=True
    )
    assert (outcome.issues, outcome.comments) == (2, 1)
    found = get_issue(session, 2)
    assert found.state is State.CLOSED
    assert [label.name for label in found.labels] == ["bug", "pull request"]
    assert not get_issue(session, 1).labels
    check_replay(session, "spec")


def test_pull_requests_can_come_later(database, session, tmp_path):
    keys = {"issues": [draft_issue(1)], "pulls": [draft_issue(2)]}
    import_draft(database, tmp_path, **keys)
    outcome = import_draft(database, tmp_path, **keys, pull_requests=True)
    assert (outcome.issues, outcome.present) == (1, 1)
    assert get_issue(session, 2).imported_from == "github:wg/spec#2"


# Once


MANY = [
    rest_issue(
        number,
        labels=[{"name": "bug"}] if number % 3 else [],
        milestone={"title": "1.0"} if number % 2 else None,
        comment_data=[rest_comment(5, f"About {number}", f"user{number}")],
        state="closed" if number % 2 else "open",
        closed_at=moment(9) if number % 2 else None,
    )
    for number in range(1, 12)
]


def test_a_second_import_brings_only_what_is_new(database, session, tmp_path):
    import_backup(database, tmp_path, *MANY[:8])
    before = snapshot(session, "spec")
    assert import_backup(database, tmp_path, *MANY[:8]) == Outcome(present=8)
    assert snapshot(session, "spec") == before
    outcome = import_backup(database, tmp_path, *MANY)
    assert (outcome.issues, outcome.present, outcome.accounts_created) == (3, 8, 3)
    check_replay(session, "spec")


def test_what_was_interrupted_goes_on_to_the_same_end(database, session, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "BATCH_ISSUES", 3)

    def interrupt(outcome: Outcome) -> None:
        if outcome.issues >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_backup(database, tmp_path, *MANY, on_progress=interrupt)
    assert len(snapshot(session, "spec")[-1]) == 6
    outcome = import_backup(database, tmp_path, *MANY)
    assert (outcome.issues, outcome.present) == (5, 6)
    interrupted = snapshot(session, "spec")
    check_replay(session, "spec")

    session.delete(find_project(session, "spec"))
    session.commit()
    import_backup(database, tmp_path, *MANY)
    assert snapshot(session, "spec") == interrupted


def test_a_failure_in_a_batch_leaves_the_batches_before(database, session, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "BATCH_ISSUES", 4)
    record, calls = loading.record, iter(range(1000))

    def fail_later(*args: Any, **kw: Any) -> Event:
        if next(calls) > 15:
            raise RuntimeError("killed")
        return record(*args, **kw)

    monkeypatch.setattr(loading, "record", fail_later)
    with pytest.raises(RuntimeError, match="killed"):
        import_backup(database, tmp_path, *MANY)
    session.expire_all()
    assert session.scalar(select(func.count(Issue.id))) == 4
    check_replay(session, "spec")


def test_a_batch_leaves_out_what_came_in_meanwhile(database, session, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "BATCH_ISSUES", 4)
    runs = []

    def run_another(outcome: Outcome) -> None:
        if not runs:
            runs.append(outcome.issues)
            runs.append(import_backup(database, tmp_path, *MANY).issues)

    outcome = import_backup(database, tmp_path, *MANY, on_progress=run_another)
    assert runs == [4, 7]
    assert (outcome.issues, outcome.present) == (4, 7)
    check_replay(session, "spec")


# Into which project


def test_a_project_that_is_there_keeps_what_it_has(database, session, tmp_path):
    project = create_project(session, None, name="spec", display_name="The spec")
    open_issue(session, project, None, title="Ours")
    session.add(Milestone(project=project, name="1.0", slug="one"))
    session.commit()
    import_backup(
        database,
        tmp_path,
        rest_issue(2, labels=[{"name": "bug"}], milestone={"title": "1.0"}),
        access=Access.PRIVATE,
    )
    session.expire_all()
    assert (project.display_name, project.access) == ("The spec", Access.PUBLIC)
    found = get_issue(session, 2)
    assert [label.color for label in found.labels] == ["#FF0000"]
    assert found.milestone.slug == "one"
    check_replay(session, "spec")


def test_a_number_that_is_taken_is_refused_before_anything_is_written(database, session, tmp_path):
    project = create_project(session, None, name="spec", display_name="The spec")
    open_issue(session, project, None, title="Ours")
    session.commit()
    before = snapshot(session, "spec")
    with pytest.raises(UnfitProject, match="#1 already, which was opened here"):
        import_draft(database, tmp_path, issues=[draft_issue(2, author="new"), draft_issue(1)])
    assert snapshot(session, "spec") == before


def test_issues_of_another_repository_are_not_taken_for_those_of_this(database, tmp_path):
    import_draft(database, tmp_path, issues=[draft_issue(1)])
    with pytest.raises(UnfitProject, match="came from github:wg/spec#1"):
        import_backup(database, tmp_path, rest_issue(1))


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 33, "Admin", "api", "é"])
def test_a_name_no_project_may_have_is_refused(database, session, tmp_path, name):
    with pytest.raises(UnfitProject, match="cannot be the name of a project"):
        import_draft(database, tmp_path, issues=[draft_issue(1)], project=name)
    assert not session.scalar(select(func.count(Project.id)))


def test_a_name_by_which_another_project_is_called_is_refused(database, session, tmp_path):
    create_project(session, None, name="web", display_name="Spec")
    session.commit()
    with pytest.raises(UnfitProject, match="called 'spec' at another address"):
        import_draft(database, tmp_path, issues=[draft_issue(1)])


def test_an_archived_project_is_refused(database, session, tmp_path):
    create_project(session, None, name="spec", display_name="Spec").archived = True
    session.commit()
    with pytest.raises(UnfitProject, match="is archived"):
        import_draft(database, tmp_path, issues=[draft_issue(1)])


def test_an_archive_that_is_wrong_in_its_last_file_leaves_nothing(database, session, tmp_path):
    files = backup([rest_issue(1)])
    files["repo/issues/2.json"] = b"{"
    with pytest.raises(ArchiveError):
        import_archive(database, write_tar(tmp_path / "t", files))
    for model in (Project, User, Issue):
        assert not session.scalar(select(func.count(model.id)))


@pytest.mark.parametrize("pull_requests", [False, True])
def test_a_number_twice_is_refused(database, tmp_path, pull_requests):
    keys = {"issues": [draft_issue(4)], "pulls": [draft_issue(4)]}
    with pytest.raises(ArchiveError, match="number 4 twice"):
        import_draft(database, tmp_path, **keys, pull_requests=pull_requests)


# Real archives


@pytest.mark.shared_data
@pytest.mark.parametrize("pull_requests", [False, True])
def test_capport(database, session, shared_data, pull_requests):
    path = shared_data / "github-i-d-template" / "capport-wg_api.archive.json"
    outcome = import_archive(database, path, pull_requests=pull_requests)
    assert outcome.issues == (36 if pull_requests else 25)
    check_replay(session, "spec")


@pytest.mark.shared_data
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_tls13_spec(database, session, shared_data):
    path = shared_data / "github-i-d-template" / "tlswg_tls13-spec.archive.json"
    outcome = import_archive(database, path)
    assert (outcome.issues, outcome.comments) == (446, 963)
    project = find_project(session, "spec")
    assert project.last_issue_number == 1454
    check_replay(session, "spec")
