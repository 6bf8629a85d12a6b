/* SPDX-License-Identifier: MIT */
#include "tests/crash/vfs_forget.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX      16
#define FILE_BYTES_MAX (64u << 20)
#define SECTOR_BYTES   512u

struct content {
	bool exists;
	uint8_t *bytes; /* owned */
	size_t size;
	size_t room;
};

struct disk_file {
	char name[128]; /* empty: free */
	struct content now;
	struct content synced;
	struct disk_file *old; /* its name on disk, until the folder is synced; NULL: this one */
};

/* What sqlite holds; begins with its part. */
struct handle {
	sqlite3_file base;
	struct disk_file *file;
	bool delete_on_close;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct disk_file files[FILES_MAX];
static uint64_t operations;
static uint64_t cut_at;
static uint64_t fail_at;
static uint64_t capacity;
static uint64_t writes;
static uint64_t full_at;
static bool powered = true;

/* ---------------------------------------------------------------- contents */

static bool content_resize(struct content *content, size_t size)
{
	if (size > FILE_BYTES_MAX) {
		return false;
	}
	if (size > content->room) {
		size_t room = size < 4096 ? 4096 : size * 2;
		uint8_t *bytes = realloc(content->bytes, room);

		if (bytes == NULL) {
			return false;
		}
		content->bytes = bytes;
		content->room = room;
	}
	if (size > content->size) {
		memset(content->bytes + content->size, 0, size - content->size);
	}
	content->size = size;
	return true;
}

static bool content_copy(struct content *to, const struct content *from)
{
	if (!content_resize(to, from->size)) {
		return false;
	}
	if (from->size > 0) {
		memcpy(to->bytes, from->bytes, from->size);
	}
	to->exists = from->exists;
	return true;
}

static void content_clear(struct content *content)
{
	free(content->bytes);
	*content = (struct content){ 0 };
}

static uint64_t disk_bytes(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < FILES_MAX; i++) {
		bytes += files[i].now.size;
	}
	return bytes;
}

static struct disk_file *find(const char *name, bool create)
{
	struct disk_file *unused = NULL;

	for (size_t i = 0; i < FILES_MAX; i++) {
		if (strcmp(files[i].name, name) == 0) {
			return &files[i];
		}
		if (files[i].name[0] == '\0') {
			unused = &files[i];
		}
	}
	if (!create || unused == NULL || strlen(name) >= sizeof(unused->name)) {
		return NULL;
	}
	memcpy(unused->name, name, strlen(name) + 1);
	return unused;
}

/* Before each operation that changes the disk. */
static int operate(void)
{
	if (!powered) {
		return SQLITE_IOERR;
	}
	operations++;
	if (operations == cut_at) {
		powered = false;
		return SQLITE_IOERR;
	}
	return operations == fail_at ? SQLITE_IOERR : SQLITE_OK;
}

/* ---------------------------------------------------------------- a file */

