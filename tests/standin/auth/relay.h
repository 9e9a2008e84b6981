/* relay.h -- a byte-forwarding TCP relay in front of the server, because grpc
 * core can neither cut a connection nor hold it up.
 *
 * It runs in a thread of its own.  A connection is named by the port that the
 * relay itself comes from, which is what the server sees as its peer. */
#ifndef STANDIN_AUTH_RELAY_H
#define STANDIN_AUTH_RELAY_H

#include "fault.h"

#include <netinet/in.h>
#include <stdint.h>

struct relay;

/* What every connection suffers; all zero: nothing. */
struct relay_rules {
	int64_t delay_ms;         /* one way, in both directions */
	int64_t cut_after;        /* 0: never; bytes to the client */
	enum cut cut;             /* how */
	int64_t bytes_per_second; /* 0: no limit; to the client */
};

/* Listens on `address` and forwards to 127.0.0.1:`target_port`; NULL with
 * errno if it cannot listen. */
struct relay *relay_start(const struct sockaddr_in *address, int target_port,
    const struct relay_rules *rules);
void relay_stop(struct relay *relay);

int relay_port(const struct relay *relay);
long relay_connections(const struct relay *relay);

/* Cuts the connection after so many more bytes to the client; a port that the
 * relay does not know is ignored. */
void relay_cut(struct relay *relay, int port, enum cut how, int64_t after);
/* Nothing moves to the client for so long. */
void relay_stall(struct relay *relay, int port, int64_t stall_ms);

#endif
