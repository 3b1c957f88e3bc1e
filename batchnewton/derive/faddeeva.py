"""The Faddeeva function ``w(z) = exp(-z**2) erfc(-iz)`` and its derivatives, by arithmetic alone.

``w = t (1 / sqrt(pi) + 2 t p(Z))`` with ``t = 1 / (L - iz)``, ``Z = 2 L t - 1`` and a polynomial p (Weideman 1994, SIAM
J. Numer. Anal. 31, 1497, eq. 38). With 36 terms that is within 3e-15 of w where Im z >= 0; below the real axis it goes
on smoothly, and is not w.

p has real coefficients, so it is divided by ``M = (z - Z) (z - conj Z)`` in real numbers, half the work of Horner's
scheme (Knuth 1997, The Art of Computer Programming 2, section 4.6.4, eq. 3): from ``p = M q + r`` follow p(Z) = r(Z)
and, with q divided in the same way, the derivatives. From the constant on, each coefficient is a fraction of the one
before it, so that roundings do not grow: the accuracy is that of Horner's scheme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

TERMS = 36
FAR = 1 / math.sqrt(math.pi)
"""The limit of -iz w(z)."""


@dataclass(frozen=True)
class Complex:
    """re + i im, each a number, an array or an expression."""

    re: Any
    im: Any = 0.0

    def __add__(self, other: Complex) -> Complex:
        return Complex(self.re + other.re, self.im + other.im)

    def __mul__(self, other: Complex) -> Complex:
        return Complex(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    def __rmul__(self, factor: float) -> Complex:
        return Complex(factor * self.re, factor * self.im)


def _weideman(terms: int) -> tuple[float, tuple[float, ...]]:
    """L, and the coefficients of p, highest first, by the fast Fourier transform."""
    length = np.sqrt(terms / np.sqrt(2))
    theta = np.arange(-2 * terms + 1, 2 * terms) * np.pi / (2 * terms)
    t = length * np.tan(theta / 2)
    f = np.concatenate([[0.0], np.exp(-(t**2)) * (length**2 + t**2)])
    a = np.real(np.fft.fft(np.fft.fftshift(f))) / (4 * terms)
    return float(length), tuple(float(one) for one in a[1 : terms + 1][::-1])


LENGTH, COEFFICIENTS = _weideman(TERMS)


def derivative(order: int, x: Any, y: Any) -> Complex:
    """w, w' or w'' at x + iy."""
    above = LENGTH + y
    size = above * above + x * x
    t = Complex(above / size, x / size)
    lt, far = LENGTH * t, Complex(FAR)
    p, *slopes = _taylor(order, COEFFICIENTS, 2.0 * lt + Complex(-1.0))
    if order == 0:
        return t * (far + 2.0 * (t * p))
    if order == 1:
        whole = t * t * (far + 4.0 * (t * (p + lt * slopes[0])))
        return Complex(-whole.im, whole.re)
    inner = 6.0 * p + lt * (12.0 * slopes[0] + 8.0 * (lt * slopes[1]))
    return -2.0 * (t * t * t * (far + t * inner))


def _taylor(order: int, coefficients: Sequence[Any], z: Complex) -> list[Complex]:
    """p(z), p'(z), p''(z) / 2, up to `order`, of a polynomial with real coefficients, highest first."""
    twice, square = 2.0 * z.re, z.re * z.re + z.im * z.im
    quotient, one, two = [], 0.0, 0.0
    for coefficient in coefficients[:-1]:
        one, two = (coefficient - square * two) + twice * one, one
        quotient.append(one)
    value = Complex(one * z.re + (coefficients[-1] - square * two), one * z.im)
    if order == 0:
        return [value]
    q = _taylor(order - 1, quotient[:-1], z)
    slope = Complex(0.0, 2.0 * z.im)  # of M, whose curvature is 1
    terms = [slope * part for part in q]
    return [value, terms[0] + Complex(one), *[a + b for a, b in zip(terms[1:], q, strict=False)]]