static int file_close(sqlite3_file *base)
{
	struct handle *handle = (struct handle *)base;

	pthread_mutex_lock(&mutex);
	if (handle->delete_on_close) {
		content_clear(&handle->file->now);
		content_clear(&handle->file->synced);
	}
	pthread_mutex_unlock(&mutex);
	return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *ret_bytes, int count, sqlite3_int64 offset)
{
	const struct content *content = &((struct handle *)base)->file->now;
	size_t wanted = (size_t)count;
	size_t there = 0;

	pthread_mutex_lock(&mutex);
	if ((uint64_t)offset < content->size) {
		there = content->size - (size_t)offset;
		there = there < wanted ? there : wanted;
		memcpy(ret_bytes, content->bytes + offset, there);
	}
	memset((uint8_t *)ret_bytes + there, 0, wanted - there);
	pthread_mutex_unlock(&mutex);
	if (!powered) {
		return SQLITE_IOERR_READ;
	}
	return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int write_locked(struct content *content, const void *bytes, size_t count, uint64_t offset)
{
	int code = operate();
	uint64_t end = offset + count;

	if (code != SQLITE_OK) {
		return code;
	}
	if (++writes >= full_at && full_at != 0) {
		return SQLITE_FULL;
	}
	if (end > content->size) {
		if (capacity != 0 && disk_bytes() + (end - content->size) > capacity) {
			return SQLITE_FULL;
		}
		if (!content_resize(content, end)) {
			return SQLITE_FULL;
		}
	}
	memcpy(content->bytes + offset, bytes, count);
	return SQLITE_OK;
}

static int file_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset)
{
	int code;

	pthread_mutex_lock(&mutex);
	code = write_locked(&((struct handle *)base)->file->now, bytes, (size_t)count,
			    (uint64_t)offset);
	pthread_mutex_unlock(&mutex);
	return code;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct handle *handle = (struct handle *)base;
	int code;

	pthread_mutex_lock(&mutex);
	code = operate();
	if (code == SQLITE_OK && !content_resize(&handle->file->now, (size_t)size)) {
		code = SQLITE_FULL;
	}
	pthread_mutex_unlock(&mutex);
	return code;
}

static int file_sync(sqlite3_file *base, int flags)
{
	struct handle *handle = (struct handle *)base;
	int code;

	(void)flags;
	pthread_mutex_lock(&mutex);
	code = operate();
	if (code == SQLITE_OK && !content_copy(&handle->file->synced, &handle->file->now)) {
		code = SQLITE_IOERR_FSYNC;
	}
	pthread_mutex_unlock(&mutex);
	return code;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
	pthread_mutex_lock(&mutex);
	*ret_size = (sqlite3_int64)((struct handle *)base)->file->now.size;
	pthread_mutex_unlock(&mutex);
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
	(void)base;
	(void)level;
	return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *base, int *ret_locked)
{
	(void)base;
	*ret_locked = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *argument)
{
	(void)base;
	(void)operation;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
	(void)base;
	return SECTOR_BYTES;
}

/* The least that a disk may promise: no atomic writes, no order, no safe overwrite. */
static int file_characteristics(sqlite3_file *base)
{
	(void)base;
	return 0;
}

static const sqlite3_io_methods methods = {
	.iVersion =
		1, /* no shared memory: the log's index is private, as with the exclusive lock */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

/* ---------------------------------------------------------------- the disk */

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags,
		     int *ret_flags)
{
	struct handle *handle = (struct handle *)base;
	int code = SQLITE_CANTOPEN;

	(void)vfs;
	memset(handle, 0, sizeof(*handle));
	pthread_mutex_lock(&mutex);
	if (powered) {
		handle->file = find(name != NULL ? name : "temporary", true);
	}
	if (handle->file != NULL &&
	    (handle->file->now.exists || (flags & SQLITE_OPEN_CREATE) != 0)) {
		handle->file->now.exists = true;
		handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
		handle->base.pMethods = &methods;
		code = SQLITE_OK;
	}
	pthread_mutex_unlock(&mutex);
	if (ret_flags != NULL) {
		*ret_flags = flags;
	}
	return code;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	struct disk_file *file;
	int code;

	(void)vfs;
	pthread_mutex_lock(&mutex);
	code = operate();
	file = find(name, false);
	if (code == SQLITE_OK && (file == NULL || !file->now.exists)) {
		code = SQLITE_IOERR_DELETE_NOENT;
	}
	if (code == SQLITE_OK) {
		content_clear(&file->now);
		if (sync_folder != 0) {
			content_clear(&file->synced);
		}
	}
	pthread_mutex_unlock(&mutex);
	return code;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_there)
{
	struct disk_file *file;

	(void)vfs;
	(void)flags;
	pthread_mutex_lock(&mutex);
	file = find(name, false);
	*ret_there = file != NULL && file->now.exists;
	pthread_mutex_unlock(&mutex);
	return SQLITE_OK;
}

