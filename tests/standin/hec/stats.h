/*
 * The stand-in's own bookkeeping, which tests compare with what the sender
 * believes.  Thread-safe.
 */
#ifndef STANDIN_HEC_STATS_H
#define STANDIN_HEC_STATS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How one request ended. */
struct outcome {
	const char *route; /* "event", "raw", "ack", "health", "other" */
	const char *fault; /* the fault's name, NULL without one */
	int status;        /* as answered; 0: none, or not in full */
	int code;          /* HEC's, -1: none */
	uint64_t bytes;    /* of body, as sent */
	uint64_t unpacked; /* of body, gzip undone */
	size_t kept;       /* events accepted */
	size_t told;       /* of which the answer said so */
	size_t hidden;     /* lost though the answer says otherwise */
};

struct stats;

struct stats *stats_new(void);
void stats_free(struct stats *stats);

void stats_connection(struct stats *stats, bool shook_hands);
void stats_connection_end(struct stats *stats);
void stats_request_begin(struct stats *stats);
void stats_request_end(struct stats *stats, const struct outcome *outcome);

/* How many requests are being served. */
size_t stats_busy(struct stats *stats);

/* A snapshot for the caller to extend and release. */
json_t *stats_json(struct stats *stats);

#endif
