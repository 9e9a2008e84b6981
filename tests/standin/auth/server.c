/* grpc core's server: one completion queue, one thread, unary calls.
 *
 * A call's life: accepted, its message read, answered by the service, perhaps
 * kept waiting (a fault), sent.  Beside that a tag watches for the caller's
 * going away; the call is freed when both are over. */
#include "server.h"

#include "../say.h"
#include "clock.h"
#include "memory.h"
#include "whole_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum step { STEP_ACCEPTED, STEP_READ, STEP_SENT, STEP_CLOSED };

struct call;

struct tag {
	enum step step;
	struct call *call;
};

struct call {
	struct call *next_waiting;
	grpc_call *grpc;
	grpc_call_details details;
	grpc_metadata_array metadata;
	grpc_byte_buffer *request;
	struct reply reply;
	int64_t due_ns;
	int references; /* tags under way, and one for the waiting list */
	int is_over;    /* the caller is gone, or has all it will get */
	int is_cancelled;
	struct tag accepted, read, sent, closed;
};

struct server {
	const struct options *options;
	struct service *service;
	grpc_server *grpc;
	grpc_completion_queue *queue;
	struct relay *relay;  /* NULL: clients come straight to grpc */
	struct call *waiting; /* for their time, soonest first */
	int port;
	uint8_t seen_ports[65536 / 8];
	atomic_long connections;
};

static grpc_server_credentials *
make_credentials(const struct options *options)
{
	char *certificate = whole_file_read(options->certificate);
	char *key = whole_file_read(options->key);
	char *client_ca = whole_file_read(options->client_ca);
	grpc_ssl_pem_key_cert_pair pair = { key, certificate };
	grpc_ssl_server_certificate_config *config =
	    grpc_ssl_server_certificate_config_create(client_ca, &pair, 1);
	grpc_ssl_server_credentials_options *wish =
	    grpc_ssl_server_credentials_create_options_using_config(
		GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
		config);
	grpc_server_credentials *credentials =
	    grpc_ssl_server_credentials_create_with_options(wish);

	free(certificate);
	free(key);
	free(client_ca);
	return credentials;
}

static grpc_arg
integer_argument(const char *name, int value)
{
	/* grpc wants names it may change, and changes none. */
	return (grpc_arg){ GRPC_ARG_INTEGER, (char *)(uintptr_t)name,
		{ .integer = value } };
}

static grpc_server *
make_server(const struct options *options)
{
	grpc_arg list[] = {
		integer_argument(GRPC_ARG_ALLOW_REUSEPORT, 0),
		integer_argument(GRPC_ARG_KEEPALIVE_TIME_MS,
		    options->keepalive_ms),
		integer_argument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
		    options->keepalive_timeout_ms),
		integer_argument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
		    options->max_age_ms),
		integer_argument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		integer_argument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
		integer_argument(
		    GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
		    options->min_ping_ms),
	};
	grpc_channel_args arguments = { sizeof list / sizeof *list, list };

	return grpc_server_create(&arguments, NULL);
}

/* With the relay, grpc takes any free port and the relay the one asked for. */
static void
listen_both(struct server *server)
{
	const struct options *options = server->options;
	grpc_server_credentials *credentials = make_credentials(options);
	char text[INET_ADDRSTRLEN + 8], host[INET_ADDRSTRLEN];
	int has_relay = service_needs_relay(server->service);

	inet_ntop(AF_INET, &options->listen.sin_addr, host, sizeof host);
	snprintf(text, sizeof text, "%s:%d", has_relay ? "127.0.0.1" : host,
	    has_relay ? 0 : ntohs(options->listen.sin_port));
	server->port = credentials ? grpc_server_add_http2_port(server->grpc,
					 text, credentials)
				   : 0;
	grpc_server_credentials_release(credentials);
	if (!server->port)
		die(EXIT_OS, "%s: cannot listen with this certificate", text);
	if (!has_relay)
		return;
	server->relay =
	    relay_start(&options->listen, server->port, &options->relay);
	if (!server->relay)
		die(EXIT_OS, "relay: listen: %s", strerror(errno));
	server->port = relay_port(server->relay);
}

struct server *
server_start(const struct options *options, struct service *service)
{
	struct server *server = x_zalloc(sizeof *server);

	server->options = options;
	server->service = service;
	server->queue = grpc_completion_queue_create_for_next(NULL);
	server->grpc = make_server(options);
	grpc_server_register_completion_queue(server->grpc, server->queue,
	    NULL);
	listen_both(server);
	grpc_server_start(server->grpc);
	return server;
}

