"""One conversation with a server of the directory: encrypted, with time-outs, no half answers.

The servers are tried in the order of ``ldap.uri``, each with the whole of a question; whatever goes
wrong ends the conversation.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ldap
import ldap.dn
import ldap.filter
import ldap.sasl
from ldap.controls.libldap import SimplePagedResultsControl

from ponytracker.directory.errors import Incomplete, Unanswered, Unreachable
from ponytracker.directory.transport import Transport
from ponytracker.settings.ldap import Ldap
from ponytracker.text import clean_line

MAX_ENTRIES = 200_000
"""Entries of one answer; more is not ours to keep in memory."""

MAX_EMPTY_PAGES = 100
"""Pages of one answer that bring nothing; a server that says "more" for ever is not believed."""

MAX_RANGES = 1_000
"""Parts in which the values of one attribute may come."""

MAX_REASON = 300
"""Characters of what a server says that are repeated."""

_NO = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.NO_SUCH_OBJECT,
    ldap.INVALID_DN_SYNTAX,
    # 389 Directory Server and FreeIPA, of an account that is disabled, and of one that is locked.
    ldap.UNWILLING_TO_PERFORM,
    ldap.CONSTRAINT_VIOLATION,
)
"""What a server answers to whoever may not sign in."""

_SHORT = {
    "commonname": "cn",
    "countryname": "c",
    "domaincomponent": "dc",
    "localityname": "l",
    "organizationname": "o",
    "organizationalunitname": "ou",
    "stateorprovincename": "st",
    "streetaddress": "street",
    "userid": "uid",
}
"""The long names of attributes that stand in a DN (RFC 4514 §3, RFC 4519 §2)."""

_RANGE = re.compile(r"(?P<name>[^;]+);range=\d+-(?P<last>\d+|\*)", re.IGNORECASE)

Say = Callable[[str], object]
"""Takes what is done, step by step, for whoever wants to read along."""


def say_nothing(_text: str) -> None:
    """Nobody reads along."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What the directory has under one DN; the names of attributes are in lower case."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def octets(self, name: str) -> Sequence[bytes]:
        return self.attributes.get(name.lower(), ())

    def texts(self, name: str) -> list[str]:
        return [value.decode("utf-8", "replace") for value in self.octets(name)]

    def text(self, name: str) -> str:
        """Return the first value, empty where there is none."""
        return next(iter(self.texts(name)), "")


def escape_filter(value: str) -> str:
    """Return *value* as it stands in a filter (RFC 4515 §3)."""
    escaped: str = ldap.filter.escape_filter_chars(value)
    return escaped


def escape_dn(value: str) -> str:
    """Return *value* as it stands in a DN (RFC 4514 §2.4)."""
    escaped: str = ldap.dn.escape_dn_chars(value)
    return escaped


def same_dn(dn: str) -> str:
    """Return the key under which two ways to write one DN are the same.

    Values are compared without case and with single blanks, as nearly all of them are (RFC 4518);
    what is no DN is its own key.
    """
    try:
        parts = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return dn
    return ",".join(
        "+".join(
            sorted(
                f"{_SHORT.get(name.lower(), name.lower())}={' '.join(value.casefold().split())!r}"
                for name, value, _ in rdn
            )
        )
        for rdn in parts
    )


def reason(error: Exception) -> str:
    """Return what the library or the server says of *error*, on one line."""
    facts = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    texts = [str(facts.get(name, "")) for name in ("desc", "info")]
    if isinstance(error, OSError):
        texts = [error.strerror or str(error)]
    said = ": ".join(clean_line(text).strip() for text in texts if text)
    return (said or type(error).__name__)[:MAX_REASON]


