/*
 * Events that cannot be delivered: set aside in the dead-letter file, or, when
 * there is none, the reason to stop.
 *
 * A line set aside counts as settled, but may be acknowledged only after
 * aside_sync().
 */
#ifndef TP_HEC_ASIDE_H
#define TP_HEC_ASIDE_H

#include <stddef.h>
#include <stdint.h>

struct stats;

enum { ASIDE_WORDS_BYTES = 400 };

struct aside_event {
	int64_t line;
	const char *text; /* the event as it came, or the beginning of it */
	size_t len_bytes;
	uint64_t true_bytes; /* of the whole event */
	const char *uid;     /* may be "" */
};

struct aside_stop {
	int exit_code;
	int64_t line; /* the first line that could not be settled */
	char words[ASIDE_WORDS_BYTES];
};

struct aside;

/*
 * `path` NULL: none.  Ends the program when the file cannot be opened.  With
 * `is_dry` nothing is opened or written; every event is only said and counted.
 */
struct aside *aside_open(const char *path, int is_dry, struct stats *stats);
void aside_close(struct aside *aside);

/* Whether `fd` is the dead-letter file. */
int aside_is(const struct aside *aside, int fd);

/*
 * Sets `event` aside because of `reason` (`status` and `code` as HEC said, -1
 * where it did not).  0: done; -1: it could not be, so the program has to stop
 * (see aside_stop()).
 */
int aside_put(struct aside *aside, const struct aside_event *event,
    const char *reason, int status, int code);

/* What was set aside is on disk: 0, or -1 and the program has to stop. */
int aside_sync(struct aside *aside);

/*
 * Another reason to stop, found at `line`: what stands before it is delivered
 * first.  Of several, the one of the first line counts.
 */
void aside_refuse(struct aside *aside, int exit_code, int64_t line,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Why the program has to stop; NULL: it need not. */
const struct aside_stop *aside_stop(const struct aside *aside);

#endif
