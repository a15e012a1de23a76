"""Small archives for tests, as i-d-template and python-github-backup write them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ponytracker.importers.github.draft import MAGIC


def moment(second: int) -> str:
    """Return the time so many seconds after the noon at which all archives here begin."""
    return f"2020-01-01T12:{second // 60:02}:{second % 60:02}Z"


def draft(**keys: Any) -> dict[str, Any]:
    """An archive.json."""
    return {
        "magic": MAGIC,
        "timestamp": moment(0),
        "repo": "wg/spec",
        "labels": [],
        "issues": [],
        "pulls": [],
        **keys,
    }


def draft_issue(number: int, **keys: Any) -> dict[str, Any]:
    return {
        "number": number,
        "title": f"Issue {number}",
        "state": "OPEN",
        "author": "ada",
        "assignees": [],
        "labels": [],
        "body": "",
        "createdAt": moment(0),
        "updatedAt": moment(0),
        "closedAt": None,
        "comments": [],
        **keys,
    }


def draft_comment(second: int, body: str, author: str | None = "bob") -> dict[str, Any]:
    time = moment(second)
    return {"author": author, "body": body, "createdAt": time, "updatedAt": time}


def rest_issue(number: int, **keys: Any) -> dict[str, Any]:
    return {
        "url": f"https://api.github.com/repos/org/repo/issues/{number}",
        "number": number,
        "title": f"Issue {number}",
        "state": "open",
        "user": {"login": "ada"},
        "body": None,
        "labels": [],
        "milestone": None,
        "assignee": None,
        "assignees": [],
        "created_at": moment(0),
        "updated_at": moment(0),
        "closed_at": None,
        "comment_data": [],
        "event_data": [],
        **keys,
    }


def rest_comment(second: int, body: str, user: str | None = "bob") -> dict[str, Any]:
    return {"user": user and {"login": user}, "body": body, "created_at": moment(second)}


def rest_event(second: int, event: str, actor: str | None = "bob", **keys: Any) -> dict[str, Any]:
    return {
        "event": event,
        "actor": actor and {"login": actor},
        "created_at": moment(second),
        **keys,
    }


def backup(
    issues: Iterable[dict[str, Any]] = (),
    pulls: Iterable[dict[str, Any]] = (),
    milestones: Iterable[dict[str, Any]] = (),
    labels: list[dict[str, Any]] | None = None,
) -> dict[str, bytes]:
    """Return the files of a backup, by their names."""
    files = {}
    for kind, items in (("issues", issues), ("milestones", milestones), ("pulls", pulls)):
        for item in items:
            files[f"repo/{kind}/{item['number']}.json"] = item
    found = {name: json.dumps(item).encode() for name, item in files.items()}
    if labels is not None:
        found["repo/labels/labels.json"] = json.dumps(labels).encode()
    return found


def write_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return path


def write_directory(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path
