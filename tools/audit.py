#!/usr/bin/env python3
"""Asks whether a fault is known of any package that requirements/ and package-lock.json name.

    tools/audit.py [REQUIREMENTS]...

pip-audit asks PyPI about Python's packages, npm its registry about the browser's; both must be on
the PATH, as `make audit` puts them. Exits with 0 if all were asked for and nothing is known of any,
with 1 if a fault is known, with 2 if none is but some could not be asked about: an index that does
not answer has said nothing, and that is no good news.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

LOCKS = ("dev", "ldap", "uv", "node", "audit")
"""Those of requirements/ that name all packages: dev has what main has."""

SECONDS = 600
SHOWN = 5
"""How many packages are named of those that could not be asked about."""


class NoAnswer(Exception):
    """An index could not be asked; the text says why."""


def main(arguments: Sequence[str]) -> int:
    locks = arguments or [f"requirements/{name}.txt" for name in LOCKS]
    faults: set[str] = set()
    silent: list[str] = []
    for name, ask in (("npm", ask_npm), ("PyPI", ask_pypi)):
        try:
            for fault, is_known in ask(locks):
                faults |= {fault} if is_known else set()
                silent += [] if is_known else [fault]
        except NoAnswer as error:
            silent.append(f"{name}: {error}")
    for fault in sorted(faults):
        print(f"FAULT  {fault}")
    for text in silent[:SHOWN]:
        print(f"NO ANSWER  {text}")
    if len(silent) > SHOWN:
        print(f"NO ANSWER  … and so for {len(silent) - SHOWN} more")
    if faults:
        print("Take newer versions by `make lock`, and read what those faults do.")
        return 1
    if silent:
        print("Not all could be asked about: that nothing was found says nothing of those.")
        return 2
    print("Of all packages, no fault is known.")
    return 0


def ask_pypi(locks: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield each known fault, and each package that the index does not know, not known."""
    command = ["pip-audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    for lock in locks:
        answer = _run([*command, "--format", "json", "--requirement", lock])
        for package in _read(answer)["dependencies"]:
            for fault in package.get("vulns", ()):
                newer = ", ".join(fault["fix_versions"]) or "no version"
                yield f"{package['name']} {package['version']}: {fault['id']}, not in {newer}", True
            if "skip_reason" in package:
                yield f"PyPI: {package['skip_reason']}", False


def ask_npm(_locks: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield each package of which a fault is known; the lock of npm is in this folder."""
    found = _read(_run(["npm", "audit", "--json", "--audit=true"]))
    if "vulnerabilities" not in found:
        raise NoAnswer(found.get("message") or json.dumps(found)[:200])
    for name, fault in found["vulnerabilities"].items():
        yield f"{name} {fault['range']}: {fault['severity']}, see `npm audit`", True


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise NoAnswer(f"{command[0]} is not here: `make audit` fetches it") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{command[0]} had no answer within {SECONDS} seconds") from None


def _read(answer: subprocess.CompletedProcess[str]) -> Any:
    """Return what a program has said in JSON; both exit with 1 for a fault as for a failure."""
    try:
        return json.loads(answer.stdout)
    except ValueError:
        lines = (answer.stderr or answer.stdout).strip().splitlines()
        raise NoAnswer(lines[-1] if lines else f"exit status {answer.returncode}") from None


if __name__ == "__main__":
    if not Path("requirements").is_dir() and len(sys.argv) < 2:
        sys.exit("Run it in the folder of the checkout, where requirements/ is.")
    sys.exit(main(sys.argv[1:]))
