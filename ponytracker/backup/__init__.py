"""Everything in one file, and back: the rows of the database and the files attached to issues.

``save.py`` makes the file, ``restore.py`` brings it into an empty database of either kind. What the
file is like stands in docs/decisions/backup.rst.
"""
