"""Grants: which permissions a user, a group, a team or anyone signed in was given, and where."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ponytracker.models.account import Group, Team, User
from ponytracker.models.base import NEVER_REUSED, Base, Id
from ponytracker.models.project import Project


class Grant(Base):
    """A set of permissions for one grantee, on one project or (without a project) on all.

    The grantee is the one of `user_id`, `group_id` and `team_id` that is set; where none is, it is
    anyone signed in.
    """

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint(
            "NOT (user_id IS NOT NULL AND group_id IS NOT NULL)"
            " AND NOT (user_id IS NOT NULL AND team_id IS NOT NULL)"
            " AND NOT (group_id IS NOT NULL AND team_id IS NOT NULL)",
            name="one_grantee",
        ),
        # NULLs are distinct in a unique constraint, so it is put on what they stand for.
        Index(
            "uq_grants_grantee",
            func.coalesce(text("project_id"), text("0")),
            func.coalesce(text("user_id"), text("0")),
            func.coalesce(text("group_id"), text("0")),
            func.coalesce(text("team_id"), text("0")),
            unique=True,
        ),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    group_id: Mapped[int | None] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), index=True
    )
    team_id: Mapped[int | None] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), index=True
    )

    project: Mapped[Project | None] = relationship()
    user: Mapped[User | None] = relationship()
    group: Mapped[Group | None] = relationship()
    team: Mapped[Team | None] = relationship()
    permissions: Mapped[list[GrantPermission]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )

    def gives(self, permission: str) -> bool:
        """Return whether *permission* is one of this grant's."""
        return any(row.permission == permission for row in self.permissions)


class GrantPermission(Base):
    """One permission of a grant; its name is one of ``security/permissions.py``."""

    __tablename__ = "grant_permissions"

    grant_id: Mapped[int] = mapped_column(
        ForeignKey("grants.id", ondelete="CASCADE"), primary_key=True
    )
    permission: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
