/*
 * SIGTERM, SIGINT and SIGHUP as a readable descriptor.
 *
 * stop_open() is called in main before any library starts a thread, so that
 * every thread inherits the blocked mask.  It also ignores SIGPIPE: a reader
 * that has gone is EPIPE, an ordinary outcome.
 *
 * The first signal is read from the descriptor and means "take no more,
 * finish what is in hand".  stop_taken() then restores the default action, so
 * that a second signal ends the program at once, which is always safe.
 */
#ifndef LIB_STOP_H
#define LIB_STOP_H

/* Returns the descriptor to poll for POLLIN; ends the program on failure. */
int stop_open(void);

/*
 * Non-blocking: whether a stop signal has come.  Once it has, stays true.
 * Must be called from the thread that called stop_open().
 */
int stop_taken(void);

#endif
