"""May I share it? Differentially private training: clipping, noise, sampling, accounting."""

from jaxmed.privacy.accounting import epsilon_of, noise_multiplier_for
from jaxmed.privacy.clipping import clipped_gradient
from jaxmed.privacy.gradient import private_mean
from jaxmed.privacy.ledger import Ledger, read_ledger, write_ledger
from jaxmed.privacy.mechanism import DPSGD, dp_sgd, total_epsilon
from jaxmed.privacy.mixing import check_rows_apart
from jaxmed.privacy.private_fit import private_fit, secret_key
from jaxmed.privacy.sampling import PoissonOrder

__all__ = [
    "DPSGD",
    "Ledger",
    "PoissonOrder",
    "check_rows_apart",
    "clipped_gradient",
    "dp_sgd",
    "epsilon_of",
    "noise_multiplier_for",
    "private_fit",
    "private_mean",
    "read_ledger",
    "secret_key",
    "total_epsilon",
    "write_ledger",
]
