"""The ops of images, by family."""

from cornu.ops.image.color import *  # noqa: F403
from cornu.ops.image.cropping import *  # noqa: F403
from cornu.ops.image.filtering import *  # noqa: F403
from cornu.ops.image.resizing import *  # noqa: F403
from cornu.ops.image.warping import *  # noqa: F403
from cornu.ops.op import export as _export

_export(globals())
