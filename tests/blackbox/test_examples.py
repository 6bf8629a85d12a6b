#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every script of client/examples, through penstock run and a whole daemon. A script is a test: it
says itself what must come of it. And the picture of client/examples/mandelbrot, pixel by pixel, and
the frames of client/examples/model."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import zlib

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


# ---------------------------------------------------------------- the model

OCTAHEDRON = """v 1 0 0\nv -1 0 0\nv 0 1 0\nv 0 -1 0\nv 0 0 1\nv 0 0 -1
f 1 3 5\nf 3 2 5\nf 2 4 5\nf 4 1 5\nf 3 1 6\nf 2 3 6\nf 4 2 6\nf 1 4 6
"""
BACKGROUND = 0xff293040


def write_png(path, width, rows):
    """Red, green, blue: eight bits each."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + \
            struct.pack(">I", zlib.crc32(kind + body))

    lines = b"".join(b"\0" + bytes(row) for row in rows)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" +
                     chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def run_model(daemon, directory, *arguments):
    return subprocess.run([peer.program("model"), *arguments], capture_output=True, text=True,
                          timeout=2 * peer.PATIENCE_S, check=False, cwd=directory,
                          env={**os.environ, "PENSTOCK_SERVER": f"unix:{daemon.socket}"})


def the_model_turns_before_its_background(daemon):
    """Each pixel is held against plain Vulkan by tests/golden/test_model: here it is a program."""
    if not (peer.BUILD / "model").exists():
        assert not has_pipelines(daemon), "it is not built, and could draw"
        return
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / "model.obj").write_text(OCTAHEDRON)
        write_png(directory / "red.png", 2, [[255, 0, 0] * 2] * 2)
        result = run_model(daemon, directory, "model.obj", "red.png", ".", "3", str(WIDTH),
                           str(HEIGHT))
        assert result.returncode == 0 and "3 frames of 8 triangles" in result.stdout, result
        frames = []
        for number in range(3):
            shutil.copy(directory / f"model-{number:02}.png", directory / "picture.png")
            frames.append(pixels_of(daemon, directory))
        refused = [run_model(daemon, directory, *arguments) for arguments in (
            ("model.obj", "red.png"), ("model.obj", "red.png", ".", "0"),
            ("red.png", "red.png", "."), ("model.obj", "model.obj", "."),
            ("model.obj", "red.png", "nowhere"))]
    for frame in frames:
        for y, x in ((0, 0), (HEIGHT - 1, WIDTH - 1)):
            assert frame[y][x] == BACKGROUND, hex(frame[y][x])
        middle = frame[HEIGHT // 2][WIDTH // 2]
        assert middle >> 16 & 0xff > 60 and middle & 0xff < middle >> 16 & 0xff, hex(middle)
    assert frames[0] != frames[1]  # it turned
    assert all(result.returncode != 0 and result.stderr for result in refused), refused


if __name__ == "__main__":
    peer.run([there_are_examples, mandelbrot_computes_the_picture_that_python_computes,
              the_model_turns_before_its_background] +
             [example(path) for path in EXAMPLES], peer.Daemon)
