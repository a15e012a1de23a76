"""The figures of MAIL.md §10 over the real mails of the shared data folder."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict

import pytest

from ponytracker.inbound.reading.message import read_message
from ponytracker.inbound.reading.origin import Origin, is_hard_bounce, kind_of
from ponytracker.inbound.reading.trimming import trim
from tests.unit.inbound.reading.corpus import Sample, read, read_samples

pytestmark = pytest.mark.shared_data


def say(*words: str) -> None:
    """Write a line of the figures, which are what this test is run for."""
    sys.stdout.write(" ".join(words) + "\n")


@pytest.fixture(scope="module")
def samples(shared_data) -> list[Sample]:
    if not (shared_data / "mail" / "manifest.tsv").is_file():
        pytest.skip("the shared data folder has no mails")
    return read_samples(shared_data)


def test_replies(samples, capsys):
    """At least 94 % of the replies are exact, and fewer than 3 % lose a line (issue 5)."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    wrong = []
    for sample in samples:
        if sample.kind not in ("reply", "forward", "signature"):
            continue
        message, text = read(sample)
        is_exact = sample.is_read_rightly(message, text)
        rows = [sample.source, f"all {sample.kind}"] if sample.kind == "reply" else [sample.kind]
        for row in rows:
            counts[row]["mails"] += 1
            counts[row]["exact"] += is_exact
            counts[row]["losing"] += not is_exact and sample.loses_a_line(text)
        if not is_exact and sample.kind == "reply":
            wrong.append(sample.file)
    with capsys.disabled():
        say()
        for row, count in sorted(counts.items()):
            share = count["exact"] / count["mails"]
            say(f"{row:12} {count['mails']:4} mails {share:7.1%} exact {count['losing']} losing")
        say("not exact:", *wrong)
    every = counts["all reply"]
    assert every["exact"] >= 0.94 * every["mails"]
    assert every["losing"] < 0.03 * every["mails"]


def test_bounces_and_automatic_replies(samples, capsys):
    """All automatic replies and 99 % of the bounces are ignored, and no mail of a person is."""
    counts: Counter[tuple[str, str]] = Counter()
    mistaken = []
    for sample in samples:
        if sample.format != "eml":
            continue
        wanted = sample.properties.get(
            "ignore", "no" if sample.kind in ("reply", "forward") else ""
        )
        message = read_message(sample.raw)
        origin = kind_of(message)
        is_hard_bounce(message)
        counts[wanted, origin] += 1
        if wanted and (wanted == "no") != (origin is Origin.PERSON):
            mistaken.append(sample.file)
    bounces = sum(count for (wanted, _), count in counts.items() if wanted == "bounce")
    with capsys.disabled():
        say()
        for (wanted, origin), count in sorted(counts.items()):
            say(f"ignore {wanted or '?':8} taken for {origin:12} {count:4}")
        say("mistaken:", *mistaken)
    assert counts["bounce", Origin.PERSON] <= 0.01 * bounces
    assert counts["auto", Origin.PERSON] == 0
    assert sum(counts["no", origin] for origin in Origin if origin is not Origin.PERSON) == 0


def test_no_mail_takes_long(samples):
    """No mail takes more than half a second (MAIL.md §10)."""
    slowest = 0.0
    for sample in samples:
        raw = sample.raw
        before = time.process_time()
        message = read_message(raw)
        kind_of(message)
        trim(message.body.text, is_html=message.body.is_html)
        slowest = max(slowest, time.process_time() - before)
        message.body.text.encode()
        message.subject.encode()
    assert slowest < 0.5


def test_subjects_and_files(samples):
    """What is said of the header and the files of mails that are hard to decode holds."""
    for sample in samples:
        if sample.kind != "decode":
            continue
        message = read_message(sample.raw)
        wanted = sample.properties
        if "attachments" in wanted:
            names = sorted(file.name for file in message.body.files)
            assert names == sorted(wanted["attachments"]), sample.file
        if "subject" in wanted and "\ufffd" not in wanted["subject"]:
            assert message.subject == wanted["subject"], sample.file
