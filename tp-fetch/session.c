/* A call to the Auth Service, for as long as it takes. */
#include "tp-fetch/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/backoff.h"
#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/message.h"
#include "lib/notice.h"
#include "lib/stop.h"
#include "lib/timestamp.h"
#include "tp-fetch/link.h"
#include "tp-fetch/stats.h"

/* Present in every certificate that Teleport issues for its services. */
#define SERVER_NAME "teleport.cluster.local"

enum {
	CONNECT_TIMEOUT_MS = 30 * 1000,
	CALL_TIMEOUT_MS = 90 * 1000, /* the slowest backend gives up at 60 s */
	SHORTEST_CALL_TIMEOUT_MS = 30 * 1000,
	FIRST_PAUSE_MS = 250,
	LONGEST_PAUSE_MS = 30 * 1000,
	REFUSED_PAUSE_MS = 5 * 1000,
	EXPIRY_WARNING_S = 15 * 60,
	UNKNOWN_ATTEMPTS = 5,
	WHY_BYTES = 1024
};

struct session {
	struct session_options options;
	struct identity *identity;
	struct identity_stamp stamp;
	struct rpc *rpc; /* NULL: not connected */
	int has_served;  /* the connection, something we could use */
	const char *method;
	struct buffer request;
	int is_in_flight;
	struct backoff backoff;
	struct notice notice;
	int64_t failing_since_ms; /* -1: not failing */
	int has_warned_expiry;
};

struct session *
session_new(const struct session_options *options, struct identity *identity)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		die(EXIT_OS, "out of memory");
	session->options = *options;
	session->identity = identity;
	options->stats->certificate_expiry = (uint64_t)identity->not_after;
	identity_has_changed(&options->files, &session->stamp);
	session->backoff = backoff_start(FIRST_PAUSE_MS, LONGEST_PAUSE_MS,
	    (uint64_t)clock_ms() ^ (uint64_t)getpid() << 32);
	session->failing_since_ms = -1;
	return session;
}

static void
disconnect(struct session *session)
{
	rpc_free(session->rpc);
	session->rpc = NULL;
	session->has_served = 0;
	session->is_in_flight = 0;
}

void
session_free(struct session *session)
{
	if (session == NULL)
		return;
	disconnect(session);
	identity_free(session->identity);
	buffer_free(&session->request);
	free(session);
}

const struct identity *
session_identity(const struct session *session)
{
	return session->identity;
}

enum session_outcome
session_wait(struct session *session, int64_t wait_ms)
{
	const int64_t deadline_ms = clock_ms() + wait_ms;
	struct pollfd fds[] = {
		{ .fd = session->options.stop_fd, .events = POLLIN },
		{ .fd = session->options.out_fd, .events = 0 },
	};

	for (;;) {
		int64_t left_ms = deadline_ms - clock_ms();
		int n = poll(fds, 2, left_ms > 0 ? (int)left_ms : 0);
		if (n == -1 && errno != EINTR)
			die(EXIT_OS, "poll: %s", strerror(errno));
		if (n > 0 && fds[0].revents)
			return SESSION_STOPPED;
		if (n > 0 && fds[1].revents & (POLLERR | POLLHUP))
			return SESSION_READER_GONE;
		if (left_ms <= 0)
			return SESSION_REPLY;
	}
}

/* FNV-1a of the trouble's words: a new trouble is said at once. */
static uint64_t
trouble_key(const char *why)
{
	uint64_t key = 0xcbf29ce484222325;

	for (; *why != '\0'; why++)
		key = (key ^ (unsigned char)*why) * 0x100000001b3;
	return key | 1;
}

static void
note_waiting(struct session *session, uint64_t is_waiting)
{
	struct stats *stats = session->options.stats;

	if (stats->is_waiting == is_waiting)
		return;
	stats->is_waiting = is_waiting;
	stats_write(stats);
}

