"""What is answered to whoever wrote (MAIL.md §3)."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("subject", ["The gate", "Re: The gate", "RE: re:The gate"])
def test_an_answer_is_one_answer(mailbox, address, outbox, subject):
    mailbox.send(address, "/frobnicate", Subject=subject)
    assert outbox[0].subject == "Re: The gate"


def test_an_answer_to_nothing(mailbox, address, outbox):
    mailbox.send(address, "/frobnicate", Subject="Re:")
    assert outbox[0].subject == "Re: Your mail"
