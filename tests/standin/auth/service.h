/* service.h -- what the stand-in answers, without the transport.
 *
 * Owns the events, the faults and the figures.  Every function may be called
 * from any thread. */
#ifndef STANDIN_AUTH_SERVICE_H
#define STANDIN_AUTH_SERVICE_H

#include "fault.h"
#include "options.h"

struct service;

/* One call as it came in. */
struct query {
	const char *method;    /* full path */
	const char *version;   /* metadata, or NULL */
	int has_intermediates; /* the client sent more than one certificate */
	int peer_port;
	const uint8_t *data;
	size_t size;
};

struct reply {
	grpc_status_code status;
	char message[400];
	uint8_t *data; /* malloc'ed; only with OK */
	size_t size;
	struct fault_action fault; /* for the transport to carry out */
};

/* Ends the program if the options cannot be met.  `options` must outlive it. */
struct service *service_new(const struct options *options);
void service_free(struct service *service);

void service_answer(struct service *service, const struct query *query,
    struct reply *reply);

/* What SIGHUP, SIGUSR1 and SIGUSR2 ask for. */
void service_reload(struct service *service);
void service_add_late(struct service *service);
void service_lift_faults(struct service *service);
int service_needs_relay(const struct service *service);

/* Writes --stats; `connections` is what the transport counted. */
void service_write_stats(struct service *service, long connections);

/* --list-uids and --dump: to stdout. */
void service_print(struct service *service, enum mode mode);

#endif