int
server_port(const struct server *server)
{
	return server->port;
}

long
server_connections(const struct server *server)
{
	return server->relay ? relay_connections(server->relay)
			     : server->connections;
}

static void
call_release(struct call *call)
{
	if (--call->references)
		return;
	grpc_call_details_destroy(&call->details);
	grpc_metadata_array_destroy(&call->metadata);
	if (call->request)
		grpc_byte_buffer_destroy(call->request);
	free(call->reply.data);
	if (call->grpc)
		grpc_call_unref(call->grpc);
	free(call);
}

static void
accept_next(struct server *server)
{
	struct call *call = x_zalloc(sizeof *call);

	call->accepted = (struct tag){ STEP_ACCEPTED, call };
	call->read = (struct tag){ STEP_READ, call };
	call->sent = (struct tag){ STEP_SENT, call };
	call->closed = (struct tag){ STEP_CLOSED, call };
	call->references = 1;
	grpc_call_details_init(&call->details);
	grpc_metadata_array_init(&call->metadata);
	if (grpc_server_request_call(server->grpc, &call->grpc, &call->details,
		&call->metadata, server->queue, server->queue,
		&call->accepted) != GRPC_CALL_OK)
		call_release(call); /* shutting down */
}

static void
start_batch(struct call *call, const grpc_op *ops, size_t count,
    struct tag *tag)
{
	if (grpc_call_start_batch(call->grpc, ops, count, tag, NULL) ==
	    GRPC_CALL_OK)
		call->references++;
}

static void
on_accepted(struct server *server, struct call *call)
{
	grpc_op closed = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };
	grpc_op read = { .op = GRPC_OP_RECV_MESSAGE };

	accept_next(server);
	closed.data.recv_close_on_server.cancelled = &call->is_cancelled;
	read.data.recv_message.recv_message = &call->request;
	start_batch(call, &closed, 1, &call->closed);
	start_batch(call, &read, 1, &call->read);
}

/* The peer looks like ipv4:127.0.0.1:40000. */
static int
peer_port(const struct call *call)
{
	char *peer = grpc_call_get_peer(call->grpc);
	const char *colon = strrchr(peer, ':');
	int port = colon ? (int)strtol(colon + 1, NULL, 10) : 0;

	gpr_free(peer);
	return port & 0xffff;
}

static void
count_connection(struct server *server, int port)
{
	uint8_t bit = (uint8_t)(1 << (port % 8));

	if (server->seen_ports[port / 8] & bit)
		return;
	server->seen_ports[port / 8] |= bit;
	server->connections++;
}

static char *
copy_slice(grpc_slice slice)
{
	size_t size = GRPC_SLICE_LENGTH(slice);
	char *text = x_zalloc(size + 1);

	memcpy(text, GRPC_SLICE_START_PTR(slice), size);
	return text;
}

static char *
find_version(const struct call *call)
{
	for (size_t i = 0; i < call->metadata.count; i++) {
		const grpc_metadata *item = &call->metadata.metadata[i];

		if (!grpc_slice_str_cmp(item->key, "version"))
			return copy_slice(item->value);
	}
	return NULL;
}

