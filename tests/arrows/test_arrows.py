#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The arrows of docs/architecture.md, twice.

Convenience libraries link with anything undefined, so: each library is linked whole, with nothing
undefined allowed and only what arrows.table permits; and each source file includes only what its
folder may. Writes TAP.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("PENSTOCK_SRCDIR", "."))
BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILDDIR", "."))
HERE = pathlib.Path(__file__).parent
FOREIGN = ("uv.h", "uv/", "sqlite3.h", "uthash.h", "xxhash.h", "openssl/", "seccomp.h", "png.h",
           "jansson.h", "libsmartcols", "protobuf-c", "ini.h", "ft2build.h", "check.h", "vulkan/",
           "spirv")


def has_vulkan():
    return re.search(r"^#define HAVE_VULKAN 1$", (BUILD / "config.h").read_text(), re.M)


def read_table(path):
    rows = []
    for line in path.read_text().splitlines():
        if line == "[vulkan]":
            if not has_vulkan():
                break
        elif line.strip() and not line.startswith("#"):
            name, folder, own, foreign, links = (part.strip() for part in line.split("|"))
            rows.append({"name": name, "folder": folder, "own": own.split(),
                         "foreign": foreign.split(), "links": links.split()})
    return rows


def archive(name):
    return BUILD / ".libs" / f"lib{name}.a"


def link_fault(row, compiler, flags):
    """None, or what the linker said of the library on its own."""
    if not archive(row["name"]).exists():
        return f"{archive(row['name'])} does not exist"
    with tempfile.TemporaryDirectory() as directory:
        command = compiler + flags + [
            "-shared", "-o", f"{directory}/out.so", "-Wl,--no-undefined", "-Wl,--whole-archive",
            str(archive(row["name"])), "-Wl,--no-whole-archive", "-Wl,--start-group"]
        command += [link if link.startswith("-l") else str(archive(link)) for link in row["links"]]
        command += ["-Wl,--end-group", "-lpthread", "-lm"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if result.returncode == 0 else result.stderr


def include_faults(row):
    """Includes of the folder's files that the row does not permit, and how many files there are."""
    faults, files = [], 0
    for path in sorted((SOURCE / row["folder"]).rglob("*.[ch]")):
        nested = [other for other in TABLE if other["folder"].startswith(row["folder"] + "/")
                  and str(path.relative_to(SOURCE)).startswith(other["folder"] + "/")]
        if nested or (row["name"] == "dma" and not path.name.startswith("dma")):
            continue
        files += 1
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not found:
                continue
            quoted, name = found.group(1) == '"', found.group(2)
            if name.startswith(FOREIGN):
                permitted = any(name.startswith(prefix) for prefix in row["foreign"])
            else:
                permitted = (not quoted or name == "config.h" or
                             any(name.startswith(prefix) for prefix in row["own"]))
            if not permitted:
                faults.append(f"{path.relative_to(SOURCE)}:{number}: {name}")
    return faults, files


def main():
    log = open(os.environ.get("CK_TAP_LOG_FILE_NAME", os.devnull), "w", encoding="utf-8")
    compiler = os.environ.get("PENSTOCK_CC", "gcc").split()
    flags = os.environ.get("PENSTOCK_TEST_LDFLAGS", "").split()
    failed = 0
    number = 0

    def report(good, name, detail=""):
        nonlocal failed, number
        number += 1
        failed += not good
        line = f"{'ok' if good else 'not ok'} {number} - arrows:{name}"
        print(line, file=log)
        print(line)
        if not good:
            print(detail)

    sanitized = "-fsanitize" in " ".join(flags)
    for row in TABLE:
        faults, files = include_faults(row)
        report(not faults and files > 0, f"{row['name']}_includes_only_what_it_may",
               "\n".join(faults) or f"no file in {row['folder']}")
        if not sanitized:  # a sanitizer's runtime is undefined in a shared object by design
            fault = link_fault(row, compiler, flags)
            report(fault is None, f"{row['name']}_links_with_only_what_it_may", fault)
    print(f"1..{number}", file=log)
    return 1 if failed else 0


TABLE = read_table(HERE / "arrows.table")
if __name__ == "__main__":
    sys.exit(main())
