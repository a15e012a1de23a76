"""Explanations in words: who may, by which grant, and how that grant reaches them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from pyramid.i18n import TranslationString
from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.grants.explain import Explanation, Rule
from ponytracker.grants.names import NAMES
from ponytracker.i18n import _
from ponytracker.models import Grant, Group, Project, Team
from ponytracker.models.account import team_groups, team_users
from ponytracker.security.permissions import GLOBAL_ONLY, Permission
from ponytracker.security.principals import ANONYMOUS, Identity


@dataclasses.dataclass(frozen=True, slots=True)
class Sentences:
    """An answer, and what it rests on: each of *because* would do; and why they see it at all."""

    answer: str
    because: list[str]
    sight: list[str]


class Narrator:
    """Puts explanations into words; which groups lead into which teams costs it two queries."""

    def __init__(
        self,
        session: Session,
        localizer: Any,
        project: Project | None,
        whys: Collection[Explanation],
    ) -> None:
        self._localizer = localizer
        self._project = project
        teams = {grant.team_id for why in whys for grant in (*why.grants, *why.sight)} - {None}
        people = {why.identity.user_id for why in whys}
        self._direct: set[tuple[int, int]] = set()
        self._groups: dict[int, list[tuple[int, str]]] = {}
        if teams:
            in_team, has_group = team_users.c, team_groups.c
            rows = session.execute(
                select(in_team.team_id, in_team.user_id).where(
                    in_team.team_id.in_(teams), in_team.user_id.in_(people)
                )
            )
            self._direct = {(team_id, user_id) for team_id, user_id in rows}
            groups = session.execute(
                select(has_group.team_id, Group.id, Group.name)
                .join(Group, Group.id == has_group.group_id)
                .where(has_group.team_id.in_(teams))
                .order_by(Group.name)
            )
            for team_id, group_id, name in groups:
                self._groups.setdefault(team_id, []).append((group_id, name))

    def tell(self, why: Explanation) -> Sentences:
        """Return *why* in sentences."""
        because = [self._grant(why.identity, grant, why.permission) for grant in why.grants]
        if why.as_author:
            because.append(self._say(_("${user} wrote it, and may still edit it."), why.identity))
        # What gives the right here shows the project too, and need not be said twice.
        sight = why.sight if set(why.sight).isdisjoint(why.grants) else ()
        return Sentences(
            self._answer(why),
            because or [self._rule(why)],
            [self._grant(why.identity, grant, Permission.VIEW) for grant in sight],
        )

    def _answer(self, why: Explanation) -> str:
        right = self._say(NAMES[why.permission])
        if not why.identity.is_signed_in:
            text = (
                _("Whoever is not signed in may ${right}.")
                if why.allowed
                else _("Whoever is not signed in may not ${right}.")
            )
        else:
            text = _("${user} may ${right}.") if why.allowed else _("${user} may not ${right}.")
        return self._say(text, why.identity, right=right)

    def _rule(self, why: Explanation) -> str:
        return self._say(self._rule_text(why), why.identity, **self._missing(why))

    def _rule_text(self, why: Explanation) -> TranslationString:
        match why.rule:
            case Rule.SUPERUSER:
                return _("${user} is a superuser.")
            case Rule.EVERYONE if self._project:
                return _("The project is public.")
            case Rule.EVERYONE:
                return _("Everyone may.")
            case Rule.SIGNED_IN if why.permission is Permission.VIEW:
                return _("Whoever is signed in sees this project.")
            case Rule.SIGNED_IN:
                return _("Whoever is signed in may.")
            case Rule.NOT_SIGNED_IN:
                return _("They would have to sign in first.")
            case Rule.ARCHIVED:
                return _("The project is archived: it can be read, not changed.")
            case Rule.SUPERUSERS_ONLY:
                return _("Only superusers may.")
            case Rule.GRANTS:
                return _(
                    "What is needed is ${what} on ${place}, given to ${user} or to a group or team"
                    " they are in."
                )

    def _missing(self, why: Explanation) -> dict[str, str]:
        if why.missing is None:
            return {}
        given = [row.permission for row in why.missing.permissions]
        return self._what_and_where(why.missing, given[0] if given else None)

    def _grant(self, identity: Identity, grant: Grant, permission: Permission) -> str:
        """Return how *grant* gives *permission* to *identity*."""
        names = self._what_and_where(grant, _source(grant, permission))
        if grant.team is not None:
            return self._team_grant(identity, grant.team, names)
        if grant.group is not None:
            text = _("Group ${group}, with ${user} in it, has ${what} on ${place}.")
            return self._say(text, identity, group=grant.group.name, **names)
        if grant.user is not None:
            return self._say(_("${user} has ${what} on ${place}."), identity, **names)
        return self._say(_("Whoever is signed in has ${what} on ${place}."), identity, **names)

    def _team_grant(self, identity: Identity, team: Team, names: dict[str, str]) -> str:
        if (team.id, identity.user_id) in self._direct:
            text = _("Team ${team}, with ${user} in it, has ${what} on ${place}.")
            return self._say(text, identity, team=team.name, **names)
        groups = self._groups.get(team.id, [])
        group = next((name for id_, name in groups if id_ in identity.group_ids), None)
        if group is None:  # it was taken away since they were identified
            text = _("Team ${team} has ${what} on ${place}.")
            return self._say(text, identity, team=team.name, **names)
        text = _(
            "Team ${team}, with ${user} in it through group ${group}, has ${what} on ${place}."
        )
        return self._say(text, identity, team=team.name, group=group, **names)

    def _what_and_where(self, grant: Grant, permission: str | None) -> dict[str, str]:
        if grant.project_id is not None and self._project is not None:
            place = self._project.display_name
        elif permission in GLOBAL_ONLY - {Permission.ACCESS_PROJECT}:
            place = "PonyTracker"
        else:
            place = self._say(_("all projects"))
        return {"what": permission or self._say(_("a grant")), "place": place}

    def _say(self, text: TranslationString, identity: Identity = ANONYMOUS, **names: str) -> str:
        said: str = self._localizer.translate(_(text, mapping={"user": identity.username, **names}))
        return said


def _source(grant: Grant, permission: Permission) -> str | None:
    """Return which permission of *grant* gives *permission*; nothing where its being there does."""
    if grant.gives(permission):
        return permission.value
    if permission is Permission.VIEW:
        return None if grant.project_id else Permission.ACCESS_PROJECT.value
    return Permission.MODIFY_OWN_COMMENT.value
