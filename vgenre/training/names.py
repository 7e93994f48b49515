"""The names that training options can have; importing them costs nothing."""

OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
"""Optimisers, see `vgenre.training.fit.optimizer_of`."""

PRECISIONS = ("float16", "bfloat16")
"""Of mixed precision, beside float32."""
