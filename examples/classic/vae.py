"""A variational autoencoder of handwritten digits, with a Lambda layer that samples."""

import argparse

import numpy as np
from keras import backend as K
from keras.layers import Dense, Input, Lambda
from keras.losses import binary_crossentropy
from keras.models import Model
from sklearn.datasets import load_digits

from pictures import grid, save

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--picture", help="where to save what came out")
args = parser.parse_args()

original_dim, intermediate_dim, latent_dim = 64, 64, 2

digits = load_digits()
x_all = (digits.images.reshape(-1, original_dim) / 16.0).astype("float32")
x_train, x_test, y_test = x_all[:1500], x_all[1500:], digits.target[1500:]


def sampling(args):
    """A draw from the normal distribution of the code, as a function of its mean and variance and of noise."""
    z_mean, z_log_var = args
    batch = K.shape(z_mean)[0]
    dim = K.int_shape(z_mean)[1]
    epsilon = K.random_normal(shape=(batch, dim))
    return z_mean + K.exp(0.5 * z_log_var) * epsilon


inputs = Input(shape=(original_dim,), name="encoder_input")
x = Dense(intermediate_dim, activation="relu")(inputs)
z_mean = Dense(latent_dim, name="z_mean")(x)
z_log_var = Dense(latent_dim, name="z_log_var")(x)
z = Lambda(sampling, output_shape=(latent_dim,), name="z")([z_mean, z_log_var])
encoder = Model(inputs, [z_mean, z_log_var, z], name="encoder")

latent_inputs = Input(shape=(latent_dim,), name="z_sampling")
x = Dense(intermediate_dim, activation="relu")(latent_inputs)
outputs = Dense(original_dim, activation="sigmoid")(x)
decoder = Model(latent_inputs, outputs, name="decoder")

outputs = decoder(encoder(inputs)[2])
vae = Model(inputs, outputs, name="vae")

reconstruction_loss = binary_crossentropy(inputs, outputs) * original_dim
kl_loss = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
vae.add_loss(K.mean(reconstruction_loss + kl_loss))
vae.compile(optimizer="adam")
vae.summary()
history = vae.fit(x_train, epochs=args.epochs, batch_size=64, validation_data=(x_test, None), verbose=0)
losses, others = history.history["loss"], history.history["val_loss"]
print("Loss %.2f -> %.2f, on other digits %.2f" % (losses[0], losses[-1], others[-1]))

codes, _, _ = encoder.predict(x_test, verbose=0)

# Digits from a grid of codes.
n = 12
codes_along = np.linspace(-2, 2, n)
figure = decoder.predict(np.array([[a, b] for b in codes_along[::-1] for a in codes_along]), verbose=0)
figure = figure.reshape(n * n, 8, 8)
if args.picture:
    save(args.picture, grid(figure, n), scale=4)
