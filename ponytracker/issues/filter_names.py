"""The names in a filter, looked up: labels, milestones, projects and people.

What is not there and what the reader may not see are the same: no name of either is ever told.
However many names there are, each kind is one statement, and one more for people who are unknown.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from ponytracker.i18n import _
from ponytracker.issues.filters import Code, Findings, nearest
from ponytracker.issues.filters.keys import KEYS, Kind
from ponytracker.issues.filters.printing import print_name
from ponytracker.issues.filters.tree import Name, Node, Term, leaves
from ponytracker.models import Event, Label, Milestone, Project, User
from ponytracker.projects.audience import sees
from ponytracker.security.principals import Identity
from ponytracker.security.visibility import each_user, may_see_project
from ponytracker.text import fold

MAX_NAMES = 1_000
"""How many names of a kind are read: those that are asked for, and others to offer instead."""

MAX_OFFERS = 5
"""To how many unknown names others are offered: who has more of them has another problem."""

_UNKNOWN = {
    "label": _("The label '${name}' does not exist or has been deleted."),
    "milestone": _("The milestone '${name}' does not exist."),
    "project": _("The project '${name}' does not exist."),
    "user": _("The user '${name}' does not exist."),
}


_Matched = tuple[dict[str, frozenset[Any]], Collection[str]]
"""What each name stands for, and names to offer for those that stand for nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """What the names in a filter stand for: ids, by which planners know how common something is.

    Across projects, labels and milestones are stored names: many may be called alike.
    """

    found: Mapping[tuple[str, str], frozenset[Any]]

    def of(self, term: Term) -> frozenset[Any]:
        """Return what all names of *term* stand for together."""
        kind = kind_of(term.key)
        names = [value.text for value in term.values if isinstance(value, Name)]
        known = frozenset().union(*(self.found[kind, name] for name in names))
        if not known and (whole := whole_list(term)):
            return self.found[kind, whole]
        return known


def kind_of(key: str) -> str:
    """Return what the names behind *key* are of."""
    return "user" if KEYS[key].kind is Kind.USER else key


def whole_list(term: Term) -> str | None:
    """Return the name that *term* may have been meant as, before a comma meant or (§3.3)."""
    names = [value.text for value in term.values if isinstance(value, Name)]
    return ",".join(names) if term.key == "label" and len(names) == len(term.values) > 1 else None


def look_up(
    session: Session,
    root: Node,
    reader: Identity,
    project: Project | None,
    findings: Findings,
) -> Names:
    """Return what the names in *root* stand for in *project*, or in all that *reader* may see.

    Tell those that stand for nothing.
    """
    wanted: defaultdict[str, dict[str, None]] = defaultdict(dict)
    terms = [leaf for leaf in leaves(root) if isinstance(leaf, Term)]
    for term in terms:
        for name in _names(term):
            wanted[kind_of(term.key)][name.text] = None
        if whole := whole_list(term):
            wanted["label"][whole] = None
    found: dict[tuple[str, str], frozenset[Any]] = {}
    known: dict[str, Collection[str]] = {}
    for kind, names in wanted.items():
        match kind:
            case "project":
                matched, known[kind] = _projects(session, names, reader)
            case "user":
                matched, known[kind] = _people(session, names, reader, project)
            case _:
                model = Label if kind == "label" else Milestone
                matched, known[kind] = _stored(session, model, names, reader, project)
        found.update({(kind, name): meant for name, meant in matched.items()})
    looked_up = Names(found)
    _tell_unknown(terms, looked_up, known, findings)
    return looked_up


def _names(term: Term) -> Iterator[Name]:
    return (value for value in term.values if isinstance(value, Name))


def _same(name: str, names: Collection[str]) -> frozenset[str]:
    """Return which of *names* is meant: the very same, else those of another case (§3.7)."""
    if name in names:
        return frozenset({name})
    folded = fold(name)
    return frozenset(other for other in names if fold(other) == folded)


