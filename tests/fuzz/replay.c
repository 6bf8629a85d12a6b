/* SPDX-License-Identifier: MIT */
/*
 * main() of a fuzz target in a build without libFuzzer: runs the target on the files that are
 * named or, without arguments, on the target's committed seeds: fuzz_NAME on all files of
 * tests/fuzz/seeds/NAME. A case of the TAP log is a file. Fails where there is none, so that it
 * cannot be green by looking at nothing.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_BYTES_MAX (16u << 20)

static FILE *tap;
static unsigned cases;
static unsigned failures;

static void report(const char *target, const char *path, const char *why)
{
	const char *slash = strrchr(path, '/');

	cases++;
	failures += why != NULL;
	if (tap != NULL) {
		fprintf(tap, "%sok %u - fuzz:%s:%s\n", why == NULL ? "" : "not ", cases, target,
			slash == NULL ? path : slash + 1);
		fflush(tap);
	}
	if (why != NULL) {
		fprintf(stderr, "%s: %s\n", path, why);
	}
}

/* The target gets a block of exactly the file's size, so that a sanitizer sees its ends. */
static void replay_file(const char *target, const char *path)
{
	uint8_t *whole = malloc(SEED_BYTES_MAX);
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t size;

	if (file == NULL || whole == NULL) {
		report(target, path, strerror(errno));
		free(whole);
		if (file != NULL) {
			fclose(file);
		}
		return;
	}
	size = fread(whole, 1, SEED_BYTES_MAX, file);
	exact = malloc(size == 0 ? 1 : size);
	printf("replaying %s\n", path); /* the last line of the log names what crashed */
	fflush(stdout);
	if (exact != NULL) {
		memcpy(exact, whole, size);
		LLVMFuzzerTestOneInput(exact, size);
	}
	report(target, path, exact == NULL || ferror(file) ? "cannot be read" : NULL);
	fclose(file);
	free(exact);
	free(whole);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_seeds(const char *target)
{
	const char *source = getenv("PENSTOCK_SRCDIR");
	struct dirent **entries;
	char folder[2048];
	char path[4096];
	int count;

	snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/%s", source == NULL ? "." : source,
		 target);
	count = scandir(folder, &entries, is_file, alphasort);
	if (count < 0) {
		report(target, folder, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		replay_file(target, path);
		free(entries[i]);
	}
	free(entries);
	if (count == 0) {
		report(target, folder, "no seeds");
	}
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_");
	const char *log = getenv("CK_TAP_LOG_FILE_NAME");

	for (const char *next = name; next != NULL; next = strstr(next + 1, "fuzz_")) {
		name = next;
	}
	name = name == NULL ? argv[0] : name + strlen("fuzz_");
	tap = log == NULL ? NULL : fopen(log, "w");
	for (int i = 1; i < argc; i++) {
		replay_file(name, argv[i]);
	}
	if (argc == 1) {
		replay_seeds(name);
	}
	if (tap != NULL) {
		fprintf(tap, "1..%u\n", cases);
		fclose(tap);
	}
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
