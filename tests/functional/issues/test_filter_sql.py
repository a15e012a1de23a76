"""What filters find: the same as plain Python finds in the same issues, on both databases."""

from __future__ import annotations

import datetime as dt
import random
import re
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ponytracker.issues import filter_sql
from ponytracker.issues.filter_sql import select_issues
from ponytracker.issues.filters import Special, parse
from ponytracker.issues.filters.dates import period
from ponytracker.issues.filters.filter import Filter
from ponytracker.issues.filters.tree import (
    OPEN,
    And,
    Bound,
    Choice,
    Everything,
    IssueNumber,
    Name,
    Not,
    Or,
    Range,
    Term,
    Text,
    completed,
    conjunction,
    disjunction,
    is_scope,
    is_sort,
    negation,
)
from ponytracker.issues.replay import MENTIONS
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    IssueLabel,
    IssueSubscription,
    Label,
    Milestone,
    ProjectReadMark,
    ReadMark,
    State,
    StateReason,
    SubscriptionReason,
)
from ponytracker.security.principals import ANONYMOUS, identify
from ponytracker.text import fold
from tests.databases import count_queries

NOW = dt.datetime(2026, 3, 31, 12, 0, tzinfo=dt.UTC)
WORDS = ["alpha", "beta", "gamma", "delta"]


class Tracker:
    """Two projects, a public one and one that alice sees and nobody else, with issues at random."""

    def __init__(self, world, session):
        self.session = session
        self.dice = random.Random(11)
        self.alice = world.user("alice", time_zone="America/New_York")
        self.people = [self.alice, world.user("bob"), world.user("Carol"), None]
        world.user("dave")
        self.web = world.project("web")
        # Which alice, who made it, watches.
        self.lab = world.project("lab", self.alice, access="private")
        self.issues = []
        for project, size in ((self.web, 30), (self.lab, 8)):
            names = ["Bug", "bug", "help wanted", "a,b", "gone"]
            session.query(Label).filter_by(project_id=project.id).delete()
            labels = [Label(project_id=project.id, name=n, deleted=n == "gone") for n in names]
            milestones = [
                Milestone(project_id=project.id, name=n, slug=n, deleted=n == "old")
                for n in ("v1", "V2", "old")
            ]
            session.add_all([*labels, *milestones])
            session.flush()
            for number in range(1, size + 1):
                self.add(project, number, labels[:-1], milestones[:-1])
        session.commit()
        self.reader = identify(session, self.alice)

    def maybe(self, values):
        return self.dice.choice([None, *values])

    def moment(self):
        return NOW - dt.timedelta(minutes=self.dice.randrange(-3, 90) * 8 * 60)

    def words(self):
        return " ".join(self.dice.choices(WORDS, k=self.dice.randrange(4)))

    def add(self, project, number, labels, milestones):
        dice, session = self.dice, self.session
        author, assignee = dice.choice(self.people), dice.choice(self.people)
        milestone, closed = self.maybe(milestones), dice.random() < 0.4
        issue = Issue(
            project_id=project.id,
            number=number,
            title=self.words(),
            author_id=author and author.id,
            assignee_id=assignee and assignee.id,
            milestone_id=milestone and milestone.id,
            state=State.CLOSED if closed else State.OPEN,
            state_reason=self.maybe(StateReason) if closed else None,
            closed_at=self.moment() if closed else None,
            due_at=self.maybe([self.moment()]),
            created_at=self.moment(),
            updated_at=self.moment(),
        )
        session.add(issue)
        session.flush()
        chosen = dice.sample(labels, dice.randrange(3))
        session.add_all(IssueLabel(issue_id=issue.id, label_id=label.id) for label in chosen)
        events = [self.event(issue, EventKind.OPENED, author, text=self.words())]
        for _comment in range(dice.randrange(4)):
            gone = dice.random() < 0.2
            text = "" if gone else self.words()
            event = self.event(issue, EventKind.COMMENTED, dice.choice(self.people), text=text)
            event.deleted_at = NOW if gone else None
            events.append(event)
        issue.comment_count = sum(
            event.kind is EventKind.COMMENTED and not event.deleted_at for event in events
        )
        if closed:
            events.append(self.event(issue, EventKind.CLOSED, dice.choice(self.people)))
        mentioned = self.maybe(self.people[:3])
        if mentioned:
            event = self.event(issue, EventKind.MENTIONED, self.people[1])
            event.user_id = mentioned.id
            events.append(event)
        session.add_all(events)
        session.flush()
        issue.last_event_id = events[-1].id
        subscribers = dice.sample(self.people[:3], dice.randrange(3))
        session.add_all(
            IssueSubscription(issue_id=issue.id, user_id=user.id, reason=SubscriptionReason.MANUAL)
            for user in subscribers
        )
        mark = self.maybe(events)
        if mark:
            session.add(ReadMark(user_id=self.alice.id, issue_id=issue.id, last_event_id=mark.id))
        if number == 5:
            session.add(
                ProjectReadMark(
                    user_id=self.alice.id, project_id=project.id, last_event_id=events[0].id
                )
            )
        self.issues.append(
            SimpleNamespace(
                row=issue,
                project=project,
                labels={label.name for label in chosen},
                milestone=milestone and milestone.name,
                author=author and author.username,
                assignee=assignee and assignee.username,
                events=events,
                subscribers={user.username for user in subscribers},
            )
        )

    def event(self, issue, kind, actor, **kw):
        return Event(
            issue_id=issue.id,
            project_id=issue.project_id,
            actor_id=actor and actor.id,
            created_at=NOW,
            kind=kind,
            args={},
            **kw,
        )


