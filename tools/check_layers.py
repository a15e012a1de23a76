#!/usr/bin/env python3
"""Checks that imports run downward only, as docs/decisions/layers.rst says.

    tools/check_layers.py [PACKAGE]

Prints each import that goes up or sideways, and exits with 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

LAYERS = (
    # What knows nothing of PonyTracker but itself.
    ("errors", "i18n", "logs", "postgresql", "text"),
    ("placeholders",),
    ("markup",),
    ("models",),
    ("settings",),
    ("db", "background", "server"),
    ("security",),
    ("resources",),
    ("web",),
    ("mail",),
    # Features: each may ask those before it.
    ("attachments",),
    ("accounts",),
    ("directory",),
    ("projects",),
    ("grants",),
    ("issues",),
    ("labels", "milestones"),
    ("notifications", "search", "feeds", "webhooks"),
    ("inbound",),
    ("admin", "api", "backup", "importers"),
    ("celery",),
    ("operations",),
    ("deployment",),
    ("cli",),
    ("__init__",),
)
"""From the ground up. A module imports from lower rows, and from its own part of its own row."""

LEVEL = {part: level for level, row in enumerate(LAYERS) for part in row}


def main() -> int:
    package = Path(sys.argv[1] if len(sys.argv) > 1 else "ponytracker")
    if not package.is_dir():
        print(f"{package} is no folder: name the package to check", file=sys.stderr)
        return 2
    faults = [fault for path in sorted(package.rglob("*.py")) for fault in check(package, path)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def check(package: Path, path: Path) -> Iterator[str]:
    """Yield a line for each import in *path* that the layers forbid."""
    part = path.relative_to(package).with_suffix("").parts[0]
    if part not in LEVEL:
        yield f"{path}:1: {part} has no layer; give it one in {Path(__file__).name}"
        return
    for line, module in imports(path, package.name):
        target = module.split(".")[1] if "." in module else "__init__"
        if target not in LEVEL:
            yield f"{path}:{line}: imports {module}, which has no layer"
        elif target != part and LEVEL[target] >= LEVEL[part]:
            yield f"{path}:{line}: {part} imports {module}, which is not below it"


def imports(path: Path, package: str) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of each module of *package* that *path* imports.

    Also those inside of functions; not those for the type checker alone, which are no dependency
    of the running program.
    """
    tree = ast.parse(path.read_text(), str(path))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [f"{package}.relative"]  # which no layer has: imports are absolute
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names = [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name == package or name.startswith(package + "."):
                yield node.lineno, name


if __name__ == "__main__":
    sys.exit(main())
