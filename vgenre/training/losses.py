"""Losses that leave out what is not known."""

from __future__ import annotations

from keras import ops


def masked_crossentropy(targets, outputs, *, from_logits: bool = True):
    """Binary cross-entropy over the labels that are known.

    Parameters
    ----------
    targets : tensor, shape (n, n_labels)
        Between 0 and 1; below 0 where a label is not known.
    outputs : tensor, shape (n, n_labels)
    from_logits : bool
        Whether the outputs are logits, or probabilities.

    Returns
    -------
    tensor, shape (n,)
        Mean over the known labels; 0 where there are none.
    """
    known = ops.cast(targets >= 0, outputs.dtype)
    loss = ops.binary_crossentropy(ops.maximum(targets, 0.0), outputs, from_logits=from_logits)
    return ops.sum(loss * known, axis=-1) / ops.maximum(ops.sum(known, axis=-1), 1)


def masked_crossentropy_of_probabilities(targets, probabilities):
    """`masked_crossentropy` of a network that answers with probabilities."""
    return masked_crossentropy(targets, probabilities, from_logits=False)
