"""What each input is called as a source, so that no two records of a run share their key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mpi.input_file import InputFile

__all__ = ["source_names"]


def source_names(files: Sequence[InputFile]) -> list[str]:
    """Name every file of a run as a source.

    Parameters
    ----------
    files : all files of all inputs, in the order of the run

    Returns
    -------
    list of str, all different: the file's name without suffix; where several share it, with as
    many folders before it as tell them apart ('north/people', 'south/people'); numbered where
    one table is given twice
    """
    names = [file.stem for file in files]
    folders = [Path(file.path).absolute().parent.parts[1:] for file in files]
    depth = 1
    while depth <= max((len(each) for each in folders), default=0):
        shared = [name for name, count in Counter(names).items() if count > 1]
        if not shared:
            return names
        names = [
            "/".join([*folder[-depth:], file.stem])
            if name in shared and file.format != "table"
            else name
            for name, folder, file in zip(names, folders, files, strict=True)
        ]
        depth += 1
    return _numbered(names)


def _numbered(names: Sequence[str]) -> list[str]:
    result: list[str] = []
    for name in names:
        number, wanted = 1, name
        while wanted in result:
            number += 1
            wanted = f"{name} {number}"
        result.append(wanted)
    return result
