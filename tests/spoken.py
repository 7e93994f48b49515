"""Dialogue for the tests: written for them, so that it is known and nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rendered import X264, lavfi, render

ENGLISH = (
    "Where were you last night? I was waiting for you.",
    "They said that nobody would come, but we're not leaving without her.",
    "I don't know what you want from me.",
    "If we get to the harbour before the storm, there is still a boat.",
    "You can't be here, it's not safe. Just go home and lock the door!",
    "How about the money? It was all in the house when he left.",
    "My father would have known what to do with this.",
    "Who are you, and what have you done with the old man?",
)
FRENCH = (
    "Où étais-tu hier soir ? Je t'ai attendu pendant des heures.",
    "Ils disaient que personne ne viendrait, mais nous ne partirons pas sans elle.",
    "Je ne sais pas ce que vous voulez de moi.",
    "Si nous arrivons au port avant la tempête, il y a encore un bateau.",
    "Tu ne peux pas rester ici, ce n'est pas sûr. Rentre chez toi et ferme la porte !",
    "Et l'argent ? Tout était dans la maison quand il est parti.",
    "Mon père aurait su quoi faire de tout cela.",
    "Qui êtes-vous, et qu'avez-vous fait du vieil homme ?",
)


def clock(seconds: float) -> str:
    """A time as SubRip writes it."""
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def srt(lines: Iterable[str], *, every: float = 2.0, start: float = 1.0) -> str:
    """SubRip: a cue for each text, a second and a half long."""
    return "".join(
        f"{i}\n{clock(start + every * (i - 1))} --> {clock(start + every * (i - 1) + 1.5)}\n{t}\n\n"
        for i, t in enumerate(lines, 1)
    )


def repeated(lines: Sequence[str], times: int) -> list[str]:
    """The lines again and again, each with a word of its own so that none is a repetition."""
    return [f"{line} {i}" for i in range(times) for line in lines]


def film_with(
    path: Path,
    *tracks: tuple[str, str, tuple[str, ...]],
    seconds: int = 20,
    video: tuple[str, ...] = (),
) -> Path:
    """Render a film with tracks of subtitles.

    Parameters
    ----------
    path : Path
        The suffix chooses the container.
    *tracks
        FFmpeg's name of the encoder, SubRip, and options of the track as FFmpeg has them, with a
        ``{}`` where its number stands: ``("-metadata:s:s:{}", "language=eng")``.
    """
    inputs: list[str] = [*lavfi("testsrc2=size=64x48:rate=5")]
    options: list[str] = []
    for i, (encoder, text, more) in enumerate(tracks):
        source = path.with_name(f"{path.stem}.track{i}.tmp")
        source.write_text(text, encoding="utf-8")
        inputs += ["-f", "srt", "-i", str(source)]
        options += ["-map", f"{i + 1}:0", f"-c:s:{i}", encoder, *(o.format(i) for o in more)]
    render(path, *inputs, "-map", "0", *options, "-t", seconds, *(video or X264))
    for i in range(len(tracks)):
        path.with_name(f"{path.stem}.track{i}.tmp").unlink()
    return path