static void
say_trouble(struct session *session, int is_refusal, const char *why)
{
	const int64_t now_ms = clock_ms();

	if (!notice_is_due(&session->notice, trouble_key(why), now_ms))
		return;
	int64_t lasted_s = (now_ms - session->notice.since_ms) / 1000;
	char since[48] = "";
	if (lasted_s >= 60)
		snprintf(since, sizeof(since), ", for %lld min now",
		    (long long)lasted_s / 60);
	message("%s: %s; %s%s", session->options.address, why,
	    is_refusal ? "waiting for it to be mended" : "trying again", since);
}

/* A failure: says so, then pauses or gives up. */
static enum session_outcome
pause_after(struct session *session, int is_refusal, const char *why)
{
	const int64_t now_ms = clock_ms();
	const int64_t limit_ms = session->options.give_up_after_ms;
	int64_t pause_ms = backoff_next_ms(&session->backoff);

	if (session->failing_since_ms == -1)
		session->failing_since_ms = now_ms;
	if (is_refusal && pause_ms < REFUSED_PAUSE_MS)
		pause_ms = REFUSED_PAUSE_MS;
	if (limit_ms >= 0) {
		int64_t left_ms =
		    limit_ms - (now_ms - session->failing_since_ms);
		if (left_ms <= 0) {
			message("%s: %s; giving up", session->options.address,
			    why);
			return is_refusal ? SESSION_REFUSED
					  : SESSION_UNREACHABLE;
		}
		pause_ms = pause_ms < left_ms ? pause_ms : left_ms;
	}
	say_trouble(session, is_refusal, why);
	note_waiting(session, 1);
	return session_wait(session, pause_ms);
}

enum session_outcome
session_complain(struct session *session, const char *why)
{
	return pause_after(session, 0, why);
}

void
session_content(struct session *session)
{
	session->has_served = 1;
	session->failing_since_ms = -1;
	backoff_reset(&session->backoff);
	note_waiting(session, 0);
	if (notice_clear(&session->notice))
		message("%s: all is well again", session->options.address);
}

/* Our position is one cluster's; another's events are not to follow it. */
static struct identity *
load_renewed(const struct session *session, char why[512])
{
	const struct identity_files *files = &session->options.files;
	const char *ours = session->identity->cluster;
	struct identity *fresh = identity_load(files, why);

	if (fresh == NULL || identity_may_be_of(fresh, ours))
		return fresh;
	snprintf(why, 512, "%s: of cluster %.200s, not ours",
	    files->identity != NULL ? files->identity : files->certificate,
	    fresh->cluster);
	identity_free(fresh);
	return NULL;
}

/* New credentials on disk are for the next connection; bad ones are not. */
static void
refresh_identity(struct session *session)
{
	char why[512];

	if (!identity_has_changed(&session->options.files, &session->stamp))
		return;
	struct identity *fresh = load_renewed(session, why);
	if (fresh == NULL) {
		message("%s; going on with the credentials read before", why);
		return;
	}
	identity_free(session->identity);
	session->identity = fresh;
	session->options.stats->certificate_expiry = (uint64_t)fresh->not_after;
	session->has_warned_expiry = 0;
	message_verbose("read the renewed credentials");
}

static int64_t
seconds_to_expiry(const struct session *session)
{
	return session->identity->not_after - (int64_t)time(NULL);
}

/* An expired certificate only shows as a broken connection: say it first. */
static int
check_expiry(const struct session *session, char why[256])
{
	char when[TIMESTAMP_BYTES];

	if (seconds_to_expiry(session) > 0)
		return 0;
	timestamp_format((struct timestamp){ session->identity->not_after, 0 },
	    when);
	snprintf(why, 256,
	    "our certificate expired at %s: renew it (tctl auth sign, tbot)",
	    when);
	return -1;
}

