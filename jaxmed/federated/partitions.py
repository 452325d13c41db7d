"""Which client has which row: a partition is one number per row, from 0, without gaps.

Simulations divide a central data set: evenly, by Dirichlet proportions of the classes, or so that
each client has few classes. Where the rows come from several sites, the sites are the clients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.typing import Int

_TRIES = 1000
MOST_CLIENTS = 2**20
"""The most clients that are believed."""


def iid_partition(rows: int, clients: int, *, seed: int) -> Int[np.ndarray, " rows"]:
    """Rows at random, as many to each client as to every other, or one more.

    Args:
        rows: of the split.
        clients: at most as many as rows.
        seed: the same seed gives the same partition.

    Returns:
        The client of each row, from 0.

    Raises:
        ValueError: if there are more clients than rows.

    Example:
        >>> np.bincount(iid_partition(7, 3, seed=0)).tolist()
        [3, 2, 2]
    """
    rows, clients = checks.whole("rows", rows, most=2**40), _clients(clients)
    seed = checks.whole("seed", seed, least=0)
    if clients > rows:
        raise ValueError(f"clients is {clients}, but there are only {rows} rows: ask for fewer.")
    return _dealt(np.random.default_rng(seed), rows, clients)


def dirichlet_partition(
    label: Int[np.ndarray, " rows"], clients: int, *, alpha: float, seed: int, least: int = 10
) -> Int[np.ndarray, " rows"]:
    """The rows of each class in random proportions: the smaller alpha, the more clients differ.

        p_c ~ Dirichlet(alpha, ..., alpha), client k gets the share p_ck of the rows of class c

    Proportions are drawn again until every client has at least `least` rows.

    Args:
        label: the class of each row.
        clients: at least 1.
        alpha: of the Dirichlet distribution, above 0; 0.5 is often used, 100 is nearly IID.
        seed: the same seed gives the same partition.
        least: rows that each client must have, at least 1.

    Returns:
        The client of each row, from 0.

    Raises:
        ValueError: if 1,000 draws leave a client with too few rows each time.

    References:
        Yurochkin et al., Bayesian Nonparametric Federated Learning of Neural Networks, 2019.
        Li et al., Federated Learning on Non-IID Data Silos, 2022, section 4.
    """
    label, clients = _label(label), _clients(clients)
    checks.positive("alpha", alpha)
    seed, least = checks.whole("seed", seed, least=0), checks.whole("least", least)
    if clients * least > len(label):
        raise ValueError(
            f"least is {least} rows for each of {clients} clients, but there are only "
            f"{len(label)}: ask for fewer."
        )
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(label == each) for each in np.unique(label)]
    for _ in range(_TRIES):
        client = np.empty(len(label), np.int32)
        for own in members:
            share = generator.dirichlet(np.full(clients, float(alpha)))
            ends = np.floor(np.cumsum(share)[:-1] * len(own) + 0.5).astype(int)
            for number, part in enumerate(np.split(generator.permutation(own), ends)):
                client[part] = number
        if np.bincount(client, minlength=clients).min() >= least:
            return client
    raise ValueError(
        f"alpha is {alpha}, with which {_TRIES} draws left one of {clients} clients with fewer "
        f"than {least} rows each time: raise alpha, or lower clients or least."
    )


def class_partition(
    label: Int[np.ndarray, " rows"], clients: int, *, classes: int, seed: int
) -> Int[np.ndarray, " rows"]:
    """So many classes for each client; the rows of a class go evenly to the clients that have it.

    Each class goes to as many clients as every other, or one more.

    Args:
        label: the class of each row.
        clients: at least 1; together they must be able to take all classes.
        classes: of each client, at least 1 and at most as many as there are.
        seed: the same seed gives the same partition.

    Returns:
        The client of each row, from 0.

    Raises:
        ValueError: if a class would go to nobody, or has fewer rows than clients that take it.

    References:
        Li et al., Federated Learning on Non-IID Data Silos, 2022, section 4 ("#C = k").
    """
    label, clients = _label(label), _clients(clients)
    names, numbers = np.unique(label, return_inverse=True)
    classes = checks.whole("classes", classes)
    seed = checks.whole("seed", seed, least=0)
    if classes > len(names):
        raise ValueError(
            f"classes is {classes}, but label holds only {len(names)} classes: ask for fewer."
        )
    if clients * classes < len(names):
        raise ValueError(
            f"classes is {classes} for each of {clients} clients, which leaves some of the "
            f"{len(names)} classes to nobody: ask for more classes or clients."
        )
    generator = np.random.default_rng(seed)
    takes = np.zeros((clients, len(names)), bool)
    for own in takes:  # the classes that the fewest have so far, at random among equals
        order = np.lexsort((generator.random(len(names)), takes.sum(0)))
        own[order[:classes]] = True
    client = np.empty(len(label), np.int32)
    for number, name in enumerate(names):
        own, takers = np.flatnonzero(numbers == number), np.flatnonzero(takes[:, number])
        if len(own) < len(takers):
            raise ValueError(
                f"label holds {len(own)} rows of class {name}, but {len(takers)} clients take it: "
                "ask for fewer clients, or merge that class with another."
            )
        client[own] = takers[_dealt(generator, len(own), len(takers))]
    return client


def site_partition(site: Any) -> tuple[Int[np.ndarray, " rows"], tuple[str, ...]]:
    """Each site of a column, such as a hospital, is a client.

    Args:
        site: the site of each row, numbers or names.

    Returns:
        The client of each row, from 0, and the names of the clients in order.

    Raises:
        ValueError: if a row has no site.

    Example:
        >>> client, names = site_partition(np.array(["Ulm", "Basel", "Ulm"]))
        >>> client.tolist(), names
        ([1, 0, 1], ('Basel', 'Ulm'))
    """
    try:
        found = np.asarray(site)
    except (ValueError, TypeError):
        found = np.empty(0, object)
    words = found.dtype.kind == "O" and all(isinstance(each, str) for each in found.ravel())
    if found.ndim != 1 or not found.size or not (words or found.dtype.kind in "iuSU"):
        raise ValueError(
            f"site is {checks.shown(site)}, but must hold the site of each row: pass an array of "
            "names or whole numbers [rows]."
        )
    if found.dtype.kind in "OSU":
        found = np.char.strip(found.astype(str))
        empty = np.flatnonzero(found == "")
        if empty.size:
            raise ValueError(
                f"site is empty in {empty.size} rows, the first is row {empty[0]}: name the site, "
                "or leave those rows out."
            )
    names, client = np.unique(found, return_inverse=True)
    return client.astype(np.int32), tuple(str(name) for name in names)


def _dealt(generator: np.random.Generator, rows: int, clients: int) -> np.ndarray:
    """Clients in turn, shuffled."""
    return generator.permutation(np.arange(rows) % clients).astype(np.int32)


def _clients(clients: int) -> int:
    return checks.whole("clients", clients, most=MOST_CLIENTS)


def _label(label: np.ndarray) -> np.ndarray:
    found = checks.real_array("label", label, "rows")
    if not len(found) or found.dtype.kind not in "biu":
        raise ValueError(
            f"label is {checks.shown(label)}, but must hold the class of each row: pass whole "
            "numbers [rows]."
        )
    return found
