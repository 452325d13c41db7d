"""One builder per file: each turns its publisher's files into a prepared tfds data set.

Importing this package imports nothing else: the facts (`facts.py`, `medmnist_table.py`,
`text_facts.py`) need no tfds, and `jaxmed.data.catalogue` imports a builder when it is needed.
"""
