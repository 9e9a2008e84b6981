/* Calls over a TCP link to a gRPC server in a thread of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#if __has_include(<grpc/credentials.h>)
#include <grpc/credentials.h>
#else
#include <grpc/grpc_security.h>
#endif
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tp-fetch/link.h"
#include "tp-fetch/rpc.h"

enum {
	PATIENCE_MS = 20 * 1000,
	PING_MS = 100,
	PING_PATIENCE_MS = 2000, /* of the server, with a busy machine */
	IDLE_MS = 2500,          /* longer than both */
	WORDY_BYTES = 100 * 1000
};

/* --- the server ---------------------------------------------------------- */

/*
 * One call at a time.  /size answers with as many bytes as the request says in
 * decimal, /status with a status, /hang not at all.
 */
struct server {
	grpc_server *server;
	grpc_completion_queue *queue;
	pthread_t thread;
	char port[6];
};

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)((i * 2654435761u) >> 11);
}

static int
await(struct server *server)
{
	grpc_event event = grpc_completion_queue_next(server->queue,
	    gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

	return event.type == GRPC_OP_COMPLETE && event.success;
}

static void
perform(struct server *server, grpc_call *call, grpc_op *operations, size_t n)
{
	grpc_call_start_batch(call, operations, n, server, NULL);
	await(server);
}

static grpc_byte_buffer *
bytes_asked_for(grpc_byte_buffer *request)
{
	grpc_byte_buffer_reader reader;
	char digits[32] = "";

	grpc_byte_buffer_reader_init(&reader, request);
	grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	memcpy(digits, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
	grpc_slice_unref(slice);
	size_t len_bytes = strtoul(digits, NULL, 10);
	slice = grpc_slice_malloc(len_bytes);
	for (size_t i = 0; i < len_bytes; i++)
		GRPC_SLICE_START_PTR(slice)[i] = byte_at(i);
	grpc_byte_buffer *reply = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return reply;
}

static grpc_slice
words_for(const grpc_slice *method)
{
	if (grpc_slice_str_cmp(*method, "/wordy") != 0)
		return grpc_slice_from_static_string("no such thing");
	grpc_slice words = grpc_slice_malloc(WORDY_BYTES);
	memset(GRPC_SLICE_START_PTR(words), 'w', WORDY_BYTES);
	return words;
}

static void
answer(struct server *server, grpc_call *call, const grpc_slice *method)
{
	grpc_byte_buffer *request = NULL;
	grpc_byte_buffer *reply = NULL;
	int is_cancelled;
	grpc_op receive[] = { { .op = GRPC_OP_RECV_MESSAGE,
	    .data.recv_message.recv_message = &request } };
	grpc_op hang[] = { { .op = GRPC_OP_RECV_CLOSE_ON_SERVER,
	    .data.recv_close_on_server.cancelled = &is_cancelled } };
	grpc_op open[] = { { .op = GRPC_OP_SEND_INITIAL_METADATA } };
	grpc_op finish[] = {
		{ .op = GRPC_OP_SEND_STATUS_FROM_SERVER },
		hang[0],
		{ .op = GRPC_OP_SEND_MESSAGE },
	};

	perform(server, call, receive, 1);
	if (request == NULL)
		return; /* cancelled before it was here */
	if (grpc_slice_str_cmp(*method, "/hang") == 0) {
		perform(server, call, hang, 1);
	} else if (grpc_slice_str_cmp(*method, "/size") != 0) {
		grpc_slice words = words_for(method);
		finish[0].data.send_status_from_server.status =
		    GRPC_STATUS_NOT_FOUND;
		finish[0].data.send_status_from_server.status_details = &words;
		perform(server, call, open, 1);
		perform(server, call, finish, 2);
		grpc_slice_unref(words);
	} else {
		reply = bytes_asked_for(request);
		finish[2].data.send_message.send_message = reply;
		perform(server, call, open, 1);
		perform(server, call, finish, 3);
	}
	grpc_byte_buffer_destroy(request);
	grpc_byte_buffer_destroy(reply);
}

static void *
server_thread(void *cookie)
{
	struct server *server = cookie;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;

	for (;;) {
		grpc_call_details_init(&details);
		grpc_metadata_array_init(&metadata);
		grpc_server_request_call(server->server, &call, &details,
		    &metadata, server->queue, server->queue, server);
		int has_call = await(server);
		if (has_call) {
			answer(server, call, &details.method);
			grpc_call_unref(call);
		}
		grpc_call_details_destroy(&details);
		grpc_metadata_array_destroy(&metadata);
		if (!has_call)
			return NULL;
	}
}

static struct server *
server_start(int keepalive_ms)
{
	struct server *server = calloc(1, sizeof(*server));
	grpc_arg list[] = {
		{ .type = GRPC_ARG_INTEGER,
		    .key = (char[]){ GRPC_ARG_KEEPALIVE_TIME_MS },
		    .value.integer = keepalive_ms },
		{ .type = GRPC_ARG_INTEGER,
		    .key = (char[]){ GRPC_ARG_KEEPALIVE_TIMEOUT_MS },
		    .value.integer = PING_PATIENCE_MS },
		{ .type = GRPC_ARG_INTEGER,
		    .key = (char[]){ GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS },
		    .value.integer = 1 },
	};
	grpc_channel_args arguments = { keepalive_ms > 0 ? 3 : 0, list };
	grpc_server_credentials *credentials =
	    grpc_insecure_server_credentials_create();

	server->server = grpc_server_create(&arguments, NULL);
	server->queue = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(server->server, server->queue,
	    NULL);
	int port = grpc_server_add_http2_port(server->server, "127.0.0.1:0",
	    credentials);
	grpc_server_credentials_release(credentials);
	assert_true(port > 0);
	snprintf(server->port, sizeof(server->port), "%d", port);
	grpc_server_start(server->server);
	pthread_create(&server->thread, NULL, server_thread, server);
	return server;
}

/* Two queue entries end the thread: its request_call, and the shutdown. */
static void
server_end(struct server *server)
{
	grpc_completion_queue *queue =
	    grpc_completion_queue_create_for_pluck(NULL);

	grpc_server_shutdown_and_notify(server->server, queue, NULL);
	grpc_server_cancel_all_calls(server->server);
	pthread_join(server->thread, NULL);
	grpc_completion_queue_pluck(queue, NULL,
	    gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
	grpc_completion_queue_shutdown(queue);
	grpc_completion_queue_destroy(queue);
	grpc_server_destroy(server->server);
	grpc_completion_queue_shutdown(server->queue);
	while (grpc_completion_queue_next(server->queue,
		   gpr_inf_future(GPR_CLOCK_REALTIME), NULL)
		   .type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(server->queue);
	free(server);
}

/* --- a peer that is no gRPC server --------------------------------------- */

struct brute {
	int listener;
	pthread_t thread;
	const char *words;
	int with_reset;
	char port[6];
};

/* Reads once, says its words, and hangs up. */
static void *
brute_thread(void *cookie)
{
	struct brute *brute = cookie;
	struct linger linger = { .l_onoff = brute->with_reset };
	char bytes[1024];
	int fd = accept(brute->listener, NULL, NULL);

	recv(fd, bytes, sizeof(bytes), 0);
	send(fd, brute->words, strlen(brute->words), MSG_NOSIGNAL);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	return NULL;
}

static void
brute_start(struct brute *brute)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t address_bytes = sizeof(address);

	brute->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(brute->listener, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	assert_int_equal(listen(brute->listener, 1), 0);
	getsockname(brute->listener, (struct sockaddr *)&address,
	    &address_bytes);
	snprintf(brute->port, sizeof(brute->port), "%u",
	    ntohs(address.sin_port));
	pthread_create(&brute->thread, NULL, brute_thread, brute);
}

static void
brute_end(struct brute *brute)
{
	pthread_join(brute->thread, NULL);
	close(brute->listener);
}

/* --- the client ---------------------------------------------------------- */

static struct rpc *
rpc_to(const char *port)
{
	struct link_failure failure;
	struct link *link = link_tcp_connect("127.0.0.1", port,
	    clock_ms() + PATIENCE_MS, -1, &failure);

	if (link == NULL)
		fail_msg("%s", failure.why);
	return rpc_new(link, "teleport.cluster.local");
}

static void
begin_size(struct rpc *rpc, size_t len_bytes)
{
	char digits[32];
	int n = snprintf(digits, sizeof(digits), "%zu", len_bytes);

	rpc_begin(rpc, "/size", digits, (size_t)n, PATIENCE_MS);
}

static void
assert_bytes(const struct rpc_reply *reply, size_t len_bytes)
{
	if (reply->status != RPC_OK)
		fail_msg("%s: %s", rpc_status_name(reply->status),
		    reply->message);
	assert_non_null(reply->bytes);
	assert_int_equal(reply->len_bytes, len_bytes);
	for (size_t i = 0; i < len_bytes; i++)
		if (reply->bytes[i] != byte_at(i))
			fail_msg("byte %zu of %zu differs", i, len_bytes);
}

static void
assert_works(struct rpc *rpc, size_t len_bytes)
{
	struct rpc_reply reply;

	begin_size(rpc, len_bytes);
	rpc_collect(rpc, -1, &reply);
	assert_bytes(&reply, len_bytes);
	rpc_reply_free(&reply);
}

/* --- the claims ---------------------------------------------------------- */

static void
carries_replies_of_any_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 10, 1000, 70000, 6 << 20,
		64 << 20, 5 };
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_works(rpc, sizes[i]);
	for (size_t i = 0; i < 500; i++)
		assert_works(rpc, i * i);
	rpc_free(rpc);
	server_end(server);
}

static void
repeats_the_servers_status(void **state)
{
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);
	struct rpc_reply reply;

	(void)state;
	rpc_begin(rpc, "/status", "x", 1, PATIENCE_MS);
	rpc_collect(rpc, -1, &reply);
	assert_int_equal(reply.status, RPC_NOT_FOUND);
	assert_string_equal(reply.message, "no such thing");
	assert_false(reply.is_connection_lost);
	assert_null(reply.bytes);
	rpc_reply_free(&reply);
	assert_works(rpc, 100);
	rpc_free(rpc);
	server_end(server);
}

/* More than grpc core's own 8 KiB for all metadata. */
static void
hears_a_wordy_server_out(void **state)
{
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);
	struct rpc_reply reply;

	(void)state;
	rpc_begin(rpc, "/wordy", "x", 1, PATIENCE_MS);
	rpc_collect(rpc, -1, &reply);
	assert_int_equal(reply.status, RPC_NOT_FOUND);
	assert_int_equal(strspn(reply.message, "w"), sizeof(reply.message) - 1);
	rpc_reply_free(&reply);
	rpc_free(rpc);
	server_end(server);
}

