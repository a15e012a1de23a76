from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from ponytracker.issues import fulltext, service
from ponytracker.models import Event, Issue, Project


@pytest.fixture
def found(session):
    """Return a function that gives the numbers of the issues found, by both ways."""

    def find(text, *scope):
        fields = frozenset(scope) or fulltext.FIELDS
        one_by_one = session.scalars(
            select(Issue.number).where(fulltext.matches(session, text, fields))
        ).all()
        together = session.scalars(
            select(Issue.number).where(Issue.id.in_(fulltext.issue_ids(session, text, fields)))
        ).all()
        assert sorted(one_by_one) == sorted(together)
        return sorted(one_by_one)

    return find


@pytest.fixture
def issues(world, session):
    """1 has the words in its title, 2 in its description, 3 in a comment, 4 nowhere."""
    web, alice = world.project("web"), world.user("alice")
    world.issue(web, alice, title="The dæmon crashes on start")
    world.issue(web, alice, title="x", text="It crashed when starting it, see foo.bar/baz_qux")
    third = world.issue(web, alice, title="y", text="Nothing")
    world.issue(web, alice, title="z", text="start")
    service.comment(session, third, alice, text="A crash on start-up: don't panic")
    session.commit()
    return session.scalars(select(Issue).order_by(Issue.number)).all()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("crash", [1, 2, 3]),
        ("CRASHING", [1, 2, 3]),
        ("start", [1, 2, 3, 4]),
        ("crash on start", [1, 3]),
        ("on start", [1, 3]),
        ("start on", []),
        ("DÆMON", [1]),
        ("foo.bar", [2]),
        ("bar/baz", [2]),
        ("foo baz", []),
        ("qux", [2]),
        ("don't", [3]),
        ("start-up", [3]),
        ("the", [1]),
        ('on"start', [1, 3]),
        ("nowhere", []),
    ],
)
@pytest.mark.usefixtures("issues")
def test_words_are_found_wherever_they_are(found, text, numbers):
    assert found(text) == numbers


@pytest.mark.usefixtures("issues")
def test_only_where_one_looks(found):
    assert found("crash", "title") == [1]
    assert found("crash", "body") == [2]
    assert found("crash", "comments") == [3]
    assert found("crash", "title", "comments") == [1, 3]


def test_the_index_follows_each_change(session, issues, found):
    first, *_, fourth = issues
    alice = first.author
    service.edit_issue(session, first, alice, title="renamed", text="now here", due_at=None)
    session.flush()
    assert found("dæmon") == []
    assert found("renamed") == [1]
    assert found("now here") == [1]
    comment = session.scalars(select(Event).where(Event.kind == "commented")).one()
    service.edit_comment(session, comment, alice, text="altered")
    session.flush()
    assert (found("panic"), found("altered")) == ([], [3])
    service.delete_comment(session, comment, alice)
    session.flush()
    assert found("altered") == []
    session.execute(delete(Issue).where(Issue.id == fourth.id))
    assert found("start") == [2]
    session.execute(delete(Project))
    assert found("start") == []


@pytest.mark.parametrize("text", ["words", "naïve", "日本", "1.2", "_x_", "a", "Ω"], ids=ascii)
def test_these_have_words(text, world, session, found):
    assert fulltext.has_words(text)
    world.issue(world.project("web"), title=f"before {text} after")
    assert found(text) == [1]


@pytest.mark.parametrize("text", ["", " ", "!!", "_", '"', "::", "--", "'"])
def test_these_have_none(text):
    assert not fulltext.has_words(text)


def test_a_text_of_any_size_is_taken(world, session, found):
    web = world.project("web")
    world.issue(web, title="x" * 255, text="word " + "ab " * 80_000)
    world.issue(web, title="long", text="\U0001f434" * 262_144)
    world.issue(web, title="many", text=" ".join(f"w{n}" for n in range(40_000)))
    assert found("word") == [1]
    assert found("w17") == [3]


def test_the_most_relevant_has_it_in_its_title(world, session, issues):
    alice = issues[0].author
    service.comment(session, issues[2], alice, text="crash")
    session.commit()
    order = fulltext.relevance(session, ["crash", "start"])
    numbers = session.scalars(select(Issue.number).order_by(*[o.desc() for o in order]))
    assert numbers.all() == [1, 3, 2, 4]


def test_the_first_text_with_a_hit_is_told(session, issues):
    ids = [issue.id for issue in issues]
    hits = dict(session.execute(fulltext.first_hits(session, ids, ["crash", "panic"])).all())
    comment = session.scalars(select(Event.id).where(Event.kind == "commented")).one()
    description = service.find_description(session, issues[1]).id
    assert hits == {issues[1].id: description, issues[2].id: comment}
