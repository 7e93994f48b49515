"""Networks over the features of a clip's frames."""

from __future__ import annotations

import keras
from keras import layers

Shape = tuple[int, int]


def build_lstm(
    labels: int, *, shape: Shape = (40, 2048), units: int = 2048, hidden: int = 512
) -> keras.Model:
    """LSTM and a dense layer over pooled features; 34,663,525 parameters with 101 labels."""
    stack = [layers.LSTM(units), layers.Dense(hidden, activation="relu"), layers.Dropout(0.5)]
    return _classifier(stack, labels, shape, "lstm")


def build_mlp(labels: int, *, shape: Shape = (40, 2048), units: int = 512) -> keras.Model:
    """Two dense layers over all features at once: no order in time is built in."""
    stack: list[layers.Layer] = [layers.Flatten()]
    for _ in range(2):
        stack += [layers.Dense(units, activation="relu"), layers.Dropout(0.5)]
    return _classifier(stack, labels, shape, "mlp")


def build_rnn(labels: int, *, shape: Shape = (40, 2048), units: int = 2056) -> keras.Model:
    """A recurrent layer without gates."""
    return _classifier([layers.SimpleRNN(units), layers.Dropout(0.5)], labels, shape, "cnn_rnn")


def build_softmax_lstm(labels: int, *, shape: Shape = (40, 6), units: int = 2056) -> keras.Model:
    """A wide LSTM over each frame's class probabilities; `shape` ends in their number."""
    return _classifier([layers.LSTM(units)], labels, shape, "cnn_lstm_softmax")


def build_pool_lstm(labels: int, *, shape: Shape = (40, 2048), units: int = 2056) -> keras.Model:
    """A wide LSTM over each frame's pooled features: the method's best."""
    return _classifier([layers.LSTM(units)], labels, shape, "cnn_lstm_pool")


def _classifier(stack: list[layers.Layer], labels: int, shape: Shape, name: str) -> keras.Model:
    answer = layers.Dense(labels, activation="softmax", dtype="float32", name="probabilities")
    return keras.Sequential([keras.Input(shape), *stack, answer], name=name)
