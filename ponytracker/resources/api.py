"""What programs ask instead of people: the gate by which mail comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ponytracker.resources.base import Resource

if TYPE_CHECKING:
    from ponytracker.resources.root import Root


class ApiResource(Resource):
    def __init__(self, parent: Root) -> None:
        super().__init__(parent, "api")
        self.session = parent.session

    def __getitem__(self, name: str) -> MailApiResource:
        if name == "email":
            return MailApiResource(self)
        raise KeyError(name)


class MailApiResource(Resource):
    """``/api/email/``, where the original had it."""

    def __init__(self, parent: ApiResource) -> None:
        super().__init__(parent, "email")
        self.session = parent.session

    def __getitem__(self, name: str) -> MailGateResource:
        if name == "recv":
            return MailGateResource(self)
        raise KeyError(name)


class MailGateResource(Resource):
    """``/api/email/recv/``: what a mail server posts each mail to."""

    def __init__(self, parent: MailApiResource) -> None:
        super().__init__(parent, "recv")
        self.session = parent.session