@pytest.fixture
def tracker(world, session):
    return Tracker(world, session)


class Plain:
    """Finds issues by going through them all."""

    def __init__(self, tracker, reader, project):
        self.tracker = tracker
        self.reader = reader
        self.project = project
        self.names = {user.id: user.username for user in tracker.people if user}
        visible = [tracker.web, tracker.lab] if reader.is_signed_in else [tracker.web]
        self.places = visible if project is None else [project]
        self.known = {"bug", "Bug", "help wanted", "a,b", "v1", "V2"}

    def find(self, root):
        return {
            issue.row.id
            for issue in self.tracker.issues
            if issue.project in self.places
            and self.holds(root, issue, frozenset({"title", "body", "comments"})) is not False
        }

    def holds(self, node, issue, scope):
        """Return whether *node* holds, nothing where it asks nothing."""
        match node:
            case And(children):
                said = [v.word for c in children if is_scope(c) for v in c.values]
                scope = frozenset(said) or scope
                answers = [self.holds(child, issue, scope) for child in children]
                answers = [answer for answer in answers if answer is not None]
                return all(answers) if answers else None
            case Or(children):
                answers = [self.holds(child, issue, scope) for child in children]
                answers = [answer for answer in answers if answer is not None]
                return any(answers) if answers else None
            case Not(child):
                answer = self.holds(child, issue, scope)
                return None if answer is None else not answer
            case Everything():
                return True
            case IssueNumber(number):
                return issue.row.number == number
            case Text(text):
                return self.has_text(text, issue, scope)
        if is_scope(node) or is_sort(node):
            return None
        return any(self.term(node, value, issue) for value in self.values(node))

    def values(self, term):
        names = [value for value in term.values if isinstance(value, Name)]
        if term.key == "label" and len(names) == len(term.values) > 1:
            known = {fold(name) for name in self.known}
            if not any(fold(name.text) in known for name in names):
                return [Name(",".join(name.text for name in names))]
        return term.values

    def has_text(self, text, issue, scope):
        wanted = re.findall(r"[^\W_]+", text)
        if not wanted:
            return None
        texts = {"title": [issue.row.title], "body": [], "comments": []}
        for event in issue.events:
            if event.kind is EventKind.OPENED:
                texts["body"].append(event.text)
            elif event.kind is EventKind.COMMENTED:
                texts["comments"].append(event.text)
        phrase = f" {' '.join(wanted)} "
        return any(phrase in f" {found} " for field in scope for found in texts[field])

    def same(self, name, stored):
        """Return whether *name* means *stored*, a label or milestone."""
        if stored is None or name in self.known:
            return name == stored
        return fold(name) == fold(stored)

    def term(self, term, value, issue):
        people = {
            "author": {issue.author},
            "assignee": {issue.assignee},
            "commenter": self.actors(issue, EventKind.COMMENTED),
            "closed-by": self.actors(issue, EventKind.CLOSED),
            "mentions": {self.names.get(event.user_id) for event in issue.events},
            "watcher": issue.subscribers
            | ({"alice"} if issue.project is self.tracker.lab else set()),
        }
        people = {key: users - {None} for key, users in people.items()}
        people["involves"] = set.union(
            *(people[key] for key in ("author", "assignee", "commenter", "mentions"))
        )
        if term.key in people:
            return self.is_among(value, people[term.key])
        match term.key, value:
            case "label", Name(name):
                return any(self.same(name, label) for label in issue.labels)
            case "label", Special():
                return bool(issue.labels) is (value is Special.ANY)
            case "milestone", Name(name):
                return self.same(name, issue.milestone)
            case "milestone", Special():
                return (issue.milestone is not None) is (value is Special.ANY)
            case "project", Name(name):
                return fold(issue.project.name) == fold(name)
            case "project", Special():
                return value is Special.ANY
            case "is", Choice(word):
                return self.is_(word, issue)
            case "no", Choice(word):
                return not self.has(word, issue)
            case "has", Choice(word):
                return self.has(word, issue)
            case "reason", Choice(word):
                return issue.row.state_reason == word.replace(" ", "_")
            case ("comments", _):
                return self.number(value, issue.row.comment_count)
            case ("events", _):
                return self.number(value, len(issue.events))
        column = {"due": "due_at", "created": "created_at", "updated": "updated_at"}
        return self.date(value, getattr(issue.row, column.get(term.key, "closed_at")), issue)

    def actors(self, issue, kind):
        return {
            self.names.get(event.actor_id)
            for event in issue.events
            if event.kind is kind and not event.deleted_at
        }

    def is_among(self, value, users):
        match value:
            case Special.ME:
                return self.reader.is_signed_in and self.reader.username in users
            case Special.NONE:
                return not users
            case Special.ANY:
                return bool(users)
            case Name(name):
                return fold(name) in {fold(user) for user in users}

    def is_(self, word, issue):
        me = self.reader.username or "nobody"
        row = issue.row
        match word:
            case "open" | "closed":
                return row.state == word
            case "all" | "issue":
                return True
            case "overdue":
                return row.state is State.OPEN and row.due_at is not None and row.due_at < NOW
            case "mine":
                return me in (issue.author, issue.assignee)
            case "watched":
                return me in issue.subscribers or (
                    me == "alice" and issue.project is self.tracker.lab
                )
            case "unread":
                return me == "alice" and self.is_unread(issue)
            case "read":
                return me == "alice" and not self.is_unread(issue)
        return False

    def is_unread(self, issue):
        session, alice = self.tracker.session, self.tracker.alice
        one = session.get(ReadMark, (alice.id, issue.row.id))
        all_ = session.get(ProjectReadMark, (alice.id, issue.row.project_id))
        mark = max(one.last_event_id if one else 0, all_.last_event_id if all_ else 0)
        return any(
            event.id > mark and event.actor_id != alice.id and event.kind not in MENTIONS
            for event in issue.events
        )

    def has(self, word, issue):
        row = issue.row
        comments = [
            event
            for event in issue.events
            if event.kind is EventKind.COMMENTED and not event.deleted_at
        ]
        return {
            "label": bool(issue.labels),
            "milestone": row.milestone_id is not None,
            "assignee": row.assignee_id is not None,
            "due": row.due_at is not None,
            "description": bool(issue.events[0].text),
            "comments": bool(comments),
            "reply": any(event.actor_id != row.author_id for event in comments),
        }[word]

    def number(self, value, number):
        match value:
            case Special():
                return (number > 0) is (value is Special.ANY)
            case Range(low, high):
                return int(low) <= number <= int(high)
            case Bound(comparison, at):
                return eval(f"{number} {comparison or '=='} {at}")

    def date(self, value, moment, issue):
        match value:
            case Choice("overdue"):
                return self.is_("overdue", issue)
            case Special.NONE | Choice("no"):
                return moment is None
            case Special.ANY | Choice("yes"):
                return moment is not None
        if moment is None:
            return False
        if isinstance(value, Range):
            return self.period(value.low)[0] <= moment < self.period(value.high)[1]
        start, end = self.period(value.at)
        return {
            "": start <= moment < end,
            ">": moment >= end,
            ">=": moment >= start,
            "<": moment < start,
            "<=": moment < end,
        }[value.comparison]

    def period(self, date):
        zone = ZoneInfo(self.reader.time_zone)
        return period(date, NOW.astimezone(zone).date(), zone)


