"""Training above the waist: it sees a Task, never a network, a data set or a modality."""
