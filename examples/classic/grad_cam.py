"""Grad-CAM: where in a picture a network sees its class."""

import argparse

import numpy as np
from keras import backend as K
from scipy.ndimage import zoom

from samples import NAMES, photographs, save, trained_network

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--height", type=int, default=106)
parser.add_argument("--picture", help="where to save what came out")
args = parser.parse_args()

model, accuracy = trained_network(args.epochs)

# A picture that is one photograph on its left and the other on its right.
temple, flower = photographs(args.height)
half = temple.shape[1] // 2
picture = np.concatenate([temple[:, :half], flower[:, half : 2 * half]], axis=1)[None]

last_conv_layer = model.get_layer("block3")
heatmaps = []
for index in range(len(NAMES)):
    class_output = model.output[:, index]
    grads = K.gradients(class_output, last_conv_layer.output)[0]
    pooled_grads = K.mean(grads, axis=(0, 1, 2))
    iterate = K.function([model.input], [pooled_grads, last_conv_layer.output[0], class_output])
    weights, activations, p = iterate([picture])
    heatmap = np.maximum((activations * weights).mean(axis=-1), 0)
    heatmap /= heatmap.max() + 1e-12
    heatmaps.append(heatmap)
    middle = heatmap.shape[1] // 2
    left, right = heatmap[:, :middle].mean(), heatmap[:, middle:].mean()
    print("%s (p = %.3f): mean heat %.3f on the left, %.3f on the right" % (NAMES[index], p[0], left, right))

if args.picture:
    rows = [picture[0]]
    for heatmap in heatmaps:
        large = zoom(heatmap, (picture.shape[1] / heatmap.shape[0], picture.shape[2] / heatmap.shape[1]), order=1)
        rows.append(np.clip(0.5 * picture[0] + large[..., None] * [1.0, 0.1, -0.6], -1, 1))
    save(args.picture, np.concatenate(rows))
