/*
 * The state directory S: its descriptor and its lock.
 *
 * S/lock is flock(2)ed for as long as anything runs on S.  The lock belongs to
 * the open file description, so it lives until the last process that inherited
 * the descriptor has closed it: pipeline.sh opens it once for the whole pipe.
 *
 * These functions print one line and return an exit code (0: all is well).
 */
#ifndef LIB_STATE_DIR_H
#define LIB_STATE_DIR_H

/*
 * Opens the directory `path`.  With `create`, makes it (0700) when it is
 * missing.  *dir_fd is the caller's to close.
 */
int state_dir_open(const char *path, int create, int *dir_fd);

/*
 * Takes the lock: on `lock_fd` when it is not negative, after checking that it
 * is S/lock; else by opening S/lock, kept open for the life of the process.
 * A lock taken here is signed with `holder`: what a second run is told.
 */
int
state_dir_lock(int dir_fd, const char *path, int lock_fd, const char *holder);

#endif
