"""Looks at the files and folders that the tracker reads and writes, and the room they have."""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from ponytracker.attachments.holding import LOCK
from ponytracker.attachments.opening import make_store
from ponytracker.attachments.store import StoreUnavailable
from ponytracker.operations.findings import Finding, off, warning, well, wrong
from ponytracker.operations.readiness import LEAST_FREE_MB, sqlite_folder
from ponytracker.operations.site import Site
from ponytracker.settings import Settings

GB = 1024**3
LITTLE = 1 * GB

MANY_FILES = 2000
"""Files of metrics: each process that has been leaves some until the folder is emptied."""


def check_attachments(site: Site) -> Iterator[Finding]:
    yield _attachments(site.settings)


def check_files(site: Site) -> Iterator[Finding]:
    yield from _sqlite(site.settings)
    yield from _room(site.settings)
    yield from _logs(site.ini)
    yield from _metrics(site.settings)


def _attachments(settings: Settings) -> Finding:
    folder = settings.attachments_dir
    if folder is None and settings.s3.place is not None:
        return _attachments_elsewhere(settings)
    if folder is None:
        return off("Attachments: none are taken. Set ponytracker.attachments_dir to a folder.")
    if not folder.is_dir():
        there = next(parent for parent in folder.parents if parent.exists())
        if _can_write(there):
            return warning(
                f"Attachments: there is no folder {folder} yet, and systemd's units do not start"
                f" without it. Make it: mkdir -p -m 700 {folder}"
            )
        return wrong(
            f"Attachments: there is no folder {folder}. Make it, for the user as whom the tracker"
            " runs."
        )
    if not _can_write(folder):
        return wrong(
            f"Attachments: {folder} cannot be written to by this user. As whom the tracker runs,"
            " it must be able to."
        )
    return well(f"Attachments: {folder} can be written to.")


def _attachments_elsewhere(settings: Settings) -> Finding:
    store = make_store(settings)
    assert store is not None  # noqa: S101 - a place is set
    try:
        store.check()
    except StoreUnavailable as error:
        return wrong(
            f"Attachments: {store.name}: {error}. Is the bucket there, and are"
            " ponytracker.attachments_url and the keys ponytracker.s3_… right?"
        )
    return well(f"Attachments: {store.name} answers.")


def _sqlite(settings: Settings) -> Iterator[Finding]:
    folder = sqlite_folder(settings)
    if folder is None:
        return
    path = folder / Path(str(make_url(settings.database_url).database)).name
    beside = [there for end in ("", "-wal", "-shm") if (there := Path(f"{path}{end}")).exists()]
    refused = [str(place) for place in (folder, *beside) if not os.access(place, os.R_OK | os.W_OK)]
    if refused:
        yield wrong(
            f"SQLite: {', '.join(refused)} cannot be written to by this user. SQLite writes to the"
            f" folder too. As root: chown -R USER {folder}"
        )
    elif (lock := Path(f"{path}{LOCK}")).exists() and not os.access(lock, os.R_OK):
        yield wrong(
            f"SQLite: {lock} cannot be read by this user, so no attached file is ever removed."
            f" Another has made it, by a backup perhaps. As root: chown USER {lock}"
        )
    elif path.exists() and path.stat().st_mode & stat.S_IROTH and _is_open(folder):
        yield warning(
            f"SQLite: everybody on this machine may read {path}, in which all is that anybody"
            f" wrote: chmod o= {path}*"
        )
    else:
        yield well(f"SQLite: {path} and its folder can be written to.")


def _is_open(folder: Path) -> bool:
    """Return whether everybody may enter *folder*."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def _room(settings: Settings) -> Iterator[Finding]:
    folders = {sqlite_folder(settings), settings.attachments_dir} - {None}
    for folder in sorted(str(folder) for folder in folders):
        path = Path(folder)
        there = next(place for place in (path, *path.parents) if place.exists())
        free = shutil.disk_usage(there).free
        said = f"Disk: {free / GB:,.1f} GB are free at {folder}."
        advice = "Make room, or put it on a larger disk."
        if free < LEAST_FREE_MB * 1024 * 1024:
            yield wrong(f"{said} {advice}")
        else:
            yield warning(f"{said} {advice}") if free < LITTLE else well(said)


def _logs(ini: Path) -> Iterator[Finding]:
    """Yield whether the files can be written that handlers of the ini file log to."""
    parser = configparser.ConfigParser(defaults={"here": str(ini.absolute().parent)})
    parser.read(ini)
    for name in parser.sections():
        if not name.startswith("handler_") or "File" not in parser.get(name, "class", fallback=""):
            continue
        try:
            path = Path(ast.literal_eval(parser.get(name, "args"))[0])
        except (ValueError, SyntaxError, LookupError, TypeError, configparser.Error):
            continue  # what else Python's logging understands
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            yield wrong(
                f"Log: [{name}] writes to {path}, which this user cannot. As root: install -d -o"
                f" USER {path.parent}"
            )
        else:
            yield well(f"Log: {path} can be written to.")


def _metrics(settings: Settings) -> Iterator[Finding]:
    folder = settings.metrics.folder
    if not settings.metrics.enabled or folder is None:
        return
    if not folder.is_dir() or not _can_write(folder):
        yield wrong(
            f"Metrics: there is no folder {folder} that this user can write to. As root: install -d"
            f" -o USER {folder}. One in /run is made anew by the files of deploy-files alone."
        )
        return
    count = sum(1 for _ in folder.glob("*.db"))
    if count > MANY_FILES:
        yield warning(
            f"Metrics: {count:,} files lie in {folder}, of processes that are no more. Have it"
            " emptied at each start, as systemd does with RuntimeDirectory=."
        )
    else:
        yield well(f"Metrics: {folder} can be written to.")


def _can_write(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)