/* Beside the client's own certificate, which this property leaves out. */
static int
has_intermediates(const struct call *call)
{
	grpc_auth_context *context = grpc_call_auth_context(call->grpc);
	grpc_auth_property_iterator at =
	    grpc_auth_context_find_properties_by_name(context,
		GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
	const grpc_auth_property *chain = grpc_auth_property_iterator_next(&at);
	int is_chain = chain && chain->value_length > 0;

	grpc_auth_context_release(context);
	return is_chain;
}

static void
ask_service(struct server *server, struct call *call)
{
	grpc_byte_buffer_reader reader;
	grpc_slice message = grpc_empty_slice();
	char *method = copy_slice(call->details.method);
	char *version = find_version(call);
	struct query query = { .method = method,
		.version = version,
		.has_intermediates = has_intermediates(call),
		.peer_port = peer_port(call) };

	if (grpc_byte_buffer_reader_init(&reader, call->request)) {
		message = grpc_byte_buffer_reader_readall(&reader);
		grpc_byte_buffer_reader_destroy(&reader);
	}
	query.data = GRPC_SLICE_START_PTR(message);
	query.size = GRPC_SLICE_LENGTH(message);
	count_connection(server, query.peer_port);
	service_answer(server->service, &query, &call->reply);
	grpc_slice_unref(message);
	free(method);
	free(version);
}

static void
send_reply(struct call *call)
{
	struct reply *reply = &call->reply;
	grpc_slice message = grpc_slice_from_copied_string(reply->message);
	grpc_byte_buffer *payload = NULL;
	grpc_op ops[3] = { { .op = GRPC_OP_SEND_INITIAL_METADATA } };
	size_t count = 1;

	if (reply->status == GRPC_STATUS_OK) {
		/* The slice takes the reply's memory over. */
		grpc_slice slice =
		    reply->data ? grpc_slice_new(reply->data, reply->size, free)
				: grpc_empty_slice();

		payload = grpc_raw_byte_buffer_create(&slice, 1);
		grpc_slice_unref(slice);
		reply->data = NULL;
		ops[count].op = GRPC_OP_SEND_MESSAGE;
		ops[count++].data.send_message.send_message = payload;
	}
	ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	ops[count].data.send_status_from_server.status = reply->status;
	ops[count++].data.send_status_from_server.status_details = &message;
	start_batch(call, ops, count, &call->sent);
	if (payload)
		grpc_byte_buffer_destroy(payload);
	grpc_slice_unref(message);
}

static void
wait_until(struct server *server, struct call *call, int64_t due_ns)
{
	struct call **link = &server->waiting;

	while (*link && (*link)->due_ns <= due_ns)
		link = &(*link)->next_waiting;
	call->due_ns = due_ns;
	call->next_waiting = *link;
	*link = call;
	call->references++;
}

static void
trouble_connection(struct server *server, const struct call *call)
{
	const struct fault_action *fault = &call->reply.fault;

	if (!server->relay)
		return;
	if (fault->stall_ms)
		relay_stall(server->relay, peer_port(call), fault->stall_ms);
	if (fault->cut)
		relay_cut(server->relay, peer_port(call), fault->cut,
		    fault->cut_after);
}

static void
on_read(struct server *server, struct call *call)
{
	const struct fault_action *fault = &call->reply.fault;
	int is_cut;

	if (!call->request || call->is_over)
		return;
	ask_service(server, call);
	trouble_connection(server, call);
	/* A call on a connection that is cut at once has no use for a reply. */
	is_cut = fault->cut && !fault->cut_after && server->relay;
	if (fault->is_hang || is_cut)
		return;
	if (fault->latency_ms)
		wait_until(server, call,
		    clock_monotonic_ns() + fault->latency_ms * NS_PER_MS);
	else
		send_reply(call);
}

static void
handle(struct server *server, const grpc_event *event)
{
	const struct tag *tag = event->tag;
	struct call *call;

	if (!tag) { /* server_stop() is through */
		grpc_completion_queue_shutdown(server->queue);
		return;
	}
	call = tag->call;
	switch (tag->step) {
	case STEP_ACCEPTED:
		if (event->success)
			on_accepted(server, call);
		break;
	case STEP_READ:
		if (event->success)
			on_read(server, call);
		break;
	case STEP_SENT:
		break;
	case STEP_CLOSED:
		call->is_over = 1;
		break;
	}
	call_release(call);
}

/* Sends what is due; how long the next one still has. */
static gpr_timespec
serve_waiting(struct server *server)
{
	int64_t now_ns = clock_monotonic_ns();

	while (server->waiting && server->waiting->due_ns <= now_ns) {
		struct call *call = server->waiting;

		server->waiting = call->next_waiting;
		if (!call->is_over)
			send_reply(call);
		call_release(call);
	}
	if (!server->waiting)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
	    gpr_time_from_nanos(server->waiting->due_ns - now_ns,
		GPR_TIMESPAN));
}

void
server_run(struct server *server)
{
	grpc_event event;

	accept_next(server);
	do {
		event = grpc_completion_queue_next(server->queue,
		    serve_waiting(server), NULL);
		if (event.type == GRPC_OP_COMPLETE)
			handle(server, &event);
	} while (event.type != GRPC_QUEUE_SHUTDOWN);
}

void
server_stop(struct server *server)
{
	grpc_server_shutdown_and_notify(server->grpc, server->queue, NULL);
	grpc_server_cancel_all_calls(server->grpc);
}

void
server_free(struct server *server)
{
	if (!server)
		return;
	while (server->waiting) {
		struct call *call = server->waiting;

		server->waiting = call->next_waiting;
		call_release(call);
	}
	relay_stop(server->relay);
	grpc_server_destroy(server->grpc);
	grpc_completion_queue_destroy(server->queue);
	free(server);
}
