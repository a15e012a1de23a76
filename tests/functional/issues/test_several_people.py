"""Several people at once in front of their browsers, against a model of what a tracker is.

Every step is a form that somebody sends, some of them forms that they opened long before. After
each step the pages show what the model says, and at the end replaying the timeline gives each row.
"""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from ponytracker.db import Database
from ponytracker.models import Event, EventKind, Issue, Project
from tests.functional.issues.test_service import as_stored, replay
from tests.site import Visitor, World

PEOPLE = ("alice", "bob", "carol")
RIGHTS = {
    "alice": {"modify_issue", "manage_issue", "manage_tags", "delete_tags", "delete_comment",
              "delete_issue", "modify_comment"},
    "bob": set(),
    "carol": {"manage_issue", "manage_tags"},
}  # fmt: skip
"""What each may do besides opening issues, commenting, and editing what they wrote."""

WHO = st.sampled_from(PEOPLE)
TITLES = st.sampled_from(["It fails", "It fell <b>", "Ångström"])
TEXTS = st.sampled_from(["one", "*two*", "three & four", "line\nline", ""])
COMMENTS = st.sampled_from(["one", "*two*", "three & four", "see #1 and @bob"])
LABELS = st.sampled_from(["bug", "wip", "a,b"])
MILESTONES = st.sampled_from(["1.0", "Version 2"])


@dataclasses.dataclass
class Comment:
    author: str
    text: str | None


@dataclasses.dataclass
class Tracked:
    """An issue as the model has it."""

    author: str
    title: str
    text: str
    is_open: bool = True
    labels: set[str] = dataclasses.field(default_factory=set)
    milestone: str | None = None
    assignee: str | None = None
    comments: dict[int, Comment] = dataclasses.field(default_factory=dict)


