/*
 * The run itself: pages in by the session, where to go on by the search,
 * lines and records out by the emitter.
 */
#ifndef TP_FETCH_FETCH_H
#define TP_FETCH_FETCH_H

#include <stdint.h>

struct session;
struct search;
struct emitter;
struct stats;

struct fetch_options {
	const char *const *types;      /* NULL-terminated; NULL: all */
	const char *const *skip_types; /* the same; NULL: none */
	int64_t poll_ms;
};

/*
 * Runs until the search is done, a stop signal, or what cannot be mended.
 * Returns an exit code; whatever went wrong was said.
 */
int fetch_run(const struct fetch_options *options, struct session *session,
    struct search *search, struct emitter *emitter, struct stats *stats);

#endif
