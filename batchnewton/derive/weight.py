"""How much there is to derive of a formula, before it is derived."""

from __future__ import annotations

from collections.abc import Sequence

from batchnewton.derive.graph import Expr, topological


def weight_of(outputs: Sequence[Expr]) -> int:
    """How much there is to derive: for each nonlinear operation, and for the square of each output, the pairs of
    unknowns that it depends on."""
    masks: dict[int, int] = {}
    unknowns: dict[int, int] = {}
    total = 0

    def pairs(mask: int) -> int:
        return mask.bit_count() * (mask.bit_count() + 1) // 2

    for node in topological(outputs):
        mask = 0
        for arg in node.args:
            mask |= masks[arg.index]
        if node.op == "input" and node.active:
            mask = 1 << unknowns.setdefault(node.index, len(unknowns))
        masks[node.index] = mask
        total += pairs(mask) if node.args and node.op not in ("add", "sub", "neg") else 0
    return total + (sum(pairs(masks[one.index]) for one in outputs) if len(outputs) > 1 else 0)


def seconds_of(weight: int) -> float:
    """About how long the kernels of so much take to compile (for sums of exponentials, with 2 to 8 unknowns)."""
    return 1e-3 * weight * (1.0 + weight / 5000)
