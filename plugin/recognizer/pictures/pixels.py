"""A picture in memory: uint8 of shape (height, width, 3), in the order blue, green, red."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
