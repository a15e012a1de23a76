"""accounts and groups that belong to an entry of a directory."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain additions: remaking these tables would lose the triggers of the search index.
    for table in ("users", "groups"):
        op.add_column(table, sa.Column("directory_id", sa.String(length=255)))
        op.create_index(f"ix_{table}_directory_id", table, ["directory_id"], unique=True)
    op.add_column(
        "users",
        sa.Column("disabled_by_directory", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("users", "disabled_by_directory")
    for table in ("users", "groups"):
        op.drop_index(f"ix_{table}_directory_id", table_name=table)
        op.drop_column(table, "directory_id")
