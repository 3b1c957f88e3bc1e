"""The order of the examples on their page: what is simple or well known first."""

from pathlib import Path

EXAMPLES = (
    "orange_trees",
    "enzyme_kinetics",
    "dose_response",
    "relaxometry",
    "spectral_lines",
    "localisation",
    "fluorescence_lifetime",
    "diffusion_tensor",
    "customers",
    "kepler",
    "implied_volatility",
    "bootstrap",
    "second_order_backprop",
)


def place(script: str) -> int:
    """Where an example stands; one that is not in the list fails the build."""
    return EXAMPLES.index(Path(script).stem)
