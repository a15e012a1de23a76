"""What every table shares: naming of constraints, column types, ids that are never used twice."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any

from markupsafe import Markup
from sqlalchemy import DateTime, Enum, MetaData, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

REVISION = "0006"
"""The newest migration: what the tables are as the models say. A test holds it to ``alembic/``."""

NEVER_REUSED = {"sqlite_autoincrement": True}
"""Ids stay out of use after a deletion, as on PostgreSQL: links and mail tokens outlive rows."""


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware time, stored in UTC; SQLite, which has no zones, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class SafeHtml(TypeDecorator[Markup]):
    """HTML that our own renderer made, so that a template prints it as it is."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Markup | None, dialect: Dialect) -> str | None:
        if value is not None and not isinstance(value, Markup):
            raise TypeError("only what markup.render() returned may be stored as HTML")
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Markup | None:
        return None if value is None else Markup(value)  # noqa: S704 - checked when it was stored


def words(enum: type[StrEnum]) -> Enum:
    """Return the column type of a closed list of words, stored as they are.

    A plain string column: a list that grows must not need a migration of every row.
    """
    return Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def now() -> dt.datetime:
    """Return the present time, in UTC."""
    return dt.datetime.now(dt.UTC)


Id = Annotated[int, mapped_column(primary_key=True)]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dt.datetime: UtcDateTime, Markup: SafeHtml}
