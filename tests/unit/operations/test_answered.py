from __future__ import annotations

import pytest
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid_retry import RetryableException

from ponytracker.operations.answered import OBSERVERS, answered_tween_factory


@pytest.fixture
def answer():
    """Return a function that has one request handled, so often; what the observers are told."""
    told = []

    def answer(*handlers):
        registry = Configurator().registry
        registry[OBSERVERS] = [lambda request, answered: told.append(answered)]
        environ = {"retry.attempts": len(handlers)}
        for number, handler in enumerate(handlers):
            environ["retry.attempt"] = number
            request = Request.blank("/", environ=environ)
            environ = request.environ
            tween = answered_tween_factory(lambda request, handler=handler: handler(), registry)
            try:
                response = tween(request)
            except RetryableException:
                continue
            assert response.headers["X-Request-ID"] == told[-1].request_id
        return told

    return answer


def fail():
    raise RetryableException


def test_a_request_that_is_tried_again_is_told_of_once(answer):
    (told,) = answer(fail, fail, Response)
    assert told.status == 200


def test_also_where_no_try_succeeds(answer):
    (told,) = answer(fail, fail)
    assert told.status == 500


def test_what_fails_is_told_of(answer):
    with pytest.raises(ValueError, match="x"):
        answer(lambda: int("x"))
