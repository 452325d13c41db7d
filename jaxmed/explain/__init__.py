"""Explanations of what a model predicts, and tests of whether they are faithful."""
