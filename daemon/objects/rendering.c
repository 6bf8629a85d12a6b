/* SPDX-License-Identifier: MIT */
#include "daemon/objects/rendering.h"

#include "daemon/objects/held.h"
#include "daemon/objects/translate.h"

#include <uv.h>

#include <unistd.h>

enum penstock_status penstock_rendering_run(struct penstock_held *held,
					    struct penstock_render_args *args, uint64_t *ret_before,
					    struct penstock_refusal *ret_refusal)
{
	struct penstock_rendering *rendering = &held->rendering;
	penstock_translator *translate = held->context->device->adapter->config.translate;
	enum penstock_status status;

	if (PENSTOCK_LIKELY(!rendering->timed)) {
		return penstock_translate(translate, args, ret_before, ret_refusal, &held->defect);
	}
	rendering->thread = (uint32_t)gettid();
	rendering->begin_ns = uv_hrtime();
	status = penstock_translate(translate, args, ret_before, ret_refusal, &held->defect);
	rendering->end_ns = uv_hrtime();
	return status;
}

void penstock_rendering_tell(const struct penstock_held *held,
			     const struct penstock_submission *submission)
{
	const struct penstock_context *context = held->context;
	const struct penstock_device *device = context->device;
	struct penstock_trace *trace = &device->session->machine->trace;

	if (PENSTOCK_LIKELY(!held->rendering.timed) || !penstock_trace_on(trace)) {
		return;
	}
	penstock_trace_add(trace, &(struct penstock_trace_event){
					  .kind = PENSTOCK_TRACE_RENDERED,
					  .time_ns = held->rendering.end_ns,
					  .adapter = (uint16_t)device->adapter->index,
					  .node = (uint8_t)context->info.node_ordinal,
					  .process = device->session->principal->id,
					  .context = context->id,
					  .serial = submission->serial,
					  .pass = submission->pass,
					  .fence_id = held->rendering.thread,
					  .value = held->rendering.begin_ns,
					  .other = submission->args.command_length,
				  });
}
