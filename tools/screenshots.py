#!/usr/bin/env python3
"""Makes the picture of the README anew: a real site, a real page, a real browser.

    tools/screenshots.py [--all FOLDER]

With ``--all`` every page is put into FOLDER, at phone and desktop width, light and dark, to be
looked at. The site is made for the purpose, in a temporary folder, and ended afterwards.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues import service
from ponytracker.issues.recording import record
from ponytracker.models import EventKind, Issue, Label, Project, User
from ponytracker.models.base import now
from ponytracker.projects.service import create_project
from ponytracker.security.passwords import Passwords

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "issue.png"
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PORT = 6599
PASSWORD = "only for the pictures"  # noqa: S105 - of a site that lives for seconds
PAGES = {
    "login": "/login",
    "projects": "/",
    "list": "/stable/issues/",
    "closed": "/stable/issues/?q=is:closed",
    "issue": "/stable/issues/3/",
    "new-issue": "/stable/issues/add/",
    "new-project": "/add/",
    "edit-project": "/stable/edit/",
    "confirm": "/stable/issues/3/close/",
    "not-found": "/nowhere/",
}
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

TITLES = (
    "Water freezes in the trough of box 2",
    "Write down who feeds on Sundays",
    "The gate of box 3 opens by itself",
    "Hay is delivered to the neighbours",
    "Brushes hang too high for the youngest riders",
)
REPORT = """\
Since Monday the gate of the **third box** opens by itself at night:

1. Close it in the evening.
2. Come back in the morning.

```python
def is_closed(gate):
    return gate.latch == "down"  # says True all night
```

| Box | Gate | Pony  |
|----:|:----:|-------|
|   1 | shut | here  |
|   3 | open | *out* |
"""
ANSWER = """\
It is no ghost: I have seen her lift the latch with her lips.

- [x] put a second latch on
- [ ] out of her reach
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the picture of the README anew.")
    parser.add_argument("--all", type=Path, metavar="FOLDER", dest="folder")
    folder: Path | None = parser.parse_args().folder
    with (
        tempfile.TemporaryDirectory() as temporary,
        site(Path(temporary)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        if folder:
            take_all(browser, address, folder)
        else:
            page = sign_in(browser, address, (1100, 860), "light")
            page.goto(address + PAGES["issue"])
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)
        browser.close()


def take_all(browser: Browser, address: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for size, viewport in SIZES.items():
            page = sign_in(browser, address, viewport, scheme)
            for name, path in PAGES.items():
                page.goto(address + path)
                page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
            page.context.close()


def sign_in(browser: Browser, address: str, viewport: tuple[int, int], scheme: str) -> Page:
    width, height = viewport
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address + "/login")
    page.fill("#username", "alice")
    page.fill("#password", PASSWORD)
    page.click("#login-form .btn-primary")
    return page


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve a site with some issues from *folder*, and yield its address."""
    url = f"sqlite:///{folder}/ponytracker.sqlite"
    os.environ["PONYTRACKER_DATABASE_URL"] = url
    alembic.command.upgrade(alembic.config.Config(ROOT / "development.ini"), "head")
    with Database(make_engine(url)).session(write=True) as session, session.begin():
        fill(session)
    pserve = Path(sys.executable).with_name("pserve")
    command = [str(pserve), str(ROOT / "development.ini"), f"http_port={PORT}"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = f"http://localhost:{PORT}"
    try:
        wait_for(address)
        yield address
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address).close()  # noqa: S310 - our own, on localhost
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"Nothing answers at {address}")


def fill(session: Session) -> None:
    passwords = Passwords(memory_kib=65_536, rounds=3)
    alice = create_user(
        session, username="alice", password_hash=passwords.hash(PASSWORD), is_superuser=True
    )
    bob = create_user(session, username="bob")
    project = create_project(session, alice, name="stable", display_name="The stable")
    project.description = "Boxes, fodder and everything between."
    session.flush()
    labels = session.scalars(select(Label).where(Label.project_id == project.id)).all()
    start = now() - dt.timedelta(days=9)
    for day, title in enumerate(TITLES):
        at = start + dt.timedelta(days=day)
        text = REPORT if day == 2 else "As the title says."
        issue = service.open_issue(session, project, bob, title=title, text=text, at=at)
        session.flush()
        add_label(session, issue, alice, labels[day % 3], at + dt.timedelta(hours=1))
    talk(session, project, alice)


def talk(session: Session, project: Project, alice: User) -> None:
    issues = session.scalars(
        select(Issue).where(Issue.project_id == project.id).order_by(Issue.number)
    ).all()
    gate = issues[2]
    at = gate.created_at
    assigned = {"username": alice.username}
    later = at + dt.timedelta(days=1)
    record(session, gate, EventKind.ASSIGNED, alice, about=alice, args=assigned, at=later)
    service.comment(session, gate, alice, text=ANSWER, at=at + dt.timedelta(days=2))
    service.close_issue(session, issues[4], alice)


def add_label(session: Session, issue: Issue, actor: User, label: Label, at: dt.datetime) -> None:
    args = {"name": label.name, "color": label.color}
    record(session, issue, EventKind.LABELED, actor, about=label, args=args, at=at)


if __name__ == "__main__":
    main()
