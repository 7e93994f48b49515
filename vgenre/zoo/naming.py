"""Names as ``LRCN-16x224x224x3-339-m``: backbone, input, classes, training history."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ModelError

_NAME = re.compile(r"([A-Za-z]\w*)-(\d+(?:x\d+){2,3})-(\d+)-([a-z]+)(?:\.h5)?")


@dataclass(frozen=True)
class ModelName:
    """The four parts of a name; `history` has a letter for each data set, as ``"ikm"``.

    Examples
    --------
    >>> name = ModelName.parse("LRCN-16x224x224x3-339-m.h5")
    >>> name.backbone, name.shape, name.classes
    ('LRCN', (16, 224, 224, 3), 339)
    >>> str(name)
    'LRCN-16x224x224x3-339-m'
    """

    backbone: str
    shape: tuple[int, ...]
    classes: int
    history: str

    def __str__(self) -> str:
        return f"{self.backbone}-{'x'.join(map(str, self.shape))}-{self.classes}-{self.history}"

    @classmethod
    def parse(cls, text: str) -> ModelName:
        """The parts of a name, with or without ``.h5``; ModelError where it is none."""
        if not (found := _NAME.fullmatch(text)):
            raise ModelError(f"{text!r} is no name as LRCN-16x224x224x3-339-m")
        shape = tuple(map(int, found[2].split("x")))
        return cls(found[1], shape, int(found[3]), found[4])
