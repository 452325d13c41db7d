"""Federations: everything is refused before the first round, and before a file is written."""

from __future__ import annotations

import dataclasses

import numpy as np
import optax
from bad_calls.call import Call, call
from bad_calls.kinds import (
    AT_LEAST_0,
    BELOW_ONE,
    COUNT,
    COUNT_FROM_0,
    FLAG,
    FRACTION,
    OBJECT,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
    word,
)
from bad_calls.of_privacy import EXAMPLE, LEDGER, ROWS, STATE, columns, key, several, task

from jaxmed import federated, privacy, training
from jaxmed.tasks import Model

CLIENT = np.arange(ROWS) % 4
CLIENTS = (CLIENT, array(1, more=[CLIENT + 1, CLIENT[1:], CLIENT - 1, 10**6 * CLIENT, CLIENT / 7]))
SGD = optax.sgd(0.1)
ALGORITHM = federated.fed_avg(SGD)
COHORTS = federated.Cohorts(batch_size=4, steps=1)
MECHANISM = privacy.DPSGD(
    units=4, batch_size=2.0, steps=1, clip=1.0, noise_multiplier=1.0, delta=1e-2, capacity=4,
    unit="group",
)  # fmt: skip
PARTS = [{name: x[number == CLIENT] for name, x in columns[0].items()} for number in range(4)]
QUIET = training.Run(progress=False, artifacts=False)


def fields(kind: type) -> Kind:
    """Of an argument that is a record of this class, which is refused itself."""
    return Kind([*OBJECT.bad, kind])


def named(function):
    """The name of what a function makes."""

    def name(**arguments):
        return function(**arguments).name

    return name


def quietly(function):
    """The number of the first step of a federation."""

    def step(**arguments):
        return function(**arguments).history[0]["step"]

    return step


def order_of(**arguments):
    return repr(federated.CohortOrder(**arguments))


def aggregated(function):
    def shares(**arguments):
        made = function(**arguments)
        return made.shares(np.array([1.0, 2.0], np.float32), np.array([True, True]))

    return shares


