/* catalogue.h -- all events that the stand-in has, from several sources, as one
 * ordered sequence that can be walked from any place, either way.
 *
 *	struct walk walk;
 *	walk_begin(&walk, catalogue, &range);
 *	while ((event = walk_next(&walk)))
 *		...
 */
#ifndef STANDIN_AUTH_CATALOGUE_H
#define STANDIN_AUTH_CATALOGUE_H

#include "event.h"

enum { CATALOGUE_SOURCES = 2 };

struct catalogue {
	struct source sources[CATALOGUE_SOURCES];
	int count;
};

struct range {
	int64_t from_ns; /* both bounds inclusive */
	int64_t to_ns;
	int is_ascending;
	const struct position *after; /* begin beyond it; NULL: at the edge */
};

/* One source's part of the walk: the numbers still to come, and the next
 * event, already fetched. */
struct lane {
	size_t next;
	size_t left;
	struct event event;
	size_t number; /* of `event` in its source */
	int has_event;
};

struct walk {
	const struct catalogue *catalogue;
	int is_ascending;
	struct lane lanes[CATALOGUE_SOURCES];
	int current; /* the lane that the last event came from, or -1 */
};

void walk_begin(struct walk *walk, const struct catalogue *catalogue,
    const struct range *range);
/* The next event, or NULL; it lasts until the next call. */
const struct event *walk_next(struct walk *walk);
/* The JSON of the event that walk_next() gave; the caller owns it. */
json_t *walk_json(const struct walk *walk);

/* 1 and *event if an event has this id, else 0. */
int catalogue_find(const struct catalogue *catalogue, const char *id,
    struct event *event);

#endif
