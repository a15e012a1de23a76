"""What python-github-backup writes of one repository: a REST object a file, in folders by kind.

``issues/N.json`` hold comments and events too, and in old backups pull requests, which
``pulls/N.json`` then tell a second time; ``milestones/N.json`` and ``labels/labels.json`` are not
always there. A backup that grew over the years has in each file the keys of its year.
See https://github.com/josegonzalez/python-github-backup and https://docs.github.com/rest/issues.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ponytracker.importers.files import read_files
from ponytracker.importers.github.fields import (
    label,
    milestone_name,
    title,
    title_and_text,
    user_login,
)
from ponytracker.importers.node import Node, parse
from ponytracker.importers.records import (
    ArchiveError,
    ImportedComment,
    ImportedEvent,
    ImportedIssue,
    ImportedMilestone,
    Record,
)
from ponytracker.models import EventKind, State, StateReason
from ponytracker.text import clean_line

_FILE = re.compile(
    r"(?:(?P<root>.*)/)?"
    r"(?:(?P<kind>issues|pulls|milestones)/(?P<number>[0-9]{1,10})|labels/labels)\.json"
)
_ISSUE_URL = re.compile(r"(?P<repository>[^/]+/[^/]+)/(?:issues|pulls?)/[0-9]+")


class Backup:
    """A directory or tar with the backup of one repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repository = ""

    def records(self) -> Iterator[Record]:
        repositories: Counter[str] = Counter()
        renumbered: list[tuple[Node, str]] = []
        pull_requests: dict[int, ImportedIssue] = {}
        root = ""
        for file, node in self._files():
            if file["kind"] is None:
                yield from map(label, node.nodes("labels"))
            elif file["kind"] == "milestones":
                yield _milestone(node)
            else:
                number, root = int(file["number"]), file["root"]
                repository = _repository(node)
                repositories[repository] += 1
                if node.number("number") != number:
                    renumbered.append((node, repository))
                issue = _issue(node, number, is_pull_request=file["kind"] == "pulls")
                if not issue.is_pull_request:
                    yield issue
                elif number in pull_requests:
                    pull_requests[number] = _merge(pull_requests[number], issue)
                else:
                    pull_requests[number] = issue
        yield from pull_requests.values()
        if not repositories:
            raise ArchiveError(f"{self.path} holds no issues; expected files like issues/12.json.")
        most_common = repositories.most_common(1)[0][0]
        # An issue that moved on to another repository tells its number there; it keeps ours.
        for node, repository in renumbered:
            if repository == most_common:
                raise node.wrong("number", "the number that its file is named after")
        self.repository = most_common or (root or self.path.resolve().name).rpartition("/")[2]

    def _files(self) -> Iterator[tuple[re.Match[str], Node]]:
        """Yield each file of the backup; raise `ArchiveError` for a second repository or number."""
        seen: set[tuple[str, int]] = set()
        first: re.Match[str] | None = None
        for file, content in read_files(self.path, _FILE):
            name = clean_line(file.string)
            first = first or file
            if file["root"] != first["root"]:
                raise ArchiveError(
                    f"{self.path} holds more than one repository: there is"
                    f" {clean_line(first.string)}, and {name}. Name the directory of one of them."
                )
            if file["kind"]:
                key = file["kind"], int(file["number"])
                if key in seen:
                    raise ArchiveError(f"{self.path} holds number {key[1]} of its {key[0]} twice.")
                seen.add(key)
            document = parse(content, name)
            yield file, Node(document if file["kind"] else {"labels": document}, name)


def _repository(node: Node) -> str:
    """Return ``owner/name`` of the issue *node*, or nothing where it does not tell."""
    url = _ISSUE_URL.search(node.text_or_none("html_url") or node.text_or_none("url") or "")
    return url["repository"] if url else ""


def _issue(node: Node, number: int, *, is_pull_request: bool) -> ImportedIssue:
    name, text = title_and_text(node)
    milestone = node.node_or_none("milestone")
    assignees = [user_login(node, "assignee")]
    assignees += (user_login(Node({"user": u}, w), "user") for u, w in node.items("assignees"))
    return ImportedIssue(
        number=number,
        title=name,
        text=text,
        author=user_login(node, "user"),
        created_at=node.time("created_at"),
        state=State(node.word("state", *State)),
        closed_at=node.time_or_none("closed_at"),
        closed_by=user_login(node, "closed_by"),
        state_reason=_state_reason(node),
        labels=tuple(map(label, node.nodes("labels"))),
        milestone=milestone and _milestone(milestone),
        assignee=next(filter(None, assignees), None),
        is_pull_request=is_pull_request or "pull_request" in node,
        comments=(
            *map(_comment, node.nodes("comment_data")),
            *map(_comment, node.nodes("comment_regular_data")),
            *_reviews(node),
        ),
        events=tuple(filter(None, map(_event, node.nodes("event_data")))),
    )
