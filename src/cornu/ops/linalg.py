"""Linear algebra."""

from cornu.ops.op import export

export(globals())
