"""what events are about, as rows; the full-text index; an index for every order of a list."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEVER_REUSED = {"sqlite_autoincrement": True}

# Each column, the table it names, and what becomes of the event when that row is deleted.
SUBJECTS = {
    "user_id": ("users", "SET NULL"),
    "label_id": ("labels", "SET NULL"),
    "milestone_id": ("milestones", "SET NULL"),
    "source_issue_id": ("issues", "CASCADE"),
}
WERE_IN_ARGS = ("user_id", "label_id", "milestone_id")
ORDERS = {
    "ix_issues_state_due": ["project_id", "state", "due_at", "number"],
    "ix_issues_due": ["project_id", "due_at", "number"],
    "ix_issues_state_comments": ["project_id", "state", "comment_count", "number"],
    "ix_issues_comments": ["project_id", "comment_count", "number"],
    "ix_issues_milestone_state": ["milestone_id", "state"],
    "ix_issues_last_event": ["project_id", "last_event_id"],
}
SEARCHED = (("issues", "title", "issue_titles_fts"), ("events", "text", "event_texts_fts"))
TOKENS = (
    "asciiword, word, numword, hword, asciihword, numhword, hword_part, hword_asciipart,"
    " hword_numpart, int, uint, float, sfloat, version, email, url, host, url_path, file"
)


def upgrade() -> None:
    with op.batch_alter_table("events", table_kwargs=NEVER_REUSED) as batch:
        for column, (table, ondelete) in SUBJECTS.items():
            name = f"fk_events_{column}"
            batch.add_column(sa.Column(column, sa.Integer()))
            batch.create_foreign_key(name, table, [column], ["id"], ondelete=ondelete)
        batch.add_column(sa.Column("batch", sa.String(length=36)))
    for column in WERE_IN_ARGS:
        op.execute(_take_out_of_args(column))
    for column in (*SUBJECTS, "batch"):
        _create_index(f"ix_events_{column}", [column], where=f"{column} IS NOT NULL")
    op.create_index("ix_events_actor", "events", ["actor_id", "kind", "issue_id", "deleted_at"])
    op.drop_index("ix_events_actor_id", "events")  # the longer one begins with it
    once = "uq_events_issue_id_source_issue_id"
    op.create_index(once, "events", ["issue_id", "source_issue_id"], unique=True)
    once = "uq_events_issue_id_mentioned"
    _create_index(once, ["issue_id", "user_id"], where="kind = 'mentioned'", unique=True)
    for name, columns in ORDERS.items():
        op.create_index(name, "issues", columns)
    op.drop_index("ix_issues_milestone_id", "issues")  # the longer one begins with it
    if _is_postgresql():
        _create_vectors()
    else:
        _create_fts_tables()


def downgrade() -> None:
    for table, _, fts in SEARCHED:
        if _is_postgresql():
            op.drop_column(table, "search_vector")
        else:
            for when in ("insert", "delete", "forget", "learn"):
                op.execute(f"DROP TRIGGER {fts}_{when}")
            op.execute(f"DROP TABLE {fts}")
    if _is_postgresql():
        op.execute("DROP TEXT SEARCH CONFIGURATION ponytracker")
        op.execute("DROP TEXT SEARCH DICTIONARY ponytracker")
    op.create_index("ix_issues_milestone_id", "issues", ["milestone_id"])
    for name in ORDERS:
        op.drop_index(name, "issues")
    op.create_index("ix_events_actor_id", "events", ["actor_id"])
    op.drop_index("ix_events_actor", "events")
    op.drop_index("uq_events_issue_id_mentioned", "events")
    op.drop_index("uq_events_issue_id_source_issue_id", "events")
    for column in WERE_IN_ARGS:
        op.execute(_put_into_args(column))
    for column in (*SUBJECTS, "batch"):
        op.drop_index(f"ix_events_{column}", "events")
    with op.batch_alter_table("events", table_kwargs=NEVER_REUSED) as batch:
        for column in SUBJECTS:
            batch.drop_constraint(f"fk_events_{column}", type_="foreignkey")
        for column in (*SUBJECTS, "batch"):
            batch.drop_column(column)


def _create_fts_tables() -> None:
    """Make the index of SQLite and its triggers, which a migration loses that remakes a table."""
    for table, column, fts in SEARCHED:
        forget = (
            f"INSERT INTO {fts} ({fts}, rowid, {column}) VALUES ('delete', old.id, old.{column})"
        )
        learn = f"INSERT INTO {fts} (rowid, {column}) VALUES (new.id, new.{column})"
        had, has = f"old.{column} IS NOT NULL", f"new.{column} IS NOT NULL"
        differs = f"old.{column} IS NOT new.{column}"
        op.execute(
            f"CREATE VIRTUAL TABLE {fts} USING fts5({column}, content='{table}',"
            " content_rowid='id', tokenize='porter unicode61 remove_diacritics 0')"
        )
        for name, when, condition, action in (
            ("insert", "AFTER INSERT", has, learn),
            ("delete", "AFTER DELETE", had, forget),
            ("forget", f"BEFORE UPDATE OF {column}", f"{differs} AND {had}", forget),
            ("learn", f"AFTER UPDATE OF {column}", f"{differs} AND {has}", learn),
        ):
            op.execute(
                f"CREATE TRIGGER {fts}_{name} {when} ON {table} WHEN {condition}"
                f" BEGIN {action}; END"
            )
        op.execute(
            f"INSERT INTO {fts} (rowid, {column})"
            f" SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL"
        )


def _create_vectors() -> None:
    """Make the index of PostgreSQL, with Porter's stemmer and no stop words, as on SQLite."""
    name = "ponytracker"
    op.execute(f"CREATE TEXT SEARCH DICTIONARY {name} (TEMPLATE = snowball, LANGUAGE = porter)")
    op.execute(f"CREATE TEXT SEARCH CONFIGURATION {name} (COPY = simple)")
    op.execute(f"ALTER TEXT SEARCH CONFIGURATION {name} ALTER MAPPING FOR {TOKENS} WITH {name}")
    punctuation = r"[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+"
    for table, column, _ in SEARCHED:
        words = f"regexp_replace(left({column}, 150000), '{punctuation}', ' ', 'g')"
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN search_vector tsvector"
            f" GENERATED ALWAYS AS (to_tsvector('{name}', {words})) STORED"
        )
        op.execute(f"CREATE INDEX ix_{table}_search_vector ON {table} USING gin (search_vector)")


def _create_index(name: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        "events",
        columns,
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _take_out_of_args(column: str) -> str:
    if _is_postgresql():
        found, rest = f"(args->>'{column}')::integer", f"(args::jsonb - '{column}')::json"
    else:
        found, rest = f"json_extract(args, '$.{column}')", f"json_remove(args, '$.{column}')"
    # What is gone meanwhile becomes nothing, as it does when it goes from now on.
    return (
        f"UPDATE events SET args = {rest}, {column} ="
        f" (SELECT id FROM {SUBJECTS[column][0]} WHERE id = {found}) WHERE {found} IS NOT NULL"
    )


def _put_into_args(column: str) -> str:
    if _is_postgresql():
        args = f"jsonb_set(args::jsonb, '{{{column}}}', to_jsonb({column}))::json"
    else:
        args = f"json_set(args, '$.{column}', {column})"
    return f"UPDATE events SET args = {args} WHERE {column} IS NOT NULL"