class Tracker(RuleBasedStateMachine):
    """Sends forms and remembers what should have become of them."""

    database: Database
    app: object
    passwords: object

    issues = Bundle("issues")
    open_forms = Bundle("open_forms")

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self.database.bind.begin_nested()
        session = self.database.session(write=True)
        world = World(session, self.passwords)
        web = world.project("web", labels=[(name, "#ff0000") for name in ("bug", "wip", "a,b")])
        self.browsers = {}
        for name in PEOPLE:
            user = world.user(name, email=f"{name}@example.org")
            if RIGHTS[name]:
                world.grant(*RIGHTS[name], project=web, user_id=user.id)
            self.browsers[name] = Visitor(self.app)
            self.browsers[name].sign_in(name)
        session.close()
        self.model: dict[int, Tracked] = {}
        self.milestones: set[str] = set()
        self.last_number = 0
        self.unseen: dict[str, set[int]] = {name: set() for name in PEOPLE}

    def teardown(self) -> None:
        try:
            self.check_replay()
        finally:
            self.savepoint.rollback()

    # What people do

    @rule(target=issues, who=WHO, title=TITLES, text=TEXTS)
    def open_issue(self, who, title, text):
        fields = {"title": title, "description": text}
        self.post(who, "/web/issues/add/", fields)
        self.last_number += 1
        self.model[self.last_number] = Tracked(who, title, text)
        self.others_have_not_seen(who, self.last_number)
        return self.last_number

    @rule(who=WHO, number=issues, text=COMMENTS, change=st.booleans())
    def comment(self, who, number, text, change):
        issue = self.model.get(number)
        fields = {"comment": text, **({"change-state": ""} if change else {})}
        is_allowed = not change or "manage_issue" in RIGHTS[who]
        status = 404 if issue is None else 303 if is_allowed else 403
        self.post(who, f"/web/issues/{number}/comment/", fields, status=status)
        if status != 303:
            return
        if change:
            issue.is_open = not issue.is_open
        issue.comments[self.newest_comment(number)] = Comment(who, text)
        self.others_have_not_seen(who, number)

    @rule(who=WHO, number=issues, verb=st.sampled_from(["close", "reopen"]))
    def change_state(self, who, number, verb):
        issue = self.model.get(number)
        is_allowed = "manage_issue" in RIGHTS[who]
        fits = issue is not None and issue.is_open == (verb == "close")
        status = 404 if issue is None else 403 if not is_allowed else 303 if fits else 409
        self.post(who, f"/web/issues/{number}/{verb}/", {}, status=status)
        if status == 303:
            issue.is_open = not issue.is_open
            self.others_have_not_seen(who, number)

    @rule(who=WHO, number=issues, data=st.data())
    def edit_a_comment(self, who, number, data):
        issue = self.model.get(number)
        if issue is None or not issue.comments:
            return
        event_id = data.draw(st.sampled_from(sorted(issue.comments)))
        text = data.draw(COMMENTS)
        comment = issue.comments[event_id]
        is_allowed = comment.author == who or "modify_comment" in RIGHTS[who]
        status = 404 if comment.text is None else 303 if is_allowed else 403
        path = f"/web/issues/{number}/comments/{event_id}/edit/"
        self.post(who, path, {"comment": text}, status=status)
        if status == 303:
            comment.text = text

    @rule(who=WHO, number=issues, data=st.data())
    def delete_a_comment(self, who, number, data):
        issue = self.model.get(number)
        if issue is None or not issue.comments:
            return
        event_id = data.draw(st.sampled_from(sorted(issue.comments)))
        comment = issue.comments[event_id]
        is_allowed = "delete_comment" in RIGHTS[who]
        status = 404 if comment.text is None else 303 if is_allowed else 403
        self.post(who, f"/web/issues/{number}/comments/{event_id}/delete/", {}, status=status)
        if status == 303:
            comment.text = None
            self.others_have_not_seen(who, number)

    @rule(who=WHO, number=issues, label=LABELS, verb=st.sampled_from(["add", "remove"]))
    def label(self, who, number, label, verb):
        path = f"/web/issues/{number}/{verb}-label/{self.label_id(label)}/"
        issue = self.model.get(number)
        status = 404 if issue is None else 303 if "manage_tags" in RIGHTS[who] else 403
        self.post(who, path, {}, status=status)
        if status == 303 and (label in issue.labels) == (verb == "remove"):
            issue.labels ^= {label}
            self.others_have_not_seen(who, number)

    @rule(who=WHO, name=MILESTONES)
    def add_milestone(self, who, name):
        is_allowed = "manage_tags" in RIGHTS[who]
        is_there = name in self.milestones
        status = 403 if not is_allowed else 422 if is_there else 303
        self.post(who, "/web/milestones/add/", {"name": name}, status=status)
        if status == 303:
            self.milestones.add(name)

    @precondition(lambda self: self.milestones)
    @rule(who=WHO, data=st.data())
    def delete_milestone(self, who, data):
        name = data.draw(st.sampled_from(sorted(self.milestones)))
        is_allowed = "delete_tags" in RIGHTS[who]
        path = f"/web/milestones/{self.slug(name)}/delete/"
        self.post(who, path, {}, status=303 if is_allowed else 403)
        if is_allowed:
            self.milestones.remove(name)
            for number, issue in self.model.items():
                if issue.milestone == name:
                    issue.milestone = None
                    self.others_have_not_seen(who, number)

    @rule(who=WHO, numbers=st.lists(issues, min_size=1, max_size=4), data=st.data())
    def change_many(self, who, numbers, data):
        """Change some issues from the list, and perhaps take it back at once."""
        changes = ["close", "reopen", "assign", *(f"label {name}" for name in ("bug", "a,b"))]
        changes += [f"milestone {name}" for name in sorted(self.milestones)] + ["no-milestone"]
        change = data.draw(st.sampled_from(changes))
        verb, _, name = change.partition(" ")
        right = "manage_issue" if verb in ("close", "reopen", "assign") else "manage_tags"
        fields = {"issue": [str(number) for number in numbers], "change": verb}
        if verb == "label":
            fields["change"] = f"label-{self.label_id(name)}"
        elif verb == "milestone":
            fields["change"] = f"milestone-{self.milestone_id(name)}"
        elif verb == "assign":
            fields["assignee"] = name = "bob"
        if right not in RIGHTS[who]:
            self.post(who, "/web/issues/change/", fields, status=403)
            return
        before = {n: dataclasses.replace(i, labels=set(i.labels)) for n, i in self.model.items()}
        page = self.post(who, "/web/issues/change/", fields).follow()
        for number in set(numbers) & set(self.model):
            issue = self.model[number]
            if verb in ("close", "reopen"):
                issue.is_open = verb == "reopen"
            elif verb == "assign":
                issue.assignee = name
            elif verb == "label":
                issue.labels.add(name)
            else:
                issue.milestone = name or None
            if issue != before[number]:
                self.others_have_not_seen(who, number)
        undo = [form for form in page.forms.values() if "/undo/" in (form.action or "")]
        assert bool(undo) == (self.model != before)
        if undo and data.draw(st.booleans()):
            undo[0].submit(status=303)
            self.model = before

    @precondition(lambda self: len(self.model) > 2)
    @rule(who=WHO, number=issues)
    def delete_issue(self, who, number):
        is_there, is_allowed = number in self.model, "delete_issue" in RIGHTS[who]
        status = 404 if not is_there else 303 if is_allowed else 403
        self.post(who, f"/web/issues/{number}/delete/", {}, status=status)
        if status == 303:
            del self.model[number]
            for unseen in self.unseen.values():
                unseen.discard(number)

    # Forms that stay open for a while

    @rule(target=open_forms, who=WHO, number=issues)
    def open_the_edit_form(self, who, number):
        issue = self.model.get(number)
        if issue is None or not (issue.author == who or "modify_issue" in RIGHTS[who]):
            return None
        page = self.browsers[who].get(f"/web/issues/{number}/edit/")
        return who, number, page.forms["issue-form"], (issue.title, issue.text)

    @rule(opened=consumes(open_forms), title=TITLES, text=TEXTS)
    def send_the_edit_form(self, opened, title, text):
        if opened is None:
            return
        who, number, form, seen = opened
        form["title"], form["description"] = title, text
        issue = self.model.get(number)
        if issue is None:
            form.submit(status=404)
        elif (issue.title, issue.text) != seen:
            page = form.submit(status=422)
            again = page.forms["issue-form"]
            assert (again["title"].value, again["description"].value) == (title, text)
            # Nothing is overwritten unseen: what is saved now is on the page too.
            assert issue.title in page.html.text
        else:
            form.submit(status=303)
            if title != issue.title:
                self.others_have_not_seen(who, number)
            issue.title, issue.text = title, text

    # What people see

    @rule(who=WHO, number=issues)
    def read(self, who, number):
        self.browsers[who].get(
            f"/web/issues/{number}/", status=200 if number in self.model else 404
        )
        self.unseen[who].discard(number)

    @rule(who=WHO)
    def mark_all_as_read(self, who):
        self.post(who, "/web/markread/", {})
        self.unseen[who].clear()

    @invariant()
    def the_list_shows_what_there_is(self):
        page = self.browsers["alice"].get("/web/issues/?q=*")
        shown = {
            int(row.select_one(".row-title")["href"].strip("/").split("/")[-1]): row
            for row in page.html.select(".row-list > li")
        }
        assert set(shown) == set(self.model)
        for number, row in shown.items():
            issue = self.model[number]
            assert row.select_one(".row-title").text == issue.title
            assert bool(row.select_one(".state-open")) == issue.is_open
            assert {label.text.strip() for label in row.select(".issue-label")} == issue.labels
            assert (issue.milestone or "") in row.text

    @invariant()
    def everyone_is_told_what_they_have_not_read(self):
        for who in PEOPLE:
            page = self.browsers[who].get("/")
            badge = page.html.select_one(".unread")
            count = int(badge.text.split()[-1]) if badge else 0
            assert count == len(self.unseen[who]), who

    @precondition(lambda self: self.model)
    @invariant()
    def the_page_of_the_last_issue_shows_all_of_it(self):
        number = max(self.model)
        issue = self.model[number]
        page = Visitor(self.app).get(f"/web/issues/{number}/")  # nobody: it marks nothing as read
        assert issue.title in page.html.select_one("h1").text
        shown = page.html.select(".timeline-comment .markdown-body")
        texts = [issue.text, *(c.text for c in issue.comments.values() if c.text is not None)]
        assert len(shown) == len(texts)
        for text, html in zip(texts, shown, strict=True):
            words = re.findall(r"\w+", text) or ["No", "description", "provided"]
            assert re.findall(r"\w+", html.text) == words
        side = page.html.select_one(".issue-side").text
        assert all(label in side for label in issue.labels)
        assert (issue.milestone or "No milestone") in side
        assert (issue.assignee or "No one") in side

    def check_replay(self):
        with self.database.session(write=False) as session:
            project = session.scalars(select(Project).where(Project.name == "web")).one()
            issues = session.scalars(select(Issue).where(Issue.project_id == project.id)).all()
            for issue in issues:
                events = session.scalars(
                    select(Event).where(Event.issue_id == issue.id).order_by(Event.id)
                ).all()
                assert as_stored(issue) == replay(events)
            assert project.open_count == sum(issue.is_open for issue in self.model.values())
            assert project.closed_count == len(self.model) - project.open_count
            assert project.last_issue_number == self.last_number

    # How they do it

    def post(self, who, path, fields, status=303):
        return self.browsers[who].post_form(path, fields, status=status)

    def others_have_not_seen(self, who, number):
        for name in PEOPLE:
            if name != who:
                self.unseen[name].add(number)

    def newest_comment(self, number):
        return self.ask(
            select(Event.id)
            .join(Event.issue)
            .where(Issue.number == number, Event.kind == EventKind.COMMENTED)
            .order_by(Event.id.desc())
        )

    def label_id(self, name):
        return self.tag_id("labels", name)

    def milestone_id(self, name):
        return self.tag_id("milestones", name)

    def slug(self, name):
        return self.tag_id("milestones", name, "slug")

    def tag_id(self, table, name, column="id"):
        rows = Event.metadata.tables[table].c
        return self.ask(select(rows[column]).where(rows.name == name, rows.deleted.is_(False)))

    def ask(self, statement):
        with self.database.session(write=False) as session:
            return session.scalars(statement).first()


@pytest.fixture
def machine(app, database, passwords):
    return type("Machine", (Tracker,), {"app": app, "database": database, "passwords": passwords})


def test_what_several_people_do_at_once(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
