"""A real tracker and a real browser: Debian's chromium, since no other can be downloaded."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.archive import write_archive
from tests.browser.reader import DESKTOP, PHONE, Reader
from tests.servers import CHROMIUM, ROOT, RunningSite, free_port, run, site

HERE = Path(__file__).parent
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not CHROMIUM.exists():
        pytest.skip("chromium is missing: apt-get install chromium")
    return {
        **browser_type_launch_args,
        "executable_path": str(CHROMIUM),
        "args": FLAGS.split(),
        "headless": True,
    }


class LiveSite:
    """development.ini, served from a database of its own; the commands that work on it."""

    def __init__(self, running: RunningSite, environment: dict[str, str], folder: Path) -> None:
        self.url = running.url
        self.environment = environment
        self.folder = folder
        self.username = "admin"
        self.password = ""

    def run(self, *command: str | Path) -> str:
        """Run ``ponytracker`` on the site and return what it says."""
        done = run("ponytracker", *command, folder=self.folder, **self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    if not CHROMIUM.exists():
        pytest.skip("chromium is missing: apt-get install chromium")
    folder = tmp_path_factory.mktemp("live")
    port = free_port()
    ini = ROOT / "development.ini"
    environment = {
        "PONYTRACKER_DATABASE_URL": f"sqlite:///{folder}/ponytracker.sqlite",
        "PONYTRACKER_HTTP_PORT": str(port),
        "PONYTRACKER_ATTACHMENTS_DIR": str(folder / "attachments"),
    }
    done = run("alembic", "-c", ini, "upgrade", "head", folder=folder, **environment)
    assert done.returncode == 0, done.stderr
    with site("development.ini", port=port, folder=folder, **environment) as running:
        live = LiveSite(running, environment, folder)
        said = re.fullmatch(
            rf"Sign in at {live.url}/login as admin / (\S+)\n",
            live.run("create-superuser", ini, "--if-none"),
        )
        assert said
        live.password = said[1]
        yield live
        assert "Traceback" not in running.output


@pytest.fixture(scope="session")
def signed_in(live_site: LiveSite, browser: Any) -> dict[str, Any]:
    """What a browser keeps in which the superuser is signed in."""
    context = browser.new_context()
    reader = Reader(context, live_site.url, scripts=True)
    reader.sign_in(live_site.username, live_site.password)
    state: dict[str, Any] = context.storage_state()
    context.close()
    return state


WAYS = {
    "scripts-desktop": (True, DESKTOP),
    "plain-desktop": (False, DESKTOP),
    "scripts-phone": (True, PHONE),
}
"""With JavaScript and without, on a wide screen and a narrow one."""


@pytest.fixture
def new_reader(live_site: LiveSite, new_context: Callable[..., Any]) -> Callable[..., Reader]:
    """Return a function that opens another browser."""

    def open_browser(*, scripts: bool = True, viewport: Any = DESKTOP, **options: Any) -> Reader:
        context = new_context(java_script_enabled=scripts, viewport=viewport, **options)
        context.set_default_timeout(60_000)  # of a busy machine
        return Reader(context, live_site.url, scripts=scripts)

    return open_browser


@pytest.fixture(params=WAYS)
def stranger(request: pytest.FixtureRequest, new_reader: Callable[..., Reader]) -> Reader:
    """Someone not signed in, in each of `WAYS` in turn."""
    scripts, viewport = WAYS[request.param]
    return new_reader(scripts=scripts, viewport=viewport)


@pytest.fixture(params=["scripts-desktop", "plain-desktop"])
def reader(
    request: pytest.FixtureRequest, new_reader: Callable[..., Reader], signed_in: dict[str, Any]
) -> Reader:
    """The superuser, with JavaScript and without."""
    scripts, viewport = WAYS[request.param]
    return new_reader(scripts=scripts, viewport=viewport, storage_state=signed_in)


def new_name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


@pytest.fixture
def imported(live_site: LiveSite, tmp_path: Path) -> Callable[[str], str]:
    """Return a function that imports the small archive into a project."""

    def import_into(project: str) -> str:
        archive = write_archive(tmp_path / "small.archive.json")
        ini = ROOT / "development.ini"
        return live_site.run("import", "github", archive, "--project", project, "--ini", ini)

    return import_into


@pytest.fixture(scope="session")
def archive_project(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a project with the small archive, for tests that only read."""
    archive = write_archive(tmp_path_factory.mktemp("archive") / "small.archive.json")
    ini = ROOT / "development.ini"
    live_site.run("import", "github", archive, "--project", "read-only", "--ini", ini)
    return "read-only"


@pytest.fixture
def issue(reader: Reader) -> str:
    """The path of a new issue in a new project, which `reader` stands on."""
    name = new_name()
    reader.go("/add/")
    reader.page.get_by_label("Project name").fill(name)
    reader.page.get_by_label("Name in addresses").fill(name)
    reader.press("Create project")
    reader.press("New issue")
    reader.page.get_by_label("Title").fill("It does not work")
    reader.press("Submit new issue")
    return f"/{name}/issues/1/"
