"""Recognising archives of GitHub, and reading each shape into records."""

import datetime as dt

import pytest

from ponytracker.importers.github import open_archive
from ponytracker.importers.records import (
    ArchiveError,
    ImportedComment,
    ImportedEvent,
    ImportedIssue,
    ImportedLabel,
    ImportedMilestone,
)
from ponytracker.models import EventKind, State, StateReason
from tests.unit.importers.archives import (
    backup,
    draft,
    draft_comment,
    draft_issue,
    moment,
    rest_comment,
    rest_event,
    rest_issue,
    write_directory,
    write_json,
    write_tar,
)


def at(second: int) -> dt.datetime:
    return dt.datetime.fromisoformat(moment(second))


def read_draft(tmp_path, **keys):
    return list(open_archive(write_json(tmp_path / "archive.json", draft(**keys))).records())


def read_backup(tmp_path, *issues, **kinds):
    path = write_tar(tmp_path / "backup.tar.xz", backup(issues, **kinds))
    return list(open_archive(path).records())


# Which archive it is


def test_an_archive_is_known_by_content_whatever_its_name(tmp_path):
    files = backup([rest_issue(1)])
    assert open_archive(write_json(tmp_path / "a.tar", draft())).source == "github:wg/spec"
    for path in (write_tar(tmp_path / "a.json", files), write_directory(tmp_path / "d", files)):
        archive = open_archive(path)
        assert [record.number for record in archive.records()] == [1]
        assert archive.source == "github:org/repo"


@pytest.mark.parametrize("content", ['{"magic": "other"}', "[]", '[{"number": 1}]'])
def test_other_json_is_refused(tmp_path, content):
    (tmp_path / "f").write_text(content)
    with pytest.raises(ArchiveError, match=r"is JSON, but no archive that can be imported"):
        open_archive(tmp_path / "f")


def test_a_draft_archive_that_is_cut_off_is_refused(tmp_path):
    path = write_json(tmp_path / "f", draft(issues=[draft_issue(1)]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArchiveError, match="f is not JSON, or is cut off"):
        open_archive(path)


@pytest.mark.parametrize("files", [{}, {"repo/README.md": b""}, {"repo/labels/labels.json": b"[]"}])
def test_a_directory_or_tar_without_issues_is_refused(tmp_path, files):
    for path in (write_tar(tmp_path / "t", files), write_directory(tmp_path, files)):
        with pytest.raises(ArchiveError, match="holds no issues"):
            list(open_archive(path).records())


def test_a_backup_of_two_repositories_is_refused(tmp_path):
    (content,) = backup([rest_issue(1)]).values()
    path = write_directory(tmp_path, {"a/issues/1.json": content, "b/issues/1.json": content})
    with pytest.raises(ArchiveError, match="more than one repository"):
        list(open_archive(path).records())


# The archive.json of i-d-template


def test_draft_issue_comes_over_exactly(tmp_path):
    issue = draft_issue(
        7,
        title="A <b>title</b>  with `ticks` ",
        state="CLOSED",
        body="one\r\ntwo\0",
        closedAt=moment(9),
        labels=["bug"],
        assignees=["eve", "bob"],
        comments=[draft_comment(5, "Hm.\r\n"), draft_comment(6, "?", None)],
    )
    labels = [{"name": "bug", "description": None, "color": "fc2929"}]
    assert read_draft(tmp_path, issues=[issue], labels=labels) == [
        ImportedLabel("bug", "#FC2929"),
        ImportedIssue(
            number=7,
            title="A <b>title</b>  with `ticks` ",
            text="one\ntwo",
            author="ada",
            created_at=at(0),
            state=State.CLOSED,
            closed_at=at(9),
            labels=(ImportedLabel("bug"),),
            assignee="eve",
            comments=(
                ImportedComment("bob", at(5), "Hm.\n"),
                ImportedComment(None, at(6), "?"),
            ),
        ),
    ]


def test_draft_pull_request_is_closed_when_merged_and_has_its_reviews(tmp_path):
    review_comment = draft_comment(4, "Here.")
    del review_comment["author"]
    pull = draft_issue(
        3,
        state="MERGED",
        closedAt=moment(9),
        comments=[draft_comment(2, "Please look.")],
        reviews=[
            {**draft_comment(5, "Fine.", "eve"), "state": "APPROVED", "comments": []},
            {**draft_comment(3, "", "eve"), "comments": [review_comment]},
        ],
    )
    (record,) = read_draft(tmp_path, pulls=[pull])
    assert record.is_pull_request
    assert record.state is State.CLOSED
    assert record.comments == (
        ImportedComment("bob", at(2), "Please look."),
        ImportedComment("eve", at(5), "Fine."),
        ImportedComment("eve", at(4), "Here."),
    )


@pytest.mark.parametrize("login", [None, "ghost", "Ghost", ""])
def test_deleted_users_are_nobody(tmp_path, login):
    draft_record = read_draft(tmp_path, issues=[draft_issue(1, author=login)])[0]
    rest_record = read_backup(tmp_path, rest_issue(1, user={"login": login}))[0]
    assert draft_record.author is rest_record.author is None


def test_brackets_of_a_bot_are_kept(tmp_path):
    (record,) = read_draft(tmp_path, issues=[draft_issue(1, author="dependabot[bot]")])
    assert record.author == "dependabot[bot]"


def test_a_long_title_is_cut_and_leads_the_text(tmp_path):
    long = "é" * 256
    (cut, exact) = read_draft(
        tmp_path,
        issues=[draft_issue(1, title=long, body="Body"), draft_issue(2, title="é" * 255)],
    )
    assert cut.title == "é" * 254 + "…"
    assert cut.text == f"{long}\n\nBody"
    assert exact.title == "é" * 255
    assert exact.text == ""


def test_control_characters_of_a_title_become_blanks(tmp_path):
    (record,) = read_draft(tmp_path, issues=[draft_issue(1, title="a\r\nb\tc")])
    assert record.title == "a b c"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"issues": None}, r"archive\.json: 'issues' is null; expected a list"),
        ({"issues": {}}, r"archive\.json: 'issues' is an object; expected a list"),
        ({"issues": [5]}, r"archive\.json: 'issues' item 1 is a number; expected an object"),
        ({"issues": [{}]}, r"archive\.json: 'issues' item 1 lacks the key 'number'"),
        ({"issues": [draft_issue(4, title=None)]}, r"archive\.json: #4: 'title' is null"),
        ({"issues": [draft_issue(4, state="MERGED")]}, r"#4: 'state' is 'MERGED'"),
        ({"issues": [draft_issue(4, createdAt="x")]}, r"#4: 'createdAt' is 'x'"),
        ({"issues": [draft_issue(4, comments=[{}])]}, r"#4: 'comments' item 1 lacks the key"),
        ({"issues": [draft_issue(4, labels=[5])]}, r"#4: 'labels' item 1 is a number"),
        ({"pulls": [draft_issue(4, state="DONE")]}, r"#4: 'state' is 'DONE'"),
        ({"labels": [{"name": 5}]}, r"archive\.json: 'labels' item 1: 'name' is 5"),
    ],
)
def test_what_is_wrong_in_a_draft_archive_is_said(tmp_path, keys, message):
    with pytest.raises(ArchiveError, match=message):
        read_draft(tmp_path, **keys)


