"""The one training loop: data, steps, the loop itself, and its progress bar."""
