"""What the database has of a directory: the accounts and groups that belong to its entries."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from ponytracker.directory.plan import Account, Here
from ponytracker.models import Group, User
from ponytracker.models.account import group_users
from ponytracker.text import fold


def read_all(session: Session) -> Here:
    """Return all of it; the accounts are locked, to be changed by nobody else until the commit."""
    lock(session)
    of_entries = User.directory_id.is_not(None)
    names = session.scalars(select(User.username_key).where(User.directory_id.is_(None)))
    return _here(session, of_entries, frozenset(names))


def read_one(session: Session, key: str, username: str) -> Here:
    """Return what concerns the entry *key*, which is called *username* there."""
    lock(session, key)
    others = select(User.username_key).where(
        User.username_key == fold(username),
        or_(User.directory_id.is_(None), User.directory_id != key),
    )
    return _here(session, User.directory_id == key, frozenset(session.scalars(others)))


def _here(session: Session, of_entries: ColumnElement[bool], names: frozenset[str]) -> Here:
    accounts = _accounts(session.scalars(select(User).where(of_entries)))
    groups = session.execute(select(Group.directory_id, Group.name)).all()
    places = (
        select(Group.directory_id, User.directory_id)
        .join(group_users, group_users.c.group_id == Group.id)
        .join(User, User.id == group_users.c.user_id)
        .where(Group.directory_id.is_not(None), of_entries)
    )
    superusers = session.scalar(
        select(func.count()).select_from(User).where(User.is_superuser, User.is_active)
    )
    own = sum(account.is_superuser and account.is_active for account in accounts.values())
    return Here(
        accounts=accounts,
        groups={key: name for key, name in groups if key is not None},
        places=frozenset(
            (group, user) for group, user in session.execute(places) if group and user
        ),
        names=names,
        group_names=frozenset(name for key, name in groups if key is None),
        other_superusers=(superusers or 0) - own,
    )


def lock(session: Session, key: str | None = None) -> None:
    """Lock the accounts of one entry or of all, and every active superuser, in the order of ids.

    As the services of accounts do: two superusers must not take leave of each other.
    """
    of_entries = User.directory_id.is_not(None) if key is None else User.directory_id == key
    session.scalars(
        select(User)
        .where(or_(of_entries, User.is_superuser & User.is_active))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _accounts(users: Iterable[User]) -> dict[str, Account]:
    return {
        user.directory_id: Account(
            username=user.username,
            first_name=user.first_name,
            last_name=user.last_name,
            email=user.email,
            is_active=user.is_active,
            is_superuser=user.is_superuser,
            disabled_by_directory=user.disabled_by_directory,
        )
        for user in users
        if user.directory_id is not None
    }