def term(key, *values):
    return st.lists(st.one_of(values), min_size=1, max_size=3).map(
        lambda chosen: Term(key, tuple(chosen))
    )


def names(listed):
    return st.sampled_from(listed.split("|")).map(Name)


def choices(listed):
    return st.sampled_from(listed.split()).map(Choice)


PEOPLE_KEYS = "author assignee commenter mentions involves closed-by watcher".split()
SPECIAL = st.sampled_from([Special.NONE, Special.ANY])
PEOPLE = (names("alice|BOB|carol|dave|nobody|ghost"), st.sampled_from(Special))
LIMITS = st.sampled_from("2026 2026-03 2026-03-30 2026-03-30T20:00 today -3d -1w +1d".split())
COMPARISONS = st.sampled_from(["", ">", ">=", "<", "<="])
NUMBERS = st.integers(0, 4).map(str)
DATES = (st.builds(Bound, COMPARISONS, LIMITS), st.builds(Range, LIMITS, LIMITS))
PARTS = choices("label milestone assignee due description comments reply")
TERMS = st.one_of(
    term("label", names("bug|Bug|BUG|Help Wanted|a,b|a|b|gone|none such"), SPECIAL),
    term("milestone", names("v1|v2|V2|old|v3"), SPECIAL),
    term("project", names("web|LAB|none such"), SPECIAL),
    *(term(key, *PEOPLE) for key in PEOPLE_KEYS),
    term("is", choices("open closed all unread read overdue locked watched mine issue pr")),
    term("no", PARTS),
    term("has", PARTS),
    term("due", *DATES, SPECIAL, choices("yes no overdue")),
    *(term(key, *DATES, st.just(Special.ANY)) for key in ("created", "updated", "closed")),
    *(
        term(key, st.builds(Bound, COMPARISONS, NUMBERS), st.builds(Range, NUMBERS, NUMBERS))
        for key in ("comments", "events")
    ),
    term("reason", choices("completed duplicate"), st.just(Choice("not planned"))),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join).map(Text),
    st.just(Text("*-*")),
    st.sampled_from([1, 5, 30, 31, 10**17]).map(IssueNumber),
    st.just(Everything()),
)
SCOPES = st.lists(term("in", choices("title body comments")), max_size=1)
TREES = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(
            lambda children, scopes: conjunction([*children, *scopes]) or OPEN,
            st.lists(inner, min_size=1, max_size=3),
            SCOPES,
        ),
        st.lists(inner, min_size=1, max_size=3).map(disjunction),
        inner.map(negation),
    ),
    max_leaves=6,
)


