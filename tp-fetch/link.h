/*
 * A connected, non-blocking byte stream: one narrow interface over whatever
 * lies between us and the peer, so that layers stack (TCP, CONNECT, TLS,
 * WebSocket, TLS again) and rpc.c pumps the topmost without knowing.
 *
 * Reads and writes return a count above 0, or one of link_status.  A layer
 * owns the one below: link_close() closes the whole stack.  No call blocks
 * but the constructors, which take a deadline on the monotonic clock.
 */
#ifndef TP_FETCH_LINK_H
#define TP_FETCH_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum link_status {
	LINK_EOF = 0,    /* the peer has closed */
	LINK_AGAIN = -1, /* poll link_fd() for link_events(), then try again */
	LINK_ERROR = -2  /* broken: link_error() says why */
};

struct link;

struct link_operations {
	ssize_t (*read)(struct link *link, void *bytes, size_t size_bytes);
	ssize_t (
	    *write)(struct link *link, const void *bytes, size_t len_bytes);
	/* What to poll for before the call that returned LINK_AGAIN is tried
	 * again; TLS may want to write in order to read. */
	short (*events)(struct link *link, int wants_read, int wants_write);
	void (*close)(struct link *link);
};

/* Each layer embeds this first. */
struct link {
	const struct link_operations *operations;
	int fd; /* the descriptor to poll: the TCP socket at the bottom */
	char error[256];
};

/* What a failed constructor found. */
struct link_failure {
	int is_refusal; /* the peer, or its certificate, was refused: waiting
			   alone will not mend it */
	char why[256];
};

/*
 * Connects to host:port, trying each address in turn; TCP_NODELAY, keep-alive.
 * `cancel_fd` (or -1) becoming readable ends the wait.  NULL with `failure`.
 */
struct link *link_tcp_connect(const char *host, const char *port,
    int64_t deadline_ms, int cancel_fd, struct link_failure *failure);

struct ssl_ctx_st;

/*
 * A TLS client over `below` (taken over, closed on failure).  `server_name` is
 * both sent as SNI and verified; `alpn` is a NULL-terminated list in order of
 * preference.  The client certificate is in `context`.
 */
struct link *link_tls_connect(struct link *below, struct ssl_ctx_st *context,
    const char *server_name, const char *const *alpn, int64_t deadline_ms,
    int cancel_fd, struct link_failure *failure);

/* Closes the stack and frees it; NULL is legal. */
void link_close(struct link *link);

#endif
