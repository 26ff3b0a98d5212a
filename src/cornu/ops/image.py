"""Images: resizing, transformations, color spaces, patches."""

from cornu.ops.op import export

export(globals())