def ids_found(session, selection):
    return session.scalars(select(Issue.id).where(selection.condition)).all()


@pytest.mark.parametrize(("few", "some"), [(0, 0), (0, 9_999), (9_999, 9_999)])
def test_sql_finds_what_plain_python_finds(tracker, session, monkeypatch, few, some):
    """In each of the ways that its terms can be put."""
    monkeypatch.setattr(filter_sql, "FEW", few)
    monkeypatch.setattr(filter_sql, "SOME", some)
    session.rollback()

    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        TREES.map(completed),
        st.sampled_from([tracker.reader, ANONYMOUS]),
        st.sampled_from([tracker.web, None]),
    )
    def compare(root, reader, project):
        plain = Plain(tracker, reader, project).find(root)
        found = ids_found(session, select_issues(session, Filter(root), reader, project, at=NOW))
        assert len(found) == len(set(found))
        assert set(found) == plain, str(Filter(root))

    compare()


@pytest.mark.parametrize(("few", "some"), [(0, 0), (0, 9_999), (9_999, 9_999)])
def test_each_kind_of_term_alone_and_negated(tracker, session, monkeypatch, few, some):
    """In each of the ways that its terms can be put."""
    monkeypatch.setattr(filter_sql, "FEW", few)
    monkeypatch.setattr(filter_sql, "SOME", some)
    plain = Plain(tracker, tracker.reader, tracker.web)
    everything = plain.find(Everything())
    values = {
        **{key: ["alice", "bob,CAROL", "@me", "none", "*", "dave"] for key in PEOPLE_KEYS},
        "label": ["bug", "BUG", '"a,b"', "a,b", "none", "*", "gone"],
        "milestone": ["v1", "v2", "old", "none", "v1,none"],
        "project": ["web", "lab"],
        "is": ["open", "closed", "unread", "read", "overdue", "mine", "watched", "pinned", "pr"],
        "no": ["label", "milestone", "assignee", "due", "description", "comments", "reply"],
        "reason": ["completed", "duplicate,not-planned"],
        "due": ["yes", "no", "overdue", "<today", "-1w..today", "2026-03"],
        "created": ["2026-03-30", ">2026-03-20", "2026-03-10..-7d", "*"],
        "updated": ["<=yesterday", "2026-03-30T08:00..2026-03-30T20:00-05:00"],
        "closed": [">=2026-03-15", "*"],
        "comments": ["0", ">1", "1,3", "1..2"],
        "events": [">2", "2"],
    }
    for key, listed in values.items():
        for value in listed:
            answers = []
            for text in (f"{key}:{value} *", f"-{key}:{value} *"):
                filter_ = parse(text)
                assert not filter_.has_errors, text
                selection = select_issues(session, filter_, tracker.reader, tracker.web, at=NOW)
                answers.append(set(ids_found(session, selection)))
                assert answers[-1] == plain.find(filter_.root), text
            assert answers[1] == everything - answers[0], value