static int disk_full_name(sqlite3_vfs *vfs, const char *name, int room, char *ret_name)
{
	(void)vfs;
	sqlite3_snprintf(room, ret_name, "%s", name);
	return SQLITE_OK;
}

static int disk_randomness(sqlite3_vfs *vfs, int count, char *ret_bytes)
{
	(void)vfs;
	memset(ret_bytes, 0x5a, (size_t)count);
	return count;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	return microseconds;
}

/* The same day every time. */
static int disk_time(sqlite3_vfs *vfs, double *ret_julian_day)
{
	(void)vfs;
	*ret_julian_day = 2460000.5;
	return SQLITE_OK;
}

static int disk_last_error(sqlite3_vfs *vfs, int room, char *ret_text)
{
	(void)vfs;
	(void)room;
	(void)ret_text;
	return 0;
}

static sqlite3_vfs vfs_forget = {
	.iVersion = 1,
	.szOsFile = sizeof(struct handle),
	.mxPathname = 96,
	.zName = PENSTOCK_FORGET_VFS,
	.xOpen = disk_open,
	.xDelete = disk_delete,
	.xAccess = disk_access,
	.xFullPathname = disk_full_name,
	.xRandomness = disk_randomness,
	.xSleep = disk_sleep,
	.xCurrentTime = disk_time,
	.xGetLastError = disk_last_error,
};

void penstock_forget_reset(void)
{
	PENSTOCK_REQUIRE(sqlite3_vfs_register(&vfs_forget, 0) == SQLITE_OK);
	for (size_t i = 0; i < FILES_MAX; i++) {
		content_clear(&files[i].now);
		content_clear(&files[i].synced);
		files[i].old = NULL;
		files[i].name[0] = '\0';
	}
	operations = 0;
	cut_at = 0;
	fail_at = 0;
	capacity = 0;
	writes = 0;
	full_at = 0;
	powered = true;
}

uint64_t penstock_forget_operations(void)
{
	return operations;
}

void penstock_forget_cut_at(uint64_t operation)
{
	cut_at = operation;
}

void penstock_forget_fail_at(uint64_t operation)
{
	fail_at = operation;
}

uint64_t penstock_forget_writes(void)
{
	return writes;
}

void penstock_forget_full_at(uint64_t write)
{
	full_at = write;
}

void penstock_forget_capacity(uint64_t bytes)
{
	capacity = bytes;
}

/* ---------------------------------------------------------------- without sqlite */

#define FIRST_DESCRIPTOR  (1 << 24)
#define FOLDER_DESCRIPTOR (FIRST_DESCRIPTOR + FILES_MAX)

