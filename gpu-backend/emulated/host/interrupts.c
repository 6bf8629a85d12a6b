/* SPDX-License-Identifier: MIT */
/*
 * What comes back from the GPU. While fences are expected within microseconds the loop does not
 * sleep: an idle handle looks at the fence pages in every turn, and nobody writes an eventfd. After
 * a while without news, or where there is no second processor, the interrupts are armed instead
 * (gpu-backend/emulated/patience.h).
 */
#include "gpu-backend/emulated/host/emulated.h"

static struct penstock_emulated *emulated_of(const struct penstock_emulated_process *process)
{
	return (struct penstock_emulated *)process->base.backend;
}

static bool outstanding(const struct penstock_emulated_process *process)
{
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (penstock_hw_queue_outstanding(&process->queues[i])) {
			return true;
		}
	}
	return process->tell_death;
}

void penstock_emulated_fail(struct penstock_emulated *emulated, const char *reason)
{
	if (!emulated->failed) {
		emulated->failed = true;
		emulated->failure = reason;
		uv_idle_start(&emulated->idle, penstock_emulated_on_idle);
	}
}

/* ---------------------------------------------------------------- delivering */

static void deliver(struct penstock_emulated_process *process,
		    const struct penstock_interrupt *interrupt)
{
	const struct penstock_backend_callbacks *callbacks =
		&emulated_of(process)->config.callbacks;

	callbacks->notify_interrupt(callbacks->owner, process->owner, interrupt);
}

bool penstock_emulated_collect(struct penstock_emulated_process *process, uint32_t node_ordinal,
			       bool last)
{
	struct penstock_emulated *emulated = emulated_of(process);
	enum penstock_collected collected = PENSTOCK_COLLECTED_INTERRUPT;
	struct penstock_interrupt interrupt;
	struct penstock_telling telling;

	penstock_telling_begin(&emulated->telling, &telling, process);
	while (telling.process != NULL && collected == PENSTOCK_COLLECTED_INTERRUPT &&
	       !emulated->failed) {
		collected = penstock_hw_queue_collect(&process->queues[node_ordinal], &interrupt);
		if (collected == PENSTOCK_COLLECTED_INTERRUPT &&
		    (!last || interrupt.type == PENSTOCK_INTERRUPT_DMA_COMPLETED)) {
			deliver(process, &interrupt);
		}
	}
	if (collected == PENSTOCK_COLLECTED_IMPOSSIBLE) {
		penstock_emulated_fail(
			emulated, "0x119/1: a GPU process wrote what it cannot have completed");
	}
	return penstock_telling_end(&emulated->telling, &telling);
}

/* All that a process has to say, and its death last. False: the process is gone. */
static bool collect_all(struct penstock_emulated_process *process)
{
	struct penstock_emulated *emulated = emulated_of(process);
	const struct penstock_backend_callbacks *callbacks = &emulated->config.callbacks;
	struct penstock_telling telling;

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (!penstock_emulated_collect(process, i, false)) {
			return false;
		}
	}
	if (!process->tell_death) {
		return true;
	}
	process->tell_death = false;
	penstock_telling_begin(&emulated->telling, &telling, process);
	callbacks->process_died(callbacks->owner, process->owner, process->death_status);
	return penstock_telling_end(&emulated->telling, &telling);
}

/* ---------------------------------------------------------------- looking */

void penstock_emulated_look(struct penstock_emulated_process *process)
{
	struct penstock_emulated *emulated = emulated_of(process);

	if (penstock_list_empty(&process->busy_link)) {
		penstock_list_append(&emulated->busy, &process->busy_link);
	}
	emulated->looking_since_ns = uv_hrtime();
	uv_idle_start(&emulated->idle, penstock_emulated_on_idle);
}

/*
 * From here on the GPU writes the eventfd; what it said before that is collected now. False: the
 * process is gone.
 */
static bool arm(struct penstock_emulated_process *process)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_hw_queue *queue = &process->queues[i];

		if (queue->ring == NULL || !penstock_hw_queue_outstanding(queue)) {
			continue;
		}
		penstock_ring_sleeping(&queue->ring->host_sleeps);
		if (!penstock_emulated_collect(process, i, false)) {
			return false;
		}
	}
	return true;
}

void penstock_emulated_disarm(struct penstock_emulated_process *process)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (process->queues[i].ring != NULL) {
			penstock_ring_awake(&process->queues[i].ring->host_sleeps);
		}
	}
}

