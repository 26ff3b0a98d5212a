"""In the manner of Keras 1: digits read by a perceptron and by a convolutional network, channels first."""
from __future__ import print_function
import numpy as np
np.random.seed(7)
from keras import backend as K
from keras.layers import Input, merge
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.models import Model, Sequential
from keras.optimizers import SGD, RMSprop
from keras.regularizers import l2
from keras.utils import np_utils
from sklearn.datasets import load_digits

digits = load_digits()
x, y = digits.images[:600].astype('float32') / 16, np_utils.to_categorical(digits.target[:600], 10)
K.set_image_dim_ordering('th')


def told(name, history):
    print('loss', name, ' '.join('%.4f' % loss for loss in history.history['loss']))


mlp = Sequential()
mlp.add(Dense(32, input_shape=(64,), init='uniform', W_regularizer=l2(1e-4)))
mlp.add(Activation('relu'))
mlp.add(Dropout(0.1))
mlp.add(Dense(output_dim=10, activation='softmax'))
mlp.compile(loss='categorical_crossentropy', optimizer=RMSprop(lr=0.005), metrics=['accuracy'])
told('mlp', mlp.fit(x.reshape(-1, 64), y, batch_size=50, nb_epoch=4, verbose=0, validation_split=0.1))

cnn = Sequential()
cnn.add(Convolution2D(4, 3, 3, border_mode='same', input_shape=(1, 8, 8)))
cnn.add(Activation('relu'))
cnn.add(MaxPooling2D(pool_size=(2, 2)))
cnn.add(Flatten())
cnn.add(Dense(10, activation='softmax'))
cnn.compile(loss='categorical_crossentropy', optimizer=SGD(lr=0.05, momentum=0.9, nesterov=True))


def batches():
    while True:
        for i in range(0, 600, 50):
            yield x[i:i + 50, None], y[i:i + 50]


told('cnn', cnn.fit_generator(batches(), samples_per_epoch=600, nb_epoch=3, verbose=0))
print('shape', cnn.layers[0].output_shape, cnn.predict_classes(x[:5, None], verbose=0).shape)

pixels = Input(shape=(64,))
both = merge([Dense(8, activation='relu')(pixels), Dense(8, activation='tanh')(pixels)], mode='concat')
merged = Model(input=pixels, output=Dense(10, activation='softmax')(both))
merged.compile('rmsprop', 'categorical_crossentropy')
told('merge', merged.fit(x.reshape(-1, 64), y, batch_size=50, nb_epoch=5, verbose=0))
