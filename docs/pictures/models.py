"""Every ready model, fitted to noisy data of its own from its own guess."""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

LINE, DOSES = np.linspace(0, 10, 60), np.geomspace(0.03, 1000, 30)
B_VALUES = np.array([0.0, 10, 20, 40, 80, 110, 140, 170, 200, 300, 400, 500, 600, 700, 800, 900])
PIXELS = np.stack(np.meshgrid(np.arange(13.0), np.arange(13.0))).reshape(2, -1)
DRAWN = {  # abscissae, parameters, noise
    "exponential_decay": (LINE, (2, 2, 0.3), 0.05),
    "biexponential": (LINE, (1.5, 0.4, 1, 3, 0.2), 0.02),
    "stretched_exponential": (LINE, (2, 2, 0.7, 0.2), 0.03),
    "damped_sine": (LINE, (1, 0.6, 0.5, 5, 0), 0.05),
    "gaussian": (LINE, (2, 5, 0.8, 0.5), 0.08),
    "lorentzian": (LINE, (2, 5, 0.6, 0.5), 0.08),
    "pseudo_voigt": (LINE, (2, 5, 1.5, 0.5, 0.5), 0.06),
    "voigt": (LINE, (4, 5, 0.5, 0.4, 0.5), 0.06),
    "hill": (DOSES, (2, 20, 1.5), 0.05),
    "logistic_4pl": (DOSES, (5, 90, 15, 1.2), 3),
    "logistic_5pl": (DOSES, (5, 90, 15, 1.2, 0.7), 2),
    "michaelis_menten": (DOSES, (2, 20), 0.05),
    "logistic_growth": (LINE, (2, 1.5, 5), 0.05),
    "power_law": (np.linspace(0.5, 9, 40), (1, 1.5), 0.6),
    "inversion_recovery": (np.geomspace(0.05, 6, 30), (90, 1.9, 1), 4),
    "extended_tofts": (np.linspace(0, 6, 60), (0.3, 0.4, 0.05), 0.01),
    "ivim": (B_VALUES, (1000, 0.2, 0.001, 0.03), 10),
    "gaussian_2d": (PIXELS, (100, 5.6, 6.3, 1.5, 10), 5),
    "gaussian_2d_elliptic": (PIXELS, (100, 5.6, 6.3, 1.2, 2.2, 10), 5),
    "gaussian_2d_rotated": (PIXELS, (100, 5.6, 6.3, 2.6, 1.2, 0.7, 10), 5),
}
assert DRAWN.keys() == bn.models.ALL.keys()

rng = np.random.default_rng(0)
figure, grid = plt.subplots(5, 4, figsize=(9, 9), layout="constrained")
for axes, (name, (x, truth, noise)) in zip(grid.flat, DRAWN.items(), strict=True):
    model = bn.models.ALL[name]
    clean = model(x, *map(float, truth))
    y = clean + rng.normal(0, noise, clean.shape)
    found = bn.curve_fit(model, x, y)
    assert found.success, name
    if x.ndim == 2:
        axes.imshow(y.reshape(13, 13), cmap="gray_r", origin="lower")
        axes.contour(model(x, *found.x).reshape(13, 13), 4, colors="tab:orange", linewidths=1)
    else:
        fine = np.geomspace(x[0], x[-1], 300) if x is DOSES else np.linspace(x[0], x[-1], 300)
        axes.plot(x, y, ".", color="0.6", markersize=4)
        axes.plot(fine, model(fine, *found.x), color="tab:orange")
        axes.set_xscale("log" if x is DOSES else "linear")
    axes.set_title(name, fontsize=9)
    axes.tick_params(labelsize=7)
