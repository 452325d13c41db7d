"""`run_page.py` is a script of its own process, which the tests start."""

collect_ignore = ["run_page.py"]
