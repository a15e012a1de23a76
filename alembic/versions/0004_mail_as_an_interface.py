"""mail that comes in: each receipt is kept, duplicates too; addresses for new issues; bounces."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NEVER_REUSED = {"sqlite_autoincrement": True}

OF_USERS = {
    "mail_key_version": sa.Column(sa.Integer(), server_default="1", nullable=False),
    "bounces": sa.Column(sa.Integer(), server_default="0", nullable=False),
    "mail_paused_at": sa.Column(sa.DateTime(timezone=True)),
}
OF_RECEIVED_MAILS = {
    "taken_as": sa.Column(sa.String(length=64)),
    "subject": sa.Column(sa.String(length=255), server_default=sa.text("''"), nullable=False),
    "status": sa.Column(sa.Integer(), server_default="200", nullable=False),
    "answered_at": sa.Column(sa.DateTime(timezone=True)),
    "replayed_at": sa.Column(sa.DateTime(timezone=True)),
}
# Until now a mail was in the table once for each recipient, whatever became of it.
ONCE = "uq_received_mails_message_id_recipient"


def upgrade() -> None:
    # Plain additions: remaking these tables would lose the triggers of the search index.
    op.add_column("events", sa.Column("elided", sa.Text()))
    for name, column in OF_USERS.items():
        op.add_column("users", _named(name, column))
    op.add_column(
        "owed_mails",
        sa.Column("is_personal", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    with op.batch_alter_table("received_mails", table_kwargs=NEVER_REUSED) as batch:
        batch.drop_constraint(ONCE, type_="unique")
        for name, column in OF_RECEIVED_MAILS.items():
            batch.add_column(_named(name, column))
        batch.create_unique_constraint("uq_received_mails_taken_as", ["taken_as"])
    op.drop_index("ix_received_mails_user_id", "received_mails")
    op.create_index(
        "ix_received_mails_user_id_answered_at", "received_mails", ["user_id", "answered_at"]
    )
    kept = sa.text("raw IS NOT NULL")
    op.create_index(
        "ix_received_mails_kept",
        "received_mails",
        ["received_at"],
        sqlite_where=kept,
        postgresql_where=kept,
    )
    op.create_table(
        "personal_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_personal_addresses_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name="fk_personal_addresses_project_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_personal_addresses"),
        sa.UniqueConstraint(
            "user_id", "project_id", name="uq_personal_addresses_user_id_project_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_personal_addresses_project_id", "personal_addresses", ["project_id"])


def downgrade() -> None:
    op.drop_table("personal_addresses")
    op.drop_index("ix_received_mails_kept", "received_mails")
    op.drop_index("ix_received_mails_user_id_answered_at", "received_mails")
    op.create_index("ix_received_mails_user_id", "received_mails", ["user_id"])
    # The first receipt of each mail is kept.
    op.execute(
        "DELETE FROM received_mails WHERE id NOT IN"
        " (SELECT min(id) FROM received_mails GROUP BY message_id, recipient)"
    )
    with op.batch_alter_table("received_mails", table_kwargs=NEVER_REUSED) as batch:
        batch.drop_constraint("uq_received_mails_taken_as", type_="unique")
        for name in OF_RECEIVED_MAILS:
            batch.drop_column(name)
        batch.create_unique_constraint(ONCE, ["message_id", "recipient"])
    op.drop_column("owed_mails", "is_personal")
    for name in OF_USERS:
        op.drop_column("users", name)
    op.drop_column("events", "elided")


def _named(name: str, column: sa.Column) -> sa.Column:
    return sa.Column(
        name, column.type, server_default=column.server_default, nullable=column.nullable
    )
