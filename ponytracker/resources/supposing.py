"""The tree as it would be: with other grants than there are, to be asked what would follow."""

from __future__ import annotations

import copy
from collections.abc import Collection

from pyramid.location import lineage

from ponytracker.models import Grant
from ponytracker.resources.base import Resource


def suppose(
    context: Resource, *, plus: Grant | None = None, without: Collection[Grant] = ()
) -> Resource:
    """Return a copy of *context*, and of all it stands in, with those grants changed.

    *plus* is none that is stored: its `project_id` says where it would be.
    """
    parent: Resource | None = None
    for original in reversed(list(lineage(context))):
        node = copy.copy(original)
        node.__parent__ = parent
        if hasattr(node, "grants"):
            project = getattr(node, "project", None)
            grants = [grant for grant in node.grants if grant not in without]
            if plus is not None and plus.project_id == (project and project.id):
                grants.append(plus)
            node.grants = grants
        parent = node
    assert parent is not None  # noqa: S101 - a node is in its own lineage
    return parent
