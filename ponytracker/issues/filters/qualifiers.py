"""Reads a key and what follows it (FILTERS.md §2: qualifier, value, atom)."""

from __future__ import annotations

import re

from ponytracker.i18n import _
from ponytracker.issues.filters import dates
from ponytracker.issues.filters.diagnostics import Code, Findings, nearest
from ponytracker.issues.filters.keys import (
    KEYS,
    LATER,
    PULL_REQUEST_ONLY,
    QUOTED,
    STATE,
    TYPES,
    Key,
    Kind,
    is_known,
    meant_by,
)
from ponytracker.issues.filters.printing import print_value
from ponytracker.issues.filters.scanning import Scanner
from ponytracker.issues.filters.tree import (
    Bound,
    Choice,
    Everything,
    Leaf,
    Name,
    Range,
    Span,
    Special,
    Term,
    Value,
)

_TYPE = re.compile(r"type:(?:issue|pr)(?=[\s,)]|\Z)", re.IGNORECASE)
_COMPARISON = re.compile(r">=|<=|>|<|")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_SIMPLE_ATOM = re.compile(r"""[^\s,.()"'\\]+(?=[\s,)]|\Z)""")
_COMMA = re.compile(",")
_DOTS = re.compile(r"\.\.")
_VALUE_BEHIND_BLANK = re.compile(r"\s[^\s)]")
_NEXT_QUALIFIER = re.compile(r"\s-?[A-Za-z][A-Za-z-]*:")

_OPEN_ENDS = frozenset({"", "*"})
"""What stands in a range instead of the end that it does not have."""

_SAME_AS = {"state": "is", "type": "is"}
"""Keys that are another way to write one."""

_PARTS = frozenset({"label", "milestone", "assignee", "due", "comments"})
"""Keys whose `none` and `*` are written `no:` and `has:`."""

_DUE = {"yes": ("has", "due"), "no": ("no", "due"), "overdue": ("is", "overdue")}

_MAY_BE_NONE = frozenset({"due", "closed", "comments"})

_PULL_REQUESTS = frozenset({"pr", "merged", "draft"})
_NEVER = frozenset({"locked", "pinned", "confidential"})

_ORIGINAL_STATES = frozenset({"open", "close", "closed", "unread"})


def is_qualifier(key: str, scan: Scanner) -> bool:
    """Return whether *key*, which stands here with a colon, is one or was meant to be."""
    if key == "type":
        return scan.match(_TYPE) is not None
    return is_known(key) or meant_by(key) is not None


def read_qualifier(key: str, scan: Scanner, findings: Findings) -> Leaf | None:
    """Read the qualifier of *key* that stands here; return nothing where it asks for nothing."""
    start = scan.at
    scan.at += len(key) + 1
    if key in KEYS or key in _SAME_AS:
        return _read_known(key, start, scan, findings)
    _skip_values(scan)
    if key in PULL_REQUEST_ONLY:
        message = _("“${key}:” is about pull requests, which are not here.", mapping={"key": key})
        findings.note(Code.PULL_REQUESTS, message, scan.since(start))
    elif key in LATER:
        message = _("Asking about the past with “${key}:” comes later.", mapping={"key": key})
        findings.error(Code.NOT_YET, message, scan.since(start))
    elif meant := meant_by(key):
        message = _(
            "Unknown filter “${key}”. Did you mean “${meant}”?",
            mapping={"key": key, "meant": meant},
        )
        findings.error(Code.UNKNOWN_KEY, message, (start, len(key)), suggestions=[meant])
    return None


def read_quoted_qualifier(quoted: str, span: Span) -> Leaf | None:
    """Return what the original took *quoted*, all of it in quotes, for (FILTERS.md §3.5)."""
    key, _colon, value = quoted.partition(":")
    if key not in QUOTED or not value.strip() or value != value.strip() or ":" in value:
        return None
    if key == "is":
        return (
            Term(key, (Choice(KEYS[key].choices[value]),), span)
            if value in _ORIGINAL_STATES
            else None
        )
    if key == "due":
        return _meaning(key, (Choice(value),), span) if value in ("yes", "no") else None
    return Term(key, (Name(value, span),), span)


