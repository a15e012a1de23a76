"""Looks at the files and folders that the tracker reads and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ponytracker.operations.findings import Finding, off, well, wrong
from ponytracker.operations.site import Site
from ponytracker.settings import Settings


def check_attachments(site: Site) -> Iterator[Finding]:
    yield _attachments(site.settings)


def _attachments(settings: Settings) -> Finding:
    folder = settings.attachments_dir
    if folder is None:
        return off("Attachments: none are taken. Set ponytracker.attachments_dir to a folder.")
    if not folder.is_dir():
        there = next(parent for parent in folder.parents if parent.exists())
        if _can_write(there):
            return well(f"Attachments: {folder} will be made for the first of them.")
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


def _can_write(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)
