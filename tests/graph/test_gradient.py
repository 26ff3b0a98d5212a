"""The built-in differentiation against finite differences. (Single primitives are checked by the conformance suite.)"""

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract.conformance.gradients import differences
from cornu.contract.tracer import Recording

X = np.array([0.3, -0.7, 1.1])
W = np.array([0.9, 0.4, -0.6])


def total(x):
    weights = np.cos(np.arange(int(np.prod(x.shape)))).reshape(x.shape)
    return P.sum(P.multiply(x, weights), axes=tuple(range(len(x.shape))))


def gradient(fn, *arrays):
    return context.current().value_and_grad(lambda *xs: (fn(*xs), []), arrays)[2]


def check(fn, *arrays, rtol=1e-7):
    """The gradient of the scalar function by each array, and the recorded program against its specification."""
    arrays = [np.asarray(a, "float64") for a in arrays]
    for i, (got, x) in enumerate(zip(gradient(fn, *arrays), arrays, strict=True)):
        wanted = differences(lambda x, i=i: float(fn(*arrays[:i], x, *arrays[i + 1 :])), x)
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=1e-9)
        assert got.dtype == x.dtype

    def program(*xs):
        return context.current().value_and_grad(lambda *xs: (fn(*xs), []), xs)[2]

    Recording(context.current(), program, [(a.shape, "float64") for a in arrays]).graph.check()


def test_a_value_used_several_times():
    check(lambda x: total(P.add(P.multiply(x, x), P.multiply(P.exp(x), x))), X)


def test_one_tensor_as_two_arguments():
    first, second = gradient(lambda x, y: total(P.multiply(P.multiply(x, x), y)), X, X)
    np.testing.assert_allclose(first, 2 * second)


def test_broadcasting_is_undone():
    check(lambda x, y: total(P.multiply(P.add(x, y), x)), np.ones((2, 3)) * X, W.reshape(1, 3))
    check(lambda x, y: total(P.multiply(P.add(x, y), x)), X.reshape(3, 1), W)
    check(lambda x, y: total(P.multiply(x, y)), X, np.array(0.5))


def test_casts_pass_gradients_back_in_their_dtype():
    x = X.astype("float32")
    (g,) = gradient(lambda x: total(P.multiply(P.cast(x, dtype="float64"), W)), x)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, W * np.cos(np.arange(3)), rtol=1e-6)


def test_integers_stop_gradients():
    (g,) = gradient(lambda x: total(P.multiply(P.cast(P.cast(x, dtype="int32"), dtype="float64"), x)), X * 3)
    np.testing.assert_allclose(g, np.trunc(X * 3) * np.cos(np.arange(3)))


def test_zeros_where_the_loss_does_not_depend():
    first, second = gradient(lambda x, y: total(x), X, np.ones((2, 2), "float32"))
    assert first.any()
    assert second.shape == (2, 2) and second.dtype == np.float32 and not second.any()


def test_a_constant_loss():
    (g,) = gradient(lambda x: P.full(shape=(), value=3, dtype="float64"), X)
    assert not g.any()


def scan(*operands, body, carry, xs, length, reverse=False):
    return P.scan(*operands, body_fn=body, n_carry=carry, n_xs=xs, length=length, reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse):
    def loss(c, xs, w):
        def step(c, x):
            c = P.tanh(P.add(P.multiply(c, w), x))  # w is captured
            return [c, P.multiply(c, c)]

        last, seen = scan(c, xs, body=step, carry=1, xs=1, length=4, reverse=reverse)
        return P.add(total(last), total(seen))

    check(loss, X, np.linspace(-1, 1, 12).reshape(4, 3), W)


def test_scan_with_constants_as_operands():
    def loss(c, xs, w):
        last, seen = scan(c, xs, w, body=lambda c, x, w: [P.multiply(c, w), P.add(c, x)], carry=1, xs=1, length=2)
        return P.add(total(last), total(seen))

    check(loss, X, np.ones((2, 3)), W)


def test_scan_that_counts():
    """Integers are carried, scanned over, captured and given out; no gradient flows through them."""
    steps, offset = np.array([1, 2, 3], "int32"), np.array(2, "int32")

    def loss(c, w):
        def step(c, n, i):
            n = P.add(P.add(n, i), offset)
            c = P.multiply(P.add(c, P.multiply(w, P.cast(i, dtype="float64"))), w)
            return [c, n, P.cast(n, dtype="float64"), n]

        last, _, floats, _ = scan(c, np.int32(0), steps, body=step, carry=2, xs=1, length=3)
        return P.add(total(last), P.multiply(total(floats), P.sum(w, axes=(0,))))

    check(loss, X, W)


def test_scan_whose_sequences_do_not_matter():
    def loss(c, xs):
        last, _ = scan(c, xs, body=lambda c, x: [P.sin(c), x], carry=1, xs=1, length=3)
        return total(last)

    check(loss, X, np.ones((3, 2)))


def test_scan_of_which_only_the_outputs_matter():
    def loss(c, xs):
        return total(scan(c, xs, body=lambda c, x: [P.multiply(c, x), P.exp(c)], carry=1, xs=1, length=3)[1])

    check(loss, X, np.linspace(0.5, 1.5, 9).reshape(3, 3))


