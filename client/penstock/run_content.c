/* SPDX-License-Identifier: MIT */
#include "client/penstock/file.h"
#include "client/penstock/run.h"
#include "client/penstock/shader.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PNG_BYTES_MAX (256u << 20)
#define PATH_BYTES    4096u

/* Files that a script reads stand beside it. False: the path is too long. */
static bool beside_script(const struct penstock_script *script, const char *path,
			  char ret_path[PATH_BYTES])
{
	const char *slash = strrchr(script->file, '/');
	int folder = path[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - script->file);

	return snprintf(ret_path, PATH_BYTES, "%.*s%s", folder, script->file, path) <
	       (int)PATH_BYTES;
}

static enum penstock_status say(const struct penstock_run *run, const struct penstock_step *step,
				enum penstock_status status, const char *fault,
				struct penstock_errbuf *reterr_text)
{
	penstock_errbuf_set(reterr_text, "%.80s:%u: %.160s", run->script->file, step->line, fault);
	return status;
}

static enum penstock_status load_file(const struct penstock_run *run,
				      const struct penstock_step *step,
				      struct penstock_run_content *content,
				      struct penstock_errbuf *reterr_text)
{
	const char *name = step->png != NULL ? step->png : step->file;
	struct penstock_errbuf why;
	enum penstock_status status;
	char path[PATH_BYTES];

	if (!beside_script(run->script, name, path)) {
		return say(run, step, PENSTOCK_STATUS_INVALID_PARAMETER, "the path is too long",
			   reterr_text);
	}
	status = penstock_file_read(
		path, step->png != NULL ? PNG_BYTES_MAX : PENSTOCK_LIMIT_ALLOCATION_BYTES,
		&content->bytes, &content->length, &why);
	if (status == PENSTOCK_STATUS_SUCCESS && step->png != NULL) {
		status = penstock_picture_decode(content->bytes, content->length, path,
						 &content->picture, &why);
		free(content->bytes);
		content->bytes = NULL;
	}
	return status == PENSTOCK_STATUS_SUCCESS ? status
						 : say(run, step, status, why.text, reterr_text);
}

static enum penstock_status load_shader(const struct penstock_run *run,
					const struct penstock_step *step, const char *name,
					struct penstock_run_shader *ret_shader,
					struct penstock_errbuf *reterr_text)
{
	struct penstock_errbuf why;
	enum penstock_status status;
	char path[PATH_BYTES];

	if (!beside_script(run->script, name, path)) {
		return say(run, step, PENSTOCK_STATUS_INVALID_PARAMETER, "the path is too long",
			   reterr_text);
	}
	status = penstock_shader_load(path, &ret_shader->bytes, &ret_shader->length, &why);
	return status == PENSTOCK_STATUS_SUCCESS ? status
						 : say(run, step, status, why.text, reterr_text);
}

static enum penstock_status load_shaders(const struct penstock_run *run,
					 const struct penstock_step *step,
					 struct penstock_run_content *content,
					 struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	content->shaders = calloc(PENSTOCK_SCRIPT_SHADERS, sizeof(*content->shaders));
	if (content->shaders == NULL) {
		return say(run, step, PENSTOCK_STATUS_NO_MEMORY, "out of memory", reterr_text);
	}
	for (uint32_t i = 0; i < PENSTOCK_SCRIPT_SHADERS && status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		if (step->shaders[i] != NULL) {
			status = load_shader(run, step, step->shaders[i], &content->shaders[i],
					     reterr_text);
		}
	}
	return status;
}

/* What a step says of a surface, completed from its PNG. */
static void fill_surface(const struct penstock_run *run, const struct penstock_step *step,
			 struct penstock_run_object *object)
{
	const struct penstock_run_content *content = &run->contents[step - run->script->steps];
	bool image = content->picture.pixels != NULL;

	object->size_bytes = step->size;
	object->width = (uint32_t)step->width;
	object->height = (uint32_t)step->height;
	object->format = (uint32_t)step->format;
	object->pitch_bytes = step->pitch;
	if (image && (step->given & (PENSTOCK_GIVEN_WIDTH | PENSTOCK_GIVEN_HEIGHT)) == 0) {
		object->width = content->picture.width;
		object->height = content->picture.height;
	}
	if (image && (step->given & PENSTOCK_GIVEN_FORMAT) == 0) {
		object->format = PENSTOCK_FORMAT_A8R8G8B8;
	}
	if (!image && object->width == 0 && (step->given & PENSTOCK_GIVEN_SIZE) == 0) {
		object->size_bytes = step->file != NULL ? content->length : step->hex.length;
	}
}

