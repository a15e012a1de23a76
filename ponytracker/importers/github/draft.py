"""The archive.json that i-d-template keeps beside an Internet-Draft: issues and pull requests.

It has labels, comments and reviews, but neither milestones nor events: who closed or labelled an
issue, and when, it does not tell. Written by https://github.com/MikeBishop/archive-repo.
"""

from __future__ import annotations

from collections.abc import Iterator

from ponytracker.importers.github.fields import (
    account_name,
    label,
    label_name,
    login,
    title_and_text,
)
from ponytracker.importers.node import Node
from ponytracker.importers.records import ImportedComment, ImportedIssue, ImportedLabel, Record
from ponytracker.models import State

MAGIC = "E!vIA5L86J2I"


class DraftArchive:
    """One such document."""

    def __init__(self, document: Node) -> None:
        self.document = document
        self.source = f"github:{document.text('repo')}"

    def records(self) -> Iterator[Record]:
        for node in self.document.nodes("labels"):
            yield label(node)
        for node in self._numbered("issues"):
            node.word("state", "OPEN", "CLOSED")
            yield _issue(node)
        for node in self._numbered("pulls"):
            node.word("state", "OPEN", "CLOSED", "MERGED")
            yield _issue(node, is_pull_request=True)

    def _numbered(self, key: str) -> Iterator[Node]:
        if key not in self.document:
            raise self.document.wrong(key, "a list")
        for node in self.document.nodes(key):
            node.where = f"{self.document.where}: #{node.number('number')}"
            yield node


def _issue(node: Node, *, is_pull_request: bool = False) -> ImportedIssue:
    title, text = title_and_text(node)
    return ImportedIssue(
        number=node.number("number"),
        title=title,
        text=text,
        author=login(node, "author"),
        created_at=node.time("createdAt"),
        state=State.OPEN if node.text("state") == "OPEN" else State.CLOSED,
        closed_at=node.time_or_none("closedAt"),
        labels=tuple(ImportedLabel(label_name(name)) for name in node.texts("labels")),
        assignee=next(filter(None, map(account_name, node.texts("assignees"))), None),
        is_pull_request=is_pull_request,
        comments=(*map(_comment, node.nodes("comments")), *_reviews(node)),
    )


def _comment(node: Node) -> ImportedComment:
    return ImportedComment(login(node, "author"), node.time("createdAt"), node.text("body"))


def _reviews(node: Node) -> Iterator[ImportedComment]:
    for review in node.nodes("reviews"):
        remark = _comment(review)
        if remark.text.strip():
            yield remark
        for comment in review.nodes("comments"):
            # Their author is not told; at GitHub it is always that of their review.
            yield ImportedComment(remark.author, comment.time("createdAt"), comment.text("body"))
