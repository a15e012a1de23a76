"""Giving and taking rights, and listing what was given.

Whoever manages permissions may give others what they like, but themselves nothing that they do not
have: else to manage permissions would be to have all of them. Superusers have them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from ponytracker.errors import Conflict
from ponytracker.grants.grantees import Grantee, grantee_of, type_of
from ponytracker.i18n import _
from ponytracker.models import Grant, GrantPermission, Group, Project, Team, User
from ponytracker.resources import GrantsResource
from ponytracker.security import audit
from ponytracker.security.impact import Impact, assess, grant_removal
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import Identity, grantee_principal
from ponytracker.web.pages import Page


class BeyondOwnRights(Conflict):
    """Someone would give themselves rights that they do not have."""


def add_grant(
    session: Session,
    actor: Identity,
    place: GrantsResource,
    *,
    grantee: Grantee,
    permissions: Collection[Permission],
) -> Grant:
    """Give *grantee*, who was given nothing at *place* yet, those *permissions*."""
    _check_own_rights(actor, place, grantee, permissions)
    grant = Grant(project_id=place.project and place.project.id)
    _set_grantee(grant, grantee)
    _set_permissions(grant, permissions)
    session.add(grant)
    session.flush()
    audit.record(session, actor, "grant.add", _target(place, grantee), after=_facts(grant))
    return grant


def edit_grant(
    session: Session,
    actor: Identity,
    place: GrantsResource,
    grant: Grant,
    *,
    grantee: Grantee,
    permissions: Collection[Permission],
) -> None:
    """Let *grant* give *grantee* those *permissions*, and nothing else."""
    _lock_grant(session, grant)
    _change(session, actor, place, grant, grantee, permissions)


def toggle_permission(
    session: Session,
    actor: Identity,
    place: GrantsResource,
    grant: Grant,
    permission: Permission,
    *,
    give: bool | None = None,
) -> bool:
    """Let *grant* give *permission* or not, as *give* says; return whether it does now.

    Without *give*, it does what it did not.
    """
    _lock_grant(session, grant)
    given = permissions_of(grant)
    if give is None:
        give = permission not in given
    wanted = given | {permission} if give else given - {permission}
    _change(session, actor, place, grant, grantee_of(grant), wanted)
    return give


def delete_grant(session: Session, actor: Identity, place: GrantsResource, grant: Grant) -> None:
    """Take from a grantee all that they were given at *place*."""
    _lock_grant(session, grant)
    before, target = _facts(grant), _target(place, grantee_of(grant))
    session.delete(grant)
    audit.record(session, actor, "grant.delete", target, before=before)


def assess_permission(session: Session, grant: Grant, permission: Permission) -> Impact:
    """Return what people would lose if *grant* gave *permission* no more.

    It is a part of what they lose without the grant: that right, and sight of projects where it is
    the right that gives it. A grant on a project lets people see it whatever it gives.
    """
    whole = assess(session, grant_removal(grant))
    rights = {name: count for name, count in whole.rights.items() if name == permission}
    if grant.project_id is None and permission == Permission.ACCESS_PROJECT:
        return dataclasses.replace(whole, rights=rights)
    return dataclasses.replace(whole, people=0, projects=0, rights=rights)


def beyond_own_rights(
    actor: Identity,
    place: GrantsResource,
    grantee: Grantee,
    permissions: Collection[Permission],
    *,
    grant: Grant | None = None,
) -> list[Permission]:
    """Return what *actor* would give themselves at *place* without having it there.

    What *grant* gives that grantee already is not asked about.
    """
    if actor.is_superuser or grantee_principal(Grant(**_ids(grantee))) not in actor.principals:
        return []
    given = permissions_of(grant) if grant and grantee_of(grant) is grantee else set()
    new = set(permissions) - given
    return sorted(permission for permission in new if not may(actor, place, permission))


def find_grant(session: Session, project: Project | None, grantee: Grantee) -> Grant | None:
    """Return what *grantee* was given on *project*, or without one on PonyTracker."""
    return session.scalar(
        select(Grant).where(
            _is_on(project),
            *(
                getattr(Grant, column).is_not_distinct_from(id_)
                for column, id_ in _ids(grantee).items()
            ),
        )
    )


def count_grants(session: Session, project: Project | None) -> int:
    count = select(func.count(Grant.id)).where(_is_on(project))
    return session.scalar(count) or 0


def list_grants(session: Session, project: Project | None, page: Page) -> Sequence[Grant]:
    """Return one page of grants, with all that their rows show: two queries.

    First what anyone was given, then teams, groups and users, each by name.
    """
    return session.scalars(
        _joined(select(Grant))
        .where(_is_on(project))
        .order_by(*_ORDER)
        .offset(page.offset)
        .limit(page.size)
        .options(
            contains_eager(Grant.user),
            contains_eager(Grant.group),
            contains_eager(Grant.team),
            selectinload(Grant.permissions),
        )
    ).all()


def find_page(session: Session, grant: Grant, *, size: int) -> int:
    """Return the number of the page of the list that *grant* is on, *size* a page."""
    position = func.row_number().over(order_by=_ORDER).label("position")
    rows = _joined(select(Grant.id, position)).where(
        Grant.project_id.is_not_distinct_from(grant.project_id)
    )
    listed = rows.subquery()
    found = session.scalar(select(listed.c.position).where(listed.c.id == grant.id)) or 1
    return (found - 1) // size + 1


_ORDER: tuple[Any, ...] = (
    case(
        (Grant.user_id.is_not(None), 3),
        (Grant.group_id.is_not(None), 2),
        (Grant.team_id.is_not(None), 1),
        else_=0,
    ),
    func.lower(Team.name),
    func.lower(Group.name),
    User.username_key,
    Grant.id,
)


def _joined(statement: Select[Any]) -> Select[Any]:
    return statement.outerjoin(Grant.user).outerjoin(Grant.group).outerjoin(Grant.team)


def permissions_of(grant: Grant) -> set[Permission]:
    """Return what *grant* gives."""
    return {Permission(row.permission) for row in grant.permissions}


def _change(
    session: Session,
    actor: Identity,
    place: GrantsResource,
    grant: Grant,
    grantee: Grantee,
    permissions: Collection[Permission],
) -> None:
    """Change *grant*, which the caller has locked."""
    _check_own_rights(actor, place, grantee, permissions, grant=grant)
    before, target = _facts(grant), _target(place, grantee_of(grant))
    _set_grantee(grant, grantee)
    _set_permissions(grant, permissions)
    after = _facts(grant)
    if after != before:
        audit.record(session, actor, "grant.edit", target, before=before, after=after)


def _lock_grant(session: Session, grant: Grant) -> None:
    """Hold the row of *grant*, and have it as it is now, until the commit."""
    found = session.scalar(
        select(Grant)
        .where(Grant.id == grant.id)
        .options(
            joinedload(Grant.user),
            joinedload(Grant.group),
            joinedload(Grant.team),
            selectinload(Grant.permissions),
        )
        .with_for_update(of=Grant, key_share=True)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise Conflict(_("This permission was deleted meanwhile."))


def _check_own_rights(
    actor: Identity,
    place: GrantsResource,
    grantee: Grantee,
    permissions: Collection[Permission],
    *,
    grant: Grant | None = None,
) -> None:
    beyond = beyond_own_rights(actor, place, grantee, permissions, grant=grant)
    if beyond:
        raise BeyondOwnRights(refusal(beyond))


def refusal(permissions: Collection[Permission]) -> str:
    """Return why nobody may give themselves those *permissions*."""
    return _(
        "You cannot give yourself what you may not do here yourself: ${permissions}.",
        mapping={"permissions": ", ".join(permissions)},
    )


def _is_on(project: Project | None) -> ColumnElement[bool]:
    return Grant.project_id.is_not_distinct_from(project and project.id)


def _ids(grantee: Grantee) -> dict[str, int | None]:
    """Return the columns by which a grant is for *grantee*."""
    return {
        "user_id": grantee.id if isinstance(grantee, User) else None,
        "group_id": grantee.id if isinstance(grantee, Group) else None,
        "team_id": grantee.id if isinstance(grantee, Team) else None,
    }


def _set_grantee(grant: Grant, grantee: Grantee) -> None:
    grant.user = grantee if isinstance(grantee, User) else None
    grant.group = grantee if isinstance(grantee, Group) else None
    grant.team = grantee if isinstance(grantee, Team) else None


def _set_permissions(grant: Grant, permissions: Collection[Permission]) -> None:
    kept = [row for row in grant.permissions if row.permission in permissions]
    new = set(permissions) - {row.permission for row in kept}
    grant.permissions = [*kept, *(GrantPermission(permission=name) for name in sorted(new))]


def _facts(grant: Grant) -> dict[str, Any]:
    """Return what the audit log keeps of *grant*."""
    return {
        "grantee": _spoken(grantee_of(grant)),
        "permissions": sorted(row.permission for row in grant.permissions),
    }


def _target(place: GrantsResource, grantee: Grantee) -> str:
    return f"{_spoken(grantee)} on {place.project.name if place.project else 'PonyTracker'}"


def _spoken(grantee: Grantee) -> str:
    """Return *grantee* as the audit log calls them, whatever the language of the reader."""
    if grantee is None:
        return "anyone signed in"
    name = grantee.username if isinstance(grantee, User) else grantee.name
    return f"{type_of(grantee)} {name}"
