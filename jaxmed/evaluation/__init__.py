"""Can a model be trusted? Predictions of a split, statistics with intervals, reports."""
