"""Sources made of the files of a user."""
