"""Names of the Moments in Time models are read and written."""

from __future__ import annotations

import pytest

from vgenre.errors import ModelError
from vgenre.zoo.naming import ModelName

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("text", ["LRCN-16x224x224x3-339-m", "Iv3-224x224x3-339-im"])
def test_a_name_comes_back_as_it_was(text: str) -> None:
    name = ModelName.parse(text + ".h5")
    assert (str(name), name.classes, name.shape[-1]) == (text, 339, 3)


@pytest.mark.parametrize("text", ["cnn", "LRCN-16-339-m", "LRCN-16x224x224x3-339"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is no name"):
        ModelName.parse(text)
