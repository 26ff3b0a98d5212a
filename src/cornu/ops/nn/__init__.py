"""The ops of neural networks, by family."""

from cornu.ops.nn.activation import *  # noqa: F403
from cornu.ops.nn.attention import *  # noqa: F403
from cornu.ops.nn.convolution import *  # noqa: F403
from cornu.ops.nn.ctc import *  # noqa: F403
from cornu.ops.nn.encoding import *  # noqa: F403
from cornu.ops.nn.loss import *  # noqa: F403
from cornu.ops.nn.normalization import *  # noqa: F403
from cornu.ops.nn.pooling import *  # noqa: F403
from cornu.ops.op import export as _export

_export(globals())
