"""Findings of all tests on clips of known origin: python -m models.training.verdict.collect MANIFEST KEEP"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from vidface.cli._deepfakecases import claims_of, read_cases
from vidface.cli._deepfakeclip import evidence_of, person_files
from vidface.errors import VidfaceError


def main() -> None:
    """Run over what was not looked at yet; `vidface eval deepfake --keep KEEP` reads the same files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("keep", type=Path)
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    cases = read_cases(args.manifest)
    people, failed = person_files(claims_of(cases), args.keep)
    for claim, why in failed.items():
        sys.stderr.write(f"{claim}: {why}\n")
    files = dict.fromkeys(case.file for case in sorted(cases, key=lambda case: case.crf))
    for number, file in enumerate(files, 1):
        mine = [case for case in cases if case.file == file]
        wanted = {case.claim: people[case.claim] for case in mine if case.claim in people}
        begin = time.monotonic()
        try:
            found = evidence_of(mine[0], wanted, args.keep)
            told = f"track {found.track}, {sum(map(len, found.findings.values()))} findings"
        except VidfaceError as error:
            told = str(error)
        sys.stderr.write(f"{number} of {len(files)}: {file.name}: {told}, {time.monotonic() - begin:.0f} s\n")


if __name__ == "__main__":
    main()
