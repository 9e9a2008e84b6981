/*
 * A line on the terminal, once a second: how fast, how far, and what is waited
 * for.  Silent where stderr is no terminal.
 */
#ifndef TP_HEC_PROGRESS_H
#define TP_HEC_PROGRESS_H

#include <stdint.h>

struct stats;

struct progress {
	int is_on;
	int is_shown;
	int64_t due_ms;
	int64_t shown_ms;
	uint64_t shown_acknowledged;
};

void progress_start(struct progress *progress, int64_t now_ms);

/* Shows the line if it is due; `why` is what is waited for, or NULL. */
void progress_show(struct progress *progress, const struct stats *stats,
    const char *why, int64_t now_ms);

/* Takes the line off the terminal. */
void progress_end(struct progress *progress);

#endif
