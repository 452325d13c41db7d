"""What is learned and how it is judged: one file per question."""

from jaxmed.tasks.task import (
    Inputs,
    Loss,
    Network,
    Task,
    binary_classification,
    classification,
    first_values,
    in_training,
    mean_outputs,
    multilabel_classification,
    ordinal_classification,
    regression,
    sequence_labelling,
)

__all__ = [
    "Inputs",
    "Loss",
    "Network",
    "Task",
    "binary_classification",
    "classification",
    "first_values",
    "in_training",
    "mean_outputs",
    "multilabel_classification",
    "ordinal_classification",
    "regression",
    "sequence_labelling",
]
