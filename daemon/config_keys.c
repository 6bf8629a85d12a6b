/* SPDX-License-Identifier: MIT */
#include "daemon/config_keys.h"

#include "daemon/faults.h"
#include "daemon/net/listener.h"
#include "daemon/objects/objects.h"
#include "daemon/schedule/scheduler.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct penstock_config_choice backends[] = {
	{ "emulated", PENSTOCK_BACKEND_EMULATED },
	{ "null", PENSTOCK_BACKEND_NULL },
	{ "faulty", PENSTOCK_BACKEND_FAULTY },
	{ NULL, 0 },
};

static const struct penstock_config_choice levels[] = {
	{ "error", 3 }, { "warning", 4 }, { "notice", 5 },
	{ "info", 6 },  { "debug", 7 },   { NULL, 0 },
};

#define FIELD(name)     offsetof(struct penstock_config, name)
#define ADAPTER(name)   FIELD(adapters[0].name)
#define PRINCIPAL(name) offsetof(struct penstock_config, principals[0].name)
#define GIB             (1ull << 30)

const struct penstock_config_key penstock_config_keys[] = {
	{ "daemon", "socket", NULL, "path of the Unix socket", NULL, FIELD(socket), 0,
	  sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, PENSTOCK_CONFIG_PATH, false },
	{ "daemon", "socket-mode", "0666", "its file mode", NULL, FIELD(socket_mode), 0, 0777,
	  PENSTOCK_CONFIG_MODE, false },
	{ "daemon", "listen", "", "loopback HOST:PORT for TCP; nothing: no TCP", NULL,
	  FIELD(listen), 0, 0, PENSTOCK_CONFIG_ADDRESS, false },
	{ "daemon", "state-dir", NULL, "folder of the database", NULL, FIELD(state_dir), 0, 0,
	  PENSTOCK_CONFIG_PATH, false },
	{ "daemon", "memory-dir", NULL, "folder of the memory files, on a tmpfs", NULL,
	  FIELD(memory_dir), 0, 0, PENSTOCK_CONFIG_PATH, false },
	{ "daemon", "gpu-program", PENSTOCK_LIBEXECDIR "/penstock-gpu",
	  "the emulated GPU's program", NULL, FIELD(gpu_program), 0, 0, PENSTOCK_CONFIG_PATH,
	  false },
	{ "daemon", "shader-program", PENSTOCK_LIBEXECDIR "/penstock-shader",
	  "the program that checks shaders", NULL, FIELD(shader_program), 0, 0,
	  PENSTOCK_CONFIG_PATH, false },
	{ "daemon", "log-level", "info", "error, warning, notice, info or debug", levels,
	  FIELD(log_level), 0, 0, PENSTOCK_CONFIG_CHOICE, true },
	{ "daemon", "worker-bytes", "64K",
	  "command buffers of this size and more are rendered by worker threads", NULL,
	  FIELD(worker_bytes), 1, GIB, PENSTOCK_CONFIG_BYTES, false },
	{ "adapter", "backend", "emulated", "emulated, null or faulty", backends, ADAPTER(backend),
	  0, 0, PENSTOCK_CONFIG_CHOICE, false },
	{ "adapter", "faults", "", "what the faulty backend does wrong: PACKET:KIND,...", NULL,
	  ADAPTER(faults), 0, 0, PENSTOCK_CONFIG_FAULTS, false },
	{ "adapter", "local-memory", "1G", "size of segment 1", NULL, ADAPTER(local_memory),
	  1u << 20, 64 * GIB, PENSTOCK_CONFIG_BYTES, false },
	{ "adapter", "aperture-memory", "1G", "size of segment 2", NULL, ADAPTER(aperture_memory),
	  1u << 20, 64 * GIB, PENSTOCK_CONFIG_BYTES, false },
	{ "adapter", "hw-queue-packet-cap", "2", "packets that a node's hardware queue takes", NULL,
	  ADAPTER(hw_queue_packet_cap), 1, 16, PENSTOCK_CONFIG_NUMBER, false },
	{ "adapter", "first-fence", "1", "first submission fence id of each node, for tests", NULL,
	  ADAPTER(first_fence), 0, UINT32_MAX, PENSTOCK_CONFIG_NUMBER, false },
	{ "adapter", "test-instructions", "no", "instructions for tests are legal", NULL,
	  ADAPTER(test_instructions), 0, 0, PENSTOCK_CONFIG_SWITCH, false },
	{ "adapter", "pipelines", "yes", "pipelines can be made, where Vulkan was built in", NULL,
	  ADAPTER(pipelines), 0, 0, PENSTOCK_CONFIG_SWITCH, false },
	{ "adapter", "paranoid", "no", "every DMA buffer is checked a second time", NULL,
	  ADAPTER(paranoid), 0, 0, PENSTOCK_CONFIG_SWITCH, false },
	{ "adapter", "tdr-delay", "2000",
	  "milliseconds that a node may leave a preemption unanswered", NULL, ADAPTER(tdr_delay_ms),
	  100, 3600000, PENSTOCK_CONFIG_NUMBER, false },
	{ "adapter", "tdr-limit-count", "5",
	  "resets of the adapter in tdr-limit-time that it survives; a principal whose work hung "
	  "it "
	  "as often is blocked",
	  NULL, ADAPTER(tdr_limit_count), 1, PENSTOCK_TDR_LIMIT_COUNT_MOST, PENSTOCK_CONFIG_NUMBER,
	  true },
	{ "adapter", "tdr-limit-time", "60", "seconds that tdr-limit-count is about", NULL,
	  ADAPTER(tdr_limit_time_s), 1, 86400, PENSTOCK_CONFIG_NUMBER, true },
	{ "adapter", "tdr-block-time", "300", "seconds that a principal is blocked", NULL,
	  ADAPTER(tdr_block_time_s), 1, 86400 * 365, PENSTOCK_CONFIG_NUMBER, true },
	{ "principal", "weight", "100", "its share of GPU time, beside those of others", NULL,
	  PRINCIPAL(weight), 1, PENSTOCK_WEIGHT_MAXIMUM, PENSTOCK_CONFIG_NUMBER, false },
	{ "principal", "max-priority", "0", "the highest priority that its contexts may have", NULL,
	  PRINCIPAL(max_priority), 0, PENSTOCK_PRIORITY_MOST, PENSTOCK_CONFIG_NUMBER, false },
	{ "limits", "principal-memory", "1G", "memory that one principal may hold", NULL,
	  FIELD(principal_memory), 1u << 16, 1024 * GIB, PENSTOCK_CONFIG_BYTES, false },
	{ "limits", "principal-sessions", "1024", "sessions of one principal", NULL,
	  FIELD(principal_sessions), 1, PENSTOCK_LIMIT_SESSIONS_PER_PRINCIPAL,
	  PENSTOCK_CONFIG_NUMBER, false },
	{ "limits", "connections", "4096", "connections of everybody", NULL, FIELD(connections), 2,
	  PENSTOCK_LIMIT_CONNECTIONS, PENSTOCK_CONFIG_NUMBER, true },
	{ "limits", "max-lease", "60", "seconds that a session may outlive its connection", NULL,
	  FIELD(max_lease_s), 0, PENSTOCK_LIMIT_LEASE_S, PENSTOCK_CONFIG_NUMBER, false },
	{ "limits", "drain", "10", "seconds that work may go on after SIGTERM", NULL,
	  FIELD(drain_s), 0, 3600, PENSTOCK_CONFIG_NUMBER, true },
};

