/*
 * One gRPC connection over a link, with one unary call in flight at a time.
 *
 * A network thread of its own pumps bytes between the link and a grpc-core
 * channel (made from a descriptor, insecure: TLS is the link's) and runs the
 * completion queue, so that the server's pings are answered while the main
 * thread is blocked on stdout.  The main thread starts a call, goes on with
 * other work, and collects the reply.  All functions but the network thread's
 * own belong to that one thread.
 *
 * A connection that fails stays failed: make a new one.  A peer that is merely
 * silent shows as RPC_DEADLINE_EXCEEDED, or within some two minutes as a lost
 * connection (see link_tcp_connect()); we send no HTTP/2 pings of our own
 * beyond those with which grpc-core measures its window.
 */
#ifndef TP_FETCH_RPC_H
#define TP_FETCH_RPC_H

#include <stddef.h>
#include <stdint.h>

struct link;
struct rpc;

/* The gRPC status codes that are told apart; the numbers are gRPC's. */
enum rpc_status {
	RPC_OK = 0,
	RPC_CANCELLED = 1,
	RPC_UNKNOWN = 2,
	RPC_INVALID_ARGUMENT = 3,
	RPC_DEADLINE_EXCEEDED = 4,
	RPC_NOT_FOUND = 5,
	RPC_ALREADY_EXISTS = 6,
	RPC_PERMISSION_DENIED = 7,
	RPC_RESOURCE_EXHAUSTED = 8,
	RPC_FAILED_PRECONDITION = 9,
	RPC_ABORTED = 10,
	RPC_OUT_OF_RANGE = 11,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
	RPC_UNAVAILABLE = 14,
	RPC_DATA_LOSS = 15,
	RPC_UNAUTHENTICATED = 16
};

struct rpc_reply {
	enum rpc_status status;
	char message[512]; /* the server's words, or ours when the link broke */
	/* Unless RPC_OK: this rpc is of no further use.  The status is
	 * RPC_UNAVAILABLE, or what the server said before it closed, or
	 * RPC_INTERNAL when it does not speak HTTP/2.  RPC_UNAVAILABLE without
	 * this comes from the server, or this is about to be found out. */
	int is_connection_lost;
	int is_refusal;       /* lost, because the server refused who we are */
	const uint8_t *bytes; /* the message, contiguous; NULL unless RPC_OK */
	size_t len_bytes;
	void *owner; /* what holds the bytes; see rpc_reply_free() */
};

/*
 * Before the first rpc_new (and after stop_open(), for it starts threads that
 * inherit the signal mask), and after the last rpc_free.
 */
void rpc_library_start(void);
void rpc_library_stop(void);

/*
 * Takes over `link`.  `authority` is the HTTP/2 :authority.  Never fails but
 * for want of memory or descriptors, which ends the program.
 */
struct rpc *rpc_new(struct link *link, const char *authority);

/* Cancels what is in flight, closes the link, joins the thread. */
void rpc_free(struct rpc *rpc);

/*
 * Starts a unary call; `request` is copied.  At most one may be in flight.
 * Without a reply after `timeout_ms` it ends as RPC_DEADLINE_EXCEEDED.
 */
void rpc_begin(struct rpc *rpc, const char *method, const void *request,
    size_t len_bytes, int64_t timeout_ms);

/* Readable when the reply is there: to poll together with other things. */
int rpc_ready_fd(const struct rpc *rpc);

/*
 * The reply of the call in flight; blocks until it is there.  Returns with
 * RPC_CANCELLED when `cancel_fd` (or -1) becomes readable first; the call is
 * then cancelled and over.  The reply outlives the rpc.
 */
void rpc_collect(struct rpc *rpc, int cancel_fd, struct rpc_reply *reply);

/* Releases the bytes; legal on any reply that was collected, and twice. */
void rpc_reply_free(struct rpc_reply *reply);

/* "UNAVAILABLE" and so on. */
const char *rpc_status_name(enum rpc_status status);

#endif