def told(session, text, reader, project):
    """Return what is said about the names in *text*, as a person reads it."""
    selection = select_issues(session, parse(text), reader, project)
    return [
        (str(found.level), str(found.code), found.token, found.message.interpolate())
        for found in selection.diagnostics
    ]


@pytest.mark.parametrize(
    ("text", "message", "nearest"),
    [
        ("label:bgu", "The label 'bgu' does not exist or has been deleted.", "Bug"),
        ("label:gone", "The label 'gone' does not exist or has been deleted.", None),
        ("label:helpwanted", "The label 'helpwanted' does not exist or has been deleted.", None),
        ("milestone:v3", "The milestone 'v3' does not exist.", "V2"),
        ("milestone:old", "The milestone 'old' does not exist.", None),
        ("author:alcie", "The user 'alcie' does not exist.", "alice"),
        ("project:wbe", "The project 'wbe' does not exist.", "web"),
    ],
)
def test_unknown_names_are_told_with_those_most_like_them(tracker, session, text, message, nearest):
    selection = select_issues(session, parse(text), tracker.reader, tracker.web)
    (diagnostic,) = selection.diagnostics
    key, _colon, name = text.partition(":")
    assert (diagnostic.level, diagnostic.code) == ("warning", "unknown_name")
    assert (diagnostic.pos, diagnostic.token) == (len(key) + 1, name)
    assert diagnostic.message.interpolate() == message
    assert len(diagnostic.suggestions) <= 3
    if nearest:
        assert diagnostic.suggestions[0] == nearest
        assert diagnostic.fix == f"{key}:{nearest}"
    assert ids_found(session, selection) == []
    negated = select_issues(session, parse(f"-{text} *"), tracker.reader, tracker.web)
    assert len(ids_found(session, negated)) == 30


def test_a_name_to_offer_stands_in_quotes_where_it_needs_them(tracker, session):
    selection = select_issues(session, parse("label:helpwanted"), tracker.reader, tracker.web)
    assert selection.diagnostics[0].suggestions[0] == '"help wanted"'
    assert parse(selection.diagnostics[0].fix) == parse('label:"help wanted"')


def test_what_is_hidden_reads_like_what_is_not_there(tracker, world, session):
    secret = Label(project_id=tracker.lab.id, name="secret plan", color="#000000")
    session.add_all([secret, Milestone(project_id=tracker.lab.id, name="coup", slug="coup")])
    session.commit()
    stranger = identify(session, world.user("eve"))
    for reader in (stranger, ANONYMOUS):
        for place in (tracker.web, None):
            for key, hidden, absent in (
                ("label", "secretplan", "publicplan"),
                ("label", '"secret plan"', '"public plan"'),
                ("milestone", "coup", "soup"),
                ("project", "lab", "lob"),
                ("project", "LAB", "LOB"),
            ):
                one, other = (
                    select_issues(session, parse(f"{key}:{name}"), reader, place)
                    for name in (hidden, absent)
                )
                assert [d.code for d in one.diagnostics] == [d.code for d in other.diagnostics]
                assert one.diagnostics[0].message == other.diagnostics[0].message
                assert set(one.diagnostics[0].suggestions) == set(other.diagnostics[0].suggestions)
                offered = " ".join(one.diagnostics[0].suggestions)
                assert not any(word in offered for word in ("secret", "coup", "lab"))
                assert ids_found(session, one) == ids_found(session, other) == []
    assert told(session, "label:'secret plan'", tracker.reader, None) == []


