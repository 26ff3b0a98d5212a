"""Neural style transfer: the content of one photograph in the textures of another, by L-BFGS on the pixels."""

import argparse

import numpy as np
from keras import backend as K
from keras.models import Model
from scipy.optimize import fmin_l_bfgs_b

from samples import photographs, save, trained_network

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--iterations", type=int, default=5)
parser.add_argument("--evaluations", type=int, default=30)
parser.add_argument("--height", type=int, default=106)
parser.add_argument("--picture", help="where to save what came out")
args = parser.parse_args()

CONTENT_WEIGHT, STYLE_WEIGHT, VARIATION_WEIGHT = 50.0, 1e6, 20.0
CONTENT_LAYER, STYLE_LAYERS = "block2", ["block1", "block2", "block3"]

content, style = photographs(args.height)
height, width, channels = content.shape
network, _ = trained_network(args.epochs)

base = K.variable(content[None])
reference = K.variable(style[None])
combination = K.placeholder((1, height, width, channels))
tensor = K.concatenate([base, reference, combination], axis=0)
features = Model(network.input, [network.get_layer(name).output for name in STYLE_LAYERS])(tensor)
outputs = dict(zip(STYLE_LAYERS, features))


def gram_matrix(x):
    flat = K.batch_flatten(K.permute_dimensions(x, (2, 0, 1)))
    return K.dot(flat, K.transpose(flat)) / K.cast(K.prod(K.shape(x)), "float32")


def style_loss(style, combination):
    return K.sum(K.square(gram_matrix(style) - gram_matrix(combination)))


def content_loss(base, combination):
    return K.mean(K.square(combination - base))


def total_variation_loss(x):
    a = K.square(x[:, : height - 1, : width - 1, :] - x[:, 1:, : width - 1, :])
    b = K.square(x[:, : height - 1, : width - 1, :] - x[:, : height - 1, 1:, :])
    return K.mean(K.pow(a + b + 1e-8, 1.25))


loss = K.variable(0.0)
loss = loss + CONTENT_WEIGHT * content_loss(outputs[CONTENT_LAYER][0], outputs[CONTENT_LAYER][2])
for name in STYLE_LAYERS:
    loss = loss + STYLE_WEIGHT / len(STYLE_LAYERS) * style_loss(outputs[name][1], outputs[name][2])
loss = loss + VARIATION_WEIGHT * total_variation_loss(combination)

grads = K.gradients(loss, combination)[0]
f_outputs = K.function([combination], [loss, grads])


class Evaluator:
    """L-BFGS asks for loss and gradient by turns; one call computes both."""

    def __init__(self):
        self.loss_value = self.grads_values = None

    def loss(self, x):
        assert self.loss_value is None
        value, gradient = f_outputs([x.reshape((1, height, width, channels)).astype("float32")])
        self.loss_value, self.grads_values = float(value), gradient.flatten().astype("float64")
        return self.loss_value

    def grads(self, x):
        assert self.loss_value is not None
        gradient = np.copy(self.grads_values)
        self.loss_value = self.grads_values = None
        return gradient


evaluator = Evaluator()
x = content.flatten().astype("float64")
losses = [evaluator.loss(x)]
evaluator.grads(x)
for i in range(args.iterations):
    x, value, info = fmin_l_bfgs_b(evaluator.loss, x, fprime=evaluator.grads, maxfun=args.evaluations)
    losses.append(float(value))
    print("Iteration %d: loss %.5f" % (i, value))

picture = x.reshape((height, width, channels))
if args.picture:
    save(args.picture, np.concatenate([content, picture], axis=1))