def tell_unclosed_quote(at: int, scan: Scanner, findings: Findings) -> None:
    """Say that what begins with a quote *at* has no other, and where it may belong."""
    rest = findings.text[at : scan.end]
    found = _NEXT_QUALIFIER.search(rest)
    closed = (rest[: found.start()] if found else rest).rstrip()
    fix = findings.replaced((at, len(closed)), closed + rest[0])
    message = _("This quote is not closed.")
    findings.error(Code.UNCLOSED_QUOTE, message, (at, len(rest)), fix=fix)


def _read_known(key: str, start: int, scan: Scanner, findings: Findings) -> Leaf | None:
    spec = {"state": STATE, "type": TYPES}.get(key) or KEYS[key]
    values: list[Value] = []
    while not values or scan.take(_COMMA):
        at = scan.at
        value = _read_value(key, spec, scan, findings)
        if value is None:
            if scan.at == at:
                _tell_empty(start, scan, findings)
            _skip_values(scan)
            return None
        values.append(value)
    node = _meaning(_SAME_AS.get(key, key), tuple(values), scan.since(start))
    if isinstance(node, Term) and node.key == "is":
        _tell_never(node, findings)
    return node


def _read_value(key: str, spec: Key, scan: Scanner, findings: Findings) -> Value | None:
    at = scan.at
    if spec.kind in (Kind.DATE, Kind.NUMBER):
        return _read_bounds(key, spec, scan, findings)
    atom = _read_atom(scan, findings)
    if not atom:
        return None
    span = scan.since(at)
    if spec.kind is Kind.CHOICE:
        if word := spec.choices.get(atom.lower()):
            return Choice(word)
        _tell_bad_choice(key, spec, atom, span, findings)
        return None
    if scan.text[at : scan.at] == atom:  # neither in quotes nor escaped
        if atom in (Special.NONE, Special.ANY):
            return Special(atom)
        if spec.kind is Kind.USER:
            if atom.lower() == Special.ME:
                return Special.ME
            atom = atom.removeprefix("@") or atom
    return Name(atom, span)


def _read_atom(scan: Scanner, findings: Findings, *, dots: bool = False) -> str | None:
    """Read one atom; return nothing where it is faulty. It is empty where nothing is here."""
    if found := scan.take(_SIMPLE_ATOM):  # which most are
        return found[0]
    at = scan.at
    atom = ""
    if scan.peek() in ("'", '"'):
        quoted = scan.quoted()
        if quoted is None:
            tell_unclosed_quote(at, scan, findings)
            scan.give_up()
            return None
        atom = quoted
    atom += scan.bare(",", dots=dots)
    if scan.at > at and not atom.strip():
        message = _("There is nothing but blanks here.")
        findings.error(Code.EMPTY_VALUE, message, scan.since(at))
        return None
    return atom


def _read_bounds(key: str, spec: Key, scan: Scanner, findings: Findings) -> Value | None:
    at = scan.at
    comparison = found[0] if (found := scan.take(_COMPARISON)) else ""
    low = _read_atom(scan, findings, dots=True)
    if low is None:
        return None
    high = None
    if scan.take(_DOTS):
        high = _read_atom(scan, findings, dots=True)
        if high is None:
            return None
    rest = scan.bare(",")
    span = scan.since(at)
    raw = scan.text[at : scan.at]
    if not raw:
        return None
    if high is None and not comparison and not rest:
        if word := spec.choices.get(low.lower()):
            return Choice(word)
        if raw == Special.ANY or (raw == Special.NONE and key in _MAY_BE_NONE):
            return Special(raw)
    ends = (low,) if high is None else (low, high)
    said = [end for end in ends if end not in _OPEN_ENDS]
    if (
        rest
        or not said
        or (high is None and low in _OPEN_ENDS)
        or (comparison and high is not None)
    ):
        _tell_bad_range(span, findings)
        return None
    limits = [_limit(spec.kind, end) for end in said]
    known = [limit for limit in limits if limit is not None]
    if len(known) < len(limits):
        _tell_bad_limit(spec.kind, raw, span, findings)
        return None
    if len(known) == 2:
        return Range(*known)
    if high is not None:
        comparison = "<=" if low in _OPEN_ENDS else ">="
    return Bound(comparison, known[0])


