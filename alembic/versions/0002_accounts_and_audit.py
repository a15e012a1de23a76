"""tokens and attempts of accounts; an audit log that can only be appended to."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEVER_REUSED = {"sqlite_autoincrement": True}

# Made again by every later migration that makes the table anew on SQLite, which drops them with it.
SQLITE_TRIGGERS = [
    f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log"
    " BEGIN SELECT RAISE(ABORT, 'the audit log can only be appended to'); END"
    for verb in ("UPDATE", "DELETE")
]
POSTGRESQL_FUNCTION = """
CREATE FUNCTION refuse_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log can only be appended to'; END $$
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_log_change()
"""


def upgrade() -> None:
    op.create_table(
        "account_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_account_tokens_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_account_tokens_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_account_tokens_user_id", "account_tokens", ["user_id"])
    op.create_index("ix_account_tokens_expires_at", "account_tokens", ["expires_at"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_subject_at", "attempts", ["subject", "at"])
    op.create_index("ix_attempts_address_at", "attempts", ["address", "at"])
    op.create_index("ix_attempts_at", "attempts", ["at"])
    op.create_index("ix_grant_permissions_permission", "grant_permissions", ["permission"])
    with op.batch_alter_table("audit_log", table_kwargs=NEVER_REUSED) as batch_op:
        batch_op.drop_constraint("fk_audit_log_actor_id", type_="foreignkey")
        batch_op.create_unique_constraint("uq_audit_log_previous_hash", ["previous_hash"])
    for statement in _triggers():
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_log_append_only ON audit_log")
        op.execute("DROP FUNCTION refuse_audit_log_change()")
    else:
        op.execute("DROP TRIGGER audit_log_no_update")
        op.execute("DROP TRIGGER audit_log_no_delete")
    op.execute(
        "UPDATE audit_log SET actor_id = NULL"
        " WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = audit_log.actor_id)"
    )
    with op.batch_alter_table("audit_log", table_kwargs=NEVER_REUSED) as batch_op:
        batch_op.drop_constraint("uq_audit_log_previous_hash", type_="unique")
        batch_op.create_foreign_key(
            "fk_audit_log_actor_id", "users", ["actor_id"], ["id"], ondelete="SET NULL"
        )
    op.drop_index("ix_grant_permissions_permission", "grant_permissions")
    op.drop_table("attempts")
    op.drop_table("account_tokens")


def _triggers() -> list[str]:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    return [POSTGRESQL_FUNCTION, POSTGRESQL_TRIGGER] if is_postgresql else SQLITE_TRIGGERS
