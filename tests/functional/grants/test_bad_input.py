"""Everything that no form of grants asks for, sent to each of them."""

from __future__ import annotations

import pytest

from tests.hostile import TEXTS, withstands

GOOD = {"grantee_type": "user", "grantee_name": "alice", "permissions": "create_issue"}


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    world.user("alice")
    return visitor_as("admin")


@pytest.mark.parametrize("path", ["/admin/permissions/", "/web/permissions/"])
def test_the_form_of_a_grant(world, admin, database, path):
    web = world.project("web")
    team = world.team("core")
    grant = world.grant(project=web if path == "/web/permissions/" else None, team_id=team.id)
    for place in ("add/", f"{grant.id}/edit/"):
        assert withstands(admin, database, path + place, GOOD, "grant-form") > len(TEXTS)


@pytest.mark.parametrize("path", ["/admin/permissions/", "/web/permissions/"])
def test_what_a_button_sends(world, admin, database, path):
    web = world.project("web")
    team = world.team("core")
    grant = world.grant(project=web if path == "/web/permissions/" else None, team_id=team.id)
    token = admin.get("/logout").forms["confirm-form"]["csrf_token"].value
    for name, text in TEXTS.items():
        for field in ("give", "next"):
            answer = admin.post(
                f"{path}{grant.id}/toggle/create_issue/",
                {"csrf_token": token, field: text},
                expect_errors=True,
            )
            assert answer.status_int in (303, 400), (name, field)
            if answer.status_int == 303:
                assert answer.location.startswith(f"http://localhost{path}"), (name, field)
