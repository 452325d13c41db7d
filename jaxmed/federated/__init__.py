"""Who may keep the data? Federated learning: clients train where their rows are, simulated."""

from jaxmed.federated.aggregation import (
    Aggregation,
    masked_update,
    mean_update,
    private_update,
)
from jaxmed.federated.algorithms import (
    Algorithm,
    fed_adam,
    fed_avg,
    fed_prox,
    fed_yogi,
    scaffold,
)
from jaxmed.federated.client_evaluation import ClientEvaluation, evaluate_clients
from jaxmed.federated.cohorts import CohortOrder, Cohorts
from jaxmed.federated.constants import merged_constants
from jaxmed.federated.federation import federated_fit
from jaxmed.federated.partitions import (
    class_partition,
    dirichlet_partition,
    iid_partition,
    site_partition,
)
from jaxmed.federated.private_federation import private_federated_fit
from jaxmed.federated.secure_sum import fixed_point, from_fixed_point, pair_masks, resolution

__all__ = [
    "Aggregation",
    "Algorithm",
    "ClientEvaluation",
    "CohortOrder",
    "Cohorts",
    "class_partition",
    "dirichlet_partition",
    "evaluate_clients",
    "fed_adam",
    "fed_avg",
    "fed_prox",
    "fed_yogi",
    "federated_fit",
    "fixed_point",
    "from_fixed_point",
    "iid_partition",
    "masked_update",
    "mean_update",
    "merged_constants",
    "pair_masks",
    "private_federated_fit",
    "private_update",
    "resolution",
    "scaffold",
    "site_partition",
]