/* Said once, and only if nothing has renewed it on disk. */
static void
warn_of_expiry(struct session *session)
{
	char when[TIMESTAMP_BYTES];

	if (session->has_warned_expiry ||
	    seconds_to_expiry(session) >= EXPIRY_WARNING_S)
		return;
	refresh_identity(session);
	if (seconds_to_expiry(session) >= EXPIRY_WARNING_S)
		return;
	timestamp_format((struct timestamp){ session->identity->not_after, 0 },
	    when);
	message("our certificate expires at %s", when);
	session->has_warned_expiry = 1;
}

static int
connect_once(struct session *session, struct link_failure *failure)
{
	static const char *const alpn[] = { "h2", NULL };
	const struct session_options *options = &session->options;
	const int64_t deadline_ms = clock_ms() + CONNECT_TIMEOUT_MS;

	refresh_identity(session);
	*failure = (struct link_failure){ .is_refusal = 1 };
	if (check_expiry(session, failure->why) == -1)
		return -1;
	struct link *tcp = link_tcp_connect(options->host, options->port,
	    deadline_ms, options->stop_fd, failure);
	if (tcp == NULL)
		return -1;
	struct link *tls = link_tls_connect(tcp, session->identity->context,
	    SERVER_NAME, alpn, deadline_ms, options->stop_fd, failure);
	if (tls == NULL)
		return -1;
	session->rpc = rpc_new(tls, SERVER_NAME);
	message_verbose("%s: connected", options->address);
	return 0;
}

/* No longer than we may wait, but never so short as to cut off slow answers. */
static int64_t
call_timeout_ms(const struct session *session)
{
	const int64_t limit_ms = session->options.give_up_after_ms;

	if (limit_ms < 0 || limit_ms > CALL_TIMEOUT_MS)
		return CALL_TIMEOUT_MS;
	return limit_ms > SHORTEST_CALL_TIMEOUT_MS ? limit_ms
						   : SHORTEST_CALL_TIMEOUT_MS;
}

static void
start_call(struct session *session)
{
	rpc_begin(session->rpc, session->method, session->request.data,
	    session->request.len_bytes, call_timeout_ms(session));
	session->is_in_flight = 1;
}

void
session_begin(struct session *session, const char *method, const void *request,
    size_t len_bytes)
{
	session->method = method;
	session->request.len_bytes = 0;
	buffer_append(&session->request, request, len_bytes);
	if (session->rpc != NULL)
		start_call(session);
}

/* Waits for the reply in flight, the stop signal or stdout's end. */
static enum session_outcome
wait_for_reply(struct session *session)
{
	struct pollfd fds[] = {
		{ .fd = rpc_ready_fd(session->rpc), .events = POLLIN },
		{ .fd = session->options.stop_fd, .events = POLLIN },
		{ .fd = session->options.out_fd, .events = 0 },
	};

	while (poll(fds, 3, -1) == -1)
		if (errno != EINTR)
			die(EXIT_OS, "poll: %s", strerror(errno));
	if (fds[1].revents)
		return SESSION_STOPPED;
	if (fds[2].revents & (POLLERR | POLLHUP))
		return SESSION_READER_GONE;
	return SESSION_REPLY;
}

enum failure_kind { FAILURE_TEMPORARY, FAILURE_REFUSAL, FAILURE_REQUEST };

static enum failure_kind
failure_kind(const struct rpc_reply *reply)
{
	if (reply->is_refusal)
		return FAILURE_REFUSAL;
	switch (reply->status) {
	case RPC_PERMISSION_DENIED:
	case RPC_UNAUTHENTICATED:
	case RPC_UNIMPLEMENTED: /* not Teleport, or one too old */
		return FAILURE_REFUSAL;
	case RPC_INVALID_ARGUMENT:
	case RPC_OUT_OF_RANGE:
	case RPC_FAILED_PRECONDITION:
	case RPC_NOT_FOUND:
		return FAILURE_REQUEST;
	default:
		return FAILURE_TEMPORARY;
	}
}

