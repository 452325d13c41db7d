"""Private training: everything is refused before the first step, and before a file is written."""

from __future__ import annotations

import atexit
import shutil
import tempfile

import jax
import numpy as np
import optax
from bad_calls.call import Call, call
from bad_calls.kinds import (
    AT_LEAST_0,
    COLUMNS,
    COUNT,
    FLAG,
    FRACTION,
    INSIDE,
    OBJECT,
    PATH,
    POSITIVE,
    Kind,
    array,
    word,
)
from bad_calls.of_runs import KEY
from contracts.examples import EXAMPLES, begun

from jaxmed import privacy, training
from jaxmed.tasks import Model

FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
EXAMPLE = EXAMPLES["multiclass"]
STATE = begun("multiclass")
ROWS = len(EXAMPLE.columns["label"])
MECHANISM = privacy.DPSGD(
    units=ROWS, batch_size=4, steps=1, clip=1.0, noise_multiplier=1.0, delta=1e-3, capacity=32
)
LEDGER = privacy.Ledger((MECHANISM,), 1e-3)
privacy.write_ledger(f"{FOLDER}/kept", LEDGER)


def several(*wrong):
    """Sequences of records, which may be empty."""
    empty = [x for x in OBJECT.bad if isinstance(x, tuple | list) and not x]
    return Kind([x for x in OBJECT.bad if not any(x is e for e in empty)] + [[None], *wrong])


def or_infinite(kind):
    """The same kind, of a bound that may be infinite."""
    return Kind([x for x in kind.bad if not (isinstance(x, float) and x == float("inf"))])


def one_step(**arguments):
    return privacy.private_fit(**arguments).history[0]["step"]


def order_of(**arguments):
    return repr(privacy.PoissonOrder(**arguments))


def ledger_of(directory):
    """Nothing where a folder is read and holds no ledger; other errors as they are."""
    try:
        privacy.read_ledger(directory)
    except FileNotFoundError as error:
        if "has no privacy.json" not in str(error):
            raise


task = (EXAMPLE.task, Kind([*OBJECT.bad, Model]))
optimizer = (optax.sgd(0.1), Kind([*OBJECT.bad, optax.sgd, "adam"]))
key = (jax.random.key(0), KEY)
columns = (
    dict(EXAMPLE.columns),
    COLUMNS.also(
        {"features": np.zeros((3, 6), np.float32)},
        {"features": np.zeros((3, 6), np.float32), "label": np.array(["a", "b", "c"])},
    ),
)
rate = (0.1, FRACTION.also(0, 0.0))
clip = (1.0, or_infinite(POSITIVE))
accountant = ("rdp", word("rdp"))
mechanism_fields = {
    "units": (100, COUNT.also(3)),
    "batch_size": (4.0, POSITIVE.also(101)),
    "steps": (2, COUNT),
    "clip": clip,
    "noise_multiplier": (1.0, AT_LEAST_0),
    "delta": (1e-3, INSIDE),
    "unit": ("group", word("group")),
    "rows_per_unit": (2, COUNT),
}
CALLS: dict[str, Call] = {
    "privacy.DPSGD": call(
        privacy.DPSGD,
        {"units": "units|batch_size"},
        **mechanism_fields,
        capacity=(32, COUNT.also(31)),
        microbatches=(2, COUNT.also(3)),
    ),
    "privacy.dp_sgd": call(
        privacy.dp_sgd,
        {"units": "units|batch_size"},
        **{**mechanism_fields, "delta": (1e-3, INSIDE.also(0.5))},
        epsilon=(None, Kind([1.0, 2.0])),
        microbatch=(8, COUNT),
    ),
    "privacy.Ledger": call(
        privacy.Ledger,
        mechanisms=((MECHANISM,), several(MECHANISM, [LEDGER], [privacy.DPSGD])),
        delta=(1e-3, INSIDE),
    ),
    "privacy.PoissonOrder": call(
        order_of,
        sampling_rate=rate,
        capacity=(8, COUNT.also(9)),
        microbatches=(2, COUNT.also(3)),
        rows_per_unit=(2, COUNT),
        groups=(np.array([0, 0, 1]), array(1)),
    ),
    "privacy.check_rows_apart": call(
        privacy.check_rows_apart,
        {"columns": "columns|label|data|features"},
        task=task,
        params=STATE.params,
        model_state=STATE.model_state,
        columns=columns,
        key=key,
    ),
    "privacy.clipped_gradient": call(
        privacy.clipped_gradient, gradient={"a": np.ones(3, np.float32)}, bound=clip
    ),
    "privacy.epsilon_of": call(
        privacy.epsilon_of,
        releases=([(0.1, 1.0, 3)], several((0.1, 1.0, 3), [(0.1, 1.0)], [(2.0, 1.0, 1)])),
        delta=(1e-3, INSIDE),
        accountant=accountant,
    ),
    "privacy.noise_multiplier_for": call(
        privacy.noise_multiplier_for,
        epsilon=(1.0, POSITIVE),
        delta=(1e-3, INSIDE),
        sampling_rate=(1.0, rate[1]),  # smaller ones take longer than a call may
        steps=(1, COUNT),
    ),
    "privacy.private_fit": call(
        one_step,
        {"train": "train|data|mechanism"},
        task=task,
        optimizer=optimizer,
        train=columns,
        mechanism=(MECHANISM, Kind([*OBJECT.bad, privacy.DPSGD, LEDGER])),
        key=key,
        validation=(None, OBJECT.optional()),
        run=(training.Run(progress=False), OBJECT.optional()),
        execution=(None, OBJECT.optional()),
        public_constants=(True, FLAG),
        earlier=((), several(LEDGER, [MECHANISM])),
    ),
    "privacy.private_mean": call(
        privacy.private_mean,
        task=task,
        clip=clip,
        noise_multiplier=(1.0, AT_LEAST_0),
        batch_size=(4.0, POSITIVE),
        microbatches=(2, COUNT),
        rows_per_unit=(1, COUNT),
    ),
    "privacy.read_ledger": call(ledger_of, directory=(f"{FOLDER}/kept", PATH)),
    "privacy.total_epsilon": call(
        privacy.total_epsilon,
        mechanisms=((MECHANISM,), several(MECHANISM, [LEDGER], [privacy.DPSGD])),
        delta=(1e-3, INSIDE),
        accountant=accountant,
    ),
    "privacy.write_ledger": call(
        lambda **given: privacy.write_ledger(**given) and None,
        directory=(f"{FOLDER}/written", PATH),
        ledger=(LEDGER, Kind([*OBJECT.bad, MECHANISM, privacy.Ledger])),
    ),
}
