"""One page about a model that a clinician can read."""
