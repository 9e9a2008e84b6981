/*
 * One gRPC connection over a link.
 *
 * The network thread alone touches grpc-core, the pump and the link; the two
 * threads meet in `state` and the fields it guards.  grpc-core does its I/O
 * only while its completion queue is polled, so each turn of the loop pumps,
 * polls the queue without waiting, and then waits for what can wake it.
 */
#include "tp-fetch/rpc.h"

#include <assert.h>
#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#if __has_include(<grpc/credentials.h>)
#include <grpc/credentials.h>
#else
#include <grpc/grpc_security.h>
#endif
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/message.h"
#include "tp-fetch/link.h"
#include "tp-fetch/pump.h"

/*
 * How long the network thread waits when nothing moves: it begins at the
 * first and doubles.  All but grpc-core's own timers and helper threads wakes
 * it earlier, so the bound matters only for how late a deadline fires.
 */
enum { WAIT_FIRST_MS = 1, WAIT_IN_CALL_MS = 32, WAIT_IDLE_MS = 1024 };

enum { MOST_METADATA_BYTES = 1024 * 1024 };

enum state {
	IDLE,  /* main thread's turn: rpc_begin() */
	BEGUN, /* network thread's turn: start it */
	RUNNING,
	DONE /* main thread's turn: rpc_collect() */
};

/* One call's arguments and results; the network thread's while it runs. */
struct call {
	grpc_slice method;
	grpc_byte_buffer *request;
	gpr_timespec deadline;

	grpc_call *call;
	grpc_metadata_array initial_metadata;
	grpc_metadata_array trailing_metadata;
	grpc_byte_buffer *reply;
	grpc_status_code status;
	grpc_slice details;
};

struct rpc {
	pthread_t thread;
	struct pump *pump;
	grpc_channel *channel;
	grpc_completion_queue *queue;
	int wake_fd;  /* written by the main thread */
	int ready_fd; /* written by the network thread */

	pthread_mutex_t lock; /* guards the next three */
	enum state state;
	int is_cancel_wanted;
	int is_stop_wanted;

	struct call call;       /* whose, says `state` */
	struct rpc_reply reply; /* likewise */
};

void
rpc_library_start(void)
{
	/* else grpc-core writes to stderr; an operator may still ask it to */
	setenv("GRPC_VERBOSITY", "NONE", 0);
	grpc_init();
}

void
rpc_library_stop(void)
{
	grpc_shutdown_blocking();
}

/* --- the reply ----------------------------------------------------------- */

static void
keep_slice(struct rpc_reply *reply, grpc_slice slice)
{
	grpc_slice *owner = malloc(sizeof(*owner));

	if (owner == NULL)
		die(EXIT_OS, "out of memory");
	*owner = slice;
	reply->owner = owner;
	reply->bytes = GRPC_SLICE_START_PTR(*owner); /* may lie in *owner */
	reply->len_bytes = GRPC_SLICE_LENGTH(*owner);
}

/* One slice is kept as it is; several are copied into one. */
static int
keep_message(struct rpc_reply *reply, grpc_byte_buffer *buffer)
{
	grpc_byte_buffer_reader reader;
	grpc_slice first;
	grpc_slice second;

	if (!grpc_byte_buffer_reader_init(&reader, buffer))
		return 0;
	if (!grpc_byte_buffer_reader_next(&reader, &first))
		first = grpc_empty_slice();
	if (grpc_byte_buffer_reader_next(&reader, &second)) {
		grpc_slice_unref(first);
		grpc_slice_unref(second);
		grpc_byte_buffer_reader_destroy(&reader);
		if (!grpc_byte_buffer_reader_init(&reader, buffer))
			return 0;
		first = grpc_byte_buffer_reader_readall(&reader);
	}
	grpc_byte_buffer_reader_destroy(&reader);
	keep_slice(reply, first);
	return 1;
}

void
rpc_reply_free(struct rpc_reply *reply)
{
	grpc_slice *owner = reply->owner;

	if (owner != NULL)
		grpc_slice_unref(*owner);
	free(owner);
	reply->owner = NULL;
	reply->bytes = NULL;
	reply->len_bytes = 0;
}

