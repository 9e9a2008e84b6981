/*
 * The stand-in's own bookkeeping.
 */
#include "stats.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "../say.h"

struct stats {
	pthread_mutex_t lock;
	size_t connections;
	size_t connections_open;
	size_t handshakes_failed;
	size_t busy; /* requests being served */
	size_t busy_most;
	uint64_t bytes;
	uint64_t unpacked;
	size_t accepted;
	size_t hidden;
	size_t ambiguous_kept;     /* events */
	size_t ambiguous_requests; /* that kept them */
	json_t *requests;          /* by route */
	json_t *statuses;
	json_t *codes;
	json_t *faults; /* by kind */
};

struct stats *
stats_new(void)
{
	struct stats *stats = calloc(1, sizeof *stats);

	if (stats == NULL)
		die(EX_OSERR, "memory: the statistics refused");
	pthread_mutex_init(&stats->lock, NULL);
	stats->requests = json_object();
	stats->statuses = json_object();
	stats->codes = json_object();
	stats->faults = json_object();
	return stats;
}

void
stats_free(struct stats *stats)
{
	json_decref(stats->requests);
	json_decref(stats->statuses);
	json_decref(stats->codes);
	json_decref(stats->faults);
	pthread_mutex_destroy(&stats->lock);
	free(stats);
}

void
stats_connection(struct stats *stats, bool shook_hands)
{
	pthread_mutex_lock(&stats->lock);
	stats->connections++;
	if (shook_hands)
		stats->connections_open++;
	else
		stats->handshakes_failed++;
	pthread_mutex_unlock(&stats->lock);
}

void
stats_connection_end(struct stats *stats)
{
	pthread_mutex_lock(&stats->lock);
	stats->connections_open--;
	pthread_mutex_unlock(&stats->lock);
}

void
stats_request_begin(struct stats *stats)
{
	pthread_mutex_lock(&stats->lock);
	if (++stats->busy > stats->busy_most)
		stats->busy_most = stats->busy;
	pthread_mutex_unlock(&stats->lock);
}

static void
count(json_t *object, const char *key, size_t more)
{
	json_int_t had = json_integer_value(json_object_get(object, key));

	json_object_set_new(object, key, json_integer(had + (json_int_t)more));
}

static void
count_number(json_t *object, int number)
{
	char key[16];

	snprintf(key, sizeof key, "%d", number);
	count(object, key, 1);
}

static void
count_fault(json_t *faults, const struct outcome *outcome)
{
	size_t untold = outcome->kept - outcome->told;
	json_t *fault = json_object_get(faults, outcome->fault);

	if (fault == NULL) {
		fault = json_object();
		json_object_set_new(faults, outcome->fault, fault);
	}
	count(fault, "times", 1);
	count(fault, "ambiguous", untold > 0);
	count(fault, "ambiguous_kept", untold);
}

void
stats_request_end(struct stats *stats, const struct outcome *outcome)
{
	size_t untold = outcome->kept - outcome->told;

	pthread_mutex_lock(&stats->lock);
	stats->busy--;
	stats->bytes += outcome->bytes;
	stats->unpacked += outcome->unpacked;
	stats->accepted += outcome->kept;
	stats->hidden += outcome->hidden;
	stats->ambiguous_kept += untold;
	stats->ambiguous_requests += untold > 0;
	count(stats->requests, outcome->route, 1);
	count_number(stats->statuses, outcome->status);
	if (outcome->code >= 0)
		count_number(stats->codes, outcome->code);
	if (outcome->fault != NULL)
		count_fault(stats->faults, outcome);
	pthread_mutex_unlock(&stats->lock);
}

size_t
stats_busy(struct stats *stats)
{
	size_t busy;

	pthread_mutex_lock(&stats->lock);
	busy = stats->busy;
	pthread_mutex_unlock(&stats->lock);
	return busy;
}

json_t *
stats_json(struct stats *stats)
{
	json_t *json;

	pthread_mutex_lock(&stats->lock);
	json = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,"
			 "s:o,s:o,s:o,s:o}",
	    "accepted", (json_int_t)stats->accepted, "ambiguous_kept",
	    (json_int_t)stats->ambiguous_kept, "ambiguous_requests",
	    (json_int_t)stats->ambiguous_requests, "hidden",
	    (json_int_t)stats->hidden, "connections",
	    (json_int_t)stats->connections, "connections_open",
	    (json_int_t)stats->connections_open, "handshakes_failed",
	    (json_int_t)stats->handshakes_failed, "parallel_most",
	    (json_int_t)stats->busy_most, "bytes", (json_int_t)stats->bytes,
	    "bytes_unpacked", (json_int_t)stats->unpacked, "requests",
	    json_deep_copy(stats->requests), "statuses",
	    json_deep_copy(stats->statuses), "codes",
	    json_deep_copy(stats->codes), "faults",
	    json_deep_copy(stats->faults));
	pthread_mutex_unlock(&stats->lock);
	return json;
}