def test_people_are_known_who_have_taken_part_or_may_see_the_project(tracker, world, session):
    world.user("idle")
    session.commit()
    unknown = [("warning", "unknown_name", "idle", "The user 'idle' does not exist.")]
    # Everyone signed in may see the public project, and may be told so by whoever is signed in.
    assert told(session, "author:idle", tracker.reader, tracker.web) == []
    assert told(session, "author:idle", ANONYMOUS, tracker.web) == unknown
    assert told(session, "author:alice", ANONYMOUS, tracker.web) == []
    assert told(session, "author:idle", tracker.reader, tracker.lab) == unknown
    assert told(session, "author:bob", tracker.reader, tracker.lab) == []
    assert told(session, "author:idle", tracker.reader, None) == []
    assert told(session, "author:idle", ANONYMOUS, None) == unknown


def test_a_comma_may_be_part_of_a_name(tracker, session):
    (note,) = select_issues(session, parse("label:a,b"), tracker.reader, tracker.web).diagnostics
    assert (note.level, note.code, note.fix) == ("note", "read_as_one_name", 'label:"a,b"')
    # But not where one of them is a label.
    assert told(session, "label:a,bug", tracker.reader, tracker.web)[0][1] == "unknown_name"


@pytest.mark.parametrize("text", ["author:@me", "is:unread", "is:read", "is:mine", "is:watched"])
def test_without_a_reader_there_is_no_me(tracker, session, text):
    selection = select_issues(session, parse(f"{text} *"), ANONYMOUS, tracker.web)
    (warning,) = selection.diagnostics
    assert (warning.level, warning.code, warning.token) == ("warning", "sign_in", text)
    assert ids_found(session, selection) == []
    assert told(session, text, tracker.reader, tracker.web) == []


def test_a_text_without_a_word_asks_nothing(tracker, session):
    assert told(session, "* ++", tracker.reader, tracker.web)[0][:3] == ("note", "no_words", "++")
    for text in ("++ *", "-++ *", "(++ OR --) *"):
        selection = select_issues(session, parse(text), tracker.reader, tracker.web)
        assert len(ids_found(session, selection)) == 30


def test_names_of_another_case_are_found_in_any_script(tracker, session):
    session.add_all(
        Label(project_id=tracker.web.id, name=name, color="#000000") for name in ("ÉTÉ", "straße")
    )
    session.commit()
    assert told(session, "label:été label:STRASSE", tracker.reader, tracker.web) == []


def test_however_many_names_there_are_it_takes_as_many_queries(tracker, session, database):
    """One for each kind of name, one for people to offer, one that counts."""
    counts = set()
    for size in (1, 12):
        parts = [
            f"label:{kind}{n} milestone:m{kind}{n} author:p{kind}{n} project:x{kind}{n}"
            for kind in ("a", "b")
            for n in range(size)
        ]
        text = " OR ".join(parts[:12]) + " label:bug,Bug author:alice,bob crash"
        session.expire_all()
        assert tracker.web.id  # which is loaded before
        with count_queries(database) as queries:
            select_issues(session, parse(text), tracker.reader, tracker.web)
        counts.add(len(queries))
    assert counts == {6}


def test_hostile_filters_are_no_error_of_the_database(tracker, session):
    texts = [
        "comments:" + ",".join(map(str, range(500))),
        "comments:" + ",".join(f">{n}" for n in range(400)),
        "created:" + ",".join(f"{n}d" for n in range(1, 400)),
        "label:" + ",".join("abcdefghij" * 90),
        "is:" + ",".join(["open", "unread", "pr"] * 80),
        " ".join(f"w{n}" for n in range(50)),
        "(" * 5 + " OR ".join(f"(author:a{n} label:l{n})" for n in range(25)) + ")" * 5,
        "#999999999999999999 events:>999999999",
        "created:>9999 updated:<0001 due:-9999y..+9999y closed:0001-01-01T00:00+14:00",
        "involves:alice,bob -involves:* watcher:none mentions:* closed-by:none commenter:*",
        r'"\" OR 1=1 --" \* NEAR(a b) "a* b^" title:x',
    ]
    for text in texts:
        for reader, project in ((tracker.reader, tracker.web), (ANONYMOUS, None)):
            ids_found(session, select_issues(session, parse(text[:2000]), reader, project))
