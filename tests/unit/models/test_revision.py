from __future__ import annotations

from alembic.config import Config
from alembic.script import ScriptDirectory

from ponytracker.models.base import REVISION
from tests.servers import ROOT


def test_the_models_name_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]
