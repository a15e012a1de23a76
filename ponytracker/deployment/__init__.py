"""Files for the programs around PonyTracker: the templates in ``deploy/``, and what fills them."""
