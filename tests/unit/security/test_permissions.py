from ponytracker.security.permissions import (
    GLOBAL_ONLY,
    NEVER_GRANTED,
    NOT_WHILE_ARCHIVED,
    ON_PROJECT,
    WHILE_ARCHIVED,
    Permission,
)

ALL = set(Permission)


def test_every_permission_is_granted_on_projects_or_globally_only_or_not_by_name():
    assert GLOBAL_ONLY | ON_PROJECT | NEVER_GRANTED == ALL
    assert len(GLOBAL_ONLY) + len(ON_PROJECT) + len(NEVER_GRANTED) == len(ALL)


def test_every_permission_stands_while_a_project_is_archived_or_does_not():
    assert WHILE_ARCHIVED | NOT_WHILE_ARCHIVED == ALL
    assert not WHILE_ARCHIVED & NOT_WHILE_ARCHIVED


def test_an_archived_project_keeps_what_can_bring_it_back():
    assert {Permission.VIEW, Permission.MODIFY_PROJECT} <= WHILE_ARCHIVED


def test_nothing_that_changes_an_issue_stands_while_archived():
    changes = {name for name in ALL if name.endswith(("_issue", "_comment", "_tags"))}
    assert changes <= NOT_WHILE_ARCHIVED
    assert len(changes) == 10


def test_names_fit_their_column_and_are_those_of_the_program_before():
    assert max(map(len, ALL)) <= 40
    assert all(name == name.lower() for name in ALL)
    assert Permission("manage_issue") is Permission.MANAGE_ISSUE
