"""Two who change a project's labels or milestones at the same moment: see test_races.py."""

from __future__ import annotations

from sqlalchemy import select

from ponytracker.models import Label, Milestone, Project
from tests.integration.conftest import Site
from tests.integration.test_races import (
    LOCK_PROJECT,
    collide,
    kinds,
    open_issue,
    project,
)

__all__ = ["collide", "project"]

LOCK_LABEL = "SELECT id FROM labels WHERE id = :id FOR UPDATE"


def current(site: Site, model: type[Label | Milestone], name: str) -> list[str]:
    """Return the names of a project's labels or milestones that are not deleted."""
    rows = select(model.name).join(Project, Project.id == model.project_id)
    rows = rows.where(Project.name == name, model.deleted.is_(False)).order_by(model.name)
    with site.database.session(write=False) as session:
        return list(session.scalars(rows))


def test_two_people_add_the_same_label(running_site, project, collide):
    """In whatever case: the second is told so, beside what they typed."""
    people = [running_site.client("admin"), running_site.client("other")]
    path = f"/{project}/labels/add/"
    posts = [
        (person, path, {**person.get(path).fields("label-form"), "name": name, "color": "#000000"})
        for person, name in zip(people, ("wish", "WISH"), strict=True)
    ]

    replies = collide(posts, LOCK_PROJECT, name=project)

    assert sorted(reply.status for reply in replies) == [303, 422]
    refused = max(replies, key=lambda reply: reply.status)
    assert "There is already a label with this name." in refused.text
    assert len(current(running_site, Label, project)) == 3 + 1


def test_two_people_add_milestones_of_one_address(running_site, project, collide):
    """Unlike each other, but for what an address can hold."""
    people = [running_site.client("admin"), running_site.client("other")]
    path = f"/{project}/milestones/add/"
    posts = [
        (person, path, {**person.get(path).fields("milestone-form"), "name": name})
        for person, name in zip(people, ("v1!", "v1?"), strict=True)
    ]

    replies = collide(posts, LOCK_PROJECT, name=project)

    assert [reply.status for reply in replies] == [303, 303]
    assert current(running_site, Milestone, project) == ["v1!", "v1?"]


def test_a_label_is_put_on_an_issue_while_it_is_deleted(running_site, project, collide):
    """Whichever comes first, no issue is left with a deleted label."""
    people = [running_site.client("admin"), running_site.client("other")]
    path = open_issue(people[0], project)
    with running_site.database.session(write=False) as session:
        found = select(Label.id).join(Project).where(Project.name == project, Label.name == "bug")
        label_id = session.scalars(found).one()
    paths = (f"/{project}/labels/{label_id}/delete/", f"{path}add-label/{label_id}/")
    posts = [
        (person, to, person.get(to).fields("confirm-form"))
        for person, to in zip(people, paths, strict=True)
    ]

    deletion, addition = collide(posts, LOCK_LABEL, id=label_id)

    assert deletion.status == 303
    assert "bug" not in current(running_site, Label, project)
    # Too late to be put on at all, or in time to be taken off again.
    if addition.status == 303:
        assert kinds(running_site, project) == ["opened", "labeled", "unlabeled"]
    else:
        assert addition.status in (404, 409)
        assert kinds(running_site, project) == ["opened"]
