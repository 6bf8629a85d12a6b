/* SPDX-License-Identifier: MIT */
#include "daemon/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_STEP_MS 20u

/* Everything before the last component. */
static enum penstock_status make_parents(char *path, struct penstock_errbuf *reterr_text)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int result;

		*slash = '\0';
		result = mkdir(path, 0755);
		if (result != 0 && errno != EEXIST) {
			penstock_errbuf_set(reterr_text, "folder '%.180s': %s", path,
					    strerror(errno));
			return penstock_status_from_errno(errno);
		}
		*slash = '/';
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status make(const char *path, mode_t mode, struct penstock_errbuf *reterr_text)
{
	char copy[4096];
	struct stat there;
	enum penstock_status status;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy)) {
		penstock_errbuf_set(reterr_text, "folder '%.180s...': the path is too long", path);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = make_parents(copy, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (mkdir(path, mode) != 0 && errno != EEXIST) {
		penstock_errbuf_set(reterr_text, "folder '%.180s': %s", path, strerror(errno));
		return penstock_status_from_errno(errno);
	}
	if (stat(path, &there) != 0 || !S_ISDIR(there.st_mode) || access(path, W_OK | X_OK) != 0) {
		penstock_errbuf_set(reterr_text, "'%.180s' is no folder that can be written", path);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_directory_make(const char *path, struct penstock_errbuf *reterr_text)
{
	return make(path, 0700, reterr_text);
}

enum penstock_status penstock_directory_make_public(const char *path,
						    struct penstock_errbuf *reterr_text)
{
	return make(path, 0755, reterr_text);
}

/* For whoever looks at the file: who has it. */
static void write_owner(int descriptor)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(descriptor, 0) == 0) {
		(void)!pwrite(descriptor, text, (size_t)length, 0);
	}
}

static bool try_lock(int descriptor, unsigned wait_ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000 };

	for (unsigned waited_ms = 0; flock(descriptor, LOCK_EX | LOCK_NB) != 0;
	     waited_ms += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK || waited_ms >= wait_ms) {
			return false;
		}
		(void)nanosleep(&step, NULL);
	}
	return true;
}

enum penstock_status penstock_directory_lock(const char *memory_dir, unsigned wait_ms,
					     int *ret_descriptor,
					     struct penstock_errbuf *reterr_text)
{
	char path[4096];
	enum penstock_status status;
	int descriptor;

	if ((size_t)snprintf(path, sizeof(path), "%s/lock", memory_dir) >= sizeof(path)) {
		penstock_errbuf_set(reterr_text, "'%.180s...': the path is too long", memory_dir);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (descriptor < 0) {
		status = penstock_status_from_errno(errno);
		penstock_errbuf_set(reterr_text, "'%.180s': %s", path, strerror(errno));
		return status;
	}
	if (!try_lock(descriptor, wait_ms)) {
		penstock_errbuf_set(reterr_text,
				    "'%.180s' is locked: another penstockd, or a GPU process of "
				    "one, uses this folder",
				    path);
		(void)close(descriptor);
		return PENSTOCK_STATUS_TIMEOUT;
	}
	write_owner(descriptor);
	*ret_descriptor = descriptor;
	return PENSTOCK_STATUS_SUCCESS;
}
