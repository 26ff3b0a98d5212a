"""Pictures for the examples: two photographs (scikit-learn's), and how to save one. Needs Pillow."""

import numpy as np
from PIL import Image


def photographs(height=None):
    """The two sample images of scikit-learn, a temple and a flower, as floats in [0, 255] of shape (height, width, 3)."""
    from sklearn.datasets import load_sample_images

    return [resized(image, height) if height else image.astype("float32") for image in load_sample_images().images]


def resized(image, height, width=None):
    """The same picture in another size; its width follows from its height, by default."""
    width = width or round(image.shape[1] * height / image.shape[0])
    made = Image.fromarray(np.clip(image, 0, 255).astype("uint8")).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(made).astype("float32")


def grid(images, columns):
    """One picture of many of the same size, (n, height, width) or (n, height, width, 3), with a line between them."""
    images = np.asarray(images)
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *images.shape[3:]), images.min())
    for i, image in enumerate(images):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        canvas[top : top + height, left : left + width] = image
    return canvas


def save(path, image, scale=1, stretch=True):
    """Save a picture; `stretch` uses all of black to white, otherwise values are in [0, 255]. scale: pixels for each."""
    image = np.asarray(image, "float64")
    if stretch:
        image = 255 * (image - image.min()) / max(np.ptp(image), 1e-9)
    image = np.clip(image, 0, 255).astype("uint8").repeat(scale, axis=0).repeat(scale, axis=1)
    Image.fromarray(image).save(path)
    print("saved", path)
