"""The layers: tools/check_layers.py finds no import that goes up, and would find one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT


def check(package: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools/check_layers.py", package],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_run_downward_only():
    done = check(Path("ponytracker"), ROOT)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    # And without being told where to look.
    command = [sys.executable, "tools/check_layers.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package in which all is well."""
    files = {
        "__init__.py": "from ponytracker.issues import views\n",
        "models/__init__.py": "from ponytracker.text import fold\n",
        "text.py": "import re\n",
        "accounts/__init__.py": "",
        "issues/__init__.py": "from ponytracker.accounts import service\n",
        "issues/views.py": (
            "from __future__ import annotations\n"
            "from ponytracker.issues import service\n"
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n"
            "    from ponytracker.notifications import outbox\n"
        ),
        "notifications/outbox.py": "import ponytracker.issues.service\n",
    }
    for name, text in files.items():
        file = tmp_path / "ponytracker" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "ponytracker"


def test_a_good_package_passes(package):
    done = check(package, package.parent)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("models/account.py", "from ponytracker.issues.service import open_issue", "issues"),
        ("models/account.py", "from ponytracker import issues", "issues"),
        ("accounts/views.py", "import ponytracker.projects.service", "projects"),
        (
            "accounts/views.py",
            "def view():\n    from ponytracker.notifications import outbox",
            "notifications",
        ),
        ("notifications/outbox.py", "from ponytracker.search import index", "search"),
        ("issues/forms.py", "from . import service", "relative"),
        ("utils.py", "import re", "utils"),
    ],
)
def test_an_import_that_goes_up_is_found(package, file, line, named):
    (package / file).write_text(line + "\n")
    done = check(package, package.parent)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1, done.stdout
    assert file in done.stdout
    assert named in done.stdout
