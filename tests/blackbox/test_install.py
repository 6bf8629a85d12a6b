#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make install into an empty folder: what is there, that it works where it will be, that a program
is built with what pkg-config says, and that uninstalling leaves nothing.

The installed programs know their final paths. The folder is mounted there in a mount namespace of
the test's own, which takes root."""

import contextlib
import os
import pathlib
import re
import shlex
import socket
import subprocess
import tempfile

import wire
from peer import BUILD, PATIENCE_S, Skip, run

CLIENT = r"""
#include <penstock/penstock.h>
#include <stdio.h>
int main(void)
{
	struct penstock_connection *connection;
	char why[PENSTOCK_SENTENCE_BYTES] = "";
	uint64_t device;

	if (penstock_connect(NULL, &connection, why, sizeof(why)) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_device_create(connection, NULL, &device) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_connection_sync(connection, 60000) != PENSTOCK_STATUS_SUCCESS) {
		printf("%s\n", why);
		return 1;
	}
	penstock_connection_close(connection);
	printf("penstock %s\n", penstock_version());
	return 0;
}
"""

# Below the prefix. The library's name has its version behind it.
FILES = ("bin/penstock", "bin/penstockctl", "sbin/penstockd", "libexec/penstock/penstock-gpu",
         "lib/libpenstock.so", "lib/pkgconfig/penstock.pc", "lib/systemd/system/penstockd.service",
         "etc/penstock/penstockd.conf", "include/penstock/penstock.h", "include/penstock/status.h",
         "include/penstock/values.h", "include/penstock/instructions.h",
         "include/penstock/graphics.h",
         "share/man/man1/penstock.1", "share/man/man1/penstockctl.1", "share/man/man8/penstockd.8")
if (pathlib.Path(BUILD) / "penstock-shader").exists():  # built with Vulkan
    FILES += ("libexec/penstock/penstock-shader",)


def make(target, root):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DESTDIR")}
    result = subprocess.run(["make", "-s", "-C", BUILD, target, f"DESTDIR={root}"],
                            capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result


class Installed:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="penstock-install-")
        self.root = pathlib.Path(self.folder.name, "root")
        self.work = pathlib.Path(self.folder.name, "work")
        self.work.mkdir()
        text = (BUILD / "client" / "penstock.pc").read_text()
        self.prefix = pathlib.Path(re.search(r"^prefix=(.*)$", text, re.M).group(1))
        self.place = self.root / self.prefix.relative_to("/")
        self.socket = f"{self.work}/penstock.sock"
        self.environment = {**os.environ, "PENSTOCK_SERVER": f"unix:{self.socket}",
                            "LD_LIBRARY_PATH": f"{self.prefix}/lib"}
        make("install", self.root)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def command(self, *arguments):
        """A command that sees the folder where it will be."""
        if os.geteuid() != 0 or not self.prefix.is_dir():
            raise Skip(f"needs root, and {self.prefix} to mount on")
        return ["unshare", "--mount", "sh", "-c",
                'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", str(self.place),
                str(self.prefix), *map(str, arguments)]

    def call(self, *arguments):
        result = subprocess.run(self.command(*arguments), capture_output=True, text=True,
                                cwd=self.work, env=self.environment, timeout=PATIENCE_S,
                                check=False)
        assert result.returncode == 0 and not result.stderr, result
        return result.stdout

    @contextlib.contextmanager
    def daemon(self):
        """The installed penstockd; it is told nothing of where its GPU is."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(f"{self.work}/notify")
        notify.settimeout(PATIENCE_S)
        command = self.command(self.prefix / "sbin" / "penstockd", f"--socket={self.socket}",
                               f"--state-dir={self.work}/state",
                               f"--memory-dir={self.work}/memory")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True,
                                   env={**self.environment, "NOTIFY_SOCKET": f"{self.work}/notify"})
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
            yield
        finally:
            notify.close()
            os.unlink(f"{self.work}/notify")
            process.terminate()
            output = process.communicate(timeout=PATIENCE_S)[0]
        assert process.returncode == 0, output


def everything_is_installed(installed):
    for name in FILES:
        assert (installed.place / name).exists(), name
    there = {str(path.relative_to(installed.place)) for path in installed.root.rglob("*")
             if not path.is_dir()}
    more = {name for name in there - set(FILES) if not name.startswith("lib/libpenstock.")}
    assert not more, f"installed, and nobody asked for it: {more}"
    unit = (installed.place / "lib/systemd/system/penstockd.service").read_text()
    assert f"{installed.prefix}/sbin/penstockd" in unit and "dir@" not in unit, unit


def the_installed_programs_find_each_other(installed):
    with installed.daemon():
        example = wire.SOURCE / "client" / "examples" / "picture.pasm"
        tool = installed.prefix / "bin" / "penstock"
        installed.call(tool, "run", example)
        assert "uid:0" in installed.call(tool, "info")
        assert "system_process" in installed.call(installed.prefix / "bin" / "penstockctl",
                                                  "status")


def a_program_is_built_with_what_pkg_config_says(installed):
    source = installed.work / "client.c"
    source.write_text(CLIENT)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(installed.place / "lib" / "pkgconfig"),
                   "PKG_CONFIG_SYSROOT_DIR": str(installed.root)}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "penstock"], env=environment,
                           capture_output=True, text=True, check=True).stdout
    program = installed.work / "client"
    subprocess.run([*shlex.split(os.environ.get("PENSTOCK_CC", "cc")), "-Wall", "-Werror", "-o",
                    program, source, *shlex.split(flags),
                    *shlex.split(os.environ.get("PENSTOCK_TEST_LDFLAGS", ""))], check=True)
    version = subprocess.run(["pkg-config", "--modversion", "penstock"], env=environment,
                             capture_output=True, text=True, check=True).stdout
    with installed.daemon():
        assert installed.call(program) == f"penstock {version}"


def uninstalling_leaves_nothing(installed):
    make("uninstall", installed.root)
    left = [str(path) for path in installed.root.rglob("*") if not path.is_dir()]
    assert left == [], left


class Resource(Installed):
    """`run` asks at the end whether what it shares is alive."""

    def check_alive(self):
        assert self.work.is_dir()


if __name__ == "__main__":
    run([everything_is_installed, the_installed_programs_find_each_other,
         a_program_is_built_with_what_pkg_config_says, uninstalling_leaves_nothing], Resource)