static void
explain_failure(struct rpc *rpc, struct rpc_reply *reply)
{
	const struct link_failure *failure = pump_failure(rpc->pump);

	reply->is_connection_lost = pump_is_over(rpc->pump);
	/* a status that the server sent before it closed is the better word */
	if (failure == NULL || reply->status != RPC_UNAVAILABLE)
		return;
	reply->is_refusal = failure->is_refusal;
	snprintf(reply->message, sizeof(reply->message), "%s%s",
	    failure->is_refusal ? "" : "connection lost: ", failure->why);
}

static void
fill_reply(struct rpc *rpc, struct call *call)
{
	struct rpc_reply *reply = &rpc->reply;
	size_t details_bytes = GRPC_SLICE_LENGTH(call->details);

	*reply = (struct rpc_reply){ .status = (enum rpc_status)call->status };
	if (details_bytes >= sizeof(reply->message))
		details_bytes = sizeof(reply->message) - 1;
	memcpy(reply->message, GRPC_SLICE_START_PTR(call->details),
	    details_bytes);
	if (call->status != GRPC_STATUS_OK) {
		explain_failure(rpc, reply);
	} else if (call->reply == NULL || !keep_message(reply, call->reply)) {
		reply->status = RPC_INTERNAL;
		snprintf(reply->message, sizeof(reply->message),
		    "the server sent no message, or an unreadable one");
	}
}

/* --- the network thread -------------------------------------------------- */

static void
start_call(struct rpc *rpc)
{
	struct call *call = &rpc->call;
	grpc_op operations[] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },
		{ .op = GRPC_OP_SEND_MESSAGE,
		    .data.send_message.send_message = call->request },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
		{ .op = GRPC_OP_RECV_INITIAL_METADATA,
		    .data.recv_initial_metadata.recv_initial_metadata =
			&call->initial_metadata },
		{ .op = GRPC_OP_RECV_MESSAGE,
		    .data.recv_message.recv_message = &call->reply },
		{ .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		    .data.recv_status_on_client = {
			.trailing_metadata = &call->trailing_metadata,
			.status = &call->status,
			.status_details = &call->details,
		    } },
	};

	grpc_metadata_array_init(&call->initial_metadata);
	grpc_metadata_array_init(&call->trailing_metadata);
	call->call = grpc_channel_create_call(rpc->channel, NULL,
	    GRPC_PROPAGATE_DEFAULTS, rpc->queue, call->method, NULL,
	    call->deadline, NULL);
	grpc_call_error error = grpc_call_start_batch(call->call, operations,
	    sizeof(operations) / sizeof(operations[0]), call, NULL);
	if (error != GRPC_CALL_OK)
		die(EXIT_SOFTWARE, "grpc_call_start_batch: %s",
		    grpc_call_error_to_string(error));
}

static void
release_call(struct call *call)
{
	grpc_metadata_array_destroy(&call->initial_metadata);
	grpc_metadata_array_destroy(&call->trailing_metadata);
	grpc_byte_buffer_destroy(call->request);
	grpc_byte_buffer_destroy(call->reply);
	grpc_slice_unref(call->method);
	grpc_slice_unref(call->details);
	grpc_call_unref(call->call);
	*call = (struct call){ 0 };
}

static void
finish_call(struct rpc *rpc)
{
	/* the link's end, or the transport's, may be there but not yet seen */
	if (rpc->call.status != GRPC_STATUS_OK) {
		pump_inward(rpc->pump);
		pump_outward(rpc->pump);
	}
	fill_reply(rpc, &rpc->call);
	release_call(&rpc->call);
	pthread_mutex_lock(&rpc->lock);
	rpc->state = DONE;
	pthread_mutex_unlock(&rpc->lock);
	eventfd_write(rpc->ready_fd, 1);
}

/* Lets grpc-core work; whether the call has ended. */
static int
serve_queue(struct rpc *rpc, gpr_timespec deadline)
{
	int has_ended = 0;

	for (;;) {
		grpc_event event =
		    grpc_completion_queue_next(rpc->queue, deadline, NULL);
		if (event.type != GRPC_OP_COMPLETE)
			return has_ended;
		finish_call(rpc);
		has_ended = 1;
	}
}

