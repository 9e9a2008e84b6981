/*
 * A connected, non-blocking byte stream: one narrow interface over whatever
 * lies between us and the peer, so that layers stack (TCP, CONNECT, TLS,
 * WebSocket, TLS again) and pump.c moves the topmost's bytes without knowing.
 *
 * A layer owns the one below: link_close() closes the whole stack.  No call
 * blocks but the constructors, which take a deadline on the monotonic clock
 * and a `cancel_fd` (or -1) whose becoming readable ends the wait.  A link
 * belongs to one thread at a time.
 */
#ifndef TP_FETCH_LINK_H
#define TP_FETCH_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum link_status {
	LINK_EOF = 0,    /* the peer has closed */
	LINK_AGAIN = -1, /* poll link->fd for link_events(), then try again */
	LINK_ERROR = -2  /* broken: link->failure says why */
};

/* Why a constructor failed or a link broke. */
struct link_failure {
	int is_refusal; /* the peer refused us or its certificate was refused:
			   waiting alone will not mend it */
	char why[256];
};

struct link;

struct link_operations {
	ssize_t (*read)(struct link *link, void *bytes, size_t size_bytes);
	ssize_t (
	    *write)(struct link *link, const void *bytes, size_t len_bytes);
	short (*events)(struct link *link, int wants_read, int wants_write);
	void (*close)(struct link *link);
};

/* Each layer embeds this first. */
struct link {
	const struct link_operations *operations;
	int fd; /* the descriptor to poll: the TCP socket at the bottom */
	struct link_failure failure; /* set with LINK_ERROR */
};

/* Both return a count above 0, or one of link_status. */
static inline ssize_t
link_read(struct link *link, void *bytes, size_t size_bytes)
{
	return link->operations->read(link, bytes, size_bytes);
}

static inline ssize_t
link_write(struct link *link, const void *bytes, size_t len_bytes)
{
	return link->operations->write(link, bytes, len_bytes);
}

/*
 * What to poll for before the calls that returned LINK_AGAIN are tried again;
 * TLS may want to write in order to read.
 */
static inline short
link_events(struct link *link, int wants_read, int wants_write)
{
	return link->operations->events(link, wants_read, wants_write);
}

/* Closes the stack and frees it; NULL is legal. */
void link_close(struct link *link);

/*
 * Connects to host:port, trying each address in turn, each for its share of
 * the time left; TCP_NODELAY, keep-alive: a peer that has vanished is an error
 * after some two minutes.  NULL with `failure`, which names host and port.
 */
struct link *link_tcp_connect(const char *host, const char *port,
    int64_t deadline_ms, int cancel_fd, struct link_failure *failure);

struct ssl_ctx_st;

/*
 * A TLS client over `below` (taken over, closed on failure).  `server_name` is
 * both sent as SNI and verified; `alpn` is a NULL-terminated list in order of
 * preference, and the server must choose one of it.  The client certificate is
 * in `context`, which may be freed while the link lives.
 *
 * Under TLS 1.3 a server that refuses our certificate says so only after the
 * handshake: the first read, or a failed write, is then a LINK_ERROR that is a
 * refusal and repeats the server's alert.
 */
struct link *link_tls_connect(struct link *below, struct ssl_ctx_st *context,
    const char *server_name, const char *const *alpn, int64_t deadline_ms,
    int cancel_fd, struct link_failure *failure);

/* --- for the layers ------------------------------------------------------ */

/* Fills in `failure`; is_refusal is 0. */
void link_fail(struct link_failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Blocks until `fd` has one of `events`; else -1 with `failure`. */
int link_wait(int fd, short events, int64_t deadline_ms, int cancel_fd,
    struct link_failure *failure);

#endif
