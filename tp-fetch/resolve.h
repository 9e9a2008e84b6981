/*
 * A host name to addresses, without being held up by a slow name server:
 * getaddrinfo() has no deadline, so it runs in a thread that is left to itself
 * when the wait is over.
 */
#ifndef TP_FETCH_RESOLVE_H
#define TP_FETCH_RESOLVE_H

#include <stdint.h>

struct addrinfo;
struct link_failure;

/*
 * Stream addresses of host:port, to be freed with freeaddrinfo().  Blocks
 * until they are there, until `deadline_ms`, or until `cancel_fd` (or -1) is
 * readable.  NULL with `failure`.
 */
struct addrinfo *resolve(const char *host, const char *port,
    int64_t deadline_ms, int cancel_fd, struct link_failure *failure);

#endif
