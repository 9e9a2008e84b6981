/* synthetic.h -- any number of realistic events, made when they are asked for.
 *
 * Event i is a template chosen by the seed and i, with its own uid, time and
 * ei; nothing is kept per event.  A uid holds its i, hidden by the seed, so
 * that it can be found again. */
#ifndef STANDIN_AUTH_SYNTHETIC_H
#define STANDIN_AUTH_SYNTHETIC_H

#include "event.h"

struct synthetic;

struct synthetic_plan {
	size_t count;
	uint64_t seed;
	int64_t start_ns;
	int64_t interval_ns; /* between events; times are cut to whole ms */
	const char *cluster; /* used during synthetic_new only */
};

struct synthetic *synthetic_new(const struct synthetic_plan *plan);
void synthetic_free(struct synthetic *synthetic);
struct source synthetic_source(struct synthetic *synthetic);

#endif
