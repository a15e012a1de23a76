"""A small archive of GitHub issues, as i-d-template keeps them, with what is hard to show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OPEN = 40
CLOSED = 7
LONGEST = 12
"""The number of the issue with the most comments."""

COMMENTS = 60

DIFFICULT = """\
# A heading of its own

| a table | that is wide | {cells} |
|---|:-:|---:|{rules}
| 1 | 2 | 3 |

```python
def a_line_of_code_that_is_longer_than_any_telephone_is_wide(argument, another, and_one_more): ...
```

![a picture](https://pictures.example.net/tracking.png) and <img src="https://pixel.example.net/x">
<script>alert(1)</script> <b onclick="alert(2)">bold</b> [a link](javascript:alert(3))

{word} https://example.org/{word}

- [x] done
- [ ] not done

> quoted
""".format(cells=" | ".join("cell" * 4 for _ in range(9)), rules="---|" * 8, word="unbroken" * 40)


def write_archive(path: Path) -> Path:
    """Write the archive to *path* and return that."""
    issues = [_issue(number) for number in range(1, OPEN + CLOSED + 1)]
    archive = {
        "magic": "E!vIA5L86J2I",
        "timestamp": "2020-05-08T17:56:58.678013+00:00",
        "repo": "example/small",
        "labels": [
            {"name": "bug", "description": None, "color": "fc2929"},
            {"name": "a label of many words", "description": "", "color": "ffffff"},
        ],
        "issues": issues,
        "pulls": [],
    }
    path.write_text(json.dumps(archive))
    return path


def _issue(number: int) -> dict[str, Any]:
    is_open = number <= OPEN
    at = f"2019-0{1 + number // 30}-{1 + number % 28:02}T12:00:00Z"
    count = COMMENTS if number == LONGEST else number % 3
    return {
        "number": number,
        "id": f"node-{number}",
        "title": f"Issue {number} " + ("of-an-unbroken-title" * 8 if number == LONGEST else "here"),
        "url": f"https://github.com/example/small/issues/{number}",
        "state": "OPEN" if is_open else "CLOSED",
        "author": None if number % 10 == 3 else f"author-{number % 4}",
        "authorAssociation": "NONE",
        "assignees": [],
        "labels": [["bug"], ["a label of many words"], []][number % 3],
        "body": DIFFICULT if number == LONGEST else "It *fails*.",
        "createdAt": at,
        "updatedAt": at,
        "closedAt": None if is_open else "2020-01-01T00:00:00Z",
        "comments": [
            {
                "author": f"author-{turn % 4}",
                "authorAssociation": "NONE",
                "body": f"Comment {turn} of many.\nOn two lines, see #1.",
                "createdAt": f"2020-02-01T10:{turn:02}:00Z",
                "updatedAt": f"2020-02-01T10:{turn:02}:00Z",
            }
            for turn in range(count)
        ],
    }