static void
does_not_wait_beyond_the_deadline(void **state)
{
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);
	struct rpc_reply reply;
	int64_t start_ms = clock_ms();

	(void)state;
	rpc_begin(rpc, "/hang", "x", 1, 200);
	rpc_collect(rpc, -1, &reply);
	assert_int_equal(reply.status, RPC_DEADLINE_EXCEEDED);
	assert_false(reply.is_connection_lost);
	assert_in_range(clock_ms() - start_ms, 190, PATIENCE_MS / 2);
	assert_works(rpc, 100);
	rpc_free(rpc);
	server_end(server);
}

static void
can_be_cancelled(void **state)
{
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);
	struct rpc_reply reply;
	int cancel_fd = eventfd(1, EFD_CLOEXEC);
	int64_t start_ms = clock_ms();

	(void)state;
	for (int i = 0; i < 20; i++) {
		rpc_begin(rpc, "/hang", "x", 1, PATIENCE_MS);
		rpc_collect(rpc, cancel_fd, &reply);
		assert_int_equal(reply.status, RPC_CANCELLED);
		assert_null(reply.bytes);
		assert_works(rpc, 1000);
	}
	assert_true(clock_ms() - start_ms < PATIENCE_MS);
	rpc_free(rpc);
	close(cancel_fd);
	server_end(server);
}

