#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every script of client/examples, through penstock run and a whole daemon. A script is a test: it
says itself what must come of it. And the picture of client/examples/mandelbrot, pixel by pixel."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import peer
import wire

EXAMPLES = sorted((wire.SOURCE / "client" / "examples").glob("*.pasm"))


def tool(daemon, *arguments, directory=None):
    return subprocess.run([peer.program("penstock"), "--server", f"unix:{daemon.socket}",
                           *arguments], capture_output=True, text=True, cwd=directory,
                          timeout=2 * peer.PATIENCE_S, check=False)


def has_pipelines(daemon):
    return json.loads(tool(daemon, "info", "--json").stdout)["adapters"][0]["pipelines"]


def example(path):
    def runs_as_it_says(daemon):
        with tempfile.TemporaryDirectory() as directory:
            result = tool(daemon, "run", str(path), directory=directory)
            if "\npipeline " in path.read_text() and not has_pipelines(daemon):
                # Without 3D and compute: nothing compiles the shader, or the adapter refuses it.
                wanted = "no pipelines" if shutil.which("glslangValidator") else "glslangValidator"
                assert result.returncode != 0 and wanted in result.stderr, result
                return
            pictures = list(pathlib.Path(directory).glob("*.png"))
            assert result.returncode == 0, f"exit {result.returncode}:\n{result.stderr}"
            assert path.stem != "picture" or pictures
    runs_as_it_says.__name__ = f"example_{path.stem}_runs_as_it_says"
    return runs_as_it_says


def there_are_examples(_daemon):
    assert len(EXAMPLES) >= 6


# ---------------------------------------------------------------- the Mandelbrot set

WIDTH, HEIGHT, ITERATIONS = 97, 61, 120
ONE = 1 << 25


def multiply(one, other):
    """As the shader does: 32 bits, 25 of them behind the point."""
    product = one * other >> 25 & 0xffffffff
    return product - (1 << 32) if product >> 31 else product


def wave(number):
    return number & 0xff if number & 0x100 == 0 else 0xff - (number & 0xff)


def pixel_of(left, top):
    x = y = count = 0
    while count < ITERATIONS:
        xx, yy = multiply(x, x), multiply(y, y)
        if xx + yy > 4 * ONE:
            return 0xff000000 | wave(count * 7) << 16 | wave(count * 13) << 8 | \
                wave(count * 29 + 64)
        y = 2 * multiply(x, y) + top
        x = xx - yy + left
        count += 1
    return 0xff000000


def wanted_pixels():
    pixel = 3.6 / max(WIDTH, HEIGHT)
    left, top, step = (int(value * ONE) for value in
                       (-0.75 - pixel * WIDTH / 2, -pixel * HEIGHT / 2, pixel))
    return [[pixel_of(left + x * step, top + y * step) for x in range(WIDTH)]
            for y in range(HEIGHT)]


def pixels_of(daemon, directory):
    """Of picture.png, by way of a surface."""
    path = pathlib.Path(directory, "look.pasm")
    path.write_text('device gpu\nallocation a png="picture.png"\nread a file="pixels"\n')
    result = tool(daemon, "run", str(path), directory=directory)
    assert result.returncode == 0, result
    rows = pathlib.Path(directory, "pixels").read_bytes()
    pitch = (WIDTH * 4 + 63) // 64 * 64
    return [list(struct.unpack_from(f"<{WIDTH}I", rows, y * pitch)) for y in range(HEIGHT)]


def mandelbrot_computes_the_picture_that_python_computes(daemon):
    if not (peer.BUILD / "mandelbrot").exists():
        assert not has_pipelines(daemon), "it is not built, and could compute"
        return
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(
            [peer.program("mandelbrot"), f"{directory}/picture.png", str(WIDTH), str(HEIGHT),
             str(ITERATIONS)], capture_output=True, text=True, timeout=2 * peer.PATIENCE_S,
            check=False, env={**os.environ, "PENSTOCK_SERVER": f"unix:{daemon.socket}"})
        assert result.returncode == 0, result
        found, wanted = pixels_of(daemon, directory), wanted_pixels()
    for y in range(HEIGHT):
        assert found[y] == wanted[y], f"row {y} is another"
    assert len({pixel for row in wanted for pixel in row}) > 20  # it is a picture


if __name__ == "__main__":
    peer.run([there_are_examples, mandelbrot_computes_the_picture_that_python_computes] +
             [example(path) for path in EXAMPLES], peer.Daemon)
