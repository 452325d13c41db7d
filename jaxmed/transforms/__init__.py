"""Task to Task."""
