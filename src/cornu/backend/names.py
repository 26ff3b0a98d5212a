"""Names that `K` had in other versions, and what to say of names that it never had."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from cornu import config, context, ops

# Keras 1 and 2.0 -> the present name.
OLD_NAMES = {
    "lesser": "less",
    "lesser_equal": "less_equal",
    "deconv2d": "conv2d_transpose",
    "deconv3d": "conv3d_transpose",
    "get_variable_shape": "int_shape",
}
OLD_SETTINGS = {
    "_BACKEND": lambda: context.current().name,
    "_FLOATX": config.floatx,
    "_EPSILON": config.epsilon,
    "_IMAGE_DATA_FORMAT": config.image_data_format,
}
# Names that have no successor of the same kind -> what to do.
INSTEAD = {
    **dict.fromkeys(("tf", "T", "th", "C"), "ops beside those of K are in `cornu.ops`; native code imports its library itself"),
    "get_graph": "there is no graph to ask for: symbolic tensors know where they come from",
    "RandomStreams": "use `cornu.random.SeedGenerator`",
    "set_random_seed": "use `cornu.utils.set_random_seed`",
}


def hint(name: str, known: Iterable[str]) -> str:
    """What to do instead of using `K.name`, which there isn't. known: the names that there are."""
    if name in INSTEAD:
        return INSTEAD[name]
    if hasattr(ops, name):
        return f"use `cornu.ops.{name}`"
    near = difflib.get_close_matches(name, [*known, *OLD_NAMES], 3)
    return f"did you mean {' or '.join(f'`K.{x}`' for x in near)}?" if near else "docs/classic-backend.md lists what there is"
