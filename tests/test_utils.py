"""Labels, sequences, images as arrays; bounding boxes against numbers of real Keras and by hand."""

import numpy as np
import pytest

from cornu import ops, utils
from cornu.ops.symbolic import KerasTensor
from cornu.utils import bounding_boxes as bb

BOXES = np.array([[[10.0, 20, 30, 60], [5, 5, 15, 10]]], "float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def test_to_categorical(engine):
    assert utils.to_categorical([[1], [0]]).tolist() == [[0, 1], [1, 0]]
    assert utils.to_categorical(np.array([[0, 2]]), 4).shape == (1, 2, 4)
    got = utils.to_categorical(ops.convert_to_tensor(np.array([1, 0])), 3)
    assert ops.is_tensor(got) and numbers(got).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_normalize(engine):
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert utils.normalize(x).tolist() == [[0.6, 0.8], [0, 0]]
    assert utils.normalize(x, axis=0, order=1).tolist() == [[1, 1], [0, 0]]
    np.testing.assert_allclose(numbers(utils.normalize(ops.convert_to_tensor(x))), [[0.6, 0.8], [0, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ({"padding": "post"}, [[1, 0, 0], [2, 3, 0], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
        ({"maxlen": 4, "value": 9.5, "dtype": "float32"}, [[9.5, 9.5, 9.5, 1], [9.5, 9.5, 2, 3], [9.5, 4, 5, 6]]),
    ],
)
def test_pad_sequences(arguments, expected):
    padded = utils.pad_sequences([[1], [2, 3], [4, 5, 6]], **arguments)
    assert padded.tolist() == expected and padded.dtype == arguments.get("dtype", "int32")


def test_pad_sequences_of_vectors_and_nothing():
    assert utils.pad_sequences([[[1, 2]], [[3, 4], [5, 6]], []]).tolist() == [
        [[0, 0], [1, 2]],
        [[3, 4], [5, 6]],
        [[0, 0], [0, 0]],
    ]
    assert utils.pad_sequences([[], []]).shape == (2, 0)
    with pytest.raises(ValueError, match="expected a list of sequences"):
        utils.pad_sequences([1, 2])
    with pytest.raises(ValueError, match="padding must be 'pre' or 'post', got 'middle'"):
        utils.pad_sequences([[1]], padding="middle")
    with pytest.raises(ValueError, match=r"elements of shape \(3,\) stand among those of shape \(2,\)"):
        utils.pad_sequences([[[1, 2]], [[3, 4, 5]]])


def test_images_as_arrays():
    assert utils.img_to_array(np.zeros((2, 3), "uint8")).shape == (2, 3, 1)
    array = utils.img_to_array(np.zeros((2, 4, 3), "uint8"), "channels_first", "float16")
    assert array.shape == (3, 2, 4) and array.dtype == "float16"
    with pytest.raises(ValueError, match="expected an image of rank 2 or 3"):
        utils.img_to_array(np.zeros(3))


def test_packing():
    for data in ((1,), (1, 2), (1, 2, 3)):
        assert utils.unpack_x_y_sample_weight(utils.pack_x_y_sample_weight(*data)) == (*data, None, None)[:3]
    assert utils.pack_x_y_sample_weight([1]) == ([1],)
    with pytest.raises(ValueError, match="got 4 parts"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_small_things():
    assert utils.is_keras_tensor(KerasTensor((2,))) and not utils.is_keras_tensor(np.zeros(2))
    assert utils.standardize_dtype(None) == "float32" and utils.standardize_dtype(np.float16) == "float16"


# Bounding boxes

FORMATS = {
    "xyxy": [10, 20, 30, 60],
    "yxyx": [20, 10, 60, 30],
    "xywh": [10, 20, 20, 40],
    "center_xywh": [20, 40, 20, 40],
    "center_yxhw": [40, 20, 40, 20],
    "rel_xyxy": [0.05, 0.2, 0.15, 0.6],
    "rel_yxyx": [0.2, 0.05, 0.6, 0.15],
    "rel_xywh": [0.05, 0.2, 0.1, 0.4],
    "rel_center_xywh": [0.1, 0.4, 0.1, 0.4],
}


@pytest.mark.parametrize("source", FORMATS)
def test_formats(engine, source):
    for target in FORMATS:
        got = bb.convert_format(np.array(FORMATS[source]), source, target, height=100, width=200)
        np.testing.assert_allclose(numbers(got), FORMATS[target], rtol=1e-5, err_msg=target)
    labelled = bb.convert_format({"boxes": BOXES, "labels": np.zeros((1, 2))}, "xyxy", "xywh")
    assert numbers(labelled["boxes"])[0, 0].tolist() == FORMATS["xywh"] and labelled["labels"].shape == (1, 2)


def test_clip_crop_pad(engine):
    wild = {"boxes": np.array([[[-5.0, 20, 30, 160], [105, 105, 115, 110]]], "float32"), "labels": np.array([[3, 4]])}
    clipped = bb.clip_to_image_size(wild, height=100, width=100)
    assert numbers(clipped["boxes"]).tolist() == [[[0, 20, 30, 100], [100, 100, 100, 100]]] and numbers(
        clipped["labels"]
    ).tolist() == [[3, -1]]
    assert numbers(bb.crop(BOXES, 12, 8, 30, 40)).tolist() == [[[2, 8, 22, 30], [0, 0, 7, 0]]]
    assert numbers(bb.pad(BOXES, 3, 4)).tolist() == [[[14, 23, 34, 63], [9, 8, 19, 13]]]
    assert numbers(bb.pad(BOXES[0, :1], 3, 4, bounding_box_format="xywh")).tolist() == [[14, 23, 30, 60]]


def test_iou(engine):
    others = np.array([[10.0, 20, 20, 40], [0, 0, 100, 100], [-1, -1, -1, -1]], "float32")
    iou = numbers(bb.compute_iou(BOXES[0], others, "xyxy", use_masking=True))
    np.testing.assert_allclose(iou, [[0.25, 0.08, -1], [0, 0.005, -1]], rtol=1e-5)
    assert bb.compute_iou(BOXES, BOXES, "xyxy").shape == (1, 2, 2)
    ciou = numbers(bb.compute_ciou(BOXES[0], BOXES[0] + np.array([[1, 2, 3, 4.0]], "float32"), "xyxy"))
    np.testing.assert_allclose(ciou, [0.7153, 0.2003], atol=5e-5)  # of real Keras
    assert numbers(bb.compute_ciou(np.ones((1, 4)), np.ones((1, 4)), "xyxy")).tolist() == [0]


@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
@pytest.mark.parametrize("encoding", ["center_xywh", "center_yxhw"])
def test_deltas(engine, encoding, variance):
    boxes = BOXES[0] * np.float32(1.1)
    deltas = bb.encode_box_to_deltas(BOXES[0], boxes, "xyxy", "xyxy", encoding, variance)
    np.testing.assert_allclose(
        numbers(bb.decode_deltas_to_boxes(BOXES[0], deltas, "xyxy", "xyxy", encoding, variance)), boxes, rtol=1e-4
    )
    if variance is None and encoding == "center_yxhw":
        np.testing.assert_allclose(numbers(deltas)[1], [0.15, 0.1, np.log(1.1), np.log(1.1)], rtol=1e-4)


def test_affine_transform(engine):
    """Numbers of real Keras 3.15, but for the first ones, which are easily seen."""
    one = lambda v: np.array([v], "float32")  # noqa: E731
    move = lambda *a, size=(100, 100): numbers(bb.affine_transform(BOXES, *map(one, a), *size))[0]  # noqa: E731
    np.testing.assert_allclose(move(0, 0, 0, 1, 0, 0), BOXES[0], atol=1e-4)
    np.testing.assert_allclose(move(90, 0, 0, 1, 0, 0)[0], [20, 69, 60, 89], atol=1e-3)
    np.testing.assert_allclose(move(0, 0, 0, 2, 0, 0)[0], [-29.5, -9.5, 10.5, 70.5], atol=1e-3)
    expected = [[903.469, 208.1881, 952.9749, 262.1521], [887.6057, 198.5805, 901.8981, 208.869]]
    np.testing.assert_allclose(move(30, 3, 4, 1.2, 5, 7, size=(100, 200)), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: bb.convert_format(BOXES, "xyxy", "yxhw"), "convert_format: bounding box formats are .* got 'yxhw'"),
        (lambda: bb.convert_format(BOXES, "xyxy", "rel_xyxy"), "convert_format: height and width are needed"),
        (lambda: bb.convert_format(BOXES[..., :3], "xyxy", "xywh"), "convert_format: boxes must have 4 numbers"),
        (lambda: bb.crop(BOXES, 0, 0, 1, 1, "rel_xyxy"), "crop: the format must be in pixels"),
        (lambda: bb.clip_to_image_size(BOXES, 1, 1), "clip_to_image_size: expected a dictionary"),
        (lambda: bb.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xyxy"), "encode_box_to_deltas: the encoding must be"),
        (lambda: utils.to_categorical(
            ops.convert_to_tensor(np.array([1])) if not isinstance(ops.ones(1), np.ndarray) else KerasTensor((2,), "int32")),
         "to_categorical: give num_classes"),
    ],
)  # fmt: skip
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()
