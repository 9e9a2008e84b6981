/*
 * Bytes both ways between a link and a socket, as far as they go without
 * blocking.  Nothing is lost on a short write, and what the link brought
 * before it ended is still delivered.  Belongs to one thread.
 *
 *     for (;;) {
 *             moved = pump_inward(pump);
 *             ... serve the other end of the socket ...
 *             moved |= pump_outward(pump);
 *             if (!moved) poll what pump_poll_set() says
 *     }
 */
#ifndef TP_FETCH_PUMP_H
#define TP_FETCH_PUMP_H

#include <poll.h>

struct link;
struct link_failure;
struct pump;

/* Takes over both; `socket` is non-blocking. */
struct pump *pump_new(struct link *link, int socket);

/* Closes both; NULL is legal. */
void pump_free(struct pump *pump);

/* Link to socket, and socket to link; whether anything has happened. */
int pump_inward(struct pump *pump);
int pump_outward(struct pump *pump);

/* What to wait for once both have said that nothing happened. */
void pump_poll_set(const struct pump *pump, struct pollfd set[2]);

/*
 * Whether either end has closed: no more will come in.  The socket has then
 * been shut down, once everything was delivered.
 */
int pump_is_over(const struct pump *pump);

/* Why the link ended; NULL when it has not. */
const struct link_failure *pump_failure(const struct pump *pump);

#endif
