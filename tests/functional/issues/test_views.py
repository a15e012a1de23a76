from ponytracker.models import Access


def test_story(world, visitor_as, visitor):
    admin = world.user("admin", is_superuser=True)
    browser = visitor_as(admin)
    page = browser.get("/").follow()
    assert "Start by creating a project." in page
    page.forms["project-form"]["display_name"] = "Web site"
    page.forms["project-form"]["name"] = "web"
    page = page.forms["project-form"].submit().follow()
    assert "Project added successfully." in page
    page = page.click("New issue")
    page.forms["issue-form"]["title"] = "First"
    page.forms["issue-form"]["description"] = "It *fails*"
    page.forms["issue-form"]["due_date"] = "2026-12-01T10:00"
    page = page.forms["issue-form"].submit().follow()
    assert "<em>fails</em>" in page
    form = page.forms["comment-form"]
    form["comment"] = "seen"
    page = form.submit().follow()
    assert "Comment added successfully." in page
    form = page.forms["comment-form"]
    form["comment"] = "done"
    page = form.submit("change-state").follow()
    assert "Comment added successfully and issue closed." in page
    assert "No issues match" in page
    page = page.click("Closed").click("First")
    page = page.forms["state-form"].submit().follow()
    assert "Issue reopened." in page
    page = page.click("Edit", href="issues")
    page.forms["issue-form"]["title"] = "Second"
    page = page.forms["issue-form"].submit().follow()
    assert "Issue updated successfully." in page
    assert visitor.get("/web/issues/1/").status_code == 200
