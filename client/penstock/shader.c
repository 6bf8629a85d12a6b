/* SPDX-License-Identifier: MIT */
/*
 * A compiler is a program of its own, started without a shell: what it makes and what it says goes
 * to files in memory, so that nothing has to be named, removed, or read while it runs.
 */
#include "client/penstock/shader.h"

#include "client/penstock/file.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_BYTES     4200u
#define WORDS_BYTES    4096u /* of a compiler, as much as is looked at */
#define RESULT         9     /* the descriptor of what it makes, as it knows it */
#define RESULT_PATH    "/proc/self/fd/9"
#define ARGUMENTS_MAX  10u
#define TARGET         "vulkan1.3"
#define DESCRIPTOR_MIN (RESULT + 1)

#define GLSL(stage)                                                                                \
	{                                                                                          \
		"glslangValidator", "-V", "--target-env", TARGET, "-S", stage, "-o", RESULT_PATH   \
	}

/* The path is the last argument. */
static const struct compiler {
	const char *ending;
	const char *arguments[ARGUMENTS_MAX]; /* none: it is SPIR-V already */
} compilers[] = {
	{ ".spv", { NULL } },
	{ ".spvasm", { "spirv-as", "--target-env", TARGET, "-o", RESULT_PATH } },
	{ ".vert", GLSL("vert") },
	{ ".tesc", GLSL("tesc") },
	{ ".tese", GLSL("tese") },
	{ ".geom", GLSL("geom") },
	{ ".frag", GLSL("frag") },
	{ ".comp", GLSL("comp") },
	{ ".glsl", GLSL("comp") },
};

static const struct compiler *find(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(compilers); i++) {
		size_t ending = strlen(compilers[i].ending);

		if (length > ending && strcmp(path + length - ending, compilers[i].ending) == 0) {
			return &compilers[i];
		}
	}
	return NULL;
}

/* ------------------------------------------------------------------ the program */

