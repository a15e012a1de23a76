"""A milestone from its first issue to its end, with JavaScript and without."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_milestone_from_first_issue_to_closing(reader, issue):
    page = reader.page
    project = issue.split("/")[1]

    # A milestone that is made for an issue is set on it.
    side = page.locator(".issue-tags", has_text="Milestone").first
    side.locator("summary").click()
    expect(side.get_by_text("There is no other open milestone.")).to_be_visible()
    reader.press("New milestone…", within=".issue-side")
    page.get_by_label("Name").fill("Version 1")
    page.get_by_label("Due date").fill("2030-12-31T18:00")
    page.get_by_label("Description").fill("What we want to ship")
    reader.press("Add milestone")
    assert reader.has("Milestone added successfully.")
    expect(page.locator(".timeline-event").last).to_contain_text("Version 1")

    # A label that is made for it is put on it; with JavaScript it is seen while it is made.
    labels = page.locator(".issue-tags", has_text="Labels").first
    labels.locator("summary").click()
    reader.press("New label…", within=".issue-side")
    page.get_by_label("Name").fill("Regression")
    page.get_by_label("Or its code").fill("#5319E7")
    preview = page.locator(".label-preview .issue-label")
    if not reader.scripts:
        reader.press("Preview")
    expect(preview).to_have_text("Regression")
    expect(preview.locator("rect")).to_have_attribute(
        "fill", "#5319e7" if reader.scripts else "#5319E7"
    )
    expect(preview).to_have_css("color", "rgb(255, 255, 255)")
    page.get_by_label("Name").fill("BUG")
    reader.press("Add label", status=422)
    assert reader.has("There is already a label with this name.")
    page.get_by_label("Name").fill("Regression")
    reader.press("Add label")
    assert reader.has("Label added successfully.")
    badge = labels.locator(".side-labels .issue-label")
    expect(badge).to_have_text("Regression")
    expect(badge.locator("rect")).to_have_attribute("fill", "#5319E7")

    # Another label comes and goes.
    labels.locator("summary").click()
    reader.press(labels.get_by_role("button", name="bug"))
    expect(badge).to_have_text(["bug", "Regression"])
    reader.press(labels.get_by_role("button", name="Remove bug"))
    expect(badge).to_have_text(["Regression"])

    # A second issue is put under the milestone, and one of both is closed.
    reader.go(f"/{project}/issues/add/")
    page.get_by_label("Title").fill("It works too slowly")
    reader.press("Submit new issue")
    side.locator("summary").click()
    if reader.scripts:
        choice = side.get_by_role("button", name="Version 1")
        expect(choice).to_be_visible()
        page.keyboard.press("Escape")
        expect(choice).to_be_hidden()
        expect(side.locator("summary")).to_be_focused()
        side.locator("summary").click()
    reader.press(side.get_by_role("button", name="Version 1"))
    reader.press("Close this issue")

    # How far it has come.
    reader.press("Milestones")
    row = page.locator(".milestone")
    expect(row).to_contain_text("Due by Dec 31, 2030")
    expect(row).to_contain_text("50% complete")
    reader.press(row.get_by_role("link", name="Version 1"))
    expect(page.get_by_text("What we want to ship")).to_be_visible()
    chart = page.get_by_role("img", name="Burn-up chart")
    expect(chart).to_be_visible()
    table = page.locator(".burn-up-table table")
    expect(table).to_be_hidden()
    page.get_by_text("The same as a table").click()
    expect(table.locator("tbody tr").last.locator("td")).to_have_text(["2", "1"])
    reader.look(None)

    # Under another name its issues tell of both.
    reader.press("Edit", within="main")
    page.get_by_label("Name").fill("Version 1.0")
    reader.press("Save changes")
    assert reader.has("Milestone modified successfully.")
    assert page.url.endswith(f"/{project}/milestones/version-1.0/")
    reader.go(issue)
    expect(page.locator(".timeline-event").last).to_contain_text("Version 1.0")

    # The rest is done, and so is the milestone.
    reader.press("Close this issue")
    reader.go(f"/{project}/milestones/version-1.0/")
    assert reader.has("100% complete")
    reader.press("Close this milestone")
    assert reader.has("Milestone closed.")
    assert reader.has("There aren't any milestones matching your desired criteria.")
    reader.press("Closed", within="main nav")
    expect(page.locator(".milestone")).to_contain_text("Version 1.0")

    # It is offered no more, and goes with a word on each issue.
    reader.go(issue)
    side.locator("summary").click()
    expect(side.get_by_role("button", name="Version 1.0")).to_have_count(0)
    reader.go(f"/{project}/milestones/version-1.0/delete/")
    assert reader.has("2 issues are under it, and are taken out.")
    reader.press("Delete this milestone")
    assert reader.has("Milestone deleted successfully.")
    reader.go(issue)
    expect(page.locator(".timeline-event").last).to_contain_text("Version 1.0")
    expect(side).to_contain_text("No milestone")
