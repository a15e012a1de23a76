"""What someone who is signed in decides about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ponytracker.resources.base import Resource

if TYPE_CHECKING:
    from ponytracker.resources.root import Root


class ProfileResource(Resource):
    def __init__(self, parent: Root) -> None:
        super().__init__(parent, "profile")
        self.session = parent.session
