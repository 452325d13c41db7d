"""A finished model as files, and reading it back."""