/* An opened allocation is what was shared, unless the script says otherwise. */
static void fill_opening(const struct penstock_run *run, const struct penstock_step *step,
			 struct penstock_run_object *object)
{
	uint32_t shared = step->token == PENSTOCK_SCRIPT_NONE ? PENSTOCK_SCRIPT_NONE
							      : run->objects[step->token].shared;

	fill_surface(run, step, object);
	if (shared != PENSTOCK_SCRIPT_NONE && object->width == 0 && object->size_bytes == 0) {
		object->size_bytes = run->objects[shared].size_bytes;
		object->width = run->objects[shared].width;
		object->height = run->objects[shared].height;
		object->format = run->objects[shared].format;
		object->pitch_bytes = run->objects[shared].pitch_bytes;
	}
}

/* A picture that is uploaded has the size of its surface. */
static enum penstock_status check_picture(const struct penstock_run *run,
					  const struct penstock_step *step,
					  struct penstock_errbuf *reterr_text)
{
	const struct penstock_picture *image = &run->contents[step - run->script->steps].picture;
	const struct penstock_run_object *object = &run->objects[step->subject];
	struct penstock_errbuf fault;

	if (image->pixels == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (penstock_format_bytes(object->format) == 0) {
		return say(run, step, PENSTOCK_STATUS_INVALID_PARAMETER,
			   "a PNG needs an allocation with width, height and format", reterr_text);
	}
	if (step->kind != PENSTOCK_STEP_EXPECT_PIXELS &&
	    (image->width != object->width || image->height != object->height)) {
		penstock_errbuf_set(&fault, "%.80s has %ux%u pixels, the allocation %ux%u",
				    step->png, image->width, image->height, object->width,
				    object->height);
		return say(run, step, PENSTOCK_STATUS_INVALID_PARAMETER, fault.text, reterr_text);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status load_step(struct penstock_run *run, const struct penstock_step *step,
				      struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (step->kind == PENSTOCK_STEP_READ) {
		return status; /* its files are written */
	}
	if (step->kind == PENSTOCK_STEP_PIPELINE) {
		return load_shaders(run, step, &run->contents[step - run->script->steps],
				    reterr_text);
	}
	if (step->file != NULL || step->png != NULL) {
		status = load_file(run, step, &run->contents[step - run->script->steps],
				   reterr_text);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (step->kind == PENSTOCK_STEP_ALLOCATION) {
		fill_surface(run, step, &run->objects[step->subject]);
	} else if (step->kind == PENSTOCK_STEP_SHARE) {
		run->objects[step->token].shared = step->subject;
	} else if (step->kind == PENSTOCK_STEP_OPEN) {
		fill_opening(run, step, &run->objects[step->subject]);
	}
	return step->png == NULL ? status : check_picture(run, step, reterr_text);
}

enum penstock_status penstock_run_load(struct penstock_run *run,
				       struct penstock_errbuf *reterr_text)
{
	const struct penstock_script *script = run->script;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	run->contents = calloc(script->step_count + 1, sizeof(*run->contents));
	run->outcomes = calloc(script->step_count + 1, sizeof(*run->outcomes));
	run->objects = calloc(script->object_count + 1, sizeof(*run->objects));
	if (run->contents == NULL || run->outcomes == NULL || run->objects == NULL) {
		penstock_errbuf_set(reterr_text, "%.80s: out of memory", script->file);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < script->object_count; i++) {
		run->objects[i].shared = PENSTOCK_SCRIPT_NONE;
	}
	for (size_t i = 0; i < script->step_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = load_step(run, &script->steps[i], reterr_text);
	}
	return status;
}

void penstock_run_unload(struct penstock_run *run)
{
	for (size_t i = 0; run->contents != NULL && i < run->script->step_count; i++) {
		for (uint32_t j = 0;
		     run->contents[i].shaders != NULL && j < PENSTOCK_SCRIPT_SHADERS; j++) {
			free(run->contents[i].shaders[j].bytes);
		}
		free(run->contents[i].shaders);
		free(run->contents[i].bytes);
		penstock_picture_fini(&run->contents[i].picture);
	}
	free(run->contents);
	free(run->outcomes);
	free(run->objects);
}
