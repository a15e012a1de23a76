"""People and the ways they are put together: users, groups, teams, and their signed-in sessions."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words
from ponytracker.text import MAX_USERNAME, fold


def _members(name: str, owner: str, member: str) -> Table:
    return Table(
        name,
        Base.metadata,
        Column(f"{owner}_id", ForeignKey(f"{owner}s.id", ondelete="CASCADE"), primary_key=True),
        Column(
            f"{member}_id",
            ForeignKey(f"{member}s.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
    )


group_users = _members("group_users", "group", "user")
team_users = _members("team_users", "team", "user")
team_groups = _members("team_groups", "team", "group")


MAX_USERNAME_KEY = 600
"""Characters of a folded username: folding makes up to 18 of one."""


MAX_DIRECTORY_ID = 255
"""Characters of what names an entry of a directory: its attribute and a value, some 50."""


class Notifications(StrEnum):
    """Which events a person wants mail about."""

    NEVER = "never"
    OTHERS = "others"
    ALWAYS = "always"


class User(Base):
    """An account. Whoever is not active cannot sign in and gets no mail.

    `mail_key_version` is in the token of each address that a reply of theirs is sent to: a new one
    ends all addresses given before. `bounces` counts mails that came back for good, in a row; after
    some, `mail_paused_at` says since when none is sent.

    `directory_id` names the entry of the directory that it is the account of; such an account has
    no password here. `disabled_by_directory` says that the entry has gone, so that the account
    comes back with it.
    """

    __tablename__ = "users"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    username: Mapped[str] = mapped_column(String(MAX_USERNAME))
    username_key: Mapped[str] = mapped_column(String(MAX_USERNAME_KEY), unique=True)
    first_name: Mapped[str] = mapped_column(String(150), default="")
    last_name: Mapped[str] = mapped_column(String(150), default="")
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    notifications: Mapped[Notifications] = mapped_column(
        words(Notifications), default=Notifications.OTHERS
    )
    mail_key_version: Mapped[int] = mapped_column(default=1, server_default="1")
    bounces: Mapped[int] = mapped_column(default=0, server_default="0")
    mail_paused_at: Mapped[dt.datetime | None]
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    directory_id: Mapped[str | None] = mapped_column(
        String(MAX_DIRECTORY_ID), unique=True, index=True
    )
    disabled_by_directory: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_sign_in_at: Mapped[dt.datetime | None]

    groups: Mapped[list[Group]] = relationship(
        secondary=group_users, back_populates="users", passive_deletes=True
    )
    teams: Mapped[list[Team]] = relationship(
        secondary=team_users, back_populates="users", passive_deletes=True
    )

    @validates("username")
    def _remember_key(self, _attribute: str, username: str) -> str:
        self.username_key = fold(username)
        return username

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def username_and_full_name(self) -> str:
        return f"{self.username} ({self.full_name})" if self.full_name else self.username


class Group(Base):
    """Users put together; where it has a `directory_id`, by that group of the directory."""

    __tablename__ = "groups"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(128), unique=True)
    directory_id: Mapped[str | None] = mapped_column(
        String(MAX_DIRECTORY_ID), unique=True, index=True
    )
    users: Mapped[list[User]] = relationship(
        secondary=group_users, back_populates="groups", passive_deletes=True
    )


class Team(Base):
    """Users and groups put together, always by hand."""

    __tablename__ = "teams"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(128), unique=True)
    users: Mapped[list[User]] = relationship(
        secondary=team_users, back_populates="teams", passive_deletes=True
    )
    groups: Mapped[list[Group]] = relationship(secondary=team_groups, passive_deletes=True)


class SignInSession(Base):
    """One browser that is signed in. Its cookie holds a token of which only the hash is here."""

    __tablename__ = "sign_in_sessions"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    address: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(255), default="")


class TokenPurpose(StrEnum):
    """What following the link of a mail is good for."""

    RESET = "reset"
    SIGN_UP = "sign_up"


class AccountToken(Base):
    """A mailed link that works once, by what it proves: that someone reads mail to an address.

    Only the hash of its token is here. `data` is what a sign-up asked for.
    """

    __tablename__ = "account_tokens"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    purpose: Mapped[TokenPurpose] = mapped_column(words(TokenPurpose))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)

    user: Mapped[User | None] = relationship()


class Attempt(Base):
    """One try of something that may be tried only so often: see ``security/throttling.py``.

    `subject` is a hash of the name that was tried: what people type there may be a password.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_subject_at", "subject", "at"),
        Index("ix_attempts_address_at", "address", "at"),
        Index("ix_attempts_at", "at"),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    purpose: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[dt.datetime] = mapped_column(default=now)