class Connection:
    """A server that knows who we are."""

    def __init__(
        self, settings: Ldap, uri: str, library: Any, transport: Transport, say: Say
    ) -> None:
        self.settings = settings
        self.uri = uri
        self.say = say
        self._library = library
        self._transport = transport

    def sign_in(self, who: str, bind: Callable[[Any], None]) -> None:
        """Say who we are; *bind* does it. Raise `Unreachable`."""
        self.say(f"sign in as {who}")
        with _unreachable(self.uri, self.say), self._transport.within(self.settings.timeout):
            bind(self._library)

    def whoami(self) -> str:
        """Return who the server takes us for (RFC 4532), such as ``dn:cn=tracker,dc=example``."""
        with _unreachable(self.uri, self.say), self._transport.within(self.settings.timeout):
            return str(self._library.whoami_s())

    def search(self, base: str, condition: str, attributes: Sequence[str]) -> list[Entry]:
        """Return every entry below *base* that fits the filter *condition*; all of them, or raise.

        Raise `Incomplete` for an error, a time-out, a limit of the server, or a referral.
        """
        self.say(f"search below {base} for {condition}")
        control = SimplePagedResultsControl(False, size=self.settings.page_size, cookie=b"")
        found: list[Entry] = []
        pages = empty = 0
        while True:
            rows, controls = self._page(base, ldap.SCOPE_SUBTREE, condition, attributes, control)
            found += [self._complete(entry) for entry in self._entries(rows)]
            pages += 1
            empty += not rows
            if empty > MAX_EMPTY_PAGES:
                raise Unanswered(f"{self.uri} answers with empty pages, and promises more.")
            if len(found) > MAX_ENTRIES:
                raise Incomplete(f"{self.uri} has more than {MAX_ENTRIES:,} entries for that.")
            cookies = [
                answer.cookie for answer in controls if answer.controlType == control.controlType
            ]
            if not any(cookies):
                break
            control.cookie = cookies[0]
        self.say(f"  {len(found)} found" + (f", in {pages} pages" if pages > 1 else ""))
        return found

    def has_any(self, base: str, condition: str) -> bool:
        """Return whether anything below *base* fits the filter *condition*."""
        self.say(f"look below {base} for any {condition}")
        control = SimplePagedResultsControl(False, size=1, cookie=b"")
        rows, _controls = self._page(base, ldap.SCOPE_SUBTREE, condition, ["objectClass"], control)
        return any(True for _entry in self._entries(rows))

    def read(self, dn: str, condition: str, attributes: Sequence[str]) -> Entry | None:
        """Return the entry *dn*, if it is there and fits the filter *condition*."""
        self.say(f"read {dn}, if it fits {condition}")
        try:
            rows, _controls = self._page(dn, ldap.SCOPE_BASE, condition, attributes)
        except _NoSuchEntry:
            rows = []
        entries = [self._complete(entry) for entry in self._entries(rows)]
        self.say("  it is there" if entries else "  not there, or it does not fit")
        return entries[0] if entries else None

    def _page(
        self,
        base: str,
        scope: int,
        condition: str,
        attributes: Sequence[str],
        *controls: SimplePagedResultsControl,
    ) -> tuple[Any, Any]:
        limit = self.settings.timeout
        try:
            with self._transport.within(limit):
                asked = self._library.search_ext(
                    base,
                    scope,
                    condition,
                    list(attributes),
                    serverctrls=list(controls),
                    timeout=limit,
                )
                # All of it, or an error: also where the connection ends before the result does.
                _kind, rows, _id, answers = self._library.result3(asked, timeout=limit)
        except ldap.NO_SUCH_OBJECT:
            if scope == ldap.SCOPE_BASE:
                raise _NoSuchEntry from None
            raise Incomplete(f"{self.uri} has nothing of the name {base}.") from None
        except ldap.FILTER_ERROR:
            raise Incomplete(f"The filter {condition} is none.") from None
        # The library decodes names as UTF-8, and says of others that they are none.
        except (ldap.LDAPError, OSError, ValueError) as error:
            raise Unanswered(f"{self.uri} did not answer in full: {reason(error)}.") from None
        return rows, answers

    def _entries(self, rows: Any) -> Iterator[Entry]:
        for dn, attributes in rows:
            if dn is not None:
                yield Entry(dn, {name.lower(): values for name, values in attributes.items()})
            elif not self.settings.ignore_referrals:
                raise Incomplete(
                    f"{self.uri} says that a part is elsewhere: {clean_line(str(attributes[0]))}."
                    " Ask below a DN that it has all of, or set ldap.ignore_referrals = true."
                )

    def _complete(self, entry: Entry) -> Entry:
        """Return *entry* with all values of each attribute.

        Active Directory gives the first 1,500 only, as ``member;range=0-1499`` ([MS-ADTS]
        §3.1.1.3.1.3.3), and the others when it is asked for those.
        """
        whole: dict[str, list[bytes]] = {}
        for name, values in entry.attributes.items():
            ranged = _RANGE.fullmatch(name)
            if ranged is None:
                whole.setdefault(name, []).extend(values)
                continue
            kept = whole.setdefault(ranged["name"], [])
            kept.extend(values)
            for _time in range(MAX_RANGES):
                if ranged["last"] == "*":
                    break
                start = int(ranged["last"]) + 1
                ranged, others = self._next_range(entry.dn, ranged["name"], start)
                kept.extend(others)
                if len(kept) > MAX_ENTRIES:
                    raise Incomplete(f"{entry.dn} has more than {MAX_ENTRIES:,} members.")
            else:
                raise Incomplete(f"{entry.dn} comes in more than {MAX_RANGES:,} parts.")
        return Entry(entry.dn, whole)

    def _next_range(self, dn: str, name: str, start: int) -> tuple[re.Match[str], Sequence[bytes]]:
        wanted = f"{name};range={start}-*"
        rows, _controls = self._page(dn, ldap.SCOPE_BASE, "(objectClass=*)", [wanted])
        for entry in self._entries(rows):
            for found, values in entry.attributes.items():
                ranged = _RANGE.fullmatch(found)
                if ranged and ranged["name"] == name and values:
                    return ranged, values
        raise Incomplete(f"{self.uri} kept back a part of {dn}.")


