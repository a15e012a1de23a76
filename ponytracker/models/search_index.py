"""The full-text index over titles, descriptions and comments, which the database keeps itself.

SQLite has it in two FTS5 tables that read their texts from `issues` and `events`, kept current by
triggers; PostgreSQL in two generated columns with a GIN index each. So whatever writes a text, in
whatever way, has written the index in the same transaction. Both cut a text at everything that is
no letter or digit and stem by Porter's algorithm, without stop words: the same words find the same
texts. The migration 0003 makes it; ``issues/fulltext.py`` asks it. See docs/decisions/search.rst.
"""

from __future__ import annotations

from typing import Any

TITLES, TEXTS = "issue_titles_fts", "event_texts_fts"
"""The FTS5 tables of SQLite."""

VECTOR = "search_vector"
"""The generated column of `issues` and `events` on PostgreSQL."""

CONFIGURATION = "ponytracker"
"""The name of PostgreSQL's text search configuration."""

MAX_INDEXED = 150_000
"""Characters of a text that PostgreSQL indexes: a tsvector holds 1 MiB at most."""

NOT_IN_WORDS = r"[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+"
"""What PostgreSQL's parser must not see: it would keep paths, hosts and versions in one piece."""


def is_compared(_item: object, name: str | None, kind: str, *_rest: Any) -> bool:
    """Return whether Alembic shall compare *name* with the models: the index is none of theirs."""
    is_table = kind == "table" and (name or "").startswith((TITLES, TEXTS))
    return not (is_table or (name or "").endswith(VECTOR))