def test_the_walk_back_computes_nothing_again():
    """What depends on states and elements alone is saved on the way; only what merely moves elements is done again."""

    def step(c, x, w):
        new = P.tanh(P.add(P.multiply(c, P.transpose(w, axes=(1, 0))), P.exp(P.transpose(x, axes=(1, 0)))))
        return [new, P.sin(new)]

    def fn(c, xs, w):
        last, seen = scan(c, xs, w, body=step, carry=1, xs=1, length=4)
        return P.add(total(last), total(seen))

    arrays = np.ones((2, 3)) * X, np.linspace(0, 1, 24).reshape(4, 3, 2), np.ones((3, 2)) * 0.5
    check(fn, *arrays)
    graph = Recording(
        context.current(),
        lambda *xs: context.current().value_and_grad(lambda *xs: (fn(*xs), []), xs)[2],
        [(a.shape, "float64") for a in arrays],
    ).graph
    ahead, back = ([node.primitive.name for node in body.nodes] for body in graph.subgraphs())
    assert {"tanh", "exp", "cos"} <= set(ahead) and not {"tanh", "exp", "cos", "sin"} & set(back)
    assert ahead.count("tanh") == ahead.count("exp") == 1


def test_nested_scan():
    def loss(c, xs, w):
        def outer(c, row):
            def inner(d, x):
                d = P.tanh(P.add(P.multiply(d, w), P.multiply(x, c)))
                return [d, P.multiply(d, c)]

            last, seen = scan(c, row, body=inner, carry=1, xs=1, length=2)
            return [last, P.sum(seen, axes=(0, 1))]

        last, seen = scan(c, xs, body=outer, carry=1, xs=1, length=3, reverse=True)
        return P.add(total(last), total(seen))

    check(loss, X, np.linspace(-1, 1, 18).reshape(3, 2, 3), W)


@pytest.mark.parametrize("taken", [True, False])
def test_cond(taken):
    def loss(x, w):
        chosen = P.cond(
            np.array(taken),
            x,
            true_fn=lambda v: [P.multiply(P.exp(v), w), v],
            false_fn=lambda v: [P.add(v, w), P.sin(v)],
        )
        return P.add(total(chosen[0]), P.multiply(total(chosen[1]), 0.3))

    check(loss, X, W)


def test_cond_on_data_inside_scan():
    def loss(c, xs, w):
        def step(c, x):
            small = P.less(P.sum(c, axes=(0,)), 0.5)
            (grown,) = P.cond(small, true_fn=lambda: [P.add(c, P.multiply(x, w))], false_fn=lambda: [P.multiply(c, 0.5)])
            return [grown, P.sum(c, axes=(0,))]

        last, seen = scan(c, xs, body=step, carry=1, xs=1, length=5)
        return P.add(total(last), total(seen))

    check(loss, X, np.linspace(0.1, 1, 15).reshape(5, 3), W)


def test_while_loops_have_no_gradient():
    def loss(x):
        (last,) = P.while_loop(x, cond_fn=lambda x: [P.less(total(x), 9.0)], body_fn=lambda x: [P.multiply(x, 2)], n_state=1)
        return total(last)

    with pytest.raises(NotImplementedError, match=r"while_loop has no reverse-mode gradient.*scan"):
        gradient(loss, X)


def test_while_loops_beside_the_path_do_no_harm():
    def loss(x):
        (n,) = P.while_loop(np.int32(0), cond_fn=lambda n: [P.less(n, 3)], body_fn=lambda n: [P.add(n, 1)], n_state=1)
        return P.multiply(total(P.exp(x)), n)

    check(loss, X)


def second(fn):
    """A weighted sum of fn's gradient, as a function to differentiate again."""

    def slope(*xs):
        grads = context.current().value_and_grad(lambda *xs: (fn(*xs), []), xs)[2]
        whole = total(grads[0])
        for g in grads[1:]:
            whole = P.add(whole, P.multiply(total(g), 0.7))
        return whole

    return slope


def test_second_order():
    check(second(lambda x, w: total(P.multiply(P.tanh(P.multiply(x, w)), P.exp(x)))), X, W)


def test_third_order():
    check(second(second(lambda x: total(P.multiply(P.sin(x), P.multiply(x, x))))), X)


def test_second_order_through_scan_and_cond():
    def loss(c, xs, w):
        def step(c, x):
            c = P.tanh(P.add(P.multiply(c, w), x))
            negative = P.less(P.sum(c, axes=(0,)), 0.0)
            return [c, *P.cond(negative, true_fn=lambda: [P.exp(c)], false_fn=lambda: [P.multiply(c, c)])]

        last, seen = scan(c, xs, body=step, carry=1, xs=1, length=3)
        return P.add(total(last), total(seen))

    check(second(loss), X, np.linspace(-1, 1, 9).reshape(3, 3), W, rtol=1e-6)


def test_two_gradients_of_one_scan():
    """The states that the backward pass needs are saved without changing what the scan gives."""

    def program(c):
        last, seen = scan(c, body=lambda c: [P.sin(c), P.cos(c)], carry=1, xs=0, length=3)
        return [last, seen]

    def both(c):
        now = context.current()
        return [
            *now.value_and_grad(lambda c: (total(program(c)[0]), []), [c])[2],
            *now.value_and_grad(lambda c: (total(program(c)[1]), []), [c])[2],
            *program(c),
        ]

    first, other, last, seen = context.current().compile(both, [X])(X)
    np.testing.assert_allclose(first, differences(lambda c: float(total(program(c)[0])), X), rtol=1e-7)
    np.testing.assert_allclose(other, differences(lambda c: float(total(program(c)[1])), X), rtol=1e-7)
    np.testing.assert_allclose(last, np.sin(np.sin(np.sin(X))))
    assert seen.shape == (3, 3)