_Static_assert(PENSTOCK_ARRAY_SIZE(penstock_config_keys) <= 64, "a bit of `given` for each key");

const size_t penstock_config_key_count = PENSTOCK_ARRAY_SIZE(penstock_config_keys);

const struct penstock_config_key *penstock_config_key(const char *section, const char *name)
{
	for (size_t i = 0; i < penstock_config_key_count; i++) {
		if (strcmp(penstock_config_keys[i].name, name) == 0 &&
		    (section == NULL || strcmp(penstock_config_keys[i].section, section) == 0)) {
			return &penstock_config_keys[i];
		}
	}
	return NULL;
}

const char *penstock_backend_kind_name(uint64_t kind)
{
	for (const struct penstock_config_choice *choice = backends; choice->name != NULL;
	     choice++) {
		if (choice->value == kind) {
			return choice->name;
		}
	}
	return "";
}

/* ---------------------------------------------------------------- values */

/* The fault does not name the key. */
static enum penstock_status check_text(const struct penstock_config_key *key, const char *value,
				       struct penstock_errbuf *reterr_text)
{
	struct penstock_fault faults[PENSTOCK_FAULTS_MAX];
	size_t count;

	if (key->type == PENSTOCK_CONFIG_FAULTS) {
		return penstock_faults_parse(value, faults, &count, reterr_text);
	}
	if (key->type == PENSTOCK_CONFIG_ADDRESS) {
		return value[0] == '\0' ? PENSTOCK_STATUS_SUCCESS
					: penstock_listen_check(value, reterr_text);
	}
	if (value[0] != '/') {
		penstock_errbuf_set(reterr_text, "'%.150s' is no absolute path", value);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (key->maximum != 0 && strlen(value) > key->maximum) {
		penstock_errbuf_set(reterr_text, "longer than %" PRIu64 " bytes", key->maximum);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status set_text(struct penstock_config *config,
				     const struct penstock_config_key *key, const char *value,
				     struct penstock_errbuf *reterr_text)
{
	struct penstock_errbuf fault;
	char *copy;

	if (check_text(key, value, &fault) != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "%s: %.200s", key->name, fault.text);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	copy = strdup(value);
	if (copy == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	free(*penstock_config_text(config, key));
	*penstock_config_text(config, key) = copy;
	return PENSTOCK_STATUS_SUCCESS;
}

/* Digits, and for bytes one of K, M, G behind them. False: no such number, or too large a one. */
static bool parse_number(const char *value, const struct penstock_config_key *key,
			 uint64_t *ret_number)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} units[] = { { "", 0 }, { "K", 10 }, { "M", 20 }, { "G", 30 } };
	const size_t unit_count =
		key->type == PENSTOCK_CONFIG_BYTES ? PENSTOCK_ARRAY_SIZE(units) : 1;
	unsigned long long number;
	char *rest;

	if (value[0] < '0' || value[0] > '9') {
		return false;
	}
	errno = 0;
	number = strtoull(value, &rest, key->type == PENSTOCK_CONFIG_MODE ? 8 : 10);
	if (errno != 0) {
		return false;
	}
	for (size_t i = 0; i < unit_count; i++) {
		if (strcmp(rest, units[i].suffix) == 0 && number <= UINT64_MAX >> units[i].shift) {
			*ret_number = (uint64_t)number << units[i].shift;
			return true;
		}
	}
	return false;
}

static enum penstock_status set_number(struct penstock_config *config,
				       const struct penstock_config_key *key, const char *value,
				       struct penstock_errbuf *reterr_text)
{
	uint64_t number;

	if (!parse_number(value, key, &number)) {
		penstock_errbuf_set(reterr_text, "%s: '%s' is no %s", key->name, value,
				    key->type == PENSTOCK_CONFIG_MODE ? "octal file mode"
				    : key->type == PENSTOCK_CONFIG_BYTES
					    ? "number of bytes (1048576, 1M, 1G)"
					    : "number");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (number < key->minimum || number > key->maximum) {
		penstock_errbuf_set(reterr_text,
				    key->type == PENSTOCK_CONFIG_MODE
					    ? "%s: %s is not within 0%" PRIo64 " to 0%" PRIo64
					    : "%s: %s is not within %" PRIu64 " to %" PRIu64,
				    key->name, value, key->minimum, key->maximum);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	*penstock_config_number(config, key) = number;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status set_choice(struct penstock_config *config,
				       const struct penstock_config_key *key, const char *value,
				       struct penstock_errbuf *reterr_text)
{
	for (const struct penstock_config_choice *choice = key->choices; choice->name != NULL;
	     choice++) {
		if (strcmp(choice->name, value) == 0) {
			*penstock_config_number(config, key) = choice->value;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	penstock_errbuf_set(reterr_text, "%s: '%s' is none of: %s", key->name, value, key->help);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

static enum penstock_status set_switch(struct penstock_config *config,
				       const struct penstock_config_key *key, const char *value,
				       struct penstock_errbuf *reterr_text)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
		penstock_errbuf_set(reterr_text, "%s: '%s' is neither yes nor no", key->name,
				    value);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	*penstock_config_switch(config, key) = value[0] == 'y';
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_config_set(struct penstock_config *config,
					 const struct penstock_config_key *key, const char *value,
					 struct penstock_errbuf *reterr_text)
{
	switch (key->type) {
	case PENSTOCK_CONFIG_PATH:
	case PENSTOCK_CONFIG_ADDRESS:
	case PENSTOCK_CONFIG_FAULTS:
		return set_text(config, key, value, reterr_text);
	case PENSTOCK_CONFIG_NUMBER:
	case PENSTOCK_CONFIG_BYTES:
	case PENSTOCK_CONFIG_MODE:
		return set_number(config, key, value, reterr_text);
	case PENSTOCK_CONFIG_SWITCH:
		return set_switch(config, key, value, reterr_text);
	case PENSTOCK_CONFIG_CHOICE:
		return set_choice(config, key, value, reterr_text);
	}
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}
