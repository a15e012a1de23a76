"""Teams: adding, editing and deleting them, and which users and groups are in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    delete,
    func,
    insert,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from ponytracker.accounts.losses import losses_of_team
from ponytracker.accounts.query import MAX_SUGGESTIONS
from ponytracker.accounts.service import NameTaken, OwnRights, check_may_move
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.models import Group, Team, User
from ponytracker.models.account import group_users, team_groups, team_users
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from ponytracker.web.pages import Page

MAX_NAME: int = Team.name.type.length


def add_team(session: Session, actor: Identity, name: str) -> Team:
    check_name(session, name)
    team = Team(name=name)
    session.add(team)
    session.flush()
    record(session, actor, "team.add", name)
    return team


def edit_team(session: Session, actor: Identity, team: Team, *, name: str) -> None:
    _lock(session, team)
    check_name(session, name, besides=team)
    before, after = {"name": team.name}, {"name": name}
    team.name = name
    if after != before:
        record(session, actor, "team.edit", before["name"], before=before, after=after)


def delete_team(session: Session, actor: Identity, team: Team) -> None:
    """Delete a team, and with it the grants to it."""
    _lock(session, team)
    before = losses_of_team(session, team)
    session.delete(team)
    record(session, actor, "team.delete", team.name, before=before)


def add_user(session: Session, actor: Identity, team: Team, user: User) -> None:
    check_user_addition(session, actor, team, user)
    session.execute(insert(team_users).values(team_id=team.id, user_id=user.id))
    record(session, actor, "team.add_user", team.name, after={"user": user.username})


def remove_user(session: Session, actor: Identity, team: Team, user: User) -> None:
    """Take *user* out of *team*, where a group may keep them."""
    check_user_removal(session, actor, team, user)
    gone = session.execute(
        delete(team_users).where(_is_user_place(team, user)).returning(team_users.c.user_id)
    )
    if gone.first() is None:
        raise _not_in_team(team, user.username)
    record(session, actor, "team.remove_user", team.name, before={"user": user.username})


def add_group(session: Session, actor: Identity, team: Team, group: Group) -> None:
    check_group_addition(session, actor, team, group)
    session.execute(insert(team_groups).values(team_id=team.id, group_id=group.id))
    record(session, actor, "team.add_group", team.name, after={"group": group.name})


def remove_group(session: Session, actor: Identity, team: Team, group: Group) -> None:
    gone = session.execute(
        delete(team_groups).where(_is_group_place(team, group)).returning(team_groups.c.group_id)
    )
    if gone.first() is None:
        raise _not_in_team(team, group.name)
    record(session, actor, "team.remove_group", team.name, before={"group": group.name})


def check_name(session: Session, name: str, *, besides: Team | None = None) -> None:
    """Raise `NameTaken` where another team has this name."""
    if find_team(session, name) not in (None, besides):
        raise NameTaken(_("There is already a team with this name."))


def check_user_addition(session: Session, actor: Identity, team: Team, user: User) -> None:
    """Raise `Conflict` where *actor* must not add *user*, or has no need to."""
    check_may_move(actor, user)
    if has_user(session, team, user):
        raise Conflict(_("User already in team."))
    if user.id == actor.user_id and not actor.is_superuser:
        raise OwnRights(
            _(
                "You cannot add yourself: this would give you the rights of the team."
                " Ask another administrator."
            )
        )


def check_group_addition(session: Session, actor: Identity, team: Team, group: Group) -> None:
    """Raise `Conflict` where *actor* must not add *group*, or has no need to."""
    if has_group(session, team, group):
        raise Conflict(_("Group already in team."))
    if group.id in actor.group_ids and not actor.is_superuser:
        raise OwnRights(
            _(
                "You cannot add a group that you are in: this would give you the rights of the"
                " team. Ask another administrator."
            )
        )


def check_user_removal(session: Session, actor: Identity, team: Team, user: User) -> None:
    """Raise `Conflict` where *actor* must not remove *user*, or they are not in *team* directly."""
    check_may_move(actor, user)
    if has_user(session, team, user):
        return
    groups = groups_between(session, team, user)
    if not groups:
        raise _not_in_team(team, user.username)
    raise Conflict(
        _(
            "${user} is a member through group ${groups}: remove them from there.",
            mapping={
                "user": user.username,
                "groups": ", ".join(group.name for group in groups),
            },
        )
    )


def check_group_removal(session: Session, team: Team, group: Group) -> None:
    """Raise `Conflict` where *group* is not in *team*."""
    if not has_group(session, team, group):
        raise _not_in_team(team, group.name)


def find_team(session: Session, name: str) -> Team | None:
    return session.scalar(select(Team).where(Team.name == name))


class TeamRow(NamedTuple):
    """A team as the list shows it, with how many are in it themselves."""

    team: Team
    users: int
    groups: int


def list_teams(session: Session, text: str, page: Page) -> list[TeamRow]:
    """Return one page of the teams with *text* in their name, by name, each with its size."""
    users = select(func.count()).where(team_users.c.team_id == Team.id).scalar_subquery()
    groups = select(func.count()).where(team_groups.c.team_id == Team.id).scalar_subquery()
    rows = session.execute(
        select(Team, users, groups)
        .where(_has_text(text))
        .order_by(func.lower(Team.name), Team.id)
        .offset(page.offset)
        .limit(page.size)
    )
    return [TeamRow(*row) for row in rows]


def count_teams(session: Session, text: str) -> int:
    return session.scalars(select(func.count()).select_from(Team).where(_has_text(text))).one()


def suggest_teams(
    session: Session, text: str, besides: Select[tuple[int]] | None = None
) -> Sequence[Team]:
    """Return the first teams with *text* in their name, but for those with the ids *besides*."""
    wanted = select(Team).where(_has_text(text))
    if besides is not None:
        wanted = wanted.where(Team.id.not_in(besides))
    return session.scalars(
        wanted.order_by(func.lower(Team.name), Team.id).limit(MAX_SUGGESTIONS)
    ).all()


def list_users(session: Session, team: Team, page: Page) -> Sequence[User]:
    """Return one page of the users who are in *team* themselves."""
    return session.scalars(
        select(User)
        .where(User.id.in_(user_ids(team)))
        .order_by(User.username_key)
        .offset(page.offset)
        .limit(page.size)
    ).all()


def count_users(session: Session, team: Team) -> int:
    return session.scalars(select(func.count()).select_from(user_ids(team).subquery())).one()


def list_groups(session: Session, team: Team, page: Page) -> Sequence[Group]:
    """Return one page of the groups in *team*."""
    return session.scalars(
        select(Group)
        .where(Group.id.in_(group_ids(team)))
        .order_by(func.lower(Group.name), Group.id)
        .offset(page.offset)
        .limit(page.size)
    ).all()


def count_groups(session: Session, team: Team) -> int:
    return session.scalars(select(func.count()).select_from(group_ids(team).subquery())).one()


def groups_between(session: Session, team: Team, user: User) -> Sequence[Group]:
    """Return the groups that bring *user* into *team*, by name."""
    return session.scalars(
        select(Group)
        .join(team_groups, team_groups.c.group_id == Group.id)
        .join(group_users, group_users.c.group_id == Group.id)
        .where(team_groups.c.team_id == team.id, group_users.c.user_id == user.id)
        .order_by(func.lower(Group.name), Group.id)
    ).all()


def has_user(session: Session, team: Team, user: User) -> bool:
    """Return whether *user* is in *team* themselves."""
    found = session.scalar(select(team_users.c.user_id).where(_is_user_place(team, user)))
    return found is not None


def has_group(session: Session, team: Team, group: Group) -> bool:
    found = session.scalar(select(team_groups.c.group_id).where(_is_group_place(team, group)))
    return found is not None


def user_ids(team: Team) -> Select[tuple[int]]:
    """Return the ids of the users who are in *team* themselves."""
    return select(team_users.c.user_id).where(team_users.c.team_id == team.id)


def all_user_ids(team: Team) -> CompoundSelect[tuple[int]]:
    """Return the ids of the users who are in *team*, themselves or through a group."""
    through = select(group_users.c.user_id).join(
        team_groups, team_groups.c.group_id == group_users.c.group_id
    )
    return union_all(user_ids(team), through.where(team_groups.c.team_id == team.id))


def group_ids(team: Team) -> Select[tuple[int]]:
    """Return the ids of the groups in *team*."""
    return select(team_groups.c.group_id).where(team_groups.c.team_id == team.id)


def team_ids(user: User) -> Select[tuple[int]]:
    """Return the ids of the teams that *user* is in themselves."""
    return select(team_users.c.team_id).where(team_users.c.user_id == user.id)


def _not_in_team(team: Team, name: str) -> Conflict:
    return Conflict(_("${name} is not in team ${team}.", mapping={"name": name, "team": team.name}))


def _is_user_place(team: Team, user: User) -> ColumnElement[bool]:
    return (team_users.c.team_id == team.id) & (team_users.c.user_id == user.id)


def _is_group_place(team: Team, group: Group) -> ColumnElement[bool]:
    return (team_groups.c.team_id == team.id) & (team_groups.c.group_id == group.id)


def _has_text(text: str) -> ColumnElement[bool]:
    return Team.name.icontains(text, autoescape=True) if text else true()


def _lock(session: Session, team: Team) -> None:
    """Read *team* as it is now, to be changed by nobody else until the commit."""
    locked = select(Team).where(Team.id == team.id).with_for_update(key_share=True)
    if session.scalar(locked.execution_options(populate_existing=True)) is None:
        raise Conflict(_("This team was deleted meanwhile."))
