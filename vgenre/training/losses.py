"""Losses that leave out what is not known."""

from __future__ import annotations

from keras import ops


def masked_crossentropy(targets, logits):
    """Binary cross-entropy over the labels that are known."""
    known = ops.cast(targets >= 0, logits.dtype)
    loss = ops.binary_crossentropy(ops.maximum(targets, 0.0), logits, from_logits=True)
    return ops.sum(loss * known, axis=-1) / ops.maximum(ops.sum(known, axis=-1), 1)
