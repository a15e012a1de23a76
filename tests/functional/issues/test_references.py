"""What texts name, for whoever reads them and for whoever writes them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from ponytracker.issues import service
from ponytracker.issues.references import MAX_LOOKED_UP, Place, link_references, resolve
from ponytracker.markup import MAX_REFERENCES, render
from ponytracker.models import Access, Grant, User
from ponytracker.placeholders import find_references, write_mention
from ponytracker.security.principals import ANONYMOUS, identify
from tests.databases import count_queries

BASE_URL = "http://localhost"


@pytest.fixture(autouse=True)
def nothing_granted(session):
    """Without the grants that a fresh database has, and which show nothing that matters here."""
    session.execute(delete(Grant))
    session.commit()


@pytest.fixture
def alice(world):
    return world.user("alice", first_name="Alice", last_name="<Liddell>")


@pytest.fixture
def web(world, alice):
    return world.project("web", alice)


@pytest.fixture
def hidden(world):
    return world.project("hidden", access=Access.PRIVATE)


@pytest.fixture
def place(web):
    return Place(web, BASE_URL, path)


def path(*elements):
    return "/tracker/" + "/".join(elements)


@pytest.fixture
def read(session, place):
    """Return a function that shows a text to *reader*, without the paragraph around it."""

    def show(text, reader=None, place=place):
        identity = identify(session, reader) if reader else ANONYMOUS
        html = link_references(session, identity, place, [render(text)])[0]
        return html.removeprefix("<p>").removesuffix("</p>\n")

    return show


def issue_link(text, number=1, project="web", title="It does not work", state="open", anchor=""):
    return (
        f'<a class="issue-ref issue-ref-{state}" href="/tracker/{project}/issues/{number}/{anchor}"'
        f' title="{title} ({state})">{text}</a>'
    )


def mention_link(name, query=None, title=""):
    return (
        f'<a class="mention" href="/tracker/web/issues/?q=author%3A{query or name}"{title}>'
        f"@{name}</a>"
    )


class TestReading:
    def test_a_number_is_of_the_same_project(self, world, web, read):
        world.issue(web, title='<b> & "c"')
        title = "&lt;b&gt; &amp; &#34;c&#34;"
        assert read("see #1.") == f"see {issue_link('#1', title=title)}."

    def test_a_closed_issue_says_so(self, session, world, web, alice, read):
        service.close_issue(session, world.issue(web), alice)
        assert read("#1") == issue_link("#1", state="closed")

    def test_another_project_is_named(self, world, web, read):
        world.issue(world.project("Other"))
        assert read("Other#1") == issue_link("Other#1", project="Other")
        assert read("oTHER#1") == issue_link("oTHER#1", project="Other")

    def test_without_a_project_a_number_alone_is_text(self, world, web, read):
        world.issue(web)
        nowhere = Place(None, BASE_URL, path)
        assert read("#1 web#1 @alice", place=nowhere) == f"#1 {issue_link('web#1')} @alice"

    def test_what_is_not_there_is_text(self, world, web, read):
        world.issue(web)
        assert read("#2 web#2 other#1 @nobody") == "#2 web#2 other#1 @nobody"

    def test_what_one_may_not_see_is_as_if_it_were_not_there(self, world, hidden, alice, read):
        world.issue(hidden)
        text = "hidden#1 http://localhost/hidden/issues/1/"
        absent = text.replace("hidden", "absent")
        assert read(text, alice).replace("hidden", "absent") == read(absent, alice)
        assert "issue-ref" not in read(text, alice)
        world.grant(project=hidden, user_id=alice.id)
        assert read(text, alice).count("issue-ref-open") == 2
        assert "issue-ref" not in read(text)

    def test_urls_of_this_site_are_short(self, world, web, read):
        world.issue(web)
        world.issue(world.project("other"))
        url = f"{BASE_URL}/web/issues/1/"
        assert read(url) == issue_link("#1")
        assert read(url.removesuffix("/")) == issue_link("#1")
        assert read(f"{url}#event-7") == issue_link("#1 (comment)", anchor="#event-7")
        assert read(f"{BASE_URL}/other/issues/1") == issue_link("other#1", project="other")

    @pytest.mark.parametrize(
        "url",
        [
            "http://elsewhere.example/web/issues/1/",
            "http://localhost:81/web/issues/1/",
            "http://localhost/web/issues/2/",
            "http://localhost/x/web/issues/1/",
            "http://localhost.example/web/issues/1/",
        ],
    )
    def test_other_urls_stay(self, world, web, read, url):
        world.issue(web)
        assert f">{url}</a>" in read(url)
        assert f'href="{url}"' in read(url)

    def test_someone_is_linked_to_what_they_opened(self, read, alice):
        title = ' title="Alice &lt;Liddell&gt;"'
        assert read("@alice") == mention_link("alice", title=title)
        assert read("@ALICE, hi") == f"{mention_link('ALICE', 'alice', title)}, hi"

    @pytest.mark.parametrize(
        ("username", "query"),
        [("[bot]", "%5Bbot%5D"), ("none", "%22none%22"), ("@me", "%22%40me%22"), ("a+b", "a%2Bb")],
    )
    def test_the_link_is_of_the_name_whatever_it_is(self, world, read, username, query):
        world.user(username)
        assert read(f"@{username}") == mention_link(username, query)

    def test_punctuation_stays_behind_the_name(self, world, read):
        world.user("bob")
        assert read("[@bob]. @bob...") == (f"[{mention_link('bob')}]. {mention_link('bob')}...")
        world.user("bob.")
        assert read("@bob.. @bob]") == f"{mention_link('bob.')}. {mention_link('bob')}]"

    def test_whoever_has_nothing_to_do_with_the_project_is_text(self, session, world, hidden, read):
        place = Place(hidden, BASE_URL, path)
        bob = world.user("bob")
        carol = world.user("carol")
        world.grant(project=hidden, user_id=carol.id)
        assert "mention" not in read("@bob", place=place)
        assert "mention" in read("@carol", place=place)
        world.issue(hidden, bob)
        assert "mention" in read("@bob", place=place)

    def test_whoever_was_disabled_is_still_linked_where_they_took_part(
        self, session, world, hidden, read, alice
    ):
        world.issue(hidden, alice)
        alice.is_active = False
        session.commit()
        assert "mention" in read("@alice", place=Place(hidden, BASE_URL, path))

    def test_two_queries_do_for_all_texts_of_a_page(self, database, session, world, web, place):
        for _number in range(5):
            world.issue(web)
        world.user("bob")
        htmls = [
            render(f"#{n} web#{n} @bob @nobody http://localhost/web/issues/{n}")
            for n in range(1, 9)
        ]
        session.refresh(web)
        with count_queries(database) as queries:
            shown = link_references(session, ANONYMOUS, place, htmls)
        assert len(queries) == 2
        assert "".join(shown).count("issue-ref-open") == 3 * 5
        assert "".join(shown).count("mention") == 8

    def test_texts_that_name_nothing_need_no_query(self, database, session, place):
        with count_queries(database) as queries:
            html = render("*Nothing* of <b> http://localhost/")
            assert link_references(session, ANONYMOUS, place, [html]) == [html]
        assert len(queries) == 0

    def test_a_page_that_names_too_much_is_shown(self, session, world, web, place):
        world.issue(web)
        world.user("bob")
        each = MAX_REFERENCES
        htmls = [
            render("#1 @bob " + " ".join(f"p{n}#{m} @u{n}x{m}" for m in range(1, each)))
            for n in range(2 * MAX_LOOKED_UP // each)
        ]
        shown = link_references(session, ANONYMOUS, place, htmls)
        assert "issue-ref-open" in shown[0]
        assert "mention" in shown[-1]


class TestWriting:
    @pytest.fixture
    def found_by(self, session, web):
        def find(author, text, base_url=BASE_URL, project=web):
            found = find_references(render(text))
            issues, people = resolve(session, author, project, found, base_url)
            names = [f"{issue.project.name}#{issue.number}" for issue in issues]
            return names, [user.username for user in people]

        return find

    def test_all_that_is_named_is_found_once(self, world, web, alice, found_by):
        world.issue(world.project("other"))
        world.issue(web)
        world.issue(web)
        world.user("bob")
        text = (
            "#2 #1 web#1 other#1 #9 @bob @BOB @bob. @alice http://localhost/web/issues/2/#event-1"
        )
        assert found_by(alice, text) == (["other#1", "web#1", "web#2"], ["bob", "alice"])

    def test_issues_are_those_that_the_author_may_see(self, world, web, hidden, alice, found_by):
        world.issue(web)
        world.issue(hidden)
        assert found_by(alice, "#1 hidden#1") == (["web#1"], [])
        bob = world.user("bob")
        world.grant(project=hidden, user_id=bob.id)
        assert found_by(bob, "#1 hidden#1") == (["web#1", "hidden#1"], [])
        admin = world.user("admin", is_superuser=True)
        assert found_by(admin, "hidden#1") == (["hidden#1"], [])

    def test_people_are_those_who_may_see_the_project(
        self, session, world, hidden, alice, found_by
    ):
        world.grant(project=hidden, user_id=alice.id)
        bob = world.user("bob")
        world.issue(hidden, bob)
        assert found_by(alice, "@alice @bob", project=hidden) == ([], ["alice"])
        assert found_by(alice, "@alice @bob") == ([], ["alice", "bob"])
        bob.is_active = False
        session.commit()
        assert found_by(alice, "@alice @bob") == ([], ["alice"])

    def test_urls_are_those_of_this_site(self, world, web, alice, found_by):
        world.issue(web)
        url = f"{BASE_URL}/web/issues/1"
        assert found_by(alice, url) == (["web#1"], [])
        assert found_by(alice, url, "http://elsewhere.example") == ([], [])
        assert found_by(alice, url, None) == ([], [])

    def test_nobody_names_nothing(self, world, web, alice, found_by):
        world.issue(web)
        assert found_by(None, "#1 @alice") == ([], [])

    def test_two_queries_do_and_none_for_nothing(self, database, session, world, web, alice):
        for _number in range(5):
            world.issue(web)
        session.refresh(alice)
        session.refresh(web)
        for text, expected in (("#1 #2 #3 web#4 @alice @bob.", 2), ("#1", 1), ("a", 0)):
            found = find_references(render(text))
            with count_queries(database) as queries:
                issues, _people = resolve(session, alice, web, found, BASE_URL)
                assert [issue.project.name for issue in issues] == ["web"] * len(issues)
            assert len(queries) == expected, text


usernames = st.text(
    st.one_of(st.sampled_from("ab1@.+-_[]"), st.characters(categories=["Lu", "Ll", "Lo", "Nd"])),
    min_size=1,
    max_size=20,
).filter(lambda name: unicodedata.normalize("NFKC", name) == name and any(map(str.isalnum, name)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(usernames, min_size=1, max_size=4, unique_by=lambda name: name.casefold()),
    st.sampled_from(["", *".,;:!?)]", "...", "'s", " and", "-"]),
)
@example(["bob", "bob."], ".")
@example(["[bot]", "a[bot]"], "]")
def test_each_legal_name_is_exactly_that_user(session, web, names, after):
    with session.begin_nested() as savepoint:
        users = [User(username=name) for name in names]
        session.add_all(users)
        session.flush()
        everyone = {user.username_key: user for user in users}
        for user in users:
            text = write_mention(user.username) + after
            _, people = resolve(session, user, web, find_references(render(text)))
            # With what follows it, it may be the name of another.
            other = everyone.get((user.username + after).casefold())
            assert people == [other or user]
        savepoint.rollback()


class TestPages:
    @pytest.fixture
    def as_alice(self, alice, visitor_as):
        return visitor_as(alice)

    def test_the_issue_shows_links(self, session, world, web, hidden, as_alice, alice):
        world.issue(hidden)
        issue = world.issue(web, alice, text="See #1, hidden#1 and @alice.")
        service.comment(session, issue, alice, text="`#1` web#1")
        session.commit()
        page = as_alice.get("/web/issues/1/")
        texts = page.html.select(".timeline .markdown-body")
        assert [a["href"] for text in texts for a in text.select("a")] == [
            "/web/issues/1/",
            "/web/issues/?q=author%3Aalice",
            "/web/issues/1/",
        ]
        assert "hidden#1 and" in texts[0].text
        assert "data-" not in str(texts[0])

    def test_a_page_asks_as_much_for_many_texts(
        self, session, database, world, web, alice, as_alice
    ):
        issue = world.issue(web, alice, text="#1 @alice")
        counts = []
        for many in (1, 20):
            for number in range(many):
                service.comment(
                    session, issue, alice, text=f"#{number} web#{number} @alice @u{number}"
                )
            session.commit()
            as_alice.get("/web/issues/1/")  # all is read now
            with count_queries(database) as queries:
                as_alice.get("/web/issues/1/")
            counts.append(len(queries))
        assert counts[0] == counts[1]
        assert counts[1] <= 16

    def test_the_preview_shows_links(self, world, web, hidden, as_alice):
        world.issue(web)
        world.issue(hidden)

        def shown(project):
            fields = {"data": "#1 web#1 @alice", "project": project}
            return as_alice.post_form("/markdown/", fields).text

        assert shown("web").count("<a ") == 3
        assert shown("hidden") == shown("absent") == shown("") == shown("a\x00b" * 1000)
        assert shown("hidden").count("<a ") == 1

    def test_the_preview_on_a_page_shows_links(self, world, web, alice, as_alice):
        world.issue(web)
        form = as_alice.get("/web/issues/add/").forms["issue-form"]
        form["description"] = "#1 @alice"
        preview = form.submit("preview", value="1").html.select_one("[data-preview]")
        assert [a.text for a in preview.select("a")] == ["#1", "@alice"]
