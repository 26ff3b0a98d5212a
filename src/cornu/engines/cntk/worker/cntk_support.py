"""Which primitives CNTK computes, and on what. Plain Python 3.6, used on both sides.

CNTK has float32 and float64 alone. Cornu's dtypes travel in these carriers, which hold all of their values exactly; the lowering wraps
what integer arithmetic makes, so that int32 behaves as everywhere. What stands in no table here is computed outside, by NumPy: operations on
bits among them, so that random bits are made there and fed in.
"""

CARRIERS = {"float32": "float32", "float64": "float64", "bool": "float32", "int32": "float64"}
KINDS = {"float32": "f", "float64": "f", "int32": "i", "bool": "b"}

# Primitive -> kinds of its operands (f: floats, i: int32, b: bool) for which it becomes CNTK nodes.
NATIVE = {
    name: kinds
    for kinds, names in {
        "f": """exp expm1 log log1p sqrt rsqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf sigmoid
            softplus divide logaddexp power prod cumprod matmul conv conv_grad_input conv_grad_kernel""",
        "fi": "sign floor ceil round cumsum sum_pool sum_pool_grad argmax argmin",
        "b": "logical_not logical_and logical_or",
        "fib": """negative abs stop_gradient isfinite real imag add subtract multiply maximum minimum equal not_equal less less_equal
            greater greater_equal where cast full iota sum max min any all reshape transpose broadcast_to concatenate pad slice flip take
            take_along_axis dynamic_slice max_pool max_pool_grad cond scan""",
    }.items()
    for name in names.split()
}

# Primitives that NumPy computes in the worker, as a node of the same program.
BY_NUMPY = {
    name: kinds
    for kinds, names in {
        "f": "arctan2 erfinv",
        "fi": "floor_divide mod sort argsort searchsorted",
        "fib": "scatter dynamic_update_slice",
    }.items()
    for name in names.split()
}

LARGEST_INDEX = 2 ** 24  # what a float32 counts
LARGEST_RANK = 5  # axes that it walks over at once