void penstock_emulated_expect(struct penstock_emulated_process *process)
{
	struct penstock_emulated *emulated = emulated_of(process);
	bool late = false;

	if (emulated->may_look && penstock_patience_allows(&emulated->patience, uv_hrtime())) {
		penstock_emulated_look(process);
		return;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_hw_queue *queue = &process->queues[i];

		if (queue->ring != NULL && penstock_hw_queue_outstanding(queue)) {
			penstock_ring_sleeping(&queue->ring->host_sleeps);
			late = late || penstock_hw_queue_has_news(queue);
		}
	}
	/* What completed before it could know that it has to ring: not from inside this call. */
	if (late) {
		penstock_emulated_look(process);
	}
}

static void tell_failure(struct penstock_emulated *emulated)
{
	const struct penstock_backend_callbacks *callbacks = &emulated->config.callbacks;

	if (emulated->failed && !emulated->failure_told && emulated->stopped == NULL) {
		emulated->failure_told = true;
		callbacks->adapter_failed(callbacks->owner, emulated->failure);
	}
}

/* One look at each busy process. Whether anything came. */
static bool look_at_all(struct penstock_emulated *emulated)
{
	struct penstock_list round;
	struct penstock_list *link;
	bool news = false;

	penstock_list_init(&round);
	while ((link = penstock_list_pop(&emulated->busy)) != NULL) {
		penstock_list_append(&round, link);
	}
	while ((link = penstock_list_pop(&round)) != NULL) {
		struct penstock_emulated_process *process =
			penstock_list_entry(link, struct penstock_emulated_process, busy_link);
		uint32_t retired = process->queues[0].retired + process->queues[1].retired;

		if (!collect_all(process)) {
			news = true;
			continue;
		}
		news = news || retired != process->queues[0].retired + process->queues[1].retired;
		if (outstanding(process) && penstock_list_empty(&process->busy_link)) {
			penstock_list_append(&emulated->busy, &process->busy_link);
		}
	}
	return news;
}

/*
 * Nothing came for long enough: whoever has something to say rings from now on. A process whose end
 * was not told has nobody to ring for it.
 */
static void stop_looking(struct penstock_emulated *emulated)
{
	struct penstock_list round;
	struct penstock_list *link;

	penstock_list_init(&round);
	while ((link = penstock_list_pop(&emulated->busy)) != NULL) {
		penstock_list_append(&round, link);
	}
	while ((link = penstock_list_pop(&round)) != NULL) {
		struct penstock_emulated_process *process =
			penstock_list_entry(link, struct penstock_emulated_process, busy_link);

		if (arm(process) && process->tell_death &&
		    penstock_list_empty(&process->busy_link)) {
			penstock_list_append(&emulated->busy, &process->busy_link);
		}
	}
}

void penstock_emulated_on_idle(uv_idle_t *handle)
{
	struct penstock_emulated *emulated = handle->data;
	uint64_t now = uv_hrtime();

	tell_failure(emulated);
	if (look_at_all(emulated)) {
		penstock_patience_paid(&emulated->patience, now, now - emulated->looking_since_ns);
		emulated->looking_since_ns = now;
	} else if (now > emulated->looking_since_ns && /* it may have begun meanwhile */
		   now - emulated->looking_since_ns > PENSTOCK_PATIENCE_LOOK_NS) {
		penstock_patience_failed(&emulated->patience, now);
		stop_looking(emulated);
	}
	if (penstock_list_empty(&emulated->busy) && (!emulated->failed || emulated->failure_told)) {
		uv_idle_stop(&emulated->idle);
	}
}

/* ---------------------------------------------------------------- of a child */

void penstock_emulated_on_interrupt(struct penstock_child *child, uint32_t node_ordinal)
{
	struct penstock_emulated_process *process = child->process;

	if (process == NULL || !penstock_emulated_collect(process, node_ordinal, false)) {
		return;
	}
	if (penstock_list_empty(&process->busy_link)) {
		(void)arm(process);
	}
}

void penstock_emulated_on_ended(struct penstock_child *child, int wait_status)
{
	struct penstock_emulated_process *process = child->process;
	struct penstock_emulated *emulated = child->config.owner;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(emulated->standby); i++) {
		if (emulated->standby[i] == child) {
			emulated->standby[i] = NULL;
			return;
		}
	}
	if (process == NULL) {
		return;
	}
	process->tell_death = true;
	process->dead = true;
	process->death_status = wait_status;
	/* What it completed before its end counts; then nothing can come any more. */
	if (collect_all(process) && process->child == child) {
		penstock_emulated_process_detach(process);
		process->dead = true;
	}
}
