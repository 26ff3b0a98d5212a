"""A layer of one's own: `build`, `call`, `compute_output_shape`, `add_weight`, `get_config`.

One is an antirectifier: centred, normalized, and then the positive and the negative part side by side, so that nothing is lost.
The other one, with a weight, scales what it gets.

    cornu run custom_layer.py --epochs 10
"""

import argparse

import numpy as np
from keras import backend as K
from keras import layers
from keras.engine.topology import Layer
from keras.models import Sequential
from keras.utils import np_utils
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()


class Antirectifier(Layer):
    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        assert len(shape) == 2  # only for 2D tensors
        shape[-1] *= 2
        return tuple(shape)

    def call(self, inputs):
        inputs -= K.mean(inputs, axis=1, keepdims=True)
        inputs = K.l2_normalize(inputs, axis=1)
        pos = K.relu(inputs)
        neg = K.relu(-inputs)
        return K.concatenate([pos, neg], axis=1)


class Scale(Layer):
    def __init__(self, initial=1.0, **kwargs):
        self.initial = initial
        super(Scale, self).__init__(**kwargs)

    def build(self, input_shape):
        self.gain = self.add_weight(
            name="gain",
            shape=(input_shape[-1],),
            initializer=lambda shape, dtype=None: self.initial * K.ones(shape, dtype),
            trainable=True,
        )
        super(Scale, self).build(input_shape)

    def call(self, x):
        return x * self.gain

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super(Scale, self).get_config()
        config["initial"] = self.initial
        return config


digits = load_digits()
x = (digits.data / 16.0).astype("float32")
y = np_utils.to_categorical(digits.target, 10)
x_train, y_train, x_test, y_test = x[:1500], y[:1500], x[1500:], y[1500:]

model = Sequential()
model.add(layers.Dense(64, input_shape=(64,)))
model.add(Antirectifier())
model.add(Scale(4.0))
model.add(layers.Dropout(0.1))
model.add(layers.Dense(64))
model.add(Antirectifier())
model.add(Scale(4.0))
model.add(layers.Dense(10))
model.add(layers.Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
model.summary()
model.fit(x_train, y_train, batch_size=64, epochs=args.epochs, verbose=2, validation_data=(x_test, y_test))

assert model.layers[1].output_shape == (None, 128)
assert Scale.from_config(model.layers[2].get_config()).initial == 4.0
assert not np.allclose(K.get_value(model.layers[2].gain), 4.0)
print("test accuracy: %.4f" % model.evaluate(x_test, y_test, verbose=0)[1])
