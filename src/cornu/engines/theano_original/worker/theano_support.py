"""Which primitives Theano 1.0.5 computes, and on what. Plain Python 3.6, used on both sides.

What stands in no table here is computed outside, by NumPy: operations on bits among them, so that random bits are made there and fed in.
"""

KINDS = {"float32": "f", "float64": "f", "int32": "i", "int64": "i", "bool": "b"}

# Primitive -> kinds of its operands (f: floats, i: integers, b: bool) for which it becomes Theano's nodes.
NATIVE = {
    name: kinds
    for kinds, names in {
        "f": """exp expm1 log log1p sqrt rsqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf sigmoid
            softplus divide logaddexp power arctan2 matmul conv conv_grad_input conv_grad_kernel sum_pool sum_pool_grad""",
        "fi": "sign floor ceil round cumsum cumprod prod max_pool max_pool_grad argmax argmin sort",
        "i": "bitwise_and bitwise_or bitwise_xor",
        "b": "logical_not logical_and logical_or",
        "fib": """negative abs stop_gradient isfinite real imag add subtract multiply maximum minimum equal not_equal less less_equal
            greater greater_equal where cast full iota sum max min any all reshape transpose broadcast_to concatenate pad slice flip take
            take_along_axis dynamic_slice cond scan""",
    }.items()
    for name in names.split()
}

# Primitives that NumPy computes in the worker, as a node of the same program.
BY_NUMPY = {
    name: kinds
    for kinds, names in {
        "f": "erfinv",
        "fi": "floor_divide mod argsort searchsorted",
        "fib": "scatter dynamic_update_slice",
    }.items()
    for name in names.split()
}
