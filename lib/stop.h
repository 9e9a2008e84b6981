/*
 * SIGTERM, SIGINT and SIGHUP as a readable descriptor.
 *
 * The first signal is an event: "take no more, finish what is in hand".  A
 * second one ends the program at once, by the signal's default action, even
 * while a write to a stuck reader blocks; every contract here makes that safe.
 * SIGPIPE is ignored: a reader that has gone is EPIPE, an ordinary outcome.
 *
 * System calls are restarted (SA_RESTART), except those that never are, such
 * as poll().
 */
#ifndef LIB_STOP_H
#define LIB_STOP_H

/*
 * Called once, in main.  Returns the descriptor, which becomes and stays
 * readable at the first signal; ends the program on failure.
 */
int stop_open(void);

/* Whether a stop signal has come.  Does not block. */
int stop_taken(void);

#endif
