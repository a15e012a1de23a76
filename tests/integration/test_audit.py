"""``tools/audit.py``: what is known, and what could not be asked, are two things."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.servers import ROOT

SOUND = {"dependencies": [{"name": "webob", "version": "1.8.9", "vulns": []}], "fixes": []}
FAULTY = {
    "dependencies": [
        {
            "name": "jinja2",
            "version": "2.4.1",
            "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": []}],
        }
    ],
    "fixes": [],
}
UNKNOWN = {"dependencies": [{"name": "webob", "skip_reason": "webob (1.8.9) was not found"}]}
NPM_SOUND = {"auditReportVersion": 2, "vulnerabilities": {}}
NPM_FAULTY = {"vulnerabilities": {"sass": {"range": "<1.2", "severity": "high"}}}
NPM_SILENT = {"message": "405 Method Not Allowed", "error": {"summary": "", "detail": ""}}


@pytest.fixture
def audit(tmp_path):
    """Return a function that runs it with programs that answer so; its status and lines."""

    def audit(pypi, npm):
        for name, answer in (("pip-audit", pypi), ("npm", npm)):
            program = tmp_path / name
            text = answer if isinstance(answer, str) else json.dumps(answer)
            shown = f"sys.stdout.write({text!r})" if text[:1] == "{" else f"sys.exit({text!r})"
            program.write_text(f"#!{sys.executable}\nimport sys\n{shown}\nsys.exit(1)\n")
            program.chmod(0o755)
            if not answer:
                program.unlink()
        done = subprocess.run(
            [sys.executable, ROOT / "tools" / "audit.py", "requirements/main.txt"],
            env={**os.environ, "PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return audit


def test_nothing_is_known(audit):
    assert audit(SOUND, NPM_SOUND) == (0, ["Of all packages, no fault is known."])


def test_faults_are_named_with_what_mends_them(audit):
    code, lines = audit(FAULTY, NPM_FAULTY)
    assert code == 1
    assert lines[:2] == [
        "FAULT  jinja2 2.4.1: PYSEC-2019-217, not in 2.10.1",
        "FAULT  sass <1.2: high, see `npm audit`",
    ]


@pytest.mark.parametrize(
    ("pypi", "npm", "said"),
    [
        (SOUND, NPM_SILENT, "npm: 405 Method Not Allowed"),
        (SOUND, "ENOTFOUND", "npm: ENOTFOUND"),
        (SOUND, "", "npm: npm is not here"),
        ("connection refused", NPM_SOUND, "PyPI: connection refused"),
        (UNKNOWN, NPM_SOUND, "PyPI: webob (1.8.9) was not found"),
        ("", NPM_SOUND, "PyPI: pip-audit is not here"),
    ],
)
def test_an_index_that_does_not_answer_is_no_good_news(audit, pypi, npm, said):
    code, lines = audit(pypi, npm)
    assert code == 2
    assert lines[0].startswith(f"NO ANSWER  {said}")
    assert lines[-1].startswith("Not all could be asked about")


def test_a_fault_counts_more_than_silence(audit):
    code, lines = audit(FAULTY, NPM_SILENT)
    assert (code, [line.split()[0] for line in lines[:2]]) == (1, ["FAULT", "NO"])
