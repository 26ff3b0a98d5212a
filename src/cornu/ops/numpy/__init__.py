"""The ops that NumPy has too, by family."""

from cornu.ops.numpy.bits import *  # noqa: F403
from cornu.ops.numpy.creation import *  # noqa: F403
from cornu.ops.numpy.elementwise import *  # noqa: F403
from cornu.ops.numpy.indexing import *  # noqa: F403
from cornu.ops.numpy.manipulation import *  # noqa: F403
from cornu.ops.numpy.products import *  # noqa: F403
from cornu.ops.numpy.reduction import *  # noqa: F403
from cornu.ops.numpy.sorting import *  # noqa: F403
from cornu.ops.numpy.statistics import *  # noqa: F403
from cornu.ops.numpy.vectorization import *  # noqa: F403
from cornu.ops.op import export as _export

_export(globals())
