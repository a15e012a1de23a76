"""Groups: adding, editing and deleting them, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, true
from sqlalchemy.orm import Session

from ponytracker.accounts.losses import losses_of_group
from ponytracker.accounts.query import MAX_SUGGESTIONS, has_text
from ponytracker.accounts.service import NameTaken, OwnRights, check_may_move
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.models import Group, User
from ponytracker.models.account import group_users, team_groups
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from ponytracker.web.pages import Page

MAX_NAME: int = Group.name.type.length


def add_group(session: Session, actor: Identity, name: str) -> Group:
    check_name(session, name)
    group = Group(name=name)
    session.add(group)
    session.flush()
    record(session, actor, "group.add", name)
    return group


def edit_group(session: Session, actor: Identity, group: Group, *, name: str) -> None:
    _lock(session, group)
    check_is_ours(group)
    check_name(session, name, besides=group)
    before, after = {"name": group.name}, {"name": name}
    group.name = name
    if after != before:
        record(session, actor, "group.edit", before["name"], before=before, after=after)


def delete_group(session: Session, actor: Identity, group: Group) -> None:
    """Delete a group, and with it its places in teams and the grants to it."""
    _lock(session, group)
    before = losses_of_group(session, group)
    session.delete(group)
    record(session, actor, "group.delete", group.name, before=before)


def add_user(session: Session, actor: Identity, group: Group, user: User) -> None:
    check_addition(session, actor, group, user)
    session.execute(insert(group_users).values(group_id=group.id, user_id=user.id))
    record(session, actor, "group.add_user", group.name, after={"user": user.username})


def remove_user(session: Session, actor: Identity, group: Group, user: User) -> None:
    """Take *user* out of *group*; raise `Conflict` where they are not in it."""
    check_removal(session, actor, group, user)
    gone = session.execute(
        delete(group_users).where(_is_place(group, user)).returning(group_users.c.user_id)
    )
    if gone.first() is None:
        raise _not_in_group(group, user)
    record(session, actor, "group.remove_user", group.name, before={"user": user.username})


def check_name(session: Session, name: str, *, besides: Group | None = None) -> None:
    """Raise `NameTaken` where another group has this name."""
    if find_group(session, name) not in (None, besides):
        raise NameTaken(_("There is already a group with this name."))


def check_is_ours(group: Group) -> None:
    """Raise `Conflict` where *group* is kept as a directory has it."""
    if group.directory_id is not None:
        raise Conflict(_("This group comes from the directory, and is changed there."))


def check_addition(session: Session, actor: Identity, group: Group, user: User) -> None:
    """Raise `Conflict` where *actor* must not add *user*, or has no need to."""
    check_is_ours(group)
    check_may_move(actor, user)
    if has_user(session, group, user):
        raise Conflict(_("User already in group."))
    if user.id == actor.user_id and not actor.is_superuser:
        raise OwnRights(
            _(
                "You cannot add yourself: this would give you the rights of the group."
                " Ask another administrator."
            )
        )


def check_removal(session: Session, actor: Identity, group: Group, user: User) -> None:
    """Raise `Conflict` where *actor* must not remove *user*, or they are not in *group*."""
    check_is_ours(group)
    check_may_move(actor, user)
    if not has_user(session, group, user):
        raise _not_in_group(group, user)


def find_group(session: Session, name: str) -> Group | None:
    return session.scalar(select(Group).where(Group.name == name))


class GroupRow(NamedTuple):
    """A group as the list shows it."""

    group: Group
    users: int


def list_groups(session: Session, text: str, page: Page) -> list[GroupRow]:
    """Return one page of the groups with *text* in their name, by name, each with its size."""
    size = select(func.count()).where(group_users.c.group_id == Group.id).scalar_subquery()
    rows = session.execute(
        select(Group, size)
        .where(_has_text(text))
        .order_by(func.lower(Group.name), Group.id)
        .offset(page.offset)
        .limit(page.size)
    )
    return [GroupRow(*row) for row in rows]


def count_groups(session: Session, text: str) -> int:
    return session.scalars(select(func.count()).select_from(Group).where(_has_text(text))).one()


def suggest_groups(
    session: Session, text: str, besides: Select[tuple[int]] | None = None
) -> Sequence[Group]:
    """Return the first groups with *text* in their name, but for those with the ids *besides*."""
    wanted = select(Group).where(_has_text(text))
    if besides is not None:
        wanted = wanted.where(Group.id.not_in(besides))
    return session.scalars(
        wanted.order_by(func.lower(Group.name), Group.id).limit(MAX_SUGGESTIONS)
    ).all()


def list_users(session: Session, group: Group, text: str, page: Page) -> Sequence[User]:
    """Return one page of the users of *group* in whose name or address *text* is."""
    return session.scalars(
        select(User)
        .where(User.id.in_(user_ids(group)), has_text(text))
        .order_by(User.username_key)
        .offset(page.offset)
        .limit(page.size)
    ).all()


def count_users(session: Session, group: Group, text: str = "") -> int:
    wanted = select(func.count()).select_from(User)
    return session.scalars(wanted.where(User.id.in_(user_ids(group)), has_text(text))).one()


def count_teams(session: Session, group: Group) -> int:
    """Return in how many teams *group* is."""
    return session.scalars(
        select(func.count()).select_from(team_groups).where(team_groups.c.group_id == group.id)
    ).one()


def has_user(session: Session, group: Group, user: User) -> bool:
    found = session.scalar(select(group_users.c.user_id).where(_is_place(group, user)))
    return found is not None


def user_ids(group: Group) -> Select[tuple[int]]:
    """Return the ids of the users of *group*."""
    return select(group_users.c.user_id).where(group_users.c.group_id == group.id)


def group_ids(user: User) -> Select[tuple[int]]:
    """Return the ids of the groups that *user* is in."""
    return select(group_users.c.group_id).where(group_users.c.user_id == user.id)


def _not_in_group(group: Group, user: User) -> Conflict:
    names = {"user": user.username, "group": group.name}
    return Conflict(_("${user} is not in group ${group}.", mapping=names))


def _is_place(group: Group, user: User) -> ColumnElement[bool]:
    return (group_users.c.group_id == group.id) & (group_users.c.user_id == user.id)


def _has_text(text: str) -> ColumnElement[bool]:
    return Group.name.icontains(text, autoescape=True) if text else true()


def _lock(session: Session, group: Group) -> None:
    """Read *group* as it is now, to be changed by nobody else until the commit."""
    locked = select(Group).where(Group.id == group.id).with_for_update(key_share=True)
    if session.scalar(locked.execution_options(populate_existing=True)) is None:
        raise Conflict(_("This group was deleted meanwhile."))
