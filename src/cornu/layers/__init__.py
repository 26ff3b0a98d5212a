"""`cornu.layers`."""

from cornu.layers.attention import MultiHeadAttention
from cornu.layers.convolution import Conv2D
from cornu.layers.core import Activation, Dense, Embedding, Input, InputLayer
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer
from cornu.layers.merging import Add, Concatenate
from cornu.layers.normalization import BatchNormalization, LayerNormalization
from cornu.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from cornu.layers.regularization import Dropout
from cornu.layers.reshaping import Flatten, Reshape
from cornu.layers.rnn import LSTM

Convolution2D, MaxPool2D, AvgPool2D, GlobalAvgPool2D = Conv2D, MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D

__all__ = [
    "LSTM", "Activation", "Add", "AveragePooling2D", "AvgPool2D", "BatchNormalization", "Concatenate", "Conv2D", "Convolution2D",
    "Dense", "Dropout", "Embedding", "Flatten", "GlobalAveragePooling2D", "GlobalAvgPool2D", "Input", "InputLayer", "InputSpec",
    "Layer", "LayerNormalization", "MaxPool2D", "MaxPooling2D", "MultiHeadAttention", "Reshape",
]  # fmt: skip
