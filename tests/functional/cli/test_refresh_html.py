import pytest
from click.testing import CliRunner
from markupsafe import Markup
from sqlalchemy import select, update

from ponytracker import markup
from ponytracker.cli import refresh_html as command
from ponytracker.cli.site import Site
from ponytracker.issues import recording, service
from ponytracker.models import Event


@pytest.fixture
def run(monkeypatch, database, settings, tmp_path):
    ini = tmp_path / "site.ini"
    ini.touch()
    monkeypatch.setattr(command, "open_site", lambda ini: Site(ini, settings, database))
    return lambda: CliRunner().invoke(command.refresh, ["--ini", str(ini)])


def outdate(session, html="<p>old</p>"):
    session.execute(update(Event).values(html=Markup(html), html_version=0))
    session.commit()


def stored(session):
    session.expire_all()
    return [event.html for event in session.scalars(select(Event).order_by(Event.id))]


def test_texts_of_an_older_renderer_are_rendered_again(run, world, session, monkeypatch):
    monkeypatch.setattr(command, "BATCH", 2)
    project = world.project("web")
    for number in range(5):
        world.issue(project, text=f"*{number}*")
    outdate(session)
    assert run().output == "5 texts rendered again.\n"
    assert stored(session) == [f"<p><em>{number}</em></p>\n" for number in range(5)]
    assert run().output == "0 texts rendered again.\n"


def test_texts_of_this_renderer_and_events_without_text_are_left_alone(run, world, session):
    issue = world.issue(world.project("web"), text="*new*")
    service.close_issue(session, issue, world.user("alice"))
    session.commit()
    assert run().output == "0 texts rendered again.\n"


def test_a_text_that_is_edited_meanwhile_keeps_its_own_html(world, session):
    issue = world.issue(world.project("web"), text="*edited*")
    event = service.find_description(session, issue)
    recording.refresh_html(session, event.id, "what it was before", Markup("<p>before</p>"))
    session.commit()
    assert stored(session) == ["<p><em>edited</em></p>\n"]
    assert event.html_version == markup.RENDERER_VERSION
