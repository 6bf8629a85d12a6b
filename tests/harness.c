/* SPDX-License-Identifier: MIT */
#include "tests/harness.h"

#include "proto/base/base.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int penstock_test_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

char *penstock_test_directory(void)
{
	/* A tmpfs where there is one, as an operator has it: fallocate costs nothing there. */
	const char *parent = getenv("TMPDIR"), *shm = "/dev/shm";
	char path[256];

	if (parent == NULL) {
		parent = access(shm, W_OK) == 0 ? shm : "/tmp";
	}
	snprintf(path, sizeof(path), "%s/penstock-test-XXXXXX", parent);
	PENSTOCK_REQUIRE(mkdtemp(path) != NULL);
	return strdup(path);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void penstock_test_directory_remove(char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}
