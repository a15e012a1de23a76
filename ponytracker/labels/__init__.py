"""Labels: the list of a project's, adding, editing, deleting them; putting them on issues."""

from typing import Any

from ponytracker.labels.colors import has_white_text
from ponytracker.labels.issue_views import label_choices, project_labels


def includeme(config: Any) -> None:
    config.add_request_method(project_labels, "project_labels", reify=True)
    config.add_request_method(label_choices, "label_choices", reify=True)
    config.commit()  # the Jinja environment is there only once pyramid_jinja2 is set up
    config.get_jinja2_environment().filters["has_white_text"] = has_white_text
    config.scan("ponytracker.labels.views")
    config.scan("ponytracker.labels.issue_views")