/* Does what the main thread asked for; the state that follows, or -1: stop. */
static int
take_orders(struct rpc *rpc)
{
	pthread_mutex_lock(&rpc->lock);
	int is_new = rpc->state == BEGUN;
	if (is_new)
		rpc->state = RUNNING;
	int state = rpc->is_stop_wanted ? -1 : (int)rpc->state;
	int is_cancelled = rpc->is_cancel_wanted && rpc->state == RUNNING;
	rpc->is_cancel_wanted = 0;
	pthread_mutex_unlock(&rpc->lock);

	if (is_new)
		start_call(rpc);
	if (is_cancelled)
		grpc_call_cancel(rpc->call.call, NULL);
	return state;
}

static void
wait_for_work(struct rpc *rpc, int timeout_ms)
{
	struct pollfd set[3];
	eventfd_t count;

	pump_poll_set(rpc->pump, set);
	set[2] = (struct pollfd){ .fd = rpc->wake_fd, .events = POLLIN };
	if (poll(set, 3, timeout_ms) > 0 && set[2].revents != 0)
		eventfd_read(rpc->wake_fd, &count);
}

/* The cancelled call, and then the queue, end without help from the peer. */
static void
wind_down(struct rpc *rpc)
{
	if (rpc->call.call != NULL)
		grpc_call_cancel(rpc->call.call, NULL);
	while (rpc->call.call != NULL)
		serve_queue(rpc, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
				     gpr_time_from_millis(10, GPR_TIMESPAN)));
	grpc_channel_destroy(rpc->channel);
	grpc_completion_queue_shutdown(rpc->queue);
	while (grpc_completion_queue_next(rpc->queue,
		   gpr_inf_future(GPR_CLOCK_REALTIME), NULL)
		   .type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(rpc->queue);
}

static void *
network_thread(void *cookie)
{
	struct rpc *rpc = cookie;
	int wait_ms = WAIT_FIRST_MS;
	int state;

	while ((state = take_orders(rpc)) >= 0) {
		int longest_ms =
		    state == RUNNING ? WAIT_IN_CALL_MS : WAIT_IDLE_MS;
		int has_moved = pump_inward(rpc->pump);
		has_moved |=
		    serve_queue(rpc, gpr_inf_past(GPR_CLOCK_MONOTONIC));
		has_moved |= pump_outward(rpc->pump);
		if (has_moved) {
			wait_ms = WAIT_FIRST_MS;
			continue;
		}
		if (wait_ms > longest_ms)
			wait_ms = longest_ms;
		wait_for_work(rpc, wait_ms);
		wait_ms *= 2;
	}
	wind_down(rpc);
	return NULL;
}

/* --- the main thread ----------------------------------------------------- */

/*
 * The channel over one end of a socket pair.  Its window must be measured
 * (BDP probe, left on): without, it stays at 64 KiB.  No resource quota: it
 * kills calls.
 */
static grpc_channel *
channel_new(int socket, const char *authority)
{
	char name[256];
	char agent[] = "tp-fetch/" VERSION;

	snprintf(name, sizeof(name), "%s", authority);
	grpc_arg list[] = {
		{ .type = GRPC_ARG_STRING,
		    .key = (char[]){ GRPC_ARG_DEFAULT_AUTHORITY },
		    .value.string = name },
		{ .type = GRPC_ARG_STRING,
		    .key = (char[]){ GRPC_ARG_PRIMARY_USER_AGENT_STRING },
		    .value.string = agent },
		{ .type = GRPC_ARG_INTEGER,
		    .key = (char[]){ GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH },
		    .value.integer = -1 },
		/* A server in debug mode sends its stack along; grpc core turns
		   what is beyond its 8 KiB into an error of its own. */
		{ .type = GRPC_ARG_INTEGER,
		    .key = (char[]){ GRPC_ARG_MAX_METADATA_SIZE },
		    .value.integer = MOST_METADATA_BYTES },
	};
	grpc_channel_args arguments = { sizeof(list) / sizeof(list[0]), list };
	grpc_channel_credentials *credentials =
	    grpc_insecure_credentials_create();
	grpc_channel *channel =
	    grpc_channel_create_from_fd(name, socket, credentials, &arguments);
	grpc_channel_credentials_release(credentials);
	return channel;
}

