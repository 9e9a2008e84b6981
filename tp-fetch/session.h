/*
 * A call to the Auth Service that does not take "not now" for an answer.
 *
 * Connects when first needed and again whenever the connection is lost;
 * re-reads the credentials when their files have changed; retries what is
 * temporary with growing pauses, and what the server refuses with longer ones,
 * for an operator may mend it.  Says a lasting trouble once and then at
 * growing intervals, and when it is over.
 *
 * Every wait ends at once when a stop signal comes or stdout's reader goes.
 */
#ifndef TP_FETCH_SESSION_H
#define TP_FETCH_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "tp-fetch/identity.h"
#include "tp-fetch/rpc.h"

struct session;
struct stats;

struct session_options {
	const char *address; /* "host:port", for messages too */
	const char *host;
	const char *port;
	struct identity_files files;
	int64_t give_up_after_ms; /* -1: never */
	int stop_fd;              /* readable: stop */
	struct stats *stats;      /* told of waiting and of expiry */
	int out_fd;               /* watched for its reader's end; -1: not */
};

enum session_outcome {
	SESSION_REPLY,       /* the reply is RPC_OK */
	SESSION_REJECTED,    /* the server will not take this request as it is
				(RPC_INVALID_ARGUMENT and the like, or
				RPC_UNKNOWN again and again) */
	SESSION_STOPPED,     /* a stop signal */
	SESSION_READER_GONE, /* nobody reads stdout any more */
	SESSION_UNREACHABLE, /* gave up: not reached; said */
	SESSION_REFUSED      /* gave up: refused; said */
};

/* `identity` is taken over: the first credentials, read by the caller. */
struct session *
session_new(const struct session_options *options, struct identity *identity);
void session_free(struct session *session);

/*
 * Starts a call without waiting, if there is a connection.  `method` is kept,
 * `request` copied.
 */
void session_begin(struct session *session, const char *method,
    const void *request, size_t len_bytes);

/*
 * The outcome of the call that session_begin() started, after as many attempts
 * as it takes.  The reply is the caller's to free after SESSION_REPLY, and
 * names the reason after SESSION_REJECTED.
 */
enum session_outcome
session_collect(struct session *session, struct rpc_reply *reply);

/*
 * The reply was of no use (not protobuf, no progress): pauses as after a
 * failure, and says `why` as such.  SESSION_REPLY: try again.
 */
enum session_outcome session_complain(struct session *session, const char *why);

/* The reply was of use: troubles are over, and said to be. */
void session_content(struct session *session);

/* Waits; SESSION_REPLY when the time is up. */
enum session_outcome session_wait(struct session *session, int64_t wait_ms);

/*
 * The exit code of a run that an outcome has ended: 0 when it was asked to
 * stop.  Says what was not said yet.
 */
int session_exit_code(enum session_outcome outcome);

/* The credentials in use. */
const struct identity *session_identity(const struct session *session);

#endif
