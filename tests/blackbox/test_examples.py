#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every script of client/examples, through penstock run and a whole daemon. A script is a test: it
says itself what must come of it."""

import pathlib
import subprocess
import tempfile

import peer
import wire

EXAMPLES = sorted((wire.SOURCE / "client" / "examples").glob("*.pasm"))


def example(path):
    def runs_as_it_says(daemon):
        with tempfile.TemporaryDirectory() as directory:
            result = subprocess.run(
                [peer.program("penstock"), "--server", f"unix:{daemon.socket}", "run", str(path)],
                capture_output=True, text=True, cwd=directory, timeout=2 * peer.PATIENCE_S,
                check=False)
            pictures = list(pathlib.Path(directory).glob("*.png"))
            assert result.returncode == 0, f"exit {result.returncode}:\n{result.stderr}"
            assert path.stem != "picture" or pictures
    runs_as_it_says.__name__ = f"example_{path.stem}_runs_as_it_says"
    return runs_as_it_says


def there_are_examples(_daemon):
    assert len(EXAMPLES) >= 6


if __name__ == "__main__":
    peer.run([there_are_examples] + [example(path) for path in EXAMPLES], peer.Daemon)