static void
makes_its_descriptor_readable(void **state)
{
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);
	struct pollfd set = { .fd = rpc_ready_fd(rpc), .events = POLLIN };
	struct rpc_reply reply;

	(void)state;
	assert_int_equal(poll(&set, 1, 0), 0);
	begin_size(rpc, 10);
	assert_int_equal(poll(&set, 1, PATIENCE_MS), 1);
	rpc_collect(rpc, -1, &reply);
	assert_int_equal(poll(&set, 1, 0), 0);
	assert_bytes(&reply, 10);
	rpc_free(rpc);
	assert_bytes(&reply, 10); /* it outlives the connection */
	rpc_reply_free(&reply);
	server_end(server);
}

static void
can_be_freed_at_any_time(void **state)
{
	struct server *server = server_start(0);

	(void)state;
	rpc_free(NULL);
	rpc_free(rpc_to(server->port));
	for (int i = 0; i < 20; i++) {
		struct rpc *rpc = rpc_to(server->port);
		struct pollfd set = { .fd = rpc_ready_fd(rpc),
			.events = POLLIN };
		begin_size(rpc, 100000);
		poll(&set, 1, i % 4 == 3 ? PATIENCE_MS : i);
		rpc_free(rpc);
	}
	server_end(server);
}

static void
assert_lost(struct brute *brute, const char *words)
{
	struct rpc_reply reply;

	brute_start(brute);
	struct rpc *rpc = rpc_to(brute->port);
	for (int i = 0; i < 2; i++) { /* and it stays lost */
		begin_size(rpc, 10);
		rpc_collect(rpc, -1, &reply);
		assert_true(reply.status != RPC_OK);
		if (strstr(reply.message, words) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", reply.message,
			    words);
		/* grpc-core may fail the call before it closes its end. */
		assert_true(reply.is_connection_lost || i == 0);
		assert_false(reply.is_refusal);
		rpc_reply_free(&reply);
	}
	rpc_free(rpc);
	brute_end(brute);
}

