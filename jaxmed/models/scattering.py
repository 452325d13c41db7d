"""The scattering transform: wavelet features of images, without parameters and without training.

Bruna and Mallat 2013. Small shifts and deformations change it little, and a linear layer, such as
`MLP(widths=())`, goes far on it: few parameters, as private training needs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.typing import AnyArray, Array, Float

_WIDTH, _FREQUENCY = 0.8, 0.75 * math.pi
"""Deviation and frequency of the finest wavelet, in pixels and radians per pixel."""


def scattering(
    image: Float[AnyArray, "batch height width channels"],
    *,
    scales: int = 2,
    angles: int = 8,
    order: int = 2,
) -> Float[Array, "batch rows columns features"]:
    """Means of an image, of its wavelet coefficients, and of the wavelet coefficients of those.

        S0 = x * phi,   S1 = |x * psi_a| * phi,   S2 = ||x * psi_a| * psi_b| * phi

    psi are Morlet wavelets at all scales and angles, phi is a Gaussian; * is a convolution, and
    the scale of psi_b is above that of psi_a. Images
    are continued by reflection. The modulus of scale j is sampled at every 2^j-th pixel, the result
    at every 2^scales-th.

    Args:
        image: [batch, height, width, channels], floating; height and width are multiples of
            2^scales, and above it.
        scales: of the wavelets, 1, 2, 4, ... pixels.
        angles: of the wavelets, between 0 and 180 degrees.
        order: how many wavelets follow each other at most, 0, 1 or 2.

    Returns:
        [batch, height / 2^scales, width / 2^scales, channels * paths], paths of a channel together:
        1 + scales angles + angles^2 scales (scales - 1) / 2 of order 2.

    Raises:
        ValueError: for other sizes or numbers.

    References:
        Bruna and Mallat, Invariant Scattering Convolution Networks, 2013, section 2.
        Oyallon and Mallat, Deep Roto-Translation Scattering for Object Classification, 2015.
    """
    scales = checks.whole("scales", scales, most=8)
    angles = checks.whole("angles", angles, most=64)
    order = checks.whole("order", order, least=0, most=2)
    image = _checked(image, 2**scales)
    paths = _paths(jnp.moveaxis(image, -1, 1), scales, angles, order)
    found = jnp.moveaxis(paths, (1, 2), (3, 4))  # [batch, rows, columns, channels, paths]
    return found.reshape(*found.shape[:3], -1)


def _paths(x: Array, scales: int, angles: int, order: int) -> Array:
    """[batch, channels, height, width] -> [batch, channels, paths, rows, columns]."""
    margin = 2**scales  # one row of the result on each side
    inner = (x.shape[-2], x.shape[-1])
    x = jnp.pad(x, ((0, 0), (0, 0), (margin, margin), (margin, margin)), mode="reflect")
    wavelets = _wavelets(x.shape[-2:], scales, angles)
    means = functools.partial(_means, inner=inner, scales=scales)
    found = [means(x[:, :, None], scale=0)]
    spectrum = jnp.fft.fft2(x)[:, :, None]
    first = [_modulus(spectrum, wavelets[scale], scale) for scale in range(scales if order else 0)]
    found += [means(moduli, scale=scale) for scale, moduli in enumerate(first)]
    for scale, moduli in enumerate(first if order == 2 else ()):
        spectrum = jnp.fft.fft2(moduli)[:, :, :, None]
        for coarser in range(scale + 1, scales):
            # The wavelet on the grid of `moduli`: its spectrum beyond that grid is folded onto it.
            kernels = _folded(wavelets[coarser], scale)
            second = _modulus(spectrum, kernels, coarser - scale)
            second = second.reshape(*second.shape[:2], angles**2, *second.shape[-2:])
            found.append(means(second, scale=coarser))
    return jnp.concatenate(found, axis=2)


def _modulus(spectrum: Array, kernels: np.ndarray, octaves: int) -> Array:
    """|x * psi| at every 2^octaves-th pixel [..., angles, height, width]."""
    kernels = kernels.reshape((1,) * (spectrum.ndim - 3) + kernels.shape)
    return jnp.abs(jnp.fft.ifft2(_folded(spectrum * kernels, octaves)))


def _folded(spectrum: Any, octaves: int) -> Any:
    """The spectrum of every 2^octaves-th pixel."""
    *rest, height, width = spectrum.shape
    step = 2**octaves
    return spectrum.reshape(*rest, step, height // step, step, width // step).mean((-4, -2))


def _means(moduli: Array, *, scale: int, inner: tuple[int, int], scales: int) -> Array:
    """Convolved with phi, at every 2^scales-th pixel, without the margins [..., rows, columns]."""
    rows, columns = (_gaussian(length, scale, scales) for length in inner)
    return jnp.einsum("nh,bcphw,mw->bcpnm", rows, moduli, columns)


def _gaussian(length: int, scale: int, scales: int) -> np.ndarray:
    """The weights of phi along one axis [rows of the result, pixels with margins]."""
    step = 2**scales
    whole = length + 2 * step
    deviation = _WIDTH * 2 ** (scales - 1)
    centers = np.arange(step, step + length, step)
    distance = centers[:, None] - np.arange(0, whole, 2**scale)
    weights = _around(lambda u: np.exp(-(u**2) / (2 * deviation**2)), distance, whole)
    total = _around(lambda u: np.exp(-(u**2) / (2 * deviation**2)), np.arange(whole), whole).sum()
    return (2**scale * weights / total).astype(np.float32)


@functools.lru_cache(maxsize=16)
def _wavelets(size: tuple[int, int], scales: int, angles: int) -> np.ndarray:
    """Spectra of Morlet wavelets on the whole grid [scales, angles, height, width].

    psi(u) = (exp(i f u_1) - k) exp(-(u_1^2 + s^2 u_2^2) / (2 d^2)) s / (2 pi d^2), with u_1
    along the angle, s = 4 / angles, and k so that the mean is 0.
    """
    height, width = size
    slant = 4 / angles
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    found = np.empty((scales, angles, height, width), np.complex64)
    for scale in range(scales):
        deviation, frequency = _WIDTH * 2**scale, _FREQUENCY / 2**scale
        for number in range(angles):
            turn = math.pi * number / angles
            envelope, wave = np.zeros(size), np.zeros(size, complex)
            for down in (-2, -1, 0, 1, 2):
                for right in (-2, -1, 0, 1, 2):
                    y, x = rows + down * height, columns + right * width
                    along = math.cos(turn) * x + math.sin(turn) * y
                    across = math.cos(turn) * y - math.sin(turn) * x
                    bell = np.exp(-(along**2 + (slant * across) ** 2) / (2 * deviation**2))
                    envelope += bell
                    wave += bell * np.exp(1j * frequency * along)
            psi = wave - envelope * (wave.sum() / envelope.sum())
            psi *= slant / (2 * math.pi * deviation**2)
            found[scale, number] = np.fft.fft2(psi)
    return found


def _around(
    bell: Callable[[np.ndarray], np.ndarray], distance: np.ndarray, whole: int
) -> np.ndarray:
    """A function of distances on a circle of `whole` pixels."""
    return np.sum([bell(distance + turns * whole) for turns in (-2, -1, 0, 1, 2)], axis=0)


def _checked(image: AnyArray, step: int) -> Array:
    if not isinstance(image, jax.Array):
        image = jnp.asarray(checks.real_array("image", image), jnp.float32)
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise ValueError(f"image is {image.dtype}, but must be floating: divide by 255 first.")
    checks.shapes(image=(image, "batch height width channels"))
    for name, length in zip(("height", "width"), image.shape[1:3], strict=True):
        if length % step or length <= step:
            raise ValueError(
                f"image has {name} {length}, but must have a multiple of {step} above {step}: "
                "resize it, or ask for fewer scales."
            )
    return image
