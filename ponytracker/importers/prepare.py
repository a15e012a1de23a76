"""What must be there before the issues come: the project, accounts, labels and milestones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Set

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.importers.survey import Survey
from ponytracker.milestones.names import free_slug
from ponytracker.models import Access, Issue, Label, Milestone, Project, User
from ponytracker.projects import names
from ponytracker.projects.service import create_project, find_project, lock_project
from ponytracker.security.audit import record
from ponytracker.security.principals import SHELL
from ponytracker.text import fold

DEFAULT_COLOR = "#EDEDED"
"""The colour that GitHub gives a label for which none was chosen."""


class UnfitProject(DomainError):
    """The issues of an archive cannot go into the project; the text says why and what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """Where the issues go: rows detached from any session, labels and milestones by name.

    Accounts are by folded login; `present` are the numbers that came from this archive before, and
    `origin` gives what an issue of it is marked with.
    """

    project_id: int
    is_new: bool
    origin: Callable[[int], str]
    accounts: dict[str, User]
    accounts_created: int
    labels: dict[str, Label]
    milestones: dict[str, Milestone]
    present: frozenset[int]

    def account(self, login: str | None) -> User | None:
        return None if login is None else self.accounts[fold(login)]


def prepare(session: Session, survey: Survey, name: str, access: Access) -> Target:
    """Create what is missing; raise `UnfitProject` before anything is changed.

    A project that is there keeps its access. All numbers up to the last of the archive are taken
    from now on: an issue that somebody opens while the import runs gets a later one.
    """
    project = find_project(session, name)
    is_new = project is None
    if project is None:
        project = _create_project(session, name, access)
    lock_project(session, project)
    if project.archived:
        raise UnfitProject(f"The project {project.name} is archived, so that nothing can be added.")
    present = find_present(session, project, survey.numbers, survey.origin)
    project.last_issue_number = max(project.last_issue_number, survey.last_number)
    labels = _create_labels(session, project, survey)
    milestones = _create_milestones(session, project, survey)
    accounts, accounts_created = _create_accounts(session, survey)
    session.flush()
    project_id = project.id
    session.expunge_all()  # the commit would empty what is in the session
    return Target(
        project_id,
        is_new,
        survey.origin,
        accounts,
        accounts_created,
        labels,
        milestones,
        present,
    )


def find_present(
    session: Session, project: Project, numbers: Set[int], origin: Callable[[int], str]
) -> frozenset[int]:
    """Return which of *numbers* came from this archive before.

    Raise `UnfitProject` where the project has one of them from elsewhere.
    """
    found = session.execute(
        select(Issue.number, Issue.imported_from).where(
            Issue.project_id == project.id,
            Issue.number.between(min(numbers, default=0), max(numbers, default=0)),
        )
    )
    taken = {number: came_from for number, came_from in found if number in numbers}
    for number, came_from in sorted(taken.items()):
        if came_from != origin(number):
            raise UnfitProject(
                f"The project {project.name} has an issue #{number} already, which"
                f" {'came from ' + came_from if came_from else 'was opened here'}, and the archive"
                f" has another: {origin(number)}. Import it into a project of its own."
            )
    return frozenset(taken)


def _create_project(session: Session, name: str, access: Access) -> Project:
    try:
        names.check_name(session, name)
    except names.UnfitName as error:
        reason = error.args[0].interpolate()
        raise UnfitProject(f"'{name}' cannot be the name of a project: {reason}") from None
    try:
        names.check_display_name(session, name)
    except names.UnfitName:
        raise UnfitProject(
            f"There is a project that is called '{name}' at another address."
        ) from None
    return create_project(session, None, name=name, display_name=name, access=access, labels=())


def _create_accounts(session: Session, survey: Survey) -> tuple[dict[str, User], int]:
    """Create an account nobody can sign in to for each login that has none; count these."""
    accounts = {
        user.username_key: user
        for user in session.scalars(select(User))
        if user.username_key in survey.logins
    }
    missing = {
        key: User(username=login, is_active=False)
        for key, login in survey.logins.items()
        if key not in accounts
    }
    session.add_all(missing.values())
    if missing:
        created = {"usernames": sorted(user.username for user in missing.values())}
        record(session, SHELL, "user.import", f"{len(missing)} accounts", after=created)
    return accounts | missing, len(missing)


def _create_labels(session: Session, project: Project, survey: Survey) -> dict[str, Label]:
    """Create the labels the project lacks, deleted at once where only events tell of them."""
    rows = session.scalars(
        select(Label).where(Label.project_id == project.id).order_by(Label.deleted.desc())
    )
    labels = {label.name: label for label in rows}  # one in use comes after a deleted namesake
    for deleted, wanted in ((False, survey.labels), (True, survey.old_labels)):
        for name, label in wanted.items():
            if name not in labels or (labels[name].deleted and not deleted):
                color = label.color or DEFAULT_COLOR
                labels[name] = Label(project=project, name=name, color=color, deleted=deleted)
    session.add_all(labels.values())
    return labels


def _create_milestones(session: Session, project: Project, survey: Survey) -> dict[str, Milestone]:
    """Create the milestones the project lacks, deleted at once where only events tell of them."""
    rows = session.scalars(
        select(Milestone)
        .where(Milestone.project_id == project.id)
        .order_by(Milestone.deleted.desc())
    )
    milestones = {milestone.name: milestone for milestone in rows}
    slugs = {milestone.slug for milestone in milestones.values()}
    for deleted, wanted in ((False, survey.milestones), (True, survey.old_milestones)):
        for name, milestone in wanted.items():
            if name not in milestones or (milestones[name].deleted and not deleted):
                slug = free_slug(name, slugs)
                slugs.add(slug)
                milestones[name] = Milestone(
                    project=project,
                    name=name,
                    slug=slug,
                    description=milestone.description,
                    due_at=milestone.due_at,
                    closed_at=milestone.closed_at,
                    deleted=deleted,
                )
    session.add_all(milestones.values())
    return milestones
