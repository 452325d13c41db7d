"""One builder a file: each turns its publisher's files into a prepared tfds data set.

Importing this package imports nothing else: the facts (`facts.py`, `medmnist_table.py`) need no
tfds, and the builders' modules are imported by `jaxmed.data.catalogue` when one is opened.
"""
