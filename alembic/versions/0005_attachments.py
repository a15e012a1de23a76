"""files of issues, and those chosen for a form that is not sent yet."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Each column that names a row, and what becomes of the attachment when that row is deleted.
OF = {
    "project_id": ("projects", "CASCADE"),
    "issue_id": ("issues", "CASCADE"),
    "event_id": ("events", "CASCADE"),
    "uploader_id": ("users", "SET NULL"),
}


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer()),
        sa.Column("event_id", sa.Integer()),
        sa.Column("uploader_id", sa.Integer()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("content_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.CheckConstraint(
            "(event_id IS NULL) = (issue_id IS NULL)", name=op.f("ck_attachments_of_an_event")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=f"fk_attachments_{column}", ondelete=ondelete
            )
            for column, (table, ondelete) in OF.items()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
        sqlite_autoincrement=True,
    )
    for column in (*OF, "digest"):
        op.create_index(f"ix_attachments_{column}", "attachments", [column])
    pending = sa.text("event_id IS NULL")
    op.create_index(
        "ix_attachments_pending",
        "attachments",
        ["uploader_id", "created_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )


def downgrade() -> None:
    op.drop_table("attachments")