static int spawn(const struct compiler *compiler, char *path, int result, int words,
		 pid_t *ret_program)
{
	char *arguments[ARGUMENTS_MAX + 2] = { NULL };
	posix_spawn_file_actions_t actions;
	unsigned count = 0;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0) {
		return error;
	}
	while (compiler->arguments[count] != NULL) {
		/* it is only read, but argv is not const */
		arguments[count] = (char *)(uintptr_t)compiler->arguments[count];
		count++;
	}
	arguments[count] = path;
	error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, words, 1);
	}
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, words, 2);
	}
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, result, RESULT);
	}
	if (error == 0) {
		error = posix_spawnp(ret_program, arguments[0], &actions, NULL, arguments, environ);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Its exit code, or -1: it was ended. */
static int wait_for(pid_t program)
{
	int state = 0;

	while (waitpid(program, &state, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* ------------------------------------------------------------------ what it says */

static const char *skip(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* "3: 5: words" of spirv-as, "path:3: words" of glslangValidator, or words alone. */
static void say_line(const char *path, const char *line, struct penstock_errbuf *reterr_text)
{
	const char *behind = skip(line, path);
	unsigned row, column;
	int read = 0;

	if (behind != NULL && *behind == ':') {
		penstock_errbuf_set(reterr_text, "%s", line);
	} else if (sscanf(line, "%u: %u: %n", &row, &column, &read) == 2 && read > 0) {
		penstock_errbuf_set(reterr_text, "%s:%u:%u: %s", path, row, column, line + read);
	} else {
		penstock_errbuf_set(reterr_text, "%s: %s", path, line);
	}
}

/* The first fault of those that it names. */
static void say_fault(const struct compiler *compiler, const char *path, char *words,
		      struct penstock_errbuf *reterr_text)
{
	char *rest = NULL;

	for (char *line = strtok_r(words, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *fault = skip(line, "ERROR: ");
		size_t length = strlen(line);

		while (length > 0 && line[length - 1] == ' ') {
			line[--length] = '\0';
		}
		fault = fault != NULL ? fault : skip(line, "error: ");
		if (fault != NULL) {
			say_line(path, fault, reterr_text);
			return;
		}
	}
	penstock_errbuf_set(reterr_text, "%s: %s makes nothing of it", path,
			    compiler->arguments[0]);
}

/* ------------------------------------------------------------------ what it makes */

static enum penstock_status fail(const char *what, int error, struct penstock_errbuf *reterr_text)
{
	penstock_errbuf_set(reterr_text, "%.150s: %s", what, strerror(error));
	return penstock_status_from_errno(error);
}

static enum penstock_status read_result(int result, const char *path, uint8_t **ret_bytes,
					size_t *ret_length, struct penstock_errbuf *reterr_text)
{
	off_t length = lseek(result, 0, SEEK_END);
	uint8_t *bytes;

	if (length > (off_t)PENSTOCK_LIMIT_SHADER_BYTES) {
		penstock_errbuf_set(reterr_text, "%s: larger than %u bytes as SPIR-V", path,
				    PENSTOCK_LIMIT_SHADER_BYTES);
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	bytes = length < 0 ? NULL : malloc((size_t)length + 1);
	if (bytes == NULL || pread(result, bytes, (size_t)length, 0) != length) {
		free(bytes);
		return fail(path, bytes == NULL ? ENOMEM : EIO, reterr_text);
	}
	*ret_bytes = bytes;
	*ret_length = (size_t)length;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status run(const struct compiler *compiler, char *path, int result, int words,
				struct penstock_errbuf *reterr_text)
{
	char text[WORDS_BYTES] = "";
	pid_t program;
	ssize_t length;
	int error = spawn(compiler, path, result, words, &program);

	if (error != 0) {
		penstock_errbuf_set(reterr_text, "%.150s needs %s: %s", path,
				    compiler->arguments[0], strerror(error));
		return penstock_status_from_errno(error);
	}
	if (wait_for(program) == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	length = pread(words, text, sizeof(text) - 1, 0);
	text[length < 0 ? 0 : length] = '\0';
	say_fault(compiler, path, text, reterr_text);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

/* A file in memory; where the program's own descriptors are, it is not. -1: errno. */
static int memory_file(const char *name)
{
	int low = memfd_create(name, MFD_CLOEXEC);
	int file = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
	int error = errno;

	if (low >= 0) {
		close(low);
	}
	errno = error;
	return file;
}

static enum penstock_status compile(const struct compiler *compiler, char *path,
				    uint8_t **ret_bytes, size_t *ret_length,
				    struct penstock_errbuf *reterr_text)
{
	int result = memory_file("spirv");
	int words = result < 0 ? -1 : memory_file("words");
	enum penstock_status status;

	if (words < 0) {
		status = fail(path, errno, reterr_text);
	} else {
		status = run(compiler, path, result, words, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_result(result, path, ret_bytes, ret_length, reterr_text);
	}
	if (result >= 0) {
		close(result);
	}
	if (words >= 0) {
		close(words);
	}
	return status;
}

enum penstock_status penstock_shader_load(const char *path, uint8_t **ret_bytes, size_t *ret_length,
					  struct penstock_errbuf *reterr_text)
{
	const struct compiler *compiler = find(path);
	char name[PATH_BYTES];

	if (compiler == NULL) {
		penstock_errbuf_set(
			reterr_text,
			"%.120s: a shader is a .spv, .spvasm, .vert, .tesc, .tese, .geom, "
			".frag, .comp or .glsl file",
			path);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (compiler->arguments[0] == NULL) {
		return penstock_file_read(path, PENSTOCK_LIMIT_SHADER_BYTES, ret_bytes, ret_length,
					  reterr_text);
	}
	/* A path that looks like an option is none. */
	if (snprintf(name, sizeof(name), "%s%s", path[0] == '-' ? "./" : "", path) >=
	    (int)sizeof(name)) {
		penstock_errbuf_set(reterr_text, "%.150s: the path is too long", path);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return compile(compiler, name, ret_bytes, ret_length, reterr_text);
}