def _stored(
    session: Session,
    model: type[Label] | type[Milestone],
    wanted: Collection[str],
    reader: Identity,
    project: Project | None,
) -> _Matched:
    """Look up labels or milestones: among many, those that are *wanted* in whatever case first."""
    rank = case(
        (model.name.in_(wanted), 0),
        (func.lower(model.name).in_({name.lower() for name in wanted}), 1),
        else_=2,
    ).label("rank")
    rows = select(model.name, rank).distinct().where(model.deleted.is_(False))
    rows = rows.order_by(rank, model.name).limit(MAX_NAMES)
    if project is None:
        found = session.scalars(rows.where(model.project_id.in_(visible_ids(reader)))).all()
        return {name: _same(name, found) for name in wanted}, found
    here = session.execute(rows.add_columns(model.id).where(model.project_id == project.id))
    ids = {row.name: row.id for row in here}
    return {name: frozenset(ids[same] for same in _same(name, ids)) for name in wanted}, ids


def visible_ids(reader: Identity) -> Any:
    """Return the select of the ids of all projects that *reader* may see."""
    return select(Project.id).where(may_see_project(reader))


def _projects(session: Session, wanted: Collection[str], reader: Identity) -> _Matched:
    is_wanted = Project.name_key.in_({fold(name) for name in wanted})
    rows = session.execute(
        select(Project.id, Project.name, Project.name_key)
        .where(may_see_project(reader))
        .order_by(case((is_wanted, 0), else_=1), Project.name)
        .limit(MAX_NAMES)
    ).all()
    ids = {row.name_key: row.id for row in rows}
    return _by_key(wanted, ids), [row.name for row in rows]


def _people(
    session: Session, wanted: Collection[str], reader: Identity, project: Project | None
) -> _Matched:
    is_known = or_(User.id == reader.user_id, _is_known(reader, project))
    keys = {fold(name) for name in wanted}
    rows = session.execute(
        select(User.id, User.username_key).where(User.username_key.in_(keys), is_known)
    )
    ids = {row.username_key: row.id for row in rows}
    unknown = sorted(keys - ids.keys())[:MAX_OFFERS]
    if not unknown:
        return _by_key(wanted, ids), []
    begins_alike = [User.username_key.startswith(key[:1], autoescape=True) for key in unknown]
    alike = select(User.username).where(or_(*begins_alike), is_known).limit(MAX_NAMES // 5)
    return _by_key(wanted, ids), session.scalars(alike).all()


def _by_key(wanted: Collection[str], ids: Mapping[str, int]) -> dict[str, frozenset[int]]:
    return {name: frozenset({ids[fold(name)]} if fold(name) in ids else ()) for name in wanted}


def _is_known(reader: Identity, project: Project | None) -> ColumnElement[bool]:
    """Return the condition on `User` that *reader* may know of them here.

    They have taken part; or they may see it too, which whoever is not signed in is not told.
    """
    in_place = (
        Event.project_id == project.id if project else Event.project_id.in_(visible_ids(reader))
    )
    took_part = or_(
        exists().where(Event.actor_id == User.id, in_place).correlate(User),
        exists().where(Event.user_id == User.id, in_place).correlate(User),
    )
    if not reader.is_signed_in:
        return took_part
    if project is not None:
        return or_(sees(project), took_part)
    both_see = exists().where(may_see_project(reader), may_see_project(each_user()))
    return or_(and_(User.is_active, both_see.correlate(User)), took_part)


def _tell_unknown(
    terms: Sequence[Term],
    names: Names,
    known: Mapping[str, Collection[str]],
    findings: Findings,
) -> None:
    offers = 0
    for term in terms:
        kind = kind_of(term.key)
        unknown = [name for name in _names(term) if not names.found[kind, name.text]]
        whole = whole_list(term)
        if whole and len(unknown) == len(term.values) and names.found[kind, whole]:
            message = _(
                "There is a label '${name}', so the comma is part of its name.",
                mapping={"name": whole},
            )
            instead = f"label:{print_name(whole, Kind.NAME)}"
            findings.note(Code.READ_AS_ONE_NAME, message, term.span, instead=instead)
            continue
        for name in unknown:
            near = nearest(name.text, known[kind]) if offers < MAX_OFFERS else ()
            offers += 1
            findings.warning(
                Code.UNKNOWN_NAME,
                _UNKNOWN[kind] % {"name": name.text},
                name.span,
                suggestions=[print_name(other, KEYS[term.key].kind) for other in near],
            )
