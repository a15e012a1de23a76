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
    issue_title,
    label,
    login,
    milestone_name,
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
    r"(?:(?P<kind>issues|pulls|milestones)/(?P<number>[1-9][0-9]{0,8})|labels/labels)\.json"
)
_ISSUE_URL = re.compile(r"(?P<repository>[^/]+/[^/]+)/(?:issues|pulls?)/[0-9]+")


class Backup:
    """A directory or tar with the backup of one repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = ""

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
        folder = (root or self.path.resolve().name).rpartition("/")[2]
        self.source = f"github:{most_common or folder}"

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
    title, text = title_and_text(node)
    milestone = node.node_or_none("milestone")
    assignees = [user_login(node, "assignee")]
    assignees += (login(user, "login") for user in node.nodes("assignees"))
    return ImportedIssue(
        number=number,
        title=title,
        text=text,
        author=user_login(node, "user"),
        created_at=node.time("created_at"),
        state=State(node.word("state", *State)),
        closed_at=node.time_or_none("closed_at"),
        closed_by=user_login(node, "closed_by"),
        state_reason=_state_reason(node),
        labels=tuple(map(label, node.nodes("labels"))),
        milestone=_milestone(milestone) if milestone else None,
        assignee=next(filter(None, assignees), None),
        is_pull_request=is_pull_request or "pull_request" in node,
        comments=(
            *(_comment(item, "created_at") for item in node.nodes("comment_data")),
            *(_comment(item, "created_at") for item in node.nodes("comment_regular_data")),
            # One that is not sent yet has no time; a mere approval has no text.
            *(
                _comment(item, "submitted_at")
                for item in node.nodes("review_data")
                if "submitted_at" in item and (item.text_or_none("body") or "").strip()
            ),
        ),
        events=tuple(filter(None, map(_event, node.nodes("event_data")))),
    )


def _merge(one: ImportedIssue, other: ImportedIssue) -> ImportedIssue:
    """Return the pull request that ``issues/`` and ``pulls/`` tell each in part."""
    return dataclasses.replace(
        one,
        closed_by=one.closed_by or other.closed_by,
        labels=tuple({label.name: label for label in (*one.labels, *other.labels)}.values()),
        comments=tuple(dict.fromkeys(one.comments + other.comments)),
        events=one.events + other.events,
    )


def _comment(node: Node, time: str) -> ImportedComment:
    return ImportedComment(
        user_login(node, "user"), node.time(time), node.text_or_none("body") or ""
    )


def _milestone(node: Node) -> ImportedMilestone:
    closed_at = node.time_or_none("closed_at")
    if closed_at is None and node.text_or_none("state") == "closed":
        closed_at = node.time_or_none("updated_at")
    return ImportedMilestone(
        milestone_name(node.text("title")),
        node.text_or_none("description") or "",
        node.time_or_none("due_on"),
        closed_at,
    )


def _state_reason(node: Node) -> StateReason | None:
    """Return why *node* was closed; the reason for a reopening says nothing."""
    reason = node.text_or_none("state_reason")
    return StateReason(reason) if reason in set(StateReason) else None


def _event(node: Node) -> ImportedEvent | None:
    """Return the event, where it is of a kind that timelines have here, and still tells of what."""
    kind = _KINDS.get(node.text("event"))
    if kind is None:
        return None
    event = ImportedEvent(kind, node.time("created_at"), user_login(node, "actor"))
    match kind:
        case EventKind.CLOSED:
            return dataclasses.replace(event, reason=_state_reason(node))
        case EventKind.LABELED | EventKind.UNLABELED if told := node.node_or_none("label"):
            named = label(told)
            return dataclasses.replace(event, subject=named.name, color=named.color)
        case EventKind.MILESTONED | EventKind.DEMILESTONED if goal := node.node_or_none(
            "milestone"
        ):
            return dataclasses.replace(event, subject=milestone_name(goal.text("title")))
        case EventKind.RENAMED if titles := node.node_or_none("rename"):
            old, new = issue_title(titles.text("from")), issue_title(titles.text("to"))
            return dataclasses.replace(event, old_title=old, subject=new)
        case EventKind.ASSIGNED | EventKind.UNASSIGNED if name := user_login(node, "assignee"):
            # The actor of old events of this kind is who was assigned.
            actor = user_login(node, "assigner") or event.actor
            return dataclasses.replace(event, actor=actor, subject=name)
        case EventKind.REOPENED:
            return event
    return None


_KINDS = {
    kind.value: kind
    for kind in (
        EventKind.CLOSED,
        EventKind.REOPENED,
        EventKind.RENAMED,
        EventKind.LABELED,
        EventKind.UNLABELED,
        EventKind.MILESTONED,
        EventKind.DEMILESTONED,
        EventKind.ASSIGNED,
        EventKind.UNASSIGNED,
    )
}
"""The kinds that GitHub and this tracker both have; they share their names."""
