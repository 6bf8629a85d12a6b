/* SPDX-License-Identifier: MIT */
#include "tests/faults/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PENSTOCK_FAULT_SQLITE
#include <sqlite3.h>
#endif

static struct penstock_fault_page own;
static struct penstock_fault_page *page = &own;

/* Whether this call fails. Several threads count down together; exactly one reaches 0. */
static bool due(unsigned kind, const char *name)
{
	uint64_t kinds = __atomic_load_n(&page->kinds, __ATOMIC_RELAXED);
	uint64_t left = __atomic_load_n(&page->countdown, __ATOMIC_ACQUIRE);
	const bool stays = (kinds & (PENSTOCK_FAULT_SPACE | PENSTOCK_FAULT_DISK)) != 0;

	if (left == 0 || (kinds != 0 && (kinds & kind) == 0)) {
		return false;
	}
	__atomic_add_fetch(&page->calls, 1, __ATOMIC_RELAXED);
	while (left > (stays ? 1 : 0) &&
	       !__atomic_compare_exchange_n(&page->countdown, &left, left - 1, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
	}
	if (left != 1) {
		return false;
	}
	/* Where space stays away, several threads fail: the first is named. */
	if (__atomic_fetch_add(&page->named, 1, __ATOMIC_RELAXED) == 0) {
		snprintf(page->last, sizeof(page->last), "%s", name);
	}
	__atomic_add_fetch(&page->failed, 1, __ATOMIC_RELEASE);
	return true;
}

void penstock_fault_arm(uint64_t n, uint64_t kinds)
{
	__atomic_store_n(&page->kinds, kinds, __ATOMIC_RELAXED);
	__atomic_store_n(&page->calls, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&page->failed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&page->named, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&page->countdown, n, __ATOMIC_RELEASE);
}

bool penstock_fault_disarm(void)
{
	__atomic_store_n(&page->countdown, 0, __ATOMIC_RELEASE);
	return __atomic_load_n(&page->failed, __ATOMIC_ACQUIRE) != 0;
}

const char *penstock_fault_last(void)
{
	return page->last;
}

/* ---------------------------------------------------------------- calls of the program */

/* WRAP(kind, what it answers when it fails, errno, type, name, parameters, arguments) */
#define WRAP(kind, failure, code, type, name, parameters, arguments)                               \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		if (due(kind, #name)) {                                                            \
			errno = code;                                                              \
			return failure;                                                            \
		}                                                                                  \
		return __real_##name arguments;                                                    \
	}

#define MEMORY(type, name, parameters, arguments)                                                  \
	WRAP(PENSTOCK_FAULT_MEMORY, NULL, ENOMEM, type, name, parameters, arguments)
#define A_FILE(code, type, name, parameters, arguments)                                            \
	WRAP(PENSTOCK_FAULT_FILE, -1, code, type, name, parameters, arguments)
#define A_SPACE(type, name, parameters, arguments)                                                 \
	WRAP(PENSTOCK_FAULT_FILE | PENSTOCK_FAULT_SPACE, -1, ENOSPC, type, name, parameters,       \
	     arguments)

MEMORY(void *, malloc, (size_t size), (size))
MEMORY(void *, calloc, (size_t count, size_t size), (count, size))
MEMORY(void *, realloc, (void *block, size_t size), (block, size))
MEMORY(char *, strdup, (const char *text), (text))
WRAP(PENSTOCK_FAULT_MEMORY, MAP_FAILED, ENOMEM, void *, mmap,
     (void *address, size_t size, int access, int flags, int descriptor, off_t offset),
     (address, size, access, flags, descriptor, offset))
A_SPACE(int, ftruncate, (int descriptor, off_t size), (descriptor, size))
A_SPACE(ssize_t, pwrite, (int descriptor, const void *bytes, size_t size, off_t offset),
	(descriptor, bytes, size, offset))
A_FILE(EIO, ssize_t, pread, (int descriptor, void *bytes, size_t size, off_t offset),
       (descriptor, bytes, size, offset))