/* What an operator can do about a refusal, where that is known. */
static const char *
advice(enum rpc_status status)
{
	switch (status) {
	case RPC_PERMISSION_DENIED:
		return " (the role needs list and read on event and session)";
	case RPC_UNIMPLEMENTED:
		return " (is this a Teleport Auth Service, version 14 or "
		       "newer?)";
	default:
		return "";
	}
}

/* One attempt: SESSION_REPLY with whatever status the call had. */
static enum session_outcome
attempt(struct session *session, struct rpc_reply *reply)
{
	struct link_failure failure;

	*reply = (struct rpc_reply){ .status = RPC_UNAVAILABLE };
	if (session->rpc == NULL && connect_once(session, &failure) == -1) {
		if (stop_taken())
			return SESSION_STOPPED; /* which is why it failed */
		reply->is_refusal = failure.is_refusal;
		reply->is_connection_lost = 1;
		snprintf(reply->message, sizeof(reply->message), "%s",
		    failure.why);
		return SESSION_REPLY;
	}
	warn_of_expiry(session);
	if (!session->is_in_flight)
		start_call(session);
	enum session_outcome outcome = wait_for_reply(session);
	if (outcome != SESSION_REPLY)
		return outcome;
	rpc_collect(session->rpc, -1, reply);
	session->is_in_flight = 0;
	/* A peer that is silent, or says that it is going (GOAWAY), is left
	 * even if it keeps the connection open; so is one that refuses us, for
	 * our certificate belongs to the connection. */
	if (reply->is_connection_lost || reply->status == RPC_UNAVAILABLE ||
	    reply->status == RPC_DEADLINE_EXCEEDED ||
	    failure_kind(reply) == FAILURE_REFUSAL)
		disconnect(session);
	return SESSION_REPLY;
}

static void
phrase_failure(const struct rpc_reply *reply, char why[WHY_BYTES])
{
	if (reply->is_connection_lost)
		snprintf(why, WHY_BYTES, "%s", reply->message);
	else
		snprintf(why, WHY_BYTES, "%s: %s%s",
		    rpc_status_name(reply->status), reply->message,
		    advice(reply->status));
}

/*
 * Servers and balancers end connections after a while (GOAWAY, an idle one
 * closed): no trouble, unless the next connection is no better.
 *
 * UNKNOWN is each error that Teleport has not put into a class: its database
 * is away, or a page key of another back end cannot be decoded.  So it is
 * temporary, until it has come too often for that.
 */
enum session_outcome
session_collect(struct session *session, struct rpc_reply *reply)
{
	char why[WHY_BYTES];

	for (int unknowns = 0;;) {
		const int had_served = session->has_served;
		enum session_outcome outcome = attempt(session, reply);
		if (outcome != SESSION_REPLY || reply->status == RPC_OK)
			return outcome;
		enum failure_kind kind = failure_kind(reply);
		unknowns += reply->status == RPC_UNKNOWN;
		if (kind == FAILURE_REQUEST || unknowns == UNKNOWN_ATTEMPTS)
			return SESSION_REJECTED;
		phrase_failure(reply, why);
		const int is_routine = had_served &&
				       kind == FAILURE_TEMPORARY &&
				       reply->status == RPC_UNAVAILABLE;
		rpc_reply_free(reply);
		if (is_routine) {
			message_verbose("%s: %s; connecting again",
			    session->options.address, why);
			continue;
		}
		outcome = pause_after(session, kind == FAILURE_REFUSAL, why);
		if (outcome != SESSION_REPLY)
			return outcome;
	}
}

int
session_exit_code(enum session_outcome outcome)
{
	switch (outcome) {
	case SESSION_UNREACHABLE:
		return EXIT_UNAVAILABLE;
	case SESSION_REFUSED:
		return EXIT_REFUSED;
	case SESSION_READER_GONE:
		message("standard output: nobody reads it any more");
		return EXIT_IO;
	default:
		return 0;
	}
}
