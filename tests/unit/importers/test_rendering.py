import multiprocessing

import pytest

from ponytracker.importers.rendering import render_ahead, render_here


@pytest.mark.parametrize("render", [render_here, render_ahead])
def test_items_come_in_order_with_their_html(render):
    items = [[f"*{number}*", "**b**"] for number in range(20)]
    assert list(render(items, lambda texts: texts)) == [
        (texts, [f"<p><em>{number}</em></p>\n", "<p><strong>b</strong></p>\n"])
        for number, texts in enumerate(items)
    ]


def test_only_so_much_is_read_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    rendered = render_ahead(items(), lambda number: [str(number)])
    next(rendered)
    assert len(taken) < 50
    rendered.close()
    assert not multiprocessing.active_children()
