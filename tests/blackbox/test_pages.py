#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the pages say is so: the commands of README.md and the scripts of docs/assembly.md run, the
manual pages are clean, and programs and pages name the same options."""

import os
import re
import shlex
import shutil
import subprocess

import wire
from peer import BUILD, Daemon, Skip, program, run
from tools import penstock, run_tool

README = wire.SOURCE / "README.md"
PAGES = {"penstock": "penstock.1", "penstockctl": "penstockctl.1", "penstockd": "penstockd.8"}
# What sets a machine up and builds everything is not run from inside a build.
SETS_UP = {"scripts/demo", "scripts/check"}


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


def commands(text):
    """The lines of a block without their comments, as words."""
    words = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [line for line in words if line]


def the_commands_of_the_readme_work():
    found = [command for block in blocks(README, "sh") for command in commands(block)]
    assert found, "README.md has no commands"
    start = [command for command in found if command[0] == "penstockd"]
    assert len(start) == 1, start
    with Daemon() as daemon:
        # the daemon of the page is this one, with its folders elsewhere
        options = dict(zip(start[0][1::2], start[0][2::2]))
        told = {option.partition("=")[0] for option in daemon.options}
        assert set(options) <= told, options
        server = {"PENSTOCK_SERVER": f"unix:{daemon.socket}"}
        for command in found:
            if command[0] in SETS_UP:
                path = wire.SOURCE / command[0]
                assert os.access(path, os.X_OK), path
                subprocess.run(["bash", "-n", path], check=True)
            elif command[0] == "export":
                assert command[1] == f"PENSTOCK_SERVER=unix:{options['--socket']}", command
            elif command[0] != "penstockd":
                result = subprocess.run([program(command[0]), *command[1:]], cwd=wire.SOURCE,
                                        env={**os.environ, **server}, capture_output=True,
                                        text=True, check=False)
                assert result.returncode == 0 and result.stdout, result


def the_scripts_of_the_assembly_page_run():
    page = wire.SOURCE / "docs" / "assembly.md"
    scripts = [block for block in blocks(page, "") if "\nexpect" in block]
    assert scripts
    with Daemon() as daemon:
        for script in scripts:
            path = f"{daemon.directory}/page.pasm"
            with open(path, "w", encoding="utf-8") as file:
                file.write(script)
            result = penstock(daemon, "run", path)
            assert result.returncode == 0, (script, result)


def links_of_the_pages_lead_somewhere():
    for page in [README, *(wire.SOURCE / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not re.match(r"\w+:", link):
                assert (page.parent / link).exists(), f"{page.name}: {link}"
    for path in re.findall(r"^\| `([\w-]+/)` \|", README.read_text(), re.M):
        assert (wire.SOURCE / path).is_dir(), path


def the_readme_names_every_page():
    text = README.read_text()
    for page in (wire.SOURCE / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in text, page.name


def the_make_targets_of_the_readme_exist():
    makefile = (BUILD / "Makefile").read_text()
    targets = re.findall(r"`make ([a-z]+)[^`]*`", README.read_text())
    assert len(targets) >= 8, targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def the_manual_pages_are_clean():
    if shutil.which("mandoc") is None:
        raise Skip("there is no mandoc")
    paths = [wire.SOURCE / "man" / page for page in PAGES.values()]
    assert sorted(paths) == sorted((wire.SOURCE / "man").glob("*.[0-9]"))
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *paths],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0 and not result.stdout, result.stdout


def options(text):
    """Every --option, and -o, that a text names; -- alone is none."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*|(?<![\w-])-[a-z](?![\w-])", text))


def rendered(page):
    if shutil.which("mandoc") is None:
        raise Skip("there is no mandoc")
    result = subprocess.run(["mandoc", "-T", "ascii", wire.SOURCE / "man" / page],
                            capture_output=True, text=True, check=True)
    return re.sub(".\x08", "", result.stdout)  # bold and underlined by overstriking


def a_manual_page_names_the_options_of_its_program():
    for name, page in PAGES.items():
        helped = options(run_tool(name, "--help").stdout)
        text = rendered(page)
        told = options(text)
        if name == "penstockd":  # every key of the configuration is an option
            source = (wire.SOURCE / "man" / page).read_text()
            told = told - {"--key"} | {f"--{key}"
                                       for line in re.findall(r"^\.It Cm (.*)$", source, re.M)
                                       for key in line.split(" , ")}
        assert helped == told, f"{name}: only --help: {helped - told}, only the page: {told - helped}"


def the_example_configuration_names_every_key():
    text = (wire.SOURCE / "systemd" / "penstockd.conf").read_text()
    keys = {f"--{key}" for key in re.findall(r"^;?\s*([a-z-]+)\s*=", text, re.M)}
    plain = {"--config", "--check-config", "--version", "--help"}
    helped = options(run_tool("penstockd", "--help").stdout) - plain
    assert keys == helped, (keys - helped, helped - keys)


if __name__ == "__main__":
    run([the_commands_of_the_readme_work, the_scripts_of_the_assembly_page_run,
         links_of_the_pages_lead_somewhere, the_readme_names_every_page,
         the_make_targets_of_the_readme_exist, the_manual_pages_are_clean,
         a_manual_page_names_the_options_of_its_program, the_example_configuration_names_every_key])
