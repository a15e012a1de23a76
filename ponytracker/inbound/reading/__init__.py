"""From the octets of a mail to what its author wrote: pure functions, which raise nothing.

``message.read_message`` reads the mail, ``origin.kind_of`` says whether a person sent it, and
``trimming.trim`` cuts what the author did not write (MAIL.md §3-§5).
"""