seed = (1, COUNT_FROM_0)
clients = (3, COUNT.also(1000))
label = (np.arange(12) % 3, array(1, more=[np.array([0.5, 1.0])]))
local = (SGD, Kind([*OBJECT.bad, optax.sgd, "adam"]))
server = {"server": (optax.sgd(1.0), Kind([*OBJECT.bad, optax.sgd]))}
adaptive = {
    "local": local,
    "learning_rate": (0.1, POSITIVE),
    "b1": (0.9, BELOW_ONE),
    "b2": (0.99, BELOW_ONE),
    "tau": (1e-3, POSITIVE),
}
bound = (1.0, POSITIVE)
few = (4, COUNT.also(2**17))
training_ = {
    "task": task,
    "algorithm": (ALGORITHM, fields(federated.Algorithm)),
    "train": columns,
    "client": CLIENTS,
    "cohorts": (COHORTS, fields(federated.Cohorts)),
    "key": key,
    "validation": (None, OBJECT.optional()),
    "run": (QUIET, OBJECT.optional()),
    "execution": (None, OBJECT.optional()),
}
says = {"train": "train|data|client|columns"}
CALLS: dict[str, Call] = {
    "federated.iid_partition": call(
        federated.iid_partition, rows=(12, COUNT.also(2)), clients=clients, seed=seed
    ),
    "federated.dirichlet_partition": call(
        federated.dirichlet_partition,
        {"clients": "clients|least", "label": "label|least"},
        label=label,
        clients=clients,
        alpha=(1.0, POSITIVE),
        seed=seed,
        least=(1, COUNT.also(1000)),
    ),
    "federated.class_partition": call(
        federated.class_partition,
        {"clients": "clients|label", "label": "label|classes"},
        label=label,
        clients=clients,
        classes=(2, COUNT.also(4)),
        seed=seed,
    ),
    "federated.site_partition": call(
        lambda site: federated.site_partition(site)[0],
        site=(np.array(["a", "b"]), Kind([x for x in OBJECT.bad if not isinstance(x, list)])),
    ),
    "federated.Cohorts": call(
        lambda **given: dataclasses.astuple(federated.Cohorts(**given)),
        size=(4, COUNT.also(3).optional()),
        batch_size=(2, COUNT),
        epochs=(2, COUNT),
        steps=(3, COUNT.optional()),
        dropout=(0.5, BELOW_ONE),
        at_once=(2, COUNT.also(3).optional()),
    ),
    "federated.CohortOrder": call(
        order_of,
        client=(CLIENT, array(1, more=[CLIENT + 1, CLIENT - 1, CLIENT / 7])),
        cohorts=(COHORTS, fields(federated.Cohorts)),
        sampling_rate=(0.5, FRACTION.also(0, 0.0).optional()),
    ),
    "federated.Algorithm": call(
        named(federated.Algorithm),
        name=("FedAvg", TEXT),
        init=(ALGORITHM.init, Kind([x for x in OBJECT.bad if not callable(x)])),
        round=(ALGORITHM.round, Kind([x for x in OBJECT.bad if not callable(x)])),
        **server,
    ),
    "federated.fed_avg": call(named(federated.fed_avg), local=local, **server),
    "federated.fed_prox": call(
        named(federated.fed_prox), local=local, proximal=(0.1, AT_LEAST_0), **server
    ),
    "federated.fed_adam": call(named(federated.fed_adam), **adaptive),
    "federated.fed_yogi": call(named(federated.fed_yogi), **adaptive),
    "federated.scaffold": call(named(federated.scaffold), learning_rate=(0.1, POSITIVE), **server),
    "federated.mean_update": call(
        aggregated(federated.mean_update), weights=("rows", word("rows"))
    ),
    "federated.masked_update": call(
        aggregated(federated.masked_update),
        bound=bound,
        clients=few,
        weights=("rows", word("rows")),
    ),
    "federated.private_update": call(
        aggregated(federated.private_update),
        mechanism=(MECHANISM, fields(privacy.DPSGD)),
    ),
    "federated.resolution": call(federated.resolution, bound=bound, clients=few),
    "federated.fixed_point": call(
        federated.fixed_point, tree={"a": np.ones(3, np.float32)}, bound=bound, clients=few
    ),
    "federated.from_fixed_point": call(
        federated.from_fixed_point, sums={"a": np.ones(3, np.uint32)}, bound=bound, clients=few
    ),
    "federated.pair_masks": call(
        federated.pair_masks,
        key=key,
        place=0,
        reports=np.array([True, True]),
        like={"a": np.ones(3, np.float32)},
    ),
    "federated.merged_constants": call(
        federated.merged_constants,
        task=task,
        clients=(PARTS, several([{}], [{"features": np.zeros((0, 2))}])),
    ),
    "federated.evaluate_clients": call(
        federated.evaluate_clients,
        {"data": "data|client", "client": "client|data"},
        model=(Model(EXAMPLE.task, STATE.params, STATE.model_state), fields(Model)),
        data=columns,
        client=CLIENTS,
        names=(("a", "b", "c", "d"), TEXTS.also(["a"]).optional()),
        batch_size=(16, COUNT),
    ),
    "federated.federated_fit": call(
        quietly(federated.federated_fit),
        says,
        **training_,
        rounds=(1, COUNT),
        aggregation=(None, OBJECT.optional().also(federated.private_update(MECHANISM))),
    ),
    "federated.private_federated_fit": call(
        quietly(federated.private_federated_fit),
        says,
        **training_,
        mechanism=(
            MECHANISM,
            fields(privacy.DPSGD).also(dataclasses.replace(MECHANISM, units=5)),
        ),
        public_constants=(True, FLAG),
        earlier=((), several(LEDGER, [MECHANISM])),
    ),
}
