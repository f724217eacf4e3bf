"""Names of array types, so that a signature says what an array holds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]  # features and vectors as they are stored
Ints = NDArray[np.int64]  # labels and row numbers
Indices = NDArray[np.intp]  # what numpy's own functions return to index with
Bools = NDArray[np.bool_]
Strings = NDArray[Any]  # object arrays of str or None
