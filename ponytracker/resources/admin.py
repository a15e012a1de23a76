"""The administration in the tree: users, groups, teams and who is in them; grants on all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyramid.authorization import Everyone

from ponytracker.models import Group, OwedMail, ReceivedMail, Team, User
from ponytracker.resources.base import Resource, is_shown, number
from ponytracker.resources.grant import SiteGrantsResource
from ponytracker.security.acl import EVERYTHING, Ace, allow, deny
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import SUPERUSER, grantee_principal

if TYPE_CHECKING:
    from ponytracker.resources.root import Root

MANAGING = (
    Permission.MANAGE_SETTINGS,
    Permission.MANAGE_ACCOUNTS,
    Permission.MANAGE_GLOBAL_PERMISSION,
)
"""What makes someone an administrator of some part of the site."""


class AdminResource(Resource):
    __parent__: Root

    def __init__(self, parent: Root) -> None:
        super().__init__(parent, "admin")
        self.session = parent.session

    def __acl__(self) -> list[Ace]:
        # Who manages some part sees the place; then nobody else does, whom the root would let.
        return [
            allow(SUPERUSER, EVERYTHING),
            *(
                allow(grantee_principal(grant), Permission.VIEW, grant)
                for grant in self.__parent__.grants
                if any(grant.gives(permission) for permission in MANAGING)
            ),
            deny(Everyone, Permission.VIEW),
        ]

    def __getitem__(self, name: str) -> Resource:
        match name:
            case "users":
                return UsersResource(self, name)
            case "groups":
                return GroupsResource(self, name)
            case "teams":
                return TeamsResource(self, name)
            case "permissions":
                return SiteGrantsResource(self)
            case "outbox":
                return OutboxResource(self)
            case "received":
                return ReceivedMailsResource(self)
        raise KeyError(name)


class OutboxResource(Resource):
    """The mails that are owed or were, each under its id; for superusers, as all projects are."""

    __parent__: AdminResource

    def __init__(self, parent: AdminResource) -> None:
        super().__init__(parent, "outbox")
        self.session = parent.session

    def __acl__(self) -> list[Ace]:
        # First who may everything, then nobody: whoever manages a part of the site sees its place.
        return [allow(SUPERUSER, EVERYTHING), deny(Everyone, Permission.VIEW)]

    def __getitem__(self, name: str) -> OwedMailResource:
        owed = self.session.get(OwedMail, number(name)) if is_shown(self) else None
        if owed is None:
            raise KeyError(name)
        return OwedMailResource(self, owed)


class OwedMailResource(Resource):
    __parent__: OutboxResource

    def __init__(self, parent: OutboxResource, owed: OwedMail) -> None:
        super().__init__(parent, str(owed.id))
        self.session = parent.session
        self.owed = owed


class ReceivedMailsResource(Resource):
    """The mails that came in, each under its id; for superusers, as people write to each other."""

    __parent__: AdminResource

    def __init__(self, parent: AdminResource) -> None:
        super().__init__(parent, "received")
        self.session = parent.session

    def __acl__(self) -> list[Ace]:
        # First who may everything, then nobody: whoever manages a part of the site sees its place.
        return [allow(SUPERUSER, EVERYTHING), deny(Everyone, Permission.VIEW)]

    def __getitem__(self, name: str) -> ReceivedMailResource:
        found = self.session.get(ReceivedMail, number(name)) if is_shown(self) else None
        if found is None:
            raise KeyError(name)
        return ReceivedMailResource(self, found)


class ReceivedMailResource(Resource):
    __parent__: ReceivedMailsResource

    def __init__(self, parent: ReceivedMailsResource, mail: ReceivedMail) -> None:
        super().__init__(parent, str(mail.id))
        self.session = parent.session
        self.mail = mail


class AccountsResource(Resource):
    """One kind of what whoever manages accounts manages; *model* is its table."""

    __parent__: AdminResource
    model: type[User | Group | Team]
    child: type[AccountResource]

    def __init__(self, parent: AdminResource, name: str) -> None:
        super().__init__(parent, name)
        self.session = parent.session

    def __acl__(self) -> list[Ace]:
        # As above: first who manages accounts, then nobody.
        return [
            allow(SUPERUSER, EVERYTHING),
            *(
                allow(grantee_principal(grant), Permission.VIEW, grant)
                for grant in self.__parent__.__parent__.grants
                if grant.gives(Permission.MANAGE_ACCOUNTS)
            ),
            deny(Everyone, Permission.VIEW),
        ]

    def __getitem__(self, name: str) -> AccountResource:
        found: Any = is_shown(self) and self.session.get(self.model, number(name))
        if not found:
            raise KeyError(name)
        return self.child(self, found)


class AccountResource(Resource):
    __parent__: AccountsResource

    def __init__(self, parent: AccountsResource, account: User | Group | Team) -> None:
        super().__init__(parent, str(account.id))
        self.session = parent.session


class UserResource(AccountResource):
    def __init__(self, parent: AccountsResource, user: User) -> None:
        super().__init__(parent, user)
        self.user = user

    def __acl__(self) -> list[Ace]:
        # A superuser is managed by superusers only: they come first, then nobody.
        if not self.user.is_superuser:
            return []
        return [allow(SUPERUSER, EVERYTHING), deny(Everyone, Permission.MANAGE_ACCOUNTS)]

    def __getitem__(self, name: str) -> MembershipsResource:
        user = self.user
        match name:
            case "remove-group":
                return MembershipsResource(
                    self,
                    name,
                    Group,
                    lambda at, id_, group: GroupUserResource(at, id_, group, user),
                )
            case "remove-team":
                return MembershipsResource(
                    self, name, Team, lambda at, id_, team: TeamUserResource(at, id_, team, user)
                )
        raise KeyError(name)


class GroupResource(AccountResource):
    def __init__(self, parent: AccountsResource, group: Group) -> None:
        super().__init__(parent, group)
        self.group = group

    def __getitem__(self, name: str) -> MembershipsResource:
        group = self.group
        if name == "remove-user":
            return MembershipsResource(
                self, name, User, lambda at, id_, user: GroupUserResource(at, id_, group, user)
            )
        raise KeyError(name)


class TeamResource(AccountResource):
    def __init__(self, parent: AccountsResource, team: Team) -> None:
        super().__init__(parent, team)
        self.team = team

    def __getitem__(self, name: str) -> MembershipsResource:
        team = self.team
        match name:
            case "remove-user":
                return MembershipsResource(
                    self, name, User, lambda at, id_, user: TeamUserResource(at, id_, team, user)
                )
            case "remove-group":
                return MembershipsResource(
                    self,
                    name,
                    Group,
                    lambda at, id_, group: TeamGroupResource(at, id_, team, group),
                )
        raise KeyError(name)


class MembershipsResource(Resource):
    """Where things are removed from an account, or it from them: each under its id."""

    __parent__: AccountResource

    def __init__(
        self,
        parent: AccountResource,
        name: str,
        model: type[User | Group | Team],
        child: Callable[..., MembershipResource],
    ) -> None:
        super().__init__(parent, name)
        self.session = parent.session
        self.model = model
        self.child = child

    def __getitem__(self, name: str) -> MembershipResource:
        found = self.session.get(self.model, number(name))
        if found is None:
            raise KeyError(name)
        return self.child(self, name, found)


class MembershipResource(Resource):
    """Someone or something in a group or team, whichever of both the address begins with."""

    __parent__: MembershipsResource

    def __init__(self, parent: MembershipsResource, name: str) -> None:
        super().__init__(parent, name)
        self.session = parent.session
        self.account = parent.__parent__


class GroupUserResource(MembershipResource):
    def __init__(self, parent: MembershipsResource, name: str, group: Group, user: User) -> None:
        super().__init__(parent, name)
        self.group = group
        self.user = user


class TeamUserResource(MembershipResource):
    def __init__(self, parent: MembershipsResource, name: str, team: Team, user: User) -> None:
        super().__init__(parent, name)
        self.team = team
        self.user = user


class TeamGroupResource(MembershipResource):
    def __init__(self, parent: MembershipsResource, name: str, team: Team, group: Group) -> None:
        super().__init__(parent, name)
        self.team = team
        self.group = group


class UsersResource(AccountsResource):
    model = User
    child = UserResource


class GroupsResource(AccountsResource):
    model = Group
    child = GroupResource


class TeamsResource(AccountsResource):
    model = Team
    child = TeamResource
