"""What a network must beat."""
