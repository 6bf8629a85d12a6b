/* SPDX-License-Identifier: MIT */
/*
 * The service manager's protocol: readiness, the watchdog, sockets that it has opened for us.
 * Everything here does nothing where there is no service manager.
 */
#ifndef PENSTOCK_NOTIFY_H
#define PENSTOCK_NOTIFY_H

#include "proto/base/base.h"

/* Sends "READY=1", "STOPPING=1", "WATCHDOG=1", "RELOADING=1\nMONOTONIC_USEC=..." to NOTIFY_SOCKET.
 */
void penstock_notify(const char *message);

/* Half of the watchdog's period in milliseconds; 0: it is off, or not meant for this process. */
uint64_t penstock_notify_watchdog_ms(void);

#define PENSTOCK_LISTEN_FDS_START 3
#define PENSTOCK_LISTEN_FDS_MAX   16u

/*
 * How many descriptors, from 3 on, were passed to this process. They are made close-on-exec, and
 * the variables removed, so that no child takes them for its own.
 */
unsigned penstock_notify_descriptors(void);

#endif
