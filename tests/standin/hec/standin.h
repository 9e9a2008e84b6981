/*
 * The stand-in as a whole: what every connection works with.
 */
#ifndef STANDIN_HEC_STANDIN_H
#define STANDIN_HEC_STANDIN_H

#include <stdatomic.h>

#include "acks.h"
#include "faults.h"
#include "options.h"
#include "stats.h"
#include "store.h"

struct server;

struct standin {
	const struct options *options;
	struct faults *faults;
	struct store *store;
	struct acks *acks;
	struct stats *stats;
	struct server *server;
	atomic_uint turn; /* of the indexers, round robin */
};

/*
 * Everything that is counted, for the answer to a request: waits a little for
 * other requests to be booked.
 */
json_t *standin_stats(struct standin *standin);

#endif