class _NoSuchEntry(Exception):
    """There is nothing of that name."""


_T = TypeVar("_T")


def first_answer(settings: Ldap, question: Callable[[str], _T]) -> _T:
    """Return the answer to *question* of the first server, by its address, that gives a whole one.

    Raise `Unreachable` or `Unanswered` where none does.
    """
    failures: list[Unreachable | Unanswered] = []
    for uri in settings.uris:
        try:
            return question(uri)
        except (Unreachable, Unanswered) as error:
            failures.append(error)
    raise type(failures[0])("; ".join(map(str, failures)))


@contextmanager
def connect(settings: Ldap, uri: str, say: Say = say_nothing) -> Iterator[Connection]:
    """Sign in to the server *uri* as PonyTracker itself; raise `Unreachable`."""

    def sign_in(library: Any) -> None:
        if settings.sasl_mechanism == "GSSAPI":
            library.sasl_gssapi_bind_s(authz_id=settings.sasl_authorization_id)
        elif settings.sasl_mechanism:
            # Not sasl_external_bind_s, which keeps all other threads waiting meanwhile.
            library.sasl_bind_s("", "EXTERNAL", settings.sasl_authorization_id)
        elif settings.bind_dn:
            library.simple_bind_s(settings.bind_dn, settings.bind_password)
        else:
            library.simple_bind_s()

    with reach(settings, uri, say) as connection:
        connection.sign_in(settings.sasl_mechanism or settings.bind_dn or "nobody", sign_in)
        yield connection


@contextmanager
def connect_as(
    settings: Ldap, uri: str, dn: str, password: str, say: Say = say_nothing
) -> Iterator[Connection | None]:
    """Sign in as *dn*; nothing where the password is wrong or there is no such entry.

    Raise `Unreachable`.
    """
    if not password or not dn:
        # Either would bind as nobody, which always succeeds (RFC 4513 §5.1).
        yield None
        return
    refused = ""

    def sign_in(library: Any) -> None:
        nonlocal refused
        try:
            library.simple_bind_s(dn, password)
        except _NO as error:
            refused = reason(error)

    with reach(settings, uri, say) as connection:
        connection.sign_in(dn, sign_in)
        if refused:
            say(f"  no: {refused}")
        yield None if refused else connection


@contextmanager
def reach(settings: Ldap, uri: str, say: Say = say_nothing) -> Iterator[Connection]:
    """Connect to the server *uri*, encrypted as *settings* say; raise `Unreachable`."""
    scheme = urlsplit(uri).scheme
    starts_tls = scheme == "ldap" and settings.start_tls
    say(f"connect to {uri}" + (", encrypt by StartTLS" if starts_tls else ""))
    with ExitStack() as ending, _unreachable(uri, say):
        transport = Transport(uri, settings.network_timeout)
        ending.callback(transport.close)
        library = _prepare(settings, uri, transport)
        ending.callback(_hang_up, library)
        if starts_tls or scheme == "ldaps":
            with transport.within(settings.timeout):
                library.start_tls_s()
        connection = Connection(settings, uri, library, transport, say)
        ended = ending.pop_all()
    with ended:
        yield connection


@contextmanager
def _unreachable(uri: str, say: Say) -> Iterator[None]:
    """Raise `Unreachable` where *uri* cannot be spoken to."""
    try:
        yield
    # A password or DN that the C library cannot take, such as one with a NUL.
    except (ldap.LDAPError, ValueError, OSError) as error:
        say(f"  failed: {reason(error)}")
        raise Unreachable(f"{uri}: {reason(error)}") from None


def _prepare(settings: Ldap, uri: str, transport: Transport) -> Any:
    """Return the library's object for *uri*, which is connected; nothing was said yet."""
    library = ldap.initialize(uri, fileno=transport.fileno_for_library())
    library.protocol_version = ldap.VERSION3
    library.timeout = settings.timeout
    library.set_option(ldap.OPT_TIMEOUT, settings.timeout)
    library.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
    # By the name in the address: the socket does not always know it.
    library.set_option(ldap.OPT_X_SASL_NOCANON, ldap.OPT_ON)
    demand = ldap.OPT_X_TLS_DEMAND if settings.check_certificate else ldap.OPT_X_TLS_NEVER
    library.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, demand)
    files = {
        ldap.OPT_X_TLS_CACERTFILE: settings.ca_file,
        ldap.OPT_X_TLS_CERTFILE: settings.cert_file,
        ldap.OPT_X_TLS_KEYFILE: settings.key_file,
    }
    for option, path in files.items():
        if path is not None:
            library.set_option(option, str(path))
    # Last: it makes the TLS context of what was set before.
    library.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    return library


def _hang_up(library: Any) -> None:
    with suppress(ldap.LDAPError):
        library.unbind_s()
