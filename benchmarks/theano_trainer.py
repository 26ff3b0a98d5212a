"""Theano 1.0.5 by hand: `theano.grad`, and Adam as updates of shared variables in one function. Plain Python 3.6; see serving.py."""

import numpy as np
import theano
import theano.tensor as T
from serving import arguments, serve
from theano.tensor.signal.pool import pool_2d

HEADS = 4
LEARNING_RATE, EPSILON, NORM_EPSILON = 1e-3, 1e-7, 1e-5
f = np.float32


def mlp(x, *weights):
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2]):
        x = T.nnet.relu(T.dot(x, kernel) + bias)
    return T.dot(x, weights[-2]) + weights[-1]


wide = mlp


def cnn(x, w1, b1, w2, b2, w, b):
    """Channels first, as Theano wants it."""
    x = x.dimshuffle(0, 3, 1, 2)
    for kernel, bias in ((w1, b1), (w2, b2)):
        x = T.nnet.conv2d(x, kernel.dimshuffle(3, 2, 0, 1), filter_flip=False) + bias.dimshuffle("x", 0, "x", "x")
        x = pool_2d(T.nnet.relu(x), (2, 2), ignore_border=True)
    return T.dot(x.dimshuffle(0, 2, 3, 1).flatten(2), w) + b


def lstm(x, kernel, recurrent, bias, w, b):
    size = recurrent.get_value().shape[0]
    z = T.dot(x.dimshuffle(1, 0, 2), kernel) + bias

    def turn(row, h, c):
        i, forget, g, o = [(row + T.dot(h, recurrent))[:, k * size : (k + 1) * size] for k in range(4)]
        c = T.nnet.sigmoid(forget) * c + T.nnet.sigmoid(i) * T.tanh(g)
        return T.nnet.sigmoid(o) * T.tanh(c), c

    start = T.zeros((x.shape[0], size), "float32")
    (h, _), _ = theano.scan(turn, sequences=z, outputs_info=[start, start])
    return T.dot(h[-1], w) + b


def transformer(x, table, *rest):
    y = table[x]
    for i in (0, 16):
        gamma1, beta1, w1, c1, w2, c2, gamma2, beta2 = rest[i + 8 : i + 16]
        y = norm(y + attention(y, *rest[i : i + 8]), gamma1, beta1)
        y = norm(y + T.dot(T.nnet.relu(T.dot(y, w1) + c1), w2) + c2, gamma2, beta2)
    return T.dot(y.flatten(2), rest[-2]) + rest[-1]


def attention(x, wq, bq, wk, bk, wv, bv, wo, bo):
    count, length, width = x.shape[0], x.shape[1], 64
    size = width // HEADS

    def heads(w, b):
        y = T.dot(x, w.reshape((width, width))) + b.flatten()
        return y.reshape((count, length, HEADS, size)).dimshuffle(0, 2, 1, 3).reshape((count * HEADS, length, size))

    q, k, v = heads(wq, bq), heads(wk, bk), heads(wv, bv)
    scores = T.batched_dot(q * f(1 / np.sqrt(size)), k.dimshuffle(0, 2, 1))
    scores = T.nnet.softmax(scores.reshape((-1, length))).reshape(scores.shape)
    y = T.batched_dot(scores, v).reshape((count, HEADS, length, size)).dimshuffle(0, 2, 1, 3).reshape((count, length, width))
    return T.dot(y, wo.reshape((width, width))) + bo


def norm(x, gamma, beta):
    gap = x - x.mean(2, keepdims=True)
    return gap / T.sqrt(T.sqr(gap).mean(2, keepdims=True) + f(NORM_EPSILON)) * gamma + beta


def main():
    theano.config.floatX = "float32"
    job, weights = arguments()
    params = [theano.shared(w) for w in weights]
    x = {"cnn": T.ftensor4, "lstm": T.ftensor3, "transformer": T.imatrix}.get(job, T.fmatrix)("x")
    y = T.ivector("y")
    logits = globals()[job](x, *params)
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(logits), y).mean()
    t = theano.shared(f(0))
    now = t + f(1)
    rate = f(LEARNING_RATE) * T.sqrt(1 - f(0.999) ** now) / (1 - f(0.9) ** now)
    updates = [(t, now)]
    for p, g in zip(params, theano.grad(loss, params)):
        m, v = [theano.shared(np.zeros_like(p.get_value())) for _ in range(2)]
        mean, square = m + (g - m) * f(0.1), v + (g * g - v) * f(0.001)
        updates += [(m, mean), (v, square), (p, p - rate * mean / (T.sqrt(square) + f(EPSILON)))]
    step, predict = theano.function([x, y], loss, updates=updates), theano.function([x], logits)
    serve(step, predict)


main()
