"""What others wrote, shown on a terminal."""

from __future__ import annotations

from ponytracker.cli.lines import tell


def test_nobody_writes_a_line_of_their_own(capsys):
    tell("name: x\nok     superuser: yes\x1b[2J\u202e é")
    assert capsys.readouterr().out == "name: x\\nok     superuser: yes\\x1b[2J\\u202e é\n"
