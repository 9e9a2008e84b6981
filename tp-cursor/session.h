/*
 * What an acknowledgement may say, and what follows from it: the rules between
 * the lines on standard input and the run that they are about.
 *
 * Functions that return an exit code have printed one line unless it is 0;
 * after any other the session is over.  What was acknowledged before the line
 * that ended it has then been committed, if that could be done.
 */
#ifndef TP_CURSOR_SESSION_H
#define TP_CURSOR_SESSION_H

#include <stddef.h>

struct session;

/*
 * For the state directory `dir_fd`, called `path` in messages.  `run_wanted`
 * (or NULL) is the only run to commit for.  All stay the caller's, and in use.
 */
struct session *
session_new(int dir_fd, const char *path, const char *run_wanted);
void session_free(struct session *session);

/* Takes one line, given without its newline.  Commits nothing by itself. */
int session_take(struct session *session, const char *bytes, size_t len_bytes);

/*
 * Takes a last line without its newline.  It may be cut, and a number that is
 * cut is only smaller: so it counts as `ack N`, or as nothing.
 */
int
session_take_cut(struct session *session, const char *bytes, size_t len_bytes);

/* Whether lines were acknowledged that are not committed. */
int session_has_pending(const struct session *session);

/* Whether moves may come to be committed that no acknowledgement announces. */
int session_may_have_moves(const struct session *session);

/* Commits what was acknowledged, and moves; nothing when there are none. */
int session_commit(struct session *session);

/* The input has ended: commits, and judges the whole. */
int session_finish(struct session *session);

#endif