static int
event_new(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd == -1)
		die(EXIT_OS, "eventfd: %s", strerror(errno));
	return fd;
}

struct rpc *
rpc_new(struct link *link, const char *authority)
{
	struct rpc *rpc = calloc(1, sizeof(*rpc));
	int pair[2]; /* ours, grpc-core's */

	if (rpc == NULL)
		die(EXIT_OS, "out of memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) == -1)
		die(EXIT_OS, "socketpair: %s", strerror(errno));
	rpc->pump = pump_new(link, pair[0]);
	rpc->channel = channel_new(pair[1], authority);
	rpc->queue = grpc_completion_queue_create_for_next(NULL);
	rpc->wake_fd = event_new();
	rpc->ready_fd = event_new();
	pthread_mutex_init(&rpc->lock, NULL);
	int error = pthread_create(&rpc->thread, NULL, network_thread, rpc);
	if (error != 0)
		die(EXIT_OS, "pthread_create: %s", strerror(error));
	return rpc;
}

void
rpc_free(struct rpc *rpc)
{
	if (rpc == NULL)
		return;
	pthread_mutex_lock(&rpc->lock);
	rpc->is_stop_wanted = 1;
	pthread_mutex_unlock(&rpc->lock);
	eventfd_write(rpc->wake_fd, 1);
	pthread_join(rpc->thread, NULL);
	if (rpc->state == DONE)
		rpc_reply_free(&rpc->reply);
	pump_free(rpc->pump);
	close(rpc->wake_fd);
	close(rpc->ready_fd);
	pthread_mutex_destroy(&rpc->lock);
	free(rpc);
}

void
rpc_begin(struct rpc *rpc, const char *method, const void *request,
    size_t len_bytes, int64_t timeout_ms)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(request, len_bytes);

	rpc->call = (struct call){
		.method = grpc_slice_from_copied_string(method),
		.request = grpc_raw_byte_buffer_create(&slice, 1),
		.deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
		    gpr_time_from_millis(timeout_ms, GPR_TIMESPAN)),
	};
	grpc_slice_unref(slice);
	pthread_mutex_lock(&rpc->lock);
	assert(rpc->state == IDLE);
	rpc->state = BEGUN;
	pthread_mutex_unlock(&rpc->lock);
	eventfd_write(rpc->wake_fd, 1);
}

int
rpc_ready_fd(const struct rpc *rpc)
{
	return rpc->ready_fd;
}

/* Whether the reply was there before `cancel_fd` was readable. */
static int
wait_for_reply(const struct rpc *rpc, int cancel_fd)
{
	struct pollfd set[] = {
		{ .fd = rpc->ready_fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN },
	};

	while (poll(set, 2, -1) == -1 && errno == EINTR)
		;
	return set[0].revents != 0;
}

void
rpc_collect(struct rpc *rpc, int cancel_fd, struct rpc_reply *reply)
{
	int is_cancelled = !wait_for_reply(rpc, cancel_fd);
	eventfd_t count;

	if (is_cancelled) {
		pthread_mutex_lock(&rpc->lock);
		rpc->is_cancel_wanted = 1;
		pthread_mutex_unlock(&rpc->lock);
		eventfd_write(rpc->wake_fd, 1);
		wait_for_reply(rpc, -1);
	}
	eventfd_read(rpc->ready_fd, &count);
	pthread_mutex_lock(&rpc->lock);
	assert(rpc->state == DONE);
	*reply = rpc->reply;
	rpc->state = IDLE;
	rpc->is_cancel_wanted = 0; /* it may have come too late for this call */
	pthread_mutex_unlock(&rpc->lock);
	if (!is_cancelled)
		return;
	rpc_reply_free(reply);
	reply->status = RPC_CANCELLED;
	snprintf(reply->message, sizeof(reply->message), "interrupted");
}

const char *
rpc_status_name(enum rpc_status status)
{
	static const char *const names[] = { "OK", "CANCELLED", "UNKNOWN",
		"INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
		"ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
		"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
		"UNAUTHENTICATED" };

	return (size_t)status < sizeof(names) / sizeof(names[0])
		   ? names[status]
		   : "status out of range";
}
