"""Look for canaries that are lost in silence.

python -m tests.canaries                               # 100 files of each format
python -m tests.canaries --format eml --n 10000        # the long run of one format
"""

import argparse
import sys
import time

from tests.canaries.drive import findings, makers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.canaries", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--format", action="append", choices=sorted(makers()), help="all of them unless given")
    parser.add_argument("--n", type=int, default=100, help="files of each format")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    n_wrong = 0
    for name in args.format or sorted(makers()):
        began, n_here = time.monotonic(), 0
        for finding in findings(name, args.n, args.seed):
            n_here += 1
            if n_here <= 10:
                print(f"  {name} seed {finding.seed}: {finding.word} in {finding.holder}: {finding.what}")
        n_wrong += n_here
        print(
            f"{name}: {args.n} files in {time.monotonic() - began:.1f} s, {n_here} canaries lost or glued", flush=True
        )
    return n_wrong > 0


if __name__ == "__main__":
    sys.exit(main())
