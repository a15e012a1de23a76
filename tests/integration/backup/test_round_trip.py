"""What is saved from one kind of database comes back in the other, row by row."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ponytracker.issues import fulltext
from ponytracker.models import Attachment, Base, Issue, Label, ReceivedMail
from tests.databases import DATABASES
from tests.integration.backup.conftest import dump, fill

FROM_TO = [(one, other) for one in DATABASES for other in DATABASES]


@pytest.mark.parametrize(("source", "target"), FROM_TO)
def test_everything_comes_back(make_tracker, source, target):
    there, here = make_tracker(source), make_tracker(target)
    there.migrate()
    fill(there)
    file = there.back_up()
    assert file.stat().st_mode & 0o777 == 0o600
    said = here.restore(file)
    assert said.startswith("Restored: ")
    head, manifest = dump(file)
    again = here.back_up()
    assert dump(again)[0].tables == head.tables
    assert dump(again)[1] == manifest
    assert set(manifest.tables) == set(Base.metadata.tables)
    assert all(table.rows for table in manifest.tables.values())

    verified = here.run("audit", "verify")
    assert verified.output.startswith("The audit log is whole: 3 entries.")
    with here.database.session(write=True) as session:
        (attachment,) = session.scalars(sa.select(Attachment))
        assert here.store.path(attachment.digest).read_bytes() == b"a file\n" * 99
        assert session.get_one(ReceivedMail, 100).raw == bytes(range(256))
        # Ids are never given out again, also those of what was deleted.
        last = manifest.tables["labels"].last_id
        session.add(Label(project_id=100, name="new"))
        session.flush()
        assert session.scalar(sa.select(sa.func.max(Label.id))) == last + 1
        session.add(Label(project_id=9, name="of no project"))
        with pytest.raises(IntegrityError):
            session.flush()
    with here.database.session(write=False) as session:
        found = sa.select(Issue.id).where(fulltext.matches(session, "quoted"))
        assert session.scalars(found).all()
