"""Partitions: every row to one client, in the proportions that were asked."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.federated import (
    class_partition,
    dirichlet_partition,
    iid_partition,
    site_partition,
)


def test_iid_sizes_differ_by_one_and_rows_are_mixed():
    client = iid_partition(103, 10, seed=0)
    assert sorted(np.bincount(client)) == [10] * 7 + [11] * 3
    assert (client != iid_partition(103, 10, seed=1)).any()
    np.testing.assert_array_equal(client, iid_partition(103, 10, seed=0))


def test_dirichlet_shares_have_the_moments_of_the_distribution():
    """Mean 1 / K and variance (1 / K) (1 - 1 / K) / (K alpha + 1) of the shares of a class."""
    clients, classes, rows = 4, 600, 200
    label = np.random.default_rng(0).permutation(np.repeat(np.arange(classes), rows))
    for alpha in (0.5, 3.0):
        client = dirichlet_partition(label, clients, alpha=alpha, seed=1)
        table = np.zeros((classes, clients))
        np.add.at(table, (label, client), 1)
        shares = table / rows
        np.testing.assert_allclose(shares.sum(1), 1)
        variance = (1 / clients) * (1 - 1 / clients) / (clients * alpha + 1)
        assert shares.mean(0) == pytest.approx([1 / clients] * clients, abs=0.05)
        assert shares.var() == pytest.approx(variance, rel=0.1)


def test_dirichlet_leaves_no_client_with_too_few():
    label = np.arange(120) % 3
    client = dirichlet_partition(label, 6, alpha=0.2, seed=0, least=7)
    assert np.bincount(client, minlength=6).min() >= 7
    with pytest.raises(ValueError, match=r"alpha is 0.001, with which 1000 draws left"):
        dirichlet_partition(label, 6, alpha=0.001, seed=0, least=15)
    with pytest.raises(ValueError, match="least is 21 rows for each of 6 clients"):
        dirichlet_partition(label, 6, alpha=1.0, seed=0, least=21)


@pytest.mark.parametrize(("clients", "classes"), [(10, 2), (7, 3), (10, 1), (4, 10)])
def test_each_client_has_so_many_classes(clients, classes):
    label = np.random.default_rng(0).integers(0, 10, 500)
    client = class_partition(label, clients, classes=classes, seed=3)
    table = np.zeros((clients, 10), int)
    for own, each in zip(client, label, strict=True):
        table[own, each] += 1
    assert ((table > 0).sum(1) == classes).all()
    takers = (table > 0).sum(0)
    assert takers.max() - takers.min() <= 1
    for of_class in table.T:
        assert np.ptp(of_class[of_class > 0]) <= 1


def test_classes_are_not_the_same_ones_under_another_seed():
    label = np.arange(200) % 10
    found = {tuple(class_partition(label, 5, classes=2, seed=seed)) for seed in range(4)}
    assert len(found) == 4


def test_sites_are_clients():
    site = ["Ulm ", "Basel", "Ulm", "Graz"]
    client, names = site_partition(site)
    assert [names[number] for number in client] == ["Ulm", "Basel", "Ulm", "Graz"]
    client, names = site_partition(np.array([7, 3, 7]))
    assert client.tolist() == [1, 0, 1]
    assert names == ("3", "7")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: iid_partition(3, 4, seed=0), "clients is 4, but there are only 3 rows"),
        (
            lambda: class_partition(np.arange(9) % 3, 2, classes=1, seed=0),
            "leaves some of the 3 classes to nobody",
        ),
        (
            lambda: class_partition(np.arange(9) % 3, 2, classes=4, seed=0),
            "classes is 4, but label holds only 3",
        ),
        (
            lambda: class_partition(np.array([0, 0, 0, 1]), 3, classes=2, seed=0),
            "holds 1 rows of class 1, but 3 clients take it",
        ),
        (lambda: site_partition(["Ulm", " "]), "site is empty in 1 rows, the first is row 1"),
    ],
)
def test_what_cannot_be_divided_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
