/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void penstock_inbox_init(struct penstock_inbox *inbox, int descriptor, struct penstock_mmu *mmu)
{
	*inbox = (struct penstock_inbox){ .descriptor = descriptor, .mmu = mmu };
	pthread_mutex_init(&inbox->lock, NULL);
	pthread_cond_init(&inbox->arrived, NULL);
}

void penstock_inbox_fini(struct penstock_inbox *inbox)
{
	pthread_cond_destroy(&inbox->arrived);
	pthread_mutex_destroy(&inbox->lock);
}

/* The descriptor that came along, or -1. */
static int descriptor_of(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	int descriptor = -1;

	if (control != NULL && control->cmsg_level == SOL_SOCKET &&
	    control->cmsg_type == SCM_RIGHTS && control->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(&descriptor, CMSG_DATA(control), sizeof(descriptor));
	}
	return descriptor;
}

static enum penstock_status act(struct penstock_inbox *inbox,
				const struct penstock_channel_message *message, int descriptor)
{
	switch ((enum penstock_channel_kind)message->kind) {
	case PENSTOCK_CHANNEL_ATTACH:
		if (descriptor < 0) {
			return PENSTOCK_STATUS_INVALID_PARAMETER;
		}
		return penstock_mmu_attach(inbox->mmu, message->file_id, descriptor,
					   message->size_bytes,
					   (enum penstock_file_role)message->role);
	case PENSTOCK_CHANNEL_DETACH:
		penstock_mmu_detach(inbox->mmu, message->file_id);
		break;
	}
	if (descriptor >= 0) {
		close(descriptor);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_inbox_receive(struct penstock_inbox *inbox)
{
	struct penstock_channel_message message;
	struct iovec bytes = { .iov_base = &message, .iov_len = sizeof(message) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	enum penstock_status status;
	ssize_t length;

	do {
		length = recvmsg(inbox->descriptor, &header, MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length == 0) {
		return PENSTOCK_STATUS_CONNECTION_DISCONNECTED;
	}
	if (length != (ssize_t)sizeof(message) ||
	    (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = act(inbox, &message, descriptor_of(&header));
	pthread_mutex_lock(&inbox->lock);
	inbox->received++;
	pthread_cond_broadcast(&inbox->arrived);
	pthread_mutex_unlock(&inbox->lock);
	return status;
}

void penstock_inbox_await(void *argument, uint64_t messages)
{
	struct penstock_inbox *inbox = argument;

	pthread_mutex_lock(&inbox->lock);
	while (inbox->received < messages) {
		pthread_cond_wait(&inbox->arrived, &inbox->lock);
	}
	pthread_mutex_unlock(&inbox->lock);
}