def _limit(kind: Kind, atom: str) -> str | None:
    if kind is Kind.DATE:
        return dates.written(atom)
    return str(int(atom)) if _NUMBER.fullmatch(atom) else None


def _meaning(key: str, values: tuple[Value, ...], span: Span) -> Leaf:
    """Return the one way to say what *key* with these *values* says."""
    match key, values:
        case "is", (Choice("all"),):
            return Everything(span)
        case "due", (Choice(word),):
            key, word = _DUE[word]
            return Term(key, (Choice(word),), span)
        case _, (Special.NONE | Special.ANY as special,) if key in _PARTS:
            return Term("no" if special is Special.NONE else "has", (Choice(key),), span)
    return Term(key, values, span)


def _skip_values(scan: Scanner) -> None:
    while True:
        if scan.peek() in ("'", '"'):
            scan.quoted()
        scan.bare(",")
        if not scan.take(_COMMA):
            return


def _tell_empty(start: int, scan: Scanner, findings: Findings) -> None:
    """Say that a value is missing: its qualifier goes, or the blank before it, or the comma."""
    span = scan.since(start)
    typed = scan.text[start : scan.at]
    fix = findings.replaced((scan.at - 1, 1), "")
    if typed.endswith(":"):
        is_behind = scan.match(_VALUE_BEHIND_BLANK)
        fix = findings.replaced((scan.at, 1) if is_behind else span, "")
    message = _("There is nothing after “${typed}”.", mapping={"typed": typed})
    findings.error(Code.EMPTY_VALUE, message, span, fix=fix)


def _tell_bad_choice(key: str, spec: Key, atom: str, span: Span, findings: Findings) -> None:
    if ".." in atom or atom.startswith(("<", ">")):
        message = _("“${key}:” takes no range and no comparison.", mapping={"key": key})
        findings.error(Code.BAD_RANGE, message, span)
        return
    words = dict.fromkeys(spec.choices.values())
    message = _(
        "“${key}:” must be followed by one of these: ${words}.",
        mapping={"key": key, "words": ", ".join(words)},
    )
    suggestions = [print_value(Choice(word), Kind.CHOICE) for word in nearest(atom, words)]
    findings.error(Code.BAD_VALUE, message, span, suggestions=suggestions)


def _tell_bad_range(span: Span, findings: Findings) -> None:
    message = _("This is no range. Write 5..10, >=5 or <=10, with numbers or dates.")
    findings.error(Code.BAD_RANGE, message, span)


def _tell_bad_limit(kind: Kind, raw: str, span: Span, findings: Findings) -> None:
    if kind is Kind.DATE:
        message = _(
            "“${raw}” is no date. Write 2026-01-31, 2026-01, today, -7d or +2w.",
            mapping={"raw": raw},
        )
        findings.error(Code.BAD_DATE, message, span)
    else:
        message = _("“${raw}” is no number.", mapping={"raw": raw})
        findings.error(Code.BAD_NUMBER, message, span)


def _tell_never(node: Term, findings: Findings) -> None:
    words = {value.word for value in node.values if isinstance(value, Choice)}
    if words & _PULL_REQUESTS:
        message = _("There are no pull requests here, so this finds nothing.")
        findings.note(Code.PULL_REQUESTS, message, node.span)
    if words & _NEVER:
        message = _("No issue is locked, pinned or confidential here, so this finds nothing.")
        findings.note(Code.NEVER, message, node.span)