# The files of python-github-backup


def test_rest_issue_comes_over_exactly(tmp_path):
    issue = rest_issue(
        12,
        state="closed",
        state_reason="not_planned",
        body="Text",
        closed_at=moment(9),
        closed_by={"login": "eve"},
        labels=[{"name": "bug", "color": "ff0000"}, {"name": "plain"}],
        milestone={
            "number": 1,
            "title": "1.0",
            "state": "closed",
            "description": None,
            "due_on": moment(90),
            "closed_at": moment(80),
        },
        assignee=None,
        assignees=[{"login": "ghost"}, {"login": "zoe"}],
        comment_data=[rest_comment(5, "Hm."), rest_comment(6, "?", None)],
        event_data=[
            rest_event(1, "subscribed"),
            rest_event(2, "labeled", label={"name": "bug", "color": "ff0000"}),
            rest_event(3, "milestoned", milestone={"title": "1.0"}),
            rest_event(4, "renamed", rename={"from": "Then", "to": "Issue 12"}),
            rest_event(5, "assigned", assignee={"login": "zoe"}, assigner={"login": "eve"}),
            rest_event(9, "closed", None, state_reason="not_planned"),
            rest_event(9, "reopened", state_reason="reopened"),
        ],
    )
    (record,) = read_backup(tmp_path, issue)
    assert record == ImportedIssue(
        number=12,
        title="Issue 12",
        text="Text",
        author="ada",
        created_at=at(0),
        state=State.CLOSED,
        closed_at=at(9),
        closed_by="eve",
        state_reason=StateReason.NOT_PLANNED,
        labels=(ImportedLabel("bug", "#FF0000"), ImportedLabel("plain")),
        milestone=ImportedMilestone("1.0", "", at(90), at(80)),
        assignee="zoe",
        comments=(ImportedComment("bob", at(5), "Hm."), ImportedComment(None, at(6), "?")),
        events=(
            ImportedEvent(EventKind.LABELED, at(2), "bob", subject="bug", color="#FF0000"),
            ImportedEvent(EventKind.MILESTONED, at(3), "bob", subject="1.0"),
            ImportedEvent(EventKind.RENAMED, at(4), "bob", subject="Issue 12", old_title="Then"),
            ImportedEvent(EventKind.ASSIGNED, at(5), "eve", subject="zoe"),
            ImportedEvent(EventKind.CLOSED, at(9), None, reason=StateReason.NOT_PLANNED),
            ImportedEvent(EventKind.REOPENED, at(9), "bob"),
        ),
    )


