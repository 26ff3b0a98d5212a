"""`cornu.ops`: each op once, on every engine. `ops.numpy`, `ops.nn`, `ops.linalg` and `ops.image` are its parts, as in Keras."""

from cornu.ops import image  # noqa: F401  (its ops go by that name alone)
from cornu.ops import operators as _operators  # noqa: F401  (gives tensors their operators)
from cornu.ops import updates as _updates  # noqa: F401  (steps of optimizers and layers are ops too)
from cornu.ops.autodiff import *  # noqa: F403
from cornu.ops.core import *  # noqa: F403
from cornu.ops.fourier import *  # noqa: F403
from cornu.ops.linalg import *  # noqa: F403
from cornu.ops.math import *  # noqa: F403
from cornu.ops.nn import *  # noqa: F403
from cornu.ops.numpy import *  # noqa: F403
from cornu.ops.op import export as _export
from cornu.ops.rearrange import *  # noqa: F403
from cornu.ops.symbolic import KerasTensor  # noqa: F401

_export(globals())
