"""What a result says beyond its answers: quality of the fit, intervals, bands, sensitivities, tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .inference.bands import Band, band
from .inference.fit import Fit, r_squared
from .inference.profile import Profiles, profile, words
from .inference.sensitivity import sensitivity
from .inference.tables import to_pandas, to_xarray
from .options import nearest


class Statistics:
    """Methods of `batchnewton.Result`, all of them computed when asked for, for the whole batch."""

    _fit: Fit

    def _plain(self, array: np.ndarray) -> np.ndarray:
        """Without the batch axis where there was none."""
        return array[0] if self._fit.problem.single else array

    def __getitem__(self, name: str) -> np.ndarray:
        """Values of the parameter of this name, (B,)."""
        return self._plain(self._fit.solution.x[:, self._number(name)])

    def _number(self, name: str) -> int:
        names = self._fit.problem.names
        if name not in names:
            raise KeyError(f"{name!r} is no parameter{nearest(str(name), names)}")
        return names.index(name)

    @property
    def correlation(self) -> np.ndarray:
        """Correlation of the parameters, ``cov_ij / (stderr_i stderr_j)``, (B, n, n)."""
        return self._plain(self._fit.correlation)

    @property
    def reduced_chi_square(self) -> np.ndarray:
        """``sum ((y - f) / sigma)² / (m - n)``, (B,); infinite where m = n."""
        return self._plain(self._fit.reduced_chi_square)

    @property
    def r_squared(self) -> np.ndarray:
        """``1 - sum w (y - f)² / sum w (y - mean)²``, w = 1 / sigma² (`curve_fit`), (B,).

        Of a nonlinear fit it compares with a constant, no more: Kvålseth (1985), Am. Stat. 39, 279, eq. 1.
        """
        return self._plain(r_squared(self._fit))

    @property
    def aic(self) -> np.ndarray:
        """Akaike's criterion, (B,), without what depends on the data alone: Burnham & Anderson (2002), section 2.2.

        ``chi² + 2 n`` where sigma is absolute, ``m ln(chi² / m) + 2 n`` else; `minimize`: ``2 F + 2 n``, F taken as
        a negative log-likelihood; `least_squares`: ``2 F + 2 n``, residuals taken in units of their standard deviation.
        n does not count what is fixed.
        """
        return self._plain(self._fit.information(2.0))

    @property
    def bic(self) -> np.ndarray:
        """Schwarz's criterion, (B,): as ``aic`` with ``n ln m`` for ``2 n``; Schwarz (1978), Ann. Stat. 6, 461."""
        return self._plain(self._fit.information(np.log(self._fit.points)))

    def band(self, x: Any, level: float = 0.95, kind: str = "confidence", *, sigma: Any = None) -> Band:
        """The fitted curves with an interval at each x, by the delta method with exact gradients.

        ``f(x) ± q sqrt(gᵀ C g + s²)``: g is the gradient of f in the parameters, C their covariance, q a quantile of
        the normal distribution where sigma is absolute and of Student's t with m - n degrees of freedom else; s² is 0
        for "confidence" (where the true curve is) and the variance of an observation for "prediction" (where a new
        observation falls).  Each interval is for its own x alone, and as good as the curve is linear in its parameters.

        Parameters
        ----------
        x : array_like
            (M,), or (k, M) for k coordinates; with a batch axis in front where curves differ.
        level : float
            Probability, between 0 and 1.
        kind : {"confidence", "prediction"}
        sigma : array_like, optional
            Standard deviation of new observations, a number, (M,) or (B, M), in the units of the sigma that was fitted
            with; needed for the prediction of a weighted fit.  With ``loss="poisson"`` s² is f itself; other
            likelihoods and robust losses have no prediction.

        Returns
        -------
        Band
            ``value``, ``lower``, ``upper``, each (B, M).

        Raises
        ------
        ValueError
            For a result that is not of `curve_fit`, a wrong shape or level.

        References
        ----------
        Seber & Wild (2003), Nonlinear Regression, section 5.1.

        Examples
        --------
        >>> import numpy as np
        >>> import batchnewton as bn
        >>> res = bn.curve_fit(bn.models.polynomial(1), [0.0, 1.0, 2.0, 3.0], [0.1, 0.9, 2.1, 2.9])
        >>> value, lower, upper = res.band([1.5])
        >>> value.round(4).tolist(), lower.round(4).tolist(), upper.round(4).tolist()
        ([1.5], [1.2279], [1.7721])
        """
        return Band(*map(self._plain, band(self._fit, x, level, kind, sigma)))

    def profile(self, names: str | Sequence[str] | None = None, level: float = 0.95) -> Profiles:
        """Profile-likelihood intervals: parameter by parameter, as far as the cost allows it.

        An end is the theta where the cost, minimised over all other parameters, has risen to
        ``2 (F(theta) - F) = q² s²``, with q as for `band` and s² the reduced chi-square (of a robust loss,
        ``2 F / (m - n)``; 1 where sigma is absolute, for likelihoods and priors, and for `minimize`, whose F is taken
        as a negative log-likelihood).  Within the bounds.  Exact for a linear model; unlike ``stderr`` not symmetric
        for others.

        Parameters
        ----------
        names : str or sequence of str, optional
            Parameters; all by default.
        level : float
            Probability, between 0 and 1.

        Returns
        -------
        Profiles
            A dict, name to (B, 2), lower and upper end.  Infinite where the cost does not rise enough within 1000 times
            the symmetric interval, or rises no more; NaN where the fit was no success, a lower minimum was met, or the
            cost could not be followed.  Its ``reason`` says which, name to (B, 2) of str, "" for an end that was found:
            see `batchnewton.inference.profile.Profiles`.

        Raises
        ------
        KeyError, ValueError
            For a name that is none, a level, a root.

        References
        ----------
        Bates & Watts (1988), Nonlinear Regression Analysis and Its Applications, section 6.1.

        Examples
        --------
        >>> import batchnewton as bn
        >>> res = bn.curve_fit(bn.models.polynomial(1), [0.0, 1.0, 2.0, 3.0], [0.1, 0.9, 2.1, 2.9])
        >>> res.profile("c1")["c1"].round(4).tolist()
        [0.7166, 1.2034]
        """
        if self._fit.problem.kind == "root":
            raise ValueError("profile is of minima; this result came from root")
        chosen = self._fit.problem.names if names is None else (names,) if isinstance(names, str) else tuple(names)
        found = {name: profile(self._fit, self._number(name), level) for name in chosen}
        single = self._fit.problem.single
        reason = {name: words(why)[0] if single else words(why) for name, (_, why) in found.items()}
        return Profiles({name: self._plain(ends) for name, (ends, _) in found.items()}, reason)

    def sensitivity(self, of: str) -> np.ndarray:
        """How the answers move with what was given: dx/dz, exact to first order, without a refit.

        At a minimum the gradient ``g(x, z)`` is zero; where z moves, x moves by ``-H⁻¹ dg/dz`` (the implicit function
        theorem), with the exact Hessian and exact mixed derivatives of the same formula.  For a root, ``-J⁻¹ dF/dz``.

        Parameters
        ----------
        of : str
            "ydata", "xdata", "sigma", "trials" or "f_scale" of `curve_fit`, where it was given them ("ydata" alone
            where sigma was a covariance); "args[i]" or "data[i]" of the other functions.

        Returns
        -------
        array
            (B, n, m) for data, with further axes for data rows that are arrays; (B, n, ...) for ``args[i]``.  For what
            is shared: each problem's answer alone.  Zero for rows left out; NaN where the problem was no success.

        Raises
        ------
        ValueError
            For another name, or a root whose equations are sums over data.

        References
        ----------
        Nocedal & Wright (2006), Numerical Optimization, theorem A.2 (implicit function theorem).

        Examples
        --------
        The mean, as a fit of a constant to three points: each moves it by a third.

        >>> import batchnewton as bn
        >>> res = bn.curve_fit(bn.models.polynomial(0), [0.0, 1.0, 2.0], [1.0, 5.0, 3.0])
        >>> res.sensitivity("ydata").round(6).tolist()
        [[0.333333, 0.333333, 0.333333]]
        """
        return self._plain(sensitivity(self._fit, of))

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, a row for each problem: parameters, standard errors, fun, status, success, nit, nfev.

        Raises
        ------
        ImportError
            Without pandas (``pip install 'batchnewton[io]'``).
        """
        return to_pandas(self._fit)

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` over problem and parameter: x, stderr, cov, fun, status, success, nit, nfev.

        Raises
        ------
        ImportError
            Without xarray (``pip install 'batchnewton[io]'``).
        """
        return to_xarray(self._fit)
