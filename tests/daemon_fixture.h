/* SPDX-License-Identifier: MIT */
/*
 * penstockd of this build, in a folder of its own: started, waited for until it says READY,
 * stopped. For tests against the real daemon and for make bench. Nothing here asserts; callers
 * look at what comes back.
 */
#ifndef PENSTOCK_DAEMON_FIXTURE_H
#define PENSTOCK_DAEMON_FIXTURE_H

#include "proto/base/base.h"

#include <sys/types.h>

#define PENSTOCK_DAEMON_ARGUMENTS_MAX 32u

struct penstock_daemon {
	pid_t pid;             /* 0: not running */
	char *directory;       /* owned; with the socket, state/, memory/, and the log */
	char *memory;          /* owned; the memory files elsewhere, NULL: in memory/ */
	char unix_server[192]; /* "unix:..." */
	char tcp_server[64];   /* "penstock://127.0.0.1:..." with tcp, otherwise "" */
	int tcp;         /* with TCP: listening sockets that the daemon inherits; otherwise -1 */
	int unix_socket; /* likewise */
	int notify;      /* where it says READY */
	/* more options, NULL at the end; borrowed, kept over a restart */
	const char *arguments[PENSTOCK_DAEMON_ARGUMENTS_MAX];
};

/* Makes the folder, and with `tcp` a socket on a port that the kernel chooses. 0, or -1. */
int penstock_daemon_init(struct penstock_daemon *daemon, bool tcp, struct penstock_errbuf *text);

/* The memory files go into a folder of their own in `parent`, before the start. 0, or -1. */
int penstock_daemon_place_memory(struct penstock_daemon *daemon, const char *parent,
				 struct penstock_errbuf *text);

/* Starts it and waits for READY. 0; -1: the text has the fault, or the daemon's last words. */
int penstock_daemon_start(struct penstock_daemon *daemon, struct penstock_errbuf *text);

/* SIGTERM, and waits. The exit status as of waitpid(), -1: it was not running. */
int penstock_daemon_stop(struct penstock_daemon *daemon);

/* SIGKILL, and waits; what it kept is there for the next start. */
void penstock_daemon_kill(struct penstock_daemon *daemon);

/* Kills what runs and removes the folder. */
void penstock_daemon_fini(struct penstock_daemon *daemon);

#endif
