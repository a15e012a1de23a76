"""Where one says to hear no more of an issue or project, at an address that was mailed to one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ponytracker.models import Issue, Project, User
from ponytracker.resources.base import Resource

if TYPE_CHECKING:
    from ponytracker.resources.root import Root

_NAME = re.compile(
    r"(issue|project)-([1-9][0-9]{0,8})\.([1-9][0-9]{0,8})\.([a-z2-7]{16})", re.ASCII
)


class UnsubscribeResource(Resource):
    def __init__(self, parent: Root) -> None:
        super().__init__(parent, "unsubscribe")
        self.session = parent.session

    def __getitem__(self, name: str) -> LeavingResource:
        match = _NAME.fullmatch(name.lower())
        if match is None:
            raise KeyError(name)
        number = int(match[2])
        place: Issue | Project | None
        if match[1] == "issue":
            place = self.session.get(Issue, number)
        else:
            place = self.session.get(Project, number)
        user = self.session.get(User, int(match[3]))
        if place is None or user is None:
            raise KeyError(name)
        return LeavingResource(self, name, place, user, match[4])


class LeavingResource(Resource):
    """What *user* may leave, if *token* proves that the address was mailed to them.

    It may be of a project that they, or whoever follows the address, cannot see.
    """

    __parent__: UnsubscribeResource

    def __init__(
        self,
        parent: UnsubscribeResource,
        name: str,
        place: Issue | Project,
        user: User,
        token: str,
    ) -> None:
        super().__init__(parent, name)
        self.session = parent.session
        self.place = place
        self.user = user
        self.token = token
