"""Two people who edit the same thing: the second is told before the first's change is gone."""

import pytest

TOLD = "Someone else has changed this since you opened it."


@pytest.fixture
def pair(world, visitor_as):
    project = world.project("web", description="Old")
    world.issue(project, text="Old text", title="Old title")
    return [visitor_as(world.user(name, is_superuser=True)) for name in ("alice", "bob")]


@pytest.mark.parametrize(
    ("address", "form", "first", "second"),
    [
        ("/web/edit/", "project-form", {"access": "private"}, {"description": "New"}),
        ("/web/issues/1/edit/", "issue-form", {"title": "New title"}, {"title": "Newer title"}),
    ],
)
def test_the_second_is_told_and_may_then_replace_it(pair, address, form, first, second):
    forms = [browser.get(address).forms[form] for browser in pair]
    for name, value in first.items():
        forms[0][name] = value
    forms[0].submit().follow()
    for name, value in second.items():
        forms[1][name] = value
    page = forms[1].submit(status=422)
    assert TOLD in page
    for name, value in second.items():
        assert page.forms[form][name].value == value
    stored = pair[0].get(address).forms[form]
    assert all(stored[name].value == value for name, value in first.items())
    page.forms[form].submit().follow()
    stored = pair[0].get(address).forms[form]
    assert all(stored[name].value == value for name, value in second.items())


def test_whoever_edits_alone_is_not_asked(pair):
    for text in ("One", "Two"):
        form = pair[0].get("/web/issues/1/edit/").forms["issue-form"]
        form["description"] = text
        assert "Issue updated successfully." in form.submit().follow()
