"""CNTK by hand, as its tutorials do it: a network with a batch axis, `Trainer.train_minibatch`. Plain Python 3.6; see serving.py."""

import os
import warnings

import numpy as np
from serving import arguments, serve

warnings.simplefilter("ignore")
import cntk as C  # noqa: E402

CLASSES, HEADS = 10, 4
LEARNING_RATE, EPSILON, NORM_EPSILON = 1e-3, 1e-7, 1e-5


def parameters(weights):
    return [C.parameter(w.shape, init=w) for w in weights]


def dense(x, kernel, bias):
    return C.times(x, kernel) + bias


def mlp(weights):
    x = C.input_variable(weights[0].shape[0])
    pairs = parameters(weights)
    y = x
    for kernel, bias in zip(pairs[:-2:2], pairs[1:-2:2]):
        y = C.relu(dense(y, kernel, bias))
    return x, dense(y, *pairs[-2:])


wide = mlp


def cnn(weights):
    """Channels first, as CNTK wants it."""
    x = C.input_variable((28, 28, 1))
    w1, b1, w2, b2, kernel, bias = weights
    kernel = kernel.reshape(5, 5, 32, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    w1, b1, w2, b2, kernel, bias = parameters(
        [w1.transpose(3, 2, 0, 1), b1[:, None, None], w2.transpose(3, 2, 0, 1), b2[:, None, None], kernel, bias]
    )
    y = C.reshape(x, (1, 28, 28))
    for w, b in ((w1, b1), (w2, b2)):
        y = C.relu(C.convolution(w, y, auto_padding=[False]) + b)
        y = C.pooling(y, C.MAX_POOLING, (2, 2), (2, 2))
    return x, dense(C.reshape(y, (800,)), kernel, bias)


def lstm(weights):
    size = weights[1].shape[0]
    kernel, recurrent, bias, w, b = parameters(weights)
    x = C.sequence.input_variable(32)

    @C.Function
    def step(h, c, x):
        z = C.times(x, kernel) + C.times(h, recurrent) + bias
        i, f, g, o = [C.slice(z, 0, k * size, (k + 1) * size) for k in range(4)]
        c = C.sigmoid(f) * c + C.sigmoid(i) * C.tanh(g)
        return C.sigmoid(o) * C.tanh(c), c

    h = C.layers.Recurrence(step)(x)
    return x, dense(C.sequence.last(h), w, b)


def transformer(weights):
    x = C.input_variable(32)
    table, *rest = parameters(weights)
    w, b = rest[-2:]
    y = C.gather(table, x)
    for i in (0, 16):
        wq, bq, wk, bk, wv, bv, wo, bo, gamma1, beta1, w1, c1, w2, c2, gamma2, beta2 = rest[i : i + 16]
        y = norm(y + attention(y, wq, bq, wk, bk, wv, bv, wo, bo), gamma1, beta1)
        y = norm(y + dense(C.relu(dense(y, w1, c1)), w2, c2), gamma2, beta2)
    return x, dense(C.reshape(y, (32 * 64,)), w, b)


def attention(x, wq, bq, wk, bk, wv, bv, wo, bo):
    width, size = 64, 64 // HEADS
    q, k, v = [dense(x, C.reshape(w, (width, width)), C.reshape(b, (width,))) for w, b in ((wq, bq), (wk, bk), (wv, bv))]
    q = q * (1.0 / np.sqrt(size))
    heads = []
    for h in range(HEADS):
        a, b, c = [C.slice(z, 1, h * size, (h + 1) * size) for z in (q, k, v)]
        heads.append(C.times(C.softmax(C.times_transpose(a, b), axis=1), c))
    return dense(C.splice(*heads, axis=1), C.reshape(wo, (width, width)), bo)


def norm(x, gamma, beta):
    gap = x - C.reduce_mean(x, axis=1)
    return gap / C.sqrt(C.reduce_mean(C.square(gap), axis=1) + NORM_EPSILON) * gamma + beta


def main():
    job, weights = arguments()
    x, y = globals()[job](weights)
    label = C.input_variable(CLASSES)
    loss = C.cross_entropy_with_softmax(y, label)
    rate = C.learning_parameter_schedule(LEARNING_RATE, minibatch_size=1)  # as it is, whatever the size of a batch
    momentum = [C.momentum_schedule(m) for m in (0.9, 0.999)]
    learner = C.adam(y.parameters, rate, momentum[0], unit_gain=True, variance_momentum=momentum[1], epsilon=EPSILON)
    trainer = C.Trainer(y, loss, [learner])
    if os.environ.get("OMP_NUM_THREADS"):  # a Trainer takes all cores whatever that says
        C.cntk_py.set_max_num_cputhreads(int(os.environ["OMP_NUM_THREADS"]))
    one_hot = np.eye(CLASSES, dtype="float32")

    def step(rows, labels):
        trainer.train_minibatch({x: rows.astype("float32", copy=False), label: one_hot[labels]})
        return trainer.previous_minibatch_loss_average

    serve(step, lambda rows: y.eval({x: rows.astype("float32", copy=False)}))


main()
