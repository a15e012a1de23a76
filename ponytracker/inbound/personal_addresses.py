"""To where people mail new issues: an address for each of them and project, until revoked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import PersonalAddress, Project
from ponytracker.projects.service import find_visible_project
from ponytracker.projects.watching import INSERT
from ponytracker.resources import Root
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import Identity
from ponytracker.security.visibility import may_see_project

MAX_ADDRESSES = 200
"""Addresses that one person may have."""


class NoAddress(DomainError):
    """There is no address like this, or there cannot be; the text says why."""


def list_addresses(session: Session, actor: Identity) -> Sequence[PersonalAddress]:
    """Return the addresses of *actor* in projects that they still see, by name."""
    return session.scalars(
        select(PersonalAddress)
        .join(Project, Project.id == PersonalAddress.project_id)
        .where(PersonalAddress.user_id == actor.user_id, may_see_project(actor))
        .options(joinedload(PersonalAddress.project), joinedload(PersonalAddress.user))
        .order_by(Project.display_name_key)
    ).all()


def make_address(session: Session, actor: Identity, name: str) -> None:
    """Make an address of *actor* for the project *name*, unless there is one; raise `NoAddress`."""
    project = find_visible_project(session, actor, name)
    if project is None:
        raise NoAddress(_("The project '${name}' does not exist.", mapping={"name": name}))
    issues = Root(session, actor)[project.name]["issues"]  # type: ignore[index]
    if not may(actor, issues, Permission.CREATE_ISSUE):
        raise NoAddress(_("You are not allowed to open issues in this project."))
    if len(list_addresses(session, actor)) >= MAX_ADDRESSES:
        most = {"max": MAX_ADDRESSES}
        raise NoAddress(_("At most ${max} addresses. Revoke one first.", mapping=most))
    insert = INSERT[session.get_bind().dialect.name](PersonalAddress)
    values = insert.values(user_id=actor.user_id, project_id=project.id)
    session.execute(values.on_conflict_do_nothing())


def revoke_address(session: Session, actor: Identity, address_id: int | None) -> None:
    """End the address *address_id* of *actor*; raise `NoAddress` where it is none of theirs.

    The next one in the same project is another: ids are not used again.
    """
    gone = session.scalars(
        delete(PersonalAddress)
        .where(PersonalAddress.id == address_id, PersonalAddress.user_id == actor.user_id)
        .returning(PersonalAddress.id)
    )
    if not gone.all():
        raise NoAddress(_("This address is revoked already."))