static void
says_why_the_connection_was_lost(void **state)
{
	struct brute closing = { .words = "" };
	struct brute resetting = { .words = "", .with_reset = 1 };
	struct brute talking = { .words = "HTTP/1.1 400 Bad Request\r\n\r\n" };

	(void)state;
	assert_lost(&closing, "connection lost: the server closed");
	assert_lost(&resetting, "connection lost: receive: Connection reset");
	assert_lost(&talking, "");
}

static void
notices_the_servers_end_within_a_call(void **state)
{
	struct server *server = server_start(0);
	struct rpc *rpc = rpc_to(server->port);
	struct rpc_reply reply;

	(void)state;
	assert_works(rpc, 10);
	rpc_begin(rpc, "/hang", "x", 1, PATIENCE_MS);
	struct pollfd set = { .fd = rpc_ready_fd(rpc), .events = POLLIN };
	assert_int_equal(poll(&set, 1, 20), 0);
	server_end(server);
	rpc_collect(rpc, -1, &reply);
	assert_true(reply.status != RPC_OK);
	begin_size(rpc, 10);
	rpc_collect(rpc, -1, &reply);
	assert_int_equal(reply.status, RPC_UNAVAILABLE);
	assert_true(reply.is_connection_lost);
	rpc_free(rpc);
}

static int64_t
cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* The server ends a connection whose client does not answer its pings. */
static void
answers_pings_while_idle_and_costs_next_to_nothing(void **state)
{
	struct server *server = server_start(PING_MS);
	struct rpc *rpc = rpc_to(server->port);

	(void)state;
	assert_works(rpc, 10);
	int64_t before_ms = cpu_ms();
	poll(NULL, 0, IDLE_MS);
	assert_true(cpu_ms() - before_ms < IDLE_MS / 4);
	assert_works(rpc, 10);
	rpc_free(rpc);
	server_end(server);
}

static int
start(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	rpc_library_start();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rpc_library_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_replies_of_any_size),
		cmocka_unit_test(repeats_the_servers_status),
		cmocka_unit_test(hears_a_wordy_server_out),
		cmocka_unit_test(does_not_wait_beyond_the_deadline),
		cmocka_unit_test(can_be_cancelled),
		cmocka_unit_test(makes_its_descriptor_readable),
		cmocka_unit_test(can_be_freed_at_any_time),
		cmocka_unit_test(says_why_the_connection_was_lost),
		cmocka_unit_test(notices_the_servers_end_within_a_call),
		cmocka_unit_test(
		    answers_pings_while_idle_and_costs_next_to_nothing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
