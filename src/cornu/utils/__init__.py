"""Helpers: labels, sequences, images as arrays, bounding boxes, data by batches."""

from cornu.random import set_seed as set_random_seed
from cornu.utils import bounding_boxes
from cornu.utils.arrays import (
    img_to_array,
    is_keras_tensor,
    normalize,
    pack_x_y_sample_weight,
    pad_sequences,
    standardize_dtype,
    to_categorical,
    unpack_x_y_sample_weight,
)
from cornu.utils.datasets import PyDataset, Sequence

__all__ = [
    "PyDataset",
    "Sequence",
    "bounding_boxes",
    "img_to_array",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