A_FILE(EIO, int, fstat, (int descriptor, struct stat *status), (descriptor, status))
A_FILE(EMFILE, int, memfd_create, (const char *name, unsigned flags), (name, flags))
A_FILE(EMFILE, int, eventfd, (unsigned value, int flags), (value, flags))
A_FILE(EMFILE, int, dup, (int descriptor), (descriptor))
A_FILE(EMFILE, int, accept4, (int descriptor, struct sockaddr *address, socklen_t *size, int flags),
       (descriptor, address, size, flags))
A_FILE(EMFILE, int, socketpair, (int domain, int type, int protocol, int pair[2]),
       (domain, type, protocol, pair))
WRAP(PENSTOCK_FAULT_FILE, ENOMEM, ENOMEM, int, posix_spawn,
     (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
      const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]),
     (pid, path, actions, attributes, arguments, environment))

/* Punching a hole needs no space. */
int __real_fallocate(int descriptor, int mode, off_t offset, off_t size);
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t size);
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t size)
{
	const bool punches = (mode & FALLOC_FL_PUNCH_HOLE) != 0;

	if (due(PENSTOCK_FAULT_FILE | (punches ? 0u : PENSTOCK_FAULT_SPACE), "fallocate")) {
		errno = ENOSPC;
		return -1;
	}
	return __real_fallocate(descriptor, mode, offset, size);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
	va_end(more);
	if (due(PENSTOCK_FAULT_FILE, "open")) {
		errno = EMFILE;
		return -1;
	}
	return __real_open(path, flags, mode);
}

/* ---------------------------------------------------------------- sqlite's */

#ifdef PENSTOCK_FAULT_SQLITE

static sqlite3_mem_methods memory;

static void *sqlite_malloc(int size)
{
	return due(PENSTOCK_FAULT_STORE, "sqlite's malloc") ? NULL : memory.xMalloc(size);
}

static void *sqlite_realloc(void *block, int size)
{
	return due(PENSTOCK_FAULT_STORE, "sqlite's realloc") ? NULL : memory.xRealloc(block, size);
}

static ssize_t sqlite_pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
	if (due(PENSTOCK_FAULT_STORE | PENSTOCK_FAULT_DISK, "sqlite's pwrite")) {
		errno = ENOSPC;
		return -1;
	}
	return __real_pwrite(descriptor, bytes, size, offset);
}

static int sqlite_open(const char *path, int flags, int mode)
{
	if (due(PENSTOCK_FAULT_STORE, "sqlite's open")) {
		errno = EMFILE;
		return -1;
	}
	return __real_open(path, flags, mode);
}

static int sqlite_ftruncate(int descriptor, off_t size)
{
	if (due(PENSTOCK_FAULT_STORE, "sqlite's ftruncate")) {
		errno = EIO;
		return -1;
	}
	return __real_ftruncate(descriptor, size);
}

/* Before anybody uses sqlite, which is when it still can be configured. */
static void sqlite_prepare(void)
{
	static sqlite3_mem_methods ours;
	sqlite3_vfs *disk;

	PENSTOCK_REQUIRE(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) == SQLITE_OK);
	ours = memory;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	PENSTOCK_REQUIRE(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK);
	PENSTOCK_REQUIRE(sqlite3_initialize() == SQLITE_OK);
	disk = sqlite3_vfs_find("unix");
	PENSTOCK_REQUIRE(disk != NULL);
	(void)disk->xSetSystemCall(disk, "pwrite", (sqlite3_syscall_ptr)sqlite_pwrite);
	(void)disk->xSetSystemCall(disk, "pwrite64", (sqlite3_syscall_ptr)sqlite_pwrite);
	(void)disk->xSetSystemCall(disk, "open", (sqlite3_syscall_ptr)sqlite_open);
	(void)disk->xSetSystemCall(disk, "ftruncate", (sqlite3_syscall_ptr)sqlite_ftruncate);
}

#else

static void sqlite_prepare(void)
{
}

#endif

__attribute__((constructor)) static void prepare(void)
{
	const char *path = getenv("PENSTOCK_FAULT_FILE");
	int descriptor;
	void *shared;

	sqlite_prepare();
	if (path == NULL) {
		return;
	}
	descriptor = __real_open(path, O_RDWR | O_CLOEXEC);
	PENSTOCK_REQUIRE(descriptor >= 0);
	shared =
		__real_mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	PENSTOCK_REQUIRE(shared != MAP_FAILED);
	(void)close(descriptor);
	page = shared;
}
