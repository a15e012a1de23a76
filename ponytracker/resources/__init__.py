"""Where it is: the tree of projects and issues, each node with its ACL."""

from typing import Any

from ponytracker.resources.base import Resource
from ponytracker.resources.issue import IssueResource, IssuesResource
from ponytracker.resources.project import ProjectResource
from ponytracker.resources.root import RESERVED_NAMES, Root

__all__ = [
    "RESERVED_NAMES",
    "IssueResource",
    "IssuesResource",
    "ProjectResource",
    "Resource",
    "Root",
]


def root_factory(request: Any) -> Root:
    return Root(request.dbsession, request.identity)


def includeme(config: Any) -> None:
    config.set_root_factory(root_factory)
