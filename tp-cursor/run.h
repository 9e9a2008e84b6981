/*
 * One run's journal on its way into S/cursor.
 *
 * Two readers go over the journal.  The first looks: it counts lines, finds
 * their uids and refuses what is damaged, so that an acknowledgement is judged
 * before anything is folded on its behalf.  The second folds, up to what was
 * acknowledged.  What is refused therefore never touches the state that an
 * earlier acknowledgement stands for, and that one can still be committed.
 *
 * Functions that return an exit code have printed one line unless it is 0.
 */
#ifndef TP_CURSOR_RUN_H
#define TP_CURSOR_RUN_H

#include <stdint.h>

struct run;

/*
 * Opens S/journal and takes up where S/cursor says, or at the run's first
 * line.  With `wanted` (or NULL), only when it is that run's.  *run stays NULL
 * when there is no such journal; `other` then has the run id found instead, or
 * "".  With `is_patient`, a journal that cannot be read is none, too: it may
 * be another run's.  `dir_fd` and `path` stay the caller's, and in use.
 */
int run_open(int dir_fd, const char *path, const char *wanted, int is_patient,
    struct run **run, char other[65]);
void run_free(struct run *run);

const char *run_id(const struct run *run);

/* Whether its lines carry their numbers, so that filters may drop some. */
int run_is_tagged(const struct run *run);

/* The last line that was committed, or 0. */
int64_t run_committed_line(const struct run *run);

/*
 * Looks ahead to line `line`, and no further.  *is_there: whether the journal
 * has it; then `uid` is the line's, or "" when none is known.
 */
int run_look(struct run *run, int64_t line, int *is_there, const char **uid);

/*
 * Looks to the journal's present end: how many lines it has, and whether the
 * run ended by itself, which is said with the same number or the journal is
 * damaged.
 */
int run_look_to_end(struct run *run, int64_t *lines, int *is_finished);

/*
 * Folds up to line `line` (which was looked at, or is 0) and the moves that
 * follow it, and commits when that changed anything.
 */
int run_commit(struct run *run, int64_t line);

#endif
