"""Write the mel filters that ship, as librosa computes them.

python pipelines/mel_filters.py
"""

from __future__ import annotations

import librosa
import numpy as np

from vgenre.sound import FILTERS_FILE, MelSettings, filters_name


def main() -> None:
    settings = MelSettings()
    filters = librosa.filters.mel(
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
    )
    np.savez_compressed(FILTERS_FILE, **{filters_name(settings): filters})


if __name__ == "__main__":
    main()
