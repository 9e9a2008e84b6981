/*
 * What has been done so far, counted; written as a Prometheus text file.
 */
#ifndef TP_FETCH_STATS_H
#define TP_FETCH_STATS_H

#include <stdint.h>

struct stats {
	const char *path; /* NULL: counted only */
	int64_t due_ms;   /* when it is to be written next */
	uint64_t lines;
	uint64_t skipped; /* by a filter */
	uint64_t gaps; /* events that have no JSON form: a gap line instead */
	uint64_t pages;
	uint64_t is_waiting;      /* 1 while the server is away or refuses us */
	uint64_t last_event_time; /* seconds since the epoch */
	uint64_t certificate_expiry; /* likewise */
};

/* Writes the file if that is due; what fails is said. */
void stats_write_if_due(struct stats *stats);

/* Writes it now.  -1: it cannot be written, which was said. */
int stats_write(struct stats *stats);

#endif
