"""Newton's method on a convex loss, damped by halving: the one search that rankings share."""

from collections.abc import Callable

import numpy as np

from trainers.arrays import Floats

MAX_STEPS = 100
STEP_TOLERANCE = 1e-10


def minimise(
    start: Floats, loss: Callable[[Floats], float], newton_step: Callable[[Floats], Floats]
) -> Floats:
    """Return the minimum [n] of a convex loss, from a start [n].

    newton_step: H⁻¹ ∇L at a point, [n]. A full step may overshoot where the loss is nearly linear;
    it is halved until the loss does not rise. Ends where no entry moves by STEP_TOLERANCE.
    """
    x, here = start, loss(start)
    # Near the minimum the loss changes by less than its own rounding.
    slack = 1e-10 * (1 + abs(here))
    for _ in range(MAX_STEPS):
        step = newton_step(x)
        # Ends in a descent direction: a short enough step changes the loss by less than the slack.
        while (new := loss(x - step)) > here + slack:
            step = step / 2
        x, here = x - step, new
        if float(np.abs(step).max()) < STEP_TOLERANCE:
            break
    return x
