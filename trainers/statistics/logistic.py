"""The logistic function, in the two forms that float64 needs."""

import numpy as np

from trainers.arrays import Floats


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + e^-s) [any shape] of logits s, without overflow.

    Exact to 1e-16 in absolute terms, and five times as fast as `exp(log_sigmoid(s))`; below a
    logit of about -37 it is 0.
    """
    # σ(s) = (1 + tanh(s / 2)) / 2; tanh saturates where an exponential would overflow.
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def log_sigmoid(logits: Floats) -> Floats:
    """Return log(1 / (1 + e^-s)) [any shape] in nats, without overflow.

    Its exponential keeps its relative precision however small it is. That matters where
    p (1 - p) is a curvature that must not vanish, as in Newton's method on a lopsided pairing.
    """
    # log(e^0 + e^-s): the larger exponent is taken out before anything is exponentiated.
    return np.asarray(-np.logaddexp(0, -logits))
