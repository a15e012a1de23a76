"""The filter language (FILTERS.md): text to tree, tree to text, what is wrong, and what is a click
away. Pure: what a filter finds is `issues/filter_sql.py`'s to say.

keys.py has the words, tree.py the nodes; syntax.py, qualifiers.py and scanning.py read, printing.py
writes, remarks.py and diagnostics.py tell, filter.py edits, dates.py knows the calendar.
"""

from ponytracker.issues.filters.diagnostics import Code, Diagnostic, Findings, Level, nearest
from ponytracker.issues.filters.filter import Filter, parse
from ponytracker.issues.filters.keys import DEFAULT_SORT, ORIGINAL_SORTS
from ponytracker.issues.filters.tree import Special

__all__ = [
    "DEFAULT_SORT",
    "ORIGINAL_SORTS",
    "Code",
    "Diagnostic",
    "Filter",
    "Findings",
    "Level",
    "Special",
    "nearest",
    "parse",
]