def test_rest_issue_may_lack_whatever_is_null(tmp_path):
    issue = {"number": 1, "title": "t", "state": "open", "created_at": moment(0)}
    (record,) = read_backup(tmp_path, issue)
    assert record == ImportedIssue(1, "t", "", None, at(0), State.OPEN)


def test_an_event_that_no_longer_tells_of_what_is_left_out(tmp_path):
    events = [
        rest_event(2, "labeled"),
        rest_event(3, "milestoned", milestone=None),
        rest_event(4, "assigned", assignee=None),
    ]
    (record,) = read_backup(tmp_path, rest_issue(1, event_data=events))
    assert record.events == ()


def test_labels_and_milestones_that_no_issue_has(tmp_path):
    milestone = {"number": 3, "title": "x" * 200, "state": "closed", "updated_at": moment(5)}
    records = read_backup(
        tmp_path,
        rest_issue(1),
        milestones=[milestone],
        labels=[{"name": "y" * 100, "color": "blue"}],
    )
    assert records[1:] == [
        ImportedMilestone("x" * 127 + "…", closed_at=at(5)),
        ImportedLabel("y" * 63 + "…", None),
    ]


def test_pull_request_in_both_folders_is_one(tmp_path):
    said = rest_comment(2, "Said once.")
    issue = rest_issue(
        5,
        pull_request={},
        comment_data=[said],
        event_data=[rest_event(9, "closed")],
        state="closed",
        closed_at=moment(9),
    )
    pull = rest_issue(
        5,
        comment_data=[rest_comment(3, "At this line.")],
        comment_regular_data=[said],
        review_data=[
            {"user": {"login": "eve"}, "body": "Good.", "submitted_at": moment(4)},
            {"user": {"login": "eve"}, "body": "", "submitted_at": moment(5)},
            {"user": {"login": "eve"}, "body": "Not sent.", "submitted_at": None},
        ],
        state="closed",
        closed_at=moment(9),
    )
    (record,) = read_backup(tmp_path, issue, pulls=[pull])
    assert record.is_pull_request
    assert [comment.text for comment in record.comments] == ["Said once.", "At this line.", "Good."]
    assert [event.kind for event in record.events] == [EventKind.CLOSED]


def test_pull_requests_are_known_in_either_folder(tmp_path):
    records = read_backup(
        tmp_path, rest_issue(1), rest_issue(2, pull_request={}), pulls=[rest_issue(3)]
    )
    assert {record.number: record.is_pull_request for record in records} == {
        1: False,
        2: True,
        3: True,
    }


def test_an_issue_that_moved_elsewhere_keeps_the_number_of_its_file(tmp_path):
    files = backup([rest_issue(1), rest_issue(2)])
    url = "https://api.github.com/repos/org/other/issues/77"
    files["repo/issues/3.json"] = backup([rest_issue(77, url=url)])["repo/issues/77.json"]
    archive = open_archive(write_tar(tmp_path / "t", files))
    assert [record.number for record in archive.records()] == [1, 2, 3]
    assert archive.source == "github:org/repo"


def test_a_number_unlike_that_of_the_file_is_wrong(tmp_path):
    files = backup([rest_issue(1), rest_issue(2)])
    files["repo/issues/3.json"] = files["repo/issues/2.json"]
    with pytest.raises(ArchiveError, match=r"repo/issues/3\.json: 'number' is 2"):
        list(open_archive(write_tar(tmp_path / "t", files)).records())


def test_a_number_in_two_files_is_wrong(tmp_path):
    files = backup([rest_issue(1)])
    files["./repo/issues/1.json"] = files["repo/issues/1.json"]
    with pytest.raises(ArchiveError, match="holds number 1 of its issues twice"):
        list(open_archive(write_tar(tmp_path / "t", files)).records())


def test_repository_without_addresses_is_named_after_its_folder(tmp_path):
    archive = open_archive(write_tar(tmp_path / "t", backup([rest_issue(1, url=None)])))
    list(archive.records())
    assert archive.source == "github:repo"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON, or is cut off"),
        (b"[]", "is a list; expected an object"),
        (b'{"number": "1"}', "'number' is '1'; expected a number"),
        (b'{"number": 1, "title": 5}', "'title' is 5; expected a text"),
        (
            b'{"number": 1, "title": "t", "created_at": "2020-01-01T00:00:00Z", "state": "merged"}',
            "'state' is 'merged'; expected open or closed",
        ),
        (b'{"number": 1, "title": "t", "user": "ada"}', "'user' is a text; expected an object"),
    ],
)
def test_what_is_wrong_in_a_backup_is_said(tmp_path, content, message):
    path = write_tar(tmp_path / "t", {"repo/issues/1.json": content})
    with pytest.raises(ArchiveError, match=rf"repo/issues/1\.json.*{message}"):
        list(open_archive(path).records())


def test_control_characters_of_a_member_do_not_reach_the_terminal(tmp_path):
    path = write_tar(tmp_path / "t", {"\x1b[31m/issues/1.json": b"{"})
    with pytest.raises(ArchiveError) as error:
        list(open_archive(path).records())
    assert "\x1b" not in str(error.value)
