"""Where people sign in, sign up, and choose a password anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ponytracker.resources.base import Resource

if TYPE_CHECKING:
    from ponytracker.resources.root import Root


class LoginResource(Resource):
    def __init__(self, parent: Root) -> None:
        super().__init__(parent, "login")
        self.session = parent.session
