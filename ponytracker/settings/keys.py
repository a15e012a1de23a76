"""How one key of the ini file is read: from where, as what, and what is said of a bad value.

A value comes from the first that has it of: a variable on the command line
(``pserve development.ini http_port=7001``), the environment, the ini file, the default.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

MAX_FILE = 65_536
"""Octets of a file that holds a secret."""


class SettingError(ValueError):
    """An ini key is missing or has a value that cannot be used; the text says what to do."""


class Unfit(ValueError):
    """Why a value was refused, in words that may be shown."""


@dataclasses.dataclass(frozen=True)
class Key:
    """How one ini key is read; *variable* and *env* name what goes over the file.

    A *secret* may stand in a file of its own, which the environment (*env* and ``_FILE``) or the
    ini file (*name* and ``_file``) names: so it is with systemd's credentials and the like.
    """

    name: str
    parse: Callable[[str], Any]
    expected: str
    variable: str | None = None
    env: str | None = None
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the ini file may call it."""
        return (self.name, f"{self.name}_file") if self.secret else (self.name,)

    def read(self, ini: Mapping[str, Any], variables: Mapping[str, str], default: object) -> Any:
        where, raw = self._find(ini, variables)
        if not raw:
            if default is dataclasses.MISSING:
                raise SettingError(f"{where} is missing: expected {self.expected}.")
            return default
        try:
            return self.parse(raw)
        except (ValueError, KeyError) as error:
            value = f"a value of {len(raw)} characters" if self.secret else f"the value '{raw}'"
            why = f" ({error})" if isinstance(error, Unfit) else ""
            raise SettingError(f"{where} has {value}: expected {self.expected}{why}.") from None

    def _find(self, ini: Mapping[str, Any], variables: Mapping[str, str]) -> tuple[str, str]:
        """Return where the value is, and the value, which is empty where there is none."""
        if self.variable and variables.get(self.variable):
            return f"variable '{self.variable}'", variables[self.variable].strip()
        if self.env and os.environ.get(self.env):
            return f"environment variable {self.env}", os.environ[self.env].strip()
        if self.env and self.secret and os.environ.get(f"{self.env}_FILE"):
            return _open(f"environment variable {self.env}_FILE", os.environ[f"{self.env}_FILE"])
        value = str(ini.get(self.name, "")).strip()
        if self.secret and (path := str(ini.get(f"{self.name}_file", "")).strip()):
            if value:
                raise SettingError(
                    f"keys '{self.name}' and '{self.name}_file' are both set: expected one of them."
                )
            return _open(f"key '{self.name}_file'", path)
        return f"key '{self.name}'", value


def _open(where: str, path: str) -> tuple[str, str]:
    """Return what the file *path* holds, which *where* names.

    Only by its full path, as where a program is started differs: by hand, by cron, by systemd.
    """
    if not Path(path).is_absolute():
        raise SettingError(
            f"{where} names the file {path}: expected its full path, which begins with /."
        )
    try:
        with Path(path).open(encoding="utf-8") as file:
            value = file.read(MAX_FILE + 1).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise SettingError(f"{where} names the file {path}, which cannot be read: {why}.") from None
    if not value or len(value) > MAX_FILE:
        why = "is empty" if not value else "is too large"
        raise SettingError(f"{where} names the file {path}, which {why}.")
    return f"{where}, the file {path},", value


def key(
    name: str,
    parse: Callable[[str], Any],
    expected: str,
    *,
    default: Any = dataclasses.MISSING,
    variable: str | None = None,
    env: str | None = None,
    secret: bool = False,
) -> Any:
    key = Key(name, parse, expected, variable, env, secret)
    return dataclasses.field(default=default, repr=not secret, metadata={"key": key})


def section(fields: type[Any]) -> Any:
    """Return a field that holds keys of its own, those of the dataclass *fields*."""
    return dataclasses.field(default_factory=fields, metadata={"section": fields})


def names_of(fields: type[Any]) -> list[str]:
    """Return what the ini file may call the keys of the dataclass *fields*."""
    names: list[str] = []
    for field in dataclasses.fields(fields):
        if "section" in field.metadata:
            names += names_of(field.metadata["section"])
        else:
            names += field.metadata["key"].names
    return names


def secret_keys(fields: type[Any]) -> Iterator[Key]:
    """Yield those keys of the dataclass *fields* whose values are secret."""
    for field in dataclasses.fields(fields):
        if "section" in field.metadata:
            yield from secret_keys(field.metadata["section"])
        elif field.metadata["key"].secret:
            yield field.metadata["key"]


def secret_values(settings: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of the secret keys of *settings*, an instance of a dataclass."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if "section" in field.metadata:
            yield from secret_values(value)
        elif field.metadata["key"].secret:
            yield field.metadata["key"].name, value


def read_keys(
    fields: type[Any], ini: Mapping[str, Any], variables: Mapping[str, str], faults: list[str]
) -> dict[str, Any]:
    """Return the values of the dataclass *fields*; add to *faults* what is wrong with each."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(fields):
        if inner := field.metadata.get("section"):
            before = len(faults)
            read = read_keys(inner, ini, variables, faults)
            if len(faults) == before:
                values[field.name] = inner(**read)
            continue
        key: Key = field.metadata["key"]
        try:
            values[field.name] = key.read(ini, variables, field.default)
        except SettingError as error:
            faults.append(str(error))
    return values