bool penstock_forget_owns(int descriptor)
{
	return descriptor >= FIRST_DESCRIPTOR;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int operate_as_kernel(void)
{
	return operate() == SQLITE_OK ? 0 : fail(EIO);
}

static int plain_open(const char *path, int flags)
{
	struct disk_file *file = find(path, false);

	if (!powered) {
		return fail(EIO);
	}
	if ((flags & O_DIRECTORY) != 0) {
		return FOLDER_DESCRIPTOR;
	}
	return file != NULL && file->now.exists ? FIRST_DESCRIPTOR + (int)(file - files)
						: fail(ENOENT);
}

/* The names are on disk as they are now; what the files hold is not synced by that. */
static void sync_names(void)
{
	for (size_t i = 0; i < FILES_MAX; i++) {
		struct disk_file *old = files[i].old;

		if (old == NULL) {
			continue;
		}
		files[i].old = NULL;
		PENSTOCK_REQUIRE(content_copy(&files[i].synced, &old->synced));
		content_clear(&old->synced);
	}
}

static int plain_fsync(int descriptor)
{
	struct disk_file *file;

	if (operate_as_kernel() != 0) {
		return -1;
	}
	if (descriptor == FOLDER_DESCRIPTOR) {
		sync_names();
		return 0;
	}
	file = &files[descriptor - FIRST_DESCRIPTOR];
	return content_copy(&file->synced, &file->now) ? 0 : fail(EIO);
}

static int plain_close(int descriptor)
{
	(void)descriptor;
	return 0;
}

static int plain_rename(const char *from, const char *to)
{
	struct disk_file *old = find(from, false), *file;

	if (operate_as_kernel() != 0) {
		return -1;
	}
	if (old == NULL || !old->now.exists) {
		return fail(ENOENT);
	}
	file = find(to, true);
	PENSTOCK_REQUIRE(file != NULL && content_copy(&file->now, &old->now));
	file->old = old;
	content_clear(&old->now);
	return 0;
}

static int plain_access(const char *path)
{
	struct disk_file *file = find(path, false);

	return powered && file != NULL && file->now.exists ? 0 : fail(ENOENT);
}

static int plain_unlink(const char *path)
{
	struct disk_file *file = find(path, false);

	if (operate_as_kernel() != 0) {
		return -1;
	}
	if (file == NULL || !file->now.exists) {
		return fail(ENOENT);
	}
	content_clear(&file->now);
	return 0;
}

const struct penstock_forget_calls penstock_forget_calls = {
	.open = plain_open,
	.fsync = plain_fsync,
	.close = plain_close,
	.rename = plain_rename,
	.access = plain_access,
	.unlink = plain_unlink,
};

/* ---------------------------------------------------------------- forgetting */

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

/* Some sectors of what was written reached the disk, in no order. */
static void keep_some(struct content *synced, const struct content *now, uint64_t *state)
{
	if (!now->exists || (next_random(state) & 1) == 0) {
		return;
	}
	synced->exists = true;
	if ((next_random(state) & 1) != 0) {
		PENSTOCK_REQUIRE(content_resize(synced, now->size));
	}
	for (size_t at = 0; at < synced->size && at < now->size; at += SECTOR_BYTES) {
		size_t end = now->size < synced->size ? now->size : synced->size;
		size_t bytes = end - at < SECTOR_BYTES ? end - at : SECTOR_BYTES;

		if ((next_random(state) & 1) != 0) {
			memcpy(synced->bytes + at, now->bytes + at, bytes);
		}
	}
}

void penstock_forget_power_loss(enum penstock_forget_how how, uint64_t seed)
{
	uint64_t state = (seed * 2 + 1) * 0x9e3779b97f4a7c15u;

	if (how == PENSTOCK_FORGET_SOME && (next_random(&state) & 1) != 0) {
		sync_names();
	}
	for (size_t i = 0; i < FILES_MAX; i++) {
		files[i].old = NULL;
		if (how == PENSTOCK_FORGET_SOME) {
			keep_some(&files[i].synced, &files[i].now, &state);
		}
		PENSTOCK_REQUIRE(content_copy(&files[i].now, &files[i].synced));
	}
	cut_at = 0;
	powered = true;
}

void penstock_forget_put(const char *name, const uint8_t *bytes, size_t size)
{
	struct disk_file *file = find(name, true);

	PENSTOCK_REQUIRE(file != NULL && content_resize(&file->now, size));
	if (size > 0) {
		memcpy(file->now.bytes, bytes, size);
	}
	file->now.exists = true;
	PENSTOCK_REQUIRE(content_copy(&file->synced, &file->now));
}

uint8_t *penstock_forget_get(const char *name, size_t *ret_size)
{
	struct disk_file *file = find(name, false);
	uint8_t *bytes;

	if (file == NULL || !file->now.exists) {
		return NULL;
	}
	bytes = malloc(file->now.size + 1);
	PENSTOCK_REQUIRE(bytes != NULL);
	memcpy(bytes, file->now.bytes, file->now.size);
	*ret_size = file->now.size;
	return bytes;
}
