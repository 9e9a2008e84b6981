/*
 * What has been done so far, counted; and written as a Prometheus text file
 * for node_exporter's textfile collector or for people.
 */
#ifndef TP_HEC_STATS_H
#define TP_HEC_STATS_H

#include <stdint.h>

enum request_result {
	RESULT_ACCEPTED,
	RESULT_PARTIAL, /* an event refused, some lines taken */
	RESULT_RETRY,
	RESULT_TOO_LARGE,
	RESULT_NO_GZIP,
	RESULT_REFUSED,   /* token, certificate, index ... */
	RESULT_UNREACHED, /* no reply at all */
	RESULT_COUNT
};

struct stats {
	uint64_t events_read;
	uint64_t events_acknowledged;
	uint64_t events_set_aside;
	uint64_t bytes_read;
	uint64_t bytes_sent;
	uint64_t requests[RESULT_COUNT];
	uint64_t requests_again; /* begun for lines that had been sent before */
	uint64_t ack_polls;
	uint64_t acks_confirmed;     /* requests, as are the next two */
	uint64_t acks_expired;       /* not confirmed in time */
	uint64_t events_unconfirmed; /* accepted, yet sent again */
	uint64_t channels_ended;     /* whose ids could not be trusted */
	uint64_t is_waiting;         /* gauges */
	uint64_t acks_pending;
	uint64_t requests_in_flight;
	uint64_t lines_in_hand;
};

/* Replaces `path`, not synced; -1 with errno. */
int stats_write(const struct stats *stats, const char *path);

#endif
