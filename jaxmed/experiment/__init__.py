"""What an experiment script needs."""
